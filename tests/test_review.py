"""The review page's server: who may ask, and that nothing written is ever lost."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import weft
from tests.compilers.worlds import classifier, exact, model, planted_rows
from tests.timing import PATIENCE
from weft.compilers import Feedback
from weft.errors import ConfigError, DataError
from weft.review.desk import Desk
from weft.review.remarks import Remark, Remarks
from weft.review.server import ReviewServer, held
from weft.review.sheet import file_of, read_sheet

TOKEN = "t" * 32


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """An evaluation of twelve rows with its prompts, in a file."""
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        found = weft.evaluate(classifier(), planted_rows(12), exact)
    path = tmp_path / "eval.json"
    path.write_text(found.to_json(prompts=True), "utf-8")
    return path


@pytest.fixture
def remarks(sheet: Path) -> Remarks:
    return Remarks(sheet.with_name("eval.feedback.jsonl"), read_sheet(sheet).rows)


@pytest.fixture
def serving(sheet: Path, remarks: Remarks) -> Iterator[ReviewServer]:
    with ReviewServer(Desk(read_sheet(sheet), remarks), TOKEN) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Answer:
    """A response, read."""

    def __init__(self, found: http.client.HTTPResponse) -> None:
        self.status = found.status
        self.headers = found.headers
        self.body = found.read()

    @property
    def data(self) -> Any:
        return json.loads(self.body)


def ask(port: int, path: str, body: Any = None, **headers: str) -> Answer:
    """One request; keyword arguments replace headers, `_` standing for `-`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if raw is not None:
            given.setdefault("Content-Type", "application/json")
        connection.request("GET" if raw is None else "POST", path, raw, given)
        return Answer(connection.getresponse())


def write(port: int, at: int, key: str, token: str = TOKEN, **change: Any) -> Answer:
    return ask(port, f"/{token}/api/row/{at}", {"key": key, "change": change})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# Who may ask --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/list", "/wrong/api/list", f"/{TOKEN}"])
def test_without_the_token_nothing_is_said(serving: ReviewServer, path: str) -> None:
    """Not even whether a path exists."""
    answer = ask(serving.port, path)

    assert answer.status == 403
    assert b"blick" not in answer.body


TARGETS = ("http://[::1", "http://evil.example/{token}/api/list", "*", "//[", "?#")


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_path_is_refused(serving: ReviewServer, target: str) -> None:
    """In words: addresses that no parser takes, and those of other hosts."""
    asked = f"GET {target.format(token=TOKEN)} HTTP/1.1\r\nHost: 127.0.0.1"
    place = ("127.0.0.1", serving.port)
    with socket.create_connection(place, timeout=PATIENCE) as connection:
        connection.sendall(f"{asked}:{serving.port}\r\n\r\n".encode())
        answer = connection.makefile("rb").read()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"403")
    assert "error" in json.loads(body)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1"])
def test_a_foreign_host_is_refused(serving: ReviewServer, host: str) -> None:
    """A name that resolves to 127.0.0.1 makes no page of ours."""
    path = f"/{TOKEN}/api/list"

    assert ask(serving.port, path, Host=host.format(port=serving.port)).status == 403
    assert ask(serving.port, path, Host=f"localhost:{serving.port}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_a_foreign_page_is_refused(
    serving: ReviewServer, remarks: Remarks, headers: dict[str, str]
) -> None:
    """Though a browser sends it from this very machine."""
    given = {k: v.format(port=serving.port) for k, v in headers.items()}
    key = next(iter(remarks._rows))
    body = {"key": key, "change": {"score": 1}}

    assert ask(serving.port, f"/{TOKEN}/api/list", **given).status == 403
    assert ask(serving.port, f"/{TOKEN}/api/row/0", body, **given).status == 403
    assert not remarks.path.exists()


def test_a_form_of_another_page_cannot_write(serving: ReviewServer) -> None:
    """Only JSON is read, which a foreign form cannot send without being asked."""
    path = f"/{TOKEN}/api/row/0"

    assert ask(serving.port, path, b"{}", Content_Type="text/plain").status == 415
    assert ask(serving.port, path, b"{}", Content_Length="9999999").status == 413


def test_only_the_loopback_is_listened_on(serving: ReviewServer) -> None:
    """The address itself is 127.0.0.1."""
    assert serving.server_address[0] == "127.0.0.1"
    assert serving.url == f"http://127.0.0.1:{serving.port}/{TOKEN}/"


