"""weft compiles language-model programs: write programs, not prompts.

Public names are imported at first use, so that `import weft` is fast and loads no
client library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .pipeline.base.lazy import lazy

if TYPE_CHECKING:
    from . import compilers as compilers
    from . import errors as errors
    from . import events as events
    from . import metrics as metrics
    from .compilers.compile import acompile as acompile
    from .compilers.compile import compile as compile  # noqa: A004 - the field's word
    from .compilers.compile import quote as quote
    from .compilers.recompile import recompile as recompile
    from .compilers.reporting.report import Report as Report
    from .compilers.reporting.report import Result as Result
    from .compilers.transfer import Transfer as Transfer
    from .compilers.transfer import transfer as transfer
    from .loading import load as load
    from .loading import package as package
    from .loading import programs as programs
    from .loading import save as save
    from .modules.chain_of_thought import ChainOfThought as ChainOfThought
    from .modules.predict import Predict as Predict
    from .modules.predict import predict as predict
    from .pipeline.artifacts.diffing import Diff as Diff
    from .pipeline.artifacts.diffing import diff as diff
    from .pipeline.artifacts.exporting import export as export
    from .pipeline.artifacts.exporting import finetuning_rows as finetuning_rows
    from .pipeline.artifacts.exporting import write_rows as write_rows
    from .pipeline.artifacts.importing import import_dspy as import_dspy
    from .pipeline.artifacts.origins import Origin as Origin
    from .pipeline.artifacts.origins import origin as origin
    from .pipeline.artifacts.schema import artifact_schema as artifact_schema
    from .pipeline.artifacts.standing import Standing as Standing
    from .pipeline.artifacts.standing import standing as standing
    from .pipeline.artifacts.versions import label as label
    from .pipeline.artifacts.versions import log as log
    from .pipeline.artifacts.versions import read_labels as read_labels
    from .pipeline.artifacts.versions import rollback as rollback
    from .pipeline.budget import Budget as Budget
    from .pipeline.budget import Ledger as Ledger
    from .pipeline.control import branch as branch
    from .pipeline.control import each as each
    from .pipeline.control import loop as loop
    from .pipeline.control import switch as switch
    from .pipeline.data import Example as Example
    from .pipeline.data import read_rows as read_rows
    from .pipeline.errors import WeftError as WeftError
    from .pipeline.evaluate import Evaluation as Evaluation
    from .pipeline.evaluate import aevaluate as aevaluate
    from .pipeline.evaluate import evaluate as evaluate
    from .pipeline.lm.batched import BatchLM as BatchLM
    from .pipeline.lm.cache import Cache as Cache
    from .pipeline.lm.fakes import FunctionLM as FunctionLM
    from .pipeline.lm.fakes import RefusingLM as RefusingLM
    from .pipeline.lm.fakes import ReplayLM as ReplayLM
    from .pipeline.lm.fakes import ScriptedLM as ScriptedLM
    from .pipeline.lm.memory import MemoryCache as MemoryCache
    from .pipeline.lm.models import LM as LM
    from .pipeline.lm.request import Message as Message
    from .pipeline.lm.request import Request as Request
    from .pipeline.lm.request import Response as Response
    from .pipeline.lm.request import Usage as Usage
    from .pipeline.lm.retry import RetryPolicy as RetryPolicy
    from .pipeline.measuring.explaining import Explanation as Explanation
    from .pipeline.measuring.explaining import explain as explain
    from .pipeline.metrics import Score as Score
    from .pipeline.parameters import Demo as Demo
    from .pipeline.program import Program as Program
    from .pipeline.program import program as program
    from .pipeline.running.bulk import abatch_to as abatch_to
    from .pipeline.running.bulk import batch_to as batch_to
    from .pipeline.runtime import configure as configure
    from .pipeline.runtime import use as use
    from .pipeline.signature import Input as Input
    from .pipeline.signature import Output as Output
    from .pipeline.signature import Signature as Signature
    from .pipeline.step import step as step
    from .pipeline.trace import info as info
    from .pipeline.traces.log import TraceLog as TraceLog
    from .pipeline.traces.otel import OpenTelemetry as OpenTelemetry
    from .pipeline.traces.reading import read_traces as read_traces
    from .pipeline.traces.watching import TracedRun as TracedRun
    from .pipeline.wiring.check_path import check_path as check_path
    from .pipeline.wiring.edit import insert_node as insert_node
    from .pipeline.wiring.edit import remove_node as remove_node
    from .pipeline.wiring.edit import replace_node as replace_node
    from .pipeline.wiring.graph_diff import graph_diff as graph_diff
    from .ray_cluster import Ray as Ray
    from .showing import show as show
    from .showing import show_html as show_html

__version__ = "0.1.0"

_WHERE = {
    "ChainOfThought": "modules.chain_of_thought",
    "Predict": "modules.predict",
    "predict": "modules.predict",
    "acompile": "compilers.compile",
    "compile": "compilers.compile",
    "quote": "compilers.compile",
    "recompile": "compilers.recompile",
    "Transfer": "compilers.transfer",
    "transfer": "compilers.transfer",
    "Report": "compilers.reporting.report",
    "Result": "compilers.reporting.report",
    "save": "loading",
    "Budget": "pipeline.budget",
    "Ledger": "pipeline.budget",
    "abatch_to": "pipeline.running.bulk",
    "batch_to": "pipeline.running.bulk",
    "branch": "pipeline.control",
    "each": "pipeline.control",
    "loop": "pipeline.control",
    "switch": "pipeline.control",
    "check_path": "pipeline.wiring.check_path",
    "graph_diff": "pipeline.wiring.graph_diff",
    "insert_node": "pipeline.wiring.edit",
    "remove_node": "pipeline.wiring.edit",
    "replace_node": "pipeline.wiring.edit",
    "Example": "pipeline.data",
    "read_rows": "pipeline.data",
    "WeftError": "pipeline.errors",
    "Evaluation": "pipeline.evaluate",
    "aevaluate": "pipeline.evaluate",
    "evaluate": "pipeline.evaluate",
    "BatchLM": "pipeline.lm.batched",
    "Cache": "pipeline.lm.cache",
    "FunctionLM": "pipeline.lm.fakes",
    "RefusingLM": "pipeline.lm.fakes",
    "ReplayLM": "pipeline.lm.fakes",
    "ScriptedLM": "pipeline.lm.fakes",
    "MemoryCache": "pipeline.lm.memory",
    "LM": "pipeline.lm.models",
    "Message": "pipeline.lm.request",
    "Request": "pipeline.lm.request",
    "Response": "pipeline.lm.request",
    "Usage": "pipeline.lm.request",
    "RetryPolicy": "pipeline.lm.retry",
    "load": "loading",
    "package": "loading",
    "programs": "loading",
    "Score": "pipeline.metrics",
    "artifact_schema": "pipeline.artifacts.schema",
    "diff": "pipeline.artifacts.diffing",
    "Diff": "pipeline.artifacts.diffing",
    "explain": "pipeline.measuring.explaining",
    "Explanation": "pipeline.measuring.explaining",
    "export": "pipeline.artifacts.exporting",
    "finetuning_rows": "pipeline.artifacts.exporting",
    "write_rows": "pipeline.artifacts.exporting",
    "import_dspy": "pipeline.artifacts.importing",
    "show": "showing",
    "show_html": "showing",
    "Standing": "pipeline.artifacts.standing",
    "standing": "pipeline.artifacts.standing",
    "label": "pipeline.artifacts.versions",
    "log": "pipeline.artifacts.versions",
    "read_labels": "pipeline.artifacts.versions",
    "rollback": "pipeline.artifacts.versions",
    "Origin": "pipeline.artifacts.origins",
    "origin": "pipeline.artifacts.origins",
    "Demo": "pipeline.parameters",
    "Program": "pipeline.program",
    "program": "pipeline.program",
    "Ray": "ray_cluster",
    "configure": "pipeline.runtime",
    "use": "pipeline.runtime",
    "Input": "pipeline.signature",
    "Output": "pipeline.signature",
    "Signature": "pipeline.signature",
    "step": "pipeline.step",
    "info": "pipeline.trace",
    "OpenTelemetry": "pipeline.traces.otel",
    "TraceLog": "pipeline.traces.log",
    "TracedRun": "pipeline.traces.watching",
    "read_traces": "pipeline.traces.reading",
    "compilers": "",
    "errors": "",
    "events": "",
    "metrics": "",
}

__all__ = [*_WHERE]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll] - keys are names

__getattr__, __dir__ = lazy(__name__, _WHERE, "PUBLIC")
