"""OpenAI Chat: the calls of tools in a stream, told apart however the host numbers them."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import Blob, Event, OpaquePart, PartEvent, ToolCallDelta
from weighbridge.dialects.openai_chat.calls import made_id, take_seal
from weighbridge.dialects.openai_chat.outgoing import NAME
from weighbridge.dialects.openai_chat.parts import as_json_text

_DEEPEST = 8
#: Texts of a call that are told once; all others come in pieces.
_WHOLE = frozenset({"id", "type", "name"})


class _Call:
    """`own` holds what was told so far of a call that is no function's. `open`: its start was not told yet."""

    __slots__ = ("id", "index", "name", "open", "own", "pieces", "seal")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.seal = ""
        self.pieces: list[str] = []
        self.open = True
        self.own: dict[str, Any] | None = None


class Calls:
    """The calls of one choice. A call is told when both its id and its name are known.

    Where the host gives no id, the call is held back until it ends, and then given one that its place tells.

    Args:
        choice: The choice's number.
        seed: What the ids are made from that hosts leave out: the answer's own id and time.
    """

    def __init__(self, choice: int, seed: tuple[Any, ...]) -> None:
        self._choice = choice
        self._seed = seed
        self._open: dict[int, _Call] = {}
        self._last: _Call | None = None
        self._count = 0

    def read(self, raw: Any, events: list[Event]) -> None:
        """One item of `delta.tool_calls`."""
        if type(raw) is not dict:
            return
        function = raw.get("function")
        if type(function) is not dict:
            if self._read_own(raw, events):
                return
            function = {}
        name, told_id, place = _text(function.get("name")), _text(raw.get("id")), raw.get("index")
        arguments = _arguments(function.get("arguments"))
        call = self._open.get(place) if type(place) is int else self._last
        if call is None or self._is_other(call, told_id, name):
            if not (told_id or name or arguments):
                return
            call = self._begin(place, events)
        elif call is not self._last:
            self.flush(events)
        self._last = call
        call.id, call.name = call.id or told_id, call.name or name
        seal = take_seal(raw) if "extra_content" in raw else ""
        if call.open:
            call.pieces.append(arguments)
            call.seal = call.seal or seal
            if call.id and call.name:
                self._tell(call, events)
        elif arguments or seal:
            events.append(ToolCallDelta(call.index, arguments=arguments, choice=self._choice, blob=_blob(seal)))

    def flush(self, events: list[Event]) -> None:
        """Tell what is still held back."""
        call = self._last
        if call is None or not call.open:
            return
        if call.own is not None:
            call.open = False
            events.append(PartEvent(OpaquePart(NAME, {"tool_call": call.own}), self._choice))
        else:
            call.id = call.id or made_id(*self._seed, self._choice, call.index, call.name)
            self._tell(call, events)

    def _begin(self, place: Any, events: list[Event]) -> _Call:
        self.flush(events)
        call = _Call(self._count)
        self._count += 1
        if type(place) is int:
            self._open[place] = call
        return call

    def _tell(self, call: _Call, events: list[Event]) -> None:
        call.open = False
        told = "".join(call.pieces)
        events.append(ToolCallDelta(call.index, call.id, call.name, told, self._choice, _blob(call.seal)))

    def _read_own(self, raw: dict[str, Any], events: list[Event]) -> bool:
        """Is it a call of another kind than a function's, or more of one?"""
        place, told_id = raw.get("index"), _text(raw.get("id"))
        call = self._open.get(place) if type(place) is int else self._last
        more = call is not None and call.own is not None and (not told_id or told_id == call.own.get("id"))
        if not more and (not _text(raw.get("type")) or raw["type"] == "function"):
            return False
        if not more or call is None:
            call = self._begin(place, events)
            call.own = {}
        elif call is not self._last:
            self.flush(events)
        self._last = call
        if call.open and call.own is not None:
            _grow(call.own, {key: value for key, value in raw.items() if key != "index"}, _DEEPEST)
        return True

    @staticmethod
    def _is_other(call: _Call, told_id: str, name: str) -> bool:
        """Is this another call on the same index? Its own id says so; without ids, a name after whole arguments."""
        if not name:
            return False
        if call.own is not None:
            return True
        if told_id or call.id:
            return bool(told_id and call.id and told_id != call.id)
        return bool(call.name) and _is_json("".join(call.pieces))


def _grow(known: dict[str, Any], more: dict[str, Any], deepest: int) -> None:
    """Add a piece of a call to what came before: texts grow, what is told once stays."""
    for key, value in more.items():
        before = known.get(key)
        if type(value) is dict and type(before) is dict and deepest:
            _grow(before, value, deepest - 1)
        elif type(value) is str and type(before) is str and key not in _WHOLE:
            known[key] = before + value
        elif before is None:
            known[key] = dict(value) if type(value) is dict else value


def _arguments(value: Any) -> str:
    """Arguments as text; some hosts send the object itself."""
    if type(value) is str:
        return value
    return "" if value is None else as_json_text(value)


def _blob(seal: str) -> Blob | None:
    return Blob(NAME, seal, "signature") if seal else None


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
