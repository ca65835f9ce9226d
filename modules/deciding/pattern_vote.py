"""PatternVote: several ways to put one task, whose probabilities are averaged."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self, cast, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground.options import checked
from ...pipeline.ground.shapes import is_sequence
from ...pipeline.ground.words import brief, counted
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.decision import Decision, facts_of_decisions
from ...pipeline.lm.scoring.likelihoods import entropy_of, margin_of
from ...pipeline.run.rows import map_rows
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.signature.signature import make_value, spec_of
from ...pipeline.trace import info
from .classify import Classify
from .rule import numbers_of

_MOST: Final = 100
_FAINT: Final = 1e-9


@final
class PatternVote(Module[P, R_co]):
    r"""Ask several patterns of one task, and take the choice that is likeliest to all.

    PET's ensemble of patterns (Schick & Schuetze 2021, EACL, arXiv 2001.07676, section
    3.2): each pattern is a `weft.Classify` with a template, answer words and a prior of
    its own. All are asked side by side, and their probabilities are averaged with
    weights. `weft.info(result).decision()` has the averages; of its facts `agreement`
    is the weight of the patterns that would take the same choice alone, in [0, 1], and
    `patterns` what each would take. It is `unsure` where the patterns that are not
    unsure themselves take another choice, or where there are none.

    PET trains a classifier on what the patterns vote; here they go on voting, and
    `weft.label_unlabelled` makes demos of it.

    Args:
        patterns: At least one, of one signature with one output. Each is a part,
            `pattern_1` and so on, that is tuned by itself.
        weights: How much each counts, 0 or more, in their order; all alike by default.
            `weft.fit_weights` takes how often each is right.
        name: Its name; the first pattern's by default.

    Raises:
        ConfigError: There is no pattern, one decides something else, or the weights are
            none of theirs.

    >>> import weft
    >>> def said(request: weft.Request) -> weft.Response:
    ...     true = -0.1 if "mood" in request.messages[-1].text else -0.9
    ...     top = (("true", true), ("false", -0.7))
    ...     return weft.Response("true", logprobs=(weft.TokenLogprob(*top[0], top),))
    >>> templates = ["[text]\nIs the mood good? [z]", "[text]\nAm I glad? [z]"]
    >>> asked = [
    ...     weft.Predict("text -> glad: bool", adapter=weft.cloze(t)) for t in templates
    ... ]
    >>> both = weft.PatternVote([weft.Classify(one) for one in asked])
    >>> with weft.use(lm=weft.FunctionLM(said), cache=None):
    ...     made = both(text="What a day!")
    >>> facts = weft.info(made).facts
    >>> made.glad, round(facts["probabilities"]["true"], 2), facts["agreement"]
    (True, 0.55, 0.5)
    """

    kind = "PatternVote"

    @checked
    def __init__(
        self,
        patterns: Iterable[Classify[P, R_co]],
        weights: Sequence[float] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        given = cast(object, patterns)
        listed = isinstance(given, Iterable) and not isinstance(given, str)
        members: list[Any] = [*cast(Any, patterns)] if listed else []
        wrong = next((one for one in members if not isinstance(one, Classify)), None)
        if not 0 < len(members) <= _MOST or wrong is not None:
            shown = brief(repr(patterns if wrong is None else wrong))
            raise ConfigError(
                f"PatternVote is made of 1 to {_MOST} patterns, and {shown} is none",
                hint="Write weft.PatternVote([weft.Classify(one), weft.Classify(two)])",
            )
        first: Classify[P, R_co] = members[0]
        self._like(first, name)
        self._output = first.output()
        self._choices = choices_in(first.part, "PatternVote")[self._output]
        self._patterns = self._alike(members)
        self._weights = _weights(weights, len(members))

    @property
    def patterns(self) -> list[Classify[P, Any]]:
        """The patterns, as they are tuned now."""
        running = self.uses.running
        return [cast("Classify[P, Any]", running[name]) for name in self._patterns]

    @property
    def weights(self) -> list[float]:
        """How much each pattern counts, in their order; they sum to 1."""
        return [*self._weights]

    @property
    def tells_unsure(self) -> bool:
        """That it does."""
        return True

    @property
    def outvotes(self) -> bool:
        """That it does: a pattern that is unsure does not make the vote so."""
        return True

    def with_weights(self, weights: Sequence[float] | None) -> Self:
        """A copy in which the patterns count otherwise.

        Raises:
            ConfigError: They are no weights of these patterns.
        """
        made = self._copied()
        made._weights = _weights(weights, len(self._patterns))
        return made

    def with_patterns(self, patterns: Iterable[Classify[P, R_co]]) -> Self:
        """A copy with other patterns in their places, of the same weights.

        Raises:
            ConfigError: They are others in number, or of another signature.
        """
        some = [*patterns]
        if len(some) != len(self._patterns):
            raise ConfigError(
                f"{self.name!r} has {counted(len(self._patterns), 'pattern')}, not "
                f"{len(some)}",
                hint="Make another one: weft.PatternVote([...])",
            )
        made = self._copied()
        made._patterns, made._uses = self._alike(cast(Any, some)), None
        return made

    def parts(self) -> Mapping[str, Part]:
        """The patterns."""
        return self._patterns

    def settings(self) -> Mapping[str, JSON]:
        """The patterns in order, and their weights."""
        return {"patterns": [*self._patterns], "weights": [*self._weights]}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask each, and average."""

        async def one(position: int, pattern: Classify[P, Any]) -> Decision:
            del position
            return info(await call(pattern, inputs)).decision(self._output)

        asked = [*self._patterns.values()]
        made = await map_rows(one, asked, concurrency=len(asked))
        decision = self._averaged(made)
        taken: dict[str, JSON] = {
            name: each.choice for name, each in zip(self._patterns, made, strict=True)
        }
        same = zip(self._weights, made, strict=True)
        agreement = math.fsum(w for w, each in same if each.choice == decision.choice)
        call.report(**facts_of_decisions({self._output: decision}))
        call.report(agreement=min(agreement, 1.0), patterns=taken)
        value = self.spec.outputs[self._output].load(self._choices[decision.choice])
        if self.single is not None:
            return value
        return make_value(self._asked, {**inputs, self._output: value})

    def _averaged(self, made: Sequence[Decision]) -> Decision:
        pairs = [*zip(self._weights, made, strict=True)]

        def averages(some: Sequence[tuple[float, Decision]]) -> dict[str, float]:
            total = math.fsum(weight for weight, _ in some)
            return {
                name: math.fsum(w * each.probabilities[name] for w, each in some)
                / total
                for name in self._choices
            }

        found = averages(pairs)
        choice = max(found, key=lambda name: found[name])
        sure = [(w, each) for w, each in pairs if w > 0 and not each.unsure]
        left = averages(sure) if sure else {}
        numbers = numbers_of(self._choices)
        prompts = "\n".join(each.prompt for each in made)
        return Decision(
            choice,
            found,
            entropy_of(found.values()),
            margin_of(found.values()),
            not left or max(left, key=lambda name: left[name]) != choice,
            found[choice],
            expected=None
            if numbers is None
            else math.fsum(p * numbers[name] for name, p in found.items()),
            scored_by="patterns",
            logprobs={n: min(math.log(max(p, _FAINT)), 0.0) for n, p in found.items()},
            calibrated=any(each.calibrated for each in made),
            prompt="sha256:" + hashlib.sha256(prompts.encode()).hexdigest(),
        )

    def _alike(
        self, members: Sequence[Classify[P, R_co]]
    ) -> dict[str, Classify[P, Any]]:
        """The patterns by name, so that what they give tells how it was decided.

        Raises:
            ConfigError: One decides something else, or is there twice.
        """
        spec = spec_of(self.signature)
        for at, one in enumerate(members):
            if any(one is other for other in members[:at]):
                raise ConfigError(
                    f"PatternVote: {one!r} is there twice, and would vote the same",
                    hint="Give the other a template of its own",
                )
            if spec_of(one.signature).hash != spec.hash:
                raise ConfigError(
                    f"PatternVote: {one!r} decides something else than {members[0]!r}",
                    hint="Make them of one signature",
                )
        return {f"pattern_{n}": one.structured() for n, one in enumerate(members, 1)}


def _weights(weights: object, count: int) -> tuple[float, ...]:
    """Weights that sum to 1.

    Raises:
        ConfigError: They are no weights of so many patterns.
    """
    if weights is None:
        return (1 / count,) * count
    held = [*cast("Sequence[Any]", weights)] if is_sequence(weights) else []
    good = all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < _HEAVY
        for one in held
    )
    if len(held) != count or not good or not (total := math.fsum(held)) > 0:
        raise ConfigError(
            f"PatternVote: {weights!r:.200} are no weights of "
            f"{counted(count, 'pattern')}",
            hint="Give each a number, 0 or more, and one above 0 at least",
        )
    if abs(total - 1) < _FAINT:  # but for rounding: weights are loaded as they were
        return tuple(map(float, held))
    return tuple(one / total for one in held)


_HEAVY: Final = 1e300
