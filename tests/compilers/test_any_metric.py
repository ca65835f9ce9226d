"""A valid metric is never refused: it is first called on an answer that was given."""

from __future__ import annotations

import dis
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import pydantic
import pytest

import weft
from tests.compilers.worlds import Asked, model
from weft import errors
from weft.compilers import BootstrapFewShot, LabeledFewShot
from weft.compilers.search.judge import asks_model

ROWS = [{"text": f"Stop {n}", "answer": f"{n} miles"} for n in range(40)]
Scorer = Callable[[weft.Example, Any], Any]

reply = weft.Predict("text -> answer, why", "How far?", name="reply")


def guide(asked: Asked) -> dict[str, str]:
    """Right for every other stop; a writer writes the same line."""
    stop = asked.said.rpartition("Stop ")[2].split()[0] if "Stop " in asked.said else ""
    right = stop.isdigit() and int(stop) % 2 == 0
    said = {"answer": f"{stop} miles" if right else "far", "why": "It is."}
    return {name: said.get(name, "Say how far.") for name, _ in asked.outputs}


class Report(pydantic.BaseModel):
    answer: str
    trajectory: list[str] = []


@dataclass(frozen=True)
class Found:
    answer: str
    trajectory: tuple[str, ...] = ()


class Noted(TypedDict):
    answer: str
    trajectory: list[str]


@weft.step
def as_dict(answer: str, why: str) -> dict[str, Any]:
    return {"answer": answer, "trajectory": [{"thought": why}]}


@weft.step
def as_model(answer: str, why: str) -> Report:
    return Report(answer=answer, trajectory=[why])


@weft.step
def as_dataclass(answer: str, why: str) -> Found:
    return Found(answer, (why,))


@weft.step
def as_typed_dict(answer: str, why: str) -> Noted:
    return {"answer": answer, "trajectory": [why]}


@weft.step
def as_trajectory(answer: str, why: str) -> list[dict[str, str]]:
    return [{"thought": why}, {"answer": answer}]


@weft.step
def as_text(answer: str, why: str) -> str:
    return f"{answer}. {why}"


@weft.program
def with_dict(text: str) -> dict[str, Any]:
    said = reply(text=text)
    return as_dict(answer=said.answer, why=said.why)


@weft.program
def with_model(text: str) -> Report:
    said = reply(text=text)
    return as_model(answer=said.answer, why=said.why)


@weft.program
def with_dataclass(text: str) -> Found:
    said = reply(text=text)
    return as_dataclass(answer=said.answer, why=said.why)


@weft.program
def with_typed_dict(text: str) -> Noted:
    said = reply(text=text)
    return as_typed_dict(answer=said.answer, why=said.why)


@weft.program
def with_trajectory(text: str) -> list[dict[str, str]]:
    said = reply(text=text)
    return as_trajectory(answer=said.answer, why=said.why)


@weft.program
def with_text(text: str) -> str:
    said = reply(text=text)
    return as_text(answer=said.answer, why=said.why)


PARTS: list[tuple[Any, Scorer]] = [
    (with_dict, lambda e, p: p["answer"] == e.answer and bool(p["trajectory"])),
    (with_model, lambda e, p: p.answer == e.answer and len(p.trajectory) == 1),
    (with_dataclass, lambda e, p: p.answer == e.answer and len(p.trajectory) == 1),
    (with_typed_dict, lambda e, p: p["answer"] == e.answer and bool(p["trajectory"])),
    (with_trajectory, lambda e, p: p[-1]["answer"] == e.answer),
    (with_text, lambda e, p: p.startswith(e.answer)),
    (with_dict, weft.metrics.exact("answer")),
    (with_model, weft.metrics.exact("answer")),
    (with_dataclass, weft.metrics.exact("answer")),
    (with_typed_dict, weft.metrics.exact("answer")),
]


@pytest.mark.parametrize(("made", "metric"), PARTS)
@pytest.mark.parametrize("lone", [True, False])
def test_a_label_may_be_a_part_of_what_a_step_gives(
    made: Any, metric: Scorer, lone: bool
) -> None:
    """A lone label is no more the whole value than one of several is."""
    rows = ROWS if lone else [{**row, "note": "checked"} for row in ROWS]
    with weft.use(lm=model(guide), cache=None):
        result: weft.Result[..., Any] = weft.compile(
            made, rows, metric=metric, compiler=LabeledFewShot(), budget="200 calls"
        )

    assert 0 < result.report.seed_score.mean < 1


