"""A module on its own: a program of one node, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, cast

from ..ground.lazy import deferred
from ..signature.spec import Spec
from .calling import begun
from .runnable import Runnable
from .runtime import Runtime, current
from .trace import NodeRun, Run

if TYPE_CHECKING:
    from ..graph import program
    from ..graph.program import Program
else:
    # Programs are built of modules, so a module asks for one only when it runs.
    program = deferred("weft.pipeline.graph", "program")

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Alone(Runnable[P, R_co], Generic[P, R_co]):
    """What runs as the only node of a program of its own name."""

    _program: Program[..., Any] | None = None

    @property
    def inputs(self) -> Spec:
        """The typed inputs."""
        return self._as_program(self.name).inputs

    def run_row(
        self, bound: Mapping[str, Any], record: list[NodeRun] | None = None
    ) -> Coroutine[Any, Any, Run[R_co]]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run."""
        there = begun(self, self.name, current())
        mine = cast("Self", there.target)
        runs: list[NodeRun] = [] if record is None else record
        return mine.run_at(bound, runs, there.runtime, there.path)

    def run_at(
        self, bound: Mapping[str, Any], runs: list[NodeRun], outer: Runtime, path: str
    ) -> Coroutine[Any, Any, Run[R_co]]:
        """Run with checked inputs; the path is the node's, and no program's."""
        here, _, name = path.rpartition("/")
        made = self._as_program(name)
        return made.run_at(bound, runs, outer, here, shown=False)

    def forget(self) -> None:
        """Forget the program, which is that of the original, after a copy."""
        self._program = None

    def _as_program(self, name: str) -> Program[..., R_co]:
        if self._program is None or self._program.name != name:
            self._program = program.as_program(self, name)
        return self._program
