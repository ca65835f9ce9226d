"""The program of the child process: llama.cpp, on loopback, until its parent is gone.

It is run by its path, with one JSON object on its standard input: what to serve, and
the key. It says on its standard output where it listens. It ends when its input does,
which is when the parent ends, however that ends; and where somebody else holds the
other end of it too, when it has another parent. It imports nothing of weft.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from importlib import import_module
from typing import Any, Final

_LOOK: Final = 1.0  # seconds between two looks at who the parent is
_PROMPT_CACHE: Final = 512  # MiB of prompts that are kept beside those in the slots
_MOST: Final = 2**16
_MEAN: Final = 1  # llama.cpp's number for the mean of the tokens' vectors


def main() -> None:
    """Serve until the parent is gone."""
    settings: dict[str, Any] = json.loads(sys.stdin.buffer.readline(_MOST))
    watch = threading.Thread(target=_watch, args=(settings["parent"],), daemon=True)
    watch.start()  # first: the parent may go while the weights are read
    said = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no word of ours
    try:
        server = _serve(settings)
    except (ImportError, RuntimeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")  # llama.cpp has said why
    os.write(said, f"{server.listening_address}\n".encode())
    os.close(said)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    watch.join()


def _serve(settings: dict[str, Any]) -> Any:
    """A running server, its weights loaded."""
    # Wherever the parent imports it from; last, so that it shadows nothing.
    sys.path.append(settings["wheel"])
    llama: Any = import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = settings["path"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # a free one
    params.api_keys = [settings["key"]]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    # A connection that is kept open holds one of these, and does nothing.
    params.n_threads_http = 8 * settings["slots"] + 8
    params.cache_ram_mib = _PROMPT_CACHE
    # Else a model with windows of attention keeps no beginning that calls share.
    params.swa_full = True
    if settings["adapters"]:
        # Loaded with the weights; each call says which of them it wants.
        params.lora_adapters = [
            llama.CommonAdapterLoraInfo(path, 0.0) for path in settings["adapters"]
        ]
        params.lora_init_without_apply = True
        # Kept prompts are found by their tokens, whatever they were read through.
        params.cache_ram_mib = 0
    if settings["embedding"]:
        params.embedding = True
        if not settings["pooled"]:
            params.pooling_type = _MEAN
        # A text is read in one piece, so a piece has to hold the longest.
        params.n_batch = params.n_ubatch = settings["context"]
    params.ui = False
    params.offline = True
    return llama.Server(params)


def _watch(parent: int) -> None:
    """End the process when the parent is gone.

    A death signal (`PR_SET_PDEATHSIG`) would come when the thread ends that started
    this process, long before the parent.
    """
    while os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], _LOOK)
        if ready and not os.read(0, _MOST):
            break
    os._exit(0)  # there is nothing to be saved


if __name__ == "__main__":
    main()
