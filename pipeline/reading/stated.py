"""What a text says to be its answer, behind its own working.

Models that were taught to work a problem out do so where only a value is wanted, and
then say which part of it is the answer: in so many words, behind the mark that GSM8K's
solutions end with (Cobbe et al. 2021, arXiv 2110.14168), or in a box (MATH, Hendrycks
et al. 2021, arXiv 2103.03874).
"""

from __future__ import annotations

import re
from itertools import islice

_SAID = re.compile(
    r"(?:^|(?<=[.!?]\s))[ \t*_]*"
    r"(?:(?:so|thus|hence|therefore|finally),?[ ])?"
    r"(?:(?:the|my)[ ](?:final[ ]|correct[ ])?answer[ ]is|final[ ]answer)"
    r"[ ]?:?[ ]?(?P<said>[^\n]{1,200})"
    r"|^\#{4}[ ]*(?P<marked>[^\n]{1,200})"
    r"|\\boxed\{(?P<boxed>[^{}]{1,200})\}",
    re.IGNORECASE | re.MULTILINE,
)
_MOST = 4
_LONGEST = 4000
_BLANK = " \t\r\n*_$."


def stated(text: str) -> list[str]:
    r"""The parts of a text that it says are its answer; none where it goes on.

    Only a sentence of its own says so: not one that is quoted, nor a condition.

    >>> stated("25 + 40 = 65.\n\nThe answer is $65."), stated("6 * 7\n#### 42")
    (['$65.'], ['42'])
    >>> stated("If the answer is 5, all is well."), stated("The answer is 5.\nOr not.")
    ([], [])
    """
    if len(text) > _LONGEST:
        return []
    found = list(islice(_SAID.finditer(text), _MOST + 1))
    if not found or len(found) > _MOST:
        return []
    last = found[-1]
    if last["boxed"] is None and text[last.end() :].strip(_BLANK):
        return []
    return [one[one.lastgroup or 0] for one in found]
