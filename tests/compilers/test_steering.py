"""Steering: what is said to a compile is taken between rounds, journaled, replayed."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.compilers.every import compiled, every
from tests.compilers.worlds import (
    Asked,
    artifact,
    classifier,
    exact,
    index,
    learner,
    model,
    planted_rows,
)
from weft import compilers as c
from weft.compilers.driving.orders import LONGEST_HINT, Order, orders_in, place
from weft.pipeline.ground.strictjson import loads

ROWS = planted_rows(40)
HINT = Order("hint", text="Mind what a tavi is: tavi = K2.")
THREE = c.OPRO(steps=3, candidates=2)
SEED = "44136fa355b3"

Says = Mapping[int, Order]
"""What is said while a round is on, by its number; 0 is before the first."""


def round_of(folder: Path) -> int:
    """The round that is on: how many borders the journal has."""
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b'{"border":') if journal.exists() else 0


def stubborn(asked: Asked) -> dict[str, str]:
    """As the learner, but one word is beyond it, so that no search ends early."""
    if asked.classifies and "zude" in asked.said:
        return {"label": "K9"}
    told = learner(asked)
    noted = asked.task.startswith("Work people's notes")
    return {name: f"{text} So noted." for name, text in told.items()} if noted else told


def steered(
    folder: Path, says: Says, compiler: c.Compiler = THREE, **options: Any
) -> tuple[weft.Result[..., Any, Any], list[tuple[int, Asked]]]:
    """A compile to which somebody says things, and what its model was asked when."""
    folder.mkdir(exist_ok=True)
    asked, said = list[tuple[int, Asked]](), set[int]()

    def reply(request: weft.Request) -> str:
        now, read = round_of(folder), Asked.read(request)
        asked.append((now, read))
        if now in says and now not in said:
            said.add(now)
            place(folder, says[now])
        return read.reply(stubborn(read))

    if 0 in says:
        said.add(0)
        place(folder, says[0])
    given: dict[str, Any] = {"metric": exact, **options}
    with weft.use(lm=weft.FunctionLM(reply, model="planted"), cache=None):
        program = given.pop("program", classifier())
        result = weft.compile(program, ROWS, compiler=compiler, run_dir=folder, **given)
    return result, asked


def prompts(asked: list[tuple[int, Asked]], number: int) -> list[str]:
    """The tasks that writers were given in a round, all but the notes' own."""
    writing = [a for now, a in asked if now == number and not a.classifies]
    return [a.task for a in writing if not a.task.startswith("Work people's notes")]


def test_a_hint_reaches_writers_from_the_next_round_on(tmp_path: Path) -> None:
    """Below their instruction; what was asked before it was said stays as it was."""
    _, asked = steered(tmp_path, {1: HINT})

    assert prompts(asked, 1)
    assert not any(HINT.text in task for task in prompts(asked, 1))
    for number in (2, 3):
        assert prompts(asked, number)
        assert all(HINT.text in task for task in prompts(asked, number))


def test_a_hint_never_reaches_the_program_but_as_a_candidate(tmp_path: Path) -> None:
    """It is advice to writers; a module is told what its instruction says."""
    _, asked = steered(tmp_path, {1: HINT})

    told = [a.task for _, a in asked if a.classifies]
    assert not any("whoever runs this search" in task for task in told)


def test_a_hint_is_raced_as_a_candidate(tmp_path: Path) -> None:
    """Added as it is, and worked in by the model that writes anyway."""
    result, _ = steered(tmp_path, {1: HINT})

    origins = {line.origin for line in result.report.tried}
    made_by = {line["by"] for line in index(tmp_path)["candidates"]}
    assert {"all notes added", "notes worked in"} <= origins
    assert "Notes" in made_by


def test_a_search_without_a_writer_gets_none_by_a_hint(tmp_path: Path) -> None:
    """The hint races as it is; no model is asked that the run did not name."""
    search = c.BootstrapRandomSearch(candidates=4)
    result, asked = steered(tmp_path, {0: HINT}, search)

    assert all(a.classifies for _, a in asked)
    assert "all notes added" in {line.origin for line in result.report.tried}


def test_a_hint_for_a_module_is_told_to_its_writers_alone(tmp_path: Path) -> None:
    """Those of other modules are asked as before."""
    gist = weft.Predict("text -> gist", "Shorten it.", name="gist")
    say = classifier(inputs="gist")

    @weft.program
    def both(text: str) -> str:
        return say(gist=gist(text=text).gist).label

    hint = Order("hint", text="Keep the odd word.", module="gist")
    _, asked = steered(tmp_path, {0: hint}, c.COPRO(breadth=4, depth=1), program=both)

    told = [hint.text in task for task in prompts(asked, 1)]
    assert any(told)
    assert not all(told)


