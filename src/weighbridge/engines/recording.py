"""Recorded exchanges, and finding the one that answers a request."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal

import msgspec
from msgspec import Struct

from weighbridge.canon import (
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    Reply,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.base import Dialect

Order = Literal["question", "turn", "sequence"]
"""What decides on the answer: what is asked; how many turns the engine has had; how many requests came before."""

_NEAREST_AMONG = 500
_QUESTION = 200


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests a row answers before all others: every condition that it tells must hold.

    `last`: stands in the latest text of the user or a tool; `system`: stands in the system's texts; `tools`: are any
    offered?
    """

    last: str = ""
    system: str = ""
    tools: bool | None = None

    def holds(self, request: Request) -> bool:
        """Is it about this request?"""
        if self.tools is not None and self.tools != bool(request.tools):
            return False
        if self.system and not any(self.system in m.text for m in request.messages if _role(m) == "system"):
            return False
        return not self.last or self.last in _latest(request)


class Row(Struct, frozen=True):
    """One recorded answer. It is whole (`body`), streamed (`events`), or only what was said (`reply`).

    `dialect` is what `body` and `events` are written in.
    """

    key: bytes
    question: str
    dialect: Dialect
    turn: int = 0  #: how many turns the engine had had
    status: int = 200
    body: bytes = b""
    events: bytes = b""
    reply: Reply | None = None
    headers: dict[str, str] = {}
    latency: float | None = None  #: seconds
    when: When | None = None


class Recording:
    """Recorded answers, found by what was asked, or in their order.

    The same question asked again gets the next answer that was recorded for it, and at the end the last one again.

    Args:
        rows: The answers, in order.
        order: What decides on the answer.
    """

    def __init__(self, rows: Iterable[Row], order: Order = "question") -> None:
        self._order = order
        self._chosen: list[Row] = []
        self._plain: list[Row] = []
        self._by: dict[bytes | str | tuple[str, int], list[Row]] = {}
        self._asked: dict[bytes | str | tuple[str, int], int] = {}
        self._questions: dict[str, None] = {}
        for row in rows:
            if row.when is not None:
                self._chosen.append(row)
                continue
            self._plain.append(row)
            self._questions[row.question] = None
            for key in (row.key, (row.question, row.turn), row.question):
                self._by.setdefault(key, []).append(row)

    def find(self, request: Request) -> Row | None:
        """The row that answers a request; None without any.

        First one whose `when` holds. Then, by question: the answer to the same messages with the same tools, else to
        the same last question after as many turns, else to the same last question.
        """
        for row in self._chosen:
            if row.when is not None and row.when.holds(request):
                return row
        if self._order != "question":
            return self._scripted(request)
        key, question = key_of(request), question_of(request)
        if rows := self._by.get(key):
            return self._next(key, rows)
        if question:
            for asked in ((question, turns_of(request)), question):
                if rows := self._by.get(asked):
                    return self._next(asked, rows)
        return None

    def nearest(self, request: Request) -> str:
        """The recorded question that is most like the request's; "" without any."""
        question = question_of(request)[:_QUESTION]
        known = [q[:_QUESTION] for q in list(self._questions)[:_NEAREST_AMONG]]
        near = difflib.get_close_matches(question, known, n=1, cutoff=0.0)
        return near[0] if near else ""

    def _scripted(self, request: Request) -> Row | None:
        if not self._plain:
            return None
        if self._order == "sequence":
            return self._next("", self._plain)
        return self._plain[min(turns_of(request), len(self._plain) - 1)]

    def _next(self, asked: bytes | str | tuple[str, int], rows: list[Row]) -> Row:
        count = self._asked.get(asked, 0)
        self._asked[asked] = count + 1
        return rows[min(count, len(rows) - 1)]


def question_of(request: Request) -> str:
    """The text of the last message of the user that is not only what tools answered."""
    said = (
        m.text.strip()
        for m in reversed(request.messages)
        if m.role == "user" and not (m.parts and all(isinstance(part, ToolResultPart) for part in m.parts))
    )
    return next(said, "")


def turns_of(request: Request) -> int:
    """How many turns the engine has had."""
    return sum(role == "assistant" for role, _ in groupby(map(_role, request.messages)))


def key_of(request: Request) -> bytes:
    """What makes two requests the same question, in whatever dialect: their messages and the names of their tools.

    Dialects cut the same conversation into different messages and parts, so what one side says in one go counts as
    one, and arguments count by what they mean.
    """
    said = [(_role(m, part), essence) for m in request.messages for part in m.parts if (essence := _essence(part))]
    turns = [[role, *_joined(essence for _, essence in group)] for role, group in groupby(said, lambda pair: pair[0])]
    tools = [t.name for t in request.tools if t.name]
    return hashlib.sha256(msgspec.json.encode([turns, tools], order="sorted")).digest()


def _role(message: Message, part: Part | None = None) -> str:
    if isinstance(part, ToolResultPart):
        return "tool"
    return "system" if message.role == "developer" else message.role


def _latest(request: Request) -> str:
    """The latest text of the user or of a tool."""
    for message in reversed(request.messages):
        if message.role in {"user", "tool"}:
            told = [
                p.text
                for part in message.parts
                if isinstance(part, ToolResultPart)
                for p in part.parts
                if isinstance(p, TextPart)
            ]
            return "\n".join([*told, message.text])
    return ""


def _joined(essences: Iterable[Any]) -> list[Any]:
    """Texts that follow each other as one."""
    made: list[Any] = []
    for essence in essences:
        if isinstance(essence, str) and made and isinstance(made[-1], str):
            made[-1] += essence
        else:
            made.append(essence)
    return made


def _essence(part: Part) -> Any:
    """What of a part belongs to the question. Reasoning does not: it differs from host to host."""
    match part:
        case TextPart():
            return part.text
        case ImagePart() | FilePart():
            return [part.url, part.data, part.file_id if isinstance(part, FilePart) else ""]
        case ToolCallPart():
            return [part.name, _meaning(part.arguments)]
        case ToolResultPart():
            return _joined(_essence(p) for p in part.parts)
        case OpaquePart():
            return part.data
        case _:
            return None


def _meaning(arguments: str) -> Any:
    try:
        return msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return arguments
