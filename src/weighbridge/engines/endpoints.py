"""Where engines listen: at their hosts' addresses, or, the local ones, at ports that are known once they run."""

from __future__ import annotations

from typing import Literal, Protocol
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Profile
from weighbridge.dialects.base import Dialect
from weighbridge.engines.auth import with_query
from weighbridge.errors import LocalEngineError

Support = Literal["native", "grammar", "none"]


class Ability(Struct, frozen=True):
    """How an engine does tools and structured output in one dialect."""

    tools: Support = "grammar"
    structured: Support = "native"


class Endpoint(Struct, frozen=True, omit_defaults=True):
    """A running engine's address, and what it was found to be able to do.

    `url` ends where a dialect's path begins (`http://127.0.0.1:4711/v1`); `key` is shown as a bearer token.
    `tools` and `structured` hold in its host's dialect, `others` in further ones that the host speaks.
    `context` counts the tokens of one exchange, None where unknown.
    """

    url: str
    key: str = ""
    tools: Support = "grammar"
    structured: Support = "native"
    context: int | None = None
    others: dict[str, Ability] = {}

    def fit(self, profile: Profile, dialect: str) -> Profile:
        """The profile that holds in a dialect, with what was found out laid over it."""
        found = self.others.get(dialect) or Ability(self.tools, self.structured)
        return replace(profile, tools=found.tools, structured=found.structured)


class Endpoints(Protocol):
    """Knows where local engines listen."""

    async def endpoint(self, engine: Engine) -> Endpoint:
        """The engine's address.

        Raises:
            LocalEngineError: It is still loading, or cannot run.
            MissingExtraError: What it needs is not installed.
        """
        ...


class NoEndpoints:
    """For processes that run no local engines."""

    async def endpoint(self, engine: Engine) -> Endpoint:
        """Always an error.

        Raises:
            LocalEngineError: Always.
        """
        raise LocalEngineError(
            "No local engines run in this process.",
            where=engine.name,
            fix="Set local.enabled = true, or start 'weighbridge serve'.",
        )


def address(engine: Engine, endpoint: Endpoint | None, dialect: Dialect, *, stream: bool, target: str = "") -> str:
    """The URL of a call.

    Args:
        engine: Whom to call.
        endpoint: Where it listens, if it is a local one.
        dialect: What is spoken; it decides which of the host's addresses counts.
        stream: Will the answer be a stream of events?
        target: What to append in place of the dialect's own path, for calls that are no conversation.
    """
    host = engine.host
    own = dialect.name == host.dialect
    base = "" if own else host.speaks.get(dialect.name, "")
    if endpoint is not None:
        base = endpoint.url
    if not target and own and host.path:
        target = host.path.replace("{model}", quote(engine.upstream, safe=""))
    path = target or dialect.target(engine.upstream, stream=stream)
    return with_query((base or host.url).rstrip("/") + path, host.query)
