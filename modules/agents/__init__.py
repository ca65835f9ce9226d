"""Agents: a model that chooses tools, and the tools that it may choose."""

from __future__ import annotations

from .react import AgentStep, ReAct
from .tool import Tool, tool

__all__ = ["AgentStep", "ReAct", "Tool", "tool"]
