"""`weft soft`: soft words baked into a model, and to and from peft's files."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..pipeline.artifact.save import save, softs_in
from ..pipeline.errors import ConfigError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_given
from ..pipeline.lm.models import LM
from ..pipeline.lm.soft.words import Soft
from ..pipeline.lm.white.weights import WhiteModel
from ..pipeline.lm.white.worker import WORKER
from .output import Outcome
from .targets import program_to_show


def soft(arguments: argparse.Namespace) -> Outcome:
    """Bake, export or import the soft words of programs."""
    return {"bake": _bake, "export": _export, "import": _import}[arguments.action](
        arguments
    )


def _bake(arguments: argparse.Namespace) -> Outcome:
    """Write one model that has the words of all programs."""
    from ..pipeline.lm.white import bake  # noqa: PLC0415 - torch takes seconds

    model, out = _model(arguments), _out(arguments)
    programs = [_program(name) for name in arguments.program]
    softs = [s for program in programs for s in softs_in(program).values()]
    texts = [
        module.parameters.instruction
        for program in programs
        for module in program.modules.values()
    ]
    made = asyncio.run(WORKER.run(bake.bake, softs, model, out, texts))
    words = ", ".join(f"{name} from {at}" for name, at in made.words.items())
    text = (
        f"baked      {out}\ntokens     {words}\n"
        f"said       with a probability of {made.share:.0e} at the most, as tried"
    )
    data = {"path": str(out), "tokens": dict(made.words), "share": made.share}
    return Outcome(text, data)


def _export(arguments: argparse.Namespace) -> Outcome:
    """Write a program's words as a folder that peft loads."""
    from ..pipeline.lm.white import exchange  # noqa: PLC0415 - torch takes seconds

    path, soft = _one(softs_in(_program(arguments.program[0])), arguments.module)
    folder = _folder(arguments)
    asyncio.run(WORKER.run(exchange.write_peft, soft, _model(arguments), folder))
    return Outcome(f"exported   {path} to {folder}", {"folder": str(folder)})


def _import(arguments: argparse.Namespace) -> Outcome:
    """Take a folder of peft's into a program."""
    from ..pipeline.lm.white import exchange  # noqa: PLC0415 - torch takes seconds

    program, folder, out = (
        _program(arguments.program[0]),
        _folder(arguments),
        _out(arguments),
    )
    path = arguments.module or _only(program.modules)
    place, model = arguments.place or "front", _model(arguments)
    soft = asyncio.run(WORKER.run(exchange.read_peft, folder, model, path, place))
    made = program.with_parameters({f"{path}/soft": soft})
    given: Program[..., Any] | Module[..., Any] = as_given(made)
    save(given, out)
    text = f"imported   {folder} as {soft.name!r}, saved {out}"
    return Outcome(text, {"out": str(out)})


def _program(name: str) -> Program[..., Any]:
    return program_to_show(name, None)


def _model(arguments: argparse.Namespace) -> WhiteModel:
    name = arguments.model
    found = LM(name if name.startswith("torch/") else f"torch/{name}").weights
    if not isinstance(found, WhiteModel):
        raise ConfigError(
            f"--model {name!r} does not run here",
            hint="Give a GGUF file, or a folder that transformers reads",
        )
    return found


def _out(arguments: argparse.Namespace) -> Path:
    if arguments.out is None:
        raise ConfigError(
            f"weft soft {arguments.action} writes a file, and none is named",
            hint="Write --out PATH",
        )
    return Path(arguments.out)


def _folder(arguments: argparse.Namespace) -> Path:
    if arguments.peft is None:
        raise ConfigError(
            f"weft soft {arguments.action} needs a folder of peft's",
            hint="Write --peft FOLDER",
        )
    return Path(arguments.peft)


def _one(softs: Mapping[str, Soft], wanted: str | None) -> tuple[str, Soft]:
    if wanted is not None and wanted in softs:
        return wanted, softs[wanted]
    if wanted is None and len(softs) == 1:
        return next(iter(softs.items()))
    raise ConfigError(
        f"the program has soft words in {', '.join(softs) or 'no module'}",
        hint="Write --module PATH, one of these" if softs else "Compile it first",
    )


def _only(modules: Sequence[str] | Mapping[str, Any]) -> str:
    if len(modules) == 1:
        return next(iter(modules))
    raise ConfigError(
        f"the program has the modules {', '.join(modules)}",
        hint="Write --module PATH",
    )