def test_a_branch_is_the_parent_of_the_next_round(tmp_path: Path) -> None:
    """Whoever was best by then, and for that round alone."""
    branch = Order("branch", candidate=SEED)
    plain, _ = steered(tmp_path / "plain", {}, c.ProTeGi(rounds=3, gradients=2))
    _, asked = steered(tmp_path / "run", {1: branch}, c.ProTeGi(rounds=3, gradients=2))

    rewrites = [a.said for now, a in asked if now == 2 and not a.classifies]
    assert plain.report.tried[0].parent
    assert rewrites
    assert all("Give the label.\n" in said for said in rewrites)
    assert index(tmp_path / "run")["orders"][0]["round"] == 2


def test_a_branch_races_beside_the_best(tmp_path: Path) -> None:
    """Nothing is lost by going back: the best so far is still in the race."""
    plain, _ = steered(tmp_path / "plain", {})
    back, _ = steered(tmp_path / "run", {2: Order("branch", candidate=SEED)})

    assert plain.report.search_score is not None
    assert back.report.search_score is not None
    assert back.report.search_score >= plain.report.search_score - 1e-9


def test_a_paused_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """It ends with its best on the disk, and later with the same bytes."""
    plain, _ = steered(tmp_path / "plain", {})
    run = tmp_path / "run"

    with pytest.raises(weft.errors.Paused, match="before round 2"):
        steered(run, {1: Order("pause")})
    state, best = index(run)["state"], weft.load(run / "best.weft.json")
    again, asked = steered(run, {})

    assert state == "paused"
    assert best.parameters.instruction != "Give the label."
    assert artifact(again, tmp_path) == artifact(plain, tmp_path)
    assert min(now for now, _ in asked) >= 2


EVERYTHING: Says = {
    0: HINT,
    1: Order("branch", candidate=SEED),
    2: Order("hint", text="A norp is K1.", module="classify"),
}


def _replayed(folder: Path, tmp_path: Path, **options: Any) -> tuple[bytes, int]:
    """The artifact of the same compile again, and how often its model was asked."""
    result, asked = steered(folder, {}, **options)
    return artifact(result, tmp_path), len(asked)


