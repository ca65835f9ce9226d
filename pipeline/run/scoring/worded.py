"""Answer words: a module asked for words, which stand for the labels of an output.

A verbalizer, as PET has it (Schick & Schuetze 2021, arXiv 2001.07676): each label has
words of its own, the model is asked for one of all the words, and demos show the first
word of their label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, Protocol, cast

from ...ground import strictjson
from ...lm.request import JSON
from ...lm.scoring.likelihoods import Likelihoods, Pool, pooled
from ...parameters import Demo, Parameters
from ...signature.field import FieldSpec
from ...signature.signature import Signature, class_of, spec_of

Words = Mapping[str, Sequence[str]]
"""The answer words of each label, the one that demos show first."""


class Worded(Protocol):
    """The answer words of an output, and how they count."""

    @property
    def words(self) -> Words:
        """Those of each label."""
        ...

    @property
    def pool(self) -> Pool:
        """How those of one label are put together."""
        ...


def asked_for_words(
    told: type[Signature], output: str, words: Words
) -> type[Signature]:
    """A signature whose output is one of the words."""
    return _asked_for(told, output, tuple(w for own in words.values() for w in own))


@lru_cache(maxsize=256)
def _asked_for(
    told: type[Signature], output: str, words: tuple[str, ...]
) -> type[Signature]:
    spec = spec_of(told)
    # What is said of the labels themselves is said of no word.
    said = spec.outputs[output].description
    field = FieldSpec(output, "output", cast(Any, Literal)[words], said)
    return class_of(replace(spec, fields=(*spec.inputs.values(), field)), told)


def showing_words(
    parameters: Parameters, output: str, words: Words, choices: Mapping[str, JSON]
) -> Parameters:
    """Parameters whose demos show the first word of their label."""
    if not parameters.demos:
        return parameters
    first = tuple(
        (strictjson.canonical(choices[name]), own[0]) for name, own in words.items()
    )
    return replace(parameters, demos=_worded(parameters.demos, output, first))


@lru_cache(maxsize=64)
def _worded(
    demos: tuple[Demo, ...], output: str, first: tuple[tuple[str, str], ...]
) -> tuple[Demo, ...]:
    known = dict(first)
    made: list[Demo] = []
    for demo in demos:
        values = dict(demo.values)
        if output in values:
            said = strictjson.canonical(values[output])
            values[output] = known.get(said, values[output])
        made.append(Demo(values, demo.source, demo.by))
    return tuple(made)


def of_labels(found: Likelihoods, words: Words, pool: Pool) -> Likelihoods:
    """How probable labels are, by how probable their words are."""
    by_word = {one.answer: one for one in found.of}
    of = tuple(
        pooled(label, [by_word[word] for word in own], pool)
        for label, own in words.items()
    )
    return replace(found, of=of)
