"""Whatever the canon allows survives every dialect's stream, and nothing from outside crashes a reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from event_sequences import event_sequences, said
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import dialects
from weighbridge.canon import (
    Begin,
    Event,
    Failure,
    Finish,
    Message,
    Profile,
    Reply,
    Request,
    TextPart,
    Tool,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.errors import EngineError, WeighbridgeError

every_dialect = pytest.mark.parametrize("name", dialects.NAMES)
few = settings(max_examples=30)

#: Under which names a Loss tells that something is not as it was.
PLACES = {
    "text": ("parts", "refusal", "text"),
    "reasoning": ("reasoning", "parts", "thinking"),
    "tool_calls": ("tool", "parts", "arguments"),
    "ids": ("id",),
    "citations": ("citation", "grounding", "annotation"),
    "logprobs": ("logprobs",),
    "media": ("part", "image", "file", "document", "media"),
    "finish": ("finish",),
}


def written(name: str, events: list[Event]) -> tuple[bytes, tuple[str, ...]]:
    begin = events[0]
    assert isinstance(begin, Begin)
    writer = dialects.get(name).writer(id=begin.id, model=begin.model, created=begin.created, usage=True)
    raw = b"".join(writer.write(event) for event in events) + writer.close()
    return raw, tuple(loss.field for loss in writer.losses)


def read(name: str, raw: bytes, cuts: list[int]) -> list[Event]:
    reader = dialects.get(name).reader()
    ends = [*sorted(cuts), len(raw)]
    events = [e for a, b in zip([0, *ends], ends, strict=False) for e in reader.feed(raw[a:b])] + reader.close()
    assert reader.close() == []
    assert reader.feed(raw) == []
    return events


def tokens(usage: Usage | None) -> list[int]:
    """The tokens that every dialect can tell."""
    assert usage is not None
    return [usage.input, usage.cached, usage.output, usage.reasoning]


def keeps_the_rules(events: list[Event]) -> None:
    """A reader's own events keep the canon's rules."""
    assert sum(isinstance(e, Begin) for e in events) <= 1
    finished = set()
    opened = set()
    for place, event in enumerate(events):
        match event:
            case Begin():
                assert place == 0
            case Failure():
                assert place == len(events) - 1
            case Finish():
                assert event.choice not in finished
                finished.add(event.choice)
            case UsageEvent():
                pass
            case _:
                assert event.choice not in finished
                if event.__class__.__name__ == "ToolCallDelta" and (event.choice, event.index) not in opened:  # type: ignore[union-attr]  # its name says so
                    assert event.id  # type: ignore[union-attr]  # as above
                    opened.add((event.choice, event.index))  # type: ignore[union-attr]  # as above


def compare(before: Reply, after: Reply, lost: tuple[str, ...]) -> None:
    """What is not the same must have been told by a Loss."""
    for one, other in zip(said(before), said(after), strict=False):
        for aspect, places in PLACES.items():
            if any(place in field for place in places for field in lost):
                continue
            # A refusal is told after the text in some dialects, and as text in others.
            in_other_order = aspect == "text" and sorted(one[aspect]) == sorted(other[aspect])
            refused = aspect == "finish" and {one[aspect], other[aspect]} == {"stop", "content_filter"}
            if not (in_other_order or (refused and any(choice.refusal for choice in before.choices))):
                assert one[aspect] == other[aspect], (aspect, lost)


def breaks_off(events: list[Event]) -> bool:
    """May a dialect tell this as a failure? Some know no answer that ended in an error."""
    return any(isinstance(event, Finish) and event.reason == "error" for event in events)


@every_dialect
@few
@given(data=st.data())
def test_every_sequence_survives_writing_cutting_and_reading(name, data):
    events = data.draw(event_sequences())
    raw, lost = written(name, events)
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8))
    told = read(name, raw, cuts)
    keeps_the_rules(told)
    before, after = Fold.of(events), Fold.of(told)
    if after.failure is not None:
        assert before.failure is not None or breaks_off(events)
        return
    assert before.failure is None
    assert after.finished
    wanted, found = before.reply(), after.reply()
    one_only = any(field.startswith("choices") and "." not in field for field in lost)
    assert len(found.choices) == (1 if one_only else len(wanted.choices))
    compare(wanted, found, lost)
    if before.usage is not None and not any("usage" in field for field in lost):
        assert tokens(after.usage) == tokens(before.usage)


@every_dialect
@few
@given(events=event_sequences(choices=1, failures=False), words=st.booleans())
def test_a_reply_told_as_a_stream_says_the_same(name, events, words):
    reply = Fold.of(events).reply()
    raw, lost = written(name, list(unfold(reply, words=words)))
    again = Fold.of(read(name, raw, []))
    if again.failure is None or not breaks_off(events):
        compare(reply, again.reply(), lost)


@every_dialect
@few
@given(data=st.data())
def test_a_whole_reply_survives(name, data):
    events = data.draw(event_sequences(failures=False))
    reply = Fold.of(events).reply()
    dialect = dialects.get(name)
    body, losses = dialect.write_reply(reply)
    try:
        again = dialect.read_reply(body)
    except EngineError:
        assert breaks_off(events)
        return
    compare(reply, again, tuple(loss.field for loss in losses))


# --- hostile bytes --------------------------------------------------------------------------------


@st.composite
def spoiled(draw: st.DrawFn, raw: bytes) -> bytes:
    """Valid bytes with a few of them cut out, doubled, turned over or put in."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 40)))
        new = draw(
            st.sampled_from(
                [b"", raw[start:end] * 2, b"null", b'"', b"}", b"\xff", b"\n\n", b"-1", b"1e999", b"[" * 99]
            )
            | st.binary(max_size=6)
        )
        raw = raw[:start] + new + raw[end:]
    return raw


