# Written by `weft package`; what is changed here is lost.
# ruff: noqa: E501, I001, RUF100
# fmt: off
from typing import Literal
import weft

__all__ = ["reply", "triage"]

@weft.program
def reply(message: str) -> str: ...

@weft.program
def triage(message: str) -> Literal["issuing", "payments", "access"]: ...
