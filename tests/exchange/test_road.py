"""The road of one request: failover, streams, traces that are recorded exactly once."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import msgspec
import pytest

from weighbridge import dialects, routes, settings
from weighbridge.canon import Failure, Message, Plan, Request, Sampling, TextDelta, TextPart, Tool, Trace
from weighbridge.dialects.fold import Fold
from weighbridge.engines import catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import NoEndpoints
from weighbridge.errors import (
    BrokenAnswerError,
    EngineError,
    NoKeyError,
    OverloadedError,
    RefusedRequestError,
    UnknownRouteError,
)
from weighbridge.exchange import Call, Road, StreamedAnswer, WholeAnswer
from weighbridge.testing import RecordedTransport

TAPE = '{"input": "hi", "output": "Guten Tag, Zoë 👋", "usage": {"prompt_tokens": 9, "completion_tokens": 4}}\n'
HOSTS: dict[str, dict[str, float]] = {
    "good": {},
    "down": {"fail_rate": 1.0, "fail_status": 503},
    "refusing": {"fail_rate": 1.0, "fail_status": 400},
    "breaking": {"disconnect_after": 600, "chunk_bytes": 40},
    "early": {"disconnect_after": 3},
    "slow": {"latency": 50.0},
    "other": {},
}
CHAT = dialects.get("openai-chat")


class Bench:
    """A road over recorded hosts, with the traces that it recorded."""

    def __init__(self, folder: Path, **route) -> None:
        (folder / "tape.jsonl").write_text(TAPE, encoding="utf-8")
        lines = ["[models.m]"]
        for name, options in HOSTS.items():
            extra = "".join(f", {key} = {value}" for key, value in options.items())
            lines += [f"[hosts.{name}]", f'recorded = {{ path = "tape.jsonl"{extra} }}', f'[offers."m@{name}"]']
        lines += ["price = { input = 2.0, output = 10.0 }"]  # of the last one
        lines += [
            "[hosts.locked]",
            'url = "http://127.0.0.1:9/v1"',
            'key_env = "LOCKED_API_KEY"',
            '[offers."m@locked"]',
        ]
        (folder / "weighbridge.toml").write_text("\n".join(lines))
        config = settings.load(start=folder, environ={})
        self.catalogue = catalogue.load(config)
        self.clock = FakeClock()
        self.traces: list[Trace] = []
        declared = routes.from_config({"r": route} if route else {}, self.catalogue.engine)
        self.plan = Plan(7, declared)
        ids = itertools.count()
        self.client = Client(
            settings=config.settings.client,
            transport=RecordedTransport([], clock=self.clock),
            endpoints=NoEndpoints(),
            environ={},
            clock=self.clock,
            folder=folder,
        )
        self.road = Road(
            catalogue=self.catalogue,
            client=self.client,
            plan=lambda: self.plan,
            record=self.traces.append,
            deadline=30.0,
            new_id=lambda: f"t{next(ids)}",
            clock=self.clock,
        )


def request(model: str = "r", *, stream: bool = False, text: str = "hi", **more) -> Request:
    return Request(model, (Message("user", (TextPart(text),)),), stream=stream, stream_usage=stream, **more)


def from_client(**fields) -> Call:
    body = msgspec.json.encode({"model": "r", "messages": [{"role": "user", "content": "hi"}], **fields})
    return Call(CHAT.read_request(body), dialect="openai-chat", body=body)


async def test_a_whole_answer_and_its_trace(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@good")
    answer = await bench.road.open(Call(request(), conversation="c1"))
    assert isinstance(answer, WholeAnswer)
    assert (await answer.reply()).text == "Guten Tag, Zoë 👋"
    await answer.close()
    (trace,) = bench.traces
    assert (trace.outcome, trace.engine, trace.route, trace.plan) == ("ok", "m@good", "r", 7)
    assert (trace.id, trace.conversation, trace.streamed) == (answer.trace_id, "c1", False)
    assert trace.usage is not None
    assert (trace.usage.input, trace.usage.output, trace.usage.estimated) == (9, 4, False)
    assert trace.request is not None
    assert trace.request.messages[0].text == "hi"
    assert [a.outcome for a in trace.attempts] == ["ok"]


async def test_bytes_of_the_same_dialect_pass_whole_and_streamed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@good")
    whole = await bench.road.open(from_client(seed=1))
    assert isinstance(whole, WholeAnswer)
    assert CHAT.read_reply(await whole.body()).text == "Guten Tag, Zoë 👋"
    streamed = await bench.road.open(from_client(stream=True))
    assert isinstance(streamed, StreamedAnswer)
    data = b"".join([chunk async for chunk in streamed.chunks()])
    await streamed.close()
    assert data.endswith(b"data: [DONE]\n\n")
    assert b'"usage":{' not in data  # it was asked of the engine, not by the client
    reader = CHAT.reader()
    assert Fold.of([*reader.feed(data), *reader.close()]).reply().text == "Guten Tag, Zoë 👋"
    assert [t.usage.output for t in bench.traces if t.usage] == [4, 4]
    assert bench.traces[1].first_token is not None


async def test_events_for_a_caller_without_a_dialect(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@good")
    answer = await bench.road.open(Call(request(stream=True)))
    assert isinstance(answer, StreamedAnswer)
    events = [event async for event in answer.events()]
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "Guten Tag, Zoë 👋"
    assert len(bench.traces) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("first", ["m@down", "m@early", "m@locked"])
async def test_the_next_engine_answers_when_one_fails_before_its_first_byte(tmp_path, first, stream) -> None:
    bench = Bench(tmp_path, primary=first, fallbacks=["m@good"])
    answer = await bench.road.open(Call(request(stream=stream)))
    assert answer.engine == "m@good"
    assert (await answer.reply()).text == "Guten Tag, Zoë 👋"
    (trace,) = bench.traces
    assert trace.outcome == "ok"
    assert [a.engine for a in trace.attempts][-1] == "m@good"
    assert {a.engine for a in trace.attempts} == {first, "m@good"}
    assert trace.attempts[0].outcome != "ok"


async def test_a_refused_request_is_not_sent_to_a_fallback(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@refusing", fallbacks=["m@good"])
    with pytest.raises(RefusedRequestError):
        await bench.road.open(Call(request()))
    (trace,) = bench.traces
    assert trace.outcome == "refused_request"
    assert [a.engine for a in trace.attempts] == ["m@refusing"]


async def test_when_all_fail_the_last_error_names_the_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@locked", fallbacks=["m@down"])
    with pytest.raises(OverloadedError, match="m@locked: no_key"):
        await bench.road.open(Call(request()))
    assert [t.outcome for t in bench.traces] == ["overloaded"]


async def test_no_key_is_told_and_traced(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(NoKeyError, match="LOCKED_API_KEY"):
        await bench.road.open(Call(request("m@locked")))
    (trace,) = bench.traces
    assert [a.outcome for a in trace.attempts] == ["no_key"]


async def test_a_break_in_mid_stream_is_told_in_the_stream(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@breaking", fallbacks=["m@good"])
    answer = await bench.road.open(from_client(stream=True))
    assert isinstance(answer, StreamedAnswer)
    assert answer.engine == "m@breaking"
    data = b"".join([chunk async for chunk in answer.chunks()])
    await answer.close()
    last = msgspec.json.decode(data.rstrip().rpartition(b"data: ")[2])
    assert last["error"]["code"] == "broken_answer"
    assert b"[DONE]" not in data
    (trace,) = bench.traces
    assert trace.outcome == "broken_answer"
    assert trace.usage is not None
    assert trace.usage.estimated


async def test_a_break_is_an_event_for_who_reads_events_and_an_error_for_who_wants_the_reply(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@breaking")
    answer = await bench.road.open(Call(request(stream=True)))
    assert isinstance(answer, StreamedAnswer)
    events = [event async for event in answer.events()]
    assert isinstance(events[-1], Failure)
    again = await bench.road.open(Call(request(stream=True)))
    with pytest.raises(EngineError):
        await again.reply()


async def test_a_caller_that_leaves_ends_the_trace_as_cancelled(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@good")
    answer = await bench.road.open(from_client(stream=True))
    assert isinstance(answer, StreamedAnswer)
    assert await anext(aiter(answer.chunks()))
    await answer.close()
    await answer.close()
    (trace,) = bench.traces
    assert trace.outcome == "cancelled"
    assert trace.usage is not None
    assert trace.usage.estimated


async def test_a_task_cancelled_while_waiting_is_traced_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@good")
    task = asyncio.create_task(bench.road.open(Call(request())))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [t.outcome for t in bench.traces] == ["cancelled"]


async def test_the_route_s_timeout_ends_the_exchange(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@slow", timeout=10)
    with pytest.raises(EngineError):
        await bench.road.open(Call(request()))
    assert bench.traces[0].outcome == "deadline"


async def test_the_caller_s_deadline_ends_it_where_it_is_the_earlier_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@slow", timeout=1000)
    with pytest.raises(EngineError):
        await bench.road.open(Call(request(), deadline=bench.clock.monotonic() + 10))
    assert bench.traces[0].outcome == "deadline"
    assert bench.traces[0].total is not None
    assert bench.traces[0].total <= 60


async def test_an_unknown_name_is_traced_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@good")
    with pytest.raises(UnknownRouteError):
        await bench.road.open(Call(request("rr")))
    assert bench.traces[0].outcome == "unknown_route"
    assert bench.traces[0].engine == ""


async def test_a_published_plan_answers_the_next_request(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@down", fallbacks=["m@good"])
    before = await bench.road.open(Call(request(stream=True)))
    bench.plan = msgspec.structs.replace(routes.promote(bench.plan, "r", "m@other"), number=8)
    after = await bench.road.open(Call(request()))
    assert (before.engine, before.plan) == ("m@good", 7)
    assert (after.engine, after.plan) == ("m@other", 8)
    assert (await before.reply()).text == "Guten Tag, Zoë 👋"


async def test_run_never_raises_for_an_engine_and_gives_one_trace(tmp_path: Path) -> None:
    bench = Bench(tmp_path, primary="m@down")
    failed = await bench.road.run(Call(request(stream=True)))
    fine = await bench.road.run(Call(request("m@good", stream=True, sampling=Sampling(max_tokens=5))))
    broken = await bench.road.run(Call(request("m@breaking", stream=True)))
    assert [t.outcome for t in (failed, fine, broken)] == ["overloaded", "ok", "broken_answer"]
    assert bench.traces == [failed, fine, broken]


async def test_cost_is_the_price_of_the_day_in_micro_units(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    late = await bench.road.run(Call(request("m@slow")))
    assert (late.outcome, late.cost) == ("deadline", None)
    trace = await bench.road.run(Call(request("m@other")))
    assert trace.cost == 9 * 2 + 4 * 10


async def test_what_a_profile_drops_is_a_loss_on_answer_and_trace(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.catalogue.engine("m@good")
    profile = msgspec.structs.replace(engine.profile, drop=("seed",))
    bench.road._choices = (
        bench.plan,
        {"m@good": routes.Choice("", (msgspec.structs.replace(engine, profile=profile),))},
    )
    answer = await bench.road.open(Call(request("m@good", sampling=Sampling(seed=3))))
    assert [loss.field for loss in answer.losses] == ["seed"]
    assert bench.traces[0].losses == answer.losses


async def test_a_grammar_s_answer_comes_back_as_a_tool_call(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    output = '{"tool": "weather", "arguments": {"city": "Zürich"}}'
    bench.client._recorded["good"] = RecordedTransport([{"input": "hi", "output": output}], clock=bench.clock)
    engine = bench.catalogue.engine("m@good")
    profile = msgspec.structs.replace(engine.profile, tools="grammar", structured="native")
    choice = routes.Choice("", (msgspec.structs.replace(engine, profile=profile),))
    bench.road._choices = (bench.plan, {"m@good": choice, "r": choice})
    tools = (Tool("weather", schema={"type": "object", "properties": {"city": {"type": "string"}}}),)
    for stream in (False, True):
        answer = await bench.road.open(Call(request("m@good", stream=stream, tools=tools)))
        call = (await answer.reply()).choices[0].tool_calls[0]
        assert (call.name, msgspec.json.decode(call.arguments)) == ("weather", {"city": "Zürich"})
        assert "tools" in [loss.field for loss in answer.losses]
    wire = [{"type": "function", "function": {"name": "weather", "parameters": tools[0].schema}}]
    streamed = await bench.road.open(from_client(stream=True, tools=wire))
    assert isinstance(streamed, StreamedAnswer)
    data = b"".join([chunk async for chunk in streamed.chunks()])
    assert b'"finish_reason":"tool_calls"' in data
    assert data.endswith(b"data: [DONE]\n\n")


async def test_a_stream_without_content_counts_as_broken(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    row = {"request": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "response": "", "stream": True}
    bench.client._recorded["good"] = RecordedTransport([row], clock=bench.clock)
    with pytest.raises((BrokenAnswerError, EngineError)):
        await bench.road.open(Call(request("m@good", stream=True)))
    assert bench.traces[0].outcome != "ok"
