"""A process of its own that uses folders as its cache, and watches what it does.

python -m tests.goals.audited FIRST FOLDER ...

Everything that the use of a cache needs is loaded on the first folder. Then the hook
goes in; it cannot be taken out again, and sees what Python does, whoever does it. What
is printed is, for each other folder, what should not have been, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.pipeline.lm.support import answer_of, key_of
from weft.pipeline.calls.cache import Cache

SIZE = 1500  # of the answers in the folders

FORBIDDEN = ("socket.", "subprocess.", "pickle.", "marshal.", "ctypes.", "os.exec")
RUNS = {"import", "exec", "compile", "os.system", "os.fork", "os.posix_spawn"}
PATHS = {"open", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.chmod"}
PATHS |= {"os.link", "os.symlink", "os.listdir", "os.scandir", "shutil.rmtree"}
PATHS |= {"sqlite3.connect", "os.mkdir"}


def use(folder: Path, runner: asyncio.Runner) -> list[object]:
    """Everything that can be done with a cache."""
    cache = Cache(folder)
    found: list[object] = [cache.get(key_of(number)) for number in range(60)]
    runner.run(cache.put(key_of(0), answer_of(0)))
    runner.run(cache.put("new", answer_of(1)))
    cache.verify()
    cache.stats()
    cache.close()
    again = Cache(folder, memory_bytes=0)
    found.append(again.get("new"))
    again.prune(0)
    again.clear()
    again.close()
    return found


def main(first: Path, *folders: Path) -> None:
    """Use the first folder, then each other one under the eyes of the hook."""
    seen: list[str] = []
    ours = ""  # the folder that is watched, or none

    def is_ours(path: object) -> bool:
        if isinstance(path, int):
            return True  # a descriptor, which was opened before
        name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        # Where the path leads, but for the last part: that may be a planted link.
        planted = Path(name)
        where = planted.parent.resolve() / planted.name
        return ours in map(str, (where, *where.parents))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not ours:
            return
        bad = event in RUNS or event.startswith(FORBIDDEN)
        bad |= event in PATHS and not is_ours(arguments[0])
        bad |= event in {"os.rename", "os.link"} and not is_ours(arguments[1])
        if bad:
            seen.append(f"{event} {arguments!r}"[:200])

    runner = asyncio.Runner()
    use(first, runner)
    sys.addaudithook(hook)
    for folder in folders:
        seen.clear()
        ours = os.path.realpath(folder)
        found = use(folder, runner)
        ours = ""
        kept = enumerate(found[1:60], 1)
        wrong = [n for n, answer in kept if answer not in (None, answer_of(n, SIZE))]
        told = {"seen": seen, "wrong": wrong, "works": found[60] == answer_of(1)}
        print(json.dumps(told))
    runner.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
