"""What is written for Responses clients fits the official SDK's own types."""

from __future__ import annotations

import json

import pytest
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from weighbridge import dialects
from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Citation,
    CitationEvent,
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
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold, unfold

RESPONSES = dialects.get("openai-responses")
EVENT = TypeAdapter(ResponseStreamEvent)
SEARCH = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "q", "queries": ["q"]},
}
ASKED = {
    "model": "route",
    "instructions": "Be brief.",
    "input": "Hi",
    "temperature": 0.5,
    "top_p": 0.9,
    "max_output_tokens": 100,
    "store": False,
    "metadata": {"a": "b"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": False}},
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "parallel_tool_calls": False,
    "user": "u",
}
FULL = Reply(
    (
        Choice(
            (
                ReasoningPart("I think.", (Blob("someone", "seal", "signature"),)),
                TextPart(
                    "Here.",
                    citations=(Citation("https://a.example", "A", start=0, end=4), Citation("https://b.example")),
                ),
                OpaquePart("openai-responses", SEARCH),
                ToolCallPart("toolu_1", "f", '{"a":1}'),
                ToolCallPart("toolu_2", "f", "{}"),
                ImagePart(data="aGk=", media_type="image/png"),
            ),
            "tool_calls",
            "",
            logprobs=(Logprob("Here", -0.1, (("Here", -0.1), ("There", -2.5))), Logprob(".", -0.2)),
        ),
    ),
    Usage(10, 2, 5, 3, cache_written=4),
    "msg_123",
    "claude",
    1700000000,
)


def asked():
    return RESPONSES.read_request(json.dumps(ASKED).encode())


def parse(raw):
    found = []
    for block in raw.decode().split("\n\n"):
        if block:
            name, data = block.split("\n")
            value = json.loads(data.removeprefix("data: "))
            assert name == f"event: {value['type']}"
            found.append(value)
    return found


def stream(events, **kwargs):
    writer = RESPONSES.writer(id="x", model="m", created=5, usage=True, **kwargs)
    raw = b"".join(map(writer.write, events)) + writer.close()
    return parse(raw), writer.losses


def check(told):
    """Every event fits its type, the numbers rise, and the SDK's own bookkeeping takes all of them."""
    state = ResponseStreamState(input_tools=[], text_format=omit)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    for event in told:
        EVENT.validate_python(event)
        state.handle_event(EVENT.validate_python(event))


def test_a_whole_reply_has_every_field():
    body, losses = RESPONSES.write_reply(FULL, asked())
    told = json.loads(body)
    found = Response.model_validate(told)
    assert losses == ()
    assert found.id.startswith("resp_")
    assert found.output_text == "Here."
    assert found.instructions == "Be brief."
    assert found.temperature == 0.5
    assert told["text"] == ASKED["text"]
    assert told["tools"] == ASKED["tools"]
    assert told["tool_choice"] == ASKED["tool_choice"]
    assert told["store"] is False
    assert told["reasoning"] == ASKED["reasoning"]
    assert [item.type for item in found.output] == [
        "reasoning",
        "message",
        "web_search_call",
        "function_call",
        "function_call",
        "image_generation_call",
    ]
    assert len({item["id"] for item in told["output"]}) == 6
    assert found.usage is not None
    assert found.usage.input_tokens_details.cache_write_tokens == 4


def test_the_same_reply_gets_the_same_ids():
    one, two = (RESPONSES.write_reply(FULL)[0] for _ in range(2))
    assert one == two
    own = json.loads(RESPONSES.write_reply(Reply(id="resp_own", choices=FULL.choices))[0])
    assert own["id"] == "resp_own"
    bare = [json.loads(RESPONSES.write_reply(Reply((Choice((TextPart(t),), "stop"),)))[0])["id"] for t in "ab"]
    assert bare[0] != bare[1]


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("error", "failed", None),
    ],
)
def test_each_ending_fits(finish, status, reason):
    body, _ = RESPONSES.write_reply(Reply((Choice((TextPart("x"),), finish),), model="m"))
    found = Response.model_validate(json.loads(body))
    assert found.status == status
    assert (found.incomplete_details.reason if found.incomplete_details else None) == reason
    assert RESPONSES.read_reply(body).finish == finish
    told, _ = stream([Begin("x", "m", 5), TextDelta("x"), Finish(finish)])
    check(told)
    assert told[-1]["type"] == f"response.{status}"


