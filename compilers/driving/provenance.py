"""What an artifact says about its making; no clock, no path, no host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.measure.evaluate import Evaluation
from ..reporting.report import Report
from .task import Split


def provenance_of(
    report: Report, split: Split, identity: Mapping[str, Any], measured: str
) -> dict[str, Any]:
    """The report's figures beside what identifies the run, as plain JSON data.

    Args:
        report: How the compile went.
        split: The rows.
        identity: Program, metric, compiler, seed, data, models, and what was kept.
        measured: Digest of the program that the score belongs to.
    """
    seed_score, score = report.seed_score, report.score
    shown = score if report.returned else seed_score
    known = {k: v for k, v in identity.items() if k not in ("program", "keep")}
    return {
        **known,
        "rows": {
            "train": len(split.train),
            "select": len(split.select),
            "sealed": len(split.sealed),
        },
        "parent": identity["program"],
        "measured": measured,
        "score": {"seed": _figures(seed_score), "compiled": _figures(shown)},
        "improved": report.improved,
        "spend": {"calls": report.calls, "tokens": report.tokens, "usd": report.usd},
    }


def _figures(evaluation: Evaluation) -> list[float]:
    interval = evaluation.interval
    return [round(x, 6) for x in (evaluation.mean, interval.low, interval.high)]
