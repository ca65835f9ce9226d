"""What a model is asked by itself, without a module: a reply, scores, or vectors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar, cast, get_args

from ... import seam
from ...errors import CallError, ConfigError
from ...ground import strictjson
from ...ground.options import check_options
from ...ground.shapes import is_mapping, is_sequence, is_tuple
from ...ground.words import counted
from ...lm.abilities import abilities_of
from ...lm.direct import FORM
from ...lm.lm import SAMPLING, LanguageModel, Sampling, checked_sampling
from ...lm.modality import refuse_media
from ...lm.request import Message, Request, Response, Role
from ...lm.scoring.asking import checked_answers
from ...lm.scoring.likelihoods import Likelihoods
from ...lm.scoring.reading import Candidate
from ...media.values import Media
from ...trace import NodeRun
from ..bridge import run_ahead, run_sync
from ..context import Asked, Context, Recorded, follow, timed
from ..prompt import drawn
from .embedding import embedded
from .scored import scored

T = TypeVar("T")
_ROLES: Final = tuple(role for role in get_args(Role) if role != "tool")
_BARE: Final = "lm"  # the path of what no module asks


class DirectCalls(seam.Engine):
    """An engine that also answers calls of models.

    Args:
        at: The place of the step or body that runs; None outside a run.
    """

    def __init__(self, at: Context | None = None) -> None:
        self._at = at
        self.asked = Asked(seen=None if at is None else at.seen)
        """The calls that a step makes of a model itself, without a module."""

    @abstractmethod
    def _here(self) -> Context:
        """The place of this engine, with the settings that hold now."""

    def ask_now(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> Any:
        """Ask a model without a module, and wait."""
        run = run_sync if self._here().followed else run_ahead
        return run(self.ask(lm, prompt, sample, options))

    def ask(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Ask a model without a module; a bad prompt is refused before it is awaited.

        Inside a step it belongs to that step's run; on its own it is a run of one node
        where somebody follows runs.
        """
        here, request = self._request(lm, prompt, sample, options)

        async def work(context: Context, asked: Asked) -> Response:
            return await timed(request, lm, context, asked, None)

        if self._at is not None:
            return work(here, self.asked)
        return _alone(work, _said(request), here, lambda response: response.text)

    def score(
        self, lm: Any, prompt: Any, answers: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Say how probable each answer to a prompt is; placed as `ask` is.

        Answers are texts, or a tuple of `Candidate`, each a reply that holds one.
        """
        here, request = self._request(lm, prompt, None, {})
        candidates = [*answers] if _are_replies(answers) else _bare_replies(answers)

        async def work(context: Context, asked: Asked) -> Likelihoods:
            return await scored(request, candidates, lm, context, asked, **options)

        if self._at is not None:
            return work(here, self.asked)
        return _alone(work, _said(request), here, lambda found: found.best)

    def embed(
        self, model: Any, texts: Sequence[str]
    ) -> Coroutine[Any, Any, list[list[float]]]:
        """The vector of each text; placed as `ask` is."""
        here = self._here()

        async def work(context: Context, asked: Asked) -> list[list[float]]:
            vectors = await embedded(model, texts, context, asked)
            return [vector.tolist() for vector in vectors]

        if self._at is not None:
            return work(here, self.asked)
        inputs = {"texts": [*texts]}
        return _alone(work, inputs, here, lambda made: counted(len(made), "vector"))

    def _request(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> tuple[Context, Request]:
        here = self._here()
        wanted = here.settings.sample if sample is None else sample
        return here, request_of(cast(LanguageModel, lm), prompt, wanted, options)


def _are_replies(answers: Any) -> bool:
    """Whether answers come with what stands around them in a reply."""
    held = [*answers] if is_tuple(answers) else [None]
    return all(isinstance(one, Candidate) for one in held)


def _bare_replies(answers: object) -> list[Candidate]:
    """Texts as replies that are nothing else."""
    return [Candidate(one, one) for one in checked_answers(answers)]


def _said(request: Request) -> dict[str, Any]:
    return {"messages": [message.as_dict() for message in request.messages]}


async def _alone(
    work: Callable[[Context, Asked], Awaitable[T]],
    inputs: Mapping[str, Any],
    context: Context,
    text: Callable[[T], str],
) -> T:
    """What is asked outside any run: a node, and a run where somebody follows runs."""
    nodes: list[NodeRun] = []

    async def node(context: Context) -> T:
        with Recorded(context, _BARE, "module", inputs) as entry:
            made = await work(context, entry.asked)
            entry.outputs = {"text": text(made)}
        return made

    if not context.followed:
        return await node(context)
    return await follow(
        context, _BARE, inputs, nodes, lambda there: node(there.having(record=nodes))
    )


def request_of(
    lm: LanguageModel, prompt: object, sample: int, options: Mapping[str, Any]
) -> Request:
    """What a bare call of a model sends, `lm("text")`: no signature, nothing is read.

    Raises:
        CallError: The prompt is no text and no turns.
        ConfigError: An option is unknown, or has a value that cannot be sent.
    """
    check_options(options, SAMPLING, "a call of a model")
    if type(cast(object, sample)) is not int or sample < 0:
        raise ConfigError(f"sample={sample!r} is no sample", hint="Give 0, 1, 2, ...")
    given = checked_sampling(cast(Sampling, options), {})
    own = {name: given[name] for name in options}
    able = abilities_of(lm)
    messages = _messages(prompt)
    for message in messages:
        refuse_media(message.media, lm, "lm")
    return Request(
        lm.model,
        messages,
        drawn(lm.sampling, own, sample),
        endpoint=lm.endpoint,
        sample=sample,
        continues=able is not None and able.base is True and isinstance(prompt, str),
    )


def _messages(prompt: object) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (_message({"role": "user", "content": prompt}),)
    if not is_sequence(prompt) or not prompt:
        what = "no turn" if is_sequence(prompt) else f"of type {type(prompt).__name__}"
        raise CallError(
            f"a model is asked a text or turns, and this is {what}", hint=FORM
        )
    return tuple(map(_message, prompt))


def _message(turn: object) -> Message:
    """A turn, checked."""
    if isinstance(turn, Message) and (turn.tool_calls or turn.answers):
        return _called(turn)
    held = (
        {"role": turn.role, "content": turn.content}
        if isinstance(turn, Message)
        else turn
    )
    if not is_mapping(held) or {*held} != {"role", "content"}:
        raise CallError(
            f"{turn!r:.200} is no turn: a turn has a role and a content", hint=FORM
        )
    role, content = held["role"], held["content"]
    if role not in _ROLES:
        raise CallError(
            f"{role!r:.200} is no role", hint=f"The roles are {', '.join(_ROLES)}"
        )
    parts = [content] if isinstance(content, str) else content
    good = is_sequence(parts) and bool(parts)
    if not good or not all(map(_can_be_sent, cast("list[Any]", parts))):
        raise CallError(
            f"the content of the {role}'s turn is no text that can be sent, and no "
            "parts",
            hint="Give a text without lone surrogates, or a list of texts and "
            "weft.Image, weft.Audio or weft.File values",
        )
    return Message(role, content if isinstance(content, str) else tuple(parts))


def _called(turn: Message) -> Message:
    """A turn that calls tools, or holds what one gave, checked."""
    role = "tool" if turn.answers else "assistant"
    texts = [turn.text, turn.answers]
    texts += [t for c in turn.tool_calls for t in (c.name, c.arguments, c.id)]
    if turn.role != role or not all(map(strictjson.is_text, texts)):
        raise CallError(
            f"{turn!r:.200} is no turn of tools: an assistant calls, a tool answers",
            hint='Write Message("assistant", "", (call,)) and Message("tool", "...", '
            "answers=call.id)",
        )
    return turn


def _can_be_sent(part: object) -> bool:
    if isinstance(part, str):
        return strictjson.is_text(part)
    return isinstance(part, Media)
