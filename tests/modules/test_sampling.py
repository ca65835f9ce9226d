"""Several calls for one answer: which answer comes, at what price, and what is said."""

from __future__ import annotations

import enum
import json
import pickle
import random
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic
import pytest

import weft
from weft import Request
from weft.cli import main
from weft.compilers.propose.rows import demos_of
from weft.compilers.search.counting import calls_bound, calls_plain
from weft.errors import (
    ArtifactError,
    BudgetExceeded,
    CallError,
    CheckFailed,
    ConfigError,
    ModelError,
    ParseError,
    RateLimited,
    ServerError,
    SignatureError,
    StepError,
)
from weft.modules.sampling.chunks import chunks_of
from weft.modules.sampling.tally import vote_of
from weft.pipeline.graph.digest import digest_of
from weft.pipeline.graph.program import as_program
from weft.pipeline.measure.row_result import RowResult

ASK = "question -> answer"
ask = weft.Predict(ASK)


def says(**fields: object) -> str:
    """A reply as a model writes it."""
    return "\n".join(f"[[ {name} ]]\n{value}" for name, value in fields.items())


def facts(value: Any) -> Mapping[str, Any]:
    """What a module says of an answer."""
    return weft.info(value).facts


def answers(*texts: str) -> weft.FunctionLM:
    """A model that says one text a try."""
    return weft.FunctionLM(lambda request: says(answer=texts[request.sample]))


def failing(error: ModelError) -> weft.FunctionLM:
    """A model that is down."""

    def fail(request: Request) -> str:
        del request
        raise error

    return weft.FunctionLM(fail)


@pytest.fixture(autouse=True)
def uncached() -> Any:
    """No answer is kept, and no error is retried."""
    with weft.use(cache=None, retry=weft.RetryPolicy(retries=0)):
        yield


# Votes


def test_a_vote_says_how_many_agree() -> None:
    """Agreement is of all tries; one without a usable answer agrees with nobody."""
    texts = {0: "Paris", 1: "Lyon", 2: " PARIS ", 4: "Nice"}
    lm = weft.FunctionLM(
        lambda r: says(answer=texts[r.sample]) if r.sample in texts else "?"
    )
    with weft.use(lm=lm):
        made = weft.Vote(weft.Predict(ASK, repairs=0), n=5)(question="q")

    assert made.answer == "Paris"
    assert facts(made)["agreement"] == pytest.approx(2 / 5)
    assert [one["weight"] for one in facts(made)["votes"]] == [2, 1, 1]
    assert weft.inputs_of(made) == {"question": "q"}


def test_votes_can_weigh() -> None:
    """A weight by a function outvotes a number; equals and zeros go to the earliest."""

    def weight(inputs: Mapping[str, Any], made: Any) -> float:
        return {"a": 1, "b": 5, "c": 0}[made.answer]

    with weft.use(lm=answers("a", "a", "b", "c")):
        made = weft.Vote(ask, n=4, weight=weight)(question="q")
        assert made.answer == "b"
        assert facts(made)["agreement"] == pytest.approx(5 / 7)
        none = weft.Vote(ask, n=4, weight=lambda i, m: 0.0)(question="q")
    assert none.answer == "a"
    assert facts(none)["agreement"] == 0


@pytest.mark.parametrize(
    "weight", [-1, 1e308, float("inf"), float("nan"), None, "no", [1]]
)
def test_what_is_no_weight(weight: Any) -> None:
    """A weight is a number of at least 0; words count as none."""
    vote = weft.Vote(ask, n=2, weight=lambda inputs, made: weight)
    with weft.use(lm=answers("a", "b")):
        if weight == "no":
            assert vote(question="q").answer == "a"
        else:
            with pytest.raises(StepError, match=r"weight|verdict"):
                vote(question="q")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The\u00a0 Sea", "the sea", True),
        ("\uff21", "a", True),
        ({"b": "X ", "a": [1.0]}, {"a": [1], "b": "x"}, True),
        ([1, 2], [2, 1], False),
        (True, 1, False),
        ("1", 1, False),
        (None, "none", False),
        (float("nan"), float("nan"), True),
        ("", " ", True),
    ],
)
def test_votes_are_of_values(one: Any, other: Any, same: bool) -> None:
    """Values are compared as what they are, and texts without what shows nothing."""
    assert (vote_of(one) == vote_of(other)) is same


# Rewards and judges


def test_a_judge_is_a_module_or_a_program() -> None:
    """It reads fields by name, its last output counts, and it is a part to tune."""
    judge = weft.Predict("question, answer -> reason, score: float", name="judge")

    def reply(request: Request) -> str:
        if "[[ score ]]" not in request.messages[0].content:
            return says(answer=f"a{request.sample}")
        sent = request.messages[-1].content
        return says(reason="so", score=0.9 if "a1" in sent else 0.1)

    @weft.program
    def judged(answer: str) -> bool:
        return is_second(answer)

    for reward in (judge, judged):
        best = weft.BestOfN(ask, reward, n=3, name="best")
        with weft.use(lm=weft.FunctionLM(reply)):
            made = best(question="q")
        assert made.answer == "a1"
        assert facts(made)["chosen"] == 1
    paths = [*as_program(weft.BestOfN(ask, judge, name="b")).modules]
    assert paths == ["b/module", "b/reward"]
    with pytest.raises(ConfigError, match="reads 'text', which is no field"):
        weft.BestOfN(ask, weft.Predict("text -> score: float"))


