"""A process that writes files while the disk or the power fails.

python -m tests.goals.saving FOLDER

Each attempt is a forked child, which costs milliseconds. What is printed is JSON: how
many attempts there were, how many left another file than the old or the new one, and
how many ended as they should not.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import weft
from tests.pipeline import saved

CALLS = ("open", "write", "fsync", "replace", "close")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
KILLED, REFUSED, FAILED = 137, 3, 4
Fault = Callable[[str, int], None]


def main(folder: Path) -> None:
    """Print what became of the old file in each kind of trouble."""
    path = folder / "triage.weft.json"
    old = weft.save(saved.triage, path).read_bytes()
    tuned = saved.with_demos(saved.triage)
    whole = {old, weft.save(tuned, folder / "new" / path.name).read_bytes()}
    told = {
        name: counted(attempts, path, old, whole)
        for name, attempts in (
            ("errors", errors(path, tuned)),
            ("deaths", deaths(path, tuned)),
            ("kills", kills(path, tuned, 40)),
            ("full", full_disks(path, tuned)),
            ("caches", full_caches(path.parent)),
        )
    }
    print(json.dumps(told))


def counted(
    attempts: Iterator[bool], path: Path, old: bytes, whole: set[bytes]
) -> list[int]:
    """Attempts, files that were neither the old nor the new one, and wrong endings."""
    made = [0, 0, 0]
    for right in attempts:
        left = path.read_bytes()
        made = [made[0] + 1, made[1] + (left not in whole), made[2] + (not right)]
        path.write_bytes(old)
    return made


def errors(path: Path, program: weft.Program[..., Any]) -> Iterator[bool]:
    """Each operation of a save fails in turn, until a save has no such operation."""
    for number in ERRORS:
        for name in CALLS:

            def fail(_: str, at: int, number: int = number) -> NoReturn:
                raise OSError(number, os.strerror(number))

            yield from until_clean(path, program, [name], fail, REFUSED)


def deaths(path: Path, program: weft.Program[..., Any]) -> Iterator[bool]:
    """The process ends before each operation of a save in turn."""

    def die(_: str, at: int) -> NoReturn:
        os._exit(KILLED)

    yield from until_clean(path, program, CALLS, die, KILLED)


def until_clean(
    path: Path,
    program: weft.Program[..., Any],
    names: tuple[str, ...] | list[str],
    fault: Fault,
    wanted: int,
) -> Iterator[bool]:
    """The fault at the first, second, ... of these operations; then none is left."""
    for nth in range(1, 100):
        status = forked(lambda nth=nth: save_with(path, program, names, fault, nth))
        yield status in (0, wanted)
        if status == 0:
            return
    yield False


def save_with(
    path: Path,
    program: weft.Program[..., Any],
    names: tuple[str, ...] | list[str],
    fault: Fault,
    nth: int,
) -> None:
    """Save, with the fault in place of the nth of these operations."""
    count = 0

    def wrapped(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == nth:
                fault(name, count)
            return real(*args, **kwargs)

        return call

    for name in names:
        setattr(os, name, wrapped(name))
    weft.save(program, path)


def kills(path: Path, program: weft.Program[..., Any], times: int) -> Iterator[bool]:
    """SIGKILL at a random instant of a process that saves without end."""
    rng = random.Random(3)
    for _ in range(times):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(read)
            while True:
                for each in (program, saved.triage):
                    weft.save(each, path)
                    os.write(write, b"x")
        os.close(write)
        os.read(read, 1)  # one save is done, and another under way
        time.sleep(rng.uniform(0, 0.004))
        os.kill(child, signal.SIGKILL)
        yield os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        os.close(read)


def full_disks(path: Path, program: weft.Program[..., Any]) -> Iterator[bool]:
    """A file may have so many bytes and no more, as on a disk that is full."""
    for limit in (0, 1, 100, 1000):

        def attempt(limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            weft.save(program, path)

        yield forked(attempt) == REFUSED


def full_caches(folder: Path) -> Iterator[bool]:
    """A cache whose disk fills up keeps what it has, and costs no call its answer."""
    for limit in (100, 5000, 40_000):
        place = folder / f"cache-{limit}"

        def fill(place: Path = place, limit: int = limit) -> None:
            cache = weft.Cache(place)
            ask(cache, 0, weft.FunctionLM(reply))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            for number in range(30):
                ask(cache, number, weft.FunctionLM(reply))

        def read(place: Path = place) -> None:
            ask(weft.Cache(place), 0, weft.FunctionLM(refuse))

        yield (forked(fill), forked(read)) == (0, 0)


def reply(request: weft.Request) -> str:
    """A long answer to the number that is asked."""
    number = request.messages[-1].content.split()[-1]
    return f"[[ answer ]]\n{'x' * 3000}{number}\n[[ /end ]]"


def refuse(request: weft.Request) -> str:
    """No answer: it should have come from the cache."""
    raise RuntimeError(f"it was asked again: {request.messages}")


def ask(cache: weft.Cache, number: int, lm: Any) -> None:
    """Ask for a number, and be given it."""
    with weft.use(lm=lm, cache=cache):
        found = weft.Predict("question -> answer", name="m")(question=f"n {number}")
    if found.answer != "x" * 3000 + str(number):
        raise RuntimeError(found.answer[-20:])


def forked(work: Callable[[], None]) -> int:
    """How a child ends: 0, REFUSED with an ArtifactError, or something else."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = FAILED
    try:
        work()
        status = 0
    except weft.errors.ArtifactError:
        status = REFUSED
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