def rubric(example: weft.Example, prediction: Any) -> float:
    """Labels that say what to look for, and are no answers."""
    points: list[str] = example.rubric
    return sum(point in prediction.answer for point in points) / len(points)


def forbidden(example: weft.Example, prediction: Any) -> bool:
    """A label that must not be said: what the answer is if it is wrong."""
    return bool(example.answer not in prediction.answer)


def constant(example: weft.Example, prediction: Any) -> float:
    """It may have something to say later."""
    return 0.25


def shorter(example: weft.Example, prediction: Any) -> float:
    """It reads no label at all."""
    return 1 / (1 + len(prediction.answer))


def keyed(example: weft.Example, prediction: Any) -> bool:
    """It does without the label where there is none."""
    return bool(prediction.answer == (example.gold if "gold" in example else "far"))


def forgiving(example: weft.Example, prediction: Any) -> bool:
    """It asks for a label that no row has, and goes on."""
    try:
        return bool(prediction.answer == example.gold)
    except AttributeError:
        return True


def got(example: weft.Example, prediction: Any) -> bool:
    """It asks the labels, as a dict is asked, and knows the row's own members."""
    known = bool(example.id) and bool(example.digest) and not example.meta
    return known and bool(prediction.answer == example.labels.get("gold", "far"))


def either(example: weft.Example, prediction: Any) -> bool:
    """It reads a label that is not there only if the answer is odd."""
    return prediction.answer != "odd" or bool(example.gold)


VALID = [rubric, forbidden, constant, shorter, keyed, forgiving, got, either]


@pytest.mark.parametrize("metric", VALID, ids=lambda m: m.__name__)
def test_a_valid_metric_is_never_refused(metric: Scorer) -> None:
    """Whatever its labels mean, and whatever it thinks of answers nobody gave."""
    rows = [{**row, "rubric": ["miles", "far"]} for row in ROWS]
    with weft.use(lm=model(guide), cache=None):
        result = weft.compile(
            reply, rows, metric=metric, compiler=LabeledFewShot(), budget="200 calls"
        )

    assert len(result.report.seed_score.values) >= 10


def test_a_metric_is_called_on_answers_of_the_program_alone() -> None:
    """Not by a quote, and in a compile as often as answers are scored."""
    seen: list[str] = []

    def counting(example: weft.Example, prediction: Any) -> bool:
        seen.append(prediction.why)
        return bool(prediction.answer == example.answer)

    lm = model(guide)
    with weft.use(lm=lm, cache=None):
        weft.quote(reply, ROWS, metric=counting)
        assert (seen, lm.calls) == ([], 0)
        weft.compile(reply, ROWS, metric=counting, compiler=LabeledFewShot())

    assert set(seen) == {"It is."}
    assert len(seen) <= lm.calls


def raising(example: weft.Example, prediction: Any) -> float:
    wanted = {"12 miles": 1.0}
    return wanted[prediction.why]


def no_score(example: weft.Example, prediction: Any) -> Any:
    return None


def misspelt(example: weft.Example, prediction: Any) -> bool:
    return bool(prediction.anser == example.answer)


def hidden(example: weft.Example, prediction: Any) -> bool:
    return bool(read_gold(example) == prediction.answer)


def read_gold(example: weft.Example) -> str:
    return str(example.gold)


@pytest.mark.parametrize(
    ("metric", "said", "line"),
    [
        (raising, "raised KeyError", "wanted[prediction.why]"),
        (no_score, "None is no score", ""),
        (misspelt, "no field 'anser'", "prediction.anser"),
        (hidden, "no field 'gold'", "example.gold"),
    ],
)
def test_a_metric_that_raises_ends_the_compile_at_the_first_row(
    metric: Scorer, said: str, line: str
) -> None:
    """One call is paid for, and the traceback leads to the metric's own line."""
    lm = model(guide)
    with weft.use(lm=lm, cache=None), pytest.raises(errors.WeftError) as caught:
        weft.compile(reply, ROWS, metric=metric)

    assert said in str(caught.value)
    assert line in "".join(traceback.format_exception(caught.value))
    assert lm.calls == 1


