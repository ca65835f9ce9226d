"""A model for each module, the form of replies, descriptions: chosen under a cap."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    artifact,
    classifier,
    exact,
    last_line,
    learner,
    model,
    planted_rows,
    set_prices,
    under_way,
)
from weft import compilers as c
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.credit import credit_by_contrast
from weft.compilers.search.running_cost import Caps, RunningCost
from weft.pipeline.errors import ConfigError
from weft.pipeline.measure.row_result import RowResult
from weft.pipeline.parameters import Demo

CODE: dict[str, str] = dict(zip(WORDS, CODES, strict=False))
KNOWN: Mapping[str, int] = {"tiny": 2, "small": 4, "large": 6}
"""How many of the six words each model knows."""
PRICES = {"tiny": [1, 1, 1], "small": [4, 4, 4], "large": [40, 40, 40]}
ROWS = planted_rows(120)


def knowing(name: str, *, slow: bool = False) -> weft.FunctionLM:
    """A model that knows some of the words, and hands texts on as they are."""

    def rule(asked: Asked) -> dict[str, str]:
        if not asked.classifies:
            return {n: last_line(asked.said) for n, _ in asked.outputs}
        known = WORDS[: KNOWN[name]]
        word = next((w for w in known if w in asked.said), "")
        return {"label": CODE.get(word, "K9")}

    return model(rule, slow=slow, name=name)


@pytest.fixture(autouse=True)
def priced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prices of the three models, in dollars a million tokens."""
    set_prices(monkeypatch, tmp_path, PRICES)


def chain() -> Any:
    """note -> sort out -> classify; only the last one's answer hangs on its model."""
    note = weft.Predict("text -> gist", "Shorten it.", name="note")
    order = weft.Predict("gist -> view", "Sort it out.", name="order")
    say = classifier(inputs="view")

    @weft.program
    def three(text: str) -> str:
        return say(view=order(gist=note(text=text).gist).view).label

    return three


def right(example: weft.Example, prediction: Any) -> bool:
    """Whether a program of one text gives the label."""
    return bool(prediction == example.label)


def chosen(compiler: c.Choose, program: Any = None, **options: Any) -> Any:
    """A compile of a program that asks the tiny model."""
    start = options.pop("start", "tiny")
    terms: dict[str, Any] = {"metric": exact if program is None else right, **options}
    lm = knowing(start) if isinstance(start, str) else start
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        return weft.compile(program or classifier(), ROWS, compiler=compiler, **terms)


def all_three(**options: Any) -> c.Choose:
    """A choice among the three models."""
    return c.Choose(models=[knowing(name) for name in KNOWN], **options)


def _asked(result: Any) -> dict[str, str | None]:
    program = result.program
    modules = getattr(program, "modules", {program.name: program})
    return {path: m.parameters.model for path, m in modules.items()}


def test_each_module_gets_the_model_that_it_needs() -> None:
    """The dear one where it tells, and the cheap ones elsewhere, under a cap."""
    free = chosen(all_three(), chain())
    dear = chosen(c.Choose(models=[knowing("large")], candidates=1, rounds=1), chain())
    prices = [r.report.tried[0].cost.usd or 0.0 for r in (free, dear)]

    assert free.report.score.mean == 1.0
    assert _asked(free)["classify"] == "large"
    assert "large" not in (_asked(free)["note"], _asked(free)["order"])
    assert prices[0] < 0.55 * prices[1]


def test_the_front_trades_score_for_dollars() -> None:
    """From the cheapest up each point scores more, and none is dominated."""
    front = chosen(all_three()).front

    assert [point.origin for point in front] == ["seed", "asks small", "asks large"]
    assert [point.score for point in front] == sorted(p.score for p in front)
    usd = [point.usd_per_1000 or 0.0 for point in front]
    assert usd == sorted(usd)
    assert all(p.interval[0] <= p.score <= p.interval[1] for p in front)
    assert all(p.rows == front[0].rows for p in front)


