"""Every form that there is, for tests of whatever holds of all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from weft.pipeline.reply_form import FLAGS, NEWEST, Form

named = st.sampled_from([name for name in NEWEST if name != "auto"])
forms = named.flatmap(
    lambda name: st.builds(
        Form,
        st.just(name),
        st.integers(1, NEWEST[name]),
        st.none() | st.sets(st.sampled_from(FLAGS)).map(lambda s: (*sorted(s),)),
    )
)
rooms = st.integers(1, 999_999_999)
