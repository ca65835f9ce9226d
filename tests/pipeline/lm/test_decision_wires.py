"""Four wires to one decision: chats, texts read back, `/v1/decisions`, `/v1/systemone`.

A server on this machine holds the truth of a planted world and answers on each of them.
Bodies are held against the types of `openai` 3.57.0 (`openai_decisions.json`, made of
them) and against the rules of SGLang 0.5.23, `entrypoints/systemone/protocol.py` and
`entrypoints/openai/protocol.py`, which `systemone_faults` repeats.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import Field, TypeAdapter

import weft
from tests.pipeline.lm.test_openai_types import closed
from tests.server import Reply, Server
from weft import LM, Input, Output, Response, Signature
from weft.errors import (
    BudgetExceeded,
    ConfigError,
    ContentFiltered,
    InvalidRequest,
    NotFoundError,
    ProtocolError,
    ServerError,
    SetupError,
)
from weft.pipeline.lm.as_json import request_from_json, request_to_json
from weft.pipeline.lm.known import learn

HERE = Path(__file__).parent
OPENAI_TYPES = json.loads((HERE / "openai_decisions.json").read_text("utf-8"))
BODY, ANSWER = (
    jsonschema.Draft202012Validator(closed(OPENAI_TYPES[name]))
    for name in ("body", "answer")
)


class Triage(Signature):
    """Read the message of a customer."""

    text: str = Input()
    team: Literal["cards", "loans", "top up"] = Output(description="who can help")
    urgent: bool = Output()
    mood: Annotated[int, Field(ge=1, le=3)] = Output()


CHOICES: Mapping[str, tuple[str, ...]] = {
    "team": ("cards", "loans", "top up"),
    "urgent": ("true", "false"),
    "mood": ("1", "2", "3"),
}
ROWS = [f"row {n}" for n in range(8)]


def truth(text: str, output: str) -> dict[str, float]:
    """How probable each choice of an output is, of the row that a text speaks of."""
    number = int(text.rpartition("row ")[2].split()[0].strip('",}'))
    names = CHOICES[output]
    weights = [1 + (number * 7 + at * 5 + len(output)) % 11 for at in range(len(names))]
    return {n: w / sum(weights) for n, w in zip(names, weights, strict=True)}


def of_chat(body: dict[str, Any]) -> Reply:
    """The world behind a chat that shows its likeliest tokens."""
    wanted = body["response_format"]["json_schema"]["schema"]
    [output] = wanted["properties"]
    known = truth(body["messages"][-1]["content"], output)
    quote = '"' if output == "team" else ""
    shown = [{"token": w, "logprob": math.log(p)} for w, p in known.items()]
    said = max(shown, key=lambda one: one["logprob"])
    content = [
        {"token": f'{{"{output}": {quote}', "logprob": 0.0},
        {**said, "top_logprobs": shown},
        {"token": f"{quote}}}", "logprob": 0.0},
    ]
    text = "".join(one["token"] for one in content)
    choice = {"message": {"content": text}, "logprobs": {"content": content}}
    return as_json({"choices": [{**choice, "finish_reason": "stop"}]})


def of_text(body: dict[str, Any]) -> Reply:
    """The world behind a text that is read back: its last line is the answer."""
    head, _, word = body["prompt"].rpartition(":")
    known = truth(head, head.rpartition("=>")[2])
    lines = {
        "tokens": [f"{head}:", word],
        "token_logprobs": [None, math.log(known[word.strip()])],
    }
    choice = {"text": body["prompt"], "logprobs": lines, "finish_reason": "stop"}
    return as_json({"choices": [choice]})


def of_decisions(body: dict[str, Any]) -> Reply:
    """The world behind OpenAI's endpoint for decisions."""
    assert [*BODY.iter_errors(body)] == []
    answers = [answer_of(body["input"], one) for one in body["questions"]]
    details = {
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 2},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    usage = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12, **details}
    tree = {"answers": answers, "model": body["model"], "usage": usage}
    assert [*ANSWER.iter_errors(tree)] == []
    return as_json(tree)


