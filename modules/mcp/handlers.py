"""What a server may ask of us while it runs a tool: a person, a model, a folder.

A server is told of each that is given, and of no other. Whatever it asks is data: a
form is filled in by the function that you gave, and checked; a model is asked through
the same cache, budget and retries as any.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ...pipeline import seam
from ...pipeline.errors import ConfigError
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.lm.lm import LanguageModel, as_lm
from ...pipeline.lm.request import Message, Response
from ...pipeline.media.values import Image, Part
from ...pipeline.run.bridge import in_thread

if TYPE_CHECKING:
    from ...pipeline.signature import validation
    from . import library
else:
    library = deferred(__package__, "library")
    validation = deferred("weft.pipeline.signature", "validation")

Form = Mapping[str, Any]
Elicit = Callable[[str, dict[str, Any]], Form | Awaitable[Form | None] | None]
_MOST_TOKENS: Final = 8_192


@dataclass(frozen=True)
class Handlers:
    """What servers may ask, and who answers.

    Args:
        elicit: Asks a person: `elicit(message, schema)` gives the form's fields by
            name, those with a default may be left out, or None to decline. Blocking or
            async.
        lm: The model that writes what a server asks to have written (sampling), and
            how servers may use yours: its calls count to the budget that held when the
            connection was opened.
        log: `log(level, data)` is told what servers log.
        progress: `progress(tool, done, total, words)` is told how far a call is; total
            is None where it is not known.
        roots: Folders, or addresses, that servers are told they may work on.
    """

    elicit: Elicit | None = None
    lm: str | LanguageModel | None = None
    log: Callable[[str, Any], None] | None = None
    progress: Callable[[str, float, float | None, str], None] | None = None
    roots: Sequence[str | Path] = ()

    def answers(self) -> library.Answers:
        """The same for the wire, in plain data."""
        roots = [str(r) if "://" in str(r) else _uri(r) for r in self.roots]
        return library.Answers(
            None if self.elicit is None else self._elicited,
            None if self.lm is None else self._sampled,
            None if self.log is None else self._logged,
            tuple({"uri": uri} for uri in roots),
        )

    async def _elicited(self, asked: dict[str, Any]) -> dict[str, Any]:
        schema = asked.get("requestedSchema")
        if asked.get("mode", "form") != "form" or not is_dict(schema):
            return {"action": "decline"}  # no address of a server's is ever opened
        function = cast(Elicit, self.elicit)
        message = str(asked.get("message", ""))
        if inspect.iscoroutinefunction(function):
            made = await function(message, copy.deepcopy(schema))
        else:
            given: Any = await in_thread(function, message, copy.deepcopy(schema))
            made = await given if inspect.isawaitable(given) else given
        if made is None:
            return {"action": "decline"}
        return {"action": "accept", "content": filled_in(dict(made), schema)}

    async def _sampled(self, asked: dict[str, Any]) -> dict[str, Any]:
        lm = as_lm(cast(Any, self.lm))
        turns = [Message("system", s)] if (s := asked.get("systemPrompt")) else []
        for turn in asked["messages"]:
            role = "assistant" if turn["role"] == "assistant" else "user"
            turns.append(Message(cast(Any, role), _content(turn["content"])))
        options: dict[str, Any] = {
            "max_tokens": min(int(asked.get("maxTokens") or 1), _MOST_TOKENS)
        }
        options |= {n: asked[n] for n in ("temperature",) if n in asked}
        options |= {"stop": list(s)} if (s := asked.get("stopSequences")) else {}
        made: Response = await seam.one_off().ask(lm, turns, None, options)
        cut = made.finish_reason == "length"
        return {
            "role": "assistant",
            "content": {"type": "text", "text": made.text},
            "model": made.model or lm.model,
            "stopReason": "maxTokens" if cut else "endTurn",
        }

    def _logged(self, told: dict[str, Any]) -> None:
        if self.log is not None:
            self.log(str(told.get("level", "")), told.get("data"))


def filled_in(content: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A form with the defaults of what was left out.

    Raises:
        ValueError: It is not what the form's schema allows.

    >>> filled_in({}, {"properties": {"n": {"type": "integer", "default": 3}}})
    {'n': 3}
    """
    properties = schema.get("properties")
    for name, part in (properties if is_dict(properties) else {}).items():
        if name not in content and is_dict(part) and "default" in part:
            content[name] = copy.deepcopy(part["default"])
    fault = validation.Checker(dict(schema)).fault(content)
    if fault is not None:
        raise ValueError(f"the form is filled in wrongly: {fault}")
    return content


def _content(given: Any) -> str | tuple[Part, ...]:
    blocks = given if is_list(given) else [given]
    parts: list[Part] = []
    for block in blocks:
        if block.get("type") == "image":
            url = f"data:{block.get('mimeType')};base64,{block.get('data')}"
            parts.append(Image.from_data_url(url))
        else:
            parts.append(str(block.get("text", "")))
    if all(isinstance(part, str) for part in parts):
        return "\n".join(map(str, parts))
    return tuple(parts)


def _uri(root: str | Path) -> str:
    try:
        return Path(root).absolute().as_uri()
    except (TypeError, ValueError):
        raise ConfigError(
            f"roots: {root!r} is no folder", hint='Write it like roots=["data"]'
        ) from None
