"""Code that models write, run in a sandbox."""

from __future__ import annotations

from .code_act import CodeAct
from .outcome import CodeError, CodeRun
from .program_of_thought import ProgramOfThought
from .recursive import Recursive
from .sandbox import Sandbox
from .session import Session
from .trajectory import CodeStep, code_steps_of

__all__ = [
    "CodeAct",
    "CodeError",
    "CodeRun",
    "CodeStep",
    "ProgramOfThought",
    "Recursive",
    "Sandbox",
    "Session",
    "code_steps_of",
]
