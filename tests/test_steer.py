"""`weft steer` says something to a compile in another process, which takes it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli_folder import working_folder, write_rows
from tests.test_watch import begun
from weft.cli import main
from weft.commands.watch import Run
from weft.compilers.driving.orders import Order, orders_in, place

ROOT = Path(__file__).parents[1]
SEED = "44136fa355b3"
CHILD = """
import asyncio, sys
from pathlib import Path
import weft
from tests.compilers.test_steering import round_of, stubborn
from tests.compilers.worlds import Asked, classifier, exact, planted_rows

folder, out = Path(sys.argv[1]), Path(sys.argv[2])


async def reply(request):
    read = Asked.read(request)
    if not read.classifies:
        with (out / "asked.log").open("a", encoding="utf-8") as log:
            log.write(f"{round_of(folder)} {read.task!r}\\n")
    while round_of(folder) == 1 and not (out / "go").exists():
        await asyncio.sleep(0.005)
    return read.reply(stubborn(read))


try:
    with weft.use(lm=weft.FunctionLM(reply, model="planted"), cache=None):
        weft.compile(
            classifier(),
            planted_rows(40),
            metric=exact,
            compiler=weft.compilers.OPRO(steps=3, candidates=2),
            run_dir=folder,
        ).save(out / "made.weft.json")
except weft.errors.Paused as pause:
    print(pause)
"""


class Compile:
    """A compile in another process, which waits in its first round until it may go."""

    def __init__(self, folder: Path) -> None:
        self.run, self.out = folder / "run", folder
        words = [sys.executable, "-c", CHILD, str(self.run), str(folder)]
        self.child = subprocess.Popen(
            words, cwd=ROOT, text=True, stdout=subprocess.PIPE
        )
        patience = threading.Event()
        while not (Run(self.run).index and self._in_round()):
            assert self.child.poll() is None
            patience.wait(0.01)

    def _in_round(self) -> bool:
        journal = self.run / "journal.jsonl"
        return journal.exists() and b'{"border":0' in journal.read_bytes()

    def go(self) -> str:
        """Let it go on to its end; what it says then."""
        (self.out / "go").touch()
        said, _ = self.child.communicate(timeout=60)
        assert self.child.returncode == 0
        return said

    @property
    def made(self) -> bytes:
        return (self.out / "made.weft.json").read_bytes()


@pytest.fixture(name="under_way")
def _under_way(tmp_path: Path) -> Iterator[Callable[[str], Compile]]:
    started = list[Compile]()

    def start(name: str) -> Compile:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "go").unlink(missing_ok=True)
        started.append(Compile(folder))
        return started[-1]

    yield start
    for compiling in started:
        compiling.child.kill()
        compiling.child.communicate()


def steer(run: Path, *words: str) -> int:
    return main(["steer", str(run), *words])


def test_a_hint_reaches_a_compile_in_another_process(
    under_way: Callable[[str], Compile], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before its next round; `weft watch` and the page tell of it."""
    one = under_way("a")

    code = steer(one.run, "--hint", "Mind tavi.", "--module", "classify")
    said = capsys.readouterr().out
    one.go()

    assert code == 0
    assert "hint for classify: Mind tavi." in said
    assert "taken before its next round" in said
    log = (one.out / "asked.log").read_text("utf-8").splitlines()
    assert {line[0] for line in log if "Mind tavi." in line} == {"2", "3"}
    assert main(["watch", str(one.run)]) == 0
    told = capsys.readouterr().out
    assert "steered before round 2: hint for classify: Mind tavi." in told
    assert "Mind tavi." in (one.run / "report.html").read_text("utf-8")


def test_a_replay_in_another_process_gives_the_same_bytes(
    under_way: Callable[[str], Compile],
) -> None:
    """With the file of orders and without it."""
    one = under_way("a")
    steer(one.run, "--hint", "Mind tavi.")
    steer(one.run, "--branch", SEED)
    one.go()
    first = one.made

    (one.run / "orders.jsonl").unlink()
    again = under_way("a")
    again.go()

    assert again.made == first
    assert [told["round"] for told in Run(one.run).index["orders"]] == [2, 2]


