"""Reasoning that survives a swap: what an answer held beside its text is kept, and goes back to its issuer alone.

Clients lose thinking, dialects have no place for it, and an engine refuses the seals of another. So every turn that
held any is remembered when it was answered, and put right in each later request that tells of it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Message, Part, Profile, ReasoningPart, Reply, Request, ToolCallPart
from weighbridge.exchange.keepsake import Keepsake, Keys, asked_of, decode, encode, keepsake_of
from weighbridge.exchange.restore import Label, mark, put_back

_MOST_KEYS = 8192
"""Looked up for one request, the latest turns first: of the earlier ones only the text is left."""


class Keepsakes(Protocol):
    """Where keepsakes lie. No failure of it may reach an exchange."""

    def put(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep values by key, without waiting."""
        ...

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that have one."""
        ...

    async def settle(self) -> None:
        """Wait, for a moment at most, until every process that shares them sees what was put so far."""
        ...


class NoKeepsakes:
    """Keeps nothing."""

    def put(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Nothing is kept."""

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:  # noqa: ARG002 - whatever is asked
        """Nothing is there."""
        return {}

    async def settle(self) -> None:
        """There is nothing to wait for."""


class Keeper:
    """Keeps what one exchange is answered with, as soon as it is complete.

    Args:
        request: What was asked, as its client told it.
        engine: Who answers.
        dialect: In which the engine answers.
        keepsakes: Where it goes.
        caller: Who asked.
    """

    def __init__(self, request: Request, engine: Engine, dialect: str, keepsakes: Keepsakes, *, caller: str) -> None:
        self._request = request
        self._engine = engine
        self._dialect = dialect
        self._keepsakes = keepsakes
        self._caller = caller
        self._kept: set[int] = set()

    async def keep(self, reply: Reply) -> None:
        """Keep those choices that have ended; each once.

        The client must not come back, perhaps to another worker, before it can be found: so this is to be awaited
        before the client is told of the end.
        """
        ended = [i for i, choice in enumerate(reply.choices) if choice.finish is not None and i not in self._kept]
        self._kept.update(ended)
        new = replace(reply, choices=tuple(reply.choices[i] for i in ended))
        if remember(new, self._request, self._engine, self._dialect, self._keepsakes, caller=self._caller):
            await self._keepsakes.settle()


def remember(
    reply: Reply, request: Request, engine: Engine, dialect: str, keepsakes: Keepsakes, *, caller: str
) -> bool:
    """Keep the thinking and the seals of an answer.

    Args:
        reply: The answer, as its client gets it.
        request: What was asked, as its client told it.
        engine: Who answered.
        dialect: In which the engine answered.
        keepsakes: Where they go.
        caller: Who asked.

    Returns:
        Whether there was anything to keep.
    """
    found = [(choice.parts, keepsake_of(choice.parts, engine.issuer, dialect)) for choice in reply.choices]
    if not any(keepsake for _, keepsake in found):
        return False
    *_, asked = asked_of([*request.messages, Message("assistant")])
    keys = Keys(caller)
    items: list[tuple[bytes, bytes]] = []
    for parts, keepsake in found:
        value = encode(keepsake) if keepsake is not None else None
        if value is not None:
            items += [(key, value) for key in keys.of(parts, asked, kept=True)]
    keepsakes.put(items)
    return bool(items)


def recall(
    request: Request, engine: Engine, dialect: str, keepsakes: Keepsakes, *, caller: str
) -> tuple[Request, bool]:
    """Put back into earlier turns what this engine had said in them, and mark what it may not see.

    A turn of which nothing is known stays as it is.

    Args:
        request: What is asked, as its client told it.
        engine: Whom it goes to.
        dialect: In which it will be asked.
        keepsakes: Where they are.
        caller: Who asks.

    Returns:
        The request, and whether anything in it changed.
    """
    turns = _turns(request.messages, Keys(caller))
    found = keepsakes.get([key for turn in turns for key in turn.all_keys()]) if turns else {}
    if not found:
        return request, False
    known = {value: decode(value) for value in set(found.values())}
    kept = {key: keepsake for key, value in found.items() if (keepsake := known[value]) is not None}
    replays = engine.profile_in(dialect).replay in _DEMANDED
    made = list(request.messages)
    for turn in turns:
        for start, end, keepsake in turn.find(kept):
            before = request.messages[start:end]
            if keepsake.issuer == engine.issuer:
                after = put_back(before, keepsake, Label(dialect, own=True))
            elif replays:
                after = put_back(before, keepsake, Label(keepsake.issuer, own=False))
            else:
                after = mark(before, keepsake.issuer)
            if after is not before:
                made[start:end] = [*after, *[_GONE] * (end - start - len(after))]
    messages = tuple(message for message in made if message is not _GONE)
    if all(map(operator.is_, messages, request.messages)) and len(messages) == len(made):
        return request, False
    return replace(request, messages=messages), True


def matters(request: Request, profile: Profile) -> bool:
    """May keepsakes change what an engine of the client's own dialect is sent?

    Where earlier turns have neither thinking nor seals nor calls, only an engine that demands its thinking back.
    """
    turns = [message for message in request.messages if message.role == "assistant"]
    return bool(turns) and (
        profile.replay in _DEMANDED or any(_holds(part) for message in turns for part in message.parts)
    )


def _holds(part: Part) -> bool:
    return isinstance(part, (ReasoningPart, ToolCallPart)) or bool(getattr(part, "blobs", ()))


class _Turn(Struct, frozen=True):
    """A turn of the assistant: messages in a row, with the keys of each and those of all together."""

    start: int
    keys: tuple[list[bytes], ...]
    whole: bytes

    def all_keys(self) -> Iterator[bytes]:
        """Every key."""
        yield self.whole
        for keys in self.keys:
            yield from keys

    def find(self, kept: Mapping[bytes, Keepsake]) -> Iterator[tuple[int, int, Keepsake]]:
        """What is known of it: from which message to which, and the keepsake.

        Dialects tell one answer in one message or in several; in rare cases two answers stand in a row.
        """
        each = [next((kept[key] for key in keys if key in kept), None) for keys in self.keys]
        found = {id(keepsake): keepsake for keepsake in each if keepsake is not None}
        whole = next(iter(found.values())) if len(found) == 1 else kept.get(self.whole)
        if whole is not None:
            yield self.start, self.start + len(each), whole
            return
        for number, keepsake in enumerate(each, self.start):
            if keepsake is not None:
                yield number, number + 1, keepsake


def _turns(messages: Sequence[Message], keys: Keys) -> list[_Turn]:
    """The assistant's turns, the latest first, as many as can be looked up."""
    asked = list(asked_of(messages))
    turns: list[_Turn] = []
    count = 0
    end = len(messages)
    while end and count < _MOST_KEYS:
        start = end - 1
        if messages[start].role == "assistant":
            while start and messages[start - 1].role == "assistant":
                start -= 1
            each = tuple(keys.of(message.parts, asked[start]) for message in messages[start:end])
            every = [part for message in messages[start:end] for part in message.parts]
            turns.append(_Turn(start, each, keys.whole(every, asked[start])))
            count += 1 + sum(map(len, each))
        end = start
    return turns


_DEMANDED = ("always", "tools")
_GONE = Message("assistant")
