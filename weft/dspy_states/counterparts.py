"""What DSPy calls the predictors of a program, those of its own modules included.

A module that asks once is a predictor under the name of its attribute; a
`ChainOfThought` holds one called `predict`. Where weft has a module that DSPy has too,
such as `ReAct`, the parts go by the names that DSPy's own gives to its predictors. As
of DSPy 3.4.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..pipeline.errors import ArtifactError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program
from ..pipeline.graph.uses import part_at

COMPARISON: Final = "MultiChainComparison"


@dataclass(frozen=True)
class Counterpart:
    """DSPy's module for one kind of weft's.

    Args:
        name: Its class.
        predictors: The names of its predictors, by the parts that they stand for.
        wraps: Whether the part `module` is what it was given, under the same name.
        marks: Words that only its own form has: fields, and what ends an answer.
        differs: Why an instruction or a demo of the one is wrong in the other; empty
            where both ask alike.
    """

    name: str
    predictors: Mapping[str, str] = field(default_factory=dict[str, str])
    wraps: bool = False
    marks: tuple[str, ...] = ()
    differs: str = ""

    def has(self, part: str) -> bool:
        """Whether a part has a place in it."""
        return part in self.predictors or (self.wraps and part == "module")


COUNTERPARTS: Final[Mapping[str, Counterpart]] = {
    "BestOfN": Counterpart("BestOfN", wraps=True),
    "Refine": Counterpart("Refine", wraps=True),
    "Compare": Counterpart(COMPARISON, {"compare": "predict"}, marks=("rationale",)),
    "ReAct": Counterpart(
        "ReAct",
        {"act": "react", "extract": "extract.predict"},
        marks=("next_thought", "next_tool_name", "next_tool_args", "finish"),
        differs="DSPy's lists the tools in its instruction, names the fields of a step "
        "otherwise, and ends with a tool 'finish' in place of 'submit'",
    ),
    "ProgramOfThought": Counterpart(
        "ProgramOfThought",
        {
            "write": "code_generate.predict",
            "mend": "code_regenerate.predict",
            "answer": "generate_output.predict",
        },
        marks=(
            *("generated_code", "previous_code", "final_generated_code"),
            *("code_output", "SUBMIT"),
        ),
        differs="DSPy's runs its code by other rules, and shows the last program and "
        "its error in place of a trajectory",
    ),
    "CodeAct": Counterpart(
        "CodeAct",
        {"act": "codeact", "extract": "extractor.predict"},
        marks=("generated_code", "finished"),
        differs="DSPy's lists the functions in its instruction, runs its code by other "
        "rules, and ends with a field 'finished'",
    ),
    "Recursive": Counterpart(
        "RLM",
        {"act": "generate_action", "extract": "extract"},
        marks=("variables_info", "repl_history", "SUBMIT"),
        differs="DSPy's runs its code by other rules, and shows other fields",
    ),
}
"""By the kind of weft's module."""


@dataclass(frozen=True)
class Predictor:
    """A module that asks a model, and what DSPy calls it.

    Args:
        path: Its path in the program.
        module: The module.
        name: Its whole name in DSPy.
        owners: The modules that it is a part of, by path, the outermost first.
        part: What it is called in the innermost of them, or empty.
    """

    path: str
    module: Module[..., Any]
    name: str
    owners: Mapping[str, Module[..., Any]]
    part: str

    @property
    def counterpart(self) -> Counterpart | None:
        """DSPy's own module that has this predictor, if one does."""
        known = COUNTERPARTS.get(self.owner.kind) if self.owner else None
        return known if known is not None and self.part in known.predictors else None

    @property
    def owner(self) -> Module[..., Any] | None:
        """The innermost module that it is a part of, if it is one's."""
        return [*self.owners.values()][-1] if self.owners else None

    def part_of(self, owner: str) -> str:
        """The part of the module at a path that it is, or is inside of."""
        return self.path.removeprefix(f"{owner}/").partition("/")[0]


def predictors_of(program: Program[..., Any]) -> list[Predictor]:
    """Every module of a program that asks a model, in the program's order."""
    return [_predictor(program, path) for path in program.modules]


def inner_name(name: str, prefix: str) -> str:
    """A predictor's name in a state of the one thing that `prefix` names.

    >>> inner_name("agent.react", "agent"), inner_name("agent", "agent")
    ('react', '')
    """
    return name.removeprefix(prefix).removeprefix(".")


def _predictor(program: Program[..., Any], path: str) -> Predictor:
    names, module = path.split("/"), program.modules[path]
    owners: dict[str, Module[..., Any]] = {}
    dotted, part, whole = list[str](), "", False
    for number, name in enumerate(names):
        above = "/".join(names[:number])
        owner = part_at(program, above) if above else program
        part, whole = "", False
        if isinstance(owner, Module):
            owners[above], part = owner, name
            known = COUNTERPARTS.get(owner.kind)
            whole = known is not None and name in known.predictors
            dotted.append(known.predictors[name] if known and whole else name)
        else:
            dotted.append(name)
    if module.kind == "ChainOfThought" and not whole:
        dotted.append("predict")
    return Predictor(path, module, ".".join(dotted), owners, part)


def matched(
    names: Iterable[str],
    program: Program[..., Any],
    rename: Mapping[str, str],
    where: str,
) -> dict[str, Predictor]:
    """What each predictor of a state is for, by its name there.

    Where a program is one thing, a module or all inside one, the names may leave it
    out, as those of a state of that thing do; and so may the targets of `rename`.

    Args:
        names: The predictors.
        program: The live program.
        rename: Paths of modules, by predictors.
        where: The file, for messages.

    Raises:
        ArtifactError: There is no module for a predictor, or one for two of them.
    """
    names = [*names]
    known = {one.path: one for one in predictors_of(program)}
    firsts = {path.partition("/")[0] for path in known}
    single = firsts.pop() if len(firsts) == 1 else ""
    found: dict[str, Predictor] = {}
    for name in names:
        target = rename.get(name)
        if target is None:
            paths = [*_paths(name, known.values(), single)]
            paths += known if len(names) == len(known) == 1 else ()
        else:
            paths = [target, f"{single}/{target}"]
        path = next((path for path in paths if path in known), None)
        if path is None:
            asked = target or name.replace(".", "/")
            raise ArtifactError(
                f"{where}: the program has no module for the predictor {name!r}",
                hint=f'Give rename={{"{name}": "module"}}. '
                f"{did_you_mean(asked, known)}",
            )
        found[name] = known[path]
    _refuse_doubles(found, where)
    return found


def _paths(name: str, known: Iterable[Predictor], single: str) -> Iterator[str]:
    """Where the module of a predictor may be, the likeliest first."""
    for one in known:
        if name in (one.name, inner_name(one.name, single)):
            yield one.path
    path = name.replace(".", "/")
    # What is a ChainOfThought there may be a module of another kind here.
    for each in (path, path.removesuffix("/predict"), path.removesuffix("predict")):
        yield from (each, f"{single}/{each}")


def _refuse_doubles(found: Mapping[str, Predictor], where: str) -> None:
    """Refuse two predictors for one module: one of them would be lost."""
    first: dict[str, str] = {}
    for name, one in found.items():
        other = first.setdefault(one.path, name)
        if other != name:
            raise ArtifactError(
                f"{where}: the predictors {other!r} and {name!r} are both for the "
                f"module {one.path!r}",
                hint=f'Give rename={{"{name}": "module"}} with a module of its own',
            )
