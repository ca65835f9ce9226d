"""Agents: a model that chooses tools, and the tools that it may choose."""

from __future__ import annotations

from .decorator import tool
from .react import ReAct
from .tool import Tool
from .trajectory import AgentStep, trajectory_of

__all__ = ["AgentStep", "ReAct", "Tool", "tool", "trajectory_of"]
