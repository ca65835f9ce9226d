"""Optuna's tree-structured Parzen estimator, for those who want that very one.

The only file that imports optuna, and only when something is drawn.
"""

from __future__ import annotations

import contextlib
import importlib.util
import random
import warnings
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...pipeline.errors import ConfigError
from ...pipeline.ground.options import settings
from ..search.choices import Sampler, Trial

if TYPE_CHECKING:
    from optuna.study import Study

_MOST_ASKED = 8


@settings
class OptunaTPE(Sampler):
    """Multivariate TPE of optuna (Akiba et al. 2019, arXiv 1907.10902), as in MIPRO.

    Unlike `Parzen` it models which choices go well together. The same seed gives the
    same draws with one version of optuna.

    Args:
        startup: Trials after which it leaves random draws (10 in optuna).

    Raises:
        ConfigError: optuna is not installed.
    """

    startup: int = 5

    def __post_init__(self) -> None:
        if importlib.util.find_spec("optuna") is None:
            raise ConfigError(
                "OptunaTPE needs optuna, which is not installed",
                hint="Write pip install 'optuna>=4', or leave the default, Parzen()",
            )

    def sampled(
        self,
        space: Mapping[str, Sequence[str]],
        trials: Sequence[Trial],
        n: int,
        rng: random.Random,
    ) -> list[dict[str, str]]:
        """The first different combinations that a study asks for."""
        if not space:
            return []
        from optuna import create_trial  # noqa: PLC0415 - optional and heavy
        from optuna.distributions import (  # noqa: PLC0415
            BaseDistribution,
            CategoricalDistribution,
        )

        kinds: dict[str, BaseDistribution] = {
            slot: CategoricalDistribution(range(len(names)))
            for slot, names in space.items()
        }
        asked: dict[tuple[int, ...], None] = {}
        with _study(rng.getrandbits(31), self.startup) as study:
            for trial in trials:
                places = {s: list(space[s]).index(trial.chosen[s]) for s in space}
                study.add_trial(
                    create_trial(params=places, distributions=kinds, value=trial.score)
                )
            for _ in range(_MOST_ASKED * n):
                params = study.ask(kinds).params
                asked.setdefault(tuple(params[slot] for slot in space))
        return [
            {slot: space[slot][at] for slot, at in zip(space, places, strict=True)}
            for places in asked
        ]


@contextlib.contextmanager
def _study(seed: int, startup: int) -> Generator[Study]:
    """A study in memory that says nothing; what it says is a log for its users."""
    import optuna  # noqa: PLC0415 - optional and heavy

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Before version 5 "multivariate" is called experimental.
            kind = optuna.exceptions.ExperimentalWarning
            warnings.simplefilter("ignore", kind)
            sampler = optuna.samplers.TPESampler(
                seed=seed, multivariate=True, n_startup_trials=startup
            )
        yield optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(before)
