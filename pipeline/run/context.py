"""Where a call stands in a run, and the recorders of what ran there and was asked."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack, cast

from ..calls.call import call
from ..errors import InvalidRequest, ModelError, StepError
from ..events import NodeFinished, NodeStarted
from ..ground.frozen import assembled
from ..ground.journal import Journal
from ..ground.shapes import is_dict
from ..lm.lm import LanguageModel
from ..lm.request import JSON, Request, Response
from ..lm.scoring.wanted import none_given, refuse_logprobs, wants_logprobs
from ..trace import Call, NodeKind, NodeRun, Run, Trace
from .settings import Settings
from .stream import Telling
from .watch import TracedRun, noted, said

T = TypeVar("T")
_log = logging.getLogger("weft")
_told = set[str]()


class _Moves(TypedDict, total=False):
    settings: Settings
    path: str
    order: tuple[int, ...]
    record: list[NodeRun] | None
    run_id: str
    began: float
    seen: set[str] | None
    journal: Journal | None


@dataclass(frozen=True)
class Context:
    """A place in a run, with the settings that hold there; immutable.

    Args:
        settings: Model, cache, ledger and the rest.
        path: What goes before the names of nodes here, such as `agent/`.
        order: The position of the node that runs.
        record: Where finished nodes are kept, or None outside a run.
        run_id: The run that this is a part of, where somebody follows runs.
        began: When the run began, by `time.perf_counter`; 0 outside a run. Every time
            of a run counts from here.
        seen: Keys of what was asked in the body that runs, or None outside one.
        journal: What the bodies of the run did, for one that is resumed.
    """

    settings: Settings
    path: str = ""
    order: tuple[int, ...] = ()
    record: list[NodeRun] | None = None
    run_id: str = ""
    began: float = 0.0
    seen: set[str] | None = None
    journal: Journal | None = None

    def having(self, **changes: Unpack[_Moves]) -> Context:
        """The same place with some of it changed; every node asks for this."""
        return assembled(Context, self.__dict__, **changes)

    def at(self, *position: int) -> Context:
        """A place further inside."""
        return self.having(order=(*self.order, *position))

    def noting(self) -> Context:
        """The same place, where it is noted what is asked; see `seen`."""
        return self if self.seen is not None else self.having(seen=set())

    @property
    def followed(self) -> bool:
        """Whether what runs here is a run of its own that somebody follows."""
        if self.run_id:
            return False
        return self.settings.trace_log is not None or bool(self.settings.watchers)

    def since(self, moment: float) -> float:
        """Seconds from the run's beginning to a moment; 0 outside a run."""
        return moment - (self.began or moment)

    def started(self, path: str, kind: NodeKind) -> None:
        """Tell whoever follows the run that a node begins."""
        settings = self.settings
        if settings.sink is not None:
            settings.sink(NodeStarted(path, self.order))
        for watcher in settings.watchers:
            watcher.node_started(path, kind, self.order)

    def finished(self, run: NodeRun) -> NodeRun:
        """Record a node's run and tell the hooks; with the facts that they note."""
        settings, record, at = self.settings, self.record, 0
        if record is not None:
            at = len(record)
            record.append(run)
        for hook in settings.hooks:
            facts = noted(hook, run)
            if is_dict(facts) and facts:
                run = replace(run, facts={**run.facts, **facts})
                if record is not None:
                    record[at] = run
        if settings.sink is not None:
            settings.sink(NodeFinished(run.path, run))
        for watcher in settings.watchers[::-1]:
            watcher.node_finished(run)
        return run


@dataclass
class Asked:
    """The calls made for one question so far; filled even when it ends in an error.

    `failed` is the call that brought no answer and so ended it, `form` the settled form
    that was asked in, `seen` the keys of what a body asked, `facts` what a module says
    of how its answer came about.
    """

    calls: list[Call] = field(default_factory=lambda: [])
    failed: Call | None = None
    repairs: list[str] = field(default_factory=lambda: [])
    form: str = ""
    seen: set[str] | None = None
    facts: dict[str, JSON] = field(default_factory=lambda: {})

    def again(self, why: str) -> None:
        """Begin anew, for a reason; another attempt may ask the same."""
        self.repairs.append(why)
        if self.seen is not None:
            self.seen.clear()


@dataclass(slots=True)
class Recorded:
    """Records the run of one node: `with Recorded(...) as entry` around its work.

    The work fills `outputs` and `asked`; whatever it ends with is recorded and told,
    and `run` is there afterwards.

    Args:
        context: Its `order` is the node's place in the run.
        path: The node's path.
        kind: What the node is.
        inputs: Values by name; plain JSON data for modules.
        outputs: What it gave; values by name as the inputs are.
        asked: What it asked of models.
    """

    context: Context
    path: str
    kind: NodeKind
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=lambda: {})
    asked: Asked = field(default_factory=Asked)
    run: NodeRun = field(init=False)
    _started: float = field(init=False)

    def __enter__(self) -> Self:
        self.context.started(self.path, self.kind)
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, StepError) and self.kind == "module":
            error.locate(self.path)
        asked, problem = self.asked, "" if error is None else said(error)
        failed = asked.failed
        if failed is not None and failed.error != problem:
            failed = None  # the work went on without it
        run = NodeRun(
            path=self.path,
            kind=self.kind,
            inputs=self.inputs,
            outputs=self.outputs,
            calls=tuple(asked.calls),
            repairs=tuple(asked.repairs),
            seconds=time.perf_counter() - self._started,
            error=problem,
            order=self.context.order,
            started=self.context.since(self._started),
            failed=failed,
            facts=dict(asked.facts),
        )
        self.run = self.context.finished(run)


