"""One probe of a model: what its server says, what it does, which form it follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from ..pipeline.errors import ArtifactError, ConfigError
from ..pipeline.ground.files import Unusable
from ..pipeline.ground.words import counted
from ..pipeline.lm.abilities import LOCAL as PREFIX
from ..pipeline.lm.abilities import Abilities
from ..pipeline.lm.known import facts, flush, learn
from ..pipeline.lm.known.metadata import MOST_PAGES, Told
from ..pipeline.lm.models import LM
from ..pipeline.lm.prices import money, price_of
from ..pipeline.lm.request import Usage
from .checks import MOST_CALLS, Checks, Count
from .forms import MOST_FORMS, ROWS, Trial, best_of, follows, forms_for, try_form

_REPLY: Final = 48  # tokens: more than the reply to any row needs in any form
_THOUGHTFUL: Final = 1024  # where the model thinks before it replies
_PROMPT: Final = 400  # tokens, about, of a row's prompt; for the quote's price


@dataclass(frozen=True, slots=True)
class Quote:
    """The most that a probe spends, calls aside that are refused.

    Args:
        calls: Model calls.
        tokens: Tokens, prompts among them.
        usd: US dollars, or None where the price is unknown.
        pages: Pages of the server's own.
    """

    calls: int
    tokens: int
    usd: float | None
    pages: int

    def __str__(self) -> str:
        return (
            f"up to {self.calls} calls, about {self.tokens:,} tokens, "
            f"{money(self.usd)}; and up to {self.pages} pages of the server's own"
        )


@dataclass(frozen=True, slots=True)
class Known:
    """An ability, with how it is known.

    Args:
        name: The ability.
        value: What it is; None where nobody knows.
        how: "said", "refused", "seen" or "kind"; empty where nobody knows.
        day: The date; empty for what is known of the kind.
    """

    name: str
    value: bool | int | str | tuple[str, ...] | None
    how: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found.

    Args:
        model: The model's name at its endpoint.
        endpoint: Who answers.
        server: What the server calls itself, or empty.
        abilities: Every ability.
        trials: The forms, in the order in which they were tried.
        best: The form to take, or None where no reply could be read.
        calls: Attempts made.
        tokens: Tokens taken, as far as answers tell.
        pages: Pages of the server's own that were asked for.
        remarks: What else showed.
        kept: The file that holds it all, or None where it could not be written.
    """

    model: str
    endpoint: str
    server: str
    abilities: Sequence[Known]
    trials: Sequence[Trial]
    best: Trial | None
    calls: int
    tokens: int
    pages: int
    remarks: Sequence[str]
    kept: Path | None

    def describe(self) -> dict[str, Any]:
        """All of it as JSON data."""
        names = ("model", "endpoint", "server", "calls", "tokens", "pages")
        return {
            **{name: getattr(self, name) for name in names},
            "abilities": {
                known.name: {"value": known.value, "how": known.how, "day": known.day}
                for known in self.abilities
            },
            "forms": [{**asdict(t), "form": str(t.form)} for t in self.trials],
            "form": None if self.best is None else str(self.best.form),
            "remarks": list(self.remarks),
            "kept": None if self.kept is None else str(self.kept),
        }


def quote(lm: LM) -> Quote:
    """The most that a probe of this model spends."""
    calls = MOST_CALLS + len(ROWS) * MOST_FORMS
    most = Usage(calls * _PROMPT, calls * _REPLY)
    tokens = most.input_tokens + most.output_tokens
    if lm.endpoint.startswith(PREFIX):
        return Quote(calls, tokens, 0.0, 0)
    return Quote(calls, tokens, price_of(lm.model, most), MOST_PAGES)


async def probe(
    model: str, api_base: str | None, told: Callable[[str], None]
) -> Probed:
    """Ask a model and its server what they can do, and keep what they show.

    Args:
        model: The model string.
        api_base: A base URL that wins over the environment.
        told: Called with a line after each part of the work.

    Raises:
        ConfigError: The model is the stand-in, or cannot be understood.
        ModelError: The model does not answer.
    """
    lm, count = LM(model, api_base=api_base), Count()
    refuse_stand_in(lm)
    said = await lm.told() or Told({}, 0)
    learn(lm.endpoint, lm.model, how="said", **said.abilities)
    checks = Checks(lm, count)
    await checks.run()
    told(f"checks: {counted(count.calls, 'call')}")
    now = lm.abilities
    most = _THOUGHTFUL if now.thinks or now.reasoning else _REPLY
    asked = LM(model, api_base=api_base, temperature=0, max_tokens=most)
    trials: list[Trial] = []
    for form in forms_for(now):
        trials.append(await try_form(form, asked, count))
        told(f"{form}  {trials[-1]}")
    best = best_of(trials, base=bool(lm.abilities.base))
    learn(
        lm.endpoint,
        lm.model,
        form=None if best is None else str(best.form),
        follows=follows(trials),
    )
    remarks = list(checks.remarks)
    return Probed(
        lm.model,
        lm.endpoint,
        said.server,
        abilities_of(lm),
        trials,
        best,
        count.calls,
        count.tokens,
        said.pages,
        remarks,
        _kept(remarks),
    )


def abilities_of(lm: LM) -> list[Known]:
    """Every ability with how it is known; what was learnt stands over the kind's."""
    learnt, now = facts(lm.endpoint, lm.model), lm.abilities
    found: list[Known] = []
    for name in (field.name for field in fields(Abilities)):
        value: Any = getattr(now, name)
        fact = learnt.get(name)
        if fact is not None:
            found.append(Known(name, fact.value, fact.how, fact.day))
        elif value in (None, "", ()):
            found.append(Known(name, None))
        else:
            found.append(Known(name, value, "kind"))
    return found


def refuse_stand_in(lm: LM) -> None:
    """Refuse to probe what is no model.

    Raises:
        ConfigError: It is the stand-in.
    """
    if lm.model == "embedded" and not lm.endpoint.startswith("http"):
        raise ConfigError(
            "'embedded' is the stand-in, and there is nothing to find out about it",
            hint='Name a model, such as "ollama/llama3.2"',
        )


def _kept(remarks: list[str]) -> Path | None:
    try:
        return flush()
    except (ArtifactError, OSError, Unusable) as error:
        remarks.append(f"this is forgotten when the process ends: {error}")
        return None
