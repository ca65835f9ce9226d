"""People at the keyboard, for the commands that ask them."""

from __future__ import annotations

import io


class Interrupting(io.StringIO):
    """Types some lines, and then Ctrl-C."""

    def readline(self, size: int = -1, /) -> str:
        line = super().readline(size)
        if not line:
            raise KeyboardInterrupt
        return line
