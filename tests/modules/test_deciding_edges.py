"""Decisions at their edges: odd labels, no probability at all, votes, rows."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal

import pytest

import weft
from weft import Likelihood, Likelihoods, Response, Rule, TokenLogprob
from weft.compilers import Thresholds
from weft.errors import ConfigError
from weft.pipeline.events import FieldDelta
from weft.pipeline.lm.scoring.tokens import LEAST
from weft.pipeline.measure.coverage.within import Answer, within
from weft.pipeline.measure.decisions.probabilities import (
    calibration_error,
    calibration_interval,
)


def telling(text: str, place: str, says: Mapping[str, float]) -> Response:
    """A reply of which one place has other tokens, and all else is certain."""
    head, tail = text.split(place)
    top = tuple((word, math.log(p)) for word, p in says.items())
    around = [
        [TokenLogprob(c, 0.0, ((c, 0.0),)) for c in side] for side in (head, tail)
    ]
    said = TokenLogprob(*top[0], top)
    reply = f"{head}{said.token}{tail}"
    return Response(reply, logprobs=(*around[0], said, *around[1]))


@pytest.mark.parametrize(
    ("form", "reply", "labels"),
    [
        ("chat", "[[ label ]]\n#\n[[ /end ]]", ["d", "l", "end"]),
        ("xml", "<label>#</label>", ["l", "d", "end"]),
        ("json", '{"label": "#"}', ["d", "l", "end"]),
        ("plain", "label: #", ["l", "d", "end"]),
    ],
)
def test_labels_that_stand_in_the_form_too(
    form: str, reply: str, labels: list[str]
) -> None:
    """A label is looked for at its place, and not where the form has its letters."""
    says = {"end": 0.5, "d": 0.3, "l": 0.2}
    kind: Any = Literal[tuple(labels)]  # type: ignore[valid-type]
    asked = weft.Predict("text -> label: Kind", types={"Kind": kind}, adapter=form)
    lm = weft.FunctionLM(lambda _: telling(reply, "#", says))
    with weft.use(lm=lm, cache=None):
        run = weft.Classify(asked, by="top", name="asked").run(text="So it is.")
    made = run.trace.tree[0].run.decision()

    assert not made.at_most
    assert {n: round(p, 6) for n, p in made.probabilities.items()} == says


def found(**logprobs: float) -> Likelihoods:
    """Likelihoods that are exact."""
    of = tuple(Likelihood(name, value) for name, value in logprobs.items())
    return Likelihoods(of, "decisions", 1)


def test_a_choice_that_is_never_said_still_has_its_weight() -> None:
    """Where the model gives a choice no probability, class weights may take it."""
    made = Rule(weights={"a": 0, "b": 1}).decide(found(a=-0.1, b=LEAST))

    assert (made.choice, made.confidence) == ("b", 1.0)
    assert made.probabilities == {"a": 1.0, "b": 0.0}


def test_a_prior_of_nothing_is_the_least_one() -> None:
    """A choice of which the prior is 0 was never said, and is divided by little."""
    made = Rule(prior={"a": 1.0, "b": 0.0}).decide(found(a=-0.1, b=-3.0))

    assert made.choice == "b"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(cut=0.5), "a cut is a threshold on true"),
        (Rule(prior={"x": 0.5, "y": 0.5}), "is no prior of a, b"),
        (Rule(weights={"x": 1, "y": 2}), "is no weights of a, b"),
        (Rule(take="mean"), "only an ordered score has a mean"),
        (Rule(cuts=(1.5,)), "only an ordered score has a mean"),
    ],
)
def test_a_rule_of_other_choices_decides_nothing(rule: Rule, said: str) -> None:
    """A kept decision is tried with another rule by hand: a wrong one says so."""
    with pytest.raises(ConfigError, match=said):
        rule.decide(found(a=-0.1, b=-3.0))
    with pytest.raises(ConfigError, match="there is no choice"):
        rule.decide(found())


def shown(**says: float) -> Response:
    """A reply of one token, and what else might have stood there."""
    top = tuple(sorted(says.items(), key=lambda pair: -pair[1]))
    logs = tuple((word, math.log(p)) for word, p in top)
    return Response(top[0][0], logprobs=(TokenLogprob(*logs[0], logs),))


def drawn(request: weft.Request) -> Response:
    """A planted model, which is as sure as the text and the template have it."""
    true = random.Random(request.messages[-1].text).uniform(0.05, 0.95)
    return shown(true=true, false=1 - true)


def vote_of() -> weft.PatternVote[..., Any]:
    """Two patterns of one task."""
    asked = [
        weft.Predict("text -> glad: bool", adapter=weft.cloze(f"[text] {t} [z]"))
        for t in ("Am I glad?", "Mood:")
    ]
    return weft.PatternVote([weft.Classify(a, by="top") for a in asked], name="vote")


ROWS = [{"text": f"row {n}", "glad": n % 3 > 0} for n in range(40)]
DRAWN = weft.FunctionLM(drawn)


def test_a_vote_is_as_sure_as_it_is_probable() -> None:
    """The curve of a vote ranks its rows, and a cascade hands on what it leaves."""
    vote = vote_of()
    with weft.use(lm=DRAWN, cache=None):
        made = weft.evaluate(vote, ROWS, weft.metrics.exact("glad"))
        nodes = [run.trace.nodes for run in made.rows]
        both = weft.Cascade(vote, vote.patterns[0])
        handed = [weft.info(both(text=row["text"])).facts["answered"] for row in ROWS]
    decided = [next(n.decision() for n in some if n.path == "vote") for some in nodes]

    assert [one.confidence for one in decided] == [
        one.probabilities[one.choice] for one in decided
    ]
    assert len(weft.coverage(made, at="vote").points) > 10
    assert handed == ["strong" if one.unsure else "cheap" for one in decided]


def test_no_threshold_of_one_pattern_holds_back_a_vote() -> None:
    """The vote would answer all the same, so that nothing is claimed."""
    metric = weft.metrics.exact("glad")
    for at in (None, "vote", "vote/pattern_1"):
        with weft.use(lm=DRAWN, cache=None), pytest.raises(ConfigError, match="a vote"):
            weft.abstain(vote_of(), ROWS, metric=metric, risk=0.5, at=at)


def test_priors_of_what_a_module_calls_over_rows_that_were_read() -> None:
    """A vote's patterns get theirs; rows may be those that `read_rows` gave."""
    read = weft.read_rows(ROWS, ["text"])
    with weft.use(lm=DRAWN, cache=None):
        even = weft.calibrate(vote_of(), ROWS)
        same = weft.calibrate(vote_of(), read)
        weights = weft.fit_weights(even, read).weights
        by_dicts = weft.fit_weights(even, ROWS).weights

    priors = [one.prior for one in even.patterns]
    assert None not in priors
    assert priors == [one.prior for one in same.patterns]
    assert weights == by_dicts