@weft.step
def is_second(answer: str) -> bool:
    """Whether it is the second answer."""
    return answer == "a1"


def test_a_judge_that_fails_on_one_leaves_it_out() -> None:
    """Its own error comes only where it judges none of them."""
    judge = weft.Predict("answer -> score: float", repairs=0)

    def reply(request: Request) -> str:
        if "[[ score ]]" not in request.messages[0].content:
            return says(answer=f"a{request.sample}")
        return "?" if "a0" in request.messages[-1].content else says(score=0)

    best = weft.BestOfN(ask, judge, n=2)
    with weft.use(lm=weft.FunctionLM(reply)):
        assert best(question="q").answer == "a1"
        with pytest.raises(ParseError):
            weft.BestOfN(ask, judge, n=1)(question="q")


def test_a_best_that_is_good_enough_ends_the_tries() -> None:
    """With a threshold the tries are made one by one."""
    lm = answers("long one", "no", "never asked")
    short = weft.BestOfN(ask, lambda i, m: 3 - len(m.answer), n=3, threshold=1)
    with weft.use(lm=lm):
        made = short(question="q")
    assert (made.answer, lm.calls) == ("no", 2)
    assert facts(made)["scores"] == [-5, 1]


def test_the_words_of_a_reward_are_the_advice() -> None:
    """Refine asks no critic where it is told what is wrong, by words or a `Score`."""
    verdicts: list[Any] = ["Name the town.", weft.Score(0.5, "Name no river."), 1.0]
    left = [*verdicts]
    refine = weft.Refine(ask, lambda inputs, made: left.pop(0))
    lm = weft.ScriptedLM([says(answer=a) for a in ("?", "Seine", "Paris")])
    with weft.use(lm=lm):
        made = refine(question="q")

    assert made.answer == "Paris"
    assert facts(made)["advice"] == ["Name the town.", "Name no river."]
    assert facts(made)["scores"] == [0, 0.5, 1]
    assert "Name no river." in lm.requests[2].messages[-1].content


def test_refine_keeps_the_best_where_a_later_reply_fails() -> None:
    """An answer that is there is not lost to one that cannot be read."""
    refine = weft.Refine(weft.Predict(ASK, repairs=0), lambda i, m: 0.5)
    with weft.use(lm=weft.ScriptedLM([says(answer="a"), says(advice="b"), "?"])):
        run = refine.run(question="q")
    assert run.value.answer == "a"
    assert "no better answer" in run.trace.tree[0].run.repairs[0]


# Checks


def short(inputs: Mapping[str, Any], made: Any) -> bool | str:
    """Whether it is short."""
    assert set(inputs) == {"question"}
    return len(made.answer) < 4 or f"{made.answer!r} is too long."


def lower(inputs: Mapping[str, Any], made: Any) -> bool:
    """Write small letters."""
    del inputs
    return bool(made.answer == made.answer.lower())


def test_the_words_of_a_check_are_shown() -> None:
    """All that is wrong is said, with the earlier answer; a False has a docstring."""
    lm = weft.ScriptedLM([says(answer="LONG"), says(answer="ok")])
    with weft.use(lm=lm):
        made = weft.Check(ask, [short, lower], name="it")(question="q")

    assert made.answer == "ok"
    sent = lm.requests[1].messages[-1].content
    assert "'LONG' is too long.\nWrite small letters." in sent
    assert "[[ draft ]]\nLONG" in sent
    wrong = {"short": "'LONG' is too long.", "lower": "Write small letters."}
    assert facts(made) == {"tries": 2, "failed": [wrong]}


def test_an_answer_that_passes_is_one_plain_call() -> None:
    """A check adds nothing to the request of an answer that passes."""
    lm = answers("ok")
    with weft.use(lm=lm):
        ask(question="q")
        weft.Check(ask, [short])(question="q")
    plain, checked = lm.requests
    assert plain.key == checked.key


def test_a_check_that_fails_to_the_end() -> None:
    """It is an error that a metric scores 0, or the answer that fails the fewest."""
    replies = [says(answer="LONG"), says(answer="long"), says(answer="LONGER")]
    with weft.use(lm=weft.ScriptedLM(replies)), pytest.raises(CheckFailed) as caught:
        weft.Check(ask, [short, lower], repairs=2, name="it")(question="q")
    assert set(caught.value.failed) == {"short", "lower"}
    assert "it: the answer fails 'short', 'lower'" in str(caught.value)

    advised = weft.Check(ask, [short, lower], repairs=2, required=False)
    with weft.use(lm=weft.ScriptedLM(replies)):
        assert advised(question="q").answer == "long"


@pytest.mark.parametrize("gives", [None, "", 0.5, 2, [], "  "])
def test_what_is_no_verdict(gives: Any) -> None:
    """A check that gives neither True, False nor words is a mistake, and is told."""
    check = weft.Check(ask, [lambda inputs, made: gives])
    with weft.use(lm=answers("ok")), pytest.raises(StepError, match="gave"):
        check(question="q")


