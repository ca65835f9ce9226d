"""One run of a module that writes code: its sandbox, its tools, and its steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self

import pydantic

from ...pipeline.errors import (
    DataError,
    ModelFailure,
    StepError,
)
from ...pipeline.graph.module import Call, Module
from ...pipeline.ground.words import counted
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.signature import make_value
from ..agents.arguments import Misfit, arguments_of
from ..agents.tool import Tool
from ..agents.trajectory import asked_in_steps, next_step
from .functions import (
    Ended,
    Function,
    Raised,
    given_back,
    named,
    raised_by,
)
from .kit import ALSO, SUBMIT, Kit
from .outcome import CodeError, CodeRun
from .session import Session
from .trajectory import GAVE, CodeStep

_OUTPUT: Final = "output"  # what is cut where steps grow long


class Coding:
    """A run of code by steps, opened with `async with`; it is the run's own.

    Each step and each call of a function is kept in the run's journal: where one waits
    for approval the run is suspended, and one that goes on runs the same code again
    and is given what the functions gave.

    Args:
        call: Calls the module's parts.
        kit: What code has at hand.
        inputs: What code finds as variables, by name.
        own: The module's own functions.
        context: Characters of the trajectory that a call shows.
    """

    def __init__(
        self,
        call: Call,
        kit: Kit,
        inputs: Mapping[str, Any],
        own: Mapping[str, Function] | None = None,
        *,
        context: int,
    ) -> None:
        self._call, self._kit, self._context = call, kit, context
        self.steps: list[CodeStep] = []
        """What ran so far."""
        self.answer: dict[str, Any] | None = None
        """The outputs that were submitted, or None."""
        self._number, self._thought = 0, ""
        functions: dict[str, Function] = {
            name: self._function(tool) for name, tool in kit.tools.items()
        }
        functions |= {SUBMIT: self._submit, ALSO: self._submit, **(own or {})}
        self._session = Session(kit.sandbox, inputs, functions, (SUBMIT, ALSO))

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.__aexit__(*error)

    async def steps_by(
        self, part: Module[..., Any], inputs: Mapping[str, Any], most: int
    ) -> None:
        """Take steps until code submits, so many were taken, or no further one is read.

        Args:
            part: Gives `thought` and `code`.
            inputs: What it is asked with, beside the trajectory.
            most: How many steps there may be.
        """
        while self.answer is None and len(self.steps) < most:
            if await self.step(part, inputs) is None:
                return
        if self.answer is None:
            self._call.note(f"no answer was submitted in {counted(most, 'step')}")

    async def step(
        self, part: Module[..., Any], inputs: Mapping[str, Any]
    ) -> CodeStep | None:
        """Ask a part for code, and run it; None where a further step cannot be read.

        Args:
            part: Gives `thought` and `code`.
            inputs: What it is asked with, beside the trajectory.

        Raises:
            ParseError: No first step can be read.
        """
        number, self._number = self._number, self._number + 1
        kept = self._call.kept(number)
        if kept is None:
            move = await next_step(
                self._call, part, inputs, self.steps, self._context, GAVE, _OUTPUT
            )
            if move is None:
                return None
            kept = {"thought": move.thought, "code": move.code}
            self._call.keep(number, kept)
        thought, code = kept.get("thought"), kept.get("code")
        if not isinstance(thought, str) or not isinstance(code, str):
            raise DataError("a step of a suspended run is none")
        self._thought = thought
        step = await self._ended_before()
        if step is None:
            step = _step(thought, await self._session.run(code))
            if self._session.ended and self.answer is None:
                self._call.keep(self._number, {"ran": step.model_dump()})
                self._number += 1
        self.steps.append(step)
        return step

    async def _ended_before(self) -> CodeStep | None:
        """The step as it was, where it ended at a limit before the run was suspended.

        A run that goes on need not reach the same limit. Any other step runs again.
        """
        number = self._number
        while (kept := self._call.kept(number)) is not None and "code" not in kept:
            number += 1
            if "ran" in kept:
                try:
                    step = CodeStep.model_validate(kept["ran"])
                except pydantic.ValidationError:
                    raise DataError("a step of a suspended run is none") from None
                self._number = number
                await self._session.begin_anew()
                return step
        return None

    async def ask(self, part: Module[..., Any], inputs: Mapping[str, Any]) -> Any:
        """Ask a part, with as much of the trajectory as there is room for."""
        return await asked_in_steps(
            self._call, part, inputs, self.steps, self._context, GAVE, _OUTPUT
        )

    async def read(
        self, part: Module[..., Any], inputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The outputs, as a part reads them off the trajectory."""
        made = await self.ask(part, inputs)
        return {field.name: getattr(made, field.name) for field in self._kit.answer}

    async def once(
        self,
        name: str,
        arguments: Mapping[str, JSON],
        work: Callable[[], Awaitable[Any]],
        *,
        approval: bool = False,
    ) -> JSON:
        """Do what a function does, once over all the processes of a run.

        Args:
            name: The function's.
            arguments: What the code gave, for a person and for the journal.
            work: Does it.
            approval: Whether a person must agree before.

        Raises:
            Raised: It raised, or was refused.
            Suspended: It waits for a person.
            DataError: A run that goes on calls something else than it did before.
        """
        number, self._number = self._number, self._number + 1
        kept = self._call.kept(number)
        entry: dict[str, JSON] = {"tool": name, "arguments": dict(arguments)}
        if kept is not None and any(kept.get(key) != entry[key] for key in entry):
            raise DataError(
                f"the code of a suspended run called {kept.get('tool')!r:.99} before, "
                f"and calls {name!r} now",
                hint="Go on with the data as it was given",
            )
        if kept is not None and kept.get("done"):
            if "kind" in kept:
                raise Raised(str(kept["kind"]), str(kept.get("error")))
            return kept.get("value")
        approved = None if kept is None else kept.get("approved")
        done: dict[str, JSON] = {**entry, "done": True}
        refused = approval and approved is not True
        if refused and not isinstance(approved, str):
            self._call.keep(number, entry)
            self._call.suspend(number, {"thought": self._thought, **entry})
        with self._call.working():
            self._call.keep(number, entry)
            try:
                value = given_back(await (_refused(approved) if refused else work()))
            except Raised as error:
                done |= {"kind": error.kind, "error": str(error)}
                self._call.keep(number, done)
                raise
            self._call.keep(number, {**done, "value": value})
        return value

    def _function(self, tool: Tool[..., Any]) -> Function:
        async def called(given: Sequence[JSON], more: Mapping[str, JSON]) -> JSON:
            try:
                arguments = named(tool.name, tool.fields, given, more)
                checked = tool.checked(arguments)
            except Misfit as error:
                raise Raised("TypeError", str(error)) from None

            async def work() -> Any:
                try:
                    return await self._call(tool.step, checked)
                except (StepError, ModelFailure) as error:
                    raise raised_by(error) from None

            waits = tool.options.approval
            return await self.once(tool.name, arguments, work, approval=waits)

        return called

    async def _submit(self, given: Sequence[JSON], more: Mapping[str, JSON]) -> JSON:
        answer = self._kit.answer
        alone = given[0] if len(given) == 1 and not more else None
        try:
            made = _outputs(answer, named(SUBMIT, answer, given, more))
        except Misfit as error:
            names = {field.name for field in answer}
            if not isinstance(alone, dict) or not alone.keys() <= names:
                raise Raised("TypeError", str(error)) from None
            try:
                made = _outputs(answer, alone)
            except Misfit as other:
                raise Raised("TypeError", str(other)) from None
        self.answer = made
        raise Ended


