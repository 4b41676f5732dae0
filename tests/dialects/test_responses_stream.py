"""Responses streams: whatever the host does, and whatever the canon allows."""

from __future__ import annotations

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

RESPONSES = dialects.get("openai-responses")
NAME = "openai-responses"
RESPONSE = {"id": "resp_1", "model": "m", "created_at": 7, "status": "in_progress", "output": []}
TOKENS = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


def event(kind, **fields):
    kind = kind if kind == "error" else f"response.{kind}"
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def text(delta, place=0, index=0, **fields):
    return event(
        "output_text.delta", output_index=place, content_index=index, item_id=f"i{place}", delta=delta, **fields
    )


def added(place=0, **item):
    return event("output_item.added", output_index=place, item={"id": f"i{place}", **item})


def done(place=0, **item):
    return event("output_item.done", output_index=place, item={"id": f"i{place}", **item})


def final(*output, status="completed", **fields):
    kind = status if status in ("completed", "incomplete", "failed") else "completed"
    return event(kind, response={**RESPONSE, "status": status, "output": list(output), "usage": TOKENS, **fields})


def said(*texts, **fields):
    content = [{"type": "output_text", "text": each, "annotations": [], **fields} for each in texts]
    return {"type": "message", "role": "assistant", "content": content}


BEGUN = event("created", response=RESPONSE)
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'}


