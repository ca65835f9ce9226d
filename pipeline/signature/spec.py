"""What a signature holds: its name, its first instruction and its fields in order."""

from __future__ import annotations

import hashlib
import keyword
import re
import unicodedata
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from ..errors import CallError, SignatureError, StepError
from ..ground import strictjson
from ..ground.hints import hint
from ..ground.words import counted
from .field import FieldSpec
from .types import check_readable
from .wording import to_give


@dataclass(frozen=True, eq=False)
class Spec:
    """What a signature class holds: its name, first instruction and fields in order."""

    name: str
    instruction: str
    fields: tuple[FieldSpec, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return Spec, (self.name, self.instruction, self.fields)

    @cached_property
    def inputs(self) -> dict[str, FieldSpec]:
        """Input fields by name, in order."""
        return {f.name: f for f in self.fields if f.role == "input"}

    @cached_property
    def outputs(self) -> dict[str, FieldSpec]:
        """Output fields by name, in order."""
        return {f.name: f for f in self.fields if f.role == "output"}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all fields, in order."""
        return tuple(f.name for f in self.fields)

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """What is said of fields, and of their choices as `field.choice`, by name."""
        return {n: text for f in self.fields for n, text in f.descriptions.items()}

    @cached_property
    def media(self) -> tuple[FieldSpec, ...]:
        """The inputs that are shown as more than text: media, and turns."""
        return tuple(f for f in self.inputs.values() if f.media)

    @cached_property
    def without_turns(self) -> Spec:
        """The same without the inputs that are shown as turns; itself without any."""
        turns = [field.name for field in self.media if field.turns]
        if not turns:
            return self
        rest = tuple(field for field in self.fields if field.name not in turns)
        return Spec(self.name, self.instruction, rest)

    @cached_property
    def _needed(self) -> tuple[str, ...]:
        return tuple(name for name, f in self.inputs.items() if f.required)

    @cached_property
    def _one_way(self) -> tuple[FieldSpec, ...]:
        """The inputs whose types do not read what they write."""
        return tuple(f for f in self.inputs.values() if f.one_way)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The outputs that have no default, in order."""
        return tuple(name for name, f in self.outputs.items() if f.required)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over names, roles, order and JSON Schemas; not over any wording."""
        rows = [[f.name, f.role, f.schema] for f in self.fields]
        return hashlib.sha256(strictjson.canonical(rows).encode()).hexdigest()

    def bind(self, inputs: Mapping[str, Any], who: str) -> dict[str, Any]:
        """Check the arguments of a call and fill in defaults.

        Args:
            inputs: Values by field name.
            who: The caller's name, for messages.

        Raises:
            CallError: A field is misspelt, missing, or of another type.
        """
        if inputs.keys() != self.inputs.keys():
            self.check_names(inputs, who)
        bound: dict[str, Any] = {}
        for name, spec in self.inputs.items():
            if name not in inputs:
                bound[name] = spec.fallback()
                continue
            try:
                bound[name] = spec.check(inputs[name])
            except ValueError as error:
                raise CallError(
                    f"{who!r} got a wrong {name!r}: {error}",
                    hint=to_give(name, spec.annotation, spec.wanted, inputs[name]),
                    field=name,
                ) from None
            except StepError as error:
                error.locate(who)
                raise
        return bound

    def defaults_beside(
        self, given: Container[str], *, labelled: bool = False
    ) -> dict[str, Any]:
        """The defaults of what is not given, as a row holds values.

        Args:
            given: Names.
            labelled: Whether those of outputs too, not of inputs alone.
        """
        fields = self.fields if labelled else self.inputs.values()
        return {
            f.name: f.fallback() if f.media else f.dump(f.fallback())
            for f in fields
            if f.name not in given and not f.required
        }

    def dump_inputs(self, bound: Mapping[str, Any]) -> dict[str, Any]:
        """Checked input values as plain JSON data that makes them again."""
        return {name: field.dump(bound[name]) for name, field in self.inputs.items()}

    def show_inputs(
        self, bound: Mapping[str, Any], dumped: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Checked input values as a model is shown them; `dumped` as a rule."""
        if not self._one_way:
            return dumped
        return {**dumped, **{f.name: f.shown(bound[f.name]) for f in self._one_way}}

    def place(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], who: str
    ) -> dict[str, Any]:
        """Positional and named arguments by input name; values are not checked.

        Raises:
            CallError: An input is misspelt, doubled or missing.
        """
        if len(args) > len(self.inputs):
            raise CallError(
                f"{who!r} takes {counted(len(self.inputs), 'input')}, not {len(args)}"
            )
        placed = dict(zip(self.inputs, args, strict=False))
        for name in placed:
            if name in kwargs:
                raise CallError(f"{who!r} is given {name!r} twice")
        given = {**placed, **kwargs}
        if given.keys() != self.inputs.keys():
            self.check_names(given, who)
        return given

    def check_names(self, given: Mapping[str, Any], who: str) -> None:
        """Refuse unknown and missing input names.

        Raises:
            CallError: One is misspelt or missing.
        """
        for name in given:
            if name not in self.inputs:
                raise self._unknown(name, who)
        for name in self._needed:
            if name not in given:
                raise CallError(
                    f"{who!r} needs {name!r} ({self.inputs[name].wanted})",
                    hint=f"Its inputs are {', '.join(self.inputs)}",
                )

    def _unknown(self, name: str, who: str) -> CallError:
        if name in self.outputs:
            return CallError(
                f"{name!r} is an output of {who!r}, not an input",
                hint=f"Its inputs are {', '.join(self.inputs)}",
            )
        return CallError(
            f"{who!r} has no input {name!r}; its inputs are {', '.join(self.inputs)}",
            hint=hint("call", name, self.inputs),
        )


