"""The servers of this process: one for each local model, started when first asked.

A server is a child process that holds the weights. All threads and event loops share
it; a forked process has none of its parent's; and it goes when this process goes, since
it reads from a pipe that only this process holds open. It is of a session of its own,
so that Ctrl-C in a terminal is this process's business alone.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from ...errors import ConfigError, cause
from ...ground.system import at_fork
from .model import LocalModel
from .weights import digest_of, wheel_folder

_PROGRAM: Final = Path(__file__).with_name("llama.py")
_PATIENCE: Final = 120.0  # seconds, and those that a slow disk takes
_SLOW_DISK: Final = 20e6  # bytes a second
_LAST: Final = 6  # lines of what a server said that did not start
_LINE: Final = 200
_DYING: Final = 1.0  # seconds from a lost connection to the end of the process
_LOOK: Final = 0.02


@dataclass(slots=True)
class Server:
    """A running server.

    Args:
        url: The base URL.
        key: The key that it asks for.
        process: The child.
        lifeline: The end of the pipe that the child reads from; closed, it ends.
    """

    url: str
    key: str = field(repr=False)
    process: subprocess.Popen[bytes]
    lifeline: int

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    async def death(self) -> str:
        """How it ended, in words; empty where it goes on."""
        ends = time.monotonic() + _DYING
        while self.runs:  # a connection is lost before the process has ended
            if time.monotonic() > ends:
                return ""
            await asyncio.sleep(_LOOK)
        return _in_words(self.process.returncode)

    def stop(self) -> None:
        """End it, and wait for its end."""
        with suppress(OSError):
            os.close(self.lifeline)
        self.process.kill()
        self.process.wait()

    def let_go(self) -> None:
        """In a forked child: close what keeps it alive, and do nothing to it."""
        with suppress(OSError):
            os.close(self.lifeline)
        self.process.returncode = 0  # it is no child of this process


class _Servers:
    """The servers of a process, by what they serve."""

    def __init__(self) -> None:
        self._left: list[object] = []
        self._lock = threading.Lock()
        self._begun: dict[LocalModel, Future[Server]] = {}
        self._started: list[Server] = []
        atexit.register(self.stop)
        at_fork(after_in_child=self._forget)

    async def running(self, model: LocalModel) -> Server:
        """The server of a model, started where none runs.

        Raises:
            ConfigError: It does not start.
        """
        begun = self._start(model)
        if not begun.done():
            # Others wait for it too, so a caller that is cancelled does not end it.
            with suppress(ConfigError):
                await asyncio.wrap_future(begun)
        try:
            return begun.result()
        except ConfigError as error:  # each caller's own, with its own traceback
            raise ConfigError(error.message, hint=error.hint) from None

    def _start(self, model: LocalModel) -> Future[Server]:
        with self._lock:
            found = self._begun.get(model)
            if found is not None and (not found.done() or found.result().runs):
                return found
            self._clear()
            begun: Future[Server] = Future()
            begun.set_running_or_notify_cancel()  # from here on nobody can cancel it
            self._begun[model] = begun
        name = f"weft-local-{model.name}"
        threading.Thread(
            target=self._fulfil, args=(begun, model), name=name, daemon=True
        ).start()
        return begun

    def _fulfil(self, begun: Future[Server], model: LocalModel) -> None:
        try:
            server = _launch(model)
        except BaseException as error:  # noqa: BLE001 - handed to all who wait
            with self._lock:  # whoever asks next may find more memory
                if self._begun.get(model) is begun:
                    del self._begun[model]
            begun.set_exception(error)
            return
        with self._lock:
            self._started.append(server)
        begun.set_result(server)

    def _clear(self) -> None:
        """Let go of those that have ended by themselves."""
        ended = [server for server in self._started if not server.runs]
        for server in ended:
            server.stop()
            self._started.remove(server)

    def stop(self) -> None:
        """End them all; a later call starts its own again."""
        with self._lock:
            self._begun = {}
            started, self._started = self._started, []
        for server in started:
            server.stop()

    def _forget(self) -> None:
        """In a forked child: they are the parent's.

        No lock is taken, not even a future's own: it may be held by a thread that did
        not come along.
        """
        self._lock = threading.Lock()
        self._left += [self._begun, *self._started]
        for server in self._started:
            server.let_go()
        self._begun, self._started = {}, []


SERVERS: Final = _Servers()
"""Those of this process."""


def _in_words(code: int) -> str:
    """How a process ended, by the code that it ended with."""
    return (
        f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    )


def _launch(model: LocalModel) -> Server:
    """Start a server and wait until it listens.

    Raises:
        ConfigError: It does not; the message holds the last that it said.
    """
    if os.name == "nt":
        raise ConfigError(
            f"{model.name!r} cannot run here: its server is tied to this process in a "
            "way that Windows does not have",
            hint='Start llama.cpp yourself and write weft.LM("llamacpp/NAME")',
        )
    files = [(model.path, model.digest)]
    files += [(Path(one.path), one.digest) for one in model.adapters]
    if any(digest_of(path) != digest for path, digest in files):
        raise ConfigError(
            f"a file of {model.name!r} is another than when the model was made",
            hint="Make the LM anew: its name in caches and journals follows the file",
        )
    try:
        with tempfile.TemporaryFile() as said:
            server = _spawn(model, secrets.token_urlsafe(32), said)
            try:
                server.url = f"{_address(model, server.process, said)}/v1"
            except BaseException:
                server.stop()
                raise
            return server
    except OSError as error:
        message = f"no server for {model.name!r} can be started: {cause(error)}"
        raise ConfigError(message, hint="Make room, or close what is open") from None


def _spawn(model: LocalModel, key: str, said: IO[bytes]) -> Server:
    settings = {
        "path": str(model.path),
        "context": model.context,
        "slots": model.slots,
        "threads": model.threads,
        "embedding": model.embedding,
        "pooled": model.pooled,
        "adapters": [one.path for one in model.adapters],
        "wheel": wheel_folder(),
        "parent": os.getpid(),
        "key": key,
    }
    theirs, ours = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, a file of ours
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    server = Server("", key, process, ours)
    with suppress(BrokenPipeError):  # it is gone already, and said why
        os.write(ours, json.dumps(settings).encode() + b"\n")
    return server


def _address(
    model: LocalModel, process: subprocess.Popen[bytes], said: IO[bytes]
) -> str:
    """Where a server listens; it says so when its weights are loaded."""
    bound = _PATIENCE + model.path.stat().st_size / _SLOW_DISK
    ends, line = time.monotonic() + bound, b""
    assert process.stdout is not None
    with process.stdout, selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while (left := ends - time.monotonic()) > 0:
            if not waiting.select(left):
                continue
            more = os.read(process.stdout.fileno(), 256)
            line += more
            if line.endswith(b"\n"):
                return line.decode().strip()
            if not more:
                break
    if left > 0:  # it says no more, so it ends
        why = f"ended ({_in_words(process.wait())})"
    else:
        why = f"was not ready within {bound:.0f} s"
    raise ConfigError(
        f"the llama.cpp server of {model.name!r} {why} before it listened{_end(said)}",
        hint="Where memory is short, give LM a smaller context= or fewer slots=",
    )


def _end(said: IO[bytes]) -> str:
    """The last lines of what a server said."""
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - _LAST * _LINE * 4))
    lines = said.read().decode("utf-8", "replace").splitlines()
    shown = [f"  {line[:_LINE]}" for line in lines if line.strip()][-_LAST:]
    return "\n".join([":", *shown]) if shown else ""
