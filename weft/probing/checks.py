"""What a server can do, by asking it for one thing at a time.

Each check is one call, or two, whose answer tells whether an option was obeyed, taken
or refused, whatever the model says: the model may be too small to say anything.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from ..pipeline.calls.call import call
from ..pipeline.calls.retry import RetryPolicy
from ..pipeline.errors import (
    InvalidRequest,
    ModelFailure,
    NotFoundError,
    ProtocolError,
    ServerError,
)
from ..pipeline.lm.abilities import LOCAL as PREFIX
from ..pipeline.lm.abilities import Abilities
from ..pipeline.lm.known import How, known, learn
from ..pipeline.lm.known.observed import fits
from ..pipeline.lm.lm import Behind, Listener
from ..pipeline.lm.models import LM
from ..pipeline.lm.request import JSON, Message, Request, Response

MOST_CALLS: Final = 12
"""The most calls that all checks make together."""

_SEA: Final = Message("user", "Write one short sentence about the sea.")
_BRIEF: Final = Message("system", "You are brief.")
_TOKENS: Final = 40
_SHORT: Final = 4
# No model writes this by itself, and the prompt asks for something else.
_FORCED: Final[Mapping[str, JSON]] = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"zq": {"type": "string", "enum": ["kx7", "vw3"]}},
            "required": ["zq"],
            "additionalProperties": False,
        },
    },
}
_RULED: Final = ("kx7", "vw3")
_RULE: Final = 'root ::= "kx7" | "vw3"'
_TOOL: Final[JSON] = [
    {
        "type": "function",
        "function": {
            "name": "tide",
            "description": "The height of the tide now.",
            "parameters": {"type": "object", "properties": {}},
        },
    }
]
_AT_ONCE: Final = RetryPolicy(retries=0)
_PATIENT: Final = RetryPolicy(retries=2)  # a server may still be loading the model
_REFUSALS: Final = (InvalidRequest, NotFoundError, ServerError)
_ASKED_OTHERWISE: Final = (
    "max_completion_tokens",
    "seed",
    "stop",
    "stream_options",
    "system_role",
    "without",
)
"""What is not asked for any more once it was refused, so that a probe forgets it; what
is refused again is learnt again where it is refused, and the call made without it."""
_ANSWERED: Final = (ModelFailure, ProtocolError)
"""What a call raises that was answered, though by nothing that can be read."""


@dataclass(slots=True)
class Count:
    """What was spent: attempts, and the tokens that answers say they took."""

    calls: int = 0
    tokens: int = 0

    def add(self, response: Response) -> Response:
        """Count an answer's tokens."""
        if response.usage is not None:
            self.tokens += response.usage.input_tokens + response.usage.output_tokens
        return response


@final
class Counted(Behind[LM]):
    """A model whose attempts are counted where they leave, retries among them."""

    def __init__(self, lm: LM, count: Count) -> None:
        super().__init__(lm)
        self._count = count

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do now, as far as it is known."""
        return self._lm.abilities

    def complete(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request, in one attempt that counts."""
        self._count.calls += 1
        return self._counted(self._lm.complete(request))

    async def stream(self, request: Request, listener: Listener) -> Response:
        """As `complete`, and show the pieces to `listener` as they arrive."""
        self._count.calls += 1
        return self._count.add(await self._lm.stream(request, listener))

    async def _counted(self, asking: Coroutine[Any, Any, Response]) -> Response:
        return self._count.add(await asking)