async def follow(
    context: Context,
    name: str,
    inputs: Mapping[str, Any],
    nodes: list[NodeRun],
    work: Callable[[Context], Awaitable[T]],
) -> T:
    """Do some work as a run of its own, and tell whoever follows runs.

    Args:
        context: Says who follows.
        name: What runs.
        inputs: What it is given.
        nodes: Where the work puts its nodes, also when it fails.
        work: Gets the context to run in; gives back a value or a `Run`.
    """
    run_id, at, began = token_hex(8), datetime.now(UTC), time.perf_counter()
    settings = context.settings
    for watcher in settings.watchers:
        watcher.run_started(run_id, name)

    async def over(value: Any, raised: BaseException | None = None) -> None:
        error = "" if raised is None else said(raised)
        trace = Trace(tuple(nodes), time.perf_counter() - began, None, run_id)
        run = TracedRun(name, at, inputs, value, error, trace)
        for watcher in settings.watchers[::-1]:
            watcher.run_finished(run)
        if settings.trace_log is None:
            return
        if isinstance(raised, GeneratorExit):  # nothing can be awaited any more
            settings.trace_log.post(run)
        else:
            await settings.trace_log.keep(run)

    try:
        made = await work(context.having(run_id=run_id, began=began))
    except BaseException as error:
        await over(None, error)
        raise
    await over(_value_of(made))
    return made


def _value_of(made: object) -> Any:
    """The value of a `Run`; anything else is one."""
    return cast(Any, made).value if isinstance(made, Run) else made


async def timed(
    request: Request,
    lm: LanguageModel,
    context: Context,
    asked: Asked,
    telling: Telling | None,
    who: str = "",
    shown: Callable[[Response], str] | None = None,
) -> Response:
    """Make one call, and note what came of it.

    Args:
        request: What to ask.
        lm: Who answers.
        context: Cache, ledger and retries, and who follows the run.
        asked: Gets the call.
        telling: Who is told the reply while it arrives.
        who: The module's path, for messages; the model's name when empty.
        shown: What a trace holds of the reply; all of it by default.

    Raises:
        ModelError: The call failed.
        NoLogprobs: The answer has no log-probabilities, and they were asked for.
    """
    settings, started = context.settings, time.perf_counter()
    again = context.seen is not None and request.key in context.seen
    if context.seen is not None:
        context.seen.add(request.key)
    for watcher in settings.watchers:
        watcher.call_started(request)
    if telling is not None:
        telling.restart()
    try:
        store, journal = settings.store, context.journal
        answer = call(
            request,
            lm,
            cache=store,
            retry=settings.retry,
            ledger=settings.ledger,
            account=settings.account,
            listener=telling,
        )
        if journal is not None and store is not None:
            answer = journal.under_way.paid(answer)
        response = await answer
    except BaseException as error:
        asked.failed = made = _failed(request, error, started, context)
        _tell(made, settings)
        if isinstance(error, InvalidRequest):
            refuse_logprobs(request, lm)  # as it has just been learnt
        raise
    if telling is not None:
        telling.finish()
    if again and response.cached and request.sampling.get("temperature") != 0:
        _tell_equal(who or lm.model)
    noted = response if shown is None else replace(response, text=shown(response))
    made = _answered(request, noted, lm, started, context, asked.form)
    asked.calls.append(made)
    if settings.watchers:
        _tell(made, settings)
    if response.logprobs is None and wants_logprobs(request):
        raise none_given(request)  # the endpoint is known for that from now on
    return response


def _tell_equal(who: str) -> None:
    """Warn, once for each, of a body that asks the same several times.

    Whoever does that above temperature 0 may want several answers.
    """
    if who in _told:
        return
    _told.add(who)
    _log.warning(
        "%s was asked the same twice in one body: equal calls are one request, above "
        "temperature 0 too, and have one answer. For another one name the sample: "
        "`with weft.use(sample=1):` in a step, call(part, inputs, sample=1) in a "
        "module's body, lm(..., sample=1); a program asks several times with weft.Vote "
        "or weft.BestOfN",
        who,
    )


def _answered(
    request: Request,
    response: Response,
    lm: LanguageModel,
    started: float,
    context: Context,
    form: str,
) -> Call:
    """A call that was answered, as its trace holds it."""
    return Call(
        messages=request.messages,
        reply=response.text,
        model=response.model or lm.model,
        usage=response.usage,
        cost=response.cost,
        cached=response.cached,
        seconds=time.perf_counter() - started,
        key=request.key,
        started=context.since(started),
        endpoint=request.endpoint,
        finish_reason=response.finish_reason,
        request_id=response.request_id,
        retries=response.retries,
        reasoning=response.reasoning,
        without=response.without,
        form=form,
        tool_calls=response.tool_calls,
        logprobs=response.logprobs,
    )


def _failed(
    request: Request, error: BaseException, started: float, context: Context
) -> Call:
    """A call that brought no answer, as its trace holds it."""
    return Call(
        request.messages,
        reply="",
        model=request.model,
        usage=None,
        cost=None,
        cached=False,
        seconds=time.perf_counter() - started,
        key=request.key,
        started=context.since(started),
        endpoint=request.endpoint,
        retries=error.retries if isinstance(error, ModelError) else 0,
        error=said(error),
    )


def _tell(made: Call, settings: Settings) -> None:
    for watcher in settings.watchers[::-1]:
        watcher.call_finished(made)
