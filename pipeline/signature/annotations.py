"""What classes and functions annotate, as each version of Python keeps it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any

from ..errors import SignatureError

_VALUE = 1  # annotationlib.Format.VALUE


def own_annotations(cls: type, namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the body of a class annotates.

    From Python 3.14 on the body holds a function that tells it (PEP 649), unless a
    module asks for texts; it is asked once, for the class to have it as before.

    Raises:
        SignatureError: A name in it is not defined.
    """
    tell = namespace.get("__annotate_func__")
    if "__annotations__" not in namespace and tell is not None:
        try:
            type.__setattr__(cls, "__annotations__", tell(_VALUE))
        except NameError as error:
            raise _unresolved(cls.__name__, error) from None
    return inspect.get_annotations(cls)


def _unresolved(name: str, error: NameError) -> SignatureError:
    return SignatureError(
        f"{name}: {error}, so a type cannot be resolved",
        hint="Define the type at module level, before the signature",
    )


def resolved_hints(thing: Any, name: str) -> dict[str, Any]:
    """The types of a class's or function's annotations.

    Raises:
        SignatureError: One of them cannot be resolved.
    """
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except NameError as error:
        raise _unresolved(name, error) from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise SignatureError(f"{name}: {error}, so a type cannot be resolved") from None