@pytest.mark.parametrize("path", ["", "review.js", "review.css", "api/list", "nothing"])
def test_every_answer_is_locked_down(serving: ReviewServer, path: str) -> None:
    """Nothing from elsewhere, no guessing of types, no cache, no frame."""
    headers = ask(serving.port, f"/{TOKEN}/{path}").headers
    policy = headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_files_outside_the_page_cannot_be_read(serving: ReviewServer) -> None:
    """Paths name what the desk knows, never a file."""
    for path in ("server.py", "../server.py", "..%2fserver.py", "/etc/passwd"):
        assert ask(serving.port, f"/{TOKEN}/{path}").status == 404


def test_the_page_never_makes_html_of_data() -> None:
    """textContent and value are the only ways in."""
    folder = Path(__file__).parents[1] / "weft" / "review"
    script = (folder / "review.js").read_text("utf-8")
    page = (folder / "page.html").read_text("utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write", script)
    assert not re.search(r"\beval\(|new Function", script)
    assert not re.search(r"https?://", script + page)


# What is written ----------------------------------------------------------------------


def test_a_remark_is_in_the_file_when_it_is_acknowledged(
    serving: ReviewServer, remarks: Remarks
) -> None:
    """One line a row, which a later remark on the row replaces."""
    first, second = list(remarks._rows)[:2]

    answer = write(serving.port, 0, first, score=0, note="Look at the word.")
    write(serving.port, 1, second, score=1)
    write(serving.port, 0, first, expected={"label": "K7"})

    found = lines(remarks.path)
    assert answer.data["note"] == "Look at the word."
    assert [line["id"] for line in found] == [first, second]
    assert found[0]["score"] == 0
    assert found[0]["note"] == "Look at the word."
    assert found[0]["outputs"] == {"label": "K7"}
    assert found[1]["outputs"] == {"label": "K1"}


@pytest.mark.parametrize(
    "change",
    [
        {"score": 2},
        {"score": True},
        {"score": "1"},
        {"note": 5},
        {"note": "x" * 20_001},
        {"expected": ["K1"]},
        {"other": 1},
    ],
)
def test_what_is_no_remark_is_refused(
    serving: ReviewServer, remarks: Remarks, change: dict[str, Any]
) -> None:
    """And nothing is written."""
    answer = write(serving.port, 0, next(iter(remarks._rows)), **change)

    assert answer.status == 422
    assert not remarks.path.exists()


def test_a_page_of_another_evaluation_cannot_write(serving: ReviewServer) -> None:
    """Its third row is not the third row here."""
    assert write(serving.port, 3, "some other row", score=1).status == 409
    assert write(serving.port, 99, "no row", score=1).status == 404


