"""Calls engines: keys, deadlines, retries, cancellation. Speaks bytes; what they mean is the dialects' matter."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path

from weighbridge.canon import Attempt, Engine, Host
from weighbridge.dialects.base import Dialect
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.endpoints import Endpoint, Endpoints
from weighbridge.engines.retry import Retries
from weighbridge.engines.transport import HttpRequest, HttpResponse, Transport, place
from weighbridge.engines.upstream import Upstream
from weighbridge.errors import BrokenAnswerError, DeadlineError, EngineError, LocalEngineError, NoKeyError
from weighbridge.settings import Client as ClientSettings

MAX_ERROR_BYTES = 64 * 1024
"""How much of an engine's error text is read."""

MIN_SECRET = 4
"""Shorter values (a local server's dummy key) are no secrets; blacking them out would garble texts."""

OnAttempt = Callable[[Attempt], None]
_SECRET_HEADERS = ("auth", "key", "token", "secret")


class Client:
    """Calls engines.

    Args:
        settings: Timeouts, retries, limits.
        transport: The network.
        endpoints: Where local engines listen.
        environ: Where the hosts' keys stand.
        clock: Time.
        rng: Jitter of the backoff.
        folder: Where relative paths of `recorded` hosts start; the current folder by default.
    """

    def __init__(
        self,
        *,
        settings: ClientSettings,
        transport: Transport,
        endpoints: Endpoints,
        environ: Mapping[str, str],
        clock: Clock = SYSTEM,
        rng: random.Random | None = None,
        folder: Path | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._endpoints = endpoints
        self._environ = environ
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter, nothing secret
        self._folder = folder or Path()
        self._recorded: dict[str, Transport] = {}

    async def endpoint(self, engine: Engine) -> Endpoint | None:
        """Where a local engine listens and what it can do, starting it if need be; None for every other engine.

        Raises:
            LocalEngineError: It is still loading, or cannot run.
            MissingExtraError: What it needs is not installed.
        """
        return await self._endpoints.endpoint(engine) if engine.host.runs_here else None

    async def open(
        self,
        engine: Engine,
        dialect: Dialect,
        body: bytes,
        *,
        stream: bool,
        deadline: float,
        first_byte_timeout: float | None = None,
        on_attempt: OnAttempt | None = None,
    ) -> Upstream:
        """Send a request and return once an answer with a status of success has begun.

        What may be sent again is: 429, 408 and 5xx, and whatever failed before a byte of an answer came, after a
        jittered backoff or the time that the host asked for, never past the deadline.

        Args:
            engine: Whom to call.
            dialect: The engine's dialect: its path, and how it tells errors.
            body: The request in that dialect.
            stream: Will the answer be a stream of events?
            deadline: On the clock's monotonic time; reading ends then, too.
            first_byte_timeout: Seconds from now until the answer's first byte.
            on_attempt: Told of each try, its times on the clock's monotonic time.

        Raises:
            EngineError: The subclass tells why; see `dialect.read_error`.
        """
        begin_by = deadline
        if first_byte_timeout is not None:
            begin_by = min(deadline, self._clock.monotonic() + first_byte_timeout)
        retries = Retries(self._settings, self._rng)
        where, secrets, request, transport = await self._prepare(engine, dialect, body, begin_by, stream=stream)
        while True:
            started = self._clock.monotonic()
            try:
                response = await self._try(transport, request, begin_by)
                if not _good(response.status):
                    raise await self._refusal(response, dialect, engine, secrets, begin_by)
            except EngineError as error:
                error.where = where
                self._tell(on_attempt, engine, started, error)
                wait = retries.wait(error, begin_by - self._clock.monotonic())
                if wait is None:
                    raise
                await self._clock.sleep(wait)
                continue
            self._tell(on_attempt, engine, started, None, response.status)
            return Upstream(
                response,
                where=where,
                clock=self._clock,
                deadline=deadline,
                begin_by=begin_by,
                limit=int(self._settings.max_answer_mb * 1e6),
            )

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
        for transport in self._recorded.values():
            await transport.close()
        self._recorded.clear()

    async def _prepare(
        self, engine: Engine, dialect: Dialect, body: bytes, begin_by: float, *, stream: bool
    ) -> tuple[str, list[str], HttpRequest, Transport]:
        """Where it goes (for errors), what must not be told, the request, and who sends it."""
        host = engine.host
        if host.recorded:
            url = f"http://{host.name}.recorded{dialect.target(engine.upstream, stream=stream)}"
            request = HttpRequest("POST", url, {"content-type": "application/json"}, body)
            return engine.name, [], request, self._replaying(host)
        endpoint = await self._loaded(engine, begin_by) if host.runs_here else None
        key = endpoint.key if endpoint else self._key(engine)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if stream else "application/json",
            **{name.lower(): value for name, value in host.headers.items()},
        }
        if key:
            headers["authorization"] = f"Bearer {key}"
        url = (endpoint.url if endpoint else host.url).rstrip("/") + dialect.target(engine.upstream, stream=stream)
        hidden = [
            value for name, value in host.headers.items() if any(word in name.lower() for word in _SECRET_HEADERS)
        ]
        return (
            f"{engine.name} at {place(url)}",
            [secret for secret in (key, *hidden) if len(secret) >= MIN_SECRET],
            HttpRequest("POST", url, headers, body),
            self._transport,
        )

    async def _loaded(self, engine: Engine, begin_by: float) -> Endpoint:
        """A local engine's address, waiting no longer than the answer may take to begin."""
        try:
            async with self._clock.timeout(begin_by - self._clock.monotonic()):
                return await self._endpoints.endpoint(engine)
        except TimeoutError:
            raise LocalEngineError(
                "The engine was still loading when its answer should have begun.",
                where=engine.name,
                fix="Try again in a moment, or raise the route's timeouts.",
            ) from None

    def _key(self, engine: Engine) -> str:
        host = engine.host
        if host.auth != "bearer" or not host.key_env:
            return ""
        key = self._environ.get(host.key_env, "").strip()
        if not key:
            raise NoKeyError(
                f"No key for {host.title or host.name}.",
                where=engine.name,
                fix=f"Set {host.key_env} in the environment.",
            )
        return key

    def _replaying(self, host: Host) -> Transport:
        name = host.name
        if name not in self._recorded:
            from weighbridge.engines.recorded import from_host

            self._recorded[name] = from_host(host, self._folder, self._clock)
        return self._recorded[name]

    async def _try(self, transport: Transport, request: HttpRequest, begin_by: float) -> HttpResponse:
        left = begin_by - self._clock.monotonic()
        if left > 0:
            with contextlib.suppress(TimeoutError):
                async with self._clock.timeout(left):
                    return await transport.send(
                        request,
                        connect_timeout=self._settings.connect_timeout,
                        read_timeout=self._settings.read_timeout,
                    )
        raise DeadlineError("No answer began in time.", fix="Raise the route's timeouts, or ask for less.")

    async def _refusal(
        self, response: HttpResponse, dialect: Dialect, engine: Engine, secrets: list[str], begin_by: float
    ) -> EngineError:
        """The error that an answer without success tells, with keys blacked out that hosts like to quote."""
        body = await self._read_some(response, begin_by)
        status = response.status
        if status < 400:  # noqa: PLR2004 - 1xx and 3xx: an answer that is none
            return BrokenAnswerError(
                f"The host answered with status {status}, a redirect or nothing usable; redirects are not followed.",
                status=status,
                fix="Set the host's url to the address that really answers.",
            )
        for secret in secrets:
            body = body.replace(secret.encode(), b"***")
        return dialect.read_error(status, response.headers, body, engine=engine.name)

    async def _read_some(self, response: HttpResponse, begin_by: float) -> bytes:
        found = bytearray()
        # A text that breaks off or dawdles still leaves the status, which says the most.
        try:
            with contextlib.suppress(EngineError, TimeoutError):
                async with self._clock.timeout(begin_by - self._clock.monotonic()):
                    async for chunk in response.chunks():
                        found += chunk
                        if len(found) >= MAX_ERROR_BYTES:
                            break
        finally:
            await response.close()
        return bytes(found[:MAX_ERROR_BYTES])

    def _tell(
        self,
        on_attempt: OnAttempt | None,
        engine: Engine,
        started: float,
        error: EngineError | None,
        status: int | None = None,
    ) -> None:
        if on_attempt is None:
            return
        ended = self._clock.monotonic()
        if error is None:
            on_attempt(Attempt(engine.name, started, ended, status=status))
        else:
            on_attempt(Attempt(engine.name, started, ended, error.code, error.status, error.what))


def _good(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - the statuses of success
