"""weft where Python has what it has on Windows: no fcntl, no fork, no owners."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.timing import PATIENCE

# The standard library was imported as it is here; what it asks of a system is not
# what is tried. The locks of Windows are those of this system under their names there.
WINDOWS = """
import asyncio, concurrent.futures, fcntl, http.server, logging, multiprocessing, os
import pathlib, random, shutil, sqlite3, subprocess, sys, tempfile, types
import aiohttp, diskcache

locks = types.ModuleType("msvcrt")
locks.LK_UNLCK, locks.LK_LOCK, locks.LK_NBLCK = 0, 1, 2
HOW = {0: fcntl.LOCK_UN, 1: fcntl.LOCK_EX, 2: fcntl.LOCK_EX | fcntl.LOCK_NB}


def locking(file, mode, count, lockf=fcntl.lockf):
    place = os.lseek(file, 0, os.SEEK_CUR)
    assert place < 2**31
    try:
        lockf(file, HOW[mode], count, place)
    except BlockingIOError:
        raise PermissionError(13, "Permission denied") from None


class Gone:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "pwd", "grp", "termios"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


for name in ("fcntl", "resource"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Gone())
locks.locking = locking
sys.modules["msvcrt"] = locks
for name in (
    "register_at_fork fork forkpty getuid geteuid getgid getegid O_NOFOLLOW O_CLOEXEC "
    "O_NONBLOCK O_DIRECTORY pread pwrite fchmod fdatasync chown fchown killpg"
).split():
    if hasattr(os, name):
        delattr(os, name)

import weft

FOLDER = pathlib.Path(sys.argv[1])
module = weft.Predict("question -> answer", name="m")
rows = [{"question": f"q{n}", "answer": "Paris"} for n in range(40)]


def model(request):
    shown = len(request.messages) > 2
    return f"[[ answer ]]\\n{'Paris' if shown else '?'}\\n[[ /end ]]"


def compiled():
    return weft.compile(
        module,
        rows,
        metric=weft.metrics.exact("answer"),
        compiler=weft.compilers.LabeledFewShot(demos=4),
        budget="300 calls",
        run_dir=FOLDER / "run",
    )


weft.configure(lm=weft.FunctionLM(model), cache=FOLDER / "cache")
"""

SCRIPTS = {
    "a call without a cache": (
        """
with weft.use(cache=None):
    print(module(question="?").answer)
""",
        "?",
    ),
    "calls with a cache": (
        """
print(module(question="?").answer, module(question="?").answer)
print((FOLDER / "cache" / "cache.db").exists())
""",
        "? ?\nTrue",
    ),
    "a trace log": (
        """
with weft.use(trace_log=FOLDER / "log" / "trace.jsonl"):
    module(question="?")
print(len((FOLDER / "log" / "trace.jsonl").read_bytes().splitlines()) > 0)
""",
        "True",
    ),
    "rows to a file": (
        """
weft.batch_to(module, rows, FOLDER / "out.jsonl")
print(len((FOLDER / "out.jsonl").read_bytes().splitlines()) >= len(rows))
""",
        "True",
    ),
    "a compile that goes on from its journal": (
        "print(compiled().improved, compiled().improved)",
        "True True",
    ),
    "a compile whose folder another process holds": (
        """
(FOLDER / "run").mkdir()
code = (
    "import fcntl, os, sys; f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT);"
    "fcntl.lockf(f, fcntl.LOCK_EX, 1, 2**31 - 2); print('held', flush=True);"
    "sys.stdin.read()"
)
words = [sys.executable, "-c", code, FOLDER / "run" / "journal.jsonl"]
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
with subprocess.Popen(words, **pipes) as other:
    other.stdout.readline()
    try:
        compiled()
    except weft.errors.WeftError as error:
        print(type(error).__name__)
    other.stdin.close()
""",
        "CompileError",
    ),
    "an artifact, saved and loaded": (
        """
weft.save(module, FOLDER / "m.weft.json")
print(list(weft.load(FOLDER / "m.weft.json").modules))
""",
        "['m']",
    ),
    "the command line": (
        """
from weft.cli import main

weft.save(module, FOLDER / "m.weft.json")
sys.stdout = open(os.devnull, "w")
code = main(["show", str(FOLDER / "m.weft.json")])
sys.stdout = sys.__stdout__
print(code)
""",
        "0",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", SCRIPTS)
def test_it_works_without_what_posix_alone_has(what: str, tmp_path: Path) -> None:
    """Locks come from `msvcrt`, nothing is forked, and no file has an owner."""
    script, said = SCRIPTS[what]

    done = subprocess.run(
        [sys.executable, "-c", WINDOWS + script, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said


def test_a_python_whose_forks_tell_nobody_is_refused() -> None:
    """Its children would take their parent's locks for their own."""
    code = (
        "import os, sys; del os.register_at_fork\n"
        "import weft\n"
        "try:\n    weft.Predict('question -> answer')\n"
        "except weft.errors.ConfigError as error:\n    print(error)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert "os.register_at_fork" in done.stdout, done.stderr