def answer_of(text: str, asked: dict[str, Any]) -> dict[str, Any]:
    """One answer as OpenAI writes it."""
    known = truth(text, asked["name"])
    made: dict[str, Any] = {"name": asked["name"], "type": asked["type"]}
    if asked["type"] == "predicate":
        return {**made, "probability": known["true"]}
    if asked["type"] == "choice":
        names = [one["value"] for one in asked["choices"]]
        of = [{"value": n, "probability": known[n]} for n in names]
        best = max(known, key=lambda one: known[one])
        return {**made, "choice": best, "confidence": 0.5, "probabilities": of}
    levels = [one["label"] for one in asked["levels"]]
    of = [
        {"label": n, "value": at, "probability": known[n]}
        for at, n in enumerate(levels)
    ]
    return {**made, "score": 1.0, "confidence": 0.5, "probabilities": of}


def of_systemone(body: dict[str, Any]) -> Reply:
    """The world behind SGLang's endpoint for decisions, with its checks."""
    faults = systemone_faults(body)
    if faults:
        return Reply(status=422, body=json.dumps({"detail": faults}).encode())
    answers: dict[str, Any] = {}
    for name, asked in body["questions"].items():
        known = truth(body["state"], name)
        mass = {"type": asked["type"], "x_label_mass": 0.9}
        if asked["type"] == "noul":
            answers[name] = {**mass, "noul": known["true"]}
        elif asked["type"] == "choice":
            best = max(known, key=lambda one: known[one])
            held = {"choice": best, "confidence": 0.5, "probabilities": known}
            answers[name] = {**mass, **held}
        else:
            of = {str(at): known[n[0]] for at, n in enumerate(asked["criteria"])}
            held = {"score": 1.0, "confidence": 0.5, "legend": {}, "probabilities": of}
            answers[name] = {**mass, **held}
    usage = {"input_tokens": 9, "output_tokens": 0}
    return as_json({"model": "served", "answers": answers, "usage": usage})


def systemone_faults(body: dict[str, Any]) -> list[str]:
    """What SGLang 0.5.23 refuses in a body, as its pydantic models say it."""
    faults = [n for n in ("model", "state", "questions") if not body.get(n)]
    faults += [n for n in ("temperature", "prompt_format_version") if body.get(n)]
    for name, asked in body.get("questions", {}).items():
        kind, criteria = asked.get("type"), asked.get("criteria")
        if asked.keys() - {"type", "instructions", "criteria"}:
            faults.append(f"{name}: extra fields")
        if kind == "noul":
            held = criteria or {}
            texts = [asked.get("instructions"), held.get("true"), held.get("false")]
            if held.keys() - {"true", "false"} or not any(
                t and t.strip() for t in texts
            ):
                faults.append(f"{name}: nothing to decide on")
        elif kind == "choice":
            keys = [one.strip().casefold() for one in criteria]
            lines = not any(
                unicodedata.category(c) in ("Cc", "Zl", "Zp")
                for n in criteria
                for c in n
            )
            if not 1 <= len(keys) <= 255 or len({*keys}) < len(keys) or not all(keys):
                faults.append(f"{name}: options")
            if not lines:
                faults.append(f"{name}: control characters")
        elif kind == "score":
            if not 1 <= len(criteria) <= 10 or not all(one.strip() for one in criteria):
                faults.append(f"{name}: levels")
        else:
            faults.append(f"{name}: type")
    return faults


def as_json(tree: Mapping[str, Any]) -> Reply:
    """A body of success."""
    return Reply(body=json.dumps(tree).encode())


def world(body: dict[str, Any]) -> Reply:
    """The one world, on whichever wire it is asked."""
    if "messages" in body:
        return of_chat(body)
    if "prompt" in body:
        return of_text(body)
    return of_decisions(body) if "input" in body else of_systemone(body)


def model(wire: str, url: str) -> LM:
    """The one string, or option, that differs."""
    if wire == "text":
        return LM("hosted_vllm/m", api_base=url, base=True)
    able = {} if wire == "chat" else {wire: True}
    return LM("m", api_base=url, abilities=able)


PATHS = {
    "chat": ("top", "/v1/chat/completions", 3),
    "text": ("echo", "/v1/completions", 8),
    "decisions": ("decisions", "/v1/decisions", 1),
    "systemone": ("systemone", "/v1/systemone", 1),
}


