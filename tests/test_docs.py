"""The documentation: its Python runs, its output is real, its links lead somewhere.

A page is one session. Its ```python blocks run in order as one script, up to a shell;
a ```text block right after one is what that block prints, ```text figures the same with
other figures allowed. A ```console block is a shell: what follows `$ ` is run, the
other lines are what it says. `...` stands for anything, as in doctest; durations and
line numbers are not compared. ```python dspy is not ours to run and is only compiled.
"""

from __future__ import annotations

import doctest
import importlib.util
import itertools
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

import weft
from tests.timing import PATIENCE
from weft.cli import _parser  # pyright: ignore[reportPrivateUsage] - its words

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
_FENCE = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_MARK = "\x1e"
_VARIES = (
    (re.compile(r"[\w./-]*\w\.py:\d+"), "FILE:LINE"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s)\b"), "TIME"),
    (re.compile(r'"seconds": [\d.e-]+'), "SECONDS"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its further words, its text, and where it is."""

    language: str
    words: str
    text: str
    start: int
    end: int


class Said(NamedTuple):
    """A block that ran, the block that shows its output or None, and its output."""

    block: Block
    shown: Block | None
    text: str

    @property
    def true(self) -> bool:
        """Whether the output is what is shown."""
        if self.shown is None:
            return True
        figures = self.shown.words == "figures"
        wanted, got = fixed(self.shown.text, figures), fixed(self.text, figures)
        return doctest.OutputChecker().check_output(wanted, got, _FLAGS)


def blocks_of(page: str) -> list[Block]:
    return [
        Block(found[1], found[2].strip(), found[3], found.start(), found.end())
        for found in _FENCE.finditer(page)
    ]


def sessions_of(page: str) -> list[tuple[Block, Block | None]]:
    """Blocks that run, each with the block that holds its output, or None."""
    blocks = blocks_of(page)
    pairs: list[tuple[Block, Block | None]] = []
    for block, after in itertools.zip_longest(blocks, blocks[1:]):
        if block.language == "console" or (
            block.language == "python" and not block.words
        ):
            between = page[block.end : after.start] if after else "-"
            told = after and after.language == "text" and not between.strip()
            pairs.append((block, after if after and told else None))
    return pairs


def surroundings(folder: Path) -> dict[str, str]:
    """An environment without keys, that knows this Python's commands."""
    kept = {k: os.environ[k] for k in ("HOME", "LANG", "TMPDIR") if k in os.environ}
    bin_folder = Path(sys.executable).parent
    return kept | {
        "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin",
        "WEFT_CACHE": str(folder / ".weft" / "cache"),
        "COLUMNS": "100",
        "no_proxy": "*",
    }


def run_page(page: str, folder: Path) -> list[Said]:
    """Run a page's blocks in order; each with what it promised and what it said."""
    done: list[Said] = []
    pending: list[tuple[Block, Block | None]] = []
    for block, wanted in sessions_of(page):
        if block.language == "python":
            pending.append((block, wanted))
        else:
            done += run_python(pending, folder)
            pending = []
            done.append(Said(block, block, run_shell(block.text, folder)))
    return done + run_python(pending, folder)


def run_python(blocks: list[tuple[Block, Block | None]], folder: Path) -> list[Said]:
    """Blocks as one script in a process of its own; each with what it printed."""
    if not blocks:
        return []
    script = folder / "page.py"
    mark = f"\nprint({_MARK!r}, end='')\n"
    script.write_text(mark.join(block.text for block, _ in blocks), "utf-8")
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        env=surroundings(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    said = done.stdout.split(_MARK)
    return [
        Said(block, shown, text)
        for (block, shown), text in zip(blocks, said, strict=True)
    ]


def run_shell(text: str, folder: Path) -> str:
    """A console block as it would look now."""
    commands = re.findall(r"^\$ (.*(?:\\\n.*)*)$", text, re.MULTILINE)
    shown: list[str] = []
    code = 0
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", f"(exit {code})\n{command}"],
            cwd=folder,
            env=surroundings(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        code = done.returncode
        shown.append(f"$ {command}\n{done.stdout}")
    return "".join(shown)


def fixed(text: str, figures: bool) -> str:
    """A text without what differs from run to run; perhaps without its figures."""
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    if figures:
        text = re.sub(r"[+-]?\d[\d,.]*", "N", text)
    return text.rstrip() + "\n"


def page_text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_blocks_run_and_say_what_is_shown(name: str, tmp_path: Path) -> None:
    """Every block of the page runs offline, in order, and prints what stands there."""
    done = run_page(page_text(name), tmp_path)

    wrong = [
        f"{said.block.text}\n--- said\n{said.text}" for said in done if not said.true
    ]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", PAGES)
def test_foreign_blocks_are_python(name: str) -> None:
    """Code of other libraries compiles at least."""
    for block in blocks_of(page_text(name)):
        if block.language == "python" and block.words:
            compile(block.text, name, "exec")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Each link to a page or a heading finds it."""
    missing = [
        link
        for link in re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", page_text(name)))
        if not urlsplit(link).scheme and not _is_there(link, name)
    ]

    assert missing == []


def _is_there(link: str, page: str) -> bool:
    path, _, heading = link.partition("#")
    target = (DOCS / path).resolve() if path else DOCS / page
    if not target.exists():
        return False
    if not heading:
        return True
    titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
    return heading in {builder().slug(title) for title in titles}


def builder() -> ModuleType:
    """docs/build.py, which is a script and no package."""
    if "docs_build" not in sys.modules:
        found = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
        assert found is not None
        assert found.loader is not None
        made = importlib.util.module_from_spec(found)
        sys.modules["docs_build"] = made
        found.loader.exec_module(made)
    return sys.modules["docs_build"]


def test_commands_that_are_not_run_are_understood() -> None:
    """In a ```sh block, which needs a network or a person, the words at least exist."""
    places = [ROOT, DOCS, ROOT / "examples", ROOT / "examples" / "two_projects"]
    pages = [page.read_text("utf-8") for place in places for page in place.glob("*.md")]
    texts = [b.text for page in pages for b in blocks_of(page) if b.language == "sh"]
    lines = "\n".join(texts).replace("\\\n", " ").splitlines()
    given = [shlex.split(line, comments=True) for line in lines]
    commands = [words[1:] for words in given if words[:1] == ["weft"]]

    understood = [_parser().parse_args(words).command for words in commands]

    assert len(understood) > 8
    assert all(understood)


def test_every_command_has_its_section() -> None:
    """What `weft --help` lists stands on the command line's page."""
    help_text = run_shell("$ weft --help", DOCS)
    commands = re.findall(r"^    ([\w-]+)(?: |$)", help_text, re.MULTILINE)

    page = page_text("cli.md")

    assert {"compile", "import-dspy"} <= set(commands)
    assert [c for c in commands if f"## weft {c}\n" not in page] == []


def test_every_error_is_in_the_tree() -> None:
    """The tree on the errors' page has all of them."""
    words = set(re.findall(r"\w+", page_text("errors.md")))

    assert set(weft.errors.__all__) <= words


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    builder().build(folder)
    return folder


def test_site_holds_every_page(site: Path) -> None:
    """Each page is built, and whole."""
    for name in PAGES:
        made = "index.html" if name == "README.md" else name.replace(".md", ".html")

        text = (site / made).read_text("utf-8")

        assert text.startswith("<!doctype html>")
        assert text.rstrip().endswith("</html>")


def test_site_needs_nothing_but_itself(site: Path) -> None:
    """No script, nothing fetched, and every link inside the site leads somewhere."""
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")

        assert "<script" not in text
        assert not re.search(r"(src|@import|url\()\s*=?\s*[\"']?https?:", text)
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (page.parent / parts.path) if parts.path else page
            assert target.exists(), f"{page.name}: {link}"
            if parts.fragment:
                ids = re.findall(r'id="([^"]+)"', target.read_text("utf-8"))
                assert parts.fragment in ids, f"{page.name}: {link}"


def test_reference_holds_every_public_name() -> None:
    """Whatever `weft` exports has an entry of its own, among those it belongs to."""
    pages = builder().reference()
    text = "\n".join(pages.values())

    missing = [name for name in weft.__all__ if f"weft.{name}" not in text]

    assert missing == []
    homeless = re.findall(
        r"^## (.*)$", pages.get("reference-other-names.md", ""), re.MULTILINE
    )
    assert homeless == [], "name them in GROUPS of docs/docstrings.py"
    for module in ("compilers", "errors", "events", "metrics"):
        for name in getattr(weft, module).__all__:
            assert f"weft.{module}.{name}" in text, f"{module}.{name}"
