"""Decisions: probabilities behind a signature, and a prior that is taken off."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

import weft
from tests.server import Reply, Server
from weft import LM, Input, Output, Request, Response, Signature, TokenLogprob
from weft.errors import ArtifactError, CallError, ConfigError
from weft.pipeline.graph.digest import digest_of
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.scoring.decision import decisions_in

WORDS = ("yes", "no")
PRIOR = {"yes": 0.9, "no": 0.1}
STRENGTH = 3.0
ROWS = [{"text": f"row {n}", "urgent": WORDS[n % 2]} for n in range(200)]


class Triage(Signature):
    """Is the message urgent?"""

    text: str = Input()
    urgent: Literal["yes", "no"] = Output()


class Mood(enum.Enum):
    """A closed choice."""

    GLAD = "glad"
    SAD = "sad"


def logprobs_of(asked: str) -> dict[str, float]:
    """A planted model: 0.9 to 0.1 whatever is asked, 3 to 1 for what is right.

    Of 20 rows 2 mislead it.
    """
    number = int(asked.rpartition("row ")[2].split()[0])
    right = WORDS[(number + (number % 20 in (6, 13))) % 2]
    weights = {w: PRIOR[w] * (STRENGTH if w == right else 1) for w in WORDS}
    whole = sum(weights.values())
    return {w: math.log(weight / whole) for w, weight in weights.items()}


def planted(body: dict[str, Any]) -> Reply:
    """The model behind a server: it replies, is held to a grammar, or reads back."""
    text = body.get("prompt") or body["messages"][-1]["content"]
    asked, echo = text, body.get("echo")
    if echo:
        asked, _, word = text.rpartition("urgent:")
    known = logprobs_of(asked)
    if echo:
        lists = {
            "tokens": [asked + "urgent:", word, "\n"],
            "token_logprobs": [None, known[word.strip()], -0.5],
        }
        choice: dict[str, Any] = {"text": f"{text}\n", "logprobs": lists}
        return whole(choice)
    said = max(known, key=lambda one: known[one])
    if "grammar" in body:
        forced = json.loads(body["grammar"].removeprefix("root ::= "))
        said = next(w for w in WORDS if w in forced.split())
    content = [
        {"token": "[[ urgent ]]\n", "logprob": -0.1},
        {
            "token": said,
            "logprob": known[said],
            "top_logprobs": [{"token": w, "logprob": p} for w, p in known.items()],
        },
        {"token": "\n[[ /end ]]", "logprob": -0.1},
    ]
    reply = "".join(one["token"] for one in content)
    return whole({"message": {"content": reply}, "logprobs": {"content": content}})


def whole(choice: dict[str, Any]) -> Reply:
    """A completion."""
    tree = {"choices": [{**choice, "finish_reason": "stop"}]}
    return Reply(body=json.dumps(tree).encode())


def share_right(module: weft.Classify[..., Any], rows: list[Any]) -> float:
    """How many rows are decided as their labels say."""
    made = module.batch([{"text": row["text"]} for row in rows])
    pairs = zip(made, rows, strict=True)
    return sum(one.urgent == row["urgent"] for one, row in pairs) / len(rows)


ENDPOINTS: dict[str, Callable[[str], tuple[LM, str, str]]] = {
    "top": lambda url: (LM("m", api_base=url), "chat/2:stop", "top"),
    "forced": lambda url: (LM("llamacpp/m", api_base=url), "chat/2:stop", "forced"),
    "echo": lambda url: (
        LM("hosted_vllm/m", api_base=url, base=True),
        "completion/1:",
        "echo",
    ),
}


@pytest.mark.parametrize("way", ENDPOINTS)
def test_a_prior_is_taken_off_without_a_label(server: Server, way: str) -> None:
    """A planted prior of 0.9 to 0.1: half is right before, nine in ten after.

    The three ways to score give the same decisions; only inputs are read.
    """
    server.answer = planted
    lm, form, path = ENDPOINTS[way](server.url)
    ask = weft.Classify(weft.Predict(Triage, adapter=form), name="ask")
    train, test = ROWS[:100], ROWS[100:]
    unlabelled = [{"text": row["text"], "urgent": "?"} for row in train]
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        before = share_right(ask, test)
        even = weft.calibrate(ask, unlabelled)
        after = share_right(even, test)
        run = even.run(text="row 7")

    assert (before, after) == (0.5, 0.9)
    top = run.trace.tree[0].run
    assert top.facts["scored_by"] == path
    assert top.facts["calibrated"]
    assert not top.facts["unsure"]
    assert set(even.prior or {}) == {*WORDS}
    calls = 1 if path == "top" else 2
    assert server.count == 200 * calls


def answers(logprobs: Mapping[str, float]) -> weft.FunctionLM:
    """A fake that says the same of every input."""
    said = tuple(sorted(logprobs.items(), key=lambda pair: -pair[1]))
    tokens = (TokenLogprob(*said[0], said),)
    return weft.FunctionLM(lambda _: Response(said[0][0], logprobs=tokens))


@pytest.mark.parametrize(
    ("kind", "says", "value"),
    [
        (bool, {"true": -0.1, "false": -2.4}, True),
        (Literal["a", "b"], {"b": -0.1, "a": -2.4}, "b"),
        (Literal[1, 2, 10], {"2": -0.1, "1": -2.4}, 2),
        (Mood, {"sad": -0.2, "glad": -1.7}, Mood.SAD),
        (Literal["네", "아니요"], {"아니요": -0.1, "네": -2.4}, "아니요"),
    ],
    ids=["bool", "text", "number", "enum", "Korean"],
)
def test_each_closed_type(kind: Any, says: dict[str, float], value: Any) -> None:
    """The value is of the type; the facts are plain data by what is written."""
    part = weft.Predict("text -> label: Kind", types={"Kind": kind})
    with weft.use(lm=answers(says), cache=None):
        made = weft.Classify(part)(text="?")

    assert made.label == value
    facts = weft.info(made).facts
    kept = decisions_in(json.loads(json.dumps(facts)))
    assert kept == {"label": weft.info(made).decision()}
    assert math.isclose(sum(facts["probabilities"].values()), 1)
    assert facts["entropy"] > 0
    assert 0 < facts["margin"] < 1
    assert json.loads(json.dumps(facts)) == facts


class Grade(enum.IntEnum):
    """Numbers with names."""

    POOR = 1
    FAIR = 2
    GOOD = 3


@pytest.mark.parametrize(
    ("kind", "taken", "names"),
    [
        (Annotated[int, Field(ge=1, le=3)], 2, ["1", "2", "3"]),
        (Annotated[int, Field(gt=-1, lt=5, multiple_of=2)], 2, ["0", "2", "4"]),
        (Grade, Grade.FAIR, ["1", "2", "3"]),
        (Literal[1, 2, 3], 2, ["1", "2", "3"]),
    ],
    ids=["range", "steps", "enum", "literal"],
)
def test_an_ordered_score(kind: Any, taken: Any, names: list[str]) -> None:
    """Its mean is told, and which value is taken is the rule's."""
    says = {name: math.log(p) for name, p in zip(names, (0.45, 0.2, 0.35), strict=True)}
    part = weft.Predict("text -> score: Kind", types={"Kind": kind})
    with weft.use(lm=answers(says), cache=None):
        mode = weft.Classify(part)(text="?")
        mean = weft.Classify(part, rule=weft.Rule(take="mean"))(text="?")

    decision = weft.info(mean).decision("score")
    assert (str(int(mode.score)), mean.score) == (names[0], taken)
    assert type(mean.score) is type(taken)
    assert [*decision.probabilities] == names
    assert decision.expected is not None
    expected = sum(int(n) * p for n, p in decision.probabilities.items())
    assert math.isclose(decision.expected, expected)


