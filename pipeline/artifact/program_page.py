"""A program as one self-contained page: graph, contracts, prompts, where it is from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from ..adapters.prompt import Prompt
from ..ground import strictjson
from ..measure.html import page
from .describing import Target, data_of, modules_in_order, structure_lines, type_words
from .showing import program_of, prompts_of
from .state import DemoState, ModuleState

_MOST_DEMOS = 200


def show_html(target: Target) -> str:
    """A program, a module or an artifact as a page; nothing is run, nothing fetched.

    Args:
        target: The program, the module, or the artifact's path; its steps need not be
            there.

    Returns:
        The page: the graph as SVG, and for each module its fields, its instruction, its
        demos and its prompt, with `{name}` for each input.

    Raises:
        ArtifactError: The file cannot be read.

    >>> import weft
    >>> text = show_html(weft.Predict("text -> mood", "Say how it feels.", name="feel"))
    >>> text.startswith("<!doctype html>"), "Say how it feels." in text
    (True, True)
    """
    data, made = data_of(target), program_of(target)
    prompts = {} if made is None else prompts_of(made)
    lines = "\n".join(structure_lines(data.name, data.program))
    parts = [
        f"<h1>{escape(data.name)}</h1>",
        f"<p>{escape(data.digest)}</p>",
        f"<div>{made.svg()}</div>" if made is not None else "",
        f"<details><summary>as text</summary><pre>{escape(lines)}</pre></details>",
        *(
            _module(path, module, prompts.get(path))
            for path, module in modules_in_order(data.program)
        ),
        _origin(data.provenance),
    ]
    return page(data.name, "\n".join(part for part in parts if part))


def _module(path: str, state: ModuleState, prompt: Prompt | None) -> str:
    head = ("field", "type", "description")
    fields = [
        (("-> " if f.role == "output" else "") + f.name, type_words(f), f.description)
        for f in state.fields
    ]
    instruction = "\n".join(state.instruction)
    asked = "" if prompt is None else _folded("prompt", str(prompt))
    sampling = "".join(f", {k}={v}" for k, v in sorted(state.sampling.items()))
    return f"""<section id="{escape(path)}"><h2>{escape(path)}</h2>
<p>{escape(state.kind)}, {escape(state.form.words)}{escape(sampling)}</p>
{_table(head, fields)}
<pre>{escape(instruction)}</pre>
{_demos(state.demos, state.nearest, [f.name for f in state.fields])}{asked}</section>"""


def _demos(demos: list[DemoState], nearest: int, names: list[str]) -> str:
    if not demos:
        return "<p>no demos</p>"
    rows = [
        (d.by, d.source, *(_text(d.values[n]) if n in d.values else "" for n in names))
        for d in demos[:_MOST_DEMOS]
    ]
    left = len(demos) - len(rows)
    more = f"<p>and {left} more</p>" if left else ""
    table = _table(("by", "row", *names), rows) + more
    said = f", each input is shown the {nearest} most like it" if nearest else ""
    return f"<details><summary>demos: {len(demos)}{said}</summary>{table}</details>"


def _origin(provenance: Mapping[str, Any]) -> str:
    """What the file says of its making; nobody vouches for it."""
    if not provenance:
        return ""
    rows = [(key, strictjson.canonical(provenance[key])) for key in sorted(provenance)]
    return f"<h2>made by</h2>{_table(('', ''), rows)}"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary><pre>{escape(text)}</pre></details>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else strictjson.dumps(value)