@every_dialect
@few
@given(data=st.data())
def test_no_spoiled_stream_crashes_a_reader(name, data):
    raw, _ = written(name, data.draw(event_sequences()))
    raw = data.draw(spoiled(raw))
    events = read(name, raw, data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    keeps_the_rules(events)
    assert events
    assert isinstance(events[-1], Failure) or Fold.of(events).finished


@every_dialect
@few
@given(raw=st.binary(max_size=300), cut=st.integers(0, 300))
def test_no_bytes_crash_a_reader(name, raw, cut):
    events = read(name, raw, [min(cut, len(raw))])
    assert isinstance(events[-1], Failure)
    dialect = dialects.get(name)
    for call in (dialect.read_reply, dialect.read_request):
        with pytest.raises(WeighbridgeError):
            call(raw)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def replaced(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with something within it replaced by any other value."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: draw(replaced(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(replaced(value[place])), *value[place + 1 :]]
    return draw(json_values)


@every_dialect
@settings(max_examples=50)
@given(data=st.data())
def test_no_strange_reply_crashes_a_reader(name, data):
    dialect = dialects.get(name)
    reply = Fold.of(data.draw(event_sequences(failures=False))).reply()
    body = data.draw(replaced(json.loads(dialect.write_reply(reply)[0])))
    try:
        again = dialect.read_reply(json.dumps(body).encode())
    except WeighbridgeError:
        return
    for other in dialects.NAMES:
        dialects.get(other).write_reply(again)


@every_dialect
@settings(max_examples=50)
@given(data=st.data())
def test_no_strange_request_crashes_a_reader(name, data):
    dialect = dialects.get(name)
    reply = Fold.of(data.draw(event_sequences(choices=1, failures=False))).reply()
    request = Request(
        "m",
        (
            Message("system", (TextPart("Be brief."),)),
            Message("user", (TextPart("Hello"),)),
            Message("assistant", reply.choices[0].parts),
            Message("user", (TextPart("Go on"),)),
        ),
        tools=(Tool("f", "does it", {"type": "object", "properties": {"a": {"type": "integer"}}}),),
    )
    body = data.draw(replaced(json.loads(dialect.write_request(request, Profile(max_output=99))[0])))
    try:
        again = dialect.read_request(json.dumps(body).encode(), model="m")
    except WeighbridgeError:
        return
    for other in dialects.NAMES:
        dialects.get(other).write_request(again, Profile(max_output=99))
