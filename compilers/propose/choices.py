"""Choices: which model a module asks, in which form, from what somebody gave."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...pipeline.errors import ConfigError
from ...pipeline.graph.program import Program
from ...pipeline.ground.options import settings
from ...pipeline.lm.form import is_form
from ...pipeline.lm.request import JSON
from ...pipeline.run.settings import current
from ..search.candidate import Candidate
from ..search.choices import Choices
from ..search.credit import Credit, Key, credit_by_contrast
from ..search.running_cost import Caps, RunningCost
from ..search.task import Task
from .proposer import Parents, Proposer

_MOST_KEPT = 256
"""Assignments of models that are followed from one module to the next."""


Models = Mapping[str, str]
"""Names of models by the path of the module that asks; others ask as they did."""


@settings
class ChooseModels(Proposer):
    """A model for each module, out of those that were given.

    First each model in every module, and in each module alone. Then, by the credit that
    those contrasts gave each choice, the assignments on the front of score against cost
    that nobody has tried; and in turn with them, the best so far with another model in
    one module.

    Args:
        options: Sampling options by the name of each model.
        caps: What a row may cost; assignments that would surely cost more are left out.
    """

    options: Mapping[str, Mapping[str, JSON]] = field(
        default_factory=dict[str, Mapping[str, JSON]]
    )
    caps: Caps = field(default_factory=Caps)

    def distinct(self, program: Program[..., Any]) -> float:
        """A model for each module, or the one that it asks."""
        return float((1 + len(self.options)) ** len(program.modules) - 1)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """What was never contrasted, and what contrasts promise; half of each."""
        paths = [p for p in task.program.modules if task.keeping.may(f"{p}/model")]
        slots = {f"{path}/{slot}" for path in paths for slot in ("model", "sampling")}
        rest = {k: v for k, v in parents[0].values.items() if k not in slots}
        base = Candidate(rest, parents[0].origin, parents[0].parent)
        credit = credit_by_contrast(task, ("model",))
        promised = self._promised(task, base, paths, credit)
        new = self._new(task, paths)
        near = self._beside(task, _assigned(parents[0], paths), new, credit)
        tried = [_assigned(c, paths) for c in task.archive]
        contrasts = [m for m in self._contrasts(new) if m and m not in tried]
        later = _in_turns(
            *([m for m in some if m not in tried] for some in (promised, near))
        )
        first = contrasts[: max(n - len(later), (n + 1) // 2)]
        wanted = [*first, *later, *contrasts[len(first) :]]
        made = [self._child(task, base, models) for models in wanted]
        known = {*task.archive, base}
        return [c for c in dict.fromkeys(made) if c not in known][:n]

    def _new(self, task: Task, paths: Sequence[str]) -> dict[str, list[str]]:
        """By each model, the modules that do not ask it anyway."""
        runtime, modules = current(), task.program.modules
        own = {path: runtime.model_of(path, modules[path]) for path in paths}
        return {
            name: [path for path in paths if runtime.lms.get(name) != own[path]]
            for name in self.options
        }

    def _contrasts(self, new: Mapping[str, Sequence[str]]) -> Iterator[Models]:
        """Each model everywhere, and each model in one module."""
        for name, some in new.items():
            yield dict.fromkeys(some, name)
        paths = dict.fromkeys(path for some in new.values() for path in some)
        for path, name in itertools.product(paths, new):
            if len(paths) > 1 and path in new[name]:
                yield {path: name}

    def _promised(
        self,
        task: Task,
        base: Candidate,
        paths: Sequence[str],
        credit: Mapping[Key, Credit],
    ) -> list[Models]:
        """Assignments on the predicted front, the highest score first."""
        if not credit:
            return []
        known = task.results(base, task.rows) or task.results(Candidate(), task.rows)
        start = RunningCost.of(known)
        kept = [_Assignment({}, 0.0, start.usd, start.tokens)]
        for path in paths:
            wider = (self._with(task, one, path, credit) for one in kept)
            kept = _front([*itertools.chain.from_iterable(wider)])[:_MOST_KEPT]
        if self.caps:
            kept = [one for one in kept if self.caps.hold(one.cost)]
        return [one.models for one in kept]

    def _beside(
        self,
        task: Task,
        now: Models,
        new: Mapping[str, Sequence[str]],
        credit: Mapping[Key, Credit],
    ) -> list[Models]:
        """Another model in one module of the best so far, the most promising first.

        What a choice does may hang on the others: where a second module fails, nobody
        sees what a first one does better.
        """
        moves = [(path, "") for path in now]
        moves += [(path, name) for name, some in new.items() for path in some]

        def promise(move: tuple[str, str]) -> float:
            path, name = move
            known = credit.get(self._key(task, path, name)) if name else None
            was = credit.get(self._key(task, path, now[path])) if path in now else None
            return (known.score if known else 0.0) - (was.score if was else 0.0)

        made: list[Models] = [
            {p: n for p, n in {**now, path: name}.items() if n}
            for path, name in sorted(moves, key=promise, reverse=True)
            if now.get(path, "") != name
        ]
        return made if credit else []

    def _child(self, task: Task, base: Candidate, models: Models) -> Candidate:
        """A candidate that asks these models, and is else as its base."""
        told = ", ".join(f"{path} asks {name}" for path, name in models.items())
        if len({*models.values()}) == 1 and len(models) == len(task.program.modules):
            told = f"asks {next(iter(models.values()))}"
        return base.but(self._values(task, models), told or "asks as it was")

    def _with(
        self,
        task: Task,
        one: _Assignment,
        path: str,
        credit: Mapping[Key, Credit],
    ) -> Iterator[_Assignment]:
        """An assignment with each choice for one more module."""
        yield one
        for name in self.options:
            key = self._key(task, path, name)
            if key in credit:
                yield one.plus(path, name, credit[key])

    def _key(self, task: Task, path: str, name: str) -> Key:
        """The choice as the archive's choices call it."""
        alone = Candidate(self._values(task, {path: name}))
        choices = Choices.of([alone])
        return f"{path}/model", choices.made_by(alone)[f"{path}/model"]

    def _values(self, task: Task, models: Models) -> dict[str, Any]:
        """New parameters: the names, and the options where any model has some."""
        values: dict[str, Any] = {}
        for path, name in models.items():
            values[f"{path}/model"] = name
            own = task.program.modules[path].parameters.sampling
            if any(self.options.values()):
                values[f"{path}/sampling"] = {**self.options[name], **own}
        return values


