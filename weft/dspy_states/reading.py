"""A JSON state that `dspy.Module` saved, fitted to a live program.

Such a state holds no names of types and no program: instruction, demos and the fields'
order and descriptions by predictor. So it is fitted to a live program, whose signatures
say what the values are. Nothing is imported, and no model, endpoint or key is taken
from it.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from ..pipeline.adapters.template import unshown_by
from ..pipeline.errors import ArtifactError, ConfigError, cause
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_given, as_program
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import read_bounded
from ..pipeline.ground.options import path_of
from ..pipeline.ground.shapes import is_dict, is_list
from ..pipeline.ground.words import brief, counted
from ..pipeline.parameters import Demo, check_demos
from ..pipeline.reading.cells import cell_data, is_nothing
from ..pipeline.signature.signature import spec_of
from ..pipeline.signature.spec import Spec
from .comparison import attempt_name, attempts_together, fields_together
from .counterparts import COMPARISON, Predictor, matched

T = TypeVar("T", bound="Program[..., Any] | Module[..., Any]")
_log: Final = logging.getLogger("weft")
_AS_JSON: Final = 'Save it with dspy.Module.save("state.json")'
_MARKS = frozenset({"augmented", "dspy_uuid", "dspy_split"})
_STATE = frozenset({"signature", "demos"})
_IMAGE: Final = re.compile(
    r"<<CUSTOM-TYPE-START-IDENTIFIER>>(.*)<<CUSTOM-TYPE-END-IDENTIFIER>>", re.DOTALL
)
_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}")
"""What DSPy writes for a description where there is none."""


def import_dspy(
    path: str | Path, program: T, *, rename: Mapping[str, str] | None = None
) -> T:
    """A program or module with what a state saved by DSPy holds of it.

    That is instructions, demos, and descriptions of fields that are other than the
    signature's own. Demos keep all columns of their rows there; those that are no
    fields are left out, and named in a warning; so are those that hold no input or no
    output of their predictor, which DSPy never shows, and those with images, files or
    turns that cannot be read. A label that is text is read by its field's type.

    Predictors of DSPy's own modules find weft's: `react` and `extract.predict` are the
    parts `act` and `extract` of a `ReAct`. Of such a part an instruction that speaks of
    DSPy's fields, and demos that do not fit, are left out with a warning. Elsewhere an
    instruction that speaks of a field which is not there is taken, with a warning.

    Args:
        path: A JSON state, as `dspy.Module.save("x.json")` writes it.
        program: The live program; its modules are named as DSPy's attributes, with "/"
            for ".", or a single module for a single predictor, or for one of DSPy's
            own modules.
        rename: Paths of the program's modules, by predictor names in the state; of a
            single module with or without its name.

    Raises:
        ArtifactError: The file is no such state, names another predictor, or a demo
            does not fit its module's signature; the message says which.
    """
    made, where = as_program(program), str(path)
    states = _states(_read(path_of(path, "path")), where)
    changes: dict[str, Any] = {}
    for name, one in matched(states, made, rename or {}, where).items():
        changes |= _changes(one, states[name], where)
    try:
        fit = made.with_parameters(changes)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return cast("T", as_given(fit, program))


def _changes(one: Predictor, state: Mapping[str, Any], where: str) -> dict[str, Any]:
    path, module = one.path, one.module
    signature = state["signature"]
    text = signature.get("instructions") if is_dict(signature) else None
    demos = state["demos"]
    if not isinstance(text, str) or not is_list(demos):
        raise ArtifactError(f"{where}: {path!r} has no instructions or no demos")
    for number, demo in enumerate(demos):
        if not is_dict(demo):
            raise ArtifactError(f"{where}: demo {number} of {path!r} is no mapping")
    given = signature.get("fields")
    fields = [f for f in given if is_dict(f)] if is_list(given) else []
    strange = _strange_words(text, one, fields)
    number = len(fields) - len(module.spec.fields) + 1
    if one.counterpart and one.counterpart.name == COMPARISON and number > 0:
        fields = fields_together(fields, len(module.spec.inputs) - 1, number)
        demos = [attempts_together(demo, number) for demo in demos]
    _check_count(one, fields, where)
    changes: dict[str, Any] = {
        f"{path}/demos": _demos(one, demos, fields, where),
        **_described(one, fields),
    }
    if _may_be_told(one, strange, where):
        changes[f"{path}/instruction"] = text
    _tell_unshown(one, changes, where)
    return changes


def _tell_unshown(one: Predictor, changes: Mapping[str, Any], where: str) -> None:
    """Say what is taken over and stands in no prompt of the module."""
    module, path = one.module, one.path
    for slot in unshown_by(module.parameters.adapter, module.spec):
        now = getattr(module.parameters, slot)
        if changes.get(f"{path}/{slot}", now) != now:
            _log.warning(
                "%s: the %s of %r, which its template does not show: %s",
                where,
                slot,
                path,
                "say in it what they say"
                if slot == "descriptions"
                else "begin it with [instruction]",
            )


def _check_count(one: Predictor, fields: Sequence[Any], where: str) -> None:
    """Refuse a signature of another length, where DSPy's form is not another one."""
    wanted, known = one.module.spec.fields, one.counterpart
    if not fields or len(fields) == len(wanted) or (known and known.differs):
        return
    raise ArtifactError(
        f"{where}: the predictor of {one.path!r} has {counted(len(fields), 'field')}, "
        f"and the module has {len(wanted)}: {', '.join(f.name for f in wanted)}",
        hint="Write the signature as it was, ChainOfThought where it was one",
    )


