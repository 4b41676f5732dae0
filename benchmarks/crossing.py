"""What a crossing costs: a request or a stream read in one dialect and written in another, as a multiple of reading it.

    .venv/bin/python benchmarks/crossing.py [--json] [--seconds S]

The limit is three times the reading alone. Each figure is the best of many short runs, in microseconds: on a shared
machine the best one is the least disturbed. Streams are counted by event.
"""

from __future__ import annotations

import argparse
import json
from functools import partial

from dialect import best
from weighbridge import dialects
from weighbridge.canon import (
    Begin,
    Event,
    Finish,
    Message,
    Profile,
    Request,
    Sampling,
    TextDelta,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.base import Dialect

EVENTS = 256
LIMIT = 3.0
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def request() -> Request:
    """Twelve turns with tools, as an agent in the middle of its work sends them; about 20 KB."""
    text = 'Look at "main.py",\nthen tell me what is wrong with it. ' * 12
    turns: list[Message] = [Message("system", (TextPart(text * 2),))]
    for number in range(4):
        call = f"call_{number:016d}"
        turns += [
            Message("user", (TextPart(text),)),
            Message("assistant", (TextPart("I look."), ToolCallPart(call, "look", '{"city": "main.py"}'))),
            Message("tool", (ToolResultPart(call, (TextPart(text),)),)),
        ]
    tools = tuple(Tool(f"tool_{n}", text[:300], SCHEMA) for n in range(15))
    return Request("assistant", tuple(turns), tools, sampling=Sampling(max_tokens=4096), stream=True)


def stream(dialect: Dialect) -> bytes:
    """A text of many small pieces."""
    writer = dialect.writer(id="msg_1", model="m", created=1_754_432_618, usage=True)
    deltas = [TextDelta(" word") for _ in range(EVENTS)]
    events: list[Event] = [Begin("msg_1", "m", 1_754_432_618), *deltas, UsageEvent(Usage(9, 0, EVENTS)), Finish("stop")]
    return b"".join(map(writer.write, events)) + writer.close()


def over(source: Dialect, target: Dialect, body: bytes) -> object:
    """A request from bytes to bytes."""
    return target.write_request(source.read_request(body, model="assistant", stream=True), PROFILE)


PROFILE = Profile()


def relayed(source: Dialect, target: Dialect, body: bytes) -> bytes:
    """A stream from bytes to bytes, an event at a time being what the writer sees."""
    reader = source.reader()
    events = reader.feed(body) + reader.close()
    writer = target.writer(id="msg_1", model="m", created=1, usage=True)
    return b"".join(map(writer.write, events)) + writer.close()


def read_stream(source: Dialect, body: bytes) -> object:
    """A stream from bytes to events."""
    reader = source.reader()
    return reader.feed(body) + reader.close()


def measure(seconds: float) -> list[dict[str, object]]:
    """A row for each pair: what, from, to, microseconds, and the ratio to reading alone."""
    rows: list[dict[str, object]] = []
    asked = request()
    for source in map(dialects.get, dialects.NAMES):
        body = source.write_request(asked, PROFILE)[0]
        events = stream(source)
        read = best(partial(source.read_request, body, model="assistant", stream=True), seconds)
        parse = best(partial(read_stream, source, events), seconds) / EVENTS
        rows += [
            {"what": "read request", "from": source.name, "to": "", "us": round(read, 1), "ratio": 1.0},
            {"what": "read event", "from": source.name, "to": "", "us": round(parse, 2), "ratio": 1.0},
        ]
        for target in map(dialects.get, dialects.NAMES):
            cost = best(partial(over, source, target, body), seconds)
            each = best(partial(relayed, source, target, events), seconds) / EVENTS
            way = {"from": source.name, "to": target.name}
            rows += [
                {"what": "request", **way, "us": round(cost, 1), "ratio": round(cost / read, 2)},
                {"what": "event", **way, "us": round(each, 2), "ratio": round(each / parse, 2)},
            ]
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seconds", type=float, default=0.2, help="time for each figure")
    arguments = parser.parse_args()
    rows = measure(arguments.seconds)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'':13}{'from':20}{'to':20}{'us':>9}{'x read':>8}{'events/s':>11}")
    for row in rows:
        speed = f"{1e6 / float(str(row['us'])):>11,.0f}" if "event" in str(row["what"]) else ""
        print(f"{row['what']:13}{row['from']:20}{row['to']:20}{row['us']:>9}{row['ratio']:>8}{speed}")
    worst = max(float(str(row["ratio"])) for row in rows)
    print(f"\nworst crossing: {worst} times its reading (limit {LIMIT:g})")


if __name__ == "__main__":
    main()
