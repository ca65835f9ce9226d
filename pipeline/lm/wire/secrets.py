"""What a request carries in secret, and how it stays out of what a server says.

A server may quote a key in any of its strings: the answer, its model, its id, an error.
All of these go into caches, journals, traces and pages, so each is cleaned here, of
keys and of what is no text: lone surrogates, which no file can hold, and control
characters, which a terminal obeys.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..request import Response, ToolCall
from ..scoring.tokens import texts_of

STARS: Final = "***"
_SHOWN: Final = 300
_NAME: Final = 200
"""The most characters of a name that a server gives: a model, an id."""

_SHORTEST: Final = 5
"""Texts below occur in any message, and keep nothing safe."""

_KEY: Final = 8
"""Secrets from here on are no part of a word; shorter ones are sought as words."""

# "EMPTY", "ollama", "lm-studio", "not-needed": what local servers are sent for a key.
_WORD: Final = re.compile(r"[a-z_-]{1,12}|[A-Z_-]{1,12}")
_PIECES: Final = re.compile(r"[\s;,=&\"']+")
_SCHEMES: Final = frozenset({"bearer", "basic", "token", "digest"})
_SPELLED: Final = re.compile(r"\\[u/]|%[0-9a-f]{2}", re.IGNORECASE)
"""Where characters may be spelled by number, as JSON and addresses do."""

_PACKED: Final = re.compile(r"[A-Za-z0-9+/_%-]+=*")
"""A run of base64, in either alphabet, of which an address may spell some."""

_URL_SAFE: Final = str.maketrans("+/", "-_")
_NO_TEXT: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+"
)


@dataclass(frozen=True, slots=True)
class Sent(Iterable[str]):
    """The secrets that a request carries, looked for when somebody asks."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    proxy: str = field(default="", repr=False)

    def __iter__(self) -> Iterator[str]:
        values = tuple(self.headers.values())
        return iter(_secrets_of(self.url, values, self.proxy))


def secrets_of(url: str, headers: Mapping[str, str], proxy: str = "") -> list[str]:
    """What a request carries that nothing may keep or show, in every form of its own.

    A server may quote a key without the scheme before it, one part of a cookie, a login
    in plain text, or the query of the address. Short words are left out, since they
    occur in any message; those of a login are sought as words of their own.

    >>> sent = {"Authorization": "Basic dTpzZXNhbWU="}
    >>> found = secrets_of("http://here?v=2&key=a+key", sent)
    >>> {"dTpzZXNhbWU=", "u:sesame", "sesame", "a key", "a+key"} <= {*found}
    True
    >>> secrets_of("", {"Authorization": "Bearer EMPTY", "X-Team": "a"})
    []
    """
    return [*_secrets_of(url, tuple(headers.values()), proxy)]


@functools.lru_cache(maxsize=64)
def _secrets_of(url: str, values: tuple[str, ...], proxy: str) -> tuple[str, ...]:
    sent: list[str] = []
    logins: list[str] = []
    for value in values:
        scheme, _, rest = value.partition(" ")
        key = rest if scheme.lower() in _SCHEMES else value
        sent += [key, *key.split(), *_PIECES.split(key)]
        if scheme.lower() == "basic":
            logins += _login(rest)
    logins += _login_in(proxy)
    query = urlsplit(url).query
    sent += logins
    sent += [query, *(value for _, value in parse_qsl(query))]
    sent += [pair.partition("=")[2] for pair in query.split("&")]
    kept = [text for text in sent if text in logins or _keeps_safe(text)]
    # As an address and as JSON would hold them, which is mostly as they are.
    kept += [quote(text, safe="") for text in kept if len(text) >= _KEY]
    kept += [json.dumps(text)[1:-1] for text in kept if len(text) >= _KEY]
    return tuple(text for text in dict.fromkeys(kept) if text)


def _keeps_safe(text: str) -> bool:
    """Whether it is a secret and no word."""
    return len(text) >= _SHORTEST and not _WORD.fullmatch(text)


