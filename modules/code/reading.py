"""Code as models write it: in fences, with words around them, or bare."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n]*$", re.MULTILINE)
_PYTHON = frozenset(
    ("", "python", "py", "python3", "repl", "tool_code", "code", "pycon", "ipython")
)
_TAGS = re.compile(
    r"<(code|execute|python|tool_code)>\s*\n?(.*?)(?:</\1>|\Z)", re.DOTALL
)
_PROMPT = re.compile(r"^(?:>>>|\.\.\.) ?", re.MULTILINE)
_TYPED = str.maketrans(
    {
        "\u201c": '"',
        "\u201d": '"',
        "\u2018": "'",
        "\u2019": "'",
        "\u00a0": " ",
        "\u2212": "-",
    }
)


def readings(text: str) -> Iterator[str]:
    r"""What a reply's code may be, likeliest first; the first that is Python is it.

    All fenced blocks of Python together, where there are any; blocks of something else
    are left out. Else what stands in a `<code>` tag, else the whole text. Then the same
    without prompts of a console, with plain quotes for typographic ones, and, for a
    single line, with its written-out line breaks.

    >>> next(readings("Let me see.\n```python\nx = 1\n```\nSo:\n```py\nprint(x)\n```"))
    'x = 1\nprint(x)'
    >>> next(readings("print(1)"))
    'print(1)'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    first = textwrap.dedent(_fenced(text)).strip("\n").rstrip()
    seen = {first}
    yield first
    for other in (
        _without_prompts(first),
        first.translate(_TYPED),
        _broken(first),
        textwrap.dedent(text).strip(),
    ):
        if other not in seen:
            seen.add(other)
            yield other


def _fenced(text: str) -> str:
    """The blocks of Python in a text, or the text where there is none."""
    blocks = [(kind, code) for kind, code in _blocks(text) if code.strip()]
    named = [code for kind, code in blocks if kind and kind in _PYTHON]
    found = named or [code for kind, code in blocks if kind in _PYTHON]
    if found:
        return "\n".join(textwrap.dedent(code).strip("\n") for code in found)
    tagged = [match[2] for match in _TAGS.finditer(text)]
    return "\n".join(tagged) if tagged else text


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each fenced block with the word after its fence; the last may lack its end."""
    mark, kind, start = "", "", 0
    for fence in _FENCE.finditer(text):
        if not mark:
            mark, kind, start = fence[1], fence[2].lower(), fence.end() + 1
        elif fence[1].startswith(mark) and not fence[2]:
            yield kind, text[start : fence.start()]
            mark = ""
    if mark:
        yield kind, text[start:]


def _without_prompts(code: str) -> str:
    """A console's lines that were typed, without its prompts and its answers."""
    lines = [line for line in code.split("\n") if _PROMPT.match(line)]
    if not code.lstrip().startswith(">>>"):
        return code
    return "\n".join(_PROMPT.sub("", line, count=1) for line in lines)


def _broken(code: str) -> str:
    """One line in which line breaks were written out, as lines."""
    if "\n" in code or "\\n" not in code:
        return code
    return code.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')
