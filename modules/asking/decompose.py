"""Decompose: a question as smaller ones, answered one after another, then itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast, final

import pydantic

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import MOST_TRIES, Call, Module, P, Part, R_co
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.ground.words import counted
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import extended, make_signature
from ...pipeline.signature.signature import make_value, spec_of
from .chain_of_thought import ChainOfThought
from .predict import Predict


class SubQuestion(pydantic.BaseModel):
    """A smaller question, and its answer.

    Args:
        question: What was asked.
        answer: What the model answered.
    """

    question: str
    answer: str


_SOLVED: Final = FieldSpec(
    "solved", "input", list[SubQuestion], "smaller questions that are answered already"
)
_SPLIT: Final = (
    "Do not answer yet. Write the smaller questions that have to be answered first, "
    "the easiest first; each may build on the answers of those before it. Write none "
    "where it can be answered at once."
)
_SOLVE: Final = "Answer the sub-question alone, from what is given and solved already."


@final
class Decompose(Module[P, R_co]):
    r"""Split what is asked into sub-questions, answer them in turn, and then the whole.

    Least-to-most prompting: Zhou et al. 2022, arXiv 2205.10625. Three parts can be
    tuned: `split` writes the sub-questions; `solve` answers one, with those before it
    and their answers in view; `answer`, a `ChainOfThought`, sees them all. They are
    `result.solved`, in order, and in the trace. Blank and doubled ones are left out,
    and so are those beyond `most`, which the trace says.

    Args:
        signature: The contract with the caller.
        instruction: Replaces the signature's own.
        most: How many sub-questions are answered.
        name: Its name; made from the signature's by default.
        lm: The model of its parts; the scope's by default.
        types: Names that a string signature uses.

    Raises:
        ConfigError: `most` is no such number, or a field has a name of the parts.

    >>> import weft
    >>> ask = weft.Decompose("question -> answer: int")
    >>> said = [
    ...     '[[ questions ]]\n["How many eggs are in a box?"]',
    ...     "[[ sub_answer ]]\n6",
    ...     "[[ reasoning ]]\n7 boxes of 6\n[[ answer ]]\n42",
    ... ]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     made = ask(question="How many eggs are in 7 boxes?")
    >>> made.answer, [(one.question, one.answer) for one in made.solved]
    (42, [('How many eggs are in a box?', '6')])
    """

    kind = "Decompose"
    adds = (
        FieldSpec(
            "solved", "output", list[SubQuestion], "the sub-questions and their answers"
        ),
    )

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        *,
        most: int = 5,
        name: str | None = None,
        lm: str | LanguageModel | None = None,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        kind = "no number of sub-questions"
        require_whole("Decompose: most", most, 1, MOST_TRIES - 1, kind)
        self._signed(signature, instruction, name=name, types=types)
        self._most, said = most, self._parameters.instruction
        inputs = self.inputs.fields
        taken = {"questions", "sub_question", "sub_answer", "reasoning"}
        for field in (f for f in self.spec.fields if f.name in taken):
            raise ConfigError(
                f"Decompose: the field {field.name!r} has a name of its own parts",
                hint="Give the field another name",
            )
        questions = FieldSpec(
            "questions", "output", list[str], f"at most {most}, the easiest first"
        )
        split = make_signature(
            (*inputs, questions), f"{said}\n\n{_SPLIT}", name="Split"
        )
        one = FieldSpec("sub_question", "input", str, "what is to be answered now")
        short = FieldSpec("sub_answer", "output", str)
        solve = make_signature((*inputs, _SOLVED, one, short), _SOLVE, name="Solve")
        whole = extended(self._signature, _SOLVED)
        self._split: Predict[..., Any] = Predict(split, name="split", lm=lm)
        self._solve: Predict[..., Any] = Predict(solve, name="solve", lm=lm)
        self._answer: ChainOfThought[..., Any] = ChainOfThought(
            cast(Any, whole), said, name="answer", lm=lm
        )

    def parts(self) -> Mapping[str, Part]:
        """What splits, what answers a sub-question, and what answers the whole."""
        return {"split": self._split, "solve": self._solve, "answer": self._answer}

    def settings(self) -> Mapping[str, JSON]:
        """How many sub-questions."""
        return {"most": self._most}

    def times(self) -> Mapping[str, int]:
        """A call for each sub-question, beside one that splits and one that answers."""
        return {"solve": self._most}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Split, answer each in turn, and answer."""
        wanted = (await call(self._split, inputs)).questions
        questions = list(dict.fromkeys(q.strip() for q in wanted if q.strip()))
        if len(questions) > self._most:
            left = len(questions) - self._most
            call.note(f"{counted(left, 'sub-question')} beyond most={self._most} left")
        solved: list[SubQuestion] = []
        for question in questions[: self._most]:
            seen = {**inputs, "solved": [*solved], "sub_question": question}
            made = await call(self._solve, seen)
            solved.append(SubQuestion(question=question, answer=made.sub_answer))
        made = await call(self._answer, {**inputs, "solved": [*solved]})
        outputs = {
            name: getattr(made, name) for name in spec_of(self._signature).outputs
        }
        if self.single is not None:
            return outputs[self.single]
        return make_value(self._asked, {**inputs, "solved": solved, **outputs})
