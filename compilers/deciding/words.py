"""Answer words found in labelled rows, as candidates: no text is written.

What a server shows at the place of an answer is looked at once a row; which words tell
the labels apart follows from that (`weft.find_words` says how). Words are worth little
without the prior that is taken off them, so it is estimated over the same rows, whose
labels are not read for that; and the program's own words race with a prior too, so that
no gain of the prior is put down to the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ...modules.deciding.calibrate import with_priors_of, without_priors
from ...modules.deciding.classify import Classify
from ...modules.deciding.find_words import require_labels, shown_in, words_from
from ...modules.deciding.words import Choice
from ...pipeline.adapters.template import hangs
from ...pipeline.data.rows import Example
from ...pipeline.errors import ConfigError
from ...pipeline.graph.program import Program
from ...pipeline.ground.options import Count, settings
from ...pipeline.ground.words import counted
from ...pipeline.lm.scoring.questions import WIRES
from ...pipeline.measure.row_result import RowResult
from ...pipeline.run.settings import current
from ..propose.proposer import Parents, Proposer
from ..propose.rows import ordered
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .places import NONE, Place, nodes_at, places

_FEW = 24
"""Rows that are looked at on the tightest budget."""
_SHARE = 0.4
"""Of what may be spent, how much finding words may take beyond these."""
Found = Mapping[tuple[str, str], Choice]
"""Words by the path of what decides and by its output."""


@settings
class FindWords(Proposer):
    """Answer words of every `Classify`, by what a server shows of training rows.

    Args:
        per_label: How many words each label gets at the most; words of one each are a
            candidate too.
        rows: How many training rows are looked at, at the most.
        calibrated: Whether each candidate gets a prior, and the words that are there
            race with one.
    """

    per_label: Count = 3
    rows: Count = 400
    calibrated: bool = True

    @property
    def most(self) -> int:
        """How many candidates there are at the most."""
        return len(self._sizes) + self.calibrated

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Several words a label, one word a label, and the words that are there."""
        parent = parents[0]
        here = [*_open(task, parent)]
        if not here:
            task.fits.unfound = _why_none(task, parent)
            return []
        rows = self._rows(task, n)
        here = [place for place in here if _is_told(task, place, rows)]
        shown = await self._shown(task, parent, here, rows)
        made: list[tuple[dict[str, Any], str]] = []
        for most in self._sizes:
            found = await _found(task, here, shown, most)
            if found:
                many = f"up to {most} words" if most > 1 else "one word"
                told = f"{many} a label, found in {counted(len(rows), 'row')}"
                made.append((_values(task, parent, here, found), told))
        if not made:
            return []
        task.fits.unfound = ""
        if self.calibrated:
            made.append(({}, "the words that are there"))
            made = [await self._even(task, parent, *one, rows) for one in made[:n]]
        every = dict.fromkeys(parent.but(values, told) for values, told in made)
        return [one for one in every if one not in task.archive][:n]

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Rows that are looked at, and run again for the prior of each candidate."""
        few, most = (min(train, rows) for rows in (_FEW, self.rows))
        each = self._passes(n) * calls_a_row
        return Calls(few * each, most * each, most * each)

    def widest(self, program: Program[..., Any]) -> Program[..., Any]:
        """With as many words as may be found, each of which may be a call."""
        made: dict[str, Classify[..., Any]] = {}
        for path, module in program.deciders.items():
            if isinstance(module, Classify) and _replies(module):
                made[path] = self._widest(module)
        return program.with_modules(made)

    def _widest(self, module: Classify[..., Any]) -> Classify[..., Any]:
        for name in module.rules:
            own = module.words.get(name)
            choices = module.choices_of(name)
            words: dict[str, list[str]] = {}
            for at, label in enumerate(choices):
                count = max(self.per_label, len(own.words[label]) if own else 1)
                words[label] = [f"{at}.{number}" for number in range(count)]
            module = module.with_words(Choice(words), name)
        return module

    @property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys((self.per_label, 1)))

    def _passes(self, n: int) -> int:
        """How often the rows are run: looked at, and for the prior of each."""
        return 1 + min(n, self.most) * self.calibrated

    def _rows(self, task: Task, n: int) -> list[Example]:
        """Training rows in turns of their labels, as many as a share pays for."""
        rows, passes = ordered(task.split.train, task.rng("words")), self._passes(n)
        shared, paid = (task.allowance.rows(of) / passes for of in (_SHARE, 1.0))
        return rows[: int(min(len(rows), self.rows, max(_FEW, shared), paid))]

    async def _shown(
        self,
        task: Task,
        parent: Candidate,
        here: Sequence[Place],
        rows: Sequence[Example],
    ) -> Sequence[tuple[Example, RowResult]]:
        """What a server shows of rows; nothing is asked for no place."""
        if not here:
            return []
        looking: dict[str, Classify[..., Any]] = {}
        for path, some in groupby(here, key=lambda place: place.path):
            for place in some:
                module = looking.get(path, place.module)
                looking[path] = module.with_words(None, place.name)
        program = parent.apply(task.program).with_modules(
            {path: module.showing() for path, module in looking.items()}
        )
        seen = await task.ran(f"words of {parent.id}", program, rows)
        return [*zip(rows, seen, strict=True)]

    async def _even(
        self,
        task: Task,
        parent: Candidate,
        values: dict[str, Any],
        told: str,
        rows: Sequence[Example],
    ) -> tuple[dict[str, Any], str]:
        """Values with the priors of what decides, estimated over rows."""
        whole = parent.but(values, told)
        paths = dict.fromkeys(place.path for place in _open(task, parent))
        free = [p for p in paths if task.keeping.may(f"{p}/rule")]
        program = whole.apply(task.program)
        bare = without_priors(program, free)
        seen = await task.ran(f"{whole.id} without priors", bare, rows)
        nodes = [node for result in seen for node in result.trace.nodes]
        even, got = dict(values), False
        for path in free:
            try:
                made = with_priors_of(program, [path], nodes)
            except ConfigError:
                continue  # no row leads there, or the form changed on the way
            even[f"{path}/rule"], got = made.parameters[f"{path}/rule"], True
        return even, f"{told}, with a prior" if got else told


def _replies(module: Classify[..., Any]) -> bool:
    """Whether a module is asked for replies, and not by a wire made for decisions."""
    return module.settings()["by"] not in WIRES


def _open(task: Task, now: Candidate) -> Iterator[Place]:
    """Every output whose words may be others, and whose replies can be looked into."""
    for place in places(task, now, "words"):
        asked = place.module.part
        kept = f"{place.path}/rule" in task.keeping.frozen and place.rule.prior
        if kept or not _replies(place.module):
            continue
        form = current().form_asked(asked.parameters.adapter)
        if not hangs(form, asked.spec):
            yield place


def _why_none(task: Task, now: Candidate) -> str:
    """Why no output may have other words, in words."""
    if not task.program.deciders:
        return NONE
    if not [*places(task, now, "words")]:
        return "no words may be found: each is kept, or has an unsure_below of its own"
    return (
        "no words can be found where an input stands behind the gap of the template, "
        "the endpoint is one made for decisions, or the prior is kept"
    )


def _is_told(task: Task, place: Place, rows: Sequence[Example]) -> bool:
    """Whether rows have labels enough for words to be found; else it is noted."""
    labels = [label for row in rows if (label := place.label(row)) is not None]
    try:
        require_labels([*place.choices], labels)
    except ConfigError as error:
        _note(task, place, error)
        return False
    return True


def _note(task: Task, place: Place, error: ConfigError) -> None:
    task.fits.unfound = f"no words for {place.path!r}: {error.message}"


async def _found(
    task: Task,
    here: Sequence[Place],
    shown: Sequence[tuple[Example, RowResult]],
    most: int,
) -> Found:
    """The words of each output of which there are some; else why there are none."""
    made: dict[tuple[str, str], Choice] = {}
    rows, seen = [row for row, _ in shown], [result for _, result in shown]
    for place in here:
        pairs = [
            (label, shown_in(node.facts, place.name))
            for row, node in nodes_at(place.path, rows, seen)
            if (label := place.label(row)) is not None
        ]
        labels, tops = [label for label, _ in pairs], [top for _, top in pairs]
        called = [*place.choices]
        try:
            require_labels(called, labels)
            words = await words_from(called, labels, tops, most)
        except ConfigError as error:
            _note(task, place, error)
            continue
        made[place.path, place.name] = words
    return made


def _values(
    task: Task, parent: Candidate, here: Sequence[Place], found: Found
) -> dict[str, Any]:
    """The parameters that hold the words that were found, beside those that stay."""
    now = parent
    for place in here:
        words = found.get((place.path, place.name))
        if words is not None:
            now = now.but(place.having(task, now, "words", words.data()), "")
    return {k: v for k, v in now.values.items() if v != parent.values.get(k)}
