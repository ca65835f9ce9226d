"""Classification: figures as scikit-learn has them, intervals, and what is left out."""

from __future__ import annotations

import functools
import math
import random
import re
from collections import Counter
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft.errors import ConfigError, DataError, MetricError, ServerError
from weft.pipeline.measure.decisions import resampling
from weft.pipeline.measure.decisions.counts import Weights, kappa, unseen
from weft.pipeline.measure.decisions.probabilities import (
    auroc,
    auroc_interval,
    bins_of,
    calibration_error,
)

CLASSES = "abc"
WANTED = "abcaabccabacbbaacbabccabaabc"
TYPES = {"Class": Literal["a", "b", "c"]}
ROWS = [{"text": f"row {n}", "label": name} for n, name in enumerate(WANTED)]
ASK = weft.Classify(
    weft.Predict("text -> label: Class", types=TYPES), by="top", name="ask"
)


def chances(at: int) -> dict[str, float]:
    """A planted model's probabilities for a row."""
    raw = {
        k: 1 + (at * (3 + 2 * j) + j) % 7 + (4 if WANTED[at] == k and at % 3 else 0)
        for j, k in enumerate(CLASSES)
    }
    return {k: v / sum(raw.values()) for k, v in raw.items()}


def row_of(request: weft.Request) -> int:
    """Which row is asked."""
    return int(re.findall(r"row (\d+)", request.messages[-1].text)[-1])


def decides(request: weft.Request) -> weft.Response:
    """The model that says so."""
    top = [(k, math.log(p)) for k, p in chances(row_of(request)).items()]
    top.sort(key=lambda pair: -pair[1])
    return weft.Response(top[0][0], logprobs=(weft.TokenLogprob(*top[0], tuple(top)),))


def evaluated(ask: Any, rows: Any, said: Any, **options: Any) -> weft.Evaluation:
    """An evaluation with a planted model."""
    with weft.use(lm=weft.FunctionLM(said), cache=None, retry=weft.RetryPolicy(0)):
        return weft.evaluate(ask, rows, weft.metrics.exact("label"), **options)


def chosen(names: str) -> Any:
    """A model that gives one name a row: '?' cannot be used, '!' is a server down."""

    def said(request: weft.Request) -> str:
        name = names[row_of(request)]
        if name == "!":
            raise ServerError("503")
        return "no idea" if name == "?" else f"[[ label ]]\n{name}\n[[ /end ]]"

    return said


def counted(wanted: str, given: str, **options: Any) -> weft.Classification:
    """What decisions are worth, wanted and given a letter each; '-' has no label."""
    ask = weft.Predict("text -> label: Class", types=TYPES, repairs=0, name="ask")
    rows = [
        {"text": f"row {n}", **({"label": one} if one != "-" else {})}
        for n, one in enumerate(wanted)
    ]

    def right(example: Any, prediction: Any) -> bool:
        return example.labels.get("label") == prediction.label

    with weft.use(
        lm=weft.FunctionLM(chosen(given)), cache=None, retry=weft.RetryPolicy(0)
    ):
        made = weft.evaluate(ask, rows, right)
    return weft.classification(made, **options)


def test_figures_are_those_of_scikit_learn() -> None:
    """The values are those of scikit-learn 1.9.1 for the same answers, computed once.

    Brier is its `brier_score_loss(scale_by_half=True)`, AUROC one against the rest.
    """
    made = weft.classification(evaluated(ASK, ROWS, decides))

    found = {
        "accuracy": made.accuracy,
        "macro F1": made.macro_f1,
        "balanced": made.balanced_accuracy,
        "kappa": made.kappa,
        "log loss": made.log_loss,
        "brier": made.brier,
        "auroc": made.auroc,
    }
    assert {k: v and round(v.value, 10) for k, v in found.items()} == {
        "accuracy": 0.75,
        "macro F1": 0.7414245014,
        "balanced": 0.7356902357,
        "kappa": 0.6149312377,
        "log loss": 0.7918528174,
        "brier": 0.2255879661,
        "auroc": 0.8852018638,
    }
    assert all(v and v.value in v.interval for v in found.values())
    rows = [[made.cells.get((w, g), 0) for g in CLASSES] for w in CLASSES]
    assert rows == [[9, 1, 1], [1, 8, 0], [4, 0, 4]]
    shares = [(one.precision, one.recall, one.f1, one.auroc) for one in made.by_class]
    told = [[round(v.value, 8) for v in line if v] for line in shares]
    assert told == [
        [0.64285714, 0.81818182, 0.72, 0.79946524],
        [0.88888889, 0.88888889, 0.88888889, 0.95614035],
        [0.8, 0.5, 0.61538462, 0.9],
    ]
    assert made.mixed_up[0] == ("c", "a", 4)
    for weights, value in (("linear", 0.5029585799), ("quadratic", 0.3900990099)):
        again = weft.classification(evaluated(ASK, ROWS, decides), weights=weights)
        assert again.kappa
        assert round(again.kappa.value, 10) == value


