"""What a server says unasked is no answer: not to the next question either."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress

from tests.pipeline.lm.support import asking
from tests.timing import settled
from weft.pipeline.lm.models import LM


def answer(text: str) -> bytes:
    """A whole HTTP answer with a completion."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    body = json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def test_an_unasked_answer_is_nobodys() -> None:
    """It comes while the connection is idle; the next question opens another one."""
    connections = list[asyncio.StreamWriter]()
    heard, said = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                assert length is not None
                asked = json.loads(await reader.readexactly(int(length[1])))
                writer.write(answer(asked["messages"][0]["content"]))
                await heard.wait()
                writer.write(answer("EVIL"))
                said.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lm = LM("m", api_base=f"http://127.0.0.1:{port}", max_tokens=9)

    first = await lm.complete(asking(lm, "one"))
    heard.set()
    await said.wait()
    await settled()  # for it to arrive
    second = await lm.complete(asking(lm, "two"))
    for writer in connections:
        writer.close()
        await writer.wait_closed()
    server.close()

    assert (first.text, second.text, len(connections)) == ("one", "two", 2)
