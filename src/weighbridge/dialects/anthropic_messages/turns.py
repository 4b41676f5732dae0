"""Anthropic Messages: the order that turns must have, for conversations that come from another dialect.

Turns of one role are joined. What tools answered stands first in the user's turn right after the calls, all of one
step together; a call without an answer gets one that says so, and an answer without a call is told as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec.structs import replace

from weighbridge.canon import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from weighbridge.dialects.extras import Losses

Side = Literal["user", "assistant", "system"]
UNANSWERED = "(No result of this call was kept.)"


class Turn:
    """What one side says at once, each part with the place where it stood.

    Args:
        role: Whose turn it is.
        items: The parts, each after its place.
    """

    __slots__ = ("items", "role")

    def __init__(self, role: Side, items: Iterable[tuple[str, Part]] = ()) -> None:
        self.role = role
        self.items = list(items)

    @property
    def calls(self) -> list[int]:
        """Where the tool calls are."""
        return [i for i, (_, part) in enumerate(self.items) if isinstance(part, ToolCallPart)]


def is_system(message: Message) -> bool:
    """Is it an instruction?"""
    return message.role in ("system", "developer")


def leading(messages: tuple[Message, ...]) -> int:
    """How many instructions stand before everything else."""
    return next((i for i, m in enumerate(messages) if not is_system(m)), len(messages))


def arrange(messages: tuple[Message, ...], losses: Losses, first: int = 0) -> list[Turn]:
    """Bring a conversation into the order that the wire demands.

    Args:
        messages: The conversation, without the instructions at its beginning.
        losses: Takes what is changed.
        first: The first message's place in the request.
    """
    turns = _joined(_pieces(messages, losses, first))
    turns = _answered(turns, losses)
    _tell_orphans(turns, losses)
    return _joined((t.role, place, part) for t in turns for place, part in t.items)


def _pieces(messages: tuple[Message, ...], losses: Losses, first: int) -> Iterator[tuple[Side, str, Part]]:
    """Every part with its side and its place; those that cannot be sent are left out."""
    for i, message in enumerate(messages, first):
        place = f"messages[{i}]"
        side: Side = "assistant" if message.role == "assistant" else "system" if is_system(message) else "user"
        if message.extra:
            losses.foreign(message.extra, place)
        if message.name and message.role != "tool":
            losses.note(f"{place}.name", "a turn has no name here", "low")
        if not any(not isinstance(part, TextPart) or part.text for part in message.parts):
            losses.note(place, "a turn that says nothing is refused here", "low")
        for part in message.parts:
            if isinstance(part, TextPart) and not part.text.strip() and not part.extra:
                if part.text:
                    losses.note(f"{place}.parts", "text of spaces alone is refused here", "low")
            elif isinstance(part, ToolResultPart):
                yield "user", place, part
            elif side == "assistant" or not isinstance(part, (ToolCallPart, ReasoningPart)):
                yield side, place, part
            else:
                losses.note(f"{place}.parts", f"only an assistant says this, not a {message.role}", "medium")


def _joined(pieces: Iterable[tuple[Side, str, Part]]) -> list[Turn]:
    turns: list[Turn] = []
    for side, place, part in pieces:
        if not turns or turns[-1].role != side:
            turns.append(Turn(side))
        turns[-1].items.append((place, part))
    return turns


def _answered(turns: list[Turn], losses: Losses) -> list[Turn]:
    """Give each call its answer in the next turn, and both an id that no earlier call of the turn had."""
    answers = _Answers(turns)
    found: list[Turn] = []
    for i, turn in enumerate(turns):
        found.append(turn)
        if not turn.calls:
            continue
        given: list[tuple[int, tuple[str, Part]]] = []
        used: dict[str, int] = {}
        for j in turn.calls:
            place, call = turn.items[j]
            assert isinstance(call, ToolCallPart)
            taken = answers.take(i, call.id)
            if taken is None:
                losses.note(f"{place}.tool_calls", f"no result was kept of the call of {call.name}; it is told so")
                answer: tuple[str, Part] = (place, ToolResultPart(call.id, (TextPart(UNANSWERED),)))
                order = answers.count
            else:
                answer, order, moved = taken
                if moved:
                    losses.note(f"{place}.tool_calls", "a tool's answer moves to the turn after its call", "low")
            times = used[call.id] = used.get(call.id, 0) + 1
            if times > 1:  # some engines give every call the same
                told = f"{call.id}#{times}"
                turn.items[j] = (place, replace(call, id=told))
                assert isinstance(answer[1], ToolResultPart)
                answer = (answer[0], replace(answer[1], call_id=told))
            given.append((order, answer))
        given.sort(key=lambda item: item[0])
        found.append(Turn("user", [answer for _, answer in given]))
    return found


class _Answers:
    """The tools' answers of a conversation, by id; each is taken once, out of its turn.

    Attributes:
        count: How many there are.
    """

    def __init__(self, turns: list[Turn]) -> None:
        self._turns = turns
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._calls: dict[str, list[int]] = {}
        self.count = 0
        for i, turn in enumerate(turns):
            for _, part in turn.items:
                if isinstance(part, ToolResultPart):
                    self._places.setdefault(part.call_id, []).append((i, self.count))
                    self.count += 1
                elif isinstance(part, ToolCallPart):
                    self._calls.setdefault(part.id, []).append(i)

    def take(self, caller: int, call_id: str) -> tuple[tuple[str, Part], int, bool] | None:
        """The answer to a call in turn `caller`, its place among all, and whether it stood further on; None: no answer.

        An answer behind the next call of the same id belongs to that one.
        """
        until = next((i for i in self._calls[call_id] if i > caller), len(self._turns))
        places = self._places.get(call_id, [])
        spot = next((place for place in places if caller < place[0] < until), None)
        if spot is None:
            return None
        places.remove(spot)
        turn, order = spot
        items = self._turns[turn].items
        at = next(k for k, (_, p) in enumerate(items) if isinstance(p, ToolResultPart) and p.call_id == call_id)
        return items.pop(at), order, turn > caller + 1


def _tell_orphans(turns: list[Turn], losses: Losses) -> None:
    """What is left of a tool's answers, in a turn that follows no call of it, becomes text."""
    for before, turn in zip([None, *turns], turns, strict=False):
        asked = {p.id for _, p in before.items if isinstance(p, ToolCallPart)} if before is not None else set()
        items: list[tuple[str, Part]] = []
        for place, part in turn.items:
            if not isinstance(part, ToolResultPart):
                items.append((place, part))
            elif part.call_id in asked:
                asked.discard(part.call_id)
                items.append((place, part))
            else:
                losses.note(f"{place}.tool_results", "the call that this answers is missing: it is told as text")
                name = f" {part.name}" if part.name else ""
                items.append((place, TextPart(f"(The result of a tool call{name} that was not kept:)")))
                items += [(place, p) for p in part.parts if not isinstance(p, TextPart) or p.text.strip()]
        turn.items = items
