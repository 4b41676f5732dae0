"""What a run is made with and what it gives: who carries and keeps, how it is asked, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from weighbridge.canon import Level, Trace
from weighbridge.exchange import Call
from weighbridge.weigh.types import Result, Sample


class Runs(Protocol):
    """Whoever answers calls: the road."""

    async def run(self, call: Call, /) -> Trace:
        """A whole exchange; failures are told by the trace."""


class Store(Protocol):
    """Whoever keeps answers: `store.results.Results`."""

    def get_many(self, keys: Iterable[str], /) -> dict[str, bytes]:
        """The values that are known."""

    def put(self, key: str, value: bytes, /) -> None:
        """Keep a value."""

    def others(self) -> int:
        """A number that is another one as soon as somebody else has written."""


class Options(Struct, frozen=True):
    """How a run is made.

    `concurrency` is the most calls at once per engine; an engine that runs here gets no more than it has slots.
    `max_tokens` is the limit of a sample that sets none. `budget` is in micro-units; None is no limit. `fresh` asks
    again what is stored. `noise` names an engine that is asked everything twice, "" for none. `day` (`YYYY-MM-DD`)
    is the one whose prices count. `folder` is where relative paths of the engines' files start. `levels`: every engine is
    asked everything at each of these levels of masking; none: as its route and host have it. `masking` names whatever
    else decides on what is masked: what was answered under another name is asked again. `repeats` is how many answers every
    engine gives to each sample, at `temperature`; each with a seed of its own. With two or more, the noise floor is that of
    the first two. `texts`: do results hold the answers themselves? Without, a large run takes no memory for them, and
    `kept.fetch` gives them.
    """

    day: str
    folder: Path
    concurrency: int = 16
    max_tokens: int = 1024
    seed: int = 0
    budget: int | None = None
    fresh: bool = False
    noise: str = ""
    levels: tuple[Level, ...] = ()
    masking: str = ""
    repeats: int = 1
    temperature: float = 0.0
    texts: bool = True


@dataclass
class Progress:
    """How far a run is. The runner writes it, whoever shows it reads it."""

    total: int = 0
    done: int = 0
    reused: int = 0  #: from earlier runs, or from others that are under way
    copied: int = 0  #: from another sample of this run with the same request
    failed: int = 0
    spent: int = 0  #: micro-units of this run's calls, as far as prices are known
    engine: str = ""  #: the one that runs here and is being asked


class Outcome(Struct, frozen=True):
    """What a run gave.

    `results` are those of samples that every engine was asked, in their order, by contestant; `noise` are the second
    answers of `Options.noise` to the same samples. `unasked` counts questions that the budget left open. `repeats` are the
    answers of each further pass, by contestant.
    """

    samples: tuple[Sample, ...]
    results: dict[str, tuple[Result, ...]]
    noise: tuple[Result, ...] = ()
    stopped: str = ""
    unasked: int = 0
    repeats: dict[str, tuple[tuple[Result, ...], ...]] = {}
