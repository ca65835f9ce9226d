"""Modules: a signature plus a way of calling a model; immutable, typed, named."""

from __future__ import annotations

import copy
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    NoReturn,
    Protocol,
    Self,
    TypedDict,
    Unpack,
    cast,
)

from .. import seam
from ..adapters.prompt import Prompt
from ..adapters.template import check_template
from ..errors import CallError, ConfigError
from ..ground import strictjson
from ..ground.options import check_options, checked
from ..ground.system import require_fork_hooks
from ..ground.words import brief, counted
from ..lm.lm import SAMPLING, LanguageModel, Sampling, as_lm, name_of
from ..lm.request import JSON
from ..lm.scoring.likelihoods import Likelihoods
from ..lm.soft.words import Soft
from ..parameters import (
    SLOTS,
    Context,
    Demo,
    Parameters,
    check_demos,
    check_descriptions,
    check_illustrations,
    with_media_read,
)
from ..signature.field import FieldSpec
from ..signature.forms import described, extended, signature_of, snake_case
from ..signature.signature import Signature, make_value, spec_of, values_of
from ..signature.spec import Spec
from ..signature.wording import NOT_GIVEN
from ..trace import Run
from .binding import INPUT, Take
from .drawing import Drawn, Picture
from .graph import Graph, Node
from .runnable import P, R_co, Runnable
from .uses import Ancestor, Part, Uses, descent_of, inside_of, require_known

if TYPE_CHECKING:
    from builtins import property as kept  # to checkers as any other

    from ..lm.soft.lora import Lora
else:
    from functools import cached_property as kept

__all__ = [
    "MOST_TRIES",
    "Call",
    "Module",
    "ModuleChanges",
    "ModuleOptions",
    "P",
    "Part",
    "R_co",
    "module_of_kind",
]

require_fork_hooks()
_log: Final = logging.getLogger("weft")
_KINDS: dict[str, type[Module[..., Any]]] = {}
MOST_TRIES: Final = 1000
"""Samples of one try do not meet those of the next: each has so many numbers."""
_FINAL: Final = ("__call__", "acall", "arun", "run", "run_node")
_AS_BODY: Final = (
    "Write what it does as `async def body(self, call, inputs)`, and name what it "
    "calls in `parts()`; or as a typed function under @weft.program"
)


class ModuleOptions(Sampling, total=False):
    """What every module accepts beside its signature."""

    name: str
    lm: str | LanguageModel | None
    demos: Sequence[Demo]
    nearest: int
    adapter: str
    repairs: int
    types: Mapping[str, Any]


class ModuleChanges(TypedDict, total=False):
    """What `with_` may change."""

    instruction: str
    demos: Sequence[Demo]
    nearest: int
    adapter: str
    sampling: Mapping[str, JSON]
    model: str | None
    descriptions: Mapping[str, str]
    context: Mapping[str, str]
    glossary: Mapping[str, str]
    illustrations: Sequence[Demo]
    soft: Soft | None
    lora: Lora | None
    name: str
    lm: str | LanguageModel | None
    repairs: int


