"""Operations of English grammar, by rules and short lists of exceptions.

They are right where the rule is: no dictionary stands behind them.
"""

from __future__ import annotations

import re

from .operation import Operation, capital, on_sentence, on_word, paired

_PLURALS = paired(
    "person/people, man/men, woman/women, child/children, foot/feet, tooth/teeth",
    "goose/geese, mouse/mice, ox/oxen, sheep/sheep, fish/fish, series/series",
)
_PLURAL_ENDINGS = (
    (r"(?<=[^aeiou])y$", "ies"),
    (r"(?<=[a-z]s)is$", "es"),
    (r"(?<=[aeo]l)f$|(?<=ea)f$|(?<=i)fe$", "ves"),
    (r"(?<=s|x|z)$|(?<=[cs]h)$", "es"),
)
_PARTICIPLES = paired(
    "saw/seen, wrote/written, took/taken, gave/given, ate/eaten, broke/broken",
    "chose/chosen, drew/drawn, drove/driven, knew/known, stole/stolen, threw/thrown",
    "made/made, found/found, told/told, caught/caught, taught/taught, built/built",
    "sold/sold, held/held, lost/lost, met/met, won/won, heard/heard, paid/paid",
)
_DETERMINER = r"(?:the|a|an|my|your|his|her|its|our|their|this|that|these|those)"
_TRANSITIVE = re.compile(
    rf"({_DETERMINER}(?: \w+)+?) (\w+) ({_DETERMINER}(?: \w+)+?)[.!]?", re.IGNORECASE
)
_HELPER = re.compile(
    r"\b(is|are|was|were|am|can|could|will|would|shall|should|may|might|must|has|have"
    r"|had|do|does|did)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?:\bnot\b|n't\b|(?<=can)not\b)\s?", re.IGNORECASE)
_VERB = re.compile(r"(?<=[A-Za-z] )([a-z]{3,}?)(ed|s)(?= )")
_CONTRACTED = (
    (r"\bcan't\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"\bshan't\b", "shall not"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ve\b", " have"),
    (r"'ll\b", " will"),
    (r"\bI'm\b", "I am"),
    (r"\b(it|that|what|there|here|he|she|who)'s\b", r"\1 is"),
    (r"\blet's\b", "let us"),
)
_FORMAL = paired(  # as style guides set them side by side
    "ask/inquire, buy/purchase, chance/opportunity, end/conclude, enough/sufficient",
    "get/obtain, gets/obtains, got/obtained, go up/increase, went up/increased",
    "go down/decrease, went down/decreased, help/assist, kids/children",
    "look into/investigate, lots of/numerous, a lot of/numerous, need/require",
    "needs/requires, ok/acceptable, put off/postpone, say/state, said/stated",
    "seem/appear, show/demonstrate, start/commence, sorry/I apologise, tell/inform",
    "thanks/thank you, think about/consider, find out/determine, try/attempt",
    "wants/would like, want/would like, whole/entire, change/alter",
)
_PLAIN = re.compile(
    rf"\b(?:{'|'.join(sorted(_FORMAL, key=len, reverse=True))})\b", re.IGNORECASE
)


def plural(word: str) -> str:
    """The plural of an English noun.

    >>> [plural(w) for w in ("sheet", "crisis", "process", "Company", "person")]
    ['sheets', 'crises', 'processes', 'Companies', 'people']
    """
    known = _PLURALS.get(word.casefold())
    if known:
        return word[0] + known[1:]
    for pattern, ending in _PLURAL_ENDINGS:
        made, count = re.subn(pattern, ending, word, count=1, flags=re.IGNORECASE)
        if count:
            return made
    return f"{word}s"


def passive(sentence: str) -> str | None:
    """A sentence of the form "The N verbed the N." in the passive; None for others.

    >>> passive("The tourists avoided the lawyer.")
    'The lawyer was avoided by the tourists.'
    >>> passive("A child wrote these letters."), passive("It is raining.")
    ('These letters were written by a child.', None)
    """
    found = _TRANSITIVE.fullmatch(sentence)
    if found is None:
        return None
    subject, verb, thing = (str(part) for part in found.groups())
    participle = _PARTICIPLES.get(verb, verb if verb.endswith("ed") else "")
    if not participle:
        return None
    noun = thing.rpartition(" ")[2].casefold()
    many = noun in _PLURALS.values() or re.search(r"[^su]s$", noun)
    by = subject[0].lower() + subject[1:]
    return f"{capital(thing)} {'were' if many else 'was'} {participle} by {by}."


def negated(sentence: str) -> str | None:
    """An English sentence denied, or no longer denied; None where no verb is found.

    >>> negated("Paint is made of oil."), negated("Cats cannot fly.")
    ('Paint is not made of oil.', 'Cats can fly.')
    >>> negated("ABC expanded into Beirut."), negated("Ann likes tea.")
    ('ABC did not expand into Beirut.', 'Ann does not like tea.')
    """
    if found := _DENIED.search(sentence):
        before = sentence[: found.start()].rstrip()
        return f"{before} {sentence[found.end() :]}"
    if helper := _HELPER.search(sentence):
        joint = "" if helper[1].casefold() == "can" else " "
        return f"{sentence[: helper.end()]}{joint}not{sentence[helper.end() :]}"
    if verb := _VERB.search(sentence):
        past = verb[2] == "ed"
        denied = f"{'did' if past else 'does'} not {_bare(verb[1], past=past)}"
        return f"{sentence[: verb.start()]}{denied}{sentence[verb.end() :]}"
    return None


def _bare(stem: str, *, past: bool) -> str:
    """A verb without its ending, of which the stem is what stands before."""
    if stem.endswith("i"):
        return f"{stem[:-1]}y"
    if past and re.search(r"([bdgmnprt])\1$", stem):
        return stem[:-1]
    if past and re.search(r"(?:[cgsuvz]|[^aeiou][aiou][kt]|[bdfgkpt]l|[aiou]r)$", stem):
        return f"{stem}e"
    if not past and re.search(r"(?:s|x|z|ch|sh)e$", stem):
        return stem[:-1]
    return stem


def formal(sentence: str) -> str:
    """An English sentence with formal words for plain ones, and no contractions.

    >>> formal("I can't buy the whole thing.")
    'I cannot purchase the entire thing.'
    """
    text = _PLAIN.sub(_as_formal, sentence.replace("’", "'"))
    for pattern, whole in _CONTRACTED:
        text = re.sub(pattern, whole, text, flags=re.IGNORECASE)
    return text


def _as_formal(found: re.Match[str]) -> str:
    word = _FORMAL[found[0].casefold()]
    return capital(word) if found[0][0].isupper() else word


_SENTENCE = r"(?:sentence|statement|fact|claim)"

GRAMMAR = (
    Operation("Write the word in plural form.", r"\bplurals?\b", on_word(plural)),
    Operation(
        "Write the sentence in passive form.", r"\bpassive\b", on_sentence(passive)
    ),
    Operation(
        "Write the negation of the sentence.",
        rf"\bnegat(?:e|es|ed|ion|ing)\b|\b{_SENTENCE}\b.{{0,80}}\bopposite\b"
        rf"|\bopposite\b.{{0,40}}\b{_SENTENCE}\b",
        on_sentence(negated),
    ),
    Operation(
        "Rewrite the sentence in a formal style.",
        r"(?<!not )(?<!less )\bformal\b",
        on_sentence(formal),
    ),
)
