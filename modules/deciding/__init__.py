"""Answers as decisions: how probable each choice is, and priors that are taken off."""

from __future__ import annotations

from .calibrate import acalibrate, calibrate
from .classify import Classify
from .find_words import afind_words, find_words
from .rule import Rule
from .words import Choice

__all__ = [
    "Choice",
    "Classify",
    "Rule",
    "acalibrate",
    "afind_words",
    "calibrate",
    "find_words",
]
