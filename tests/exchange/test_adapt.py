"""What becomes of a request on its way to an engine: its dialect, headers, addresses, and what a strict route refuses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from scripts import Speaker, Theatre, engine

from weighbridge import dialects
from weighbridge.canon import (
    Choice,
    FilePart,
    ImagePart,
    Loss,
    Message,
    OpaquePart,
    Profile,
    Reply,
    Request,
    Route,
    Sampling,
    TextPart,
    Tool,
    Usage,
)
from weighbridge.errors import InputError, LossError, OverloadedError, UnreachableError
from weighbridge.exchange import Call, WholeAnswer
from weighbridge.exchange.adapt import adapt, back_of, refuse_losses

CHAT, ANTHROPIC = "openai-chat", "anthropic-messages"
HELLO = Reply((Choice((TextPart("Hello."),), "stop"),), Usage(input=3, output=2))
CLAUDE = engine("claude@anthropic", ANTHROPIC)
GLM = engine("glm@zai", CHAT)
BOTH = engine("glm@both", CHAT, speaks=[ANTHROPIC])


def asked(*parts: object, **more) -> Request:
    return Request("r", (Message("user", (TextPart("hi"), *parts)),), **more)  # type: ignore[arg-type]  # parts of any kind


def hosted() -> Request:
    """With a tool that only Anthropic's own host has."""
    return asked(tools=(Tool("", opaque=OpaquePart(ANTHROPIC, {"type": "web_search_20250305", "name": "web_search"})),))


async def test_a_host_that_speaks_the_client_s_dialect_is_asked_in_it() -> None:
    theatre = Theatre(BOTH, GLM)
    road = theatre.road()
    for front, path in ((ANTHROPIC, "/anthropic-messages/messages"), (CHAT, "/v1/chat/completions")):
        one = Speaker(road, front)
        one.user("hi")
        theatre.answer("glm@both", HELLO, dialect=front)
        assert (await one.ask("glm@both")).text == "Hello."
        assert theatre.stage.seen[-1].url == f"http://both.test{path}"
        assert one.last.losses == ()
    assert back_of(GLM, ANTHROPIC).name == CHAT
    assert back_of(GLM, "").name == CHAT


async def test_the_profile_is_the_one_of_the_dialect_that_is_spoken() -> None:
    here = replace(BOTH, others={ANTHROPIC: Profile(drop=("top_k",), max_output=8000)})
    call = Call(
        dialects.get(ANTHROPIC).read_request(
            b'{"model":"m","max_tokens":9,"top_k":3,"messages":[{"role":"user","content":"hi"}]}'
        ),
        dialect=ANTHROPIC,
    )
    outgoing = await adapt(call, here, None)
    assert "top_k" not in msgspec.json.decode(outgoing.body)
    assert [loss.field for loss in outgoing.losses] == ["top_k"]


async def test_headers_go_along_in_their_own_dialect_and_are_lost_in_another() -> None:
    headers = {"anthropic-beta": "context-1m-2025-08-07", "anthropic-version": "2023-06-01"}
    call = Call(asked(headers=headers, sampling=Sampling(max_tokens=9)), dialect=ANTHROPIC)
    same = await adapt(call, CLAUDE, None)
    assert (same.headers, same.losses) == (headers, ())
    other = await adapt(call, GLM, None)
    assert other.headers == {}
    assert [(loss.field, loss.severity) for loss in other.losses] == [("headers.anthropic-beta", "low")]
    theatre = Theatre(CLAUDE)
    theatre.answer("claude@anthropic", HELLO)
    await theatre.road().open(replace(call, route="claude@anthropic"))
    assert theatre.stage.seen[-1].headers["anthropic-beta"] == "context-1m-2025-08-07"


async def test_what_was_said_in_an_answer_that_is_stored_elsewhere_cannot_be_guessed() -> None:
    theatre = Theatre(CLAUDE, GLM, routes=[Route("r", "glm@zai", fallbacks=("claude@anthropic",))])
    call = Call(asked(continues="resp_123"), dialect="openai-responses")
    with pytest.raises(InputError, match="not stored here") as caught:
        await theatre.road().open(call)
    assert caught.value.where == "previous_response_id"
    assert caught.value.fix
    assert theatre.stage.seen == []
    assert [t.outcome for t in theatre.traces] == ["bad_input"]


async def test_a_strict_route_refuses_what_would_be_lost_before_any_call() -> None:
    theatre = Theatre(CLAUDE, GLM, routes=[Route("r", "glm@zai", strict=True), Route("lax", "glm@zai")])
    road = theatre.road()
    with pytest.raises(LossError) as caught:
        await road.open(Call(hosted(), dialect=ANTHROPIC))
    assert "tools" in str(caught.value)
    assert theatre.stage.seen == []
    assert theatre.traces[-1].outcome == "would_lose"
    theatre.answer("glm@zai", HELLO)
    answer = await road.open(Call(hosted(), dialect=ANTHROPIC, route="lax"))
    assert any(loss.severity == "high" for loss in answer.losses)
    theatre.answer("glm@zai", HELLO)
    await road.open(Call(asked(), dialect=ANTHROPIC))  # nothing grave is lost here


