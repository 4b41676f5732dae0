"""Fetches images and files that a request tells by address, for engines that take no address.

An address is what a stranger wrote. So only public ones are asked: every address that a name stands for is checked,
and the one that was checked is the one connected to. What comes is bounded in bytes, time, number and kind, and is
looked at: what its head says it is counts, not what its host says. Nothing of it, nor of the addresses, goes into
losses or logs: addresses often hold keys.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from urllib.parse import urljoin

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import FilePart, ImagePart, Loss, Message, Part, Request, ToolResultPart
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.public import UnusableError, check, is_address, is_public
from weighbridge.engines.sniff import media_type
from weighbridge.engines.transport import HttpRequest, HttpResponse, Transport
from weighbridge.errors import WeighbridgeError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Every IP address that a name stands for, at a port."""

REDIRECTS = 3
_MOVED = {301, 302, 303, 307, 308}
_OK = 200
_AT_ONCE = 4
_CONNECT = 5.0  #: seconds
_ACCEPT = "image/*, application/pdf, audio/*, text/*"


class Limits(Struct, frozen=True):
    """Of one request: bytes of all that is fetched, seconds for all of it, and how many addresses."""

    size: int = 20_000_000
    seconds: float = 10.0
    parts: int = 16


class Fetched(Struct, frozen=True):
    """What stood at an address."""

    data: bytes
    media_type: str


async def resolve(name: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine finds them."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Fetcher:
    """Puts data in the place of addresses.

    Args:
        transport: The network; it must connect to `HttpRequest.address`.
        resolve: Finds the addresses of a name.
        limits: Of one request.
        clock: Time.
    """

    def __init__(
        self, transport: Transport, *, resolve: Resolve = resolve, limits: Limits | None = None, clock: Clock = SYSTEM
    ) -> None:
        self._transport = transport
        self._resolve = resolve
        self._limits = limits or Limits()
        self._clock = clock

    async def inline(self, request: Request, kinds: Iterable[str]) -> tuple[Request, tuple[Loss, ...]]:
        """The request with what its addresses stand for.

        Args:
            request: It is not changed.
            kinds: What is to be fetched: image_url, file_url.

        Returns:
            The request, and a Loss for each part that stays as it is because it could not be fetched.
        """
        kinds = frozenset(kinds)
        wanted = list(dict.fromkeys(url for m in request.messages for part in m.parts for url in _urls(part, kinds)))
        if not wanted:
            return request, ()
        found = await self._all(wanted)
        filling = _Filling(found, kinds)
        messages = tuple(filling.message(m, f"messages[{i}]") for i, m in enumerate(request.messages))
        return replace(request, messages=messages), tuple(filling.losses)

    async def _all(self, urls: list[str]) -> dict[str, Fetched | str]:
        """What each URL holds, or why it could not be had. Those that come first come first in what is allowed, too."""
        found: dict[str, Fetched | str] = dict.fromkeys(urls, "there are too many addresses in one request")
        tasks: dict[str, asyncio.Task[Fetched]] = {}
        budget = _Budget(self._limits.size)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(url: str) -> Fetched:
            async with gate:
                return await self._fetch(url, budget)

        try:
            async with self._clock.timeout(self._limits.seconds):
                tasks = {url: asyncio.create_task(one(url)) for url in urls[: self._limits.parts]}
                await asyncio.gather(*tasks.values(), return_exceptions=True)
        except TimeoutError:
            pass
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        for url, task in tasks.items():
            found[url] = _outcome(task)
        return found

    async def _fetch(self, url: str, budget: _Budget) -> Fetched:
        for _ in range(REDIRECTS + 1):
            response = await self._get(url)
            try:
                moved = response.headers.get("location", "") if response.status in _MOVED else ""
                if not moved:
                    return await _read(response, budget)
            finally:
                await response.close()
            url = _joined(url, moved)
        raise UnusableError("its host sends from address to address")

    async def _get(self, url: str) -> HttpResponse:
        """An answer of the address, asked at a place that was checked."""
        parts, name = check(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = [name] if is_address(name) else list(await self._resolve(name, port))
        if not found:
            raise UnusableError("its host's name is not known")
        if not all(map(is_public, found)):
            raise UnusableError("its address is not a public one")
        request = HttpRequest("GET", parts._replace(fragment="").geturl(), {"accept": _ACCEPT}, address=found[0])
        return await self._transport.send(request, connect_timeout=_CONNECT, read_timeout=self._limits.seconds)


def _joined(url: str, moved: str) -> str:
    try:
        return urljoin(url, moved)
    except ValueError:
        raise UnusableError("its host sends to an address that is none") from None


class _Budget:
    """The bytes that may still come."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise UnusableError("it is too large")


async def _read(response: HttpResponse, budget: _Budget) -> Fetched:
    if response.status != _OK:
        raise UnusableError(f"its host answered with status {response.status}")
    told = response.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and (len(told) > 12 or int(told) > budget.left):  # noqa: PLR2004 - terabytes
        raise UnusableError("it is too large")
    found = bytearray()
    async for chunk in response.chunks():
        budget.spend(len(chunk))
        found += chunk
    kind = media_type(bytes(found), response.headers.get("content-type", ""))
    if not kind:
        raise UnusableError("it is no image, PDF, sound or text")
    return Fetched(bytes(found), kind)


def _outcome(task: asyncio.Task[Fetched]) -> Fetched | str:
    if task.cancelled():
        return "it did not come in time"
    match task.exception():
        case None:
            return task.result()
        case UnusableError() as error:
            return str(error)
        case OSError() | UnicodeError():
            return "its host's name is not known"
        case WeighbridgeError():
            return "its host cannot be reached, or broke off"
        case error:
            raise error


def _urls(part: Part, kinds: frozenset[str]) -> list[str]:
    match part:
        case ImagePart() if "image_url" in kinds and part.url and not part.data:
            return [part.url]
        case FilePart() if "file_url" in kinds and part.url and not part.data:
            return [part.url]
        case ToolResultPart():
            return [url for inner in part.parts for url in _urls(inner, kinds)]
    return []


class _Filling:
    """Puts what was fetched into the parts of one request, and notes what was not."""

    def __init__(self, found: dict[str, Fetched | str], kinds: frozenset[str]) -> None:
        self.losses: list[Loss] = []
        self._found = found
        self._kinds = kinds

    def message(self, message: Message, place: str) -> Message:
        parts = tuple(self._part(part, f"{place}.parts[{i}]") for i, part in enumerate(message.parts))
        return replace(message, parts=parts)

    def _part(self, part: Part, place: str) -> Part:
        if isinstance(part, ToolResultPart):
            inner = tuple(
                self._media(p, f"{place}.parts[{i}]") if isinstance(p, (ImagePart, FilePart)) else p
                for i, p in enumerate(part.parts)
            )
            return replace(part, parts=inner)
        return self._media(part, place) if isinstance(part, (ImagePart, FilePart)) else part

    def _media(self, part: ImagePart | FilePart, place: str) -> ImagePart | FilePart:
        if not _urls(part, self._kinds):
            return part
        found = self._found[part.url]
        what = "image" if isinstance(part, ImagePart) else "file"
        if isinstance(found, Fetched) and isinstance(part, ImagePart) and not found.media_type.startswith("image/"):
            found = "it is no image"
        if isinstance(found, str):
            self.losses.append(Loss(place, f"the {what} was not fetched: {found}", "high"))
            return part
        data = base64.b64encode(found.data).decode()
        return replace(part, url="", data=data, media_type=found.media_type)
