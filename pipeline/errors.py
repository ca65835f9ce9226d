"""Every error weft raises, as one tree.

    WeftError
    |- SetupError                  wrong before anything runs; nothing was paid for
    |  |- ConfigError              an unknown option, no model, an unknown model string
    |  |- SignatureError           a signature that cannot be understood
    |  |- GraphError               miswiring found while a program is traced
    |  |- CallError                a call that does not fit a signature
    |  |- DataError                rows that cannot be read or do not fit
    |  |- ArtifactError            an artifact that cannot be trusted or does not fit
    |  `- QuoteError               a budget too small for one round
    |- ModelError                  a model call that brought no usable answer
    |  |- AuthError  BillingError  NotFoundError  ContextLengthError
    |  |- InvalidRequest           the server refuses the request as it is
    |  |  |- SchemaRefused         it refuses the JSON schema of the answer
    |  |  `- ToolsRefused          it refuses the definitions of tools
    |  |- RateLimited  Overloaded  ServerError  TimeoutConflict  ConnectError
    |  |- DeadlineExceeded  ProtocolError
    |  `- ModelFailure             the model answered, and the answer is at fault
    |     |- ContentFiltered  TooLarge  Truncated  CheckFailed
    |     `- ParseError            text that does not hold the promised fields
    |        `- ValidationError    fields are there, a value breaks its type or rule
    |- BudgetExceeded              the next call would overshoot a limit
    |- MetricError                 a metric raised or returned no score
    |- StepError                   a step raised, or a validator of a type
    |- Suspended                   a run that waits for a person; its data resumes it
    |- WorkerLost                  the process that ran a row died, more than once
    |- CompileError                a compile that cannot go on
    |  |- JournalDamaged  DivergenceError
    |  `- Paused                  somebody paused it; the same call goes on
    `- NotYetSupported             designed, and not in this version

Each carries `retryable` (the same call may work later), `aborts` (a run of many rows
stops at once) and `hint` (what to write instead). Only a `ModelFailure` may enter a
score, as a zero; everything else is reported beside the scores.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar


class WeftError(Exception):
    """Base of every error that weft raises.

    Args:
        message: What failed and the rule that it broke.
        hint: What to write instead; empty where nothing sensible can be said.

    >>> str(ConfigError("no model is set", hint="call weft.configure(lm=...)"))
    'no model is set. call weft.configure(lm=...)'
    """

    retryable: ClassVar[bool] = False
    aborts: ClassVar[bool] = True
    trajectory: tuple[Any, ...] = ()
    """What an agent that it ended had done: `weft.AgentStep`s, in their order."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advise(hint)

    def advise(self, hint: str) -> None:
        """Give it another hint, where more is known than when it was made.

        >>> error = ConfigError("no model is set")
        >>> error.advise("set WEFT_LM")
        >>> str(error)
        'no model is set. set WEFT_LM'
        """
        self.hint, message = hint, self.message
        # After a list or a diff the remedy stands on a line of its own.
        between = "\n" if "\n" in message else " " if message[-1:] in ".?!" else ". "
        self.args = (f"{message}{between}{hint}" if hint else message,)


class SetupError(WeftError):
    """Something is wrong before anything runs; nothing was paid for."""


class ConfigError(SetupError):
    """An unknown option, no model set, or a model string nobody understands."""


class SignatureError(SetupError):
    """A signature that cannot be understood."""


class GraphError(SetupError):
    """Miswiring, found while a program is traced."""


class CallError(SetupError):
    """A call whose arguments do not fit the signature.

    Of a value that comes up inside a run, in one row and not in others, it is a
    `StepError`.

    Args:
        message: What does not fit, and how.
        hint: What to give instead.
        field: The input whose value does not fit, or empty where a name does not.
    """

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class DataError(SetupError):
    """Rows that cannot be read or that do not fit a program."""


class ArtifactError(SetupError):
    """An artifact that is damaged, unsafe, or made for another program."""


class QuoteError(SetupError):
    """A budget too small for one round; the message names the smallest that works."""


class ModelError(WeftError):
    """A model call that brought no usable answer.

    Args:
        message: What failed, without credentials.
        hint: What to do about it.
        model: The model asked.
        status: The HTTP status, where there was one.
        request_id: The provider's id of the request, where it gave one.
        retry_after: Seconds the server asked to wait, where it did.

    `retries` says how many further attempts were made before it was given up, `begun`
    whether a part of an answer had come, which a provider may bill.
    """

    aborts: ClassVar[bool] = False
    retries: int = 0
    begun: bool = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        model: str = "",
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.model = model
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after


class AuthError(ModelError):
    """401 or 403: the key is missing, wrong, or not allowed to do this."""

    aborts = True


class BillingError(ModelError):
    """402 or an exhausted quota: the account cannot pay."""

    aborts = True


class NotFoundError(ModelError):
    """404: no such model or endpoint."""

    aborts = True


class InvalidRequest(ModelError):
    """400, 413 or 422: the server refuses this request as it is."""


class SchemaRefused(InvalidRequest):
    """The server enforces no JSON schema, or not this one; another form may do."""


class ToolsRefused(InvalidRequest):
    """The server takes no tools for this model; a form of text does."""


class ContextLengthError(ModelError):
    """The prompt is longer than the model's context window."""


class RateLimited(ModelError):
    """429: too many requests for now."""

    retryable = True


class Overloaded(ModelError):
    """503 or 529: the server has no capacity for now."""

    retryable = True


class ServerError(ModelError):
    """Any other 5xx."""

    retryable = True


class TimeoutConflict(ModelError):
    """408 or 409: the server gave up waiting, or a conflicting request runs."""

    retryable = True


