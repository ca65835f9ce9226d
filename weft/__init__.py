"""weft compiles language-model programs: write programs, not prompts.

Public names are imported at first use, so that `import weft` is fast and loads no
client library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .pipeline import seam
from .pipeline.ground.hints import answer_with
from .pipeline.ground.lazy import first_use, lazy
from .pipeline.ground.pages import draw_with

if TYPE_CHECKING:
    from . import compilers as compilers
    from . import errors as errors
    from . import events as events
    from . import mcp as mcp
    from . import metrics as metrics
    from .authoring.asking import Draft as Draft
    from .authoring.copying import CopyRate as CopyRate
    from .authoring.copying import copy_rate as copy_rate
    from .authoring.critique import Critique as Critique
    from .authoring.critique import acold_read as acold_read
    from .authoring.critique import acritique as acritique
    from .authoring.critique import cold_read as cold_read
    from .authoring.critique import critique as critique
    from .authoring.draft import adraft as adraft
    from .authoring.draft import arevise as arevise
    from .authoring.draft import atechnique_from_text as atechnique_from_text
    from .authoring.draft import draft as draft
    from .authoring.draft import revise as revise
    from .authoring.draft import technique_from_text as technique_from_text
    from .authoring.faithfulness import ReasoningProbe as ReasoningProbe
    from .authoring.faithfulness import afaithfulness as afaithfulness
    from .authoring.faithfulness import faithfulness as faithfulness
    from .authoring.interview import Interview as Interview
    from .authoring.interview import ainterview as ainterview
    from .authoring.interview import interview as interview
    from .authoring.lint import Wording as Wording
    from .authoring.lint import lint as lint
    from .authoring.picking import pick_demos as pick_demos
    from .authoring.synthesize import Synthesis as Synthesis
    from .authoring.synthesize import asynthesize as asynthesize
    from .authoring.synthesize import read_drafts as read_drafts
    from .authoring.synthesize import synthesize as synthesize
    from .checks import check_path as check_path
    from .compilers.compile import acompile as acompile
    from .compilers.compile import compile as compile  # noqa: A004 - the field's word
    from .compilers.compile import quote as quote
    from .compilers.recompile import recompile as recompile
    from .compilers.report import Report as Report
    from .compilers.result import Result as Result
    from .compilers.sweep import Sweep as Sweep
    from .compilers.sweep import sweep as sweep
    from .compilers.transfer import Transfer as Transfer
    from .compilers.transfer import transfer as transfer
    from .dspy_states.reading import import_dspy as import_dspy
    from .exports import export as export
    from .exports import finetuning_rows as finetuning_rows
    from .exports import write_rows as write_rows
    from .extras.otel import OpenTelemetry as OpenTelemetry
    from .extras.ray import Ray as Ray
    from .gates.agreement import Agreement as Agreement
    from .gates.agreement import aagreement as aagreement
    from .gates.agreement import agreement as agreement
    from .gates.attempts import RedTeam as RedTeam
    from .gates.by_hand import take_eval as take_eval
    from .gates.edges import edge_cases as edge_cases
    from .gates.gate import agate as agate
    from .gates.gate import gate as gate
    from .gates.gate import quote_gate as quote_gate
    from .gates.noise import aperturb as aperturb
    from .gates.noise import perturb as perturb
    from .gates.novelty import Novelty as Novelty
    from .gates.red_team import ared_team as ared_team
    from .gates.red_team import red_team as red_team
    from .gates.side_by_side import SideBySide as SideBySide
    from .gates.side_by_side import aside_by_side as aside_by_side
    from .gates.side_by_side import side_by_side as side_by_side
    from .gates.verdict import Gate as Gate
    from .loading import load as load
    from .loading import package as package
    from .loading import programs as programs
    from .loading import save as save
    from .modules.agents.decorator import tool as tool
    from .modules.agents.react import ReAct as ReAct
    from .modules.agents.tool import Tool as Tool
    from .modules.agents.trajectory import AgentStep as AgentStep
    from .modules.agents.trajectory import trajectory_of as trajectory_of
    from .modules.asking.chain_of_thought import ChainOfThought as ChainOfThought
    from .modules.asking.decompose import Decompose as Decompose
    from .modules.asking.decompose import SubQuestion as SubQuestion
    from .modules.asking.predict import Predict as Predict
    from .modules.asking.predict import predict as predict
    from .modules.code.code_act import CodeAct as CodeAct
    from .modules.code.outcome import CodeError as CodeError
    from .modules.code.outcome import CodeRun as CodeRun
    from .modules.code.program_of_thought import ProgramOfThought as ProgramOfThought
    from .modules.code.recursive import Recursive as Recursive
    from .modules.code.sandbox import Sandbox as Sandbox
    from .modules.code.trajectory import CodeStep as CodeStep
    from .modules.code.trajectory import code_steps_of as code_steps_of
    from .modules.deciding.calibrate import acalibrate as acalibrate
    from .modules.deciding.calibrate import calibrate as calibrate
    from .modules.deciding.classify import Classify as Classify
    from .modules.deciding.find_words import afind_words as afind_words
    from .modules.deciding.find_words import find_words as find_words
    from .modules.deciding.fit_weights import afit_weights as afit_weights
    from .modules.deciding.fit_weights import fit_weights as fit_weights
    from .modules.deciding.label_unlabelled import Generation as Generation
    from .modules.deciding.label_unlabelled import SelfLabelled as SelfLabelled
    from .modules.deciding.label_unlabelled import (
        alabel_unlabelled as alabel_unlabelled,
    )
    from .modules.deciding.label_unlabelled import label_unlabelled as label_unlabelled
    from .modules.deciding.pattern_vote import PatternVote as PatternVote
    from .modules.deciding.rule import Rule as Rule
    from .modules.deciding.words import Choice as Choice
    from .modules.judging.completeness import Completeness as Completeness
    from .modules.judging.groundedness import Groundedness as Groundedness
    from .modules.judging.pairwise import Pairwise as Pairwise
    from .modules.judging.rubric import Rubric as Rubric
    from .modules.retrieval.cited import Cited as Cited
    from .modules.retrieval.index import Index as Index
    from .modules.retrieval.retrieve import Retrieve as Retrieve
    from .modules.sampling.best_of_n import BestOfN as BestOfN
    from .modules.sampling.cascade import Cascade as Cascade
    from .modules.sampling.check import Check as Check
    from .modules.sampling.compare import Compare as Compare
    from .modules.sampling.ensemble import Ensemble as Ensemble
    from .modules.sampling.fallback import Fallback as Fallback
    from .modules.sampling.map_reduce import MapReduce as MapReduce
    from .modules.sampling.refine import Refine as Refine
    from .modules.sampling.vote import Vote as Vote
    from .pipeline.artifact.diff import Diff as Diff
    from .pipeline.artifact.diff import diff as diff
    from .pipeline.artifact.standing import Standing as Standing
    from .pipeline.artifact.standing import standing as standing
    from .pipeline.artifact.state import artifact_schema as artifact_schema
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
    from .pipeline.errors import Suspended as Suspended
    from .pipeline.errors import WeftError as WeftError
    from .pipeline.graph.control import branch as branch
    from .pipeline.graph.control import each as each
    from .pipeline.graph.control import loop as loop
    from .pipeline.graph.control import switch as switch
    from .pipeline.graph.drawing import graph_diff as graph_diff
    from .pipeline.graph.edit import insert_node as insert_node
    from .pipeline.graph.edit import remove_node as remove_node
    from .pipeline.graph.edit import replace_node as replace_node
    from .pipeline.graph.program import Origin as Origin
    from .pipeline.graph.program import Program as Program
    from .pipeline.graph.program import origin as origin
    from .pipeline.graph.program import program as program
    from .pipeline.graph.step import step as step
    from .pipeline.ground.equations import false_equations as false_equations
    from .pipeline.lm.batched import BatchLM as BatchLM
    from .pipeline.lm.embedding.embedder import Embedder as Embedder
    from .pipeline.lm.embedding.model import FunctionEmbedder as FunctionEmbedder
    from .pipeline.lm.fakes import FunctionLM as FunctionLM
    from .pipeline.lm.fakes import RefusingLM as RefusingLM
    from .pipeline.lm.fakes import ReplayLM as ReplayLM
    from .pipeline.lm.fakes import ScriptedLM as ScriptedLM
    from .pipeline.lm.form import cloze as cloze
    from .pipeline.lm.models import LM as LM
    from .pipeline.lm.request import Message as Message
    from .pipeline.lm.request import Request as Request
    from .pipeline.lm.request import Response as Response
    from .pipeline.lm.request import ToolCall as ToolCall
    from .pipeline.lm.request import Usage as Usage
    from .pipeline.lm.scoring.decision import Decision as Decision
    from .pipeline.lm.scoring.likelihoods import Likelihood as Likelihood
    from .pipeline.lm.scoring.likelihoods import Likelihoods as Likelihoods
    from .pipeline.lm.scoring.tokens import TokenLogprob as TokenLogprob
    from .pipeline.lm.soft.lora import Lora as Lora
    from .pipeline.lm.soft.words import Soft as Soft
    from .pipeline.measure.coverage.abstain import Abstention as Abstention
    from .pipeline.measure.coverage.abstain import aabstain as aabstain
    from .pipeline.measure.coverage.abstain import abstain as abstain
    from .pipeline.measure.coverage.curve import Coverage as Coverage
    from .pipeline.measure.coverage.measured import coverage as coverage
    from .pipeline.measure.decisions.classification import (
        classification as classification,
    )
    from .pipeline.measure.decisions.report import Classification as Classification
    from .pipeline.measure.evaluate import Evaluation as Evaluation
    from .pipeline.measure.evaluate import aevaluate as aevaluate
    from .pipeline.measure.evaluate import evaluate as evaluate
    from .pipeline.measure.explain import Explanation as Explanation
    from .pipeline.measure.explain import explain as explain
    from .pipeline.measure.score import Score as Score
    from .pipeline.measure.suspects import Suspect as Suspect
    from .pipeline.measure.suspects import suspect_labels as suspect_labels
    from .pipeline.media.documents import Document as Document
    from .pipeline.media.passages import Citation as Citation
    from .pipeline.media.passages import Passage as Passage
    from .pipeline.media.turns import History as History
    from .pipeline.media.turns import Turn as Turn
    from .pipeline.media.turns import conversation_rows as conversation_rows
    from .pipeline.media.values import Audio as Audio
    from .pipeline.media.values import File as File
    from .pipeline.media.values import Image as Image
    from .pipeline.parameters import Context as Context
    from .pipeline.parameters import Demo as Demo
    from .pipeline.run.batch import abatch_to as abatch_to
    from .pipeline.run.batch import batch_to as batch_to
    from .pipeline.run.settings import configure as configure
    from .pipeline.run.settings import use as use
    from .pipeline.run.trace_log import TraceLog as TraceLog
    from .pipeline.run.trace_log import read_traces as read_traces
    from .pipeline.run.watch import TracedRun as TracedRun
    from .pipeline.signature.building import Input as Input
    from .pipeline.signature.building import Output as Output
    from .pipeline.signature.json_schema import JsonSchema as JsonSchema
    from .pipeline.signature.results import inputs_of as inputs_of
    from .pipeline.signature.results import to_dict as to_dict
    from .pipeline.signature.signature import Signature as Signature
    from .pipeline.trace import info as info
    from .resuming import aresume as aresume
    from .resuming import resume as resume
    from .showing import show as show
    from .showing import show_html as show_html

__version__ = "0.1.0"

_WHERE = {
    "": "compilers errors events mcp metrics",
    "authoring.asking": "Draft",
    "authoring.copying": "CopyRate copy_rate",
    "authoring.critique": "Critique acold_read acritique cold_read critique",
    "authoring.draft": (
        "adraft arevise atechnique_from_text draft revise technique_from_text"
    ),
    "authoring.faithfulness": "ReasoningProbe afaithfulness faithfulness",
    "authoring.interview": "Interview ainterview interview",
    "authoring.lint": "Wording lint",
    "authoring.picking": "pick_demos",
    "authoring.synthesize": "Synthesis asynthesize read_drafts synthesize",
    "compilers.compile": "acompile compile quote",
    "compilers.recompile": "recompile",
    "compilers.report": "Report",
    "compilers.result": "Result",
    "compilers.sweep": "Sweep sweep",
    "compilers.transfer": "Transfer transfer",
    "extras.otel": "OpenTelemetry",
    "extras.ray": "Ray",
    "gates.agreement": "Agreement aagreement agreement",
    "gates.attempts": "RedTeam",
    "gates.by_hand": "take_eval",
    "gates.edges": "edge_cases",
    "gates.gate": "agate gate quote_gate",
    "gates.noise": "aperturb perturb",
    "gates.novelty": "Novelty",
    "gates.red_team": "ared_team red_team",
    "gates.side_by_side": "SideBySide aside_by_side side_by_side",
    "gates.verdict": "Gate",
    "loading": "load package programs save",
    "modules.agents.react": "ReAct",
    "modules.agents.decorator": "tool",
    "modules.agents.tool": "Tool",
    "modules.agents.trajectory": "AgentStep trajectory_of",
    "modules.code.code_act": "CodeAct",
    "modules.code.outcome": "CodeError CodeRun",
    "modules.code.program_of_thought": "ProgramOfThought",
    "modules.code.recursive": "Recursive",
    "modules.code.sandbox": "Sandbox",
    "modules.code.trajectory": "CodeStep code_steps_of",
    "modules.deciding.calibrate": "acalibrate calibrate",
    "modules.deciding.classify": "Classify",
    "modules.deciding.find_words": "afind_words find_words",
    "modules.deciding.fit_weights": "afit_weights fit_weights",
    "modules.deciding.label_unlabelled": (
        "Generation SelfLabelled alabel_unlabelled label_unlabelled"
    ),
    "modules.deciding.pattern_vote": "PatternVote",
    "modules.deciding.rule": "Rule",
    "modules.deciding.words": "Choice",
    "modules.judging.completeness": "Completeness",
    "modules.judging.groundedness": "Groundedness",
    "modules.judging.pairwise": "Pairwise",
    "modules.judging.rubric": "Rubric",
    "modules.retrieval.cited": "Cited",
    "modules.retrieval.index": "Index",
    "modules.retrieval.retrieve": "Retrieve",
    "modules.sampling.best_of_n": "BestOfN",
    "modules.sampling.cascade": "Cascade",
    "modules.sampling.check": "Check",
    "modules.sampling.compare": "Compare",
    "modules.sampling.ensemble": "Ensemble",
    "modules.sampling.fallback": "Fallback",
    "modules.sampling.map_reduce": "MapReduce",
    "modules.asking.chain_of_thought": "ChainOfThought",
    "modules.asking.decompose": "Decompose SubQuestion",
    "modules.asking.predict": "Predict predict",
    "modules.sampling.refine": "Refine",
    "modules.sampling.vote": "Vote",
    "pipeline.artifact.diff": "Diff diff",
    "exports": "export finetuning_rows write_rows",
    "dspy_states.reading": "import_dspy",
    "pipeline.artifact.state": "artifact_schema",
    "pipeline.artifact.standing": "Standing standing",
    "pipeline.artifact.versions": "label log read_labels rollback",
    "pipeline.calls.budget": "Budget Ledger",
    "pipeline.calls.cache": "Cache",
    "pipeline.calls.store": "MemoryCache",
    "pipeline.calls.retry": "RetryPolicy",
    "pipeline.data.rows": "Example read_rows",
    "pipeline.errors": "Suspended WeftError",
    "checks": "check_path",
    "pipeline.graph.control": "branch each loop switch",
    "pipeline.graph.edit": "insert_node remove_node replace_node",
    "pipeline.graph.drawing": "graph_diff",
    "pipeline.graph.program": "Origin Program origin program",
    "pipeline.graph.step": "step",
    "pipeline.lm.batched": "BatchLM",
    "pipeline.lm.embedding.embedder": "Embedder",
    "pipeline.lm.embedding.model": "FunctionEmbedder",
    "pipeline.lm.fakes": "FunctionLM RefusingLM ReplayLM ScriptedLM",
    "pipeline.lm.form": "cloze",
    "pipeline.lm.models": "LM",
    "pipeline.lm.scoring.decision": "Decision",
    "pipeline.lm.scoring.likelihoods": "Likelihood Likelihoods",
    "pipeline.lm.scoring.tokens": "TokenLogprob",
    "pipeline.lm.soft.lora": "Lora",
    "pipeline.lm.soft.words": "Soft",
    "pipeline.lm.request": "Message Request Response ToolCall Usage",
    "pipeline.measure.decisions.classification": "classification",
    "pipeline.measure.decisions.report": "Classification",
    "pipeline.measure.coverage.abstain": "Abstention aabstain abstain",
    "pipeline.measure.coverage.curve": "Coverage",
    "pipeline.measure.coverage.measured": "coverage",
    "pipeline.measure.evaluate": "Evaluation aevaluate evaluate",
    "pipeline.measure.explain": "Explanation explain",
    "pipeline.measure.score": "Score",
    "pipeline.measure.suspects": "Suspect suspect_labels",
    "pipeline.media.documents": "Document",
    "pipeline.media.passages": "Citation Passage",
    "pipeline.media.turns": "History Turn conversation_rows",
    "pipeline.media.values": "Audio File Image",
    "pipeline.parameters": "Context Demo",
    "pipeline.ground.equations": "false_equations",
    "pipeline.run.batch": "abatch_to batch_to",
    "pipeline.run.settings": "configure use",
    "pipeline.trace": "info",
    "pipeline.run.trace_log": "TraceLog read_traces",
    "pipeline.run.watch": "TracedRun",
    "pipeline.signature.building": "Input Output",
    "pipeline.signature.json_schema": "JsonSchema",
    "pipeline.signature.results": "inputs_of to_dict",
    "pipeline.signature.signature": "Signature",
    "resuming": "aresume resume",
    "showing": "show show_html",
}

__getattr__, __dir__, __all__ = lazy(__name__, _WHERE, "package")


def _remedy(kind: str, name: str, known: Iterable[str]) -> str:
    from .hints import remedy  # noqa: PLC0415 - for errors only

    return remedy(kind, name, known)


def _draw(kind: str, data: Any) -> str:
    from .pages import draw  # noqa: PLC0415 - for pages only

    return draw(kind, data)


answer_with(_remedy)
draw_with(_draw)


def _engine() -> seam.Engine:
    """Who answers calls outside any run: the pipeline's own engine, at first use."""
    with first_use:
        from .pipeline.run.engine import (  # noqa: PLC0415 - models, cache and graph
            ONE_OFF,
        )

    return ONE_OFF


def _model(name: str) -> Any:
    """The model of a name, at first use."""
    with first_use:
        from .pipeline.lm.models import LM  # noqa: PLC0415 - as above

    return LM(name)


seam.install(_engine, _model)
