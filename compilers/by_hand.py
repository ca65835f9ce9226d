"""ByHand: what people wrote, every piece of it on every row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pipeline.errors import ConfigError
from ..pipeline.ground.options import settings
from ..pipeline.parameters import Context
from .propose.edits import Given
from .propose.knowledge import FromText
from .racing.race import Full
from .recipe import Compiler, Draw, Recipe


@settings
class ByHand(Compiler):
    """Race prompts that people wrote: all of them meet the same rows, to the end.

    So it tells what `spread(result.report)` shows: how far the work of careful people
    lies apart, before any is called the best. `TRIPLE` finds the best with fewer calls,
    and says less of the others. In a `Sequence`, what people wrote is where the next
    compiler starts from.

    Args:
        instructions: Each is tried for the module, or for every module.
        contexts: Each is tried for every module; see `weft.Context`.
        values: Other parameters, each candidate's by `module/slot`, or by slot for
            every module, as in {"illustrations": (weft.Demo({...}),)}.
        documents: Texts such as papers, each with where it is from: a model writes the
            instruction by its technique; see `weft.technique_from_text`.
        module: The path of the module; empty for every module.
    """

    instructions: tuple[str, ...] = ()
    contexts: tuple[Context, ...] = ()
    values: tuple[Mapping[str, Any], ...] = ()
    documents: Mapping[str, str] | None = None
    module: str = ""

    def recipes(self) -> tuple[Recipe, ...]:
        """One round.

        Raises:
            ConfigError: Nothing was written by hand.
        """
        slot = f"{self.module}/instruction" if self.module else "instruction"
        given: list[Mapping[str, Any]] = [{slot: text} for text in self.instructions]
        given += [context.slots() for context in self.contexts]
        given += self.values
        draws = [Draw(Given(values=tuple(given)), len(given))] if given else []
        draws += [
            Draw(FromText(document=text, source=source, module=self.module), 1)
            for source, text in (self.documents or {}).items()
        ]
        if not draws:
            raise ConfigError(
                "ByHand() has nothing to race",
                hint='Write ByHand(instructions=("Be brief.", "Answer in a word."))',
            )
        return (Recipe((tuple(draws),), Full(whole=True)),)
