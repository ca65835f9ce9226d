"""A program's parameters as the JSON state that `dspy.Module.load` reads."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ..pipeline.adapters.plain import PlainAdapter
from ..pipeline.adapters.prompt import told
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.lm.form import form_of
from ..pipeline.parameters import Demo
from ..pipeline.signature.signature import spec_of
from .comparison import attempts_apart, fields_apart
from .counterparts import (
    COMPARISON,
    COUNTERPARTS,
    Predictor,
    inner_name,
    predictors_of,
)

_log: Final = logging.getLogger("weft")
_PLAIN: Final = PlainAdapter()
# dspy warns of other versions than those listed here; none are promised.
_METADATA: Mapping[str, Any] = {"metadata": {"dependency_versions": {}}}


def dspy_state(
    program: Program[..., Any] | Module[..., Any], rename: Mapping[str, str]
) -> dict[str, Any]:
    """What `dspy.Module.save` writes of a program, or of a single module.

    The parts of a module go by the names that DSPy's module of that kind gives them.
    What DSPy's has no predictor for stands in the state under its own name, and is
    named in a warning.

    Args:
        program: A program, or a single module.
        rename: Paths of modules, by the names of their predictors there.

    Raises:
        ConfigError: A module is made of others, and DSPy has none of its kind, or one
            that asks in another form; or `rename` names no module, or one twice.
    """
    made = as_program(program)
    single = program.name if isinstance(program, Module) else ""
    ones = {one.path: one for one in predictors_of(made)}
    named = {path: name for name, path in rename.items()}
    for name, path in rename.items():
        if path not in ones or named[path] != name:
            raise ConfigError(
                f"rename gives {name!r} to {path!r}, which "
                + ("has another name in it" if path in ones else "is no module"),
                hint=did_you_mean(path, ones),
            )
    state: dict[str, Any] = {}
    for path, one in ones.items():
        name = named.get(path) or inner_name(one.name, single)
        _check_place(one, name, path.removeprefix(f"{single}/"))
        if name in state:
            raise ConfigError(
                f"two modules would be the predictor {name!r}, one of them {path!r}",
                hint="Give each a name of its own in rename=",
            )
        state[name] = _predictor(one)
    # A single predictor's state has no name, and stands by itself.
    return {**state.pop("", {}), **state, **_METADATA}


def _check_place(one: Predictor, name: str, path: str) -> None:
    """Refuse what DSPy would read wrongly, and say what it will not read at all."""
    for at, owner in one.owners.items():
        known = COUNTERPARTS.get(owner.kind)
        if known is None or known.differs:
            why = "DSPy has no module of its kind to load it"
            if known is not None:
                why = f"{known.differs}; what is tuned for one misleads the other"
            raise ConfigError(
                f"{at!r} is a {owner.kind} and cannot be a state of DSPy's: {why}",
                hint='Export it with to="openai-messages", or one part as a predictor '
                f'of its own: weft.export(program.modules[{path!r}], to="dspy")',
            )
        if not known.has(one.part_of(at)):
            _log.warning(
                "DSPy's %s has no predictor for %r: it stands in the state as %r, and "
                "is read only where your program there has that attribute",
                known.name,
                one.path,
                name,
            )
            return


def _predictor(one: Predictor) -> dict[str, Any]:
    module = one.module
    if template := form_of(module.parameters.adapter).template:
        _log.warning(
            "%r asks by the template %r, which a state of DSPy's has no place for: "
            "there its instruction and its fields are shown in a form of DSPy's",
            one.path,
            template,
        )
    fields = {f.name: f.said for f in spec_of(module.told).fields}
    demos = [_demo(demo) for demo in module.parameters.demos]
    known = one.counterpart
    if known is not None and known.name == COMPARISON and one.owner is not None:
        number = cast("int", one.owner.settings()["n"])
        fields = fields_apart(fields, number)
        demos = _demos_apart(one.path, demos, number)
    return {
        "traces": [],
        "train": [],
        "demos": demos,
        "signature": {
            # A state has no place of its own for what stands below an instruction.
            "instructions": told(_PLAIN.write, module.spec, module.parameters, ""),
            "fields": [_field(name, said) for name, said in fields.items()],
        },
        "lm": None,
    }


def _field(name: str, description: str) -> dict[str, str]:
    return {
        "prefix": f"{name.replace('_', ' ').capitalize()}:",
        "description": description or f"${{{name}}}",
    }


def _demo(demo: Demo) -> dict[str, Any]:
    made = {} if demo.by == "labelled" else {"augmented": True}
    return {**demo.values, **made}


def _demos_apart(
    path: str, demos: Iterable[Mapping[str, Any]], number: int
) -> list[dict[str, Any]]:
    """Demos with a field for each attempt; those of another number are left out."""
    apart = [attempts_apart(demo, number) for demo in demos]
    fit = [demo for demo in apart if demo is not None]
    if len(fit) < len(apart):
        _log.warning(
            "demos of %r that have other than %d attempts are left out, since DSPy's "
            "module has a field for each: %d of %d",
            path,
            number,
            len(apart) - len(fit),
            len(apart),
        )
    return fit
