"""How a host is shown who asks: as its entry in the catalogue says. Where its keys stand is the matter of `keys`.

What must not be told (keys, tokens, signatures, in every spelling in which a host might quote them) is handed back
beside the request, so that whoever reports an error can black it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Host
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.keys import HostKey, Keys, no_key, places
from weighbridge.engines.transport import HttpRequest, Transport
from weighbridge.errors import EngineError, RateLimitedError

if TYPE_CHECKING:
    from weighbridge.engines.auth_aws import Signer
    from weighbridge.engines.auth_google import Tokens

MIN_SECRET = 4
"""Shorter values (a local server's dummy key) are no secrets; blacking them out would garble texts."""

_SECRET_HEADERS = ("auth", "key", "token", "secret", "cookie")
_UNAUTHORIZED = 401


class Signed(Struct, frozen=True):
    """A request that shows who asks, the texts in it that must not be told, and the key that it was made with."""

    request: HttpRequest
    secrets: tuple[str, ...] = ()
    key: HostKey | None = None

    def blacken(self, body: bytes) -> bytes:
        """What a host answers, without the secrets that hosts like to quote."""
        for spelling in spellings(self.secrets):
            body = body.replace(spelling.encode(), b"***")
        return body


class Auth:
    """Shows hosts who asks.

    Args:
        environ: Where keys stand; `keys.Environ` has those of the state store.
        transport: How tokens are fetched.
        clock: Time: tokens expire, signatures are dated.
    """

    def __init__(self, *, environ: Mapping[str, str], transport: Transport, clock: Clock = SYSTEM) -> None:
        self._environ = environ
        self._transport = transport
        self._clock = clock
        self._keys = Keys(environ, clock)
        self._signer: Signer | None = None
        self._tokens: Tokens | None = None

    async def sign(self, engine: Engine, request: HttpRequest) -> Signed:
        """The request as its host wants it, to be sent at once: signatures and tokens do not last.

        Raises:
            NoKeyError: What the host needs is not set.
            RateLimitedError: Each of several keys was told to wait.
            WrongKeyError: No token is given for the key, or each of several was refused.
            NoCreditError: Each of several was refused, and has no credit.
            UnreachableError: Whoever gives tokens cannot be reached.
            MissingExtraError: The library for this way is not installed.
            SettingsError: The host's entry does not say enough.
        """
        told = _told(engine.host.headers)
        match engine.host.auth:
            case "sigv4":
                headers, found = await self._aws().headers(engine.host, request, engine.name)
                return _with(request, headers, (*told, *found))
            case "none":
                return _with(request, {}, told)
            case "google":
                key, token = await self._token(engine)
                return replace(_bearer(request, token, told), key=key)
        found_key = await self._keys.take(engine)
        return replace(_by_key(request, found_key.value if found_key else "", engine.host, told), key=found_key)

    def renew(self, engine: Engine, refused: Signed, error: EngineError) -> bool:
        """May a request have been refused for a token that was revoked before its time? Then the next one is fresh."""
        if engine.host.auth != "google" or error.status != _UNAUTHORIZED or refused.key is None:
            return False
        token = refused.request.headers["authorization"].removeprefix("Bearer ")
        self._google().forget(refused.key.value, token)
        return True

    async def turn(self, engine: Engine, refused: Signed, error: EngineError) -> bool:
        """A host refused a request: is there another key with which it may be sent again at once?

        Where there is none, the error tells when there will be.
        """
        if refused.key is None or len(places(engine.host)) == 1:
            return False
        if not self._keys.refused(engine, refused.key, error):
            return False
        wait = await self._keys.wait(engine)
        if wait > 0 and isinstance(error, RateLimitedError):
            error.retry_after = wait
        return wait == 0

    def served(self, engine: Engine, signed: Signed) -> None:
        """A host took a request: nothing is wrong with its key."""
        if signed.key is not None:
            self._keys.served(engine, signed.key)

    async def _token(self, engine: Engine) -> tuple[HostKey, str]:
        """A token for a key; where none is given for one, for the next."""
        left = len(places(engine.host))
        while True:
            key = await self._keys.take(engine)
            if key is None:
                raise no_key(engine)
            left -= 1
            try:
                return key, await self._google().token(key.value, engine.name)
            except EngineError as error:
                if not self._keys.refused(engine, key, error) or not left:
                    raise

    def _aws(self) -> Signer:
        if self._signer is None:
            from weighbridge.engines.auth_aws import Signer

            self._signer = Signer(self._environ, self._clock)
        return self._signer

    def _google(self) -> Tokens:
        if self._tokens is None:
            from weighbridge.engines.auth_google import Tokens

            self._tokens = Tokens(self._transport, self._clock)
        return self._tokens


def with_key(request: HttpRequest, key: str, host: Host) -> Signed:
    """The request to a server of our own, which takes a bearer token."""
    return _bearer(request, key, _told(host.headers)) if key else _with(request, {}, _told(host.headers))


def with_query(url: str, fields: Mapping[str, str]) -> str:
    """A URL with further fields of its query; those that it has stay in front."""
    if not fields:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(fields, safe='', quote_via=quote)}"


def spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """Each secret as it is, as URLs and as JSON would spell it; the longest first, without those too short to be one."""
    found: set[str] = set()
    for secret in secrets:
        if len(secret) >= MIN_SECRET:
            found |= {secret, quote(secret, safe=""), quote_plus(secret), msgspec.json.encode(secret).decode()[1:-1]}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def _by_key(request: HttpRequest, key: str, host: Host, told: tuple[str, ...]) -> Signed:
    """The request with a key that never changes; without one where the host names none."""
    if not key:
        return _with(request, {}, told)
    match host.auth:
        case "header":
            return _with(request, {(host.auth_name or "x-api-key").lower(): key}, (key, *told))
        case "query":
            url = with_query(request.url, {host.auth_name or "key": key})
            return _with(replace(request, url=url), {}, (key, *told))
        case _:
            return _bearer(request, key, told)


def _bearer(request: HttpRequest, key: str, told: tuple[str, ...]) -> Signed:
    return _with(request, {"authorization": f"Bearer {key}"}, (key, *told))


def _with(request: HttpRequest, headers: dict[str, str], secrets: tuple[str, ...]) -> Signed:
    return Signed(replace(request, headers={**request.headers, **headers}), secrets)


def _told(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Values of a host's own headers whose names say that they are secrets."""
    return tuple(value for name, value in headers.items() if any(word in name.lower() for word in _SECRET_HEADERS))
