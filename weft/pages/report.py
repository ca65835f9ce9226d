"""A compile's report as a page.

What a reader must see is what the search would like to hide: the score on sealed rows
beside the one that the winner was chosen by, and the rows that became wrong beside
those that became right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from ..pipeline.ground.words import brief, counted
from .coverage import coverage_drawn
from .html import Data, bar, page, points, review_note, row_link, table, text_of

_MOST: Final = 200
_DEEPEST: Final = 24
_LONGEST: Final = 600
_GREEN, _AMBER, _GREY = "#2f9152", "#c98a1b", "#888888"


def report_page(data: Data) -> str:
    """Verdict, scores, cost, front, lineage, changed prompts, and flipped rows.

    Sealed rows have no link to the review page: notes on them would be the first thing
    that the next compile is told.
    """
    name, flips, tried = str(data["compiler"]["name"]), data["flips"], data["tried"]
    shade = "good" if data["improved"] else "bad"
    ended = data["stopped"] and f"Ended early: {data['stopped']}"
    notes = [data.get("form"), ended, data.get("passing"), *data.get("advice", ())]
    notes += data["remarks"]
    notes += [f"Steered {told}" for told in data.get("steered", ())]
    whole = [
        f"<details><summary>{escape(key)}, before and after</summary>"
        f"<pre>{escape(str(old))}</pre><pre>{escape(str(new))}</pre></details>"
        for key, (old, new) in data["instructions"].items()
    ]
    subject = f"{data['program']}, {data['metric']}"
    return page(
        f"{name}: {data['verdict']}",
        f"<h1>{escape(name)}: {escape(subject)}</h1>",
        f'<p class="{shade}"><strong>{escape(data["verdict"])}</strong></p>',
        *(f"<p>{escape(note)}.</p>" for note in notes if note),
        _scores(data),
        _optimism(data),
        coverage_drawn(data.get("coverage", {})),
        "<h2>Spent</h2>",
        accounts(data),
        "<h2>Score in the search against what a row costs</h2>",
        front_drawn(tried, [p["id"] for p in data["front"]], data["winner"]),
        f"<h2>Lineage: {counted(len(tried), 'candidate')}</h2>",
        lineage(tried, data["winner"]),
        "<h2>What changed in the prompts</h2>",
        _diff(data["diff"]),
        *whole,
        _flipped("Sealed rows that got better", [f for f in flips if f["gain"] > 0]),
        _flipped("Sealed rows that got worse", [f for f in flips if f["gain"] < 0]),
        _suspects(data["suspects"]),
        review_note(data["review"], "the rows of the search") if data["review"] else "",
    )


def _scores(data: Data) -> str:
    """Sealed scores with their intervals, and the scores of the search beside them."""
    sealed = {
        "as it was, sealed rows": (data["seed_score"], _GREY),
        "best candidate, sealed rows": (data["score"], _GREEN),
    }
    lines = [
        (
            name,
            points(scored["mean"], scored["interval"]),
            bar(scored["interval"][0], scored["mean"], scored["interval"][1], colour),
        )
        for name, (scored, colour) in sealed.items()
    ]
    seed = next((t for t in data["tried"] if not t["parent"]), None)
    best = next((t for t in data["tried"] if t["id"] == data["winner"]), None)
    for name, line in (("as it was", seed), ("best candidate", best)):
        words, drawn = "not raced", ""
        if line is not None and (mean := line["score"]) is not None:
            words = f"{points(mean)} on {counted(line['rows'], 'row')}"
            drawn = bar(mean, mean, mean)
        lines.append((f"{name}, search", words, drawn))
    return table(("score with its 95 % interval", "", ""), lines, small=True)


def _optimism(data: Data) -> str:
    """How much the search flattered its winner."""
    searched = data["search_score"]
    if searched is None or not data["score"]["rows"]:
        return ""
    excess = 100 * (searched - data["score"]["mean"])
    return (
        f"<p>The search saw its winner {abs(excess):.1f} points "
        f"{'higher' if excess >= 0 else 'lower'} than the sealed rows do; only the "
        "sealed rows count.</p>"
    )


def accounts(data: Data) -> str:
    """Calls, tokens and money by account, beside what was quoted."""
    books: Mapping[str, Data] = data["accounts"]
    total: dict[str, Any] = {
        key: sum(book[key] for book in books.values())
        for key in ("requests", "calls", "input_tokens", "output_tokens", "unpriced")
    }
    total["usd"] = sum(float(book["usd"]) for book in books.values())
    quoted = {name: row[1] for name, row in data["quote"].items()}
    quoted["total"] = data["quoted"]
    lines: list[Sequence[str]] = []
    for name, book in {**books, "total": total}.items():
        figures = [quoted[name]] if name in quoted else []
        counts = ("requests", "calls", "input_tokens", "output_tokens")
        figures += [book[key] for key in counts]
        cells = [f"{int(n):,}" for n in figures]
        price = "unknown" if book["unpriced"] else f"{float(book['usd']):.4f}"
        share = book["requests"] / max(1, total["requests"])
        told = bar(0, share, share) if name != "total" else ""
        lines.append((escape(name), *[""] * (5 - len(cells)), *cells, price, told))
    heads = ("account", "quoted", "calls", "sent", "tokens in", "tokens out", "USD", "")
    return table(heads, lines, numbers=1)


def front_drawn(tried: Sequence[Data], front: Sequence[str], winner: str) -> str:
    """Candidates by cost and score: the front is green, the winner ringed.

    The cost is in dollars where every price is known, and is none.
    """
    shown = [line for line in tried if line["score"] is not None]
    unit = "tokens a row"
    costs = {line["id"]: line["cost"]["tokens"] for line in shown}
    if all(line["cost"]["usd"] for line in shown):
        unit = "dollars a thousand rows"
        costs = {line["id"]: 1000 * line["cost"]["usd"] for line in shown}
    most = 1.05 * max(costs.values(), default=1) or 1.0
    floor = min(0.9, int(min((t["score"] for t in shown), default=0.0) * 10) / 10)
    parts: list[str] = []
    for tick in range(5):
        score, y = floor + (1 - floor) * tick / 4, 208 - 49 * tick
        parts.append(
            f'<line x1="46" x2="710" y1="{y}" y2="{y}" stroke="currentColor" '
            f'stroke-opacity=".15"/><text x="4" y="{y + 4}">{points(score)}</text>'
            f'<text x="{46 + 150 * tick}" y="226">{most * tick / 4:,.3g}</text>'
        )
    parts.append(f'<text x="46" y="246">{unit}</text>')
    for line in shown:
        x = 46 + 600 * costs[line["id"]] / most
        y = 208 - 196 * (line["score"] - floor) / (1 - floor)
        colour = _GREEN if line["id"] in front else _GREY
        ring = f' stroke="{_AMBER}" stroke-width="3"' if line["id"] == winner else ""
        rows = counted(line["rows"], "row")
        title = f"{line['origin']}: {points(line['score'])} on {rows}"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"{ring}>'
            f"<title>{escape(title)}</title></circle>"
        )
    return (
        '<svg viewBox="0 0 720 252" role="img" font-size="12" fill="currentColor" '
        f'style="width:100%;max-width:56rem">{"".join(parts)}</svg>'
    )


def lineage(tried: Sequence[Data], winner: str, *, called: str = "the winner") -> str:
    """Each candidate under the one it was made from, with what the edit gained."""
    rows: list[Sequence[str]] = []
    for line, depth in _tree(tried):
        gain = line["gain"]
        shade = "good" if (gain or 0) > 0 else "bad" if (gain or 0) < 0 else ""
        name = escape(line["origin"])
        if line["id"] == winner:
            name = f'<strong class="good">{name}</strong> ({called})'
        indent = 1.4 * min(depth, _DEEPEST)
        rows.append(
            (
                f'<span style="padding-left:{indent:.1f}rem">{name}</span>',
                "not raced" if line["score"] is None else points(line["score"]),
                str(line["rows"]),
                "" if gain is None else f'<i class="{shade}">{100 * gain:+.1f}</i>',
                f"{line['size']:,}",
            )
        )
    heads = ("edit", "score", "rows", "gain on its parent", "characters")
    return table(heads, rows, numbers=1)


def _tree(lines: Sequence[Data]) -> Iterator[tuple[Data, int]]:
    """Every candidate once with its depth, parents before children."""
    known = {line["id"] for line in lines}
    children: dict[str, list[Data]] = {}
    for line in lines:
        orphan = line["parent"] not in known or line["parent"] == line["id"]
        children.setdefault("" if orphan else line["parent"], []).append(line)
    seen: set[str] = set()
    # A circle of parents has no root: its members come last.
    for start in (*children.get("", []), *lines):
        stack = [(start, 0)]
        while stack:
            line, depth = stack.pop()
            if line["id"] in seen:
                continue
            seen.add(line["id"])
            yield line, depth
            below = reversed(children.get(line["id"], []))
            stack += [(child, depth + 1) for child in below]


def _diff(text: str) -> str:
    shades = {"+": "good", "-": "bad"}
    lines = [
        f'<span class="{shades[line.lstrip()[0]]}">{escape(line)}</span>'
        if line.startswith("  ") and line.lstrip()[:1] in shades
        else escape(line)
        for line in text.splitlines()
    ]
    return "<pre>{}</pre>".format("\n".join(lines))


def _flipped(title: str, found: Sequence[Data]) -> str:
    if not found:
        return f"<h2>{escape(title)}: none</h2>"
    rows: list[Sequence[str]] = []
    for flip in found[:_MOST]:
        answers = [
            f"{score:g}: {error or _shown(given)}"
            for score, error, given in zip(
                flip["scores"],
                flip["errors"],
                (flip["before"], flip["after"]),
                strict=True,
            )
        ]
        asked = (flip["id"], _shown(flip["inputs"]), _shown(flip["labels"]))
        rows.append([*map(escape, (*asked, *answers))])
    heads = ("row", "inputs", "wanted", "as it was", "best candidate")
    left = len(found) - len(rows)
    more = f"<p>and {left} more, in the JSON of the report</p>" if left else ""
    return f"<h2>{escape(title)}: {len(found)}</h2>{table(heads, rows)}{more}"


def _shown(value: Any) -> str:
    """One value bare, several as JSON; long ones cut."""
    if isinstance(value, Mapping):
        held: dict[Any, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
        value = next(iter(held.values())) if len(held) == 1 else held
    return brief(text_of(value), _LONGEST)


def _suspects(rows: Sequence[str]) -> str:
    if not rows:
        return ""
    items = "".join(f"<li>{row_link(row)}</li>" for row in rows)
    return (
        f"<h2>Suspect labels: {len(rows)}</h2><p>Good candidates agree on another "
        "answer to these rows, the surest first: look at their labels first."
        f"</p><ul>{items}</ul>"
    )
