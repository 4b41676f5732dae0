"""Answers given again: only to equal requests, only to those who may have them, in the caller's own dialect, free."""

from __future__ import annotations

import itertools
import json
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Attempt,
    Engine,
    Host,
    Key,
    Message,
    Model,
    Offer,
    OpaquePart,
    Plan,
    Price,
    Profile,
    ReasoningPart,
    Reply,
    Request,
    Route,
    Sampling,
    TextPart,
    Tool,
    Trace,
)
from weighbridge.canon import Choice as Said
from weighbridge.dialects.fold import Fold
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import NoEndpoints
from weighbridge.exchange import Call, Road, StreamedAnswer
from weighbridge.exchange.cache import AnswerCache
from weighbridge.exchange.cache_key import cache_key
from weighbridge.exchange.tracer import Tracer
from weighbridge.routes import Choice
from weighbridge.settings import Client as ClientSettings

DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")
TEXT = "Grüße, Zoë 👋 " + "word " * 400


def engine(name: str = "m@h") -> Engine:
    model, _, host = name.partition("@")
    price = (Price(input=1_000_000, output=2_000_000),)
    return Engine(
        Model(model), Host(host, url="http://h.test/v1", auth="none"), Offer(model, host, prices=price), Profile()
    )


class Engines:
    def engine(self, name):
        return engine(name)


class Response:
    status = 200

    def __init__(self, pieces):
        self.headers = {}
        self._pieces = pieces

    async def read(self, limit):
        return b"".join(self._pieces)

    async def chunks(self):
        for piece in self._pieces:
            yield piece

    async def close(self):
        pass


class Provider:
    """A host of the Chat API that counts how often it is asked."""

    def __init__(self, *, finish="stop", refusal=None, broken=False):
        self.asked = 0
        self.finish, self.refusal, self.broken = finish, refusal, broken

    async def send(self, request, *, connect_timeout, read_timeout):
        self.asked += 1
        text = f"{self.asked}: {TEXT}"
        usage = {"prompt_tokens": 9, "completion_tokens": 400, "total_tokens": 409}
        head = {"id": f"chatcmpl-{self.asked}", "created": 7, "model": "m-1"}
        if not json.loads(request.body).get("stream"):
            message = {"role": "assistant", "content": text, "refusal": self.refusal}
            choice = {"index": 0, "message": message, "finish_reason": self.finish}
            return Response(
                [json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()]
            )
        head["object"] = "chat.completion.chunk"
        rows = [
            {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}
        ]
        if not self.broken:
            rows.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": self.finish}]})
            rows.append({**head, "choices": [], "usage": usage})
        return Response(
            [b"data: " + json.dumps(row).encode() + b"\n\n" for row in rows] + [b"data: [DONE]\n\n"] * (not self.broken)
        )

    async def close(self):
        pass


class Bench:
    """A road with a cache, over one host."""

    def __init__(self, provider=None, *, max_bytes=1_000_000, max_answer=100_000, **route):
        self.provider = provider or Provider()
        self.clock = FakeClock(1_000.0)
        self.traces: list[Trace] = []
        self.counted: list[str] = []
        self.cache = AnswerCache(
            max_bytes=max_bytes,
            max_answer=max_answer,
            clock=self.clock,
            count=lambda route, result: self.counted.append(result),
        )
        self.plan = Plan(1, {"r": Route("r", "m@h", **{"cache": 60.0, **route})})
        client = Client(
            settings=ClientSettings(retries=0),
            transport=self.provider,
            endpoints=NoEndpoints(),
            environ={},
            clock=self.clock,
        )
        ids = itertools.count()
        self.road = Road(
            catalogue=cast("Catalogue", Engines()),
            client=client,
            plan=lambda: self.plan,
            record=self.traces.append,
            deadline=30.0,
            new_id=lambda: f"t{next(ids)}",
            clock=self.clock,
            cache=self.cache,
        )

    async def ask(self, call):
        """The answer's text and its `x-weighbridge-cache`."""
        answer = await self.road.open(call)
        told = dict(answer.told).get(b"x-weighbridge-cache", b"").decode()
        front = dialects.get(call.dialect)
        if isinstance(answer, StreamedAnswer):
            reader, events = front.reader(), []
            async for chunk in answer.chunks():
                events += reader.feed(chunk)
            reply = Fold.of([*events, *reader.close()]).reply()
        else:
            reply = front.read_reply(await answer.body())
        await answer.close()
        return reply, told


