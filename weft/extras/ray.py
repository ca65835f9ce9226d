"""Rows on a Ray cluster: the one place that imports Ray.

A program is sent as its artifact and a row as its plain data, both JSON text; each
worker is an actor that holds one `Host`. What comes back is text too. So nothing of a
program is pickled, and what cannot be pickled can still run there.

A row is given to the worker with the fewest; where a worker dies its rows are given to
the others and to the one that takes its place. A row's result is taken once, from the
worker that answered, so none is lost and none is doubled. A row that was under way may
be asked twice; what was answered before stands in the cache, if the workers share one.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from ..pipeline.artifact.save import artifact_text, needs_live
from ..pipeline.errors import ConfigError, WeftError, WorkerLost
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground import strictjson
from ..pipeline.ground.options import Count, Positive, settings
from ..pipeline.ground.words import counted
from ..pipeline.run.bridge import in_thread
from ..pipeline.run.context import Context, follow
from ..pipeline.run.remote import Result, error_of, nodes_of, settings_data
from ..pipeline.run.settings import current
from ..pipeline.run.watch import noted
from ..pipeline.signature.spec import Spec
from ..pipeline.trace import NodeRun, Run, Trace, attach
from .worker import Host

__all__ = ["Ray"]

_AT_ONCE = 1000
_FORM = 'Write "package.module:name", as a machine of the cluster imports it'


@settings
class Ray:
    """Runs the rows of a batch or an evaluation on a Ray cluster: `on=weft.Ray(...)`.

    The cluster is the one that this process is connected to; else the one at `address`
    or `RAY_ADDRESS`; else one on this machine, for as long as the rows take.

    A worker has its own process. The models that are set here go there by name and
    options, with the form, the retries and the number of the sample; keys never do, so
    that they stand in the environment of each machine, or `setup` gives them. It says
    also where answers are kept. A metric runs here.

    Args:
        workers: How many processes run rows.
        live: "package.module:name" of the program, for one that calls steps or has
            types that its artifact cannot rebuild; each machine imports it.
        setup: "package.module:name" of a function that each worker calls first, such
            as one that calls `weft.configure`; what it sets wins. A model that lives in
            this process, such as a `FunctionLM`, needs one.
        address: The cluster's address.
        retries: How often a row may be given to another worker after its own died. From
            2 on, one row that kills its workers takes no other row with it.
        cpus: What each worker reserves of its machine.
        patience: Seconds within which a worker must have begun.

    >>> import weft
    >>> weft.Ray(workers=8, setup="shop.models:use_models").retries
    3
    """

    workers: Count = 2
    live: str = ""
    setup: str = ""
    address: str = ""
    retries: int = 3
    cpus: float = 1.0
    patience: Positive = 300.0

    def __post_init__(self) -> None:
        for name, given in (("live", self.live), ("setup", self.setup)):
            module, _, target = given.partition(":")
            if given and not (module and target.isidentifier()):
                raise ConfigError(f"{name}={given!r} names nothing", hint=_FORM)

    def opened(
        self, program: Program[..., Any] | Module[..., Any]
    ) -> AbstractAsyncContextManager[OnRay]:
        """Bring a program to the workers for as long as the context lasts.

        Raises:
            ConfigError: Ray is not installed, a worker cannot begin, a budget is set
                here, a model cannot travel, or the program needs `live`.
            ArtifactError: The program is no plain data, or the workers have another.
            WorkerLost: Worker after worker died before it began.
        """
        return _opened(self, as_program(program))


@contextlib.asynccontextmanager
async def _opened(ray: Ray, program: Program[..., Any]) -> AsyncGenerator[OnRay]:
    _refuse(ray, program)
    settings = settings_data(program, live=bool(ray.live), setup=ray.setup)
    settings = strictjson.dumps(settings)
    told = (artifact_text(program), ray.live, ray.setup, settings)
    cluster, ours = await in_thread(_connected, ray.address)
    workers = _Workers(ray, cluster, told)
    try:
        async with workers.begun():
            yield OnRay(program, workers)
    finally:
        if ours:
            await in_thread(cluster.shutdown)


def _refuse(ray: Ray, program: Program[..., Any]) -> None:
    """Refuse what would fail there, or worse, be ignored there."""
    if current().ledger is not None:
        raise ConfigError(
            "a budget is held in one process, and the rows would run in others",
            hint="Set it in the function that setup= names, for each worker",
        )
    code = [*program.steps, *needs_live(program)]
    if code and not ray.live:
        raise ConfigError(
            f"program {program.name!r} needs {code[0]!r}, and an artifact has no code",
            hint='Name the program: weft.Ray(live="package.module:name")',
        )


def _connected(address: str) -> tuple[Any, bool]:
    """Ray, and whether it was this that connected it."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise ConfigError(
            "ray is not installed", hint="Write pip install 'ray>=2.46'"
        ) from None
    if ray.is_initialized():
        return ray, False
    # Nothing is reported to anybody unless the user says so.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    given = {"address": address} if address else {}
    ray.init(log_to_driver=False, configure_logging=False, **given)
    return ray, True


@dataclass(eq=False)
class _Desk:
    """A worker's place, kept by whoever works there.

    Attributes:
        worker: The actor, once it has begun.
        under_way: How many rows it has.
    """

    worker: asyncio.Task[Any]
    under_way: int = 0


