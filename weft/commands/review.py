"""`weft review`: a page where a person reads, scores, corrects and comments rows."""

from __future__ import annotations

import argparse
import contextlib
import webbrowser
from pathlib import Path

from ..pipeline.errors import ConfigError
from ..review.desk import Desk
from ..review.place import Place, held
from ..review.remarks import Remarks
from ..review.rows import file_of, read_sheet, report_of
from ..review.server import ReviewServer
from .output import Outcome, remark, require_writable, say

_SUFFIX = ".feedback.jsonl"


def command(arguments: argparse.Namespace) -> Outcome:
    """Serve the page until Ctrl-C; everything is on the disk by then."""
    path = file_of(Path(arguments.file))
    sheet = read_sheet(path)
    out = path.with_name(f"{path.stem}{_SUFFIX}")
    if arguments.out is not None:
        out = Path(arguments.out)
    require_writable(out)
    with held(out) as place:
        remarks = Remarks(out, sheet.rows)
        if remarks.repaired:
            remark(f"{out}: a torn last line was mended", quiet=arguments.quiet)
        desk = Desk(sheet, remarks, report_of(path))
        with _server(desk, place, arguments.port) as server:
            _announce(server.url, arguments)
            with contextlib.suppress(KeyboardInterrupt):  # the way to end it
                server.serve_forever()
    text = f"{len(remarks)} of {len(sheet.rows)} rows have remarks, in {out}"
    data = {"out": str(out), "rows": len(sheet.rows), "remarked": len(remarks)}
    return Outcome(text, data, remark=_next(out) if len(remarks) else "")


def _server(desk: Desk, place: Place, port: int | None) -> ReviewServer:
    """At the port of the last time, or another where that is taken.

    Raises:
        ConfigError: The port that the user named is taken.
    """
    try:
        server = ReviewServer(desk, place.token, place.port if port is None else port)
    except (OSError, OverflowError) as error:
        if port is not None:
            raise ConfigError(f"port {port} cannot be used: {error}") from None
        server = ReviewServer(desk, place.token)
    place.keep(server.port)
    return server


def _announce(url: str, arguments: argparse.Namespace) -> None:
    """Say the address first of all: where stdout is for JSON, on stderr."""
    if arguments.json:
        remark(url, quiet=False)
    else:
        say(url)
    remark("only for this machine; Ctrl-C ends it", quiet=arguments.quiet)
    if arguments.open:
        webbrowser.open(url)


def _next(out: Path) -> str:
    return f'next: weft.compile(..., compiler=weft.compilers.Feedback(path="{out}"))'