BYS: tuple[Literal["auto", "top", "decisions"], ...] = ("auto", "top", "decisions")


def test_several_outputs() -> None:
    """Each is asked by itself; what was decided before it stands among its inputs."""

    def said(request: weft.Request) -> Response:
        asked = request.messages[-1].text
        _, second, glad = asked.partition("[[ glad ]]")
        says = {"true": -0.1, "false": -2.4}
        if second:
            first, last = ("cards", "loans") if "true" in glad else ("loans", "cards")
            says = {first: -0.1, last: -2.4}
        top = tuple(says.items())
        return Response(top[0][0], logprobs=(TokenLogprob(*top[0], top),))

    part = weft.Predict("text -> glad: bool, team: Literal['cards', 'loans']")
    ask = weft.Classify(part, by="top", name="ask")
    turned = ask.with_rule("glad", cut=0.95)
    lm, nodes = weft.FunctionLM(said), list[Any]()
    with weft.use(lm=lm, cache=None):
        other = turned(text="hi")
        with weft.use(hooks=[nodes.append]):
            made = ask(text="hi")

    assert (made.glad, made.team) == (True, "cards")
    assert (other.glad, other.team) == (False, "loans")
    info, (part_run, _) = weft.info(made), nodes
    assert info.decision("team").choice == "cards"
    assert {*part_run.facts["scored"]} == {"glad", "team"}
    assert info.facts["unsure"] is False
    assert lm.calls == 4
    times = {by: weft.Classify(part, by=by).times()["module"] for by in BYS}
    assert times == {"auto": 4, "top": 2, "decisions": 1}
    with pytest.raises(ConfigError, match="glad, team"):
        info.decision()
    with pytest.raises(ConfigError, match="glad, team"):
        ask.with_prior({"true": 0.5, "false": 0.5})