def test_a_module_of_parts_is_checked_too() -> None:
    """It is asked again with the words below its instructions."""
    voted = weft.Vote(ask, n=2)
    lm = weft.FunctionLM(
        lambda r: says(answer="ok" if "too long" in r.messages[0].content else "LONG")
    )
    with weft.use(lm=lm):
        made = weft.Check(voted, [short], name="it")(question="q")
    assert (made.answer, lm.calls) == ("ok", 4)


def test_a_judge_checks() -> None:
    """A module that says True or False; its other texts are the words."""
    judge = weft.Predict("answer -> why, ok: bool", name="judge")
    script = [says(answer="a"), says(why="No vowels!", ok="false"), says(answer="b")]
    lm = weft.ScriptedLM([*script, says(why="-", ok="true")])
    with weft.use(lm=lm):
        assert weft.Check(ask, [judge])(question="q").answer == "b"
    assert "No vowels!" in lm.requests[2].messages[-1].content


# Fallback


@pytest.mark.parametrize(
    ("error", "on", "falls"),
    [
        (ServerError("down"), (ModelError,), True),
        (RateLimited("busy"), ("RateLimited", "ParseError"), True),
        (ServerError("down"), (RateLimited,), False),
    ],
)
def test_the_next_model_answers(error: ModelError, on: Any, falls: bool) -> None:
    """Only on errors of a model's call that are said to lead on."""
    spare = answers("spare")
    fallback = weft.Fallback(ask, [spare], on=on, name="it")
    with weft.use(lm=failing(error)):
        if not falls:
            with pytest.raises(type(error)):
                fallback(question="q")
            return
        run = fallback.run(question="q")

    assert run.value.answer == "spare"
    (one,) = facts(run.value)["failed"]
    assert one["error"] == f"{type(error).__name__}: {error.message}"
    assert facts(run.value)["answered"] == spare.model
    assert "is asked" in run.trace.tree[0].run.repairs[0]


def test_what_leads_on_to_no_model() -> None:
    """Set-up errors, a spent budget and errors of steps are nobody's to answer for."""
    spare = answers("spare")
    fallback = weft.Fallback(ask, [spare])
    with pytest.raises(ConfigError, match="no model is set"):
        fallback(question="q")
    with (
        weft.use(lm=failing(ServerError("down")), budget="1 calls"),
        pytest.raises(BudgetExceeded),
    ):
        fallback(question="q")
    assert spare.calls == 0


def test_the_last_error_is_raised() -> None:
    """Where no model answers; the others stand in the trace."""
    fallback = weft.Fallback(ask, [failing(RateLimited("busy"))], name="it")
    with weft.use(lm=failing(ServerError("down"))), pytest.raises(RateLimited):
        fallback(question="q")


def test_every_model_is_asked_what_was_tuned() -> None:
    """One part, one set of parameters, whoever answers; in modules of parts too."""
    for module, path in ((ask, "it/module"), (weft.Vote(ask, n=2), "it/module/module")):
        spare = weft.FunctionLM(lambda r: says(answer="ok"))
        fallback = weft.Fallback(module, [spare], name="it")
        program = as_program(fallback).with_parameters(
            {f"{path}/instruction": "Tuned!"}
        )
        with weft.use(lm=failing(ServerError("down"))):
            run = program.run("q")
        assert {node.path for node in run.trace.nodes if node.calls} == {path}
        assert all("Tuned!" in r.messages[0].content for r in spare.requests)


def test_an_artifact_names_models_and_opens_none(tmp_path: Path) -> None:
    """Who loads it says who they are; without that nothing is asked."""
    mine = weft.RefusingLM(model="spare")
    fallback = weft.Fallback(ask, [mine], on=[ServerError], name="it")
    path = weft.save(as_program(fallback), tmp_path / "it.weft.json")
    loaded = weft.load(path)
    with weft.use(lm=failing(ServerError("down")), lms={"spare": answers("theirs")}):
        assert loaded("q").answer == "theirs"
    with (
        weft.use(lm=failing(ServerError("down"))),
        pytest.raises(ConfigError, match="no model of that name"),
    ):
        loaded("q")

    made = json.loads(path.read_text())
    made["program"]["modules"]["it"]["settings"]["on"] = ["KeyError"]
    path.write_text(json.dumps(made))
    with pytest.raises(ArtifactError):
        weft.load(path)


# Cascade


def cheap_and_strong(cheap: str) -> tuple[Any, Any, weft.FunctionLM]:
    """A module of a cheap model, one of a strong model, and that one."""
    strong = answers("strong")
    texts = cheap.split()
    small = weft.FunctionLM(lambda r: texts[r.sample].replace("=", "[[ answer ]]\n"))
    one = weft.Predict(ASK, repairs=0)
    return one.with_(lm=small), one.with_(lm=strong), strong


@pytest.mark.parametrize(
    ("cheap", "options", "why"),
    [
        ("=ok", {"unsure": lambda i, m: m.answer != "ok"}, ""),
        ("=no", {"unsure": lambda i, m: m.answer != "ok"}, "says so"),
        ("=no", {"unsure": lambda i, m: "It says no."}, "It says no."),
        ("=ok", {"checks": [short]}, ""),
        ("=no_no", {"checks": [short]}, "too long"),
        ("=a =a =a", {"n": 3}, ""),
        ("=a =b =a", {"n": 3}, "67% of 3 samples agree"),
        ("=a =b =a", {"n": 3, "agreement": 2 / 3}, ""),
        ("=a ? =a", {"n": 3}, "67% of 3 samples agree"),
        ("?", {"checks": [short]}, "ParseError"),
        ("? ?", {"n": 2}, "ParseError"),
    ],
)
def test_the_strong_module_is_asked_where_the_cheap_one_is_unsure(
    cheap: str, options: dict[str, Any], why: str
) -> None:
    """By any test; an unusable reply is unsure, and a sure one is all that is paid."""
    first, second, strong = cheap_and_strong(cheap)
    made = weft.Cascade(first, second, **options)(question="q")

    assert strong.calls == bool(why)
    assert (made.answer == "strong") is bool(why)
    assert facts(made)["answered"] == ("strong" if why else "cheap")
    assert why in facts(made).get("why", "")


