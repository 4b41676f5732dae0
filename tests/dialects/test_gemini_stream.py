"""Gemini streams: both forms, cut anywhere, calls in pieces, and whatever other engines send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canon import (
    Begin,
    Blob,
    Citation,
    CitationEvent,
    Event,
    Failure,
    FilePart,
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
from weighbridge.dialects.gemini_generate import GeminiGenerate
from weighbridge.dialects.gemini_generate.array import ArraySplitter, AsArray
from weighbridge.errors import BrokenAnswerError

GEMINI = GeminiGenerate()
SEAL = "c2VhbA=="
OWN = Blob("gemini-generate", SEAL, "signature")


def sse(*chunks):
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)


def chunk(*parts, index=0, finish=None, **more):
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": index, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-9"}


def read(raw, size=None):
    reader = GEMINI.reader()
    events = []
    for i in range(0, len(raw), size or len(raw) or 1):
        events += reader.feed(raw[i : i + (size or len(raw))])
    return events + reader.close()


def write(events, *, usage=True):
    writer = GEMINI.writer(id="r1", model="gemini-9", created=0, usage=usage)
    return b"".join(writer.write(e) for e in events) + writer.close(), writer.losses


def chunks(raw):
    return [json.loads(line[6:]) for line in raw.split(b"\n\n") if line]


def parts(raw):
    return [p for c in chunks(raw) for x in c.get("candidates", ()) for p in x["content"]["parts"] if p != {"text": ""}]


def told(events):
    return Fold.of(events).reply()


def again(events):
    raw, losses = write(events)
    found = read(raw)
    assert read(raw, 7) == found
    return Fold.of(found), losses


WHOLE = sse(
    chunk({"text": "Hm", "thought": True}),
    chunk({"text": "Où "}, {"text": "🗼"}),
    {
        **chunk({"functionCall": {"name": "f", "args": {"a": '}{[\\"'}}, "thoughtSignature": SEAL}),
        "usageMetadata": {"promptTokenCount": 4},
    },
    {
        **chunk({"functionCall": {"id": "x", "name": "g"}}, {"text": ""}, finish="STOP"),
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 5, "thoughtsTokenCount": 6},
    },
)
EVENTS = [
    Begin("r1", "gemini-9"),
    ReasoningDelta("Hm"),
    TextDelta("Où "),
    TextDelta("🗼"),
    ToolCallDelta(0, "call_r1_0", "f", '{"a":"}{[\\\\\\""}', blob=OWN),
    UsageEvent(Usage(4)),
    ToolCallDelta(1, "x", "g", "{}"),
    UsageEvent(Usage(4, output=11, reasoning=6)),
    Finish("tool_calls"),
]


def as_array(raw, size=None):
    turner = AsArray()
    step = size or len(raw) or 1
    return b"".join(turner.feed(raw[i : i + step]) for i in range(0, len(raw), step)) + turner.close()


@pytest.mark.parametrize("size", [None, 1, 2, 3, 7, 64])
def test_a_stream_says_the_same_in_both_forms_however_it_is_cut(size):
    assert read(WHOLE, size) == EVENTS
    assert read(b"\xef\xbb\xbf" + WHOLE, size) == EVENTS
    assert read(as_array(WHOLE, size), size) == EVENTS
    pretty = json.dumps(json.loads(as_array(WHOLE)), indent=2).encode()
    assert read(b" \r\n" + pretty + b"\n", size) == EVENTS


def test_written_again_it_says_the_same():
    raw, losses = write(EVENTS)
    assert losses == ()
    assert told(read(raw)) == told(EVENTS)
    last = chunks(raw)[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["totalTokenCount"] == 15
    assert all(c["responseId"] == "r1" and c["modelVersion"] == "gemini-9" for c in chunks(raw))
    assert not any("usageMetadata" in c for c in chunks(write(EVENTS, usage=False)[0]))


def test_pitfall_14_a_seal_in_a_stream_keeps_its_own_part():
    raw = sse(
        chunk({"text": "a"}),
        chunk({"text": "b", "thoughtSignature": SEAL}),
        chunk({"text": "c"}),
        chunk({"text": "", "thoughtSignature": SEAL}, finish="STOP"),
    )
    found = told(read(raw))
    assert [(p.text, len(p.blobs)) for p in found.choices[0].parts] == [("a", 0), ("b", 1), ("c", 0), ("", 1)]
    assert told(read(write(read(raw))[0])) == found
    thought = sse(
        chunk({"text": "x", "thought": True}),
        chunk({"text": "", "thought": True, "thoughtSignature": SEAL}, finish="STOP"),
    )
    found = told(read(thought))
    assert [type(p) for p in found.choices[0].parts] == [ReasoningPart, ReasoningPart]


def test_an_end_counts_only_at_the_end():
    raw = sse(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="STOP"), chunk(finish="MAX_TOKENS"))
    events = read(raw)
    assert told(events).text == "ab"
    assert events[-1] == Finish("length")
    assert sum(isinstance(e, Finish) for e in events) == 1


def test_a_refused_question():
    for word in ("promptFeedback", "prompt_feedback"):
        raw = sse({word: {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}})
        assert read(raw) == [Begin(), UsageEvent(Usage(3)), Finish("content_filter")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"[",
        b"[]",
        b"data: \n\n",
        b"data: [DONE]\n\n",
        sse(chunk({"text": "a"})),
        as_array(sse(chunk({"text": "a"}))),
        as_array(WHOLE)[:-9],
        sse(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, index=1)),
        sse({"usageMetadata": {"promptTokenCount": 3}}),
    ],
)
def test_pitfall_34_a_stream_that_is_not_whole_is_a_failure(raw):
    events = read(raw)
    assert isinstance(events[-1], Failure)
    assert events[-1].code == "broken_answer"
    assert not any(isinstance(e, Finish) for e in events)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"5",
        b"[1]",
        b"\xff",
        b'{"candidates":[{"index":-1}]}',
        b'{"candidates":[{"index":4096}]}',
        b'{"candidates":[{"content":{"parts":[7]}}]}',
    ],
)
def test_a_chunk_that_cannot_be_read_is_a_failure(data):
    reader = GEMINI.reader()
    events = reader.feed(b"data: " + data + b"\n\n")
    assert isinstance(events[-1], Failure)
    assert reader.feed(WHOLE) == []
    assert reader.close() == []


def test_strange_fields_are_passed_over():
    raw = sse(
        {"candidates": "x"},
        {"candidates": [5, {"content": 5}, {"content": {"parts": 5}}, {"groundingMetadata": 5, "logprobsResult": []}]},
        {"usageMetadata": []},
        {"candidates": [{"finishReason": 5}]},
        chunk({"functionCall": {}}, {"text": "a"}, finish="STOP"),
    )
    assert told(read(raw)).text == "a"


def test_heartbeats_and_imitators():
    raw = b": ping\n\n" + WHOLE + b": ping\n\ndata: [DONE]\n\n"
    assert read(raw) == EVENTS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": 429, "message": "Resource has been exhausted", "status": "RESOURCE_EXHAUSTED"}, "rate_limited"),
        ({"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}, "overloaded"),
        ({"code": 400, "message": "Bad", "status": "INVALID_ARGUMENT"}, "refused_request"),
        ("gone", "overloaded"),
    ],
)
def test_pitfall_34_an_error_inside_a_stream(error, code):
    for raw in (sse(chunk({"text": "a"}), {"error": error}), as_array(sse({"error": error}))):
        events = read(raw, 5)
        assert isinstance(events[-1], Failure)
        assert events[-1].code == code


@pytest.mark.parametrize(
    "code", ["rate_limited", "overloaded", "broken_answer", "deadline", "refused_request", "unknown_model"]
)
def test_a_failure_is_told_and_known_again(code):
    raw, _ = write([Begin("r"), TextDelta("a"), Failure(code, "It broke.")])
    assert read(raw)[-1] == Failure(code, "It broke.")
    assert chunks(raw)[-1]["error"]["message"] == "It broke."


def test_a_failure_ends_what_is_written():
    writer = GEMINI.writer(id="", model="", created=0, usage=True)
    writer.write(TextDelta("a"))
    assert b"INTERNAL" in writer.write(Failure("strange", "x"))
    assert writer.close() == b""


def test_calls_in_pieces():
    raw = sse(
        chunk({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": SEAL}),
        chunk(
            {
                "functionCall": {
                    "partialArgs": [{"jsonPath": "$.city", "stringValue": "Par", "willContinue": True}],
                    "willContinue": True,
                }
            }
        ),
        chunk(
            {"function_call": {"partial_args": [{"json_path": "$.city", "string_value": "is"}], "will_continue": True}}
        ),
        chunk(
            {
                "functionCall": {
                    "partialArgs": [
                        {"jsonPath": "$.days[1].n", "numberValue": 2},
                        {"jsonPath": "$['odd key']", "boolValue": True},
                        {"jsonPath": '$["a\\"b"]', "nullValue": None},
                        {"jsonPath": "$.list[0]", "stringValue": "x"},
                    ],
                    "willContinue": True,
                }
            }
        ),
        chunk({"functionCall": {}}),
        chunk({"functionCall": {"name": "g", "args": {"b": 1}}}, {"functionCall": {}}, finish="STOP"),
    )
    reply = told(read(raw, 9))
    first, second = reply.choices[0].parts
    assert json.loads(first.arguments) == {
        "city": "Paris",
        "days": [None, {"n": 2}],
        "odd key": True,
        'a"b': None,
        "list": ["x"],
    }
    assert (first.name, first.blobs) == ("f", (OWN,))
    assert (second.name, second.arguments) == ("g", '{"b":1}')
    assert reply.finish == "tool_calls"


@pytest.mark.parametrize("path", [None, "", "$", "city", "$[0]", "$.a[", "$.a[99999]", "$" + ".a" * 65, "$.a[9999999]"])
def test_a_piece_without_a_place_is_a_failure(path):
    raw = sse(
        chunk(
            {
                "functionCall": {
                    "name": "f",
                    "partialArgs": [{"jsonPath": path, "stringValue": "x"}],
                    "willContinue": True,
                }
            }
        )
    )
    assert isinstance(read(raw)[-1], Failure)


def test_a_call_waits_for_its_arguments_and_what_follows_waits_for_it():
    writer = GEMINI.writer(id="", model="", created=0, usage=False)
    assert writer.write(ToolCallDelta(0, "a", "f")) == b""
    assert writer.write(ToolCallDelta(0, arguments='{"x":')) == b""
    assert writer.write(ToolCallDelta(1, "b", "g", "{}")) == b""
    assert writer.write(TextDelta("Hm")) == b""
    assert writer.write(TextDelta("m")) == b""
    assert writer.write(ToolCallDelta(0, arguments="1}", blob=OWN)) == b""
    raw = writer.write(TextDelta("!"))
    assert parts(raw) == [
        {"functionCall": {"name": "f", "id": "a", "args": {"x": 1}}, "thoughtSignature": SEAL},
        {"functionCall": {"name": "g", "id": "b", "args": {}}},
        {"text": "Hm"},
        {"text": "m"},
        {"text": "!"},
    ]
    assert parts(writer.write(TextDelta("?"))) == [{"text": "?"}]
    writer.write(ToolCallDelta(0, arguments=" "))
    assert not writer.losses
    writer.write(ToolCallDelta(0, arguments="more"))
    assert [loss.severity for loss in writer.losses] == ["medium"]


def test_a_call_without_arguments_goes_out_at_the_end():
    fold, losses = again([Begin("r1"), ToolCallDelta(0, "a", "f"), TextDelta("x"), Finish("tool_calls")])
    assert fold.reply().choices[0].parts == (ToolCallPart("a", "f", "{}"), TextPart("x"))
    assert losses == ()


def test_several_choices_and_whole_parts():
    events = [
        Begin("r1", "m"),
        TextDelta("a"),
        TextDelta("b", 1),
        PartEvent(ImagePart(data="AAAA", media_type="image/png")),
        PartEvent(FilePart(url="https://x.org/a.pdf", media_type="application/pdf"), 1),
        PartEvent(OpaquePart("gemini-generate", {"executableCode": {"code": "1"}})),
        PartEvent(OpaquePart("else", {})),
        RefusalDelta("No.", 1),
        Finish("stop"),
        Finish("length", 1),
    ]
    fold, losses = again(events)
    reply = fold.reply()
    assert [c.finish for c in reply.choices] == ["stop", "length"]
    assert [type(p) for p in reply.choices[0].parts] == [TextPart, ImagePart, OpaquePart]
    assert [type(p) for p in reply.choices[1].parts] == [TextPart, FilePart, TextPart]
    assert {loss.severity for loss in losses} == {"high", "low"}


def test_an_answer_of_nothing():
    fold, _ = again([Begin("r1"), Finish("content_filter")])
    assert fold.finished
    assert fold.reply().choices[0].parts == ()
    assert write([Begin("r1")])[0] == b""


def test_citations_are_told_when_their_text_is_whole():
    cited = Citation("https://a.org", "A", "", 3, 5)
    events = [
        Begin("r1", "gemini-9"),
        TextDelta("東京"),
        CitationEvent(Citation("https://a.org", "A", "", 0, 4)),
        TextDelta("🗼a"),
        CitationEvent(Citation("https://b.org")),
        ReasoningDelta("Hm"),
        TextDelta("東京🗼"),
        CitationEvent(cited),
        CitationEvent(cited),
        TextDelta("bc"),
        CitationEvent(Citation("https://b.org")),
        LogprobsEvent((Logprob("b", -1.0, (("b", -1.0),)),)),
        Finish("stop"),
    ]
    fold, losses = again(events)
    assert losses == ()
    assert fold.reply() == told(events)
    last = chunks(write(events)[0])[-1]["candidates"][0]
    assert len(last["groundingMetadata"]["groundingSupports"]) == 4
    assert last["logprobsResult"]["chosenCandidates"] == [{"token": "b", "logProbability": -1.0}]


def test_citations_come_before_the_seal_of_their_text():
    grounding = {
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
        "groundingSupports": [{"segment": {"endIndex": 3, "text": "abc"}, "groundingChunkIndices": [0]}],
    }
    raw = sse(
        chunk({"text": "ab"}),
        chunk({"text": "c"}),
        chunk({"text": "", "thoughtSignature": SEAL}, finish="STOP", groundingMetadata=grounding),
    )
    text, seal = told(read(raw)).choices[0].parts
    assert text.citations == (Citation("u", "t", "", 0, 3),)
    assert seal.blobs == (OWN,)


def test_the_relay_passes_every_byte_on():
    for usage in (True, False):
        relay = GEMINI.relay(usage=usage)
        out, events = b"", []
        for i in range(0, len(WHOLE), 11):
            passed, found = relay.feed(WHOLE[i : i + 11])
            out += passed
            events += found
        passed, found = relay.close()
        assert out + passed == WHOLE
        assert events + found == EVENTS


def test_a_stream_as_an_array():
    assert as_array(b"") == b"[]"
    assert as_array(b": ping\n\n") == b"[]"
    turner = AsArray()
    assert turner.feed(b'data: {"a":1}\n') == b""
    assert turner.feed(b"\n") == b'[{"a":1}'
    assert turner.feed(b": ping\n\n") == b"\n"
    assert turner.feed(b'data: {"b":2}') == b"\n"
    assert turner.close() == b'\n,\n{"b":2}\n]'
    for size in (1, 5, None):
        assert json.loads(as_array(WHOLE, size)) == chunks(WHOLE.replace(b"\r\n", b"\n"))


def test_an_array_is_bounded():
    splitter = ArraySplitter(limit=100)
    assert splitter.feed(b'[{"a":"' + b"x" * 50) == []
    with pytest.raises(BrokenAnswerError):
        splitter.feed(b"x" * 60)
    reader = GEMINI.reader()
    events = reader.feed(b"data: ")
    for _ in range(17):
        events += reader.feed(b"x" * (1 << 20))
    assert isinstance(events[-1], Failure)


def test_what_surrounds_objects_in_an_array_does_not_matter():
    splitter = ArraySplitter()
    assert splitter.feed(b'  [ {"a": "\\\\"} , \n {"b": {"c": "}\\"{"}}]]}') == [
        b'{"a": "\\\\"}',
        b'{"b": {"c": "}\\"{"}}',
    ]
    assert splitter.pending == b""
    assert splitter.feed(b'{"d"') == []
    assert splitter.pending == b'{"d"'


TEXTS = st.text(max_size=6)
BLOBS = st.none() | st.just(OWN)
ARGUMENTS = st.dictionaries(TEXTS, st.integers(0, 9) | TEXTS, max_size=2).map(
    lambda v: json.dumps(v, separators=(",", ":"))
)


@st.composite
def answers(draw):
    """Events as any reader may give them: calls in pieces, several choices, parts in any order."""
    events: list[Event] = []
    for choice in range(draw(st.integers(1, 2))):
        events += [Begin("r1", "gemini-9")] if choice == 0 else []
        calls = 0
        for kind in draw(st.lists(st.sampled_from(["text", "thought", "call", "image", "opaque"]), max_size=6)):
            new = draw(st.booleans())
            if kind == "text":
                events.append(TextDelta(draw(TEXTS), choice, draw(BLOBS), new))
            elif kind == "thought":
                events.append(ReasoningDelta(draw(TEXTS), draw(BLOBS), choice, new))
            elif kind == "call":
                arguments = draw(ARGUMENTS)
                cut = draw(st.integers(0, len(arguments)))
                events.append(ToolCallDelta(calls, f"id{choice}{calls}", "f", arguments[:cut], choice, draw(BLOBS)))
                events.append(ToolCallDelta(calls, arguments=arguments[cut:], choice=choice))
                calls += 1
            elif kind == "image":
                events.append(PartEvent(ImagePart(data="AAAA", media_type="image/png"), choice))
            else:
                events.append(PartEvent(OpaquePart("gemini-generate", {"executableCode": {}}), choice))
        events.append(Finish("tool_calls" if calls else "stop", choice))
    return [*events, UsageEvent(Usage(3, 1, 5, 2))]


def said(reply: Reply):
    """What a reply says: texts of one kind that stand side by side count as one, and empty ones not at all."""
    found = []
    for choice in reply.choices:
        kinds: list[Any] = []
        for part in choice.parts:
            if isinstance(part, ToolCallPart):
                kinds.append((ToolCallPart, part.id, part.name, json.loads(part.arguments or "{}"), part.blobs))
            elif not isinstance(part, (TextPart, ReasoningPart)):
                kinds.append((type(part), part))
            elif kinds and kinds[-1][0] is type(part):
                kinds[-1] = (type(part), kinds[-1][1] + part.text)
            elif part.text:
                kinds.append((type(part), part.text))
        seals = sum(len(p.blobs) for p in choice.parts if not isinstance(p, OpaquePart))
        found.append((kinds, seals, choice.finish))
    return found, reply.usage


@settings(max_examples=60)
@given(events=answers(), size=st.integers(1, 50))
def test_any_events_survive_the_wire(events, size):
    raw, losses = write(events)
    assert losses == ()
    expected = said(told(events))
    assert said(told(read(raw, size))) == expected
    assert said(told(read(as_array(raw, size), size))) == expected
    once = told(read(raw))
    assert told(read(write(read(raw))[0])) == once
    assert said(told(read(write(unfold(once))[0]))) == expected


@settings(max_examples=60)
@given(
    data=st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: ", b"[{", b"}]", b'"', b"\\", b"\n\n", b'{"candidates":['])
    ),
    array=st.booleans(),
)
def test_no_bytes_crash_the_reader(data, array):
    reader = GEMINI.reader()
    events = reader.feed(b"[" if array else b"data: ")
    for piece in data:
        events += reader.feed(piece)
    events += reader.close()
    assert isinstance(events[-1], Failure)
