"""The desk: answers what the review page asks, as data; it knows no sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from ..pipeline.errors import ArtifactError, ConfigError
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import LARGEST, read_bounded
from ..pipeline.ground.shapes import as_dict, is_dict
from .remarks import Remark, Remarks
from .sheet import Row, Sheet

_HERE = files("weft.review")
_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "review.css": ("review.css", "text/css; charset=utf-8"),
    "review.js": ("review.js", "text/javascript; charset=utf-8"),
}
_REVIEW = "<a data-review>"
_UNLINKED = re.compile(r'<a data-row="([^"]*)">')
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Args:
        body: The bytes.
        kind: Their media type.
        status: The HTTP status.
        policy: The Content-Security-Policy, where it is not the server's own.
    """

    body: bytes
    kind: str = "application/json"
    status: int = 200
    policy: str = ""


class Desk:
    """Rows out, remarks in.

    Args:
        sheet: The rows.
        remarks: Where what is said about them goes.
        report: The report's page, whose rows are linked to these; None where there is
            none.
    """

    def __init__(
        self, sheet: Sheet, remarks: Remarks, report: Path | None = None
    ) -> None:
        self.sheet = sheet
        self.remarks = remarks
        self.report = report

    def get(self, path: str, query: str) -> Reply:
        """A file of the page, the list, the hits of a search, or one row."""
        if path in _FILES:
            name, kind = _FILES[path]
            return Reply(_HERE.joinpath(name).read_bytes(), kind)
        if path == "report" and self.report is not None:
            return self._linked(self.report)
        if path == "api/list":
            return json_reply(self._list())
        if path == "api/search":
            words = parse_qs(query).get("q", [""])[0]
            return json_reply(self._found(words.lower().split()))
        row = self._row(path)
        return missing_reply() if row is None else json_reply(self._shown(row))

    def post(self, path: str, body: bytes) -> Reply:
        """Change the remark on one row; the answer comes when it is on the disk."""
        row = self._row(path)
        if row is None:
            return missing_reply()
        try:
            key, patch = _change(body)
            if key != row.key:
                # A page from before this evaluation; its row is not this one.
                return json_reply({"error": "other rows stand here now: reload"}, 409)
            made = self.remarks.change(key, patch)
        except ValueError as error:
            return json_reply({"error": str(error)}, 422)
        except ConfigError as error:  # somebody has edited the file since
            return json_reply({"error": str(error)}, 409)
        except (ArtifactError, OSError) as error:
            return json_reply({"error": f"not written: {error}"}, 507)
        return json_reply(asdict(made))

    def _linked(self, report: Path) -> Reply:
        """The report with links to this review and its rows; it may run no script."""
        known = {row.key for row in self.sheet.rows}

        def link(found: re.Match[str]) -> str:
            key = unescape(found[1])
            if key not in known:
                return found[0]
            return f'<a data-row="{found[1]}" href="./#{quote(key, safe="")}">'

        try:
            text = read_bounded(report, LARGEST)
        except (OSError, ValueError):
            return missing_reply()
        text = text.replace(_REVIEW, f'{_REVIEW[:-1]} href="./">')
        body = _UNLINKED.sub(link, text).encode()
        return Reply(body, "text/html; charset=utf-8", policy=_REPORT_POLICY)

    def _row(self, path: str) -> Row | None:
        head, _, number = path.rpartition("/")
        if head != "api/row" or not number.isdecimal() or not number.isascii():
            return None
        at = int(number) if len(number) < 10 else len(self.sheet.rows)
        return self.sheet.rows[at] if at < len(self.sheet.rows) else None

    def _list(self) -> dict[str, Any]:
        rows = self.sheet.rows
        marks = {
            at: asdict(made)
            for at, row in enumerate(rows)
            if (made := self.remarks.of(row.key)) != Remark()
        }
        return {
            "program": self.sheet.program,
            "metric": self.sheet.metric,
            "mean": self.sheet.mean,
            "out": str(self.remarks.path),
            "report": self.report is not None,
            "rows": [[row.key, row.score, row.teaser] for row in rows],
            "marks": marks,
        }

    def _found(self, words: list[str]) -> list[int]:
        """The positions of the rows that hold every word, in remarks too."""
        texts = (
            f"{row.searched}\n{self.remarks.of(row.key).note.lower()}"
            for row in self.sheet.rows
        )
        return [at for at, text in enumerate(texts) if all(w in text for w in words)]

    def _shown(self, row: Row) -> dict[str, Any]:
        shown = {**asdict(row), "fields": row.fields}
        return shown | {"remark": asdict(self.remarks.of(row.key))}


def _change(body: bytes) -> tuple[str, dict[str, Any]]:
    """The row's key and the patch; a ValueError where the body says neither."""
    data = as_dict(strictjson.loads(body.decode("utf-8")))
    key, patch = data.get("key"), data.get("change")
    if isinstance(key, str) and is_dict(patch):
        return key, patch
    raise ValueError('a change is {"key": ..., "change": {...}}')


def json_reply(data: Mapping[str, Any] | list[int], status: int = 200) -> Reply:
    """Plain data as JSON."""
    # Escaped to ASCII: a lone surrogate in a row must not break the page.
    return Reply(json.dumps(data).encode("ascii"), status=status)


def missing_reply() -> Reply:
    """What is said of an address that leads nowhere."""
    return json_reply({"error": "there is no such thing"}, 404)
