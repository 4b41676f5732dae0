"""Who is let in: the Host and Origin of a request, its key, and the size of its body."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from weighbridge.access.keyring import MAX_SHOWN, Keyring, unknown_key
from weighbridge.access.keys import hashed
from weighbridge.canon import Key
from weighbridge.errors import AccessError, ForbiddenError, InputError, TooLargeError
from weighbridge.gateway.edge import BODY_SECONDS
from weighbridge.gateway.listen import url
from weighbridge.settings import Gateway

Headers = Mapping[bytes, bytes]
Receive = Callable[[], Awaitable[Any]]

_KEY_HEADERS = (b"x-api-key", b"x-goog-api-key")
_ONCE = frozenset({b"host", b"origin", b"authorization", b"content-length", b"transfer-encoding", *_KEY_HEADERS})
"""Headers of which a second one means that somebody wants two programs to read two requests out of one."""


class Gone(Exception):  # noqa: N818 - not an error of ours to tell: nobody is left to be told
    """The client left before its request was complete."""


class Caller(Struct, frozen=True):
    """Who calls.

    `id` tells one caller from another and says nothing else; "" where no key was shown. `key` is the one that was made for
    the caller, None for the access key and where no key is asked for.
    """

    id: str
    key: Key | None = None


class Admit:
    """The checks before anything else.

    A page from elsewhere can make a browser talk to a port on this machine; it cannot choose the Host header (its own
    name stands there, even if that name was made to point here) nor hide its Origin.

    Args:
        settings: The gateway's section.
        host: The address that is listened on.
        port: The port in fact listened on.
        key: The access key; "" asks for none.
        keyring: The keys that were made; by default none.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        settings: Gateway,
        *,
        host: str,
        port: int,
        key: str,
        keyring: Keyring | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._hosts = frozenset(_hosts(settings, host, port))
        self._origins = frozenset(origin.rstrip("/").lower().encode() for origin in settings.allowed_origins)
        self._digest = hashed(key.encode()) if key else b""
        self._owner = Caller(_caller(key.encode()))
        self._clock = clock
        self._keyring = keyring if keyring is not None else Keyring(required=settings.require_key)

    def place(self, headers: Headers) -> None:
        """Check where the request was meant to go and which page sent it.

        Raises:
            ForbiddenError: The Host or the Origin is not one that is allowed.
        """
        host = headers.get(b"host", b"")
        if host not in self._hosts and host.lower() not in self._hosts:
            raise ForbiddenError(
                f"The Host header '{_shown(host)}' is not one of this gateway.",
                where="host",
                fix="Call it by its address, or add the name to gateway.allowed_hosts.",
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in self._origins:
            raise ForbiddenError(
                f"Pages of '{_shown(origin)}' may not call this gateway.",
                where="origin",
                fix="Add the origin to gateway.allowed_origins if you trust it.",
            )

    @staticmethod
    def unambiguous(scope: Mapping[str, Any], headers: Headers) -> None:
        """Refuse a request that another program, which passed it on, may have read in another way.

        Raises:
            InputError: It says twice what can only be said once, or hides where its body ends.
        """
        pairs = scope["headers"]
        if len(headers) != len(pairs):
            names = [name for name, _ in pairs if name in _ONCE]
            if len(names) != len(set(names)):
                twice = max(names, key=names.count).decode()
                raise InputError("This header was sent twice.", where=twice, fix="Send it once.")
        coding = headers.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or scope["http_version"] != "1.1"):
            raise InputError(
                "The body's transfer coding is not understood here.",
                where="transfer-encoding",
                fix="Send it chunked, in HTTP/1.1, or with a Content-Length.",
            )

    def key(self, headers: Headers, query: bytes = b"") -> Caller:
        """Check the key, in whichever way of the dialects it is shown.

        Args:
            headers: By lower-case name.
            query: What follows the question mark of the address.

        Returns:
            Who calls.

        Raises:
            AccessError: A key is asked for, and none or a wrong one was shown.
            ForbiddenError: The key is one of the admin API.
        """
        shown = shown_keys(headers, query)
        if self._is_access_key(shown):
            return self._owner
        if self._keyring.required:
            key = self._keyring.check(shown, self._clock())
            return Caller(caller_of(key), key)
        if self._digest:
            raise unknown_key(bool(shown))
        return Caller(_caller(shown[0]) if shown else "")

    def watcher(self, headers: Headers, query: bytes = b"") -> None:
        """Check whether the caller may see the figures of all: by the access key, or by a key with a role.

        Raises:
            AccessError: It shows no key that is in use.
            ForbiddenError: Its key is for asking, not for watching.
        """
        shown = shown_keys(headers, query)
        if not self._is_access_key(shown) and (self._keyring.required or self._digest):
            self._keyring.check(shown, self._clock(), admin=True)

    def watches(self, headers: Headers, query: bytes = b"") -> bool:
        """As `watcher`, for those who may go on without."""
        try:
            self.watcher(headers, query)
        except AccessError:
            return False
        return True

    def _is_access_key(self, shown: list[bytes]) -> bool:
        # Hashes are compared, in constant time: neither the key's letters nor its length can be found out by trying.
        right = [hmac.compare_digest(hashed(one), self._digest) for one in shown[:MAX_SHOWN]] if self._digest else []
        return any(right)


