"""OpenAI's format of embeddings: texts as a body, a body as vectors.

A success status is not yet an answer: vectors that are missing, doubled, of several
lengths or no numbers are an error that says so, and are never kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...errors import ProtocolError
from ...ground.shapes import as_dict, as_list, is_dict, is_list
from ..request import Request, Response, Usage, as_sent, is_count
from ..wire.finish import fault_in, refused, tree_in
from ..wire.remedies import AT_V1
from .model import KIND, answer_of

_NOT_SENT: Final = frozenset({KIND, "max_tokens", "temperature"})


def options_of(request: Request) -> dict[str, Any]:
    """What a request says beside its texts, as it is sent."""
    return {n: v for n, v in request.sampling.items() if n not in _NOT_SENT}


def body_of(request: Request) -> bytes:
    """The JSON body that asks for the vectors of some texts.

    Raises:
        InvalidRequest: It cannot be sent as JSON.
    """
    texts = [message.text for message in request.messages]
    # Digits, which every server gives: some do not know base64.
    body = {"model": request.model, "input": texts, "encoding_format": "float"}
    return as_sent(body | options_of(request), request)


def response_of(body: bytes, request: Request, secrets: Iterable[str] = ()) -> Response:
    """The response in a body of success.

    Raises:
        ProtocolError: It does not hold one vector for each text.
        ModelError: The body is an error in spite of the status.
    """
    tree = tree_in(body, request, secrets, AT_V1)
    return response_from(as_dict(tree), request, secrets)


def response_from(
    tree: Mapping[str, Any], request: Request, secrets: Iterable[str] = ()
) -> Response:
    """The response in an answer of embeddings; raises as `response_of`."""
    fault = fault_in(tree, {})
    if fault:
        raise refused(fault, request, secrets).as_error()
    vectors = _vectors(tree.get("data"), request)
    asked = as_dict(tree.get("usage")).get("prompt_tokens")
    return answer_of(vectors, request, Usage(asked, 0) if is_count(asked) else None)


def _vectors(data: object, request: Request) -> list[list[float]]:
    """The vectors in the order of the texts, which a server may have changed."""
    entries = [entry for entry in as_list(data) if is_dict(entry)]
    if not entries:
        message = "the server's answer holds no embeddings"
        hint = "Is it a model that makes embeddings, and the base URL of one?"
        raise ProtocolError(message, hint=hint, model=request.model)
    told = [entry["index"] for entry in entries if entry.get("index") is not None]
    if told:  # a number that cannot be read is no leave to take them as they stand
        whole = all(type(number) is int for number in told)
        if not whole or sorted(told) != list(range(len(entries))):
            message = "the server numbers its embeddings otherwise than 0, 1, 2, ..."
            raise ProtocolError(message, model=request.model)
        entries.sort(key=lambda entry: entry["index"])
    made: list[list[float]] = []
    for entry in entries:
        vector = entry.get("embedding")
        if not is_list(vector) or not all(map(_is_number, vector)):
            message = "an embedding of the server's is no list of finite numbers"
            raise ProtocolError(message, model=request.model)
        made.append(vector)
    return made


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < 1e38  # type: ignore[arg-type]
