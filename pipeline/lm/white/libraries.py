"""torch, transformers, peft, gguf and safetensors: the one file that imports them.

They are the extra `whitebox`, and are imported when something is first asked of one:
`import weft` and programs that run elsewhere need none of them.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from importlib import import_module
from typing import Any, Final, NamedTuple

from ...errors import ConfigError

INSTALL: Final = (
    "pip install 'torch>=2.13' 'transformers>=5.20' 'peft>=0.21' 'gguf>=0.19' "
    "'safetensors>=0.8'"
)
CPU: Final = "--extra-index-url https://download.pytorch.org/whl/cpu"
_NAMES: Final = ("torch", "transformers", "peft", "gguf", "safetensors")


class _Library:
    """A library that is imported when it is first asked for something."""

    def __init__(self, name: str) -> None:
        self._name, self._module = name, None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # who looks at an object asks for these
            raise AttributeError(name)
        if self._module is None:
            require_libraries()
            self._module = _imported(self._name)
        return getattr(self._module, name)


def _imported(name: str) -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is ever downloaded here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = import_module(name)
        if name == "transformers":
            module.logging.set_verbosity_error()
            module.logging.disable_progress_bar()
        return module


torch: Any = _Library("torch")
transformers: Any = _Library("transformers")
peft: Any = _Library("peft")
gguf: Any = _Library("gguf")
safetensors: Any = _Library("safetensors.torch")


class Missing(NamedTuple):
    """Which of the libraries are not installed."""

    names: tuple[str, ...]


def missing_libraries() -> Missing:
    """Those of the extra `whitebox` that are not here; nothing is imported."""
    return Missing(tuple(n for n in _NAMES if importlib.util.find_spec(n) is None))


def require_libraries() -> None:
    """Refuse to go on without the extra.

    Raises:
        ConfigError: A library is not installed; the message says which, and how.
    """
    missing = missing_libraries().names
    if missing:
        raise ConfigError(
            f"models in this process need {', '.join(missing)}, not installed here",
            hint=f"Write {INSTALL}; {CPU} brings the build for processors alone "
            "(190 MB in place of some gigabytes)",
        )
