"""Programs side by side as a page: a line a row, a column a program."""

from __future__ import annotations

from html import escape

from ..pipeline.ground.words import counted
from .html import Data, folded, page, table, text_of


def side_by_side_page(data: Data) -> str:
    """What each program made of each row, with the prompts to unfold."""
    names = [column["name"] for column in data["columns"]]
    title = f"side by side: {', '.join(names)}"
    lines = [
        (
            f"<b>{escape(row['id'])}</b><br>{_fields(row['inputs'])}",
            *map(_cell, row["cells"]),
        )
        for row in data["rows"]
    ]
    sums = ("", *map(_sums, data["columns"]))
    return page(
        title,
        f"<h1>{escape(title)}</h1>",
        table(("row", *map(escape, names)), [*lines, sums]),
    )


def _fields(values: Data) -> str:
    return "<br>".join(
        f'<span class="key">{escape(str(name))}</span> {escape(text_of(value))}'
        for name, value in values.items()
    )


def _cell(cell: Data) -> str:
    """The output, what it scored and cost, and what was sent."""
    output, error = cell["output"], cell["error"]
    if error:
        shown = f'<span class="bad">{escape(error)}</span>'
    elif isinstance(output, dict):
        shown = _fields(output)  # pyright: ignore[reportUnknownArgumentType] - JSON
    else:
        shown = escape(text_of(output))
    told = [counted(cell["tokens"], "token"), _money(cell["usd"])]
    if cell["score"] is not None:
        told.insert(0, f"score {cell['score']:g}")
    if cell["feedback"]:
        told.append(cell["feedback"])
    calls = "".join(
        folded(f"{call['path']}: {call['model']}", _call(call))
        for call in cell["prompts"]
    )
    return f'{shown}<div class="key">{escape(", ".join(told))}</div>{calls}'


def _call(call: Data) -> str:
    turns = [f"[{role}]\n{text_of(content)}" for role, content in call["messages"]]
    return "\n\n".join([*turns, f"[reply]\n{call['reply']}"])


def _sums(column: Data) -> str:
    mean = "" if column["mean"] is None else f"mean {100 * column['mean']:.1f}, "
    spent = f"{counted(column['calls'], 'call')}, {column['tokens']:,} tokens"
    return escape(f"{mean}{spent}, {_money(column['usd'])}")


def _money(usd: float | None) -> str:
    return "price unknown" if usd is None else f"${usd:.6f}"
