"""Control flow as data: `each`, `branch`, `switch`, `loop`.

Inside a program they are regions of the graph: checked, drawn, run in parallel where
they can, and bounded. Outside one they do the same at once, so that a notebook and a
program mean the same by them.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast, overload

from ..errors import CallError, ConfigError, StepError
from ..ground.options import checked
from ..ground.words import brief, counted
from ..seam import one_off, recorder
from .regions import plain_label, trace_region

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
L = TypeVar("L", bound="str | int | enum.Enum | None")
_THREADS = 32
_SHOWN = 60


@checked
def each(
    items: Iterable[T], body: Callable[[T], R], *, at_once: int | None = None
) -> list[R]:
    """Apply a function to every item of a list; results come in the order of the items.

    Args:
        items: A list, tuple or set.
        body: Called with one item; its calls run side by side for different items.
        at_once: How many items are worked on at once; 256 when not given.

    Raises:
        WeftError: The earliest failing item's error; the others are cancelled. In a
            compile they run to their end beside a reply that cannot be used, so that
            what is spent hangs on no speed.

    >>> each([1, 2, 3], lambda n: n * n)
    [1, 4, 9]
    """
    if at_once is not None and at_once < 1:
        raise ConfigError(f"at_once={at_once} runs nothing", hint="Give 1 or more")
    if recorder() is not None:
        made = trace_region("each", items, {"body": body}, {"at_once": at_once})
        return cast("list[R]", made)
    given = cast(object, items)
    if not isinstance(given, Iterable):
        hint = "Give a list, a tuple or a set"
        raise CallError(f"each: {_short(given)} cannot be gone over", hint=hint)
    most = min(at_once or _THREADS, _THREADS)
    with _called("each", "body", body, 1):
        return cast("list[R]", one_off().each(body, list(items), most))


@checked
def branch(condition: bool, then: Callable[[], A], orelse: Callable[[], B]) -> A | B:
    """Run one of two functions; inside a program the other costs nothing.

    Args:
        condition: A bool; inside a program one that a node gives.
        then: Called without arguments where the condition is true.
        orelse: Called without arguments where it is false.

    >>> branch(2 > 1, lambda: "yes", lambda: "no")
    'yes'
    """
    if recorder() is not None:
        arms: dict[str, Callable[..., Any]] = {"then": then, "orelse": orelse}
        return cast("A | B", trace_region("branch", condition, arms, {}))
    true = decided(condition, "branch")
    name, taken = ("then", then) if true else ("orelse", orelse)
    with _called("branch", name, taken, 0):
        return taken()


# The first form is for cases in a variable, whose labels a checker knows as texts.
@overload
def switch(
    label: str,
    cases: Mapping[str, Callable[[], R]],
    *,
    default: Callable[[], R] | None = None,
) -> R: ...
@overload
def switch(
    label: L,
    cases: Mapping[L, Callable[[], R]],
    *,
    default: Callable[[], R] | None = None,
) -> R: ...
def switch(
    label: Any,
    cases: Mapping[Any, Callable[[], R]],
    *,
    default: Callable[[], R] | None = None,
) -> R:
    """Run the function that belongs to a label.

    Args:
        label: A Literal, an enum's member, a bool, a text or a whole number.
        cases: Functions without arguments by label. Of a Literal, an enum or a bool
            every value needs one, unless there is a default.
        default: Called for every other label.

    >>> switch("b", {"a": lambda: 1, "b": lambda: 2})
    2
    """
    if recorder() is not None:
        return cast(R, trace_region("switch", label, cases, {"default": default}))
    position = case_of(label, list(cases), default is not None, "switch")
    if position is None:
        assert default is not None
        name, taken = "default", default
    else:
        name, taken = str(plain_label(label)), list(cases.values())[position]
    with _called("switch", name, taken, 0):
        return taken()


@checked
def loop(
    start: T,
    body: Callable[[T], T],
    *,
    until: Callable[[T], bool] | None = None,
    at_most: int,
) -> T:
    """Repeat a function on its own result, a bounded number of times.

    Args:
        start: The first state.
        body: Given a state, gives the next one, of the same type.
        until: Looked at before every round, the first too; True ends the loop.
        at_most: The most rounds.

    Returns:
        The last state.

    >>> loop(1, lambda n: n * 2, until=lambda n: n > 50, at_most=100)
    64
    """
    if recorder() is not None:
        bodies: dict[str, Any] = {"body": body, "until": until}
        return cast(T, trace_region("loop", start, bodies, {"at_most": at_most}))
    if at_most < 1:
        raise ConfigError(f"at_most={at_most} runs nothing", hint="Give 1 or more")
    state = start
    for _ in range(at_most):
        if until is not None:
            with _called("loop", "until", until, 1):
                ends = until(state)
            if decided(ends, "loop"):
                break
        with _called("loop", "body", body, 1):
            state = body(state)
    return state


@contextlib.contextmanager
def _called(who: str, name: str, function: Any, count: int) -> Generator[None]:
    """Say what a function must take where one was called that takes something else.

    Raises:
        CallError: It cannot be called with so many arguments.
    """
    try:
        yield
    except TypeError:
        if _takes(function, count):
            raise
        what = "is no function"
        if callable(function):
            what = "is given a function that cannot be called with "
            what += counted(count, "argument")
        hint = f"Write a function that takes {counted(count, 'argument')}"
        raise CallError(f"{who}: {name!r} {what}", hint=hint) from None


def _takes(function: Any, count: int) -> bool:
    """Whether a function can be called so; of some that are built in nobody knows."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError) as error:
        return callable(function) and isinstance(error, ValueError)
    return True


def decided(value: Any, who: str) -> bool:
    """A bool as it is; nothing else counts as true or false.

    Raises:
        StepError: The value is no bool.

    >>> decided(True, "branch")
    True
    """
    plain: Any = value
    if not isinstance(plain, bool) and hasattr(plain, "item"):
        plain = plain.item()  # numpy's own bool
    if isinstance(plain, bool):
        return plain
    raise StepError(
        f"{who} got {_short(value)}, and only a bool decides",
        hint="Give a bool; annotate the step it comes from, to see this earlier",
    )


def case_of(label: Any, labels: Sequence[Any], default: bool, who: str) -> int | None:
    """The position of a label among the cases, or None for the default.

    Raises:
        StepError: There is no such case, and no default.

    >>> case_of("b", ["a", "b"], False, "switch")
    1
    """
    wanted = plain_label(label)
    for position, case in enumerate(labels):
        plain = plain_label(case)
        if type(plain) is type(wanted) and plain == wanted:
            return position
    if default:
        return None
    known = ", ".join(repr(plain_label(case)) for case in labels)
    raise StepError(
        f"{who} got {_short(wanted)}, which has no case; it has {known}",
        hint="Add the case, or give default=lambda: ...",
    )


def _short(value: Any) -> str:
    return brief(repr(value), _SHOWN)
