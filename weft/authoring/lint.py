"""What the words of an instruction get wrong; warnings, found without a model.

Spelling at large is for a dictionary of the reader's own. Here are slips that anybody
would mend who saw them: words of a short list of common misspellings, doubled words,
and a word that is one slip away from a field's name or a choice. A rule that would
often be wrong is left out: a linter that cries wolf is turned off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeAlias

from ..compilers.propose.lines import sentences
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.run.settings import unshown
from ..pipeline.signature.spec import Spec, default_instruction
from .asking import unnamed

Kind: TypeAlias = Literal[
    "typo", "empty section", "field", "contradiction", "not shown"
]

_TABLE: Final = """
accomodate:accommodate acheive:achieve accross:across adress:address
agressive:aggressive alot:a_lot althought:although amoung:among anwser:answer
anser:answer answear:answer aparent:apparent apropriate:appropriate
arguement:argument assesment:assessment basicly:basically becuase:because
beacuse:because befor:before begining:beginning beleive:believe
buisness:business calender:calendar catagory:category catergory:category
charachter:character choosen:chosen classifiy:classify clasify:classify
colum:column comming:coming commited:committed completly:completely
concious:conscious consistant:consistent contian:contain correclty:correctly
definately:definitely descibe:describe desciption:description
diffrent:different dissapoint:disappoint doesnt:doesn't dont:don't
embarass:embarrass enviroment:environment exagerate:exaggerate
exmaple:example existance:existence explaination:explanation
familar:familiar finaly:finally folowing:following follwing:following
foward:forward freind:friend futher:further goverment:government
grammer:grammar guage:gauge happend:happened immediatly:immediately
incorect:incorrect independant:independent infomation:information
instuction:instruction instrucion:instruction inteligent:intelligent
knowlege:knowledge langauge:language lenght:length libary:library
maintainance:maintenance messsage:message mispell:misspell
neccessary:necessary necesary:necessary noticable:noticeable
occassion:occasion occured:occurred occurence:occurrence ouput:output
outptu:output paramter:parameter perfom:perform plase:please
posible:possible prefered:preferred privelege:privilege
probaly:probably proffesional:professional publically:publicly
quesiton:question questoin:question realy:really reccomend:recommend
recieve:receive refered:referred relevent:relevant reponse:response
repsonse:response requried:required responce:response resturant:restaurant
seperate:separate sentance:sentence shoud:should similiar:similar
sincerly:sincerely specifc:specific succesful:successful successfull:successful
sumarize:summarize suprise:surprise teh:the thier:their tommorow:tomorrow
tounge:tongue truely:truly untill:until usefull:useful wether:whether
wich:which wierd:weird writting:writing
"""
_MISSPELT: Final = {
    wrong: right for wrong, _, right in (p.partition(":") for p in _TABLE.split())
}
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_DOUBLED: Final = re.compile(
    r"(?<![\w-])([^\W\d_]{2,})[ \t]+\1(?![\w-])", re.IGNORECASE
)
_MAY_DOUBLE: Final = frozenset(
    {"that", "had", "is", "very", "no", "not", "ha", "bye", "so"}
)
_HEADING: Final = re.compile(r"^(#{1,6})[ \t]+\S")
_TAG: Final = re.compile(r"<([A-Za-z][\w-]*)>\s*</\1>")
_NAMED: Final = re.compile(r"\{(\w+)\}|`(\w+)`")
_LEAST_NAME: Final = 5
_LEAST_WORDS: Final = 2
_ALIKE: Final = 0.8
_NEVER: Final = re.compile(
    r"\b(?:never|must not|mustn't|do not|don't|should not|shouldn't|may not|cannot)\b",
    re.IGNORECASE,
)
_ALWAYS: Final = re.compile(r"\b(?:always|must|should|do)\b", re.IGNORECASE)
_LITTLE_WORDS: Final = """
a an the and or of to in on at for with by is are be it its this that as you your please
ever any
"""
_LITTLE: Final = frozenset(_LITTLE_WORDS.split())
_ONE_SIDED: Final = re.compile(
    r"\b(?:if|when|unless|where|while|except|only|otherwise|but|until|without)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Wording:
    """One thing about the words of an instruction.

    Args:
        path: The module whose instruction it is.
        line: The line in it, counted from 1.
        kind: What kind of thing.
        message: What it is, in words.
    """

    path: str
    line: int
    kind: Kind
    message: str

    def __str__(self) -> str:
        return f"{self.path}/instruction:{self.line}: {self.kind}: {self.message}"


def lint(program: Program[..., Any] | Module[..., Any]) -> list[Wording]:
    r"""What is odd about the words of a program's instructions; no model is asked.

    Typos, sections without anything in them, names in braces or backticks that are no
    field, inputs that are never named where others are, two lines of which one says
    always and the other never of the same words, and words that no model is shown,
    because a template leaves them out. All are warnings.

    Args:
        program: A program or a module.

    Returns:
        In the order of the modules and lines; empty where nothing is odd.

    >>> import weft
    >>> said = "Name the teh team.\nAlways quote the price.\nNever quote the price."
    >>> found = lint(weft.Predict("message -> team", said))
    >>> print(found[0])
    team/instruction:1: typo: 'teh' may be meant as 'the'
    >>> found[1].kind, found[1].line
    ('contradiction', 3)
    """
    return [
        found
        for path, module in as_program(program).modules.items()
        for found in lint_module(path, module)
    ]


def lint_module(path: str, module: Module[..., Any]) -> list[Wording]:
    """As `lint`, of one module at a path."""
    found = lint_text(path, module.parameters.instruction, module.spec)
    return [*found, *_hidden(path, module)]


def lint_text(path: str, text: str, spec: Spec | None = None) -> list[Wording]:
    """As `lint`, of one instruction; without the fields these are not looked at."""
    found = [*_typos(path, text, spec), *_empty(path, text), *_against(path, text)]
    if spec is not None:
        found += _fields(path, text, spec)
    return sorted(found, key=lambda one: one.line)


def _hidden(path: str, module: Module[..., Any]) -> Iterator[Wording]:
    """What somebody wrote, and no prompt in the form of here shows."""
    own, spec = module.parameters, module.spec
    said = {
        "instruction": own.instruction not in ("", default_instruction(spec.fields)),
        "context": bool(own.context),
        "glossary": bool(own.glossary),
        "illustrations": bool(own.illustrations),
    }
    hidden = unshown({path: module})
    slots = [
        slot for slot, wrote in said.items() if wrote and f"{path}/{slot}" in hidden
    ]
    if slots:
        what = f"the {' and the '.join(slots)}: the template leaves that out"
        said_so = f"no model is shown {what}; begin it with [instruction]"
        yield Wording(path, 1, "not shown", said_so)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _typos(path: str, text: str, spec: Spec | None) -> Iterator[Wording]:
    names = _names(spec)
    for match in _WORD.finditer(text):
        word = match.group()
        meant = _MISSPELT.get(word.casefold(), "").replace("_", " ")
        if not meant and word not in names:
            meant = next((n for n in names if _one_slip(word.casefold(), n)), "")
        if meant:
            said = f"{word!r} may be meant as {meant!r}"
            yield Wording(path, _line(text, match.start()), "typo", said)
    for match in _DOUBLED.finditer(text):
        if match.group(1).casefold() not in _MAY_DOUBLE:
            said = f"{match.group(1)!r} stands twice in a row"
            yield Wording(path, _line(text, match.start()), "typo", said)


def _names(spec: Spec | None) -> list[str]:
    """Names of fields and choices that a slip in one of them may be told by."""
    if spec is None:
        return []
    choices = [c for f in spec.fields for c in f.choices if isinstance(c, str)]
    names = [*spec.names, *choices]
    return [n for n in dict.fromkeys(names) if len(n) >= _LEAST_NAME and n.isalpha()]


def _one_slip(word: str, name: str) -> bool:
    """Whether two letters that stand side by side in a name were swapped."""
    meant = name.casefold()
    if len(word) != len(meant) or word == meant:
        return False
    wrong = [
        at for at, pair in enumerate(zip(word, meant, strict=True)) if len({*pair}) > 1
    ]
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    first, second = wrong
    return word[first] == meant[second] and word[second] == meant[first]


def _empty(path: str, text: str) -> Iterator[Wording]:
    lines = text.split("\n")
    for at, line in enumerate(lines):
        heading = _HEADING.match(line)
        if heading is None:
            continue
        below = next((later for later in lines[at + 1 :] if later.strip()), "")
        other = _HEADING.match(below)
        if not below or (other and len(other[1]) <= len(heading[1])):
            said = f"nothing stands below {line.strip()!r}"
            yield Wording(path, at + 1, "empty section", said)
    for match in _TAG.finditer(text):
        said = f"nothing stands in <{match.group(1)}>"
        yield Wording(path, _line(text, match.start()), "empty section", said)


def _fields(path: str, text: str, spec: Spec) -> Iterator[Wording]:
    """Names that are marked as names, and are none; inputs passed over."""
    known = {*spec.names} | {str(c) for f in spec.fields for c in f.choices}
    marked: set[str] = set()
    for match in _NAMED.finditer(text):
        name = match.group(1) or match.group(2)
        marked.add(name)
        # Backticks set other things apart too: there only what looks like a slip.
        near = [n for n in known if _one_slip(name.casefold(), n)]
        if name not in known and (match.group(1) or near):
            meant = near or get_close_matches(name, known, n=1)
            hint = f"; {meant[0]!r} is" if meant else ""
            yield Wording(
                path,
                _line(text, match.start()),
                "field",
                f"{name!r} is marked as a name and is no field{hint}",
            )
    if marked & {*spec.inputs}:
        for name in unnamed(spec.inputs, text):
            said = f"the input {name!r} is never named, and others are"
            yield Wording(path, 1, "field", said)


def _against(path: str, text: str) -> Iterator[Wording]:
    """Pairs of sentences that say always and never of the same words."""
    seen: list[tuple[bool, frozenset[str], str, int]] = []
    at = 0
    for sentence in sentences(text):
        at = max(text.find(sentence, at), 0)
        never = _NEVER.search(sentence) is not None
        if not _ONE_SIDED.search(sentence):
            bare = _ALWAYS.sub(" ", _NEVER.sub(" ", sentence))
            words = frozenset(w.casefold() for w in _WORD.findall(bare)) - _LITTLE
            for other, theirs, said, line in seen:
                if other != never and _same(words, theirs):
                    what, was = ("not to", "to") if never else ("to", "not to")
                    message = f"it says {what}, and line {line} says {was}: {said!r}"
                    yield Wording(path, _line(text, at), "contradiction", message)
                    break
            seen.append((never, words, sentence, _line(text, at)))


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) < _LEAST_WORDS:
        return False
    return len(one & other) / len(one | other) >= _ALIKE
