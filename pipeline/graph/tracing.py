"""The seam between what a program calls and who is tracing, if anyone is right now."""

from __future__ import annotations

import contextvars
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..errors import GraphError


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

    def refused(self, error: GraphError) -> None:
        """Keep what a reference refused: it ends the trace, even if it is caught."""
        ...

    def spelt(self, text: str) -> None:
        """Keep the `repr` of a reference: no constant may hold that text."""
        ...


tracer: contextvars.ContextVar[Tracer | None] = contextvars.ContextVar(
    "weft_tracer", default=None
)


def caller() -> str:
    """File and line of the nearest code outside weft and the standard library."""
    here = inspect.currentframe()
    frame, nearest = here.f_back if here is not None else None, ""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if name != "weft":
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            if name not in sys.stdlib_module_names:
                return place
            nearest = nearest or place
        frame = frame.f_back
    return nearest or "unknown place"


def refuse_traced(what: str, remedy: str) -> None:
    """Refuse what makes no sense while a program is traced: there are no values yet.

    Raises:
        GraphError: A program is traced right now.
    """
    if tracer.get() is not None:
        raise GraphError(f"{caller()}: {what} while a program is built", hint=remedy)


def refuse_running(who: str, verb: str) -> None:
    """Refuse to run something while a program is traced.

    Raises:
        GraphError: A program is traced right now.
    """
    remedy = f"Write {who}(...), which becomes a node; run the finished program"
    refuse_traced(f"{who}.{verb}(...) cannot run", remedy)
