"""`weft eval`: a mean with its 95 % interval; `weft explain`: which part earns it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..compilers.driving.forms import form_in_use, keeping_forms, with_forms
from ..loading import save
from ..pipeline.artifact.editions import at_newest
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.errors import ConfigError
from ..pipeline.graph.digest import program_digest
from ..pipeline.graph.program import Program, as_given, origin
from ..pipeline.ground.words import counted
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.measure.explain import ablations, explain
from .arguments import measured, settings
from .files import require_writable, write_text
from .output import Outcome, Spent, calls_shown, remark
from .targets import program_named

_NO_BASE = (
    "an artifact does not hold the instructions it began with, so demos alone are "
    "measured; name the program it was compiled from: --base or --program"
)


def measure(arguments: argparse.Namespace) -> Outcome:
    """Measure a program on rows; with --edition, in the newest forms too."""
    if arguments.out and not arguments.edition:
        raise ConfigError(
            "--out is for a newer edition", hint="Write --edition newest too"
        )
    given = measured(arguments)
    program = given.program
    for path in filter(None, (arguments.html, arguments.save, arguments.out)):
        require_writable(Path(path))
    with settings(arguments):
        found, anew = given.scored(arguments), None
        newer = _in_newest_forms(program) if arguments.edition else None
        if newer is not None:
            with keeping_forms(newer, {}) as forms:
                newest = given._replace(program=newer)
                again = newest.scored(arguments, ", newest edition")
                asked = with_forms(newer, forms)
            anew = _Anew(program, asked, again)
    last = anew.found if anew else found
    if arguments.html:
        page = last.to_html(review=arguments.save or "")
        write_text(Path(arguments.html), page)
    if arguments.save:
        write_text(Path(arguments.save), last.to_json(prompts=True))
    made = _outcome(last, arguments.fail_under)
    if anew is not None:
        return anew.beside(_outcome(found), found, made, arguments.out)
    if arguments.edition:
        said = "no newer edition of its forms is sent to this model: nothing to verify"
        return dataclasses.replace(made, remark=f"{made.remark}\n{said}")
    return made


def _outcome(found: Evaluation, wanted: float | None = None) -> Outcome:
    """Failed rows come before a low score: they say that it may not hold."""
    spent = Spent.of(found)
    below = wanted is not None and bool(found.values) and found.mean < wanted
    said = [f"{spent}; {found.seconds:.1f} s"]
    if below:
        said.append(f"{100 * found.mean:.1f} is under {100 * (wanted or 0):.1f}")
    if found.failures:
        first = found.failures[0]
        said.append(f"row {first.example.id!r}: {first.error}")
    data = {**json.loads(found.to_json()), **spent.data(), "seconds": found.seconds}
    code = 1 if found.failures else 3 if below else 0
    return Outcome(str(found), data, code, "\n".join(said))


def _in_newest_forms(program: Program[..., Any]) -> Program[..., Any] | None:
    """It with newer forms; None where whoever is asked would be sent the same."""
    newest = at_newest(program)
    changed = _changed(program, newest)
    if all(form_in_use(program, p) == form_in_use(newest, p) for p in changed.values()):
        return None
    return newest


def _changed(was: Program[..., Any], now: Program[..., Any]) -> dict[str, str]:
    """The slots whose value is another one, with their modules' paths."""
    slots = (s for s, value in now.parameters.items() if was.parameters[s] != value)
    return {slot: slot.rpartition("/")[0] for slot in slots}


class _Anew:
    """A program in forms of their newest edition, and what it reached."""

    def __init__(
        self, was: Program[..., Any], asked: Program[..., Any], found: Evaluation
    ) -> None:
        changed = _changed(was, at_newest(was))
        kept = {slot: asked.parameters[slot] for slot in changed}
        self.was, self.program = was, was.with_parameters(kept)
        # What was settled at the first call is what an artifact of it says.
        self.found = dataclasses.replace(found, digest=program_digest(self.program))
        self.forms = {
            path: [
                str(form_in_use(was, path)),
                str(asked.parameters[f"{path}/adapter"]),
            ]
            for path in changed.values()
        }

    def beside(
        self, old: Outcome, before: Evaluation, new: Outcome, out: str | None
    ) -> Outcome:
        """Both editions, compared row by row; with `out`, the newest is written."""
        paired = self.found.compare(before)
        pairs = dict.fromkeys(f"{now} for {was}" for was, now in self.forms.values())
        lines = [
            old.text,
            f"{new.text}, newest edition ({', '.join(pairs)})",
            f"newest edition: {paired}",
        ]
        kept = (
            "no file was changed; --out NAME.weft.json writes the newest edition, and "
            "the answers for it are in the cache"
        )
        if out:
            save(as_given(self.program), out, provenance=self._provenance())
            kept = f"the newest edition is written to {Path(out)}"
        data = {
            "as_it_is": old.data,
            "newest": new.data,
            "forms": self.forms,
            "difference": {
                "mean": paired.difference,
                "interval": [paired.interval.low, paired.interval.high],
                "p": paired.p,
                "rows": paired.n,
            },
        }
        remarks = [f"as it is: {old.remark}", f"newest edition: {new.remark}", kept]
        code = old.code if old.code == 1 else new.code
        return Outcome("\n".join(lines), data, code, "\n".join(remarks))

    def _provenance(self) -> Mapping[str, Any]:
        came = origin(self.was)
        made = dict(came.provenance) if came else {}
        return {**made, "parent": program_digest(self.was)}


def ablate(arguments: argparse.Namespace) -> Outcome:
    """Measure a program without each of its parts in turn."""
    program, metric, rows = measured(arguments)
    base = None if arguments.base is None else program_named(arguments.base)
    parts = ablations(program, base, each_demo=arguments.each_demo)
    if base is None and arguments.target.endswith(SUFFIX) and not arguments.program:
        remark(_NO_BASE, quiet=arguments.quiet)
    title, runs = f"explain {program.name}", len(parts) + 2
    many = counted(len(rows), "row")
    remark(f"{title}: {counted(runs, 'evaluation')} of {many}", quiet=arguments.quiet)
    expected = runs * len(rows) * len(program.modules)
    with settings(arguments), calls_shown(title, expected, quiet=arguments.quiet):
        found = explain(
            program,
            rows,
            metric,
            base=base,
            each_demo=arguments.each_demo,
            concurrency=arguments.concurrency,
        )
    failed = len(found.whole.failures) + len(found.base.failures)
    data = {
        "whole": _score(found.whole),
        "base": _score(found.base),
        "parts": [dataclasses.asdict(part) for part in found.parts],
        "failures": failed,
    }
    said = f"{counted(failed, 'row')} failed, left out of the means" if failed else ""
    return Outcome(str(found), data, int(failed > 0), said)


def _score(found: Evaluation) -> dict[str, Any]:
    ends = [found.interval.low, found.interval.high]
    return {"mean": found.mean, "interval": ends, **Spent.of(found).data()}
