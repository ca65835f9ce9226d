"""ProgramOfThought: the model writes a program, and what it computes is the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast, final

from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground.options import checked
from ...pipeline.ground.words import counted
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.signature.forms import extended, make_signature
from ...pipeline.signature.signature import spec_of
from ..agents.tool import Tool
from ..asking.predict import Predict
from .coding import Coding, result_of, variables_of
from .kit import HOW, check_counts, kit_of
from .sandbox import Sandbox
from .trajectory import SEEN, STEPS, THOUGHT

_WRITE: Final = (
    "Write a Python program that computes the answer; compute nothing in your head."
)
_MEND: Final = (
    "The programs of the trajectory did not run to their end. Write one that does."
)
_PARTS: Final = ("write", "mend", "answer")


@final
class ProgramOfThought(Module[P, R_co]):
    r"""Write a program, run it in a sandbox, and answer with what it computes.

    Program of Thoughts: Chen et al. 2022, arXiv 2211.12588. The part `write` is asked
    for code. Code that raises is shown to the part `mend` with its error, at most until
    `tries` programs ran. A program that submits outputs of the right types is the
    answer, at no further call; where none did, the part `answer` reads it off what the
    programs printed.

    The code runs as `Sandbox` says: it reaches nothing but the inputs and the tools.
    The programs are `result.trajectory`, and in the trace. Needs the extra `code`.

    Args:
        signature: The contract with the caller.
        instruction: Replaces the signature's own.
        tools: Tools or typed functions that the code may call.
        tries: How many programs may run.
        sandbox: Limits of time, memory and output.
        name: Its name; made from the signature's by default.
        lm: The model of its parts; the scope's by default.
        types: Names that a string signature uses.

    Raises:
        ConfigError: A number or a name cannot be.

    >>> import weft
    >>> thinker = weft.ProgramOfThought("question -> answer: int")
    >>> code = "submit(sum(n for n in range(1000) if n % 3 == 0 or n % 5 == 0))"
    >>> said = f"[[ thought ]]\nSum them.\n[[ code ]]\n```python\n{code}\n```"
    >>> with weft.use(lm=weft.ScriptedLM([said]), cache=None):
    ...     thinker(question="The sum of multiples of 3 or 5 below 1000?").answer
    233168
    """

    kind = "ProgramOfThought"
    adds = (STEPS,)

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        *,
        tools: Iterable[Any] = (),
        tries: int = 3,
        sandbox: Sandbox | Mapping[str, Any] | None = None,
        name: str | None = None,
        lm: str | LanguageModel | None = None,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        check_counts("ProgramOfThought", tries=tries)
        self._signed(signature, instruction, name=name, types=types)
        self._tries = tries
        self._kit = kit = kit_of(self, tools, sandbox, _PARTS)
        said = self._parameters.instruction
        inputs = tuple(spec_of(self._signature).inputs.values())
        write = make_signature(
            (*inputs, THOUGHT, kit.code), f"{said}\n\n{_WRITE} {HOW}", name="Write"
        )
        mend = make_signature(
            (*inputs, SEEN, THOUGHT, kit.code), f"{said}\n\n{_MEND} {HOW}", name="Mend"
        )
        answer = cast(Any, extended(self._signature, SEEN))
        self._write: Predict[..., Any] = Predict(cast(Any, write), name="write", lm=lm)
        self._mend: Predict[..., Any] = Predict(cast(Any, mend), name="mend", lm=lm)
        self._answer: Predict[..., Any] = Predict(answer, said, name="answer", lm=lm)

    @property
    def tools(self) -> tuple[Tool[..., Any], ...]:
        """What the code may call, in the order in which the model is told."""
        return tuple(self._kit.tools.values())

    def parts(self) -> Mapping[str, Part]:
        """What writes, mends and reads the answer off, and each tool's function."""
        asked: dict[str, Part] = {
            "write": self._write,
            "mend": self._mend,
            "answer": self._answer,
        }
        return asked | {name: tool.step for name, tool in self._kit.tools.items()}

    def settings(self) -> Mapping[str, JSON]:
        """How many programs, the limits of the sandbox, and what each tool takes."""
        return {"tries": self._tries, **self._kit.plain}

    def times(self) -> Mapping[str, int]:
        """One program, the further ones, and a call that reads the answer off."""
        return {"mend": self._tries - 1}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Write programs until one runs, then give the answer."""
        variables = variables_of(self, inputs)
        coding = Coding(call, self._kit, variables, context=_CONTEXT)
        async with coding:
            step = await coding.step(self._write, inputs)
            while step and step.error and len(coding.steps) < self._tries:
                step = await coding.step(self._mend, inputs)
        made = coding.answer
        if made is None:
            if coding.steps[-1].error:
                ran = counted(len(coding.steps), "program")
                call.note(f"none of {ran} ran to its end")
            made = await coding.read(self._answer, inputs)
        return result_of(self, inputs, made, coding.steps)


_CONTEXT: Final = 60_000  # characters of programs and their output that are shown
