"""Names that people bring along, mostly from DSPy, and what to write here instead.

Nothing is an alias: two names for one thing would have to be learned twice. A name from
elsewhere is an error like any other, and its remedy is the name that is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .errors import did_you_mean

_PROGRAM: Final = "Write a typed function under @weft.program"
_METRIC: Final = 'Write weft.evaluate(program, rows, weft.metrics.exact("answer"))'

PUBLIC: Final[Mapping[str, str]] = {
    "InputField": 'Write weft.Input("what it holds")',
    "OutputField": 'Write weft.Output("what it holds")',
    "Module": f"{_PROGRAM}; what `forward` did is its body",
    "Prediction": "A module gives an instance of its signature; read its attributes",
    "Evaluate": _METRIC,
    "ReAct": "Write a @weft.step(uses=[module]) with a Python loop in it",
    "context": "Write `with weft.use(lm=...):`",
    "settings": "Set with weft.configure(lm=...) or `with weft.use(lm=...):`",
    "inspect_history": "Read module.prompt(...), or program.run(...).trace",
    "streamify": "Write program.stream(...)",
    "asyncify": "Await program.acall(...)",
    "Parallel": "Write program.batch(rows, concurrency=...)",
    "majority": "Write weft.compilers.majority",
    "track_usage": "Read program.run(...).trace.usage, or give a weft.Ledger",
    "configure_cache": "Write weft.configure(cache=...)",
}
"""Names of the package."""

COMPILERS: Final[Mapping[str, str]] = {
    "BootstrapFewShotWithRandomSearch": "Write weft.compilers.BootstrapRandomSearch()",
    "BootstrapRS": "Write weft.compilers.BootstrapRandomSearch()",
    "MIPROv2": "Write weft.compilers.MIPRO()",
    "BetterTogether": "Write weft.compilers.Sequence(of=(...))",
    "Ensemble": "Write weft.compilers.ensemble(result.best(3))",
    "KNNFewShot": "Write weft.compilers.LabeledFewShot(demos=16)",
}
"""Names of compilers."""

METRICS: Final[Mapping[str, str]] = {
    "accuracy": 'Write weft.metrics.exact("label")',
    "answer_exact_match": 'Write weft.metrics.exact("answer")',
    "EM": 'Write weft.metrics.exact("answer")',
    "F1": 'Write weft.metrics.f1("answer")',
    "SemanticF1": "Give a program as the metric: it is the judge",
}
"""Names of metrics."""

MEMBERS: Final[Mapping[str, str]] = {
    "set_lm": "Write module.with_(lm=...), or `with weft.use(lm=...):`",
    "get_lm": "Read module.lm",
    "save": 'Write weft.save(program, "NAME.weft.json")',
    "load": 'Write weft.load("NAME.weft.json", program=program)',
    "dump_state": 'Write weft.save(program, "NAME.weft.json")',
    "load_state": 'Write weft.load("NAME.weft.json", program=program)',
    "forward": "Call it like a function",
    "aforward": "Await its acall(...)",
    "predictors": "Read program.modules",
    "named_predictors": "Read program.modules",
    "named_parameters": "Read program.parameters",
    "deepcopy": "It never changes, so that it needs no copy",
    "reset_copy": "It never changes: the program before the compile is as it was",
    "inspect_history": "Read program.run(...).trace, or module.prompt(...)",
    "demos": "Read module.parameters.demos; write module.with_(demos=[...])",
    "instruction": "Read module.parameters.instruction; write with_(instruction=...)",
    "adapter": "Read module.parameters.adapter; write module.with_(adapter=...)",
    "sampling": "Read module.parameters.sampling; write module.with_(sampling={...})",
    "compile": "Write weft.compile(program, rows, metric=...)",
    "evaluate": _METRIC,
    "toDict": "Write dict(result)",
    "model_dump": "Write dict(result)",
    "get": "Read it as an attribute, or as result[name]",
}
"""Attributes of programs, modules and their results."""

OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "trainset": ("train", "rows"),
    "valset": ("val", "rows"),
    "devset": ("rows", "val"),
    "dataset": ("rows", "train"),
    "examples": ("rows", "train"),
    "data": ("rows", "train"),
    "num_threads": ("concurrency",),
    "max_workers": ("concurrency",),
    "display_progress": ("progress",),
    "verbose": ("progress",),
    "student": ("program",),
    "optimizer": ("compiler",),
    "max_bootstrapped_demos": ("bootstrapped", "demos"),
    "max_labeled_demos": ("demos",),
    "num_candidate_programs": ("candidates",),
    "num_candidates": ("candidates",),
    "k": ("demos",),
    "desc": ("description",),
    "instructions": ("instruction",),
    "model": ("lm",),
}
"""Options, and those that may be meant, the likeliest first."""

SIGNATURES: Final[Mapping[str, str]] = {
    "instructions": "Read weft.Predict(it).parameters.instruction",
    "instruction": "Read weft.Predict(it).parameters.instruction",
    "with_instructions": "Write weft.Predict(it).with_(instruction=...)",
    "with_updated_fields": "Write a subclass: it has its base's fields and its own",
    "append": "Write a subclass: it has its base's fields and its own",
    "prepend": "Write a subclass: it has its base's fields and its own",
    "input_fields": "Read weft.Predict(it).spec.inputs",
    "output_fields": "Read weft.Predict(it).spec.outputs",
    "model_fields": "Read weft.Predict(it).spec.fields",
}
"""Attributes of signature classes."""

RESULTS: Final[Mapping[str, str]] = {
    "answer": "Read .value, which is what the program gives",
    "results": "Read .rows",
    "output": "Read .value, which is what the program gives",
    "usage": "Read .trace.usage",
    "score": "Read .mean of an evaluation, .report.score.mean of a compile",
    "improvement": "Read .report.comparison",
}
"""Attributes of runs, evaluations and results of compiles."""

ELSEWHERE: Final[Mapping[str, str]] = {
    "metric": "Give it to weft.compile or weft.evaluate",
    "cache": "Set it with weft.use(cache=...)",
    "rollout_id": "Ask for another answer with weft.use(sample=1)",
    "num_retries": "Set it with weft.use(retry=weft.RetryPolicy(retries=...))",
    "max_retries": "Set it with weft.use(retry=weft.RetryPolicy(retries=...))",
    "prompt_model": 'Set it with weft.use(lms={"proposer": ...})',
    "reflection_lm": 'Set it with weft.use(lms={"proposer": ...})',
    "auto": "Give a budget to weft.compile, such as budget='500 calls'",
    "choices": 'Write them as the type: Literal["yes", "no"]',
    "type": "Write the type behind the colon: answer: int = weft.Output()",
    "prefix": "The field's name is what the model sees; describe it in words",
}
"""Options that belong somewhere else."""


class Advised:
    """Says what to write instead of an attribute that is not there."""

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse what is no member.

        def __getattr__(self, name: str) -> Any:
            said = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name.startswith("_"):
                raise AttributeError(said)
            known = [each for each in dir(type(self)) if not each.startswith("_")]
            known += [each for each in vars(self) if not each.startswith("_")]
            remedy = name_remedy(name, known, RESULTS)
            raise AttributeError(f"{said}. {remedy}" if remedy else said)


def name_remedy(name: str, known: Iterable[str], habits: Mapping[str, str]) -> str:
    """What to write instead of an attribute's name.

    >>> name_remedy("InputField", ["Input", "Output"], PUBLIC)
    'Write weft.Input("what it holds")'
    >>> name_remedy("Inptu", ["Input", "Output"], PUBLIC)
    "Did you mean 'Input'?"
    """
    if name in habits:
        return habits[name]
    guess = did_you_mean(name, known)
    return guess if guess.startswith("Did") else ""


def option_remedy(name: str, known: Iterable[str]) -> str:
    """What to write instead of an option.

    >>> option_remedy("num_threads", ["rows", "concurrency"])
    "Did you mean 'concurrency'?"
    >>> option_remedy("teh", ["the"])
    "Did you mean 'the'?"
    """
    names = list(known)
    meant = next((each for each in OPTIONS.get(name, ()) if each in names), None)
    if meant is not None:
        return f"Did you mean {meant!r}?"
    guess = did_you_mean(name, names)
    return guess if guess.startswith("Did") else ELSEWHERE.get(name, guess)