@pytest.mark.parametrize(
    "compiler", [LabeledFewShot(), BootstrapFewShot()], ids=lambda c: type(c).__name__
)
def test_a_row_alone_changes_no_result(compiler: Any) -> None:
    """However many rows run at once."""
    found: list[Any] = []
    for concurrency in (1, 64):
        with weft.use(lm=model(guide), cache=None):
            result = weft.compile(
                reply,
                ROWS,
                metric=weft.metrics.exact("answer"),
                compiler=compiler,
                concurrency=concurrency,
            )
        found.append((result.program.parameters, result.report.spend))

    assert found[0] == found[1]


judge = weft.Predict("answer -> verdict: bool", name="judge")


class Holder:
    """Judges that are held by an object, and called by its method."""

    def __init__(self) -> None:
        self.by = {"tone": judge}

    def method(self, example: weft.Example, prediction: Any) -> bool:
        return bool(self.by["tone"](answer=prediction).verdict)

    def __call__(self, example: weft.Example, prediction: Any) -> bool:
        return self.method(example, prediction)


def through(example: weft.Example, prediction: Any) -> bool:
    return all(judge(answer=a).verdict for a in [prediction])


def helper(example: weft.Example, prediction: Any) -> bool:
    return through(example, prediction)


async def later(example: weft.Example, prediction: Any) -> bool:
    return bool((await judge.acall(answer=prediction)).verdict)


def around() -> Scorer:
    inner = weft.Predict("answer -> verdict: bool", name="inner")

    def closed(example: weft.Example, prediction: Any) -> bool:
        return bool(inner(answer=prediction).verdict)

    return closed


def reads_reply(example: weft.Example, prediction: Any) -> bool:
    """An attribute that is called like a module is none."""
    return bool(prediction.judge == example.reply)


@pytest.mark.parametrize(
    ("metric", "asks"),
    [
        (through, True),
        (helper, True),
        (later, True),
        (around(), True),
        (Holder(), True),
        (Holder().method, True),
        (weft.metrics.semantic_f1("answer"), True),
        (weft.metrics.fields({"answer": through}), True),
        (lambda e, p: weft.LM("openai/x"), False),
        (reads_reply, False),
        (rubric, False),
        (weft.metrics.exact("answer"), False),
    ],
)
def test_what_a_metric_asks_is_read_from_its_code(metric: Any, asks: bool) -> None:
    """So that a quote counts a judge that was never called."""
    _ = weft.LM  # as where somebody used it before
    assert asks_model(metric) is asks

    with weft.use(lm=model(guide)):
        rows = [{**row, "question": "?", "rubric": ["a"], "reply": "x"} for row in ROWS]
        offer = weft.quote(reply, rows, metric=metric)
    assert ("judge" in offer.accounts) is asks


def test_code_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote and a compile ask again of the same metric: what its code names stays."""
    assert not asks_model(weft.metrics.exact("answer"))
    read = list[object]()
    real = dis.get_instructions

    def counted(code: Any) -> Any:
        read.append(code)
        return real(code)

    monkeypatch.setattr(dis, "get_instructions", counted)
    assert not asks_model(weft.metrics.exact("answer"))
    assert not read
    assert not asks_model(lambda example, prediction: prediction == example)
    assert read


class Counted(list[dict[str, str]]):
    """Rows that know how many of them were looked at."""

    seen = 0

    def __iter__(self) -> Iterator[dict[str, str]]:
        for row in super().__iter__():
            self.seen += 1
            yield row


MANY = Counted({"text": str(n)} for n in range(9_000))


def looks_up(example: weft.Example, prediction: Any) -> bool:
    """It reads a long list, and calls a library."""
    return bool(np.mean([len(row["text"]) for row in MANY]) > 3)


def test_what_a_metric_reads_is_not_read_through() -> None:
    """A list of rows is no code, and a library is large."""
    assert not asks_model(looks_up)
    assert 0 < MANY.seen < 100


def far_off(example: weft.Example, prediction: Any) -> bool:
    """It finds its judge while it runs."""
    return bool(globals()["jud" + "ge"](answer=prediction.answer).verdict)


def test_a_judge_that_nobody_foresaw_is_counted_from_the_first_row_on() -> None:
    """The budget holds, and what it took is in the report."""

    def rule(asked: Asked) -> dict[str, str]:
        verdict = {"verdict": str("miles" in asked.said).lower()}
        return verdict if "verdict" in dict(asked.outputs) else guide(asked)

    lm = model(rule)
    with weft.use(lm=lm, cache=None):
        result = weft.compile(reply, ROWS, metric=far_off, budget="150 calls")

    assert "judge" not in result.report.quote.accounts
    assert result.report.spend["judge"]["calls"] > 0
    assert lm.calls <= 150


def upside_down(example: weft.Example, prediction: Any) -> bool:
    return bool(prediction.answer != example.answer)


def of_two_types(example: weft.Example, prediction: Any) -> bool:
    return bool(prediction == example.answer)


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (upside_down, "gives 0 to"),
        (constant, "does it tell right from wrong?"),
        (of_two_types, "does it compare values of one type?"),
    ],
)
def test_what_is_odd_about_a_metric_is_advice(
    metric: Scorer, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log after the first rows and in the report, and can be left out."""
    with weft.use(lm=model(guide), cache=None), caplog.at_level(logging.WARNING):
        told = weft.compile(reply, ROWS, metric=metric, compiler=BootstrapFewShot())
        logged = caplog.text
        caplog.clear()
        quiet = weft.compile(
            reply, ROWS, metric=metric, compiler=BootstrapFewShot(), advice=False
        )

    assert any(said in line for line in told.report.advice)
    assert said in str(told.report)
    assert said in told.report.to_html()
    assert said in logged
    assert (quiet.report.advice, caplog.text) == ((), "")
    assert quiet.program.parameters == told.program.parameters


