"""The requests that ask how probable given answers are, and which way is open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, get_args

from ...errors import CallError, ConfigError
from ...ground.shapes import as_dict, is_dict, is_sequence
from ...ground.strictjson import is_text
from ..abilities import abilities_of
from ..lm import LanguageModel
from ..request import JSON, Message, Request, Response
from .likelihoods import Likelihood, Likelihoods, Path, Way
from .reading import (
    Candidate,
    begins_another,
    echoed,
    forced,
    found_in_top,
    shown_at,
)
from .tokens import LEAST, Logprobs

Force = Literal["grammar", "choice", "schema"]
WAYS: Final = get_args(Way)
_MOST_ANSWERS: Final = 1000
_ROOM: Final = 8  # tokens behind an answer, for its end
_FREE: Final = 1e-6
_RULES: Final = ("grammar", "stop", "max_tokens", "logprobs", "temperature", "seed")
_LEAD: Final = 100.0  # more than any two logits of a model differ
_CUT: Final = 64  # tokens of a reply that is looked into, beside what answers take


def checked_answers(answers: object) -> tuple[str, ...]:
    """The answers that are scored.

    Raises:
        CallError: They are no texts, or too few, or one is empty or comes twice.
    """
    held = tuple(answers) if is_sequence(answers) else ()
    good = all(isinstance(one, str) and one and is_text(one) for one in held)
    if not good or not 0 < len(held) <= _MOST_ANSWERS or len({*held}) < len(held):
        raise CallError(
            f"{answers!r:.200} is no list of answers",
            hint=f"Give 1 to {_MOST_ANSWERS} different texts, none of them empty",
        )
    return held


def way_to(by: str, lm: LanguageModel, request: Request) -> Path:
    """How the likelihoods of answers are found with a model.

    Raises:
        ConfigError: There is no such way, or the model cannot go it.
    """
    able = abilities_of(lm)
    if by not in WAYS:
        hint = f"Give one of {', '.join(map(repr, WAYS))}"
        raise ConfigError(f"by={by!r} is no way to score answers", hint=hint)
    if by == "echo" and not request.continues:
        raise ConfigError(
            "only a text to be continued is read back, and this is a chat",
            hint='Give LM(..., base=True) a text, or leave by="echo" out',
        )
    if by != "auto":
        return by  # type: ignore[return-value] # one of the three
    if able is None:
        return "top"
    if able.echo and request.continues:
        return "echo"
    return "forced" if able.grammar or able.forced else "top"


def force_of(lm: LanguageModel, candidates: Sequence[Candidate]) -> Force:
    """What holds a reply of a model to one answer.

    A grammar of llama.cpp's where it may be there; where it is known not to be, vLLM's
    choice of one text, else a JSON schema of one value, for replies that are JSON.
    """
    able = abilities_of(lm)
    if able is None or able.grammar is not False:
        return "grammar"
    if able.choice:
        return "choice"
    objects = all(is_dict(_json_of(one.text)) for one in candidates)
    return "schema" if able.schema and objects else "grammar"


def requests_for(
    path: Path,
    request: Request,
    candidates: Sequence[Candidate],
    shown: int,
    force: Force = "grammar",
) -> list[Request]:
    """What is asked: a request for each answer, or one for all of them by `top`.

    An answer that hangs on what stands behind it is forced in two: it, and that.

    Args:
        path: The way.
        request: The prompt, with the model's sampling.
        candidates: The answers as they stand in replies.
        shown: How many of the likeliest tokens are shown at each place.
        force: What holds replies to one answer, where they are forced.

    Raises:
        ConfigError: The answers can only be scored with what stands behind them.
    """
    own = {n: v for n, v in request.sampling.items() if n not in _RULES}
    own |= {"temperature": 0, "logprobs": shown}
    if path == "top":
        if any(one.whole for one in candidates):
            raise ConfigError(
                "an input stands behind the gap of the template, and the likeliest "
                "tokens at the gap tell nothing of it",
                hint='Put [z] behind the inputs, or score by="echo" or by="forced" '
                "where the server can",
            )
        most = max(len(one.text.encode()) for one in candidates) + _CUT
        if request.continues and not any(one.head for one in candidates):
            # The reply begins with the answer, and what follows is not looked at.
            most = max(len(one.word.encode()) for one in candidates) + _ROOM
        kept = {n: v for n, v in request.sampling.items() if n in ("grammar", "stop")}
        return [replace(request, sampling={**own, **kept, "max_tokens": most})]
    asked = replace(request, response_format=None)
    made: list[Request] = []
    for one in candidates:
        if path == "echo":
            whole = (Message("user", asked.messages[0].text + one.text),)
            sampling: dict[str, Any] = {**own, "echo": True, "max_tokens": 1}
            made.append(replace(asked, messages=whole, sampling=sampling))
            continue
        for before, piece in _pieces_of(one):
            sampling = {**own, "max_tokens": len(piece.text.encode()) + _ROOM}
            wanted = _schema_of(piece.text) if force == "schema" else None
            if force == "grammar":
                rule = f"root ::= {json.dumps(piece.text, ensure_ascii=False)}"
                sampling["grammar"] = rule
                sampling |= _led(own, piece.text)
            elif force == "choice":
                sampling["structured_outputs"] = {"choice": [piece.text]}
            said = replace(asked, sampling=sampling, response_format=wanted)
            if before:
                text = asked.messages[0].text + before
                said = replace(said, messages=(Message("user", text),))
            made.append(said)
    return made


def _pieces_of(one: Candidate) -> list[tuple[str, Candidate]]:
    """What is forced by itself, with the part of the answer that is prompt by then.

    What stands behind a gap is forced behind the word as the server reads it, and not
    behind the tokens that a grammar led to.
    """
    if not one.whole:
        return [("", one)]
    word = Candidate(one.answer, one.word, one.head)
    return [("", word), (word.text, Candidate(one.answer, one.tail))]


def _led(own: Mapping[str, Any], text: str) -> dict[str, JSON]:
    """What leads a grammar along the tokens that a text has by itself.

    Of the tokens that a text may go on with, the likeliest is often a blank by itself,
    or a piece of the word (`f`, `ee`, `d`, `back`): what follows that is improbable,
    and so is the whole. llama.cpp takes a text in `logit_bias` for its tokens, and
    tells log-probabilities without the bias.
    """
    bias: Mapping[str, float] = own.get("logit_bias") or {}
    return {"logit_bias": {**bias, text: _LEAD}}


def _schema_of(text: str) -> Mapping[str, Any]:
    """The schema of a JSON object that allows each member its one value."""
    held = as_dict(_json_of(text))
    members = {name: {"enum": [value]} for name, value in held.items()}
    schema = {
        "type": "object",
        "properties": members,
        "required": [*members],
        "additionalProperties": False,
    }
    wanted = {"name": "answer", "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": wanted}


def _json_of(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _as_written(one: Candidate, reply: str) -> Candidate:
    """An answer whose blanks stand as a reply has them, where both are one value."""
    said, own = _json_of(reply), _json_of(one.text)
    # As text: to Python, 1 and true are one value.
    same = is_dict(said) and json.dumps(said) == json.dumps(own)
    if not same or reply == one.text:
        return one
    head, word, tail = reply.rpartition(one.word)
    return Candidate(one.answer, word or tail, head, tail if word else "")


def likelihoods_of(
    path: Path,
    request: Request,
    candidates: Sequence[Candidate],
    responses: Sequence[Response],
    force: Force = "grammar",
) -> Likelihoods:
    """What the responses to `requests_for` say.

    Raises:
        ConfigError: The endpoint does not do what that way needs.
    """
    tokens = [response.logprobs or () for response in responses]
    if path == "top":
        of = found_in_top(candidates, tokens[0])
        return Likelihoods(of, path, 1, shown_at(candidates[0].head, tokens[0]))
    try:
        told = list(zip(responses, tokens, strict=True))
        of = _one_by_one(path, request, candidates, told, led=force == "grammar")
    except ValueError as error:
        raise _unfit(path, request, str(error)) from None
    if len(of) > 1 and path == "forced" and all(x.logprob > -_FREE for x in of):
        raise _unfit(path, request, "it says of every answer that it is certain")
    return Likelihoods(of, path, len(responses))


def _one_by_one(
    path: Path,
    request: Request,
    candidates: Sequence[Candidate],
    told: Sequence[tuple[Response, Logprobs]],
    *,
    led: bool,
) -> tuple[Likelihood, ...]:
    if path == "echo":
        before, pairs = request.messages[0].text, zip(candidates, told, strict=True)
        return tuple(echoed(one, before, tokens) for one, (_, tokens) in pairs)
    ends = begins_another(candidates)
    pieces = [piece for one in candidates for _, piece in _pieces_of(one)]
    made: dict[str, Likelihood] = {}
    for piece, (said, tokens) in zip(pieces, told, strict=True):
        counted = None if said.usage is None else said.usage.output_tokens
        written = _as_written(piece, said.text)
        found = forced(written, tokens, ends=ends, counted=counted, led=led)
        if (begun := made.get(piece.answer)) is not None:  # what follows the word
            total = max(begun.logprob + found.logprob, LEAST)
            exact = begun.exact and found.exact
            found = replace(begun, logprob=total, exact=exact)
        made[piece.answer] = found
    return tuple(made[one.answer] for one in candidates)


def _unfit(path: Path, request: Request, why: str) -> ConfigError:
    needs = "reads no text back" if path == "echo" else "holds no reply to one answer"
    return ConfigError(
        f"{request.model!r} at {request.endpoint!r} {needs}, or says no probabilities "
        f"of it: {why}",
        hint='Score by the likeliest tokens: by="top"',
    )


def facts_of(found: Likelihoods) -> Mapping[str, Any]:
    """How likelihoods were found, as plain data for a trace."""
    return {
        "scored_by": found.path,
        "logprobs": {one.answer: one.logprob for one in found.of},
        "at_most": [one.answer for one in found.of if not one.exact],
    }
