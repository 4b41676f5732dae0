"""The one narrow door to the network: a request in, an answer that can be streamed and broken off.

Everything above speaks only of `Transport`; whatever library makes the connections stands in this file alone.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from weighbridge.errors import BrokenAnswerError, DeadlineError, UnreachableError

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

#: aiohttp wants larger bodies as a file, so that one write does not block the loop.
LARGE_BODY = 1 << 20
_REMEMBERED = 512


class HttpRequest(Struct, frozen=True):
    """One HTTP request, complete.

    `address`: the IP address to connect to, in place of asking DNS for the url's host; the host stays what the request
    and the certificate are about.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""
    address: str = ""


class HttpResponse(Protocol):
    """An answer whose head has arrived. Header names are in lower case."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""
        ...

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            BrokenAnswerError: It is larger than `limit` bytes, or broke off.
            DeadlineError: Nothing came for the read timeout.
        """
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, never re-buffered; the errors are those of `read`."""
        ...

    async def close(self) -> None:
        """Break off at once what is still under way; safe twice."""
        ...


class Transport(Protocol):
    """Sends requests."""

    async def send(self, request: HttpRequest, *, connect_timeout: float, read_timeout: float) -> HttpResponse:
        """Send a request and return when the answer's head has arrived.

        Args:
            request: What to send.
            connect_timeout: Seconds to make a connection.
            read_timeout: Seconds of silence while reading.

        Raises:
            UnreachableError: No connection, or it broke before the answer; see `dropped`.
            DeadlineError: Nothing came for the read timeout.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def dropped(error: UnreachableError) -> bool:
    """Did a connection that stood break before the first byte of an answer, as stale pooled ones do?

    A transport says so by raising its error from a ConnectionResetError.
    """
    return isinstance(error.__cause__, ConnectionResetError)


@functools.lru_cache(maxsize=_REMEMBERED)
def place(url: str) -> str:
    """A URL's scheme, host and port, for error texts: paths and queries may hold secrets."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not a URL)"
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


# Hosts are few and requests many: what depends on the host alone is worked out once.
@functools.lru_cache(maxsize=_REMEMBERED)
def _url(url: str) -> URL:
    import yarl

    return yarl.URL(url)


def as_sent(url: str) -> str:
    """A URL in the spelling in which it is sent, which is what a signature must be made over.

    Raises:
        ValueError: It is none.
    """
    return str(_url(url))


@functools.lru_cache(maxsize=_REMEMBERED)
def _timeout(connect: float, read: float) -> aiohttp.ClientTimeout:
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)


class AiohttpTransport:
    """Pooled connections with aiohttp.

    No redirects, no cookies, no proxies from the environment unless asked for, no decompression. It belongs to the
    event loop that first sends with it.

    Args:
        connections: Most connections open at once.
        proxies: Obey HTTP_PROXY and its like.
    """

    def __init__(self, *, connections: int, proxies: bool = False) -> None:
        self._connections = connections
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: HttpRequest, *, connect_timeout: float, read_timeout: float) -> HttpResponse:
        """Send a request and return when the answer's head has arrived; see `Transport.send`."""
        import aiohttp

        session = self._session or self._open()
        body = request.body if len(request.body) <= LARGE_BODY else io.BytesIO(request.body)
        try:
            url, headers, name = _url(request.url), request.headers, None
            if request.address:
                url, headers, name = _pinned(url, headers, request.address)
            response = await session.request(
                request.method,
                url,
                data=body or None,
                headers=headers,
                server_hostname=name,
                allow_redirects=False,
                timeout=_timeout(connect_timeout, read_timeout),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _send_error(error, place(request.url), connect_timeout, read_timeout) from _cause(error)
        return AiohttpResponse(response, place(request.url), read_timeout)

    async def close(self) -> None:
        """Close every connection; the next `send` opens anew."""
        session, self._session = self._session, None
        if session:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"accept-encoding": "identity", "user-agent": "weighbridge"},
            auto_decompress=False,
            trust_env=self._proxies,
        )
        return self._session


