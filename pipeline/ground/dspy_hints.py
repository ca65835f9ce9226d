"""Names that people bring along, mostly from DSPy, and what to write here instead.

Nothing is an alias: two names for one thing would have to be learned twice. A name from
elsewhere is an error like any other, and its remedy is the name that is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..errors import did_you_mean
from .dspy_names import ADAPTER, MEASURED, RETRIEVER, TRACED

_TRIED: Final = "Read .report.tried and .best(3) of weft.compile's result"
_PASSING: Final = "Write a metric that gives True or False: a demo comes of True"
_FAILED: Final = "Leave it out: failures are no scores; look at .failures and .error"
_SHOWN: Final = "Write .to_html(), .to_json() or .to_pandas() of the evaluation"

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
    "modules": "It is a module, the only one; read its .parameters",
    **dict.fromkeys(("deepcopy", "copy"), "It never changes, so that it needs no copy"),
    "reset_copy": "It never changes: the program before the compile is as it was",
    **dict.fromkeys(("inspect_history", "history"), TRACED),
    **dict.fromkeys(("predict", "extended_signature"), "It is a module itself"),
    "rationale": "Read .reasoning",
    **dict.fromkeys(("update_config", "get_config"), "Write with_(sampling={...})"),
    **dict.fromkeys(("traces", "train"), TRACED),
    **dict.fromkeys(("detailed_results", "trial_logs"), _TRIED),
    **dict.fromkeys(("candidate_programs", "prompt_model_total_calls"), _TRIED),
    "completions": "Ask again under `with weft.use(sample=1):`, then 2, 3, ...",
    "get_lm_usage": "Read weft.info(result)",
    "named_sub_modules": "Read program.modules",
    "map_named_predictors": "Write program.with_modules({...})",
    "bootstrap": "Write weft.compile(program, rows, metric=...)",
    "demos": "Read module.parameters.demos; write module.with_(demos=[...])",
    **dict.fromkeys(
        ("instruction", "instructions"),
        "Read module.parameters.instruction; write with_(instruction=...)",
    ),
    "adapter": "Read module.parameters.adapter; write module.with_(adapter=...)",
    **dict.fromkeys(
        ("sampling", "config", "temperature", "max_tokens"),
        "Read module.parameters.sampling; write module.with_(sampling={...})",
    ),
    "compile": "Write weft.compile(program, rows, metric=...)",
    "evaluate": MEASURED,
    **dict.fromkeys(("toDict", "model_dump"), "Write dict(result)"),
    **{name: f"Write dict(result).{name}()" for name in ("keys", "items", "values")},
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
    "num_trials": ("trials",),
    "k": ("demos",),
    "desc": ("description",),
    "instructions": ("instruction",),
    "model": ("lm",),
    "base_url": ("api_base",),
    "callbacks": ("hooks",),
    "custom_types": ("types",),
    "log_dir": ("run_dir",),
    "minibatch_size": ("batch",),
}
"""Options, and those that may be meant, the likeliest first."""

SIGNATURES: Final[Mapping[str, str]] = {
    "instructions": "Read weft.Predict(it).parameters.instruction",
    "instruction": "Read weft.Predict(it).parameters.instruction",
    **dict.fromkeys(
        ("with_instructions", "append_instructions"),
        "Write weft.Predict(it).with_(instruction=...)",
    ),
    **dict.fromkeys(
        ("insert", "delete"), "Write a class with the fields that you want"
    ),
    **dict.fromkeys(
        ("dump_state", "load_state"), 'Save the program: weft.save(program, "...")'
    ),
    "fields": "Read weft.Predict(it).spec.fields",
    "with_updated_fields": "Write a subclass: it has its base's fields and its own",
    "append": "Write a subclass: it has its base's fields and its own",
    "prepend": "Write a subclass: it has its base's fields and its own",
    "input_fields": "Read weft.Predict(it).spec.inputs",
    "output_fields": "Read weft.Predict(it).spec.outputs",
    "model_fields": "Read weft.Predict(it).spec.fields",
}
"""Attributes of signature classes."""

RESULTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("detailed_results", "trial_logs", "best_candidate"), _TRIED),
    "candidate_programs": _TRIED,
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
    **dict.fromkeys(
        ("auto", "max_metric_calls", "max_full_evals", "num_trials", "max_rounds"),
        "Give a budget to weft.compile, such as budget='500 calls'",
    ),
    **dict.fromkeys(
        ("teacher_settings", "teacher"),
        "Give teacher= to weft.compile: a model, or a program",
    ),
    **dict.fromkeys(
        ("student", "trainset", "valset"),
        "Write weft.compile(program, train, val, metric=..., compiler=...)",
    ),
    "seed": "Give it to weft.compile or weft.evaluate",
    "budget": "Give it to weft.compile, or set it with weft.use(budget=...)",
    "log_dir": "Give run_dir= to weft.compile: a killed compile goes on from there",
    "task_model": "Set it with weft.use(lm=...)",
    "requires_permission_to_run": "Ask weft.quote(...) first: it says what it costs",
    "track_stats": "Leave it out: all that was tried stands in result.report.tried",
    **dict.fromkeys(("metric_threshold", "stop_at_score"), _PASSING),
    **dict.fromkeys(("failure_score", "provide_traceback"), _FAILED),
    **dict.fromkeys(("use_mlflow", "use_wandb"), "Read result.report.to_json()"),
    "vectorizer": "Leave it out: inputs are compared by their rare trigrams",
    "temperature": 'Write weft.LM("openai/gpt-5-mini", temperature=...)',
    "max_tokens": 'Write weft.LM("openai/gpt-5-mini", max_tokens=...)',
    "init_temperature": 'Write weft.use(lms={"proposer": weft.LM(..., temperature=1)})',
    "num_threads": "Say concurrency= where it runs: weft.evaluate, weft.compile",
    "adapter": ADAPTER,
    **dict.fromkeys(("rm", "retriever"), RETRIEVER),
    **dict.fromkeys(("trace", "track_usage"), TRACED),
    "async_max_workers": "Say concurrency= where it runs: program.batch",
    "max_errors": "None stop it: look at .failures of the evaluation",
    **dict.fromkeys(("return_outputs", "return_all_scores"), "Read .rows of it"),
    **dict.fromkeys(("display_table", "save_as_json", "save_as_csv"), _SHOWN),
    "sample": "Ask for another answer with weft.use(sample=1)",
    "save_program": "Leave it out: the graph and the signatures are in the file",
    "modules_to_serialize": "Leave it out: steps are given to weft.load(steps=[...])",
    "allow_pickle": "Leave it out: a file is data, and nothing is pickled",
    "base_url": "Write api_base=...",
    "model_type": "Leave it out: chat is what is spoken",
    "provider": 'Write it into the name: weft.LM("provider/name")',
    "n": "Ask again under `with weft.use(sample=1):`, then 2, 3, ...",
    "config": "Write module.with_(sampling={...})",
    "instructions": 'Write it second: weft.Predict("question -> answer", "Be brief.")',
    "rationale_field": "The field is `reasoning`",
    "choices": 'Write them as the type: Literal["yes", "no"]',
    "type": "Write the type behind the colon: answer: int = weft.Output()",
    "prefix": "The field's name is what the model sees; describe it in words",
}
"""Options that belong somewhere else."""

_ASKED: Final = 'Call it, lm("text"), or ask through a module'
MODELS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("history", "inspect_history"), f"{TRACED} after a call"),
    **dict.fromkeys(("forward", "aforward", "request"), _ASKED),
    "kwargs": "Read lm.sampling",
    "model_name": "Read lm.model",
    **dict.fromkeys(("copy", "deepcopy"), "Write weft.LM(...) with other options"),
    "cache": ELSEWHERE["cache"],
    "num_retries": ELSEWHERE["num_retries"],
    "api_key": "It is never given out",
    "finetune": "Write weft.finetuning_rows(...), and train elsewhere",
}
"""Attributes of models."""

CALLS: Final[Mapping[str, str]] = {
    "lm": "Write module.with_(lm=...), or `with weft.use(lm=...):`",
    "demos": "Write module.with_(demos=[...])",
    **dict.fromkeys(
        ("temperature", "max_tokens", "config"), "Write module.with_(sampling={...})"
    ),
    **dict.fromkeys(("n", "rollout_id"), ELSEWHERE["rollout_id"]),
    "signature": "Write weft.Predict(signature)(...)",
}
"""What a call takes elsewhere beside the inputs."""

ROWS: Final[Mapping[str, str]] = {
    "with_inputs": "Leave it out: the program knows which fields are its inputs",
    "without": "Make a dict without the key",
    **dict.fromkeys(
        ("toDict", "keys", "items", "values", "copy"),
        "Write {**row.inputs, **row.labels}",
    ),
    "get": "Read row.labels.get(name), or row.inputs.get(name)",
}
"""Attributes of rows."""


class Advised:
    """Says what to write instead of an attribute that is not there."""

    __slots__ = ()
    _habits: ClassVar[Mapping[str, str]] = RESULTS

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse what is no member.

        def __getattr__(self, name: str) -> Any:
            said = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name.startswith("_"):
                raise AttributeError(said)
            known = [each for each in dir(type(self)) if not each.startswith("_")]
            own = getattr(self, "__dict__", {})
            known += [each for each in own if not each.startswith("_")]
            remedy = name_remedy(name, known, self._habits)
            raise AttributeError(f"{said}. {remedy}" if remedy else said)


def name_remedy(name: str, known: Iterable[str], habits: Mapping[str, str]) -> str:
    """What to write instead of an attribute's name.

    >>> name_remedy("forward", ["run", "batch"], MEMBERS)
    'Call it like a function'
    >>> name_remedy("Inptu", ["Input", "Output"], MEMBERS)
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
    return ELSEWHERE.get(name) or did_you_mean(name, names)
