"""Checks before anything is paid for: rows, labels, compiler, models."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...pipeline.data.rows import Example, require_rows
from ...pipeline.errors import ConfigError, did_you_mean
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.run.models_by_path import require_model_paths
from ...pipeline.run.rows import bind_row, rows_of
from ...pipeline.run.settings import current
from .. import __all__ as public_names
from ..recipe import Compiler, Recipe


def rows_for(
    program: Program[..., Any], source: Iterable[Any] | str | Path, what: str
) -> list[Example]:
    """Rows whose inputs fit a program.

    Raises:
        DataError: There is none, or one does not fit.
    """
    rows = rows_of(program.inputs, source)
    require_rows(rows, what)
    for row in rows:
        bind_row(program.inputs, row.inputs, row.id)
    return rows


def require_compiler(given: object) -> None:
    """Refuse what is no compiler, and say which one may be meant.

    Raises:
        ConfigError: It is none.
    """
    if isinstance(given, Compiler):
        return
    meant = given.__name__ if inspect.isclass(given) else str(given)
    known = {name.casefold(): name for name in public_names}
    nearest = difflib.get_close_matches(meant.casefold(), known, n=1)
    name = known[nearest[0]] if nearest else "Auto"
    raise ConfigError(
        f"{given!r} is no compiler", hint=f"Give one such as weft.compilers.{name}()"
    )


def require_terms(seed: object, run_dir: object) -> None:
    """Refuse a seed that is no whole number, and a run folder that is no path.

    Raises:
        ConfigError: One of them is.
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ConfigError(
            f"seed={seed!r} is no whole number", hint="Give one such as 0"
        )
    if not isinstance(run_dir, str | os.PathLike | None):
        raise ConfigError(
            f"run_dir={run_dir!r} is no folder", hint='Give a path such as "runs/a"'
        )


def require_models(program: Program[..., Any]) -> None:
    """Refuse a program that has no model for one of its modules.

    Raises:
        ConfigError: No model is set, or one is set for a path that is almost a
            module's, or for a teacher; the message names the ways to set one.
    """
    if "teacher" in current().lms and "teacher" not in program.modules:
        raise ConfigError(
            "lms= names a model for 'teacher', which would never be asked",
            hint="Write weft.compile(..., teacher=...)",
        )
    require_model_paths(program)
    for path, module in program.modules.items():
        current().model_for(path, module.lm)


def writer_of(program: Program[..., Any]) -> LanguageModel | None:
    """Who writes proposals: `lms={"proposer": ...}`, the scope's model, or a module's.

    None leaves it to WEFT_LM.
    """
    runtime = current()
    own = next((m.lm for m in program.modules.values() if m.lm is not None), None)
    return runtime.lms.get("proposer") or runtime.lm or own


def require_writer(program: Program[..., Any], recipes: Sequence[Recipe]) -> None:
    """Refuse recipes that have a model write where none is set.

    Raises:
        ConfigError: No model is set; the message names the ways to set one.
    """
    for module in _asked(recipes):
        current().model_for(module.name, writer_of(program))


def require_recipes(compiler: Compiler) -> tuple[Recipe, ...]:
    """A compiler's recipes, each with something to do.

    Raises:
        ConfigError: There is none, or one proposes nothing.
    """
    recipes = tuple(compiler.recipes())
    if recipes and all(recipe.rounds and all(recipe.rounds) for recipe in recipes):
        return recipes
    raise ConfigError(
        f"{type(compiler).__name__}.recipes() proposes nothing",
        hint="Give recipes with a Draw in each round: Recipe(((Draw(...),),), ...)",
    )


def require_paths(program: Program[..., Any], recipes: Sequence[Recipe]) -> None:
    """Refuse settings that name a module which the program does not have.

    Raises:
        ConfigError: They do.
    """
    for proposer in (d.proposer for r in recipes for turn in r.rounds for d in turn):
        for path in proposer.about:
            if path and path not in program.modules:
                raise ConfigError(
                    f"{proposer.name} is for the module {path!r}, and program "
                    f"{program.name!r} has none of that name",
                    hint=did_you_mean(path, program.modules),
                )


def models_of(program: Program[..., Any], recipes: Sequence[Recipe]) -> dict[str, str]:
    """The models asked, by module path; that of proposals as "proposer"."""
    models = {
        path: current().model_for(path, module.lm).model
        for path, module in program.modules.items()
    }
    for module in _asked(recipes):
        writer = current().model_for(module.name, writer_of(program))
        models["proposer"] = writer.model
    return models


def _asked(recipes: Sequence[Recipe]) -> list[Module[..., Any]]:
    draws = [draw for r in recipes for draws in r.rounds for draw in draws]
    return [module for draw in draws for module in draw.proposer.asks]
