"""Real models are asked as users ask them: nobody names a form."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _as_by_users(asked_as_by_users: None) -> None:
    """No test of these has written a reply down."""