def body(dialect: str, text: str, *, stream: bool, **more) -> dict[str, Any]:
    match dialect:
        case "openai-chat":
            return {
                "model": "r",
                "messages": [{"role": "user", "content": text}],
                "temperature": 0,
                "max_tokens": 99,
                "stream": stream,
            } | more
        case "openai-responses":
            return {"model": "r", "input": text, "temperature": 0, "max_output_tokens": 99, "stream": stream} | more
        case "anthropic-messages":
            return {
                "model": "r",
                "messages": [{"role": "user", "content": text}],
                "temperature": 0.0,
                "max_tokens": 99,
                "stream": stream,
            } | more
        case _:
            return {
                "contents": [{"role": "user", "parts": [{"text": text}]}],
                "generationConfig": {"temperature": 0, "maxOutputTokens": 99},
            } | more


def call(
    dialect: str = "openai-chat", text: str = "hi", *, stream: bool = False, key: Key | None = None, **more
) -> Call:
    data = json.dumps(body(dialect, text, stream=stream, **more)).encode()
    options: dict[str, Any] = {"model": "r", "stream": stream} if dialect == "gemini-generate" else {}
    return Call(dialects.get(dialect).read_request(data, **options), dialect=dialect, body=data, key=key)


@pytest.mark.parametrize("second_stream", [False, True])
@pytest.mark.parametrize("first_stream", [False, True])
@pytest.mark.parametrize("first", DIALECTS)
async def test_an_answer_is_given_again_in_every_dialect_whole_and_streamed(first, first_stream, second_stream):
    bench = Bench()
    before, told = await bench.ask(call(first, stream=first_stream))
    assert told == "miss"
    for dialect in DIALECTS:
        reply, told = await bench.ask(call(dialect, stream=second_stream))
        assert (told, reply.text, reply.finish) == ("hit", f"1: {TEXT}", "stop")
        assert reply.id != before.id
    assert bench.provider.asked == 1
    assert bench.counted == ["miss"] + ["hit"] * 4


async def test_a_hit_is_traced_as_one_and_costs_nothing():
    bench = Bench()
    await bench.ask(call())
    await bench.ask(call(stream=True, stream_options={"include_usage": True}))
    paid, free = bench.traces
    assert (paid.cached, free.cached) == (False, True)
    assert paid.cost
    assert free.cost == 0
    assert free.attempts == ()
    assert (free.outcome, free.engine, free.streamed) == ("ok", "m@h", True)
    assert free.usage is not None
    assert (free.usage.input, free.usage.output) == (9, 400)
    assert free.first_token is not None
    assert free.reply is not None
    assert paid.reply is not None
    assert free.reply.text == paid.reply.text


async def test_tokens_that_were_estimated_stay_so():
    bench = Bench()
    await plant(bench, call(), text_reply("four words of text"))
    found = await plant(bench, call(), text_reply(""))
    first, again = bench.traces
    assert found is not None
    assert again.usage == first.usage
    assert again.cost == 0


async def test_an_answer_grows_old():
    bench = Bench(cache=60.0)
    await bench.ask(call())
    bench.clock.advance(59.9)
    assert (await bench.ask(call()))[1] == "hit"
    bench.clock.advance(0.2)
    reply, told = await bench.ask(call())
    assert (told, reply.text[:2]) == ("miss", "2:")
    assert (await bench.ask(call()))[1] == "hit"