class AiohttpResponse:
    """An answer under way. `where` names the host in errors."""

    def __init__(self, response: aiohttp.ClientResponse, where: str, read_timeout: float) -> None:
        self._response = response
        self._where = where
        self._read_timeout = read_timeout
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def read(self, limit: int) -> bytes:
        """The whole body; see `HttpResponse.read`."""
        told = self._response.content_length
        if told is not None and told > limit:
            await self.close()
            raise too_large(limit, self._where)
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > limit:
                await self.close()
                raise too_large(limit, self._where)
        return bytes(found)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; see `HttpResponse.chunks`."""
        import aiohttp

        encoding = self.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            await self.close()
            raise BrokenAnswerError(
                f"The host sent the answer compressed ({encoding}) though it was asked not to.",
                where=self._where,
                fix="Switch compression off at the host, or in the proxy before it.",
            )
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except TimeoutError as error:
            await self.close()
            raise _silent(self._where, self._read_timeout) from error
        except (aiohttp.ClientError, OSError) as error:
            await self.close()
            raise BrokenAnswerError(
                "The connection broke in the middle of the answer.", where=self._where, fix="Send the request again."
            ) from error

    async def close(self) -> None:
        """Break off; a connection whose answer was read to its end stays in the pool."""
        self._response.close()


def _pinned(url: URL, headers: dict[str, str], address: str) -> tuple[URL, dict[str, str], str | None]:
    """The url with an address in place of its host, the headers with that host, and the name for the certificate."""
    name = url.raw_host or ""
    told = url.authority if url.explicit_port and not url.is_default_port() else url.host_subcomponent or ""
    return url.with_host(address), {**headers, "host": told}, name if url.scheme == "https" else None


def too_large(limit: int, where: str) -> BrokenAnswerError:
    """The error for an answer over the limit, in bytes."""
    return BrokenAnswerError(
        f"The answer is larger than {limit / 1e6:g} MB.",
        where=where,
        fix="Ask for fewer tokens, or raise client.max_answer_mb.",
    )


def _silent(where: str, seconds: float) -> DeadlineError:
    return DeadlineError(
        f"Nothing came for {seconds:g} s.", where=where, fix="Try again, or raise client.read_timeout."
    )


def _cause(error: Exception) -> Exception:
    """A broken connection as what `dropped` looks for; nothing that quotes a url or a header."""
    import aiohttp

    if isinstance(error, aiohttp.ServerDisconnectedError):
        return ConnectionResetError("server disconnected")
    if isinstance(error, (aiohttp.ClientConnectorError, TimeoutError)):
        return error
    if isinstance(error, OSError):
        return ConnectionResetError(error.errno or 0, "connection reset")
    return ValueError(type(error).__name__)


def _send_error(
    error: Exception, where: str, connect_timeout: float, read_timeout: float
) -> UnreachableError | DeadlineError:
    """What went wrong before an answer, in our words. Never the library's: they may quote headers."""
    import aiohttp

    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return _silent(where, read_timeout)
    fix = "Check the host's url and that it is up."
    match error:
        case aiohttp.ConnectionTimeoutError():
            what = f"No connection within {connect_timeout:g} s."
        case aiohttp.ClientConnectorDNSError():
            what = "The host's name is not known (DNS)."
        case aiohttp.ClientSSLError():
            what = "No secure connection (TLS): the handshake failed or the certificate was not accepted."
            fix = "Check that the url's scheme is right and that the host's certificate is trusted here."
        case aiohttp.ClientConnectorError():
            what = f"No connection: {_reason(error)}."
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | ValueError():
            what = "The request cannot be sent: the url or a header is not valid."
            fix = "Correct the host's url, headers and key."
        case aiohttp.ClientResponseError():
            what = "What answered does not speak HTTP."
        case _:
            what = "The connection broke before an answer came."
    return UnreachableError(what, where=where, fix=fix)


def _reason(error: OSError) -> str:
    """The system's own word for an error number: the library's text holds the address too."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "refused"