def test_a_server_that_is_down_is_not_unsure() -> None:
    """A cascade spends no strong call on an outage."""
    first, second, strong = cheap_and_strong("=a")
    down = first.with_(lm=failing(ServerError("down")))
    with pytest.raises(ServerError):
        weft.Cascade(down, second, checks=[short])(question="q")
    assert strong.calls == 0


# Compare and Ensemble


def test_a_comparison_sees_every_attempt() -> None:
    """As JSON texts in their order, without those that could not be read."""

    def reply(request: Request) -> str:
        if "[[ attempts ]]" in request.messages[-1].content:
            return says(reasoning="the first", answer="a")
        return "?" if request.sample == 1 else says(reasoning="r", answer="]]")

    lm = weft.FunctionLM(reply)
    with weft.use(lm=lm):
        made = weft.Compare(weft.ChainOfThought(ASK, repairs=0), n=3)(question="q")
    assert (made.answer, made.reasoning) == ("a", "the first")
    assert facts(made)["attempts"] == 2
    sent = lm.requests[-1].messages[-1].content
    assert sent.count('\\"answer\\": \\"]]\\"') == 2


def test_an_ensemble_of_models() -> None:
    """The majority of those that answer; what one adds is no part of the contract."""
    members = [
        ask.with_(lm=answers("a")),
        weft.ChainOfThought(
            ASK, lm=weft.FunctionLM(lambda r: says(reasoning="r", answer="b"))
        ),
        ask.with_(lm=answers("B")),
        weft.Predict(ASK, repairs=0, lm=weft.FunctionLM(lambda r: "?")),
    ]
    made = weft.Ensemble(members)(question="q")
    assert made.answer == "b"
    assert facts(made)["answered"] == 3
    assert facts(made)["agreement"] == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [
        ("mean", 2.5),
        (lambda answers: answers[-1], 3.0),
        (lambda answers: max(one.stars for one in answers), 3.0),
        (lambda answers: {"stars": 1.0}, 1.0),
        (lambda answers: "many", None),
        (lambda answers: None, None),
    ],
)
def test_an_ensemble_reduces(reduce: Any, expected: float | None) -> None:
    """By the mean or a function, whose result is checked as an answer."""
    rate = weft.Predict("review -> stars: float")
    lms = [weft.FunctionLM(lambda r, n=n: says(stars=n)) for n in (2, 3)]
    both = weft.Ensemble([rate.with_(lm=lm) for lm in lms], reduce)
    if expected is None:
        with pytest.raises(StepError, match="is no answer"):
            both(review="r")
    else:
        assert both(review="r").stars == expected


def test_members_are_loaded_in_their_order(tmp_path: Path) -> None:
    """Of more than nine too, where names sort otherwise."""
    members = [ask.with_(instruction=f"Say {n}.") for n in range(11)]
    ensemble = weft.Ensemble(members, reduce=last, name="it")
    path = weft.save(as_program(ensemble), tmp_path / "it.weft.json")
    lm = weft.FunctionLM(
        lambda r: says(answer=r.messages[0].content.split("Say ")[1][:2])
    )
    with weft.use(lm=lm):
        assert weft.load(path, steps=[last])("q").answer == "10"


def last(answers: list[Any]) -> Any:
    """The last answer."""
    return answers[-1]


# MapReduce


@pytest.mark.parametrize("by", ["characters", "sentences"])
def test_chunks_leave_nothing_out(by: Any) -> None:
    """Without overlap they are the text; with it, every piece of it is in order."""
    rng = random.Random(7)
    letters = "ab .!?\n\u3002\U0001f9f5\u0301"
    for _ in range(400):
        text = "".join(rng.choices(letters, k=rng.randrange(60)))
        size = rng.randrange(1, 20)
        overlap = rng.randrange(size)
        assert "".join(chunks_of(text, by, size)) == text
        chunks, at = chunks_of(text, by, size, overlap), 0
        for chunk in chunks:
            assert 0 < len(chunk) <= size
            starts = [s for s in range(at + 1) if text.startswith(chunk, s)]
            assert starts
            at = max(s + len(chunk) for s in starts)
        assert at == len(text)


def test_a_flood_is_cut_in_no_time() -> None:
    """Runs of what may end a sentence are looked at once."""
    for text in ("." * 300_000, "\n" * 300_000, ". " * 150_000, '."' * 150_000):
        assert len(chunks_of(text, "sentences", 100_000)) == 3


def noted(request: Request) -> str:
    """A model that knows only what it sees."""
    sent = request.messages[-1].content
    name = next(
        n
        for n in ("merged", "answer", "note")
        if f"[[ {n} ]]" in request.messages[0].content
    )
    return says(**{name: "1871" if "1871" in sent else "nothing"})