@contextlib.contextmanager
def no_file_beyond(size: int) -> Generator[None]:
    """As on a disk that is full: no file may grow over so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_and_leaves_whole_lines(
    serving: ReviewServer, remarks: Remarks
) -> None:
    """The page keeps what it could not write, and half a line is taken back."""
    first, second, third = list(remarks._rows)[:3]
    write(serving.port, 0, first, score=0)
    before = remarks.path.read_bytes()

    with no_file_beyond(len(before) + 10):
        refused = write(serving.port, 1, second, score=1)
        left = [remarks.path.read_bytes()]
        changed = write(serving.port, 0, first, note="x" * 100)
    left.append(remarks.path.read_bytes())
    later = write(serving.port, 2, third, score=1)

    assert (refused.status, changed.status) == (507, 507)
    assert left == [before, before]
    assert later.status == 200
    assert [line["id"] for line in lines(remarks.path)] == [first, third]


def test_an_emptied_remark_leaves_no_line(remarks: Remarks) -> None:
    """Undo goes all the way back."""
    first, second = list(remarks._rows)[:2]
    remarks.change(first, {"score": 1})
    remarks.change(second, {"score": 0})
    remarks.change(first, {"score": None})

    assert [line["id"] for line in lines(remarks.path)] == [second]


def test_a_torn_last_line_is_mended(sheet: Path, remarks: Remarks) -> None:
    """A kill in mid-write costs what was not acknowledged, and no more."""
    first, second, third = list(remarks._rows)[:3]
    remarks.change(first, {"score": 1})
    remarks.change(second, {"score": 0})
    whole = remarks.path.read_bytes()
    rows = read_sheet(sheet).rows

    for cut in range(len(whole) - 2, whole.index(b"\n"), -7):
        remarks.path.write_bytes(whole[:cut])
        again = Remarks(remarks.path, rows)
        assert again.repaired
        assert again.of(first).score == 1
        again.change(third, {"score": 1})
        assert [line["id"] for line in lines(again.path)] == [first, third]

    remarks.path.write_bytes(whole[:-1])  # only the line break is missing
    assert Remarks(remarks.path, rows).of(second).score == 0


def test_damage_elsewhere_is_named(sheet: Path, remarks: Remarks) -> None:
    """Rather than dropped in silence."""
    remarks.path.write_text('{"id": 1\n{"id": "x", "note": ""}\n', "utf-8")

    with pytest.raises(ConfigError, match="line 1 is no remark"):
        Remarks(remarks.path, read_sheet(sheet).rows)


def test_an_edit_by_hand_is_kept(remarks: Remarks) -> None:
    """Even when it is made while the page is open."""
    first, second = list(remarks._rows)[:2]
    remarks.change(first, {"note": "by page"})
    other = {"id": "elsewhere", "inputs": {"text": "x"}, "outputs": {}, "note": "hand"}
    with remarks.path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(other) + "\n")

    remarks.change(second, {"score": 1})
    remarks.change(first, {"score": 0})

    found = {line["id"]: line for line in lines(remarks.path)}
    assert found.keys() == {first, second, "elsewhere"}
    assert found["elsewhere"] == other
    assert found[first]["note"] == "by page"


def test_no_link_is_followed(remarks: Remarks, tmp_path: Path) -> None:
    """Where others may write to the folder, no file of ours is written over."""
    key = next(iter(remarks._rows))
    (tmp_path / "other").write_text("precious", "utf-8")
    remarks.path.with_name(f".{remarks.path.name}.new").symlink_to(tmp_path / "other")

    remarks.change(key, {"score": 1})
    remarks.change(key, {"score": 0})

    assert (tmp_path / "other").read_text("utf-8") == "precious"
    assert not remarks.path.is_symlink()
    assert [line["score"] for line in lines(remarks.path)] == [0]


def test_an_edit_that_is_no_remark_is_said(
    serving: ReviewServer, remarks: Remarks
) -> None:
    """The page is told the line, and goes on once it is mended."""
    first, second = list(remarks._rows)[:2]
    remarks.change(first, {"note": "kept"})
    whole = remarks.path.read_bytes()
    remarks.path.write_bytes(whole + b"no JSON\n")

    change = {"key": second, "change": {"score": 1}}
    refused = ask(serving.port, f"/{TOKEN}/api/row/1", change)
    shown = remarks.of(first).note
    remarks.path.write_bytes(whole)
    taken = ask(serving.port, f"/{TOKEN}/api/row/1", change)

    assert refused.status == 409
    assert "line 2 is no remark. Mend the line" in refused.data["error"]
    assert shown == "kept"
    assert taken.status == 200


def test_remarks_on_other_inputs_are_not_mixed_up(sheet: Path, tmp_path: Path) -> None:
    """An id that means another row now is an error, not a match."""
    rows = read_sheet(sheet).rows
    path = tmp_path / "old.jsonl"
    line = {"id": rows[0].key, "inputs": {"text": "else"}, "outputs": {}, "note": ""}
    path.write_text(json.dumps(line) + "\n", "utf-8")

    with pytest.raises(ConfigError, match="other inputs"):
        Remarks(path, rows)


def test_one_review_at_a_time_writes_a_file(tmp_path: Path) -> None:
    """The second one says so; the next one comes back at the same address."""
    out = tmp_path / "eval.feedback.jsonl"
    with held(out) as place:
        place.keep(5001)
        token = place.token
        with pytest.raises(ConfigError, match="another review"), held(out):
            pass

    with held(out) as again:
        assert (again.port, again.token) == (5001, token)
    assert (tmp_path / ".eval.feedback.jsonl.lock").stat().st_mode & 0o077 == 0


def test_the_file_is_rows_and_notes(sheet: Path, remarks: Remarks) -> None:
    """`read_rows` and `evaluate` take the corrected labels, `Feedback` the notes."""
    keys = list(remarks._rows)
    remarks.change(keys[0], {"score": 0, "note": "Think of blick = K0."})
    remarks.change(keys[1], {"score": 1})
    remarks.change(keys[2], {"score": 0.5, "expected": {"label": "K9"}})
    remarks.change(keys[2], {"note": "zude\u2028= K3\r\n"})

    rows = weft.read_rows(remarks.path, ["text"])
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        found = weft.evaluate(classifier(), remarks.path, exact)
    (recipe,) = Feedback(path=remarks.path).recipes()
    notes = recipe.rounds[0][0].proposer

    assert [row.labels["label"] for row in rows] == ["K0", "K1", "K9"]
    assert found.mean == pytest.approx(1 / 3)
    assert notes.notes == (("", "Think of blick = K0."), ("", "zude\u2028= K3\r\n"))  # type: ignore[attr-defined]


# What is read -------------------------------------------------------------------------


def test_rows_come_with_prompts_and_without_inputs_in_the_answer(sheet: Path) -> None:
    """What was sent, what came back, and what the program gave."""
    row = read_sheet(sheet).rows[0]

    assert row.given == {"label": "K9"}
    assert row.fields == {"label": "K0"}
    assert row.prompts[0]["path"] == "classify"
    assert row.prompts[0]["messages"][0][0] == "system"
    assert "K9" in row.prompts[0]["reply"]


def test_repeats_are_rows_of_their_own(tmp_path: Path) -> None:
    """So that remarks on two answers to one row do not meet."""
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        found = weft.evaluate(classifier(), planted_rows(2), exact, repeats=2)
    path = tmp_path / "eval.json"
    path.write_text(found.to_json(), "utf-8")

    keys = [row.key for row in read_sheet(path).rows]

    assert len(set(keys)) == 4
    assert keys[2] == f"{keys[0]}#2"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"rows": []}', '{"rows": [3]}', "[" * 100_000]
)
def test_what_is_no_evaluation_is_refused(tmp_path: Path, text: str) -> None:
    """With a word on how to write one."""
    path = tmp_path / "eval.json"
    path.write_text(text, "utf-8")

    with pytest.raises(DataError, match=r"eval\.json") as caught:
        read_sheet(path)
    assert "weft eval" in caught.value.hint


def test_a_search_looks_through_rows_and_notes(
    serving: ReviewServer, remarks: Remarks
) -> None:
    """Every word must be there, in whatever case."""
    write(serving.port, 4, list(remarks._rows)[4], note="Ask a colleague")

    def found(words: str) -> Any:
        return ask(serving.port, f"/{TOKEN}/api/search?q={words}").data

    assert found("BLICK") == [0, 6]
    assert found("colleague") == [4]
    assert found("blick%20norp") == []


def test_ten_thousand_rows_are_listed_at_once(tmp_path: Path) -> None:
    """The list is small, and a remark costs no more for it."""
    rows = [
        {"id": str(n), "inputs": {"text": f"row {n} " + "x" * 300}, "labels": {}}
        for n in range(10_000)
    ]
    path = tmp_path / "eval.json"
    path.write_text(json.dumps({"rows": rows}), "utf-8")
    sheet = read_sheet(path)
    remarks = Remarks(tmp_path / "out.jsonl", sheet.rows)

    listed = Desk(sheet, remarks).get("api/list", "").body
    remarks.change("9999", {"score": 1})

    assert len(json.loads(listed)["rows"]) == 10_000
    assert len(listed) < 4_000_000
    assert remarks.of("9999") == Remark(score=1)


# The command --------------------------------------------------------------------------


@contextlib.contextmanager
def command(file: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`weft review` as a process, and its address; killed in the end."""
    asked = [sys.executable, "-m", "weft", "review", str(file), *words]
    with subprocess.Popen(
        asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_kill_9_midway_loses_nothing(sheet: Path) -> None:
    """What was acknowledged is there after the next start, at the same address."""
    out = sheet.with_name("eval.feedback.jsonl")
    keys = [row.key for row in read_sheet(sheet).rows]
    said: dict[str, float] = {}
    addresses: set[str] = set()

    for turn in range(3):
        with command(sheet) as (process, url):
            addresses.add(url)
            parts = urlsplit(url)
            port, token = parts.port or 0, parts.path.strip("/")
            marks = ask(port, f"/{token}/api/list").data["marks"]
            assert {keys[int(n)]: m["score"] for n, m in marks.items()} == said
            for at in range(turn, 12, 2):
                value = (at + turn) % 2
                assert write(port, at, keys[at], token, score=value).status == 200
                said[keys[at]] = value
            os.kill(process.pid, signal.SIGKILL)

    assert len(addresses) == 1
    assert {line["id"]: line["score"] for line in lines(out)} == said


def test_ctrl_c_ends_it_with_a_count(sheet: Path) -> None:
    """And says what to do with the file."""
    with command(sheet) as (process, url):
        parts = urlsplit(url)
        key = read_sheet(sheet).rows[0].key
        write(parts.port or 0, 0, key, parts.path.strip("/"), note="Mind the word.")
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert said.startswith("1 of 12 rows have remarks")
    assert "weft.compilers.Feedback(path=" in told


def test_eval_saves_what_review_shows(tmp_path: Path) -> None:
    """Prompts and replies too; what `--json` prints does without, and is read too."""
    root = Path(__file__).parents[1]
    source = root / "weft" / "demo_data" / "triage.jsonl"
    rows = source.read_text("utf-8").splitlines()[:8]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), "utf-8")
    words = f"eval {root}/examples/triage.py:triage --model embedded --data rows.jsonl"
    asked = [*words.split(), "--metric", "exact:team", "--save", "eval.json", "--json"]
    made = subprocess.run(
        [sys.executable, "-m", "weft", *asked],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        text=True,
    )
    (tmp_path / "printed.json").write_text(made.stdout, "utf-8")

    saved = read_sheet(tmp_path / "eval.json")
    printed = read_sheet(tmp_path / "printed.json")

    assert len(saved.rows) == len(printed.rows) == 8
    assert all(row.prompts for row in saved.rows)
    assert not any(row.prompts for row in printed.rows)
    assert [row.given for row in saved.rows] == [row.given for row in printed.rows]


