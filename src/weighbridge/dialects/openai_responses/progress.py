"""OpenAI Responses: what is known of a stream's items, and the events that are still to be told of them.

Hosts leave out steps: some send no deltas, some no `done`, some only the final response. So each piece is counted as it
is told, and what comes later tells the rest only.
"""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import (
    Blob,
    CitationEvent,
    Event,
    LogprobsEvent,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from weighbridge.dialects.openai_responses.items import spare_id
from weighbridge.dialects.openai_responses.marks import read_annotation, read_logprobs
from weighbridge.dialects.openai_responses.parts import NAME

_TEXTS = frozenset({"output_text", "text"})
_APART = "\n\n"


class Item:
    """What was told of one output item so far."""

    __slots__ = (
        "call",
        "chances",
        "done",
        "id",
        "kind",
        "marks",
        "named",
        "place",
        "sealed",
        "source",
        "told",
        "whole",
    )

    def __init__(self, place: int) -> None:
        self.place = place
        self.kind = ""
        self.id = ""
        self.call = -1  #: which of the calls it is
        self.named = False  #: were the call's id and name told?
        self.source = ""  #: of a reasoning item: summary or content, whichever came first
        self.told: dict[Any, int] = {}  #: how many characters, by what they belong to
        self.marks: dict[int, int] = {}  #: how many annotations, by content
        self.chances: dict[int, int] = {}  #: by content, the tokens whose logprobs came
        self.sealed = False
        self.whole: set[int] = set()  #: contents that are told whole
        self.done = False


class Progress:
    """Turns what is told of items into events, each thing once."""

    def __init__(self) -> None:
        self.reply_id = ""
        self.items: dict[int, Item] = {}
        self.calls = 0
        self._last: tuple[str, int, int] = ("", -1, -1)
        self._texts = False  # was there one?

    def item(self, place: int, kind: str = "") -> Item:
        """The item of a place in the output."""
        found = self.items.get(place)
        if found is None:
            found = self.items[place] = Item(place)
        found.kind = found.kind or kind
        return found

    def text(self, item: Item, index: int, text: str, out: list[Event]) -> None:
        """More of a text."""
        if text:
            new, self._texts = self._begins("text", item.place, index), True
            item.told[index] = item.told.get(index, 0) + len(text)
            out.append(TextDelta(text, new=new))

    def refusal(self, item: Item, index: int, text: str, out: list[Event]) -> None:
        """More of a refusal."""
        if text:
            item.told[index] = item.told.get(index, 0) + len(text)
            out.append(RefusalDelta(text))

    def logprobs(self, item: Item, index: int, raw: Any, out: list[Event]) -> None:
        """How likely the latest tokens were."""
        if raw and (tokens := read_logprobs(raw)):
            item.chances[index] = item.chances.get(index, 0) + len(raw)
            out.append(LogprobsEvent(tokens))

    def all_logprobs(self, item: Item, index: int, raw: Any, out: list[Event]) -> None:
        """How likely all tokens of a text were: those that no delta told."""
        if type(raw) is list:
            self.logprobs(item, index, raw[item.chances.get(index, 0) :], out)

    def annotation(self, item: Item, index: int, raw: Any, out: list[Event]) -> None:
        """Where a passage of a text comes from."""
        item.marks[index] = item.marks.get(index, 0) + 1
        if not self._texts:  # else it belongs to the latest text, whatever came since
            self._texts = True
            self._begins("text", item.place, index)
        out.append(CitationEvent(read_annotation(raw)))

    def reasoning(self, item: Item, source: str, index: int, text: str, out: list[Event]) -> None:
        """More of the thinking. Where a host tells both the thinking and its summary, the first of the two counts."""
        item.source = item.source or source
        if not text or item.source != source:
            return
        made = "" if item.told else item.id
        if item.told and index not in item.told:
            out.append(ReasoningDelta(_APART))
        item.told[index] = item.told.get(index, 0) + len(text)
        out.append(ReasoningDelta(text, new=self._begins("reasoning", item.place, 0), id=made))

    def arguments(self, item: Item, text: str, out: list[Event]) -> None:
        """More of a call's arguments; they wait until its name is known."""
        if text and item.named:
            item.told[0] = item.told.get(0, 0) + len(text)
            out.append(ToolCallDelta(item.call, arguments=text))

    def rest(self, item: Item, index: int, whole: Any) -> str:
        """What of a whole text was not told yet."""
        return whole[item.told.get(index, 0) :] if type(whole) is str else ""

    def begun(self, item: Item, raw: dict[str, Any], out: list[Event]) -> None:
        """An item began: a call can be told at once."""
        kind, made = raw.get("type"), raw.get("id")
        item.kind = kind if type(kind) is str else ""
        item.id = made if type(made) is str else ""
        if item.kind == "function_call":
            self._name(item, raw, out)

    def complete(self, item: Item, raw: dict[str, Any], out: list[Event], *, late: bool = False) -> None:
        """An item is whole: tell what was not told yet. `late`: it was whole before; only marks may be new."""
        item.done = True
        if not item.kind:
            self.begun(item, raw, out)
        match item.kind:
            case "message":
                content = raw.get("content")
                for i, part in enumerate(content if type(content) is list else ()):
                    if type(part) is dict:
                        self._content(item, i, part, out, late=late)
            case "function_call" if not late:
                self._name(item, raw, out)
                self.arguments(item, self.rest(item, 0, _arguments(raw.get("arguments"))), out)
            case "reasoning" if not late:
                self._thought(item, raw, out)
            case "function_call" | "reasoning":
                pass
            case _ if not item.whole:
                item.whole.add(0)
                self._begins("part", item.place, 0)
                out.append(PartEvent(OpaquePart(NAME, raw)))
            case _:
                pass

    def _content(self, item: Item, index: int, part: dict[str, Any], out: list[Event], *, late: bool) -> None:
        kind = part.get("type")
        if kind in _TEXTS:
            if not late:
                self.text(item, index, self.rest(item, index, part.get("text")), out)
            marks = part.get("annotations")
            for raw in marks[item.marks.get(index, 0) :] if type(marks) is list else ():
                self.annotation(item, index, raw, out)
            self.all_logprobs(item, index, part.get("logprobs"), out)
        elif late:
            return
        elif kind == "refusal":
            self.refusal(item, index, self.rest(item, index, part.get("refusal")), out)
        elif index not in item.whole:
            item.whole.add(index)
            self._begins("part", item.place, index)
            out.append(PartEvent(OpaquePart(NAME, {"part": part})))

    def _thought(self, item: Item, raw: dict[str, Any], out: list[Event]) -> None:
        for source in ("content", "summary"):
            texts = raw.get(source)
            told = [t.get("text") if type(t) is dict else None for t in texts] if type(texts) is list else []
            for i, text in enumerate(told):
                if text and item.source in ("", source):
                    self.reasoning(item, source, i, self.rest(item, i, text), out)
        sealed = raw.get("encrypted_content")
        if type(sealed) is str and sealed and not item.sealed:
            item.sealed = True
            made = raw.get("id")
            new = self._begins("reasoning", item.place, 0)
            blob = Blob(NAME, sealed, "encrypted", made if type(made) is str else "")
            out.append(ReasoningDelta("", blob, new=new))

    def _name(self, item: Item, raw: dict[str, Any], out: list[Event]) -> None:
        """Tell a call's id and name, once they are there, with the arguments so far."""
        name, call_id = raw.get("name"), raw.get("call_id")
        if item.named or type(name) is not str or not name:
            return
        item.named = True
        item.call = self.calls
        self.calls += 1
        told = call_id if type(call_id) is str and call_id else spare_id(self.reply_id, item.place)
        arguments = _arguments(raw.get("arguments"))
        item.told[0] = len(arguments)
        self._begins("call", item.place, 0)
        out.append(ToolCallDelta(item.call, told, name, arguments))

    def _begins(self, kind: str, place: int, index: int) -> bool:
        """Note whose turn it is. Must it be said that a further part of the same kind begins?"""
        before, self._last = self._last, (kind, place, index)
        return before[0] == kind and before != self._last


def _arguments(value: Any) -> str:
    """The arguments as JSON text; some hosts send the object itself."""
    if type(value) is dict:
        return msgspec.json.encode(value).decode()
    return value if type(value) is str else ""