@pytest.mark.usefixtures("asked_as_by_users")
def test_four_wires_one_decision(server: Server) -> None:
    """The program's text is one; each wire gives the same, with its own calls.

    Three outputs are three calls of a chat, one for each choice where texts are read
    back, and one request of an endpoint made for decisions.
    """
    server.answer = world
    ask = weft.Classify(
        weft.Predict(Triage), name="ask", rule={"mood": weft.Rule(take="mean")}
    )
    found: dict[str, list[Any]] = {}
    for wire, (path, target, calls) in PATHS.items():
        before = server.count
        with weft.use(lm=model(wire, server.url), cache=None):
            made = [ask(text=text) for text in ROWS]
        infos = [weft.info(one) for one in made]
        found[wire] = [
            (
                *(getattr(one, name) for name in CHOICES),
                [
                    round(p, 9)
                    for name in CHOICES
                    for p in info.decision(name).probabilities.values()
                ],
            )
            for one, info in zip(made, infos, strict=True)
        ]
        assert server.count - before == calls * len(ROWS)
        assert {seen.path for seen in server.seen[before:]} == {target}
        decisions = [info.decision(name) for info in infos for name in CHOICES]
        assert {one.scored_by for one in decisions} == {path}
        assert not any(one.unsure for one in decisions)

    assert found["chat"] == found["text"] == found["decisions"] == found["systemone"]
    assert len({row[:3] for row in found["chat"]}) > 3
    assert [type(value) for value in found["systemone"][0][:3]] == [str, bool, int]
    # Of all probability, nine tenths fell on the choices, as SGLang says.
    told = weft.info(made[0]).decision("urgent").logprobs.values()
    assert math.isclose(sum(map(math.exp, told)), 0.9)


def test_the_types_are_those_of_the_package() -> None:
    """Where an `openai` that has them is installed, the file is what they say."""
    create = pytest.importorskip(
        "openai.types.decision_create_params", reason="openai below 3.57 has no such"
    )
    from openai.types import decision  # type: ignore[attr-defined,unused-ignore]

    def bare(part: Any) -> Any:
        if isinstance(part, list):
            return [bare(one) for one in part]
        if not isinstance(part, dict):
            return part
        said = ("title", "description")
        return {
            name: bare(one)
            for name, one in part.items()
            if name not in said or not isinstance(one, str)
        }

    kinds = create.DecisionCreateParams, decision.Decision
    made = [bare(TypeAdapter(kind).json_schema()) for kind in kinds]
    assert made == [OPENAI_TYPES["body"], OPENAI_TYPES["answer"]]


def predict(kind: str = "bool", **options: Any) -> weft.Predict[..., Any]:
    """A module of one output."""
    return weft.Predict(f"text -> label: {kind}", **options)


def test_what_is_sent(server: Server) -> None:
    """Instruction, demos and what is said of the output are the question's.

    No sampling option is sent; a further field of the user's is.
    """
    server.answer = world
    demo = weft.Demo({"text": "My PIN", "team": "cards"})
    part = weft.Predict(
        "text, channel -> team: Literal['cards', 'loans', 'top up']",
        "Which team?",
        demos=[demo],
    ).with_(descriptions={"team": "who can help"})
    lm = LM(
        "m",
        api_base=server.url,
        temperature=0.5,
        extra={"safety_identifier": "u"},
        abilities={"decisions": True},
    )
    with weft.use(lm=lm, cache=None):
        run = weft.Classify(part).run(text="row 1", channel="mail")

    instructions = (
        'Which team?\n\nteam: who can help\n\nExamples:\n{"text": "My PIN"} -> cards'
    )
    choices = [{"value": one} for one in CHOICES["team"]]
    question = {"type": "choice", "name": "team", "instructions": instructions}
    assert server.seen[0].body == {
        "model": "m",
        "safety_identifier": "u",
        "input": '{"text": "row 1", "channel": "mail"}',
        "questions": [{**question, "choices": choices}],
    }
    call = run.trace.calls[0]
    assert call.usage == weft.Usage(9, 3, 2)
    assert call.model == "m"


