"""What a call sends: a module's call in a settled form, as a request to its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from ..adapters import Form, adapter_of
from ..lm.lm import LanguageModel
from ..lm.request import JSON, Request
from ..parameters import Parameters
from ..signature.signature import Signature

if TYPE_CHECKING:
    from ..adapters.rendered import Rendered


_MOST_STOPS: Final = 4  # as many as every endpoint takes


def request_for(
    lm: LanguageModel, parameters: Parameters, rendered: Rendered, sample: int
) -> Request:
    """The request that a model is sent: module sampling wins over the model's."""
    sampling: dict[str, Any] = {**lm.sampling, **parameters.sampling}
    if rendered.stop:
        given = sampling.get("stop") or ()
        own = (given,) if isinstance(given, str) else tuple(cast("list[str]", given))
        sampling["stop"] = list(dict.fromkeys((*own, *rendered.stop)))[:_MOST_STOPS]
    if rendered.grammar:
        sampling["grammar"] = rendered.grammar
    return Request(
        lm.model,
        rendered.messages,
        sampling,
        rendered.response_format,
        lm.endpoint,
        sample,
        rendered.continues,
    )


def rendered_for(
    form: Form,
    signature: type[Signature],
    parameters: Parameters,
    inputs: Mapping[str, JSON],
    lm: LanguageModel | None,
) -> Rendered:
    """A module's call in a settled form, as a model gets it."""
    flags = form.flags or ()
    if not flags:
        return adapter_of(form).render(signature, parameters, inputs)
    return adapter_of(form).render(
        signature,
        parameters,
        inputs,
        schema_mode="schema" in flags,
        shown="shown" in flags,
        stop="stop" in flags,
        room=room_for(form, parameters, lm),
    )


def room_for(
    form: Form, parameters: Parameters, lm: LanguageModel | None
) -> int | None:
    """How many tokens a reply may take, as far as anybody knows before the call."""
    most = {**(lm.sampling if lm else {}), **parameters.sampling}.get("max_tokens")
    known = [n for n in (most, form.room) if isinstance(n, int)]
    return min(known) if known else None