def test_a_paused_compile_ends_and_goes_on(
    under_way: Callable[[str], Compile], capsys: pytest.CaptureFixture[str]
) -> None:
    """To the bytes of one that nobody paused."""
    plain, one = under_way("plain"), under_way("a")
    plain.go()
    steer(one.run, "--pause")
    said = one.go()
    capsys.readouterr()
    watched, state = main(["watch", str(one.run)]), Run(one.run).state
    told = capsys.readouterr().out

    under_way("a").go()

    assert "is paused before round 2" in said
    assert (watched, state) == (0, "paused")
    assert "the same compile goes on" in told
    assert one.made == plain.made


def test_a_page_shows_a_run_under_way(under_way: Callable[[str], Compile]) -> None:
    """Read again by itself, with no script, and everything escaped."""
    one = under_way("a")
    page = (one.run / "report.html").read_text("utf-8")
    steer(one.run, "--hint", "<b>Mind</b>")
    one.go()

    assert "OPRO: classify, running" in page
    assert 'http-equiv="refresh"' in page
    assert "<script" not in page
    done = (one.run / "report.html").read_text("utf-8")
    assert 'http-equiv="refresh"' not in done
    assert "<b>Mind</b>" not in done


def test_a_killed_run_takes_what_was_said_when_it_goes_on(
    under_way: Callable[[str], Compile], capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to pause, and a hint waits."""
    one = under_way("a")
    one.child.kill()
    one.child.wait()

    assert steer(one.run, "--pause") == 2
    assert "is not running: its state is 'gone'" in capsys.readouterr().err
    assert steer(one.run, "--hint", "Mind tavi.") == 0
    assert "taken when the same compile goes on" in capsys.readouterr().out
    under_way("a").go()
    assert Run(one.run).index["orders"][0]["round"] == 2


@pytest.fixture(name="folder")
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    yield from working_folder(monkeypatch, tmp_path)


def test_the_command_says_that_it_was_paused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 1; the same words go on, to a file that is saved."""
    row = {"message": "app crashes", "team": "app"}
    write_rows("rows.jsonl", [{**row, "message": f"app {n}"} for n in range(12)])
    words = ["compile", "mine.py:sort", "--data", "rows.jsonl", "--run-dir", "run"]
    words += ["--metric", "mine.py:half", "--compiler", "ape", "--out", "a.weft.json"]
    place(folder / "run", Order("pause"))

    assert main(words) == 1
    told = capsys.readouterr().err
    assert "the compile in run is paused before round 1" in told
    assert "The best so far is best.weft.json in it" in told
    assert main(words) == 0
    assert (folder / "a.weft.json").exists()


WRONG: dict[str, tuple[list[str], str, str]] = {
    "an unknown candidate": (["--branch", "0123"], "no candidate '0123'", "index.json"),
    "two of one beginning": (["--branch", "aaaa"], "more than one candidate", "aaaa"),
    "an unknown module": (
        *(["--hint", "So.", "--module", "clasify"], "no module 'clasify'"),
        "Did you mean 'classify'?",
    ),
    "a module of no hint": (["--pause", "--module", "classify"], "--module", "--hint"),
    "no words": (["--hint", "  "], "1 to 4,000 characters", "few sentences"),
    "too many words": (["--hint", "x" * 4_001], "1 to 4,000", "few sentences"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_run_cannot_take_is_refused(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to write instead, and nothing is written."""
    begun(tmp_path, modules=["classify"])
    data = json.loads((tmp_path / "index.json").read_text("utf-8"))
    data["candidates"] = [{"id": f"aaaa{n}0000000"} for n in range(2)]
    (tmp_path / "index.json").write_text(json.dumps(data), "utf-8")
    words, said, hint = WRONG[what]

    assert steer(tmp_path, *words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert hint in told
    assert not (tmp_path / "orders.jsonl").exists()


def test_the_first_digits_name_a_candidate(tmp_path: Path) -> None:
    """As those of a version do; the order holds all of them."""
    begun(tmp_path)
    data = json.loads((tmp_path / "index.json").read_text("utf-8"))
    data["candidates"] = [{"id": SEED}]
    (tmp_path / "index.json").write_text(json.dumps(data), "utf-8")

    assert steer(tmp_path, "--branch", SEED[:4]) == 0
    assert f'"candidate":"{SEED}"' in (tmp_path / "orders.jsonl").read_text("utf-8")


OVER: dict[str, tuple[dict[str, Any], str]] = {
    "ended": ({"event": "end", "verdict": "ok"}, "has ended"),
    "verifying": ({"event": "verify", "rows": 3}, "is verifying its result"),
}


@pytest.mark.parametrize("state", OVER)
def test_a_run_without_a_round_to_come_is_not_steered(
    state: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, and what to do instead."""
    event, said = OVER[state]
    begun(tmp_path, event)
    text = (tmp_path / "index.json").read_text("utf-8")
    (tmp_path / "index.json").write_text(text.replace('"running"', f'"{state}"'))

    assert steer(tmp_path, "--hint", "So.") == 2
    told = capsys.readouterr().err
    assert said in told
    assert "no round is left" in told


@pytest.mark.parametrize("words", [["--hint", "So."], ["--branch", "4413"]])
@pytest.mark.parametrize("modules", [None, 7, [1], {"a": 1}, float("nan")])
def test_a_damaged_index_is_no_run(
    words: list[str],
    modules: object,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever stands where the names of modules should."""
    begun(tmp_path, modules=modules)

    assert steer(tmp_path, *words) == 2
    told = capsys.readouterr().err
    assert "index.json is damaged, or of another edition of weft" in told
    assert "goes on, and writes it anew" in told


def test_a_run_that_was_killed_in_its_last_step_takes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on there, and no round comes before which a hint could be taken."""
    begun(tmp_path, {"event": "verify", "rows": 3}, pid=2**22 + 1)

    assert steer(tmp_path, "--hint", "So.") == 2
    assert "no round is left" in capsys.readouterr().err


def test_an_order_that_no_run_would_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run reads so much of the file and no more; nothing is appended behind that."""
    begun(tmp_path)
    (tmp_path / "orders.jsonl").write_bytes(b"x" * 2**24)

    assert steer(tmp_path, "--hint", "So.") == 2
    assert "16,777,216 bytes" in capsys.readouterr().err
    assert (tmp_path / "orders.jsonl").stat().st_size == 2**24


def test_orders_of_many_processes_are_all_taken(tmp_path: Path) -> None:
    """Whoever is killed among them: each line is whole."""
    code = (
        "import sys; from pathlib import Path\n"
        "from weft.compilers.driving.orders import Order, place\n"
        "for n in range(20): place(Path(sys.argv[1]), Order('hint', text='x' * 2000))\n"
        "print(flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    several = [subprocess.Popen(words, cwd=ROOT, **pipes) for _ in range(3)]
    for child in several:
        child.stdout.readline()
        child.kill()
        child.communicate()
    with (tmp_path / "orders.jsonl").open("ab") as file:
        file.write(b"00000000 {torn")
    last = place(tmp_path, Order("pause"))

    found = orders_in(tmp_path)
    assert len({order.id for order in found}) == len(found) == 61
    assert found[-1] == last


def test_names_in_an_index_do_not_command_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a message quotes of a file is spelt out."""
    begun(tmp_path, modules=["a\x1b[2J\ud800"])

    assert steer(tmp_path, "--hint", "So.", "--module", "b") == 2
    told = capsys.readouterr().err
    assert "a\\x1b[2J\\ud800" in told
    assert "\x1b" not in told


@pytest.mark.parametrize("kind", ["nothing", "an empty folder", "a file"])
def test_a_folder_of_no_run_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And none is made of it."""
    place = tmp_path / "run"
    if kind == "an empty folder":
        place.mkdir()
    if kind == "a file":
        place.write_text("mine")

    assert steer(place, "--hint", "So.") == 2
    assert "there is no run to steer" in capsys.readouterr().err
    assert not (place / "orders.jsonl").exists()


def test_what_was_said_is_json_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a program that steers."""
    begun(tmp_path)

    assert steer(tmp_path, "--hint", "So.", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["order"], told["text"], told["state"]) == ("hint", "So.", "running")
