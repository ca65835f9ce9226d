"""Programs as text and pages; every kind of module is known before a file is read."""

from __future__ import annotations

from . import modules
from .pages.program import show_html
from .pipeline.artifact.describe import program_of, show

__all__ = ["modules", "program_of", "show", "show_html"]
