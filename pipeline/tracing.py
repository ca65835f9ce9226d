"""The seam between what a program calls and who is tracing, if anyone is right now."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Tracer(Protocol):
    """Records calls while a program's function runs with references for values."""

    def record(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        after: Any = (),
    ) -> Any:
        """Record a call of a module, a step or a program; give back a reference."""
        ...

    def region(
        self,
        kind: str,
        value: Any,
        bodies: Mapping[Any, Callable[..., Any]],
        options: Mapping[str, Any],
    ) -> Any:
        """Record a region over a value; give back a reference to its result."""
        ...


tracer: contextvars.ContextVar[Tracer | None] = contextvars.ContextVar(
    "weft_tracer", default=None
)