def test_an_error_lists_only_so_many_losses() -> None:
    with pytest.raises(LossError, match="and 980 more") as caught:
        refuse_losses([Loss(f"f{i}", "gone", "high") for i in range(1000)], GLM)
    assert len(str(caught.value)) < 2000
    refuse_losses([Loss("f", "gone", "medium"), Loss("g", "gone", "low")], GLM)


async def test_a_fallback_that_would_lose_is_passed_over_and_the_first_error_told() -> None:
    theatre = Theatre(CLAUDE, GLM, routes=[Route("r", "claude@anthropic", fallbacks=("glm@zai",), strict=True)])
    theatre.line("anthropic", {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529)
    with pytest.raises(OverloadedError, match="busy"):
        await theatre.road().open(Call(hosted(), dialect=ANTHROPIC))
    assert [a.outcome for a in theatre.traces[-1].attempts] == ["overloaded", "would_lose"]


class Fetcher:
    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []

    async def inline(self, request: Request, kinds: Iterable[str]) -> tuple[Request, tuple[Loss, ...]]:
        self.asked.append(frozenset(kinds))
        made = tuple(
            replace(m, parts=tuple(replace(p, url="", data="aGk=") if isinstance(p, ImagePart) else p for p in m.parts))
            for m in request.messages
        )
        return replace(request, messages=made), (Loss("messages[0].parts[2]", "it could not be fetched", "high"),)


async def test_addresses_are_fetched_only_where_the_route_allows_it_and_the_engine_needs_it() -> None:
    shy = engine("vl@shy", CHAT, rejects=("image_url", "file_url", "video"))
    theatre = Theatre(
        shy, GLM, routes=[Route("r", "vl@shy", fetch=True), Route("no", "vl@shy"), Route("able", "glm@zai", fetch=True)]
    )
    fetcher = Fetcher()
    road = theatre.road(fetcher=fetcher)
    call = Call(asked(ImagePart("https://example.org/a.png"), FilePart(url="https://example.org/b.pdf")), dialect=CHAT)
    theatre.answer("vl@shy", HELLO)
    answer = await road.open(call)
    assert fetcher.asked == [{"image_url", "file_url"}]
    assert "data:image/png;base64,aGk=" in theatre.stage.seen[-1].body.decode()
    assert "it could not be fetched" in {loss.reason for loss in answer.losses}
    for route in ("no", "able"):
        theatre.answer("vl@shy" if route == "no" else "glm@zai", HELLO)
        await road.open(replace(call, route=route))
    assert len(fetcher.asked) == 1


async def test_the_fast_lane_still_passes_a_client_s_bytes() -> None:
    body = b'{ "model" : "r",\n "messages": [{"role":"user","content":"hi"}], "unheard_of": 1.50 }'
    call = Call(dialects.get(CHAT).read_request(body), dialect=CHAT, body=body)
    outgoing = await adapt(call, GLM, None)
    assert outgoing.verbatim
    assert outgoing.body == body.replace(b'"r"', b'"glm"', 1)


EMBEDDED = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "model": "e", "usage": {"prompt_tokens": 4}}


def read_usage(body: bytes) -> Reply:
    return Reply(usage=Usage(input=msgspec.json.decode(body)["usage"]["prompt_tokens"]))


async def forwarded(theatre: Theatre, model: str = "e", **more) -> WholeAnswer:
    how: dict[str, Any] = {
        "target": "/embeddings",
        "write": lambda _, one: msgspec.json.encode({"model": one.upstream, "input": "x"}),
        "read": read_usage,
        "serves": lambda one: one.host.dialect == CHAT,
    }
    return await theatre.road().forward(Call(Request(model), dialect=CHAT), **(how | more))


async def test_another_call_is_forwarded_with_failover_and_a_trace() -> None:
    theatre = Theatre(
        CLAUDE, GLM, engine("e@down"), routes=[Route("e", "claude@anthropic", fallbacks=("e@down", "glm@zai"))]
    )
    theatre.line("down", {"error": {"message": "busy"}}, 503)
    theatre.line("zai", EMBEDDED)
    answer = await forwarded(theatre)
    assert msgspec.json.decode(await answer.body()) == EMBEDDED
    await answer.close()
    (trace,) = theatre.traces
    assert (trace.engine, trace.outcome, trace.usage) == ("glm@zai", "ok", Usage(input=4))
    assert [a.engine for a in trace.attempts] == ["e@down", "glm@zai"]
    assert [r.url for r in theatre.stage.seen] == ["http://down.test/v1/embeddings", "http://zai.test/v1/embeddings"]
    assert theatre.stage.last == {"model": "glm", "input": "x"}


async def test_forwarding_fails_like_any_exchange() -> None:
    theatre = Theatre(CLAUDE, GLM)
    with pytest.raises(InputError, match="No engine behind 'claude@anthropic'"):
        await forwarded(theatre, "claude@anthropic")
    theatre.line("zai", {"error": {"message": "busy"}}, 503)
    with pytest.raises(OverloadedError):
        await forwarded(theatre, "glm@zai")

    def unreadable(body: bytes) -> Reply:
        raise UnreachableError("It cannot be read.")

    line = theatre.line("zai", EMBEDDED)
    with pytest.raises(UnreachableError):
        await forwarded(theatre, "glm@zai", read=unreadable)
    assert line.closed
    assert [t.outcome for t in theatre.traces] == ["bad_input", "overloaded", "unreachable"]
