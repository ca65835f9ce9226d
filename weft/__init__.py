"""weft compiles language-model programs: write programs, not prompts.

Public names are imported at first use, so that `import weft` is fast and loads no
client library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .pipeline import seam
from .pipeline.ground.lazy import lazy

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
    from .modules.best_of_n import BestOfN as BestOfN
    from .modules.chain_of_thought import ChainOfThought as ChainOfThought
    from .modules.predict import Predict as Predict
    from .modules.predict import predict as predict
    from .modules.refine import Refine as Refine
    from .modules.vote import Vote as Vote
    from .pipeline.artifact.diffing import Diff as Diff
    from .pipeline.artifact.diffing import diff as diff
    from .pipeline.artifact.exporting import export as export
    from .pipeline.artifact.exporting import finetuning_rows as finetuning_rows
    from .pipeline.artifact.exporting import write_rows as write_rows
    from .pipeline.artifact.importing import import_dspy as import_dspy
    from .pipeline.artifact.origins import Origin as Origin
    from .pipeline.artifact.origins import origin as origin
    from .pipeline.artifact.schema import artifact_schema as artifact_schema
    from .pipeline.artifact.standing import Standing as Standing
    from .pipeline.artifact.standing import standing as standing
    from .pipeline.artifact.versions import label as label
    from .pipeline.artifact.versions import log as log
    from .pipeline.artifact.versions import read_labels as read_labels
    from .pipeline.artifact.versions import rollback as rollback
    from .pipeline.calls.budget import Budget as Budget
    from .pipeline.calls.budget import Ledger as Ledger
    from .pipeline.calls.cache import Cache as Cache
    from .pipeline.calls.retry import RetryPolicy as RetryPolicy
    from .pipeline.calls.store import MemoryCache as MemoryCache
    from .pipeline.data.rows import Example as Example
    from .pipeline.data.rows import read_rows as read_rows
    from .pipeline.errors import WeftError as WeftError
    from .pipeline.graph.check_path import check_path as check_path
    from .pipeline.graph.control import branch as branch
    from .pipeline.graph.control import each as each
    from .pipeline.graph.control import loop as loop
    from .pipeline.graph.control import switch as switch
    from .pipeline.graph.edit import insert_node as insert_node
    from .pipeline.graph.edit import remove_node as remove_node
    from .pipeline.graph.edit import replace_node as replace_node
    from .pipeline.graph.graph_diff import graph_diff as graph_diff
    from .pipeline.graph.program import Program as Program
    from .pipeline.graph.program import program as program
    from .pipeline.graph.step import step as step
    from .pipeline.lm.batched import BatchLM as BatchLM
    from .pipeline.lm.fakes import FunctionLM as FunctionLM
    from .pipeline.lm.fakes import RefusingLM as RefusingLM
    from .pipeline.lm.fakes import ReplayLM as ReplayLM
    from .pipeline.lm.fakes import ScriptedLM as ScriptedLM
    from .pipeline.lm.models import LM as LM
    from .pipeline.lm.request import Message as Message
    from .pipeline.lm.request import Request as Request
    from .pipeline.lm.request import Response as Response
    from .pipeline.lm.request import Usage as Usage
    from .pipeline.measure.evaluate import Evaluation as Evaluation
    from .pipeline.measure.evaluate import aevaluate as aevaluate
    from .pipeline.measure.evaluate import evaluate as evaluate
    from .pipeline.measure.explain import Explanation as Explanation
    from .pipeline.measure.explain import explain as explain
    from .pipeline.measure.metrics import Score as Score
    from .pipeline.parameters import Demo as Demo
    from .pipeline.run.batch import abatch_to as abatch_to
    from .pipeline.run.batch import batch_to as batch_to
    from .pipeline.run.otel import OpenTelemetry as OpenTelemetry
    from .pipeline.run.settings import configure as configure
    from .pipeline.run.settings import use as use
    from .pipeline.run.trace_log import TraceLog as TraceLog
    from .pipeline.run.trace_reading import read_traces as read_traces
    from .pipeline.run.watch import TracedRun as TracedRun
    from .pipeline.signature.signature import Input as Input
    from .pipeline.signature.signature import Output as Output
    from .pipeline.signature.signature import Signature as Signature
    from .pipeline.trace import info as info
    from .ray_cluster import Ray as Ray
    from .showing import show as show
    from .showing import show_html as show_html

__version__ = "0.1.0"

_WHERE = {
    "BestOfN": "modules.best_of_n",
    "ChainOfThought": "modules.chain_of_thought",
    "Refine": "modules.refine",
    "Vote": "modules.vote",
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
    "Budget": "pipeline.calls.budget",
    "Ledger": "pipeline.calls.budget",
    "abatch_to": "pipeline.run.batch",
    "batch_to": "pipeline.run.batch",
    "branch": "pipeline.graph.control",
    "each": "pipeline.graph.control",
    "loop": "pipeline.graph.control",
    "switch": "pipeline.graph.control",
    "check_path": "pipeline.graph.check_path",
    "graph_diff": "pipeline.graph.graph_diff",
    "insert_node": "pipeline.graph.edit",
    "remove_node": "pipeline.graph.edit",
    "replace_node": "pipeline.graph.edit",
    "Example": "pipeline.data.rows",
    "read_rows": "pipeline.data.rows",
    "WeftError": "pipeline.errors",
    "Evaluation": "pipeline.measure.evaluate",
    "aevaluate": "pipeline.measure.evaluate",
    "evaluate": "pipeline.measure.evaluate",
    "BatchLM": "pipeline.lm.batched",
    "Cache": "pipeline.calls.cache",
    "FunctionLM": "pipeline.lm.fakes",
    "RefusingLM": "pipeline.lm.fakes",
    "ReplayLM": "pipeline.lm.fakes",
    "ScriptedLM": "pipeline.lm.fakes",
    "MemoryCache": "pipeline.calls.store",
    "LM": "pipeline.lm.models",
    "Message": "pipeline.lm.request",
    "Request": "pipeline.lm.request",
    "Response": "pipeline.lm.request",
    "Usage": "pipeline.lm.request",
    "RetryPolicy": "pipeline.calls.retry",
    "load": "loading",
    "package": "loading",
    "programs": "loading",
    "Score": "pipeline.measure.metrics",
    "artifact_schema": "pipeline.artifact.schema",
    "diff": "pipeline.artifact.diffing",
    "Diff": "pipeline.artifact.diffing",
    "explain": "pipeline.measure.explain",
    "Explanation": "pipeline.measure.explain",
    "export": "pipeline.artifact.exporting",
    "finetuning_rows": "pipeline.artifact.exporting",
    "write_rows": "pipeline.artifact.exporting",
    "import_dspy": "pipeline.artifact.importing",
    "show": "showing",
    "show_html": "showing",
    "Standing": "pipeline.artifact.standing",
    "standing": "pipeline.artifact.standing",
    "label": "pipeline.artifact.versions",
    "log": "pipeline.artifact.versions",
    "read_labels": "pipeline.artifact.versions",
    "rollback": "pipeline.artifact.versions",
    "Origin": "pipeline.artifact.origins",
    "origin": "pipeline.artifact.origins",
    "Demo": "pipeline.parameters",
    "Program": "pipeline.graph.program",
    "program": "pipeline.graph.program",
    "Ray": "ray_cluster",
    "configure": "pipeline.run.settings",
    "use": "pipeline.run.settings",
    "Input": "pipeline.signature.signature",
    "Output": "pipeline.signature.signature",
    "Signature": "pipeline.signature.signature",
    "step": "pipeline.graph.step",
    "info": "pipeline.trace",
    "OpenTelemetry": "pipeline.run.otel",
    "TraceLog": "pipeline.run.trace_log",
    "TracedRun": "pipeline.run.watch",
    "read_traces": "pipeline.run.trace_reading",
    "compilers": "",
    "errors": "",
    "events": "",
    "metrics": "",
}

__all__ = [*_WHERE]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll] - keys are names

__getattr__, __dir__ = lazy(__name__, _WHERE, "PUBLIC")


def _engine() -> seam.Engine:
    """Who answers calls outside any run: the pipeline's own engine, at first use."""
    from .pipeline.run.engine import (  # noqa: PLC0415 - models, cache and graph
        ONE_OFF,
    )

    return ONE_OFF


seam.install(_engine)