class Checks:
    """The checks of one model; what they find is learnt as it is found.

    Args:
        lm: The model.
        count: Where calls are counted.
    """

    def __init__(self, lm: LM, count: Count) -> None:
        self._lm = lm
        self._counted = Counted(lm, count)
        self.remarks: list[str] = []

    async def run(self) -> None:
        """Make all checks.

        Raises:
            ModelError: The model does not answer at all.
        """
        first = await self._first()
        if first is None:
            return
        await self._stop(first)
        await self._schema()
        await self._grammar()
        await self._logprobs()
        await self._seed()
        await self._takes("system_role", (_BRIEF, _SEA))
        await self._tools()
        await self._stream()

    async def _first(self) -> Response | None:
        """A plain answer; None from a model that takes no turns."""
        self._learn("seen", **dict.fromkeys(_ASKED_OTHERWISE))
        try:
            answer = await self._ask(retry=_PATIENT)
        except _REFUSALS as error:
            if "chat template" not in error.message.lower():
                raise
            self._learn("refused", base=True)
            self.remarks.append(f"it takes no turns: {error.message}")
            return None
        now = self._lm.abilities
        if not now.max_completion_tokens:
            self._learn("seen", max_completion_tokens=False)
        # Thoughts come first: an answer without any shows that there are none.
        self._learn("seen", thinks=now.thinks or False)
        self._learn("seen", reasoning=now.reasoning or False)
        if not answer.text.strip():
            self.remarks.append(f"{_TOKENS} tokens bring no text")
        return answer

    async def _stop(self, first: Response) -> None:
        """Ask again, and stop at a word from the middle of what was said."""
        words = first.text.split()
        inner = [word for word in words[1:-1] if first.text.find(word) > 0]
        if not inner:
            return
        mark = inner[len(inner) // 2]
        answer = await self._tried("stop", options={"stop": [mark]})
        if answer is None or self._known.stop is False:
            return
        text = answer.text
        if mark in text and not text.endswith(mark):
            self._learn("seen", stop=False)
        elif first.text.startswith(text.removesuffix(mark).rstrip()):
            self._learn("seen", stop=True)

    async def _schema(self) -> None:
        """Ask for a sentence, and demand an object that no model would write."""
        answer = await self._tried("schema", response_format=_FORCED)
        if answer is not None:
            _, _, text = answer.text.rpartition("</think>")
            self._learn("seen", schema=fits(text, _FORCED) is True)

    async def _grammar(self) -> None:
        """Give a text to go on with, and demand words that no model would write."""
        sent: dict[str, JSON] = {"grammar": _RULE}
        answer = await self._tried("grammar", most=_SHORT, options=sent, continues=True)
        if answer is not None:
            self._learn("seen", grammar=answer.text.strip() in _RULED)

    async def _logprobs(self) -> None:
        asked: dict[str, JSON] = {"logprobs": True}
        if await self._tried("logprobs", most=_SHORT, options=asked) is not None:
            # Whoever read the body of the answer has looked for them.
            self._learn("seen", logprobs=self._known.logprobs)

    async def _seed(self) -> None:
        """Draw twice with one seed, where chance would show."""
        drawn: dict[str, JSON] = {"seed": 7, "temperature": 1}
        one = await self._tried("seed", options=drawn)
        if one is None or self._known.seed is False:
            return
        self._learn("seen", seed=True)
        two = await self._tried("seed", options=drawn)
        if two is not None:
            same = "twice the same" if one.text == two.text else "not the same twice"
            self.remarks.append(f"one seed at temperature 1 gives {same}")

    async def _takes(self, ability: str, turns: tuple[Message, ...]) -> None:
        """Learn that something is taken, by an answer of any kind to it."""
        try:
            await self._ask(turns=turns, most=_SHORT)
        except _REFUSALS:
            self._learn("refused", **{ability: False})
            return
        except _ANSWERED:
            pass  # a call of the tool is an answer too, and holds no text
        if getattr(self._known, ability) is not False:
            self._learn("seen", **{ability: True})

    async def _tools(self) -> None:
        """Demand a call: a server that has no tools may pass them over in silence."""
        sent: dict[str, JSON] = {"tools": _TOOL, "tool_choice": "required"}
        answer = await self._tried("tools", options=sent)
        if answer is not None and answer.tool_calls:
            self._learn("seen", tools=True)
        elif answer is not None and answer.finish_reason != "length":
            self._learn("seen", tools=False)

    async def _stream(self) -> None:
        """Have an answer piece by piece, with its usage at the end."""
        if not self._lm.endpoint.startswith(("http", PREFIX)):
            return
        try:
            await self._ask(most=_SHORT, listener=_Nobody())
        except _REFUSALS as error:
            if "stream_options" in error.message:
                self._learn("refused", stream_options=False)
        else:
            if self._known.stream_options is not False:
                self._learn("seen", stream_options=True)

    async def _tried(self, ability: str, **asked: Any) -> Response | None:
        """An answer, or None where what was asked for was refused, which is learnt."""
        try:
            return await self._ask(**asked)
        except _REFUSALS:
            self._learn("refused", **{ability: False})
        except _ANSWERED:
            pass
        return None

    async def _ask(
        self,
        *,
        turns: tuple[Message, ...] = (_SEA,),
        most: int = _TOKENS,
        response_format: Mapping[str, JSON] | None = None,
        listener: _Nobody | None = None,
        retry: RetryPolicy = _AT_ONCE,
        options: Mapping[str, JSON] | None = None,
        continues: bool = False,
    ) -> Response:
        sampling = {
            **self._lm.sampling,
            "temperature": 0,
            "max_tokens": most,
            **(options or {}),
        }
        asked = Request(
            self._lm.model,
            turns,
            sampling,
            response_format,
            self._lm.endpoint,
            continues=continues,
        )
        return await call(asked, self._counted, retry=retry, listener=listener)

    @property
    def _known(self) -> Abilities:
        return known(self._lm.endpoint, self._lm.model)

    def _learn(self, how: How, **abilities: Any) -> None:
        learn(self._lm.endpoint, self._lm.model, how=how, **abilities)


class _Nobody:
    """Who listens to a stream for its own sake."""

    def restart(self) -> None:
        """A new attempt begins."""

    def show(self, text: str) -> None:
        """A further piece of the reply."""
        del text
