"""`weft eval --edition newest`: a program verified anew, in newer forms of replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compilers.driving.forms import form_in_use, keeping_forms, with_forms
from ..loading import save
from ..pipeline.artifact.editions import at_newest
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.origin import origin
from ..pipeline.graph.program import Program
from ..pipeline.measure.evaluate import Evaluation
from .output import Outcome


@dataclass(frozen=True)
class Anew:
    """A program whose forms are of their newest edition, and what it reached.

    Args:
        program: It, with the forms that it was asked in.
        found: Its scores.
        forms: By module path, the form as it was and as it is.
        before: The digest of the program as it was.
        provenance: Where that one came from.
    """

    program: Program[..., Any]
    found: Evaluation
    forms: Mapping[str, tuple[str, str]]
    before: str
    provenance: Mapping[str, Any]

    @property
    def words(self) -> str:
        """The forms, each once."""
        pairs = (f"{new} for {old}" for old, new in self.forms.values())
        return ", ".join(dict.fromkeys(pairs))


def measured_anew(
    program: Program[..., Any], measure: Callable[[Program[..., Any], str], Evaluation]
) -> Anew | None:
    """Measure a program with its forms in their newest edition.

    None where whoever is asked would be sent the same: there is no newer edition, or
    it is one for other models.

    Args:
        program: The program as it is.
        measure: Measures a program, told what it is.
    """
    newest = at_newest(program)
    given, changed = program.parameters, newest.parameters
    slots = [slot for slot in changed if changed[slot] != given[slot]]
    paths = [slot.rpartition("/")[0] for slot in slots]
    if all(form_in_use(program, p) == form_in_use(newest, p) for p in paths):
        return None
    was = {path: str(form_in_use(program, path)) for path in paths}
    with keeping_forms(newest, {}) as forms:
        found = measure(newest, ", newest edition")
        asked = with_forms(newest, forms).parameters
    kept = program.with_parameters({slot: asked[slot] for slot in slots})
    came = origin(program)
    return Anew(
        kept,
        # What was settled at the first call is what an artifact of it says.
        replace(found, digest=program_digest(kept)),
        {path: (was[path], asked[f"{path}/adapter"]) for path in paths},
        program_digest(program),
        came.provenance if came else {},
    )


def beside(
    old: Outcome, before: Evaluation, new: Outcome, anew: Anew | None, out: str | None
) -> Outcome:
    """Both editions and the paired comparison; with `out`, the newest is written."""
    if anew is None:
        said = "no newer edition of its forms is sent to this model: nothing to verify"
        return replace(new, remark=f"{new.remark}\n{said}")
    paired = anew.found.compare(before)
    lines = [
        old.text,
        f"{new.text}, newest edition ({anew.words})",
        f"newest edition: {paired}",
    ]
    remarks = [f"as it is: {old.remark}", f"newest edition: {new.remark}"]
    if out:
        made = {**anew.provenance, "parent": anew.before}
        save(anew.program, out, provenance=made)
        remarks.append(f"the newest edition is written to {Path(out)}")
    else:
        remarks.append(
            "no file was changed; --out NAME.weft.json writes the newest edition, and "
            "the answers for it are in the cache"
        )
    data = {
        "as_it_is": old.data,
        "newest": new.data,
        "forms": {path: list(pair) for path, pair in anew.forms.items()},
        "difference": {
            "mean": paired.difference,
            "interval": [paired.interval.low, paired.interval.high],
            "p": paired.p,
            "rows": paired.n,
        },
    }
    code = old.code if old.code == 1 else new.code
    return Outcome("\n".join(lines), data, code, "\n".join(remarks))
