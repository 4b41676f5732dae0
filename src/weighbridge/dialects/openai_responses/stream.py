"""OpenAI Responses: reading streams, event by event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from weighbridge.canon import Begin, Event, Finish, UsageEvent
from weighbridge.dialects.openai_responses.progress import Item, Progress
from weighbridge.dialects.openai_responses.reply import finish_reason, read_usage
from weighbridge.dialects.reading import EventReader, Found
from weighbridge.dialects.upstream_errors import from_stream

MOST_ITEMS = 10_000


class _Event(Struct, gc=False):
    """What is read of an event; fields that are not listed are skipped without being built."""

    type: Any = ""
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    item_id: Any = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    logprobs: Any = None
    annotation: Any = None
    item: Any = None
    response: Raw = Raw()
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)
_BEGINS = frozenset({"response.created", "response.queued", "response.in_progress"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled", "response.failed"})
_NOTHING: dict[str, Any] = {}


class OpenAIResponsesReader(EventReader):
    """Reads a stream. It is whole when the final response has come, or `[DONE]` after items that are all complete."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = Progress()
        self._ids: dict[str, int] = {}
        self._latest: Item | None = None
        self._begun = False

    def _ended(self, events: list[Event]) -> list[Event]:
        return events + self._cut_off()

    def _read(self, found: Found) -> list[Event]:
        events: list[Event] = []
        for name, data in found:
            if data.startswith(b"[DONE]"):
                events += self._done()
            elif data:  # an empty one is some hosts' heartbeat
                self._event(name, data, events)
            if self._over:
                break
        return events

    def _event(self, name: str, data: bytes, events: list[Event]) -> None:
        try:
            self._take(name, data, events)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events += self._unreadable(data)

    def _take(self, name: str, data: bytes, events: list[Event]) -> None:
        event = _EVENT.decode(data)
        kind = event.type if type(event.type) is str and event.type else name
        if kind == "error" or (event.error is not None and not event.response):
            events += self._told_error(data)
            return
        if kind in _ENDS:
            self._end(_object(event.response), events)
            return
        step = _STEPS.get(kind)
        if not self._begun and (kind in _BEGINS or step is not None):
            self._begin(_object(event.response), events)
        if step is None:
            return
        item = self._item(event, begins=step is _added)
        if item is None:
            events += self._fail(f"The stream speaks of more than {MOST_ITEMS} items.")
        else:
            step(self._progress, item, event, events)

    def _begin(self, response: dict[str, Any], events: list[Event]) -> None:
        self._begun = True
        created = response.get("created_at")
        moment = int(created) if type(created) in (int, float) and abs(created) < 1 << 53 else 0  # type: ignore[arg-type]  # a number, as tested
        self._progress.reply_id = _text(response.get("id"))
        events.append(Begin(self._progress.reply_id, _text(response.get("model")), moment))

    def _item(self, event: _Event, *, begins: bool) -> Item | None:
        """The item that an event speaks of: by its id where that is known, else by its place."""
        made = event.item_id
        if self._latest is not None and made and made == self._latest.id and not begins:
            return self._latest
        items = self._progress.items
        if made is None and type(event.item) is dict:
            made = event.item.get("id")
        made = made if type(made) is str and made else None
        place = self._ids.get(made) if made is not None else None
        if place is None and type(event.output_index) is int:
            place = event.output_index
        taken = place is None or (place in items and bool(items[place].kind))
        if place is None or (begins and taken):  # some hosts number no items, or all of them 0
            place = max(items, default=-1) + (1 if begins or not items or made is not None else 0)
        if len(items) >= MOST_ITEMS and place not in items:
            return None
        item = self._progress.item(place)
        if made is not None:
            self._ids.setdefault(made, place)
            item.id = item.id or made
            self._latest = item
        return item

    def _end(self, response: dict[str, Any], events: list[Event]) -> None:
        if not self._begun:
            self._begin(response, events)
        usage = read_usage(response.get("usage"))
        if response.get("error"):
            if usage is not None:
                events.append(UsageEvent(usage))
            error = from_stream(response["error"])
            events += self._fail(error.what, error.code)
            return
        self._catch_up(response.get("output"), events)
        if usage is not None:
            events.append(UsageEvent(usage))
        self._over = True
        events.append(Finish(finish_reason(response, calls=self._progress.calls > 0)))

    def _catch_up(self, output: Any, events: list[Event]) -> None:
        """Tell what only the final response holds. Places and ids may differ there: an item is known by its order."""
        progress = self._progress
        known: dict[str, list[Item]] = {}
        for place in sorted(progress.items):
            known.setdefault(progress.items[place].kind, []).append(progress.items[place])
        for raw in output[:MOST_ITEMS] if type(output) is list else ():
            if type(raw) is not dict:
                continue
            same = known.get(_text(raw.get("type")))
            item = same.pop(0) if same else Item(len(progress.items))
            progress.items.setdefault(item.place, item)
            progress.complete(item, raw, events, late=item.done)

    def _done(self) -> list[Event]:
        items = self._progress.items.values()
        if not items or not all(item.done for item in items):
            return self._fail("The stream ended before the answer was whole.")
        self._over = True
        return [Finish("tool_calls" if self._progress.calls else "stop")]

    def _told_error(self, data: bytes) -> list[Event]:
        value = msgspec.json.decode(data)
        inner = value.get("error")
        error = from_stream(inner if inner is not None else {k: v for k, v in value.items() if k != "type"})
        return self._fail(error.what, error.code)


