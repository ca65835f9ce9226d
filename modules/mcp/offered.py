"""What servers offer beside tools: resources that are read, and prompts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

from ...pipeline.errors import ConfigError, StepError, ToolServerError, did_you_mean
from ...pipeline.graph.step import StepOptions
from ...pipeline.media.documents import Document
from ...pipeline.media.turns import History
from ...pipeline.media.values import Media
from ...pipeline.run.bridge import on_background
from ..agents.tool import Tool, ToolOptions
from .content import history_of, resource_of
from .remote import Session
from .schemas import worded

_TOLD: Final = 20
_GAP: Final = re.compile(r"\{[^{}]*\}")
Read = Document | Media | list[Document | Media]


class Offered(NamedTuple):
    """What open connections offer, asked for when somebody wants it.

    Args:
        sessions: The connections.
        seconds: What an answer may take; None for no limit.
    """

    sessions: Sequence[Session]
    seconds: float | None

    async def resources(self) -> list[dict[str, Any]]:
        """What can be read; a template has `uriTemplate` in place of `uri`."""
        found = await self._of_each("resources", "resource_templates")
        return [one for each in found for one in each]

    async def prompts(self) -> list[dict[str, Any]]:
        """The prompts of all servers."""
        return [one for each in await self._of_each("prompts") for one in each]

    async def read(self, uri: str) -> Read:
        """What a resource holds.

        Raises:
            ConfigError: Of several servers none lists it.
            StepError: The server refuses.
        """
        session, told = await self._owner(uri)
        result = await _link(session).read(uri, self.seconds)
        made = resource_of(result, worded(told.get("title") or told.get("name")))
        return made[0] if len(made) == 1 else made

    async def prompt(self, name: str, given: dict[str, str]) -> History:
        """The turns of a prompt.

        Raises:
            ConfigError: No server has it, or an argument is missing or unknown.
            StepError: The server refuses.
        """
        found = await self._of_each("prompts")
        for session, listed in zip(self.sessions, found, strict=True):
            for one in (each for each in listed if each.get("name") == name):
                _check_arguments(name, one.get("arguments") or [], given)
                link = _link(session)
                return history_of(await link.prompt(name, given, self.seconds))
        known = [str(one.get("name")) for listed in found for one in listed]
        raise ConfigError(
            f"no server has a prompt {name!r}", hint=did_you_mean(name, known)
        )

    async def reader(self, name: str, options: ToolOptions) -> Tool[..., Any]:
        """A tool by which a model reads resources."""
        told = [
            f"{one.get('uri') or one.get('uriTemplate')} ({worded(one.get('name'))})"
            for one in await self.resources()
        ]
        more = f", and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
        said = f"Read what is at an address: {', '.join(told[:_TOLD])}{more}."

        async def read(arguments: dict[str, Any]) -> Any:
            try:
                made = await on_background(self.read(str(arguments["uri"])))
            except ConfigError as error:  # no such resource, which a model can mend
                raise StepError(f"{error.message}. {error.hint or ''}") from None
            several = made if isinstance(made, list) else [made]
            held = [o.text if isinstance(o, Document) else o for o in several]
            return held[0] if len(held) == 1 else held

        properties = {"uri": {"type": "string"}}
        schema = {"type": "object", "properties": properties, "required": ["uri"]}
        step = StepOptions(reusable=False)
        return Tool.from_schema(name, said, schema, read, options=options, step=step)

    async def _of_each(self, *kinds: Any) -> list[list[dict[str, Any]]]:
        async def of(session: Session) -> list[dict[str, Any]]:
            link = _link(session)
            return [one for kind in kinds for one in await link.listed(kind)]

        return await asyncio.gather(*map(of, self.sessions))

    async def _owner(self, uri: str) -> tuple[Session, dict[str, Any]]:
        """The server that a resource is of, and what it says of it."""
        found = await self._of_each("resources", "resource_templates")
        pairs = [*zip(self.sessions, found, strict=True)]
        for fits in (_is_at, _may_be_at):
            for session, listed in pairs:
                for one in (each for each in listed if fits(each, uri)):
                    return session, one
        if len(pairs) == 1:
            return pairs[0][0], {}  # a server need not list all that it has
        known = [
            str(one["uri"]) for _, listed in pairs for one in listed if "uri" in one
        ]
        raise ConfigError(
            f"no server lists a resource {uri!r}", hint=did_you_mean(uri, known)
        )


def _is_at(told: dict[str, Any], uri: str) -> bool:
    return told.get("uri") == uri


def _may_be_at(told: dict[str, Any], uri: str) -> bool:
    """Whether an address is one of a template: its plain pieces, in their order."""
    pieces = _GAP.split(str(told.get("uriTemplate") or ""))
    if len(pieces) < 2:
        return False
    at = len(pieces[0])
    for piece in pieces[1:-1]:
        at = uri.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    ends = uri.endswith(pieces[-1]) and len(uri) >= at + len(pieces[-1])
    return uri.startswith(pieces[0]) and ends


def _link(session: Session) -> Any:
    """The open connection.

    Raises:
        ToolServerError: It is closed.
    """
    if session.link is None:
        raise ToolServerError(
            f"the connection to {session.place.label} is closed",
            hint="Ask inside `with weft.mcp.tools(...) as tools:`",
        )
    return cast(Any, session.link)


def _check_arguments(name: str, known: list[Any], given: dict[str, str]) -> None:
    """Refuse arguments that a prompt does not take, and those that are no text."""
    names = [str(one.get("name")) for one in known]
    for own, value in given.items():
        if own not in names:
            raise ConfigError(
                f"the prompt {name!r} has no argument {own!r}",
                hint=did_you_mean(own, names),
            )
        if not isinstance(cast(object, value), str):
            raise ConfigError(
                f"the prompt {name!r}: {own}={value!r}", hint="Give a text"
            )
    for one in known:
        if one.get("required") and one.get("name") not in given:
            raise ConfigError(
                f"the prompt {name!r} needs {one.get('name')!r}",
                hint=f"Its arguments are {', '.join(names)}",
            )
