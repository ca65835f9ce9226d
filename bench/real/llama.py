"""A llama.cpp server until standard input ends: `llama.py GGUF CONTEXT SLOTS`.

Run by an interpreter that holds xllamacpp, which this project's environments need not.
Prints the server's address and version; one thread, so that it can share a machine.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from typing import Any, Final

_PROMPT_CACHE: Final = 512  # MiB, as `local/` has; llama.cpp itself keeps up to 8 GiB


def main() -> None:
    """Serve a model."""
    path, context, slots = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    xllamacpp: Any = importlib.import_module("xllamacpp")
    asked = xllamacpp.CommonParams()
    asked.model.path = path
    asked.hostnames = ["127.0.0.1"]
    asked.port = 0
    asked.n_ctx = context * slots
    asked.n_parallel = slots
    asked.cpuparams.n_threads = 1
    asked.cpuparams_batch.n_threads = 1
    asked.cache_ram_mib = _PROMPT_CACHE
    server = xllamacpp.Server(asked)
    version = importlib.metadata.version("xllamacpp")
    print(f"serving {server.listening_address} xllamacpp {version}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
