"""Judges: what they say, what they cost, and how far they agree with people."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from weft import compilers as c
from weft.errors import CallError, ConfigError, DataError, MetricError
from weft.pipeline.graph.program import as_program
from weft.pipeline.measure.decisions.cuts import cut_names
from weft.pipeline.measure.labels import for_program

SAID = "[[ reasoning ]]\nso\n"


def asked(request: weft.Request, field: str) -> str:
    """What an input holds in the last turn of a request."""
    found = re.search(
        rf"\[\[ {field} \]\]\n(.*?)(?=\n\n?\[\[|\Z)", _last(request), re.DOTALL
    )
    return found[1].strip() if found else ""


def _last(request: weft.Request) -> str:
    return request.messages[-1].text


def first_place(request: weft.Request) -> str:
    """A judge that prefers whatever stands first, but for a right one against none."""
    pair = asked(request, "first"), asked(request, "second")
    right = [("right" in one) for one in pair]
    better = "first" if right[0] or not right[1] else "second"
    return f"{SAID}[[ better ]]\n{better}"


def test_a_preferred_place_makes_no_winner() -> None:
    """A judge that prefers the first place is asked in both: two calls, and a tie."""
    lm = weft.FunctionLM(first_place)
    pair = weft.Pairwise()
    rows = [
        ("as good", "as bad", "tie", 0.5),
        ("as bad", "the right one", "second", 0.0),
        ("the right one", "as bad", "first", 1.0),
    ]
    with weft.use(lm=lm, cache=None):
        for first, second, better, score in rows:
            before = lm.calls
            made = pair(question="q", first=first, second=second)
            assert (made.better, made.score) == (better, score)
            assert lm.calls - before == 2
            facts = weft.info(made).facts
            assert facts["agreed"] is (better != "tie")
        alone = weft.Pairwise(swap=False)(question="q", first="a", second="b")
    assert (alone.better, lm.calls) == ("first", 7)


def test_an_answer_is_as_good_as_itself(caplog: pytest.LogCaptureFixture) -> None:
    """One call tells it, whatever place is preferred, and nothing is logged."""
    lm = weft.FunctionLM(lambda _: f"{SAID}[[ better ]]\nfirst")
    with weft.use(lm=lm, cache=None):
        made = weft.Pairwise()(question="q", first="a", second="a")
    assert (made.better, lm.calls, caplog.text) == ("tie", 1, "")
    assert weft.info(made).facts["agreed"] is False


def test_points_that_no_number_names_are_lacking() -> None:
    """Strange numbers are told, doubled claims are one, and no claim is no fault."""
    claims = '[[ claims ]]\n["A.", "B.", "A.", " "]'
    check = f"{SAID}[[ supported ]]\n[2, 7, 2]"
    lm = weft.ScriptedLM([claims, check, "[[ claims ]]\n[]"])
    with weft.use(lm=lm, cache=None):
        made = weft.Groundedness()(answer="A and B.", passages=["B", "C"])
        assert (made.claims, made.unsupported, made.score) == (
            ["A.", "B."],
            ["A."],
            0.5,
        )
        assert "not in the passages: A." in made.feedback
        assert any("number 7" in said for said in weft.info(made).repairs)
        none = weft.Groundedness()(answer="I do not know.", passages="one text")
    assert (none.score, none.feedback) == (1.0, "")
    assert len(weft.info(none).calls) == 0


def test_a_rubric_weighs_its_criteria() -> None:
    """The lowest marks are 0, the highest 1; a weight counts as often as it says."""
    rubric = weft.Rubric(
        {"polite": "in tone", "useful": "solves it"}, weights={"useful": 3}, levels=3
    )
    marks = [(1, 1, 0.0), (3, 3, 1.0), (3, 1, 0.25), (1, 2, 0.375)]
    replies = [f"{SAID}[[ polite ]]\n{p}\n[[ useful ]]\n{u}" for p, u, _ in marks]
    with weft.use(lm=weft.ScriptedLM(replies), cache=None):
        made = [rubric(question="q", answer="a") for _ in marks]
    assert [one.score for one in made] == [score for *_, score in marks]
    assert made[0].feedback == "so"


def test_weights_may_be_as_large_as_numbers_are() -> None:
    """Their sum has no float, and their mean has."""
    rubric = weft.Rubric({"a": "x", "b": "y"}, weights={"a": 1e308, "b": 1.5e308})
    with weft.use(lm=weft.ScriptedLM([f"{SAID}[[ a ]]\n5\n[[ b ]]\n1"]), cache=None):
        assert rubric(question="q", answer="a").score == pytest.approx(0.4)


def test_what_a_search_found_is_judged(tmp_path: Path) -> None:
    """As it is, in a program; another process asks the same."""
    retrieve = weft.Retrieve(weft.Index(["It is red."], name="index"), k=1)
    judge = weft.Groundedness(passages="found: list[Passage]", name="check")

    @weft.program
    def checked(text: str) -> float:
        found = retrieve(query=text)
        return judge(answer=text, found=found.passages).score

    path = weft.save(judge, tmp_path / "check.weft.json")
    found = [weft.Passage(id="0", text="It is red.")]
    said = ['[[ claims ]]\n["It is red."]', f"{SAID}[[ supported ]]\n[1]"]
    lm = weft.ScriptedLM(said * 3)
    with weft.use(lm=lm, cache=None):
        assert checked(text="It is red.") == 1
        judge(answer="It is red.", found=found)
        weft.load(path)(answer="It is red.", found=found)
    assert '"text": "It is red."' in lm.requests[1].messages[-1].text
    asked = [[m.text for m in request.messages] for request in lm.requests]
    assert asked[2:4] == asked[4:6]


def test_a_list_that_a_program_gives_is_no_choice_of_references() -> None:
    """Or the best of many answers would be the score of all."""
    yes = weft.FunctionLM(lambda _: {"good": True})
    grade = weft.Predict("answer -> good: bool", name="grade", lm=yes)
    many = weft.Predict("question -> answer: list[str]", name="many")
    lm = weft.FunctionLM(lambda _: {"answer": ["wrong", "right"]})
    rows = [{"question": "q"}]
    with (
        weft.use(lm=lm, cache=None),
        pytest.raises(CallError, match="'grade' got a wrong 'answer'"),
    ):
        weft.evaluate(many, rows, weft.metrics.judged_by(grade))


@pytest.mark.parametrize(
    "make",
    [
        lambda: weft.Rubric({}),
        lambda: weft.Rubric({"a b": "x"}),
        lambda: weft.Rubric({"score": "x"}),
        lambda: weft.Rubric({"a": 3}),
        lambda: weft.Rubric({"a": "x"}, weights={"b": 1}),
        lambda: weft.Rubric({"a": "x"}, weights={"a": 0}),
        lambda: weft.Rubric({"a": "x"}, weights={"a": float("nan")}),
        lambda: weft.Rubric({"a": "x"}, levels=1),
        lambda: weft.Rubric({"a": "x"}, reads="question -> answer"),
        lambda: weft.Rubric({"a": "x"}, reads="a, b"),
        lambda: weft.Pairwise(first="a", second="a"),
        lambda: weft.Pairwise(first="score"),
        lambda: weft.Pairwise(reads="first"),
        lambda: weft.Pairwise(first=3),
        lambda: weft.Pairwise(swap="no"),
        lambda: weft.Rubric({"a": "x"}, reads=3),
        lambda: weft.Groundedness(answer=None),
        lambda: weft.Groundedness(passages="a: str, b: str"),
        lambda: weft.Rubric({"a": "x"}, weights={"a": 10**400}),
        lambda: weft.metrics.judged_by(weft.Completeness(), row=["reference"]),
        lambda: weft.metrics.judged_by(weft.Completeness(), outputs={"answer": 3}),
        lambda: weft.metrics.judged_by("judge"),
        lambda: weft.metrics.judged_by(weft.Predict("answer -> verdict")),
        lambda: weft.metrics.judged_by(weft.Completeness(), row={"refrence": "x"}),
        lambda: weft.metrics.judged_by(
            weft.Completeness(), row={"answer": "x"}, outputs={"answer": "y"}
        ),
        lambda: weft.metrics.agreement("score", weights="cubic"),
        lambda: weft.metrics.agreement("score", cuts=[1, 0]),
    ],
)
def test_what_cannot_be(make: Any) -> None:
    """Mistakes are told when a judge or its metric is made."""
    with pytest.raises(ConfigError):
        make()


def test_a_judges_own_files_ask_the_same(tmp_path: Path) -> None:
    """Names, criteria, weights and tuned parts are in the file."""
    judges = [
        weft.Groundedness(answer="reply", passages="context", name="it"),
        weft.Completeness(reference="gold", name="it"),
        weft.Rubric(
            {"tone": "calm"}, weights={"tone": 2}, reads="a, b: int", name="it"
        ),
        weft.Pairwise(first="a", second="b", reads="", swap=False, name="it"),
    ]
    for judge in judges:
        program = as_program(judge)
        path = next(iter(program.modules))
        tuned = program.with_parameters({f"{path}/instruction": "Be strict."})
        loaded = weft.load(weft.save(tuned, tmp_path / "it.weft.json"))
        assert loaded.modules[path].instruction == "Be strict."
        assert [*loaded.inputs.inputs] == [*judge.inputs.inputs]
        for name, module in tuned.modules.items():
            assert loaded.modules[name].spec.hash == module.spec.hash


def covers(request: weft.Request) -> str:
    """A model that answers, lists points, and finds those that stand there."""
    head = request.messages[0].text
    if "[[ points ]]" in head:
        points = [w for w in asked(request, "reference").split() if w]
        return f"[[ points ]]\n{str(points).replace(chr(39), chr(34))}"
    if "[[ made ]]" in head:
        listed, answer = asked(request, "numbered"), asked(request, "answer")
        found = re.findall(r"(\d+)\. (\w+)", listed)
        return f"{SAID}[[ made ]]\n{[int(n) for n, w in found if w in answer.split()]}"
    return "[[ answer ]]\nred blue"


def test_a_judge_is_a_metric_with_an_account_of_its_own() -> None:
    """Its calls and cost stand beside the program's; the best reference counts."""
    metric = weft.metrics.judged_by(weft.Completeness(), row={"reference": "gold"})
    rows = [
        {"question": "1", "gold": "red green"},
        {"question": "2", "gold": ["green", "red blue"]},
    ]
    qa = weft.Predict("question -> answer", name="qa")
    with weft.use(lm=weft.FunctionLM(covers), cache=None):
        ledger = weft.Ledger(weft.Budget.of("1000 calls"))
        with weft.use(budget=ledger):
            made = weft.evaluate(qa, rows, metric)
        quote = weft.quote(qa, rows * 9, metric=metric, compiler=c.LabeledFewShot())
    assert made.values == [0.5, 1.0]
    assert (made.calls, made.judge_calls) == (2, 6)
    assert made.describe()["judge_calls"] == 6
    spent = {name: one["requests"] for name, one in ledger.snapshot().items()}
    assert spent == {"run": 2, "judge": 6}
    first = made.rows[0].score
    assert first
    assert first.feedback == "the answer does not say: green"
    assert "calls of the metric" in made.to_html()
    assert "judge" in str(quote)
    with pytest.raises(DataError, match="no field 'gold'"):
        weft.evaluate(qa, [{"question": "1"}], metric)
    with pytest.raises(DataError, match=r"reads 'reference'.*neither"):
        weft.evaluate(qa, rows, weft.metrics.judged_by(weft.Completeness()))
    wrong = weft.metrics.judged_by(
        weft.Completeness(), outputs={"answer": "text"}, row={"reference": "gold"}
    )
    with pytest.raises(ConfigError, match="none of that name"):
        weft.evaluate(qa, rows, wrong)


