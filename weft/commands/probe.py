"""`weft probe`: what a model's server can do, and which form the model follows."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from ..pipeline.ground.words import counted
from ..pipeline.lm.known import forget
from ..pipeline.lm.models import LM
from ..pipeline.run.bridge import run_sync
from ..probing.probe import Known, Probed, probe, quote, refuse_stand_in
from .output import Outcome, columns, indented, remark


def command(arguments: argparse.Namespace) -> Outcome:
    """Probe a model, say what that would cost, or forget what is known of it."""
    lm = LM(arguments.model, api_base=arguments.api_base)
    refuse_stand_in(lm)
    if arguments.forget:
        return _forgotten(lm)
    offer = quote(lm)
    data = dataclasses.asdict(offer)
    if arguments.quote:
        return Outcome(f"{lm.model} at {lm.endpoint}: {offer}", {"quote": data})
    quiet = arguments.quiet
    remark(f"probing {lm.model} at {lm.endpoint}: {offer}", quiet=quiet)
    found = run_sync(
        probe(
            arguments.model,
            arguments.api_base,
            lambda line: remark(line, quiet=quiet),
        )
    )
    spent = f"{counted(found.calls, 'call')}, {found.tokens:,} tokens"
    pages = f"{counted(found.pages, 'page')} of the server's own"
    return Outcome(
        _text(found),
        {**_data(found), "quote": data},
        0 if found.best is not None else 1,
        f"{spent}, {pages}",
    )


def _forgotten(lm: LM) -> Outcome:
    dropped = forget(lm.endpoint, lm.model)
    text = f"{counted(dropped, 'fact')} about {lm.model} at {lm.endpoint} forgotten"
    return Outcome(text, {"forgotten": dropped, "endpoint": lm.endpoint})


def _text(found: Probed) -> str:
    server = f", which calls itself {found.server}" if found.server else ""
    abilities = columns([(k.name, _said(k), k.how, k.day) for k in found.abilities])
    forms = columns([(str(trial.form), str(trial)) for trial in found.trials])
    parts = [
        f"{found.model} at {found.endpoint}{server}",
        indented(abilities),
        "forms, on a dozen rows of its own; usable is what is read at the first call",
        indented(forms),
        *found.remarks,
        _verdict(found),
    ]
    return "\n\n".join(parts)


def _verdict(found: Probed) -> str:
    if found.best is None:
        return "no form brought a usable reply"
    where = f", kept in {found.kept}" if found.kept is not None else ""
    return f"the form to take is {found.best.form}{where}"


def _said(known: Known) -> str:
    match known.value:
        case None:
            return "-"
        case bool(value):
            return "yes" if value else "no"
        case int(value):
            return f"{value:,}"
        case str(value):
            return value
        case names:
            return ", ".join(names) or "-"


def _data(found: Probed) -> dict[str, Any]:
    return {
        "model": found.model,
        "endpoint": found.endpoint,
        "server": found.server,
        "abilities": {
            known.name: {"value": known.value, "how": known.how, "day": known.day}
            for known in found.abilities
        },
        "forms": [
            {
                "form": str(trial.form),
                "asked": trial.asked,
                "usable": trial.usable,
                "right": trial.right,
                "refusal": trial.refusal,
            }
            for trial in found.trials
        ],
        "form": None if found.best is None else str(found.best.form),
        "calls": found.calls,
        "tokens": found.tokens,
        "pages": found.pages,
        "remarks": list(found.remarks),
        "kept": None if found.kept is None else str(found.kept),
    }
