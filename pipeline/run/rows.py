"""Many rows side by side, in order: the loop under `batch` and `evaluate`, drawn."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import itertools
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from ..data.rows import Example, read_rows
from ..errors import (
    BudgetExceeded,
    CallError,
    ConfigError,
    DataError,
    StepError,
    WeftError,
)
from ..graph.runnable import OnError, Place, Runner
from ..reading.cells import read_cell
from ..signature.spec import Spec
from .settings import current, one_form

_ROLES: Final = ("proposer",)
_NEAR: Final = 0.8

T = TypeVar("T")
V = TypeVar("V")
_AHEAD: Final = 4

BURST: Final = 8
"""Rows that start in one turn of the loop, so that what the first of them ask is on its
way while the others are still being prepared."""


def require_count(number: object, name: str) -> None:
    """Refuse what is no number of rows or runs.

    Raises:
        ConfigError: It is no whole number of at least 1.
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ConfigError(f"{name}={number!r} runs nothing", hint="Give 1 or more")


async def map_rows(
    work: Callable[[int, T], Awaitable[V]],
    rows: Sequence[T],
    *,
    concurrency: int,
    done: Callable[[], None] | None = None,
) -> list[V]:
    """Apply async work to every row, at most `concurrency` at once; keep the order.

    Rows start in order. When one fails no further row starts, those under way are
    cancelled, and the error of the earliest failed row is raised. Where a budget ends
    they are not cancelled: their calls are paid for, so they end and are kept.

    Raises:
        ConfigError: `concurrency` is not at least 1.
    """
    require_count(concurrency, "concurrency")
    results: dict[int, V] = {}
    failed: dict[int, Exception] = {}
    queue = iter(enumerate(rows))

    async def worker() -> None:
        for position, row in queue:
            if failed:
                return
            try:
                results[position] = await work(position, row)
            except BudgetExceeded as error:
                failed[position] = error
                return
            except Exception as error:
                # Whatever it is, it is raised again below, as the earliest row's.
                failed[position] = error
                raise
            if done is not None:
                done()

    try:
        with one_form():
            async with asyncio.TaskGroup() as group:
                for number in range(min(concurrency, len(rows))):
                    if number and number % BURST == 0:
                        await asyncio.sleep(0)
                    group.create_task(worker())
    except BaseExceptionGroup as errors:
        error = failed[min(failed)] if failed else errors.exceptions[0]
        raise error from error.__cause__  # what it came of, and not the group
    if failed:
        raise failed[min(failed)]
    if len(results) < len(rows):  # something in a row cancelled itself
        raise asyncio.CancelledError
    return [results[position] for position in range(len(rows))]


async def in_order(
    work: Callable[[T], Awaitable[V]], rows: Iterable[T], concurrency: int
) -> AsyncGenerator[V]:
    """Results in the order of the rows; at most `concurrency` rows run at once.

    Rows are taken from the iterable as room comes free, so that neither they nor the
    results pile up. Leaving early cancels what is under way; where a budget ends it is
    not cancelled, since it is paid for.

    Raises:
        ConfigError: `concurrency` is not at least 1.
    """
    require_count(concurrency, "concurrency")
    under_way: deque[asyncio.Task[V]] = deque()
    source, slots = iter(rows), asyncio.Semaphore(concurrency)
    ended: list[BudgetExceeded] = []

    async def one(row: T) -> V:
        async with slots:
            if ended:
                raise ended[0]
            try:
                return await work(row)
            except BudgetExceeded as error:
                ended.append(error)
                raise

    try:
        while True:
            # Rows behind a slow one go on: the window is wider than the slots.
            more = itertools.islice(source, _AHEAD * concurrency - len(under_way))
            for number, row in enumerate(more, 1):
                under_way.append(asyncio.create_task(one(row)))
                if number % BURST == 0:
                    await asyncio.sleep(0)
            if not under_way:
                return
            yield await under_way.popleft()
    finally:
        for task in () if ended else under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


@contextlib.asynccontextmanager
async def placed(program: Runner, on: Place | None) -> AsyncGenerator[Runner]:
    """A program where its rows run: here, or on a place."""
    if on is None:
        yield program
        return
    if not isinstance(cast(object, on), Place):
        raise ConfigError(
            f"on={on!r} is no place where rows run",
            hint="Give one such as weft.Ray(), or leave it out",
        )
    async with on.opened(program) as there:
        yield there