def read(*pieces, cuts=()):
    reader = RESPONSES.reader()
    raw = b"".join(pieces)
    events = []
    start = 0
    for cut in [*sorted(cuts), len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def reply(*pieces):
    return Fold.of(read(*pieces)).reply()


def parts(*pieces):
    return reply(*pieces).choices[0].parts


def test_a_plain_stream():
    events = read(
        b": OPENROUTER PROCESSING\n\n",
        BEGUN,
        event("in_progress", response=RESPONSE),
        added(type="message", content=[]),
        event("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
        text("Good "),
        text("day"),
        event("output_text.done", output_index=0, content_index=0, text="Good day"),
        done(**said("Good day")),
        final({"id": "other", **said("Good day")}),
        text("ignored"),
    )
    assert events == [
        Begin("resp_1", "m", 7),
        TextDelta("Good "),
        TextDelta("day"),
        UsageEvent(Usage(3, 0, 2)),
        Finish("stop"),
    ]


def test_pitfall_34_heartbeats_are_passed_over_and_errors_inside_a_good_status_are_told():
    assert read(b": ping\n\n", BEGUN, b"event: response.heartbeat\ndata: {}\n\n", b"data:\n\n", final())[-1] == Finish(
        "stop"
    )
    told = {"type": "server_error", "code": "rate_limit_exceeded", "message": "Rate limit reached"}
    for raw in (
        event("error", error=told),
        event("error", code="rate_limit_exceeded", message="Rate limit reached"),
        b'data: {"error": {"code": "rate_limit_exceeded", "message": "Rate limit reached"}}\n\n',
        final(status="failed", error=told),
    ):
        events = read(BEGUN, text("He"), raw, text("llo"))
        assert events[-1] == Failure("rate_limited", "Rate limit reached")
        assert events[1] == TextDelta("He")
        assert not any(isinstance(e, Finish) for e in events)


def test_the_tokens_of_a_failed_answer_are_told():
    events = read(BEGUN, final(status="failed", error={"code": "server_error", "message": "Oh"}))
    assert events[-2:] == [UsageEvent(Usage(3, 0, 2)), Failure("overloaded", "Oh")]


@pytest.mark.parametrize(
    ("details", "finish"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        ({"reason": "steered"}, "pause"),
        (None, "pause"),
    ],
)
def test_pitfall_33_an_incomplete_answer_says_why(details, finish):
    assert read(BEGUN, text("x"), final(status="incomplete", incomplete_details=details))[-1] == Finish(finish)


def test_pitfall_33_an_answer_with_calls_asks_for_tools():
    assert read(BEGUN, done(**CALL), final(CALL))[-1] == Finish("tool_calls")


def test_only_the_final_response():
    output = (
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "E",
        },
        said("Hi"),
        CALL,
        {"type": "web_search_call", "id": "ws"},
    )
    assert parts(final(*output)) == (
        ReasoningPart("Hm", (Blob(NAME, "E", "encrypted", "rs_1"),)),
        TextPart("Hi"),
        ToolCallPart("c", "f", '{"a": 1}'),
        OpaquePart(NAME, {"type": "web_search_call", "id": "ws"}),
    )
    assert reply(final(*output)).id == "resp_1"


def test_only_whole_items():
    assert parts(BEGUN, done(**said("Hi", "there")), done(1, **CALL), final()) == (
        TextPart("Hi"),
        TextPart("there"),
        ToolCallPart("c", "f", '{"a": 1}'),
    )


def test_deltas_that_stop_early_are_completed():
    assert parts(BEGUN, text("Good "), done(**said("Good day")), final()) == (TextPart("Good day"),)
    assert parts(BEGUN, text("Good "), final(said("Good day"))) == (TextPart("Good day"),)
    begun = added(type="function_call", call_id="c", name="f", arguments="")
    more = event("function_call_arguments.delta", output_index=0, item_id="i0", delta='{"a"')
    assert parts(BEGUN, begun, more, final(CALL)) == (ToolCallPart("c", "f", '{"a": 1}'),)
    whole = event("function_call_arguments.done", output_index=0, item_id="i0", arguments='{"a": 1}')
    assert parts(BEGUN, begun, more, whole, done(**CALL), final(CALL)) == (ToolCallPart("c", "f", '{"a": 1}'),)


def test_a_call_of_which_only_the_end_tells_the_name():
    more = event("function_call_arguments.delta", output_index=0, item_id="i0", delta='{"a"')
    assert parts(BEGUN, more, done(**CALL), final(CALL)) == (ToolCallPart("c", "f", '{"a": 1}'),)


def test_a_call_without_an_id_gets_one_that_is_always_the_same():
    bare = {"type": "function_call", "name": "f", "arguments": "{}"}
    one, two = (parts(BEGUN, done(0, **bare), done(1, **bare), final())[i] for i in (0, 1))
    assert isinstance(one, ToolCallPart)
    assert isinstance(two, ToolCallPart)
    assert one.id.startswith("call_")
    assert one.id != two.id
    whole = RESPONSES.read_reply(json.dumps({**RESPONSE, "output": [bare, bare]}).encode())
    assert [call.id for call in whole.choices[0].tool_calls] == [one.id, two.id]


def test_done_without_a_final_response():
    assert read(BEGUN, done(**said("Hi")), b"data: [DONE]\n\n")[-1] == Finish("stop")
    assert read(BEGUN, done(**CALL), b"data: [DONE]\n\n")[-1] == Finish("tool_calls")
    for broken in ((BEGUN, text("Hi"), b"data: [DONE]\n\n"), (BEGUN, b"data: [DONE]\n\n"), (BEGUN, text("Hi")), ()):
        last = read(*broken)[-1]
        assert isinstance(last, Failure)
        assert last.code == "broken_answer"


def test_items_that_interleave():
    """OpenRouter ends the thinking after the text."""
    thought = {"type": "reasoning", "id": "rs", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    events = read(
        BEGUN,
        added(type="reasoning", summary=[]),
        event("reasoning_text.delta", output_index=0, content_index=0, delta="Hm"),
        added(1, type="message", content=[]),
        text("4", place=1),
        done(1, **said("4")),
        event("reasoning_text.done", output_index=0, content_index=0, text="Hm."),
        done(**{**thought, "id": "i0"}),
        final({**thought, "id": "new"}, said("4")),
    )
    assert [e for e in events if isinstance(e, ReasoningDelta)] == [ReasoningDelta("Hm", id="i0"), ReasoningDelta(".")]
    assert Fold.of(events).reply().text == "4"


def test_items_that_all_have_the_same_number():
    raw = [added(type="message"), text("A"), done(**said("A"))]
    more = event("output_item.added", output_index=0, item={"id": "z", **CALL, "arguments": ""})
    rest = event("function_call_arguments.delta", output_index=0, item_id="z", delta='{"a": 1}')
    ended = event("output_item.done", output_index=0, item={"id": "z", **CALL})
    assert parts(BEGUN, *raw, more, rest, ended, final(said("A"), CALL)) == (
        TextPart("A"),
        ToolCallPart("c", "f", '{"a": 1}'),
    )


def test_items_without_numbers():
    raw = (
        event("output_item.added", item={"type": "message", "id": "a"}),
        event("output_text.delta", item_id="a", delta="A"),
    )
    more = (
        event("output_item.added", item={"type": "message", "id": "b"}),
        event("output_text.delta", item_id="b", delta="B"),
    )
    assert parts(BEGUN, *raw, *more, final()) == (TextPart("A"), TextPart("B"))


def test_summaries_of_several_parts():
    def step(delta, index):
        return event("reasoning_summary_text.delta", output_index=0, summary_index=index, item_id="i0", delta=delta)

    thought = {"type": "reasoning", "encrypted_content": "E", "summary": []}
    events = read(
        BEGUN, added(type="reasoning"), step("One", 0), step(" more", 0), step("Two", 1), done(**thought), final()
    )
    assert Fold.of(events).reply().choices[0].parts == (
        ReasoningPart("One more\n\nTwo", (Blob(NAME, "E", "encrypted", "i0"),)),
    )
    assert events[1] == ReasoningDelta("One", id="i0")
    whole = {
        "type": "reasoning",
        "id": "i0",
        "encrypted_content": "E",
        "summary": [{"type": "summary_text", "text": t} for t in ("One more", "Two")],
    }
    assert parts(final(whole)) == Fold.of(events).reply().choices[0].parts


def test_of_thinking_and_its_summary_the_first_counts():
    full = event("reasoning_text.delta", output_index=0, content_index=0, delta="Long thought")
    short = event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="Short")
    ended = event("reasoning_summary_text.done", output_index=0, summary_index=0, text="Short")
    assert parts(BEGUN, added(type="reasoning"), full, short, ended, final()) == (ReasoningPart("Long thought"),)


def test_two_sealed_thoughts_are_two_parts():
    seals = [done(i, type="reasoning", summary=[], encrypted_content=f"E{i}") for i in (0, 1)]
    assert parts(BEGUN, *seals, final()) == (
        ReasoningPart("", (Blob(NAME, "E0", "encrypted", "i0"),)),
        ReasoningPart("", (Blob(NAME, "E1", "encrypted", "i1"),)),
    )


def test_annotations_and_chances():
    mark = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    chance = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]
    noted = event("output_text.annotation.added", output_index=0, content_index=0, annotation_index=0, annotation=mark)
    whole = said("Hi", logprobs=chance)
    whole["content"][0]["annotations"] = [mark]
    expected = (TextPart("Hi", citations=(Citation("https://a.example", "A", "", 0, 2),)),)
    for raw in ((text("Hi", logprobs=chance), noted, done(**whole)), (text("Hi"), done(**whole)), (text("Hi"),), ()):
        found = reply(BEGUN, *raw, final(whole)).choices[0]
        assert found.parts == expected
        assert found.logprobs == (Logprob("Hi", -0.5),)


