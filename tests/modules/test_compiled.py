"""Every module is compiled, in at most 40 calls: the cells of `bench conformance`."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import weft
from bench import BenchError, conformance
from bench.conformance import CALLS, COMPILERS, Cell, cell
from tests.modules.test_conformance import MAKERS


def family(kind: str) -> str:
    """The room in which a kind of module stands."""
    return type(MAKERS[kind]()).__module__.split(".")[-2]


FAMILIES = {family(kind): kind for kind in reversed(MAKERS) if kind != "of each other"}


def kept(one: Cell) -> None:
    """No promise was broken, and the compile was affordable."""
    assert one.faults == {}
    assert 0 < one.calls <= CALLS
    assert one.rows


@pytest.mark.parametrize("kind", conformance.KINDS)
def test_every_kind_is_compiled_by_its_runs(kind: str) -> None:
    """Budget, quote, bytes at any concurrency, and the saved file hold."""
    kept(cell(kind, "BootstrapFewShot"))


@pytest.mark.parametrize("compiler", ["GEPA", "Auto"])
@pytest.mark.parametrize("kind", FAMILIES.values(), ids=FAMILIES)
def test_one_of_each_family_is_compiled_by_writers(kind: str, compiler: str) -> None:
    """So they do where a model writes instructions."""
    kept(cell(kind, compiler))


@pytest.mark.parametrize("compiler", ["GEPA", "Auto"])
@pytest.mark.parametrize(
    "kind",
    ["CodeAct", "Recursive", "Refine of others", "Vote of a program", "a program"],
)
def test_the_dearest_are_compiled_too(kind: str, compiler: str) -> None:
    """Where a row takes five calls, three rows are enough for one round of 40."""
    kept(cell(kind, compiler))


def test_labels_that_are_no_json_reach_a_writer() -> None:
    """A date, and sound, as the writer of an instruction is shown them."""
    when = weft.Predict("question -> when: date", name="when")
    rows: list[dict[str, Any]] = [
        {"question": f"q{n}", "when": date(2027, 1, n + 1), "heard": sound(n)}
        for n in range(12)
    ]
    writer = weft.FunctionLM(lambda _: {"old": "", "new": "Think."}, model="writer")
    never = weft.FunctionLM(lambda _: {"when": "1999-12-31"})

    with weft.use(lm=never, lms={"proposer": writer}, cache=None):
        weft.compile(
            when,
            rows,
            metric=weft.metrics.exact("when"),
            compiler=weft.compilers.GEPA(rounds=1, proposals=1),
            budget=CALLS,
        )

    shown = writer.requests[0].messages[-1].text
    assert '"when": "2027-01-' in shown
    assert '"heard": {"media": "audio"' in shown


def sound(n: int) -> weft.Audio:
    """Another one for each number."""
    return weft.Audio.from_array([n / 100], 8_000)


def test_what_breaks_a_promise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that cannot be compiled, and one that never asks the same twice."""
    asked = iter(range(10_000))

    def restless(request: weft.Request) -> str:
        del request
        return f"[[ answer ]]\nanswer {next(asked)}"

    def broken() -> Any:
        raise OSError("no such module")

    monkeypatch.setitem(conformance.KINDS, "broken", broken)
    said = cell("broken", "BootstrapFewShot")
    assert said.faults == {"raised": "OSError: no such module"}
    assert said.mark == "**raised**"

    monkeypatch.setattr(conformance, "planted", restless)
    said = cell("Predict", "LabeledFewShot")
    assert "load" in said.faults


def test_the_table_says_what_was_seen() -> None:
    """One row a compiler, one column a kind; what is unaffordable says so."""
    names = [*COMPILERS][:2]
    cells = [
        [Cell("A", names[0], 4, 9, 0, True), Cell("A", names[1], smallest=50)],
        [Cell("B", names[0], 4, 9), Cell("B", names[1], faults={"bytes": "1 and 2"})],
    ]

    page = conformance.page(cells)

    assert f"| {names[0]} | + | = |" in page
    assert f"| {names[1]} | > 40 | **bytes** |" in page
    assert "3 of 4 cells keep every promise" in page


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kinds": "Predikt"}, "no kind of module 'Predikt'"),
        ({"compilers": "Gepa"}, "no compiler 'Gepa'"),
        ({"kinds": "Predict", "write": True}, "of all kinds and compilers"),
    ],
)
def test_what_cannot_be_run_is_refused(options: dict[str, Any], match: str) -> None:
    """Before anything is compiled."""
    with pytest.raises(BenchError, match=match):
        conformance.run(**options)
