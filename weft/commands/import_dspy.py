"""`weft import-dspy`: parameters that DSPy saved, as an artifact of a live program."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from ..dspy_state import import_dspy
from ..pipeline.artifact.save import save
from ..pipeline.graph.digest import program_digest
from .names import pair
from .output import Outcome
from .targets import program_named


def command(arguments: argparse.Namespace) -> Outcome:
    """Fit a DSPy state to a program, and save what comes of it."""
    live, state = program_named(arguments.program), Path(arguments.state)
    rename = dict(pair(text, "--rename prog.sort=route") for text in arguments.rename)
    made = import_dspy(state, live, rename=rename)
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    came = {"imported": "dspy", "state": f"sha256:{digest}"}
    out = save(made, arguments.out, provenance={**came, "parent": program_digest(live)})
    data = {"out": str(out), "program": made.name, "digest": program_digest(made)}
    counts = {p: len(m.parameters.demos) for p, m in made.modules.items()}
    said = ", ".join(f"{path} has {n} of its demos" for path, n in counts.items())
    remark = f"{said}\nnext: weft diff {arguments.program} {out}"
    return Outcome(str(out), {**data, "demos": counts}, remark=remark)
