"""Instructions that a model writes from runs: what went wrong, and what went well."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Final, NamedTuple

from ...modules.asking.predict import Predict
from ...pipeline.errors import BudgetExceeded
from ...pipeline.graph.module import Module
from ...pipeline.ground.options import Count, settings
from ...pipeline.ground.words import counted
from ...pipeline.measure.row_result import RowResult
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .evidence import MIXED_UP, case_of, cases, mixed_up_in, seen_by
from .lines import MOST_EDITS, edited, edits_between, united
from .meeting import rejected
from .proposer import Parents, evidence_calls, writing_calls
from .rows import ordered
from .writer import CaseWriter, Job, Writer, patched, spread, write_each


class Shown(NamedTuple):
    """How many cases a writer is shown, of how many rows, and the name of the draw."""

    purpose: str
    failing: int
    passing: int
    rows: int


async def jobs_from_failures(
    task: Task, parents: Parents, n: int, shown: Shown
) -> list[Job]:
    """Jobs with cases of their own, spread over parents and modules.

    A module that ran on no failing row, as in an arm that was not taken, gets none.
    """
    seen = {
        parent.id: await seen_by(task, parent, shown.failing, shown.rows)
        for parent in dict.fromkeys(parents)
    }
    failing = [result for each in seen.values() for result in each.failing]
    ran = {node.path for result in failing for node in result.trace.nodes}
    jobs: list[Job] = []
    for job in spread(task, parents, n, [p for p in task.program.modules if p in ran]):
        rng, known = task.rng(shown.purpose, job.number), seen[job.parent.id]
        wrong = cases(known.failing, job.path, shown.failing, rng)
        right = cases(known.passing, job.path, shown.passing, rng)
        if wrong:
            spec = task.program.modules[job.path].spec
            mixed = mixed_up_in(known.failing, spec, job.path, wrong)
            jobs.append(replace(job, failing=wrong, passing=right, mixed_up=mixed))
    return jobs


class Asked(NamedTuple):
    """A module that writes from cases: by itself, and with choices mixed up in view."""

    alone: Module[..., Any]
    besides: Module[..., Any]

    @classmethod
    def of(cls, module: Module[..., Any]) -> Asked:
        """Both ways to ask a module; where nothing is mixed up, nothing is said."""
        return cls(module, module.wider(module.name, MIXED_UP))

    async def about(self, job: Job, **inputs: Any) -> Any:
        """Ask about a job."""
        if job.mixed_up:
            return await self.besides.acall(**inputs, mixed_up=job.mixed_up)
        return await self.alone.acall(**inputs)


@settings
class Critic(CaseWriter):
    """A writer that reads what went wrong; where nothing fails it has nothing to say.

    Its settings are those of `CaseWriter`.
    """

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """`n` changes with cases of their own."""
        # Each kind draws cases of its own.
        purpose = self.name.casefold()
        shown = Shown(purpose, self.failing, self.passing, self.rows)
        return await jobs_from_failures(task, parents, n, shown)


class MendInstruction(Signature):
    """Mend an instruction in one place, so that cases like the failing ones come right.

    The cases show what a model that follows the instruction was given and wrote, what
    was wanted, and what was said about it. Say something that also holds for new
    inputs; do not copy cases. What the passing cases need must stay. An edit that was
    rejected made no case come right, or others go wrong: say something else.
    """

    instruction: str = Input("the instruction as it is")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    passing: list[dict[str, Any]] = Input("cases that went well")
    rejected: list[str] = Input("edits tried before, and the score that they cost")
    old: str = Output("words of the instruction to replace, exactly; empty to add only")
    new: str = Output("the lines that stand there instead, each a rule by itself")


mend_instruction = Predict(MendInstruction, name="mend_instruction")
_MEND: Final = Asked.of(mend_instruction)


@settings
class Reflect(Critic):
    """Reflective mutation (GEPA, Agrawal et al. 2025, arXiv 2507.19457, section 3).

    On purpose unlike it: an edit of a few lines instead of a new text, so that nothing
    that works is lost on the way, and the writer is told which edits were rejected
    before (SkillOpt 2026, arXiv 2605.23904); failing cases are looked for instead of
    hoped for in three random ones. Where several edits are asked for, the first
    proposal is all of them in one: a request costs less than the rows that tell which
    edit is right.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
        drafts: How many edits are asked for at the least, for the first proposal.
    """

    asks = (mend_instruction,)
    changes = ("instruction",)
    drafts: int = 1

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """At most `n`: what all edits make together, then each of them by itself."""
        wanted = max(n, self.drafts) if n else 0
        jobs = await self.jobs(task, _repeated(parents, wanted), wanted)
        made = await write_each(task, jobs, self.write)
        whole = united(task, made) if self.drafts > 1 else None
        return [*([whole] if whole else []), *made][:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and a request for each draft."""
        asked = writing_calls(max(n, self.drafts) if n else 0, *self.asks)
        return self.running(n, train, calls_a_row).plus(asked)

    async def write(self, job: Job) -> Candidate | None:
        """The instruction mended in one place."""
        now = job.instruction
        reply = await _MEND.about(
            job,
            instruction=now,
            failing=job.failing,
            passing=job.passing,
            rejected=[*rejected(job.task, job.path), *job.rejected][-MOST_EDITS:],
        )
        text = patched(now, reply.old, reply.new)
        edits = edits_between(now, text)
        if len(edits) > MOST_EDITS:
            text = edited(now, edits[:MOST_EDITS])
        return job.child(text, f"mended after {counted(len(job.failing), 'failure')}")


