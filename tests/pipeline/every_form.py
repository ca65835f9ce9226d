"""Every form that there is, for tests of whatever holds of all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from weft.pipeline.lm.form import CHOSEN, FLAGS, NEWEST, Form

named = st.sampled_from([name for name in NEWEST if name not in CHOSEN])
flags = st.none() | st.sets(st.sampled_from(FLAGS)).map(lambda some: (*sorted(some),))

TEMPLATE = "[x]\n그 글은 [z] | 이다: a/b"


def _form(name: str, number: int, settled: tuple[str, ...] | None) -> Form:
    # A first edition without flags is all of itself, settled or not.
    template = TEMPLATE if name == "cloze" else ""
    form = Form(name, 1 + number % NEWEST[name], settled, template=template)
    return form if settled or not form.is_first else Form(name, 1)


forms = st.builds(_form, named, st.integers(0, 9), flags)
rooms = st.integers(1, 999_999_999)
