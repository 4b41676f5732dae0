"""The bench: asks judges on the road that samples take, keeps what they say, and stays within the run's budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from weighbridge.canon import Engine, Message, Reply, Request, Sampling, Trace, Usage
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import WeighbridgeError
from weighbridge.exchange import Call
from weighbridge.weigh import asking
from weighbridge.weigh.asking import THINKING
from weighbridge.weigh.faults import BUSY, MAY_COST, Streaks
from weighbridge.weigh.judges.prompts import Prompt, again
from weighbridge.weigh.judges.reading import Heard
from weighbridge.weigh.pace import Gate
from weighbridge.weigh.purse import Purse, worst_cost
from weighbridge.weigh.types import Judgement

MAX_ASKED = 3  #: times that a judge is asked until it can be read
MAX_TOKENS = 512
MAX_SAID = 4_000  #: characters of a judge's answer that a result keeps
_MAX_TRIES = 5
_MAX_WAIT = 30.0
Read = Callable[[str], Heard | None]


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


class Terms(Struct, frozen=True):
    """How judges are asked.

    `day` is the one whose prices count, `folder` where relative paths of the engines' files start, `seed` is sent along,
    `concurrency` the most calls at once per judge. `fresh` asks again what is stored.
    """

    day: str
    folder: Path
    seed: int = 0
    concurrency: int = 16
    fresh: bool = False


class Said(Struct, frozen=True, omit_defaults=True):
    """What a judge said, as it is stored."""

    reply: Reply
    usage: Usage | None = None


async def _no_preparation(_engine: Engine) -> None:
    """Nothing to do."""


class Bench:
    """Judges that may be asked, at once or one after the other.

    Args:
        judges: Who judges; each with a name of its own.
        road: What carries the calls.
        store: Where answers are kept and found again.
        terms: How they are asked.
        purse: The run's money; None is no limit.
        prepare: Called before a judge that runs here is asked for the first time.
        clock: For waiting.

    Attributes:
        purse: The money.
        unasked: Questions that the budget left open.
        spent: What this run's calls cost, in micro-units, as far as prices are known.
        reused: Answers that were taken from the store.
    """

    def __init__(
        self,
        judges: Sequence[Engine],
        road: Runs,
        store: Store,
        terms: Terms,
        *,
        purse: Purse | None = None,
        prepare: Callable[[Engine], Awaitable[object]] = _no_preparation,
        clock: Clock = SYSTEM,
    ) -> None:
        self.judges = tuple(judges)
        self.terms = terms
        self.unasked = self.spent = self.reused = 0
        self._road = road
        self._store = store
        self.purse = purse or Purse(None)
        self._prepare = prepare
        self._clock = clock
        self._streaks = Streaks()
        self._gates = {judge.name: Gate(_most(judge, terms.concurrency)) for judge in judges}
        self._names: dict[str, bytes] = {}
        self._started: dict[str, asyncio.Task[None]] = {}
        self.failure: WeighbridgeError | None = None

    async def hear(
        self, judge: Engine, prompt: Prompt, messages: tuple[Message, ...], read: Read, *, first: str = ""
    ) -> Judgement:
        """Ask a judge until it can be read, three times at most.

        Args:
            judge: One of the bench's.
            prompt: What it is asked by.
            messages: The prompt over the material at hand.
            read: From what it said to a fraction; None where that cannot be read.
            first: The contestant whose answer stands first, of two.

        Returns:
            Its judgement; without a score where it said nothing that can be read, or could not be asked.

        Raises:
            InputError: There is a budget, and the judge's price is unknown or in another currency.
            EngineError: It cannot be called at all, failed ten times in a row, or its first ten calls all failed.
            StoreError: Its answer cannot be stored.
        """
        cost, priced, text = 0, True, ""
        for tried in range(1, MAX_ASKED + 1):
            request = self._request(judge, prompt, messages)
            said = await self._ask(judge, request)
            if isinstance(said, str):
                return Judgement(judge.name, why=said, first=first, tries=tried, cost=cost or None)
            price = judge.cost(said.usage, self.terms.day) if said.usage else None
            priced, cost = priced and price is not None, cost + (price or 0)
            told, text = cost if priced else None, said.reply.text
            cut = said.reply.finish == "length"  # the end of what it meant to say is missing, and may be its verdict
            if (heard := None if cut else read(text)) is not None:
                return Judgement(judge.name, heard.value, heard.why, first, tried, told, text[:MAX_SAID])
            messages += again(text, prompt.schema)
        why = f"said nothing that can be read, asked {MAX_ASKED} times"
        return Judgement(judge.name, why=why, first=first, tries=MAX_ASKED, cost=told, said=text[:MAX_SAID])

    def check_heard(self) -> None:
        """Refuse to go on without a judge that was asked and has never answered: what it judges would be unknown.

        Raises:
            EngineError: There is such a judge; in its host's own words.
        """
        for judge in self.judges:
            if (error := self._streaks.silent(judge.name)) is not None:
                raise error

    def _request(self, judge: Engine, prompt: Prompt, messages: tuple[Message, ...]) -> Request:
        limit = MAX_TOKENS + (THINKING if judge.model.reasoning else 0)
        most = judge.offer.max_output or judge.model.max_output
        sampling = Sampling(temperature=0.0, max_tokens=min(limit, most) if most else limit, seed=self.terms.seed)
        return Request(model=judge.name, messages=messages, response_format=prompt.shape, sampling=sampling)

    async def _ask(self, judge: Engine, request: Request) -> Said | str:
        """The answer, from the store or from the judge; or why there is none."""
        key = asking.key(self._identity(judge), request, 0)
        if not self.terms.fresh and (found := _read(self._store.get_many([key]).get(key))) is not None:
            self.reused += 1
            self._streaks.met(judge.name)
            return found
        if self.failure:
            raise self.failure
        worst = worst_cost(judge, request, self.terms.day) if self.purse.budget is not None else 0
        gate = self._gates[judge.name]
        ticket = await gate.enter()
        try:
            if not await self.purse.reserve(worst):
                self.unasked += 1
                return "the budget was spent"
            return await self._call(judge, request, key, worst, (gate, ticket))
        finally:
            gate.leave()

    async def _call(self, judge: Engine, request: Request, key: str, worst: int, place: tuple[Gate, int]) -> Said | str:
        paid = 0
        try:
            await self._ready(judge)
            trace = await self._try(Call(request=request, source="judge"), place)
            cost = judge.cost(trace.usage, self.terms.day) if trace.usage else trace.cost
            paid = cost if cost is not None else worst if trace.outcome in MAY_COST else 0
            self.spent += paid
            if trace.outcome == "ok" and trace.reply is not None and trace.engine == judge.name:
                said = Said(trace.reply, trace.usage)
                self._store.put(key, msgspec.json.encode(said))
                self._streaks.answered(judge.name)
                return said
            return self._failed(judge, trace)
        finally:
            self.purse.settle(worst, paid)

    async def _try(self, call: Call, place: tuple[Gate, int]) -> Trace:
        gate, ticket = place
        wait, tried = 1.0, 1
        while True:
            trace = await self._road.run(call)
            if trace.outcome in BUSY or any(attempt.outcome in BUSY for attempt in trace.attempts):
                gate.slow(ticket)
            elif trace.outcome == "ok":
                gate.well()
            if trace.outcome not in BUSY or tried == _MAX_TRIES or self.failure:
                return trace
            await self._clock.sleep(wait)
            wait, tried = min(2 * wait, _MAX_WAIT), tried + 1

    def _failed(self, judge: Engine, trace: Trace) -> str:
        code, said = trace.outcome, trace.error
        if code == "ok":
            code, said = "broken_answer", f"{trace.engine} answered instead." if trace.reply else "There is no answer."
        self.failure = self.failure or self._streaks.failed(judge.name, code, said)
        if self.failure:
            raise self.failure
        return f"{code}: {said}"

    async def _ready(self, judge: Engine) -> None:
        """A judge that runs here is loaded once, whoever asks it first."""
        if not judge.host.runs_here:
            return
        if judge.name not in self._started:
            self._started[judge.name] = asyncio.ensure_future(self._load(judge))
        await self._started[judge.name]

    async def _load(self, judge: Engine) -> None:
        await self._prepare(judge)

    def _identity(self, judge: Engine) -> bytes:
        if judge.name not in self._names:
            self._names[judge.name] = asking.identity(judge, self.terms.folder)
        return self._names[judge.name]


def _most(judge: Engine, concurrency: int) -> int:
    slots = judge.host.serving.get("slots") if judge.host.runs_here else None
    return min(concurrency, slots) if isinstance(slots, int) else concurrency


def _read(value: bytes | None) -> Said | None:
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=Said)
    except msgspec.DecodeError:
        return None
