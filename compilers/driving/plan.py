"""The plan of a compile: everything that is settled before the first call."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ...pipeline.data.example import Example
from ...pipeline.data.rows import digest_rows, require_rows
from ...pipeline.errors import ConfigError, DataError, did_you_mean
from ...pipeline.graph.digest import program_digest
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program, as_program
from ...pipeline.graph.unnamed import refuse_unnamed
from ...pipeline.ground import strictjson
from ...pipeline.ground.options import path_of
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.measure.labels import for_program, require_labels
from ...pipeline.measure.score import Metric, metric_name, require_callable
from ...pipeline.run.rows import bind_row, require_model_paths, rows_of
from ...pipeline.run.settings import current
from ..propose.knowledge import Describe, of_tools
from ..propose.proposer import Proposer
from ..propose.reflection import mend_instruction
from ..recipe import Compiler, Draw, Recipe
from ..search.cost import Quote
from ..search.counting import tried_paths
from ..search.judge import Judging, judging_of
from ..search.keeping import Keeping, wishes
from ..search.running_cost import Caps
from ..search.task import Split
from ..search.teacher import Teacher
from .quote import quote_of
from .split import split_for, without_learnt

Rows = Iterable[Any] | str | Path
Shower = str | LanguageModel | Program[..., Any] | Module[..., Any]


def kept(rows: Rows) -> Rows:
    """Rows that can be read more than once; an iterator is read into a list."""
    return list(rows) if isinstance(rows, Iterator) else rows


@dataclass(frozen=True)
class Terms:
    """What a compile is run with; see `compile`.

    `parent` is what the artifact that was compiled anew says of its making.

    Raises:
        ConfigError: `passing` is no score that a run can pass with.
    """

    seed: int = 0
    run_dir: str | Path | None = None
    concurrency: int = 64
    keep: Sequence[str] = ()
    teacher: Shower | None = None
    passing: float | None = None
    advice: bool = True
    parent: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        given = cast(object, self.passing)
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if given is not None and not (number and 0 < cast(float, given) <= 1):
            raise ConfigError(
                f"passing={given!r} is no score that a run can pass with",
                hint="Give a number above 0, and at most 1, such as 0.8",
            )


@dataclass(frozen=True)
class Plan:
    """Everything that is settled before the first call."""

    program: Program[..., Any]
    metric: Metric
    compiler: Compiler
    recipes: tuple[Recipe, ...]
    split: Split
    terms: Terms
    data: dict[str, str]
    models: dict[str, str]
    quote: Quote
    keeping: Keeping
    judging: Judging
    teacher: Teacher | None
    widest: Program[..., Any]

    @property
    def shorter(self) -> bool:
        """Whether a shorter prompt of the same score is a gain."""
        return any(recipe.shorter for recipe in self.recipes)

    @property
    def cheaper(self) -> bool:
        """Whether a cheaper program of the same score is a gain."""
        return any(recipe.cheaper for recipe in self.recipes)

    @property
    def caps(self) -> Caps:
        """What a row of the result may cost: all caps of the recipes at once."""
        return functools.reduce(Caps.tighter, (r.caps for r in self.recipes), Caps())

    @functools.cached_property
    def choice(self) -> dict[str, LanguageModel]:
        """The models that a module may be told to ask, by name.

        One that gets the same requests as another, or as the program's own, is that
        one: else what is under way at the same time would be asked twice.
        """
        runtime, modules = current(), self.program.modules.items()
        own = [runtime.model_of(path, module) for path, module in modules]
        known = {_asked_alike(lm): lm for lm in reversed(own)}
        pairs = ((n, lm) for recipe in self.recipes for n, lm in recipe.models.items())
        return {name: known.setdefault(_asked_alike(lm), lm) for name, lm in pairs}

    @property
    def others(self) -> dict[str, Program[..., Any]]:
        """The program asking each other model, in each other form, by what it does."""
        paths, made = self.program.modules, dict[str, Program[..., Any]]()
        forms = dict.fromkeys(form for r in self.recipes for form in r.forms)
        for form, name in itertools.product(("", *forms), ("", *self.choice)):
            slots = {"adapter": form, "model": name}
            new = {f"{p}/{s}": v for p in paths for s, v in slots.items() if v}
            if new:
                said = " ".join(filter(None, (name and f"asks {name}", form)))
                made[said] = self.program.with_parameters(new)
        return made

    @property
    def identity(self) -> dict[str, Any]:
        """What a journal must agree on to be resumed."""
        return {
            "program": program_digest(self.program),
            "metric": metric_name(self.metric),
            "compiler": self.compiler.describe(),
            "seed": self.terms.seed,
            "data": self.data,
            "models": self.models,
            "keep": wishes(self.terms.keep),
            **({"teacher": self.teacher.name} if self.teacher else {}),
            **({"passing": self.terms.passing} if self.terms.passing else {}),
            **({"embedder": near} if (near := current().nearness) else {}),
        }


def plan_of(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    val: Rows | None,
    metric: Metric,
    compiler: Compiler,
    terms: Terms,
) -> Plan:
    """Check everything and count what it will cost; no model is called.

    Raises:
        SetupError: Something is wrong; nothing was paid for.
    """
    made = as_program(program)
    refuse_unnamed(made)
    if not made.modules:
        raise ConfigError(
            f"program {made.name!r} calls no module, so there is nothing to compile",
            hint="Name the modules that a step calls: @weft.step(uses=[module])",
        )
    _refuse_terms(terms.seed, terms.run_dir)
    rows = _rows_for(made, train, "train")
    others = None if val is None else _rows_for(made, val, "val")
    _refuse_no_model(made)
    # A metric is its author's code: it is never tried on made-up answers.
    require_callable(metric)
    metric = for_program(metric, made)
    require_labels(metric, (*rows, *(others or ())))
    judging = judging_of(metric)
    teacher = Teacher.of(terms.teacher, made)
    recipes = _recipes_of(compiler, made)
    models = _models_of(made, recipes)
    _refuse_other_paths(made, recipes)
    _refuse_two_of_a_name(recipes)
    raced = any(recipe.racer is not None for recipe in recipes)
    given = split_for(rows, others, terms.seed, raced=raced)
    split = without_learnt(given, made, terms.seed)
    if others is not None:
        _refuse_seen(others, rows)
    _refuse_too_few(split, raced=raced, shown=split != given)
    widest = functools.reduce(_widened, (p for r in recipes for p in r.proposers), made)
    keeping = Keeping.of(made, terms.keep)
    data = {"train": digest_rows(rows)}
    if others is not None:
        data["val"] = digest_rows(others)
    return Plan(
        made,
        metric,
        compiler,
        recipes,
        split,
        terms,
        data,
        models,
        replace(
            quote_of(made, split, recipes, judging, teacher, widest, keeping),
            greedy=_greedy(made, recipes),
        ),
        keeping,
        judging,
        teacher,
        widest,
    )


def writer_of(program: Program[..., Any]) -> LanguageModel | None:
    """Who writes proposals: `lms={"proposer": ...}`, the scope's model, or a module's.

    None leaves it to WEFT_LM.
    """
    runtime = current()
    own = next((m.lm for m in program.modules.values() if m.lm is not None), None)
    return runtime.lms.get("proposer") or runtime.lm or own


def _widened(program: Program[..., Any], proposer: Proposer) -> Program[..., Any]:
    return proposer.widest(program)


def _rows_for(program: Program[..., Any], source: Rows, what: str) -> list[Example]:
    """Rows whose inputs fit a program, with the defaults of those that are left out.

    A demo shows all that the program was given, whether the row or the default said it.
    """
    rows = rows_of(program.inputs, source)
    require_rows(rows, what)
    for row in rows:
        bind_row(program.inputs, row.inputs, row.id)
    return [row.filled(program.inputs.defaults_beside(row.inputs)) for row in rows]


def _recipes_of(compiler: Compiler, program: Program[..., Any]) -> tuple[Recipe, ...]:
    """A compiler's recipes, each with something to do."""
    recipes = tuple(compiler.recipes())
    if any(of_tools(module.spec) for module in program.modules.values()):
        recipes = tuple(map(_with_tools, recipes))
    if recipes and all(recipe.rounds and all(recipe.rounds) for recipe in recipes):
        return recipes
    raise ConfigError(
        f"{type(compiler).__name__}.recipes() proposes nothing",
        hint="Give recipes with a Draw in each round: Recipe(((Draw(...),),), ...)",
    )


