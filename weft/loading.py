"""Artifacts in and out: every kind of module is known before one is read."""

from __future__ import annotations

from .modules import agents, asking, code, deciding, judging, retrieval, sampling
from .modules.asking import decompose
from .pipeline.artifact.load import load
from .pipeline.artifact.package import package, programs
from .pipeline.artifact.save import save

__all__ = [
    "agents",
    "asking",
    "code",
    "deciding",
    "decompose",
    "judging",
    "load",
    "package",
    "programs",
    "retrieval",
    "sampling",
    "save",
]