def _login(packed: str) -> list[str]:
    """The login of a Basic scheme and its password; none where it holds none."""
    try:
        login = base64.b64decode(packed).decode("utf-8", "replace")
    except ValueError:
        return [packed]
    return [login, login.partition(":")[2]]


def _login_in(address: str) -> list[str]:
    """The login in an address: as it stands there, is meant, and is sent."""
    plain = urlsplit(address).netloc.rpartition("@")[0]
    if not plain:
        return []
    meant = unquote(plain)
    packed = base64.b64encode(meant.encode("utf-8", "surrogatepass")).decode()
    passwords = (login.partition(":")[2] for login in (plain, meant))
    return [plain, meant, packed, *passwords]


def without(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets: a short one goes where it is a word of its own.

    One in base64 goes with the whole run that holds it, whatever stood around it.

    >>> without("the next key was x1, not sk-0123456789", ["sk-0123456789", "x1"])
    'the next key was ***, not ***'
    >>> without("got c2stMDEyMzQ1Njc4OQ==, and sk%2d0123456789", ["sk-0123456789"])
    'got ***, and ***'
    """
    may_be = "%" in text or "\\" in text  # which is found faster
    spelled = may_be and _SPELLED.search(text) is not None
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = _without_packed(text, _packed(secret), spelled=spelled)
            if spelled:
                text = _spelled(secret).sub(STARS, text)
        if secret not in text:
            continue
        if len(secret) >= _KEY:
            text = text.replace(secret, STARS)
        else:
            text = re.sub(_as_word(re.escape(secret)), STARS, text)
    return text


def _without_packed(text: str, cores: tuple[str, ...], *, spelled: bool) -> str:
    if spelled:
        for core in cores:
            text = _spelled(core).sub(core, text)
    if not any(core in text for core in cores):
        return text
    return _PACKED.sub(
        lambda run: STARS if any(core in run[0] for core in cores) else run[0], text
    )


@functools.lru_cache(maxsize=256)
def _packed(secret: str) -> tuple[str, ...]:
    """What base64 of any text that holds a secret has in it, in both alphabets.

    Three bytes are four characters, so a text is written in three ways, by how many
    bytes stand before it; characters that hold bits of its neighbours are left out.

    >>> _packed("sesame")
    ('c2VzYW1l', 'Nlc2FtZ', 'zZXNhbW')
    """
    held = secret.encode("utf-8", "surrogatepass")
    cores: list[str] = []
    for before, shared in enumerate((0, 2, 3)):
        size = (before + len(held)) * 8 // 6
        core = base64.b64encode(bytes(before) + held).decode()[shared:size]
        cores += [core, core.translate(_URL_SAFE)]
    return tuple(dict.fromkeys(cores))


@functools.lru_cache(maxsize=256)
def _spelled(secret: str) -> re.Pattern[str]:
    """A secret of which any character may be spelled by number.

    So JSON and addresses do, and what is read out of such a text would hold it again.
    """
    ways = (
        f"(?:{'|'.join(dict.fromkeys(map(re.escape, _ways(character))))})"
        for character in secret
    )
    pattern = "".join(ways)
    pattern = pattern if len(secret) >= _KEY else _as_word(pattern)
    return re.compile(pattern, re.IGNORECASE)


def _ways(character: str) -> Iterator[str]:
    """How a character stands as it is, in JSON and in an address."""
    yield character
    held = character.encode("utf-16-be", "surrogatepass").hex()
    yield "".join(f"\\u{held[at : at + 4]}" for at in range(0, len(held), 4))
    if character == "/":
        yield "\\/"
    yield "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def _as_word(pattern: str) -> str:
    return rf"(?<![^\W_]){pattern}(?![^\W_])"


class Blot:
    """A text that arrives in pieces, without the keys that it quotes as they are.

    What may become a key is held back. Keys that are spelled or packed otherwise, and
    those of fewer than 8 characters, are found when the whole text is there.

    Args:
        secrets: As `secrets_of` tells them.

    >>> blot = Blot(["sk-0123456789"])
    >>> [blot.feed(piece) for piece in ("it was sk-01", "23456789", " or sk-0", "!")]
    ['it was ', '***', ' or ', 'sk-0!']
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret for secret in secrets if len(secret) >= _KEY}
        self._keys = sorted(found, key=len, reverse=True)
        self._held = ""

    def feed(self, piece: str) -> str:
        """What of the text so far surely quotes no key, since the last piece."""
        text = self._held + piece
        for key in self._keys:
            text = text.replace(key, STARS)
        sure = min((_begins(text, key) for key in self._keys), default=len(text))
        self._held = text[sure:]
        return text[:sure]