def test_the_order_of_rows_changes_no_figure() -> None:
    """Equal confidences are in one bin, equal scores are ties."""
    made = weft.classification(evaluated(ASK, ROWS, decides)).describe()
    other = weft.classification(evaluated(ASK, ROWS[::-1], decides)).describe()

    for name in ("accuracy", "macro_f1", "kappa", "brier", "calibration_error"):
        assert made[name]["value"] == pytest.approx(other[name]["value"])
    for name in ("value", "interval"):
        assert made["auroc"][name] == pytest.approx(other["auroc"][name])
    for one, two in zip(made["bins"], other["bins"], strict=True):
        assert one == pytest.approx(two)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.5, 0.9]), st.booleans())),
)
@settings(max_examples=60, deadline=None)
def test_an_area_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    """By brute force, ties one half; its interval holds it, and is no point."""
    area = auroc([score for score, _ in rows], [hit for _, hit in rows])
    ups, downs = ([s for s, hit in rows if hit is side] for side in (True, False))
    won = [(up > down) + (up == down) / 2 for up in ups for down in downs]

    assert area == (sum(won) / len(won) if won else None)
    if area is not None:
        interval = auroc_interval(area, len(ups), len(downs))
        assert interval.low <= area <= interval.high
        assert interval.low < interval.high


def test_intervals_of_areas_hold_what_they_say() -> None:
    """Of 400 planted samples of 15 and 15 rows at least 93 % hold the true area."""
    rng, held = random.Random(5), 0
    true = 0.5 * math.erfc(-1.2 / 2)  # of two normal scores 1.2 apart
    for _ in range(400):
        ups = [rng.gauss(1.2) for _ in range(15)]
        downs = [rng.gauss() for _ in range(15)]
        area = auroc([*ups, *downs], [True] * 15 + [False] * 15)
        held += area is not None and true in auroc_interval(area, 15, 15)

    assert held >= 372