class ConnectError(ModelError):
    """The connection could not be made, or was reset."""

    retryable = True


class DeadlineExceeded(ModelError):
    """The call took longer than its wall-clock deadline."""

    retryable = True


class ProtocolError(ModelError):
    """A success status without a whole answer.

    A body that is no completion (HTML, bad JSON, no choice), an answer that the
    provider itself says did not end, or a stream that broke off.
    """

    retryable = True


class ModelFailure(ModelError):
    """The model answered and the answer is at fault: this, and only this, scores 0."""


class ContentFiltered(ModelFailure):
    """The provider withheld the answer."""


class TooLarge(ModelFailure):
    """A completion is larger than the size limit.

    A body that never began as one is the server's fault: a `ProtocolError`.
    """


class Truncated(ModelFailure):
    """The answer stopped at the token limit; asking the same again would not help."""


class CheckFailed(ModelFailure):
    """An answer that fails checks after all repairs.

    `failed` has the words of each check that it fails, by the check's name.
    """

    def __init__(
        self, message: str, *, hint: str = "", failed: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.failed: dict[str, str] = dict(failed or {})


class ParseError(ModelFailure):
    """Text that does not hold the promised fields.

    Args:
        message: What failed, naming module and adapter where they are known.
        text: The whole reply, so that nothing is lost.
        field: The field at fault, or empty.
        wanted: What was wanted there.
        module: The module that asked.
        adapter: The adapter that parsed.
        hint: What to do about it.

    `partial` holds the values of the fields that stand whole in the reply, so that the
    others alone may be asked for; `cut` says that the token limit cut the reply off
    before its answer was whole.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        field: str = "",
        wanted: str = "",
        module: str = "",
        adapter: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.field = field
        self.wanted = wanted
        self.module = module
        self.adapter = adapter
        self.partial: dict[str, Any] = {}
        self.cut = False

    def located(self, module: str, adapter: str) -> ParseError:
        """The same error with the module and the adapter named in its message."""
        error = type(self)(
            f"{module} ({adapter} adapter): {self.message}",
            text=self.text,
            field=self.field,
            wanted=self.wanted,
            module=module,
            adapter=adapter,
            hint=self.hint,
        )
        error.partial, error.cut = self.partial, self.cut
        return error


class ValidationError(ParseError):
    """The fields are there; a value breaks its type or its constraint."""


class BudgetExceeded(WeftError):
    """The next call would overshoot a limit, so it was not made."""


class MetricError(WeftError):
    """A metric raised or returned no score; what it raised is chained."""


class StepError(WeftError):
    """A step raised, a type's validator did, or a value fits no module that takes it.

    The cause is chained. It is a fault of the program, which no model could mend. Other
    rows may still go well.

    Args:
        message: What raised, and what.
        hint: What to do about it.
        field: The field whose type's validator raised, or empty.
        module: The module that asked for that field, where it is known.
    """

    aborts = False

    def __init__(
        self, message: str, *, hint: str = "", field: str = "", module: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.module = module

    def locate(self, module: str) -> None:
        """Name the module that asked for the field, where none is named yet."""
        if self.field and not self.module:
            self.module, self.message = module, f"{module}: {self.message}"
            self.advise(self.hint)


class ToolServerError(WeftError):
    """A server of tools (MCP) that died, hangs, cannot be reached, or speaks no MCP.

    No model could mend that, so it ends an agent's run.
    """

    retryable = True
    aborts = False


class Suspended(WeftError):
    """A run that waits for a person's word; it goes on with `weft.resume`.

    Args:
        message: What waits.
        hint: How it goes on.
        data: The run so far, as plain JSON data; `pending` in it says what waits.
    """

    aborts = False

    def __init__(
        self, message: str, *, hint: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.data: dict[str, Any] = dict(data or {})

    @property
    def pending(self) -> dict[str, Any]:
        """What waits: the `tool`, its `arguments`, and the model's `thought`."""
        return dict(self.data.get("pending", {}))


class WorkerLost(WeftError):
    """The processes of a cluster that ran a row died; other rows may go well."""

    retryable = True
    aborts = False


class CompileError(WeftError):
    """A compile that cannot go on; what was journaled is kept."""


class JournalDamaged(CompileError):
    """A journal whose middle is damaged; the message names the offset."""


class DivergenceError(CompileError):
    """A journal that belongs to another program, data, metric, seed or model."""


class Paused(CompileError):
    """A compile that somebody paused; the best so far is kept, and it can go on."""

    retryable = True


class NotYetSupported(WeftError):
    """Designed, and not in this version."""


def cause(error: Exception) -> str:
    """Why a file failed, without its path: the message around it has that."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy in words: the nearest known name, or the list of them.

    >>> did_you_mean("pasages", ["question", "passages"])
    "Did you mean 'passages'?"
    >>> did_you_mean("desc", ["default", "description"])
    "Did you mean 'description'?"
    >>> did_you_mean("zzz", ["question", "passages"])
    'Known: question, passages'
    """
    names = list(islice(known, _MOST_NAMES))
    close = difflib.get_close_matches(word[:_LONGEST_NAME], names, n=1, cutoff=0.6)
    if not close and len(word) > 2:
        close = [name for name in names if name.startswith(word)]
    if close:
        return f"Did you mean {_short(close[0])!r}?"
    shown = [_short(name) for name in names[:_SHOWN_NAMES]]
    if len(names) > _SHOWN_NAMES:
        shown.append("...")
    return f"Known: {', '.join(shown)}" if names else ""


_MOST_NAMES = 1000
"""So many are compared: the comparison takes longer than a call for many more."""

_SHOWN_NAMES = 40
_LONGEST_NAME = 80


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."
