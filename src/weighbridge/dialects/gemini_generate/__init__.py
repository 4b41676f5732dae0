"""Gemini generateContent: the dialect as one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import msgspec

from weighbridge.canon import Loss, Profile, Reply, Request
from weighbridge.dialects.edges import reply_of, request_of
from weighbridge.dialects.gemini_generate import errors
from weighbridge.dialects.gemini_generate import reply as replies
from weighbridge.dialects.gemini_generate import request as requests
from weighbridge.dialects.gemini_generate.form import EXTRAS, NAME
from weighbridge.dialects.gemini_generate.stream import GeminiReader
from weighbridge.dialects.gemini_generate.writer import GeminiWriter
from weighbridge.dialects.relay import PlainRelay
from weighbridge.errors import EngineError, WeighbridgeError

_ENCODE = msgspec.json.Encoder().encode


class GeminiGenerate:
    """Google's generateContent, as Google AI and Vertex AI speak it."""

    name = NAME
    headers: ClassVar[dict[str, str]] = {}

    def target(self, model: str, *, stream: bool) -> str:
        """What is appended to a host's address, which ends in the version: `/v1beta`."""
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/models/{quote(model, safe='')}:{method}"

    def read_request(self, body: bytes, *, max_depth: int = 64, model: str = "", stream: bool = False) -> Request:
        """Read what a client sent; see `Dialect.read_request`."""
        return request_of(body, max_depth, lambda rest: requests.read_request(rest, model, stream=stream))

    def write_request(self, request: Request, profile: Profile) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a request for an engine; see `Dialect.write_request`."""
        losses = EXTRAS.losses()
        return _ENCODE(requests.write_request(request, profile, losses)), losses.all()

    def needs_rewrite(self, request: Request, profile: Profile) -> bool:
        """Does this profile change anything in this request?"""
        return requests.changes(request, profile)

    def splice_model(self, body: bytes, model: str) -> bytes:  # noqa: ARG002 - the path names it
        """The body as it is: it names no model."""
        return body

    def read_reply(self, body: bytes) -> Reply:
        """Read a whole answer; see `Dialect.read_reply`."""
        return reply_of(body, replies.read_reply, answer="candidates", from_error=errors.from_stream)

    def write_reply(self, reply: Reply, asked: Request | None = None) -> tuple[bytes, tuple[Loss, ...]]:  # noqa: ARG002 - nothing of it is repeated
        """Write a whole answer."""
        losses = EXTRAS.losses()
        return _ENCODE(replies.write_reply(reply, losses)), losses.all()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, *, engine: str) -> EngineError:
        """The error that an engine's answer means."""
        return errors.read_error(status, headers, body, engine=engine)

    def write_error(self, error: WeighbridgeError) -> tuple[int, bytes]:
        """The status and body that tell a client of an error."""
        return errors.write_error(error)

    def reader(self) -> GeminiReader:
        """A reader for one stream, in either of its forms."""
        return GeminiReader()

    def writer(
        self,
        *,
        id: str,  # noqa: A002 - the wire's word
        model: str,
        created: int,
        usage: bool,
        asked: Request | None = None,  # noqa: ARG002 - nothing of it is repeated
    ) -> GeminiWriter:
        """A writer for one stream, as server-sent events."""
        return GeminiWriter(id=id, model=model, created=created, usage=usage)

    def relay(self, *, usage: bool) -> PlainRelay:  # noqa: ARG002 - every client of this dialect is told the tokens
        """The fast lane for one stream."""
        return PlainRelay(GeminiReader())
