"""Signatures: the typed contract between a program and a model.

Three forms make one object, a subclass of `Signature`:

    string    "question, k: int -> answer: str"
    class     fields with `Input()` and `Output()`; the docstring is the instruction
    function  a typed stub; its parameters are inputs, its result is the one output

A signature class is a contract, never a value: calling a module gives back an instance
of it that holds inputs and outputs as attributes.
"""

from __future__ import annotations

import copyreg
import inspect
import sys
from collections.abc import Callable, Iterator, KeysView, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast, dataclass_transform

from ..errors import CallError, SignatureError, did_you_mean
from ..ground import strictjson
from ..ground.hints import brought, hint
from ..ground.options import checked
from .building import (
    Input,
    Marker,
    Output,
    instructed,
    marked,
    with_changed,
    with_one,
    without_some,
)
from .field import FieldSpec
from .spec import Spec, check_fields, default_instruction
from .types import own_annotations, resolved_hints

_ROOT = "Signature"


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(Input, Output)
)
class SignatureMeta(type):
    """Reads the fields of a signature class once, when the class is made."""

    __weft__: Spec

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]
    ) -> SignatureMeta:
        """Make the class and its `Spec`."""
        markers = {k: v for k, v in namespace.items() if isinstance(v, Marker)}
        for field in markers:
            del namespace[field]
        cls = super().__new__(mcs, name, bases, namespace)
        if bases:
            cls.__weft__ = _spec_of_class(cls, markers, namespace)
        return cls

    @checked
    def append(cls, name: str, field: Any, kind: Any = str) -> type[Signature]:
        """The signature with one more field, behind the other inputs or outputs.

        Args:
            name: The field's name.
            field: `Input(...)` or `Output(...)`.
            kind: Its type.

        Raises:
            SignatureError: There is a field of that name, or it can be none.
            ConfigError: An option is unknown.

        >>> import weft
        >>> triage = weft.Predict("message -> team").signature
        >>> weft.Predict(triage.append("sure", weft.Output("from 0 to 1"), float))
        Predict('team': message -> team, sure)
        """
        return _made(with_one(cls.__weft__, name, field, kind, first=False))

    @checked
    def prepend(cls, name: str, field: Any, kind: Any = str) -> type[Signature]:
        """As `append`, before the other inputs or outputs."""
        return _made(with_one(cls.__weft__, name, field, kind, first=True))

    def with_fields(cls, **fields: Any) -> type[Signature]:
        """The signature with fields replaced in their places, or added behind.

        Args:
            fields: By name `Input(...)` or `Output(...)`, for a field that keeps its
                type (`str` for a new one), or a type with it: `(float, Output())`.

        Raises:
            SignatureError: A value is none of these, or makes no field.

        >>> import weft
        >>> triage = weft.Predict("message -> team").signature
        >>> who = weft.Output("who can solve it")
        >>> weft.Predict(triage.with_fields(team=who, k=(int, weft.Input())))
        Predict('team': message, k -> team)
        """
        return _made(with_changed(cls.__weft__, fields))

    def without(cls, *names: str) -> type[Signature]:
        """The signature without some of its fields.

        Raises:
            SignatureError: There is no such field, or no input or output is left.
        """
        return _made(without_some(cls.__weft__, names))

    def with_instruction(cls, instruction: str) -> type[Signature]:
        """The signature with another instruction, which modules of it begin with.

        Raises:
            SignatureError: It is no text.
        """
        return _made(instructed(cls.__weft__, instruction))

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            said = f"the signature {cls.__name__!r} has no attribute {name!r}"
            remedy = "" if name.startswith("_") else brought("signature", name)
            raise AttributeError(f"{said}. {remedy}" if remedy else said)

        def __setattr__(cls, name: str, value: object) -> None:
            if not name.startswith("_") or name == "__doc__":
                said = f"the signature {cls.__name__!r} never changes; {name!r} stays"
                remedy = f"Write {cls.__name__}.with_instruction(...)"
                raise AttributeError(
                    f"{said}. {remedy}, or module.with_(instruction=...)"
                )
            super().__setattr__(name, value)

        # Checkers must see the fields as arguments: `Predict` takes its own from them.

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Refuse: a signature is a contract, and a module calls a model with it."""
            del args, kwargs
            hint = f"Call a module made of it: weft.Predict({cls.__name__})(...)"
            if cls is Signature:
                hint = 'Write weft.Predict("question -> answer", "Be brief.")'
            said = f"{cls.__name__} is a signature and holds no values itself"
            raise CallError(said, hint=hint)


class _NoField(CallError, KeyError):
    """A field that a result does not hold."""

    def __str__(self) -> str:
        return str(self.args[0])


class Signature(metaclass=SignatureMeta):
    """Base of every signature; subclass it with `Input()` and `Output()` fields.

    >>> class Triage(Signature):
    ...     '''Route a message to a team.'''
    ...
    ...     message: str = Input("as the customer typed it")
    ...     team: str = Output()
    >>> spec_of(Triage).instruction, list(spec_of(Triage).outputs)
    ('Route a message to a team.', ['team'])
    """

    __weft__: ClassVar[Spec] = Spec(_ROOT, "", ())

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse what is no field.

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(f"{type(self).__name__} is immutable; {name!r} stays")

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"{type(self).__name__} is immutable; {name!r} stays")

        def __getattr__(self, name: str) -> Any:
            spec = spec_of(type(self))
            known = [f.name for f in spec.fields]
            if name in known:
                raise AttributeError(f"this {spec.name} holds no {name!r}")
            remedy = hint("member", name, known)
            raise AttributeError(f"{spec.name} has no field {name!r}. {remedy}")

    def __getitem__(self, name: str) -> Any:
        """A field by name, as by attribute.

        Raises:
            CallError: There is no such field; it is a KeyError too.
        """
        held = values_of(self)
        if name not in held:
            raise _NoField(
                f"{spec_of(type(self)).name} has no field {name!r}",
                hint=did_you_mean(str(name), held),
            )
        return held[name]

    def keys(self) -> KeysView[str]:
        """The names of the outputs, so that `{**result}` and `dict(result)` are these.

        `weft.inputs_of(result)` has what the call was given.
        """
        return _outputs_of(self).keys()

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Names and values of the outputs, in the signature's order."""
        return iter(_outputs_of(self).items())

    def __contains__(self, name: object) -> bool:
        """Whether it holds a field of that name, as an input or as an output."""
        return name in values_of(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Signature):
            return NotImplemented
        mine, theirs = spec_of(type(self)), spec_of(type(other))
        return mine.hash == theirs.hash and values_of(self) == values_of(other)

    def __hash__(self) -> int:
        return hash(strictjson.canonical(dump_values(self)))

    def __plain__(self) -> dict[str, Any]:
        """What `plain` makes of it."""
        return dump_values(self)

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={v!r}" for k, v in values_of(self).items())
        return f"{spec_of(type(self)).name}({inner})"