STRICT = "A greeting is needed for more than a 1."
TYPES = {"Mark": Literal[1, 2, 3]}
SCORED = [
    {
        "answer": f"{'hello ' * (n % 2)}text {n}",
        "mark": 1 if n % 2 == 0 else 2 + n % 4 // 2,
    }
    for n in range(80)
]


def lenient(request: weft.Request) -> str:
    """A judge that gives 3 to all until it is told what people look for."""
    head = request.messages[0].text
    if "[[ mark ]]" not in head or "[[ instruction ]]" in head:
        fields = re.findall(r"^- (\w+)", head.partition("You write")[2], re.MULTILINE)
        return "\n".join(f"[[ {name} ]]\n{STRICT}" for name in fields)
    answer, number = (
        asked(request, "answer"),
        int(re.findall(r"\d+", asked(request, "answer"))[0]),
    )
    if STRICT not in head:
        return "[[ mark ]]\n3"
    right = 1 if "hello" not in answer else 2 + number % 4 // 2
    return f"[[ mark ]]\n{right if number % 5 else 3}"


def test_a_judge_compiled_against_people_reports_kappa_on_sealed_rows() -> None:
    """Planted: it agrees with people once told what they look for."""
    judge = weft.Predict(
        "answer -> mark: Mark",
        "Mark it.",
        types=TYPES,
        name="judge",
        adapter="chat/2:stop",
    )
    metric = weft.metrics.agreement("mark", weights="quadratic")
    with weft.use(lm=weft.FunctionLM(lenient), cache=None):
        result = weft.compile(
            judge,
            SCORED,
            metric=metric,
            compiler=c.APE(candidates=2),
            budget="900 calls",
        )
    report = result.report
    assert report.improved
    kappa, before = report.score.kappa, report.seed_score.kappa
    assert kappa
    assert before
    assert kappa.value > 0.6 > 0.1 > before.value
    assert before.value in before.interval
    assert kappa.interval.low < kappa.value < kappa.interval.high
    rows = len(report.score.values)
    assert f"Cohen's kappa with people {kappa} on {rows} sealed rows" in str(report)
    whole = weft.classification(report.score, "mark", weights="quadratic").kappa
    assert whole == kappa


