"""Checks calls with BFCL's own `ast_checker`; run by the interpreter that has it.

`_bfcl_check.py` alone writes the folder of BFCL's data; with cases on standard input,
one JSON object a line, it writes one verdict a line. Nothing of weft is imported.

`ast_checker` asks one thing of BFCL's table of models, whether names with dots were
sent with underscores; the table imports the SDK of every vendor. Calls come with the
names that BFCL has, so an empty table says no.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections import defaultdict
from pathlib import Path
from typing import Any


def main() -> None:
    """Write where the data is, or a verdict for each case."""
    home: Any = importlib.import_module("bfcl_eval")
    if sys.argv[1:] != ["check"]:
        print(Path(home.__file__).parent / "data")
        return
    table: Any = types.ModuleType("bfcl_eval.constants.model_config")
    no_dots = types.SimpleNamespace(underscore_to_dot=False)
    table.MODEL_CONFIG_MAPPING = defaultdict(lambda: no_dots)
    sys.modules[table.__name__] = table
    enums: Any = importlib.import_module("bfcl_eval.constants.enums")
    where = "bfcl_eval.eval_checker.ast_eval.ast_checker"
    checker: Any = importlib.import_module(where)
    for line in sys.stdin:
        case = json.loads(line)
        try:
            said = checker.ast_checker(
                case["functions"],
                case["calls"],
                case["gold"],
                enums.Language(case["language"]),
                case["category"],
                "weft",
            )
        except Exception as error:  # noqa: BLE001 - what it raises is its verdict
            said = {"valid": False, "error": [repr(error)]}
        verdict = {"valid": bool(said["valid"]), "why": str(said.get("error", ""))}
        print(json.dumps(verdict))


if __name__ == "__main__":
    main()
