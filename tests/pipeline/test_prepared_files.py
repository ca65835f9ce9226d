"""Files in a folder that somebody prepared: held to their form and their place."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, exact, model, planted_rows
from weft.compilers import APE
from weft.compilers.driving.journal import journaled
from weft.compilers.search.candidate import Candidate
from weft.errors import ArtifactError, ConfigError, DataError, WeftError
from weft.pipeline.errors import JournalDamaged
from weft.pipeline.run.settings import current

ROWS = planted_rows(40)
SEED = Candidate().id
feel = weft.Predict("text -> mood", name="feel")


def compiled(folder: Path) -> weft.Result[..., Any]:
    with weft.use(lm=model(), cache=None):
        return weft.compile(
            classifier(), ROWS, metric=exact, compiler=APE(), seed=0, run_dir=folder
        )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a journal that a compile has written."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    compiled(folder)
    return (folder / "journal.jsonl").read_bytes().split(b"\n")[:-1]


def line(record: object) -> bytes:
    body = json.dumps(record).encode()
    return b"%08x %s" % (zlib.crc32(body), body)


def answer(journal: list[bytes], **changes: Any) -> dict[str, Any]:
    """An answer of a journal, under another key and with some parts changed."""
    found: dict[str, Any] = json.loads(journal[1][9:])
    return {"key": "0" * 64, "response": {**found["response"], **changes}}


def order(**said: Any) -> dict[str, Any]:
    """A border at which something was said."""
    return {"border": 0, "orders": [{"id": "0a1b2c3d", **said}]}


Made = Callable[[list[bytes]], object]
RECORDS: dict[str, Made] = {
    "a key alone": lambda _: {"key": "x"},
    "no key": lambda j: {"response": answer(j)["response"]},
    "nothing": lambda _: {},
    "a number for a key": lambda j: {**answer(j), "key": 5},
    "a list for a key": lambda j: {**answer(j), "key": []},
    "a key that is no digest": lambda j: {**answer(j), "key": "../x"},
    "no response": lambda j: {**answer(j), "response": None},
    "a text for a response": lambda j: {**answer(j), "response": "x"},
    "a number for a text": lambda j: answer(j, text=5),
    "a negative count": lambda j: answer(j, usage=[-1, 0, 0]),
    "a text for counts": lambda j: answer(j, usage="x"),
    "a cost that no sum can hold": lambda j: answer(j, cost=1e308),
    "a negative cost": lambda j: answer(j, cost=-1),
    "true for a cost": lambda j: answer(j, cost=True),
    "no model": lambda j: answer(j, model=None),
    "half a character": lambda j: answer(j, text="[[ label ]]\n\ud800"),
    "half a character in a thought": lambda j: answer(j, reasoning="\udc00"),
    "half a character in a name": lambda j: answer(j, model="\ud800"),
    "an answer that failed": lambda j: answer(j, finish_reason="error"),
    "an answer that was withheld": lambda j: answer(j, finish_reason="SAFETY"),
    "half a character for a reason": lambda _: {
        "key": "0" * 64,
        "withheld": "TooLarge",
        "because": "\ud800",
    },
    "a number for an id": lambda j: answer(j, request_id=7),
    "withheld without a reason": lambda _: {"key": "0" * 64, "withheld": "TooLarge"},
    "withheld as nothing known": lambda _: {
        "key": "0" * 64,
        "withheld": "OSError",
        "because": "x",
    },
    "withheld as a list": lambda _: {"key": "0" * 64, "withheld": [], "because": "x"},
    "a number for a reason": lambda _: {
        "key": "0" * 64,
        "withheld": "TooLarge",
        "because": 5,
    },
    "answered and withheld": lambda j: {
        **answer(j),
        "withheld": "TooLarge",
        "because": "x",
    },
    "more than an answer": lambda j: {**answer(j), "more": 1},
    "a second header": lambda j: json.loads(j[0][9:]),
    "another run's header": lambda _: {"run": {"a": 1}},
    "forms in the middle": lambda _: {"forms": {}},
    "a border before which one is missing": lambda _: {"border": 7, "orders": []},
    "a border without its orders": lambda _: {"border": 0},
    "a border of no orders": lambda _: {"border": 0, "orders": {}},
    "an order of no kind": lambda _: order(order="stop"),
    "a list for an order's kind": lambda _: order(order=[]),
    "a hint of no words": lambda _: order(order="hint", text=" ", module=""),
    "a number for words": lambda _: order(order="hint", text=5, module=""),
    "a branch from nowhere": lambda _: order(order="branch", candidate=""),
    "more than an order": lambda _: order(order="pause", text="now"),
    "an order without an id": lambda _: order(order="pause", id=""),
    "another answer to a request": lambda j: {
        **json.loads(j[1][9:]),
        "response": answer(j, text="[[ label ]]\nK9")["response"],
    },
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_of_another_form_is_named(
    kind: str, finished: list[bytes], tmp_path: Path
) -> None:
    """A checksum that fits says nothing about who wrote a record, or what it holds."""
    path = tmp_path / "run" / "journal.jsonl"
    path.parent.mkdir()
    lines = [*finished[:3], line(RECORDS[kind](finished)), *finished[3:]]
    path.write_bytes(b"\n".join(lines) + b"\n")
    before = path.read_bytes()

    with pytest.raises(JournalDamaged, match="line 4"):
        compiled(path.parent)

    assert path.read_bytes() == before


HEADERS: dict[str, Made] = {
    "none": lambda j: json.loads(j[1][9:]),
    "a list": lambda _: [1],
    "a run that is a list": lambda _: {"run": []},
    "forms": lambda _: {"forms": {}},
    "half a character": lambda _: {"run": {"seed": "\ud800"}},
    "more than a run": lambda j: {**json.loads(j[0][9:]), "more": 1},
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_journal_begins_with_its_header(
    kind: str, finished: list[bytes], tmp_path: Path
) -> None:
    """Another file, however its checksums fit, is refused and left as it is."""
    path = tmp_path / "run" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(line(HEADERS[kind](finished)) + b"\n" + finished[1] + b"\n")
    before = path.read_bytes()

    with pytest.raises(JournalDamaged):
        compiled(path.parent)

    assert path.read_bytes() == before


def test_an_answer_that_is_there_twice_is_one(
    finished: list[bytes], tmp_path: Path
) -> None:
    """The same line once more changes nothing."""
    path = tmp_path / "run" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"\n".join([*finished, finished[1]]) + b"\n")

    assert compiled(path.parent).report.calls


def test_of_two_answers_to_a_request_one_is_journaled(tmp_path: Path) -> None:
    """Two models that are not equal may be asked the same at the same time."""
    key = "ab" * 32

    async def both(store: Any) -> None:
        texts = map(weft.Response, ("one", "two"))
        await asyncio.gather(*(store.put(key, response) for response in texts))

    with journaled(tmp_path, {"seed": 1}):
        asyncio.run(both(current().store))
    with journaled(tmp_path, {"seed": 1}):
        store = current().store

    assert store is not None
    found = store.get(key)
    assert found is not None
    assert found.text in ("one", "two")
    assert (tmp_path / "journal.jsonl").read_bytes().count(b"\n") == 2


MINE = [b"token", b"token\n", b"one\ntwo\n", b"deadbeef", b"deadbeef {}\n", b"\0" * 40]


@pytest.mark.parametrize("mine", MINE)
def test_a_file_that_is_no_journal_is_left_as_it_is(
    mine: bytes, tmp_path: Path
) -> None:
    """Nothing of a file is cut off that a compile did not begin."""
    path = tmp_path / "run" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(mine)

    with pytest.raises(JournalDamaged):
        compiled(path.parent)

    assert path.read_bytes() == mine


@pytest.mark.parametrize("length", [0, 1, 8, 20, -1])
def test_a_header_that_a_kill_cut_is_written_anew(
    length: int, finished: list[bytes], tmp_path: Path
) -> None:
    """It is a beginning of the very line that the run writes."""
    path = tmp_path / "run" / "journal.jsonl"
    path.parent.mkdir()
    path.write_bytes(finished[0][:length])

    assert compiled(path.parent).report.calls


@pytest.mark.parametrize(
    "name",
    [
        *("journal.jsonl", "index.json", "rows.jsonl", "scores.jsonl", "report.html"),
        *("best.weft.json", f"candidates/{SEED}.json", f"traces/{SEED}.jsonl"),
    ],
)
@pytest.mark.parametrize("mine", [b"token", b"one\ntwo\n", b"{}\n"])
def test_nothing_is_written_through_a_link(
    name: str, mine: bytes, tmp_path: Path
) -> None:
    """What a name in a run's folder leads to stays as it was."""
    folder, other = tmp_path / "run", tmp_path / "mine"
    (folder / name).parent.mkdir(parents=True)
    other.write_bytes(mine)
    (folder / name).symlink_to(other)

    if name == "journal.jsonl":
        with pytest.raises(ConfigError, match="it is a link"):
            compiled(folder)
    else:
        compiled(folder)

    assert other.read_bytes() == mine


