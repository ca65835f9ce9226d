"""Named compilers, and the parts to make one.

A compiler is a recipe: proposers make candidates, a racer compares them, a selector
says where to go on from. `docs/compilers.md` lists them with their papers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..pipeline.ground.lazy import lazy

if TYPE_CHECKING:
    from .ace import ACE as ACE
    from .ape import APE as APE
    from .auto import Auto as Auto
    from .bootstrap_few_shot import BootstrapFewShot as BootstrapFewShot
    from .bootstrap_random_search import BootstrapRandomSearch as BootstrapRandomSearch
    from .by_hand import ByHand as ByHand
    from .capo import CAPO as CAPO
    from .choose import Choose as Choose
    from .combinators import BestOf as BestOf
    from .combinators import Sequence as Sequence
    from .combinators import UntilPlateau as UntilPlateau
    from .compress import Compress as Compress
    from .copro import COPRO as COPRO
    from .effects import Effect as Effect
    from .effects import Spread as Spread
    from .effects import main_effects as main_effects
    from .effects import spread as spread
    from .evo_prompt import EvoPrompt as EvoPrompt
    from .feedback import Feedback as Feedback
    from .front import Front as Front
    from .front import Point as Point
    from .gepa import GEPA as GEPA
    from .glossary import Glossary as Glossary
    from .infer_rules import InferRules as InferRules
    from .knn_few_shot import KNNFewShot as KNNFewShot
    from .label_words import LabelWords as LabelWords
    from .labeled_few_shot import LabeledFewShot as LabeledFewShot
    from .lora import LoRA as LoRA
    from .mipro import MIPRO as MIPRO
    from .opro import OPRO as OPRO
    from .p_tuning import PTuning as PTuning
    from .parts_grid import PartsGrid as PartsGrid
    from .port import Port as Port
    from .prefix_tuning import PrefixTuning as PrefixTuning
    from .prompt_tuning import PromptTuning as PromptTuning
    from .prompt_wizard import PromptWizard as PromptWizard
    from .propose.proposer import Proposer as Proposer
    from .protegi import ProTeGi as ProTeGi
    from .racing.elimination import Elimination as Elimination
    from .racing.optuna_tpe import OptunaTPE as OptunaTPE
    from .racing.race import Full as Full
    from .racing.race import Halving as Halving
    from .racing.race import Racer as Racer
    from .racing.racers import UCB as UCB
    from .racing.racers import FirstFail as FirstFail
    from .racing.racers import Gate as Gate
    from .racing.racers import PairedRace as PairedRace
    from .racing.select import TPE as TPE
    from .racing.select import Beam as Beam
    from .racing.select import Best as Best
    from .racing.select import InstancePareto as InstancePareto
    from .racing.select import Selector as Selector
    from .racing.select import Softmax as Softmax
    from .racing.select import Tournament as Tournament
    from .recipe import Compiler as Compiler
    from .recipe import Draw as Draw
    from .recipe import Recipe as Recipe
    from .search.candidate import Candidate as Candidate
    from .search.choices import Parzen as Parzen
    from .search.choices import Sampler as Sampler
    from .search.cost import Calls as Calls
    from .search.task import Task as Task
    from .simba import SIMBA as SIMBA
    from .thresholds import Thresholds as Thresholds
    from .trigger_tokens import TriggerTokens as TriggerTokens
    from .triple import TRIPLE as TRIPLE
    from .voting import ensemble as ensemble
    from .voting import majority as majority

_WHERE = {
    "ace": "ACE",
    "ape": "APE",
    "auto": "Auto",
    "bootstrap_few_shot": "BootstrapFewShot",
    "bootstrap_random_search": "BootstrapRandomSearch",
    "by_hand": "ByHand",
    "capo": "CAPO",
    "choose": "Choose",
    "combinators": "BestOf Sequence UntilPlateau",
    "compress": "Compress",
    "copro": "COPRO",
    "effects": "Effect Spread main_effects spread",
    "evo_prompt": "EvoPrompt",
    "feedback": "Feedback",
    "front": "Front Point",
    "gepa": "GEPA",
    "glossary": "Glossary",
    "infer_rules": "InferRules",
    "knn_few_shot": "KNNFewShot",
    "label_words": "LabelWords",
    "labeled_few_shot": "LabeledFewShot",
    "lora": "LoRA",
    "mipro": "MIPRO",
    "opro": "OPRO",
    "p_tuning": "PTuning",
    "parts_grid": "PartsGrid",
    "port": "Port",
    "prefix_tuning": "PrefixTuning",
    "prompt_tuning": "PromptTuning",
    "prompt_wizard": "PromptWizard",
    "propose.proposer": "Proposer",
    "protegi": "ProTeGi",
    "racing.elimination": "Elimination",
    "racing.optuna_tpe": "OptunaTPE",
    "racing.race": "Full Halving Racer",
    "racing.racers": "FirstFail Gate PairedRace UCB",
    "racing.select": "Beam Best InstancePareto Selector Softmax TPE Tournament",
    "recipe": "Compiler Draw Recipe",
    "search.candidate": "Candidate",
    "search.choices": "Parzen Sampler",
    "search.cost": "Calls",
    "search.task": "Task",
    "simba": "SIMBA",
    "thresholds": "Thresholds",
    "trigger_tokens": "TriggerTokens",
    "triple": "TRIPLE",
    "voting": "ensemble majority",
}

__getattr__, __dir__, __all__ = lazy(__name__, _WHERE, "compiler")