def test_in_function_form() -> None:
    """A stub that gives back the bare value does so."""

    @weft.predict
    def urgent(text: str) -> bool:
        """Is it urgent?"""
        raise NotImplementedError

    ask = weft.Classify(urgent)
    with weft.use(lm=answers({"true": -0.1, "false": -2.4}), cache=None):
        assert ask(text="?") is True
        run = ask.run(text="?")

    assert run.trace.tree[0].run.facts["unsure"] is False


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: weft.Classify(weft.Predict("a -> b")), "'b' is of"),
        (lambda: weft.Classify(weft.Predict("a -> b: bool, c")), "'c' is of"),
        (lambda: weft.Classify(weft.ChainOfThought("a -> b: bool")), "has others"),
        (lambda: weft.Classify(weft.Vote(weft.Predict("a -> b: bool"))), "or parts"),
        (lambda: weft.Classify(weft.Predict("a -> b: Literal['x']")), "two values"),
        (lambda: weft.Classify(weft.Predict("a -> b: Literal[1, '1']")), "differently"),
        (lambda: weft.Classify(bool_of(), by="luck"), "no way"),
        (lambda: weft.Classify(bool_of(), shown=-1), "shown=-1"),
        (lambda: weft.Classify(bool_of(), prior_of=1), "no prior_of"),
        (lambda: weft.Classify(int_of(ge=0, le=101)), "'label' is of"),
        (lambda: weft.Classify(int_of(ge=0)), "'label' is of"),
        (lambda: weft.Classify(bool_of(), prior={"true": 1.0}), "no prior"),
        (lambda: weft.Classify(bool_of(), prior={"true": 1, "false": -1}), "no prior"),
        (lambda: weft.Classify(bool_of(), prior={"true": 0, "false": 0}), "no prior"),
        (lambda: weft.Classify("text -> label: bool"), "made of a module"),
    ],
)
def test_what_cannot_be_decided(made: Callable[[], Any], match: str) -> None:
    """It is told when the module is made."""
    with pytest.raises(ConfigError, match=match):
        made()


def int_of(**rules: Any) -> weft.Predict[..., Any]:
    """A module that gives a number."""
    kind = Annotated[int, Field(**rules)]
    return weft.Predict("text -> label: Kind", types={"Kind": kind})


def bool_of() -> weft.Predict[..., Any]:
    """A module that decides."""
    return weft.Predict("text -> label: bool")


@pytest.mark.parametrize(
    ("rows", "method", "match"),
    [
        (None, "batch", "there are none"),
        ([], "batch", "there are none"),
        ("rows", "batch", "'rows' is a path"),
        ([1], "batch", "1 is none"),
        (5, "batch", "there are none"),
        ([{"text": "x"}], "contextual", "no rows"),
        ([{"text": "x"}], "magic", "no way to calibrate"),
    ],
)
def test_what_cannot_be_calibrated(rows: Any, method: Any, match: str) -> None:
    """Nothing is asked."""
    with pytest.raises(ConfigError, match=match):
        weft.calibrate(weft.Classify(bool_of()), rows, method=method)
    with pytest.raises(ConfigError, match="no Classify"):
        weft.calibrate(bool_of(), [{"text": "x"}])  # type: ignore[call-overload]


def test_a_row_without_its_input() -> None:
    """It is told as in any call."""
    lm = answers({"true": -0.1, "false": -2.4})
    with weft.use(lm=lm, cache=None), pytest.raises(CallError, match="text"):
        weft.calibrate(weft.Classify(bool_of()), [{"txt": "x"}])


