"""`weft cache`: look after the answers kept on disk."""

from __future__ import annotations

import argparse
import re

from ..pipeline.calls.cache import Cache
from ..pipeline.errors import ConfigError
from ..pipeline.ground.words import counted
from .output import Outcome, columns

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)


def command(arguments: argparse.Namespace) -> Outcome:
    """Count the answers, check them, delete them all, or delete the oldest."""
    store = Cache(arguments.dir)
    try:
        if arguments.action == "stats":
            return _counted(store)
        if arguments.action == "verify":
            return _checked(store)
        if arguments.action == "clear":
            deleted = store.clear()
        else:
            deleted = store.prune(_bytes(arguments.to))
    finally:
        store.close()
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
    remark = "" if sound else "damaged answers are misses: their calls are made anew"
    return Outcome("\n".join(lines), data, 0 if sound else 1, remark)


def _bytes(text: str | None) -> int:
    """The bytes of "500MB"; K, M and G are powers of 1,024."""
    found = _SIZE.fullmatch((text or "").strip())
    if found is None:
        problem = "prune to what size?" if text is None else f"{text!r} is no size"
        raise ConfigError(problem, hint="Write for example --to 500MB")
    powers = {"": 0, "k": 1, "m": 2, "g": 3}
    return int(float(found[1]) * 1024 ** powers[found[2].lower()])