@pytest.mark.parametrize("name", ["candidates", "traces"])
def test_nothing_is_written_into_a_folder_behind_a_link(
    name: str, tmp_path: Path
) -> None:
    """A folder in a run's folder is the run's own, or holds nothing of it."""
    folder, other = tmp_path / "run", tmp_path / "mine"
    folder.mkdir()
    other.mkdir()
    (folder / name).symlink_to(other)

    compiled(folder)

    assert list(other.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["journal.jsonl", "index.json", "scores.jsonl", "orders.jsonl"]
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    name: str, tmp_path: Path
) -> None:
    """The journal has to be a file; without the others a compile goes on."""
    folder = tmp_path / "run"
    folder.mkdir()
    os.mkfifo(folder / name)

    if name == "journal.jsonl":
        with pytest.raises(ConfigError, match="no regular file"):
            compiled(folder)
    else:
        assert compiled(folder).report.calls


@weft.program
def echo(text: str) -> str:
    return text


@pytest.mark.parametrize("mine", [b"notes", b"notes\n", b'{"id": 0}', b"a\nb\n", b"[]"])
def test_a_batch_leaves_another_file_as_it_is(mine: bytes, tmp_path: Path) -> None:
    """Only a torn line that begins as a row's does is cut off."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(mine)

    with pytest.raises(WeftError):
        weft.batch_to(echo, [{"text": "a"}], path)

    assert path.read_bytes() == mine


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_a_batch_is_written_to_files_alone(kind: str, tmp_path: Path) -> None:
    """A link could lead anywhere, and a pipe would be waited for."""
    path, other = tmp_path / "out.jsonl", tmp_path / "other"
    if kind == "link":
        other.write_text("mine")
    if kind in ("link", "dangling"):
        path.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()

    with pytest.raises(ConfigError):
        weft.batch_to(echo, [{"text": "a"}], path)

    assert other.exists() == (kind == "link")


# Artifacts ------------------------------------------------------------------------

DIGESTS: list[object] = [
    "sha256:/../../../ab",
    "sha256:../../x",
    "../../../../tmp/x",
    "sha256:" + "A" * 64,
    "sha256:" + "0" * 63,
    "sha256:" + "0" * 64 + "\n",
    "\x1b[2J",
    5,
    None,
    [],
]


def saved(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return weft.save(feel, folder / "t.weft.json")


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_digest_is_no_path(digest: object, tmp_path: Path) -> None:
    """What a file says of itself decides no place that is written to."""
    path = saved(tmp_path / "programs")
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "digest": digest}))
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ArtifactError, match="digest"):
        weft.save(feel, path, history=True)
    with pytest.raises(ArtifactError, match="digest"):
        weft.log(path.parent)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("claimed", ["", "sha256:" + "0" * 64])
def test_a_version_is_kept_under_the_digest_of_what_it_holds(
    claimed: str, tmp_path: Path
) -> None:
    """One that claims another's digest takes nobody's place, nor its own name."""
    path = saved(tmp_path / "programs")
    data = json.loads(path.read_text())
    digits = data["digest"].removeprefix("sha256:")[:12]
    path.write_text(json.dumps({**data, "digest": claimed}))

    weft.save(feel, path, history=True)

    kept = [file.name for file in (path.parent / "history").iterdir()]
    assert kept == [f"t-{digits}.weft.json"]


def test_versions_are_not_kept_through_a_link(tmp_path: Path) -> None:
    """The folder of versions is a folder."""
    path, other = saved(tmp_path / "programs"), tmp_path / "other"
    other.mkdir()
    (path.parent / "history").symlink_to(other)

    with pytest.raises(ArtifactError, match="is a link"):
        weft.save(feel, path)

    assert not [*other.iterdir()]


def test_what_a_file_says_of_its_compiler_moves_no_cursor(tmp_path: Path) -> None:
    """A list of versions is made for a terminal."""
    path = tmp_path / "t.weft.json"
    weft.save(feel, path, provenance={"compiler": {"name": "\x1b[2Jevil"}})

    [version] = weft.log(tmp_path)

    assert "\x1b" not in str(version)


def of(kind: str, path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "endless":
        path.touch()
        os.truncate(path, 2**40)  # sparse: it takes no room, and would fill any memory
    else:
        path.symlink_to(path)


def _import(path: Path) -> object:
    (path.parent / "__init__.py").write_text(
        "import weft\n__getattr__, __dir__, __all__ = weft.programs(__name__)\n"
    )
    sys.path.insert(0, str(path.parent.parent))
    try:
        importlib.invalidate_caches()
        hooks = importlib.import_module(path.parent.name)
        return hooks.x
    finally:
        sys.path.remove(str(path.parent.parent))
        sys.modules.pop(path.parent.name, None)


def _keep(path: Path) -> object:
    return weft.log(path.parent)


def _traces(path: Path) -> object:
    return list(weft.read_traces(path))


READS: dict[str, tuple[str, Callable[[Path], object], type[Exception]]] = {
    "load": ("x.weft.json", weft.load, ArtifactError),
    "import": ("x.weft.json", _import, ArtifactError),
    "package": ("x.weft.json", lambda path: weft.package(path.parent), ArtifactError),
    "log": ("x.weft.json", _keep, ArtifactError),
    "standing": ("x.weft.json", weft.standing, ArtifactError),
    "traces": ("traces.jsonl", _traces, DataError),
}


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "endless", "circle"])
@pytest.mark.parametrize("reader", READS)
def test_what_is_read_is_a_file_and_bounded(
    reader: str, kind: str, tmp_path: Path
) -> None:
    """Nothing is waited for, and no more is read than can be there."""
    name, read, error = READS[reader]
    folder = tmp_path / f"prepared_{reader}_{kind}"
    folder.mkdir()
    of(kind, folder / name)

    with pytest.raises(error):
        read(folder / name)


def test_a_link_to_an_artifact_is_read(tmp_path: Path) -> None:
    """Whoever mounts or deploys files often does it by links."""
    path = saved(tmp_path / "programs")
    link = tmp_path / "current.weft.json"
    link.symlink_to(path)

    assert weft.load(link).name == "feel"


def test_a_name_that_python_reads_as_another_is_no_import(tmp_path: Path) -> None:
    """With a ligature in it a file would stand for another name."""
    weft.save(feel, tmp_path / "ﬁnd.weft.json")

    with pytest.raises(ArtifactError, match="no free Python name"):
        weft.package(tmp_path)


@pytest.mark.parametrize("name", ["__init__.py", "__init__.pyi"])
def test_a_file_that_stands_in_a_packages_way_is_named(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left as it is, and who wonders why nothing is imported reads why."""
    saved(tmp_path / "programs")
    (tmp_path / "programs" / name).write_text("# mine\n")

    weft.package(tmp_path / "programs")

    assert (tmp_path / "programs" / name).read_text() == "# mine\n"
    assert f"{name} was not written by weft" in caplog.text
