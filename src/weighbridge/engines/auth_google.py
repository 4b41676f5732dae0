"""Access tokens of Google service accounts, made by google-auth: fetched once, shared, and renewed before they run out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.dialects.upstream_errors import clean
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.transport import HttpRequest, Transport
from weighbridge.errors import (
    BrokenAnswerError,
    EngineError,
    MissingExtraError,
    NoKeyError,
    OverloadedError,
    UnreachableError,
    WeighbridgeError,
    WrongKeyError,
)

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EARLY = 300.0
"""Seconds before its end from which a token is renewed."""

_PATIENCE = 20.0  #: seconds that a renewal may take
_LEAST = 10.0  #: seconds for which a token must still hold to be used when it cannot be renewed
_LASTS = 600.0  #: seconds that a token is taken to hold where nobody tells
_LIMIT = 1 << 20  #: bytes of an answer
_CONNECT = 5.0  #: seconds

Answer = tuple[int, dict[str, str], bytes]
Send = Callable[[str, str, bytes | None, Mapping[str, str]], Answer]


class Tokens:
    """Access tokens by account.

    google-auth works in a thread, and what it asks of the network goes through the transport. Many may want the same
    account's token at once: it is fetched once.

    Args:
        transport: The network.
        clock: Time.
    """

    def __init__(self, transport: Transport, clock: Clock = SYSTEM) -> None:
        self._transport = transport
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    async def token(self, key: str, where: str) -> str:
        """A token that holds for a while.

        Args:
            key: The service account's key: JSON, or the path of a file with it.
            where: The engine, for errors.

        Raises:
            MissingExtraError: google-auth is not installed.
            NoKeyError: The key cannot be read.
            WrongKeyError: Google does not accept it.
            BrokenAnswerError: What answers is no service that gives tokens.
            UnreachableError: Google cannot be asked, or does not answer in time.
            OverloadedError: Google fails.
        """
        account = self._accounts.setdefault(key, _Account())
        left = account.until - self._clock.now()
        if left > EARLY:
            return account.token
        if account.renewal is None:
            account.renewal = asyncio.create_task(self._renew(account, key, where))
            account.renewal.add_done_callback(account.renewed)
        try:
            await asyncio.shield(account.renewal)  # others may wait for it, too
        except EngineError:
            if left < _LEAST:
                raise
        return account.token

    def forget(self, key: str, token: str) -> None:
        """A token was refused: the next one will be another."""
        account = self._accounts.get(key)
        if account is not None and account.token == token:  # not one that was renewed meanwhile
            account.until = float("-inf")

    async def _renew(self, account: _Account, key: str, where: str) -> None:
        loop = asyncio.get_running_loop()

        def send(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
            """For the thread: one request by way of the loop's transport."""
            request = HttpRequest(method, url, {k.lower(): v for k, v in headers.items()}, body or b"")
            return asyncio.run_coroutine_threadsafe(self._send(request), loop).result(_PATIENCE)

        try:
            async with self._clock.timeout(_PATIENCE):
                fresh = await asyncio.to_thread(_fetch, key, account.credentials, send, where)
        except TimeoutError:
            raise UnreachableError("Google gave no token in time.", where=where, fix="Try again.") from None
        account.credentials = fresh.credentials
        account.token = fresh.token
        account.until = self._clock.now() + fresh.lasts

    async def _send(self, request: HttpRequest) -> Answer:
        response = await self._transport.send(request, connect_timeout=_CONNECT, read_timeout=_PATIENCE)
        try:
            return response.status, dict(response.headers), await response.read(_LIMIT)
        finally:
            await response.close()


class _Account:
    """One service account's token, and whoever is fetching the next one."""

    def __init__(self) -> None:
        self.credentials: Any = None
        self.token = ""
        self.until = float("-inf")
        self.renewal: asyncio.Task[None] | None = None

    def renewed(self, task: asyncio.Task[None]) -> None:
        self.renewal = None
        if not task.cancelled():
            task.exception()  # whoever waited has it; where all went away, nobody misses it


class _Fresh(Struct, frozen=True):
    """What a thread brings: the credentials, their new token, and for how many seconds it holds."""

    credentials: Any
    token: str
    lasts: float


class _Response:
    """An answer as google-auth reads it."""

    def __init__(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.status = status
        self.headers = headers
        self.data = data


def _fetch(key: str, credentials: Any, send: Send, where: str) -> _Fresh:
    """A new token; blocks for as long as that takes."""
    try:
        from google.auth.exceptions import GoogleAuthError, TransportError
    except ImportError as error:
        raise MissingExtraError(
            "Google service accounts need google-auth.", where=where, fix="Run: pip install 'weighbridge[google]'."
        ) from error

    def ask(
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG001 - the transport has its own
        **_: Any,
    ) -> _Response:
        try:
            return _Response(*send(method, url, body, headers or {}))
        except (WeighbridgeError, TimeoutError, CancelledError) as error:
            raise TransportError(str(error)) from error

    found = credentials if credentials is not None else _read(key, where)
    try:
        found.refresh(ask)
    except TransportError as error:
        raise UnreachableError(
            "Google cannot be asked for a token.", where=where, fix="Check the network, and the key's token_uri."
        ) from error
    except GoogleAuthError as error:
        kind = OverloadedError if error.retryable else WrongKeyError
        why = clean(str(error.args[0])) if error.args else "it gives no reason"
        raise kind(
            f"Google gives no token for this service account: {why}.", where=where, fix="Check the account's key."
        ) from error
    except (TypeError, ValueError, KeyError) as error:  # which google-auth trips over, where an answer is no token
        raise BrokenAnswerError(
            "What answers for Google gives no token.", where=where, fix="Check the key's token_uri."
        ) from error
    ends = found.expiry  # by the machine's clock, in UTC that does not say so
    lasts = (ends.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if ends else _LASTS
    return _Fresh(found, found.token, lasts)


def _read(key: str, where: str) -> Any:
    """The credentials of a service account's key."""
    from google.oauth2.service_account import Credentials

    fix = "Let the variable hold the JSON of a service account's key, or the path of the file with it."
    try:
        data = key.encode() if key.startswith("{") else Path(key).expanduser().read_bytes()
        info = msgspec.json.decode(data, type=dict[str, Any])
    except OSError as error:
        why = (error.strerror or "it is no file").lower()
        raise NoKeyError(f"The service account's key cannot be read: {why}.", where=where, fix=fix) from None
    except (msgspec.DecodeError, ValueError):
        # Not from the error: it would quote the key.
        raise NoKeyError("The service account's key is not JSON.", where=where, fix=fix) from None
    if info.get("type") != "service_account":
        raise NoKeyError("The key is not one of a service account.", where=where, fix=fix)
    try:
        return Credentials.from_service_account_info(info, scopes=[SCOPE])
    except (ValueError, TypeError, KeyError):
        raise NoKeyError("The service account's key is incomplete or damaged.", where=where, fix=fix) from None
