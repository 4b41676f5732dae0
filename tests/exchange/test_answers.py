"""How answers end: what is told in mid-stream, what was lost in writing them, and who broke them off."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from scripts import Speaker, Theatre, engine, streamed

from weighbridge import dialects
from weighbridge.canon import Begin, Choice, Failure, ImagePart, ReasoningPart, Reply, Route, TextDelta, TextPart, Usage
from weighbridge.dialects.fold import Fold
from weighbridge.errors import EngineError
from weighbridge.exchange import StreamedAnswer

CHAT, ANTHROPIC = "openai-chat", "anthropic-messages"
ALL = (CHAT, "openai-responses", ANTHROPIC, "gemini-generate")
LONG = Reply(
    (Choice((TextPart("Once upon a time there was a bridge that weighed."),), "stop"),), Usage(input=3, output=9)
)


def theatre() -> Theatre:
    return Theatre(engine("claude@anthropic", ANTHROPIC), engine("glm@zai", CHAT))


async def opened(stage: Theatre, front: str, model: str = "glm@zai") -> StreamedAnswer:
    one = Speaker(stage.road(), front)
    one.user("hi")
    answer = await stage.road().open(one.call(model, stream=True))
    assert isinstance(answer, StreamedAnswer)
    return answer


@pytest.mark.parametrize("front", ALL)
async def test_a_break_is_told_by_the_writer_that_wrote_so_far(front) -> None:
    stage = theatre()
    body = streamed(dialects.get(CHAT), LONG)
    stage.line("zai", body[: len(body) * 2 // 3], chunk=50, breaks=True)
    answer = await opened(stage, front)
    data = b"".join([chunk async for chunk in answer.chunks()])
    await answer.close()
    reader = dialects.get(front).reader()
    fold = Fold.of([*reader.feed(data), *reader.close()])
    assert fold.failure is not None
    assert fold.failure.code == "broken_answer"
    assert LONG.text.startswith(fold.reply().text)
    assert fold.reply().text
    assert stage.traces[-1].outcome == "broken_answer"
    if front == ANTHROPIC:  # one beginning, and every block that was opened is closed
        assert data.count(b"event: message_start") == 1
        assert data.count(b"event: content_block_start") == data.count(b"event: content_block_stop") == 1
        assert data.count(b"event: error") == 1


@pytest.mark.parametrize("front", [ANTHROPIC, CHAT])
async def test_a_break_on_the_fast_lane_is_the_dialect_s_own_event(front) -> None:
    stage = theatre()
    host, name = ("anthropic", "claude@anthropic") if front == ANTHROPIC else ("zai", "glm@zai")
    body = streamed(dialects.get(front), LONG)
    stage.line(host, body[: len(body) * 2 // 3], chunk=50, breaks=True)
    answer = await opened(stage, front, name)
    data = b"".join([chunk async for chunk in answer.chunks()])
    await answer.close()
    reader = dialects.get(front).reader()
    fold = Fold.of([*reader.feed(data), *reader.close()])
    assert fold.failure is not None
    assert fold.failure.code == "broken_answer"
    assert data.count(b"message_start") <= 2  # its event and its data, once


@pytest.mark.parametrize("breaks", [True, False], ids=["reset", "hung up"])
@pytest.mark.parametrize("share", [0.7, 0.8, 0.93, 1.0])
@pytest.mark.parametrize("front", ALL)
async def test_a_client_is_told_that_its_stream_broke_wherever_it_did(front, share, breaks) -> None:
    stage = Theatre(engine("m@here", front))
    writer = dialects.get(front).writer(id="x", model="m", created=1, usage=True)
    body = writer.write(Begin("x", "m", 1)) + b"".join([writer.write(TextDelta(word)) for word in LONG.text.split()])
    stage.line("here", body[: int(len(body) * share)], chunk=50, breaks=breaks)
    answer = await opened(stage, front, "m@here")
    data = b"".join([chunk async for chunk in answer.chunks()])
    await answer.close()
    *_, last = data.strip().split(b"\n\n")
    reader = dialects.get(front).reader()
    told = next(event for event in reader.feed(last + b"\n\n") if isinstance(event, Failure))
    assert told.code == "broken_answer"


@pytest.mark.parametrize("front", ALL)
async def test_the_gateway_can_end_a_stream_in_its_dialect_s_own_way(front) -> None:
    stage = theatre()
    stage.line("zai", streamed(dialects.get(CHAT), LONG), chunk=60)
    answer = await opened(stage, front)
    chunks = answer.chunks()
    data = b""
    while b"upon" not in data:
        data += await anext(chunks)
    data += answer.tell("overloaded", "The gateway is stopping.")
    await answer.close(reason="The gateway is stopping.")
    reader = dialects.get(front).reader()
    fold = Fold.of([*reader.feed(data), *reader.close()])
    assert fold.failure is not None
    assert "stopping" in fold.failure.message
    (trace,) = stage.traces
    assert (trace.outcome, trace.error) == ("interrupted", "The gateway is stopping.")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b": nothing to say\n\n" * 250_000, "without any content"),
        (b'data: {"id":"x","choices":[]}\n\n', "before the answer was whole"),
        (b'data: {"error":{"message":"out of order","code":500}}\n\n', "out of order"),
    ],
    ids=["huge", "empty", "error"],
)
async def test_a_stream_that_never_begins_fails_over_to_the_next_engine(body, message) -> None:
    stage = Theatre(
        engine("a@one"), engine("b@two"), routes=[Route("r", "a@one", fallbacks=("b@two",)), Route("alone", "a@one")]
    )
    stage.line("one", body, chunk=100_000)
    with pytest.raises(EngineError, match=message):
        await opened(stage, CHAT, "alone")
    stage.line("one", body, chunk=100_000)
    stage.answer("b@two", LONG, stream=True)
    answer = await opened(stage, CHAT, "r")
    assert answer.engine == "b@two"
    assert (await answer.reply()).text == LONG.text
    await answer.close()
    assert [a.engine for a in stage.traces[-1].attempts] == ["a@one", "b@two"]


async def test_a_fault_of_our_own_is_traced_as_one() -> None:
    class Broken:
        def put(self, items):
            raise AssertionError("not this way")

        def get(self, keys):
            return {}

        async def settle(self):
            pass

    stage = theatre()
    stage.answer("claude@anthropic", Reply((Choice((ReasoningPart("Hm."), TextPart("Yes.")), "stop"),)))
    one = Speaker(stage.road(keepsakes=Broken()), CHAT)
    one.user("hi")
    with pytest.raises(AssertionError):
        await one.ask("claude@anthropic")
    assert [(t.outcome, t.error) for t in stage.traces] == [("error", "AssertionError: not this way")]


async def test_closing_again_or_for_another_reason_changes_nothing() -> None:
    stage = theatre()
    stage.line("zai", streamed(dialects.get(CHAT), LONG), chunk=60)
    answer = await opened(stage, CHAT)
    await answer.close()
    await answer.close(reason="later")
    assert [(t.outcome, t.error) for t in stage.traces] == [("cancelled", "The caller went away.")]
    assert stage.traces[0].usage is not None
    assert stage.traces[0].usage.estimated


@pytest.mark.parametrize(("said", "outcome"), [((), "cancelled"), (("The gateway stopped.",), "interrupted")])
async def test_a_cancellation_says_why_also_before_there_is_an_answer(said, outcome) -> None:
    stage = theatre()

    class Silent:
        async def send(self, request, *, connect_timeout, read_timeout):
            await asyncio.Event().wait()

        async def close(self):
            pass

    road = stage.road()
    road._client._transport = Silent()
    one = Speaker(road, CHAT)
    one.user("hi")
    task = asyncio.create_task(road.open(one.call("glm@zai")))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel(*said)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [t.outcome for t in stage.traces] == [outcome]
    assert stage.traces[0].error == (said[0] if said else "The caller went away.")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_answer_s_writer_lost_is_in_the_trace(stream) -> None:
    """A picture in an answer: Anthropic's dialect has no place for one."""
    stage = Theatre(engine("gem@google", "gemini-generate"))
    picture = Reply((Choice((TextPart("Look:"), ImagePart(data="aGk=", media_type="image/png")), "stop"),))
    one = Speaker(stage.road(), ANTHROPIC)
    one.user("hi")
    stage.answer("gem@google", picture, stream=stream)
    assert (await one.ask("gem@google", stream=stream)).text == "Look:"
    (trace,) = stage.traces
    assert [loss.severity for loss in trace.losses].count("high") == 1
    assert len(set(trace.losses)) == len(trace.losses)


async def test_what_is_asked_reaches_the_writers_that_repeat_it() -> None:
    stage = theatre()
    for stream in (False, True):
        one = Speaker(stage.road(), "openai-responses", temperature=0.25)
        one.user("hi")
        stage.answer("glm@zai", LONG, stream=stream)
        answer = await stage.road().open(one.call("glm@zai", stream=stream))
        if isinstance(answer, StreamedAnswer):
            data = b"".join([chunk async for chunk in answer.chunks()])
            assert b'"temperature":0.25' in data
        else:
            assert msgspec.json.decode(await answer.body())["temperature"] == 0.25
        await answer.close()
