"""The client that calls, for tools that are served: progress, logs, questions."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast, final, get_args

import pydantic

from ...pipeline.errors import ConfigError, StepError, WeftError
from ...pipeline.ground import strictjson
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.ground.words import brief

if TYPE_CHECKING:
    from ...pipeline.signature import validation
    from . import listener
else:
    listener = deferred(__package__, "listener")
    validation = deferred("weft.pipeline.signature", "validation")

Level = Literal[
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
]
_caller: contextvars.ContextVar[Context | None] = contextvars.ContextVar(
    "weft_mcp_context", default=None
)
_KEPT: Final = "answers"


class InputRequired(WeftError):
    """The call ends here: the client is to answer first, and to call again.

    Args:
        message: What is missing.
        ability: What the client would have to be able to do, where it says it cannot.
    """

    aborts = False

    def __init__(self, message: str, *, ability: str = "") -> None:
        super().__init__(message)
        self.ability = ability


@final
class Context:
    """The client that called the tool that runs here; see `context`."""

    def __init__(self, caller: listener.Caller) -> None:
        self._caller = caller
        self._asked = 0
        self.wanted: dict[str, dict[str, Any]] = {}
        """Questions that the client has not answered yet, by name."""
        self._known = {**_answers_in(caller.state), **caller.answers}
        self.used: dict[str, Any] = {}
        """Answers that the call has used so far, by the names of their questions."""

    @property
    def state(self) -> str:
        """What the client keeps until it calls again; it is sealed on the way."""
        return strictjson.dumps({_KEPT: self.used})

    @property
    def in_rounds(self) -> bool:
        """Whether a question ends the call, as under version 2026-07-28."""
        return self._caller.in_rounds

    def can(self, ability: str) -> bool:
        """Whether the client can be asked: "elicitation", "sampling" or "roots"."""
        return ability in self._caller.abilities

    async def report_progress(
        self, done: float, total: float | None = None, words: str = ""
    ) -> None:
        """Say how far the call is; nothing where the client did not ask for it."""
        await self._caller.progress(done, total, words)

    async def log(self, data: Any, level: Level = "info") -> None:
        """Tell the client what happens: a text, or plain data.

        Raises:
            ConfigError: There is no such level.
        """
        if level not in get_args(Level):
            raise ConfigError(
                f"level={level!r}", hint=f"Give one of {', '.join(get_args(Level))}"
            )
        await self._caller.log(level, data)

    async def elicit(
        self,
        message: str,
        form: type[pydantic.BaseModel] | Mapping[str, Any],
        *,
        name: str = "",
    ) -> Any:
        """Ask the client's user to fill a form in.

        Under version 2026-07-28 of the protocol a question ends the call, and the tool
        runs again from its beginning once there is an answer; questions that are asked
        side by side (`asyncio.gather`) go out together. Do nothing before a question
        that must not be done twice.

        Args:
            message: What is wanted, for the user.
            form: A model with fields of plain types; or the JSON Schema of an object.
            name: Tells questions apart, where they come in another order each time.

        Returns:
            The model, or the fields by name; None where the user declines.

        Raises:
            StepError: The client has nobody to ask, or its answer does not fit. Under
                version 2026-07-28 a client without anybody to ask is refused whole.
        """
        schema = _form_of(form)
        params = {"mode": "form", "message": message, "requestedSchema": schema}
        made = await self._answer("elicitation/create", params, name, "elicitation")
        if made.get("action") != "accept":
            return None
        content = made.get("content")
        held: dict[str, Any] = content if is_dict(content) else {}
        try:
            if isinstance(form, type):
                return form.model_validate(held)
            fault = validation.Checker(dict(schema)).fault(held)
        except pydantic.ValidationError as error:
            fault = str(error)
        if fault is None:
            return held
        raise StepError(f"the form came back filled in wrongly: {brief(fault, 300)}")

    async def sample(
        self,
        prompt: str | Sequence[Mapping[str, Any]],
        *,
        max_tokens: int = 1_000,
        system: str = "",
        name: str = "",
    ) -> str:
        """Have the client's model write the next message.

        Args:
            prompt: What a user says; or turns, each with its `role` and `content`.
            max_tokens: The longest that the answer may be.
            system: What the model is told first.
            name: As in `elicit`.

        Returns:
            The text that it wrote.

        Raises:
            StepError: The client has no model that may be used.
        """
        turns = (
            [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        )
        messages = [
            {"role": t["role"], "content": {"type": "text", "text": t["content"]}}
            for t in turns
        ]
        params: dict[str, Any] = {"messages": messages, "maxTokens": max_tokens}
        params |= {"systemPrompt": system} if system else {}
        made = await self._answer("sampling/createMessage", params, name, "sampling")
        content = made.get("content")
        blocks: list[Any] = content if is_list(content) else [content]
        return "".join(str(b.get("text", "")) for b in blocks if is_dict(b))

    async def roots(self, *, name: str = "") -> list[str]:
        """The addresses that the client lets the tool work on.

        Raises:
            StepError: The client names none.
        """
        made = await self._answer("roots/list", {}, name, "roots")
        return [str(one.get("uri")) for one in made.get("roots") or () if is_dict(one)]

    async def _answer(
        self, method: str, params: dict[str, Any], name: str, ability: str
    ) -> dict[str, Any]:
        self._asked += 1
        key = name or f"question-{self._asked}"
        if not self.can(ability):
            said = f"the client that called offers no {ability}"
            if self._caller.in_rounds:  # its version wants that told, and not the model
                raise InputRequired(said, ability=ability)
            raise StepError(said)
        if not self._caller.in_rounds:
            try:
                return await self._caller.ask(method, params)
            except listener.Refused as error:
                raise StepError(f"the client refuses {ability}: {error}") from None
        if is_dict(self._known.get(key)):
            self.used[key] = self._known[key]
            return dict(self._known[key])
        self.wanted[key] = {"method": method, "params": params}
        await asyncio.sleep(0)  # what is asked beside this one goes out with it
        raise InputRequired(f"the client is asked {key!r} first, and calls again")


def context() -> Context:
    """The client that called the tool that runs here.

    Raises:
        ConfigError: No client did: the program runs by itself.
    """
    found = _caller.get()
    if found is None:
        raise ConfigError(
            "no MCP client called what runs here",
            hint="weft.mcp.context() works in what weft.mcp.serve serves",
        )
    return found


@contextlib.contextmanager
def called_by(one: Context) -> Generator[None]:
    """Within, `context()` is this one."""
    token = _caller.set(one)
    try:
        yield
    finally:
        _caller.reset(token)


def _answers_in(state: str) -> dict[str, Any]:
    """The answers of earlier rounds, which this server sealed itself."""
    try:
        held = strictjson.loads_object(state) if state else {}
    except ValueError:
        return {}
    kept = held.get(_KEPT)
    return kept if is_dict(kept) else {}


def _form_of(form: type[pydantic.BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """A form's JSON Schema, of fields of plain types, as the protocol wants it."""
    if not isinstance(form, type):
        return dict(form)
    schema = form.model_json_schema()
    for part in schema.get("properties", {}).values():
        options = part.get("anyOf")
        if isinstance(options, list) and {"type": "null"} in options:
            left = [one for one in cast(Any, options) if one != {"type": "null"}]
            part.pop("anyOf")
            part.update(left[0] if len(left) == 1 else {"anyOf": left})
            if part.get("default", 0) is None:
                part.pop("default")
    return schema
