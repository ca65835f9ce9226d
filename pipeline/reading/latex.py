"""LaTeX around a value: mathematics, boxes, and words among them.

Models that were trained on worked solutions set their answers as these do (MATH,
Hendrycks et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re
from typing import Final

BOX: Final = r"\\boxed\{(?P<boxed>(?:[^{}\n]|\{[^{}\n]*+\}){1,200}+)\}"
"""A box, which may hold what is in braces once more."""
_BOX = re.compile(BOX)
_MATH = re.compile(
    r"\$\$(?P<shown>[^$]*+)\$\$|\$(?P<within>[^$]*+)\$"
    r"|\\\((?P<round>(?:[^\\]|\\(?!\)))*+)\\\)"
    r"|\\\[(?P<square>(?:[^\\]|\\(?!\]))*+)\\\]"
)
_WORDS = re.compile(r"\\(?:text(?:bf|it|rm|tt)?|math(?:bf|it|rm|tt)|mbox)\{([^{}]*+)\}")
_SPACE = re.compile(r"\\(?:[ ,;:!]|quad\b)|(?<=\S)~(?=\S)")
_ESCAPED = re.compile(r"\\([$%#&_])")
_EDGES = " \t\r\n`*_."


def without_latex(text: str) -> str:
    r"""A value as it would stand without LaTeX; the text where there is none.

    >>> without_latex(r"\(5\)."), without_latex(r"\boxed{\text{A}}")
    ('5', 'A')
    >>> without_latex(r"$\boxed{1{,}200\text{ eggs}}$"), without_latex("$5")
    ('1,200 eggs', '$5')
    """
    if "\\" not in text and "$" not in text:
        return text
    plain = text.strip(_EDGES)
    plain = _inside(_BOX.sub(r" \g<boxed> ", _inside(plain)).strip(_EDGES))
    plain = _WORDS.sub(r"\1", plain).replace("{,}", ",")
    return _ESCAPED.sub(r"\1", _SPACE.sub(" ", plain)).strip()


def _inside(text: str) -> str:
    """What stands in the mathematics that a text is, or the text."""
    found = _MATH.fullmatch(text)
    return found[found.lastgroup or 0].strip(_EDGES) if found else text
