"""A sweep as a page: scores and costs by the number of demos."""

from __future__ import annotations

from html import escape

from ..pipeline.ground.words import counted
from .html import Data, bar, page, points, table


def sweep_page(data: Data) -> str:
    """A line for each number of demos; costs are of a thousand rows."""
    title = f"{data['program']}: {data['metric']} by the number of demos"
    lines = [
        (
            f"<b>{line['demos']}</b>"
            if line["demos"] in (data["best"], data["enough"])
            else f"{line['demos']}",
            bar(line["interval"][0], line["mean"], line["interval"][1]),
            points(line["mean"], line["interval"]),
            f"{line['calls']:,.0f}",
            f"{line['tokens']:,.0f}",
            "unknown" if line["usd"] is None else f"${line['usd']:.2f}",
        )
        for line in data["points"]
    ]
    heads = ("demos", "", "score", "calls", "tokens", "cost")
    said = (
        f"Best with {counted(data['best'], 'demo')}; the fewest that it is not shown "
        f"to beat are {data['enough']}. Calls, tokens and cost are of a thousand rows."
    )
    return page(
        title,
        f"<h1>{escape(title)}</h1>",
        table(heads, lines, numbers=2, small=True),
        f"<p>{escape(said)}</p>",
        f"<p>{escape(data['stopped'])}</p>" if data["stopped"] else "",
    )
