"""Misspelt options are errors that say what was meant, wherever options are taken."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import weft
from weft.errors import ConfigError, ServerError
from weft.pipeline.errors import did_you_mean
from weft.pipeline.ground.options import check_options, checked, settings
from weft.pipeline.parameters import SLOTS, Demo, Parameters


@checked
def measure(rows: list[int], *, concurrency: int = 1, seed: int = 0) -> int:
    """A function of the kind that weft wraps."""
    return len(rows) + concurrency + seed


@settings
class Recipe:
    """Settings of the kind that compilers are."""

    demos: int = 4
    rounds: int = 1


def test_the_nearest_option_is_named() -> None:
    """A slip of the finger is answered with the word that was meant."""
    with pytest.raises(ConfigError) as caught:
        check_options(["temprature"], ["temperature", "seed"], "Predict")

    assert caught.value.message == "Predict has no option 'temprature'"
    assert caught.value.hint == "Did you mean 'temperature'?"


def test_a_word_near_to_none_lists_them_all() -> None:
    """Where nothing is near, the remedy is the whole list."""
    assert did_you_mean("zzz", ["temperature", "seed"]) == "Known: temperature, seed"
    assert did_you_mean("zzz", []) == ""


@pytest.mark.parametrize("word", ["column 77777x", "zzz", "c" * 10**6])
def test_a_remedy_is_short_among_very_many(word: str) -> None:
    """Of a hundred thousand names a few are shown, and a long one is cut."""
    names = [f"column {number}" for number in range(100_000)]

    assert len(did_you_mean(word, names)) < 1000
    assert len(did_you_mean(word, ["n" * 10**6, "zzy"])) < 300
    assert did_you_mean("column 7x", iter(names)) == "Did you mean 'column 7'?"


def test_a_checked_function_works_as_before() -> None:
    """Names, positions, defaults and the docstring stay."""
    assert measure([1, 2], seed=3) == 6
    assert measure(rows=[]) == 1
    assert (measure.__doc__ or "").startswith("A function")


def test_a_checked_function_names_itself_and_the_remedy() -> None:
    """A misspelt keyword is refused before the function runs."""
    with pytest.raises(ConfigError, match=r"measure has no option 'concurency'\. Did"):
        measure([1], concurency=2)


def test_settings_are_frozen_and_compare_by_value() -> None:
    """A recipe is a value."""
    assert Recipe(demos=2) == Recipe(demos=2)
    assert hash(Recipe()) == hash(Recipe(demos=4))
    with pytest.raises(AttributeError):
        Recipe().demos = 3


def test_settings_refuse_what_they_do_not_have() -> None:
    """A misspelt setting is a typed error with a remedy."""
    with pytest.raises(ConfigError, match=r"Recipe has no option 'demo'\. Did"):
        Recipe(demo=2)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: weft.configure(lmm="embedded"), "configure has no option 'lmm'"),
        (lambda: weft.use(budgt=1).__enter__(), "use has no option 'budgt'"),
        (lambda: weft.use(hooks=print).__enter__(), "is no list of functions"),
        (lambda: weft.use(sample=-1).__enter__(), "sample=-1 is no sample"),
        (lambda: weft.use(retry=3).__enter__(), "retry=3 is no retry policy"),
        (lambda: weft.use(lms="embedded").__enter__(), "is no mapping"),
        (lambda: weft.use(cache=3).__enter__(), "cache=3 is no cache"),
        (lambda: weft.use(cache="").__enter__(), "cache='' names no file"),
        (lambda: weft.use(lm=3).__enter__(), "3 is no model"),
        (lambda: weft.Predict("q -> a", repair=2), "Predict has no option 'repair'"),
        (weft.Predict, "Predict: missing .*Write Predict\\(signature"),
        (weft.ChainOfThought, "Write ChainOfThought\\(signature"),
        (lambda: weft.ReAct("q -> a", tools=[len], max_iters=3), "Write max_steps"),
        (lambda: weft.ReAct("q -> a"), "Write ReAct\\(signature, tools=...\\)"),
        (lambda: weft.Tool(len, nmae="x"), "Tool has no option 'nmae'"),
        (lambda: weft.tool(nmae="x"), "Did you mean 'name'"),
        (lambda: weft.Tool.from_schema("x", nmae=""), "from_schema has no option"),
        (lambda: weft.Classify(weft.Predict("q -> a: bool"), ruel=1), "'rule'"),
        (lambda: weft.Predict("q -> a", repairs=-1), "repairs=-1 is no number"),
        (lambda: weft.Predict("q -> a", repairs=True), "repairs=True is no number"),
        (lambda: weft.Predict("q -> a", name="a/b"), "name='a/b' is no name"),
        (lambda: weft.Predict("q -> a", name=""), "name='' is no name"),
        (lambda: weft.Predict("q -> a", adapter="jsn"), "adapter must be 'auto'"),
        (lambda: weft.configure(adapter="jsn"), "adapter='jsn' is no form of replies"),
        (lambda: weft.Predict("q -> a", "\ud800"), "instruction must be a text"),
        (lambda: weft.Predict("q -> a", demos=["x"]), "demos must be a list"),
        (lambda: weft.Predict("q -> a", max_tokens=0), "max_tokens=0 is no positive"),
        (lambda: weft.Predict("q -> a", seed=float("nan")), "JSON cannot carry"),
    ],
)
def test_wrong_options_are_config_errors_before_any_call(call, match) -> None:
    """Every place that takes options refuses wrong ones with words that help."""
    with pytest.raises(ConfigError, match=match) as caught:
        call()

    assert caught.value.hint or "must be" in caught.value.message


def test_parameters_change_by_slot_and_stay_as_they_were() -> None:
    """`with_slots` gives new parameters and touches nothing."""
    before = Parameters("Say.", sampling={"temperature": 0})

    after = before.with_slots({"instruction": "Sing.", "demos": [Demo({"q": 1})]}, "m")

    assert before == Parameters("Say.", sampling={"temperature": 0})
    assert list(after.slots()) == list(SLOTS)
    assert (after.instruction, len(after.demos)) == ("Sing.", 1)
    assert after.sampling == {"temperature": 0}


def test_a_misspelt_slot_is_refused() -> None:
    """Slots are named, and the nearest is offered."""
    with pytest.raises(ConfigError, match=r"no parameter 'demo'\. Did you mean"):
        Parameters("x").with_slots({"demo": []}, "m")


def test_a_demo_is_known_by_what_it_holds() -> None:
    """The id does not hang on the order of fields, nor on where the row came from."""
    one = Demo({"q": "1+1", "a": 2}, source="r1")
    two = Demo({"a": 2, "q": "1+1"}, source="r2")

    assert one.id == two.id
    assert one != two
    assert one.id != Demo({"q": "1+1", "a": 2.0}).id


def test_one_thing_is_told_in_the_singular() -> None:
    """A number of things is written as a person would."""
    lm = weft.FunctionLM(lambda _: "[[ a ]]\nyes")
    one = weft.evaluate(
        weft.Predict("q -> a", lm=lm, demos=[Demo({"q": "x", "a": "y"})]),
        [{"q": "x", "a": "yes"}],
        weft.metrics.exact("a"),
    )

    assert str(one).endswith(" on 1 row")
    assert " on 1 row (p = " in str(one.compare(one))
    assert "1 row<" in one._repr_html_()
    assert str(weft.Budget(calls=1, tokens=1)) == "1 call, 1 token"
    assert weft.Budget.parse("1 call, 1 token") == weft.Budget(calls=1, tokens=1)


@pytest.mark.parametrize("fixed", [True, False])
def test_repeats_that_repeat_themselves_are_told(fixed: bool) -> None:
    """As at temperature 0: the rows count three times and tell no more than once."""

    def reply(request: weft.Request) -> str:
        return f"[[ a ]]\n{0 if fixed else request.sample}"

    rows = [{"q": str(n), "a": "0"} for n in range(3)]
    asked = weft.Predict("q -> a", lm=weft.FunctionLM(reply))

    found = weft.evaluate(asked, rows, weft.metrics.exact("a"), repeats=3)
    once = weft.evaluate(asked, rows, weft.metrics.exact("a"))

    told = "each row had the same replies 3 times: is temperature 0?"
    assert (told in str(found)) is fixed
    assert "same replies" not in str(once)


def test_repeats_make_no_rows() -> None:
    """The same replies three times over: the same interval and the same p value."""

    def reply(request: weft.Request) -> str:
        number = int(request.messages[-1].content.rpartition("row")[2].split()[0])
        return f"[[ a ]]\n{'yes' if number % 3 else 'no'}"

    rows = [{"q": f"row{n}", "a": "yes"} for n in range(30)]
    asked = weft.Predict("q -> a", lm=weft.FunctionLM(reply))
    other = weft.Predict("q -> a", lm=weft.FunctionLM(lambda _: "[[ a ]]\nno"))

    once, thrice, worse = (
        weft.evaluate(program, rows, weft.metrics.exact("a"), repeats=repeats)
        for program, repeats in ((asked, 1), (asked, 3), (other, 3))
    )

    assert len(thrice.values) == 90
    assert (thrice.mean, thrice.interval) == (once.mean, once.interval)
    assert "on 30 rows, 3 times each" in str(thrice)
    assert thrice.compare(worse) == once.compare(worse)
    assert thrice.compare(worse).n == 30


def test_a_row_that_fails_each_time_is_one_row() -> None:
    """And of answers that failed of a row with others it is said that they did."""

    def answer(request: weft.Request) -> str:
        asked = request.messages[-1].text
        if "row 0" in asked or ("row 1" in asked and request.sample == 2):
            raise ServerError("down")
        return "[[ answer ]]\nx\n[[ /end ]]"

    ask = weft.Predict("question -> answer", name="ask")
    rows = [{"question": f"row {n}", "answer": "x"} for n in (0, 0, 1, 2, 3)]
    metric = weft.metrics.exact("answer")
    with weft.use(
        lm=weft.FunctionLM(answer), cache=None, retry=weft.RetryPolicy(retries=0)
    ):
        once = weft.evaluate(ask, rows, metric)
        thrice = weft.evaluate(ask, rows, metric, repeats=3)

    assert "on 3 rows, 2 rows failed and are not in the mean" in str(once)
    said = "on 3 rows, 3 times each, 2 rows failed and are not in the mean, 1 answer"
    assert said in str(thrice)


def test_repeats_that_differ_count_as_their_mean() -> None:
    """Half of the replies to each row are right: every row is worth one half."""

    def reply(request: weft.Request) -> str:
        return f"[[ a ]]\n{'yes' if request.sample else 'no'}"

    rows = [{"q": f"row{n}", "a": "yes"} for n in range(12)]
    asked = weft.Predict("q -> a", lm=weft.FunctionLM(reply))

    found = weft.evaluate(asked, rows, weft.metrics.exact("a"), repeats=2)

    assert found.mean == 0.5
    assert (found.interval.low, found.interval.high) == (0.5, 0.5)
    assert found.compare(found).ties == 12


def test_a_row_that_stands_there_often_is_one_row() -> None:
    """Its copies are answered alike, and make no interval narrower."""
    rows = [{"q": f"row{n}", "a": "yes" if n % 2 else "no"} for n in range(10)]
    asked = weft.Predict("q -> a", lm=weft.FunctionLM(lambda _: "[[ a ]]\nyes"))
    other = weft.Predict("q -> a", lm=weft.FunctionLM(lambda _: "[[ a ]]\nno"))
    exact = weft.metrics.exact("a")
    once, often = (
        weft.evaluate(asked, rows, exact),
        weft.evaluate(asked, rows * 9, exact),
    )
    worse = weft.evaluate(other, rows * 9, exact)

    assert len(often.values) == 90
    assert (often.mean, often.interval) == (once.mean, once.interval)
    assert str(often).endswith("on 90 rows, 10 different")
    assert often.compare(worse).n == 10
    assert often.compare(worse).p == once.compare(weft.evaluate(other, rows, exact)).p


def test_rows_that_stand_there_unequally_often_have_the_mean_of_all() -> None:
    """The interval lies about that mean, and is as wide as of different rows."""
    rows = [{"q": f"row{n}", "a": "yes" if n % 2 else "no"} for n in range(10)]
    asked = weft.Predict("q -> a", lm=weft.FunctionLM(lambda _: "[[ a ]]\nyes"))
    exact = weft.metrics.exact("a")
    once = weft.evaluate(asked, rows, exact)
    found = weft.evaluate(asked, [*rows, *rows[1::2]], exact)

    assert found.mean == pytest.approx(10 / 15)
    assert found.mean in found.interval
    width = once.interval.high - once.interval.low
    assert found.interval.high - found.interval.low == pytest.approx(width)
    assert found.interval.low == pytest.approx(once.interval.low + 10 / 15 - 1 / 2)


def test_programs_that_take_other_inputs_are_compared_on_the_same_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What one reads as an input is a label to the other; the row is the same."""
    rows = [{"q": f"row{n}", "hint": "h", "a": "yes"} for n in range(9)]
    lm = weft.FunctionLM(lambda _: "[[ a ]]\nyes")
    exact = weft.metrics.exact("a")
    short, long = weft.Predict("q -> a", lm=lm), weft.Predict("q, hint -> a", lm=lm)

    found = weft.evaluate(short, rows, exact)
    paired = found.compare(weft.evaluate(long, rows, exact))

    assert (paired.n, paired.ties) == (9, 9)
    elsewhere = [{**row, "q": f"else {row['q']}"} for row in rows]
    apart = found.compare(weft.evaluate(long, elsewhere, exact))
    assert (apart.n, apart.shown) == (0, False)
    assert str(apart) == "no row in common: nothing is compared"
    assert "have no row in common" in caplog.text


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (weft.Rule(), "cut"),
        (weft.Response("a"), "text"),
        (weft.Usage(1, 2), "input_tokens"),
        (weft.Budget(calls=3), "calls"),
        (weft.compilers.GEPA(), "rounds"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_never_changes_says_so(made: Any, name: str) -> None:
    """A field, and a name that is none; Python spoke of `super` here."""
    with pytest.raises(
        AttributeError, match=rf"Write dataclasses.replace\(..., {name}="
    ):
        setattr(made, name, 1)
    with pytest.raises(AttributeError, match=f"has no '{name}z'. Did you mean"):
        setattr(made, f"{name}z", 1)
    with pytest.raises(AttributeError, match="cannot be taken out"):
        delattr(made, name)
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made
