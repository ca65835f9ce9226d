"""Cited: an answer with quotes, each of which stands in the passage that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, final, get_args, get_origin

from ...pipeline.errors import CheckFailed, ConfigError
from ...pipeline.graph.module import MOST_TRIES, Call, Module, P, Part, R_co
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.ground.words import brief
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.media.passages import Citation, Passage
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import extended
from ...pipeline.signature.signature import make_value, spec_of
from ..asking.predict import Predict
from ..sampling.repeats import again_of
from .quotes import problem_of, texts_by_id

_CITATIONS: Final = FieldSpec(
    "citations",
    "output",
    list[Citation],
    "quotes that the other fields rest on, each copied letter for letter from the "
    "passage that it names",
)
_DRAFT: Final = FieldSpec("draft", "input", str, "an earlier answer, which will not do")
_PROBLEM: Final = FieldSpec("problem", "input", str, "what is wrong with the draft")


@final
class Cited(Module[P, R_co]):
    r"""Answer from passages, with quotes that are checked against them.

    The model writes `citations` before the signature's own outputs: quotes first, then
    what rests on them. A quote counts where it stands in the passage that it names,
    letter for letter but for blanks, quotation marks and dashes (`quotes.plainly`), and
    cuts no word. What is wrong is shown to the model, which answers again; an answer
    that is still wrong is a `CheckFailed`. That a quote is there does not say that it
    supports the answer: that is a judge's business.

    Two parts can be tuned: `answer`, and `again`, which sees the earlier answer and
    what is wrong. `weft.info(result).facts` has the `tries`, and what `failed` in each.

    Args:
        signature: The contract, with an input of passages: `list[Passage]`, as
            `weft.Retrieve` gives it, or `list[str]`, cited by number from 1.
        instruction: Replaces the signature's own.
        passages: The input that is cited; by default the one of such a type.
        least: How many citations an answer has at the least, where there are so many
            passages. 0 lets a model say that nothing is to be found.
        repairs: How many further answers may follow one that fails.
        name: Its name; made from the signature's by default.
        lm: The model of its parts; the scope's by default.
        types: Names that a string signature uses.

    Raises:
        ConfigError: No input is of passages, or several are, or a number is none.

    >>> import weft
    >>> ask = weft.Cited("question, passages: list[Passage] -> answer")
    >>> held = [weft.Passage(id="p1", text="The bridge opened in 1871.")]
    >>> wrong = [{"passage": "p1", "quote": "opened in 1872"}]
    >>> right = [{"passage": "p1", "quote": "opened in 1871"}]
    >>> said = [{"citations": c, "answer": c[0]["quote"][-4:]} for c in (wrong, right)]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     made = ask(question="When did it open?", passages=held)
    >>> made.answer, made.citations[0].quote, weft.info(made).facts["tries"]
    ('1871', 'opened in 1871', 2)
    """

    kind = "Cited"
    adds = (_CITATIONS,)

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        *,
        passages: str | None = None,
        least: int = 1,
        repairs: int = 1,
        name: str | None = None,
        lm: str | LanguageModel | None = None,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        _check_count(least=least, repairs=repairs)
        self._signed(signature, instruction, name=name, types=types)
        self._passages = _passages_of(self.spec.inputs, passages)
        self._least, self._most = least, repairs
        said = self._parameters.instruction
        whole: Any = extended(self._signature, _CITATIONS)
        self._answer: Predict[..., Any] = Predict(whole, said, name="answer", lm=lm)
        again = again_of(self._answer, _DRAFT, _PROBLEM)
        assert again is not None  # a Predict has no body
        self._again = again

    def parts(self) -> Mapping[str, Part]:
        """What answers, and what answers again."""
        return {"answer": self._answer, "again": self._again}

    def settings(self) -> Mapping[str, JSON]:
        """Which input is cited, how often at the least, and how many repairs."""
        return {
            "passages": self._passages,
            "least": self._least,
            "repairs": self._most,
        }

    def times(self) -> Mapping[str, int]:
        """Once, and each repair."""
        return {"answer": 1, "again": self._most}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Answer, and again while a quote is not where it is said to be."""
        texts = texts_by_id(inputs[self._passages])
        failed: list[str] = []
        made = await call(self._answer, inputs)
        while True:
            problem = problem_of(made.citations, texts, self._least)
            failed += [problem] if problem else []
            tries = len(failed) + (not problem)
            call.report(tries=tries, failed=[*failed])
            if not problem:
                return self._value(made, inputs)
            if tries > self._most:
                raise CheckFailed(
                    f"{self.name}: the citations fail: {brief(problem, 300)}",
                    hint="Allow more repairs=, or fewer citations with least=0",
                    failed={"citations": problem},
                )
            draft = self._answer.as_text(made)
            seen = {**inputs, "draft": draft, "problem": problem}
            # A first repair is drawn as the answer was, as in Check.
            sample = None if tries == 1 else tries
            made = await call(self._again, seen, sample=sample)

    def _value(self, made: Any, inputs: Mapping[str, Any]) -> Any:
        names = spec_of(self._signature).outputs
        if self.single is not None:
            return getattr(made, self.single)
        outputs = {name: getattr(made, name) for name in names}
        return make_value(
            self._asked, {**inputs, "citations": made.citations, **outputs}
        )


def _passages_of(fields: Mapping[str, FieldSpec], named: str | None) -> str:
    """The input that is cited.

    Raises:
        ConfigError: None is of passages, several are, or the named one is not.
    """
    kinds = {name: field.annotation for name, field in fields.items()}
    found = [name for name, kind in kinds.items() if _is_list_of(kind, Passage)]
    texts = [name for name, kind in kinds.items() if _is_list_of(kind, str)]
    if named is not None and named in (*found, *texts):
        return named
    usual = found or texts
    if named is None and len(usual) == 1:
        return usual[0]
    hint = 'Write weft.Cited("question, passages: list[Passage] -> answer")'
    if named is None and usual:
        message = f"Cited: several inputs may be cited: {', '.join(usual)}"
        raise ConfigError(message, hint=f'Write passages="{usual[0]}"')
    what = "no input" if named is None else f"no input {named!r}"
    raise ConfigError(f"Cited: there is {what} of passages or texts", hint=hint)


def _is_list_of(kind: Any, item: type) -> bool:
    """Whether a type is a list of these; of a file, of what has their fields."""
    inner = get_args(kind)
    if get_origin(kind) is not list or len(inner) != 1:
        return False
    if item is str or inner[0] is item:
        return inner[0] is item
    held = getattr(inner[0], "model_fields", {})
    return {"id", "text"} <= {*held}


def _check_count(**counts: object) -> None:
    hint = "Give 0 for none, or 1, 2, ..."
    for name, count in counts.items():
        what, kind = f"Cited: {name}", "no number of them"
        require_whole(what, count, 0, MOST_TRIES - 2, kind, hint)
