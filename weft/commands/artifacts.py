"""The commands about programs as files: shown, checked, compared, kept, exported.

And about what was trained: soft words baked into a model, low-rank updates as an
adapter, and both to and from peft's files.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from .. import loading, showing
from ..checks import checked_path, newer_editions
from ..dspy_states.reading import import_dspy as imported
from ..exports import export as exported
from ..pipeline.artifact import versions
from ..pipeline.artifact.describe import data_of
from ..pipeline.artifact.diff import diff as differences
from ..pipeline.artifact.load import read_artifact
from ..pipeline.artifact.save import loras_in, save, softs_in
from ..pipeline.artifact.standing import Standing, standing
from ..pipeline.artifact.state import SUFFIX, artifact_schema, schema_text
from ..pipeline.errors import ArtifactError, ConfigError
from ..pipeline.graph.digest import digest_of, program_digest
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_given, as_program
from ..pipeline.ground.files import write_whole
from ..pipeline.lm.models import LM
from ..pipeline.lm.soft.lora import Lora
from ..pipeline.lm.soft.words import Soft
from ..pipeline.lm.white.weights import WhiteModel
from ..pipeline.lm.white.worker import WORKER
from .arguments import pair
from .files import require_writable, write_text
from .output import Outcome, json_text
from .targets import program_named, program_to_show, target_to_show

V = TypeVar("V")

_WORDS: Final = "soft words"
_UPDATES: Final = "low-rank updates"


def show(arguments: argparse.Namespace) -> Outcome:
    """Print a program, or its graph; of an artifact, also where it comes from."""
    target = target_to_show(arguments.target, arguments.program)
    data, made = data_of(target), showing.program_of(target)
    state = data.program.model_dump(mode="json", by_alias=True, exclude_unset=True)
    shown = {
        "name": data.name,
        "digest": data.digest or digest_of(state),
        "program": state,
        "provenance": dict(data.provenance),
        # No drawing where its types cannot be rebuilt.
        "mermaid": None if made is None else made.mermaid(),
    }
    if arguments.mermaid or arguments.svg:
        # What cannot be rebuilt without its live program is an error that says so.
        program = program_to_show(arguments.target, arguments.program)
        return Outcome(program.mermaid() if arguments.mermaid else program.svg(), shown)
    if arguments.html is not None:
        page = Path(arguments.html)
        require_writable(page)
        write_text(page, showing.show_html(target))
    return Outcome(showing.show(target, prompts=arguments.prompt), shown)


def check(arguments: argparse.Namespace) -> Outcome:
    """Import every file of the paths and list what is wired wrongly; for hooks, CI."""
    found = [checked_path(path) for path in arguments.path]
    problems = [str(p) for one in found for p in one.problems]
    words = [line for one in found for line in one.wordings]
    newer = [line for path in arguments.path for line in newer_editions(path)]
    text = "\n".join(problems) or "no problems found"
    data = {"problems": problems, "words": words, "editions": newer}
    return Outcome(text, data, int(bool(problems)), "\n".join([*words, *newer]))


def package(arguments: argparse.Namespace) -> Outcome:
    """Write the folder's `__init__.py`, and say how its programs are imported."""
    folder = loading.package(arguments.dir).parent
    found = sorted(f.name.removesuffix(SUFFIX) for f in folder.glob(f"*{SUFFIX}"))
    text = f"from {folder.absolute().name} import {', '.join(found)}"
    return Outcome(text, {"folder": str(folder), "programs": found})


def diff(arguments: argparse.Namespace) -> Outcome:
    """Say what differs; the exit code is 1 where something does, as `diff` has it."""
    before, after = target_to_show(arguments.before), target_to_show(arguments.after)
    made = differences(before, after)
    data = {"differ": bool(made), **dataclasses.asdict(made)}
    return Outcome(str(made), data, int(bool(made)))


