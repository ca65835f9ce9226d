"""Agents: a model that chooses tools, and the tools that it may choose."""

from __future__ import annotations

from .react import ReAct
from .tool import Tool, tool
from .trajectory import AgentStep

__all__ = ["AgentStep", "ReAct", "Tool", "tool"]