def check_fields(specs: tuple[FieldSpec, ...], name: str) -> None:
    """Refuse fields that no model could be told, and sets that miss a side.

    Raises:
        SignatureError: A name is unusable or doubled, a type or a rule cannot be
            checked, a default is not of its type, or there is no input or output.
    """
    seen = set[str]()
    for spec in specs:
        _check_name(spec.name, name)
        if spec.name in seen:
            raise SignatureError(f"{name}: two fields are named {spec.name!r}")
        seen.add(spec.name)
        _check_field(spec, name)
    for role in ("input", "output"):
        if not any(spec.role == role for spec in specs):
            raise SignatureError(
                f"{name} has no {role} field",
                hint='Write for example "question -> answer"',
            )
    _check_turns(specs, name)


def _check_turns(specs: tuple[FieldSpec, ...], name: str) -> None:
    inputs = [spec for spec in specs if spec.role == "input"]
    turns = [spec.name for spec in inputs if spec.turns]
    if len(turns) > 1:
        raise SignatureError(
            f"{name}: {turns[0]!r} and {turns[1]!r} are both a history of turns",
            hint="A call goes on with one conversation: give the other as text",
        )
    if turns and len(inputs) == 1:
        raise SignatureError(
            f"{name}: {turns[0]!r} is all that is given, and nothing is asked now",
            hint='Add what the user says now: "history: History, question -> answer"',
        )


def _identifier(text: str) -> str:
    made = re.sub(r"\W+", "_", text).strip("_")
    return made if made.isidentifier() and not keyword.iskeyword(made) else f"a_{made}"


def _check_name(field: str, name: str) -> None:
    if not field.isidentifier() or keyword.iskeyword(field):
        raise SignatureError(
            f"{name}: {field!r} is not a field name",
            hint=f"A field name is a Python identifier, such as {_identifier(field)!r}",
        )
    if unicodedata.normalize("NFKC", field) != field:
        raise SignatureError(
            f"{name}: Python reads the field name {field!r} as another one",
            hint=f"Write {unicodedata.normalize('NFKC', field)!r}",
        )
    if field.startswith("_"):
        raise SignatureError(f"{name}: {field!r} starts with an underscore")


def _check_field(spec: FieldSpec, name: str) -> None:
    if not strictjson.is_text(spec.description):
        raise SignatureError(
            f"{name}: the description of {spec.name!r} holds a lone surrogate"
        )
    if spec.role == "output" and spec.media:
        raise SignatureError(
            f"{name}: {spec.name!r} is an output, and a model writes text alone",
            hint="Make it an input, or let a @weft.step make it",
        )
    try:
        # An input within a model is an object already, and never read from JSON.
        literals = spec.role == "output" or bool(spec.choices)
        check_readable(spec.adapter.core_schema, literals)
        _ = spec.wanted
        if not spec.required:
            spec.check(spec.default)
    except SignatureError as error:
        where = f"field {spec.name!r}"
        said = error.message if where in error.message else f"{where}: {error.message}"
        raise SignatureError(f"{name}: {said}", hint=error.hint) from None
    except ValueError as error:
        raise SignatureError(
            f"{name}: the default of {spec.name!r} does not fit: {error}",
            hint=f"Give {spec.wanted}, or change the type",
        ) from None


class Named(Protocol):
    """A field, or the data of one."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def role(self) -> str:
        """Either "input" or "output"."""
        ...


def default_instruction(specs: Iterable[Named]) -> str:
    """The instruction of a signature that came without one."""
    fields = tuple(specs)
    given = ", ".join(f.name for f in fields if f.role == "input")
    wanted = ", ".join(f.name for f in fields if f.role == "output")
    return f"Given {given}, write {wanted}."