def _repeated(parents: Parents, count: int) -> Parents:
    """So many parents, in turn."""
    return [parents[at % len(parents)] for at in range(count)]


class CriticizeInstruction(Signature):
    """Say why a model that follows this instruction got these cases wrong."""

    instruction: str = Input("the instruction as it is")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    reasons: str = Output("what the instruction lacks or says wrongly")


class RewriteInstruction(Signature):
    """Write the instruction anew, so that the criticism no longer holds."""

    task: str = Input("the instruction as it is")
    reasons: str = Input("what is wrong with it")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    instruction: str = Output("the instruction to use instead", min_length=1)


criticize_instruction = Predict(CriticizeInstruction, name="criticize_instruction")
rewrite_instruction = Predict(RewriteInstruction, name="rewrite_instruction")
_CRITICIZE: Final = Asked.of(criticize_instruction)


@settings
class Gradient(Critic):
    """Textual gradients (ProTeGi, Pryzant et al. 2023, arXiv 2305.03495).

    The same two steps are TextGrad's (Yuksekgonul et al. 2024) for a single variable.
    """

    asks = (criticize_instruction, rewrite_instruction)
    changes = ("instruction",)
    passing: int = 0

    async def write(self, job: Job) -> Candidate | None:
        """What is wrong in words, then the instruction without it."""
        now, failing = job.instruction, job.failing
        said = await _CRITICIZE.about(job, instruction=now, failing=failing)
        reply = await rewrite_instruction.acall(
            task=now, reasons=said.reasons, failing=failing
        )
        return job.child(
            reply.instruction, f"rewritten after {counted(len(failing), 'failure')}"
        )


class CritiqueInstruction(Signature):
    """Judge an instruction by what a model that follows it made of these cases."""

    instruction: str = Input("the instruction as it is")
    passing: list[dict[str, Any]] = Input("cases that went well")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    strengths: str = Output("what in it the passing cases needed; it must stay")
    weaknesses: str = Output("what the failing cases needed and it does not say")


class RefineInstruction(Signature):
    """Write the instruction anew: its strengths kept, its weaknesses mended."""

    task: str = Input("the instruction as it is")
    strengths: str = Input("what must stay")
    weaknesses: str = Input("what must be mended")
    instruction: str = Output("the instruction to use instead", min_length=1)


critique_instruction = Predict(CritiqueInstruction, name="critique_instruction")
refine_instruction = Predict(RefineInstruction, name="refine_instruction")
_CRITIQUE: Final = Asked.of(critique_instruction)