def reader(**options: Any) -> Any:
    """A module that reads a long text."""
    return weft.MapReduce(
        weft.Predict("question, text -> note"),
        weft.Predict("question, notes: list[str] -> answer"),
        name="read",
        **options,
    )


def test_a_needle_is_found_whatever_is_merged() -> None:
    """No calls but those of the chunks, of merging, and one; bytes hang on no luck."""
    text = "The sea is cold. " * 100 + "It was built in 1871. " + "Wind. " * 100
    module = reader(size=100, room=60, most=64)
    sent: list[list[str]] = []
    for concurrency in (1, 64):
        lm = weft.FunctionLM(noted)
        with weft.use(lm=lm):
            rows = [{"question": str(n), "text": text} for n in range(3)]
            made = module.batch(rows, concurrency=concurrency)
        assert {one.answer for one in made} == {"1871"}
        told = facts(made[0])
        assert told["merges"] < told["chunks"] <= 64
        assert lm.calls <= 3 * (told["chunks"] + told["merges"] + 1)
        sent.append(sorted(r.key for r in lm.requests))
    assert sent[0] == sent[1]
    assert len(made[0].notes) < told["chunks"]


def test_too_many_chunks_are_refused_before_a_call() -> None:
    """How much a text may cost is known."""
    lm = weft.FunctionLM(noted)
    with (
        weft.use(lm=lm),
        pytest.raises(CallError, match="more than 32 chunks of 2 char"),
    ):
        reader(by="characters", size=2)(question="q", text="x" * 100)
    assert lm.calls == 0
    with weft.use(lm=lm, budget="3 calls"), pytest.raises(BudgetExceeded):
        reader(by="characters", size=10)(question="q", text=str(list(range(30))))
    assert lm.calls <= 3


def test_a_quote_counts_the_chunks_of_the_rows() -> None:
    """The longest row bounds the calls; of what another module writes, `most` does."""
    module = reader(by="characters", size=10, most=40)
    texts = [{"question": "q", "text": "x" * n} for n in (5, 95)]
    rows = weft.read_rows(texts, ["question", "text"])

    assert calls_bound(as_program(module), rows) == 2 * (10 + 9 + 1)
    assert calls_plain(as_program(module), rows) == (1 + 10 + 0 + 9) / 2 + 1
    assert calls_bound(as_program(module)) == 2 * (40 + 39 + 1)


def test_nothing_to_read_is_no_chunk() -> None:
    """The answer is made of no note."""
    lm = weft.FunctionLM(noted)
    with weft.use(lm=lm):
        made = reader()(question="q", text="")
    assert (made.answer, made.notes, lm.calls) == ("nothing", [], 1)


class Fact(pydantic.BaseModel):
    """A typed note."""

    year: int


def test_lists_are_cut_and_notes_are_typed() -> None:
    """A list is cut between items, and a note may be a model of fields."""

    class Look(weft.Signature):
        """Look."""

        pages: list[str] = weft.Input()
        fact: Fact = weft.Output()

    class Sum(weft.Signature):
        """Sum up."""

        facts: list[Fact] = weft.Input()
        total: int = weft.Output()

    def reply(request: Request) -> str:
        if "[[ total ]]" in request.messages[0].content:
            return says(total=1)
        sent = request.messages[-1].content
        return says(fact=json.dumps({"year": sent.count("p")}))

    module = weft.MapReduce(weft.Predict(Look), weft.Predict(Sum), size=2)
    with weft.use(lm=weft.FunctionLM(reply)):
        made = module(pages=["x", "x", "x"])
    assert made.total == 1
    assert isinstance(made, Sum)
    assert [type(one) for one in made.facts] == [Fact, Fact]


def test_a_chunk_that_cannot_be_read_fails_the_whole() -> None:
    """Nothing is left out in silence."""
    lm = weft.FunctionLM(
        lambda r: "?" if "1871" in r.messages[-1].content else noted(r)
    )
    module = weft.MapReduce(
        weft.Predict("text -> note", repairs=0),
        weft.Predict("notes: list[str] -> answer"),
        size=16,
    )
    with weft.use(lm=lm), pytest.raises(ParseError):
        module(text="The sea. It was 1871. The end.")


def test_what_is_the_same_is_asked_once(caplog: pytest.LogCaptureFixture) -> None:
    """Equal chunks and equal notes, on any level, and equal images by their bytes."""

    def reply(request: Request) -> str:
        name = re.findall(r"\[\[ (note|merged|answer)", request.messages[0].content)[-1]
        return says(**{name: "none"})

    lm = weft.FunctionLM(reply)
    note, last = "text -> note", "notes: list[str] -> answer"
    read = weft.MapReduce(weft.Predict(note), weft.Predict(last), size=1, room=1)
    with weft.use(lm=lm):
        assert read(text="a" * 16).answer == "none"
    assert lm.calls == 3  # a note, a merge, the answer
    assert not caplog.records


# What an answer is shown as, and what may judge


class Mood(enum.Enum):
    """A closed choice."""

    GLAD = "glad"