def _begins(text: str, key: str) -> int:
    """Where what may become a key begins at the end of a text."""
    at = text.find(key[0], max(0, len(text) - len(key) + 1))
    while at >= 0 and not key.startswith(text[at:]):
        at = text.find(key[0], at + 1)
    return len(text) if at < 0 else at


def without_keys(response: Response, secrets: Iterable[str]) -> Response:
    """A response of which no string quotes a key that was sent.

    It goes into caches, traces and pages. Keys of fewer than 8 characters stay in the
    answer, which must not be another one for the sake of a word.

    Args:
        response: What the server answered.
        secrets: As `secrets_of` tells them.

    >>> said = Response("it was sk-0123456789abcdef")
    >>> without_keys(said, ["sk-0123456789abcdef"]).text
    'it was ***'
    """
    keys = [secret for secret in secrets if len(secret) >= _KEY]
    if not keys:
        return response
    named = (response.text, response.reasoning, response.model, response.request_id)
    calls = response.tool_calls
    called = [text for one in calls for text in (one.name, one.arguments, one.id)]
    tokens = response.logprobs
    told = "".join(one.token for one in tokens or ()), *texts_of(tokens or ())
    said = "\n".join((*named, *called, *told))
    if without(said, keys) == said:
        return response
    text, thought, model, request_id = (without(name, keys) for name in named)
    cleaned = [without(text, keys) for text in called]
    triples = zip(cleaned[::3], cleaned[1::3], cleaned[2::3], strict=True)
    return replace(
        response,
        text=text,
        reasoning=thought,
        model=model,
        request_id=request_id,
        tool_calls=tuple(ToolCall(*triple) for triple in triples),
        logprobs=None if tokens is None else (),  # a key may stand in several
    )


def name_of(value: object) -> str:
    r"""What a server calls something, as a short line of text; empty for no text.

    >>> name_of("gpt\x1b[2J\ud800"), name_of(7)
    ('gpt [2J?', '')
    """
    if not isinstance(value, str):
        return ""
    plain = len(value) <= _NAME and value.isascii() and value.isprintable()
    return value if plain else _line(value, _NAME)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """A text in one short line, without the secrets.

    A text that is the start of a longer one may end within a secret; that goes too.

    >>> redacted("a bad key: sesame-123, or sesame-1", ["sesame-123"])
    'a bad key: ***, or ***'
    """
    secrets = [secret for secret in secrets if secret]
    text = without(text, secrets)
    longest = 0
    keys = [secret for secret in secrets if len(secret) >= _KEY]
    for secret in (*keys, *(core for key in keys for core in _packed(key))):
        most = min(len(secret) - 1, len(text))
        starts = range(most, max(longest, _SHORTEST - 1), -1)
        longest = next((n for n in starts if text.endswith(secret[:n])), longest)
    if longest:
        text = f"{text[:-longest]}{STARS}"
    return _line(text, _SHOWN)


def _line(text: str, most: int) -> str:
    text = text[: 16 * most]  # what is cut below need not be cleaned
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    line = " ".join(_NO_TEXT.sub(" ", text).split())
    return line if len(line) <= most else f"{line[:most]}..."
