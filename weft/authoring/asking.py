"""How a writer is asked outside a compile, and what comes back: a draft.

Who writes is as in a compile: `lm=` where it is given, else `lms={"proposer": ...}`,
else the scope's model, else the program's own. The ledger books it on "propose".
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar, cast

from ..modules.asking.predict import Predict
from ..pipeline.artifact.save import save
from ..pipeline.errors import ArtifactError, ConfigError, did_you_mean
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_given, as_program
from ..pipeline.ground.options import path_of
from ..pipeline.lm.lm import LanguageModel, as_lm
from ..pipeline.run.settings import current, entered
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.spec import Spec

Target: TypeAlias = Program[..., Any] | Module[..., Any]
_PART = "[A-Za-z0-9_]"
T_co = TypeVar("T_co", bound=Target, covariant=True)
Writer: TypeAlias = str | LanguageModel | None
"""A model that writes; None for the scope's."""


@dataclass(frozen=True)
class Draft(Generic[T_co]):
    """Instructions that a model wrote, in a program that has them.

    Args:
        program: The program with them; a module where one was given.
        instructions: What is new, by module path.
        before: The digest of the program as it was.
        by: The call that it comes of, such as "draft".
        message: What was asked for, in the words of who asked.
        source: Where a technique was read; empty else.
    """

    program: T_co
    instructions: Mapping[str, str]
    before: str
    by: str
    message: str
    source: str = ""

    def __str__(self) -> str:
        told = self.instructions.items()
        return "\n\n".join(f"{path}/instruction\n{text}" for path, text in told)

    def save(self, path: str | Path, *, replaces: bool = False) -> Path:
        """Write it as an artifact that says where it comes from.

        Args:
            path: `NAME.weft.json`.
            replaces: Whether a file that is there becomes its earlier version, in the
                folder `history` beside it; else a file is never written over.

        Raises:
            ArtifactError: A file is there, or it cannot be written.
        """
        place = path_of(path, "path")
        if place.exists() and not replaces:
            raise ArtifactError(
                f"{place} is there already, and a draft writes over nothing",
                hint="Name another file, or keep that one as an earlier version with "
                "replaces=True",
            )
        came: dict[str, Any] = {"by": self.by, "message": self.message}
        came |= {"source": self.source} if self.source else {}
        came["parent"] = self.before
        return save(self.program, place, provenance=came, history=replaces or None)


@dataclass(frozen=True)
class Place:
    """A module that something is written for.

    Args:
        path: Its path.
        module: The module.
        program: The program that it is part of.
    """

    path: str
    module: Module[..., Any]
    program: Program[..., Any] = field(repr=False)


def asked_of(place: Place) -> dict[str, Any]:
    """What a writer of an instruction is told of the module that it is for."""
    spec = place.module.spec
    return {
        "program": "" if place.program.lone else repr(place.program.structure),
        "fields": field_lines(spec),
        "now": place.module.parameters.instruction,
        "must_name": _own_inputs(place),
    }


def _own_inputs(place: Place) -> list[str]:
    """The inputs of a module that are a person's to name.

    Of a part of another module, as an agent's step, those of that one: what it adds,
    such as the trajectory, is its own business.
    """
    outer = place.program.parts.modules.get(place.path.partition("/")[0])
    names = [*place.module.spec.inputs]
    if outer is None or not outer.has_body:
        return names
    return [name for name in names if name in outer.spec.inputs]


def places(target: Any, module: str = "") -> list[Place]:
    """The modules of a program, or one of them.

    Args:
        target: A program, a module, or what `Predict` takes: a signature.
        module: The path of one; empty for all.

    Raises:
        ConfigError: There is no such module.
        SignatureError: It is no program, no module and no signature.
    """
    program = as_program(as_target(target))
    known = program.modules
    if module and module not in known:
        raise ConfigError(
            f"{program.name!r} has no module {module!r}",
            hint=did_you_mean(module, known),
        )
    found = [module] if module else [*known]
    return [Place(path, known[path], program) for path in found]


def as_target(given: Any) -> Target:
    """A program or a module as it is; a signature as a module that asks once."""
    if isinstance(given, Program | Module):
        return cast("Target", given)
    made: Predict[..., Any] = Predict(given)
    return made


def drafted(
    given: Any, texts: Mapping[str, str], *, by: str, message: str
) -> Draft[Any]:
    """The draft of new instructions, by module path."""
    target = as_target(given)
    program = as_program(target)
    made = program.with_parameters({f"{p}/instruction": t for p, t in texts.items()})
    known = dict(texts), program_digest(program), by, message
    return Draft(as_given(made, target), *known)


@contextlib.contextmanager
def writing(place: Place, lm: Writer) -> Generator[None]:
    """Who writes for a module is who is asked in this scope."""
    runtime = current()
    by = as_lm(lm) if lm is not None else runtime.lms.get("proposer")
    by = by or runtime.lm or place.module.lm
    with entered(replace(runtime, account="propose", lm=by)):
        yield


async def ask(writer: Module[..., Any], place: Place, lm: Writer, **inputs: Any) -> Any:
    """Have a module of the house ask whoever writes for a module."""
    with writing(place, lm):
        return await writer.acall(**inputs)


def field_lines(spec: Spec) -> list[str]:
    """The fields of a module, as a writer is told them."""
    return [_line(field) for field in spec.fields]


def _line(one: FieldSpec) -> str:
    way = "given" if one.role == "input" else "wanted"
    said = "; ".join(filter(None, (one.wanted, one.said)))
    return f"{way}: {one.name} ({said})" if said else f"{way}: {one.name}"


def unnamed(names: Iterable[str], text: str) -> list[str]:
    """Those of some names that a text does not name, as words of their own.

    What another script puts behind a name, as Korean does its particles, is no part of
    it.

    >>> unnamed(["question", "k"], "Answer the `question` in km.")
    ['k']
    >>> unnamed(["message"], "message를 읽으세요.")
    []
    """
    return [name for name in names if not _as_a_word(name).search(text)]


def _as_a_word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!{_PART}){re.escape(name)}(?!{_PART})")


def require_text(value: object, what: str, example: str) -> str:
    """A text that is not blank.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{what}={value!r} says nothing", hint=f"Write {example}")
    return value.strip()


def prompt_text(place: Place) -> str:
    """All that a module's model reads, with `{name}` where an input will stand."""
    prompt = next(iter(as_program(place.module).prompts().values()))
    return "\n\n".join(message.text for message in prompt.messages)
