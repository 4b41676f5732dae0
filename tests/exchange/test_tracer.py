"""A trace is closed and recorded once, whoever closes it again."""

from __future__ import annotations

from weighbridge.canon import Choice as Answered
from weighbridge.canon import Message, Reply, Request, TextPart, ToolCallPart, ToolResultPart, Trace
from weighbridge.engines.clock import FakeClock
from weighbridge.exchange import Call, day_of
from weighbridge.exchange.tracer import Tracer
from weighbridge.exchange.tries import estimate_usage


def test_ending_twice_records_once_and_keeps_the_first_outcome() -> None:
    recorded: list[Trace] = []
    clock = FakeClock()
    tracer = Tracer(Call(Request("r")), trace_id="t", plan=1, clock=clock, record=recorded.append)
    clock.advance(2)
    first = tracer.end("overloaded", error="busy")
    clock.advance(2)
    assert tracer.end("cancelled") is first
    assert recorded == [first]
    assert (first.outcome, first.error, first.total) == ("overloaded", "busy", 2.0)


def test_the_day_is_the_utc_one() -> None:
    assert day_of(0) == "1970-01-01"
    assert day_of(86_399.9) == "1970-01-01"
    assert day_of(86_400) == "1970-01-02"


def test_tokens_that_nobody_told_are_estimated_and_say_so() -> None:
    asked = Request(
        "r", (Message("user", (TextPart("x" * 40),)), Message("tool", (ToolResultPart("c", (TextPart("y" * 20),)),)))
    )
    reply = Reply((Answered((TextPart("z" * 8), ToolCallPart("c", "f", "{}  "))),))
    found = estimate_usage(asked, reply)
    assert (found.input, found.output, found.estimated) == (15, 3, True)
    assert estimate_usage(Request("r"), None).input == 0
