"""Settings: the value that carries model, cache, ledger, retries, hooks and adapter.

They travel in a context variable, so threads, tasks and web servers never see each
other's. The nearest setting wins: a module's own `lm=`, `with weft.use(...)`, what
`weft.configure(...)` set, and last the variables `WEFT_LM` and `WEFT_ADAPTER`.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from ..adapters.settling import AUTO, Forms, settled
from ..adapters.template import unshown_by
from ..calls.budget import Budget, Ledger
from ..calls.cache import Cache
from ..calls.retry import RetryPolicy
from ..calls.store import AnswerStore
from ..errors import ConfigError
from ..events import Sink
from ..ground.frozen import assembled
from ..ground.options import check_options, checked_as, path_of
from ..ground.system import cache_place
from ..lm.embedding.model import EmbeddingModel
from ..lm.form import CHOSEN, Form, form_of, is_form
from ..lm.lm import LanguageModel, as_lm, name_of
from ..seam import refuse_traced
from ..signature.spec import Spec
from .trace_log import TraceLog
from .watch import Hook, Watcher, hooks_of

if TYPE_CHECKING:
    from ..graph.module import Module


class _Unset:
    def __repr__(self) -> str:
        return "unset"


_UNSET = _Unset()
NO_MODEL = "no model is set"


class Options(TypedDict, total=False):
    """What `configure` and `use` accept."""

    lm: str | LanguageModel | None
    lms: Mapping[str, str | LanguageModel]
    cache: AnswerStore | str | os.PathLike[str] | bool | None
    budget: Budget | Ledger | str | int | None
    retry: RetryPolicy
    hooks: Sequence[Hook | Watcher]
    sample: int
    trace_log: TraceLog | str | os.PathLike[str] | None
    adapter: str
    embedder: EmbeddingModel | None


class _Changes(TypedDict, total=False):
    """What changes from row to row and from try to try."""

    account: str
    hooks: tuple[Hook, ...]
    sample: int
    tried: bool
    forms: Forms
    once: bool
    sink: Sink


@dataclass(frozen=True)
class Settings:
    """Settings of the calls made in a scope; immutable.

    Args:
        lm: The model of modules that have none of their own.
        lms: Models by module path, which win over `lm`, or by a compile's name for one.
        cache: Where answers are kept, or None for nowhere.
        ledger: The account book whose limits hold, or None for no limit.
        retry: How transient errors are retried.
        hooks: Called with every finished node; a dict they give is noted in `facts`.
        sample: Which of several answers to one prompt is wanted. One above 0 has its
            number for a seed, and temperature 1 where none is set.
        tried: Whether this is one of several tries, each drawn at temperature 1 with
            its sample as the seed, unless a module says otherwise.
        account: The ledger's account that calls are booked on.
        sink: Who follows the run, event by event.
        watchers: Who follows every run, node and model call.
        trace_log: The file that gets a line for each finished run.
        adapter: The form in which modules ask that name none.
        forms: The forms that a run was settled on, or None outside a run.
        once: Whether a model at temperature 0 is asked nothing twice, whatever sample
            is wanted: it would say the same.
        remark: What is said below the instruction of each module that is asked.
        embedder: What chooses the nearest demos of a pool, or None for trigrams.
    """

    lm: LanguageModel | None = None
    lms: Mapping[str, LanguageModel] = field(default_factory=dict[str, LanguageModel])
    cache: AnswerStore | _Unset | None = _UNSET
    ledger: Ledger | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    hooks: tuple[Hook, ...] = ()
    sample: int = 0
    tried: bool = False
    account: str = "run"
    sink: Sink | None = None
    watchers: tuple[Watcher, ...] = ()
    trace_log: TraceLog | None = None
    adapter: str = AUTO
    forms: Forms | None = None
    once: bool = False
    remark: str = ""
    embedder: EmbeddingModel | None = None

    def having(self, **changes: Unpack[_Changes]) -> Settings:
        """The same with other values of some fields; quicker than `replace`."""
        return assembled(Settings, self.__dict__, **changes)

    @property
    def store(self) -> AnswerStore | None:
        """The cache, opened at the default place when none was named."""
        return _default_cache() if isinstance(self.cache, _Unset) else self.cache

    @property
    def nearness(self) -> str:
        """Whose choice the nearest demos are, by name; empty for trigrams."""
        return "" if self.embedder is None else self.embedder.name

    def model_for(self, path: str, own: LanguageModel | None) -> LanguageModel:
        """The model of a module: its own, the one for its path, the scope's, WEFT_LM.

        Raises:
            ConfigError: None is set anywhere.
        """
        given = own if own is not None else self.lms.get(path, self.lm)
        found = self._usual if given is None else given
        if found is not None:
            return found
        raise ConfigError(
            f"{NO_MODEL} for {path!r}",
            hint='Call weft.configure(lm="openai/gpt-5-mini"), or with '
            'weft.use(lm=...), or set WEFT_LM; lm="embedded" works offline and '
            "is a stand-in, no language model",
        )

    def model_of(self, path: str, module: Module[..., Any]) -> LanguageModel:
        """The model that a module asks: the one chosen by name, or as `model_for`.

        Raises:
            ConfigError: None is set anywhere, or nobody gave the chosen one.
        """
        chosen = module.parameters.model
        if chosen is None or module.lm is not None:
            return self.model_for(path, module.lm)
        if (named := self.lms.get(chosen)) is not None:
            return named
        if (usual := self._usual) is not None and name_of(usual) == chosen:
            return usual
        # A name may come from a file, and where texts are sent is the caller's to say.
        raise ConfigError(
            f"{path!r} is to ask {chosen!r}, as its compile chose, and no model of "
            "that name was given",
            hint=f"Give lms={{{chosen!r}: weft.LM(...)}}, or --lms {chosen}=...",
        )

    @property
    def _usual(self) -> LanguageModel | None:
        """The scope's model, or WEFT_LM."""
        if self.lm is not None:
            return self.lm
        named = os.environ.get("WEFT_LM", "").strip()
        return as_lm(named) if named else None

    def form_asked(self, own: str) -> str:
        """The form that a module asks in: its own, the scope's, WEFT_ADAPTER.

        Raises:
            ConfigError: The environment names no form.
        """
        if form_of(own).name not in CHOSEN:
            return own
        if self.adapter != AUTO:
            return self.adapter
        named = os.environ.get("WEFT_ADAPTER")
        return own if not named else str(form_of(named))

    def form_for(self, own: str, lm: LanguageModel, spec: Spec) -> Form:
        """The settled form of a module's calls; one from a run's first to its last."""
        settle = settled if self.forms is None else self.forms.of
        return settle(self.form_asked(own), lm, spec)

    @property
    def every_hook(self) -> tuple[Hook | Watcher, ...]:
        """What `hooks=` was given, for those who add to it."""
        return (*self.hooks, *self.watchers)


