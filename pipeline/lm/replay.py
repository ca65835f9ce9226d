"""Recorded answers: ask a real model once, and replay the file in every test after.

The file is JSON lines: who was recorded, then one request with its response a line. A
replay stands in for the recorded model, under its name, its endpoint and its sampling,
so the same program makes the same request keys.
"""

from __future__ import annotations

import difflib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast, final

from ..errors import ConfigError
from ..ground.files import AppendLog
from .direct import Direct
from .lm import LanguageModel
from .request import JSON, Request, Response
from .wire import (
    request_from_json,
    request_to_json,
    response_from_json,
    response_to_json,
    strict_loads,
)

_COMPARED: Final = 200  # recorded requests looked at for the nearest one
_DIFFERENCES: Final = 12  # lines shown
_PATIENCE: Final = 5.0  # seconds, for another process that records into the file


@final
class ReplayLM(Direct):
    """Replays what was recorded; records what is missing where it is given a model.

    Args:
        path: The file of recordings.
        record: The model to ask for what the file does not hold, or None to ask nobody.

    Raises:
        ConfigError: The file is missing or cannot be read, or is of another model.
    """

    def __init__(
        self, path: str | os.PathLike[str], record: LanguageModel | None = None
    ) -> None:
        self._path = Path(path)
        self._source = record
        self._lock = threading.Lock()
        self._responses: dict[str, Response] = {}
        self._recorded: list[Request] = []
        self.requests: list[Request] = []
        self._who = self._load() or self._begin()

    @property
    def calls(self) -> int:
        """How many attempts were made."""
        return len(self.requests)

    @property
    def model(self) -> str:
        """The recorded model's name."""
        return str(self._who["model"])

    @property
    def endpoint(self) -> str:
        """The recorded model's endpoint."""
        return str(self._who["endpoint"])

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """The recorded model's sampling."""
        return dict(cast("Mapping[str, JSON]", self._who["sampling"]))

    @property
    def schema_mode(self) -> bool:
        """Whether the recorded model obeys JSON schemas."""
        return bool(self._who["schema_mode"])

    async def complete(self, request: Request) -> Response:
        """Give the recorded answer.

        Raises:
            ConfigError: There is none, and no model to record; the message shows how
                the nearest recorded request differs.
        """
        with self._lock:
            self.requests.append(request)
            found = self._responses.get(request.key)
        if found is not None:
            return found
        if self._source is None:
            raise self._missing(request)
        response = await self._source.complete(request)
        with self._lock:
            self._keep(request, response)
            self._append(
                {
                    "request": request_to_json(request),
                    "response": response_to_json(response),
                }
            )
        return response

    def _keep(self, request: Request, response: Response) -> None:
        self._responses[request.key] = response
        self._recorded.append(request)

    def _append(self, tree: Mapping[str, JSON]) -> None:
        line = json.dumps(tree, sort_keys=True, allow_nan=False) + "\n"
        with AppendLog(self._path, patience=_PATIENCE) as log:
            log.append(line.encode())

    def _begin(self) -> dict[str, JSON]:
        if self._source is None:
            raise ConfigError(
                f"there are no recordings in {str(self._path)!r}",
                hint="Record some: ReplayLM(path, record=LM(...))",
            )
        who = _identity(self._source)
        self._append(who)
        return who

    def _load(self) -> dict[str, JSON] | None:
        """Read the file; who was recorded, or None where there is nothing yet."""
        if not self._path.exists():
            return None
        who: dict[str, Any] | None = None
        lines = self._path.read_text("utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                tree = cast(dict[str, Any], strict_loads(line))
                if who is None:
                    who = {name: tree[name] for name in _WHO}
                    continue
                request = request_from_json(tree["request"])
                self._keep(request, response_from_json(tree["response"], cached=False))
            except (ValueError, KeyError, TypeError) as error:
                message = f"line {number} of {str(self._path)!r} is no recording"
                raise ConfigError(
                    f"{message}: {error}", hint="Record it again"
                ) from None
        if who is not None and self._source and _identity(self._source) != who:
            raise ConfigError(
                f"{str(self._path)!r} holds recordings of {who['model']!r}, at "
                f"{who['endpoint']!r} and with other settings",
                hint="Record into another file",
            )
        return who

    def _missing(self, request: Request) -> ConfigError:
        shown = _lines(request)
        near = max(
            (_lines(known) for known in self._recorded[-_COMPARED:]),
            key=lambda lines: difflib.SequenceMatcher(None, lines, shown).quick_ratio(),
            default=None,
        )
        if near is None:
            what = "nothing was recorded"
        else:
            changes = [
                line
                for line in difflib.unified_diff(near, shown, lineterm="", n=0)
                if not line.startswith(("---", "+++", "@@"))
            ]
            what = "from the nearest one it differs in:\n" + "\n".join(
                changes[:_DIFFERENCES]
            )
        return ConfigError(
            f"this request was not recorded in {str(self._path)!r}; {what}",
            hint="Record it: ReplayLM(path, record=LM(...))",
        )


_WHO: Final = ("model", "endpoint", "sampling", "schema_mode")


def _identity(lm: LanguageModel) -> dict[str, JSON]:
    return {
        "model": lm.model,
        "endpoint": lm.endpoint,
        "sampling": json.loads(json.dumps(dict(lm.sampling))),
        "schema_mode": lm.schema_mode,
    }


def _lines(request: Request) -> list[str]:
    """A request as lines that can be compared."""
    tree = request_to_json(request)
    settings = {name: tree[name] for name in sorted(tree) if name != "messages"}
    lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
    for message in request.messages:
        lines += [f"{message.role}: {line}" for line in message.content.split("\n")]
    return lines