def test_the_best_under_a_cap_is_a_program() -> None:
    """The caller says the cap afterwards, and gets what runs."""
    front = chosen(all_three()).front
    middle = front[1].usd_per_1000 or 0.0

    made = front.under(usd_per_1000=middle)

    assert made.parameters.model == "small"
    assert made(text="please blick 1").label == CODE["blick"]
    assert front.under().parameters.model == "large"
    with pytest.raises(ConfigError, match=r"the least usd_per_1000 is 0\.0\d+"):
        front.under(usd_per_1000=1e-6)
    with pytest.raises(ConfigError, match="tokens_a_row=1"):
        front.under(tokens_a_row=1)
    timeless = [replace(point, seconds_a_row=None) for point in front]
    with pytest.raises(ConfigError, match="seconds_a_row of none is known: all answ"):
        c.Front(tuple(timeless)).best_under(seconds_a_row=1)


def test_a_cap_holds_for_the_result() -> None:
    """The best under it comes back, though a dearer one scores more."""
    small = chosen(all_three()).front[1].usd_per_1000 or 0.0

    result = chosen(all_three(usd_per_1000=1.2 * small))

    assert _asked(result) == {"classify": "small"}
    assert "at most $" in str(result.report)
    assert result.report.describe()["caps"].endswith("a thousand rows")


def test_a_program_too_dear_comes_back_cheaper_and_says_so() -> None:
    """Also where it scores less than the program as it was."""
    small = chosen(all_three()).front[1].usd_per_1000 or 0.0

    result = chosen(all_three(usd_per_1000=1.2 * small), start="large")

    assert result.report.returned
    assert _asked(result) == {"classify": "small"}
    assert result.report.verdict.startswith("the best under $")
    assert not result.improved


def test_a_cap_that_nobody_meets_is_said() -> None:
    """And the program comes back as it was, or better, and no dearer."""
    result = chosen(all_three(usd_per_1000=1e-6))

    assert "no candidate costs at most $" in result.report.stopped
    assert result.report.score.mean >= result.report.seed_score.mean
    assert _asked(result)["classify"] is None


def test_the_same_score_for_less_is_a_gain() -> None:
    """A program that passes everything is still made cheaper."""
    result = chosen(all_three(), chain(), start="large")

    assert result.report.verdict.startswith("cheaper: the score changed by +0.0")
    assert _asked(result)["note"] == "tiny"
    assert _asked(result)["classify"] in (None, "large")


def test_contrasts_give_each_module_its_share() -> None:
    """Three modules changed at once, and the credit goes to the one that told."""
    result = chosen(all_three(), chain())
    credit = {(slot, name): e for (slot, name), e in result.report.credit.items()}

    assert credit["classify/model", '"large"'].score > 0.4
    for other in ("note", "order"):
        assert abs(credit[f"{other}/model", '"large"'].score) < 0.1
        assert (credit[f"{other}/model", '"large"'].usd or 0.0) > 0


def test_few_cells_are_bought_of_all_combinations() -> None:
    """Contrasts stand for combinations, and who is dominated leaves."""
    report = chosen(all_three(), chain(), val=planted_rows(160, seed=3)).report
    seen = sum(line.rows for line in report.tried)
    rows = max(line.rows for line in report.tried)

    assert len(report.tried) > 8
    assert seen < 0.6 * rows * len(report.tried)
    assert seen < 0.65 * rows * len(KNOWN) ** 3


def test_main_effects_say_what_each_choice_did() -> None:
    """In points of the score, for the model of each module."""
    effects = c.main_effects(chosen(all_three(), chain()).report)

    assert (effects[0].part, effects[0].choice) == ("classify/model", "large")
    assert effects[0].effect > 0.4