@pytest.mark.parametrize(
    ("kind", "written", "shown"),
    [
        ("Mood", "glad", "glad"),
        ("bool", "true", "true"),
        ("set[str]", '["b", "a"]', '["a", "b"]'),
        ("dict[str, int]", '{"a": 1}', '{"a": 1}'),
        ("int | None", "null", "null"),
    ],
)
def test_a_bare_answer_is_shown_as_a_field_is(
    kind: str, written: str, shown: str
) -> None:
    """In the function form too a draft is JSON, and never Python's own words."""
    module = weft.Predict(f"question -> answer: {kind}", types={"Mood": Mood})
    lm = weft.FunctionLM(lambda request: says(answer=written))
    check = weft.Check(module.returning("answer"), [lambda i, m: False], required=False)
    with weft.use(lm=lm):
        check(question="q")

    assert f"[[ draft ]]\n{shown}\n" in lm.requests[-1].messages[-1].content


def test_what_a_check_does_to_the_inputs_stays_with_it() -> None:
    """The next try is asked, and the result made, of what the caller gave."""

    def takes(inputs: dict[str, Any], made: Any) -> bool:
        inputs.clear()
        return False

    check = weft.Check(ask, [takes], required=False)
    with weft.use(lm=weft.FunctionLM(lambda request: says(answer="a"))):
        assert weft.inputs_of(check(question="q")) == {"question": "q"}


def test_equal_numbers_are_one_vote() -> None:
    """1.0 and 1.00 are, as decimals too."""
    module = weft.Predict("question -> answer: Decimal", types={"Decimal": Decimal})
    with weft.use(lm=answers("2", "1.0", "1.00")):
        made = weft.Vote(module, n=3)(question="q")

    assert made.answer == Decimal(1)
    signature = "question -> parts: list[Decimal]"
    listed = weft.Predict(signature, types={"Decimal": Decimal})
    said = [{"parts": [one]} for one in ("1.0", "1.00", "2", "2", "1")]
    with weft.use(lm=weft.ScriptedLM(said), cache=None):
        assert weft.Vote(listed, n=5)(question="q").parts == [Decimal(1)]


@pytest.mark.parametrize("last", ["score", "ok: Literal['yes', 'no']", "x: list[int]"])
def test_what_gives_words_alone_is_no_judge(last: str) -> None:
    """All of its verdicts would count the same; a check in words is a function."""
    judge = weft.Predict(f"question, answer -> {last}")
    for made in (weft.BestOfN, lambda a, j: weft.Check(a, [j])):
        with pytest.raises(ConfigError, match="all of these would count the same"):
            made(ask, judge)


def test_refine_takes_a_module_of_others() -> None:
    """Its parts see the advice below their instructions; nothing stays of it."""
    lm = weft.FunctionLM(
        lambda r: says(answer="good" if "be good" in str(r.messages) else "bad")
    )
    vote = weft.Vote(ask, n=2)
    refined = weft.Refine(vote, lambda i, m: m.answer == "good" or "be good", name="it")
    with weft.use(lm=lm):
        made = refined(question="q")

    assert (made.answer, lm.calls) == ("good", 4)
    assert facts(made)["advice"] == ["be good"]
    assert list(refined.modules) == ["module/module", "critic"]


def test_what_advises_asks_the_model_that_answers() -> None:
    """Also where that stands inside, and by name."""
    own = weft.ScriptedLM(["x"])
    inside = weft.Vote(ask.with_(lm=own))
    for made in (weft.Compare(inside), weft.Refine(inside, short)):
        assert {one.lm for one in made.modules.values()} == {own}
    named = weft.Compare(ask.with_(model="openai/x"))
    assert named.modules["compare"].parameters.model == "openai/x"


def test_a_mean_of_the_largest_is_a_number() -> None:
    """A reply cannot make the sum of the answers overflow."""
    rate = weft.Predict("review -> stars: float")
    mean = weft.Ensemble([rate, rate.with_(instruction="x")], reduce="mean")
    with weft.use(lm=weft.FunctionLM(lambda r: says(stars="1e308"))):
        assert mean(review="r").stars == 1e308


# All of them


def test_a_diff_sees_what_a_module_is_made_of() -> None:
    """How many tries, which models, and which checks: in a diff and on the page."""
    two, three = (weft.Vote(ask, n=n, name="it") for n in (2, 3))
    assert weft.diff(two, three).parameters == {"it/n": ("- 2", "+ 3")}
    one, other = (weft.Fallback(ask, models=[m], name="it") for m in ("a", "b"))
    assert weft.diff(one, other).parameters == {"it/models": ('- ["a"]', '+ ["b"]')}
    checks = [weft.BestOfN(ask, r, name="it") for r in (is_right, is_wrong)]
    changed = weft.diff(*checks)
    assert changed.signatures == {
        "it": ("- step reward: is_right", "+ step reward: is_wrong")
    }
    bare = weft.diff(ask, ask.returning("answer"))
    assert bare.signatures == {
        "answer": ("it gave back all of it, and now gives answer",)
    }

    assert "  n: 3\n" in weft.show(three)
    assert "  step reward: is_right" in weft.show(checks[0])