def test_a_refusal():
    step = event("refusal.delta", output_index=0, content_index=0, item_id="i0", delta="I ca")
    whole = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]}
    for raw in ((step,), (step, event("refusal.done", output_index=0, content_index=0, refusal="I cannot.")), ()):
        found = reply(BEGUN, *raw, done(**whole), final(whole)).choices[0]
        assert found.refusal == "I cannot."
        assert found.parts == ()


def test_hosted_tools_are_passed_over_until_they_are_whole():
    item = {"type": "code_interpreter_call", "code": "1+1", "status": "completed"}
    steps = [event(f"code_interpreter_call{k}", output_index=0, delta="1") for k in (".in_progress", "_code.delta")]
    events = read(BEGUN, added(type="code_interpreter_call"), *steps, done(**item), final({"id": "i0", **item}))
    assert [e for e in events if isinstance(e, PartEvent)] == [PartEvent(OpaquePart(NAME, {"id": "i0", **item}))]


@pytest.mark.parametrize(
    "raw",
    [
        b"data: [1]\n\n",
        b"data: {\n\n",
        b'data: {"type": "response.output_text.delta", "delta": "\xff"}\n\n',
        b"data: " + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n\n",
    ],
)
def test_what_cannot_be_read_is_a_failure(raw):
    last = read(BEGUN, raw)[-1]
    assert isinstance(last, Failure)


