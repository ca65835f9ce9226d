"""What a model in this process answers: drawn token by token, or laid before it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ...errors import ContextLengthError, DeadlineExceeded, InvalidRequest
from ..request import Request, Response, Usage
from ..scoring.tokens import LEAST, TokenLogprob
from .layout import ids_of, tokens_of
from .libraries import torch
from .loaded import Loaded, Read

_KNOWN: Final = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "seed", "stop", "logprobs"}
    | {"logit_bias", "grammar"}
)
_RULE: Final = "root ::= "
_HALF: Final = "\ufffd"  # what stands for a letter of which bytes are missing


def answer(loaded: Loaded, request: Request, ended: threading.Event) -> Response:
    """Answer a request; the same request gives the same answer.

    Args:
        loaded: Who answers.
        request: What is asked.
        ended: Set where nobody waits for the answer any more.

    Raises:
        ContextLengthError: The prompt leaves no room for a reply.
        DeadlineExceeded: Nobody waits any more.
        InvalidRequest: It holds what a model of texts cannot be told.
    """
    tokens = tokens_of(loaded, request)
    if not tokens.ids:
        raise InvalidRequest(
            f"{request.model!r} is given no text to go on with",
            hint="Give a prompt of a word at the least",
            model=request.model,
        )
    sampling: Mapping[str, Any] = request.sampling
    room = loaded.model.context - len(tokens.ids)
    most = min(room, int(sampling.get("max_tokens") or room))
    if most < 1:
        raise ContextLengthError(
            f"the prompt has {len(tokens.ids)} tokens, and {request.model!r} has a "
            f"context of {loaded.model.context}",
            model=request.model,
        )
    with loaded.adapted(request.lora):
        reply = _Reply(loaded, request, loaded.prompt(tokens, request.soft))
        whole = _laid_before(sampling.get("grammar"))
        if whole is None:
            reply.draw(most, ended)
        else:
            reply.take(ids_of(loaded, whole, None)[:most])
    return reply.response(len(tokens.ids))


def _laid_before(grammar: object) -> str | None:
    """The one text that a grammar allows; None where there is no such grammar."""
    if not isinstance(grammar, str) or not grammar.startswith(_RULE):
        return None
    try:
        made: object = json.loads(grammar.removeprefix(_RULE))
    except ValueError:
        return None
    return made if isinstance(made, str) else None


@dataclass
class _Reply:
    """A reply that grows.

    Args:
        loaded: Who answers.
        request: What is asked.
        read: What was read so far.
        ids: The tokens so far, without what ends it.
        shown: How probable each was.
        finish: Why it ended.
        extra: Tokens that are counted and not shown: that which ended it.
    """

    loaded: Loaded
    request: Request
    read: Read
    ids: list[int] = field(default_factory=list[int])
    shown: list[tuple[float, list[tuple[int, float]]]] = field(
        default_factory=list[tuple[float, list[tuple[int, float]]]]
    )
    finish: str = "length"
    extra: int = 0
    text: str | None = None

    def draw(self, most: int, ended: threading.Event) -> None:
        """Draw tokens until the reply ends."""
        drawing = _Drawing.of(self.request)
        stops = _stops(self.request.sampling)
        for _ in range(most):
            if ended.is_set():
                raise DeadlineExceeded("nobody waits for the answer any more")
            logits = self.read.logits
            token = drawing.token(logits)
            if token in self.loaded.ends:
                self.finish, self.extra = "stop", 1
                return
            self._add(token, logits)
            if stops:
                text = self._decoded(self.ids)
                at = min((n for s in stops if (n := text.find(s)) >= 0), default=-1)
                if at >= 0:
                    self.finish, self.text = "stop", text[:at]
                    return

    def take(self, ids: Sequence[int]) -> None:
        """Take these tokens at once, and tell how probable the end behind them is."""
        with torch.no_grad():
            embeds = self.loaded.embedded([[*ids]], None)
            made = self.loaded.forward(embeds, self.read.pairs)
        logits = torch.cat((self.read.logits[None], made.logits[0]))
        for token, known in zip(ids, logits, strict=False):
            self._show(token, known)
        self.ids += ids
        known = torch.log_softmax(logits[-1].float(), -1)
        end = max((float(known[n]) for n in self.loaded.ends), default=LEAST)
        self.shown.append((end, []))
        self.finish, self.extra = "stop", 1

    def response(self, asked: int) -> Response:
        """The answer."""
        text = self._decoded(self.ids) if self.text is None else self.text
        wanted = self.request.sampling
        tokens = self._tokens() if type(wanted.get("logprobs")) is int else None
        without = tuple(sorted({*wanted} - _KNOWN))
        return Response(
            text,
            Usage(asked, len(self.ids) + self.extra),
            self.finish,
            self.request.model,
            0.0,
            without=without,
            logprobs=tokens,
        )

    def _show(self, token: int, logits: Any) -> None:
        """Keep how probable a token was, and which others were, where that is asked."""
        shown = self.request.sampling.get("logprobs")
        if type(shown) is int:
            known = torch.log_softmax(logits.float(), -1)
            count = min(shown, known.shape[-1])
            best = torch.topk(known, count) if count else None
            pairs = (
                []
                if best is None
                else [
                    (int(n), _probable(float(p)))
                    for p, n in zip(best.values, best.indices, strict=True)
                ]
            )
            self.shown.append((_probable(float(known[token])), pairs))

    def _add(self, token: int, logits: Any) -> None:
        """Take a token, and read on behind it."""
        self._show(token, logits)
        self.ids.append(token)
        with torch.no_grad():
            embeds = self.loaded.embedded([[token]], None)
            made = self.loaded.forward(embeds, self.read.pairs, keep=1)
        self.read = Read(made.pairs, made.logits[0, -1])

    def _decoded(self, ids: Sequence[int]) -> str:
        said: str = self.loaded.tokenizer.decode([*ids], skip_special_tokens=True)
        return said.rstrip(_HALF) if said.endswith(_HALF) else said

    def _tokens(self) -> tuple[TokenLogprob, ...]:
        """Tokens whose texts make the reply; half a letter stands with its rest."""
        made: list[TokenLogprob] = []
        before = ""
        for at, (logprob, pairs) in enumerate(self.shown):
            now = self._decoded(self.ids[: at + 1])
            piece = now[len(before) :] if at < len(self.ids) else ""
            before = now
            top = tuple((self._decoded([n]), p) for n, p in pairs)
            made.append(TokenLogprob(piece, _probable(logprob), top))
        return tuple(made)


@dataclass
class _Drawing:
    """How tokens are drawn: the likeliest at temperature 0, else by lot.

    The lots are of the request alone, so that whoever asks it again gets the same.
    """

    temperature: float
    top_p: float
    top_k: int
    bias: Mapping[int, float]
    lots: Any

    @classmethod
    def of(cls, request: Request) -> _Drawing:
        """As a request wants it; temperature 1 where it does not say.

        Raises:
            InvalidRequest: `logit_bias` is none.
        """
        held: Mapping[str, Any] = request.sampling
        said, top = held.get("temperature"), held.get("top_p")
        lots = torch.Generator()
        digest = hashlib.sha256(request.canonical).digest()
        lots.manual_seed(int.from_bytes(digest[:7], "big"))
        told: Mapping[Any, Any] = held.get("logit_bias") or {}
        try:
            bias = {int(n): float(b) for n, b in told.items()}
        except (ValueError, TypeError, AttributeError):
            raise InvalidRequest(
                f"logit_bias={told!r:.200} is no mapping of tokens to numbers",
                hint='Write logit_bias={"42": -100}, by the ids of tokens',
                model=request.model,
            ) from None
        return cls(
            1.0 if said is None else float(said),
            1.0 if top is None else float(top),
            int(held.get("top_k") or 0),
            bias,
            lots,
        )

    def token(self, logits: Any) -> int:
        """The next token."""
        logits = logits.float()
        if self.bias:
            logits = logits.clone()
            for token, bias in self.bias.items():
                if 0 <= token < logits.shape[-1]:
                    logits[token] += bias
        if self.temperature <= 0:
            return int(torch.argmax(logits))
        shares = torch.softmax(logits / self.temperature, -1)
        order = torch.sort(shares, descending=True, stable=True)
        kept = order.values
        if 0 < self.top_p < 1:
            kept = kept * (torch.cumsum(kept, 0) - kept < self.top_p)
        if self.top_k > 0:
            kept = kept[: self.top_k]
        at = torch.multinomial(kept, 1, generator=self.lots)
        return int(order.indices[int(at)])


def _stops(sampling: Mapping[str, Any]) -> list[str]:
    given: Any = sampling.get("stop") or []
    texts = [given] if isinstance(given, str) else [*map(str, given)]
    return [text for text in texts if text]


def _probable(logprob: float) -> float:
    return max(min(logprob, 0.0), LEAST)