def _step(thought: str, run: CodeRun) -> CodeStep:
    if not run.code:
        run = CodeRun("", error=CodeError("SyntaxError", "there is no code"))
    return CodeStep(
        thought=thought,
        code=run.code,
        printed=run.printed,
        value=run.shown,
        error="" if run.error is None else str(run.error),
    )


async def _refused(words: JSON) -> Any:
    raise Raised("PermissionError", str(words))


def _outputs(answer: Sequence[FieldSpec], given: Mapping[str, JSON]) -> dict[str, Any]:
    made = arguments_of(SUBMIT, answer, given)
    missing = (field for field in answer if field.name not in made)
    return {**made, **{field.name: field.fallback() for field in missing}}


def variables_of(module: Module[..., Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A module's inputs as code finds them: plain data; media are not there."""
    spec = module.inputs
    unseen = {field.name for field in spec.media}
    dumped = spec.dump_inputs(inputs)
    return {name: data for name, data in dumped.items() if name not in unseen}


def result_of(
    module: Module[..., Any],
    inputs: Mapping[str, Any],
    answer: Mapping[str, Any],
    steps: Sequence[CodeStep],
) -> Any:
    """What a call of the module gives back."""
    if module.single is not None:
        return answer[module.single]
    values = {**inputs, "trajectory": list(steps), **answer}
    return make_value(module.asked, values)
