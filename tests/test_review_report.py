"""A report leads to the review of its rows, and the review to its report."""

from __future__ import annotations

import http.client
import re
import shlex
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import weft
from tests import webdriver
from tests.compilers.worlds import classifier, exact, model, planted_rows
from weft.compilers import BootstrapRandomSearch, LabeledFewShot
from weft.review.desk import Desk
from weft.review.remarks import Remarks
from weft.review.server import ReviewServer
from weft.review.sheet import file_of, read_sheet, report_of

TOKEN = "t" * 32
in_a_browser = pytest.mark.skipif(
    bool(webdriver.missing()), reason=webdriver.missing() or "-"
)
EVIL = '"><script>window.hacked=1</script>/../#?&%'


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """An evaluation with its page; two rows have ids that are hard to link."""
    rows = planted_rows(12)
    rows[3]["id"], rows[4]["id"] = EVIL, "ü 4"
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        found = weft.evaluate(classifier(), rows, exact)
    file = tmp_path / "eval.json"
    file.write_text(found.to_json(prompts=True), "utf-8")
    file.with_suffix(".html").write_text(found.to_html(review="eval.json"), "utf-8")
    return file


@pytest.fixture
def serving(saved: Path) -> Iterator[ReviewServer]:
    with served(saved) as server:
        yield server


@contextmanager
def served(file: Path) -> Generator[ReviewServer]:
    """A review of that file, which answers until the block ends."""
    sheet = read_sheet(file)
    remarks = Remarks(file.with_name("said.feedback.jsonl"), sheet.rows)
    with ReviewServer(Desk(sheet, remarks, report_of(file)), TOKEN) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def window() -> Iterator[webdriver.Browser]:
    with webdriver.browser() as opened:
        yield opened


def compiled(run: Path, compiler: Any) -> weft.Result[..., Any, Any]:
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        return weft.compile(
            classifier(),
            planted_rows(60),
            metric=exact,
            compiler=compiler,
            run_dir=run,
        )