def _with_tools(recipe: Recipe) -> Recipe:
    """A recipe for a program with tools: what models are told of these is mended, too.

    Of several mendings of instructions in a round one is of a tool's words instead.
    """

    def drawn(draws: tuple[Draw, ...]) -> tuple[Draw, ...]:
        for at, draw in enumerate(draws):
            if draw.n > 1 and mend_instruction in draw.proposer.asks:
                fewer = Draw(draw.proposer, draw.n - 1)
                told = Draw(Describe(tools=True), 1)
                return (*draws[:at], fewer, *draws[at + 1 :], told)
        return draws

    return replace(recipe, rounds=tuple(map(drawn, recipe.rounds)))


def _models_of(program: Program[..., Any], recipes: Sequence[Recipe]) -> dict[str, str]:
    """The models asked, by module path; that of proposals as "proposer"."""
    models = {
        path: current().model_of(path, module).model
        for path, module in program.modules.items()
    }
    for proposer in (one for recipe in recipes for one in recipe.proposers):
        for module in proposer.asks:
            writer = current().model_for(module.name, writer_of(program))
            models["proposer"] = writer.model
    return models


def _greedy(program: Program[..., Any], recipes: Sequence[Recipe]) -> tuple[str, ...]:
    """Who is set to temperature 0 and yet is asked for several samples."""
    runtime, writer = current(), writer_of(program)
    proposers = [one for recipe in recipes for one in recipe.proposers]
    sampled = any(one.times > 1 for one in proposers)

    def is_greedy(module: Module[..., Any], own: LanguageModel) -> bool:
        asked = {**own.sampling, **module.parameters.sampling}
        return asked.get("temperature") == 0

    found = list[str]()
    for path in program.modules if sampled else tried_paths(program):
        module = program.modules[path]
        if is_greedy(module, runtime.model_for(path, module.lm)):
            found.append(path)
    for module in (module for one in proposers for module in one.asks):
        if is_greedy(module, runtime.model_for(module.name, writer)):
            found.append("proposer")
    return tuple(dict.fromkeys(found))


