"""The key or the login that a request carries, found anew for each attempt."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from urllib.parse import unquote

from ...errors import AuthError
from ..lm import sendable
from ..route import OPENAI, Route


def key_for(route: Route, name: str, given: str | None) -> str | None:
    """The key of an attempt; None where the endpoint may need none.

    Args:
        route: Where it goes.
        name: What the model is called, for messages.
        given: The key that the user gave; else the environment's is taken.

    Raises:
        AuthError: It cannot be sent, or there is none where one is needed.
    """
    key = given
    if key is None and route.key_variable:
        key = os.environ.get(route.key_variable)
    # A key from a file often ends in a line break, and no key has blank edges.
    key = (key or "").strip()
    if not sendable(key):
        raise AuthError(
            f"the key for {name!r} holds a line break or the like", model=route.model
        )
    if not key and route.endpoint == OPENAI:
        raise AuthError(
            f"there is no key for {name!r}",
            hint=f"Set {route.key_variable} or pass api_key=",
            model=route.model,
        )
    return key or None


def authorised(
    route: Route, name: str, given: str | None, headers: Mapping[str, str]
) -> Mapping[str, str]:
    """The headers with the key or login in them; arguments as in `key_for`."""
    key = key_for(route, name, given)
    if key:
        return {"Authorization": f"Bearer {key}", **headers}
    if route.login:
        login = base64.b64encode(unquote(route.login).encode()).decode()
        return {"Authorization": f"Basic {login}", **headers}
    return headers