@pytest.mark.parametrize("budget", ["400 calls", "$0.80", "200k tokens"])
def test_a_choice_changes_no_byte_at_any_concurrency(
    budget: str, tmp_path: Path
) -> None:
    """Among models of different speed and price, under any budget, which holds."""
    made: set[bytes] = set()
    for concurrency, slow in ((1, False), (64, True)):
        models = [knowing(name, slow=slow) for name in KNOWN]
        result = chosen(
            c.Choose(models=models),
            chain(),
            start=knowing("small", slow=slow),
            budget=budget,
            concurrency=concurrency,
        )
        made.add(artifact(result, tmp_path))
        report = result.report
        assert report.calls <= 400 or budget != "400 calls"
        assert (report.usd or 0.0) <= 0.8
        assert report.tokens <= 200_000

    assert len(made) == 1


def test_a_killed_choice_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    """A journal holds the answers of every model; nothing is paid for twice."""
    terms: dict[str, Any] = {"run_dir": tmp_path / "run", "budget": 400}
    first = chosen(all_three(), chain(), **terms)
    again = chosen(all_three(), chain(), **terms)

    assert artifact(first, tmp_path) == artifact(again, tmp_path)
    assert (again.report.sent, again.report.calls) == (0, first.report.calls)
    assert [p.seconds_a_row for p in again.front] == [None] * len(again.front)


def test_an_artifact_names_models_and_holds_no_address(tmp_path: Path) -> None:
    """A key and an address stay with the caller; options of a model come along."""
    lm = weft.LM("jan/m", api_base="http://127.0.0.1:9/v1", api_key="secret", top_p=0.5)
    made = c.Choose(models=[lm])
    assert made.describe()["models"] == [
        {"model": "jan/m", "max_tokens": 4096, "top_p": 0.5}
    ]

    tuned = classifier().with_(model="jan/m", sampling={"top_p": 0.5}, lm=lm)
    text = weft.save(tuned, tmp_path / "made.weft.json").read_text()

    assert '"model": "jan/m"' in text
    assert "127.0.0.1" not in text
    assert "secret" not in text


def test_a_model_with_options_is_a_choice_of_both() -> None:
    """The name and the sampling go together into candidates."""
    models = {"cool": weft.LM("embedded", temperature=0), "warm": weft.LM("embedded")}
    (recipe,) = c.Choose(models=models).recipes()
    (draw,) = recipe.rounds[0]
    task = under_way()

    with weft.use(lm=knowing("tiny"), lms=recipe.models):
        made = [dict(one.values) for one in _proposed(draw.proposer, task, 4)]

    assert made == [
        {"classify/model": "cool", "classify/sampling": {"temperature": 0}},
        {"classify/model": "warm", "classify/sampling": {}},
    ]


def _proposed(proposer: Any, task: Any, n: int) -> list[Candidate]:
    coroutine = proposer.propose(task, [Candidate()] * n, n)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return list(stop.value)
    raise AssertionError("it waited for somebody")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "nothing to choose among"),
        ({"models": 3}, "no list of models"),
        ({"models": ["nonsense"]}, "nonsense"),
        ({"models": [weft.LM("embedded"), weft.LM("embedded")]}, "two models"),
        ({"forms": ("yaml",)}, "no form"),
        ({"models": ["embedded"], "usd_per_1000": 0.0}, "no cap"),
    ],
)
def test_what_cannot_be_chosen_is_refused_before_a_call(
    options: dict[str, Any], said: str
) -> None:
    """Each with its remedy."""
    lm = knowing("tiny")
    with weft.use(lm=lm), pytest.raises(ConfigError, match=said):
        weft.compile(classifier(), ROWS, metric=exact, compiler=c.Choose(**options))

    assert lm.calls == 0


def test_what_must_stay_is_not_chosen() -> None:
    """`keep=` protects a model and descriptions like anything else."""
    keep = ["classify/model", "note", "classify/descriptions"]
    result = chosen(all_three(descriptions=1), chain(), keep=keep)

    assert _asked(result)["classify"] is None
    assert _asked(result)["note"] is None
    for line in result.report.credit:
        assert line[0] == "order/model"