def _may_be_told(one: Predictor, strange: list[str], where: str) -> bool:
    """Whether an instruction is taken; a warning where it speaks of other fields.

    In a part of a module that DSPy has in another form it would send the model after
    fields, tools or functions that are not there. Elsewhere it is somebody's own text,
    in which a field has another name.
    """
    if not strange:
        return True
    words, known = ", ".join(map(repr, strange)), one.counterpart
    if known is None:
        _log.warning(
            "%s: the instruction of %r speaks of %s, and the fields are %s; read it "
            "and give your own with with_(instruction=...)",
            where,
            one.path,
            words,
            ", ".join(map(repr, one.module.spec.names)),
        )
        return True
    _log.warning(
        "%s: the instruction of %r is left out: it speaks of %s, which DSPy's %s has "
        "and weft's has not; give what is worth keeping with with_(instruction=...)",
        where,
        one.path,
        words,
        known.name,
    )
    return False


def _strange_words(text: str, one: Predictor, fields: Sequence[Any]) -> list[str]:
    """Names of fields in an instruction that only the state's signature has.

    A name of one word counts in quotes or backticks alone, since it may be just a word.
    """
    names = dict.fromkeys(_heading_name(field) for field in fields)
    if one.counterpart is not None:
        names |= dict.fromkeys(one.counterpart.marks)
        if one.counterpart.name == COMPARISON:
            names |= dict.fromkeys(map(attempt_name, range(len(fields))))
    here = {_letters(name) for name in one.module.spec.names}
    return [
        name
        for name in names
        if name and _letters(name) not in here and _speaks_of(text, name)
    ]


def _speaks_of(text: str, name: str) -> bool:
    if "_" in name or name.isupper():
        return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
    # Also as `finished=True`.
    quoted = rf"""([`'"]){re.escape(name)}(=|\1)"""
    return re.search(quoted, text) is not None


def _heading_name(field: Mapping[str, Any]) -> str:
    """The name of a field whose heading DSPy made of it.

    >>> _heading_name({"prefix": "Next Tool Name:"})
    'next_tool_name'
    """
    prefix = field.get("prefix")
    words = re.findall(r"\w+", prefix.casefold()) if isinstance(prefix, str) else ()
    return "_".join(words)


def _described(one: Predictor, fields: Sequence[Any]) -> dict[str, Any]:
    """Descriptions of fields that are other than the signature's own.

    A field is found by its heading, or by its place where DSPy's form is no other one.
    """
    module, known = one.module, one.counterpart
    told = spec_of(module.told).fields
    by_letters = {_letters(field.name): field for field in told}
    headings = {_letters(_heading_name(field)) for field in fields}
    placed = {} if known and known.differs else dict(enumerate(told))
    found = dict(module.parameters.descriptions)
    for number, data in enumerate(fields):
        field = by_letters.get(_letters(_heading_name(data)))
        if field is None:
            field = placed.get(number)
            if field is None or _letters(field.name) in headings:
                continue
        said = data.get("description")
        if not isinstance(said, str) or not said or _PLACEHOLDER.fullmatch(said):
            continue
        # What is said of choices are descriptions of their own.
        found[field.name] = said.removesuffix("".join(n.line for n in field.notes))
    own = {field.name: field.description for field in module.spec.fields}
    found = {name: said for name, said in found.items() if said != own.get(name)}
    same = found == module.parameters.descriptions
    return {} if same else {f"{one.path}/descriptions": found}


