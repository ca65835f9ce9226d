"""Named compilers, and the parts to make one.

A compiler is a recipe: proposers make candidates, a racer compares them, a selector
says where to go on from. `docs/compilers.md` lists them with their papers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..pipeline.lazy import lazy

if TYPE_CHECKING:
    from .ace import ACE as ACE
    from .ape import APE as APE
    from .auto import Auto as Auto
    from .bootstrap_few_shot import BootstrapFewShot as BootstrapFewShot
    from .bootstrap_random_search import BootstrapRandomSearch as BootstrapRandomSearch
    from .candidate import Candidate as Candidate
    from .capo import CAPO as CAPO
    from .combinators import BestOf as BestOf
    from .combinators import Sequence as Sequence
    from .combinators import UntilPlateau as UntilPlateau
    from .compress import Compress as Compress
    from .copro import COPRO as COPRO
    from .effects import Effect as Effect
    from .effects import main_effects as main_effects
    from .ensemble import ensemble as ensemble
    from .ensemble import majority as majority
    from .evo_prompt import EvoPrompt as EvoPrompt
    from .feedback import Feedback as Feedback
    from .gepa import GEPA as GEPA
    from .infer_rules import InferRules as InferRules
    from .knn_few_shot import KNNFewShot as KNNFewShot
    from .labeled_few_shot import LabeledFewShot as LabeledFewShot
    from .mipro import MIPRO as MIPRO
    from .opro import OPRO as OPRO
    from .optuna_tpe import OptunaTPE as OptunaTPE
    from .parts_grid import PartsGrid as PartsGrid
    from .parzen import Parzen as Parzen
    from .parzen import Sampler as Sampler
    from .port import Port as Port
    from .prompt_wizard import PromptWizard as PromptWizard
    from .propose.base import Calls as Calls
    from .propose.base import Proposer as Proposer
    from .protegi import ProTeGi as ProTeGi
    from .race import Full as Full
    from .race import Halving as Halving
    from .race import Racer as Racer
    from .racers import UCB as UCB
    from .racers import FirstFail as FirstFail
    from .racers import Gate as Gate
    from .racers import PairedRace as PairedRace
    from .recipe import Compiler as Compiler
    from .recipe import Draw as Draw
    from .recipe import Recipe as Recipe
    from .select import Beam as Beam
    from .select import Best as Best
    from .select import InstancePareto as InstancePareto
    from .select import Selector as Selector
    from .select import Softmax as Softmax
    from .select import Tournament as Tournament
    from .simba import SIMBA as SIMBA
    from .task import Task as Task
    from .tpe import TPE as TPE
    from .triple import TRIPLE as TRIPLE

_WHERE = {
    "ACE": "ace",
    "APE": "ape",
    "Auto": "auto",
    "Beam": "select",
    "Best": "select",
    "BestOf": "combinators",
    "BootstrapFewShot": "bootstrap_few_shot",
    "BootstrapRandomSearch": "bootstrap_random_search",
    "CAPO": "capo",
    "COPRO": "copro",
    "Calls": "propose.base",
    "Candidate": "candidate",
    "Compiler": "recipe",
    "Compress": "compress",
    "Draw": "recipe",
    "Effect": "effects",
    "EvoPrompt": "evo_prompt",
    "Feedback": "feedback",
    "FirstFail": "racers",
    "Full": "race",
    "GEPA": "gepa",
    "Gate": "racers",
    "Halving": "race",
    "InferRules": "infer_rules",
    "InstancePareto": "select",
    "KNNFewShot": "knn_few_shot",
    "LabeledFewShot": "labeled_few_shot",
    "MIPRO": "mipro",
    "OPRO": "opro",
    "OptunaTPE": "optuna_tpe",
    "PairedRace": "racers",
    "PartsGrid": "parts_grid",
    "Parzen": "parzen",
    "Port": "port",
    "ProTeGi": "protegi",
    "PromptWizard": "prompt_wizard",
    "Proposer": "propose.base",
    "Racer": "race",
    "Recipe": "recipe",
    "SIMBA": "simba",
    "Sampler": "parzen",
    "Selector": "select",
    "Sequence": "combinators",
    "Softmax": "select",
    "TPE": "tpe",
    "TRIPLE": "triple",
    "Task": "task",
    "Tournament": "select",
    "UCB": "racers",
    "UntilPlateau": "combinators",
    "ensemble": "ensemble",
    "main_effects": "effects",
    "majority": "ensemble",
}

__all__ = [*_WHERE]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll] - keys are names

__getattr__, __dir__ = lazy(__name__, _WHERE, "COMPILERS")
