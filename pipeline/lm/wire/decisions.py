"""Endpoints that are made for decisions: questions as a body, their answers read.

OpenAI's `/v1/decisions` by the types of `openai` 3.57 (`types/decision.py`,
`types/decision_create_params.py`), and `/v1/systemone` by the source of SGLang 0.5.23
(`entrypoints/systemone/protocol.py`). SGLang has a `/v1/decisions` of its own, whose
fields are others; it is not asked.

A question that the model declines, OpenAI's type "refusal", is an answer: the others
stand beside it. Where numbers are missing or are none, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ...errors import ProtocolError
from ...ground.shapes import as_dict, as_list, is_dict
from ..request import Request, Response, Usage, as_sent, is_count
from ..scoring.questions import (
    Kind,
    Probabilities,
    Question,
    Questions,
    is_probability,
    text_of,
)
from .finish import fault_in, refused, tree_in
from .secrets import name_of, redacted

_OPENAI: Final[Mapping[Kind, str]] = {
    "bool": "predicate",
    "choice": "choice",
    "score": "score",
}
_SYSTEMONE: Final[Mapping[Kind, str]] = {
    "bool": "noul",
    "choice": "choice",
    "score": "score",
}


def decision_body(request: Request, questions: Questions) -> bytes:
    """The JSON body that asks for decisions.

    Args:
        request: Its one message is the input; its sampling holds further fields, as
            `LM(extra=...)` has them.
        questions: What is asked of it.

    Raises:
        InvalidRequest: A text cannot be sent as UTF-8.
    """
    body: dict[str, Any] = {"model": request.model, **request.sampling}
    state = request.messages[0].text
    if questions.wire == "decisions":
        body |= {"input": state, "questions": [*map(_for_openai, questions.of)]}
    else:
        asked = {one.name: _for_systemone(one) for one in questions.of}
        body |= {"state": state, "questions": asked}
    return as_sent(body, request)


def _for_openai(one: Question) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": _OPENAI[one.kind],
        "name": one.name,
        "instructions": one.instructions,
    }
    if one.kind == "bool":
        return made | {"instructions": _with_said(one)}
    field, key = ("levels", "label") if one.kind == "score" else ("choices", "value")
    made[field] = [
        {key: name, "description": said} if said else {key: name}
        for name, said in zip(one.choices, one.said, strict=True)
    ]
    return made


def _for_systemone(one: Question) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": _SYSTEMONE[one.kind],
        "instructions": one.instructions,
    }
    pairs = [*zip(one.choices, one.said, strict=True)]
    if one.kind == "score":
        made["criteria"] = [f"{name}: {said}" if said else name for name, said in pairs]
    elif one.kind == "choice":
        made["criteria"] = {name: said or None for name, said in pairs}
    elif any(one.said):
        made["criteria"] = {name: said for name, said in pairs if said}
    return made


def _with_said(one: Question) -> str:
    """The instructions of a bool, with what is said of true and false below them."""
    pairs = zip(one.choices, one.said, strict=True)
    lines = [f"{name}: {said}" for name, said in pairs if said]
    return "\n".join([one.instructions, *lines])


def decisions_of(
    body: bytes, request: Request, questions: Questions, secrets: Iterable[str] = ()
) -> Response:
    """The response in a body of success: its text holds the probabilities as JSON.

    Raises:
        ProtocolError: The body is no answer to these questions.
        ModelError: The body is an error in spite of the status.
    """
    tree = tree_in(body, request, secrets)
    if not is_dict(tree):
        raise _no_decision("it is no JSON object", request)
    fault = fault_in(tree, {})
    if fault:
        raise refused(fault, request, secrets).as_error()
    read = _decisions if questions.wire == "decisions" else _systemone
    try:
        answers = read(tree, questions)
    except ValueError as error:
        raise _no_decision(redacted(str(error), secrets), request) from None
    return Response(
        text=text_of(answers),
        usage=_usage(tree.get("usage")),
        model=name_of(tree.get("model")) or request.model,
        request_id=name_of(tree.get("id")),
    )


def _no_decision(what: str, request: Request) -> ProtocolError:
    return ProtocolError(
        f"the server's answer is no decision: {what}", model=request.model
    )


def _decisions(tree: Mapping[str, Any], questions: Questions) -> Probabilities:
    """OpenAI's answers, which come in the order of the questions."""
    answers = [*map(as_dict, as_list(tree.get("answers")))]
    if len(answers) != len(questions.of):
        wanted, found = len(questions.of), len(answers)
        raise ValueError(f"{wanted} answers were asked for, and {found} came")
    pairs = zip(questions.of, answers, strict=True)
    return {one.name: _of_openai(one, answer) for one, answer in pairs}