def test_the_model_string_alone() -> None:
    """Of OpenAI's own endpoint it is known which model takes questions."""
    assert LM("openai/gpt-6-luna", api_key="k").abilities.decisions is True
    assert LM("openai/gpt-5-mini", api_key="k").abilities.decisions is None
    assert LM("litellm/openai/gpt-6-luna", api_key="k").abilities.decisions is None


def test_cache_trace_and_budget(server: Server) -> None:
    """As any call: asked once, kept by the whole request, bounded, and followed."""
    server.answer = world
    ask = weft.Classify(weft.Predict(Triage), name="ask")
    lm = model("systemone", server.url)
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        runs = [ask.run(text="row 1") for _ in range(2)]
        ask.with_rule("urgent", cut=0.9).run(text="row 1")
        assert server.count == 1
        other = weft.Predict(Triage, "Another task.")
        weft.Classify(other)(text="row 1")
        assert server.count == 2
    assert [run.trace.calls[0].cached for run in runs] == [False, True]
    assert runs[0].trace.tree[0].run.facts == runs[1].trace.tree[0].run.facts
    asked = {"text": "row 2"}
    with (
        weft.use(lm=lm, cache=None, budget="10 tokens"),
        pytest.raises(BudgetExceeded),
    ):
        ask(**asked)
    assert server.count == 2
    with weft.use(lm=lm, cache=None, budget="1 call"):
        ask(**asked)


def test_questions_are_in_the_key() -> None:
    """A request with questions goes to JSON and back, and is another than without."""
    lm = weft.FunctionLM(lambda _: Response('{"label":{"true":0.75,"false":0.25}}'))
    ask = weft.Classify(predict(), by="decisions")
    with weft.use(lm=lm, cache=None):
        made = ask(text="hi")
        weft.Classify(predict(), by="systemone")(text="hi")

    assert made.label is True
    said = weft.info(made).decision().probabilities
    assert [round(p, 9) for p in said.values()] == [0.75, 0.25]
    one, other = lm.requests
    assert one.key != other.key
    again = request_from_json(json.loads(json.dumps(request_to_json(one))))
    assert again == one
    assert again.key == one.key


@pytest.mark.usefixtures("asked_as_by_users")
def test_a_prior_of_the_wire(server: Server) -> None:
    """It is estimated there, saved, and not taken off on another wire."""
    server.answer = world
    ask = weft.Classify(weft.Predict(Triage), name="ask")
    with weft.use(lm=model("decisions", server.url), cache=weft.MemoryCache()):
        even = weft.calibrate(ask, [{"text": text} for text in ROWS])
        here = even.run(text="row 1").trace.tree[0].run
    with weft.use(lm=model("chat", server.url), cache=None):
        there = even.run(text="row 1").trace.tree[0].run

    assert {*even.rules} == {*CHOICES}
    assert [here.decision(n).calibrated for n in CHOICES] == [True] * 3
    assert [there.decision(n).calibrated for n in CHOICES] == [False] * 3
    assert "calibrate again" in there.repairs[0]


def test_a_question_that_is_declined(server: Server) -> None:
    """A refusal among the answers is an error of its type, and the others are told."""

    def declining(body: dict[str, Any]) -> Reply:
        tree = json.loads(of_decisions(body).body or b"")
        tree["answers"][1] = {"name": "urgent", "type": "refusal"}
        assert [*ANSWER.iter_errors(tree)] == []
        return as_json(tree)

    server.answer = declining
    ask = weft.Classify(weft.Predict(Triage), name="ask")
    nodes: list[Any] = []
    lm = model("decisions", server.url)
    with (
        weft.use(lm=lm, cache=None, hooks=[nodes.append]),
        pytest.raises(ContentFiltered, match="declined to decide urgent"),
    ):
        ask(text="row 1")
    assert server.count == 1
    assert {*nodes[-1].facts["decisions"]} == {"team", "mood"}
    assert nodes[0].outputs.keys() == {"team", "mood"}