def test_agreement_is_of_the_order_that_a_type_has() -> None:
    """Without weights near is as wrong as far; cuts part numbers."""
    row = weft.read_rows([{"answer": "a", "mark": 1}], ["answer"])[0]
    judge = as_program(weft.Predict("answer -> mark: Mark", types=TYPES))
    scores = [
        for_program(weft.metrics.agreement("mark", weights=w), judge)(row, {"mark": 2})
        for w in ("none", "linear", "quadratic")
    ]
    assert [float(one) for one in scores] == [0.0, 0.5, 0.75]
    parted = weft.metrics.agreement(
        "mark", label="human", cuts=[0.5, 0.8], weights="linear"
    )
    row = weft.read_rows([{"answer": "a", "human": True}], ["answer"])[0]
    assert float(parted(row, {"mark": 0.6})) == 0.5
    with pytest.raises(DataError, match="no number"):
        parted(row, {"mark": "high"})
    with pytest.raises(MetricError, match="no field 'mark'"):
        parted(row, {"marks": 1})


def agreed(row: dict[str, Any], given: Any, **options: Any) -> float:
    """The agreement of a verdict with a row's, as a judge's program knows its type."""
    judge = as_program(weft.Predict("answer -> mark: Mark", types=TYPES))
    metric = for_program(weft.metrics.agreement("mark", **options), judge)
    (read,) = weft.read_rows([{"answer": "a", **row}], ["answer"])
    return float(metric(read, {"mark": given}))


