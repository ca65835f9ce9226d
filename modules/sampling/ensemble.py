"""Ensemble: several modules of one signature, and one answer made of theirs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast, final

from ...pipeline.errors import ConfigError, ModelFailure, StepError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.graph.step import Step
from ...pipeline.ground.options import checked
from ...pipeline.ground.shapes import is_dict
from ...pipeline.ground.words import brief, counted
from ...pipeline.lm.request import JSON
from ...pipeline.run.rows import map_rows
from ...pipeline.signature.signature import Signature, make_value
from ...pipeline.signature.types import plain_type
from .contract import asked_alike, require_alike
from .reward import outputs_of
from .tally import counted_votes, field_of

_MAJORITY, _MEAN = "majority", "mean"
_MOST: Final = 100


@final
class Ensemble(Module[P, R_co]):
    r"""Ask several modules of one signature, and make one answer of theirs.

    Self-consistency across prompts (Wang et al. 2022, arXiv 2203.11171), or across
    models; DSPy's Ensemble. All are asked side by side. Each is a part, `member_1` and
    so on, that is tuned by itself, and may be a whole program. One whose reply cannot
    be used is left out. `weft.compilers.ensemble` makes one of the best of a search.
    `weft.info(result).facts` has how many `answered`, and of a majority the
    `agreement` and the `votes`, as `Vote` has them.

    Args:
        modules: At least one, of one signature; each may have a model of its own.
        reduce: "majority", which is a vote; "mean" of a number; or a function or step
            of the list of answers that gives one of them, or a value of its own.
        by: The output that counts; the last one by default.
        name: Its name; the first module's by default.

    Raises:
        ConfigError: There is no module, their signatures differ, or the mean is wanted
            of what is no float.

    >>> import weft
    >>> rate = weft.Predict("review -> stars: float")
    >>> strict = rate.with_(instruction="Rate it, and be strict.")
    >>> both = weft.Ensemble([rate, strict], reduce="mean")
    >>> says = weft.ScriptedLM(["[[ stars ]]\n4", "[[ stars ]]\n3"])
    >>> with weft.use(lm=says, cache=None):
    ...     both(review="Quite good.").stars
    3.5
    """

    kind = "Ensemble"

    @checked
    def __init__(
        self,
        modules: Iterable[Askable[P, R_co]],
        reduce: str | Callable[[list[Any]], Any] | Step[..., Any] = _MAJORITY,
        *,
        by: str | None = None,
        name: str | None = None,
    ) -> None:
        given = cast(object, modules)
        listed = isinstance(given, Iterable) and not isinstance(given, str)
        members: list[Askable[P, R_co]] = [*modules] if listed else []
        if not 0 < len(members) <= _MOST:
            said = counted(len(members), "module") if listed else brief(repr(modules))
            raise ConfigError(
                f"Ensemble: {said} {'are' if listed else 'is'} no ensemble",
                hint=f"Give a list of 1 to {_MOST}: weft.Ensemble([one, other])",
            )
        self._like(members[0], name)
        require_alike(members, "Ensemble")
        self._asked = asked_alike(members)
        self._forget()
        self._by = field_of(self, by, "Ensemble")
        self._members = {f"member_{n}": m for n, m in enumerate(members, 1)}
        self._how, self._reduce = _how(reduce)
        kind = plain_type(self.spec.outputs[self._by].annotation)
        if self._how == _MEAN and kind is not float:
            raise ConfigError(
                f"Ensemble: the mean of {self._by!r} is a float, and it is "
                f"{self.spec.outputs[self._by].wanted}",
                hint=f"Write {self._by}: float, or another reduce=",
            )

    def parts(self) -> Mapping[str, Part]:
        """The members, and the function that makes one answer of theirs."""
        reduce = {} if self._reduce is None else {"reduce": self._reduce}
        return {**self._members, **reduce}

    def settings(self) -> Mapping[str, JSON]:
        """The members in order, what counts, and how one answer is made."""
        how: dict[str, JSON] = {} if self._how is None else {"reduce": self._how}
        return {"modules": [*self._members], "by": self._by, **how}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask each, and make one answer of theirs."""
        failed: dict[int, ModelFailure] = {}

        async def one(position: int, member: Askable[P, R_co]) -> Any:
            try:
                return await call(member, inputs)
            except ModelFailure as error:
                failed[position] = error

        members = [*self._members.values()]
        came = await map_rows(one, members, concurrency=len(members))
        if len(failed) == len(members):
            raise failed[min(failed)]
        answers = [made for at, made in enumerate(came) if at not in failed]
        call.report(answered=len(answers))
        if self._reduce is not None:
            (given,) = self._reduce.parameters.parameters
            made = await call(self._reduce, {given: [*answers]})
            return self._made(made, answers, inputs)
        if self._how == _MEAN:
            return self._mean(answers, inputs)
        tally = counted_votes(self, self._by, answers, len(members))
        call.report(**tally.facts)
        return self.own(answers[tally.winner], inputs)

    def _mean(self, answers: Sequence[Any], inputs: Mapping[str, Any]) -> Any:
        """The mean; what else is asked for is that of the answer nearest to it."""
        held = [outputs_of(self, answer) for answer in answers]
        numbers = [float(one[self._by]) for one in held]
        try:
            mean = math.fsum(numbers) / len(numbers)
        except OverflowError:  # a sum of what a model says may be no number any more
            mean = math.fsum(number / len(numbers) for number in numbers)
        near = min(range(len(held)), key=lambda at: abs(numbers[at] - mean))
        return self._made(mean, [answers[near]], inputs)

    def _made(
        self, given: Any, answers: Sequence[Any], inputs: Mapping[str, Any]
    ) -> Any:
        """What was made of some answers, as a checked one.

        A value alone is that of the output that counts; the others are those of the
        first answer that has it too, or of the first.

        Raises:
            StepError: It is none.
        """
        outputs = self.spec.outputs
        if isinstance(given, Signature):
            given = {name: getattr(given, name, None) for name in outputs}
        elif not is_dict(given) or {*given} != {*outputs}:
            held = [outputs_of(self, answer) for answer in answers]
            alike = [one for one in held if one[self._by] == given]
            given = {**(alike or held)[0], self._by: given}
        try:
            made = {name: field.check(given[name]) for name, field in outputs.items()}
        except (KeyError, ValueError) as error:
            raise StepError(
                f"{self.name!r}: what reduce gives is no answer: {brief(str(error))}",
                hint="Give one of the answers, or its outputs by name: "
                f"{', '.join(outputs)}",
            ) from None
        if self.single is not None:
            return made[self.single]
        return make_value(self._asked, {**inputs, **made})


def _how(reduce: Any) -> tuple[str | None, Step[..., Any] | None]:
    """How one answer is made of several: by a known way, or by a step.

    Raises:
        ConfigError: It is neither.
    """
    if reduce in (_MAJORITY, _MEAN):
        return str(reduce), None
    if isinstance(reduce, type) or not callable(reduce):
        raise ConfigError(
            f"Ensemble: reduce={reduce!r} is no way to make one answer of several",
            hint=f'Give "{_MAJORITY}", "{_MEAN}" or a function of the list of answers',
        )
    given = cast(Any, reduce)
    name = getattr(given, "__name__", "")
    named = name if name.isidentifier() else "reduce"
    made: Step[..., Any] = cast(Any, reduce)
    if not isinstance(reduce, Step):
        made = Step(given, named)
    if len(made.parameters.parameters) != 1:
        raise ConfigError(
            f"Ensemble: {made.name!r} is not called with the answers alone",
            hint="Write def reduce(answers)",
        )
    return None, made
