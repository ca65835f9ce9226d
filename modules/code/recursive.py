"""Recursive: a long text stays outside the prompt, and code asks a model about parts.

The text is a variable in the sandbox. A model that never sees it whole writes code that
looks at pieces of it, and that hands pieces to sub-calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast, final

from ...pipeline.errors import ConfigError, ContextLengthError, ModelFailure
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground import strictjson
from ...pipeline.ground.options import checked
from ...pipeline.ground.words import counted
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.run.rows import map_rows
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ..agents.arguments import Misfit, arguments_of
from ..agents.tool import Tool
from ..asking.chain_of_thought import ChainOfThought
from ..asking.predict import Predict
from .coding import Coding, result_of, variables_of
from .functions import Raised, named, raised_by
from .kit import HOW, check_counts, kit_of
from .sandbox import Sandbox
from .trajectory import SEEN, STEPS, THOUGHT

QUERY: Final = "llm_query"
BATCHED: Final = "llm_query_batched"

_HOW: Final = (
    "You do not see long inputs: they are variables in a sandbox, and you are told how "
    "each begins. You work in steps. In each, look at the trajectory so far and write "
    "code: look at a piece first, search and slice, and have pieces read by "
    f"{QUERY}, many at once by {BATCHED}. Variables stay from step to step; print "
    "little, and keep the rest in variables."
)
_VARIABLES: Final = FieldSpec(
    "variables",
    "input",
    list[dict[str, Any]],
    "what the code finds: each input whole where it is short, else how it begins",
)
_PROMPT: Final = FieldSpec("prompt", "input", str, "a question with all it needs")
_PROMPTS: Final = FieldSpec("prompts", "input", list[str], "several such questions")
_PARTS: Final = ("act", "ask", "extract")


@final
class Recursive(Module[P, R_co]):
    r"""Have a model write code over a long text, and ask itself about pieces of it.

    Recursive Language Models: Zhang, Kraska and Khattab 2025, arXiv 2512.24601. The
    inputs are variables in a sandbox. The part `act` is told their length and how they
    begin, and writes code by steps, as in `CodeAct`. Its code may call
    `llm_query(prompt)` and `llm_query_batched(prompts)`: each prompt is a call of the
    part `ask`, cached, traced, and paid for from the same budget, at most `max_calls`
    in a run. It ends with `submit`; where `max_steps` are used up, the part `extract`
    reads the answer off the trajectory.

    Needs the extra `code`.

    Args:
        signature: The contract with the caller.
        instruction: Replaces the signature's own.
        tools: Tools or typed functions that the code may call, too.
        max_steps: How often code is written.
        max_calls: How many sub-calls may be made.
        preview: Characters of an input that are shown; a shorter one is shown whole.
        sandbox: Limits of time, memory and output.
        context: Characters of the trajectory that a call shows.
        name: Its name; made from the signature's by default.
        lm: The model of its parts; the scope's by default.
        sub_lm: The model of sub-calls; `lm` by default.
        types: Names that a string signature uses.

    Raises:
        ConfigError: A number or a name cannot be.

    >>> import weft
    >>> reader = weft.Recursive("log, question -> answer: int", max_steps=2)
    >>> code = "submit(sum('ERROR' in line for line in log.splitlines()))"
    >>> said = f"[[ thought ]]\nCount.\n[[ code ]]\n{code}"
    >>> log = "ok\nERROR 7\n" * 100_000
    >>> lm = weft.ScriptedLM([said])
    >>> with weft.use(lm=lm, cache=None):
    ...     reader(log=log, question="How many errors?").answer
    100000
    >>> len(lm.requests[0].messages[-1].content) < 2_000
    True
    """

    kind = "Recursive"
    adds = (STEPS,)

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        *,
        tools: Iterable[Any] = (),
        max_steps: int = 20,
        max_calls: int = 50,
        preview: int = 1_000,
        sandbox: Sandbox | Mapping[str, Any] | None = None,
        context: int = 100_000,
        name: str | None = None,
        lm: str | LanguageModel | None = None,
        sub_lm: str | LanguageModel | None = None,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        check_counts(
            "Recursive",
            max_steps=max_steps,
            max_calls=max_calls,
            preview=preview,
            context=context,
        )
        self._signed(signature, instruction, name=name, types=types)
        self._max_steps, self._max_calls = max_steps, max_calls
        self._preview, self._context = preview, context
        own = _functions(max_calls)
        self._kit = kit = kit_of(self, tools, sandbox, _PARTS, own, ())
        for field in self.inputs.media:
            raise ConfigError(
                f"Recursive: no code can read the input {field.name!r}",
                hint="Give texts and data; weft.CodeAct shows media in its prompts",
            )
        said = self._parameters.instruction
        act = make_signature(
            (_VARIABLES, SEEN, THOUGHT, kit.code), f"{said}\n\n{_HOW} {HOW}", name="Act"
        )
        extract = make_signature((_VARIABLES, SEEN, *kit.answer), said, name="Extract")
        asked = make_signature("prompt -> reply", "Answer the prompt.", name="Ask")
        below = lm if sub_lm is None else sub_lm
        self._act: Predict[..., Any] = Predict(cast(Any, act), name="act", lm=lm)
        self._ask: Predict[..., Any] = Predict(cast(Any, asked), name="ask", lm=below)
        self._extract: ChainOfThought[..., Any] = ChainOfThought(
            cast(Any, extract), name="extract", lm=lm
        )

    @property
    def tools(self) -> tuple[Tool[..., Any], ...]:
        """The tools, in the order in which the model is told them."""
        return tuple(self._kit.tools.values())

    def parts(self) -> Mapping[str, Part]:
        """What writes code, sub-calls, what reads the answer off, and the tools."""
        asked: dict[str, Part] = {
            "act": self._act,
            "ask": self._ask,
            "extract": self._extract,
        }
        return asked | {name: tool.step for name, tool in self._kit.tools.items()}

    def settings(self) -> Mapping[str, JSON]:
        """How many steps and sub-calls, what is shown, the sandbox, and the tools."""
        most: dict[str, JSON] = {
            "max_steps": self._max_steps,
            "max_calls": self._max_calls,
            "preview": self._preview,
            "context": self._context,
        }
        return {**most, **self._kit.plain}

    def times(self) -> Mapping[str, int]:
        """One call a step, the sub-calls, and one that reads the answer off."""
        return {"act": self._max_steps, "ask": self._max_calls}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Act until the code submits, then give the answer."""
        variables = variables_of(self, inputs)
        told = [_told(n, v, self._preview) for n, v in variables.items()]
        seen = {"variables": told}
        asking = _Asking(call, self._ask, self._max_calls)
        own = {QUERY: asking.query, BATCHED: asking.batched}
        coding = Coding(call, self._kit, variables, own, context=self._context)
        asking.once = coding.once
        async with coding:
            await coding.steps_by(self._act, seen, self._max_steps)
        made = coding.answer
        if made is None:
            made = await coding.read(self._extract, seen)
        return result_of(self, inputs, made, coding.steps)