@settings
class Refine(Critic):
    """Critique and refinement (PromptWizard, Agarwal et al. 2024, arXiv 2405.18369).

    Unlike a textual gradient (`Gradient`), the critic sees what went well too and says
    what must stay, and the writer works from the critique alone, not from cases that it
    might copy.
    """

    asks = (critique_instruction, refine_instruction)
    changes = ("instruction",)
    passing: int = 4

    async def write(self, job: Job) -> Candidate | None:
        """The critique, then the instruction anew."""
        now = job.instruction
        said = await _CRITIQUE.about(
            job, instruction=now, passing=job.passing, failing=job.failing
        )
        reply = await refine_instruction.acall(
            task=now, strengths=said.strengths, weaknesses=said.weaknesses
        )
        return job.child(reply.instruction, "refined")


class ContrastRuns(Signature):
    """Say in one rule what the good run did right and the bad one did wrong.

    Both runs had the same inputs. The rule is added to the instruction that the model
    follows; it must help with new inputs too.
    """

    task: str = Input("the instruction as it is")
    good: dict[str, Any] = Input("the better run")
    bad: dict[str, Any] = Input("the worse run")
    rule: str = Output("the rule to add to the instruction", min_length=1)


contrast_runs = Predict(ContrastRuns, name="contrast_runs")


@settings
class Contrast(Writer):
    """Rules from good and bad runs of one row (SIMBA of DSPy, `append_a_rule`).

    The runs are those of different candidates, on the same rows, or several samples of
    one. Rows where the scores lie furthest apart come first; where all runs do the same
    there is no rule.

    Args:
        rows: On how many training rows the parents and the best two are run.
        samples: How often each of them is run on a row.
    """

    asks = (contrast_runs,)
    changes = ("instruction",)
    rows: int = 16
    samples: Count = 1

    @property
    def times(self) -> int:
        """Its samples."""
        return self.samples

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """A pair of runs each, where the module took part in both."""
        runners = list(dict.fromkeys([*parents, *task.archive[:2]]))
        # Rows that most of them have met already come first.
        rows = ordered(task.split.train, task.rng("contrast"))
        rows.sort(key=lambda row: sum(task.result(c, row) is None for c in runners))
        reach = task.rows_in_reach(len(runners), self.rows)
        with contextlib.suppress(BudgetExceeded):
            await task.observe_all(runners, rows[:reach], "bootstrap")
            for sample in range(1, self.samples):
                reach = task.rows_in_reach(len(runners), self.rows)
                await task.sampled(runners, rows[:reach], "bootstrap", sample)
        pairs, jobs = contrasts(task), list[Job]()
        for job in spread(task, parents, n) if pairs else ():
            better, worse = pairs[job.number % len(pairs)]
            good, bad = case_of(better, job.path), case_of(worse, job.path)
            if good and bad:
                jobs.append(replace(job, passing=[good], failing=[bad]))
        return jobs

    async def write(self, job: Job) -> Candidate | None:
        """The instruction with the rule added."""
        now = job.instruction
        reply = await contrast_runs.acall(
            task=now, good=job.passing[0], bad=job.failing[0]
        )
        text = patched(now, "", reply.rule)
        return job.child(text, "a rule from two runs of a row")

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and of the best two."""
        once = evidence_calls(self.rows, n + 2, train, calls_a_row)
        expected, high = (self.samples * calls for calls in once[1:])
        return Calls(once.low, expected, high)


def contrasts(task: Task) -> list[tuple[RowResult, RowResult]]:
    """(Better, worse) runs of training rows, the furthest apart first."""
    found: list[tuple[float, str, RowResult, RowResult]] = []
    for row in task.split.train:
        runs = [r for c in task.archive for r in task.runs(c, row) if r.score]
        runs.sort(key=lambda r: -(r.score.value if r.score else 0.0))
        if len(runs) > 1 and runs[0].score and runs[-1].score:
            gap = runs[0].score.value - runs[-1].score.value
            if gap > 0:
                found.append((-gap, row.digest, runs[0], runs[-1]))
    return [(good, bad) for _, _, good, bad in sorted(found, key=lambda f: f[:2])]