def test_changes_that_would_change_nothing_are_refused() -> None:
    """A path that is none, a thing that is no module, and what is set when made."""
    vote = weft.Vote(ask, n=2, name="it")
    for module in (vote, as_program(vote)):
        with pytest.raises(ConfigError, match="has no module 'nope'"):
            module.with_modules({"nope": ask})
    with pytest.raises(ConfigError, match="Did you mean 'module'"):
        vote.with_modules({"it/module": ask})
    for other in (weft.Predict("question -> answer: int"), ask.returning("answer")):
        with pytest.raises(ConfigError, match="takes or gives other things"):
            vote.with_modules({"module": other})
    with pytest.raises(ConfigError, match="5, which is no module"):
        vote.with_modules({"module": 5})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=r"weft.Vote\(..., n=...\)"):
        vote.with_(n=3)  # type: ignore[call-arg]
    with pytest.raises(SignatureError, match="'max' says nothing of its parameters"):
        weft.Ensemble([ask], reduce=max)
    for given in ({"N": 3}, {"reward_fn": short}):
        with pytest.raises(ConfigError, match=r"Did you mean '(n|reward)'"):
            weft.BestOfN(ask, **given)  # type: ignore[arg-type]


def test_a_module_with_a_plain_reward_is_pickled() -> None:
    """A function that no one decorated is found by its own name."""
    best = pickle.loads(pickle.dumps(weft.BestOfN(ask, is_right, n=2)))
    with weft.use(lm=answers("wrong", "right")):
        assert best(question="q").answer == "right"


