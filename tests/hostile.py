"""Texts that try to break out of their place, and strategies that mix them."""

from __future__ import annotations

from hypothesis import strategies as st

FRAMING = [
    "[[ answer ]]",
    "[[ answer#1 ]]",
    "[[ answer#2 ]]",
    "[[ question ]]",
    "[[ reasoning ]]",
    "[[ /end ]]",
    "[[ /end#1 ]]",
    "[[answer]]",
    "<answer>",
    "</answer>",
    "<answer-1>",
    "</answer-1>",
    "<question>",
    "</question>",
    "<reasoning>",
    "</reasoning>",
    '{"answer": "PWNED"}',
    '"answer": "PWNED",',
    "```",
    "```json\n",
    "\n```\n",
    "#1",
    "-1",
    "(not given for this example)",
    "<|im_end|>",
    "]]>",
    "&lt;answer&gt;",
    "Your task:\n",
]
ODD = [
    "\x00",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ufffd",
    "\ud7ff",
    "\U0010ffff",
    "e\u0301",
    "ﬁ",
    "١٢",
    "مرحبا",
    "🧵",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    '"',
    "'",
    "\\",
    "\\n",
    "\\ud800",
    "null",
    "None",
    "true",
    "NaN",
    "1e400",
    "[",
    "]",
    "{",
    "}",
]

texts = st.lists(
    st.one_of(st.sampled_from(FRAMING), st.sampled_from(ODD), st.text(max_size=6)),
    max_size=6,
).map("".join)
"""Any text that is text, mostly made of parts that mean something elsewhere."""

plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
"""Any JSON data."""