def test_a_temperature_of_another_prompt_does_not_come_back() -> None:
    """It was left out with the new prompt, and a new prior does not make it fit."""
    plain = weft.Classify(weft.Predict("text -> glad: bool"), by="top")
    stale = plain.with_rule(temperature=3.0, prior_of="sha256:another")
    own = plain.with_rule(temperature=3.0)
    with weft.use(lm=DRAWN, cache=None):
        made = [weft.calibrate(one, ROWS).rules["glad"] for one in (stale, own)]

    assert [one.temperature for one in made] == [1.0, 3.0]


def test_rounds_that_may_add_nothing_ask_nothing() -> None:
    """A small growth goes on where there is room again; a huge one is no crash."""
    found: dict[float, list[tuple[int, int]]] = {}
    for growth in (1, 1.2, 1e6):
        with weft.use(lm=DRAWN, cache=None):
            made = weft.label_unlabelled(
                vote_of(), ROWS, threshold=0.55, generations=100, growth=growth
            )
        found[growth] = [(one.number, one.added) for one in made.generations]

    assert found[1] == [(1, 4)]
    assert [number for number, _ in found[1.2][:2]] == [1, 4]
    assert len(found[1e6]) > 1


def test_answers_that_were_held_back_count_as_decided() -> None:
    """None in place of an unsure decision is no reply that could not be used."""
    kinds: dict[str, Any] = {"null": bool | None, "false": bool}
    known: dict[str, weft.Classification] = {}
    for otherwise, kind in kinds.items():
        asked = weft.Predict("text -> glad: Kind", types={"Kind": kind})
        plain = weft.Classify(asked, by="top")
        some = {
            "plain": plain,
            otherwise: plain.with_rule(unsure_below=0.8, otherwise=otherwise),
        }
        for name, module in some.items():
            with weft.use(lm=DRAWN, cache=None):
                made = weft.evaluate(module, ROWS, weft.metrics.exact("glad"))
            known[name] = weft.classification(made)
    plain, null, false = known["plain"], known["null"], known["false"]

    assert null.cells == plain.cells
    assert null.brier == plain.brier
    assert f"{null.unsure} answers unsure, counted as decided" in null.remarks
    assert null.unsure == false.unsure > false.instead > 0
    assert (null.instead, null.decided) == (0, len(ROWS))
    told = f"{false.instead} answers unsure, counted as what was given instead"
    assert told in false.remarks