def test_a_metric_that_is_as_it_should_be_has_no_advice() -> None:
    """Right answers that score more than wrong ones are what is wanted."""
    with weft.use(lm=model(guide), cache=None):
        result = weft.compile(
            reply, ROWS, metric=weft.metrics.exact("answer"), compiler=LabeledFewShot()
        )

    assert result.report.advice == ()
    assert "advice" not in result.report.describe()


def graded(example: weft.Example, prediction: Any) -> float:
    """Nothing is ever quite right."""
    return 0.7 if prediction.answer == example.answer else 0.2


def sources(result: weft.Result[..., Any, weft.Predict[..., Any]]) -> set[str]:
    """Whom the candidates' demos come from."""
    return {demo.by for program in result.ranking for demo in program.parameters.demos}


@pytest.mark.parametrize(
    ("passing", "shown", "said"),
    [
        (None, {"bootstrap"}, "where none does those of 0.5 or more"),
        (0.7, {"bootstrap"}, "runs that score 0.7 or more"),
        (0.71, set[str](), "runs that score 0.71 or more"),
        (0.1, {"bootstrap"}, "runs that score 0.1 or more"),
        (1, set[str](), "runs that score 1 or more"),
    ],
)
def test_a_graded_metric_is_told_what_passes(
    passing: float | None, shown: set[str], said: str
) -> None:
    """The report names the score from which a run is shown, the default too."""
    rows = [{**row, "answer": [row["answer"], "x"]} for row in ROWS]  # no labelled demo

    def by_list(example: weft.Example, prediction: Any) -> float:
        return 0.7 if prediction.answer in example.answer else 0.2

    with weft.use(lm=model(guide), cache=None):
        result = weft.compile(
            reply,
            rows,
            metric=by_list,
            compiler=BootstrapFewShot(),
            passing=passing,
        )

    assert sources(result) == shown
    assert said in result.report.passing
    assert said in str(result.report)
    assert result.report.describe()["passing"] == result.report.passing


def test_scores_of_0_and_1_need_no_word_about_what_passes() -> None:
    """Then there is nothing between."""
    with weft.use(lm=model(guide), cache=None):
        result = weft.compile(
            reply,
            ROWS,
            metric=weft.metrics.exact("answer"),
            compiler=BootstrapFewShot(),
        )

    assert result.report.passing == ""


@pytest.mark.parametrize("passing", [0, -1, 1.5, "0.8", True, float("nan")])
def test_what_passes_is_a_score(passing: Any) -> None:
    """With 0 every run would."""
    with pytest.raises(errors.ConfigError, match="is no score that a run can pass"):
        weft.compile(reply, ROWS, metric=graded, passing=passing)


def test_a_journal_knows_what_passed(tmp_path: Any) -> None:
    """Another score shows other runs: the search would go another way."""
    with weft.use(lm=model(guide), cache=None):
        for passing in (0.6, 0.65):
            given: dict[str, Any] = {"passing": passing, "run_dir": tmp_path / "run"}
            if passing == 0.6:
                weft.compile(reply, ROWS, metric=graded, **given)
            else:
                with pytest.raises(errors.DivergenceError, match="passing"):
                    weft.compile(reply, ROWS, metric=graded, **given)
