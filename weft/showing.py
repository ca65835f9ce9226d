"""Programs as text; every kind of module is known before an artifact is read."""

from __future__ import annotations

from . import modules
from .pipeline.showing import show

__all__ = ["modules", "show"]