def test_rows_that_were_held_back_are_no_wrong_answers() -> None:
    """What a row would score is not known where None was given: it is in no point."""
    asked = weft.Predict("text -> glad: Kind", types={"Kind": bool | None})
    plain = weft.Classify(asked, by="top")
    held = plain.with_rule(unsure_below=0.8, otherwise="null")
    with weft.use(lm=DRAWN, cache=None):
        every, some = (
            weft.coverage(weft.evaluate(one, ROWS, weft.metrics.exact("glad")))
            for one in (plain, held)
        )

    sure = [point for point in every.points if point.threshold >= 0.8]
    assert 0 < some.held < len(ROWS) == some.rows
    assert some.points[-1].answered == len(ROWS) - some.held
    assert [*some.points[: len(sure)]] == sure
    assert f"{some.held} rows held back as None" in str(some)


def test_labels_are_read_by_their_type() -> None:
    """A cell such as "TRUE" is a label wherever rows with labels are taken."""
    cells = [{**row, "glad": "TRUE" if row["glad"] else "no"} for row in ROWS]
    asked = weft.Classify(weft.Predict("text -> glad: bool"), by="top", name="glad")
    with weft.use(lm=DRAWN, cache=None):
        weights = [weft.fit_weights(vote_of(), rows).weights for rows in (ROWS, cells)]
        words = [weft.find_words(asked, rows).words for rows in (ROWS, cells)]

    assert weights[0] == weights[1]
    assert words[0] == words[1]


def test_a_temperature_is_fitted_to_cells() -> None:
    """Labels of a file are labels: the log loss has them all."""

    def said(request: weft.Request) -> Response:
        number = int(request.messages[-1].text.split("row ")[1].split()[0])
        near = random.Random(number).gauss(0.35 if number % 2 else 0.15, 0.06)
        true = min(max(near, 0.01), 0.99)
        return shown(true=true, false=1 - true)

    rows = [
        {"text": f"row {n} .", "glad": "yes" if n % 2 else "no"} for n in range(200)
    ]
    asked = weft.Classify(weft.Predict("text -> glad: bool"), by="top", name="glad")
    metric = weft.metrics.exact("glad")
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        made = weft.compile(asked, rows, metric=metric, compiler=Thresholds())

    assert made.program.rules["glad"].temperature > 1


def test_a_threshold_lies_above_what_it_keeps_back() -> None:
    """Between two numbers that no other one lies between it is the higher one."""
    below = math.nextafter(0.9, 0)
    rows = [Answer(0.9, right=True)] * 60 + [Answer(below, right=False)] * 20
    found = within(rows, risk=0.05)

    assert found is not None
    assert (found.answered, found.threshold) == (60, 0.9)


def test_rows_that_hang_on_bounds_are_told() -> None:
    """That nothing is found may be for want of log-probabilities."""
    lm = weft.FunctionLM(lambda _: shown(perhaps=0.9, maybe=0.1))
    asked = weft.Classify(weft.Predict("text -> glad: bool"), by="top", name="glad")
    with weft.use(lm=lm, cache=None):
        made = weft.abstain(asked, ROWS, metric=weft.metrics.exact("glad"), risk=0.5)

    assert made.found is None
    assert "of which 40 hang on bounds" in str(made)


def test_a_calibrated_model_is_not_shown_to_be_another() -> None:
    """Chance lifts the calibration error above 0; its interval reaches back."""
    held = contained = 0
    for seed in range(20):
        draw = random.Random(seed)
        sure = [draw.uniform(0.6, 0.99) for _ in range(60)]
        right = [draw.random() < p for p in sure]
        found = calibration_interval(sure, right, range(60), seed)
        value = calibration_error(sure, right) or 0.0
        held += found.low == 0
        contained += found.low <= value <= found.high

    assert held >= 17
    assert contained == 20


def test_a_model_that_is_too_sure_is_shown_to_be() -> None:
    """The interval holds the planted error, and not 0."""
    draw = random.Random(0)
    sure = [draw.uniform(0.7, 0.99) for _ in range(400)]
    right = [draw.random() < p - 0.3 for p in sure]
    found = calibration_interval(sure, right, range(400), 0)

    assert 0 < found.low < 0.3 < found.high < 0.5


def test_numbers_are_loaded_as_they_were_saved() -> None:
    """Shares that sum to 1 but for rounding are divided once, and not at each load."""
    names = [f"n{at}" for at in range(5)]
    kind: Any = Literal[tuple(names)]  # type: ignore[valid-type]
    asked = weft.Classify(weft.Predict("text -> label: K", types={"K": kind}))
    draw, vote = random.Random(0), vote_of()
    for number in range(60):
        rough = {name: draw.random() for name in names}
        once = asked.with_prior({**rough, "n0": 0.0} if number % 2 else rough)
        shares = vote.with_weights([draw.randint(1, 40) / 40, draw.random()]).weights

        assert once.prior is not None
        assert once.with_prior(once.prior).prior == once.prior
        assert math.isclose(math.fsum(once.prior.values()), 1)
        assert vote.with_weights(shares).weights == shares


