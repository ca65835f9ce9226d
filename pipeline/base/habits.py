"""Names that people bring along, mostly from DSPy, and what to write here instead.

Nothing is an alias: two names for one thing would have to be learned twice. A name from
elsewhere is an error like any other, and its remedy is the name that is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..errors import did_you_mean

_PROGRAM: Final = "Write a typed function under @weft.program"
_AGENT: Final = "Write a @weft.step(uses=[module]) with a Python loop in it"
_TOOL: Final = "Write a typed function under @weft.step"
_ADAPTER: Final = 'Write weft.Predict(..., adapter="json"), or "chat", or "xml"'
_BEST: Final = "Write weft.loop, or a @weft.step(uses=[module]) that asks again"
_RETRIEVER: Final = "Call your search from a function under @weft.step"
_FIELD: Final = "Describe it in the signature; a field is text or a pydantic type"
_JUDGE: Final = "Write a metric that asks a module: return judge(...).correct"
_TEACHING: Final = "Write weft.finetuning_rows(weft.evaluate(program, rows, metric))"
_SHOWN: Final = "Write .to_html(), .to_json() or .to_pandas() of the evaluation"
_TRACED: Final = "Read program.run(...).trace, or module.prompt(...)"
_METRIC: Final = 'Write weft.evaluate(program, rows, weft.metrics.exact("answer"))'
_MODEL: Final = 'Write weft.LM("openai/gpt-5-mini")'
_SIGNATURE: Final = 'Write weft.Predict("question -> answer", "Answer briefly.")'
_ROWS: Final = 'Give plain dicts, or read a file: weft.read_rows("rows.jsonl", ["x"])'
_OPTIMIZERS: Final = (
    *("LabeledFewShot", "BootstrapFewShot", "KNNFewShot", "COPRO", "SIMBA", "GEPA"),
    *("InferRules", "ACE", "APE", "OPRO", "CAPO", "MIPRO", "Auto"),
)

COMPILERS: Final[Mapping[str, str]] = {
    "BootstrapFewShotWithRandomSearch": "Write weft.compilers.BootstrapRandomSearch()",
    "BootstrapRS": "Write weft.compilers.BootstrapRandomSearch()",
    "MIPROv2": "Write weft.compilers.MIPRO()",
    "BetterTogether": "Write weft.compilers.Sequence(of=(...))",
    "Ensemble": "Write weft.compilers.ensemble(result.best(3))",
    "RandomSearch": "Write weft.compilers.BootstrapRandomSearch()",
    "BootstrapFewShotWithOptuna": "Write weft.compilers.OptunaTPE()",
    "KNN": "Write weft.compilers.KNNFewShot()",
    **dict.fromkeys(("BootstrapFinetune", "GRPO"), _TEACHING),
    "AvatarOptimizer": "Write weft.compilers.GEPA()",
    **dict.fromkeys(("Teleprompter", "Optimizer"), "Write weft.compilers.Auto()"),
}
"""Names of compilers."""

PUBLIC: Final[Mapping[str, str]] = {
    "InputField": 'Write weft.Input("what it holds")',
    "OutputField": 'Write weft.Output("what it holds")',
    "Module": f"{_PROGRAM}; what `forward` did is its body",
    "Prediction": "A module gives an instance of its signature; read its attributes",
    "Evaluate": _METRIC,
    "EvaluationResult": "weft.evaluate gives it: an Evaluation",
    "ScoreWithFeedback": "Write weft.Score(value, feedback)",
    **dict.fromkeys(("ReAct", "Avatar", "CodeAct", "Agent", "agent"), _AGENT),
    **dict.fromkeys(("ProgramOfThought", "RLM", "PythonInterpreter"), _TOOL),
    **dict.fromkeys(("Tool", "ToolCalls", "tool", "Node", "node"), _TOOL),
    **dict.fromkeys(("BestOfN", "Refine"), _BEST),
    **dict.fromkeys(("Assert", "Suggest"), f"Use a type that holds it. {_BEST}"),
    "ChainOfThoughtWithHint": "Write weft.ChainOfThought with an input `hint`",
    "MultiChainComparison": "Write weft.each, and a module that compares",
    **dict.fromkeys(("Retrieve", "ColBERTv2", "Embedder", "Embeddings"), _RETRIEVER),
    "retrievers": _RETRIEVER,
    **dict.fromkeys(("ChatAdapter", "JSONAdapter", "XMLAdapter", "Adapter"), _ADAPTER),
    **dict.fromkeys(("TwoStepAdapter", "BAMLAdapter"), _ADAPTER),
    **dict.fromkeys(("Image", "Audio", "File", "Document", "Citations"), _FIELD),
    **dict.fromkeys(("Type", "Code", "Reasoning"), _FIELD),
    "History": "Write an input `history: list[str]`",
    "Field": 'Write weft.Input("what it holds"), or weft.Output(...)',
    **dict.fromkeys(("BaseLM", "OpenAI", "Claude", "LLM", "ChatModel"), _MODEL),
    "llm": _MODEL,
    "DummyLM": "Write weft.ScriptedLM([...])",
    **dict.fromkeys(("ensure_signature", "make_signature"), _SIGNATURE),
    **dict.fromkeys(("teleprompt", "optimizers"), "Write weft.compilers"),
    "answer_exact_match": 'Write weft.metrics.exact("answer")',
    **dict.fromkeys(("SemanticF1", "CompleteAndGrounded"), _JUDGE),
    **dict.fromkeys(("Dataset", "datasets", "DataLoader"), _ROWS),
    **dict.fromkeys(("Chain", "Pipeline", "pipeline", "Flow"), _PROGRAM),
    **dict.fromkeys(("Prompt", "prompt", "Template"), _SIGNATURE),
    "Graph": "Read program.graph",
    "Trace": "Read program.run(...).trace",
    "load_state": 'Write weft.load("NAME.weft.json", program=program)',
    "context": "Write `with weft.use(lm=...):`",
    "settings": "Set with weft.configure(lm=...) or `with weft.use(lm=...):`",
    **dict.fromkeys(("inspect_history", "history", "enable_logging"), _TRACED),
    "streamify": "Write program.stream(...)",
    "StreamListener": "Write program.stream(...)",
    "syncify": "Call the program: it is both, acall(...) is for `await`",
    "asyncify": "Await program.acall(...)",
    "Parallel": "Write program.batch(rows, concurrency=...)",
    "majority": "Write weft.compilers.majority",
    "track_usage": "Read program.run(...).trace.usage, or give a weft.Ledger",
    "configure_cache": "Write weft.configure(cache=...)",
    "cache": "Write weft.configure(cache=...)",
    **{name: f"Write weft.compilers.{name}()" for name in _OPTIMIZERS},
    **COMPILERS,
}
"""Names of the package."""

METRICS: Final[Mapping[str, str]] = {
    "accuracy": 'Write weft.metrics.exact("label")',
    "answer_exact_match": 'Write weft.metrics.exact("answer")',
    "EM": 'Write weft.metrics.exact("answer")',
    "F1": 'Write weft.metrics.f1("answer")',
    "answer_passage_match": 'Write weft.metrics.contains("answer")',
    **dict.fromkeys(("exact_match", "em"), 'Write weft.metrics.exact("answer")'),
    "f1_score": 'Write weft.metrics.f1("answer")',
    **dict.fromkeys(("precision", "recall"), 'Write weft.metrics.f1("answer")'),
    **dict.fromkeys(("SemanticF1", "CompleteAndGrounded", "judge"), _JUDGE),
    "llm_judge": _JUDGE,
    "EvaluationResult": "weft.evaluate gives it: an Evaluation",
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
    **dict.fromkeys(("inspect_history", "history"), _TRACED),
    **dict.fromkeys(("predict", "extended_signature"), "It is a module itself"),
    "rationale": "Read .reasoning",
    "completions": "Ask again under `with weft.use(sample=1):`, then 2, 3, ...",
    "get_lm_usage": "Read weft.info(result)",
    "named_sub_modules": "Read program.modules",
    "map_named_predictors": "Write program.with_modules({...})",
    "bootstrap": "Write weft.compile(program, rows, metric=...)",
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
    "base_url": ("api_base",),
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
    **dict.fromkeys(
        ("auto", "max_metric_calls", "max_full_evals", "num_trials", "max_rounds"),
        "Give a budget to weft.compile, such as budget='500 calls'",
    ),
    **dict.fromkeys(
        ("teacher_settings", "teacher"), "Give teacher= to weft.compile: a program"
    ),
    "num_threads": "Say concurrency= where it runs: weft.evaluate, weft.compile",
    "adapter": _ADAPTER,
    **dict.fromkeys(("rm", "retriever"), _RETRIEVER),
    **dict.fromkeys(("trace", "track_usage"), _TRACED),
    "async_max_workers": "Say concurrency= where it runs: program.batch",
    "max_errors": "None stop it: look at .failures of the evaluation",
    **dict.fromkeys(("return_outputs", "return_all_scores"), "Read .rows of it"),
    **dict.fromkeys(("display_table", "save_as_json", "save_as_csv"), _SHOWN),
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
    "toDict": "Write {**row.inputs, **row.labels}",
}
"""Attributes of rows."""


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
    return ELSEWHERE.get(name) or did_you_mean(name, names)
