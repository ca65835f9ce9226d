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
_TICKED = re.compile(r"`+(?:python|py)?\s*([^`]*?)`+")
_MOST_ENDS = 8
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


def likeliest(text: str) -> str:
    r"""What a reply's code most likely is, whether it is Python or not.

    All fenced blocks of Python together, where there are any; blocks of something else
    are left out. Else what stands in a `<code>` tag, else the whole text.

    >>> likeliest("Let me see.\n```python\nx = 1\n```\nSo:\n```py\nprint(x)\n```")
    'x = 1\nprint(x)'
    """
    return _trimmed(_fenced(_plain(text)))


def readings(text: str) -> list[str]:
    r"""What a reply's code may be, in order; the first that is Python is it.

    The whole text: then its fences stand in strings. So they do in a block that is
    Python only as far as a later fence. Then what is likeliest, and the same without
    prompts of a console, with plain quotes for typographic ones, and, for a single
    line, with its written-out line breaks or without backticks around it.

    >>> readings("print(1)")
    ['print(1)']
    >>> readings("```python\ns = '''\n```\n'''\n```")[1]
    "s = '''\n```\n'''"
    """
    text, first = _plain(text), likeliest(text)
    ticked = _TICKED.fullmatch(first)
    found = (
        _trimmed(text),
        *map(_trimmed, _longer(text)),
        first,
        _without_prompts(first),
        first.translate(_TYPED),
        _broken(first),
        ticked[1] if ticked else first,
    )
    return list(dict.fromkeys(found))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")


def _trimmed(code: str) -> str:
    return textwrap.dedent(code).strip("\n").rstrip()


def _longer(text: str) -> list[str]:
    """The first block as far as later fences, the longest first."""
    marks = list(_FENCE.finditer(text))
    start = next((m for m in marks if m[2].lower() in _PYTHON), None)
    if start is None:
        return []
    ends = [
        mark.start()
        for mark in marks
        if mark.start() > start.end() and not mark[2] and mark[1][0] == start[1][0]
    ]
    return [text[start.end() + 1 : end] for end in ends[:0:-1][:_MOST_ENDS]]


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