def test_the_quote_counts_no_more_assignments_than_there_are() -> None:
    """Of one other model for one module there is one."""
    with weft.use(lm=knowing("tiny"), cache=None):
        compiler = c.Choose(models={"large": knowing("large")})
        quote = weft.quote(classifier(), ROWS, metric=exact, compiler=compiler)
        spent = weft.compile(classifier(), ROWS, metric=exact, compiler=compiler)

    select = quote.sealed
    assert spent.report.calls <= quote.calls.high
    assert quote.accounts["evaluate"].expected <= 5 * select


def test_the_quote_knows_what_the_models_cost() -> None:
    """A call counts as the mean of the models that may be asked."""
    with weft.use(lm=knowing("tiny")):
        quotes = [
            weft.quote(classifier(), ROWS, metric=exact, compiler=compiler)
            for compiler in (
                c.Choose(models=[knowing("tiny")]),
                c.Choose(models=[knowing("large")]),
            )
        ]
    tiny, large = (quote.usd or 0.0 for quote in quotes)

    assert large == pytest.approx((1 + 40) / 2 * tiny)
    assert quotes[1].guess.dearest == pytest.approx(40 * tiny)


def test_another_compiler_goes_before() -> None:
    """Instructions first, then who is asked; the caps hold for all of it."""

    def either(name: str) -> weft.FunctionLM:
        return model(learner, name=name)

    with weft.use(lm=either("large"), cache=weft.MemoryCache()):
        result = weft.compile(
            classifier(),
            ROWS,
            metric=exact,
            compiler=c.Sequence(
                of=(c.APE(candidates=4), c.Choose(models=[either("tiny")]))
            ),
        )

    assert result.report.score.mean == 1.0
    made: Any = result.program
    assert made.parameters.model == "tiny"
    assert "blick = K0" in made.instruction


def test_descriptions_are_written_from_failures() -> None:
    """In one line, of one field; the signature's own words stay its own."""
    rows = [{**row, "label": "K1"} for row in planted_rows(60, words=1)]

    def answer(request: weft.Request) -> str:
        system = request.messages[0].content
        asked = Asked.read(request)
        if "describe anew" in system:
            return asked.reply({"field": "label", "description": "blick\n is K1"})
        return asked.reply({"label": "K1" if "blick is K1" in system else "K9"})

    lm = weft.FunctionLM(answer, model="told")
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        result = weft.compile(
            classifier(), rows, metric=exact, compiler=c.Choose(descriptions=1)
        )

    assert result.improved
    made: Any = result.program
    assert made.parameters.descriptions == {"label": "blick is K1"}
    assert "+ {'label': 'blick is K1'}" in result.report.diff()
    assert made.instruction == "Give the label."


@pytest.mark.parametrize(
    "reply",
    [
        {"field": "nothing", "description": "blick is K1"},
        {"field": "label", "description": "x" * 241},
    ],
)
def test_a_description_out_of_bounds_is_left_out(reply: dict[str, str]) -> None:
    """Of no field, or too long."""

    def answer(request: weft.Request) -> str:
        asked = Asked.read(request)
        told = "describe anew" in request.messages[0].content
        return asked.reply(reply if told else {"label": "K9"})

    with weft.use(lm=weft.FunctionLM(answer, model="told")):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=c.Choose(descriptions=1)
        )

    assert len(result.report.tried) == 1


