"""Choose: a model for each module, the form of replies, what fields are told."""

from __future__ import annotations

from ..pipeline.errors import ConfigError
from ..pipeline.ground.options import Count, Rounds, settings
from .propose.choices import ChooseForm, ChooseModels
from .propose.combine import Merge
from .propose.knowledge import Describe
from .racing.elimination import Elimination
from .recipe import Compiler, Draw, Recipe
from .search.models import Models, named_models, options_of
from .search.running_cost import Caps


@settings
class Choose(Compiler):
    """Who is asked, in which form, and what is said of fields.

    Arm elimination over the models of each module (AgentOpt, arXiv 2604.06296); on
    purpose unlike it, contrasts give each choice its credit, where there each
    combination is an arm. The front of score against dollars and tokens is searched and
    not weighted (CRAFT, arXiv 2606.04661): see `result.front`. The result is the best
    under the caps.

    Args:
        models: The models to choose among, beside those that the program asks: strings
            and `weft.LM`s, or a mapping of a name to each.
        forms: Forms of replies to try, such as ("json", "chat").
        descriptions: How many descriptions of fields a later round has rewritten.
        usd_per_1000: US dollars that a thousand rows of the result may cost.
        tokens_a_row: Tokens that a row of the result may take on the average.
        candidates: How many assignments of models a round makes.
        rounds: How many rounds follow the first.
    """

    models: Models = ()
    forms: tuple[str, ...] = ()
    descriptions: int = 0
    usd_per_1000: float | None = None
    tokens_a_row: float | None = None
    candidates: Count = 12
    rounds: Rounds = 2

    def recipes(self) -> tuple[Recipe, ...]:
        """Contrasts first, then what they promise.

        Raises:
            ConfigError: There is nothing to choose, or two models have one name.
        """
        models, caps = (
            named_models(self.models),
            Caps(self.usd_per_1000, self.tokens_a_row),
        )
        options = {name: options_of(lm) for name, lm in models.items()}
        asks = Draw(ChooseModels(options=options, caps=caps), self.candidates)
        told = Draw(Describe(), self.descriptions)
        who, said = ([asks] if models else []), ([told] if told.n else [])
        forms = [Draw(ChooseForm(forms=self.forms), len(self.forms))]
        first = [*who, *(forms if self.forms else [])] or said
        if not first:
            raise ConfigError(
                "Choose() has nothing to choose among",
                hint='Give models=("openai/gpt-5-nano", ...), forms= or descriptions=',
            )
        later = (*who, *said, Draw(Merge(), 2))
        return (
            Recipe(
                (tuple(first), *(later,) * self.rounds),
                Elimination(caps=caps),
                models=models,
                forms=tuple(self.forms),
                caps=caps,
                cheaper=True,
            ),
        )
