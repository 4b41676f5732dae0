"""Answers that are given again to equal requests, where a route wants it: in memory, per worker, bounded in bytes and age."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Engine,
    Event,
    Loss,
    OpaquePart,
    ReasoningDelta,
    Reply,
    TextDelta,
    ToolCallPart,
    Trace,
    Usage,
)
from weighbridge.dialects.fold import unfold
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.exchange.answer import Rewriter, StreamedAnswer, WholeAnswer
from weighbridge.exchange.cache_key import cache_key
from weighbridge.exchange.call import Call
from weighbridge.exchange.keeping import Keeper
from weighbridge.exchange.tracer import Tracer
from weighbridge.routes import Choice

HEADER = b"x-weighbridge-cache"
_OVERHEAD = 512  #: bytes that an entry costs beside its answer
_PIECE = 512  #: characters of one event of a stream that is given again
_BATCH = 64  #: events that are written at a time
_SWEEP = 60.0  #: seconds between two looks for entries whose time is over

Count = Callable[[str, str], None]
"""Told of each request to a route that keeps answers: the route, and `hit`, `miss` or `bypass`."""


class _Kept(Struct, frozen=True):
    until: float  #: on the monotonic clock
    engine: str
    reply: bytes
    usage: Usage | None
    losses: tuple[Loss, ...]

    @property
    def size(self) -> int:
        """Bytes, roughly: what is counted against the bound."""
        return len(self.reply) + _OVERHEAD + sum(len(loss.field) + len(loss.reason) for loss in self.losses)


class AnswerCache:
    """Answers that were given before; see `seams.Cache`. For one event loop.

    Args:
        max_bytes: Of all answers together; those that were not asked for longest go first.
        max_answer: Bytes of one answer; larger ones are not kept.
        clock: Time.
        count: Told how each request went.
    """

    def __init__(
        self, *, max_bytes: int, max_answer: int, clock: Clock = SYSTEM, count: Count = lambda _route, _result: None
    ) -> None:
        self._max_bytes = max_bytes
        self._max_answer = max_answer
        self._clock = clock
        self._count = count
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._swept = clock.monotonic()
        self.bytes = 0  #: that are kept now

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def look(self, call: Call, choice: Choice, tracer: Tracer) -> WholeAnswer | StreamedAnswer | None:
        """The answer to an equal request, if one is kept that this caller may have; see `seams.Cache.look`."""
        seconds = choice.entry.cache if choice.entry is not None else 0.0
        if seconds <= 0 or self._max_bytes <= 0:
            return None
        key = cache_key(call, choice)
        if key is None:
            self._tell(tracer, choice, "bypass")
            return None
        kept = self._kept.get(key)
        engine = next((e for e in choice.engines if e.name == kept.engine), None) if kept is not None else None
        if kept is None or engine is None or kept.until <= self._clock.monotonic():
            self._tell(tracer, choice, "miss")
            tracer.ended.append(lambda trace: self._keep(key, trace, seconds))
            return None
        self._kept.move_to_end(key)
        self._tell(tracer, choice, "hit")
        return _told_again(call, tracer, engine, kept)

    def _tell(self, tracer: Tracer, choice: Choice, result: str) -> None:
        tracer.told.append((HEADER, result.encode()))
        self._count(choice.route, result)

    def _keep(self, key: bytes, trace: Trace, seconds: float) -> None:
        if trace.outcome != "ok" or trace.cached or trace.reply is None or not _is_whole(trace.reply):
            return
        if trace.masked:
            return  # it speaks of surrogates that the next request will not have
        try:
            data = msgspec.msgpack.encode(trace.reply)
        except (UnicodeEncodeError, OverflowError, TypeError, ValueError):
            return  # half a character, a number beyond all bounds: such an answer is not kept
        now = self._clock.monotonic()
        made = _Kept(now + seconds, trace.engine, data, trace.usage, trace.losses)
        if made.size > min(self._max_answer, self._max_bytes):
            return
        self._drop(key)
        self._kept[key] = made
        self.bytes += made.size
        if now - self._swept >= _SWEEP:
            self._swept = now
            for old in [name for name, one in self._kept.items() if one.until <= now]:
                self._drop(old)
        while self.bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self.bytes -= old.size


def _is_whole(reply: Reply) -> bool:
    """Did the engine say all that it wanted, and is it text and its like?"""
    return bool(reply.choices) and all(
        choice.finish in ("stop", "length")
        and not choice.refusal
        and choice.parts
        and not any(isinstance(part, (ToolCallPart, OpaquePart)) for part in choice.parts)
        for choice in reply.choices
    )


def _told_again(call: Call, tracer: Tracer, engine: Engine, kept: _Kept) -> WholeAnswer | StreamedAnswer:
    reply = replace(msgspec.msgpack.decode(kept.reply, type=Reply), id=tracer.id)
    front = dialects.get(call.dialect) if call.dialect else None
    tracer.cached, tracer.used = True, kept.usage
    tracer.engine = engine
    tracer.losses = kept.losses
    tracer.token()
    if call.request.stream:
        events = list(_in_pieces(unfold(reply)))
        return StreamedAnswer(
            tracer,
            engine,
            upstream=_Nobody(),
            source=_steps(-(-len(events) // _BATCH)),
            relay=Rewriter(_Told(events), front, asked=call.request, name=tracer.id),
            head=[],
            front=front,
            keeper=Keeper(call.request, engine, call.dialect, None, caller=call.caller),
        )
    body = b""
    if front is not None:
        body, lost = front.write_reply(reply, call.request)
        tracer.lose(lost)
    tracer.end(reply=reply)
    return WholeAnswer(tracer, engine, reply=reply, body=body)


def _in_pieces(events: Iterator[Event]) -> Iterator[Event]:
    """Long texts as several events: some clients bound the length of one."""
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta) and len(event.text) > _PIECE:
            for start in range(0, len(event.text), _PIECE):
                text = event.text[start : start + _PIECE]
                yield replace(event, text=text, new=event.new and start == 0)
        else:
            yield event


async def _steps(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b""


class _Told:
    """Gives the events of an answer a batch at a time: a `StreamReader` of no bytes."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._at = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """The next events."""
        del chunk
        start, self._at = self._at, self._at + _BATCH
        return self._events[start : self._at]

    def close(self) -> list[Event]:
        """All that is left."""
        return self._events[self._at :]


class _Nobody:
    """No call is under way."""

    async def close(self) -> None:
        """Nothing is to be closed."""