def verify(arguments: argparse.Namespace) -> Outcome:
    """Check files, and every artifact of the folders; nothing is run or called."""
    paths = [*_artifacts(arguments.path)]
    found = [_standing(path, arguments.eval or None) for path in paths]
    wanted: float | None = arguments.fail_under
    wrong = [one for one in found if one.problem]
    low = [one for one in found if one.score and wanted and one.score[0] < wanted]
    said = [f"{len(wrong)} of {len(found)} have no evaluation"] if wrong else []
    said += [f"{one.path} is under {100 * (wanted or 0):.1f}" for one in low]
    text = "\n".join(str(one) for one in found)
    data = {"artifacts": [*map(_data, found)], "problems": len(wrong), "low": len(low)}
    return Outcome(text, data, 1 if wrong else 3 if low else 0, "\n".join(said))


def _artifacts(paths: Sequence[str]) -> Iterator[Path]:
    for place in map(Path, paths):
        inside = [place] if place.is_file() else sorted(place.glob(f"*{SUFFIX}"))
        if not inside:
            raise ConfigError(f"{place} is no file, and no folder with a {SUFFIX} file")
        yield from inside


def _standing(path: Path, evaluations: Sequence[str] | None) -> Standing:
    """One artifact's standing; a file that is none is a finding, not the end."""
    try:
        return standing(path, evaluations)
    except ArtifactError as error:
        return Standing(path, "", "", f"is no artifact: {error}")


def log(arguments: argparse.Namespace) -> Outcome:
    """List the versions of a folder, or of one artifact; children before parents."""
    place = Path(arguments.path)
    found = versions.log(place)
    text = "\n".join(str(version) for version in found)
    said = "" if found else f"{place} holds no artifact"
    return Outcome(text, {"versions": [*map(_data, found)]}, remark=said)


def rollback(arguments: argparse.Namespace) -> Outcome:
    """Put the parent back, or the version that was asked for; nothing is lost."""
    made = versions.rollback(arguments.file, arguments.to)
    said = f"the version that was there is in {made.path.parent / 'history'}"
    return Outcome(str(made), _data(made), remark=said)


def label(arguments: argparse.Namespace) -> Outcome:
    """Let a label of the folder point at a version, or at that of an artifact."""
    version: str = arguments.version
    if version.endswith(SUFFIX):
        version = read_artifact(version).digest
    made = versions.label(arguments.dir, arguments.name, version)
    text = f"{arguments.name}: {made.digest}"
    data = {"label": arguments.name, **_data(made)}
    return Outcome(
        text, data, remark=f"written to {Path(arguments.dir) / 'labels.txt'}"
    )


def _data(found: Standing | versions.Version) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "path": str(found.path)}


def export(arguments: argparse.Namespace) -> Outcome:
    """Print another tool's form as JSON, or write it to a file."""
    target = target_to_show(arguments.target, arguments.program)
    if isinstance(target, str | Path):
        # A module of a file stays one, as its state in dspy does.
        target = program_to_show(arguments.target)
    made = exported(target, to=arguments.to, rename=_renamed(arguments))
    if arguments.out is None:
        return Outcome(json_text(made, indent=1), made)
    out = Path(arguments.out)
    require_writable(out)
    write_whole(out, f"{json.dumps(made, ensure_ascii=False, indent=1)}\n")
    return Outcome(str(out), {"out": str(out), "to": arguments.to})


def import_dspy(arguments: argparse.Namespace) -> Outcome:
    """Fit a DSPy state to a program, and save what comes of it."""
    live, state = program_named(arguments.program), Path(arguments.state)
    made = as_program(imported(state, live, rename=_renamed(arguments)))
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    came = {"imported": "dspy", "state": f"sha256:{digest}"}
    came["parent"] = program_digest(live)
    out = loading.save(as_given(made), arguments.out, provenance=came)
    data = {"out": str(out), "program": made.name, "digest": program_digest(made)}
    counts = {p: len(m.parameters.demos) for p, m in made.modules.items()}
    said = ", ".join(f"{path} has {n} of its demos" for path, n in counts.items())
    remark = f"{said}\nnext: weft diff {arguments.program} {out}"
    return Outcome(str(out), {**data, "demos": counts}, remark=remark)


def _renamed(arguments: argparse.Namespace) -> dict[str, str]:
    """Modules by what DSPy calls them."""
    return dict(pair(text, "--rename prog.sort=route") for text in arguments.rename)