@dataclass(frozen=True)
class _Assignment:
    """Models by module path, with what they promise."""

    models: Models
    score: float
    usd: float | None
    tokens: float

    def plus(self, path: str, name: str, credit: Credit) -> _Assignment:
        """The same with one more choice."""
        return _Assignment(
            {**self.models, path: name},
            self.score + credit.score,
            None if self.usd is None or credit.usd is None else self.usd + credit.usd,
            self.tokens + credit.tokens,
        )

    @property
    def cost(self) -> RunningCost:
        """What a row of it would cost."""
        return RunningCost(self.usd, self.tokens)


def _front(some: Sequence[_Assignment]) -> list[_Assignment]:
    """Who promises more than everybody that is no dearer; the highest score first."""
    kept: list[_Assignment] = []
    for one in sorted(some, key=lambda a: (*a.cost.order, -a.score)):
        if all(one.score > other.score for other in kept):
            kept.append(one)
    return kept[::-1]


@settings
class ChooseForm(Proposer):
    """The program in another form of replies.

    Args:
        forms: The forms to try, such as "json" or "chat"; each takes what the model
            that is asked can do.
    """

    forms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for form in self.forms:
            if not is_form(form):
                raise ConfigError(
                    f"forms={self.forms!r}: {form!r} is no form of replies",
                    hint="Give 'chat', 'json', 'xml', 'plain' or 'completion'",
                )

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The first parent in each form, in every module."""
        paths = [p for p in task.program.modules if task.keeping.may(f"{p}/adapter")]
        made = [
            parents[0].but({f"{p}/adapter": form for p in paths}, f"in the form {form}")
            for form in self.forms
            if paths
        ]
        return [child for child in made if child not in task.archive][:n]


def _in_turns(*lists: list[Models]) -> list[Models]:
    """One of each list, then the next of each, without repetition."""
    found: list[Models] = []
    for turn in itertools.zip_longest(*lists):
        found += [one for one in turn if one is not None and one not in found]
    return found


def _assigned(candidate: Candidate, paths: Sequence[str]) -> Models:
    """The models that a candidate asks where it asks others than before."""
    held = ((path, candidate.values.get(f"{path}/model")) for path in paths)
    return {path: name for path, name in held if name is not None}
