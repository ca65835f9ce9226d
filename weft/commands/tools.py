"""The commands beside programs: the answers kept on disk, a probe, the review page."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from ..pipeline.calls.cache import Cache
from ..pipeline.errors import ConfigError
from ..pipeline.ground.words import counted
from ..pipeline.lm.known import forget
from ..pipeline.lm.models import LM
from ..pipeline.run.bridge import run_sync
from ..probing import probe as probing
from ..review.desk import Desk
from ..review.remarks import Remarks
from ..review.server import Answering, Place, ReviewServer, held
from ..review.sheet import file_of, read_sheet, report_of
from .files import require_writable
from .output import Outcome, columns, indented, remark, say

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)


def cache(arguments: argparse.Namespace) -> Outcome:
    """Count the answers, check them, delete them all, or delete the oldest."""
    with contextlib.closing(Cache(arguments.dir)) as store:
        if arguments.action == "stats":
            return _counted(store)
        if arguments.action == "verify":
            return _checked(store)
        clear = arguments.action == "clear"
        deleted = store.clear() if clear else store.prune(_bytes(arguments.to))
    data = {"folder": str(store.path), "deleted": deleted}
    return Outcome(f"{counted(deleted, 'answer')} deleted from {store.path}", data)


def _counted(store: Cache) -> Outcome:
    sizes, folder = store.stats(), str(store.path)
    data = {"entries": sizes.disk_entries, "bytes": sizes.disk_bytes}
    size = f"{sizes.disk_bytes / 2**20:.1f} MB"
    rows = (("folder", folder), ("answers", f"{sizes.disk_entries:,}"), ("size", size))
    return Outcome(columns(rows), {"folder": folder, **data})


def _checked(store: Cache) -> Outcome:
    """Say which entries are damaged; the exit code is 1 where there is one."""
    found = store.verify()
    data = {
        "folder": str(store.path),
        "whole": found.whole,
        "damaged": list(found.damaged),
        "fault": found.fault,
    }
    text = f"{found.whole:,} answers are whole, {len(found.damaged):,} damaged"
    if found.fault:
        text += f"; the database cannot be read: {found.fault}"
    lines = [text, *(f"  {key}" for key in found.damaged)]
    sound = not found.damaged and not found.fault
    said = "" if sound else "damaged answers are misses: their calls are made anew"
    return Outcome("\n".join(lines), data, 0 if sound else 1, said)


def _bytes(text: str | None) -> int:
    """The bytes of "500MB"; K, M and G are powers of 1,024."""
    found = _SIZE.fullmatch((text or "").strip())
    if found is None:
        problem = "prune to what size?" if text is None else f"{text!r} is no size"
        raise ConfigError(problem, hint="Write for example --to 500MB")
    return int(float(found[1]) * 1024 ** " kmg".index(found[2].lower() or " "))


def probe(arguments: argparse.Namespace) -> Outcome:
    """Probe a model, say what that would cost, or forget what is known of it."""
    lm, quiet = LM(arguments.model, api_base=arguments.api_base), arguments.quiet
    probing.refuse_stand_in(lm)
    where = f"{lm.model} at {lm.endpoint}"
    if arguments.forget:
        dropped = forget(lm.endpoint, lm.model)
        text = f"{counted(dropped, 'fact')} about {where} forgotten"
        return Outcome(text, {"forgotten": dropped, "endpoint": lm.endpoint})
    offer = probing.quote(lm)
    data = {"quote": dataclasses.asdict(offer)}
    if arguments.quote:
        return Outcome(f"{where}: {offer}", data)
    remark(f"probing {where}: {offer}", quiet=quiet)
    asked = (arguments.model, arguments.api_base)
    found = run_sync(probing.probe(*asked, lambda line: remark(line, quiet=quiet)))
    spent = f"{counted(found.calls, 'call')}, {found.tokens:,} tokens"
    pages = f"{counted(found.pages, 'page')} of the server's own"
    code = 0 if found.best is not None else 1
    return Outcome(
        _text(found), {**found.describe(), **data}, code, f"{spent}, {pages}"
    )


def _text(found: probing.Probed) -> str:
    server = f", which calls itself {found.server}" if found.server else ""
    abilities = [(k.name, _said(k.value), k.how, k.day) for k in found.abilities]
    forms = [(str(trial.form), str(trial)) for trial in found.trials]
    verdict = "no form brought a usable reply"
    if found.best is not None:
        where = f", kept in {found.kept}" if found.kept is not None else ""
        verdict = f"the form to take is {found.best.form}{where}"
    parts = [
        f"{found.model} at {found.endpoint}{server}",
        indented(columns(abilities)),
        "forms, on a dozen rows of its own; usable is what is read at the first call",
        indented(columns(forms)),
        *found.remarks,
        verdict,
    ]
    return "\n\n".join(parts)


def _said(value: bool | int | str | Sequence[str] | None) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case str():
            return value
        case names:
            return ", ".join(names) or "-"


def review(arguments: argparse.Namespace) -> Outcome:
    """Serve the page of rows until Ctrl-C; everything is on the disk by then."""
    path = file_of(Path(arguments.file))
    sheet = read_sheet(path)
    out = Path(arguments.out or path.with_name(f"{path.stem}.feedback.jsonl"))
    require_writable(out)
    with held(out) as place:
        remarks = Remarks(out, sheet.rows)
        if remarks.repaired:
            remark(f"{out}: a torn last line was mended", quiet=arguments.quiet)
        desk = Desk(sheet, remarks, report_of(path))
        serve(desk, place, arguments)
    text = f"{len(remarks)} of {len(sheet.rows)} rows have remarks, in {out}"
    data = {"out": str(out), "rows": len(sheet.rows), "remarked": len(remarks)}
    said = f'next: weft.compile(..., compiler=weft.compilers.Feedback(path="{out}"))'
    return Outcome(text, data, remark=said if len(remarks) else "")


def serve(desk: Answering, place: Place, arguments: argparse.Namespace) -> None:
    """Serve a page until Ctrl-C, and say where it is."""
    with _server(desk, place, arguments.port) as server:
        if arguments.json:  # stdout is for JSON
            remark(server.url, quiet=False)
        else:
            say(server.url)
        remark("only for this machine; Ctrl-C ends it", quiet=arguments.quiet)
        if arguments.open:
            webbrowser.open(server.url)
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            server.serve_forever()


def _server(desk: Answering, place: Place, port: int | None) -> ReviewServer:
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
