"""Calls engines: addresses, deadlines, retries, cancellation. Speaks bytes; what they mean is the dialects' matter."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from weighbridge.canon import Attempt, Engine, Host
from weighbridge.dialects.base import Dialect
from weighbridge.engines.auth import Auth, Signed, with_key
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.endpoints import Endpoint, Endpoints, address
from weighbridge.engines.retry import Retries
from weighbridge.engines.transport import HttpRequest, HttpResponse, Transport, dropped, place
from weighbridge.engines.upstream import Upstream
from weighbridge.errors import BrokenAnswerError, DeadlineError, EngineError, LocalEngineError, UnreachableError
from weighbridge.settings import Client as ClientSettings

MAX_ERROR_BYTES = 64 * 1024
"""How much of an engine's error text is read."""

OnAttempt = Callable[[Attempt], None]
OnSend = Callable[[], None]


class _Call(Struct, frozen=True):
    """A request on its way, not yet signed: `where` for errors, who sends it, and a local engine's address."""

    engine: Engine
    dialect: Dialect
    where: str
    request: HttpRequest
    transport: Transport
    endpoint: Endpoint | None = None


class Client:
    """Calls engines.

    Args:
        settings: Timeouts, retries, limits.
        transport: The network.
        endpoints: Where local engines listen.
        environ: Where the hosts' keys stand; `keys.Environ` has those of the state store.
        clock: Time.
        rng: Jitter of the backoff.
        folder: Where relative paths of `recorded` hosts start; the current folder by default.

    Attributes:
        watch: Told the body of each request right before it is sent, of each try anew; by default nobody is.
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
        self._auth = Auth(environ=environ, transport=transport, clock=clock)
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter, nothing secret
        self._folder = folder or Path()
        self._recorded: dict[str, Transport] = {}
        self.watch: Callable[[bytes], None] | None = None

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
        on_send: OnSend | None = None,
        headers: Mapping[str, str] | None = None,
        target: str = "",
        patient: bool = True,
    ) -> Upstream:
        """Send a request and return once an answer with a status of success has begun.

        What may be sent again is: 429, 408 and 5xx, and whatever failed before a byte of an answer came, after a
        jittered backoff or the time that the host asked for, never past the deadline. Each try is signed anew. A key
        that its host refuses gives way at once to the next one, where the host has several.

        Args:
            engine: Whom to call.
            dialect: What is spoken, one of those that its host speaks: its path, and how errors are told.
            body: The request in that dialect.
            stream: Will the answer be a stream of events?
            deadline: On the clock's monotonic time; reading ends then, too.
            first_byte_timeout: Seconds from now until the answer's first byte.
            on_attempt: Told of each try, its times on the clock's monotonic time.
            on_send: Told right before the host may hear of a try, and so may charge for it.
            headers: Of the request's own, in place of the dialect's defaults; the host's go first.
            target: What to append to the host's address in place of the dialect's path.
            patient: Wait as long as the host asks? If not, such a failure is told at once: someone else can answer.

        Raises:
            EngineError: The subclass tells why; see `dialect.read_error`.
            MissingExtraError: The host wants to be shown a key in a way that needs a library.
            SettingsError: The host's entry does not say enough.
        """
        begin_by = deadline
        if first_byte_timeout is not None:
            begin_by = min(deadline, self._clock.monotonic() + first_byte_timeout)
        retries = Retries(self._settings, self._rng)
        call = await self._prepare(engine, dialect, body, begin_by, stream=stream, headers=headers or {}, target=target)
        renewed, turns = False, 0
        while True:
            started = self._clock.monotonic()
            signed: Signed | None = None
            sent = False
            try:
                signed = await self._signed(call, begin_by)
                self._check_time(begin_by)
                sent = True
                if on_send is not None:
                    on_send()
                if self.watch is not None:
                    self.watch(signed.request.body)
                response = await self._try(call.transport, signed.request, begin_by)
                if not _good(response.status):
                    raise await self._refusal(call, response, signed, begin_by)
            except EngineError as error:
                error.where = call.where
                self._tell(on_attempt, engine, started, error, billed=sent and _may_be_billed(error))
                if signed and not renewed and self._auth.renew(engine, signed, error):
                    renewed = True
                    continue
                if signed and turns < len(engine.host.keys) and await self._auth.turn(engine, signed, error):
                    turns += 1
                    continue
                wait = retries.wait(error, begin_by - self._clock.monotonic(), patient=patient)
                if wait is None:
                    raise
                await self._clock.sleep(wait)
                continue
            self._auth.served(engine, signed)
            self._tell(on_attempt, engine, started, None, response.status, billed=True)
            return Upstream(
                response,
                where=call.where,
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
        self,
        engine: Engine,
        dialect: Dialect,
        body: bytes,
        begin_by: float,
        *,
        stream: bool,
        headers: Mapping[str, str],
        target: str,
    ) -> _Call:
        host = engine.host
        if host.recorded:
            url = f"http://{host.name}.recorded{target or dialect.target(engine.upstream, stream=stream)}"
            request = HttpRequest("POST", url, {"content-type": "application/json"}, body)
            return _Call(engine, dialect, engine.name, request, self._replaying(host))
        endpoint = await self._loaded(engine, begin_by) if host.runs_here else None
        url = address(engine, endpoint, dialect, stream=stream, target=target)
        told = {name: value for name, value in dialect.headers.items() if value}
        for more in (headers, host.headers):
            told |= {name.lower(): value for name, value in more.items()}
        told = {
            "content-type": "application/json",
            "accept": "text/event-stream" if stream else "application/json",
            **told,
        }
        where = f"{engine.name} at {place(url)}"
        return _Call(engine, dialect, where, HttpRequest("POST", url, told, body), self._transport, endpoint)

    async def _signed(self, call: _Call, begin_by: float) -> Signed:
        """The request with whatever shows its host who asks."""
        if call.endpoint is not None:
            return with_key(call.request, call.endpoint.key, call.engine.host)
        if call.engine.host.recorded:
            return Signed(call.request)
        try:
            async with self._clock.timeout(begin_by - self._clock.monotonic()):
                return await self._auth.sign(call.engine, call.request)
        except TimeoutError:
            raise _late() from None

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

    def _replaying(self, host: Host) -> Transport:
        name = host.name
        if name not in self._recorded:
            from weighbridge.engines.recorded import from_host

            self._recorded[name] = from_host(host, self._folder, self._clock)
        return self._recorded[name]

    async def _try(self, transport: Transport, request: HttpRequest, begin_by: float) -> HttpResponse:
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(begin_by - self._clock.monotonic()):
                return await transport.send(
                    request,
                    connect_timeout=self._settings.connect_timeout,
                    read_timeout=self._settings.read_timeout,
                )
        raise _late()

    def _check_time(self, begin_by: float) -> None:
        if begin_by <= self._clock.monotonic():
            raise _late()

    async def _refusal(self, call: _Call, response: HttpResponse, signed: Signed, begin_by: float) -> EngineError:
        """The error that an answer without success tells, with keys blacked out that hosts like to quote."""
        body = await self._read_some(response, begin_by)
        status = response.status
        if status < 400:  # noqa: PLR2004 - 1xx and 3xx: an answer that is none
            return BrokenAnswerError(
                f"The host answered with status {status}, a redirect or nothing usable; redirects are not followed.",
                status=status,
                fix="Set the host's url to the address that really answers.",
            )
        told = signed.blacken(body)
        return call.dialect.read_error(status, response.headers, told, engine=call.engine.name)

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
        *,
        billed: bool,
    ) -> None:
        if on_attempt is None:
            return
        ended = self._clock.monotonic()
        if error is None:
            on_attempt(Attempt(engine.name, started, ended, status=status, billed=billed))
        else:
            on_attempt(Attempt(engine.name, started, ended, error.code, error.status, error.what, billed=billed))


def _good(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - the statuses of success


def _may_be_billed(error: EngineError) -> bool:
    """May a host that was sent a request charge for it? Not where it refused, or was never reached."""
    return error.status is None and (not isinstance(error, UnreachableError) or dropped(error))


def _late() -> DeadlineError:
    return DeadlineError("No answer began in time.", fix="Raise the route's timeouts, or ask for less.")