@pytest.mark.parametrize(
    "raw",
    [
        b'data: {"type": 5}\n\n',
        event("output_text.delta"),
        event("output_text.delta", output_index="x", content_index=[], delta=5),
        event("output_item.done", output_index=0, item=[]),
        event("output_item.done", output_index=0, item={"type": 3}),
        event("output_item.added", output_index=0, item={"type": "function_call", "name": 5}),
        event("output_item.done", output_index=0, item={"type": "message", "content": [5, {"type": "output_text"}]}),
        event("output_item.done", output_index=0, item={"type": "reasoning", "summary": [5], "content": {}}),
        event("output_text.annotation.added", output_index=0, annotation=5),
        event("function_call_arguments.done", output_index=0, arguments={}),
        event("created", response=[]),
    ],
)
def test_odd_events_do_no_harm(raw):
    assert read(BEGUN, raw, final(said("Hi")))[-1] == Finish("stop")


def test_the_number_of_items_is_bounded():
    raw = b"".join(text("x", place=i) for i in range(10_001))
    last = read(BEGUN, raw)[-1]
    assert isinstance(last, Failure)
    assert "10000 items" in last.message


WORDS = st.text(min_size=1, max_size=8)


class Script:
    """Makes up events as the canon allows them, apart from what this wire has no place for."""

    def __init__(self, draw):
        self.draw = draw
        self.events: list[Event] = [Begin("resp_x", "m", 5)]
        self.last = ""
        self.texts = 0
        self.calls = 0
        self.seal = ""

    @property
    def number(self):
        return len(self.events)

    def text(self):
        self.events.append(TextDelta(self.draw(WORDS), new=self.last == "text" and self.draw(st.booleans())))
        self.texts += 1
        self.last = "text"

    def reason(self):
        thinking = self.last in ("reason", "sealed")
        new = thinking and self.draw(st.booleans())
        if new or not thinking:
            self.seal = f"rs_{self.number}"
            self.last = "reason"
        self.events.append(ReasoningDelta(self.draw(WORDS), new=new, id="" if thinking and not new else self.seal))

    def sealed(self):
        if self.last == "reason":
            self.events.append(ReasoningDelta("", Blob(NAME, f"E{self.number}", "encrypted", self.seal)))
            self.last = "sealed"

    def call(self):
        self.events.append(
            ToolCallDelta(self.calls, f"c{self.number}", "f", self.draw(st.sampled_from(("", "{", '{"a":'))))
        )
        self.calls += 1
        self.last = "call"

    def argue(self):
        if self.calls:
            index = self.draw(st.integers(0, self.calls - 1))
            self.events.append(ToolCallDelta(index, arguments=self.draw(st.sampled_from('ab1"'))))

    def refuse(self):
        self.events.append(RefusalDelta(self.draw(WORDS)))

    def cite(self):
        place = self.number
        self.events.append(CitationEvent(Citation(f"https://{place}.example", self.draw(WORDS), "", 0, place)))
        self.last = self.last if self.texts else "text"
        self.texts += 1

    def chance(self):
        if self.texts:
            self.events.append(LogprobsEvent((Logprob(self.draw(WORDS), -0.5),)))

    def part(self):
        self.events.append(PartEvent(OpaquePart(NAME, {"type": "web_search_call", "id": f"ws_{self.number}"})))
        self.last = "part"