def _object(raw: Raw) -> dict[str, Any]:
    value = msgspec.json.decode(raw) if raw else None
    return value if type(value) is dict else _NOTHING


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _index(value: Any) -> int:
    return value if type(value) is int else 0


def _added(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    if type(event.item) is dict:
        progress.begun(item, event.item, out)


def _completed(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    if type(event.item) is dict:
        progress.complete(item, event.item, out)


def _text_delta(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    index = _index(event.content_index)
    item.kind = item.kind or "message"
    progress.text(item, index, _text(event.delta), out)
    if event.logprobs:
        progress.logprobs(item, index, event.logprobs, out)


def _text_done(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    index = _index(event.content_index)
    item.kind = item.kind or "message"
    progress.text(item, index, progress.rest(item, index, event.text), out)
    progress.all_logprobs(item, index, event.logprobs, out)


def _annotated(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    item.kind = item.kind or "message"
    progress.annotation(item, _index(event.content_index), event.annotation, out)


def _refused(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    index = _index(event.content_index)
    item.kind = item.kind or "message"
    more = event.delta if event.refusal is None else progress.rest(item, index, event.refusal)
    progress.refusal(item, index, _text(more), out)


def _argued(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    more = event.delta if event.arguments is None else progress.rest(item, 0, event.arguments)
    progress.arguments(item, _text(more), out)


def _thought(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    item.kind = item.kind or "reasoning"
    index = _index(event.content_index)
    more = event.delta if event.text is None else progress.rest(item, index, event.text)
    progress.reasoning(item, "content", index, _text(more), out)


def _summed_up(progress: Progress, item: Item, event: _Event, out: list[Event]) -> None:
    item.kind = item.kind or "reasoning"
    index = _index(event.summary_index)
    if event.text is not None and item.source == "content":
        return
    more = event.delta if event.text is None else progress.rest(item, index, event.text)
    progress.reasoning(item, "summary", index, _text(more), out)


#: What each event tells; others, as a hosted tool's steps, are passed over until their item is done.
_STEPS: dict[str, Callable[[Progress, Item, _Event, list[Event]], None]] = {
    "response.output_item.added": _added,
    "response.output_item.done": _completed,
    "response.output_text.delta": _text_delta,
    "response.output_text.done": _text_done,
    "response.output_text.annotation.added": _annotated,
    "response.refusal.delta": _refused,
    "response.refusal.done": _refused,
    "response.function_call_arguments.delta": _argued,
    "response.function_call_arguments.done": _argued,
    "response.reasoning_text.delta": _thought,
    "response.reasoning_text.done": _thought,
    "response.reasoning_summary_text.delta": _summed_up,
    "response.reasoning_summary_text.done": _summed_up,
}