_variable = os.environ.get("WEFT_TRACE_LOG", "").strip()
_process = Settings(trace_log=TraceLog(_variable) if _variable else None)
_scope: contextvars.ContextVar[Settings | None] = contextvars.ContextVar(
    "weft_settings", default=None
)
_caches: dict[str, Cache] = {}


def current() -> Settings:
    """The settings of this scope."""
    return _scope.get() or _process


@checked_as('configure(lm="openai/gpt-5-mini")')
def configure(**options: Unpack[Options]) -> None:
    """Set options for the whole process, every thread and task of it.

    Args:
        options: `lm`, `lms` (by module path, or by a compile's name for a model),
            `cache` (a folder, True for the default one, None or False for none),
            `budget` ("$2", ...), `retry`, `hooks`, `sample`, `trace_log` (a file, a
            `TraceLog`, None for none), `adapter` (for modules that name no form),
            `embedder` (what chooses the `nearest` demos; None for trigrams).

    Raises:
        ConfigError: An option is unknown or has a value nobody understands.
    """
    global _process  # noqa: PLW0603 - the process default, replaced as a whole
    _process = _changed(_process, options, "configure")


@checked_as('`with use(lm="openai/gpt-5-mini"):`')
@contextlib.contextmanager
def use(**options: Unpack[Options]) -> Generator[Settings]:
    """Set options for a scope; as `configure`, and undone at its end.

    Raises:
        GraphError: The scope is in a program's function, which calls nothing yet.
    """
    remedy = "Set it around the program's call, give a module its own lm=..., or ask "
    remedy += "again in a @weft.step(uses=[module])"
    refuse_traced("weft.use(...) sets nothing", remedy)
    with entered(_changed(current(), options, "use")) as settings:
        yield settings