class Level(IntEnum):
    """Whole numbers, of which one begins another."""

    one = 1
    two = 2
    ten = 10


def places(*tops: Mapping[str, float] | list[tuple[str, float]]) -> Any:
    """Tokens of a reply, each the first one of what might have stood there."""
    made: list[TokenLogprob] = []
    for top in tops:
        pairs = [*(top.items() if isinstance(top, Mapping) else top)]
        logs = tuple((word, math.log(p)) for word, p in pairs)
        made.append(TokenLogprob(*logs[0], logs))
    return Response("".join(one.token for one in made), logprobs=tuple(made))


TOP_UP: Any = Literal["top_up", "top_up_failed", "top_up_limits", "transfer"]
HEAD = ({"top": 0.8, "transfer": 0.2}, {"_up": 0.5, "_x": 0.5})


@pytest.mark.parametrize(
    ("kind", "reply", "wanted", "bounds"),
    [
        pytest.param(
            *(TOP_UP, places(*HEAD, {"_limits": 0.3, "_failed": 0.5, "\n": 0.2})),
            *((0.08, 0.2, 0.12, 0.2), ()),
            id="labels of one beginning, to the end of one",
        ),
        pytest.param(
            *(TOP_UP, places(*HEAD, {"\n": 0.5, "_failed": 0.2, "_limits": 0.3})),
            *((0.2, 0.08, 0.12, 0.2), ()),
            id="labels of one beginning, to the shortest",
        ),
        pytest.param(
            *(Level, places({"1": 0.7, "2": 0.3}, {"0": 0.6, "\n": 0.4})),
            *((0.28, 0.3, 0.42), ()),
            id="an enum of whole numbers, one of which begins another",
        ),
        pytest.param(
            Literal["yes", "no"],
            places([(" yes", 0.3), ("yes", 0.25), ("Yes", 0.2), ("no", 0.1)]),
            *((0.55, 0.1), ()),
            id="with a blank and without; a capital is another answer",
        ),
        pytest.param(
            Literal["yes", "no"],
            places([("yes", 0.3), ("yes", 0.3), ("no", 0.1), ("no", 0.1)]),
            *((0.3, 0.1), ()),
            id="equal texts count once",
        ),
        pytest.param(
            Literal["yes", "no", "so"],
            places([("yes", 0.4), ("a", 0.3), ("b", 0.2), ("c", 0.05), ("d", 0.05)]),
            *((0.4, 0.05, 0.05), ("no", "so")),
            id="five are shown, and one of them is an answer",
        ),
        pytest.param(
            Literal["yes", "no"],
            places([("yes", 1.0), ("no", 1.0)]),
            *((1.0, 1.0), ()),
            id="more than all",
        ),
    ],
)
def test_lists_of_likeliest_tokens(
    kind: Any, reply: Response, wanted: tuple[float, ...], bounds: tuple[str, ...]
) -> None:
    """As servers give them: shares of what was found, whatever they sum to."""
    ask = weft.Predict("text -> label: Kind", types={"Kind": kind})
    lm = weft.FunctionLM(lambda _: reply)
    with weft.use(lm=lm, cache=None):
        run = weft.Classify(ask, by="top", name="ask").run(text="x")
    made = run.trace.tree[0].run.decision()

    total = sum(wanted)
    assert [*made.probabilities.values()] == pytest.approx([p / total for p in wanted])
    assert made.at_most == bounds


def test_a_bool_beside_a_literal_streams_what_was_decided() -> None:
    """Each output has its decision, and a stream tells each as it is taken."""

    def said(request: weft.Request) -> Response:
        second = "[[ ok ]]" in request.messages[-1].text
        return shown(b=0.6, a=0.3) if second else shown(false=0.6, true=0.3)

    types = {"Kind": Literal["a", "b"]}
    asked = weft.Predict("text -> ok: bool, kind: Kind", types=types)
    both = weft.Classify(asked, by="top", name="both")
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        made = both(text="x")
        told = [e for e in both.stream(text="x") if isinstance(e, FieldDelta)]

    assert (made.ok, made.kind) == (False, "b")
    assert weft.info(made).decision("kind").probabilities["b"] == pytest.approx(2 / 3)
    assert [(one.field, one.text) for one in told] == [("ok", "false"), ("kind", "b")]