def test_matching() -> None:
    """With the prior each choice is as probable as any other over the rows.

    A prior that is the mean is not enough where rows are told apart unevenly.
    """
    said = {
        "sun": (0.98, 0.01),
        "rain": (0.9, 0.05),
        "fog": (0.6, 0.3),
        "snow": (0.5, 0.1),
    }
    names = ("yes", "no", "maybe")

    def answer(request: Request) -> Response:
        yes, no = next(
            p for word, p in said.items() if word in request.messages[1].text
        )
        logs = map(math.log, (yes, no, 1 - yes - no))
        top = tuple(zip(names, logs, strict=True))
        return Response("yes", logprobs=(TokenLogprob(*top[0], top),))

    kind = Literal["yes", "no", "maybe"]
    part = weft.Predict("text -> label: Kind", types={"Kind": kind})
    ask = weft.Classify(part, by="top")
    rows = [{"text": word} for word in said]
    with weft.use(lm=weft.FunctionLM(answer), cache=weft.MemoryCache()):
        means = {
            method: [
                math.fsum(one.probabilities[name] for one in made) / len(made)
                for name in names
            ]
            for method in ("batch", "matching")
            for even in [weft.calibrate(ask, rows, method=method)]
            for made in [[weft.info(r).decision() for r in even.batch(rows)]]
        }
    assert means["matching"] == pytest.approx([1 / 3] * 3, abs=1e-5)
    assert max(means["batch"]) > 0.4


def test_contextual() -> None:
    """Three inputs without content are asked; a number has no such thing."""
    lm = answers({"true": math.log(0.8), "false": math.log(0.2)})
    with weft.use(lm=lm, cache=None):
        even = weft.calibrate(weft.Classify(bool_of()), method="contextual")
        made = even(text="hi")
    assert lm.calls == 4
    assert {n: round(p, 9) for n, p in (even.prior or {}).items()} == {
        "true": 0.8,
        "false": 0.2,
    }
    assert round(weft.info(made).facts["probabilities"]["true"], 9) == 0.5
    number = weft.Classify(weft.Predict("n: int -> label: bool"))
    with pytest.raises(ConfigError, match="'n' is none"):
        weft.calibrate(number, method="contextual")


def test_a_prior_of_another_prompt_is_not_taken_off() -> None:
    """A changed instruction, or another model: it is noted, and decided without."""
    says = {"true": math.log(0.8), "false": math.log(0.2)}
    ask = weft.Classify(bool_of(), name="ask")
    with weft.use(lm=answers(says), cache=None):
        even = weft.calibrate(ask, [{"text": "a"}])
        program = as_program(even)
        tuned = program.with_parameters({"ask/module/instruction": "Be strict."})
        runs = [one.run(text="b") for one in (program, tuned)]
        mine = weft.Classify(bool_of(), prior={"true": 4, "false": 1})
        own = weft.info(mine(text="b")).facts

    facts = [run.trace.tree[0].run for run in runs]
    assert [one.facts["calibrated"] for one in facts] == [True, False]
    assert [bool(one.repairs) for one in facts] == [False, True]
    assert "calibrate again" in facts[1].repairs[0]
    assert round(own["probabilities"]["true"], 9) == 0.5


def test_saved_with_its_prior(tmp_path: Path) -> None:
    """A loaded one decides alike and asks nobody for a prior; a bad one is refused."""
    says = {"true": math.log(0.8), "false": math.log(0.2)}
    with weft.use(lm=answers(says), cache=None):
        even = weft.calibrate(weft.Classify(bool_of(), name="ask"), [{"text": "a"}])
        path = weft.save(as_program(even), tmp_path / "ask.weft.json")
        loaded = weft.load(path)
        facts = [
            one.run(text="b").trace.tree[0].run.facts
            for one in (as_program(even), loaded)
        ]
    assert facts[0] == facts[1]
    assert facts[1]["calibrated"]

    tree = json.loads(path.read_text("utf-8"))
    settings = tree["program"]["modules"]["ask"]["settings"]
    for bad in (
        {"prior": {"true": "x"}},
        {"rule": {"label": {"heat": 1}}},
        {"rule": {"label": {"temperature": -1}}},
        {"rule": {"other": {}}},
        {"rule": 3},
    ):
        tree["program"]["modules"]["ask"]["settings"] = {**settings, **bad}
        tree["digest"] = digest_of(tree["program"])
        path.write_text(json.dumps(tree), "utf-8")
        with pytest.raises(ArtifactError):
            weft.load(path)