class _Workers:
    """As many actors as were asked for, each replaced when it dies."""

    def __init__(self, ray: Ray, cluster: Any, told: tuple[str, ...]) -> None:
        self._ray, self._cluster, self._told = ray, cluster, told
        options = {"num_cpus": ray.cpus, "max_concurrency": _AT_ONCE}
        self._make = cluster.remote(Host).options(**options).remote
        self._actors: list[Any] = []
        self._desks: list[_Desk] = []
        self._suspects = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def begun(self) -> AsyncGenerator[None]:
        """Workers for as long as the context lasts; then they are killed."""
        try:
            self._desks = [_Desk(self._hired()) for _ in range(self._ray.workers)]
            yield
        finally:
            for desk in self._desks:
                desk.worker.cancel()
            hiring = [desk.worker for desk in self._desks]
            await asyncio.gather(*hiring, return_exceptions=True)
            for actor in self._actors:
                self._cluster.kill(actor)

    async def ready(self) -> None:
        """Wait until the first worker has begun, or raise why it cannot.

        Whoever follows runs is then told of none where no row could begin.
        """
        hiring = {desk.worker for desk in self._desks}
        done, _ = await asyncio.wait(hiring, return_when=asyncio.FIRST_COMPLETED)
        for worker in done:
            error = worker.exception()
            if isinstance(error, WeftError):
                raise error

    async def run(self, text: str) -> Any:
        """What a worker answers to one row.

        Raises:
            WorkerLost: Each worker that had the row died.
        """
        died: type[Exception] = self._cluster.exceptions.RayActorError
        last = ""
        for number in range(1 + self._ray.retries):
            # One that saw two workers die may be why: it waits for others like it, so
            # that no innocent row is with it when the next worker dies.
            suspect = self._suspects if number > 1 else contextlib.nullcontext()
            async with suspect:
                try:
                    return strictjson.loads(await self._asked(text, died))
                except died as error:
                    last = f"{type(error).__name__}: {error}"
        raise WorkerLost(
            f"{counted(1 + self._ray.retries, 'worker')} died with this row: {last}",
            hint="See what it asks of a machine; retries= allows more",
        )

    async def _asked(self, text: str, died: type[Exception]) -> str:
        """What the worker with the fewest rows answers; a dead one is replaced."""
        desk = min(self._desks, key=lambda d: d.under_way)
        hired, desk.under_way = desk.worker, desk.under_way + 1
        try:
            worker = await asyncio.shield(hired)
            said: str = await worker.run.remote(text)
            return said
        except died:
            if desk.worker is hired:
                desk.worker = self._hired()
            raise
        finally:
            desk.under_way -= 1

    def _hired(self) -> asyncio.Task[Any]:
        return asyncio.create_task(self._begin())

    async def _begin(self) -> Any:
        """A worker that has the program."""
        actor = self._make()
        self._actors.append(actor)
        try:
            async with asyncio.timeout(self._ray.patience):
                said = strictjson.loads(await actor.begin.remote(*self._told))
        except TimeoutError:
            raise ConfigError(
                f"a worker did not begin within {self._ray.patience} seconds",
                hint="Has the cluster room for "
                f"{counted(self._ray.workers, 'worker')} of cpus="
                f"{self._ray.cpus}? Else give more patience",
            ) from None
        if "error" in said:
            raise error_of(said["error"])
        return actor


class OnRay:
    """A program on a cluster: runs one row at a time, as the program would here."""

    def __init__(self, program: Program[..., Any], workers: _Workers) -> None:
        self._program, self._workers = program, workers
        self._result = Result(program.structure.result)

    @property
    def name(self) -> str:
        """The program's name."""
        return self._program.name

    @property
    def inputs(self) -> Spec:
        """The typed inputs."""
        return self._program.inputs

    async def run_row(
        self, bound: Mapping[str, Any], record: list[NodeRun] | None = None
    ) -> Run[Any]:
        """Run with checked inputs; `record` keeps the nodes even of a failed run.

        Raises:
            WorkerLost: Each worker that had the row died.
            WeftError: The row failed there, as it would have here.
        """
        outer = Context(current())
        nodes: list[NodeRun] = [] if record is None else record

        async def work(there: Context) -> Run[Any]:
            return await self._sent(bound, nodes, there)

        await self._workers.ready()
        if outer.followed:
            return await follow(outer, self.name, bound, nodes, work)
        return await work(outer)

    async def _sent(
        self, bound: Mapping[str, Any], nodes: list[NodeRun], context: Context
    ) -> Run[Any]:
        row = {
            "inputs": self.inputs.dump_inputs(bound),
            "sample": context.settings.sample,
            "logged": context.settings.trace_log is not None,
        }
        said = await self._workers.run(strictjson.dumps(row))
        ran = nodes_of(said["nodes"])
        for node in ran:
            nodes.append(node)
            # Watchers want to see a node begin, and these are over.
            for hook in context.settings.hooks:
                noted(hook, node)
        if "error" in said:
            raise error_of(said["error"])
        value = self._result.load(said["value"])
        made: int | None = said["made"]
        if made is not None:
            attach(value, ran[made])
        return Run(value, Trace(tuple(ran), said["seconds"], None, context.run_id))
