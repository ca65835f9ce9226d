"""Novelty: an input that is like none of the rows is noted when it is met.

What a program was measured on says little about other inputs. The nearest row is found
by the house's index of texts, without a model; the threshold is what the rows
themselves say: the distance from each to its nearest neighbour, leave-one-out (a
nearest-neighbour outlier score, Ramaswamy et al. 2000, with the calibration of
conformal anomaly detection, Laxhammar and Falkman 2010).
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, final

from ..pipeline.data.example import Example
from ..pipeline.data.rows import read_rows
from ..pipeline.errors import ConfigError, DataError
from ..pipeline.ground.options import Rule, checked
from ..pipeline.ground.plain import plain
from ..pipeline.ground.text_index import TextIndex
from ..pipeline.ground.words import counted
from ..pipeline.lm.request import JSON
from ..pipeline.trace import NodeRun

_NEAREST: Final = 5
"""Rows that are looked at closely; the index orders by rarity, likeness counts all."""
_CALIBRATED: Final = 500
_LEAST: Final = 10
_QUANTILE: Final = Rule("a share below 1", numbers.Real, 0, math.nextafter(1.0, 0))
FACT: Final = "unlike_rows"


@final
class Novelty:
    """Notes inputs that are like none of some rows; nothing is blocked.

    It is a hook: `with weft.use(hooks=[weft.Novelty(rows, ["message"])])`. Where a
    module is given an input whose likeness to the nearest row is below the threshold,
    its node's `facts` have `unlike_rows`, in the trace and in the trace log. An input
    takes some 2 ms of the loop with 5,000 rows, and less with fewer.

    Args:
        rows: What the program was measured on, as `weft.read_rows` takes it.
        inputs: The inputs that are compared, together; a module that is not given all
            of them is not looked at.
        quantile: The share of inputs like the rows that is noted by mistake, about.

    Raises:
        ConfigError: `quantile` is no share, or no input is named.
        DataError: A row cannot be read, or there are fewer than 10.

    >>> said = ["my card was lost", "my card never came", "the app will not open"]
    >>> rows = [{"message": f"{s}, {n} days ago"} for s in said for n in range(5)]
    >>> known = Novelty(rows, ["message"])
    >>> known.check({"message": "my card was lost, 7 days ago"})
    >>> known.check({"message": "Zwei Pizzen, bitte!"})["likeness"] < known.threshold
    True
    >>> known.check({"message": "Zwei Pizzen, bitte!"})["nearest"] in range(12)
    False
    """

    @checked
    def __init__(
        self,
        rows: Iterable[Any] | str | Path,
        inputs: Sequence[str],
        *,
        quantile: float = 0.01,
    ) -> None:
        if isinstance(inputs, str) or not inputs:
            raise ConfigError(
                f"inputs={inputs!r} names no inputs", hint='Write inputs=["message"]'
            )
        if not _QUANTILE.fits(quantile):
            raise ConfigError(
                f"quantile={quantile!r} is no share of inputs", hint="Give 0.01 or so"
            )
        self._inputs = tuple(inputs)
        self._rows: list[Example] = read_rows(rows, list(inputs))
        if len(self._rows) < _LEAST:
            raise DataError(
                f"{counted(len(self._rows), 'row')} say too little of what is usual",
                hint=f"Give {_LEAST} or more",
            )
        texts = [self._text(row.inputs) for row in self._rows]
        self._index = TextIndex.of(texts)
        self._each = [TextIndex.of([text]) for text in texts]
        self._threshold = self._calibrated(texts, quantile)

    @property
    def threshold(self) -> float:
        """The likeness below which an input is noted, in [0, 1]."""
        return self._threshold

    def check(self, inputs: Mapping[str, Any]) -> dict[str, JSON] | None:
        """What is to be said of an input that is like no row; None of one that is.

        Args:
            inputs: Values by name.

        Returns:
            `likeness` to the nearest row and the `threshold`, in [0, 1], and the id of
            the `nearest` row.
        """
        if not all(name in inputs for name in self._inputs):
            return None
        near, at = self._nearest(self._text(inputs), leave=-1)
        if near >= self._threshold:
            return None
        return {
            "likeness": round(near, 6),
            "threshold": round(self._threshold, 6),
            "nearest": self._rows[at].id,
        }

    def __call__(self, run: NodeRun) -> dict[str, JSON] | None:
        """As a hook: the fact that a module's node is given, where there is one."""
        found = self.check(run.inputs) if run.kind == "module" else None
        return None if found is None else {FACT: found}

    def __repr__(self) -> str:
        names = ", ".join(self._inputs)
        rows = counted(len(self._rows), "row")
        return f"Novelty({rows} by {names}, under {self._threshold:.3f})"

    def _text(self, inputs: Mapping[str, Any]) -> str:
        values = (plain(inputs[name], repr) for name in self._inputs)
        return "\n".join(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in values
        )

    def _nearest(self, text: str, leave: int) -> tuple[float, int]:
        """The largest cosine with a row, and which; `leave` is not looked at."""
        itself = TextIndex.of([text]).likeness(text)[0]
        found = self._index.nearest(text, _NEAREST + (leave >= 0))
        pairs = [
            (self._each[at].likeness(text)[0] / itself if itself else 0.0, -at)
            for at in found
            if at != leave
        ]
        near, at = max(pairs)
        return min(1.0, near), -at

    def _calibrated(self, texts: Sequence[str], quantile: float) -> float:
        """The likeness that such a share of rows is below, each without itself."""
        step = max(1, math.ceil(len(texts) / _CALIBRATED))
        near = sorted(
            self._nearest(texts[at], at)[0] for at in range(0, len(texts), step)
        )
        return near[max(0, math.floor(quantile * (len(near) + 1)) - 1)]
