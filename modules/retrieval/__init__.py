"""Passages found for a query by their words and their meaning, and quotes checked."""

from __future__ import annotations

from .cited import Cited
from .index import Index
from .retrieve import Retrieve

__all__ = ["Cited", "Index", "Retrieve"]
