"""Instruction induction on real rows: choosing an instruction.

Honovich et al. 2022, arXiv 2205.10782, collected 24 small tasks with instructions that
people wrote for them; APE (Zhou et al. 2022) is measured on these. 23 of them stand in
`../shared/data`; without them nothing is measured.

A task's own instruction races with those of seven other tasks. Who follows is
simulated, and right more often where the task's own instruction stands.

`--lm MODEL --api-base URL` asks a real model instead (`bench.real.induced`): there the
instructions that people wrote race with the plain signature's and a wrong one.
"""

from __future__ import annotations

import hashlib
import random
import statistics
from dataclasses import dataclass

import weft
from weft import compilers

from . import Findings, Row
from ._data import DATA
from .real.induced import raced_tasks
from .real.instructions import Task, collection

__all__ = ["Pick", "Task", "collection", "follower", "picked", "run"]

POOL, DRAWS = 8, 10
GRID = 0.4
PICKED = 20
RIGHT, WRONG = 0.8, 0.3
CHOOSER = compilers.UCB(share=GRID, batch=4, explore=1.0)


def run(
    seeds: int = DRAWS, lm: str = "", api_base: str = "", tasks: str = ""
) -> list[Row]:
    """The table, or that of a real model; no row where the data are not there.

    Args:
        seeds: How often the other instructions are drawn for each task.
        lm: A real model.
        api_base: Where it answers; empty for its provider's own address.
        tasks: Those that it is asked, with commas between; empty for all.
    """
    if not DATA.exists():
        return Findings([], f"induction: there is no folder {DATA}")
    if lm:
        return raced_tasks(lm, api_base, tasks)
    return _chosen(seeds)


@dataclass(frozen=True)
class Pick:
    """Which instruction a race chose for a task.

    Args:
        right: Whether it is the task's own.
        calls: How many answers the race bought.
        grid: How many there are: every instruction of the pool on every row.
    """

    right: bool
    calls: int
    grid: int


def picked(name: str, model: weft.FunctionLM, draw: int = 0) -> Pick:
    """Race a task's own instruction with seven others on the task's rows.

    Args:
        name: The task.
        model: Who answers.
        draw: Which seven others.
    """
    task = collection()[name]
    chance = random.Random(f"{name}/{draw}")
    others = chance.sample([n for n in collection() if n != name], POOL - 1)
    pool = [collection()[n].instruction for n in (name, *others)]
    chance.shuffle(pool)
    seed, *pool = pool
    program = weft.Predict("input -> output", seed, name="follow")
    rows = task.all_rows
    with weft.use(lm=model, cache=weft.MemoryCache()):
        report = weft.compile(
            program,
            rows[:6],
            rows[6:],
            metric=task.metric,
            compiler=compilers.TRIPLE(instructions=tuple(pool), racer=CHOOSER),
            seed=draw,
        ).report
    raced = len(rows) - 6 - len(report.score.values)
    chosen = report.winner.values.get("follow/instruction", seed)
    calls = sum(line.rows for line in report.tried)
    return Pick(chosen == task.instruction, calls, POOL * raced)


def follower(name: str) -> weft.FunctionLM:
    """A model that does a task with its own instruction at 0.8, with others at 0.3."""
    task = collection()[name]
    known = {row["input"]: row["output"][0] for row in task.all_rows}

    def reply(request: weft.Request) -> str:
        system, said = request.messages[0].text, request.messages[-1].text
        told = system.partition("Your task:\n")[2].strip()
        asked = said.partition("]]\n")[2].strip()
        mark = hashlib.sha256(f"{told}\n{asked}".encode()).digest()
        chance = RIGHT if told == task.instruction else WRONG
        right = int.from_bytes(mark[:4]) < chance * 2**32
        return f"[[ output ]]\n{known[asked] if right else 'no'}\n[[ /end ]]"

    return weft.FunctionLM(reply, model="follower")


def _chosen(draws: int) -> list[Row]:
    """How many own instructions are picked, and for what share of the answers."""
    found = [
        [picked(name, follower(name), draw) for name in collection()]
        for draw in range(draws)
    ]
    right = [sum(pick.right for pick in picks) for picks in found]
    every = [pick for picks in found for pick in picks]
    share = sum(pick.calls for pick in every) / sum(pick.grid for pick in every)
    mean = statistics.mean(right)
    what = f"simulated: own instruction picked, of 23, mean of {draws} draws"
    spread = f">= {PICKED}; {min(right)} to {max(right)}"
    return [
        Row(what, mean, None, spread, mean >= PICKED),
        Row.limit("simulated: share of the whole grid's calls", share, GRID),
    ]
