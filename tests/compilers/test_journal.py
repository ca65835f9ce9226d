"""The journal: nothing paid for is ever paid for again, whatever happens."""

from __future__ import annotations

import fcntl
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    artifact,
    classifier,
    exact,
    journaled,
    model,
    planted_rows,
)
from weft.compilers import APE, Auto, LabeledFewShot
from weft.pipeline.errors import (
    CompileError,
    DivergenceError,
    InvalidRequest,
    JournalDamaged,
)

ROWS = planted_rows(40)


def _compiled(folder: Path, **changes: Any) -> weft.Result[..., Any, Any]:
    options: dict[str, Any] = {"metric": exact, "compiler": APE(), "seed": 0, **changes}
    program = options.pop("program", classifier())
    rows = options.pop("rows", ROWS)
    return weft.compile(program, rows, run_dir=folder, **options)


def down(request: weft.Request) -> str:
    """A model that is not there."""
    raise InvalidRequest("no such model")


def test_a_finished_run_is_replayed_without_a_model(tmp_path: Path) -> None:
    """Even when the cache was cleared in between."""
    with weft.use(lm=model()):
        first = _compiled(tmp_path / "run")
    lm = model()
    with weft.use(lm=lm, cache=None):
        second = _compiled(tmp_path / "run")

    assert lm.calls == 0
    assert artifact(first, tmp_path) == artifact(second, tmp_path)


def test_the_best_so_far_is_on_disk(tmp_path: Path) -> None:
    """It can be loaded whatever becomes of the rest of the run."""
    with weft.use(lm=model()):
        result = _compiled(tmp_path / "run")
        best = weft.load(tmp_path / "run" / "best.weft.json")

    assert best.parameters == result.program.parameters


def test_the_best_so_far_is_on_disk_from_the_start(tmp_path: Path) -> None:
    """Before the first round is over, that is the program as it was."""
    with weft.use(lm=weft.FunctionLM(down)), pytest.raises(CompileError):
        _compiled(tmp_path / "run", compiler=Auto())

    best = weft.load(tmp_path / "run" / "best.weft.json")

    assert not best.parameters.demos
    assert best.instruction == "Give the label."


def test_a_resumed_run_keeps_its_best_from_the_start(tmp_path: Path) -> None:
    """The program as it was does not take its place."""
    path, lines = tmp_path / "run" / "best.weft.json", tmp_path / "run/journal.jsonl"
    with weft.use(lm=model()):
        _compiled(tmp_path / "run")
    before = path.read_bytes()
    os.truncate(lines, lines.read_bytes().index(b"\n") + 1)
    gone = weft.FunctionLM(down, model=model().model)
    with weft.use(lm=gone, cache=None), pytest.raises(CompileError):
        _compiled(tmp_path / "run")

    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_tail_is_cut_off(cut: int, tmp_path: Path) -> None:
    """What was being written when the power went is asked again, and no more."""
    with weft.use(lm=model()):
        first = _compiled(tmp_path / "run")
    path = tmp_path / "run" / "journal.jsonl"
    os.truncate(path, path.stat().st_size - cut)
    lm = model()
    with weft.use(lm=lm, cache=None):
        second = _compiled(tmp_path / "run")

    assert lm.calls == 1
    assert artifact(first, tmp_path) == artifact(second, tmp_path)


def test_damage_in_the_middle_names_the_place(tmp_path: Path) -> None:
    """A changed answer is never taken for what the model said."""
    with weft.use(lm=model()):
        _compiled(tmp_path / "run")
    path = tmp_path / "run" / "journal.jsonl"
    data = bytearray(path.read_bytes())
    third = [at for at, byte in enumerate(data) if byte == 10][2] + 1
    data[third + 30] ^= 1
    path.write_bytes(data)

    with (
        weft.use(lm=model()),
        pytest.raises(JournalDamaged, match=f"damaged at byte {third}"),
    ):
        _compiled(tmp_path / "run")


OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "seed": lambda: {"seed": 1},
    "program": lambda: {"program": classifier().with_(instruction="Name it.")},
    "metric": lambda: {"metric": weft.metrics.choice("label")},
    "data": lambda: {"rows": planted_rows(41)},
    "compiler": lambda: {"compiler": Auto()},
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_run_is_refused_with_the_difference(what: str, tmp_path: Path) -> None:
    """A folder belongs to one run."""
    with weft.use(lm=model()):
        _compiled(tmp_path / "run")

        with pytest.raises(DivergenceError, match=f"{what} was .*, now "):
            _compiled(tmp_path / "run", **OTHERS[what]())


def test_another_model_is_refused(tmp_path: Path) -> None:
    """Answers of one model say nothing about another."""
    with weft.use(lm=model()):
        _compiled(tmp_path / "run")

    with (
        weft.use(lm=model(name="other")),
        pytest.raises(DivergenceError, match=r'models was .*"planted".*"other"'),
    ):
        _compiled(tmp_path / "run")


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    """Two compiles never write one journal."""
    folder = tmp_path / "run"
    with weft.use(lm=model()):
        _compiled(folder, compiler=LabeledFewShot())
        with (folder / "journal.jsonl").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)

            with pytest.raises(CompileError, match="another process is compiling"):
                _compiled(folder, compiler=LabeledFewShot())


def test_the_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It holds whatever the rows hold."""
    with weft.use(lm=model()):
        _compiled(tmp_path / "run")
    modes = [
        (tmp_path / "run" / name).stat().st_mode for name in (".", "journal.jsonl")
    ]

    assert [mode & 0o777 for mode in modes] == [0o700, 0o600]


def test_50_instants_of_death_bring_the_same_bytes(tmp_path: Path) -> None:
    """A journal cut at any byte is what a kill leaves behind."""
    folder = tmp_path / "run"
    with weft.use(lm=model(), cache=None):
        whole = artifact(_compiled(folder, budget=90), tmp_path)
    path = folder / "journal.jsonl"
    data = path.read_bytes()
    rng = random.Random(0)
    for _ in range(50):
        size = rng.randrange(len(data))
        path.write_bytes(data[:size])
        kept = journaled(folder)
        lm = model()
        with weft.use(lm=lm, cache=None):
            again = _compiled(folder, budget=90)

        assert artifact(again, tmp_path) == whole
        assert not kept & {request.key for request in lm.requests}