def require_seed(seed: object) -> None:
    """Refuse what is no seed of random choices.

    Raises:
        ConfigError: It is no whole number.
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ConfigError(
            f"seed={seed!r} is no whole number", hint="Give one such as 0"
        )


def _refuse_terms(seed: object, run_dir: object) -> None:
    require_seed(seed)
    if run_dir is not None:
        path_of(cast(Any, run_dir), "run_dir", ConfigError)


def _refuse_no_model(program: Program[..., Any]) -> None:
    """Refuse a module without a model, and a model for what is no module."""
    if "teacher" in current().lms and "teacher" not in program.modules:
        raise ConfigError(
            "lms= names a model for 'teacher', which would never be asked",
            hint="Write weft.compile(..., teacher=...)",
        )
    require_model_paths(program.name, program.modules)
    for path, module in program.modules.items():
        current().model_of(path, module)


def _refuse_other_paths(program: Program[..., Any], recipes: Sequence[Recipe]) -> None:
    for proposer in (one for recipe in recipes for one in recipe.proposers):
        for path in proposer.about:
            if path and path not in program.modules:
                raise ConfigError(
                    f"{proposer.name} is for the module {path!r}, and program "
                    f"{program.name!r} has none of that name",
                    hint=did_you_mean(path, program.modules),
                )


def _asked_alike(lm: LanguageModel) -> str:
    """What models have in common that are sent the same requests."""
    return strictjson.canonical([lm.model, lm.endpoint, dict(lm.sampling)])


def _refuse_two_of_a_name(recipes: Sequence[Recipe]) -> None:
    """Refuse recipes whose models of one name are two: a name stands for one."""
    known: dict[str, LanguageModel] = {}
    for name, lm in (pair for recipe in recipes for pair in recipe.models.items()):
        if known.setdefault(name, lm) is not lm and known[name] != lm:
            raise ConfigError(
                f"two different models are called {name!r}",
                hint='Give each a name of its own: models={"low": weft.LM(...), ...}',
            )


def _refuse_seen(val: Sequence[Example], train: Sequence[Example]) -> None:
    if {row.digest for row in val} <= {row.digest for row in train}:
        raise DataError(
            f"each of the {len(val)} rows of val is in train too, so that none is "
            "left to select on",
            hint="Give other rows as val; without val they are cut from train",
        )


def _refuse_too_few(split: Split, *, raced: bool, shown: bool) -> None:
    parts = {"train": split.train, "sealed": split.sealed}
    if raced:
        parts["select"] = split.select
    empty = [name for name, rows in parts.items() if not rows]
    if empty and shown:
        raise DataError(
            "rows that the program shows as demos may only teach, and none is left for "
            f"{empty[0]}",
            hint="Give other rows, or compile the program without its demos: "
            'program.with_parameters({"MODULE/demos": ()})',
        )
    if empty:
        raise DataError(
            f"there are too few different rows: none is left for {empty[0]}",
            hint=f"Give at least {len(parts)}; some sixty begin to show a gain",
        )