def _demos(
    one: Predictor, given: Sequence[Mapping[str, Any]], fields: object, where: str
) -> tuple[Demo, ...]:
    """The demos, checked; of a part of what DSPy has too those that fit."""
    path, spec = one.path, one.module.spec
    further = _further(given, one.module, fields)
    if further:
        _log.warning(
            "%s: columns of the demos of %r that are no fields of it are left out: %s",
            where,
            path,
            ", ".join(map(repr, further)),
        )
    made = [_demo(data, n, spec, further) for n, data in enumerate(given)]
    shown = [demo for demo in made if _is_shown(demo, spec)]
    if len(shown) < len(made):
        _log.warning(
            "%s: demos of %r that hold no input or no output of it, which DSPy keeps "
            "and never shows, are left out: %d of %d",
            where,
            path,
            len(made) - len(shown),
            len(made),
        )
        made = shown
    if one.counterpart is not None or spec.media or any(f.turns for f in spec.fields):
        return _fitting(one, made, where)
    try:
        check_demos(tuple(made), spec, path)
    except ConfigError as error:
        raise ArtifactError(f"{where}: {error.message}", hint=error.hint) from None
    return tuple(made)


def _fitting(one: Predictor, demos: Sequence[Demo], where: str) -> tuple[Demo, ...]:
    """Those of the demos that fit; the others are counted in a warning."""
    fit, why = list[Demo](), ""
    for demo in demos:
        try:
            check_demos((demo,), one.module.spec, one.path)
            fit.append(demo)
        except ConfigError as error:
            why = why or error.message
    if why:
        _log.warning(
            "%s: demos of %r that do not fit are left out, %d of %d: %s",
            where,
            one.path,
            len(demos) - len(fit),
            len(demos),
            why,
        )
    return tuple(fit)


def _further(
    demos: Sequence[Mapping[str, Any]], module: Module[..., Any], fields: object
) -> list[str]:
    """Columns of the rows that the demos come from, which DSPy keeps and never shows.

    A column that is a field there and none here is a field of another name, and stays
    to be refused; so does what a demo holds that has no field at all, where the state
    does not say which fields there are.
    """
    known = set(module.spec.names)
    there = {
        _letters(field["prefix"])
        for field in (fields if is_list(fields) else [])
        if is_dict(field) and isinstance(field.get("prefix"), str)
    }
    found: dict[str, None] = {}
    for demo in demos:
        if not there and known.isdisjoint(demo):
            continue
        for name in demo:
            if name not in known | _MARKS and _letters(name) not in there:
                found[name] = None
    return list(found)


def _is_shown(demo: Demo, spec: Spec) -> bool:
    """Whether DSPy would show a demo: it holds an input and an output, of any name.

    Its optimizers give the rows of the whole program to each predictor.
    """
    strange = not demo.values.keys() <= {*spec.names}
    sides = (spec.inputs, spec.outputs)
    return strange or all(not demo.values.keys().isdisjoint(side) for side in sides)


def _letters(text: str) -> str:
    """A name, or the heading that DSPy makes of it, in one form."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _demo(data: Mapping[str, Any], number: int, spec: Spec, further: list[str]) -> Demo:
    by = "bootstrap" if data.get("augmented") else "labelled"
    known = {field.name: field for field in spec.fields}
    values: dict[str, Any] = {}
    for name, value in data.items():
        field = known.get(name)
        if field is None:
            if name not in _MARKS and name not in further:
                values[name] = value
        elif not is_nothing(field, value):
            # What cannot be read stays as it is, to be refused by name.
            held = _image_in(value) if field.media else value
            values[name] = held
            with contextlib.suppress(ValueError):
                values[name] = cell_data(field, held)
    return Demo(values, f"dspy:{number}", by)


def _image_in(value: Any) -> Any:
    """The data URL, or the address, of an image as DSPy writes one; else the value."""
    found = _IMAGE.fullmatch(value) if isinstance(value, str) else None
    with contextlib.suppress(ValueError, LookupError, TypeError):
        return strictjson.loads(found[1])[0]["image_url"]["url"] if found else value
    return value


def _states(data: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    """Predictors by name; a state of one predictor has no name."""
    if set(data) >= _STATE:
        return {"": data}
    found: dict[str, Mapping[str, Any]] = {
        name: state
        for name, state in data.items()
        if is_dict(state) and set(state) >= _STATE
    }
    rest = sorted(set(data) - set(found) - {"metadata"})
    if not found or rest:
        what = f"{brief(rest[0])!r} is no predictor" if rest else "it holds none"
        raise ArtifactError(
            f"{where} is no state of a dspy program: {what}",
            hint=_AS_JSON,
        )
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return strictjson.loads_object(read_bounded(path, strictjson.MAX_CHARS))
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read: {cause(error)}",
            hint=_AS_JSON if path.is_dir() else "",
        ) from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path} is no state of a dspy program: {error}",
            hint=_AS_JSON,
        ) from None
