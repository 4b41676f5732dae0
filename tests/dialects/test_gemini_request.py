"""Gemini requests: both spellings, what is refused and where, what becomes of requests from elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Profile,
    Quirk,
    ReasoningPart,
    Request,
    ResponseFormat,
    Sampling,
    SchemaRules,
    TextPart,
    Thinking,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)
from weighbridge.dialects.gemini_generate import GeminiGenerate
from weighbridge.errors import InputError, TooLargeError

GEMINI = GeminiGenerate()
PLAIN = Profile()
HELLO = [{"role": "user", "parts": [{"text": "Hello"}]}]
SEAL = "c2VhbA=="


def read(*, stream=False, model="gemini-9", **fields):
    return GEMINI.read_request(json.dumps({"contents": HELLO, **fields}).encode(), model=model, stream=stream)


def write(request, profile=PLAIN):
    body, losses = GEMINI.write_request(request, profile)
    return json.loads(body), losses


def contents(*messages, profile=PLAIN):
    return write(Request("m", messages), profile)[0]["contents"]


def user(*parts):
    return Message("user", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def model(*parts):
    return Message("assistant", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def call(name="look", call_id="c1", arguments="{}", **more):
    return ToolCallPart(call_id, name, arguments, **more)


def result(call_id="c1", text="done", **more):
    return ToolResultPart(call_id, (TextPart(text),), **more)


def test_the_model_and_the_stream_come_from_the_path():
    request = read(stream=True)
    assert request.model == "gemini-9"
    assert request.stream
    assert request.stream_usage
    assert "model" not in write(request)[0]
    assert GEMINI.target("a b/c", stream=False) == "/models/a%20b%2Fc:generateContent"
    assert GEMINI.target("gemini-9", stream=True) == "/models/gemini-9:streamGenerateContent?alt=sse"
    assert GEMINI.splice_model(b"{ }", "other") == b"{ }"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "Hello"}, "contents"),
        ({"contents": ["Hello"]}, "contents[0]"),
        ({"contents": [{"role": "usr", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": "Hello"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": ["Hello"]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f", "args": "{}"}}]}]},
            "contents[0].parts[0].functionCall.args",
        ),
        (
            {"contents": [{"parts": [{"function_response": {"name": "f", "response": []}}]}]},
            "contents[0].parts[0].functionResponse.response",
        ),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": ["x"]}}]}]},
            "contents[0].parts[0].functionResponse.parts[0]",
        ),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "a/b"}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": 7}}]}]}, "contents[0].parts[0].fileData.fileUri"),
        ({"systemInstruction": 5}, "systemInstruction"),
        ({"systemInstruction": {"parts": [7]}}, "systemInstruction.parts[0]"),
        ({"tools": "all"}, "tools"),
        ({"tools": ["all"]}, "tools[0]"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"tools": [{"functionDeclarations": ["f"]}]}, "tools[0].functionDeclarations[0]"),
        ({"tools": [{"functionDeclarations": {"name": "f"}}]}, "tools[0].functionDeclarations"),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": True}]}]},
            "tools[0].functionDeclarations[0].parametersJsonSchema",
        ),
        ({"toolConfig": {"functionCallingConfig": "ANY"}}, "toolConfig.functionCallingConfig"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"maxOutputTokens": 1.5}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"responseLogprobs": 1}}, "generationConfig.responseLogprobs"),
        ({"generationConfig": {"stopSequences": "END"}}, "generationConfig.stopSequences"),
        ({"generationConfig": {"thinkingConfig": 1}}, "generationConfig.thinkingConfig"),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": 1}}},
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": "x"}}},
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(fields, where):
    with pytest.raises(InputError) as caught:
        read(**fields)
    assert caught.value.where == where
    assert caught.value.fix


@pytest.mark.parametrize("name", ["", "m" * 513])
def test_a_path_must_name_a_model(name):
    with pytest.raises(InputError) as caught:
        read(model=name)
    assert caught.value.where == "model"


def test_a_body_that_nests_too_deep_or_is_no_json_is_refused():
    deep = b'{"contents":' + b"[" * 100 + b"]" * 100 + b"}"
    with pytest.raises(TooLargeError):
        GEMINI.read_request(deep, model="m")
    for body in (b"", b"[]", b"{", b"\xff"):
        with pytest.raises(InputError):
            GEMINI.read_request(body, model="m")


MIXED = {
    "system_instruction": {"role": "system", "parts": [{"text": "Be brief.", "odd": 1}]},
    "contents": [
        {
            "parts": [
                {"text": "Look"},
                {"inline_data": {"mime_type": "image/png", "data": "_-8"}, "videoMetadata": {"fps": 1}},
            ]
        },
        {
            "role": "model",
            "parts": [
                {"text": "Hm.", "thought": True, "thoughtSignature": SEAL},
                {"thought": True, "thought_signature": SEAL},
                {"thoughtSignature": SEAL},
                {"text": "Well", "thought": False},
                {"function_call": {"name": "look", "args": {"a": [1, 2.5, None]}}, "thought_signature": SEAL},
                {"functionCall": {"id": "x1", "name": "look", "willContinue": False}},
                {"functionCall": {"name": "look", "args": None}},
                {"executableCode": {"code": "1"}, "thoughtSignature": SEAL},
                {},
            ],
            "extra": True,
        },
        {
            "role": "function",
            "parts": [
                {
                    "function_response": {
                        "name": "look",
                        "response": {"output": "fine"},
                        "scheduling": "SILENT",
                        "parts": [
                            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA", "displayName": "a.wav"}},
                            {"fileData": {"fileUri": "gs://b/i.png", "mimeType": "image/png"}},
                            {"mystery": 1},
                        ],
                    }
                },
                {"functionResponse": {"id": "x1", "name": "look", "response": {"error": "no"}}},
                {"functionResponse": {"name": "look", "response": {"a": 1}}},
                {"functionResponse": {"name": "look", "parts": []}},
                {"functionResponse": {"id": "x1"}},
                {
                    "functionResponse": {
                        "name": "look",
                        "response": {"output": {"a": 1}},
                        "parts": {"fileData": {"fileUri": "gs://x"}},
                    }
                },
            ],
        },
    ],
    "tools": [
        {
            "function_declarations": [
                {
                    "name": "look",
                    "description": "",
                    "parameters_json_schema": {"type": "object"},
                    "behavior": "BLOCKING",
                },
                {"name": "hear", "parametersJsonSchema": {"type": "object"}, "response": {"type": "STRING"}},
            ],
            "google_search": {},
        },
        {"functionDeclarations": [{"name": "see", "parameters": {"type": "OBJECT", "nullable": True}}]},
        {"codeExecution": {}, "urlContext": {}},
        {"functionDeclarations": []},
        {},
    ],
    "tool_config": {
        "function_calling_config": {"mode": "any", "allowed_function_names": ["look", "see"]},
        "retrievalConfig": {"x": 1},
    },
    "generation_config": {
        "temperature": 1,
        "top_p": 0.5,
        "topK": 40.0,
        "max_output_tokens": "100",
        "stopSequences": ["END"],
        "seed": None,
        "candidateCount": 2,
        "response_mime_type": "application/json",
        "responseSchema": {"type": "STRING"},
        "thinking_config": {"thinking_budget": 0, "includeThoughts": True},
        "responseModalities": ["TEXT"],
        "speechConfig": {"voice": "a"},
    },
    "safetySettings": [{"category": "A", "threshold": "B"}],
    "cached_content": "cachedContents/1",
    "labels": {"team": "a"},
    "service_tier": "flex",
    "generationConfig.odd": 1,
    "toolConfig.odd": None,
}


def test_any_mixture_of_spellings_comes_back_as_it_was():
    request = read(**MIXED)
    out, losses = write(request)
    assert out == MIXED
    assert losses == ()
    assert not GEMINI.needs_rewrite(request, PLAIN)
    assert request.sampling == Sampling(1, 0.5, 40, 100, ("END",), n=2)
    assert request.response_format == ResponseFormat("json_schema", schema={"type": "string"}, strict=True)
    assert request.thinking == Thinking(enabled=False, show=True)
    assert request.tool_choice == ToolChoice("required", among=("look", "see"))
    assert request.metadata == {"team": "a"}
    assert request.service_tier == "flex"
    assert [t.name for t in request.tools] == ["look", "hear", "", "see", "", "", ""]


def test_an_answer_is_joined_to_its_call_by_id_and_else_by_name_and_order():
    request = read(
        contents=[
            {"role": "model", "parts": [{"functionCall": {"name": n}} for n in ("a", "b", "a")]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": n, "response": {}}} for n in ("b", "a", "a", "z")],
            },
        ]
    )
    ids = [p.id for p in request.messages[0].parts]
    assert len(set(ids)) == 3
    answers = [p.call_id for p in request.messages[1].parts]
    assert answers[:3] == [ids[1], ids[0], ids[2]]
    assert answers[3] not in ids
    again = read(contents=json.loads(GEMINI.write_request(request, PLAIN)[0])["contents"])
    assert [p.id for p in again.messages[0].parts] == ids


def test_a_made_id_is_never_one_that_the_client_gave():
    request = read(
        contents=[
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "f", "id": "call_1"}}, {"functionCall": {"name": "f"}}],
            }
        ]
    )
    first, second = request.messages[0].parts
    assert first.id == "call_1"
    assert second.id not in ("", "call_1")


@pytest.mark.parametrize(
    "told",
    [
        "Be brief.",
        {"parts": "Be brief."},
        {"parts": ["Be brief."]},
        {"parts": {"text": "Be brief."}},
        {"parts": [{"text": "Be brief."}]},
    ],
)
def test_a_systems_text_in_any_form(told):
    request = read(systemInstruction=told)
    assert request.messages[0].role == "system"
    assert request.messages[0].text == "Be brief."
    assert write(request)[0]["systemInstruction"] == told
    masked = replace(request.messages[0], parts=(replace(request.messages[0].parts[0], text="Be kind."),))
    out = write(replace(request, messages=(masked, *request.messages[1:])))[0]["systemInstruction"]
    assert json.dumps(out) == json.dumps(told).replace("brief", "kind")


def test_a_single_content_tool_and_part_may_stand_without_their_lists():
    told = {"contents": {"parts": {"text": "Hi"}}, "tools": {"googleSearch": {}}}
    request = read(**told)
    assert request.messages[0].text == "Hi"
    assert write(request)[0] == told


def test_changed_text_keeps_the_unknown_fields_beside_it():
    request = read(
        contents=[{"role": "user", "parts": [{"text": "I am Ann", "mediaResolution": {"level": "LOW"}}], "x": 1}]
    )
    part = replace(request.messages[0].parts[0], text="I am Bob")
    changed = replace(request, messages=(replace(request.messages[0], parts=(part,)),))
    assert write(changed)[0]["contents"] == [
        {"role": "user", "parts": [{"text": "I am Bob", "mediaResolution": {"level": "LOW"}}], "x": 1}
    ]


@pytest.mark.parametrize(
    ("raw", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("named", "f")),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("required", among=("f", "g"))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, ToolChoice("auto", among=("f",))),
    ],
)
def test_tool_choice_both_ways(raw, choice):
    tools = [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]
    request = read(tools=tools, toolConfig={"functionCallingConfig": raw})
    assert request.tool_choice == choice
    assert all(t.strict is (True if raw["mode"] == "VALIDATED" else None) for t in request.tools)
    anew, losses = write(Request("m", (user("Hi"),), (Tool("f"), Tool("g")), choice))
    assert anew["toolConfig"]["functionCallingConfig"] == raw
    assert losses == ()


def test_an_unknown_mode_stays_as_it_is():
    told = {"functionCallingConfig": {"mode": "SOMETIMES"}, "includeServerSideToolInvocations": True}
    request = read(toolConfig=told, tools=[{"functionDeclarations": [{"name": "f"}]}])
    assert request.tool_choice is None
    assert write(request)[0]["toolConfig"] == told
    assert write(read(toolConfig={}))[0]["toolConfig"] == {}


def test_strict_tools_are_validated_where_the_engine_may_choose():
    tools = (Tool("f", schema={"type": "object"}, strict=True), Tool("g"))
    for choice in (None, ToolChoice("auto")):
        out, losses = write(Request("m", (user("Hi"),), tools, choice))
        assert out["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
        assert losses == ()
    out, _ = write(Request("m", (user("Hi"),), tools, ToolChoice("required")))
    assert out["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


def test_modes_that_an_engine_does_not_know_are_replaced_and_told():
    request = Request("m", (user("Hi"),), (Tool("f"),), ToolChoice("named", "f"))
    out, losses = write(request, Profile(choices={"named": "required"}))
    assert out["toolConfig"]["functionCallingConfig"] == {"mode": "ANY"}
    assert [loss.field for loss in losses] == ["tool_choice"]


def test_openapi_schemas_become_json_schema_and_come_back():
    told = {
        "type": "OBJECT",
        "propertyOrdering": ["b", "a"],
        "properties": {
            "a": {"type": "STRING", "nullable": True, "enum": ["x"], "format": "enum"},
            "b": {"any_of": [{"type": "INTEGER", "min_items": "2"}, {"type": "NULL"}], "nullable": True},
            "type": {"type": "ARRAY", "items": {"type": "TYPE_UNSPECIFIED", "example": 5}, "maxItems": "9"},
            "c": {"ref": "#/defs/n"},
            "d": {"nullable": True, "title": "D"},
        },
        "defs": {"n": {"type": "NUMBER"}},
        "additionalProperties": {"type": "BOOLEAN"},
    }
    request = read(tools=[{"functionDeclarations": [{"name": "f", "parameters": told}]}])
    schema = request.tools[0].schema
    assert list(schema["properties"]) == ["b", "a", "type", "c", "d"]
    assert schema["properties"] == {
        "a": {"type": ["string", "null"], "enum": ["x", None]},
        "b": {"anyOf": [{"type": "integer", "minItems": 2}, {"type": "null"}, {"type": "null"}]},
        "type": {"type": "array", "items": {"examples": [5]}, "maxItems": 9},
        "c": {"$ref": "#/defs/n"},
        "d": {"anyOf": [{"title": "D"}, {"type": "null"}]},
    }
    assert schema["$defs"] == {"n": {"type": "number"}}
    assert schema["additionalProperties"] == {"type": "boolean"}
    assert write(request)[0]["tools"][0]["functionDeclarations"][0]["parameters"] == told
    other = replace(request, tools=(replace(request.tools[0], schema={"type": "object"}),))
    assert write(other)[0]["tools"] == [
        {"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}
    ]


@pytest.mark.parametrize("data", ["_-8=", "_-8", "+/8=", "+/8", "AAAA", ""])
def test_base64_is_standard_inside_and_as_it_came_outside(data):
    for media_type, kind in (("image/png", ImagePart), ("application/pdf", FilePart)):
        told = [{"role": "user", "parts": [{"inlineData": {"mimeType": media_type, "data": data}}]}]
        request = read(contents=told)
        part = request.messages[0].parts[0]
        assert isinstance(part, kind)
        assert len(part.data) % 4 == 0
        assert not set(part.data) & set("-_")
        assert write(request)[0]["contents"] == told


def test_files_are_told_by_address_or_by_a_hosts_own():
    inside = "https://generativelanguage.googleapis.com/v1beta/files/abc"
    told = [{"parts": [{"fileData": {"fileUri": uri}} for uri in (inside, "https://x.org/a.pdf", "gs://b/c")]}]
    request = read(contents=told)
    kept, far, bucket = request.messages[0].parts
    assert (kept.file_id, kept.url) == (inside, "")
    assert far.url == "https://x.org/a.pdf"
    assert bucket.url == "gs://b/c"
    assert write(request)[0]["contents"] == told


def test_media_of_other_dialects():
    out, losses = write(
        Request(
            "m",
            (
                user(
                    ImagePart(data="AAAA", media_type="image/webp", detail="low"),
                    ImagePart("https://x.org/a.PNG?b=c.d"),
                    FilePart(data="AAAA", name="notes.md"),
                    FilePart(file_id="files/1", media_type="text/csv"),
                    FilePart(file_id="file-from-elsewhere"),
                ),
            ),
        )
    )
    assert out["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://x.org/a.PNG?b=c.d"}},
        {"inlineData": {"mimeType": "text/markdown", "displayName": "notes.md", "data": "AAAA"}},
        {"fileData": {"mimeType": "text/csv", "fileUri": "files/1"}},
    ]
    assert {loss.field: loss.severity for loss in losses} == {
        "messages[0].parts[0].detail": "low",
        "messages[0].parts[1].media_type": "low",
        "messages[0].parts[2].media_type": "low",
        "messages[0].parts[4].media_type": "low",
        "messages[0].parts[4]": "high",
    }


def test_pitfall_04_answers_follow_their_calls_at_once_and_stand_alone():
    found = contents(
        user("Go"),
        model(call(call_id="a")),
        model(call("see", "b")),
        user("Wait"),
        Message("tool", (result("a"),)),
        user(result("b"), "And now?"),
        user("Well?"),
    )
    assert found == [
        {"role": "user", "parts": [{"text": "Go"}]},
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "look", "id": "a", "args": {}}},
                {"functionCall": {"name": "see", "id": "b", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "look", "response": {"output": "done"}}},
                {"functionResponse": {"id": "b", "name": "see", "response": {"output": "done"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "Wait"}, {"text": "And now?"}, {"text": "Well?"}]},
    ]


def test_pitfall_04_steps_do_not_run_together():
    found = contents(
        user("Go"), model(call()), Message("tool", (result(),)), model(call("see")), Message("tool", (result(),))
    )
    assert [c["role"] for c in found] == ["user", "model", "user", "model", "user"]
    assert [c["parts"][0]["functionResponse"]["name"] for c in found[2::2]] == ["look", "see"]


def test_an_answer_without_its_call_is_told():
    out, losses = write(Request("m", (Message("tool", (result("gone"),)),)))
    assert out["contents"][0]["parts"][0]["functionResponse"]["name"] == "unknown"
    assert [loss.field for loss in losses] == ["messages[0].parts[0].name"]


def test_what_a_tool_answered_from_elsewhere():
    image = ImagePart(data="AAAA", media_type="image/png")
    tool = Message("tool", (ToolResultPart("c1", (TextPart("a"), image, TextPart("b")), is_error=True),))
    found = contents(model(call()), tool)
    assert found[1]["parts"][0]["functionResponse"] == {
        "id": "c1",
        "name": "look",
        "response": {"error": "ab"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
    }
    out, losses = write(Request("m", (model(call()), tool)), Profile(tool_media=False))
    assert "parts" not in out["contents"][1]["parts"][0]["functionResponse"]
    assert out["contents"][2] == {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}
    assert [loss.severity for loss in losses] == ["low"]


def test_media_in_a_tools_answer_moves_beside_it_in_own_requests_too():
    told = [
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "name": "f",
                        "response": {"output": "a"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
                    }
                }
            ],
        },
    ]
    out, losses = write(read(contents=told), Profile(tool_media=False))
    assert out["contents"][1]["parts"] == [{"functionResponse": {"name": "f", "response": {"output": "a"}}}]
    assert out["contents"][2]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
    assert len(losses) == 1


@pytest.mark.parametrize(
    ("text", "args", "lost"),
    [
        ("", {}, 0),
        ('{"a":1}', {"a": 1}, 0),
        ("[1]", {"arguments": "[1]"}, 1),
        ("{", {"arguments": "{"}, 1),
        ("null", {"arguments": "null"}, 1),
    ],
)
def test_arguments_become_an_object(text, args, lost):
    out, losses = write(Request("m", (user("Go"), model(call(arguments=text)))))
    assert out["contents"][1]["parts"][0]["functionCall"]["args"] == args
    assert len(losses) == lost


def test_pitfall_14_a_seal_stays_in_its_own_part():
    told = [
        {"role": "user", "parts": [{"text": "Go"}]},
        {
            "role": "model",
            "parts": [
                {"text": "a"},
                {"text": "b", "thoughtSignature": SEAL},
                {"text": "", "thoughtSignature": SEAL},
                {"text": "c"},
            ],
        },
    ]
    request = read(contents=told)
    assert [len(p.blobs) for p in request.messages[1].parts] == [0, 1, 1, 0]
    assert request.messages[1].parts[1].blobs == (Blob("gemini-generate", SEAL, "signature"),)
    assert write(request)[0]["contents"] == told
    foreign = replace(request, extra={})
    assert write(foreign)[0]["contents"] == told


def test_pitfall_14_the_first_call_of_each_turn_gets_the_blank_seal():
    profile = Profile(blank_seal="Qmxhbms=")
    foreign = Blob("elsewhere", "Zm9yZWlnbg==", "signature")
    own = Blob("gemini-generate", SEAL, "signature")
    request = Request(
        "m",
        (
            user("Before"),
            model(call(call_id="a")),
            Message("tool", (result("a"),)),
            model("Done"),
            user("Go on"),
            model("Hm", call("f", "b", blobs=(foreign,)), call("g", "c")),
            Message("tool", (result("b"), result("c"))),
            model(call("f", "d", blobs=(own,)), call("g", "e")),
            Message("tool", (result("d"), result("e"))),
        ),
    )
    out, losses = write(request, profile)
    seals = [[p.get("thoughtSignature") for p in c["parts"] if "functionCall" in p] for c in out["contents"]]
    assert [s for s in seals if s] == [[None], ["Qmxhbms=", None], [SEAL, None]]
    assert [loss.field for loss in losses] == ["messages[5].parts[1].blobs"]
    assert GEMINI.needs_rewrite(request, PLAIN)


def test_pitfall_14_a_clients_own_calls_without_seals_get_one_too():
    def asked(**seal):
        return read(
            contents=[
                {"role": "user", "parts": [{"text": "Go"}]},
                {"role": "model", "parts": [{"function_call": {"name": "f"}, **seal}]},
                {"role": "user", "parts": [{"function_response": {"name": "f", "response": {}}}]},
            ]
        )

    profile = Profile(blank_seal="Qmxhbms=")
    assert GEMINI.needs_rewrite(asked(), profile)
    turn = write(asked(), profile)[0]["contents"][1]
    assert turn["parts"] == [{"function_call": {"name": "f"}, "thoughtSignature": "Qmxhbms="}]
    assert not GEMINI.needs_rewrite(asked(thought_signature=SEAL), profile)
    assert not GEMINI.needs_rewrite(read(**MIXED), Profile(drop=("nothing",)))


def test_thinking_of_other_engines():
    out, losses = write(
        Request(
            "m", (user("Go"), model(ReasoningPart("Hm"), ReasoningPart("", (Blob("x", "eA==", "redacted"),)), "Yes"))
        )
    )
    assert out["contents"][1]["parts"] == [{"text": "Hm", "thought": True}, {"text": "Yes"}]
    assert [(loss.field, loss.severity) for loss in losses] == [("messages[1].parts[1].blobs", "low")]
    never = contents(user("Go"), model(ReasoningPart("Hm"), "Yes"), profile=Profile(replay="never"))
    assert never[1]["parts"] == [{"text": "Yes"}]


@pytest.mark.parametrize(
    ("thinking", "told", "lost"),
    [
        (Thinking(enabled=False), {"thinkingBudget": 0}, 0),
        (Thinking(effort="none"), {"thinkingBudget": 0}, 0),
        (Thinking(enabled=True), {"thinkingBudget": -1}, 0),
        (Thinking(budget=4096), {"thinkingBudget": 4096}, 0),
        (Thinking(effort="low", show=True), {"thinkingLevel": "LOW", "includeThoughts": True}, 0),
        (Thinking(effort="max"), {"thinkingLevel": "HIGH"}, 1),
        (Thinking(show=False), {"includeThoughts": False}, 0),
    ],
)
def test_pitfall_20_thinking_in_the_dialects_own_way(thinking, told, lost):
    out, losses = write(Request("m", (user("Hi"),), thinking=thinking))
    assert out["generationConfig"] == {"thinkingConfig": told}
    assert len(losses) == lost


@pytest.mark.parametrize(
    ("raw", "thinking"),
    [
        ({"thinkingBudget": 0}, Thinking(enabled=False)),
        ({"thinkingBudget": -1}, Thinking(enabled=True)),
        ({"thinking_budget": 512, "include_thoughts": True}, Thinking(budget=512, show=True)),
        ({"thinkingLevel": "HIGH"}, Thinking(effort="high")),
        ({"thinkingLevel": "XHIGH"}, Thinking(effort="xhigh")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Thinking()),
        ({}, Thinking()),
    ],
)
def test_thinking_is_read_and_comes_back(raw, thinking):
    request = read(generationConfig={"thinkingConfig": raw})
    assert request.thinking == thinking
    assert write(request)[0]["generationConfig"] == {"thinkingConfig": raw}


def test_pitfall_20_a_budget_or_a_level_as_the_profile_has_it():
    level = Profile(
        efforts={
            "low": {"generationConfig.thinkingConfig.thinkingLevel": "LOW"},
            "high": {"generationConfig.thinkingConfig.thinkingLevel": "HIGH"},
        }
    )
    budget = Profile(budget="generationConfig.thinkingConfig.thinkingBudget")
    told = {"thinking_config": {"thinkingBudget": 16384, "includeThoughts": True}, "maxOutputTokens": 50000}
    out, _ = write(read(generation_config=told), level)
    assert out["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "HIGH", "includeThoughts": True}
    out, _ = write(Request("m", (user("Hi"),), thinking=Thinking(effort="low")), budget)
    assert out["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 2048}
    assert GEMINI.needs_rewrite(read(generation_config=told), level)
    same = read(generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}})
    assert not GEMINI.needs_rewrite(same, level)


def test_pitfall_25_schemas_are_rewritten_to_what_the_field_takes():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "a": {"const": "x"},
            "n": {"type": "integer", "exclusiveMinimum": 0},
            "t": {"type": ["string", "null"]},
        },
        "additionalProperties": False,
    }
    out, losses = write(
        Request(
            "m", (user("Hi"),), (Tool("f", schema=schema),), response_format=ResponseFormat("json_schema", "x", schema)
        )
    )
    told = out["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert told == out["generationConfig"]["responseJsonSchema"]
    assert out["generationConfig"]["responseMimeType"] == "application/json"
    text = json.dumps(told)
    assert not any(f'"{word}"' in text for word in ("$schema", "const", "exclusiveMinimum"))
    assert told["properties"]["a"]["enum"] == ["x"]
    assert told["properties"]["n"] == {"type": "integer", "minimum": 1}
    assert not any(loss.severity == "high" for loss in losses)


def test_pitfall_25_a_profile_may_demand_more():
    profile = Profile(schema=SchemaRules("narrow", rejects=("additionalProperties",), one_type=True))
    schema = {"type": "object", "properties": {"t": {"type": ["string", "null"]}}, "additionalProperties": False}
    out, losses = write(Request("m", (user("Hi"),), (Tool("f", schema=schema),)), profile)
    told = out["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert "additionalProperties" not in told
    assert not isinstance(told["properties"]["t"].get("type"), list)
    assert losses
    own = read(tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}])
    assert GEMINI.needs_rewrite(own, profile)
    assert write(own, profile)[0]["tools"] == out["tools"]


def test_pitfall_26_hosted_tools_beside_functions_are_a_matter_of_the_profile():
    profile = Profile(
        quirks=(
            Quirk(
                when={"tools.functionDeclarations": "*", "tools.googleSearch": "*"},
                drop=("tools.googleSearch",),
                why="no search beside functions",
                severity="high",
            ),
        )
    )
    for name in ("googleSearch", "google_search"):
        request = read(tools=[{"functionDeclarations": [{"name": "f"}]}, {name: {}}])
        out, losses = write(request, profile)
        assert out["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
        assert [(loss.reason, loss.severity) for loss in losses] == [("no search beside functions", "high")]
    alone = read(tools=[{"googleSearch": {}}])
    assert not GEMINI.needs_rewrite(alone, profile)


@pytest.mark.parametrize("mode", ["auto", "none", "required", "named"])
def test_pitfall_26_no_choice_of_functions_without_functions(mode):
    out, losses = write(Request("m", (user("Hi"),), tool_choice=ToolChoice(mode, "f" if mode == "named" else "")))
    assert "toolConfig" not in out
    assert [loss.field for loss in losses] == (["tool_choice"] if mode in ("required", "named") else [])


def test_pitfall_26_nor_where_a_rule_took_the_functions_away():
    tools = [{"functionDeclarations": [{"name": "f"}]}]
    config = {"functionCallingConfig": {"mode": "ANY"}, "retrievalConfig": {}}
    for drop in ("tools", "tools.functionDeclarations"):
        out, _ = write(read(tools=tools, toolConfig=config), Profile(drop=(drop,)))
        assert out["toolConfig"] == {"retrievalConfig": {}}
        assert "tools" not in out
        out, _ = write(read(tools=tools, toolConfig={"functionCallingConfig": {"mode": "ANY"}}), Profile(drop=(drop,)))
        assert "toolConfig" not in out


def test_hosted_tools_of_others_are_a_grave_loss():
    request = Request(
        "m",
        (user("Hi", OpaquePart("else", {"a": 1})),),
        (Tool("", opaque=OpaquePart("else", {"type": "search"})), Tool("f")),
    )
    out, losses = write(request)
    assert out["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert {loss.field: loss.severity for loss in losses} == {"messages[0].parts[1]": "high", "tools[0]": "high"}
    assert GEMINI.needs_rewrite(request, PLAIN)


def test_pitfall_29_cache_markers_are_lost_and_told():
    request = Request(
        "m",
        (Message("system", (TextPart("S", cache="5m"),)), user(TextPart("Hi", cache="default"))),
        (Tool("f", cache="1h"),),
    )
    out, losses = write(request)
    assert "cache" not in json.dumps(out)
    assert {loss.field for loss in losses} == {
        "messages[0].parts[0].cache",
        "messages[1].parts[0].cache",
        "tools[0].cache",
    }
    assert {loss.severity for loss in losses} == {"low"}


def test_pitfall_29_a_cache_of_the_host_is_kept():
    told = {"contents": HELLO, "cachedContent": "cachedContents/7"}
    request = read(**told)
    assert write(request)[0] == told
    assert request.extra["gemini-generate$"]["grave"] == ["cachedContent"]


def test_system_texts_stand_in_one_place():
    out, losses = write(
        Request(
            "m",
            (
                Message("system", (TextPart("A"),)),
                Message("developer", (TextPart("B"),)),
                user("Hi"),
                Message("system", (TextPart("C"),)),
            ),
        )
    )
    assert out["systemInstruction"] == {"parts": [{"text": "A\n\nB"}]}
    assert out["contents"] == [{"role": "user", "parts": [{"text": "Hi"}, {"text": "C"}]}]
    assert [(loss.field, loss.severity) for loss in losses] == [("messages[3].role", "medium")]


def test_a_system_text_alone_becomes_the_question():
    out, losses = write(Request("m", (Message("system", (TextPart("A"),)),)))
    assert out == {"contents": [{"role": "user", "parts": [{"text": "A"}]}]}
    assert [loss.severity for loss in losses] == ["medium"]
    assert contents(user("")) == [{"role": "user", "parts": [{"text": ""}]}]


def test_fields_of_other_dialects():
    request = Request(
        "m",
        (user("Hi"),),
        parallel_tool_calls=False,
        sampling=Sampling(0.5, 0.9, 5, 64, ("a", "b"), 7, 0.1, 0.2, logprobs=True, top_logprobs=3, n=2),
        response_format=ResponseFormat("json_object"),
        user="ann",
        metadata={"a": "b"},
        service_tier="default",
        verbosity="low",
        cache_key="k",
        continues="resp_1",
        extra={"else": {"odd": 1, "nothing": None}},
    )
    out, losses = write(request)
    assert out["generationConfig"] == {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 5,
        "maxOutputTokens": 64,
        "stopSequences": ["a", "b"],
        "seed": 7,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "candidateCount": 2,
        "responseMimeType": "application/json",
    }
    assert out["serviceTier"] == "standard"
    assert {loss.field: loss.severity for loss in losses} == {
        "odd": "low",
        "user": "low",
        "metadata": "low",
        "verbosity": "low",
        "cache_key": "low",
        "parallel_tool_calls": "medium",
        "continues": "high",
    }
    out, losses = write(Request("m", (user("Hi"),), service_tier="scale", response_format=ResponseFormat("text")))
    assert out == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    assert [loss.field for loss in losses] == ["service_tier"]


def test_ids_that_an_engine_does_not_take_are_mapped_alike():
    out = contents(
        user("Go"),
        model(call(call_id="toolu|1")),
        Message("tool", (result("toolu|1"),)),
        profile=Profile(call_ids="[a-z0-9]{9}", call_id_length=9),
    )
    told = out[1]["parts"][0]["functionCall"]["id"]
    assert len(told) == 9
    assert out[2]["parts"][0]["functionResponse"]["id"] == told


def test_what_a_profile_rejects_is_told():
    request = read(
        contents=[{"role": "user", "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}]
    )
    out, losses = write(request, Profile(rejects=("image",)))
    assert out["contents"][0]["parts"] == [{"text": "a"}]
    assert [loss.severity for loss in losses] == ["high"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "text",
        "thought",
        "thoughtSignature",
        "thought_signature",
        "functionCall",
        "function_call",
        "functionResponse",
        "inlineData",
        "inline_data",
        "fileData",
        "mimeType",
        "mime_type",
        "data",
        "fileUri",
        "name",
        "args",
        "id",
        "parts",
        "response",
        "executableCode",
        "role",
    ]
)
PARTS = st.recursive(
    JSON, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=3), max_leaves=12
)


@settings(max_examples=60)
@given(
    parts=st.lists(st.dictionaries(KEYS, PARTS, max_size=4), max_size=3),
    more=st.dictionaries(st.text(max_size=8), JSON, max_size=2),
)
def test_whatever_is_read_comes_back_and_nothing_crashes(parts, more):
    raw = {**more, "contents": [{"role": "model", "parts": parts}]}
    try:
        request = GEMINI.read_request(json.dumps(raw).encode(), model="m")
    except InputError:
        return
    assert write(request)[0] == raw


def test_small_forms_come_back():
    told: dict[str, Any] = {
        "contents": [{"role": "user", "parts": []}, {"role": "model"}, {"parts": [{"text": "a"}], "role": "tool"}],
        "generationConfig": {"responseMimeType": "application/json"},
        "safetySettings": None,
        "systemInstruction": None,
        "tools": None,
        "toolConfig": None,
        "labels": None,
    }
    request = read(**told)
    assert write(request)[0] == told
    assert request.response_format == ResponseFormat("json_object")
    told = {
        "contents": HELLO,
        "generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": {"enum": ["a"]}},
    }
    request = read(**told)
    assert request.response_format is None
    assert write(request)[0] == told
    told["generationConfig"] = {"responseMimeType": "text/plain", "thinkingConfig": {}}
    assert read(**told).response_format == ResponseFormat("text")
    assert write(read(**told))[0] == told


def test_a_schemas_description_goes_with_it():
    shape = ResponseFormat("json_schema", "x", {"type": "object"}, description="A thing.")
    out, _ = write(Request("m", (user("Hi"),), response_format=shape))
    assert out["generationConfig"]["responseJsonSchema"] == {"type": "object", "description": "A thing."}
    out, _ = write(Request("m", (user("Hi"),), response_format=ResponseFormat("json_schema", "x")))
    assert out["generationConfig"] == {"responseMimeType": "application/json"}


def test_an_answer_that_was_json_and_is_none_any_more_goes_as_text():
    told = [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"who": "Ann"}}}]}]
    request = read(contents=told)
    part = request.messages[0].parts[0]
    assert part.parts == (TextPart('{"who":"Ann"}'),)
    for text, response in (('{"who":"Bob"}', {"who": "Bob"}), ("Bob", {"output": "Bob"})):
        masked = replace(part, parts=(TextPart(text),))
        out = write(replace(request, messages=(replace(request.messages[0], parts=(masked,)),)))[0]
        assert out["contents"][0]["parts"] == [{"functionResponse": {"name": "f", "response": response}}]