def test_a_verdict_under_another_name_has_the_outputs_type() -> None:
    """Its order is known, cells of a table are read, and none is no verdict."""
    assert agreed({"human": "1"}, 2, label="human", weights="linear") == 0.5
    assert agreed({"human": [3, 2]}, 2, label="human") == 1
    assert agreed({"human": [3, 2]}, 1, label="human", weights="linear") == 0
    for missing in (None, ""):
        with pytest.raises(DataError, match=r"the label 'human' .* and the output is"):
            agreed({"human": missing}, 1, label="human")
    judge = as_program(weft.Predict("answer -> good: bool", name="judge"))
    metric = for_program(weft.metrics.agreement("good", label="human"), judge)
    (row,) = weft.read_rows([{"answer": "a", "human": "TRUE"}], ["answer"])
    assert float(metric(row, {"good": True})) == 1


def test_cuts_are_told_apart_by_name() -> None:
    """However near they are; what is no cut is told at once, as is a row's place."""
    assert len({*cut_names((1000001.0, 1000002.0, 1000003.0))}) == 4
    assert cut_names((0.5, 2.0)) == ["below 0.5", "0.5 to 2", "2 or more"]
    for cuts in ([10**400], [1, True, "x"], [float("nan")]):
        with pytest.raises(ConfigError, match="no rising numbers"):
            weft.metrics.agreement("mark", cuts=cuts)
    with pytest.raises(ConfigError, match="no name of a field"):
        weft.metrics.agreement("mark", label=5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"on row .*'bad' is no number"):
        agreed({"mark": "bad"}, 1, cuts=[2])
