"""The words for other tools: out to them, in from them, and the artifact's schema."""

from __future__ import annotations

from typing import Any

from .words import word

_FORMS = ("openai-messages", "litellm", "dspy", "langfuse", "mlflow")


def add(commands: Any) -> None:
    """Add these words, in the order of the help."""
    for each in (_export, _import_dspy, _schema):
        each(commands)


def _export(commands: Any) -> None:
    about = "write a program's prompts in the form of another tool"
    words = word(commands, "export", about, target=True)
    words.add_argument("--to", choices=_FORMS, required=True, help="the form")
    words.add_argument("--out", metavar="FILE", help="else it is printed")


def _import_dspy(commands: Any) -> None:
    about = "make an artifact of a program and a state that DSPy saved"
    words = word(commands, "import-dspy", about)
    words.add_argument("state", metavar="STATE", help="JSON of dspy.Module.save")
    words.add_argument(
        "--program", metavar="TARGET", required=True, help="the same program in weft"
    )
    words.add_argument(
        "--rename",
        metavar="PREDICTOR=MODULE",
        action="append",
        default=[],
        help="where a predictor of the state belongs; once for each",
    )
    words.add_argument(
        "--out", metavar="FILE", required=True, help="the artifact, NAME.weft.json"
    )


def _schema(commands: Any) -> None:
    word(commands, "schema", "print the JSON Schema of artifacts")
