"""Code that models write, run in a sandbox."""

from __future__ import annotations

from .outcome import CodeError, CodeRun
from .sandbox import Sandbox
from .session import Session
from .trajectory import CodeStep, code_steps_of

__all__ = ["CodeError", "CodeRun", "CodeStep", "Sandbox", "Session", "code_steps_of"]