async def test_a_route_that_does_not_want_it_keeps_nothing():
    bench = Bench(cache=0.0)
    for _ in range(2):
        assert (await bench.ask(call()))[1] == ""
    assert (bench.provider.asked, len(bench.cache), bench.counted) == (2, 0, [])


async def test_an_engine_named_directly_is_always_asked():
    bench = Bench()
    for _ in range(2):
        assert (await bench.ask(replace(call(), route="m@h")))[1] == ""
    assert bench.provider.asked == 2


async def test_other_engines_behind_the_route_answer_for_themselves():
    bench = Bench()
    await bench.ask(call())
    bench.plan = Plan(2, {"r": Route("r", "n@h", cache=60.0)})
    assert (await bench.ask(call()))[1] == "miss"
    bench.plan = Plan(3, {"r": Route("r", "m@h", cache=60.0)})
    assert (await bench.ask(call()))[1] == "hit"  # rolled back: it is the same engine's answer


KEYS = {
    name: Key(name, name, 0.0, team=team, share_cache=share)
    for name, team, share in (("a", "x", False), ("b", "x", True), ("c", "x", True), ("d", "y", True), ("e", "", True))
}


async def test_answers_never_cross_keys_unless_both_of_one_team_may():
    bench = Bench()
    hits = {}
    for first, second in itertools.permutations([*KEYS, ""], 2):
        bench.cache = bench.road._cache = AnswerCache(max_bytes=10**6, max_answer=10**6, clock=bench.clock)
        await bench.ask(call(key=KEYS.get(first)))
        hits[first, second] = (await bench.ask(call(key=KEYS.get(second))))[1]
    assert {pair for pair, told in hits.items() if told == "hit"} == {("b", "c"), ("c", "b")}


async def test_callers_without_a_key_of_their_own_are_told_apart_too():
    bench = Bench()
    await bench.ask(replace(call(), caller="one"))
    assert (await bench.ask(replace(call(), caller="two")))[1] == "miss"
    assert (await bench.ask(replace(call(), caller="one")))[1] == "hit"


SEEDED = {"temperature": 0.7, "seed": 3}


@pytest.mark.parametrize(
    ("more", "route", "told"),
    [
        ({}, {}, "hit"),
        (SEEDED, {}, "hit"),
        ({"temperature": 0.7}, {}, "bypass"),
        ({"temperature": None}, {}, "bypass"),
        ({"temperature": 0.7}, {"cache_any": True}, "hit"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}, {}, "bypass"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, {"cache_any": True}, "bypass"),
        ({"web_search_options": {}}, {}, "bypass"),
        ({"store": True}, {}, "bypass"),
        ({"something_new": 1}, {}, "bypass"),
        ({"logit_bias": {"1": 2}}, {}, "hit"),
        ({"n": 2} | SEEDED, {}, "bypass"),
        ({"n": 2, "temperature": 0.7}, {"cache_any": True}, "bypass"),
        ({"n": 2}, {}, "hit"),
    ],
)
async def test_what_may_be_kept(more, route, told):
    bench = Bench(**route)
    await bench.ask(call(**more))
    assert (await bench.ask(call(**more)))[1] == told
    assert bench.provider.asked == (1 if told == "hit" else 2)


async def test_a_response_that_goes_on_from_another_is_not_kept():
    bench = Bench()
    asked = call("openai-responses")
    for _ in range(2):
        going_on = replace(asked, request=replace(asked.request, continues="resp_1"), body=None)
        assert cache_key(going_on, Choice("r", (engine(),), entry=bench.plan.routes["r"])) is None


@pytest.mark.parametrize(
    ("how", "stream"),
    [
        ({"finish": "content_filter"}, False),
        ({"finish": "content_filter"}, True),
        ({"finish": "tool_calls"}, False),
        ({"finish": "tool_calls"}, True),
        ({"refusal": "No."}, False),
        ({"broken": True}, True),
    ],
)
async def test_what_was_filtered_refused_or_broken_off_is_not_kept(how, stream):
    bench = Bench(Provider(**how))
    for _ in range(2):
        assert (await bench.ask(call(stream=stream)))[1] == "miss"
    assert (bench.provider.asked, len(bench.cache)) == (2, 0)


