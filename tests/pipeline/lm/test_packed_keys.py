"""A key in other letters is a key: packed in base64, or spelled by number."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.pipeline.lm.support import asking, completion, fault
from tests.server import Server
from weft.errors import InvalidRequest, ModelError
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.wire.secrets import redacted, without

KEY = "sk-verysecret-0123456789"
AROUND = ("{}", "Bearer {}", "user:{}", "u:{}", "ab{}", "{}:", '{{"key": "{}"}}')
ALPHABETS: tuple[Callable[[bytes], bytes], ...] = (
    base64.b64encode,
    base64.urlsafe_b64encode,
)


@pytest.mark.parametrize("pack", ALPHABETS)
@pytest.mark.parametrize("around", AROUND)
async def test_a_key_in_base64_stays_out_of_an_error(
    server: Server, around: str, pack: Callable[[bytes], bytes]
) -> None:
    """Whatever it is packed with, padded or not, alone or in an address."""
    packed = pack(around.format(KEY).encode()).decode()
    lm = LM("m", api_base=server.url, api_key=KEY)
    for form in (packed, packed.rstrip("="), quote(packed, safe="")):
        server.script(fault(400, f"you sent {form}, not good"))

        with pytest.raises(InvalidRequest) as caught:
            await lm.complete(asking(lm))

        assert "you sent ***, not good" in str(caught.value)


@pytest.mark.parametrize(
    "key", ["sk-1", "pass/word+1", "sch\u00f6n-1234567", "key~\u20ac99"]
)
def test_three_ways_to_write_it(key: str) -> None:
    """The bytes before it shift its letters; two alphabets write some of them apart."""
    draw = random.Random(0)
    secrets = [key] if len(key) > 4 else [f"{key}23456"]
    for before in range(7):
        for after in range(4):
            held = draw.randbytes(before) + secrets[0].encode() + draw.randbytes(after)
            for pack in ALPHABETS:
                said = f"got {pack(held).decode()}."

                assert without(said, secrets) == "got ***."


@pytest.mark.parametrize(
    "form",
    [
        quote("sk/very+secret=0123"),
        quote("sk/very+secret=0123", safe="").lower(),
        "sk%2Fvery%2bsecret%3d0123",
        "".join(f"%{ord(c):02x}" for c in "sk/very+secret=0123"),
        "sk\\/very\\u002bsecret%3D0123",
    ],
)
async def test_a_key_that_an_address_spells(server: Server, form: str) -> None:
    """In percents of either case, all of it or some, it is the key."""
    lm = LM("m", api_base=server.url, api_key="sk/very+secret=0123")
    server.script(fault(400, f"you sent {form}, not good"))

    with pytest.raises(InvalidRequest) as caught:
        await lm.complete(asking(lm))

    assert "you sent ***, not good" in str(caught.value)


def test_a_text_that_ends_within_a_packed_secret() -> None:
    """Where a body is cut, the start of a packed key does not stay at its end."""
    packed = base64.b64encode(KEY.encode()).decode()
    for cut in range(5, len(packed) + 1):
        assert redacted(f"bad {packed[:cut]}", [KEY]) == "bad ***"


async def test_a_key_in_base64_stays_out_of_an_answer(server: Server) -> None:
    """An answer that holds it is kept without it; another stays as it is."""
    packed = base64.b64encode(f"Bearer {KEY}".encode()).decode()
    lm = LM("m", api_base=server.url, api_key=KEY)
    plain = "100%25 of C:\\users are \\u0041, c2Vzc2lvbg== too"
    server.script(completion({"content": f"it is {packed}"}))
    server.script(completion({"content": plain}))

    first, second = [await lm.complete(asking(lm)) for _ in range(2)]

    assert (first.text, second.text) == ("it is ***", plain)


async def test_the_login_of_a_proxy_in_base64(server: Server) -> None:
    """A short password goes as well, with whatever it is packed."""
    lm = LM("m", api_base=server.url, headers={"authorization": "Basic dTpzZXNhbWU="})
    packed = base64.b64encode(b"password=sesame").decode()
    server.script(fault(400, f"you sent {packed}"))

    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm))

    assert packed[:6] not in str(caught.value)
