"""The offline stand-in: a small in-context learner that no weights stand behind.

It is not a language model. It exists so that the demo, the examples, the documentation
and the tests run without a network, a key or a bill, and so that demonstrations and
instructions still move a score as they do with a model. It reads nothing but the
rendered messages, and answers:

    a closed choice   from the most similar demonstrations, from cues that the task
                      text spells out, and from the choices' own words
    a short input     by the small operation that the instruction names, or that the
                      demonstrations show: the plural, the sum, the first letter
    free text         with the sentence most like the question; demonstrations teach
                      the length and the kind of the span to return
    an instruction    with the operation that turns the shown inputs into the outputs,
                      or the words that tell the shown examples apart

The same request brings the same bytes in every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .learner.answering import answer
from .learner.case import case_of
from .learner.ngrams import cut, digest, token_count
from .learner.reading import read_prompt
from .learner.writing import write_reply
from .request import JSON, Request, Response, Usage
from .route import EMBEDDED

_MAX_TOKENS = 512


def _default_sampling() -> dict[str, JSON]:
    return {"max_tokens": _MAX_TOKENS}


@dataclass(frozen=True)
class Embedded:
    """The offline stand-in for a language model; satisfies `LanguageModel`.

    Args:
        sampling: Sampling parameters sent with every request. A temperature above zero
            and the request's sample index make written instructions and close choices
            vary a little, always in the same way.
    """

    sampling: Mapping[str, JSON] = field(default_factory=_default_sampling, hash=False)

    @property
    def model(self) -> str:
        """Always "embedded"."""
        return "embedded"

    @property
    def endpoint(self) -> str:
        """No address, for nothing leaves the process: the edition that answers."""
        return EMBEDDED

    @property
    def schema_mode(self) -> bool:
        """Never: the form of the reply is read from the prompt."""
        return False

    async def complete(self, request: Request) -> Response:
        """Answer one request; never fails, whatever the messages hold."""
        limit = _limit(request)
        text = _encodable(_reply(request, limit))
        used = token_count(text)
        finish = "stop"
        if used > limit:
            text, used, finish = cut(text, limit), limit, "length"
        asked = sum(token_count(message.content) for message in request.messages)
        return Response(text, Usage(asked, used), finish, model="embedded", cost=0.0)


def _reply(request: Request, limit: int) -> str:
    prompt = read_prompt(request.messages)
    variant = _variant(request)
    room = max(limit * 3 // 4 // max(len(prompt.head.wanted), 1), 16)
    values = {
        wanted.name: answer(case_of(prompt, wanted, variant, room))
        for wanted in prompt.head.wanted
    }
    return write_reply(prompt.head, values)


def _variant(request: Request) -> int:
    """A small number that differs with the sample index and the temperature."""
    temperature = request.sampling.get("temperature")
    warm = float(temperature) if isinstance(temperature, int | float) else 0.0
    if not request.sample and not warm:
        return 0
    return 1 + digest(repr(warm), str(request.sample)) % 997


def _limit(request: Request) -> int:
    for name in ("max_tokens", "max_completion_tokens"):
        value = request.sampling.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return 1 << 20


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
