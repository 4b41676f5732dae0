"""Reasoning that survives a swap: what an answer held beside its text is kept, and goes back to its issuer alone.

Clients lose thinking, dialects have no place for it, and an engine refuses the seals of another. So every turn that
held any is remembered when it was answered, and put right in each later request that tells of it.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import (
    Engine,
    Message,
    Part,
    Profile,
    ReasoningPart,
    Reply,
    Request,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.exchange.keepsake import Keepsake, Keys, Turn, asked_of, decode, encode, keepsake_of
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


class Keeper:
    """Keeps what one exchange is answered with, as soon as it is complete.

    Args:
        request: What was asked, as its client told it.
        engine: Who answers.
        dialect: In which the engine answers.
        keepsakes: Where it goes; None keeps nothing.
        caller: Who asked.
    """

    def __init__(
        self, request: Request, engine: Engine, dialect: str, keepsakes: Keepsakes | None, *, caller: str
    ) -> None:
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
        if self._keepsakes is None:
            return
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
    found = [(choice.parts, keepsake_of(choice.parts, engine.issuer, dialect, engine.name)) for choice in reply.choices]
    if not any(keepsake for _, keepsake in found):
        return False
    *_, asked = asked_of([*request.messages, Message("assistant")])
    keys = Keys(caller)
    items: list[tuple[bytes, bytes]] = []
    for parts, keepsake in found:
        value = encode(keepsake) if keepsake is not None else None
        if value is not None:
            items += [(key, value) for key in keys.of(Turn.of(parts, asked), kept=True)]
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
    runs = list(_runs(request.messages))
    kept = _Lookup(keepsakes, Keys(caller)).find(runs)
    if not kept:
        return request, False
    replays = engine.profile_in(dialect).replay in _DEMANDED
    made = list(request.messages)
    for start, turns, keepsake in kept:
        end = start + len(turns)
        before = request.messages[start:end]
        if keepsake.issuer == engine.issuer:
            after = put_back(before, turns, keepsake, Label(dialect, own=True))
        elif replays:
            after = put_back(before, turns, keepsake, Label(keepsake.issuer, own=False))
        else:
            after = mark(before, keepsake.issuer)
        made[start:end] = [*after, *[_GONE] * (end - start - len(after))]
    if all(map(operator.is_, made, request.messages)):
        return request, False
    return replace(request, messages=tuple(message for message in made if message is not _GONE)), True


def pending(request: Request, keepsakes: Keepsakes, *, caller: str) -> Keepsake | None:
    """What its engine kept of the turn whose tool calls this request answers, if it answers any and that is known.

    Such a turn is not over. Its engine may need its thinking back to go on, and no other engine can read it.

    Args:
        request: What is asked, as its client told it.
        keepsakes: Where they are.
        caller: Who asks.
    """
    if not request.messages or not any(isinstance(part, ToolResultPart) for part in request.messages[-1].parts):
        return None
    last = list(islice(_runs(request.messages), 1))
    found = _Lookup(keepsakes, Keys(caller)).find(last)
    return found[-1][2] if found else None


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


class _Run(Struct, frozen=True):
    """Messages of the assistant in a row: dialects tell one answer in one message or in several."""

    start: int
    turns: list[Turn]


def _runs(messages: Sequence[Message]) -> Iterator[_Run]:
    """The assistant's turns, the latest first."""
    asked = list(asked_of(messages))
    end = len(messages)
    while end:
        start = end - 1
        if messages[start].role == "assistant":
            while start and messages[start - 1].role == "assistant":
                start -= 1
            yield _Run(start, [Turn.of(message.parts, asked[start]) for message in messages[start:end]])
        end = start


class _Lookup:
    """Finds the keepsakes of turns: first by the surest key of each, then those that are left by every key."""

    def __init__(self, keepsakes: Keepsakes, keys: Keys) -> None:
        self._keepsakes = keepsakes
        self._keys = keys
        self._decoded: dict[bytes, Keepsake | None] = {}

    def find(self, runs: Sequence[_Run]) -> list[tuple[int, list[Turn], Keepsake]]:
        """What is known: where a turn begins, its messages, and the keepsake."""
        keys = [[self._keys.of(turn) for turn in run.turns] for run in runs]
        first = [[next(one) for one in row] for row in islice(keys, _MOST_KEYS)]
        found = self._get([key for row in first for key in row])
        known = [[found.get(key) for key in row] for row in first]
        left: dict[tuple[int, int], list[bytes]] = {}
        count = 0
        for i, row in enumerate(known):
            for j, keepsake in enumerate(row):
                if keepsake is None and count < _MOST_KEYS:
                    left[i, j] = list(keys[i][j])
                    count += len(left[i, j])
            if len(row) > 1:
                left[i, -1] = [self._keys.whole(runs[i].turns)]
        found = self._get([key for row in left.values() for key in row])
        for (i, j), some in left.items():
            if j >= 0:
                known[i][j] = next((found[key] for key in some if key in found), None)
        made: list[tuple[int, list[Turn], Keepsake]] = []
        for i, (run, each) in enumerate(zip(runs, known, strict=False)):
            made += _assigned(run, each, found.get(left[i, -1][0]) if len(each) > 1 else None)
        return made

    def _get(self, keys: list[bytes]) -> dict[bytes, Keepsake]:
        values = self._keepsakes.get(keys) if keys else {}
        for value in values.values():
            if value not in self._decoded:
                self._decoded[value] = decode(value)
        return {key: kept for key, value in values.items() if (kept := self._decoded[value]) is not None}


def _assigned(
    run: _Run, each: Sequence[Keepsake | None], whole: Keepsake | None
) -> Iterator[tuple[int, list[Turn], Keepsake]]:
    """Which messages a keepsake is about. In rare cases two answers stand in a row."""
    found = {id(keepsake): keepsake for keepsake in each if keepsake is not None}
    one = next(iter(found.values())) if len(found) == 1 else whole
    if one is not None:
        yield run.start, run.turns, one
        return
    for number, keepsake in enumerate(each):
        if keepsake is not None:
            yield run.start + number, run.turns[number : number + 1], keepsake


_DEMANDED = ("always", "tools")
_GONE = Message("assistant")
