"""Anthropic Messages: the dialect as one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from weighbridge.canon import Loss, Profile, Reply, Request
from weighbridge.dialects import profiles, upstream_errors
from weighbridge.dialects.anthropic_messages import asked as asked_for
from weighbridge.dialects.anthropic_messages import errors as errors
from weighbridge.dialects.anthropic_messages import reply as replies
from weighbridge.dialects.anthropic_messages import request as requests
from weighbridge.dialects.anthropic_messages.common import EXTRAS, NAME, encode
from weighbridge.dialects.anthropic_messages.reader import AnthropicReader
from weighbridge.dialects.anthropic_messages.writer import AnthropicWriter
from weighbridge.dialects.edges import reply_of, request_of
from weighbridge.dialects.relay import PlainRelay
from weighbridge.dialects.splice import splice_model
from weighbridge.errors import EngineError, WeighbridgeError


class AnthropicMessages:
    """Anthropic Messages, as Anthropic and those who imitate it speak it."""

    name = NAME
    headers: ClassVar[dict[str, str]] = {"anthropic-version": "2023-06-01", "anthropic-beta": ""}

    def target(self, model: str, *, stream: bool) -> str:  # noqa: ARG002 - the body says both
        """What is appended to a host's address."""
        return "/messages"

    def read_request(self, body: bytes, *, max_depth: int = 64, model: str = "", stream: bool = False) -> Request:  # noqa: ARG002 - as above
        """Read what a client sent; see `Dialect.read_request`."""
        return request_of(body, max_depth, requests.read_request)

    def write_request(self, request: Request, profile: Profile) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a request for an engine; see `Dialect.write_request`."""
        losses = EXTRAS.losses()
        return encode(asked_for.write_request(request, profile, losses)), losses.all()

    def needs_rewrite(self, request: Request, profile: Profile) -> bool:
        """Does this profile change anything in this request?

        So it is, too, where a limit is missing, and where a call of another engine's has an id that is refused here.
        """
        if request.sampling.max_tokens is None or asked_for.has_foreign_ids(request):
            return True
        if profiles.is_neutral(profile):
            return False
        written = asked_for.write_request(request, profile, EXTRAS.losses())
        return written != asked_for.write_request(request, Profile(), EXTRAS.losses())

    def splice_model(self, body: bytes, model: str) -> bytes:
        """Replace the model's name and leave every other byte alone."""
        return splice_model(body, model)

    def read_reply(self, body: bytes) -> Reply:
        """Read a whole answer; see `Dialect.read_reply`."""
        return reply_of(body, replies.read_reply, answer="content")

    def write_reply(self, reply: Reply, asked: Request | None = None) -> tuple[bytes, tuple[Loss, ...]]:  # noqa: ARG002 - nothing of it is repeated
        """Write a whole answer."""
        losses = EXTRAS.losses()
        return encode(replies.write_reply(reply, losses)), losses.all()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, *, engine: str) -> EngineError:
        """The error that an engine's answer means."""
        return upstream_errors.read_error(status, headers, body, engine=engine, dialect=NAME)

    def write_error(self, error: WeighbridgeError) -> tuple[int, bytes]:
        """The status and body that tell a client of an error."""
        return errors.write_error(error)

    def reader(self) -> AnthropicReader:
        """A reader for one stream."""
        return AnthropicReader()

    def writer(
        self,
        *,
        id: str,  # noqa: A002 - the wire's word
        model: str,
        created: int,  # noqa: ARG002 - the wire does not tell it
        usage: bool,  # noqa: ARG002 - the tokens are always told
        asked: Request | None = None,  # noqa: ARG002 - nothing of it is repeated
    ) -> AnthropicWriter:
        """A writer for one stream."""
        return AnthropicWriter(id=id, model=model)

    def relay(self, *, usage: bool) -> PlainRelay:  # noqa: ARG002 - the tokens are always told
        """The fast lane for one stream."""
        return PlainRelay(AnthropicReader())
