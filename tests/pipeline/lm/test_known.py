"""What is known of endpoints is kept with a date, on disk, and never in the way."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.timing import PATIENCE
from weft.pipeline.errors import ConfigError
from weft.pipeline.lm import known as knowledge
from weft.pipeline.lm.known.book import Book
from weft.pipeline.lm.known.file import MOST_MODELS, Fact, read_facts, write_facts
from weft.pipeline.lm.models import LM

HERE = "http://localhost:8000/v1"


@pytest.fixture
def folder() -> Path:
    """The folder of the cache, as the first kept answer makes it."""
    made = Path(os.environ["WEFT_CACHE"])
    made.mkdir(mode=0o700)
    return made


def written(folder: Path) -> Any:
    return json.loads((folder / "endpoints.json").read_text("utf-8"))["endpoints"]


def planted(folder: Path, text: str) -> Path:
    path = folder / "endpoints.json"
    path.write_text(text, "utf-8")
    return path


def holding(facts: str) -> str:
    """A file of facts about one model."""
    models = f'{{"m": {{{facts}}}}}'
    return f'{{"format": "weft.endpoints/1", "endpoints": {{"{HERE}": {models}}}}}'


def elsewhere(folder: Path) -> Book:
    """What another process knows, which looks at the file each time."""
    clock = iter(range(0, 10**6, 10))
    return Book(folder, clock=lambda: float(next(clock)))


# Keeping ------------------------------------------------------------------------------


def test_what_was_learnt_is_known_to_other_processes(folder: Path) -> None:
    """A fact goes to the file with how and when, and a new process reads it there."""
    knowledge.learn(HERE, "m", how="refused", stop=False)
    knowledge.flush()

    code = (
        f"from weft.pipeline.lm.known import facts;print(facts({HERE!r}, 'm')['stop'])"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert told.startswith("Fact(value=False, how='refused', at='20")
    assert [*written(folder)] == [HERE]


def test_it_is_written_behind_the_callers_back(folder: Path) -> None:
    """A thread writes what is new, and what is known already is not written again."""
    knowledge.learn(HERE, "m", slots=4)
    for thread in threading.enumerate():
        if thread.name == "weft-known":
            thread.join(PATIENCE)
    first = (folder / "endpoints.json").stat()
    knowledge.learn(HERE, "m", slots=4)

    assert written(folder)[HERE]["m"]["slots"][0] == 4
    assert not any(thread.name == "weft-known" for thread in threading.enumerate())
    assert (folder / "endpoints.json").stat() == first


def test_the_file_is_ours_alone(folder: Path) -> None:
    """Nobody else may read or write it."""
    knowledge.learn(HERE, "m", slots=4)

    assert knowledge.flush().stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_where_no_answers_are_kept() -> None:
    """Without a cache's folder knowledge stays in memory, until somebody flushes."""
    knowledge.learn(HERE, "m", slots=4)

    assert not Path(os.environ["WEFT_CACHE"]).exists()
    assert knowledge.known(HERE, "m").slots == 4
    assert knowledge.flush().is_file()


def test_importing_reads_and_writes_nothing(tmp_path: Path) -> None:
    """A damaged file is in nobody's way who asks for no ability."""
    folder = tmp_path / "cache"
    folder.mkdir()
    path = planted(folder, "{")
    code = "import weft; weft.LM('openai/m'); import weft.pipeline.calls.call"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert done.stderr == ""
    assert path.read_text("utf-8") == "{"


def test_each_cache_has_its_own_knowledge(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """WEFT_CACHE names the folder, and another folder knows nothing of the first."""
    knowledge.learn(HERE, "m", slots=4)

    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "another"))
    assert knowledge.known(HERE, "m").slots is None


# Two at once --------------------------------------------------------------------------


def test_two_that_write_lose_nothing(folder: Path) -> None:
    """Each lays what it learnt over the file as it is by then."""
    one, two = elsewhere(folder), elsewhere(folder)
    one.learn((HERE, "m"), "seen", {"slots": 4})
    two.learn((HERE, "m"), "seen", {"context": 2048})
    two.learn((HERE, "n"), "refused", {"stop": False})

    one.flush()
    two.flush()

    assert {*written(folder)[HERE]} == {"m", "n"}
    assert {*written(folder)[HERE]["m"]} == {"slots", "context"}
    assert one.abilities((HERE, "m")).context == 2048


def test_the_later_of_two_facts_stands(tmp_path: Path) -> None:
    """A process that learnt earlier and writes later does not undo what came since."""
    folder = tmp_path / "made-later"
    early = elsewhere(folder)
    early.learn((HERE, "m"), "seen", {"schema": True})
    late = {(HERE, "m"): {"schema": Fact(False, "seen", "2999-01-01T00:00:00+00:00")}}
    folder.mkdir()
    write_facts(folder / "endpoints.json", late)

    early.flush()

    assert early.abilities((HERE, "m")).schema is False


def test_a_file_that_changed_is_read_again(folder: Path) -> None:
    """What another process wrote is known here at the next look."""
    here, there = elsewhere(folder), elsewhere(folder)
    assert here.abilities((HERE, "m")).slots is None

    there.learn((HERE, "m"), "said", {"slots": 8})
    there.flush()

    assert here.abilities((HERE, "m")).slots == 8


