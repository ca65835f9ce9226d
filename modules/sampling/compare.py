"""Compare: several answers, and one more call that reads them all before it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import extended
from ...pipeline.signature.signature import spec_of
from ..asking.chain_of_thought import ChainOfThought
from .contract import asking_the_same

_ATTEMPTS: Final = FieldSpec(
    "attempts", "input", list[str], "earlier answers to the same, each with its reasons"
)
_HOW: Final = (
    "Several attempts at this are given, and some may be wrong. Compare what they say "
    "and why before you answer; what most of them say need not be right."
)


@final
class Compare(Module[P, R_co]):
    r"""Ask `n` times, side by side; then answer once more with all attempts in view.

    Meta-reasoning over multiple chains: Yoran et al. 2023, arXiv 2304.13007; DSPy's
    MultiChainComparison. The tries differ by sample, seed and temperature 1; one whose
    reply cannot be used is no attempt. The part `compare`, a `ChainOfThought`, sees the
    attempts as JSON texts in their order; its reasoning is the result's. Both parts can
    be tuned. `weft.info(result).facts` has how many `attempts` there were.

    Args:
        module: What is asked, a module or a whole program; with a `ChainOfThought` the
            attempts hold their reasons.
        n: How many attempts.
        name: Its name; the module's by default.

    Raises:
        ConfigError: The signature has a field of its own named `attempts` or
            `reasoning`.

    >>> import weft
    >>> sure = weft.Compare(weft.Predict("question -> answer"), n=2)
    >>> tries = ["[[ answer ]]\nLyon", "[[ answer ]]\nParis"]
    >>> last = "[[ reasoning ]]\nLyon is no capital.\n[[ answer ]]\nParis"
    >>> with weft.use(lm=weft.ScriptedLM([*tries, last]), cache=None):
    ...     made = sure(question="Capital of France?")
    >>> made.answer, made.reasoning
    ('Paris', 'Lyon is no capital.')
    """

    kind = "Compare"

    @checked
    def __init__(
        self, module: Askable[P, R_co], n: int = 3, *, name: str | None = None
    ) -> None:
        self._like(module, name, n)
        for own in ("attempts", "reasoning"):
            if own in spec_of(module.signature).names:
                raise ConfigError(
                    f"Compare: {module.name!r} has a field {own!r} of its own",
                    hint="Give the field another name",
                )
        self._module, self._n = module, n
        said = spec_of(module.signature).instruction
        one: Module[..., Any] = module if isinstance(module, Module) else self
        made: ChainOfThought[..., Any] = ChainOfThought(
            cast(Any, extended(module.signature, _ATTEMPTS)),
            f"{said}\n\n{_HOW}",
            name="compare",
            adapter=one.parameters.adapter,
        )
        self._compare = asking_the_same(module, made.returning(module.single))
        self._asked = extended(module.signature, *ChainOfThought.adds)
        self._forget()

    def parts(self) -> Mapping[str, Part]:
        """What is asked, and what compares."""
        return {"module": self._module, "compare": self._compare}

    def settings(self) -> Mapping[str, JSON]:
        """How many attempts."""
        return {"n": self._n}

    def times(self) -> Mapping[str, int]:
        """The module is asked `n` times."""
        return {"module": self._n}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask `n` times, and compare."""
        came = await call.tries(self._module, inputs, self._n)
        call.report(attempts=len(came))
        reads = self._module if isinstance(self._module, Module) else self
        attempts = [reads.as_text(one) for one in came]
        made = await call(self._compare, {**inputs, "attempts": attempts})
        return self.own(made, inputs)