def test_a_form_is_a_choice_that_the_artifact_keeps(tmp_path: Path) -> None:
    """Where the model answers well in one form alone, that one wins."""

    def answer(request: weft.Request) -> str:
        system = request.messages[0].content
        word = next((w for w in WORDS if w in request.messages[-1].content), "")
        code = CODE.get(word, "K9")
        return json.dumps({"label": code}) if "JSON" in system else "Hm."

    with weft.use(lm=weft.FunctionLM(answer, model="objects")):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=c.Choose(forms=("xml", "json"))
        )
    loaded = weft.load(result.save(tmp_path / "made.weft.json"))

    assert result.report.score.mean == 1.0
    assert loaded.parameters.adapter.startswith("json/1")
    assert c.main_effects(result.report)[0].choice == "json"


def test_caps_and_costs_know_what_is_unknown() -> None:
    """An unknown price is under no cap in dollars, and compares by tokens."""
    unknown, known = RunningCost(None, 10.0), RunningCost(0.001, 20.0)

    assert not Caps(usd_per_1000=5.0).hold(unknown)
    assert Caps(usd_per_1000=1.0).hold(known)
    assert unknown.no_dearer(known)
    assert not known.no_dearer(unknown)
    assert not Caps()


def test_credit_asks_for_contrasts() -> None:
    """Without candidates that chose something there is none."""
    task = under_way(select=())
    task.archive = [Candidate({"classify/demos": (Demo({"text": "a"}),)}), Candidate()]

    assert credit_by_contrast(task, ("model",)) == {}


EFFECTS = st.floats(-0.3, 0.3).map(lambda x: round(x, 2))


@given(st.lists(EFFECTS, min_size=3, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_joint_configurations_alone_tell_the_choices_apart(
    effects: list[float], rng: Any
) -> None:
    """No candidate differs in one module alone, and each still gets its own share."""
    rows = [weft.Example(str(n), {"text": str(n)}, {"label": "K0"}) for n in range(40)]
    task = under_way(chain(), select=rows)
    paths = ("note", "order", "classify")
    pairs = [(0, 1), (1, 2), (0, 2), (0, 1, 2)]
    task.archive = [Candidate()]
    for chosen_paths in pairs:
        values = {f"{paths[at]}/model": "large" for at in chosen_paths}
        task.archive.append(Candidate(values))
    for row in rows:
        level = rng.random() * 0.1
        for candidate, own in zip(task.archive, [(), *pairs], strict=True):
            value = 0.45 + level + sum(effects[at] / 2 for at in own)
            score = weft.Score(min(1.0, max(0.0, value)))
            task.cells[candidate.id, row.digest] = RowResult(row, "K0", score)

    credit = credit_by_contrast(task, ("model",))

    for path, effect in zip(paths, effects, strict=True):
        assert abs(credit[f"{path}/model", '"large"'].score - effect / 2) < 0.03


POINTS = st.builds(
    c.Point,
    id=st.integers(0).map("{:x}".format),
    origin=st.just("made"),
    score=st.floats(0, 1),
    interval=st.just((0.0, 1.0)),
    rows=st.just(40),
    usd_per_1000=st.none() | st.floats(0, 10),
    tokens_a_row=st.floats(1, 1000),
    seconds_a_row=st.none() | st.floats(0, 10),
)


@given(st.lists(POINTS), st.none() | st.floats(0, 10), st.none() | st.floats(1, 1000))
def test_nobody_under_the_caps_is_better(
    points: list[c.Point], usd: float | None, tokens: float | None
) -> None:
    """What is given back is under both, and no point under both scores more."""
    programs = {point.id: point.origin for point in points}
    front = c.Front(tuple(points), programs)

    def fits(point: c.Point) -> bool:
        paid = point.usd_per_1000
        under = usd is None or (paid is not None and paid <= usd)
        return under and (tokens is None or point.tokens_a_row <= tokens)

    some = [point for point in points if fits(point)]
    if not some:
        with pytest.raises(ConfigError, match="no point of the front"):
            front.best_under(usd_per_1000=usd, tokens_a_row=tokens)
        return
    best = front.best_under(usd_per_1000=usd, tokens_a_row=tokens)

    assert fits(best)
    assert best.score == max(point.score for point in some)
