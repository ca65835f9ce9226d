"""How probable each token of a reply was, as the endpoint says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from ...ground.frozen import unchanging
from ...ground.shapes import as_dict, as_list, is_dict, is_list
from ...ground.strictjson import is_text

LEAST: Final = -9999.0
"""What stands for a probability of 0, as OpenAI and vLLM write it."""

MOST_SHOWN: Final = 20
"""As deep as the usual endpoint shows the likeliest tokens of a place."""


@unchanging
@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of a reply, and what else might have stood there.

    Args:
        token: Its text; empty for a token that ends the reply or a part of a character.
        logprob: The natural logarithm of its probability, 0 or less.
        top: The likeliest tokens of the place with theirs, as many as were asked for
            and as the endpoint shows, the likeliest first.
    """

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


Logprobs = tuple[TokenLogprob, ...]
"""Those of a reply, in order."""


def tokens_of(choice: Mapping[str, Any]) -> Logprobs | None:
    """The log-probabilities in a choice of a completion; None where there are none.

    Chats have a list of tokens; the older completions have lists side by side, which
    llama.cpp writes as those of a chat. What cannot be read is none.
    """
    held = as_dict(choice.get("logprobs"))
    if is_list(held.get("content")):
        made = [_token_of(one) for one in as_list(held["content"])]
    elif is_list(held.get("tokens")):
        made = _side_by_side(held)
    else:
        return None
    whole = tuple(one for one in made if one is not None)
    return whole if len(whole) == len(made) else None


def _token_of(data: object) -> TokenLogprob | None:
    tree = as_dict(data)
    text, value = tree.get("token"), logprob_of(tree.get("logprob"))
    if not isinstance(text, str) or value is None:
        return None
    pairs = [
        (one.get("token"), logprob_of(one.get("logprob")))
        for one in map(as_dict, as_list(tree.get("top_logprobs")))
    ]
    return TokenLogprob(_clean(text), value, _ordered(pairs))


def _side_by_side(held: Mapping[str, Any]) -> list[TokenLogprob | None]:
    texts, values = as_list(held["tokens"]), as_list(held.get("token_logprobs"))
    if len(values) != len(texts):
        return [None]
    tops = as_list(held.get("top_logprobs")) or [None] * len(texts)
    if len(tops) != len(texts):
        return [None]
    made: list[TokenLogprob | None] = []
    for at, (text, said, top) in enumerate(zip(texts, values, tops, strict=True)):
        # Nothing stands before the first token of a prompt, so nothing is known of it.
        value = 0.0 if at == 0 and said is None else logprob_of(said)
        if not isinstance(text, str) or value is None:
            return [None]
        shown = as_dict(top).items() if is_dict(top) else ()
        pairs = [(name, logprob_of(one)) for name, one in shown]
        made.append(TokenLogprob(_clean(text), value, _ordered(pairs)))
    return made


def _ordered(pairs: Sequence[tuple[object, float | None]]) -> tuple[Any, ...]:
    kept = [(_clean(t), v) for t, v in pairs if isinstance(t, str) and v is not None]
    return tuple(sorted(kept, key=lambda pair: -pair[1]))


def logprob_of(value: object) -> float | None:
    """A log-probability; None for what is none.

    >>> logprob_of(-0.5), logprob_of(float("-inf")), logprob_of(1.0), logprob_of("0")
    (-0.5, -9999.0, None, None)
    >>> logprob_of(10**400), logprob_of(-(10**400)), logprob_of(float("nan"))
    (None, -9999.0, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value != value or value > _ROUNDED:
        return None
    return float(max(min(value, 0.0), LEAST))


_ROUNDED: Final = 1e-3  # above 0 by as little as a sum of floats may be


def _clean(text: str) -> str:
    return text if is_text(text) else text.encode("utf-8", "replace").decode()


def texts_of(tokens: Logprobs) -> list[str]:
    """All texts of tokens, those of a reply and those that might have stood there."""
    return [text for one in tokens for text in (one.token, *(t for t, _ in one.top))]


def are_logprobs(tokens: Logprobs) -> bool:
    """Whether tokens can be kept: texts, with logarithms of probabilities.

    >>> are_logprobs((TokenLogprob("a", -0.5),)), are_logprobs((TokenLogprob("a", 2),))
    (True, False)
    """
    values = [v for one in tokens for v in (one.logprob, *(p for _, p in one.top))]
    return all(map(is_text, texts_of(tokens))) and all(
        logprob_of(v) == v for v in values
    )


def tokens_to_json(tokens: Logprobs) -> list[Any]:
    """Log-probabilities as plain data."""
    return [[t.token, t.logprob, [[*pair] for pair in t.top]] for t in tokens]


def tokens_from_json(data: object) -> Logprobs:
    """The inverse of `tokens_to_json`.

    Raises:
        ValueError: The data has another form.
    """
    if not isinstance(data, list):
        raise ValueError("the log-probabilities are no list")  # noqa: TRY004
    return tuple(map(_token_from, cast("list[object]", data)))


def _token_from(data: object) -> TokenLogprob:
    held = as_list(data)
    if len(held) != 3 or not is_list(held[2]):
        raise ValueError("a token is its text, its log-probability, and a list")
    pairs = [_pair_of([*as_list(one)]) for one in as_list(held[2])]
    return TokenLogprob(*_pair_of(held[:2]), tuple(pairs))


def _pair_of(data: Sequence[object]) -> tuple[str, float]:
    text, value = data if len(data) == 2 else (None, None)
    known = logprob_of(value)
    if not isinstance(text, str) or known is None:
        raise ValueError("no text with its log-probability")
    return text, known