@contextlib.contextmanager
def one_form() -> Generator[None]:
    """Keep to one form from the first call of a scope to its last."""
    base = current()
    if base.forms is not None:
        yield
        return
    with entered(base.having(forms=Forms())):
        yield


@contextlib.contextmanager
def entered(settings: Settings) -> Generator[Settings]:
    """Let settings hold for a scope."""
    token = _scope.set(settings)
    try:
        yield settings
    finally:
        _scope.reset(token)


def _changed(base: Settings, options: Options, who: str) -> Settings:
    check_options(options, Options.__annotations__, who)
    changes: dict[str, Any] = dict(options)
    if "lm" in options:
        lm = options["lm"]
        changes["lm"] = None if lm is None else as_lm(lm)
    if "lms" in options:
        changes["lms"] = _lms_of(options["lms"])
    if "cache" in options:
        changes["cache"] = _cache_of(options["cache"])
    if "budget" in options:
        changes["ledger"] = ledger_of(changes.pop("budget"))
    if "hooks" in options:
        changes |= hooks_of(options["hooks"])
    if "trace_log" in options:
        changes["trace_log"] = _trace_log_of(options["trace_log"])
    if "adapter" in options and not is_form(options["adapter"]):
        raise ConfigError(
            f"{who}: adapter={options['adapter']!r} is no form of replies",
            hint="Give 'auto', 'chat', 'json', 'xml', 'plain', 'completion' or "
            "weft.cloze(...); no class of your own is an adapter",
        )
    if not isinstance(changes.get("embedder"), EmbeddingModel | None):
        raise ConfigError(
            f"{who}: embedder={changes['embedder']!r} is no embedder",
            hint='Give weft.Embedder("..."), or None for trigrams',
        )
    if not isinstance(changes.get("retry", base.retry), RetryPolicy):
        raise ConfigError(
            f"{who}: retry={changes['retry']!r} is no retry policy",
            hint="Give weft.RetryPolicy(...)",
        )
    sample = changes.get("sample", 0)
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        raise ConfigError(
            f"{who}: sample={sample!r} is no sample", hint="Give 0, 1, 2, ..."
        )
    return replace(base, **changes)


def _lms_of(lms: Any) -> dict[str, LanguageModel]:
    if not isinstance(lms, Mapping):
        raise ConfigError(
            f"lms={lms!r} is no mapping",
            hint='Give models by module path: lms={"answer": "openai/gpt-5"}',
        )
    given = cast(Mapping[str, Any], lms)
    return {path: as_lm(lm) for path, lm in given.items()}


def _trace_log_of(value: Any) -> TraceLog | None:
    if value is None:
        return None
    if isinstance(value, str | os.PathLike):
        return TraceLog(cast("str | os.PathLike[str]", value)).check()
    if isinstance(value, TraceLog):
        return value.check()
    raise ConfigError(
        f"trace_log={value!r} is no trace log",
        hint="Give a file's path, weft.TraceLog(path, content=False), or None for none",
    )


def ledger_of(budget: Budget | Ledger | str | int | None) -> Ledger | None:
    """A ledger that holds a budget; None stays None."""
    if budget is None or isinstance(budget, Ledger):
        return budget
    return Ledger(Budget.of(budget))


def unshown(modules: Mapping[str, Module[..., Any]]) -> frozenset[str]:
    """Keys of the parameters of modules, by path, that no prompt shows."""
    runtime = current()
    return frozenset(
        f"{path}/{slot}"
        for path, module in modules.items()
        for slot in unshown_by(
            runtime.form_asked(module.parameters.adapter), module.spec
        )
    )


def _cache_of(value: Any) -> AnswerStore | None:
    if value is None or value is False:
        return None
    if value is True:
        return _default_cache()
    if isinstance(value, str | os.PathLike):
        return _cache_at(path_of(cast("str | Path", value), "cache", ConfigError))
    if isinstance(value, AnswerStore):
        return value
    raise ConfigError(
        f"cache={value!r} is no cache",
        hint="Give a folder, True for the default one, or None for none",
    )


def _default_cache() -> Cache:
    place = cache_place()  # asked before every call, and rarely another one
    return _caches.get(place) or _cache_at(Path(place))


def _cache_at(folder: Path) -> Cache:
    place = str(folder.absolute())
    if place not in _caches:
        _caches[place] = Cache(place)
    return _caches[place]