def schema(arguments: argparse.Namespace) -> Outcome:
    """Print the JSON Schema of artifacts; it is the same with --json."""
    del arguments
    return Outcome(schema_text().rstrip("\n"), artifact_schema())


def soft(arguments: argparse.Namespace) -> Outcome:
    """Bake soft words, write adapters of tuned weights, or exchange both with peft."""
    actions = {
        "bake": _bake,
        "adapter": _adapter,
        "export": _export,
        "import": _import,
    }
    return actions[arguments.action](arguments)


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


def _adapter(arguments: argparse.Namespace) -> Outcome:
    """Write a program's low-rank updates as an adapter of llama.cpp."""
    from ..pipeline.lm.white import exchange  # noqa: PLC0415 - torch takes seconds

    loras, out = loras_in(_only_program(arguments)), _out(arguments)
    path, lora = _one(loras, arguments.module, _UPDATES)
    asyncio.run(WORKER.run(exchange.write_adapter, lora, _model(arguments), out))
    text = f"adapter    {out}\nupdates    {lora.mark} of {path}"
    return Outcome(text, {"path": str(out), "lora": lora.mark})


def _export(arguments: argparse.Namespace) -> Outcome:
    """Write what a program was trained to as a folder that peft loads."""
    from ..pipeline.lm.white import exchange  # noqa: PLC0415 - torch takes seconds

    program, folder = _only_program(arguments), _folder(arguments)
    softs, loras = softs_in(program), loras_in(program)
    slot = arguments.slot or ("lora" if loras and not softs else "soft")
    if softs and loras and arguments.slot is None:
        raise ConfigError(
            "the program has soft words and low-rank updates",
            hint="Write --slot soft or --slot lora",
        )
    trained: Soft | Lora
    if slot == "lora":
        path, trained = _one(loras, arguments.module, _UPDATES)
    else:
        path, trained = _one(softs, arguments.module, _WORDS)
    asyncio.run(WORKER.run(exchange.write_peft, trained, _model(arguments), folder))
    return Outcome(f"exported   {path} to {folder}", {"folder": str(folder)})


def _import(arguments: argparse.Namespace) -> Outcome:
    """Take a folder of peft's into a program."""
    from ..pipeline.lm.white import exchange  # noqa: PLC0415 - torch takes seconds

    program, folder = _only_program(arguments), _folder(arguments)
    out = _out(arguments)
    path = arguments.module or _only(program.modules)
    model, where = _model(arguments), exchange.Where(path, arguments.place or "front")
    trained = asyncio.run(WORKER.run(exchange.read_peft, folder, model, where))
    slot = "soft" if isinstance(trained, Soft) else "lora"
    made = program.with_parameters({f"{path}/{slot}": trained})
    given: Program[..., Any] | Module[..., Any] = as_given(made)
    save(given, out)
    text = f"imported   {folder} as {trained.name!r}, saved {out}"
    return Outcome(text, {"out": str(out)})


def _program(name: str) -> Program[..., Any]:
    return program_to_show(name, None)


def _only_program(arguments: argparse.Namespace) -> Program[..., Any]:
    """The one program that an action takes.

    Raises:
        ConfigError: Several are given.
    """
    names: list[str] = arguments.program
    if len(names) > 1:
        raise ConfigError(
            f"weft soft {arguments.action} takes one program, and {len(names)} are "
            f"given: {', '.join(names)}",
            hint="Call it once for each; weft soft bake alone takes several",
        )
    return _program(names[0])


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


def _one(held: Mapping[str, V], wanted: str | None, what: str) -> tuple[str, V]:
    if wanted is not None and wanted in held:
        return wanted, held[wanted]
    if wanted is None and len(held) == 1:
        return next(iter(held.items()))
    raise ConfigError(
        f"the program has {what} in {', '.join(held) or 'no module'}",
        hint="Write --module PATH, one of these" if held else "Compile it first",
    )


def _only(modules: Sequence[str] | Mapping[str, Any]) -> str:
    if len(modules) == 1:
        return next(iter(modules))
    raise ConfigError(
        f"the program has the modules {', '.join(modules)}",
        hint="Write --module PATH",
    )