def test_a_stream_is_a_legal_sequence():
    told, losses = stream(unfold(FULL, words=True), asked=asked())
    assert losses == ()
    check(told)
    assert [event["type"] for event in told[:4]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
    ]
    final = told[-1]
    assert final["type"] == "response.completed"
    Response.model_validate(final["response"])
    assert final["response"]["instructions"] == "Be brief."
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    done.sort(key=lambda item: [each["id"] for each in final["response"]["output"]].index(item["id"]))
    assert [(i["type"], i["id"]) for i in done] == [(i["type"], i["id"]) for i in final["response"]["output"]]
    for event in told:  # every step speaks of an item that began and has not ended
        if "item_id" in event:
            assert final["response"]["output"][event["output_index"]]["id"] == event["item_id"]


def test_every_kind_of_event_fits():
    events = [
        Begin("x", "m", 5),
        ReasoningDelta("Think", id="rs_a"),
        ReasoningDelta("", Blob("openai-responses", "seal", "encrypted", "rs_a")),
        TextDelta("One"),
        LogprobsEvent((Logprob("One", -0.5),)),
        CitationEvent(Citation("https://a.example", "A")),
        TextDelta("Two", new=True),
        ToolCallDelta(0, "c0", "f", '{"a"'),
        ToolCallDelta(1, "c1", "g", "{"),
        ToolCallDelta(0, arguments=":1}"),
        ToolCallDelta(1, arguments="}"),
        PartEvent(OpaquePart("openai-responses", SEARCH)),
        PartEvent(ImagePart(data="aGk=")),
        RefusalDelta("No."),
        TextDelta("Three"),
        CitationEvent(Citation("https://c.example", "C")),
        Finish("length"),
        UsageEvent(Usage(1, 0, 2)),
    ]
    told, losses = stream(events)
    assert losses == ()
    check(told)
    assert told[-1]["type"] == "response.incomplete"
    assert told[-1]["response"]["output"][-1]["status"] == "incomplete"


def test_an_empty_answer_fits():
    told, _ = stream([Begin("x", "m", 5), Finish("stop")])
    check(told)
    assert [event["type"] for event in told] == ["response.created", "response.in_progress", "response.completed"]


def test_a_failure_is_told_in_both_ways():
    told, _ = stream([Begin("x", "m", 5), TextDelta("He"), UsageEvent(Usage(3)), Failure("rate_limited", "Slow down.")])
    for event in told:
        EVENT.validate_python(event)
    assert [event["type"] for event in told[-2:]] == ["response.failed", "error"]
    assert told[-2]["response"]["error"] == {
        "code": "rate_limit_exceeded",
        "message": "Slow down.",
        "type": "rate_limited",
    }
    assert told[-2]["response"]["output"][0]["content"][0]["text"] == "He"
    assert told[-1]["code"] == "rate_limited"


def test_a_failure_before_everything_is_an_error_alone():
    told, _ = stream([Failure("overloaded", "Busy.")])
    assert [event["type"] for event in told] == ["error"]
    EVENT.validate_python(told[0])


def test_what_the_sdk_reads_is_what_was_said():
    told, _ = stream(unfold(FULL))
    state = ResponseStreamState(input_tools=[], text_format=omit)
    for event in told:
        state.handle_event(EVENT.validate_python(event))
    assert state._completed_response is not None
    assert state._completed_response.output_text == "Here."
    read = RESPONSES.reader()
    raw = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in told)
    assert Fold.of(read.feed(raw) + read.close()).reply().text == "Here."