class Call(Protocol):
    """How a module's body calls its parts: each becomes a node inside the module's."""

    def __call__(
        self, part: Any, inputs: Mapping[str, Any], *, sample: int | None = None
    ) -> Awaitable[Any]:
        """Call a part.

        Args:
            part: One of `parts()`, as the body knows it; its tuned version runs.
            inputs: Its inputs by name.
            sample: The number of a try, 0, 1, ..., where several answers to one prompt
                are wanted: each then goes out with temperature 1, unless the part says
                otherwise, and with its sample as the seed.
        """
        ...

    def tries(
        self, part: Any, inputs: Mapping[str, Any], n: int
    ) -> Awaitable[list[Any]]:
        """Call a part `n` times, side by side, each time as another try.

        Returns:
            What came, in the order of the tries; one whose reply could not be used is
            left out.

        Raises:
            ModelFailure: No try brought an answer; the first one's error.
            WeftError: An error that no further try could escape.
        """
        ...

    def decide(
        self,
        part: Any,
        inputs: Mapping[str, Any],
        *,
        choose: Callable[[str, Likelihoods, str], str],
        by: str,
        shown: int,
        words: Mapping[str, Any] | None = None,
    ) -> Awaitable[Any]:
        """Decide a part's outputs by how probable each of their choices is.

        Args:
            part: One of `parts()`: a module that asks once, for some of few values.
            inputs: Its inputs by name.
            choose: Takes an output's name, the likelihoods of its choices, and a digest
                of what the prompt is made of; gives the answer that is taken.
            by: As of `lm.score`.
            shown: As of `lm.score`.
            words: The answer words of outputs that have some, by output.
        """
        ...

    def run(self, part: Any, inputs: Mapping[str, Any]) -> Awaitable[Run[Any]]:
        """As a call, with the trace of how the answer came about.

        Args:
            part: One of `parts()`.
            inputs: Its inputs by name.
        """
        ...

    def note(self, words: str) -> None:
        """Say in the trace, among the node's repairs, what went otherwise."""
        ...

    def report(self, **facts: JSON) -> None:
        """Say how the answer came about: `weft.info(result).facts`, by name."""
        ...

    def kept(self, number: int) -> dict[str, JSON] | None:
        """What was kept under a number by the run that this one goes on with."""
        ...

    @property
    def made(self) -> int:
        """How many calls were made so far, by this run or the one before it."""
        ...

    def passed(self) -> None:
        """Count a call that is not made, so that those behind it keep their places."""
        ...

    def keep(
        self, number: int, data: Mapping[str, JSON], *, since: int | None = None
    ) -> None:
        """Keep what was done, under 0, 1, ..., for a run that is suspended.

        Args:
            number: One of those that were kept, or the next.
            data: Plain JSON data.
            since: How many calls were made where it begins; as many as now by default.
                A run that goes on counts the calls behind that anew.
        """
        ...

    def working(self) -> AbstractContextManager[None]:
        """Where something is done that no run may do twice, until it is kept.

        A run that is suspended elsewhere waits for its end; from then on none begins.
        """
        ...

    def suspend(self, number: int, what: Mapping[str, JSON]) -> NoReturn:
        """End the run until a person decides about what was kept under a number.

        When it goes on, `kept(number)["approved"]` is True, or the words of a refusal.

        Raises:
            Suspended: Always.
        """
        ...


class Contract(Protocol):
    """What a call takes and gives: of a module, or of a whole program."""

    @property
    def signature(self) -> type[Signature]:
        """The contract with the caller."""
        ...

    @property
    def asked(self) -> type[Signature]:
        """The contract with the model."""
        ...

    @property
    def single(self) -> str | None:
        """The output field that a call gives back alone, or None."""
        ...


