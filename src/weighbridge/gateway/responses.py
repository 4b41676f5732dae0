"""Responses that are stored, as the API of that dialect promises: to go on from, to look at, to delete.

Kept is what a client said in one request and what it was answered, not the whole conversation: a request that goes
on from an answer gets the chain of those before it put in front of its own input. So the engine may change between
two turns, and any worker may take the next one. Values pass as the bytes that they came as.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec
from msgspec import Raw, Struct

from weighbridge.dialects.sse import SSE
from weighbridge.errors import InputError, NotFoundError, TooLargeError

MAX_TURNS = 2000  #: that one chain may have
_MAX_HELD = 16 << 20  #: bytes of one event
_TERMINAL = ("response.completed", "response.incomplete")
_MARKS = tuple(name.encode() for name in _TERMINAL)
_END = re.compile(rb"\n\n|\r\n\r\n|\r\r")
_LONGEST_END = 4


class Store(Protocol):
    """Where responses lie: `store.responses.StoredResponses`."""

    def put(self, id: str, body: bytes, *, caller: str = "") -> None:  # noqa: A002 - the wire's word
        """Keep one."""
        ...

    def get(self, id: str, *, caller: str = "") -> bytes | None:  # noqa: A002 - as above
        """One, or None."""
        ...

    def delete(self, id: str, *, caller: str = "") -> bool:  # noqa: A002 - as above
        """Delete one; was it there?"""
        ...

    async def settle(self) -> None:
        """Wait until other processes see what was put."""
        ...


class _Asked(Struct):
    input: Raw = Raw(b"null")
    store: bool | None = None


class _Answered(Struct):
    id: str = ""
    status: str = ""
    output: list[Raw] = []


class _Event(Struct):
    type: str = ""
    response: Raw = Raw(b"null")


class Turn(Struct, omit_defaults=True):
    """What is stored of one exchange: the items of its own request, its answer, and the id that it went on from."""

    input: list[Raw]
    response: Raw
    previous: str = ""


_ASKED = msgspec.json.Decoder(_Asked)
_ANSWERED = msgspec.json.Decoder(_Answered)
_EVENT = msgspec.json.Decoder(_Event)
_TURN = msgspec.json.Decoder(Turn)
_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])
_ENCODE = msgspec.json.Encoder().encode


class Responses:
    """The stored responses, as a worker uses them.

    Args:
        store: Where they lie.
        max_bytes: The largest request that a chain may grow to.
    """

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    async def expand(self, body: bytes, earlier: str, caller: str) -> bytes | None:
        """A request with what came before put in front of its own input; None where that is not ours.

        Where the chain ends in an id that is not ours (or no longer), the request goes on from that one.

        Args:
            body: The request, which was read without an error.
            earlier: The id that it goes on from.
            caller: Whose chain it is.

        Raises:
            TooLargeError: The conversation is too long.
            InputError: The chain leads back to itself.
        """
        turns, root = await asyncio.to_thread(self._chain, earlier, caller)
        if not turns:
            return None
        items = [item for turn in reversed(turns) for item in (*turn.input, *_ANSWERED.decode(turn.response).output)]
        fields = _FIELDS.decode(body)
        items += _items(fields.get("input", Raw(b"null")))
        fields["input"] = Raw(b"[" + b",".join(map(bytes, items)) + b"]")
        if root:
            fields["previous_response_id"] = Raw(_ENCODE(root))
        else:
            fields.pop("previous_response_id", None)
        return _ENCODE(fields)

    def keeper(self, body: bytes, earlier: str, caller: str) -> Keeper | None:
        """What stores the answer to a request; None where the request says that nothing is to be stored.

        Args:
            body: The request as the client sent it.
            earlier: The id that it goes on from.
            caller: Whose it is.
        """
        asked = _ASKED.decode(body)
        if asked.store is False:
            return None
        return Keeper(self._store, _items(asked.input), earlier, caller)

    async def retrieve(self, name: str, caller: str) -> bytes:
        """A stored response as it was answered.

        Raises:
            NotFoundError: There is none of this id and caller.
        """
        return bytes((await self._turn(name, caller)).response)

    async def forget(self, name: str, caller: str) -> bytes:
        """Delete a stored response; what the API answers to that.

        Raises:
            NotFoundError: There is none of this id and caller.
            StoreError: The store cannot be written.
        """
        if not await asyncio.to_thread(self._store.delete, name, caller=caller):
            raise _missing(name)
        return _ENCODE({"id": name, "object": "response", "deleted": True})

    async def items(self, name: str, caller: str) -> list[Raw]:
        """What the client said in the request of a stored response.

        Raises:
            NotFoundError: There is none of this id and caller.
        """
        return (await self._turn(name, caller)).input

    async def _turn(self, name: str, caller: str) -> Turn:
        found = await asyncio.to_thread(self._store.get, name, caller=caller)
        if found is None:
            raise _missing(name)
        return _TURN.decode(found)

    def _chain(self, name: str, caller: str) -> tuple[list[Turn], str]:
        """The turns from the newest to the oldest that is ours, and the id before it."""
        turns: list[Turn] = []
        seen: set[str] = set()
        size = 0
        while name and (found := self._store.get(name, caller=caller)) is not None:
            if name in seen:
                raise InputError(
                    f"The chain of answers before '{name[:100]}' leads back to itself.",
                    where="previous_response_id",
                    fix="Send the whole conversation as input.",
                )
            seen.add(name)
            size += len(found)
            if size > self._max_bytes or len(seen) > MAX_TURNS:
                raise TooLargeError(
                    f"The conversation before '{name[:100]}' is larger than {self._max_bytes / 1e6:g} MB or "
                    f"{MAX_TURNS} turns.",
                    where="previous_response_id",
                    fix="Begin a new one with a summary, or raise gateway.max_body_mb.",
                )
            turns.append(_TURN.decode(found))
            name = turns[-1].previous
        return turns, name


class Keeper:
    """Stores one answer before its last bytes go out: the client may go on from it at once.

    Args:
        store: Where to.
        items: The request's own input.
        earlier: The id that the request goes on from.
        caller: Whose it is.
    """

    def __init__(self, store: Store, items: list[Raw], earlier: str, caller: str) -> None:
        self._store = store
        self._items = items
        self._earlier = earlier
        self._caller = caller

    async def whole(self, body: bytes) -> None:
        """Store a whole answer."""
        try:
            answered = _ANSWERED.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        if answered.id and answered.status in ("completed", "incomplete"):
            turn = Turn(self._items, Raw(body), self._earlier)
            self._store.put(answered.id, _ENCODE(turn), caller=self._caller)
            await self._store.settle()

    async def chunks(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a stream on; the event that ends it, with the whole answer, only when that is stored."""
        sieve = Sieve()
        async for chunk in chunks:
            if data := sieve.feed(chunk):
                yield data
        if sieve.response is not None:
            await self.whole(sieve.response)
        if sieve.held:
            yield bytes(sieve.held)


