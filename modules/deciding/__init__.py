"""Answers as decisions: how probable each choice is, and priors that are taken off."""

from __future__ import annotations

from .calibrate import acalibrate, calibrate
from .classify import Classify
from .rule import Rule

__all__ = ["Classify", "Rule", "acalibrate", "calibrate"]
