"""Check: an answer that passes checks; what fails one is asked for again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, final

from ...pipeline.errors import CheckFailed, ConfigError
from ...pipeline.graph.module import MOST_TRIES, Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.ground.words import brief
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from . import reward
from .repeats import again_of, asked_again

_DRAFT: Final = FieldSpec("draft", "input", str, "an earlier answer, which will not do")
_PROBLEM: Final = FieldSpec("problem", "input", str, "what is wrong with the draft")
_PARTS: Final = ("module", "again")


@final
class Check(Module[P, R_co]):
    r"""Answer; while a check says what is wrong, show its words and answer again.

    Assertions with backtracking: Singhvi et al. 2023, arXiv 2312.13382 (`Assert`; with
    `required=False` its `Suggest`). A check is a function of the inputs by name and the
    answer. It gives True, False, or words that say what is wrong; a False says the
    first line of its docstring, or its name. All checks see each answer. An answer that
    still fails after the last repair is a `CheckFailed`.

    Two parts can be tuned: the module, and `again`, which sees the earlier answer and
    the words beside its inputs. A module that is made of others, such as an agent, has
    no `again`: it is asked once more with the words below each instruction.
    `weft.info(result).facts` has the `tries`, and the words of what `failed` in each.

    Args:
        module: What is asked: a module, or a whole program, which is asked again as
            one that is made of others.
        checks: Functions or steps of (inputs by name, answer), or judges: modules or
            programs that read some of the fields, and whose last output counts.
        repairs: How many further answers may follow one that fails.
        required: Whether an answer that fails to the end is an error; else the one that
            fails the fewest checks is given, the earliest of equals.
        name: Its name; the module's by default.

    >>> import weft
    >>> def brief(inputs, made):
    ...     return len(made.slogan.split()) <= 3 or "Use at most three words."
    >>> slogan = weft.Check(weft.Predict("topic -> slogan"), [brief])
    >>> said = ["[[ slogan ]]\nThe very best lamps", "[[ slogan ]]\nLight for less"]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     made = slogan(topic="lamps")
    >>> made.slogan, weft.info(made).facts["failed"]
    ('Light for less', [{'brief': 'Use at most three words.'}])
    """

    kind = "Check"

    @checked
    def __init__(
        self,
        module: Askable[P, R_co],
        checks: Iterable[reward.Check],
        *,
        repairs: int = 1,
        required: bool = True,
        name: str | None = None,
    ) -> None:
        self._like(module, name)
        _require(repairs, required)
        self._module, self._most, self._required = module, repairs, required
        self._checks = reward.judges_of(checks, module, "Check", _PARTS)
        if not self._checks:
            raise ConfigError("Check without checks", hint="Give checks=[function]")
        self._again = again_of(module, _DRAFT, _PROBLEM)

    def parts(self) -> Mapping[str, Part]:
        """What is asked, each check, and what is asked again."""
        again = {} if self._again is None else {"again": self._again}
        return {"module": self._module, **self._checks, **again}

    def settings(self) -> Mapping[str, JSON]:
        """The checks in their order, and how many repairs there may be."""
        counts: dict[str, JSON] = {"repairs": self._most, "required": self._required}
        return {"checks": [*self._checks], **counts}

    def times(self) -> Mapping[str, int]:
        """Once, and each repair; every check for each of them."""
        tries = 1 + self._most
        asked = {"module": 1, "again": self._most}
        if self._again is None:
            asked = {"module": tries}
        return {**asked, **dict.fromkeys(self._checks, tries)}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Answer, and again while something is wrong."""
        answers, failures = list[Any](), list[dict[str, str]]()
        for number in range(1 + self._most):
            if number:
                answer = await self._repaired(
                    call, inputs, answers[-1], failures[-1], number
                )
            else:
                answer = await call(self._module, inputs)
            answers.append(answer)
            failed = await reward.failing(
                call, self._checks, self._module, inputs, answer
            )
            if failed:
                failures.append(failed)
            call.report(tries=len(answers), failed=[dict(one) for one in failures])
            if not failed:
                return self.own(answer, inputs)
        if self._required:
            raise self._error(failures[-1])
        counts = [len(failed) for failed in failures]
        best = counts.index(min(counts))
        call.note(f"a check fails: {_words(failures[best])}")
        return self.own(answers[best], inputs)

    async def _repaired(
        self,
        call: Call,
        inputs: Mapping[str, Any],
        answer: Any,
        failed: Mapping[str, str],
        number: int,
    ) -> Any:
        """Another answer, from what is wrong with the one before."""
        words = _words(failed)
        # A first repair is drawn as the answer was; later ones may be the same request.
        sample = None if number == 1 else number
        if self._again is not None:
            seen = {**inputs, "draft": self.as_text(answer), "problem": words}
            return self.own(await call(self._again, seen, sample=sample), inputs)
        return await asked_again(call, self._module, inputs, words, sample)

    def _error(self, failed: Mapping[str, str]) -> CheckFailed:
        return CheckFailed(
            f"{self.name}: the answer fails {', '.join(map(repr, failed))}: "
            f"{brief(_words(failed), 300)}",
            hint="Allow more repairs=, or give the best answer with required=False",
            failed=failed,
        )


def _words(failed: Mapping[str, str]) -> str:
    return "\n".join(failed.values())


def _require(repairs: object, required: object) -> None:
    kind, hint = "no number of further answers", "Give 0 for none, or 1, 2, ..."
    require_whole("Check: repairs", repairs, 0, MOST_TRIES - 2, kind, hint)
    if not isinstance(required, bool):
        raise ConfigError(
            f"Check: required={required!r}", hint="Give True, or False to only advise"
        )
