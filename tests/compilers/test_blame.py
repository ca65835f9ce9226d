"""Blame: which module of a chain the failures come from, and what tells."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import weft
from tests.compilers.worlds import under_way
from weft.compilers.search.blame import blame, blamed
from weft.compilers.search.task import passes
from weft.pipeline.data.rows import read_rows
from weft.pipeline.measure.row_result import RowResult
from weft.pipeline.measure.score import Score
from weft.pipeline.trace import NodeRun, Trace


def chain(depth: int) -> Any:
    """Modules that hand a value on, each to the next."""
    steps = [
        weft.Predict(f"v{n} -> v{n + 1}", f"Step {n}.", name=f"step{n}")
        for n in range(depth)
    ]

    @weft.program
    def three(v0: str) -> str:
        made: str = steps[2](v2=steps[1](v1=steps[0](v0=v0).v1).v2).v3
        return made

    return three


Told = Callable[[int, int, str], str]
"""What feedback says, of the faulty step, the right value and the answer."""


def here(fault: int, first: int, answer: str) -> str:
    """Of the faulty step alone."""
    del answer
    return f"it should be z{fault + 1}{first} there"


def every(fault: int, first: int, answer: str) -> str:
    """Of all steps what is right."""
    del fault, answer
    return ", ".join(f"z{step} {first} is: z{step}{first}" for step in (1, 2, 3))


def some(fault: int, first: int, answer: str) -> str:
    """Of few rows; of the others only that they are wrong."""
    return every(fault, first, answer) if first == 1 else "wrong"


def silent(fault: int, first: int, answer: str) -> str:
    """Nothing."""
    del fault, first, answer
    return ""


def runs(fault: int, seed: int, *, told: Told, depth: int = 3) -> list[RowResult]:
    """Runs of a chain in which one step mistakes two of its five values."""
    rng = random.Random(seed)
    found: list[RowResult] = []
    for number in range(48):
        first = rng.randrange(5)
        data = {"v0": f"case {number} of {first}", f"v{depth}": f"z{depth}{first}"}
        (row,) = read_rows([data], ["v0"])
        value, nodes, given = first, list[NodeRun](), data["v0"]
        for step in range(depth):
            value = (value + 1) % 5 if step == fault and value in (1, 3) else value
            out = f"z{step + 1}{value}"
            inputs, outputs = {f"v{step}": given}, {f"v{step + 1}": out}
            nodes.append(
                NodeRun(f"step{step}", "module", inputs, outputs, order=(step,))
            )
            given = out
        right = value == first
        score = Score(float(right), "" if right else told(fault, first, given))
        found.append(RowResult(row, given, score, trace=Trace(tuple(nodes))))
    return found


def wrong_once() -> tuple[list[RowResult], RowResult]:
    """Runs in which all is right, and one in which the first step is wrong."""
    bad = next(r for r in runs(0, 0, told=every) if not passes(r))
    return runs(-1, 0, told=silent), bad


def blamed_for(found: list[RowResult]) -> dict[str, float]:
    """The share of each step of a chain of three in what went wrong."""
    return blame(under_way(chain(3), [r.example for r in found], []), found)


@pytest.mark.parametrize("fault", range(3))
@pytest.mark.parametrize("told", [here, every, some, silent])
def test_the_faulty_module_is_named(fault: int, told: Told) -> None:
    """By what feedback says, and else by where the wanted answer gets lost."""
    hits = 0
    for seed in range(10):
        shares = blamed_for(runs(fault, seed, told=told))
        hits += max(shares, key=lambda path: shares[path]) == f"step{fault}"

    assert hits >= 8


@pytest.mark.parametrize("fault", range(3))
@pytest.mark.parametrize("told", [every, some])
def test_whoever_was_handed_a_wrong_value_is_let_off(fault: int, told: Told) -> None:
    """What feedback says of a few rows tells of those of which it says nothing."""
    rows = [*runs(-1, 1, told=silent), *runs(fault, 0, told=told)]
    shares = blamed_for(rows)

    assert shares[f"step{fault}"] > 0.9


def test_a_wrong_value_is_followed_through_plain_steps() -> None:
    """What a function makes of a wrong value is wrong too."""
    good, bad = wrong_once()
    first, second, third = bad.trace.nodes
    (value,) = second.inputs.values()
    step = NodeRun("loud", "step", {"v": value}, {"out": "!"}, order=(1,))
    handed = replace(second, inputs={"v1": "!"}, order=(2,))
    nodes = (first, step, handed, replace(third, order=(3,)))

    shares = blamed_for([*good, replace(bad, trace=Trace(nodes))])

    assert shares["step0"] > 0.8


def test_whoever_gets_back_what_it_made_was_not_misled() -> None:
    """In a loop the wrong value returns to the module that first made it."""
    _, bad = wrong_once()
    first, second, third = bad.trace.nodes
    (back,) = second.outputs.values()
    again = replace(first, inputs={"v0": back}, order=(2,))
    nodes = (first, second, again, replace(third, order=(3,)))
    task = under_way(chain(3), [bad.example], [])
    given = {f"step{n}": frozenset(f"z{n + 1}{v}" for v in range(5)) for n in range(3)}

    found = blamed(task, replace(bad, trace=Trace(nodes)), given)

    assert found == {"step0": 1}


def test_two_that_are_wrong_apart_are_both_named() -> None:
    """The second was handed nothing that the first had made."""
    good, bad = wrong_once()
    first, second, third = bad.trace.nodes
    apart = replace(second, inputs={"v1": "another"})

    shares = blamed_for([*good, replace(bad, trace=Trace((first, apart, third)))])

    assert shares["step0"] == shares["step1"] > 5 * shares["step2"]


@pytest.mark.parametrize("fault", range(3))
def test_names_beside_right_values_accuse_nobody(fault: int) -> None:
    """Feedback that lists what each should have made calls all by their names."""

    def listed(fault: int, first: int, answer: str) -> str:
        del fault, answer
        return ", ".join(f"step{n} z{n + 1}{first}" for n in range(3))

    def two(fault: int, first: int, answer: str) -> str:
        return listed(fault, first, answer).partition(", ")[2]

    good = runs(-1, 1, told=silent)
    shares = blamed_for([*good, *runs(fault, 0, told=listed)])
    later = blamed_for([*good, *runs(fault, 0, told=two)])

    assert shares[f"step{fault}"] > 0.9
    assert not fault or max(later, key=lambda path: later[path]) == f"step{fault}"


def test_who_is_called_by_name_is_meant() -> None:
    """Where feedback gives no value of it."""

    def named(fault: int, first: int, answer: str) -> str:
        del fault, first, answer
        return "Step1 should look at the second word."

    shares = blamed_for(runs(0, 0, told=named))

    assert shares["step1"] > 0.9


def test_feedback_that_repeats_what_happened_calls_nobody_right() -> None:
    """Each value that was handed on stands in it, and so does the wrong answer."""

    def echo(fault: int, first: int, answer: str) -> str:
        del fault
        bad = int(answer[-1])
        return f"you went z1{bad}, z2{bad}, {answer}; it should be z3{first}"

    shares = blamed_for(runs(0, 0, told=echo))

    assert max(shares, key=lambda path: shares[path]) == "step0"


def test_values_of_several_words_are_found_in_feedback() -> None:
    """As whole words: another that begins the same is another."""
    told: list[RowResult] = []
    for result in [*runs(1, 0, told=silent), *runs(-1, 0, told=silent)]:
        nodes = list(result.trace.nodes)
        right = result.example.labels["v3"][-1]
        (made,) = nodes[1].outputs.values()
        nodes[1] = replace(nodes[1], outputs={"v2": f"shelf {made[-1]}"})
        nodes[2] = replace(nodes[2], inputs={"v2": f"shelf {made[-1]}"})
        said = "" if passes(result) else f"it is Shelf {right}, not shelf {right}0"
        score = Score(1.0 if passes(result) else 0.0, said)
        told.append(replace(result, score=score, trace=Trace(tuple(nodes))))

    assert blamed_for(told)["step1"] > 0.9


def test_a_module_that_failed_by_itself_is_blamed() -> None:
    """An error says where it happened."""
    _, bad = wrong_once()
    nodes = list(bad.trace.nodes)
    nodes[1] = NodeRun("step1", "module", nodes[1].inputs, error="ParseError: no value")
    shares = blamed_for([replace(bad, trace=Trace(tuple(nodes)))])

    assert max(shares, key=lambda path: shares[path]) == "step1"
    assert sum(shares.values()) == pytest.approx(1.0)
