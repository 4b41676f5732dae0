"""Recorded engines of any dialect: rows of another one are told in theirs, and scripts are played to agents."""

from __future__ import annotations

import gzip
import json

import msgspec
import pytest

from weighbridge import dialects
from weighbridge.canon import (
    Choice,
    Host,
    Message,
    Profile,
    ReasoningPart,
    Reply,
    Request,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.recorded import RecordedTransport, from_host
from weighbridge.engines.recorded_rows import named
from weighbridge.engines.recording import key_of, question_of, turns_of
from weighbridge.engines.transport import HttpRequest
from weighbridge.errors import InputError, RateLimitedError, SettingsError

NAMES = dialects.NAMES
TOOL = Tool("weather", "The weather in a city.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALL = ToolCallPart("call_0a1b2c3d", "weather", '{"city": "Paris", "days": 2}')
ASKED = Request(
    model="m",
    messages=(Message("system", (TextPart("Be brief."),)), Message("user", (TextPart("Weather in Paris?"),))),
    tools=(TOOL,),
    sampling=Sampling(max_tokens=100),
)
CALLED = Reply((Choice((TextPart("I look."), CALL), "tool_calls"),), Usage(20, 0, 9), "r1", "m", 1_700_000_000)
ANSWERED = Reply((Choice((TextPart("Sunny, 20 °C."),), "stop"),), Usage(40, 0, 5), "r2", "m", 1_700_000_000)


def later(result="sunny", **fields):
    """The request of the second turn, with what the tool answered."""
    told = Message("tool", (ToolResultPart(CALL.id, (TextPart(result),), name="weather"),))
    said = Message("assistant", (TextPart("I look."), CALL))
    return msgspec.structs.replace(ASKED, messages=(*ASKED.messages, said, told), **fields)


def sent(dialect, request, *, stream=False):
    """A request as a client of this dialect sends it: its path and its body."""
    body, _ = dialect.write_request(msgspec.structs.replace(request, stream=stream, stream_usage=stream), Profile())
    return HttpRequest("POST", f"http://h.recorded/v1{dialect.target(request.model, stream=stream)}", {}, body)


def row(dialect, request, reply, *, stream=False, **fields):
    """An exchange as it would have been recorded in this dialect."""
    asked = sent(dialect, request, stream=stream)
    if stream:
        writer = dialect.writer(id=reply.id, model="m", created=reply.created, usage=True, asked=request)
        answer = (b"".join(map(writer.write, unfold(reply, words=True))) + writer.close()).decode()
    else:
        answer = json.loads(dialect.write_reply(reply, request)[0])
    return {
        "dialect": dialect.name,
        "path": asked.url.removeprefix("http://h.recorded").partition("?")[0],
        "status": 200,
        "stream": stream,
        "request": json.loads(asked.body),
        "response": answer,
        **fields,
    }


async def send(transport, request):
    return await transport.send(request, connect_timeout=1.0, read_timeout=60.0)


async def reply_of(transport, dialect, request, *, stream=False):
    """What a client of this dialect is answered."""
    response = await send(transport, sent(dialect, request, stream=stream))
    body = await response.read(1 << 24)
    assert response.status == 200, body
    assert response.headers["content-type"] == ("text/event-stream" if stream else "application/json")
    if not stream:
        return dialect.read_reply(body)
    reader = dialect.reader()
    fold = Fold.of(reader.feed(body) + reader.close())
    assert fold.failure is None
    return fold.reply()


def essence(reply):
    choice = reply.choices[0]
    calls = [(call.name, json.loads(call.arguments)) for call in choice.tool_calls]
    return choice.text, calls, choice.finish, reply.usage and (reply.usage.input, reply.usage.output)


# --- crossing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("at", NAMES)
@pytest.mark.parametrize("of", NAMES)
async def test_rows_of_any_dialect_answer_in_any_other(of, at, streams):
    recorded, asked = streams
    theirs, ours = dialects.get(of), dialects.get(at)
    rows = [row(theirs, later(), ANSWERED, stream=recorded), row(theirs, ASKED, CALLED, stream=recorded)]
    transport = RecordedTransport(rows, dialect=at, clock=FakeClock())
    first = await reply_of(transport, ours, ASKED, stream=asked)
    assert essence(first) == essence(CALLED)
    second = await reply_of(transport, ours, later(), stream=asked)
    assert essence(second) == essence(ANSWERED)


@pytest.mark.parametrize("name", NAMES)
async def test_rows_of_the_hosts_own_dialect_are_given_as_they_are(name):
    dialect = dialects.get(name)
    for stream in (False, True):
        made = row(dialect, ASKED, CALLED, stream=stream)
        response = await send(
            RecordedTransport([made], dialect=name, clock=FakeClock()), sent(dialect, ASKED, stream=stream)
        )
        told = (await response.read(1 << 20)).decode()
        assert (told if stream else json.loads(told)) == made["response"]


@pytest.mark.parametrize("at", NAMES)
@pytest.mark.parametrize("of", NAMES)
async def test_errors_are_told_in_the_hosts_dialect(of, at):
    theirs, ours = dialects.get(of), dialects.get(at)
    status, body = theirs.write_error(RateLimitedError("Slow down.", retry_after=3))
    refused = row(theirs, ASKED, CALLED, status=status, response=json.loads(body), headers={"Retry-After": "3"})
    response = await send(RecordedTransport([refused], dialect=at, clock=FakeClock()), sent(ours, ASKED))
    error = ours.read_error(response.status, response.headers, await response.read(1 << 20), engine="e")
    assert isinstance(error, RateLimitedError)
    assert (error.status, error.retry_after) == (429, 3.0)
    assert "Slow down" in error.what


@pytest.mark.parametrize("at", NAMES)
@pytest.mark.parametrize("of", NAMES)
async def test_a_recorded_stream_that_failed_fails_again(of, at):
    theirs, ours = dialects.get(of), dialects.get(at)
    whole = row(theirs, ASKED, CALLED, stream=True)
    cut = {**whole, "response": whole["response"][: len(whole["response"]) // 2]}
    transport = RecordedTransport([cut], dialect=at, clock=FakeClock())
    response = await send(transport, sent(ours, ASKED, stream=True))
    reader = ours.reader()
    assert Fold.of(reader.feed(await response.read(1 << 20)) + reader.close()).failure is not None
    response = await send(transport, sent(ours, ASKED))
    assert response.status == 502


async def test_rows_of_several_dialects_in_one_file(tmp_path):
    rows = [
        row(dialects.get(name), msgspec.structs.replace(ASKED, messages=(Message("user", (TextPart(name),)),)), reply)
        for name, reply in zip(NAMES, [CALLED, ANSWERED] * 2, strict=False)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    transport = from_host(Host("h", dialect=NAMES[0], recorded={"path": "a.jsonl"}), tmp_path, FakeClock())
    ours = dialects.get(NAMES[0])
    for name, reply in zip(NAMES, [CALLED, ANSWERED] * 2, strict=False):
        asked = msgspec.structs.replace(ASKED, messages=(Message("user", (TextPart(name),)),))
        assert essence(await reply_of(transport, ours, asked)) == essence(reply)


async def test_a_row_of_an_unknown_dialect_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({**row(dialects.get(NAMES[0]), ASKED, CALLED), "dialect": "openai"}))
    with pytest.raises(InputError, match="no dialect 'openai'") as caught:
        await send(RecordedTransport(tmp_path / "a.jsonl"), sent(dialects.get(NAMES[0]), ASKED))
    assert caught.value.where == f"{tmp_path}/a.jsonl:1: dialect"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/v1beta/models/gemini-3-flash:generateContent", ("gemini-3-flash", False)),
        ("http://h/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse", ("gemini-3-flash", True)),
        ("/v1/projects/p/locations/global/publishers/google/models/a%2Fb:1:generateContent", ("a/b:1", False)),
        ("http://h/v1beta/models/m:countTokens", ("", False)),
        ("http://h/v1/chat/completions", ("", False)),
        ("", ("", False)),
    ],
)
def test_what_an_address_names(url, expected):
    assert named(url) == expected


# --- what makes a question ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_question_is_the_same_in_every_dialect(name):
    dialect = dialects.get(name)
    for request in (ASKED, later()):
        body, _ = dialect.write_request(request, Profile())
        again = dialect.read_request(body, model="m")
        assert key_of(again) == key_of(request)
        assert question_of(again) == "Weather in Paris?"
        assert turns_of(again) == turns_of(request)


def test_what_tells_questions_apart():
    def asking(*messages, tools=()):
        return key_of(Request("m", messages, tools))

    user, call = Message("user", (TextPart("a"), TextPart("b"))), ToolCallPart("c", "f", '{"x":1,"y":2}')
    assert asking(user) == asking(Message("user", (TextPart("ab"),))) == asking(user, Message("assistant"))
    assert asking(user) != asking(Message("user", (TextPart("a b"),)))
    assert asking(user) != asking(Message("assistant", user.parts))
    assert asking(user) != asking(user, tools=(TOOL,))
    assert asking(Message("assistant", (call,))) == asking(
        Message("assistant", (ReasoningPart("hm"), ToolCallPart("d", "f", '{ "y": 2, "x": 1 }')))
    )
    assert asking(Message("assistant", (call,))) != asking(Message("assistant", (ToolCallPart("c", "f", "{"),)))
    told = ToolResultPart("c", (TextPart("a"),))
    assert asking(Message("tool", (told,))) == asking(Message("user", (told,)))
    assert asking(Message("user", (told,))) != asking(Message("user", (TextPart("a"),)))


async def test_the_turn_decides_where_the_words_have_changed():
    rows = [row(dialects.get("openai-chat"), ASKED, CALLED), row(dialects.get("openai-chat"), later(), ANSWERED)]
    transport, chat = RecordedTransport(rows, clock=FakeClock()), dialects.get("openai-chat")
    for _ in range(2):
        assert essence(await reply_of(transport, chat, later("rain"))) == essence(ANSWERED)
        changed = msgspec.structs.replace(ASKED, messages=ASKED.messages[1:])
        assert essence(await reply_of(transport, chat, changed)) == essence(CALLED)


# --- scripts --------------------------------------------------------------------------------------

SCRIPT = [
    {"output": "I look.", "reasoning": "Hm.", "tool_calls": [{"name": "weather", "arguments": {"city": "Paris"}}]},
    {"tool_calls": [{"name": "weather", "arguments": "{broken"}, {"name": "weather", "id": "mine"}]},
    {"output": "Sunny.", "usage": {"input": 5, "output": 1}},
]


def played(order="turn", rows=SCRIPT, **options):
    return RecordedTransport(rows, order=order, clock=FakeClock(), **options)


def after(turns, text="Weather in Paris?"):
    """A request after so many of the engine's turns."""
    told = [
        message
        for i in range(turns)
        for message in (
            Message("assistant", (ToolCallPart(f"c{i}", "weather", "{}"),)),
            Message("tool", (ToolResultPart(f"c{i}", (TextPart(f"result {i}"),)),)),
        )
    ]
    messages = (Message("user", (TextPart(text),)), *told)
    return msgspec.structs.replace(ASKED, messages=messages)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_script_is_played_by_the_engines_turns(name, stream):
    """Whatever is asked, and as often as it is asked."""
    dialect, transport = dialects.get(name), played(dialect=name)
    for turn, text, calls in ((0, "I look.", 1), (0, "I look.", 1), (2, "Sunny.", 0), (1, "", 2), (7, "Sunny.", 0)):
        reply = await reply_of(transport, dialect, after(turn, f"Any words {turn}"), stream=stream)
        assert reply.text == text
        assert len(reply.choices[0].tool_calls) == calls
        assert reply.finish == ("tool_calls" if calls else "stop")


async def test_a_script_is_played_in_its_sequence():
    transport, chat = played("sequence"), dialects.get("openai-chat")
    replies = [await reply_of(transport, chat, ASKED) for _ in range(4)]
    assert [len(reply.choices[0].tool_calls) for reply in replies] == [1, 2, 0, 0]
    assert replies[1].choices[0].tool_calls[0].arguments == "{broken"
    assert replies[2].usage == Usage(5, 0, 1)
    assert [type(part) for part in replies[0].choices[0].parts] == [ReasoningPart, TextPart, ToolCallPart]


async def test_tool_calls_of_a_script_have_ids_of_their_own():
    transport, chat = played(), dialects.get("openai-chat")
    ids = []
    for turn in (0, 1, 1):
        reply = await reply_of(transport, chat, after(turn))
        ids.append([call.id for call in reply.choices[0].tool_calls])
    assert ids[1] == ids[2]
    assert ids[1][1] == "mine"
    assert ids[0][0] != ids[1][0]
    assert all(call.startswith("call_") for call in (ids[0][0], ids[1][0]))


@pytest.mark.parametrize("order", ["question", "turn", "sequence"])
async def test_what_fits_a_condition_is_answered_first(order):
    rows = [
        {"output": "A title", "when": {"system": "title"}},
        {"output": "No tools", "when": {"tools": False}},
        {"output": "It failed", "when": {"last": "result 1", "tools": True}},
        {"input": "Weather in Paris?", "output": "By the question"},
    ]
    transport, chat = played(order, rows), dialects.get("openai-chat")

    async def says(request):
        return (await reply_of(transport, chat, request)).text

    titled = (Message("developer", (TextPart("Give a title."),)), *ASKED.messages)
    assert await says(msgspec.structs.replace(ASKED, messages=titled)) == "A title"
    assert await says(msgspec.structs.replace(ASKED, tools=())) == "No tools"
    assert await says(after(2)) == "It failed"
    assert await says(after(1)) == "By the question"
    assert await says(ASKED) == "By the question"


async def test_a_script_of_conditions_only():
    transport, chat = played("turn", [{"output": "x", "when": {"last": "y"}}]), dialects.get("openai-chat")
    assert (await send(transport, sent(chat, ASKED))).status == 404


@pytest.mark.parametrize(
    ("raw", "where", "words"),
    [
        ({"output": 5}, "row 1: output", "not text"),
        ({"tool_calls": [{"nam": "x"}]}, "row 1: tool_calls", "nam"),
        ({"tool_calls": [{"name": "x", "arguments": 5}]}, "row 1: tool_calls", "arguments|Expected"),
        ({"output": "x", "reasoning": 5}, "row 1: reasoning", "Expected"),
        ({"output": "x", "when": {"lst": "x"}}, "row 1: when", "lst"),
        ({"output": "x", "when": 5}, "row 1: when", "Expected"),
        ({"reasoning": "x"}, "row 1", "neither"),
    ],
)
def test_scripts_that_cannot_be_played(raw, where, words):
    with pytest.raises(InputError, match=words) as caught:
        played(rows=[raw])
    assert caught.value.where.startswith(where)
    assert caught.value.fix


def test_without_an_order_a_row_needs_a_question():
    with pytest.raises(InputError, match="neither"):
        RecordedTransport([{"output": "x"}])


async def test_the_order_is_a_setting_of_the_host(tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, SCRIPT)), encoding="utf-8")
    host = Host("h", recorded={"path": "a.jsonl", "order": "turn"})
    reply = await reply_of(from_host(host, tmp_path, FakeClock()), dialects.get("openai-chat"), after(2))
    assert reply.text == "Sunny."
    with pytest.raises(SettingsError, match="order"):
        from_host(Host("h", recorded={"path": "a", "order": "random"}), tmp_path)


# --- the recordings beside the project ------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
async def test_every_recorded_exchange_answers_itself(shared, name):
    path = shared / "wire" / f"{name}.jsonl.gz"
    transport = RecordedTransport(path, dialect=name, clock=FakeClock())
    with gzip.open(path) as file:
        rows = [json.loads(line) for line in file]
    for raw in rows:
        request = HttpRequest("POST", f"http://h{raw['path']}", {}, json.dumps(raw["request"]).encode())
        response = await send(transport, request)
        told = (await response.read(1 << 26)).decode()
        assert response.status == raw["status"]
        assert (told if raw["stream"] else json.loads(told)) == raw["response"], raw["id"]
