"""Anthropic Messages streams: read however they are cut, written so that every client can follow."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import dialects
from weighbridge.canon import (
    Begin,
    Blob,
    Citation,
    CitationEvent,
    Event,
    Failure,
    Finish,
    ImagePart,
    Logprob,
    LogprobsEvent,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold

CLAUDE = dialects.get("anthropic-messages")
NAME = CLAUDE.name
START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 7, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}


def sse(*events):
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def block(index, start, *deltas):
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": d} for d in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def ended(reason="end_turn", **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5, **usage}}


def text(*pieces):
    return [{"type": "text_delta", "text": piece} for piece in pieces]


def read(raw, cuts=()):
    reader = CLAUDE.reader()
    events = []
    start = 0
    for cut in [*cuts, len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def write(*events):
    writer = CLAUDE.writer(id="msg_1", model="claude", created=0, usage=False)
    body = b"".join(writer.write(event) for event in events) + writer.close()
    lost = tuple(loss for loss in writer.losses if loss.field != "usage")
    told = [json.loads(part.partition(b"data: ")[2]) for part in body.split(b"\n\n")[:-1]]
    return told, lost, body


def fold(events):
    return Fold.of(events).reply()


def test_a_stream_of_every_kind_of_block():
    raw = sse(
        START,
        {"type": "ping"},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "red"}),
        *block(2, {"type": "text", "text": "He"}, *text("llo")),
        *block(
            3,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"q"'},
            {"type": "input_json_delta", "partial_json": ":1}"},
        ),
        *block(4, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
        *block(
            5,
            {"type": "tool_use", "id": "t", "name": "look", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"a": 1}'},
        ),
        ended("tool_use", input_tokens=9, cache_read_input_tokens=2),
        STOP,
    )
    reply = fold(read(raw))
    assert reply.choices[0].parts == (
        ReasoningPart("Hm", (Blob(NAME, "sig", "signature"),)),
        ReasoningPart("", (Blob(NAME, "red", "redacted"),)),
        TextPart("Hello"),
        OpaquePart(NAME, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}),
        OpaquePart(NAME, {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
        ToolCallPart("t", "look", '{"a": 1}'),
    )
    assert (reply.finish, reply.id, reply.model) == ("tool_calls", "msg_1", "claude")
    assert reply.usage == Usage(11, 2, 5)
    assert all(read(raw, [cut]) == read(raw) for cut in range(1, len(raw), 7))
    assert read(raw, range(1, len(raw))) == read(raw)
    assert read(raw.replace(b"\n", b"\r\n"), range(1, len(raw), 3)) == read(raw)
    _, losses, body = write(*read(raw))
    assert fold(read(body)) == reply
    assert losses == ()


def test_two_blocks_of_one_kind_are_two_parts():
    raw = sse(
        START,
        *block(0, {"type": "text", "text": ""}, *text("a", "b")),
        *block(1, {"type": "text", "text": ""}, *text("c")),
        *block(2, {"type": "thinking"}, {"type": "signature_delta", "signature": "1"}),
        *block(3, {"type": "thinking"}, {"type": "signature_delta", "signature": "2"}),
        ended(),
        STOP,
    )
    events = read(raw)
    assert [part.text for part in fold(events).choices[0].parts] == ["ab", "c", "", ""]
    assert fold(read(write(*events)[2])) == fold(events)


def test_citations_that_come_before_their_text_wait_for_it():
    web = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "encrypted_index": "e"}
    page = {"type": "page_location", "document_title": "D", "start_page_number": 3}
    raw = sse(
        START,
        *block(0, {"type": "text", "text": ""}, *text("before")),
        *block(
            1,
            {"type": "text", "text": "", "citations": []},
            {"type": "citations_delta", "citation": web},
            *text("cited"),
            {"type": "citations_delta", "citation": page},
        ),
        *block(2, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": web}),
        ended(),
        STOP,
    )
    events = read(raw)
    before, cited = fold(events).choices[0].parts
    assert before.citations == ()
    assert [c.title for c in cited.citations] == ["A", "D"]
    assert fold(read(write(*events)[2])) == fold(events)


def test_a_call_without_arguments_has_an_empty_object():
    for start, arguments in (({}, "{}"), ({"input": {"a": 1}}, '{"a":1}'), ({"input": None}, "{}")):
        raw = sse(START, *block(0, {"type": "tool_use", "id": "t", "name": "n", **start}), ended(), STOP)
        assert fold(read(raw)).choices[0].tool_calls[0].arguments == arguments
        assert fold(read(raw)).finish == "tool_calls"


def test_a_call_without_an_id_gets_one_from_its_place():
    calls = [*block(0, {"type": "tool_use", "name": "a"}), *block(1, {"type": "tool_use", "name": "b"})]
    ids = [call.id for call in fold(read(sse(START, *calls, ended(), STOP))).choices[0].tool_calls]
    assert ids == ["call_msg_1_0", "call_msg_1_1"]


def test_blocks_of_tomorrow_are_kept_whole():
    raw = sse(
        START,
        *block(
            0,
            {"type": "compaction", "content": None},
            {"type": "compaction_delta", "content": "so "},
            {"type": "compaction_delta", "content": "far", "more": [1], "flag": True},
            {"type": "compaction_delta", "content": None, "more": [2]},
        ),
        *block(1, {"type": "mcp_tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": "{broken"}),
        ended("pause_turn"),
        STOP,
    )
    one, two = fold(read(raw)).choices[0].parts
    assert one.data == {"type": "compaction", "content": "so far", "more": [1, 2], "flag": True}
    assert two.data == {"type": "mcp_tool_use", "input": {"arguments": "{broken"}}
    assert fold(read(raw)).finish == "pause"


@pytest.mark.parametrize(
    ("tail", "finish"),
    [
        ([ended(), STOP], "stop"),
        ([ended()], "stop"),
        ([STOP], "stop"),
        ([ended("max_tokens"), ended("tool_use")], "length"),
    ],
)
def test_a_stream_is_whole_with_a_reason_or_an_end(tail, finish):
    events = read(sse(START, *block(0, {"type": "text", "text": "x"}), *tail))
    assert [e.reason for e in events if isinstance(e, Finish)] == [finish]
    assert not any(isinstance(e, Failure) for e in events)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b": only a comment\n\n",
        sse(START),
        sse(START, *block(0, {"type": "text", "text": "x"})),
        sse(START, STOP),
        sse(START)[:-20],
        b"data: {\n\n",
        b"data: [1]\n\n",
        sse(START) + b"data: \xff\n\n",
        sse({"type": "message_start", "message": 5}, {"type": "content_block_start", "index": "x"}),
    ],
)
def test_a_stream_that_is_not_whole_ends_with_a_failure(raw):
    events = read(raw)
    assert isinstance(events[-1], Failure)
    assert events[-1].code == "broken_answer"
    assert sum(isinstance(e, Failure) for e in events) == 1


def test_odd_events_are_passed_over():
    raw = sse(
        START,
        START,
        {"type": "of tomorrow", "delta": {"text": "no"}},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "no"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": 5}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 5}},
        {"type": "content_block_delta", "index": 0, "delta": None},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "yes"}},
        {"type": "content_block_stop", "index": 5},
        ended(),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "no"}},
        *block(1, {"type": "text", "text": "no"}),
        STOP,
        ended("max_tokens"),
    )
    reply = fold(read(raw))
    assert (reply.text, reply.finish) == ("yes", "stop")
    assert sum(isinstance(e, Begin) for e in read(raw)) == 1


def test_the_name_of_an_event_counts_where_its_data_has_no_type():
    raw = b'event: message_start\ndata: {"message":{"id":"m"}}\n\nevent: message_delta\ndata: {"delta":{"stop_reason":"x"}}\n\n'
    assert read(raw) == [Begin("m"), Finish("stop")]


def test_too_many_blocks_are_a_failure():
    raw = sse(START) + b"".join(sse(*block(i, {"type": "text", "text": "x"})[:1]) for i in range(4097))
    assert "4096 blocks" in read(raw)[-1].message


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("overloaded_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
        ("invalid_request_error", "refused_request"),
        ("api_error", "overloaded"),
    ],
)
def test_pitfall_34_an_error_inside_the_stream(kind, code):
    raw = sse(
        START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}},
        {"type": "error", "error": {"type": kind, "message": "No more."}},
    )
    events = read(raw + sse(ended(), STOP))
    assert events[-1] == Failure(code, "No more.")
    told, _, body = write(*events)
    assert told[-1]["type"] == "error"
    assert told[-1]["error"]["message"] == "No more."
    assert read(body)[-1] == events[-1]
    assert fold(read(body)).text == "x"


def test_a_failure_before_anything_else_is_told_alone():
    told, _, body = write(Begin("a"), Failure("overloaded", "Busy."), TextDelta("late"))
    assert told == [{"type": "error", "error": {"type": "overloaded_error", "message": "Busy.", "code": "overloaded"}}]
    assert body.startswith(b"event: error\n")


def test_pitfall_31_tokens_that_are_known_late_are_told_in_message_delta():
    told, _, _ = write(Begin("a"), TextDelta("x"), Finish("stop"), UsageEvent(Usage(130, 100, 5, 3, cache_written=20)))
    assert told[0]["message"]["usage"]["input_tokens"] == 0
    assert told[-2]["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 100,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    assert told[-1] == {"type": "message_stop"}


def test_pitfall_31_tokens_that_are_known_early_are_told_at_once():
    told, _, _ = write(
        Begin("a"), UsageEvent(Usage(9, 0, 1)), TextDelta("x"), Finish("stop"), UsageEvent(Usage(9, 0, 4))
    )
    assert told[0]["message"]["usage"]["input_tokens"] == 9
    assert told[-2]["usage"]["output_tokens"] == 4


def test_every_event_names_its_type():
    _, _, body = write(Begin("a"), TextDelta("x\ny"), Finish("stop"))
    for part in body.decode().split("\n\n")[:-1]:
        first, second = part.split("\n")
        assert first == "event: " + json.loads(second.removeprefix("data: "))["type"]


def test_text_and_thinking_are_written_at_once():
    writer = CLAUDE.writer(id="m", model="c", created=0, usage=True)
    assert writer.write(Begin("m")) == b""
    assert writer.write(ReasoningDelta("Hm")).count(b"thinking_delta") == 1
    assert b"content_block_stop" in writer.write(TextDelta("a"))
    assert writer.write(TextDelta("b")).count(b"event: ") == 1
    assert writer.write(TextDelta("")) == b""


def test_a_call_is_streamed_and_closed_when_the_next_begins():
    writer = CLAUDE.writer(id="m", model="c", created=0, usage=True)
    assert b"tool_use" in writer.write(ToolCallDelta(0, "a", "look"))
    assert b"partial_json" in writer.write(ToolCallDelta(0, arguments='{"x":'))
    assert b"partial_json" in writer.write(ToolCallDelta(0, arguments="1}"))
    second = writer.write(ToolCallDelta(1, "b", "look"))
    assert second.index(b"content_block_stop") < second.index(b'"b"')


def test_pitfall_32_calls_that_come_by_turns_are_written_one_after_the_other():
    events = (
        Begin("m"),
        TextDelta("So"),
        ToolCallDelta(0, "a", "one"),
        ToolCallDelta(1, "b", "two"),
        ToolCallDelta(0, arguments='{"x"'),
        ToolCallDelta(1, arguments='{"y"'),
        ToolCallDelta(0, arguments=":1}"),
        ToolCallDelta(1, arguments=":2}"),
        Finish("tool_calls"),
    )
    told, losses, body = write(*events)
    assert [e["index"] for e in told if "index" in e] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert fold(read(body)).choices == fold(events).choices
    assert losses == ()
    check(told)


def test_a_calls_id_and_name_may_come_apart():
    told, losses, _ = write(ToolCallDelta(0, "a"), ToolCallDelta(0, arguments="{"), ToolCallDelta(0, "", "n", "}"))
    assert told[1]["content_block"] == {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    assert told[2]["delta"]["partial_json"] == "{}"
    assert losses == ()


def test_what_comes_after_a_whole_call_or_is_no_object_is_told():
    _, losses, _ = write(ToolCallDelta(0, "a", "n", "{}"), TextDelta("x"), ToolCallDelta(0, arguments=" more"))
    assert [loss.severity for loss in losses] == ["medium"]
    _, losses, _ = write(ToolCallDelta(0, "a", "n", "[1]"), Finish("tool_calls"))
    assert [loss.severity for loss in losses] == ["medium"]


def test_seals_of_any_engine():
    told, losses, _ = write(
        ReasoningDelta("Hm"),
        ReasoningDelta("", Blob("openai", "e", "encrypted")),
        ReasoningDelta("", Blob("openai", "f", "encrypted"), new=True),
        ReasoningDelta("", Blob("google", "g", "signature"), new=True),
        TextDelta("x", blob=Blob("google", "t", "signature")),
        ToolCallDelta(0, "a", "n", "{}", blob=Blob("google", "c", "signature")),
        Finish("tool_calls"),
    )
    starts = [e["content_block"]["type"] for e in told if e["type"] == "content_block_start"]
    assert starts == ["thinking", "redacted_thinking", "thinking", "text", "tool_use"]
    seals = [e["delta"]["signature"] for e in told if e.get("delta", {}).get("type") == "signature_delta"]
    assert seals == ["e", "g"]
    assert losses == ()


def test_what_a_stream_here_cannot_hold():
    told, losses, _ = write(
        Begin("a"),
        TextDelta("x"),
        TextDelta("y", choice=1),
        Finish("stop", choice=1),
        PartEvent(ImagePart(data="AAAA")),
        LogprobsEvent((Logprob("x", -1.0),)),
        CitationEvent(Citation(title="nowhere")),
        RefusalDelta("No."),
        CitationEvent(Citation("https://a.example")),
        Finish("stop"),
    )
    assert told[-2]["delta"]["stop_reason"] == "refusal"
    assert {loss.field: loss.severity for loss in losses} == {
        "choices": "high",
        "choices[0].parts": "high",
        "choices[0].logprobs": "medium",
        "choices[0].citations": "low",
        "choices[0].refusal": "low",
    }
    check(told)


def test_a_citation_after_its_text_was_closed_is_told():
    cited = CitationEvent(Citation("https://a.example"))
    _, losses, _ = write(TextDelta("x"), ToolCallDelta(0, "a", "n", "{}"), cited, Finish("stop"))
    assert [loss.severity for loss in losses] == ["low"]


def test_an_answer_without_tokens_tells_none_and_says_so():
    writer = CLAUDE.writer(id="m", model="c", created=0, usage=True)
    assert b'"output_tokens":0' in writer.write(TextDelta("x")) + writer.close()
    assert [(loss.field, loss.severity) for loss in writer.losses] == [("usage", "low")]


def test_an_answer_of_nothing_is_whole():
    told, losses, body = write()
    assert [e["type"] for e in told] == ["message_start", "message_delta", "message_stop"]
    assert told[1]["delta"]["stop_reason"] == "end_turn"
    assert losses == ()
    assert isinstance(read(body)[-1], Finish)


def test_the_relay_passes_every_byte_on():
    raw = sse(START, *block(0, {"type": "text", "text": "x"}), ended(), STOP)
    relay = CLAUDE.relay(usage=False)
    passed, events = zip(*(relay.feed(raw[i : i + 9]) for i in range(0, len(raw), 9)), strict=True)
    assert b"".join(passed) == raw
    assert [e for found in events for e in found] + relay.close()[1] == read(raw)


def check(told):
    """Pitfall 32: exactly one message_start, contiguous indices, one block at a time, every block closed."""
    assert [e["type"] for e in told].count("message_start") == 1
    assert told[0]["type"] == "message_start"
    assert [e["type"] for e in told[-2:]] == ["message_delta", "message_stop"]
    opened = -1
    inside = False
    for event in told[1:-2]:
        match event["type"]:
            case "content_block_start":
                opened += 1
                assert not inside
                inside = True
            case "content_block_stop":
                assert inside
                inside = False
            case other:
                assert other == "content_block_delta"
                assert inside
        assert event["index"] == opened
    assert not inside


ARGUMENTS = st.sampled_from(["{}", '{"a": 1}', '{"text": "} {"}', ""])
WORDS = st.text(max_size=5)
SEALS = st.builds(Blob, st.just(NAME), st.sampled_from(["s1", "s2"]), st.sampled_from(["signature", "redacted"]))
CALLS = st.tuples(st.just("call"), ARGUMENTS, st.integers(1, 4))
PIECES = st.one_of(
    st.tuples(st.just("text"), WORDS, st.booleans()),
    st.tuples(st.just("thinking"), WORDS, st.none() | SEALS),
    st.tuples(st.just("part"), st.just({"type": "mcp_tool_use", "input": {"a": 1}}), st.none()),
    CALLS,
    st.tuples(st.just("calls"), st.lists(CALLS, min_size=2, max_size=3), st.randoms(use_true_random=False)),
)


def chunks(call_index, made):
    _, arguments, size = made
    pieces = [arguments[i : i + size] for i in range(0, len(arguments), size)]
    return [ToolCallDelta(call_index, f"c{call_index}", "n"), *(ToolCallDelta(call_index, arguments=p) for p in pieces)]


def events_of(pieces):
    """The events of an answer: the rules of the canon hold, and some calls come by turns."""
    events: list[Event] = [Begin("m", "claude")]
    calls = 0
    before = ""
    for kind, what, how in pieces:
        if kind == "text":
            events.append(TextDelta(what, new=before == "text" and how and bool(what)))
        elif kind == "thinking":
            events += [ReasoningDelta(what, new=before == "thinking" and bool(what))] if what else []
            events += [ReasoningDelta("", how, new=before == "thinking" and not what)] if how else []
        elif kind == "part":
            events.append(PartEvent(OpaquePart(NAME, what)))
        else:
            group = [(kind, what, how)] if kind == "call" else what
            lists = [chunks(calls + i, made) for i, made in enumerate(group)]
            events += [found[0] for found in lists]
            rest = [found[1:] for found in lists]
            while any(rest):
                chosen = how.choice([r for r in rest if r]) if kind == "calls" else next(r for r in rest if r)
                events.append(chosen.pop(0))
            calls += len(group)
        if what or (how and kind != "text"):  # nothing said ends nothing
            before = kind
    return [*events, Finish("tool_calls" if calls else "stop"), UsageEvent(Usage(9, 1, 3))]


def said(reply):
    """What an answer says, whatever its parts are divided into."""
    found = []
    for part in reply.choices[0].parts if reply.choices else ():
        match part:
            case TextPart():
                found.append(("text", part.text, ""))
            case ReasoningPart():
                found += [("thinking", part.text, "")] if part.text else []
                found += [("seal", b.data, b.kind) for b in part.blobs]
            case ToolCallPart():
                found.append(("call", part.id, part.arguments or "{}"))
            case _:
                found.append(("part", json.dumps(part.data), ""))
    merged = [
        list(group) for _, group in itertools.groupby(found, key=lambda f: f[0] if f[0] in ("text", "thinking") else f)
    ]
    return [
        (g[0][0], "".join(f[1] for f in g), g[0][2]) if g[0][0] in ("text", "thinking") else tuple(g) for g in merged
    ]


@given(st.lists(PIECES, max_size=7), st.lists(st.integers(0, 4000), max_size=20))
@settings(max_examples=60)
def test_pitfall_32_any_answer_survives_being_written_cut_and_read(pieces, cuts):
    events = events_of(pieces)
    told, losses, body = write(*events)
    check(told)
    assert losses == ()
    reply = fold(read(body, sorted(c for c in cuts if c < len(body))))
    before = fold(events)
    assert said(reply) == said(before)
    assert (reply.finish, reply.usage, reply.id) == (before.finish, before.usage, "msg_1")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error"]
BLOCKS = ["text", "thinking", "tool_use", "redacted_thinking", "text_delta", "input_json_delta", "signature_delta"]
INNER = st.dictionaries(
    st.sampled_from(["type", "text", "thinking", "id", "name", "input", "partial_json", "stop_reason", "citation"]),
    JSON | st.sampled_from(BLOCKS),
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, "message_stop", "x"])},
    optional={
        "index": st.integers(-1, 2) | JSON,
        "delta": INNER | JSON,
        "content_block": INNER | JSON,
        "message": JSON,
        "usage": JSON | st.dictionaries(st.sampled_from(["input_tokens", "output_tokens"]), JSON),
        "error": JSON,
    },
)


@given(st.lists(EVENTS, max_size=12))
@settings(max_examples=60)
def test_no_stream_crashes_the_reader_and_what_was_read_can_be_written(found):
    events = read(sse(*found))
    assert isinstance(events[-1], (Failure, Finish, UsageEvent))
    assert [type(e) for e in events].count(Begin) <= 1
    writer = CLAUDE.writer(id="m", model="c", created=0, usage=True)
    body = b"".join(writer.write(event) for event in events) + writer.close()
    assert read(body)