@st.composite
def sequences(draw):
    script = Script(draw)
    steps = (script.text, script.reason, script.sealed, script.call, script.argue, script.refuse, script.cite)
    for step in draw(st.lists(st.sampled_from((*steps, script.chance, script.part)), max_size=14)):
        step()
    endings = [Finish("tool_calls")] if script.calls else [Finish("stop"), Finish("length"), Finish("pause")]
    return [*script.events, draw(st.sampled_from(endings)), UsageEvent(Usage(draw(st.integers(0, 99)), 0, 5))]


def test_chances_that_come_after_their_text_are_told_in_the_end():
    likely = LogprobsEvent((Logprob("0", -0.5),))
    begun: list[Event] = [Begin("resp_x", "m", 5), TextDelta("0"), likely, ToolCallDelta(0, "c3", "f", ""), likely]
    events = [*begun, Finish("tool_calls"), UsageEvent(Usage(0, 0, 5))]
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(map(writer.write, events)) + writer.close()
    assert Fold.of(read(raw)).reply() == Fold.of(events).reply()


def test_a_source_that_is_told_late_joins_no_thoughts():
    events: list[Event] = [
        TextDelta("00"),
        ReasoningDelta("0", id="rs_3"),
        CitationEvent(Citation("https://4.example", "0", start=0, end=2)),
        ReasoningDelta("0", new=True, id="rs_5"),
        Finish("stop"),
    ]
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(map(writer.write, events)) + writer.close()
    assert Fold.of(read(raw)).reply().choices == Fold.of(events).reply().choices


def test_chances_that_come_late_keep_their_order():
    first, second = Logprob("0", -0.5, ()), Logprob("00", -0.5, ())
    late = [TextDelta("0"), ReasoningDelta("0"), LogprobsEvent((first,))]
    for more in ([], [TextDelta("0")], [TextDelta("0"), LogprobsEvent((second,))]):
        events = [*late, *more, Finish("stop")]
        writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
        raw = b"".join(map(writer.write, events)) + writer.close()
        assert Fold.of(read(raw)).reply().choices[0].logprobs == Fold.of(events).reply().choices[0].logprobs


@settings(max_examples=40)
@given(sequences(), st.data())
def test_every_sequence_survives_writing_cutting_and_reading(events, data):
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(map(writer.write, events)) + writer.close()
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=8))
    found = read(raw, cuts=cuts)
    assert writer.losses == ()
    assert Fold.of(found).reply() == Fold.of(events).reply()


@settings(max_examples=40)
@given(sequences(), st.integers(0, 14))
def test_a_failure_anywhere_is_told(events, place):
    failure = Failure("deadline", "Too late.")
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(map(writer.write, [*events[:place], failure, *events[place:]])) + writer.close()
    assert read(raw)[-1] == failure


@settings(max_examples=40)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_crash_the_reader(raw, cut):
    events = read(BEGUN, raw, cuts=[min(cut, len(BEGUN) + len(raw))])
    assert isinstance(events[-1], (Failure, Finish))


