"""Goal 15: every fault of a server has one error, which says all that is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.goals.conftest import Figure
from tests.pipeline.lm.support import KEY, asking
from tests.pipeline.lm.test_openai_faults import FAULTS, lm_for
from tests.server import Reply, Server
from weft.pipeline.errors import (
    AuthError,
    BillingError,
    ConnectError,
    ContentFiltered,
    ContextLengthError,
    DeadlineExceeded,
    InvalidRequest,
    ModelError,
    ModelFailure,
    NotFoundError,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
    TimeoutConflict,
    TooLarge,
)

# Whether the same call may work later, whether a run of many rows ends at once, and
# whether the model is at fault, so that a score may take it for a zero.
MEANS: dict[type[ModelError], tuple[bool, bool, bool]] = {
    AuthError: (False, True, False),
    BillingError: (False, True, False),
    NotFoundError: (False, True, False),
    InvalidRequest: (False, False, False),
    ContextLengthError: (False, False, False),
    ContentFiltered: (False, False, True),
    RateLimited: (True, False, False),
    Overloaded: (True, False, False),
    ServerError: (True, False, False),
    TimeoutConflict: (True, False, False),
    ConnectError: (True, False, False),
    DeadlineExceeded: (True, False, False),
    ProtocolError: (True, False, False),
    TooLarge: (False, False, True),
}
SLOW: dict[str, tuple[Reply, type[ModelError]]] = {
    "hang": (Reply(hang=True), DeadlineExceeded),
    "drip": (Reply(rate=20), DeadlineExceeded),
    "reset in the body": (Reply(cut=20, reset=True, length=99), ModelError),
}
ID = {"x-request-id": "req_7"}


async def test_taxonomy(server: Server, figure: Figure) -> None:
    """Class, meaning, status and id are as the fault was; nothing hides behind it."""
    found: dict[str, int] = {}
    for name, (reply, expected) in (FAULTS | SLOW).items():
        server.script(replace(reply, headers={**reply.headers, **ID}))
        timeout = 0.4 if name in {"hang", "drip"} else 60
        lm = lm_for(server, timeout=timeout)
        before = server.count
        with pytest.raises(ModelError) as caught:
            await lm.complete(asking(lm))
        error, kind = caught.value, type(caught.value)

        assert kind is expected or expected is ModelError, name
        means = kind.retryable, kind.aborts, issubclass(kind, ModelFailure)
        assert means == MEANS[kind], name
        assert server.count == before + 1
        assert error.model == "m"
        if reply.status != 200:
            assert (error.status, error.request_id) == (reply.status, "req_7"), name
        if reply.status not in {200, 302} and "Retry-After" in reply.headers:
            assert error.retry_after == 7.0
        # The client's own error would hold the request, and the key in it.
        assert error.__cause__ is None
        assert error.__context__ is None
        assert KEY not in f"{error!r} {error} {vars(error)}"
        found[kind.__name__] = found.get(kind.__name__, 0) + 1

    figure(f"goal 15: {sum(found.values())} faults, each one typed error: {found}")
    assert {kind.__name__ for kind in MEANS} == found.keys()
