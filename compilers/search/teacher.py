"""Teachers: who shows a program how its work is done, where it is not itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...pipeline.errors import ConfigError
from ...pipeline.graph.digest import program_digest
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program, as_program
from ...pipeline.ground import strictjson
from ...pipeline.lm.lm import LanguageModel, as_lm
from ...pipeline.parameters import Demo, check_demos, size_of
from ...pipeline.run.settings import current
from ...pipeline.signature.signature import spec_of

_LARGEST_DEMO = strictjson.MAX_CHARS // 32
AnyProgram = Program[..., Any]


@dataclass(frozen=True)
class Teacher:
    """A model that answers in the program's place, or a program that does.

    Args:
        name: What a journal must agree on: the model, or the program's digest.
        lm: The model, or None for a program on its own models.
        program: The program, or None for the one that is taught.
    """

    name: str
    lm: LanguageModel | None = None
    program: AnyProgram | None = None

    @classmethod
    def of(
        cls,
        given: str | LanguageModel | AnyProgram | Module[..., Any] | None,
        taught: AnyProgram,
    ) -> Teacher | None:
        """What a user gave as `teacher=`; None stays None.

        Raises:
            ConfigError: A program has none of the taught one's modules, other inputs,
                or no model.
        """
        if given is None:
            return None
        if not isinstance(given, Program | Module):
            lm = as_lm(given)
            return cls(lm.model, lm)
        program = as_program(given)
        if list(program.inputs.inputs) != list(taught.inputs.inputs):
            raise ConfigError(
                f"teacher {program.name!r} has the inputs "
                f"{', '.join(program.inputs.inputs)}, and {taught.name!r} has "
                f"{', '.join(taught.inputs.inputs)}",
                hint="Give a program that is called alike",
            )
        if not set(program.modules) & set(taught.modules):
            raise ConfigError(
                f"teacher {program.name!r} has no module of {taught.name!r}: "
                f"{', '.join(taught.modules)}",
                hint="Name its modules as those that they teach",
            )
        for path, module in program.modules.items():
            current().model_of(path, module)
        return cls(program_digest(program), None, program)

    def in_place_of(self, program: AnyProgram) -> AnyProgram:
        """What is run to teach a program."""
        if self.program is not None:
            return self.program
        return program.with_modules(
            {path: m.with_(lm=self.lm) for path, m in program.modules.items()}
        )


def lesson(module: Module[..., Any], demo: Demo) -> Demo | None:
    """A teacher's demo with the fields that a module has, or None if it fits none."""
    spec = module.spec
    known = {f.name: demo.values[f.name] for f in spec.fields if f.name in demo.values}
    made = Demo(known, demo.source, demo.by)
    try:
        check_demos([made], spec, module.name)
    except ConfigError:
        return None
    wanted = {*spec.inputs, *spec_of(module.signature).outputs}
    return made if wanted <= set(known) and is_handy(made) else None


def is_handy(demo: Demo) -> bool:
    """Whether a demo can be kept with some dozens of its size in one artifact.

    What a search picks has to be saved when all is paid for.
    """
    try:
        return size_of(demo) <= _LARGEST_DEMO
    except (TypeError, ValueError):
        return False
