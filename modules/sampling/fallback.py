"""Fallback: the next model where one brings no usable answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast, final

from ...pipeline import errors
from ...pipeline.errors import ConfigError, ModelError, did_you_mean
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked
from ...pipeline.lm.lm import LanguageModel, as_lm, name_of
from ...pipeline.lm.request import JSON
from ...pipeline.run.settings import current
from ...pipeline.trace import info, was_run

_MOST: Final = 100
_KNOWN: Final = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ModelError)
}


@final
class Fallback(Module[P, R_co]):
    r"""Ask a module of its own model; where that fails, of the next, and the next.

    The order of a cascade (Chen et al. 2023, arXiv 2305.05176, section 3) with failure
    as what leads on. Every `ModelError` does by default: a server that is down, busy or
    refuses, and a reply that cannot be used after its repairs and retries. Set-up
    errors, errors of steps and a spent budget end the run. Where the last model fails
    too, its error is raised.

    All models are asked with the same prompt and demos: `module` is the one part, and a
    compiler tunes it. One that is made of others is asked of the next model as a whole,
    a judge in it too: where that is to keep its own, put the `Fallback` around what it
    judges. `weft.info(result).facts` has the model that `answered`, and what
    `failed` before. An artifact keeps the models' names alone: who loads it says who
    they are, in `weft.use(lms={"openai/gpt-5": weft.LM(...)})`.

    Args:
        module: What is asked, first of its own model or the scope's: a module, or a
            whole program.
        lms: The models that follow, in order: strings or models.
        on: Which errors lead on to the next model: classes below `ModelError`.
        models: In place of `lms`, names for which `lms=` of the scope has the models.
        name: Its name; the module's by default.

    Raises:
        ConfigError: There is no further model, or one of `on` is no `ModelError`.

    >>> import weft
    >>> spare = weft.ScriptedLM(["[[ answer ]]\nParis"])
    >>> ask = weft.Fallback(weft.Predict("question -> answer", repairs=0), [spare])
    >>> with weft.use(lm=weft.ScriptedLM(["sorry, no"]), cache=None):
    ...     made = ask(question="Capital of France?")
    >>> made.answer, [one["error"][:10] for one in weft.info(made).facts["failed"]]
    ('Paris', ['ParseError'])
    """

    kind = "Fallback"

    @checked
    def __init__(
        self,
        module: Askable[P, R_co],
        lms: Iterable[str | LanguageModel] = (),
        *,
        on: Sequence[type[ModelError] | str] = (ModelError,),
        models: Sequence[str] = (),
        name: str | None = None,
    ) -> None:
        self._like(module, name)
        if isinstance(lms, str) or not isinstance(cast(object, lms), Iterable):
            raise ConfigError(
                f"Fallback: lms={lms!r} is no list", hint='Write lms=["openai/gpt-5"]'
            )
        self._lms = [*map(as_lm, lms)]
        self._module, self._on = module, _errors(on)
        names: object = models
        listed = isinstance(names, list | tuple)
        if not listed or not all(isinstance(n, str) for n in cast("list[Any]", names)):
            raise ConfigError(
                f"Fallback: models={models!r}",
                hint="Give a list of names, or lms=[...]",
            )
        if len(models) > _MOST:
            raise ConfigError(
                f"Fallback: {len(models)} models", hint=f"Give {_MOST} at the most"
            )
        if bool(self._lms) == bool(models):
            raise ConfigError(
                "Fallback: there is no further model"
                if not models
                else "Fallback: lms= and models= both say which models follow",
                hint='Write weft.Fallback(module, ["openai/gpt-5-mini"])',
            )
        self._names = [*models] if models else [name_of(lm) for lm in self._lms]

    def parts(self) -> Mapping[str, Part]:
        """What is asked."""
        return {"module": self._module}

    def settings(self) -> Mapping[str, JSON]:
        """The names of the models that follow, and of the errors that lead on."""
        on: list[JSON] = [kind.__name__ for kind in self._on]
        return {"models": [*self._names], "on": on}

    def times(self) -> Mapping[str, int]:
        """Once of each model at the most."""
        return {"module": 1 + len(self._names)}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask one model after another."""
        labels = [self._own_name(), *self._names]
        failed: list[JSON] = []
        for number, label in enumerate(labels):
            part = self._asking(number - 1) if number else self._module
            try:
                answer = await call(part, inputs)
            except self._on as error:
                said = f"{type(error).__name__}: {error.message}"
                failed.append({"model": error.model or label, "error": said})
                call.report(failed=failed)
                if number + 1 == len(labels):
                    raise
                call.note(f"{label} failed, and {labels[number + 1]} is asked: {said}")
                continue
            call.report(answered=_who(answer, label), failed=failed)
            return self.own(answer, inputs)
        raise AssertionError("the last model answers or raises")

    def _own_name(self) -> str:
        """What the first model is called, as far as that is known beforehand."""
        running: Any = self.uses.running["module"]
        settings = current()
        if running.has_body or settings.lms or running.parameters.model is not None:
            return "its own model"
        lm = settings.lm if running.lm is None else running.lm
        return "its own model" if lm is None else name_of(lm)

    def _asking(self, number: int) -> Askable[..., Any]:
        """The module, asking one of the models that follow."""
        module: Askable[..., Any] = self._module
        if isinstance(module, Module) and not module.has_body:
            return self._of(module, number)
        inner = {path: self._of(one, number) for path, one in module.modules.items()}
        return module.with_modules(inner)

    def _of(self, module: Module[..., Any], number: int) -> Module[..., Any]:
        if self._lms:
            return module.with_(lm=self._lms[number])
        return module.with_(lm=None).with_(model=self._names[number])


def _who(answer: Any, label: str) -> str:
    """The model that answered, as its call says it."""
    if hasattr(answer, "__dict__") and was_run(answer):
        calls = info(answer).calls
        return calls[-1].model if calls else label
    return label


def _errors(on: object) -> tuple[type[ModelError], ...]:
    """Classes of errors, from classes or names.

    Raises:
        ConfigError: There is none, or one is no `ModelError`.
    """
    given = cast("list[Any]", on if isinstance(on, list | tuple) else [on])
    found: list[type[ModelError]] = []
    for one in given:
        name = one if isinstance(one, str) else getattr(one, "__name__", repr(one))
        kind = _KNOWN.get(name)
        if kind is None or (not isinstance(one, str) and one is not kind):
            raise ConfigError(
                f"Fallback: on={name!r} is no error of a model's call",
                hint=did_you_mean(name, _KNOWN),
            )
        found.append(kind)
    if not found:
        raise ConfigError("Fallback: on=() leads on to no model", hint="Leave it out")
    return tuple(found)
