"""OpenAI Chat Completions: the dialect as one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weighbridge.canon import Loss, Profile, Reply, Request
from weighbridge.dialects import openai_errors, upstream_errors
from weighbridge.dialects.edges import reply_of, request_of
from weighbridge.dialects.openai_chat import reply as replies
from weighbridge.dialects.openai_chat import request as requests
from weighbridge.dialects.openai_chat.outgoing import EXTRAS, NAME
from weighbridge.dialects.openai_chat.relay import OpenAIChatRelay
from weighbridge.dialects.openai_chat.stream import OpenAIChatReader
from weighbridge.dialects.openai_chat.writer import OpenAIChatWriter
from weighbridge.dialects.splice import splice_model
from weighbridge.errors import EngineError, UnknownModelError, WeighbridgeError

#: An engine that its host does not know is for the client a model that does not exist.
_STATUSES: dict[type[WeighbridgeError], int] = {UnknownModelError: 404}


class OpenAIChat:
    """OpenAI Chat Completions, as OpenAI and its many imitators speak it."""

    name = NAME
    headers: ClassVar[dict[str, str]] = {}

    def target(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the body says both
        """What is appended to a host's address."""
        return "/chat/completions"

    def read_request(self, body: bytes, *, max_depth: int = 64, model: str = "", stream: bool = False) -> Request:  # noqa: ARG002 - as above
        """Read what a client sent; see `Dialect.read_request`."""
        return request_of(body, max_depth, requests.read_request)

    def write_request(self, request: Request, profile: Profile) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a request for an engine; see `Dialect.write_request`."""
        losses = EXTRAS.losses()
        out = requests.write_request(request, profile, losses)
        return replies.encode(out), losses.all()

    def needs_rewrite(self, request: Request, profile: Profile) -> bool:
        """Does this profile change anything in this request?"""
        return requests.changes(request, profile)

    def splice_model(self, body: bytes, model: str) -> bytes:
        """Replace the model's name and leave every other byte alone."""
        return splice_model(body, model)

    def read_reply(self, body: bytes) -> Reply:
        """Read a whole answer; see `Dialect.read_reply`."""
        return reply_of(body, replies.read_reply, answer="choices")

    def write_reply(self, reply: Reply, asked: Request | None = None) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a whole answer. A client that asked with functions is told of a function, not of tools."""
        losses = EXTRAS.losses()
        return replies.encode(replies.write_reply(reply, losses, asked)), losses.all()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, *, engine: str) -> EngineError:
        """The error that an engine's answer means."""
        return upstream_errors.read_error(status, headers, body, engine=engine, dialect=NAME)

    def write_error(self, error: WeighbridgeError) -> tuple[int, bytes]:
        """The status and body that tell a client of an error. `code` is stable; `param`: the field that is to blame."""
        if (own := upstream_errors.own_words(error, NAME)) is not None:
            return own
        return openai_errors.write(error, _STATUSES.get(type(error), error.http_status))

    def reader(self) -> OpenAIChatReader:
        """A reader for one stream."""
        return OpenAIChatReader()

    def writer(
        self,
        *,
        id: str,  # noqa: A002 - the wire's word
        model: str,
        created: int,
        usage: bool,
        asked: Request | None = None,
    ) -> OpenAIChatWriter:
        """A writer for one stream. A client that asked with functions is told of a function, not of tools."""
        return OpenAIChatWriter(id=id, model=model, created=created, usage=usage, legacy=replies.asks_legacy(asked))

    def relay(self, *, usage: bool) -> OpenAIChatRelay:
        """The fast lane for one stream."""
        return OpenAIChatRelay(usage=usage)
