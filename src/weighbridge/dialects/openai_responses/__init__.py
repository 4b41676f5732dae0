"""OpenAI Responses: the dialect as one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weighbridge.canon import Loss, Profile, Reply, Request
from weighbridge.dialects import openai_errors, upstream_errors
from weighbridge.dialects.edges import reply_of, request_of
from weighbridge.dialects.openai_responses import reply as replies
from weighbridge.dialects.openai_responses import request as requests
from weighbridge.dialects.openai_responses.parts import EXTRAS, NAME
from weighbridge.dialects.openai_responses.stream import OpenAIResponsesReader
from weighbridge.dialects.openai_responses.writer import OpenAIResponsesWriter
from weighbridge.dialects.relay import PlainRelay
from weighbridge.dialects.splice import splice_model
from weighbridge.errors import (
    EngineError,
    UnknownEngineError,
    UnknownModelError,
    UnknownRouteError,
    WeighbridgeError,
)

_BAD_REQUEST = 400
#: A model that is not there is a bad request here, not a missing page.
_NO_MODEL = (UnknownRouteError, UnknownEngineError, UnknownModelError)


class OpenAIResponses:
    """OpenAI Responses, as OpenAI and those who imitate it speak it."""

    name = NAME
    headers: ClassVar[dict[str, str]] = {"openai-beta": ""}

    def target(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the body says both
        """What is appended to a host's address."""
        return "/responses"

    def read_request(self, body: bytes, *, max_depth: int = 64, model: str = "", stream: bool = False) -> Request:  # noqa: ARG002 - as above
        """Read what a client sent; see `Dialect.read_request`."""
        return request_of(body, max_depth, requests.read_request)

    def write_request(self, request: Request, profile: Profile) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a request for an engine; see `Dialect.write_request`."""
        losses = EXTRAS.losses()
        return replies.encode(requests.write_request(request, profile, losses)), losses.all()

    def needs_rewrite(self, request: Request, profile: Profile) -> bool:
        """Does this profile change anything in this request?"""
        return requests.changes(request, profile)

    def splice_model(self, body: bytes, model: str) -> bytes:
        """Replace the model's name and leave every other byte alone."""
        return splice_model(body, model)

    def read_reply(self, body: bytes) -> Reply:
        """Read a whole answer; see `Dialect.read_reply`."""
        return reply_of(body, replies.read_reply)

    def write_reply(self, reply: Reply, asked: Request | None = None) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a whole answer, with what it repeats of its request."""
        losses = EXTRAS.losses()
        return replies.encode(replies.write_reply(reply, asked, losses)), losses.all()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, *, engine: str) -> EngineError:
        """The error that an engine's answer means."""
        return upstream_errors.read_error(status, headers, body, engine=engine, dialect=NAME)

    def write_error(self, error: WeighbridgeError) -> tuple[int, bytes]:
        """The status and body that tell a client of an error. `code` is stable; `param`: the field that is to blame."""
        if (own := upstream_errors.own_words(error, NAME)) is not None:
            return own
        missing = isinstance(error, _NO_MODEL)
        status = _BAD_REQUEST if missing else error.http_status
        return openai_errors.write(error, status, field="model" if missing else "")

    def reader(self) -> OpenAIResponsesReader:
        """A reader for one stream."""
        return OpenAIResponsesReader()

    def writer(
        self,
        *,
        id: str,  # noqa: A002 - the wire's word
        model: str,
        created: int,
        usage: bool,  # noqa: ARG002 - here they are always told
        asked: Request | None = None,
    ) -> OpenAIResponsesWriter:
        """A writer for one stream."""
        return OpenAIResponsesWriter(id=id, model=model, created=created, asked=asked)

    def relay(self, *, usage: bool) -> PlainRelay:  # noqa: ARG002 - as above
        """The fast lane for one stream."""
        return PlainRelay(OpenAIResponsesReader())
