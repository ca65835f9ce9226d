"""Answers as decisions: how probable each choice is, and priors that are taken off."""

from __future__ import annotations

from .calibrate import acalibrate, calibrate
from .classify import Classify
from .find_words import afind_words, find_words
from .fit_weights import afit_weights, fit_weights
from .label_unlabelled import (
    Generation,
    SelfLabelled,
    alabel_unlabelled,
    label_unlabelled,
)
from .pattern_vote import PatternVote
from .rule import Rule
from .words import Choice

__all__ = [
    "Choice",
    "Classify",
    "Generation",
    "PatternVote",
    "Rule",
    "SelfLabelled",
    "acalibrate",
    "afind_words",
    "afit_weights",
    "alabel_unlabelled",
    "calibrate",
    "find_words",
    "fit_weights",
    "label_unlabelled",
]