def got(server: ReviewServer, path: str) -> tuple[int, str, str]:
    """Status, policy and text of a page."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as line:
        line.request("GET", path)
        answer = line.getresponse()
        policy = answer.headers["Content-Security-Policy"]
        return answer.status, policy, answer.read().decode()


def test_a_file_says_how_its_rows_are_reviewed(saved: Path) -> None:
    """A page on the disk knows no address: it gives the command, and links nowhere."""
    page = saved.with_suffix(".html").read_text("utf-8")

    assert "<code>weft review eval.json</code>" in page
    assert 'id="row-ü 4"' in page
    assert "href" not in page


def test_the_command_is_one_that_a_shell_understands() -> None:
    """Spaces in a name are quoted; a file that is not known is said to be."""
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        found = weft.evaluate(classifier(), planted_rows(6), exact)

    odd = re.findall("<code>(.*?)</code>", found.to_html(review="my runs/a.json"))
    unknown = found.to_html()

    assert shlex.split(odd[0].replace("&#x27;", "'")) == [
        *("weft", "review", "my runs/a.json"),
    ]
    assert "<code>weft review FILE</code></a>, with the FILE of" in unknown


def test_served_the_report_links_its_rows(serving: ReviewServer, saved: Path) -> None:
    """Every row leads to its place on the review page, and no script may run."""
    status, policy, page = got(serving, f"/{TOKEN}/report")

    links = re.findall(r'href="([^"]*)"', page)
    keys = {row.key for row in read_sheet(saved).rows}
    assert status == 200
    assert len(keys) == 12
    assert [link for link in links if link == "./"] == ["./"]
    assert len(links) == 13
    assert "./#%C3%BC%204" in links
    assert "<script" not in page
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert "script-src" not in policy
    assert '"report": true' in got(serving, f"/{TOKEN}/api/list")[2]
    assert "script-src 'self'" in got(serving, f"/{TOKEN}/")[1]


def test_the_report_needs_the_token_too(serving: ReviewServer) -> None:
    """It shows the same rows."""
    assert got(serving, "/report")[0] == 403
    assert got(serving, f"/wrong/{TOKEN}/report")[0] == 403


def test_rows_that_are_not_here_are_not_linked(
    serving: ReviewServer, saved: Path
) -> None:
    """A page of another evaluation promises nothing."""
    saved.with_suffix(".html").write_text('<a data-row="gone">gone</a>', "utf-8")

    assert got(serving, f"/{TOKEN}/report")[2] == '<a data-row="gone">gone</a>'
    saved.with_suffix(".html").unlink()
    assert got(serving, f"/{TOKEN}/report")[0] == 404


def test_a_run_keeps_its_report_for_the_review(tmp_path: Path) -> None:
    """`weft review RUN` finds both; the report names that very command."""
    run = tmp_path / "runs"
    result = compiled(run, BootstrapRandomSearch(demos=4))

    file, page = file_of(run), (run / "report.html").read_text("utf-8")
    assert file == run / "review.json"
    assert report_of(file) == run / "report.html"
    assert page == result.report.to_html(review=str(run))
    assert f"<code>weft review {run}</code>" in page


def test_a_run_without_open_rows_keeps_its_report_too(tmp_path: Path) -> None:
    """A compile that looked at sealed rows alone has nothing to review."""
    compiled(tmp_path, LabeledFewShot(demos=4))

    assert "weft review" not in (tmp_path / "report.html").read_text("utf-8")
    assert not (tmp_path / "review.json").exists()


@pytest.mark.slow
@in_a_browser
def test_a_reader_goes_from_report_to_row_and_back(
    serving: ReviewServer, window: webdriver.Browser
) -> None:
    """A click on a row of the report opens it for review; the header leads back."""
    name = "return document.querySelector('#key')?.textContent"
    clicked = "document.querySelectorAll('[data-row]').forEach("
    clicked += "a => a.dataset.row.startsWith('ü') && a.click())"
    window.go(f"{serving.url}report")
    window.run(clicked)
    window.until(lambda: window.run(name) == "ü 4")
    window.click("#report")
    window.until(lambda: "worst first" in window.text("body"))
    css = "return getComputedStyle(document.querySelector('[role=img] span')).position"
    drawn = window.run(css)
    window.go(f"{serving.url}#row")
    window.until(lambda: window.run(name))

    assert drawn == "absolute"


@pytest.mark.slow
@in_a_browser
def test_a_reader_goes_from_a_compile_to_its_rows(
    window: webdriver.Browser, tmp_path: Path
) -> None:
    """The report of a run leads to the review of the rows that its search saw."""
    compiled(tmp_path, BootstrapRandomSearch(demos=4))
    file = file_of(tmp_path)
    keys = [row.key for row in read_sheet(file).rows]

    with served(file) as server:
        window.go(f"{server.url}report")
        window.click("a[data-review]")
        shown = "return !!document.querySelector('#inputs dd')"
        window.until(lambda: window.run(shown))
        seen = window.text("#key")
        window.click("#report")
        window.until(lambda: "Lineage" in window.text("body"))

    assert seen in keys


def test_what_is_no_text_ends_no_compile(tmp_path: Path) -> None:
    """Feedback may quote anything, half a character too: it is shown escaped."""

    def half(example: weft.Example, prediction: Any) -> weft.Score:
        return weft.Score(exact(example, prediction).value, "it said caf\udce9")

    with weft.use(lm=model(), cache=weft.MemoryCache()):
        result = weft.compile(
            classifier(),
            planted_rows(60),
            metric=half,
            compiler=BootstrapRandomSearch(candidates=1),
            run_dir=tmp_path,
        )
        found = weft.evaluate(classifier(), planted_rows(4), half)

        with weft.use(lms={"proposer": model()}):
            weft.compile(classifier(), planted_rows(30), metric=half, budget=300)

    assert result.report.score.values
    assert b"it said caf\\udce9" in found.to_html().encode()
    told = {row.told for row in read_sheet(tmp_path / "review.json").rows}
    assert "it said caf\\udce9" in told
