"""Cascade: a cheap module answers, and a strong one where the answer is unsure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast, final

from ...pipeline.errors import ConfigError, ModelFailure
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked
from ...pipeline.lm.request import JSON
from . import reward
from .contract import asked_alike, require_alike
from .tally import counted_votes, field_of

_PARTS: Final = ("cheap", "strong", "unsure")


@final
class Cascade(Module[P, R_co]):
    r"""Ask a cheap module, and a strong one where that answer is unsure.

    FrugalGPT's cascade: Chen et al. 2023, arXiv 2305.05176, section 3. What tells that
    an answer is unsure is any of four tests, of which the first that says so counts:
    samples that do not agree, a `Classify` whose decision is unsure, a function
    `unsure`, and `checks` that fail. A reply of the cheap module that cannot be used is
    unsure as well; failing servers, set-up errors and a spent budget end the run.
    `weft.info(result).facts` has which one `answered`, `why` the strong one did, the
    `agreement` of the samples, and `unsure` where the one that answered tells.

    Args:
        cheap: What is asked first: a module, or a whole program. Of a `weft.Classify`,
            or a cascade that ends in one, the decision is a test by itself: see
            `weft.abstain`.
        strong: What is asked where that is unsure; of the same signature.
        unsure: A function or step of (inputs by name, answer) that gives True, or words
            that say why, where the answer is unsure; or a judge, as a reward may be.
        checks: As those of `Check`; an answer that fails one is unsure.
        n: How many samples of the cheap module are asked; their vote is its answer.
        agreement: The share of the samples, in [0, 1], that has to agree.
        by: The output that is voted on; the last one by default.
        name: Its name; the cheap module's by default.

    Raises:
        ConfigError: There is no test, or the modules' signatures differ.

    >>> import weft
    >>> ask = weft.Predict("question -> answer")
    >>> said = {"small": "[[ answer ]]\nnot sure", "large": "[[ answer ]]\nParis"}
    >>> small, large = (weft.ScriptedLM([text]) for text in said.values())
    >>> cascade = weft.Cascade(
    ...     ask.with_(lm=small),
    ...     ask.with_(lm=large),
    ...     unsure=lambda inputs, made: "not sure" in made.answer,
    ... )
    >>> with weft.use(cache=None):
    ...     made = cascade(question="Capital of France?")
    >>> made.answer, weft.info(made).facts["answered"]
    ('Paris', 'strong')
    """

    kind = "Cascade"

    @checked
    def __init__(
        self,
        cheap: Askable[P, R_co],
        strong: Askable[P, R_co],
        unsure: reward.Check | None = None,
        *,
        checks: Iterable[reward.Check] = (),
        n: int = 1,
        agreement: float = 1.0,
        by: str | None = None,
        name: str | None = None,
    ) -> None:
        self._like(cheap, name, n)
        require_alike([cheap, strong], "Cascade")
        self._asked = asked_alike([cheap, strong])
        self._forget()
        self._cheap, self._strong, self._n = cheap, strong, n
        self._unsure: Part | None = None
        if unsure is not None:
            self._unsure = reward.judge_of(unsure, self, "Cascade", "unsure")
        self._checks = reward.judges_of(checks, self, "Cascade", _PARTS)
        told = cheap.tells_unsure and n == 1
        if unsure is None and not self._checks and n == 1 and not told:
            raise ConfigError(
                "Cascade: nothing says when an answer is unsure",
                hint="Give unsure=function, checks=[function], n=3 samples, or a "
                "weft.Classify as the cheap module",
            )
        share = cast(object, agreement)
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ConfigError(
                f"Cascade: agreement={agreement!r} is no share of the samples",
                hint="Give a number from 0 to 1",
            )
        self._agreement, self._by = float(agreement), field_of(self, by, "Cascade")

    @property
    def tells_unsure(self) -> bool:
        """Whether the one that is asked last does."""
        return self._strong.tells_unsure

    def parts(self) -> Mapping[str, Part]:
        """What is asked first, what where that is unsure, and what says so."""
        asked: dict[str, Part] = {"cheap": self._cheap, "strong": self._strong}
        test = {} if self._unsure is None else {"unsure": self._unsure}
        return {**asked, **test, **self._checks}

    def settings(self) -> Mapping[str, JSON]:
        """The samples, how many have to agree, on what; and the checks in order."""
        voted: dict[str, JSON] = {"agreement": self._agreement, "by": self._by}
        return {"n": self._n, **voted, "checks": [*self._checks]}

    def times(self) -> Mapping[str, int]:
        """The cheap module as often as there are samples, and the strong one once."""
        return {"cheap": self._n, "strong": 1}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask the cheap module, and the strong one where it is unsure."""
        try:
            answer, why = await self._first(call, inputs)
        except ModelFailure as error:
            answer, why = None, f"{type(error).__name__}: {error.message}"
        if why:
            call.report(answered="strong", why=why)
            answer, unsure = await self._told(call, self._strong, inputs)
            if unsure is not None:
                call.report(unsure=unsure)
        else:
            call.report(answered="cheap")
        return self.own(answer, inputs)

    async def _first(self, call: Call, inputs: Mapping[str, Any]) -> tuple[Any, str]:
        """The cheap module's answer, and why it is unsure; empty where it is not."""
        if self._n == 1:
            answer, unsure = await self._told(call, self._cheap, inputs)
            if unsure:
                return answer, f"the decision of {self._cheap.name!r} is unsure"
            if unsure is not None:
                call.report(unsure=False)
        else:
            came = await call.tries(self._cheap, inputs, self._n)
            tally = counted_votes(self, self._by, came, self._n)
            call.report(agreement=tally.agreement)
            answer = came[tally.winner]
            if tally.agreement < self._agreement:
                return answer, f"{tally.agreement:.0%} of {self._n} samples agree"
        if self._unsure is not None:
            says, words = await reward.yes_or_no(
                call, self._unsure, self, inputs, answer
            )
            if says or words:
                return answer, words or f"{self._unsure.name!r} says so"
        failed = await reward.failing(call, self._checks, self, inputs, answer)
        return answer, "\n".join(failed.values())

    async def _told(
        self, call: Call, part: Askable[P, R_co], inputs: Mapping[str, Any]
    ) -> tuple[Any, bool | None]:
        """A part's answer, and whether it is unsure; None where it does not tell."""
        if not part.tells_unsure:
            return await call(part, inputs), None
        run = await call.run(part, inputs)
        facts = run.trace.tree[0].run.facts
        return run.value, bool(facts.get("unsure", False))