def test_settings_that_were_saved_before_rules() -> None:
    """A prior of one output stands by itself, as it always did."""
    saved = {
        "by": "auto",
        "shown": 20,
        "prior": {"true": 0.75, "false": 0.25},
        "prior_of": "sha256:1",
    }
    loaded = weft.Classify(bool_of(), **saved)  # type: ignore[arg-type]
    assert loaded.settings() == saved
    assert weft.Classify(bool_of()).settings() == {"by": "auto", "shown": 20}
    cut = loaded.with_rule(cut=0.25, unsure_below=0.6)
    assert cut.settings() == {
        **saved,
        "rule": {"label": {"cut": 0.25, "unsure_below": 0.6}},
    }
    again = weft.Classify(bool_of(), **cut.settings())  # type: ignore[arg-type]
    assert again.rules == cut.rules
    lm = answers({"true": -0.1, "false": -2.4})
    with weft.use(lm=lm, cache=None):
        facts = weft.info(weft.Classify(bool_of())(text="?")).facts
    # Of the version before: a prior that was saved holds, and answers are in the cache.
    assert facts["prompt"] == (
        "sha256:b43f928b96fb4378272c64e2b66f5de58e07e22d9118d88808ccc221ea9836ef"
    )
    assert lm.requests[0].key == (
        "a0182732fadfcf875fea2af9d4a73cd2d935e51d2e2b60bbbac7169a89f71db8"
    )


def test_unsure_of_a_word_that_is_not_shown() -> None:
    """A choice outside the likeliest tokens is a bound, which may decide."""
    part = weft.Predict("text -> label: Literal['a', 'b', 'c']")
    far = (TokenLogprob("x", -0.1, (("x", -0.1), ("a", -2.4), ("y", -2.4))),)
    lm = weft.FunctionLM(lambda _: Response("x", logprobs=far))
    with weft.use(lm=lm, cache=None):
        facts = weft.info(weft.Classify(part)(text="?")).facts

    assert facts["unsure"]
    assert facts["at_most"] == ["b", "c"]


def test_demos_are_bootstrapped_of_decisions() -> None:
    """What was decided right becomes a demo of the part, and the prompt shows it."""
    rows = [{"text": f"row {n}", "label": True} for n in range(8)]
    lm = answers({"true": -0.1, "false": -2.4})
    with weft.use(lm=lm, cache=None):
        result = weft.compile(
            as_program(weft.Classify(bool_of(), name="ask")),
            rows,
            metric=weft.metrics.exact("label"),
            compiler=weft.compilers.BootstrapFewShot(demos=1, bootstrapped=1),
            budget="40 calls",
        )

    assert [*result.program.modules] == ["ask/module"]
    assert any(m.role == "assistant" for r in lm.requests for m in r.messages)


def test_in_a_program_after_compiling() -> None:
    """A program's decisions are calibrated by its own inputs, each by its path."""
    says = {"true": math.log(0.8), "false": math.log(0.2)}
    ask = weft.Classify(bool_of(), name="ask")
    short = weft.Predict("text -> short", name="short")

    @weft.program
    def whole(text: str) -> bool:
        return ask(text=short(text=text).short).label

    def said(request: weft.Request) -> Response:
        if "logprobs" not in request.sampling:
            return Response("[[ short ]]\nx")
        top = tuple(says.items())
        return Response("true", logprobs=(TokenLogprob(*top[0], top),))

    tuned = whole.with_parameters({"ask/module/instruction": "Be strict."})
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        even = weft.calibrate(tuned, [{"text": "a"}, {"text": "b"}])
        run = even.run(text="c")
        plain = weft.Predict("text -> short")
        with pytest.raises(ConfigError, match="calls none"):
            weft.calibrate(as_program(plain), [{"text": "a"}])

    facts = next(n.facts for n in run.trace.nodes if n.path == "ask")
    assert facts["calibrated"]
    assert round(facts["probabilities"]["true"], 9) == 0.5


def test_a_budget_that_ends_in_the_middle(server: Server) -> None:
    """Nothing is sent beyond it, and no half decision is given."""
    server.answer = planted
    lm = LM("llamacpp/m", api_base=server.url)
    ask = weft.Classify(weft.Predict(Triage, adapter="chat/2:stop"))
    with (
        weft.use(lm=lm, cache=None, budget="1 call"),
        pytest.raises(weft.errors.BudgetExceeded),
    ):
        ask(text="row 1")
    assert server.count <= 1