@pytest.mark.parametrize(
    "tree",
    [
        {"answers": []},
        {"answers": [{"type": "choice", "choice": "a"}]},
        {"answers": [{"type": "predicate", "probability": 1.5}]},
        {"answers": [{"type": "predicate", "probability": True}]},
        {"answers": [{"type": "predicate", "name": "other", "probability": 0.5}]},
        {"answers": {"label": {"type": "noul", "noul": 0.5}}},
        [],
        "x",
    ],
)
def test_an_answer_that_is_none(server: Server, tree: Any) -> None:
    """Nothing is guessed where a number is missing or is none."""
    server.answer = lambda _: as_json(tree)
    lm = model("decisions", server.url)
    policy = weft.RetryPolicy(retries=0)
    with (
        weft.use(lm=lm, cache=None, retry=policy),
        pytest.raises(ProtocolError, match="no decision"),
    ):
        weft.Classify(predict())(text="row 1")


@pytest.mark.usefixtures("asked_as_by_users")
@pytest.mark.parametrize("by", ["auto", "decisions"])
def test_no_such_path(server: Server, by: Any) -> None:
    """It is learnt, and another way is gone; where it was asked by name, it is told."""

    def older(body: dict[str, Any]) -> Reply:
        if "questions" in body:
            return Reply(status=404, body=b'{"detail": "Not Found"}')
        return of_chat(body)

    server.answer = older
    lm = LM("m", api_base=server.url)
    learn(lm.endpoint, lm.model, decisions=True)
    ask = weft.Classify(predict_urgent(), by=by)
    with weft.use(lm=lm, cache=None):
        if by == "auto":
            made = [ask(text=text) for text in ROWS[:2]]
            assert [weft.info(m).facts["scored_by"] for m in made] == ["top", "top"]
            assert server.count == 3
        else:
            with pytest.raises(NotFoundError):
                ask(text="row 1")
            with pytest.raises(ConfigError, match="has no /decisions"):
                ask(text="row 1")
            assert server.count == 1


def predict_urgent() -> weft.Predict[..., Any]:
    """A module of one output of the world."""
    return weft.Predict("text -> urgent: bool")


def test_a_retry(server: Server) -> None:
    """A server that fails is asked again; an error within a success is one."""
    server.answer = world
    server.script(Reply(status=503), as_json({"error": {"code": 500, "message": "x"}}))
    lm = model("systemone", server.url)
    quick = weft.RetryPolicy(retries=2, base=0.001)
    with weft.use(lm=lm, cache=None, retry=quick):
        run = weft.Classify(predict_urgent()).run(text="row 1")
        assert server.count == 3
        assert run.trace.calls[0].retries == 2
        server.script(*[Reply(status=500)] * 3)
        with pytest.raises(ServerError):
            weft.Classify(predict_urgent())(text="row 1")


def test_what_such_an_endpoint_cannot_be_asked(server: Server) -> None:
    """By name it is told before anything is sent; else another way is gone."""
    server.answer = lambda _: as_json({})
    alike = predict("Literal['Yes', 'yes ']")
    lm = model("systemone", server.url)
    with weft.use(lm=lm, cache=None):
        with pytest.raises(ConfigError, match="lines that differ"):
            weft.Classify(alike, by="systemone")(text="x")
        seen = weft.Predict("photo: Image -> label: bool", types={"Image": weft.Image})
        photo = weft.Image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
        with pytest.raises(ConfigError, match="an input is none"):
            weft.Classify(seen, by="systemone")(photo=photo)
        assert server.count == 0
    with weft.use(lm=LM("embedded"), cache=None), pytest.raises(InvalidRequest):
        weft.Classify(predict(), by="decisions")(text="x")


def test_no_log_probabilities_is_one_error(server: Server) -> None:
    """What is known to give none is told before a request, whatever the outputs are.

    What is not known costs the first call, and nothing after it.
    """
    server.answer = lambda _: "[[ team ]]\ncards\n[[ /end ]]"
    ask = weft.Classify(weft.Predict(Triage))
    none = LM("m", api_base=server.url, abilities={"logprobs": False})
    unknown = LM("n", api_base=server.url)
    for lm, count in ((none, 0), (unknown, 1), (unknown, 1)):
        told = pytest.raises(SetupError, match="gives no log-probabilities")
        with weft.use(lm=lm, cache=None), told as caught:
            ask(text="row 1")
        assert server.count == count
        assert "Leave logprobs out" not in caught.value.hint
        assert 'weft.Classify(..., by="decisions")' in caught.value.hint
        assert "call the module itself" in caught.value.hint
