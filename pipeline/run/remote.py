"""What crosses between machines: JSON text, both ways, and nothing that is code.

An error crosses as its name and its words and becomes one of weft's own errors again;
a value crosses as plain data and is read by the type that the program promises. Of the
settings go the models by name and options, the form and the retries; no key does.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin

import pydantic

from .. import errors
from ..calls.retry import RetryPolicy
from ..errors import ConfigError, SignatureError, StepError, WeftError
from ..ground import strictjson
from ..ground.shapes import is_list
from ..ground.words import brief
from ..lm.lm import LanguageModel, as_lm
from ..lm.models import LM
from ..signature.field import FieldSpec
from ..signature.signature import Signature, dump_values, make_value, spec_of
from ..signature.types import plain_type
from ..trace import NodeRun
from .settings import NO_MODEL, Options, configure, current
from .trace_data import plain_data

if TYPE_CHECKING:
    from ..graph.program import Program

_WRONG = (TypeError, ValueError, KeyError, SignatureError)
SETUP = 'Name a function that sets a model there: setup="package.module:name"'
_RETRY = ("retries", "base", "cap", "retry_after_cap", "deadline")
_ADVICE = "Annotate what the program returns with a type that pydantic can check"


def error_data(error: Exception) -> dict[str, Any]:
    """An error as plain data; a foreign one as the `StepError` that it amounts to."""
    kinds = [k for k in type(error).__mro__ if getattr(errors, k.__name__, 0) is k]
    if not isinstance(error, WeftError) or not kinds:
        shown = f"{type(error).__name__}: {error}"
        return {"kind": "StepError", "message": shown, "hint": ""}
    known = inspect.signature(kinds[0]).parameters
    told = {n: v for n, v in vars(error).items() if n in known and _is_plain(v)}
    if isinstance(error, ConfigError) and error.message.startswith(NO_MODEL):
        told["hint"] = f"Set one where the program is called. {SETUP}"
    return {**told, "kind": kinds[0].__name__}


def error_of(data: Mapping[str, Any]) -> WeftError:
    """The inverse of `error_data`; only weft's own errors can come of it.

    >>> error_of(error_data(errors.RateLimited("slower", retry_after=2.0))).retry_after
    2.0
    """
    found = getattr(errors, str(data.get("kind")), None)
    kind = found if isinstance(found, type) and issubclass(found, WeftError) else None
    kind = kind or StepError
    known = inspect.signature(kind).parameters
    told = {name: value for name, value in data.items() if name in known}
    return cast(WeftError, cast(Any, kind)(**{"message": "", **told}))


def settings_data(program: Program[..., Any], *, live: bool, setup: str) -> Any:
    """The settings that hold here, as plain data: what a program's rows need of them.

    Args:
        program: What runs there.
        live: Whether it is imported there, with the models of its modules.
        setup: What sets models there, or empty: then those of here must travel.

    Raises:
        ConfigError: A model cannot travel, and nothing there sets one.
    """
    here, named = current(), os.environ.get("WEFT_LM", "").strip()
    if here.embedder is not None and not setup:
        message = f"{here.embedder!r} lives in this process, and the rows run in others"
        raise ConfigError(message, hint=SETUP)
    modules = {} if live else program.modules
    own = {m.parameters.model or path: m.lm for path, m in modules.items()}
    models = {**here.lms, **{path: lm for path, lm in own.items() if lm is not None}}
    default = here.lm or (as_lm(named) if named else None)
    made = {path: _model_data(lm, setup) for path, lm in models.items()}
    return {
        "lm": None if default is None else _model_data(default, setup),
        "lms": {path: data for path, data in made.items() if data is not None},
        "adapter": here.adapter,
        "retry": {name: getattr(here.retry, name) for name in _RETRY},
        "cached": here.cache is not None,
    }


def configure_from(data: Mapping[str, Any]) -> None:
    """Set for this process what `settings_data` told.

    Raises:
        ConfigError: A model had a key that did not travel, and none is set here.
    """
    given: Options = {"adapter": data["adapter"], "retry": RetryPolicy(**data["retry"])}
    if data["lm"] is not None:
        given["lm"] = _model_of(data["lm"])
    given["lms"] = {path: _model_of(model) for path, model in data["lms"].items()}
    if not data["cached"]:
        given["cache"] = None
    configure(**given)


def _model_data(lm: LanguageModel, setup: str) -> Any:
    """A model as plain data; None where it cannot travel and another is set there."""
    why = f"{lm!r} lives in this process, and the rows run in others"
    if isinstance(lm, LM):
        try:
            return {**lm.portable(), "keyed": lm.keyed and not setup}
        except ConfigError as error:
            why = error.message
    if setup:
        return None
    raise ConfigError(why, hint=SETUP)


def _model_of(data: Mapping[str, Any]) -> LM:
    given = {name: value for name, value in data.items() if name != "keyed"}
    said = given["abilities"]
    given["abilities"] = {n: tuple(v) if is_list(v) else v for n, v in said.items()}
    made = LM(**given)
    if data["keyed"] and not made.keyed:
        raise ConfigError(
            f"{data['model']!r} has a key where the rows come from; keys do not travel,"
            " and there is none here",
            hint="Set the key's environment variable on each machine. " + SETUP,
        )
    return made


@dataclass(frozen=True)
class Result:
    """What a program gives, as plain data and back.

    Args:
        kind: Its type, as far as it is known.

    >>> Result(set[int]).load(Result(set[int]).dump({3, 1}))
    {1, 3}
    """

    kind: Any

    @cached_property
    def _field(self) -> FieldSpec:
        return FieldSpec("result", "output", plain_type(self.kind))

    def dump(self, value: Any) -> Any:
        """A result as plain data.

        Raises:
            StepError: It has no plain form that could be read again.
        """
        try:
            if isinstance(value, Signature):
                return dump_values(value)
            if is_list(value) and any(isinstance(item, Signature) for item in value):
                return [self._inner.dump(item) for item in value]
            if self._field.annotation is Any and not _is_plain(value):
                raise ValueError("its type is not known")
            return self._field.dump(value)
        except _WRONG as error:
            raise _stranger(value, str(error)) from None

    def load(self, data: Any) -> Any:
        """The inverse of `dump`.

        Raises:
            StepError: The data is not of that type.
        """
        kind = self._field.annotation
        try:
            if isinstance(kind, type) and issubclass(kind, Signature):
                fields = {field.name: field for field in spec_of(kind).fields}
                held = {name: fields[name].load(data[name]) for name in data}
                return make_value(kind, held)
            if get_origin(kind) is list and is_list(data):
                return [self._inner.load(item) for item in data]
            return self._field.load(data)
        except _WRONG as error:
            raise _stranger(data, str(error)) from None

    @cached_property
    def _inner(self) -> Result:
        kinds = get_args(self._field.annotation)
        return Result(kinds[0] if kinds else Any)


def nodes_data(nodes: Iterable[NodeRun]) -> list[dict[str, Any]]:
    """A run's nodes as plain data; a value that has none is named by its type."""
    plain = [
        replace(node, inputs=_plain(node.inputs), outputs=_plain(node.outputs))
        for node in nodes
    ]
    made: list[dict[str, Any]] = _nodes().dump_python(plain, mode="json")
    return made


def nodes_of(data: Sequence[Any]) -> list[NodeRun]:
    """The inverse of `nodes_data`.

    Raises:
        ValueError: The data is no list of nodes.
    """
    return _nodes().validate_json(strictjson.dumps(data))


def _stranger(value: Any, why: str) -> StepError:
    return StepError(
        f"the result {brief(repr(value))} cannot cross between machines: {why}",
        hint=_ADVICE,
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain_data(value) for name, value in values.items()}


def _is_plain(value: Any) -> bool:
    try:
        return bool(strictjson.loads(strictjson.dumps(value)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


@functools.cache
def _nodes() -> pydantic.TypeAdapter[list[NodeRun]]:
    """Made at first use: only what crosses pays for it."""
    return pydantic.TypeAdapter(list[NodeRun])
