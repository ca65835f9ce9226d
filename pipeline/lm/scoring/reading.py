"""What replies say of how probable given answers are: read, never guessed.

Three ways lead there. Of a text that is read back (`echo`) the tokens of the answer are
added up. Where a grammar allowed nothing but one answer (`forced`), the server still
says what each token's probability was without it; llama.cpp does. Else the likeliest
tokens of each place (`top`) are searched for the answer's; what is not among them is at
most as probable as the last one that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from .likelihoods import Likelihood
from .tokens import LEAST, Logprobs, TokenLogprob

_BLANK: Final = " \t\r\n"
_LITTLE: Final = math.log(0.1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer as it stands in a reply.

    Args:
        answer: What it is called.
        word: Its text in the reply.
        head: What stands before it; empty where a reply is the answer alone.
        tail: What stands behind it.
        whole: Whether the answer hangs on what stands behind it, and can only be scored
            with that.
    """

    answer: str
    word: str
    head: str = ""
    tail: str = ""
    whole: bool = False

    @property
    def text(self) -> str:
        """The whole reply."""
        return f"{self.head}{self.word}{self.tail}"


def begins_another(candidates: Sequence[Candidate]) -> bool:
    """Whether one answer is the beginning of another, so that its end decides."""
    texts = [one.text for one in candidates]
    return any(a != b and b.startswith(a) for a in texts for b in texts)


def echoed(candidate: Candidate, asked: str, tokens: Logprobs) -> Likelihood:
    """The likelihood of an answer that was read back behind its prompt.

    A token that holds the end of the prompt and the beginning of the answer counts.

    Raises:
        ValueError: The tokens are not those of prompt and answer.
    """
    text = "".join(one.token for one in tokens)
    whole = asked + candidate.text
    if not text.startswith(whole):
        raise ValueError("the prompt did not come back")
    at, total, own = 0, 0.0, _Own(candidate, len(asked))
    for one in tokens:
        if at >= len(whole):
            break
        own.met(at, one)
        at += len(one.token)
        if at > len(asked):
            total += one.logprob
    found = Likelihood(candidate.answer, _floor(total))
    return replace(found, own=_floor(own.total), tokens=own.tokens)


def forced(
    candidate: Candidate,
    tokens: Logprobs,
    *,
    ends: bool,
    counted: int | None,
    led: bool = True,
) -> Likelihood:
    """The likelihood of an answer that nothing else was allowed beside.

    What allows it may lead over unusual tokens: a blank by itself, then the word. Where
    the likeliest tokens of a place hold a longer part in one, up to where another token
    of the reply begins, that way is taken when it is more probable; what follows counts
    as it did behind the same text. Where nothing led the reply along the tokens that
    the answer has by itself, a longer part may also be one that is not shown: if that
    could matter, the answer is at most as probable as with it.

    Args:
        candidate: The answer.
        tokens: Of its reply.
        ends: Whether the token behind the answer counts.
        counted: How many tokens the server counted; where it tells of fewer, what is
            missing makes the sum a bound.
        led: Whether the reply was led along the answer's own tokens.

    Raises:
        ValueError: The reply is another one.
    """
    whole, at = candidate.text, 0
    places: list[tuple[int, TokenLogprob]] = []
    end, own = 0.0, _Own(candidate, 0)
    for one in tokens:
        if at >= len(whole):
            if ends and not one.token.strip():
                end = one.logprob
            break
        if not whole.startswith(one.token, at):
            raise ValueError("the reply is another one")
        places.append((at, one))
        own.met(at, one)
        at += len(one.token)
    if at < len(whole):
        raise ValueError("the reply ends early")
    behind = {len(whole): end}  # how probable the rest is, by where it begins
    for start, one in reversed(places):
        ways = [one.logprob + behind[start + len(one.token)]]
        # Of another way to the end nobody knows how probable what ends it is.
        for text, logprob in () if ends else one.top:
            following = behind.get(start + len(text))
            if text and following is not None and whole.startswith(text, start):
                ways.append(logprob + following)
        behind[start] = max(ways)
    total, exact = behind[0], counted is None or counted <= len(tokens)
    if not led:
        unseen = _unseen(candidate, places)
        if unseen and _sum(unseen) > total + _LITTLE:
            total, exact = _sum([total, *unseen]), False
    found = Likelihood(candidate.answer, _floor(total), exact)
    return replace(found, own=_floor(own.total), tokens=own.tokens)


def _unseen(
    candidate: Candidate, places: Sequence[tuple[int, TokenLogprob]]
) -> list[float]:
    """How probable an answer may be by a longer token that is not shown, by its place.

    At temperature 0 it is no more probable than the token that was taken, nor than the
    last one shown. What stands around the answer counts as it did.
    """
    begin = len(candidate.head)
    end = begin + len(candidate.word)
    rest = math.fsum(one.logprob for at, one in places if at >= end)
    made, before = list[float](), 0.0
    for at, one in places:
        if at + len(one.token) > begin and at + len(one.token) < end:
            made.append(before + min(_least(one), one.logprob) + rest)
        before += one.logprob
    return made


