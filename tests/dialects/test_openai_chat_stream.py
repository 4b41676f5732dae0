"""OpenAI Chat streams: whatever the host does, and whatever the canon allows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import dialects
from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Event,
    Failure,
    Finish,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold, unfold

CHAT = dialects.get("openai-chat")
SEAL = Blob("openai-chat", "s", "signature", format="f")
DONE = b"data: [DONE]\n\n"


def chunk(delta=None, finish=None, index=0, **fields):
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return (
        b"data: "
        + json.dumps({"id": "i", "model": "m", "created": 1, "choices": [choice], **fields}).encode()
        + b"\n\n"
    )


def calls(*items, finish=None):
    return chunk({"tool_calls": list(items)}, finish)


def read(*pieces, cuts=()):
    reader = CHAT.reader()
    raw = b"".join(pieces)
    events = []
    start = 0
    for cut in [*sorted(cuts), len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def parts(*pieces):
    return Fold.of(read(*pieces)).reply().choices[0].parts


def test_a_plain_stream():
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    events = read(
        chunk({"role": "assistant", "content": ""}),
        b": HEARTBEAT\n\n",
        chunk({"content": "Good "}),
        chunk({"content": "day"}),
        chunk(finish="stop"),
        b'data: {"id":"i","choices":[],"usage":' + json.dumps(usage).encode() + b"}\n\n",
        DONE,
    )
    assert events == [
        Begin("i", "m", 1),
        TextDelta("Good "),
        TextDelta("day"),
        Finish("stop"),
        UsageEvent(Usage(3, 0, 2)),
    ]


def test_tokens_in_the_last_chunk_with_choices_and_told_often():
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    more = {"prompt_tokens": 3, "completion_tokens": 2}
    events = read(chunk({"content": "a"}, usage=usage), chunk({}, usage=usage), chunk({}, "stop", usage=more), DONE)
    assert [e for e in events if isinstance(e, UsageEvent)] == [UsageEvent(Usage(3, 0, 1)), UsageEvent(Usage(3, 0, 2))]
    groq = read(chunk({"content": "a"}, "stop", x_groq={"usage": usage}), DONE)
    assert groq[-1] == UsageEvent(Usage(3, 0, 1))


def test_reasoning_in_each_form():
    for field in ("reasoning_content", "reasoning"):
        assert parts(chunk({field: "Hm", "content": None}), chunk({"content": "4"}, "stop"), DONE) == (
            ReasoningPart("Hm"),
            TextPart("4"),
        )
    both = chunk({"reasoning": "Hm", "reasoning_content": "Hm", "content": "4"}, "stop")
    assert parts(both, DONE) == (ReasoningPart("Hm"), TextPart("4"))
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "4"}, 5]
    assert parts(chunk({"content": thinking}, "stop"), DONE) == (ReasoningPart("Hm"), TextPart("4"))
    sealed = {"reasoning_details": [{"type": "reasoning.text", "signature": "s", "format": "f"}], "content": ""}
    assert parts(chunk(sealed, "stop"), DONE) == (ReasoningPart("", (SEAL,)),)


def test_refusals():
    assert read(chunk({"refusal": "No"}), chunk({"refusal": "."}, "stop"), DONE)[1:] == [
        RefusalDelta("No"),
        RefusalDelta("."),
        Finish("stop"),
    ]


def call(index=0, made_id=None, name=None, arguments=None):
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    out = {"index": index, "id": made_id, "function": function}
    return {k: v for k, v in out.items() if v is not None}


@pytest.mark.parametrize(
    "pieces",
    [
        [
            calls(call(0, "a", "f", "")),
            calls(call(0, arguments='{"x":')),
            calls(call(0, arguments="1}")),
            calls(call(1, "b", "g", "{}")),
        ],
        [calls(call(0, "a", "f", '{"x":')), calls(call(0, "", "", "1}")), calls(call(1, "b", "g", "{}"))],
        [calls(call(0, "a", "f", '{"x":')), calls(call(0, "a", "f", "1}")), calls(call(1, "b", "g", "{}"))],
        [calls(call(0, "a", "f", {"x": 1}), call(0, "b", "g", {}))],
        [calls(call(0, "a", "f", {"x": 1})), calls(call(0, "b", "g", {}))],
        [calls(call(None, "a", "f", '{"x":')), calls(call(None, arguments="1}")), calls(call(None, "b", "g", "{}"))],
        [calls(call(5, "a", "f", '{"x":')), calls(call(2, "b", "g", "{}")), calls(call(5, arguments="1}"))],
        [
            calls(call(0, "a")),
            calls(call(0, name="f", arguments='{"x":1}')),
            calls(call(1, name="g", arguments="{}")),
            calls(call(1, "b")),
        ],
        [calls(call(0, "a", "f", '{"x":1}'), 5, {"index": 0}, {"function": 7}), calls(call(1, "b", "g", "{}"))],
    ],
)
def test_tool_calls_however_they_are_numbered(pieces):
    found = parts(*pieces, chunk(finish="stop"), DONE)
    assert [(p.id, p.name, json.loads(p.arguments)) for p in found] == [("a", "f", {"x": 1}), ("b", "g", {})]
    assert Fold.of(read(*pieces, chunk(finish="stop"), DONE)).reply().finish == "tool_calls"


def test_parallel_calls_without_ids():
    found = parts(calls(call(0, None, "f", '{"x":1}')), calls(call(0, "", "f", '{"x":2}')), chunk(finish="stop"), DONE)
    assert [(p.name, p.arguments) for p in found] == [("f", '{"x":1}'), ("f", '{"x":2}')]
    assert len({p.id for p in found}) == 2
    assert all(p.id.startswith("call_") for p in found)


def test_several_choices():
    events = read(
        chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk(finish="stop"), chunk({}, "length", 1), DONE
    )
    assert [c.text for c in Fold.of(events).reply().choices] == ["a", "b"]
    assert [c.finish for c in Fold.of(events).reply().choices] == ["stop", "length"]


def test_the_end_of_a_stream():
    broken = "broken_answer"
    assert read(chunk({"content": "a"}), DONE)[-1] == Finish("stop")
    assert read(chunk({"content": "a"}, "stop"))[-1] == Finish("stop")
    assert read(chunk({"content": "a"}))[-1].code == broken
    assert read(chunk({"content": "a"}, "stop"), chunk({"content": "b"}, index=1))[-1].code == broken
    assert read(chunk({"content": "a"}), b"data:\n\nevent: ping\ndata: {}\n\n", b"data: [DONE] \n\n")[1:] == [
        TextDelta("a"),
        Finish("stop"),
    ]
    assert read(DONE)[-1].code == broken
    assert read()[-1].code == broken
    assert read(chunk({"content": "a"}, "stop"), DONE.rstrip())[-1] == Finish("stop")
    assert read(chunk({"content": "a"}, "stop"), DONE, chunk({"content": "late"}))[-1] == Finish("stop")
    assert read(chunk({"content": "a"}, "stop"), chunk({"content": ""}, "stop"), DONE).count(Finish("stop")) == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'data: {"error":{"message":"Slow down","code":429}}\n\n', "rate_limited"),
        (b'data: {"error":{"message":"no","code":"insufficient_quota"}}\n\n', "no_credit"),
        (b'data: {"error":{"message":"no","status_code":400}}\n\n', "refused_request"),
        (b'data: {"error":"boom"}\n\n', "overloaded"),
        (b'event: error\ndata: {"message":"no","code":"529"}\n\n', "overloaded"),
        (b"event: error\ndata: it broke\n\n", "overloaded"),
        (
            b'data: {"object":"error","message":"too long","type":"invalid_request_error","code":400}\n\n',
            "refused_request",
        ),
        (b"data: {not json\n\n", "broken_answer"),
        (b'data: "text"\n\n', "broken_answer"),
        (b'data: {"choices":5}\n\n', "broken_answer"),
        (b'data: {"choices":[{"index":99999}]}\n\n', "broken_answer"),
        (b'data: {"choices":[{"index":-1}]}\n\n', "broken_answer"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "broken_answer"),
        (b"data: " + b"x" * 17_000_000, "broken_answer"),
        (b"data: \xff\n\n", "broken_answer"),
    ],
)
def test_failures_inside_a_stream(raw, code):
    events = read(chunk({"content": "a"}), raw, chunk({"content": "b"}), DONE)
    assert events[:2] == [Begin("i", "m", 1), TextDelta("a")]
    assert isinstance(events[2], Failure)
    assert events[2].code == code
    assert events[2].message
    assert len(events) == 3


def test_tokens_told_beside_an_error_count():
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    events = read(chunk({"content": ""}, usage=usage, error={"code": 400, "message": "limit"}))
    assert events == [Begin("i", "m", 1), UsageEvent(Usage(3, 0, 1)), Failure("refused_request", "limit")]


def test_a_preamble_without_a_name_is_no_beginning():
    azure = b'data: {"choices":[],"id":"","model":"","prompt_filter_results":[{}]}\n\n'
    assert read(azure, chunk({"content": "a"}, "stop"), DONE)[0] == Begin("i", "m", 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["index", "delta", "content", "tool_calls", "function", "id", "text", "thinking", "usage"]),
            inner,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["id", "model", "created", "choices", "usage", "error", "x_groq"]), json_values)
        | st.fixed_dictionaries(
            {
                "choices": st.lists(
                    st.fixed_dictionaries(
                        {
                            "delta": st.dictionaries(
                                st.sampled_from(["content", "tool_calls", "reasoning", "reasoning_details", "refusal"]),
                                json_values,
                            )
                        }
                    ),
                    max_size=2,
                )
            }
        ),
        max_size=3,
    )
)
def test_no_chunk_crashes_the_reader(chunks):
    events = read(*(b"data: " + json.dumps(c).encode() + b"\n\n" for c in chunks), DONE)
    assert [isinstance(e, Failure) for e in events[:-1]].count(True) == 0


@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([DONE, chunk({"content": "a"}), b"data: ", b"\n"]), max_size=8)
)
def test_no_bytes_crash_the_reader(pieces):
    reader = CHAT.reader()
    events = [e for p in pieces for e in reader.feed(p)] + reader.close()
    assert events
    assert reader.close() == []
    assert reader.feed(chunk({"content": "late"})) == []


# --- whatever the canon allows ----------------------------------------------------------------------

text = st.text(min_size=1, max_size=8)
blobs = st.builds(Blob, st.just("openai-chat"), text, st.sampled_from(["signature", "encrypted", "redacted"]))


@st.composite
def streams(draw):
    """A sequence of events that the canon allows: begun once, each choice finished once, calls opened before they grow."""
    events: list[Event] = [Begin(draw(text), draw(text), draw(st.integers(1, 9**9)))]
    opened: dict[int, list[int]] = {}
    count = draw(st.integers(1, 3))
    for _ in range(draw(st.integers(0, 12))):
        choice = draw(st.integers(0, count - 1))
        known = opened.setdefault(choice, [])
        kind = draw(st.integers(0, 6))
        if kind <= 1:
            events.append(TextDelta(draw(st.text(max_size=8)), choice))
        elif kind == 2:
            events.append(ReasoningDelta(draw(st.text(max_size=8)), draw(st.none() | blobs), choice))
        elif kind == 3:
            events.append(RefusalDelta(draw(text), choice))
        elif kind == 4 or not known:
            index = len(known) * 2
            known.append(index)
            events.append(ToolCallDelta(index, f"call{index}", draw(text), draw(st.text(max_size=8)), choice))
        elif kind == 5:
            events.append(ToolCallDelta(draw(st.sampled_from(known)), arguments=draw(text), choice=choice))
        else:
            events.append(UsageEvent(Usage(draw(st.integers(0, 99)), 0, draw(st.integers(0, 99)))))
    if draw(st.integers(0, 4)) == 0:
        code = draw(st.sampled_from(["rate_limited", "broken_answer", "overloaded", "deadline"]))
        return [*events, Failure(code, "It broke.")]
    for choice in range(count):
        reasons = ["tool_calls", "length"] if opened.get(choice) else ["stop", "length", "content_filter"]
        events.append(Finish(draw(st.sampled_from(reasons)), choice))
    return events


@settings(max_examples=60)
@given(streams(), st.data())
def test_every_stream_survives_writing_cutting_and_reading(events, data):
    begin = events[0]
    writer = CHAT.writer(id=begin.id, model=begin.model, created=begin.created, usage=True)
    raw = b"".join(writer.write(e) for e in events) + writer.close()
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=6))
    before, after = Fold.of(events), Fold.of(read(raw, cuts=cuts))
    assert after.failure == before.failure
    assert after.reply() == before.reply()
    assert after.usage == before.usage
    assert raw.endswith(DONE) == (before.failure is None)


@given(streams())
def test_unfolding_a_reply_gives_it_again(events):
    reply = Fold.of(events).reply()
    for words in (False, True):
        again = Fold.of(unfold(reply, words=words))
        assert again.reply().choices[: len(reply.choices)] == reply.choices[: len(again.reply().choices)]
        assert again.reply().usage == reply.usage


def test_tokens_are_written_only_if_asked_for():
    for usage in (True, False):
        writer = CHAT.writer(id="i", model="m", created=1, usage=usage)
        events: list[Event] = [Begin(), TextDelta("a"), UsageEvent(Usage(1, 0, 2)), Finish("stop")]
        raw = b"".join(writer.write(e) for e in events)
        raw += writer.close()
        assert (b'"usage"' in raw) == usage
        assert raw.count(b'"role":"assistant"') == 1


def test_a_fold_fills_gaps_and_knows_its_state():
    fold = Fold()
    assert not fold.first_text
    assert not fold.finished
    fold = Fold.of([TextDelta("b", 2)])
    assert fold.first_text
    assert not fold.finished
    fold = Fold.of([TextDelta("b", 2), Finish("stop", 2)])
    assert fold.finished
    assert fold.reply() == Reply((Choice(), Choice(), Choice((TextPart("b"),), "stop")))


def test_reasoning_between_texts_keeps_its_place():
    fold = Fold.of([TextDelta("a"), ReasoningDelta("r"), ReasoningDelta("s"), TextDelta("b"), TextDelta("c")])
    assert fold.reply().choices[0].parts == (TextPart("a"), ReasoningPart("rs"), TextPart("bc"))


def test_a_call_whose_name_comes_late():
    fold = Fold.of([ToolCallDelta(4, "a"), ToolCallDelta(4, name="f"), ToolCallDelta(4, arguments="{}")])
    assert fold.reply().choices[0].parts == (ToolCallPart("a", "f", "{}"),)


# --- the fast lane ------------------------------------------------------------------------------------

BARE = b'data: {"id":"i","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}'


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_relay_leaves_out_what_was_not_asked_for(end, size):
    kept = [chunk({"content": "a"})[:-2] + end, b": beat" + end]
    after = [chunk({"content": ""}, "stop", usage={"prompt_tokens": 1, "completion_tokens": 2})[:-2] + end, DONE]
    raw = b"".join([*kept, BARE + end, *after])
    relay = CHAT.relay(usage=False)
    out, events = b"", []
    for i in range(0, len(raw), size):
        passed, found = relay.feed(raw[i : i + size])
        out += passed
        events += found
    passed, found = relay.close()
    assert out + passed == b"".join(kept + after)
    assert UsageEvent(Usage(1, 0, 2)) in events + found


def test_the_relay_holds_nothing_back_where_all_is_passed():
    relay = CHAT.relay(usage=True)
    assert relay.feed(b"data: {")[0] == b"data: {"
    assert isinstance(relay.close()[1][-1], Failure)


def test_the_relay_passes_on_what_it_cannot_read():
    relay = CHAT.relay(usage=False)
    raw = b'data: {"usage" "prompt_tokens"\n\n'
    assert relay.feed(raw)[0] == raw
    assert relay.feed(b"data: half")[0] == b""
    assert relay.close()[0] == b"data: half"


def test_the_relay_holds_back_no_more_than_an_event_may_take():
    relay = CHAT.relay(usage=False)
    assert relay.feed(b"data: " + b"x" * 9_000_000) == (b"", [])
    passed, events = relay.feed(b"x" * 9_000_000)
    assert len(passed) == 18_000_006
    assert isinstance(events[0], Failure)
