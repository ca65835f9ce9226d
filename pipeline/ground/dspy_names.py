"""Public names that people bring along, mostly from DSPy, and weft's word for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PROGRAM: Final = "Write a typed function under @weft.program"
_AGENT: Final = "Write a @weft.step(uses=[module]) with a Python loop in it"
_TOOL: Final = "Write a typed function under @weft.step"
ADAPTER: Final = (
    'Leave it out, or write weft.configure(adapter="json"), or weft.Predict(..., '
    'adapter="json") for one module; "chat", "xml", "plain" and "completion" are forms'
)
_TWO_STEPS: Final = "Write two modules: one gives a text, and the other its fields"
_BEST: Final = "Write weft.loop, or a @weft.step(uses=[module]) that asks again"
RETRIEVER: Final = "Call your search from a function under @weft.step"
_FIELD: Final = "Describe it in the signature; a field is text or a pydantic type"
_MEDIA: Final = "A field is text or a pydantic type; ask for media in a @weft.step"
_LOGS: Final = 'Write logging.getLogger("weft").setLevel(...)'
_JUDGE: Final = "Write a metric that asks a module: return judge(...).correct"
_TEACHING: Final = "Write weft.finetuning_rows(weft.evaluate(program, rows, metric))"
TRACED: Final = "Read program.run(...).trace, or module.prompt(...)"
MEASURED: Final = 'Write weft.evaluate(program, rows, weft.metrics.exact("answer"))'
_MODEL: Final = 'Write weft.LM("openai/gpt-5-mini")'
_SIGNATURE: Final = 'Write weft.Predict("question -> answer", "Answer briefly.")'
_ROWS: Final = 'Give plain dicts, or read a file: weft.read_rows("rows.jsonl", ["x"])'
_OPTIMIZERS: Final = (
    *("LabeledFewShot", "BootstrapFewShot", "KNNFewShot", "COPRO", "SIMBA", "GEPA"),
    *("InferRules", "ACE", "APE", "OPRO", "CAPO", "MIPRO", "Auto"),
)

_FAILURES: Final[Mapping[str, str]] = {
    name: f"Catch weft.errors.{meant}"
    for name, meant in {
        "DSPyError": "WeftError",
        "AdapterParseError": "ParseError",
        "ContextWindowExceededError": "ContextLengthError",
        "LMError": "ModelError",
        "LMAuthError": "AuthError",
        "LMBillingError": "BillingError",
        "LMConfigurationError": "ConfigError",
        "LMInvalidRequestError": "InvalidRequest",
        "LMNotConfiguredError": "ConfigError",
        "LMProviderError": "ModelError",
        "LMRateLimitError": "RateLimited",
        "LMServerError": "ServerError",
        "LMTimeoutError": "DeadlineExceeded",
        "LMTransportError": "ConnectError",
        "LMUnexpectedError": "ModelError",
        "LMUnsupportedModelError": "NotFoundError",
        "CodeExecutionError": "StepError",
    }.items()
}

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
    "Prediction": "A module gives an instance of its signature; read its attributes. "
    "A metric's score and feedback are weft.Score(value, feedback)",
    "Evaluate": MEASURED,
    "EvaluationResult": "weft.evaluate gives it: an Evaluation",
    "ScoreWithFeedback": "Write weft.Score(value, feedback)",
    **dict.fromkeys(("ReAct", "ReActV2", "Avatar", "CodeAct"), _AGENT),
    **dict.fromkeys(("Agent", "agent", "Flex"), _AGENT),
    **dict.fromkeys(("ProgramOfThought", "RLM"), _TOOL),
    **dict.fromkeys(("PythonInterpreter", "CodeInterpreter"), _TOOL),
    **dict.fromkeys(("Tool", "ToolCalls", "ToolCallResults", "tool"), _TOOL),
    **dict.fromkeys(("Node", "node"), _TOOL),
    **dict.fromkeys(("BestOfN", "Refine"), _BEST),
    **dict.fromkeys(("Assert", "Suggest"), f"Use a type that holds it. {_BEST}"),
    "ChainOfThoughtWithHint": "Write weft.ChainOfThought with an input `hint`",
    "MultiChainComparison": "Write weft.each, and a module that compares",
    **dict.fromkeys(("Retrieve", "ColBERTv2", "Embedder", "Embeddings"), RETRIEVER),
    "retrievers": RETRIEVER,
    **dict.fromkeys(("ChatAdapter", "JSONAdapter", "XMLAdapter", "Adapter"), ADAPTER),
    "BAMLAdapter": ADAPTER,
    "TwoStepAdapter": _TWO_STEPS,
    **dict.fromkeys(("Image", "Audio", "File"), _MEDIA),
    **dict.fromkeys(("Document", "Citations", "Type", "Code", "Reasoning"), _FIELD),
    "History": "Write an input `history: list[dict[str, str]]`",
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
    **dict.fromkeys(("inspect_history", "history"), TRACED),
    **dict.fromkeys(("enable_logging", "disable_logging"), _LOGS),
    "configure_dspy_loggers": _LOGS,
    "bootstrap_trace_data": "Write weft.evaluate(program, rows, metric).rows",
    "utils": "Write weft.ScriptedLM for a fake, weft.events for what streams",
    "adapters": ADAPTER,
    "OldInputField": 'Write weft.Input("what it holds")',
    **_FAILURES,
    "streamify": "Write program.stream(...)",
    **dict.fromkeys(("StreamListener", "streaming"), "Write program.stream(...)"),
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