OTHERWISE: dict[str, Callable[[Path], object]] = {
    "as it was": lambda _: None,
    "gone": lambda path: path.unlink(),
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "damaged": lambda path: path.write_bytes(b"\0" * 100),
    "longer": lambda path: place(path.parent, Order("hint", text="tavi = K9")),
    "paused since": lambda path: place(path.parent, Order("pause")),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_replay_hears_what_was_said_then(what: str, tmp_path: Path) -> None:
    """The journal says it, whatever the file of orders holds by now."""
    run = tmp_path / "run"
    first, _ = steered(run, EVERYTHING)
    whole = artifact(first, tmp_path)
    OTHERWISE[what](run / "orders.jsonl")

    assert _replayed(run, tmp_path) == (whole, 0)


def test_what_was_said_changes_bytes_and_who_hears_it_does_not(tmp_path: Path) -> None:
    """The same orders at the same borders, at any concurrency."""
    made = {
        artifact(steered(tmp_path / f"{n}", EVERYTHING, concurrency=n)[0], tmp_path)
        for n in (1, 64)
    }
    plain, _ = steered(tmp_path / "plain", {})

    assert len(made) == 1
    assert artifact(plain, tmp_path) not in made


def test_a_death_behind_a_border_loses_no_order(tmp_path: Path) -> None:
    """A journal cut at any byte behind what was taken, and the file of orders gone."""
    run = tmp_path / "run"
    first, _ = steered(run, EVERYTHING)
    whole = artifact(first, tmp_path)
    (run / "orders.jsonl").unlink()
    data = (run / "journal.jsonl").read_bytes()
    last = data.rindex(b'{"border":')
    behind = data.index(b"\n", last) + 1
    rng = random.Random(0)
    for _ in range(12):
        size = rng.randrange(behind, len(data))
        (run / "journal.jsonl").write_bytes(data[:size])

        assert _replayed(run, tmp_path)[0] == whole


def test_a_death_before_a_border_takes_the_order_at_the_next(tmp_path: Path) -> None:
    """What was said and not journaled is still in the file, and is taken once."""
    run = tmp_path / "run"
    steered(run, {1: HINT})
    data = (run / "journal.jsonl").read_bytes()
    taken = data.index(b'{"border":1')
    cut = data.rindex(b"\n", 0, taken) + 1
    (run / "journal.jsonl").write_bytes(data[: cut + 5])

    result, _ = steered(run, {})

    assert result.report.steered == (f"before round 2: hint: {HINT.text}",)


@every
def test_every_recipe_hears_a_hint_within_its_budget(
    recipe: c.Compiler, tmp_path: Path
) -> None:
    """Each writer does; the same bytes at any concurrency, no call above the limit."""
    made = set[bytes]()
    for concurrency in (1, 64):
        run, options = tmp_path / f"{concurrency}", {"concurrency": concurrency}
        result, asked = steered(run, {0: HINT}, recipe, budget=130, **options)
        made.add(artifact(result, tmp_path))
        assert result.report.calls <= 130
        assert all(HINT.text in a.task for _, a in asked if not a.classifies)

    assert len(made) == 1


@every
def test_a_recipe_to_which_nobody_speaks_is_as_without_a_folder(
    recipe: c.Compiler, tmp_path: Path
) -> None:
    """The files of a run are for others: they change no byte of its result."""
    told, _ = steered(tmp_path / "run", {}, recipe, budget=130)
    with weft.use(lm=model(stubborn), cache=None):
        alone = compiled(recipe, ROWS, budget=130)

    assert artifact(told, tmp_path) == artifact(alone, tmp_path)


def test_a_hint_where_nothing_is_raced_or_written_is_not_taken(tmp_path: Path) -> None:
    """It would change nothing; the run's events say so, and the artifact is silent."""
    folder = tmp_path / "run"
    result, _ = steered(folder, {0: HINT}, c.LabeledFewShot(demos=4))

    (order,) = index(folder)["orders"]
    assert order["why"] == "nothing is raced here, and no writer is asked"
    assert not result.report.steered
    happened = index(folder)["events"]
    (event,) = [one for one in happened if one["event"] == "steered"]
    assert event["orders"] == [f"{HINT}, which is not taken: {order['why']}"]


REFUSED = {
    "no candidate 'abcdefabcdef' was met": Order("branch", candidate="abcdefabcdef"),
    "the program has no module 'other'": Order("hint", text="So.", module="other"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_order_that_cannot_be_obeyed_changes_nothing(
    why: str, tmp_path: Path
) -> None:
    """It is told of, and the search goes on as it would have."""
    plain, _ = steered(tmp_path / "plain", {})

    result, _ = steered(tmp_path / "run", {1: REFUSED[why]})

    assert index(tmp_path / "run")["orders"][0]["why"] == why
    assert artifact(result, tmp_path) == artifact(plain, tmp_path)
    assert result.report.steered == ()


def test_a_hint_that_could_change_nothing_is_told_as_not_taken(tmp_path: Path) -> None:
    """It was reported as taken, though no candidate could hold it."""
    result, _ = steered(tmp_path, {0: HINT}, keep=["classify"])

    (order,) = index(tmp_path)["orders"]
    assert order["why"] == "no prompt shows what it could change, or keep= holds that"
    assert result.report.steered == ()


def test_an_order_after_the_last_round_is_told_as_not_taken(tmp_path: Path) -> None:
    """And it is still not taken when the run is looked at again."""
    result, _ = steered(tmp_path, {3: HINT})

    (order,) = index(tmp_path)["orders"]
    assert order["round"] is None
    assert order["why"] == "it came after the last round began"
    late = index(tmp_path)["events"][-2]
    assert (late["event"], len(late["orders"])) == ("late", 1)
    assert "which is not taken: it came after" in late["orders"][0]
    assert result.report.steered == ()


def test_an_artifact_says_that_its_search_was_steered(tmp_path: Path) -> None:
    """With what was said, and before which round: the seed alone does not tell."""
    result, _ = steered(tmp_path, EVERYTHING)

    saved = loads(artifact(result, tmp_path).decode())["provenance"]["steered"]
    assert [told["round"] for told in saved] == [1, 2, 3]
    assert saved[0] == {"order": "hint", "text": HINT.text, "round": 1}
    assert f"steered    before round 1: hint: {HINT.text}" in str(result.report)


WRONG: dict[str, Callable[[], Order]] = {
    "a hint of no words": lambda: Order("hint", text=" \n"),
    "a hint that no instruction has room for": lambda: Order(
        "hint", text="x" * (LONGEST_HINT + 1)
    ),
    "half a character": lambda: Order("hint", text="\ud800"),
    "a pause with words": lambda: Order("pause", text="now"),
    "a branch from nowhere": lambda: Order("branch"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_order_says_what_its_kind_needs(what: str) -> None:
    """Nothing else gets into the file."""
    with pytest.raises(ValueError, match=r"a |its "):
        WRONG[what]()


@given(
    texts=st.lists(st.text(min_size=1).filter(lambda t: bool(t.strip())), max_size=4),
    cut=st.floats(0, 1),
)
def test_an_order_is_whole_or_is_not_there(texts: list[str], cut: float) -> None:
    """A file cut at any byte holds the first ones; whatever the words are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = [place(folder, Order("hint", text=text)) for text in texts]
        path = folder / "orders.jsonl"
        data = path.read_bytes() if said else b""
        path.write_bytes(data[: round(cut * len(data))])

        found = orders_in(folder)

        assert found == said[: path.read_bytes().count(b"\n")]


def test_a_line_that_is_no_order_hides_no_other(tmp_path: Path) -> None:
    """What a killed writer left, or somebody else wrote, is passed over."""
    first = place(tmp_path, HINT)
    with (tmp_path / "orders.jsonl").open("ab") as file:
        file.write(b'deadbeef {"order":"pause","id":"00"}\n4b41 torn')
    second = place(tmp_path, Order("branch", candidate=SEED))

    assert orders_in(tmp_path) == [first, second]