def test_facts_are_in_the_trace_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said of an answer is kept, read again, and shown."""
    with weft.use(lm=answers("a", "a"), trace_log=tmp_path / "log.jsonl"):
        weft.Vote(ask, n=2, name="it")(question="q")
    (run,) = weft.read_traces(tmp_path / "log.jsonl")
    (top,) = [node for node in run.trace.nodes if node.path == "it"]
    assert top.facts["agreement"] == 1

    assert main(["trace", "show", str(tmp_path / "log.jsonl")]) == 0
    assert "fact agreement  1.0" in capsys.readouterr().out


two = weft.Predict("a, b -> note")
notes = weft.Predict("n: list[str] -> x")


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: weft.Check(ask, []), "without checks"),
        (lambda: weft.Check(ask, short), r"checks=\[short\]"),
        (lambda: weft.Check(ask, [short, short]), "two parts are named 'short'"),
        (lambda: weft.Check(ask, [short], repairs=-1), "repairs=-1"),
        (lambda: weft.Check(ask, ["short"]), r"def check_1\(inputs, answer\)"),
        (lambda: weft.Check(weft.Predict("draft -> x"), [short]), "'draft' of its own"),
        (lambda: weft.Fallback(ask), "no further model"),
        (lambda: weft.Fallback(ask, "embedded"), "no list"),
        (lambda: weft.Fallback(ask, ["embedded"], on=[KeyError]), "on='KeyError'"),
        (lambda: weft.Fallback(ask, ["embedded"], on=[BudgetExceeded]), "no error of"),
        (lambda: weft.Cascade(ask, ask.with_(name="b")), "nothing says when"),
        (lambda: weft.Cascade(ask, ask, n=2), "is there twice"),
        (lambda: weft.Cascade(ask, two, n=2), "names and types have to be the same"),
        (lambda: weft.Cascade(ask, ask.with_(name="b"), n=2, agreement=2), "no share"),
        (
            lambda: weft.Compare(weft.Predict("q -> reasoning")),
            "'reasoning' of its",
        ),
        (lambda: weft.Ensemble([]), "no ensemble"),
        (lambda: weft.Ensemble(ask), "answer'.* is no ensemble"),  # type: ignore[arg-type]
        (lambda: weft.BestOfN(ask, short, threshold=float("inf")), "is no reward"),
        (lambda: weft.Refine(ask, short, threshold=10**400), "is no reward"),
        (
            lambda: weft.MapReduce(
                weft.Predict("t -> n"), weft.Predict("merged: list[str] -> x")
            ),
            "'merged' has a name of its own parts",
        ),
        (lambda: weft.Ensemble([ask, ask]), "is there twice"),
        (
            lambda: weft.Ensemble([ask, weft.Predict("question -> answer: int")]),
            "answer: str, and 'answer' is question: str -> answer: int",
        ),
        (
            lambda: weft.Ensemble([ask, ask.returning("answer")]),
            "a call gives 'answer' alone",
        ),
        (lambda: weft.Ensemble([ask], reduce="median"), "no way to make one answer"),
        (
            lambda: weft.Ensemble([ask], reduce="mean"),
            "the mean of 'answer'",
        ),
        (lambda: weft.BestOfN(ask, short, threshold="x"), "is no reward"),  # type: ignore[arg-type]
        (lambda: weft.MapReduce(ask, ask.with_(name="b")), "over is one of them"),
        (lambda: weft.MapReduce(two, weft.Predict("a, notes: str -> x")), "list"),
        (
            lambda: weft.MapReduce(two, weft.Predict("a: int, notes: str -> x")),
            "'a' is",
        ),
        (lambda: weft.MapReduce(two, weft.Predict("n: list[str] -> x")), "say|Say"),
        (
            lambda: weft.MapReduce(
                weft.Predict("k: int -> n"), weft.Predict("n: list[str] -> x")
            ),
            "cannot be cut",
        ),
        (
            lambda: weft.MapReduce(
                weft.Predict("t -> n, m"), weft.Predict("n: list[str] -> x")
            ),
            "one value",
        ),
        (lambda: reader(over="txt"), "Did you mean 'text'"),
        (lambda: reader(by="items"), "cuts none"),
        (lambda: reader(size=0), "size=0"),
        (lambda: reader(size=5, overlap=5), "overlap=5"),
        (lambda: reader(most=True), "most=True"),
    ],
)
def test_what_cannot_be(made: Callable[[], Any], match: str) -> None:
    """Mistakes are told when the module is made, with what to write instead."""
    with pytest.raises(ConfigError, match=match):
        made()


@pytest.mark.parametrize(
    ("made", "texts", "shown"),
    [
        (lambda: weft.Vote(ask, n=3, name="it"), "right right wrong", {"module"}),
        (lambda: weft.BestOfN(ask, is_right, name="it"), "wrong right no", {"module"}),
        (lambda: weft.Check(ask, [is_right], name="it"), "wrong right", {"again"}),
        (lambda: weft.Check(ask, [is_right], name="it"), "right", {"module"}),
        (
            lambda: weft.Cascade(ask, ask.with_(name="b"), is_wrong, name="it"),
            "wrong right",
            {"strong"},
        ),
    ],
)
def test_an_answer_that_was_not_taken_is_no_lesson(
    made: Callable[[], Any], texts: str, shown: set[str]
) -> None:
    """A compiler shows what a module gave back, and not what it tried on the way."""
    program = as_program(made())
    left = [says(answer=text) for text in texts.split()]
    (row,) = weft.read_rows([{"question": "q", "answer": "right"}], ["question"])
    with weft.use(lm=weft.FunctionLM(lambda request: left.pop(0))):
        trace = program.run("q").trace
    demos = demos_of(RowResult(row, None, None, trace=trace), program)

    assert {path.removeprefix("it/") for path in demos} == shown
    assert {demo.values["answer"] for demo in demos.values()} == {"right"}


def is_right(inputs: Mapping[str, Any], made: Any) -> bool:
    """A check that knows."""
    del inputs
    return bool(made.answer == "right")


def is_wrong(inputs: Mapping[str, Any], made: Any) -> bool:
    """The other way round."""
    return not is_right(inputs, made)


@pytest.mark.parametrize("compiler", [weft.compilers.GEPA(), weft.compilers.Auto()])
@pytest.mark.parametrize("kind", ["Fallback", "MapReduce"])
def test_compilers_that_write_tune_the_parts(kind: str, compiler: Any) -> None:
    """What they write is what the parts are told, within forty calls."""
    made: dict[str, Callable[[], Any]] = {
        "Fallback": lambda: weft.Fallback(ask, models=["spare"], name="it"),
        "MapReduce": lambda: weft.MapReduce(
            weft.Predict("question -> note"),
            weft.Predict("notes: list[str] -> answer"),
            most=1,
            name="it",
        ),
    }

    def reply(request: Request) -> str:
        fields = re.findall(r"\[\[ (\w+)(?:#\d+)? \]\]\n<", request.messages[0].content)
        return says(**dict.fromkeys(fields, "Be good."))

    lm = weft.FunctionLM(reply)
    with weft.use(lm=lm):
        result = weft.compile(
            as_program(made[kind]()),
            [{"question": str(n), "answer": "a"} for n in range(5)],
            metric=lambda row, made: weft.Score(0.5, "be good"),
            compiler=compiler,
            budget="40 calls",
        )

    assert lm.calls <= 40
    told = [
        m.content.partition("Your task:")[2] for r in lm.requests for m in r.messages
    ]
    assert any("Be good." in text for text in told)
    assert next(iter(result.program.modules)).startswith("it/")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("MapReduce", {"size": 0}),
        ("MapReduce", {"most": 10**9}),
        ("MapReduce", {"over": "notes"}),
        ("MapReduce", {"by": "words"}),
        ("Fallback", {"lms": ["openai/gpt-5"]}),
        ("Fallback", {"models": []}),
        ("Fallback", {"on": ["WeftError"]}),
        ("Ensemble", {"modules": ["member_1", "member_1"]}),
        ("Ensemble", {"modules": 5}),
        ("Ensemble", {"reduce": "sum"}),
        ("Cascade", {"agreement": None}),
        ("Cascade", {"checks": ["cheap"]}),
        ("Decompose", {"lm": "openai/gpt-5"}),
        ("Decompose", {"most": "3"}),
        ("BestOfN", {"threshold": 10**400}),
    ],
)
def test_a_changed_file_is_refused(
    kind: str, change: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever a file says of a module, nothing is opened that its caller did not."""
    made: dict[str, Callable[[], Any]] = {
        "MapReduce": reader,
        "Fallback": lambda: weft.Fallback(ask, models=["spare"]),
        "Ensemble": lambda: weft.Ensemble([ask, ask.with_(instruction="Other.")]),
        "Cascade": lambda: weft.Cascade(ask, ask.with_(instruction="Other."), n=2),
        "Decompose": lambda: weft.Decompose(ASK),
        "BestOfN": lambda: weft.BestOfN(ask, weft.Predict("answer -> s: float")),
    }
    path = weft.save(as_program(made[kind]()), tmp_path / "it.weft.json")
    data = json.loads(path.read_text("utf-8"))
    (state,) = data["program"]["modules"].values()
    state["settings"].update(change)
    data["digest"] = digest_of(data["program"])
    path.write_text(json.dumps(data), "utf-8")

    with pytest.raises(ArtifactError):
        weft.load(path)