def test_forgetting_is_for_all_processes(folder: Path) -> None:
    """What is forgotten is gone from the file, and does not come back."""
    other = elsewhere(folder)
    knowledge.learn(HERE, "m", slots=4, form="json/2:schema")
    knowledge.flush()
    assert other.abilities((HERE, "m")).slots == 4

    assert knowledge.forget(HERE, "m") == 2
    other.learn((HERE, "n"), "seen", {"seed": True})
    other.flush()

    assert written(folder) == {HERE: {"n": written(folder)[HERE]["n"]}}
    assert knowledge.known(HERE, "m").slots is None
    assert knowledge.forget(HERE, "m") == 0


# Damage -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "\ud7ff" * 3,
        '{"format": "weft.endpoints/9", "endpoints": {}}',
        '{"format": "weft.endpoints/1", "endpoints": []}',
        holding('"slots": 4'),
        holding('"slots": ["4", "said", "2026"]'),
        holding('"slots": [-1, "said", "2026"]'),
        holding('"form": ["../../x", "seen", "2026"]'),
        "[" * 100_000,
        " " * (2**20 + 1),
    ],
    ids=lambda text: text[:60] if len(text) < 200 else f"{len(text)} x {text[0]!r}",
)
def test_damage_is_passed_over_and_rewritten(
    folder: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the file holds, nothing fails: a warning, and it is written anew."""
    planted(folder, text)

    with caplog.at_level(logging.WARNING, "weft"):
        assert knowledge.known(HERE, "m").slots is None
    knowledge.learn(HERE, "m", slots=4)
    knowledge.flush()

    assert "endpoints.json is passed over" in caplog.text
    assert written(folder)[HERE]["m"]["slots"][0] == 4


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """Somebody else's file behind our name is neither believed nor written to."""
    real = tmp_path / "real.json"
    write_facts(real, {(HERE, "m"): {"slots": Fact(9, "said", "2026")}})
    (folder / "endpoints.json").symlink_to(real)
    before = real.read_text("utf-8")

    assert knowledge.known(HERE, "m").slots is None
    knowledge.learn(HERE, "m", slots=4)
    knowledge.flush()

    assert real.read_text("utf-8") == before
    assert not (folder / "endpoints.json").is_symlink()


def test_a_pipe_blocks_nobody(folder: Path) -> None:
    """A pipe under our name would be waited for, for ever."""
    os.mkfifo(folder / "endpoints.json")

    assert knowledge.known(HERE, "m").slots is None


def test_abilities_of_a_later_version_are_passed_over(folder: Path) -> None:
    """What this version does not know is no damage."""
    fact = '[true, "seen", "2026-11-30T00:00:00+00:00"]'
    planted(folder, holding(f'"telepathy": {fact}, "seed": {fact}'))

    assert knowledge.known(HERE, "m").seed is True


def test_the_file_has_a_bound(folder: Path) -> None:
    """It keeps the models that were learnt of last, and no names without end."""
    path = folder / "endpoints.json"
    many = {
        (HERE, f"m{number:04}"): {"seed": Fact(True, "seen", f"2026-{number:04}")}
        for number in range(MOST_MODELS + 50)
    }
    write_facts(path, many)
    knowledge.learn(HERE, "m" * 1000, seed=True)
    knowledge.flush()

    kept = read_facts(path)
    assert len(kept) == MOST_MODELS
    assert min(kept) == (HERE, "m0050")
    assert knowledge.known(HERE, "m" * 1000).seed is True


# Asking -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "abilities",
    [
        {"telepathy": True},
        {"slots": "4"},
        {"slots": True},
        {"schema": 1},
        {"form": "no such/form"},
    ],
)
def test_what_is_no_ability_is_refused(abilities: dict[str, Any]) -> None:
    """A misspelt ability or a value of another type is an error here, not later."""
    with pytest.raises(ConfigError, match="is no ability of an endpoint"):
        knowledge.learn(HERE, "m", **abilities)


def test_a_model_knows_what_was_learnt() -> None:
    """The user's word stands over what was learnt, and that over the kind's."""
    knowledge.learn(HERE, "m", schema=False, stop=False, context=2048)

    lm = LM("m", api_base=HERE, abilities={"stop": True})

    assert (lm.abilities.schema, lm.abilities.stop) == (False, True)
    assert lm.abilities.context == 2048
    assert LM("n", api_base=HERE).abilities.schema is True


def test_a_forked_child_can_learn(folder: Path) -> None:
    """A lock that another thread held at the fork is nobody's in the child."""
    code = (
        "import os, threading\n"
        "from weft.pipeline.lm.known import book, flush, known, learn\n"
        "known('http://a', 'm')\n"
        "taken = threading.Thread(target=book._book()._lock.acquire)\n"
        "taken.start(); taken.join()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    learn('http://b', 'm', slots=2); flush(); os._exit(0)\n"
        "print(os.waitpid(child, 0)[1], flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        check=True,
        text=True,
        timeout=PATIENCE,
    )

    assert done.stdout == "0\n"
    assert written(folder)["http://b"]["m"]["slots"][0] == 2