async def test_an_answer_that_its_caller_left_is_not_kept():
    bench = Bench()
    answer = await bench.road.open(call(stream=True))
    await answer.close()
    assert bench.traces[0].outcome == "cancelled"
    assert len(bench.cache) == 0


async def test_leaving_a_kept_answer_is_a_trace_without_cost():
    bench = Bench()
    await bench.ask(call())
    answer = await bench.road.open(call(stream=True))
    await answer.close()
    await answer.close()
    assert (bench.traces[1].outcome, bench.traces[1].cost, len(bench.traces)) == ("cancelled", 0, 2)


async def test_thinking_is_given_again():
    bench = Bench()
    said = Said((ReasoningPart("hmm"), TextPart("so"), TextPart("it is")), "stop")
    await plant(bench, call(), Reply((said,)))
    answer = await bench.road.open(replace(call(stream=True), dialect="", body=None))
    reply = await answer.reply()
    assert reply.choices[0].parts == said.parts


async def plant(bench, asked, reply):
    """Let the cache see an exchange that was answered so."""
    tracer = Tracer(asked, trace_id="t", plan=1, clock=bench.clock, record=bench.traces.append)
    choice = Choice("r", (engine(),), entry=bench.plan.routes["r"])
    found = bench.cache.look(asked, choice, tracer)
    if found is None:
        asking = tracer.asking(engine())
        asking.sending()
        asking.read(reply)
        asking.tried(Attempt("m@h", 0.0, 0.0, billed=True))
        tracer.engine = engine()
        tracer.end(reply=reply)
    return found


def text_reply(text: str) -> Reply:
    return Reply((Said((TextPart(text),), "stop"),))


async def test_what_only_one_dialect_understands_is_not_kept():
    bench = Bench()
    await plant(bench, call(), Reply((Said((TextPart("x"), OpaquePart("openai-responses", {})), "stop"),)))
    await plant(bench, call(), Reply((Said((), "stop"),)))
    await plant(bench, call(), Reply(()))
    await plant(bench, call(), text_reply("half \ud800"))
    assert len(bench.cache) == 0


async def test_a_request_with_half_a_character_is_answered_and_not_kept():
    bench = Bench()
    asked = Call(Request("r", (Message("user", (TextPart("\ud800"),)),), sampling=Sampling(temperature=0)))
    assert await plant(bench, asked, text_reply("x")) is None
    assert (len(bench.cache), bench.counted) == (0, ["bypass"])


@given(
    steps=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4000), st.floats(0, 40)), max_size=60),
    bound=st.integers(0, 20_000),
)
@settings(max_examples=60, deadline=None)
async def test_memory_is_bounded_and_what_is_given_is_what_was_kept(steps, bound):
    bench = Bench(max_bytes=bound, max_answer=3000)
    model: dict[int, tuple[str, float]] = {}
    for number, (name, size, pause) in enumerate(steps):
        bench.clock.advance(pause)
        now = bench.clock.monotonic()
        text = f"{number}" + "x" * size
        found = await plant(bench, call(text=f"question {name}"), text_reply(text))
        if found is None:
            model[name] = (text, now + 60.0)
        else:
            kept, until = model[name]
            assert now < until
            assert (await found.reply()).text == kept
        assert bench.cache.bytes <= bound
        assert bench.cache.bytes == sum(one.size for one in bench.cache._kept.values())
        assert all(one.size <= 3000 for one in bench.cache._kept.values())


