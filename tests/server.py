"""The fault server under the name that the tests know it by."""

from __future__ import annotations

from weft.testing import FaultServer as Server
from weft.testing import Reply, Seen

__all__ = ["Reply", "Seen", "Server"]
