"""OpenAI Chat: what stands beside a text: citations, logprobs, seals, cache markers, images, sounds, custom calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Citation,
    CitationEvent,
    Event,
    FilePart,
    Finish,
    ImagePart,
    Logprob,
    LogprobsEvent,
    Message,
    OpaquePart,
    PartEvent,
    Profile,
    ReasoningDelta,
    ReasoningPart,
    Reply,
    Request,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
)
from weighbridge.dialects.fold import Fold

CHAT = dialects.get("openai-chat")
PLAIN = Profile()
DONE = b"data: [DONE]\n\n"


def body(message=None, choice=None, **fields):
    told = {"index": 0, "message": {"role": "assistant", "content": "4", **(message or {})}, "finish_reason": "stop"}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{**told, **(choice or {})}],
        **fields,
    }


def read_reply(value):
    return CHAT.read_reply(json.dumps(value).encode())


def same_reply(value):
    reply = read_reply(value)
    told, losses = CHAT.write_reply(reply)
    assert json.loads(told) == value
    assert losses == ()
    return reply


def asked(message, **fields):
    return CHAT.read_request(json.dumps({"model": "m", "messages": [message], **fields}).encode())


def write(request, profile=PLAIN):
    told, losses = CHAT.write_request(request, profile)
    return json.loads(told), {loss.field: loss.severity for loss in losses}


def same_request(message, **fields):
    request = asked(message, **fields)
    assert write(request) == ({"model": "m", "messages": [message], **fields}, {})
    return request


def chunk(delta=None, finish=None, **choice):
    told = {"index": 0, "delta": delta or {}, "finish_reason": finish, **choice}
    return b"data: " + json.dumps({"id": "i", "model": "m", "choices": [told]}).encode() + b"\n\n"


def read(*pieces):
    reader = CHAT.reader()
    return reader.feed(b"".join(pieces)) + reader.close()


def parts(*pieces):
    return Fold.of(read(*pieces, DONE)).reply().choices[0].parts


def again(*events):
    writer = CHAT.writer(id="i", model="m", created=1, usage=False)
    return read(*(writer.write(event) for event in events), writer.close())


# --- citations ------------------------------------------------------------------------------------

CITED = {"url": "https://a.example", "title": "A", "start_index": 2, "end_index": 6}


@pytest.mark.parametrize(
    ("annotations", "citations"),
    [
        ([{"type": "url_citation", "url_citation": CITED}], (Citation("https://a.example", "A", "", 2, 6),)),
        (
            [{"type": "url_citation", "url_citation": {**CITED, "content": "q", "start_index": 0, "end_index": 0}}],
            (Citation("https://a.example", "A", "q"),),
        ),
        ([{"type": "url_citation", "url_citation": {"url": "u"}, "x": 1}], (Citation("u"),)),
        (
            [{"type": "file", "file": {"hash": "h"}}, {"type": "url_citation", "url_citation": CITED}],
            (Citation("https://a.example", "A", "", 2, 6),),
        ),
        ([{"type": "file", "file": {"hash": "h"}}], ()),
        ([5, {"type": "url_citation"}], ()),
        ([], ()),
        ("none", ()),
    ],
)
def test_citations_are_read_and_come_back(annotations, citations):
    reply = same_reply(body({"content": "Hello there", "annotations": annotations}))
    text = reply.choices[0].parts[0]
    assert isinstance(text, TextPart)
    assert text.citations == citations
    same_request({"role": "assistant", "content": "Hello there", "annotations": annotations})


def test_citations_of_several_texts_count_from_the_start_of_the_message():
    texts = (
        TextPart("One.", citations=(Citation("u1", "t1", start=0, end=3),)),
        TextPart(" Two.", citations=(Citation("u2", quote="q"), Citation("u3", start=1, end=4))),
    )
    told, losses = CHAT.write_reply(Reply((Choice(texts, "stop"),), Usage()))
    message = json.loads(told)["choices"][0]["message"]
    spans = [(a["url_citation"]["start_index"], a["url_citation"]["end_index"]) for a in message["annotations"]]
    assert message["content"] == "One. Two."
    assert spans == [(0, 3), (4, 9), (5, 8)]
    assert message["annotations"][1]["url_citation"]["content"] == "q"
    assert losses == ()
    _, lost = write(Request("m", (Message("assistant", texts),)))
    assert lost == {"messages[0].citations": "low"}


def test_citations_in_a_stream():
    cited = {"annotations": [{"type": "url_citation", "url_citation": {**CITED, "start_index": 8, "end_index": 11}}]}
    events = read(
        chunk({"content": "First "}), chunk({"reasoning": "Hm"}), chunk({"content": "second"}), chunk(cited, "stop")
    )
    assert events[4] == CitationEvent(Citation("https://a.example", "A", "", 2, 5))
    assert again(*events)[4] == events[4]
    early = {"annotations": [{"type": "url_citation", "url_citation": CITED}, 5, {"type": "file"}]}
    assert read(chunk({"content": "First "}), chunk({"reasoning": "Hm"}), chunk(early, "stop"))[3] == CitationEvent(
        Citation("https://a.example", "A")
    )


# --- logprobs -------------------------------------------------------------------------------------

TOKEN = {
    "token": "é",
    "logprob": -0.25,
    "bytes": [195, 169],
    "top_logprobs": [{"token": "é", "logprob": -0.25, "bytes": [195, 169]}],
}


def test_logprobs_are_read_and_come_back():
    reply = same_reply(body(None, {"logprobs": {"content": [TOKEN], "refusal": None}}))
    assert reply.choices[0].logprobs == (Logprob("é", -0.25, (("é", -0.25),)),)
    half = {**TOKEN, "token": "\\xc3", "bytes": [195], "top_logprobs": []}
    same_reply(body(None, {"logprobs": {"content": [half]}}))
    changed = replace(reply.choices[0], logprobs=(Logprob("e", -1.0),))
    told = json.loads(CHAT.write_reply(replace(reply, choices=(changed,)))[0])
    assert told["choices"][0]["logprobs"]["content"] == [
        {"token": "e", "logprob": -1.0, "bytes": [101], "top_logprobs": []}
    ]


@pytest.mark.parametrize(
    "told",
    [None, {}, {"content": None, "refusal": None}, {"content": [5]}, {"content": [{**TOKEN, "top_logprobs": 5}]}],
)
def test_what_is_no_logprob_stays_as_it_is(told):
    assert same_reply(body(None, {"logprobs": told})).choices[0].logprobs == ()
    events = read(chunk({"content": "a"}, logprobs=told), DONE)
    assert not any(isinstance(e, LogprobsEvent) for e in events)


def test_logprobs_in_a_stream():
    events = read(chunk({"content": "é"}, logprobs={"content": [TOKEN]}), chunk({}, "stop"))
    assert events[1:3] == [TextDelta("é"), LogprobsEvent((Logprob("é", -0.25, (("é", -0.25),)),))]
    assert again(*events) == [Begin("i", "m", 1), *events[1:]]


# --- seals ----------------------------------------------------------------------------------------


def detail(index=0, **fields):
    return {"type": "reasoning.text", "format": "f-v1", "index": index, **fields}


DETAILS: list[Any] = [
    [detail(text="Hm", signature="s")],
    [detail(text="Hm"), detail(signature="s"), 5],
    [
        {"type": "reasoning.summary", "summary": "Hm", "index": 0},
        {"type": "reasoning.encrypted", "data": "d", "id": "r"},
    ],
    [detail(text="H", signature="s"), detail(1, text="m", signature="t")],
    [detail(text="", signature=""), detail(1, signature="t")],
    [{"type": "unknown"}],
    [],
    5,
]


@pytest.mark.parametrize("details", DETAILS)
@pytest.mark.parametrize("fields", [{}, {"reasoning": "Hm"}, {"reasoning_content": "Other"}, {"reasoning": ""}])
def test_details_of_thinking_come_back_in_each_form(details, fields):
    same_reply(body({**fields, "reasoning_details": details}))
    request = same_request({"role": "assistant", "content": "4", **fields, "reasoning_details": details})
    assert all(isinstance(p, (ReasoningPart, TextPart)) for p in request.messages[0].parts)


def test_each_piece_of_thinking_is_a_part_with_its_own_seal():
    request = asked({"role": "assistant", "reasoning": "Hm", "reasoning_details": DETAILS[3], "content": None})
    first, second = (replace(p, extra={}) for p in request.messages[0].parts)
    assert first == ReasoningPart("H", (Blob("openai-chat", "s", "signature", format="f-v1"),))
    assert second == ReasoningPart("m", (Blob("openai-chat", "t", "signature", format="f-v1"),))
    once = [{**item, "text": item["text"] if item["index"] else ""} for item in DETAILS[3]]
    same = asked({"role": "assistant", "reasoning_content": "Hm", "reasoning_details": once, "content": None})
    assert [p.text for p in same.messages[0].parts if isinstance(p, ReasoningPart)] == ["H", "m"]


def test_a_seal_of_another_engine_is_taken_out_and_the_text_stays():
    request = asked({"role": "assistant", "content": "4", "reasoning": "Hm", "reasoning_details": DETAILS[2]})
    thought, text = request.messages[0].parts
    assert isinstance(thought, ReasoningPart)
    foreign = replace(thought, blobs=tuple(replace(b, issuer="else") for b in thought.blobs))
    told, losses = write(replace(request, messages=(Message("assistant", (foreign, text)),)))
    assert told["messages"][0]["reasoning_details"] == DETAILS[2][:1]
    assert told["messages"][0]["reasoning"] == "Hm"
    assert losses == {"messages[0].reasoning": "low"}
    masked = replace(request, messages=(Message("assistant", (replace(thought, text="Oh"), text)),))
    assert "Hm" not in json.dumps(write(masked)[0])
    assert write(masked)[0]["messages"][0]["reasoning_details"][0]["summary"] == "Oh"


def test_a_seal_that_came_in_a_stream_goes_back_with_its_text_and_label():
    pieces = read(
        chunk({"reasoning": "Hm", "reasoning_details": [detail(text="Hm")]}),
        chunk({"reasoning": None, "reasoning_details": [detail(text="", signature="s", id="r")]}),
        chunk({"content": "4"}, "stop"),
    )
    assert again(*pieces)[1:] == pieces[1:]
    said = Fold.of(pieces).reply().choices[0].parts
    told, losses = write(Request("m", (Message("assistant", said),)))
    assert told["messages"][0]["reasoning_details"] == [detail(text="Hm", signature="s", id="r")]
    assert losses == {}


def test_pieces_of_thinking_stay_apart_in_a_stream():
    pieces = read(
        chunk({"reasoning_details": [detail(text="a")]}),
        chunk({"reasoning_details": [detail(text="b", signature="s")]}),
        chunk({"reasoning": "c", "reasoning_details": [detail(1, text="c")]}),
        chunk({"reasoning": "d", "reasoning_details": [{"type": "reasoning.encrypted", "data": "e", "index": 1}, 5]}),
        chunk({}, "stop"),
    )
    assert [(e.text, e.new) for e in pieces if isinstance(e, ReasoningDelta)] == [
        ("a", False),
        ("b", False),
        ("", False),
        ("c", True),
        ("d", False),
        ("", False),
    ]
    assert Fold.of(again(*pieces)).reply().choices == Fold.of(pieces).reply().choices


def test_the_seal_of_a_call():
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "sig", "x": 1}, "y": 2},
    }
    request = same_request({"role": "assistant", "content": None, "tool_calls": [call]})
    part = request.messages[0].parts[0]
    assert isinstance(part, ToolCallPart)
    assert part.blobs == (Blob("openai-chat", "sig", "signature"),)
    foreign = replace(part, blobs=(Blob("else", "sig", "signature"),))
    told, losses = write(replace(request, messages=(Message("assistant", (foreign,)),)))
    assert told["messages"][0]["tool_calls"][0]["extra_content"] == {"google": {"x": 1}, "y": 2}
    assert losses == {"messages[0].tool_calls": "low"}
    streamed = read(chunk({"tool_calls": [{"index": 0, **call}]}), chunk({}, "stop"))
    assert streamed[1] == ToolCallDelta(0, "c", "f", "{}", blob=part.blobs[0])
    assert again(*streamed)[1:] == streamed[1:]


def test_an_engine_that_demands_a_seal_gets_a_blank_one_on_the_first_call():
    calls = tuple(ToolCallPart(n, "f", "{}") for n in ("a", "b"))
    told, _ = write(Request("m", (Message("assistant", calls),)), Profile(blank_seal="skip"))
    first, second = told["messages"][0]["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "skip"}}
    assert "extra_content" not in second


# --- cache markers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marker", "cache"),
    [
        ({"type": "ephemeral"}, "default"),
        ({"type": "ephemeral", "ttl": "1h"}, "1h"),
        ({"type": "ephemeral", "ttl": "9d"}, ""),
        ({"type": "other"}, ""),
        ({"type": "ephemeral", "ttl": "5m", "x": 1}, ""),
        (None, ""),
        ("yes", ""),
    ],
)
def test_cache_markers_come_back(marker, cache):
    text = {"type": "text", "text": "Long", "cache_control": marker}
    image = {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}, "cache_control": marker}
    tool = {"type": "function", "function": {"name": "f"}, "cache_control": marker}
    request = same_request({"role": "user", "content": [text, image]}, tools=[tool])
    assert [p.cache for p in request.messages[0].parts] == [cache, cache]
    assert request.tools[0].cache == cache


def test_cache_markers_of_other_dialects_are_written_where_the_host_knows_them():
    request = Request("m", (Message("user", (TextPart("Long", cache="5m"),)),))
    assert write(request) == ({"model": "m", "messages": [{"role": "user", "content": "Long"}]}, {"messages[0].content[0].cache": "low"})  # fmt: skip
    told, losses = write(request, Profile(cache_markers=True))
    assert told["messages"][0]["content"] == [
        {"type": "text", "text": "Long", "cache_control": {"type": "ephemeral", "ttl": "5m"}}
    ]
    assert losses == {}
    own = asked({"role": "user", "content": told["messages"][0]["content"]})
    assert write(own, Profile(cache_markers=False))[1] == {"messages[0].content[0].cache": "low"}
    assert CHAT.needs_rewrite(own, Profile(cache_markers=False))


# --- images and sounds in answers -----------------------------------------------------------------

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}, "index": 0}
SPOKEN = {"id": "a1", "data": "UklGRg==", "expires_at": 9, "transcript": "Hello"}


def test_images_in_answers():
    reply = same_reply(body({"images": [IMAGE]}))
    assert replace(reply.choices[0].parts[1], extra={}) == ImagePart(data="iVBORw0KGgo=", media_type="image/png")
    same_reply(body({"images": [IMAGE, {"type": "other"}]}))
    same_reply(body({"images": "none"}))
    same_request({"role": "assistant", "content": "4", "images": [IMAGE]})
    streamed = read(chunk({"content": "", "images": [IMAGE, 5]}), chunk({}, "stop"))
    assert streamed[1] == PartEvent(ImagePart(data="iVBORw0KGgo=", media_type="image/png"))
    assert again(*streamed)[1:] == streamed[1:]


def test_a_spoken_answer_is_text_and_sound():
    reply = same_reply(body({"content": None, "audio": SPOKEN}))
    text, sound = reply.choices[0].parts
    assert reply.text == "Hello"
    assert replace(sound, extra={}) == FilePart("a1", data="UklGRg==", media_type="audio/wav")
    same_reply(body({"content": "x", "audio": SPOKEN}))
    same_reply(body({"audio": {"id": "", "data": "", "transcript": "", "expires_at": 0}}))
    same_request({"role": "assistant", "content": None, "audio": {"id": "a1"}})
    told = json.loads(CHAT.write_reply(Reply((Choice((text,), "stop"),)))[0])
    assert told["choices"][0]["message"]["content"] == "Hello"


def test_a_spoken_answer_in_pieces():
    streamed = read(
        chunk({"audio": {"id": "a1", "transcript": "Hel"}}),
        chunk({"audio": {"data": "UklG"}}),
        chunk({"audio": {"data": "Rg==", "transcript": "lo"}}),
        chunk({}, "stop"),
        chunk({"audio": {"expires_at": 9}}),
        DONE,
    )
    assert streamed[1:] == [
        TextDelta("Hel"),
        TextDelta("lo"),
        PartEvent(FilePart("a1", data="UklGRg==", media_type="audio/wav")),
        Finish("stop"),
    ]
    told = again(*streamed)
    assert Fold.of(told).reply().choices == Fold.of(streamed).reply().choices
    bad = read(
        chunk({"audio": {"data": "?"}}), chunk({"audio": {"data": "!", "format": "mp3"}}), chunk({"audio": 5}, "stop")
    )
    assert bad[1] == PartEvent(FilePart(data="?!", media_type="audio/mp3"))


def test_an_answer_has_one_sound():
    sound = FilePart(data="UklGRg==", media_type="audio/wav")
    told, losses = CHAT.write_reply(Reply((Choice((sound, sound), "stop"),), Usage()))
    assert json.loads(told)["choices"][0]["message"]["audio"]["data"] == "UklGRg=="
    assert [(x.field, x.severity) for x in losses] == [("choices[0].parts", "high")]
    writer = CHAT.writer(id="i", model="m", created=1, usage=False)
    assert writer.write(PartEvent(sound))
    assert writer.write(PartEvent(sound)) == b""
    assert [(x.field, x.severity) for x in writer.losses] == [("choices[0].parts", "high")]


def test_what_an_answer_cannot_hold_is_told():
    odd = (FilePart(url="https://a.example/x.pdf"), OpaquePart("elsewhere", {"x": 1}), ImagePart(file_id="f"))
    told, losses = CHAT.write_reply(Reply((Choice(odd, "stop"),), Usage()))
    assert json.loads(told)["choices"][0]["message"] == {"role": "assistant", "content": None}
    assert [(x.field, x.severity) for x in losses] == [("choices[0].parts", "high")]
    writer = CHAT.writer(id="i", model="m", created=1, usage=False)
    assert [writer.write(PartEvent(part)) for part in odd] == [b"", b"", b""]
    assert [(x.field, x.severity) for x in writer.losses] == [("choices[0].parts", "high")]


# --- calls that are no function's -----------------------------------------------------------------


def test_a_custom_call_is_kept_whole():
    call = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    reply = same_reply(body({"content": None, "tool_calls": [call]}, {"finish_reason": "tool_calls"}))
    assert reply.choices[0].parts == (OpaquePart("openai-chat", {"tool_call": call}),)
    tool = {"type": "custom", "custom": {"name": "sql"}}
    same_request(
        {"role": "user", "content": "Go"}, tools=[tool], tool_choice={"type": "custom", "custom": {"name": "sql"}}
    )


def test_a_custom_call_in_pieces_between_others():
    streamed = read(
        chunk(
            {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
        ),
        chunk({"tool_calls": [{"index": 1, "id": "c", "type": "custom", "custom": {"name": "sql", "input": ""}}]}),
        chunk({"tool_calls": [{"index": 1, "custom": {"input": "select "}}]}),
        chunk({"tool_calls": [{"index": 1, "custom": {"input": "1", "more": {"x": 1}}}]}),
        chunk(
            {"tool_calls": [{"index": 2, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}]}
        ),
        chunk({}, "tool_calls"),
    )
    whole = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1", "more": {"x": 1}}}
    assert streamed[1:] == [
        ToolCallDelta(0, "a", "f", "{}"),
        PartEvent(OpaquePart("openai-chat", {"tool_call": whole})),
        ToolCallDelta(1 + 1, "b", "g", "{}"),
        Finish("tool_calls"),
    ]
    assert Fold.of(again(*streamed)).reply().choices == Fold.of(streamed).reply().choices


def test_an_empty_custom_call_beside_a_function_is_form():
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "custom": {"name": "", "input": ""},
    }
    reply = same_reply(body({"content": None, "tool_calls": [call]}, {"finish_reason": "tool_calls"}))
    assert reply.choices[0].tool_calls[0].name == "f"


def test_parts_that_only_this_dialect_knows_pass_through_a_stream():
    strange = {"type": "strange", "x": 1}
    streamed = read(chunk({"content": [strange, {"type": "text", "text": "a"}]}), chunk({}, "stop"))
    assert streamed[1:3] == [PartEvent(OpaquePart("openai-chat", {"part": strange})), TextDelta("a")]
    assert again(*streamed)[1:] == streamed[1:]


# --- functions, as they were once told -----------------------------------------------------------


def test_functions_are_tools_and_are_answered_as_functions():
    request = CHAT.read_request(
        json.dumps(
            {
                "model": "m",
                "messages": [
                    {"role": "user", "content": "Go"},
                    {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                    {"role": "function", "name": "f", "content": "1"},
                ],
                "functions": [{"name": "f", "parameters": {"type": "object"}, "x": 1}],
                "function_call": {"name": "f"},
            }
        ).encode()
    )
    assert [t.name for t in request.tools] == ["f"]
    assert request.tool_choice is not None
    assert request.tool_choice.name == "f"
    call, result = request.messages[1].parts[0], request.messages[2].parts[0]
    assert call.id == result.call_id  # type: ignore[union-attr]  # a call and its answer
    told, losses = write(request)
    assert told["function_call"] == {"name": "f"}
    assert told["functions"][0]["x"] == 1
    assert told["messages"][1]["function_call"] == {"name": "f", "arguments": "{}"}
    assert told["messages"][2] == {"role": "function", "name": "f", "content": "1"}
    assert losses == {}
    calls = (ToolCallPart("a", "f", "{}"), ToolCallPart("b", "f", "{}"))
    body_, lost = CHAT.write_reply(Reply((Choice(calls, "tool_calls"),), Usage()), request)
    choice = json.loads(body_)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["finish_reason"] == "function_call"
    assert [x.severity for x in lost] == ["high"]


def test_a_function_called_in_a_stream():
    request = asked({"role": "user", "content": "Go"}, functions=[{"name": "f"}])
    writer = CHAT.writer(id="i", model="m", created=1, usage=False, asked=request)
    events: list[Event] = [
        Begin("i", "m", 1),
        ToolCallDelta(0, "a", "f", '{"x":'),
        ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, "b", "f", "{}"),
        Finish("tool_calls"),
    ]
    raw = b"".join(writer.write(event) for event in events) + writer.close()
    assert b'"function_call":{"name":"f"' in raw
    assert b"tool_calls" not in raw
    call = parts(raw.removesuffix(DONE))[0]
    assert isinstance(call, ToolCallPart)
    assert (call.name, call.arguments) == ("f", '{"x":1}')
    assert call.id.startswith("call_")
    assert [x.severity for x in writer.losses] == ["high"]


def test_tokens_written_to_the_cache():
    told = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cache_write_tokens": 4}}
    assert same_reply(body(usage=told)).usage == Usage(9, 0, 1, cache_written=4)
    other = {"prompt_tokens": 9, "completion_tokens": 1, "cache_creation_input_tokens": 8, "cached_tokens": 3}
    assert same_reply(body(usage=other)).usage == Usage(9, 3, 1, cache_written=6)
    written = json.loads(CHAT.write_reply(Reply((Choice(),), Usage(9, 2, 1, cache_written=3)))[0])["usage"]
    assert written["prompt_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 3}