def test_calls_that_interleave_are_told_side_by_side():
    events: list[Event] = [
        Begin("resp_x", "m", 5),
        ToolCallDelta(0, "a", "f", "{"),
        ToolCallDelta(1, "b", "g", "{"),
        ToolCallDelta(0, arguments="}"),
        ToolCallDelta(1, arguments="}"),
        Finish("tool_calls"),
    ]
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(map(writer.write, events)) + writer.close()
    assert Fold.of(read(raw)).reply().choices[0].tool_calls == (
        ToolCallPart("a", "f", "{}"),
        ToolCallPart("b", "g", "{}"),
    )


def test_a_whole_call_ends_when_the_next_begins():
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    writer.write(ToolCallDelta(0, "a", "f", "{}"))
    told = writer.write(ToolCallDelta(1, "b", "g", "{}")).decode()
    assert told.index("response.output_item.done") < told.index("response.output_item.added")


def test_what_has_no_place_is_told():
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    events: list[Event] = [
        TextDelta("Hi"),
        TextDelta("Ho", choice=1),
        PartEvent(OpaquePart("elsewhere", {"x": 1})),
        CitationEvent(Citation("", "a book", "words")),
        CitationEvent(Citation("https://a.example", "A", "words")),
        Finish("tool_calls"),
    ]
    for each in events:
        writer.write(each)
    assert {(loss.field, loss.severity) for loss in writer.losses} == {
        ("choices", "high"),
        ("choices[0].parts", "high"),
        ("choices[0].parts.citations", "low"),
        ("choices[0].parts.citations.quote", "low"),
        ("choices[0].finish", "low"),
    }


def test_strange_parts_of_a_message_come_whole():
    part = OpaquePart(NAME, {"part": {"type": "output_audio", "data": "x"}})
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(writer.write(e) for e in (TextDelta("Hi"), PartEvent(part), Finish("stop"))) + writer.close()
    assert parts(raw) == (TextPart("Hi"), part)
    whole = {"type": "message", "role": "assistant", "content": [part.data["part"]]}
    assert parts(BEGUN, done(**whole), final(whole)) == (part,)


def test_arguments_that_are_sent_as_an_object():
    asked = {**CALL, "arguments": {"a": 1}}
    assert parts(BEGUN, done(**asked), final(asked)) == (ToolCallPart("c", "f", '{"a":1}'),)


def test_thinking_goes_on_after_its_seal_and_a_second_seal_is_an_item_of_its_own():
    seals = [Blob(NAME, f"E{i}", "encrypted", f"rs_{i}") for i in (1, 2)]
    events: list[Event] = [
        Begin("resp_x", "m", 5),
        ReasoningDelta("One", id="rs_1"),
        ReasoningDelta("", seals[0]),
        ReasoningDelta(" more"),
        ReasoningDelta("", seals[1]),
        ReasoningDelta(""),
        TextDelta(""),
        RefusalDelta(""),
        Finish("stop"),
    ]
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    raw = b"".join(writer.write(e) for e in events) + writer.close()
    assert parts(raw) == (ReasoningPart("One more", (seals[0],)), ReasoningPart("", (seals[1],)))


def test_a_call_that_goes_on_after_its_end_is_told():
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    for event_ in (ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b", "g", "{}"), ToolCallDelta(0, arguments="x")):
        writer.write(event_)
    assert [(loss.field, loss.severity) for loss in writer.losses] == [("choices[0].tool_calls", "high")]


def test_nothing_follows_the_end():
    writer = RESPONSES.writer(id="resp_x", model="m", created=5, usage=True)
    assert writer.write(Begin())
    assert writer.write(Begin()) == b""
    assert writer.close()
    assert writer.close() == b""
    assert writer.write(TextDelta("x")) == b""


def test_the_relay_passes_every_byte_on():
    raw = BEGUN + text("Hi") + final(said("Hi"))
    relay = RESPONSES.relay(usage=False)
    passed, events = zip(*[relay.feed(raw[i : i + 7]) for i in range(0, len(raw), 7)], strict=True)
    last, rest = relay.close()
    assert b"".join(passed) + last == raw
    assert [e for some in events for e in some] + rest == read(raw)