class Sieve:
    """Lets whole events pass and holds the one that ends an answer, however the stream was cut."""

    def __init__(self) -> None:
        self.held = bytearray()
        #: the answer, once the event that ends it was seen
        self.response: bytes | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may pass by now."""
        seen = max(len(self.held) - _LONGEST_END, 0)
        self.held += chunk
        if self.response is not None:
            return b""
        end = 0
        for found in _END.finditer(self.held, seen):
            self.response = _answer_in(bytes(self.held[end : found.end()]))
            if self.response is not None:
                break
            end = found.end()
        if self.response is None and len(self.held) - end > _MAX_HELD:
            end = len(self.held)  # no event that anybody could read
        ready = bytes(self.held[:end])
        del self.held[:end]
        return ready


def _answer_in(event: bytes) -> bytes | None:
    """The whole answer, if this is the event that ends one."""
    if not any(mark in event for mark in _MARKS):
        return None
    for _, data in SSE().feed(event):
        try:
            told = _EVENT.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if told.type in _TERMINAL and bytes(told.response) != b"null":
            return bytes(told.response)
    return None


def page(items: list[Raw], query: dict[str, str]) -> bytes:
    """A page of input items as the API lists them, the newest first unless asked otherwise.

    Args:
        items: In the order in which they were said.
        query: `order` (asc, desc), `limit` (1 to 100), `after` (an item's id).

    Raises:
        InputError: The limit is none.
    """
    rows = [_listed(item, number) for number, item in enumerate(items)]
    if query.get("order", "desc") != "asc":
        rows.reverse()
    if after := query.get("after"):
        start = next((number + 1 for number, row in enumerate(rows) if row["id"] == after), len(rows))
        rows = rows[start:]
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= 100):  # noqa: PLR2004 - the API's own limit
        raise InputError(f"'{limit[:20]}' is no limit.", where="limit", fix="Give a number from 1 to 100.")
    shown = rows[: int(limit)]
    return _ENCODE(
        {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": len(shown) < len(rows),
        }
    )


def _listed(item: Raw, number: int) -> dict[str, Any]:
    """An item with what the API adds to it: a type, an id, content as a list."""
    told: dict[str, Any] = msgspec.json.decode(item)
    row = {"id": f"item_{number}", "type": "message", **told}
    if row["type"] == "message" and type(row.get("content")) is str:
        kind = "output_text" if row.get("role") == "assistant" else "input_text"
        more: dict[str, Any] = {"annotations": []} if kind == "output_text" else {}
        row["content"] = [{"type": kind, "text": row["content"], **more}]
    return row


def _items(said: Raw) -> list[Raw]:
    """An input as a list of items: a text alone is what the user says."""
    text = bytes(said).lstrip()
    if text.startswith(b'"'):
        return [Raw(b'{"type":"message","role":"user","content":' + text + b"}")]
    return _ITEMS.decode(text) if text.startswith(b"[") else []


def _missing(name: str) -> NotFoundError:
    return NotFoundError(
        f"Response with id '{name[:100]}' not found.", fix="It was deleted, not stored, or is too old."
    )
