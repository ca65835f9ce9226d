"""A progress bar on stderr; events in, drawing out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

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


def _nothing() -> None:
    return
