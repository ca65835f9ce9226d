"""What is drawn on a terminal while something goes on: a bar, or a block of lines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence

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