async def batch_rows(
    work: Callable[[Mapping[str, Any]], Awaitable[V]],
    inputs: Spec,
    rows: Iterable[Any] | str | Path,
    *,
    concurrency: int,
    progress: bool,
    on_error: OnError = "raise",
) -> list[V | WeftError]:
    """Read rows, check every row's inputs before anything runs, then run them all.

    With `on_error="keep"` a failed row's error stands in the place of its value, unless
    it is one that no row could escape.

    Raises:
        ConfigError: `on_error` is neither "raise" nor "keep".
        DataError: A row's inputs do not fit; the row is named.
        WeftError: The earliest failed row's error, where it is not kept.
    """
    if on_error not in ("raise", "keep"):
        raise ConfigError(
            f"on_error={on_error!r} is no choice", hint='Give "raise" or "keep"'
        )

    async def one(_: int, row: Mapping[str, Any]) -> V | WeftError:
        try:
            return await work(row)
        except WeftError as error:
            if on_error == "raise" or (error.aborts and type(error) is not StepError):
                raise
            return error

    examples = rows_of(inputs, rows)
    bound = [bind_row(inputs, example.inputs, example.id) for example in examples]
    with progress_bar(len(bound), inputs.name, shown=progress) as advance:
        return await map_rows(one, bound, concurrency=concurrency, done=advance)


def rows_of(inputs: Spec, source: Iterable[Any] | str | Path) -> list[Example]:
    """Rows for a program; inputs that have a default may be left out.

    Raises:
        DataError: A row cannot be read, or lacks an input.
    """
    optional = [name for name, field in inputs.inputs.items() if not field.required]
    rows = read_rows(source, list(inputs.inputs), optional=optional)
    return [_with_media(row, inputs) for row in rows] if inputs.media else rows


def _with_media(row: Example, inputs: Spec) -> Example:
    """A row whose URLs are read as the media that they are; none of it is fetched.

    So what is written of the row holds digests.
    """
    read: dict[str, Any] = {}
    for field in inputs.media:
        with contextlib.suppress(ValueError):  # whoever binds the row says why
            if field.name in row.inputs:
                read[field.name] = field.check(row.inputs[field.name])
    return Example(row.id, {**row.inputs, **read}, row.labels, row.meta)


def bind_row(inputs: Spec, values: Mapping[str, Any], row: str) -> dict[str, Any]:
    """Checked inputs of one row; a cell of another type is read by the input's.

    Raises:
        DataError: They do not fit.
    """
    try:
        return inputs.bind(values, inputs.name)
    except CallError as error:
        with contextlib.suppress(CallError, ValueError):
            return inputs.bind(_read(inputs, values), inputs.name)
        raise DataError(f"row {row!r}: {error.message}", hint=error.hint) from None


def _read(inputs: Spec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Cells by their inputs' types; a number where a text is wanted is a mistake."""
    return {
        name: read_cell(field, value)
        if (field := inputs.inputs.get(name)) is not None
        and not (field.plain and isinstance(value, int | float))
        else value
        for name, value in values.items()
    }


Advance = Callable[[], None]


@contextlib.contextmanager
def progress_bar(total: int | None, title: str, *, shown: bool) -> Generator[Advance]:
    """A bar for `total` things; call what it yields once for each.

    Args:
        total: How many things there are, or None where nobody knows.
        title: What they are.
        shown: Whether anything is drawn at all.
    """
    if not shown:
        yield _nothing
        return
    from rich.console import Console  # noqa: PLC0415 - only drawing needs it
    from rich.progress import (  # noqa: PLC0415 - only drawing needs it
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


@contextlib.contextmanager
def live_block(*, shown: bool) -> Generator[Callable[[Sequence[str]], None]]:
    """A block on stdout that is drawn over itself; in the end it is taken away.

    Args:
        shown: Whether anything is drawn at all.
    """
    if not shown:
        yield lambda _: None
        return
    from rich.live import Live  # noqa: PLC0415 - only drawing needs it
    from rich.text import Text  # noqa: PLC0415 - only drawing needs it

    with Live(transient=True, auto_refresh=False) as live:
        yield lambda lines: live.update(
            Text("\n".join(lines), no_wrap=True, overflow="crop"), refresh=True
        )


def _nothing() -> None:
    return


def require_model_paths(who: str, paths: Collection[str]) -> None:
    """Refuse a key of `lms=` that is almost the path of one of the modules.

    Its model would never be asked, and nobody would know. Other keys may be meant for
    other programs, or for the modules of a judge.

    Args:
        who: The program's name.
        paths: The paths of its modules.

    Raises:
        ConfigError: A key is the last part of a path, or a misspelt path where no key
            is a path.
    """
    named = current().lms
    unmet = [path for path in paths if path not in named]
    strange = [key for key in named if key not in paths and key not in _ROLES]
    for key in strange:
        near = [path for path in unmet if path.rpartition("/")[2] == key]
        roles = [role for role in _ROLES if role not in named]
        near += difflib.get_close_matches(key, roles, 1, _NEAR)
        if not any(path in named for path in paths):
            near += difflib.get_close_matches(key, unmet, 1, _NEAR)
        if near:
            raise ConfigError(
                f"lms= names a model for {key!r}, which is no module of "
                f"{who!r}: it would never be asked",
                hint=f"Did you mean {near[0]!r}? A model for another program's module "
                "goes into a scope of its own: with weft.use(lms=...)",
            )