class Module(Drawn, Runnable[P, R_co], Generic[P, R_co]):
    """A typed way of calling a model; call it like the function it stands for.

    Modules are values: `with_` gives a changed copy and never touches the original.

    A subclass says what it does beyond asking once. One that asks for more adds fields
    before the signature's outputs (`adds`). One that calls others names them
    (`parts()`) and says how (`body()`); it asks nothing itself, and what a compiler
    changes is its parts, which are visible as `module/part`.

    Args:
        signature: A signature class, the string form, or anything `Predict` accepts.
        instruction: Replaces the signature's own instruction.
        options: `name`, `lm`, `demos`, `nearest` (how many of these a call shows, those
            most like its inputs; all of them by default), `adapter` (the form of calls
            and replies: "auto" by default, "chat", "json", "xml", "plain",
            "completion", one edition of it, "chat/1", or `cloze(...)`), `repairs`
            (calls that may follow an unusable reply, default 1), `types` (names that a
            string signature uses), and sampling options.

    Raises:
        ConfigError: An option is unknown.
        SignatureError: The signature cannot be understood.
    """

    kind: str = "Module"
    node_kind: seam.Kind = "module"
    adds: ClassVar[tuple[FieldSpec, ...]] = ()
    """Fields that the model is asked for before the signature's own outputs."""
    has_body: ClassVar[bool] = False
    """Whether it calls parts, instead of asking once."""
    _descent: tuple[Ancestor, ...] = ()
    _added: tuple[FieldSpec, ...] | None = None

    def __init_subclass__(cls) -> None:
        """Make the kind known, so that artifacts can name it."""
        for name in _FINAL:
            if name in vars(cls):
                raise ConfigError(
                    f"{cls.__name__}.{name} would go past cache, budget and trace",
                    hint=_AS_BODY,
                )
        for name in ("forward", "aforward"):
            if name in vars(cls):
                said = f"{cls.__name__}.{name} would never be called"
                raise ConfigError(said, hint=_AS_BODY)
        _KINDS[cls.kind] = cls
        cls.has_body = "body" in vars(cls) or cls.has_body

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        **options: Unpack[ModuleOptions],
    ) -> None:
        given = cast(Mapping[str, Any], options)
        _check(given, ModuleOptions.__annotations__, type(self).__name__)
        self._signature = signature_of(signature, options.get("types"))
        self._added = self.adds if self._added is None else self._added
        self._asked = extended(self._signature, *self._added)
        self._name = options.get("name")
        self._single: str | None = None
        lm = options.get("lm")
        self._lm = None if lm is None else as_lm(lm)
        self._repairs = options.get("repairs", 1)
        base = Parameters(spec_of(self._signature).instruction)
        slots = _slots_of(given)
        slots["sampling"] = {k: given[k] for k in SAMPLING if k in given}
        if instruction is not None:
            slots["instruction"] = instruction
        self._parameters = base.with_slots(slots, self.name)
        self._uses: Uses | None = None
        self._compiled_for: str | None = None
        self._compiled_near: str | None = None
        _check_demos(self._parameters.demos, self.spec, self.name)
        check_template(self._parameters.adapter, self.spec)

    def parts(self) -> Mapping[str, Part]:
        """What the body calls, by name: modules, steps and programs; none by default.

        The names are those of the constructor's parameters, so that an artifact can be
        loaded from its parts.
        """
        return {}

    def settings(self) -> Mapping[str, JSON]:
        """What else the constructor was given, as plain data; for artifacts."""
        return {}

    @property
    def tells_unsure(self) -> bool:
        """Whether its facts say of each answer whether it is `unsure`."""
        return False

    @property
    def outvotes(self) -> bool:
        """Whether it may be sure where a decision of a part of it is unsure."""
        return False

    def slots(self) -> Mapping[str, JSON]:
        """What a compiler may change of a body itself, by slot, as plain data.

        Such as the rule by which `Classify` decides; none by default. It is among the
        `settings`, which artifacts hold.
        """
        return {}

    def slots_in(self, settings: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """As `slots`, of a module that was saved with these settings."""
        del settings
        return {}

    def with_slots(self, slots: Mapping[str, Any]) -> Self:
        """A copy with other values in slots of its `slots`.

        Raises:
            ConfigError: A value cannot be.
        """
        del slots
        return self

    def times(self) -> Mapping[str, int]:
        """How often the body calls a part at the most; once where it is not named."""
        return {}

    def times_on(self, inputs: Mapping[str, Any]) -> Mapping[str, int]:
        """As `times`, where some of the inputs are known; for quotes of long inputs."""
        del inputs
        return self.times()

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Give back what a call gives, by calling parts.

        Args:
            call: Calls a part, as a node inside this module's.
            inputs: Checked values by name.
        """
        raise NotImplementedError(f"{type(self).__name__} asks once and has no body")

    @kept
    def uses(self) -> Uses:
        """The parts, and what stands in for them once something is tuned."""
        if self._uses is not None:
            return self._uses
        parts = dict(self.parts())
        return Uses(parts, parts)

    @property
    def structure(self) -> Graph:
        """Its graph as a program: one node, which is the module."""
        return self.structure_as(self.name)

    def structure_as(self, name: str) -> Graph:
        """The graph of a program of this module alone, under another name."""
        spec = self.spec
        bindings = {field: Take(f"{INPUT}.{field}") for field in spec.inputs}
        node = Node(name, "module", name, bindings, self.result)
        inputs = tuple(spec.inputs.values())
        return Graph(name, inputs, (node,), Take(name), self.result)

    @property
    def result(self) -> Any:
        """The type of what a call gives back."""
        single = self._single
        return self.asked if single is None else self.spec.outputs[single].annotation

    @property
    def picture(self) -> Picture:
        """What pictures show: the module with its parts."""
        return Picture(self.structure, inside_of({self.name: self}))

    @property
    def modules(self) -> dict[str, Module[..., Any]]:
        """The modules that ask a model, by path: those inside it, else itself."""
        return self.uses.modules if self.has_body else {self.name: self}

    def with_modules(self, changes: Mapping[str, Module[..., Any]]) -> Self:
        """The same with some of its parts replaced, keyed by path; else itself.

        Raises:
            ConfigError: There is no module at a path, or a change is none or has
                another signature.
        """
        if not changes:
            return self
        require_known(changes, self.modules, self.name)
        for path, made in changes.items():
            was = self.modules.get(path, made)
            same = spec_of(was.signature).hash == spec_of(made.signature).hash
            if not same or was.single != made.single:
                raise ConfigError(
                    f"{self.name!r}: {path!r} is {was!r}, and {made!r} takes or gives "
                    "other things",
                    hint="Change it with .with_(...), or make it of one signature",
                )
        if not self.has_body and [*changes] == [self.name]:
            return cast("Self", changes[self.name])
        made = self._copied()
        made._uses = self.uses.with_modules(changes)
        made._descent = descent_of(self, modules=changes)
        return made

    def __getstate__(self) -> dict[str, Any]:
        """Without its descent: what it was changed from stays where it is."""
        return {name: kept for name, kept in vars(self).items() if name != "_descent"}

    @classmethod
    def own_fields(cls, fields: tuple[FieldSpec, ...]) -> tuple[FieldSpec, ...]:
        """The caller's fields out of those the model is asked for."""
        added = {field.name for field in cls.adds}
        return tuple(field for field in fields if field.name not in added)

    @kept
    def name(self) -> str:
        """The explicit name, or one made from the signature's."""
        return self._name or snake_case(spec_of(self._signature).name)

    @kept
    def named(self) -> bool:
        """Whether the name was given explicitly."""
        return self._name is not None

    @kept
    def signature(self) -> type[Signature]:
        """The contract with the caller."""
        return self._signature

    @kept
    def asked(self) -> type[Signature]:
        """The contract with the model: the caller's, and what the module adds."""
        return self._asked

    @kept
    def told(self) -> type[Signature]:
        """The same contract as the model is told it: with the tuned descriptions."""
        return described(self._asked, self._parameters.descriptions)

    @kept
    def spec(self) -> Spec:
        """The fields that the model is asked for."""
        return spec_of(self._asked)

    @kept
    def inputs(self) -> Spec:
        """The typed inputs."""
        return Spec(self.name, "", tuple(self.spec.inputs.values()))

    @kept
    def single(self) -> str | None:
        """The output field that a call gives back alone (function form), or None."""
        return self._single

    @kept
    def parameters(self) -> Parameters:
        """What a compiler may change."""
        return self._parameters

    @kept
    def instruction(self) -> str:
        """What the model is told to do.

        Raises:
            ConfigError: It asks no model itself, and its parts are told.

        >>> Module("question -> answer", "Be brief.").instruction
        'Be brief.'
        """
        self._refuse_no_prompt("instruction")
        return self._parameters.instruction

    @kept
    def lm(self) -> LanguageModel | None:
        """The module's own model, or None for the scope's."""
        return self._lm

    @kept
    def repairs(self) -> int:
        """How many further calls may follow an unusable reply."""
        return self._repairs

    @property
    def descent(self) -> tuple[Ancestor, ...]:
        """What it was changed from, the nearest first."""
        return self._descent

    @kept
    def compiled_for(self) -> str | None:
        """The model that an artifact was compiled for, where this came of one."""
        return self._compiled_for

    @kept
    def compiled_near(self) -> str | None:
        """The embedder that chose its nearest demos in a compile, "" for trigrams."""
        return self._compiled_near

    def for_model(self, model: str, near: str = "") -> Self:
        """A copy that knows which model it was compiled for, and by which embedder."""
        made = self._copied()
        made._compiled_for, made._compiled_near = model, near
        return made

    def with_(self, **changes: Unpack[ModuleChanges]) -> Self:
        """A copy with other parameters, name, model or repairs.

        Args:
            changes: `instruction`, `demos`, `nearest`, `adapter`, `sampling`, `model`
                (a name; it takes the place of the module's `lm`, and `lm` that of a
                name), `descriptions` (by field), `context` and `glossary` (see
                `with_context`), `illustrations` (solved cases in the task's own text),
                `soft` (soft words), `lora` (low-rank updates), `name`, `lm`,
                `repairs`.

        Raises:
            ConfigError: An option is unknown or has the wrong type.
        """
        given = cast(Mapping[str, Any], changes)
        settled = next((n for n in given if n in self.settings()), None)
        if settled is not None and settled not in ModuleChanges.__annotations__:
            raise ConfigError(
                f"with_ cannot change {settled!r} of a {self.kind}",
                hint=f"Make another one: weft.{self.kind}(..., {settled}=...)",
            )
        _check(given, ModuleChanges.__annotations__, "with_")
        self._refuse_idle(given)
        made = self._copied()
        if "name" in changes:
            made._name = changes["name"]
        if "lm" in changes:
            lm = changes["lm"]
            made._lm = None if lm is None else as_lm(lm)
        if "repairs" in changes:
            made._repairs = changes["repairs"]
        slots, now = _slots_of(given), self._parameters
        if "lm" in changes:
            slots = {"model": None, **slots}
        elif made._lm is not None and slots.get("model", now.model) != now.model:
            # Who answers is the one chosen now, at the address that the caller gave.
            made._lm = made._lm if name_of(made._lm) == slots["model"] else None
        made._parameters = now.with_slots(slots, made.name)
        if "adapter" in changes:
            check_template(made._parameters.adapter, made.spec)
        if "descriptions" in changes:
            told = made._parameters.descriptions
            check_descriptions(told, made.spec.descriptions, made.name)
        if "demos" in changes:
            _check_demos(made._parameters.demos, made.spec, made.name)
            if made.spec.media:
                made._parameters = with_media_read(made._parameters, made.spec)
        if "illustrations" in changes:
            shown = made._parameters.illustrations
            check_illustrations(shown, made.spec, made.name)
        made._descent = descent_of(self, given)
        return made

    def _change(self, name: str) -> str:
        if name in ModuleChanges.__annotations__:
            return f"Write with_({name}=...): it gives a new one"
        if name == "signature":
            return f"Make another module of it: weft.{self.kind}(signature)"
        said = super()._change(name)
        if not said and hasattr(type(self), name):
            said = f"with_(...) changes {', '.join(ModuleChanges.__annotations__)}"
        return said

    def with_context(self, context: Context) -> Self:
        """A copy that says in its prompts what holds in every case.

        Args:
            context: In place of what was said; `weft.Context()` says nothing.

        Raises:
            ConfigError: It is no `weft.Context`.
        """
        slots = slots_of_context(context)
        return self.with_modules(
            {p: m.with_(**cast(Any, slots)) for p, m in self.modules.items()}
        )

    def _signed(self, signature: Any, instruction: str | None, **given: Any) -> None:
        """Begin as a module with a signature and a body; None is as if not given."""
        options = {name: value for name, value in given.items() if value is not None}
        Module.__init__(self, signature, instruction, **options)

    def _like(self, part: Contract, name: str | None, n: int = 1) -> None:
        """Begin as a module with a part's contract: what it takes, what it gives.

        Args:
            part: A module or a program.
            name: Its own name; one made from the part's signature by default.
            n: How often the part is asked.

        Raises:
            ConfigError: The part is neither, or it is to be asked less than once.
            SignatureError: No signature says what a program takes and gives.
        """
        kind = type(self).__name__
        if type(cast(object, n)) is not int or not 0 < n < MOST_TRIES:
            hint = f"Give a whole number from 1 to {MOST_TRIES - 1}"
            hint += f", behind the reward: {kind}(module, reward, n)" * callable(n)
            shown = brief(repr(cast(object, n)))
            raise ConfigError(f"{kind}: n={shown} is no number of tries", hint=hint)
        if not isinstance(cast(object, part), Runnable):
            shown = brief(" ".join(repr(part).split()))
            raise ConfigError(
                f"{kind} is made of a module or a program, and {shown} is none",
                hint=f'Write {kind}(weft.Predict("question -> answer"))',
            )
        self._signed(part.signature, None, name=name)
        self._asked, self._single = part.asked, part.single
        self._forget()

    def wider(self, name: str, *fields: FieldSpec) -> Module[..., Any]:
        """The same way of asking, with more inputs; it shows no demos yet.

        Raises:
            ConfigError: It asks no model itself, or has a field of such a name.
        """
        self._refuse_idle({"signature": fields})
        for taken in (f.name for f in fields if f.name in self.spec.names):
            raise ConfigError(
                f"{self.name!r} has a field {taken!r} of its own, and is asked with "
                "another one of that name",
                hint="Give the field another name",
            )
        signature = extended(self._signature, *fields)
        kind = cast("type[Module[..., Any]]", type(self))
        made: Module[..., Any] = kind(
            cast(Any, signature), name=name, lm=self._lm, repairs=self._repairs
        )
        made = made.adding(*(self._added or ()))
        plain = {"demos": (), "nearest": 0, "illustrations": ()}
        slots = {**self._parameters.slots(), **plain}
        return made.with_(**cast(Any, slots)).returning(self._single)

    def adding(self, *fields: FieldSpec) -> Self:
        """A copy that asks for these fields in place of those that its kind adds."""
        before = [(field.name, field.schema) for field in self._added or ()]
        if [(field.name, field.schema) for field in fields] == before:
            return self
        made = self._copied()
        made._added, made._asked = fields, extended(self._signature, *fields)
        made._forget()
        return made

    def as_text(self, answer: Any) -> str:
        """What a call gave, as another module reads it: one value, or a JSON object."""
        fields, single = self.spec.outputs, self._single
        held = values_of(answer) if single is None else {single: answer}
        outputs = {n: f.shown(held[n]) for n, f in fields.items() if n in held}
        only = next(iter(outputs.values())) if len(outputs) == 1 else outputs
        return strictjson.as_text(only)

    def own(self, answer: Any, inputs: Mapping[str, Any]) -> R_co:
        """What a wider module gave, as a call of this one gives it."""
        if self._single is not None:
            return cast(R_co, answer)
        outputs = {name: getattr(answer, name) for name in self.spec.outputs}
        return cast(R_co, make_value(self._asked, {**inputs, **outputs}))

    def returning(self, output: str | None) -> Self:
        """A copy whose calls give back one output field alone (function form)."""
        made = self._copied()
        made._single = output
        return made

    def _copied(self) -> Self:
        made = copy.copy(self)
        made._compiled_for = made._compiled_near = None
        made._forget()
        return made

    def _forget(self) -> None:
        """Forget what was worked out, where what it was worked out from changes."""
        for name in _WORKED_OUT:
            vars(self).pop(name, None)

    def _refuse_idle(self, changes: Mapping[str, Any]) -> None:
        """A module with a body asks nothing itself: its parts are what may change."""
        idle = next((name for name in changes if name != "name"), None)
        if self.has_body and idle is not None:
            path = next(iter(self.modules), "")
            raise ConfigError(
                f"{self.name!r} asks no model itself, so {idle!r} would change nothing",
                hint=f"Change a part: with_modules({{{path!r}: changed}})" * bool(path),
            )

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

    def prompt(self, /, *args: P.args, **kwargs: P.kwargs) -> Prompt:
        """The messages a call would send, with a token estimate; nothing is sent.

        Raises:
            ConfigError: It calls parts, each with a prompt of its own.
        """
        self._refuse_no_prompt("prompt(...)")
        made = seam.one_off().prompts(self, self.bind(args, kwargs))
        return cast(Prompt, made[self.name])

    def _refuse_no_prompt(self, member: str) -> None:
        if self.has_body:
            path = next(iter(self.modules), "")
            raise ConfigError(
                f"{self.name!r} sends no prompt itself" + "; its parts do" * bool(path),
                hint=f"Write .modules[{path!r}].{member}" * bool(path),
            )

    def parse(self, text: str) -> R_co:
        """What a call would give back for this reply; no model is asked.

        Raises:
            ParseError: The reply does not hold the promised fields.
        """
        values = seam.one_off().parse(self, text)
        if self._single is not None:
            return cast(R_co, values[self._single])
        return cast(R_co, make_value(self._asked, values))

    def __repr__(self) -> str:
        spec = self.spec
        fields = f"{', '.join(spec.inputs)} -> {', '.join(spec.outputs)}"
        demos = len(self._parameters.demos)
        nearest = self._parameters.nearest
        shown = f"{nearest} nearest of " if nearest else ""
        tail = f", {shown}{counted(demos, 'demo')}" if demos else ""
        return f"{self.kind}({self.name!r}: {fields}{tail})"


def slots_of_context(context: object) -> dict[str, dict[str, str]]:
    """The parameters that a context is, by slot.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(context, Context):
        raise ConfigError(
            f"{brief(repr(context))} is no context",
            hint='Write weft.Context(audience="...", glossary={"word": "meaning"})',
        )
    return context.slots()


_WORKED_OUT = [n for n, v in vars(Module).items() if isinstance(v, kept)]


def module_of_kind(kind: str) -> type[Module[..., Any]] | None:
    """The module class of that kind, or None."""
    return _KINDS.get(kind)


def _check(options: Mapping[str, Any], known: Mapping[str, Any], who: str) -> None:
    """Refuse unknown options, and names and repairs that cannot be.

    Args:
        options: What was given.
        known: A `TypedDict`'s annotations.
        who: Who was asked, for messages.

    Raises:
        ConfigError: An option is unknown or has a value nobody understands.
    """
    apart = next((name for name in options if name in SAMPLING), None)
    if apart is not None and apart not in known:
        raise ConfigError(
            f"{who} has no option {apart!r}: how answers are drawn is one parameter",
            hint=f'Write {who}(sampling={{"{apart}": {options[apart]!r}}})',
        )
    check_options(options, known, who)
    name = options.get("name", "x")
    if not isinstance(name, str) or not name or "/" in name:
        raise ConfigError(
            f"{who}: name={name!r} is no name",
            hint="Give a text without '/', which sets paths apart",
        )
    repairs = options.get("repairs", 0)
    if not isinstance(repairs, int) or isinstance(repairs, bool) or repairs < 0:
        raise ConfigError(
            f"{who}: repairs={repairs!r} is no number of calls",
            hint="Give 0 for none, or 1, 2, ...",
        )


def _check_demos(demos: Sequence[Demo], spec: Spec, who: str) -> None:
    """Refuse demos of another signature, and warn of those without any output.

    The latter show a model how not to answer.

    Raises:
        ConfigError: As `check_demos`.
    """
    check_demos(demos, spec, who)
    bare = [demo for demo in demos if demo.values.keys().isdisjoint(spec.outputs)]
    if bare:
        _log.warning(
            "%r: %s no output, so that a model is shown %r as an answer: leave %s out",
            who,
            f"{counted(len(bare), 'demo')} {'has' if len(bare) == 1 else 'have'}",
            NOT_GIVEN,
            ", ".join(demo.id for demo in bare[:3]),
        )


def _slots_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those changes that are parameters."""
    return {slot: value for slot, value in changes.items() if slot in SLOTS}
