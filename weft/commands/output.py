"""What commands say: an outcome for stdout, remarks and progress for stderr."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..pipeline.ground.strictjson import is_text
from ..pipeline.ground.words import counted, for_terminal
from ..pipeline.lm.prices import money
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.run.rows import progress_bar
from ..pipeline.run.settings import current, use
from ..pipeline.trace import Call, NodeRun, total_cost

_EVERY = 5.0  # seconds, and a share of all calls, from one line to the next
_STEP = 0.05


@dataclass(frozen=True)
class Outcome:
    """What a command has to say.

    Args:
        text: The result for people.
        data: The same as plain JSON data.
        code: The exit code.
        remark: What was spent and what comes next; no part of the result.
    """

    text: str
    data: Any
    code: int = 0
    remark: str = ""


def points(found: Evaluation) -> str:
    """A score in points of 100 with its interval, as in "50.0  [25.0, 75.0]"."""
    low, high = found.interval.low, found.interval.high
    return f"{100 * found.mean:4.1f}  [{100 * low:4.1f}, {100 * high:4.1f}]"


@dataclass(frozen=True)
class Spent:
    """Model calls of some runs, with what they took.

    Args:
        calls: All calls.
        sent: Those that no cache answered.
        tokens: Input and output tokens, cached calls included.
        usd: US dollars as if nothing were cached; None where a price is unknown.
    """

    calls: int
    sent: int
    tokens: int
    usd: float | None

    @classmethod
    def on(cls, calls: Sequence[Call]) -> Spent:
        """What these calls took."""
        used = [call.usage for call in calls if call.usage is not None]
        return cls(
            len(calls),
            sum(not call.cached for call in calls),
            sum(usage.input_tokens + usage.output_tokens for usage in used),
            total_cost(call.cost for call in calls),
        )

    @classmethod
    def of(cls, found: Evaluation) -> Spent:
        """What an evaluation took."""
        return cls.on([call for row in found.rows for call in row.trace.calls])

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        one = counted(f"{self.calls:,}", "call")
        return f"{one} ({self.sent:,} sent), {self.tokens:,} tokens, {money(self.usd)}"


def on_terminal(*, quiet: bool) -> bool:
    """Whether a bar may be drawn."""
    return not quiet and sys.stderr.isatty()


def json_text(data: Any, *, indent: int | None = None) -> str:
    """JSON for stdout, escaped where the shell's encoding lacks one of its characters.

    A replacement would be another value, and an escape is the same one.
    """
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(data, indent=indent)
    return text


def shown(text: str) -> str:
    """A result as it is printed: a terminal is not commanded by what it is shown.

    What a model or a file says goes into a pipe or a file as it is.
    """
    return for_terminal(text) if sys.stdout.isatty() else text


def say(text: str) -> None:
    """Say a part of the result now; for a command that tells as it goes."""
    sys.stdout.write(f"{shown(text)}\n")
    sys.stdout.flush()


def asked(text: str) -> str:
    """The line that a person types, to a text on stderr.

    Raises:
        EOFError: There is no more.
    """
    source: Any = sys.stdin
    if isinstance(source, io.TextIOWrapper) and source.errors == "strict":
        with contextlib.suppress(io.UnsupportedOperation):  # somebody has read of it
            source.reconfigure(errors="surrogateescape")
    while True:
        sys.stderr.write(for_terminal(text))
        sys.stderr.flush()
        line: str = source.readline()
        if not line:
            raise EOFError
        line = line.rstrip("\r\n")
        if is_text(line):
            return line
        text = "that line holds bytes that are no text; type it once more: "


def remark(text: str, *, quiet: bool) -> None:
    """Say something on stderr that is no part of the result."""
    if not quiet:
        sys.stderr.write(f"weft: {for_terminal(text)}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def calls_shown(title: str, expected: int, *, quiet: bool) -> Generator[None]:
    """Show how many model calls were made, in a scope: a bar, or a line at times.

    Args:
        title: What is going on.
        expected: About how many calls there will be.
        quiet: Whether nothing is shown.
    """
    drawn = on_terminal(quiet=quiet)
    told, said = time.monotonic(), 0
    count = 0
    with progress_bar(expected, title, shown=drawn) as advance:

        def hook(run: NodeRun) -> None:
            nonlocal count, told, said
            for _ in run.calls:
                count += 1
                advance()
            if drawn or count - said < _STEP * expected:
                return
            if time.monotonic() - told > _EVERY:
                told, said = time.monotonic(), count
                remark(f"{title}: {count} of about {expected} calls", quiet=quiet)

        with use(hooks=(*current().every_hook, hook)):
            yield


def indented(text: str, by: str = "  ") -> str:
    """A text with every line moved to the right."""
    return "\n".join(f"{by}{line}".rstrip() for line in text.splitlines())


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells under one another, the last cell as long as it is.

    >>> print(columns([("a", "bcd"), ("long", "e")]))
    a     bcd
    long  e
    """
    held = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*held, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in held
    )
    return "\n".join(line.rstrip() for line in lines)