def test_a_run_without_rows_says_what_is_missing(tmp_path: Path) -> None:
    """A folder is a run's."""
    with pytest.raises(DataError, match=r"holds no review\.json"):
        file_of(tmp_path)


def nested(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = {"a": made}
    return made


@pytest.mark.parametrize(
    "value",
    [
        nested(150),
        "x" * 9_000_000,
        "half a character: \ud800",
        float("inf"),
        float("nan"),
        10**400,
    ],
    ids=["deep", "long", "half a character", "inf", "nan", "large"],
)
def test_what_was_acknowledged_can_be_read_again(tmp_path: Path, value: Any) -> None:
    """Whatever a row holds; and the page gets JSON that a browser reads."""
    row = {"id": "m1", "inputs": {"q": value}, "prediction": value, "score": value}
    path, out = tmp_path / "eval.json", tmp_path / "eval.feedback.jsonl"
    text = json.dumps({"rows": [row], "mean": value})
    path.write_text(text.replace("Infinity", "1e999"), "utf-8")
    sheet = read_sheet(path)
    desk = Desk(sheet, Remarks(out, sheet.rows))

    body = json.dumps({"key": "m1", "change": {"note": "look"}}).encode()
    assert desk.post("api/row/0", body).status == 200
    for place in ("api/list", "api/row/0"):
        assert not re.search(rb"NaN|Infinity", desk.get(place, "").body)
    assert Remarks(out, read_sheet(path).rows).of("m1").note == "look"


@pytest.mark.parametrize("value", [nested(300), 10**1500], ids=["deep", "long number"])
def test_what_could_not_be_written_again_is_refused_at_once(
    tmp_path: Path, value: Any
) -> None:
    """In weft's words and not in those of Python's parser."""
    path = tmp_path / "eval.json"
    path.write_text(json.dumps({"rows": [{"inputs": {"q": value}}]}), "utf-8")

    with pytest.raises(DataError, match=r"nested deeper than 190|1000 digits"):
        read_sheet(path)


def test_a_file_that_is_no_remarks_is_left_as_it_is(sheet: Path) -> None:
    """Its last line, without a newline, is nobody's torn remark."""
    out = sheet.with_name("notes.txt")
    out.write_text("what I thought of it", "utf-8")

    with pytest.raises(ConfigError, match="line 1 is no remark"):
        Remarks(out, read_sheet(sheet).rows)
    assert out.read_text("utf-8") == "what I thought of it"


def test_a_place_that_nobody_wrote_is_a_new_one(tmp_path: Path) -> None:
    out = tmp_path / "eval.feedback.jsonl"
    (tmp_path / f".{out.name}.lock").write_text("[" * 4096)

    with held(out) as place:
        assert place.port == 0
