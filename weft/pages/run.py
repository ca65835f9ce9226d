"""A compile under way as a page: the index of its run folder, drawn.

The page is replaced with each event, and a browser that shows it reads it again. At the
end the report takes its place. Nothing here is a result: scores on select rows flatter
whoever was chosen by them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from typing import Any

from ..pipeline.ground.words import counted
from .html import Data, page, points, table
from .report import accounts, front_drawn, lineage

_AGAIN = 5
"""Seconds after which a page of a run that goes on is read again."""
_GOES_ON = ("running", "verifying")


def run_page(data: Data) -> str:
    """State, spending, rounds, front, lineage and what was said to the run."""
    start, state = data["start"], str(data["state"])
    name = f"{start.get('compiler')}: {start.get('program')}, {state}"
    train, select, sealed = start["rows"]
    told = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(data["at"]))
    candidates, best = data["candidates"], data["best"]
    spent = {
        "accounts": data["accounts"],
        "quote": start["quote"],
        "quoted": start["quoted"][1],
    }
    return page(
        name,
        f"<h1>{escape(name)}</h1>",
        f"<p>Seed {escape(str(start.get('seed')))}, budget "
        f"{escape(str(start.get('budget')))}; {counted(train, 'row')} to train, "
        f"{select} to select, {sealed} sealed. As of {told} UTC, process "
        f"{start.get('pid')} on {escape(str(start.get('host')))}.</p>",
        "<p>Scores here are on select rows, by which candidates are chosen: they "
        "flatter. What counts is measured on sealed rows, at the end.</p>",
        "<h2>What happened</h2>",
        table(("", "event", ""), [_event(e, start["at"]) for e in data["events"]]),
        "<h2>Spent</h2>",
        accounts(spent),
        "<h2>Score in the search against what a row costs</h2>",
        front_drawn(candidates, data["front"], best),
        f"<h2>Lineage: {counted(len(candidates), 'candidate')}</h2>",
        lineage(candidates, best, called="the best so far"),
        _orders(data["orders"]),
        again=_AGAIN if state in _GOES_ON else 0,
    )


def _event(event: Data, began: float) -> Sequence[str]:
    seconds = max(0, int(event["at"] - began))
    clock = f"{seconds // 60}:{seconds % 60:02d}"
    return clock, escape(str(event["event"])), escape(_words(event))


def _words(event: Data) -> str:
    match event["event"]:
        case "round":
            best = event["best"]
            on = f" on {counted(event['rows'], 'row')}"
            score = "not raced" if best is None else points(best) + on
            return (
                f"round {event['number']}: best {score} of "
                f"{counted(event['candidates'], 'candidate')}, {event['origin']}"
            )
        case "steered":
            return f"before round {event['number']}: {'; '.join(event['orders'])}"
        case "late":
            return "; ".join(event["orders"])
        case "verify":
            return f"on {counted(event['rows'], 'sealed row')}"
        case _:
            return str(event.get("why") or event.get("error") or "")


def _orders(orders: Sequence[Data]) -> str:
    """What was said to the run, and what became of it."""
    if not orders:
        return ""
    rows = [[escape(str(part)) for part in _order(order)] for order in orders]
    return f"<h2>Steered</h2>{table(('order', 'what', 'taken'), rows)}"


def _order(order: Data) -> Sequence[Any]:
    said = [order.get(name, "") for name in ("module", "candidate", "text")]
    taken = order["why"] or f"before round {order['round']}"
    return order["order"], " ".join(filter(None, said)), taken
