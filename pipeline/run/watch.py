"""Who follows whole runs from outside: a trace log, and watchers such as OpenTelemetry.

A hook sees nodes when they are done. A watcher also sees runs and model calls, and when
each begins, in the task that they run in: what it makes current there stands around
everything inside. The log gets each run once, when it is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, cast, runtime_checkable

from ..errors import ConfigError, WeftError
from ..ground.hints import brought
from ..ground.shapes import is_dict
from ..lm.request import Request
from ..trace import Call, NodeKind, NodeRun, Trace

Hook = Callable[[NodeRun], object]
"""What is called with each finished node; a dict that it gives is noted as facts."""

_log = logging.getLogger("weft")
_failed: set[tuple[str, str]] = set()
State = Literal["done", "failed", "cancelled"]
_CANCELLED = "cancelled"


@dataclass(frozen=True)
class TracedRun:
    """One finished run: what ran, when, what it was given, and its trace.

    Args:
        program: The program's or the module's name.
        started: When it began, in UTC.
        inputs: Values by name; as plain JSON data when read from a file.
        value: What it gave, or None where it failed; plain JSON data from a file.
        error: What went wrong, as `Type: message`, or "cancelled", or empty.
        trace: The nodes, the run's id and how long it took.
        content: Whether inputs, values, messages and replies are there.
    """

    program: str
    started: datetime
    inputs: Mapping[str, Any]
    value: Any
    error: str
    trace: Trace
    content: bool = True

    @property
    def state(self) -> State:
        """How it ended."""
        if not self.error:
            return "done"
        return "cancelled" if self.error == _CANCELLED else "failed"

    @property
    def cost(self) -> float | None:
        """US dollars as if nothing were cached, or None where a price is unknown."""
        return self.trace.cost

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.trace.seconds


@runtime_checkable
class Watcher(Protocol):
    """What follows runs as they happen; each start is followed by its finish.

    Both are told in the task of what runs, and the last thing started is the first
    that is finished, so context variables set at the start can be reset at the finish.
    """

    def run_started(self, run_id: str, program: str) -> None:
        """A program, or a module called by itself, begins."""
        ...

    def run_finished(self, run: TracedRun) -> None:
        """It is over, well or not."""
        ...

    def node_started(self, path: str, kind: NodeKind, order: tuple[int, ...]) -> None:
        """A node of a run begins."""
        ...

    def node_finished(self, run: NodeRun) -> None:
        """A node is over, well or not."""
        ...

    def call_started(self, request: Request) -> None:
        """A model call begins; the cache may answer it."""
        ...

    def call_finished(self, call: Call) -> None:
        """A model call is over, well or not."""
        ...


def said(error: BaseException) -> str:
    """An error as traces hold it.

    >>> said(ValueError("no number")), said(asyncio.CancelledError())
    ('ValueError: no number', 'cancelled')
    """
    if isinstance(error, asyncio.CancelledError):
        return _CANCELLED
    message = error.message if isinstance(error, WeftError) else str(error)
    name = type(error).__name__
    return f"{name}: {message}" if message else name


def type_said(error: str) -> str:
    """The type in an error as traces hold it; no content is left.

    >>> type_said("ParseError: field 'team': not JSON"), type_said("")
    ('ParseError', '')
    """
    return error.partition(":")[0]


def noted(hook: Hook, run: NodeRun) -> object:
    """What a hook gives; None where it fails, so that no answer is lost to a counter.

    It is logged, once for each kind of error. What weft itself raises in it, such as a
    spent budget, ends the run as anywhere else.
    """
    try:
        return hook(run)
    except WeftError:
        raise
    except Exception as error:  # noqa: BLE001 - anybody's code, and told in the log
        name = str(getattr(hook, "__name__", type(hook).__name__))
        if (name, type(error).__name__) not in _failed:
            _failed.add((name, type(error).__name__))
            _log.warning(
                "the hook %r failed at node %r, and the run goes on without it: %s: %s "
                "(said once)",
                name,
                run.path,
                type(error).__name__,
                error,
                exc_info=True,
            )
        return None


def hooks_of(hooks: Any) -> dict[str, tuple[Any, ...]]:
    """Functions that are told of nodes, and apart from them those that watch runs.

    Raises:
        ConfigError: It is no list of such.
    """
    given = cast("list[Any]", hooks) if isinstance(hooks, list | tuple) else [None]
    watchers = tuple(hook for hook in given if isinstance(hook, Watcher))
    functions = tuple(hook for hook in given if not isinstance(hook, Watcher))
    classes = [hook for hook in functions if isinstance(hook, type)]
    if all(callable(hook) for hook in functions) and not any(map(_habits, classes)):
        return {"hooks": functions, "watchers": watchers}
    told = [_habits(hook) for hook in (*given, cast("object", hooks))]
    raise ConfigError(
        f"hooks={hooks!r} is no list of functions",
        hint="".join([said for said in told if said][:1])
        or "Give hooks=[function], where each takes one finished NodeRun, or "
        "hooks=[weft.OpenTelemetry()]",
    )


def _habits(hook: object) -> str:
    """What the methods of another tool's callback mean here, or empty.

    Its class can be called too, and would be made anew for each node.
    """
    names = [*cast("Mapping[Any, Any]", hook)] if is_dict(hook) else dir(hook)
    return next(filter(None, (brought("hook", str(name)) for name in names)), "")
