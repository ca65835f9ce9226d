"""The requests that ask how probable given answers are, and which way is open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from ...errors import CallError, ConfigError
from ...ground.shapes import is_sequence
from ...ground.strictjson import is_text
from ..abilities import abilities_of
from ..lm import LanguageModel
from ..request import Message, Request, Response
from .likelihoods import Likelihood, Likelihoods, Path
from .reading import Candidate, begins_another, echoed, forced, found_in_top
from .tokens import Logprobs

WAYS: Final = ("auto", *get_args(Path))
_MOST_ANSWERS: Final = 1000
_ROOM: Final = 8  # tokens behind an answer, for its end
_FREE: Final = 1e-6
_RULES: Final = ("grammar", "stop", "max_tokens", "logprobs", "temperature", "seed")
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


def requests_for(
    path: Path, request: Request, candidates: Sequence[Candidate], shown: int
) -> list[Request]:
    """What is asked: one request for each answer, or one alone for `top`."""
    own = {n: v for n, v in request.sampling.items() if n not in _RULES}
    own |= {"temperature": 0, "logprobs": shown}
    if path == "top":
        most = max(len(one.text.encode()) for one in candidates) + _CUT
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
        rule = f"root ::= {json.dumps(one.text, ensure_ascii=False)}"
        most = len(one.text.encode()) + _ROOM
        sampling = {**own, "grammar": rule, "max_tokens": most}
        made.append(replace(asked, sampling=sampling))
    return made


def likelihoods_of(
    path: Path,
    request: Request,
    candidates: Sequence[Candidate],
    responses: Sequence[Response],
) -> Likelihoods:
    """What the responses to `requests_for` say.

    Raises:
        ConfigError: The endpoint does not do what that way needs.
    """
    tokens = [response.logprobs or () for response in responses]
    if path == "top":
        return Likelihoods(found_in_top(candidates, tokens[0]), path, 1)
    try:
        of = _one_by_one(path, request, candidates, responses, tokens)
    except ValueError as error:
        raise _unfit(path, request, str(error)) from None
    if len(of) > 1 and path == "forced" and all(x.logprob > -_FREE for x in of):
        raise _unfit(path, request, "it says of every answer that it is certain")
    return Likelihoods(of, path, len(responses))


def _one_by_one(
    path: Path,
    request: Request,
    candidates: Sequence[Candidate],
    responses: Sequence[Response],
    tokens: Sequence[Logprobs],
) -> tuple[Likelihood, ...]:
    pairs = zip(candidates, responses, tokens, strict=True)
    if path == "echo":
        before = request.messages[0].text
        return tuple(echoed(one, before, held) for one, _, held in pairs)
    ends = begins_another(candidates)
    return tuple(
        forced(
            one,
            held,
            ends=ends,
            counted=None if said.usage is None else said.usage.output_tokens,
        )
        for one, said, held in pairs
    )


def _unfit(path: Path, request: Request, why: str) -> ConfigError:
    needs = "reads no text back" if path == "echo" else "holds no reply to a grammar"
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
