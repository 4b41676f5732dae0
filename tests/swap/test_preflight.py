"""Preflight: what moving a route would meet, from recorded requests alone."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Plan, Policy, Reply, Request, Route, Trace, Usage
from weighbridge.engines import catalogue
from weighbridge.errors import InputError, NotFoundError
from weighbridge.settings import Config, Settings
from weighbridge.store.traces import TraceWriter
from weighbridge.swap.preflight import Preflight, preflight, traffic

NOW = 1_790_000_000.0
DAY = 86_400.0
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}


def offer(**more: Any) -> dict[str, Any]:
    return {"price": {"input": 1.0, "output": 2.0, "valid_from": "2026-01-01", **more}}


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    hosts: dict[str, Any] = {
        "old": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "DE", "retention_days": 0},
        "new": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "US", "retention_days": 30},
        "far": {"url": "http://127.0.0.1:9", "key_env": "FAR_KEY", "dialect": "anthropic-messages"},
    }
    hosts["new"]["trains_on_inputs"] = True
    models: dict[str, Any] = {
        "base": {"lab": "ours", "context": 100_000, "modalities": ["text", "image"], "tools": True},
        "twin": {"lab": "ours", "context": 100_000, "modalities": ["text", "image"], "tools": True},
        "plain": {"lab": "theirs", "context": 1_000, "max_output": 200, "modalities": ["text"], "tools": False},
    }
    models["plain"] |= {"structured": False, "reasoning": False}
    offers = {"base@old": offer(), "twin@old": offer(), "plain@new": offer(input=4.0), "base@far": {}}
    return catalogue.load(
        Config(settings=Settings(), folder=tmp_path_factory.mktemp("c"), models=models, hosts=hosts, offers=offers)
    )


def asked(content: Any = "Hello, how are you?", **more: Any) -> Request:
    body = {"model": "assistant", "messages": [{"role": "user", "content": content}], **more}
    import json

    return dialects.get("openai-chat").read_request(json.dumps(body).encode())


def trace(number: int, request: Request | None, **more: Any) -> Trace:
    made = Trace(
        id=f"{number:026d}",
        at=NOW - DAY + number,
        route="assistant",
        engine="base@old",
        dialect="openai-chat",
        request=request,
        reply=Reply(),
        usage=Usage(input=100, output=10),
    )
    return replace(made, **more)


def record(folder, traces):
    writer = TraceWriter(folder, now=lambda: NOW)
    for one in traces:
        writer.record(one)
    writer.close()


async def look(engines, folder, candidate, *, entry: Route | None = None, **more: Any) -> Preflight:
    entry = entry or Route("assistant", "base@old")
    plan = Plan(3, {"assistant": entry}, {})
    given: dict[str, Any] = {"since": NOW - 7 * DAY, "now": NOW, "environ": {"FAR_KEY": "k"}} | more
    return await preflight(plan, engines, "assistant", candidate, folder=folder, **given)


async def test_compatible_traffic_has_no_problem(engines, tmp_path):
    record(tmp_path, [trace(n, asked(tools=[TOOL])) for n in range(20)])

    found = await look(engines, tmp_path, "twin@old")

    assert [one for one in found.problems if one.new] == []
    assert (found.broken, found.changed, found.requests, found.looked_at) == (0, 0, 20, 20)
    assert {one.name for one in found.features} == {"tools", "dialect openai-chat"}
    parts = {one.name: one.points for one in found.ease.parts}
    assert parts == {"compatibility": 100, "behaviour": None, "cost": 100, "law": 50, "reversibility": 100}
    assert found.law.admitted


PLANTED = {
    "tools": asked(tools=[TOOL]),
    "images": asked([{"type": "text", "text": "What is it?"}, PICTURE]),
    "response_format": asked(
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    ),
    "thinking": asked(reasoning_effort="high"),
    "max_tokens": asked(max_tokens=500),
}


@pytest.mark.parametrize("field", PLANTED)
async def test_what_the_candidate_lacks_is_found_with_its_share_and_an_example(engines, tmp_path, field):
    record(tmp_path, [trace(n, PLANTED[field] if n < 5 else asked()) for n in range(20)])

    found = await look(engines, tmp_path, "plain@new")

    (problem,) = [one for one in found.problems if one.field == field and one.kind in ("lacks", "exceeds")]
    assert (problem.share.count, problem.share.of, problem.new) == (5, 20, 5)
    assert problem.share.low < 0.25 < problem.share.high
    assert set(problem.examples) <= {f"{n:026d}" for n in range(5)}
    assert found.broken == 5


async def test_what_another_dialect_cannot_say_is_found(engines, tmp_path):
    record(tmp_path, [trace(n, asked(n=3, logprobs=True)) for n in range(4)])

    found = await look(engines, tmp_path, "base@far")

    assert {one.kind for one in found.problems if one.new} >= {"loses"}
    assert found.costs.candidate.cached is None
    assert found.costs.ratio is None
    assert found.lengths.ratio.basis == "same model"


async def test_what_fails_today_already_is_not_new(engines, tmp_path):
    record(tmp_path, [trace(n, asked(tools=[TOOL])) for n in range(4)])

    found = await look(engines, tmp_path, "base@far", entry=Route("assistant", "plain@new"))

    assert all(one.field != "tools" for one in found.problems)


async def test_requests_that_are_too_long_for_the_context(engines, tmp_path):
    sizes = [trace(n, asked(), usage=Usage(input=950 if n < 3 else 100, output=100)) for n in range(10)]
    record(tmp_path, [*sizes, trace(11, asked(), usage=Usage(input=700, output=250))])

    found = await look(engines, tmp_path, "plain@new")

    assert found.lengths.context == 1_000
    assert (found.lengths.over.count, found.lengths.perhaps.count) == (3, 4)
    assert found.lengths.cut.count == 1
    assert found.broken == 3
    assert found.lengths.ratio.basis == "assumed"


async def test_tokens_are_measured_where_the_candidate_answered_before(engines, tmp_path):
    twice = [
        trace(100 + n, asked(), engine="plain@new", route="x", usage=Usage(input=200, output=1)) for n in range(30)
    ]
    record(tmp_path, [*(trace(n, asked()) for n in range(30)), *twice])

    found = await look(engines, tmp_path, "plain@new")

    assert (found.lengths.ratio.basis, found.lengths.ratio.value, found.lengths.ratio.n) == ("measured", 2.0, 30)


async def test_a_month_costs_what_its_tokens_cost(engines, tmp_path):
    record(tmp_path, [trace(n, asked()) for n in range(10)])

    found = await look(engines, tmp_path, "plain@new")

    assert found.days == pytest.approx(1.0)
    assert found.costs.requests == pytest.approx(300)
    assert found.costs.base.cached
    assert found.costs.candidate.cached
    assert found.costs.base.cached.value == pytest.approx(300 * (100 * 1 + 10 * 2) / 1e6, rel=1e-3)
    assert found.costs.candidate.cached.value == pytest.approx(300 * (100 * 4 + 10 * 2) / 1e6, rel=1e-3)
    assert found.costs.candidate.cached.low < found.costs.candidate.cached.value < found.costs.candidate.cached.high
    assert found.costs.ratio == pytest.approx(3.5)


async def test_terms_of_law_are_compared_and_rules_refuse(engines, tmp_path):
    record(tmp_path, [trace(1, asked())])
    strict = Route("assistant", "base@old", policy=Policy(no_training=True))

    found = await look(engines, tmp_path, "plain@new", entry=strict)

    terms = {one.name: one.worse for one in found.law.terms}
    assert terms["law of the host"]
    assert terms["data kept"]
    assert terms["trains on inputs"]
    assert not found.law.admitted
    assert found.ease.refused
    assert found.ease.score == 0


async def test_a_missing_key_is_told(engines, tmp_path):
    record(tmp_path, [trace(1, asked())])

    to = await look(engines, tmp_path, "base@far", environ={})
    back = await look(engines, tmp_path, "base@old", entry=Route("assistant", "base@far"), environ={})

    assert "FAR_KEY" in to.notes[0]
    assert next(one for one in back.ease.parts if one.name == "reversibility").points == 0


async def test_no_traffic_and_no_texts_are_errors_with_a_fix(engines, tmp_path):
    with pytest.raises(NotFoundError, match="no exchange on record"):
        await look(engines, tmp_path / "none", "twin@old")
    with pytest.raises(InputError, match="answers assistant already"):
        await look(engines, tmp_path, "base@old")
    record(tmp_path, [trace(n, None) for n in range(3)])
    with pytest.raises(NotFoundError, match="3 exchanges of 'assistant' were recorded without"):
        await look(engines, tmp_path, "twin@old")


def test_a_sample_is_random_seeded_and_counts_everything():
    traces = [trace(n, asked() if n % 2 else None, outcome="ok" if n % 5 else "timeout") for n in range(1_000)]

    made = [traffic.collect(traces, now=NOW, size=50, rng=random.Random(seed)) for seed in (1, 1, 2)]

    assert made[0] == made[1] != made[2]
    assert (made[0].requests, made[0].bare, made[0].failed, len(made[0].sample)) == (1_000, 500, 200, 50)
    ids = [int(one.id) for one in made[0].sample]
    assert ids == sorted(ids)
    assert 300 < sum(ids) / len(ids) < 700