def _of_openai(
    asked: Question, answer: Mapping[str, Any]
) -> Mapping[str, float] | None:
    named, kind = answer.get("name"), answer.get("type")
    if named is not None and named != asked.name:
        raise ValueError(f"{asked.name!r} was asked, and {named!r} is answered")
    if kind == "refusal":
        return None
    if kind != _OPENAI[asked.kind]:
        raise ValueError(f"the answer to {asked.name!r} is of the type {kind!r}")
    if asked.kind == "bool":
        return _of_bool(answer.get("probability"))
    key = "label" if asked.kind == "score" else "value"
    pairs = [*map(as_dict, as_list(answer.get("probabilities")))]
    found = {str(one.get(key)): one.get("probability") for one in pairs}
    return _checked(found, asked, len(pairs))


def _systemone(tree: Mapping[str, Any], questions: Questions) -> Probabilities:
    """SGLang's answers, which come by the questions' ids."""
    answers = as_dict(tree.get("answers"))
    return {
        one.name: _of_systemone(one, as_dict(answers.get(one.name)))
        for one in questions.of
    }


def _of_systemone(asked: Question, answer: Mapping[str, Any]) -> Mapping[str, float]:
    kind = answer.get("type")
    if kind != _SYSTEMONE[asked.kind]:
        raise ValueError(f"the answer to {asked.name!r} is of the type {kind!r}")
    found: Mapping[str, Any] = as_dict(answer.get("probabilities"))
    count = len(found)
    if asked.kind == "bool":
        made = _of_bool(answer.get("noul"))
    elif asked.kind == "score":  # levels are numbered from 0
        found = {asked.choices[int(at)]: p for at, p in _numbered(found, asked)}
        made = _checked(found, asked, count)
    else:
        made = _checked(found, asked, count)
    # How much of all probability fell on these choices; SGLang's own models say it.
    mass = answer.get("x_label_mass")
    whole = cast(float, mass) if is_probability(mass) and mass else 1.0
    return {name: p * whole for name, p in made.items()}


def _numbered(found: Mapping[str, Any], asked: Question) -> list[tuple[str, Any]]:
    known = [str(at) for at in range(len(asked.choices))]
    return [(at, value) for at, value in found.items() if at in known]


def _of_bool(value: object) -> Mapping[str, float]:
    if not is_probability(value):
        raise ValueError("a probability is no number from 0 to 1")
    true = min(cast(float, value), 1.0)
    return {"true": true, "false": 1.0 - true}


def _checked(
    found: Mapping[str, Any], asked: Question, count: int
) -> Mapping[str, float]:
    if {*found} != {*asked.choices} or count != len(asked.choices):
        raise ValueError(f"the answer to {asked.name!r} has other choices")
    if not all(map(is_probability, found.values())):
        raise ValueError(f"the answer to {asked.name!r} holds no probabilities")
    return {name: found[name] for name in asked.choices}


def _usage(value: object) -> Usage | None:
    tree = as_dict(value)
    cached = as_dict(tree.get("input_tokens_details")).get("cached_tokens")
    thought = as_dict(tree.get("output_tokens_details")).get("reasoning_tokens")
    asked, answered = tree.get("input_tokens"), tree.get("output_tokens", 0)
    if not is_count(asked) or not is_count(answered):
        return None
    cached, thought = (one if is_count(one) else 0 for one in (cached, thought))
    return Usage(asked, answered, cached, thought)