def shown_keys(headers: Headers, query: bytes = b"") -> list[bytes]:
    """The keys that a request shows, each dialect in its own way: some clients send two."""
    found = []
    if (bearer := headers.get(b"authorization")) is not None:
        scheme, _, key = bearer.partition(b" ")
        if scheme.lower() == b"bearer":
            found.append(key.strip())
    found += [headers[name] for name in _KEY_HEADERS if name in headers]
    if query:
        found += [unquote_to_bytes(field[4:]) for field in query.split(b"&") if field.startswith(b"key=")]
    return [key for key in found if key]


def caller_of(key: Key | None) -> str:
    """How the gateway calls whoever shows a key; None where no key is asked for."""
    return _caller(key.id.encode(), kind=b"weighbridge-key") if key is not None else ""


def _caller(key: bytes, kind: bytes = b"weighbridge") -> str:
    return hashlib.blake2b(key, digest_size=16, person=kind).hexdigest()


async def read_body(
    receive: Receive,
    length: bytes | None,
    limit: int,
    *,
    grow: Callable[[int], None],
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """The whole body of a request.

    Args:
        receive: ASGI's.
        length: The Content-Length header, which may lie.
        limit: The most bytes to take.
        grow: Told how many bytes are held by now (what is only announced takes no room); what it raises ends the reading.
        clock: Seconds that never jump.

    Raises:
        TooLargeError: It is larger; no more of it than the limit was kept.
        InputError: It did not arrive in time.
        Gone: The client left.
    """
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    started = clock()
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        grow(len(body))
        return body
    found = bytearray()
    while message["type"] == "http.request":
        found += message.get("body", b"")
        if len(found) > limit:
            raise _too_large(limit)
        grow(len(found))
        if not message.get("more_body"):
            return bytes(found)
        if clock() - started > BODY_SECONDS:
            raise InputError(
                f"The body did not arrive within {BODY_SECONDS:g} seconds.", where="body", fix="Send it faster."
            )
        message = await receive()
    raise Gone


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"The body is larger than {limit / 1e6:g} MB.", where="body", fix="Send less, or raise gateway.max_body_mb."
    )


def _hosts(settings: Gateway, host: str, port: int) -> list[bytes]:
    own = url(host, port).removeprefix("http://")
    bound = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    names = {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", own, bound}
    if port == 80:  # noqa: PLR2004 - the port that HTTP clients leave out
        names |= {name.rpartition(":")[0] for name in names}
    for name in settings.allowed_hosts:
        names |= {name, f"{name}:{port}"}
    return [name.lower().encode() for name in names]


def _shown(value: bytes) -> str:
    return value[:100].decode("latin-1")
