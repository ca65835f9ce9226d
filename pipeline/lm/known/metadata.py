"""What a server says of itself when it is asked: pages that call no model.

`weft probe` asks for these, and so does who started the server; nobody else does. The
instances are the pages of llama.cpp, vLLM, SGLang, Ollama and LM Studio; a page that is
not there is passed over.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from ...ground.shapes import as_dict, as_list
from ..request import MOST_TOKENS
from ..wire.secrets import name_of
from ..wire.sessions import LOST, sessions
from .file import MOST_NAMES, is_value

MOST_PAGES: Final = 5
"""The most pages that a server is asked for."""

_PATIENCE: Final = 10.0  # seconds for a page
_MOST_BYTES: Final = 2**20
_MARK: Final = re.compile(r"<\|?[a-z_]{2,24}\|?>")
_TOKEN: Final = re.compile(
    r"<[^\s<>{}'\"]{1,38}>|\[/?[A-Z_]{2,24}\]"  # <|im_end|>, </s>, [INST]
)
_CONTEXT: Final = re.compile(r"^num_ctx\s+(\d{1,15})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a server said of itself.

    Args:
        abilities: Values by the names of `Abilities`.
        pages: How many pages were asked for.
        server: What it calls itself, or empty.
    """

    abilities: Mapping[str, Any]
    pages: int
    server: str = ""


async def told_by(
    url: str, headers: Mapping[str, str], model: str, proxy: str | None = None
) -> Told:
    """Ask a server for the pages in which it tells of itself and of a model.

    Args:
        url: Its address.
        headers: What is sent along, the key in it.
        model: The model.
        proxy: The proxy to go through, where one leads there.
    """
    pages = _Pages(url, headers, proxy)
    listed = _entry(await pages.ask("models", below_root=False), model)
    server = name_of(listed.get("owned_by"))
    found: dict[str, Any] = {"context": listed.get("max_model_len")}
    found["context"] = found["context"] or as_dict(listed.get("meta")).get("n_ctx")
    if server == "library":
        found |= await _of_ollama(pages, model)
    elif server == "organization_owner":
        about = await pages.ask(f"api/v0/models/{model}")
        found["context"] = about.get("loaded_context_length")
    elif server not in ("vllm", "sglang"):
        found |= await _of_llamacpp(pages)
    counts = {
        name: value
        for name, value in found.items()
        if type(value) is bool
        or (type(value) is int and 0 < value < MOST_TOKENS)
        or (name == "control" and value and is_value(value, name))
    }
    return Told(counts, pages.asked, server)


async def _of_llamacpp(pages: _Pages) -> dict[str, Any]:
    """Slots, context, and whether the model was ever taught turns."""
    props = await pages.ask("props")
    if "total_slots" not in props:
        return {}
    found: dict[str, Any] = {"slots": props["total_slots"]}
    settings = as_dict(props.get("default_generation_settings"))
    found["context"] = settings.get("n_ctx")
    template = _text(props.get("chat_template"))
    mark = _MARK.search(template)
    if not template:
        found["base"] = True
    elif mark is not None:
        # Where a model has no template the server takes one of its own, whose marks
        # are no tokens of the model: it never saw a turn.
        asked = {"content": mark[0], "parse_special": True}
        tokens = (await pages.ask("tokenize", asked)).get("tokens")
        if len(as_list(tokens)) > 1:
            found["base"] = True
    found["control"] = await _control_in(pages, [template, *map(_text, _ends(props))])
    return found


def _ends(props: Mapping[str, Any]) -> tuple[object, object]:
    """The tokens that begin and end a text."""
    return props.get("bos_token"), props.get("eos_token")


async def _control_in(pages: _Pages, said: list[str]) -> tuple[str, ...]:
    """The control tokens among what a template writes, and that begins or ends a text.

    Such a one is one token where special tokens are read, as in a chat, and several
    where they are not. One that a model's maker added as a word is one in both.
    """
    found = dict.fromkeys(one for text in said for one in _TOKEN.findall(text))
    marks = [*found][:MOST_NAMES]
    if not marks:
        return ()

    async def pieces(*, special: bool) -> set[str]:
        asked = {"content": " ".join(marks), "with_pieces": True}
        told = await pages.ask("tokenize", {**asked, "parse_special": special})
        tokens = map(as_dict, as_list(told.get("tokens")))
        return {_text(token.get("piece")).strip() for token in tokens}

    read = await pieces(special=True)
    if read.isdisjoint(marks):
        return ()
    words = await pieces(special=False)
    return tuple(one for one in marks if one in read and one not in words)


async def _of_ollama(pages: _Pages, model: str) -> dict[str, Any]:
    """The context as it is loaded or set, and what the model was made for.

    What the model could hold is not what it is served with: a prompt that is longer
    than that loses its beginning without a word.
    """
    running = as_list((await pages.ask("api/ps")).get("models"))
    about = await pages.ask("api/show", {"model": model})
    made_for = as_list(about.get("capabilities"))
    loaded = {
        _text(each.get("name")): each.get("context_length")
        for each in map(as_dict, running)
    }
    told = {"context": loaded.get(model) or loaded.get(f"{model}:latest")}
    setting = _CONTEXT.search(_text(about.get("parameters")))
    if not told["context"] and setting is not None:
        told["context"] = int(setting[1])
    if made_for:
        told["tools"] = "tools" in made_for
        told["reasoning"] = "thinking" in made_for
    return told


class _Pages:
    """The pages of one server, each a JSON object; an empty one where there is none."""

    def __init__(self, url: str, headers: Mapping[str, str], proxy: str | None) -> None:
        self._url = url
        self._headers = headers
        self._proxy = proxy
        self.asked = 0

    async def ask(
        self, path: str, body: Any = None, *, below_root: bool = True
    ) -> dict[str, Any]:
        """A page, or what the server says to a body."""
        self.asked += 1
        parts = urlsplit(self._url)
        base = parts.path.removesuffix("/v1") if below_root else parts.path
        address = urlunsplit(parts._replace(path=f"{base}/{path}"))
        data = None if body is None else json.dumps(body).encode()
        try:
            async with asyncio.timeout(_PATIENCE):
                session = await sessions.here()
                asking = session.request(
                    "GET" if body is None else "POST",
                    address,
                    data=data,
                    headers=self._headers,
                    allow_redirects=False,
                    proxy=self._proxy,
                )
                async with asking as answer:
                    if answer.status != 200:
                        return {}
                    start = await answer.content.read(_MOST_BYTES)
                    while not answer.content.at_eof() and len(start) < _MOST_BYTES:
                        start += await answer.content.read(_MOST_BYTES)
            return as_dict(json.loads(start))
        except (TimeoutError, ValueError, RecursionError, *LOST):
            return {}


def _entry(models: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The model's entry in a list; the only one, where it goes by another name."""
    entries = [as_dict(each) for each in as_list(models.get("data"))]
    named = [entry for entry in entries if entry.get("id") == model]
    if named or len(entries) == 1:
        return (named or entries)[0]
    return {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