async def test_the_answer_asked_for_last_stays_longest():
    bench = Bench(max_bytes=3 * 1000, max_answer=1000)
    for name in "abc":
        await plant(bench, call(text=name), text_reply("x" * 300))
    assert len(bench.cache) == 3
    assert await plant(bench, call(text="a"), text_reply("")) is not None
    await plant(bench, call(text="d"), text_reply("x" * 300))
    room = {name: await plant(bench, call(text=name, n=1), text_reply("")) for name in "a"}
    assert room["a"] is None  # another request: n was said
    assert await plant(bench, call(text="a"), text_reply("")) is not None


async def test_old_answers_leave_without_being_asked_for():
    bench = Bench(cache=10.0)
    for number in range(5):
        await plant(bench, call(text=f"{number}"), text_reply("x"))
    bench.clock.advance(61)
    await plant(bench, call(text="new"), text_reply("x"))
    assert len(bench.cache) == 1


BASE = Request("r", (Message("user", (TextPart("hi"),)),), sampling=Sampling(temperature=0, max_tokens=9), stream=False)
CHOICE = Choice("r", (engine(),), entry=Route("r", "m@h", cache=60.0))


def named(request: Request = BASE, choice: Choice = CHOICE, **more) -> bytes | None:
    return cache_key(Call(request, **more), choice)


@pytest.mark.parametrize(
    "same",
    [
        replace(BASE, stream=True, stream_usage=True),
        replace(BASE, user="ann", metadata={"a": 1}, cache_key="k", model="other"),
        replace(BASE, headers={"anthropic-version": "2023-06-01"}),
        replace(BASE, sampling=replace(BASE.sampling, temperature=0.0)),
        replace(BASE, messages=(Message("user", (TextPart("hi", cache="5m"),)),)),
        replace(BASE, extra={"openai-chat": {"store": False, "stream": False, "seed": None}}),
        replace(BASE, extra={"openai-chat": {"safety_identifier": "u"}, "openai-chat$": {"max_tokens": "x"}}),
    ],
)
def test_what_does_not_change_the_question(same):
    assert named(same) == named() is not None


@pytest.mark.parametrize(
    "other",
    [
        replace(BASE, messages=(Message("user", (TextPart("hi "),)),)),
        replace(BASE, messages=(Message("system", (TextPart("hi"),)),)),
        replace(BASE, messages=(*BASE.messages, *BASE.messages)),
        replace(BASE, sampling=replace(BASE.sampling, max_tokens=8)),
        replace(BASE, sampling=replace(BASE.sampling, seed=1)),
        replace(BASE, sampling=replace(BASE.sampling, stop=("x",))),
        replace(BASE, verbosity="low"),
        replace(BASE, service_tier="flex"),
        replace(BASE, headers={"anthropic-beta": "new"}),
        replace(BASE, extra={"openai-chat": {"logit_bias": {"1": 1}}}),
        replace(BASE, extra={"openai-responses$": {"include": ["x"]}}),
    ],
)
def test_what_changes_the_question(other):
    assert named(other) not in (None, named())


def test_where_it_is_asked_and_by_whom_counts():
    two = (engine(), engine("n@h"))
    found = [
        named(),
        named(choice=replace(CHOICE, route="s")),
        named(choice=replace(CHOICE, engines=two)),
        named(choice=replace(CHOICE, engines=two[::-1])),
        named(data_class="secret"),
        named(caller="c"),
        named(key=Key("c", "c", 0.0)),
        named(key=Key("k", "k", 0.0, team="c", share_cache=True)),
    ]
    assert len(set(found)) == len(found)
    assert None not in found


@given(
    st.builds(
        Request,
        st.just("r"),
        messages=st.just(BASE.messages),
        tools=st.lists(st.builds(Tool, st.text()), min_size=1, max_size=2).map(tuple),
    )
)
@settings(max_examples=20, deadline=None)
def test_tools_are_never_kept(request_):
    assert named(replace(request_, sampling=Sampling(temperature=0, seed=1))) is None
    assert msgspec.structs.asdict(request_)["tools"]
