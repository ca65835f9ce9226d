"""CodeAct: an agent whose actions are code that calls its tools."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast, final

from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground.options import checked
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.signature.forms import extended, make_signature
from ...pipeline.signature.signature import spec_of
from ..agents.tool import Tool
from ..asking.chain_of_thought import ChainOfThought
from ..asking.predict import Predict
from .coding import Coding, result_of, variables_of
from .kit import HOW, check_counts, kit_of
from .sandbox import Sandbox
from .trajectory import SEEN, STEPS, THOUGHT

_HOW: Final = (
    "You work in steps. In each, look at the trajectory so far and write the code that "
    "gets you further; variables stay from step to step."
)
_PARTS: Final = ("act", "extract")


@final
class CodeAct(Module[P, R_co]):
    r"""Act by code that calls tools, look at what it prints, and go on until done.

    CodeAct: Wang et al. 2024, arXiv 2402.01030. Each step asks the part `act` for code;
    one step may call many tools, loop over what they give and keep it in variables,
    where `ReAct` takes a step for each call. The code ends the run by `submit` with the
    answer. Where `max_steps` are used up, the part `extract` reads it off the
    trajectory, in one call more.

    The code runs as `Sandbox` says: it reaches nothing but the inputs and the tools.
    Tools run here, with checked arguments, as nodes of the trace; what they raise is
    raised in the code. The steps are `result.trajectory`. Needs the extra `code`.

    Args:
        signature: The contract with the caller.
        instruction: Replaces the signature's own.
        tools: Tools or typed functions that the code may call.
        max_steps: How often code is written.
        sandbox: Limits of time, memory and output.
        context: Characters of the trajectory that a call shows.
        name: Its name; made from the signature's by default.
        lm: The model of its parts; the scope's by default.
        types: Names that a string signature uses.

    Raises:
        ConfigError: A number or a name cannot be.

    >>> import weft
    >>> def price(item: str) -> float:
    ...     '''The price of an item.'''
    ...     return {"tea": 2.5, "bread": 4.0}[item]
    >>> shop = weft.CodeAct("question -> total: float", tools=[price])
    >>> code = "submit(sum(price(item) for item in ['tea', 'bread']))"
    >>> said = f"[[ thought ]]\nAdd them.\n[[ code ]]\n{code}"
    >>> with weft.use(lm=weft.ScriptedLM([said]), cache=None):
    ...     run = shop.run(question="What are tea and bread?")
    >>> run.value.total, [node.path for node in run.trace.nodes if node.kind == "step"]
    (6.5, ['total/price', 'total/price'])
    """

    kind = "CodeAct"
    adds = (STEPS,)

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        *,
        tools: Iterable[Any],
        max_steps: int = 8,
        sandbox: Sandbox | Mapping[str, Any] | None = None,
        context: int = 60_000,
        name: str | None = None,
        lm: str | LanguageModel | None = None,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        check_counts("CodeAct", max_steps=max_steps, context=context)
        self._signed(signature, instruction, name=name, types=types)
        self._max_steps, self._context = max_steps, context
        self._kit = kit = kit_of(self, tools, sandbox, _PARTS)
        said = self._parameters.instruction
        inputs = tuple(spec_of(self._signature).inputs.values())
        act = make_signature(
            (*inputs, SEEN, THOUGHT, kit.code), f"{said}\n\n{_HOW} {HOW}", name="Act"
        )
        self._act: Predict[..., Any] = Predict(cast(Any, act), name="act", lm=lm)
        extract = cast(Any, extended(self._signature, SEEN))
        self._extract: ChainOfThought[..., Any] = ChainOfThought(
            extract, said, name="extract", lm=lm
        )

    @property
    def tools(self) -> tuple[Tool[..., Any], ...]:
        """The tools, in the order in which the model is told them."""
        return tuple(self._kit.tools.values())

    def parts(self) -> Mapping[str, Part]:
        """What writes code, what reads the answer off, and each tool's function."""
        asked: dict[str, Part] = {"act": self._act, "extract": self._extract}
        return asked | {name: tool.step for name, tool in self._kit.tools.items()}

    def settings(self) -> Mapping[str, JSON]:
        """How many steps, how long a trajectory, the sandbox, and the tools."""
        most: dict[str, JSON] = {"max_steps": self._max_steps, "context": self._context}
        return {**most, **self._kit.plain}

    def times(self) -> Mapping[str, int]:
        """One call a step, and one that reads the answer off."""
        return {"act": self._max_steps}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Act until the code submits, then give the answer."""
        variables = variables_of(self, inputs)
        coding = Coding(call, self._kit, variables, context=self._context)
        async with coding:
            await coding.steps_by(self._act, inputs, self._max_steps)
        made = coding.answer
        if made is None:
            made = await coding.read(self._extract, inputs)
        return result_of(self, inputs, made, coding.steps)
