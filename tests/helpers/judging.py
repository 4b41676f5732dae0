"""Judges that say what they are told to, on a road without a network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weighbridge.canon import (
    Choice,
    Engine,
    Host,
    Message,
    Model,
    Offer,
    Price,
    Profile,
    Reply,
    TextPart,
    Trace,
    Usage,
)
from weighbridge.exchange import Call
from weighbridge.weigh.judges.bench import Bench, Terms
from weighbridge.weigh.types import Result, Sample

DAY = "2026-11-22"
PART = re.compile(r"\[BEGIN ([a-z ]+) ([0-9a-f]{12})\]\n(.*?)\n\[END \1 \2\]", re.DOTALL)
Script = Callable[[dict[str, str], int], str]
"""From the fenced parts of a question, and how often it was asked until now, to what the judge says."""


def engine(name: str = "judge", *, price: int | None = None, **model: Any) -> Engine:
    prices = (Price(input=price, output=price, valid_from="2026-01-01"),) if price is not None else ()
    host = Host("far", url="https://far.example")
    return Engine(Model(name, **model), host, Offer(name, "far", prices=prices), Profile())


def reply(text: str, finish: Any = "stop") -> Reply:
    return Reply(choices=(Choice((TextPart(text),), finish=finish),))


def sample(
    name: str = "s1", question: str = "Why is the sky blue?", target: Any = "Is it right?", **more: Any
) -> Sample:
    return Sample(name, (Message("user", (TextPart(question),)),), target=target, grader="rubric", **more)


def result(name: str, engine: str, text: str | None) -> Result:
    if text is None:
        return Result(name, engine, error="deadline: too late")
    return Result(name, engine, reply=reply(text))


class Store(dict[str, bytes]):
    """What `Results` does, in memory."""

    def get_many(self, keys: Any) -> dict[str, bytes]:
        return {key: self[key] for key in keys if key in self}

    def put(self, key: str, value: bytes) -> None:
        self[key] = value


class Road:
    """Judges by scripts, by the judge's name; remembers every call."""

    def __init__(self, *, outcome: str = "ok", **scripts: Script) -> None:
        self.calls: list[Call] = []
        self.outcome = outcome
        self._scripts = scripts

    async def run(self, call: Call) -> Trace:
        await asyncio.sleep(0)
        self.calls.append(call)
        name = call.request.model
        if self.outcome != "ok":
            return Trace("t", 1.0, name, "", outcome=self.outcome, error=f"{name}: it says {self.outcome}")
        said = self._scripts[name.partition("@")[0]](parts_of(call), (len(call.request.messages) - 2) // 2)
        finish = "length" if said.endswith("<cut>") else "stop"
        return Trace("t", 1.0, name, name, usage=Usage(input=100, output=10), reply=reply(said, finish))


def parts_of(call: Call) -> dict[str, str]:
    """What stands between fences whose codes are right."""
    return {name: text for name, _, text in PART.findall(call.request.messages[1].text)}


def bench(road: Road, *judges: Engine, store: Store | None = None, **more: Any) -> Bench:
    return Bench(judges or (engine(),), road, Store() if store is None else store, Terms(DAY, Path()), **more)
