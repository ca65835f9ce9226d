"""Modules: a signature plus a way of calling a model; immutable, typed, named."""

from __future__ import annotations

import copy
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, ParamSpec, Self, TypeVar, Unpack, cast

from ..adapters import parsed_in
from ..artifact.origins import note_model
from ..errors import CallError
from ..lm.lm import SAMPLING, LanguageModel
from ..lm.models import as_lm
from ..parameters import Parameters
from ..run.alone import Alone
from ..run.ask import Asked, ask
from ..run.bridge import run_ahead, run_sync
from ..run.calling import called
from ..run.prompt import Prompt, prompt_for
from ..run.runtime import Runtime, current
from ..run.trace import NodeRun, attach
from ..run.watching import follow_module, said
from ..signature.field import FieldSpec
from ..signature.forms import signature_of, snake_case
from ..signature.signature import Signature, make_value, spec_of
from ..signature.spec import Spec
from ..signature.wording import counted
from .module_options import (
    ModuleChanges,
    ModuleOptions,
    check_demos,
    check_module,
    slots_of,
)
from .tracing import refuse_running, tracer

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_KINDS: dict[str, type[Module[..., Any]]] = {}
_CALLS = frozenset({"acall", "run_node"})


class Module(Alone[P, R_co], Generic[P, R_co]):
    """A typed way of calling a model; call it like the function it stands for.

    Modules are values: `with_` gives a changed copy and never touches the original.

    Args:
        signature: A signature class, the string form, or anything `Predict` accepts.
        instruction: Replaces the signature's own instruction.
        options: `name`, `lm`, `demos`, `nearest` (how many of these a call shows, those
            most like its inputs; all of them by default), `adapter` (the form of calls
            and replies: "auto" by default, "chat", "json", "xml", "plain",
            "completion", or one edition of it, "chat/1"), `repairs` (calls that may
            follow an unusable reply, default 1), `types` (names that a string signature
            uses), and sampling options.

    Raises:
        ConfigError: An option is unknown.
        SignatureError: The signature cannot be understood.
    """

    kind: str = "Module"
    _own_way: ClassVar[bool] = False  # whether a subclass calls models by itself

    def __init_subclass__(cls) -> None:
        """Make the kind known, so that artifacts can name it."""
        _KINDS[cls.kind] = cls
        cls._own_way = cls._own_way or not _CALLS.isdisjoint(vars(cls))

    def __init__(
        self,
        signature: str | Callable[..., Any],
        instruction: str | None = None,
        **options: Unpack[ModuleOptions],
    ) -> None:
        given = cast(Mapping[str, Any], options)
        check_module(given, ModuleOptions.__annotations__, type(self).__name__)
        self._signature = signature_of(signature, options.get("types"))
        self._asked = self._extend(self._signature)
        self._name = options.get("name")
        self._single: str | None = None
        lm = options.get("lm")
        self._lm = None if lm is None else as_lm(lm)
        self._repairs = options.get("repairs", 1)
        base = Parameters(spec_of(self._signature).instruction)
        slots = slots_of(given)
        slots["sampling"] = {k: given[k] for k in SAMPLING if k in given}
        if instruction is not None:
            slots["instruction"] = instruction
        self._parameters = base.with_slots(slots, self.name)
        check_demos(self._parameters.demos, self.spec, self.name)

    @abstractmethod
    def _extend(self, signature: type[Signature]) -> type[Signature]:
        """The signature the model is really asked for, such as with reasoning first."""

    @classmethod
    def own_fields(cls, fields: tuple[FieldSpec, ...]) -> tuple[FieldSpec, ...]:
        """The caller's fields out of those the model is asked for."""
        return fields

    @property
    def name(self) -> str:
        """The explicit name, or one made from the signature's."""
        return self._name or snake_case(spec_of(self._signature).name)

    @property
    def named(self) -> bool:
        """Whether the name was given explicitly."""
        return self._name is not None

    @property
    def signature(self) -> type[Signature]:
        """The contract with the caller."""
        return self._signature

    @property
    def asked(self) -> type[Signature]:
        """The contract with the model: the caller's, and what the module adds."""
        return self._asked

    @property
    def spec(self) -> Spec:
        """The fields that the model is asked for."""
        return spec_of(self._asked)

    @property
    def single(self) -> str | None:
        """The output field that a call gives back alone (function form), or None."""
        return self._single

    @property
    def parameters(self) -> Parameters:
        """What a compiler may change."""
        return self._parameters

    @property
    def lm(self) -> LanguageModel | None:
        """The module's own model, or None for the scope's."""
        return self._lm

    @property
    def repairs(self) -> int:
        """How many further calls may follow an unusable reply."""
        return self._repairs

    def with_(self, **changes: Unpack[ModuleChanges]) -> Self:
        """A copy with other parameters, name, model or repairs.

        Args:
            changes: `instruction`, `demos`, `nearest`, `adapter`, `sampling`, `name`,
                `lm`, `repairs`.

        Raises:
            ConfigError: An option is unknown or has the wrong type.
        """
        given = cast(Mapping[str, Any], changes)
        check_module(given, ModuleChanges.__annotations__, "with_")
        made = self._copied()
        if "name" in changes:
            made._name = changes["name"]
        if "lm" in changes:
            lm = changes["lm"]
            made._lm = None if lm is None else as_lm(lm)
        if "repairs" in changes:
            made._repairs = changes["repairs"]
        made._parameters = self._parameters.with_slots(slots_of(given), made.name)
        if "demos" in changes:
            check_demos(made._parameters.demos, made.spec, made.name)
        return made

    def returning(self, output: str) -> Self:
        """A copy whose calls give back one output field alone (function form)."""
        made = self._copied()
        made._single = output
        return made

    def _copied(self) -> Self:
        made = copy.copy(self)
        made.forget()
        return made

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the model and wait; inside a program being traced, add a node."""
        tracing = tracer.get()
        if tracing is not None:
            return cast(R_co, tracing.record("module", self, args, kwargs))
        run = run_sync if self._own_way or current().followed else run_ahead
        return run(self.acall(*args, **kwargs))

    async def acall(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the model without blocking the event loop.

        Raises:
            CallError: The arguments do not fit the signature; nothing was sent.
            ModelError: The call failed, or no reply could be used.
        """
        refuse_running(self.name, "acall")
        there = called(self, self.name, current())
        bound = there.target.bind(args, kwargs)
        if there.runtime.followed:
            return cast(R_co, await follow_module(there, bound))
        made = await there.target.run_node(bound, there.runtime, there.path)
        return cast(R_co, made)

    def place(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], who: str = ""
    ) -> dict[str, Any]:
        """Arguments by input name; positional ones only for the function form.

        Args:
            args: Positional arguments.
            kwargs: Named arguments.
            who: The name in messages; the module's own when empty.

        Raises:
            CallError: An input is misspelt, doubled, missing or not named.
        """
        if args and self._single is None:
            first = next(iter(self.spec.inputs))
            raise CallError(
                f"{(who or self.name)!r} takes its inputs by name",
                hint=f"Write {who or self.name}({first}=...)",
            )
        return self.spec.place(args, kwargs, who or self.name)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Checked argument values by input name, defaults filled in."""
        return self.spec.bind(self.place(args, kwargs), self.name)

    async def run_node(
        self, bound: Mapping[str, Any], runtime: Runtime, path: str
    ) -> Any:
        """Run with checked inputs, record the run, and give back what a call gives."""
        spec = self.spec
        lm = runtime.model_for(path, self._lm)
        note_model(self, path, lm)
        inputs = spec.dump_inputs(bound)
        runtime.started(path, "module")
        asked, started = Asked(), time.perf_counter()
        values: dict[str, Any] = {}
        problem = ""
        try:
            values = await ask(
                path,
                self._asked,
                self._parameters,
                inputs,
                lm=lm,
                repairs=self._repairs,
                runtime=runtime,
                asked=asked,
            )
        except BaseException as error:
            problem = said(error)
            raise
        finally:
            run = NodeRun(
                path,
                "module",
                inputs,
                {name: spec.outputs[name].dump(values[name]) for name in values},
                tuple(asked.calls),
                tuple(asked.repairs),
                time.perf_counter() - started,
                problem,
                runtime.order,
                started=started - (runtime.began or started),
                failed=asked.failed,
            )
            runtime.finished(run)
        if self._single is not None:
            return values[self._single]
        made = make_value(self._asked, {**bound, **values})
        attach(made, run)
        return made

    def prompt(self, /, *args: P.args, **kwargs: P.kwargs) -> Prompt:
        """The messages a call would send, with a token estimate; nothing is sent."""
        return prompt_for(self, self.bind(args, kwargs))

    def parse(self, text: str) -> R_co:
        """What a call would give back for this reply; no model is asked.

        Raises:
            ParseError: The reply does not hold the promised fields.
        """
        form = current().form_asked(self._parameters.adapter)
        parsed = parsed_in(form, text, self._asked)
        if self._single is not None:
            return cast(R_co, parsed.values[self._single])
        return cast(R_co, make_value(self._asked, parsed.values))

    def __repr__(self) -> str:
        spec = self.spec
        fields = f"{', '.join(spec.inputs)} -> {', '.join(spec.outputs)}"
        demos = len(self._parameters.demos)
        nearest = self._parameters.nearest
        shown = f"{nearest} nearest of " if nearest else ""
        tail = f", {shown}{counted(demos, 'demo')}" if demos else ""
        return f"{self.kind}({self.name!r}: {fields}{tail})"


def module_of_kind(kind: str) -> type[Module[..., Any]] | None:
    """The module class of that kind, or None."""
    return _KINDS.get(kind)