def test_calibration_is_measured_in_bins_of_equal_mass() -> None:
    """Bins have as many rows as each other; equal confidences are never parted."""
    sure = [n / 100 for n in range(100)]
    right = [n % 2 == 0 for n in range(100)]

    assert [one.rows for one in bins_of(sure, right)] == [10] * 10
    assert calibration_error(sure, right) == pytest.approx(0.25, abs=0.01)
    assert [one.rows for one in bins_of([0.5] * 60 + [0.9] * 40, right)] == [60, 40]
    assert calibration_error([], []) is None


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("shares", [(1, 1, 1), (8, 1, 1)], ids=["even", "skewed"])
def test_intervals_of_kappa_hold_what_they_say(
    shares: tuple[int, ...], weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 planted samples of 40 rows at least 93 hold the true kappa.

    A judge says what a person said on seven rows of ten, and draws from the same
    classes else. With a percentile bootstrap 76 to 94 do.
    """
    monkeypatch.setattr(resampling, "_DRAWS", 200)
    rng, held = random.Random(7), 0
    chance = [share / sum(shares) for share in shares]
    true = kappa(
        {
            (one, other): a * (0.3 * b + 0.7 * (one == other))
            for one, a in zip(CLASSES, chance, strict=True)
            for other, b in zip(CLASSES, chance, strict=True)
        },
        CLASSES,
        weights,
    )
    assert true
    for seed in range(100):
        gold = rng.choices(CLASSES, shares, k=40)
        got = [
            g if rng.random() < 0.7 else rng.choices(CLASSES, shares)[0] for g in gold
        ]
        pairs = list(zip(gold, got, strict=True))
        made = resampling.with_one_more(
            [[pair] for pair in pairs],
            functools.partial(kappa, order=CLASSES, weights=weights),
            unseen(Counter(pairs), CLASSES),
            seed,
        )
        held += made is not None and true in made.interval

    assert held >= 93


def test_what_is_left_out_is_counted() -> None:
    """No answer is wrong in all figures; failed and unlabelled rows are left out."""
    made = counted("aabbc-a", "aab?!aa")

    assert (made.rows, made.failed, made.unlabelled) == (5, 1, 1)
    assert made.cells == {("a", "a"): 3, ("b", "b"): 1, ("b", None): 1}
    assert made.accuracy.value == 0.8
    by = {one.label: one for one in made.by_class}
    assert by["b"].precision is not None
    assert (by["b"].precision.value, by["b"].recall and by["b"].recall.value) == (
        1,
        0.5,
    )
    assert by["c"].f1 is None
    assert made.kappa
    assert made.kappa.value == pytest.approx(1 - 5 / 14)
    told = made.text()
    assert "no answer" in told
    assert "1 answer could not be used" in told
    assert "never wanted: c" in told


def test_one_class_alone_says_nothing_of_agreement() -> None:
    """Kappa is not defined where both only say one thing, and that is told."""
    made = counted("aaaa", "aaaa")

    assert made.kappa is None
    assert made.auroc is None
    assert "one class alone was wanted" in made.text()
    assert kappa({("a", "a"): 4}) is None


def test_no_mistake_is_no_certainty() -> None:
    """Resampling rows without a mistake gives one; the interval stays open below."""
    made = counted("abcab", "abcab")

    for one in (made.macro_f1, made.kappa, made.balanced_accuracy):
        assert one
        assert one.value == pytest.approx(1.0)
        assert 0 < one.interval.low < 0.8
    wrong = counted("abcab", "bcabc")
    assert wrong.macro_f1
    assert wrong.macro_f1.value == 0.0
    assert wrong.macro_f1.interval.high > 0.3


def test_several_answers_to_a_row_are_one_observation() -> None:
    """Asking again narrows no interval."""
    once = evaluated(ASK, ROWS, decides)
    often = evaluated(ASK, ROWS, decides, repeats=3)

    one, three = map(weft.classification, (once, often))
    assert (three.rows, three.answers) == (28, 84)
    for name in ("accuracy", "macro_f1", "kappa", "auroc", "brier"):
        widths = [
            getattr(made, name).interval.high - getattr(made, name).interval.low
            for made in (one, three)
        ]
        assert widths[1] > 0.8 * widths[0]


def test_copies_of_rows_are_one_observation() -> None:
    """A set that stands there thrice narrows no interval, of kappa and classes too."""
    once, thrice = (evaluated(ASK, rows, decides) for rows in (ROWS, [*ROWS] * 3))

    one, three = map(weft.classification, (once, thrice))
    assert (three.rows, three.answers) == (28, 84)
    assert three.accuracy.value == pytest.approx(one.accuracy.value)
    for name in ("accuracy", "macro_f1", "balanced_accuracy", "kappa", "auroc"):
        widths = [
            getattr(made, name).interval.high - getattr(made, name).interval.low
            for made in (one, three)
        ]
        assert widths[1] > 0.8 * widths[0], name
    for a, b in zip(one.by_class, three.by_class, strict=True):
        assert a.recall == b.recall
        assert a.precision == b.precision


def test_the_page_is_read_aloud_as_it_is_seen() -> None:
    """Each table has a caption, each row and column a heading; labels are escaped."""
    evil = Literal["<i>", "b&c"]
    ask = weft.Predict("text -> label: Evil", types={"Evil": evil}, name="ask")
    rows = [{"text": f"row {n}", "label": ("<i>", "b&c")[n % 2]} for n in range(6)]

    def said(request: weft.Request) -> str:
        return "[[ label ]]\n<i>\n[[ /end ]]"

    made = evaluated(ask, rows, said)
    page = weft.classification(made).to_html()
    tables = re.findall(r"<table.*?</table>", page, re.DOTALL)
    with_heads = [t for t in tables if "<caption>" in t]
    assert len(with_heads) == 2
    for table in with_heads:
        lines = re.findall(r"<tr>(.*?)</tr>", table)
        heads = lines[0].count('<th scope="col"')
        cells = [
            line.count("<td") + line.count('<th scope="row"') for line in lines[1:]
        ]
        assert cells == [heads] * len(cells)
    assert "<i>" not in page
    assert "&lt;i&gt;" in page
    assert "Confusion matrix" in made.to_html()


def test_a_page_of_texts_has_no_matrix() -> None:
    """Only outputs whose type names its values are taken for decisions unasked."""
    ask = weft.Predict("text -> label", name="ask")
    rows = [{"text": f"row {n}", "label": f"text {n}"} for n in range(3)]
    made = evaluated(ask, rows, lambda _: "[[ label ]]\nx\n[[ /end ]]")

    assert "Confusion" not in made.to_html()
    assert weft.classification(made, "label").accuracy.value == 0.0


def test_labels_are_read_as_the_type_reads_them() -> None:
    """A cell such as "TRUE" is a bool; several right labels are any of them."""
    ask = weft.Predict("text -> label: bool", name="ask")
    rows = [{"text": "row 0", "label": "TRUE"}, {"text": "row 1", "label": "no"}]
    made = evaluated(ask, rows, chosen(["true", "true"]))  # type: ignore[arg-type]

    assert weft.classification(made).cells == {
        ("true", "true"): 1,
        ("false", "true"): 1,
    }
    either = evaluated(
        weft.Predict("text -> label: Class", types=TYPES, name="ask"),
        [{"text": "row 0", "label": ["a", "b"]}],
        chosen("b"),
    )
    assert weft.classification(either).cells == {("b", "b"): 1}


def test_numbers_are_classes_between_cuts() -> None:
    """A judge's score and a person's are compared where somebody cuts them."""
    ask = weft.Predict("text -> label: float", name="ask")
    rows = [{"text": f"row {n}", "label": v} for n, v in enumerate((0.9, 0.2, "1"))]
    made = evaluated(ask, rows, chosen(["0.6", "0.4", "0.5"]))  # type: ignore[arg-type]

    found = weft.classification(made, "label", cuts=[0.5])
    assert found.classes == ("below 0.5", "0.5 or more")
    assert found.accuracy.value == 1.0
    for cuts in ([0.5, 0.5], [0.9, 0.1], ["x"], "0.5"):
        with pytest.raises(ConfigError, match=r"cuts=|cuts"):
            weft.classification(made, "label", cuts=cuts)


def test_what_cannot_be_counted_is_told() -> None:
    """Wrong names, no decisions and no labels are errors that say what to write."""
    made = evaluated(ASK, ROWS, decides)
    with pytest.raises(ConfigError, match="Did you mean 'label'"):
        weft.classification(made, "labell")
    with pytest.raises(DataError, match="no row has a label 'team'"):
        weft.classification(made, label="team")
    with pytest.raises(ConfigError, match="weights='cubic'"):
        weft.classification(made, weights="cubic")  # type: ignore[arg-type]
    texts = weft.Predict("text -> label", name="ask")
    loose = evaluated(texts, ROWS[:2], chosen("ab"))
    with pytest.raises(ConfigError, match="have no order: a, b"):
        weft.classification(loose, "label", weights="linear")
    for wrong in ([1], None):
        with pytest.raises(ConfigError, match="no evaluation"):
            weft.classification(wrong)  # type: ignore[arg-type]

    def right(example: Any, prediction: Any) -> bool:
        return bool(example.labels["label"] == prediction.label)

    with weft.use(lm=weft.FunctionLM(chosen("a")), cache=None):
        ask = weft.Predict("text -> label: Class", types=TYPES, name="ask")
        odd = weft.evaluate(ask, [{"text": "row 0", "label": "d"}], right)
    assert "labels that the output cannot be: d" in weft.classification(odd).text()
    down = evaluated(ASK, ROWS[:2], chosen("!!"))
    with pytest.raises(DataError, match="no row"):
        weft.classification(down)


def test_probabilities_are_scores_of_a_row() -> None:
    """Brier and log loss of rows, in modules and in programs that give a bare value."""

    @weft.program
    def whole(text: str) -> str:
        return ASK(text=text).label

    losses = [-math.log(chances(n)[one]) for n, one in enumerate(WANTED)]
    with weft.use(lm=weft.FunctionLM(decides), cache=None):
        for target in (ASK, whole):
            made = weft.evaluate(target, ROWS, weft.metrics.log_loss("label"))
            wanted = 1 - sum(losses) / len(losses) / -math.log(0.001)
            assert made.mean == pytest.approx(wanted)
            made = weft.evaluate(target, ROWS, weft.metrics.brier("label"))
            assert made.mean == pytest.approx(1 - 0.22558796608)
            assert weft.classification(made, "label").brier
        with pytest.raises(DataError, match=r"'d' of .* none of the choices"):
            weft.evaluate(
                whole, [{"text": "row 1", "label": "d"}], weft.metrics.brier("label")
            )
    plain = weft.Predict("text -> label: Class", types=TYPES, name="ask")
    with (
        weft.use(lm=weft.FunctionLM(chosen("a")), cache=None),
        pytest.raises(MetricError, match=r"no probabilities of 'label'.*Classify"),
    ):
        weft.evaluate(plain, ROWS[:1], weft.metrics.brier("label"))