def _functions(most: int) -> tuple[tuple[str, tuple[FieldSpec, ...], str], ...]:
    """What code may call beside tools, as a model is told it."""
    calls = counted(most, "call")
    one = f"Ask a language model; gives its reply, a text. At most {calls} in all."
    many = (
        "Ask several at once; gives their replies in order, None for one that failed."
    )
    return (QUERY, (_PROMPT,), one), (BATCHED, (_PROMPTS,), many)


class _Asking:
    """The sub-calls of one run: counted, and each made once."""

    def __init__(self, call: Call, part: Module[..., Any], most: int) -> None:
        self._call, self._part, self._most, self._made = call, part, most, 0
        self.once: Callable[..., Any] = _nothing

    async def query(self, given: Sequence[JSON], more: Mapping[str, JSON]) -> JSON:
        """`llm_query(prompt)`: the reply."""
        prompt: str = _one(QUERY, _PROMPT, given, more)
        self._count(1)

        async def work() -> str:
            try:
                return str((await self._call(self._part, {"prompt": prompt})).reply)
            except ModelFailure as error:
                raise raised_by(error) from None
            except ContextLengthError as error:
                raise Raised("ValueError", error.message) from None

        reply: JSON = await self.once(QUERY, {"prompt": prompt}, work)
        return reply

    async def batched(self, given: Sequence[JSON], more: Mapping[str, JSON]) -> JSON:
        """`llm_query_batched(prompts)`: the replies in their order."""
        prompts: list[str] = _one(BATCHED, _PROMPTS, given, more)
        self._count(len(prompts))

        async def one(position: int, prompt: str) -> str | None:
            try:
                return str((await self._call(self._part, {"prompt": prompt})).reply)
            except (ModelFailure, ContextLengthError) as error:
                self._call.note(f"{BATCHED}: prompt {position}: {error.message:.200}")
                return None

        async def work() -> list[str | None]:
            if not prompts:
                return []
            return await map_rows(one, prompts, concurrency=len(prompts))

        replies: JSON = await self.once(BATCHED, {"prompts": [*prompts]}, work)
        return replies

    def _count(self, calls: int) -> None:
        if self._made + calls > self._most:
            left = self._most - self._made
            asked = f"{counted(calls, 'sub-call')} asked for"
            raise Raised("RuntimeError", f"{asked}, and {left} of {self._most} left")
        self._made += calls


async def _nothing() -> None:
    raise NotImplementedError


def _one(
    name: str, field: FieldSpec, given: Sequence[JSON], more: Mapping[str, JSON]
) -> Any:
    """The one argument of a function, checked."""
    try:
        made = arguments_of(name, [field], named(name, [field], given, more))
    except Misfit as error:
        raise Raised("TypeError", str(error)) from None
    return made[field.name]


def _told(name: str, data: Any, most: int) -> dict[str, Any]:
    """What a model is told of a variable: its kind, its length, and how it begins."""
    text = strictjson.as_text(data)
    if len(text) <= most:
        return {"name": name, "value": data}
    size = len(data) if hasattr(data, "__len__") else len(text)
    kind = type(data).__name__
    return {"name": name, "type": kind, "length": size, "begins": text[:most]}
