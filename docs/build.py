"""Build the documentation: these pages, and the reference, as a static site.

    python docs/build.py [FOLDER]       by default into build/site

The site is plain HTML with one style sheet: no scripts, nothing fetched from elsewhere,
readable from the disk as well as from a server.
"""

from __future__ import annotations

import argparse
import html
import itertools
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))  # the other half stands beside this file

from docstrings import reference, slug, unique  # noqa: E402 - the line above finds it

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

__all__ = ["build", "main", "reference", "slug"]

SITE = DOCS.parent / "build" / "site"
ORDER = (
    *("README.md", "guide.md", "signatures.md", "modules.md", "media.md"),
    *("programs.md", "agents.md", "mcp.md", "code.md", "sampling.md", "decisions.md"),
    *("words.md", "thresholds.md", "retrieval.md", "recipes.md", "whitebox.md"),
    *("running.md", "traces.md", "models.md", "local-models.md", "forms.md"),
    *("datasets.md", "measuring.md", "judges.md", "gates.md", "habits.md"),
    *("compiling.md", "compilers.md"),
    *("bench-compile.md", "bench-planted.md", "bench-real.md", "bench-schemas.md"),
    *("bench-sampling.md", "bench-mcp.md", "bench-longtext.md", "bench-retrieval.md"),
    *("bench-unsure.md", "bench-words.md", "bench-priors.md"),
    *("bench-judges.md", "bench-hops.md", "bench-injections.md", "bench-nearest.md"),
    *("artifacts.md", "errors.md", "testing.md", "cli.md", "coming-from-dspy.md"),
    "tutorials.md",
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="site.css">
</head>
<body>
<nav>
<a class="home" href="index.html">weft</a>
{menu}
</nav>
<main>
{body}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Page:
    """One page.

    Args:
        file: The markdown file's name.
        text: Its text.
        group: Under which heading the menu lists it.
    """

    file: str
    text: str
    group: str

    @property
    def title(self) -> str:
        """The first heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return found[1].replace("`", "") if found else self.file

    @property
    def target(self) -> str:
        """The HTML file's name."""
        return target_of(self.file)


def build(folder: Path = SITE) -> list[Path]:
    """Write the site into a folder; files of an earlier site are replaced.

    Args:
        folder: Where to; made where it is missing.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = [*_written(), *_generated()]
    made: list[Path] = []
    for page in pages:
        shown = _PAGE.format(
            title=html.escape(f"{page.title} - weft"),
            menu=_menu(pages, page),
            body=rendered(page.text),
        )
        made.append(_write(folder / page.target, shown))
    style = (DOCS / "site.css").read_text(encoding="utf-8")
    return [*made, _write(folder / "site.css", style)]


def target_of(file: str) -> str:
    """The HTML file of a markdown file."""
    return "index.html" if file == "README.md" else f"{file.removesuffix('.md')}.html"


def rendered(text: str) -> str:
    """Markdown as HTML: headings get ids, links to pages lead to their HTML."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    _number_headings(tokens)
    for token in tokens:
        for inner in token.children or ():
            _redirect(inner)
    shown: str = markdown.renderer.render(tokens, markdown.options, {})
    return re.sub(
        r"<table>(.*?)</table>",
        r'<div class="wide"><table>\1</table></div>',
        shown,
        flags=re.DOTALL,
    )


def _number_headings(tokens: Sequence[Token]) -> None:
    """Give each heading an id; a second one of the same words gets a number."""
    pairs = itertools.pairwise(tokens)
    headings = [(t, inline.content) for t, inline in pairs if t.type == "heading_open"]
    ids = unique(slug(title) for _, title in headings)
    for (token, _), name in zip(headings, ids, strict=True):
        token.attrSet("id", name)


def _redirect(token: Token) -> None:
    link = str(token.attrGet("href") or "")
    path, mark, heading = link.partition("#")
    if token.type == "link_open" and path.endswith(".md") and "/" not in path:
        token.attrSet("href", f"{target_of(path)}{mark}{heading}")


def _written() -> list[Page]:
    """The pages of this folder, in the order of reading; unknown ones come last."""
    names = [path.name for path in sorted(DOCS.glob("*.md"))]
    names.sort(key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return [
        Page(
            name,
            (DOCS / name).read_text(encoding="utf-8"),
            "Pages" if name in ORDER else "More",
        )
        for name in names
    ]


def _generated() -> list[Page]:
    return [Page(file, text, "Reference") for file, text in reference().items()]


def _menu(pages: Sequence[Page], current: Page) -> str:
    lines: list[str] = []
    for group in dict.fromkeys(page.group for page in pages):
        lines.append(f"<h2>{group}</h2>\n<ul>")
        for page in pages:
            if page.group != group or page.file == "README.md":
                continue
            here = ' aria-current="page"' if page == current else ""
            title = html.escape(page.title)
            lines.append(f'<li><a href="{page.target}"{here}>{title}</a></li>')
        lines.append("</ul>")
    return "\n".join(lines)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def main(words: Sequence[str]) -> None:
    """Build the site and say where it is."""
    about = "Build the documentation as a static site."
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("folder", nargs="?", type=Path, default=SITE)
    folder: Path = parser.parse_args(words).folder
    made = build(folder)
    print(f"{len(made)} files in {folder}; open {folder / 'index.html'}")


if __name__ == "__main__":
    main(sys.argv[1:])