@dataclass
class _Own:
    """What the tokens of an answer alone add up to, without what stands around it.

    A token that holds the end of its head, or the beginning of its tail, counts.

    Args:
        candidate: The answer.
        asked: How many characters stand before its head.
    """

    candidate: Candidate
    asked: int
    total: float = 0.0
    tokens: int = 0

    def met(self, at: int, one: TokenLogprob) -> None:
        """Take a token that begins at a character."""
        begin = self.asked + len(self.candidate.head)
        if at + len(one.token) > begin and at < begin + len(self.candidate.word):
            self.total += one.logprob
            self.tokens += 1


class _Place(NamedTuple):
    """Where answers begin in a reply: at a token, some characters into it."""

    token: int
    shared: str


def found_in_top(
    candidates: Sequence[Candidate], tokens: Logprobs
) -> tuple[Likelihood, ...]:
    """The likelihoods of answers by the likeliest tokens of one reply, in their order.

    An answer is followed as far as the reply goes along with it, and where they part it
    is looked for among the tokens that are shown. Found whole it is exact. Found by its
    first token alone, or not found, it is at most so probable.
    """
    place = _place(candidates[0].head, tokens)
    clash = _longer([one.word for one in candidates])
    made: list[Likelihood] = []
    for one in candidates:
        longer = () if one.tail else clash[one.word]
        word = one.word + (one.tail[:1] if clash[one.word] else "")
        found, exact, seen = _followed(word, tokens, place, longer)
        exact = exact and not longer
        made.append(Likelihood(one.answer, _floor(found), exact, None, seen))
    return tuple(made)


def shown_at(head: str, tokens: Logprobs) -> tuple[tuple[str, float], ...]:
    """What is shown of the place behind a reply's head, the likeliest first.

    Nothing where a token holds the end of the head too.
    """
    place = _place(head, tokens)
    if place.shared or place.token >= len(tokens):
        return ()
    pairs = _shown(tokens[place.token]).items()
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _longer(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """How others go on that a word begins."""
    return {
        a: tuple(b[len(a) :] for b in words if a != b and b.startswith(a))
        for a in words
    }


def _place(head: str, tokens: Logprobs) -> _Place:
    """Where the answer begins: behind its head, whose blanks may be written otherwise.

    A reply that has no such head is taken for the answer itself.
    """
    wanted = [c for c in head if c not in _BLANK]
    if not wanted:
        return _Place(0, "")
    met, loose = 0, head[-1:] in _BLANK
    for number, one in enumerate(tokens):
        for at, char in enumerate(one.token):
            if met == len(wanted) and not (loose and char in _BLANK):
                return _Place(number, one.token[:at])
            if char in _BLANK:
                continue
            if met < len(wanted):
                if char != wanted[met]:
                    return _Place(0, "")
                met += 1
    return _Place(len(tokens), "")


def _followed(
    word: str, tokens: Logprobs, place: _Place, longer: tuple[str, ...]
) -> tuple[float, bool, int]:
    """The logarithm of an answer's probability, and how it was found.

    With it: whether it is that or a bound, and how many tokens it was followed over.

    Each way of cutting the answer into tokens that is seen to its end adds its own
    probability; one that is seen in part alone can only add less than that part, which
    is passed over where it is a tenth of the others at the most.
    """
    begun = rest = place.shared + word
    before, whole, parts = 0.0, list[float](), list[float]()
    following, count = tokens[place.token :], 0
    for number, one in enumerate(following):
        # A reply may begin with a blank that the answer does not have.
        loose = rest == begun and not place.shared and word[:1] not in _BLANK
        count = number + 1
        seen, along = len(whole), _bare(one.token, loose=loose)
        for text, logprob in _shown(one).items():
            bare = _bare(text, loose=loose)
            if bare and bare.startswith(rest):
                if not any(_meet(bare[len(rest) :], more) for more in longer):
                    whole.append(before + logprob)
            elif bare and rest.startswith(bare) and text != one.token:
                parts.append(before + logprob)
        ended = not one.token and number == len(following) - 1
        if along.startswith(rest) or ended or not rest.startswith(along):
            if len(whole) == seen:  # it is not shown, so no likelier than the last
                parts.append(before + _least(one))
            break
        before, rest = before + one.logprob, rest[len(along) :]
    else:
        parts.append(before)  # the reply ended within the answer
    if whole and (not parts or _sum(parts) < _sum(whole) + _LITTLE):
        return _sum(whole), True, count
    return _sum([*whole, *parts]), False, count


def _meet(text: str, other: str) -> bool:
    """Whether a text goes on as another one does, as far as both go."""
    return bool(text) and (text.startswith(other) or other.startswith(text))


def _bare(text: str, *, loose: bool) -> str:
    return text.lstrip(_BLANK) if loose else text


def _least(one: TokenLogprob) -> float:
    """The probability of the last token that is shown of a place."""
    return min((logprob for _, logprob in one.top), default=one.logprob)


def _shown(one: TokenLogprob) -> dict[str, float]:
    """What is shown of a place, the reply's own token among it; equal texts once."""
    held: dict[str, float] = {one.token: one.logprob}
    for text, logprob in one.top:
        held.setdefault(text, logprob)
    return held


def _sum(logprobs: Sequence[float]) -> float:
    most = max(logprobs)
    return min(most + math.log(math.fsum(math.exp(v - most) for v in logprobs)), 0.0)


def _floor(value: float) -> float:
    return max(value, LEAST)
