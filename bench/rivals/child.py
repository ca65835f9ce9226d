"""A contender's process as its owner sees it: jobs in, results out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from .. import BenchError
from .forked import Job, Result

__all__ = ["HEADINGS", "Child"]

HEADINGS = {"WEFT_ADAPTER": "chat"}
"""For weft at a canned server, which answers under headings whatever it is asked."""

ROOT = Path(__file__).parents[2]


class Child:
    """A process that answers jobs, one at a time; a context manager.

    Args:
        python: The interpreter that holds the library.
        module: The module to run there.
        arguments: What it is given.
        root: The checkout whose code it runs.
        told: Further variables of its environment.
    """

    def __init__(
        self,
        python: Path,
        module: str,
        *arguments: str,
        root: Path = ROOT,
        told: Mapping[str, str] | None = None,
    ) -> None:
        self.module = module
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=root,
            # litellm fetches its price table over the network unless told not to.
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", **(told or {})},
            text=True,
        )

    def __enter__(self) -> Self:
        self._read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()

    def ask(self, job: Job) -> Result:
        """The result of a job.

        Raises:
            BenchError: The process has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Result:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(
                f"{self.module} does not run there: try it by hand with "
                f"{self._process.args!r}"
            )
        result: Result = json.loads(line)
        return result
