"""A program as a page: graph, contracts, prompts, and where it is from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from ..pipeline.artifact.describe import (
    Target,
    data_of,
    modules_in_order,
    program_of,
    prompts_of,
    structure_lines,
    type_words,
)
from ..pipeline.artifact.state import DemoState, FieldState, ModuleState
from ..pipeline.ground import strictjson
from .html import folded, page, table, text_of

_MOST: Final = 200


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
    modules = modules_in_order(data.program)
    # What the file says of its making; nobody vouches for it.
    origin = [
        (escape(key), escape(strictjson.canonical(value)))
        for key, value in sorted(data.provenance.items())
    ]
    return page(
        data.name,
        f"<h1>{escape(data.name)}</h1>",
        f"<p>{escape(data.digest)}</p>",
        f"<div>{made.svg()}</div>" if made is not None else "",
        folded("as text", "\n".join(structure_lines(data.name, data.program))),
        *(_module(path, state, str(prompts.get(path, ""))) for path, state in modules),
        f"<h2>made by</h2>{table(('', ''), origin)}" if origin else "",
    )


def _module(path: str, state: ModuleState, prompt: str) -> str:
    fields = [
        [*map(escape, (f"{arrow}{f.name}", type_words(f), _told(f, state)))]
        for f in state.fields
        for arrow in ["-> " if f.role == "output" else ""]
    ]
    sampling = "".join(f", {k}={v}" for k, v in sorted(state.sampling.items()))
    asked = folded("prompt", prompt) if prompt else ""
    demos = _demos(state.demos, state.nearest, [f.name for f in state.fields])
    model = f", asks {state.model}" if state.model else ""
    return f"""<section id="{escape(path)}"><h2>{escape(path)}</h2>
<p>{escape(state.kind)}, {escape(state.form.words + sampling + model)}</p>
{table(("field", "type", "description"), fields)}
<pre>{escape(chr(10).join(state.instruction))}</pre>
{_below(state)}{demos}{asked}</section>"""


def _below(state: ModuleState) -> str:
    """What stands below the instruction, where anything does."""
    rows = [
        [kind, escape(name), escape(text)]
        for kind, held in (("context", state.context), ("glossary", state.glossary))
        for name, text in held.items()
    ]
    told = table(("in every case", "of", "what is told"), rows) if rows else ""
    names = [f.name for f in state.fields]
    cases = state.illustrations
    shown = _demos(cases, 0, names, what="illustrations") if cases else ""
    return f"{told}{shown}\n" if told or shown else ""


def _told(field: FieldState, state: ModuleState) -> str:
    tuned = state.descriptions.get(field.name)
    return field.description if tuned is None else f"{tuned} (tuned)"


def _demos(
    demos: Sequence[DemoState],
    nearest: int,
    names: Sequence[str],
    what: str = "demos",
) -> str:
    if not demos:
        return f"<p>no {what}</p>"
    rows = [
        [
            escape(text_of(value))
            for value in (d.by, d.source, *(d.values.get(name, "") for name in names))
        ]
        for d in demos[:_MOST]
    ]
    left = len(demos) - len(rows)
    more = f"<p>and {left} more</p>" if left else ""
    said = f", each input is shown the {nearest} most like it" if nearest else ""
    shown = table(("by", "row", *map(escape, names)), rows)
    return (
        f"<details><summary>{what}: {len(demos)}{said}</summary>{shown}{more}</details>"
    )
