"""Throw bytes at a dialect's readers, guided by which code they reach.

python fuzz/readers.py DIALECT [--seconds 600] [--what stream|request|reply|error]

Nothing but this project's own errors may come out; a stream must say the same however it is cut, and nothing after a
failure. `make fuzz` runs all of them. Seeds are written by the dialect itself, so that none need be kept.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["weighbridge.dialects"], enable_loader_override=False):
    from weighbridge import dialects
    from weighbridge.dialects.fold import Fold, unfold

from weighbridge.canon import (
    Blob,
    Choice,
    Citation,
    Event,
    Failure,
    Message,
    Profile,
    ReasoningPart,
    Reply,
    Request,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from weighbridge.dialects.base import Dialect
from weighbridge.errors import OverloadedError, WeighbridgeError

LONGEST = 20_000  #: bytes of one input


def main() -> None:
    """Run until the time is over; a crash ends the program with the input that caused it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dialect", choices=dialects.NAMES)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--what", choices=("stream", "request", "reply", "error"), default="stream")
    asked = parser.parse_args()
    dialect = dialects.get(asked.dialect)
    folder = Path(tempfile.mkdtemp(prefix="seeds-"))
    for number, seed in enumerate(seeds(dialect, asked.what)):
        (folder / str(number)).write_bytes(seed)
    one = {"stream": stream, "request": request, "reply": reply, "error": error}[asked.what]
    atheris.Setup(
        [sys.argv[0], str(folder), f"-max_total_time={asked.seconds}", f"-max_len={LONGEST}", "-timeout=10"],
        lambda data: one(dialect, data),
    )
    atheris.Fuzz()


def stream(dialect: Dialect, data: bytes) -> None:
    """A stream, whole and cut at random, must give the same reply."""
    whole = read(dialect, [data])
    rng = random.Random(len(data) * 31 + sum(data[:64]))
    places = sorted(rng.sample(range(len(data) + 1), min(len(data), 8)))
    cut = read(dialect, [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)])
    if Fold.of(whole).reply() != Fold.of(cut).reply():
        raise AssertionError("what the stream says depends on how it is cut")


def read(dialect: Dialect, chunks: list[bytes]) -> list[Event]:
    """All events of a stream."""
    reader = dialect.reader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    events += reader.close()
    failures = [place for place, event in enumerate(events) if isinstance(event, Failure)]
    if failures and failures != [len(events) - 1]:
        raise AssertionError("something follows a failure")
    return events


def request(dialect: Dialect, data: bytes) -> None:
    """A request that is read can be written for every dialect."""
    try:
        found = dialect.read_request(data, model="m")
        for name in dialects.NAMES:
            dialects.get(name).write_request(found, Profile())
    except WeighbridgeError:
        pass


def reply(dialect: Dialect, data: bytes) -> None:
    """A reply that is read can be written in every dialect."""
    try:
        found = dialect.read_reply(data)
        for name in dialects.NAMES:
            dialects.get(name).write_reply(found)
    except WeighbridgeError:
        pass


def error(dialect: Dialect, data: bytes) -> None:
    """Any bytes mean some error."""
    found = dialect.read_error(500, {"retry-after": data[:8].decode("latin-1")}, data, engine="e")
    for name in dialects.NAMES:
        dialects.get(name).write_error(found)


def seeds(dialect: Dialect, what: str) -> list[bytes]:
    """A few inputs that hold a bit of everything."""
    said = Reply(
        (
            Choice(
                (
                    ReasoningPart("thought", (Blob(dialect.name, "c2VhbA==", "signature", "rs_1"),)),
                    TextPart("Hé", citations=(Citation("https://a.example/", "t", "q", 0, 1),)),
                    ToolCallPart("call_1", "weather", '{"city": "Ávila"}'),
                    ToolCallPart("call_2", "weather", "{}"),
                ),
                "tool_calls",
            ),
        ),
        Usage(9, 2, 5, 1),
        "id_1",
        "m",
        1,
    )
    if what == "reply":
        return [dialect.write_reply(said)[0]]
    if what == "error":
        return [dialect.write_error(OverloadedError("busy"))[1]]
    if what == "request":
        asked = Request(
            "m",
            (
                Message("system", (TextPart("s"),)),
                Message("user", (TextPart("u"),)),
                Message("assistant", said.choices[0].parts),
                Message("tool", (ToolResultPart("call_1", (TextPart("r"),)),)),
            ),
            (Tool("weather", "d", {"type": "object", "properties": {"city": {"type": "string"}}}),),
        )
        return [dialect.write_request(asked, Profile())[0]]
    writer = dialect.writer(id="id_1", model="m", created=1, usage=True)
    whole = b"".join(writer.write(event) for event in unfold(said, words=True)) + writer.close()
    broken = dialect.writer(id="id_1", model="m", created=1, usage=True)
    failed = b"".join(broken.write(event) for event in [*list(unfold(said))[:3], Failure("overloaded", "busy")])
    return [whole, failed, whole.replace(b"\n", b"\r\n")]


if __name__ == "__main__":
    main()
