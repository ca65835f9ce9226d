"""What is said where log-probabilities, or decisions, are asked for and not given."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError, InvalidRequest
from ..abilities import abilities_of
from ..lm import LanguageModel
from ..request import Request

_WHO_GIVES: Final = (
    "an endpoint that gives them, such as llama.cpp, vLLM, SGLang, or a model of "
    "OpenAI's that does not reason; of a fake, give "
    "weft.Response(text, logprobs=(weft.TokenLogprob(...), ...))"
)
_REMEDY: Final = f"Leave logprobs out, or ask {_WHO_GIVES}"
_OF_SCORES: Final = (
    f"How probable answers are is read off log-probabilities: ask {_WHO_GIVES}. An "
    'endpoint made for decisions is asked by weft.Classify(..., by="decisions") or '
    'by="systemone"; without probabilities, call the module itself'
)


class NoLogprobs(ConfigError):
    """The endpoint gives no log-probabilities, and they are asked for.

    Args:
        message: Who gives none, and of what.
        hint: What who asked for them by name can do.
    """

    def of_scores(self) -> ConfigError:
        """The same for who asked how probable answers are, and set no option."""
        chat = _AS_A_CHAT if self.hint.startswith(_AS_A_CHAT) else ""
        return ConfigError(self.message, hint=f"{chat}{_OF_SCORES}")


def wants_logprobs(request: Request) -> bool:
    """Whether a request asks for log-probabilities by the option of that name."""
    return type(request.sampling.get("logprobs")) is int


def refuse_logprobs(request: Request, lm: LanguageModel) -> None:
    """Refuse, before anything is paid, what the endpoint is known not to give.

    Raises:
        NoLogprobs: It gives no log-probabilities, and they are asked for.
    """
    if not wants_logprobs(request):
        return
    able = abilities_of(lm)
    if able is not None and able.gives_logprobs(continues=request.continues) is False:
        raise none_given(request)


def refuse_questions(request: Request, back_end: str) -> None:
    """Refuse questions, which only endpoints over our own HTTP client answer.

    Raises:
        InvalidRequest: The request has some.
    """
    if request.questions is not None:
        raise InvalidRequest(
            f"{request.model!r} is asked through {back_end}, where nobody answers "
            "questions",
            hint='Score its replies: weft.Classify(..., by="top")',
            model=request.model,
        )


_AS_A_CHAT: Final = "Ask it as a chat. "


def none_given(request: Request) -> NoLogprobs:
    """The error where log-probabilities are asked for and not given."""
    where = f"{request.model!r} at {request.endpoint!r}"
    if request.continues:  # with chats they may come all the same
        of, remedy = " of a text that is continued", f"{_AS_A_CHAT}{_REMEDY}"
    else:
        of, remedy = "", _REMEDY
    return NoLogprobs(f"{where} gives no log-probabilities{of}", hint=remedy)