spec_of: Final[Callable[[type[Signature]], Spec]] = attrgetter("__weft__")
"""The fields and the instruction of a signature class; asked for in every call."""


def make_value(signature: type[Signature], values: Mapping[str, Any]) -> Signature:
    """An instance that holds checked values; for modules, not for users."""
    instance = object.__new__(signature)
    vars(instance).update(values)
    return instance


def values_of(instance: Signature) -> dict[str, Any]:
    """Field values by name, in the signature's order."""
    held = instance.__dict__
    return {
        f.name: held[f.name] for f in spec_of(type(instance)).fields if f.name in held
    }


def _outputs_of(instance: Signature) -> dict[str, Any]:
    outputs = spec_of(type(instance)).outputs
    return {n: value for n, value in values_of(instance).items() if n in outputs}


def dump_values(instance: Signature) -> dict[str, Any]:
    """Field values by name as plain JSON data."""
    spec = spec_of(type(instance))
    held = instance.__dict__
    return {f.name: f.dump(held[f.name]) for f in spec.fields if f.name in held}


def class_of(spec: Spec, base: type[Signature]) -> type[Signature]:
    """A signature class that holds this spec."""
    cls = cast(type[Signature], type.__new__(SignatureMeta, spec.name, (base,), {}))
    cls.__weft__ = spec
    return cls


def _made(spec: Spec) -> type[Signature]:
    # No subclass of what it is made of: a field that was left out would come back.
    return class_of(spec, Signature)


def _reduced(cls: SignatureMeta) -> str | tuple[Any, ...]:
    """A class by its name where it has one, else by what it is made of."""
    named: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        named = getattr(named, part, None)
    return (
        cls.__qualname__ if named is cls else (class_of, (cls.__weft__, cls.__base__))
    )


copyreg.pickle(cast(Any, SignatureMeta), _reduced)


def _spec_of_class(
    cls: type, markers: Mapping[str, Marker], namespace: Mapping[str, Any]
) -> Spec:
    name = cls.__name__
    own = own_annotations(cls, namespace)
    for field in own:
        if field not in markers and not field.startswith("_"):
            raise SignatureError(
                f"{name}.{field} is neither an input nor an output",
                hint=f"Write {field}: ... = Input() or = Output()",
            )
    for field in markers:
        if field not in own:
            raise SignatureError(
                f"{name}.{field} has no type", hint=f"Write {field}: str = Input()"
            )
    hints = resolved_hints(cls, name)
    fields: dict[str, FieldSpec] = {}
    for base in reversed(cls.__mro__[1:]):
        spec = base.__dict__.get("__weft__")
        if isinstance(spec, Spec):
            fields.update({f.name: f for f in spec.fields})
    for field, marker in markers.items():
        fields[field] = marked(field, hints[field], marker)
    specs = tuple(fields.values())
    check_fields(specs, name)
    return Spec(name, _instruction(cls) or default_instruction(specs), specs)


def _instruction(cls: type) -> str:
    """The nearest docstring: a class without one says what its base says."""
    for base in cls.__mro__:
        if base is Signature or not isinstance(base, SignatureMeta):
            continue
        doc = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        if "__weft__" in base.__dict__ and not doc:  # built, and not written
            doc = base.__weft__.instruction
        if doc:
            return doc
    return ""
