"""Which recorded exchanges are asked again: a random sample of those that say something of the engine in use."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Request, Trace
from weighbridge.errors import NotFoundError
from weighbridge.swap.preflight import traffic
from weighbridge.swap.signs import Signs, signs

SAMPLE = 500  #: requests at most where nobody says how many


class Question(Struct, frozen=True):
    """One recorded exchange: its request is asked again, and its answer is compared with the new one.

    `signs` are those of the engine in use. `target` is the right answer, None where nobody told it.
    """

    trace: Trace
    signs: Signs
    target: Any = None

    @property
    def request(self) -> Request:
        """What was asked."""
        assert self.trace.request is not None
        return self.trace.request

    @property
    def cluster(self) -> str:
        """What makes exchanges belong together: their conversation; one without stands for itself."""
        return f"conversation {self.trace.conversation}" if self.trace.conversation else f"trace {self.trace.id}"


class Drawn(Struct, frozen=True):
    """What there was, and what was drawn of it.

    `bare` were recorded without their texts; `apart` say nothing of the engine in use: another one answered, the caller
    left, or it was a limit of ours that ended them.
    """

    requests: int
    bare: int
    apart: int
    questions: tuple[Question, ...]


def draw(
    folder: Path | None, route: str, base: str, *, since: float, now: float, size: int = SAMPLE, seed: int = 0
) -> Drawn:
    """Read the exchanges of a route, and draw a random sample of those that can be compared.

    Args:
        folder: Of the traces.
        route: The route.
        base: The engine in use.
        since: Seconds since 1970; older exchanges do not count.
        now: Seconds since 1970.
        size: The most exchanges to draw.
        seed: Of the sample.

    Raises:
        NotFoundError: Nothing is on record, or nothing that can be compared.
        StoreError: The folder cannot be read.
    """
    from weighbridge.store import reader

    found: Iterable[Trace] = ()
    if folder is not None:
        found = reader.scan(folder, route=route, source="gateway", since=since)
    sieve = _Sieve(base)
    made = traffic.collect(sieve.through(found), now=now, size=size, rng=random.Random(seed))  # noqa: S311 - no secret
    requests = made.requests + sieve.apart
    if not requests:
        raise NotFoundError(
            f"The route '{route}' has no exchange on record in that time.",
            where=str(folder or ""),
            fix="Look further back with --since, or see `weighbridge traces list`; "
            "exchanges are recorded while `weighbridge serve` runs.",
        )
    if not made.sample and made.bare:
        raise NotFoundError(
            f"{made.bare:,} exchanges of '{route}' were recorded without their texts, and no other can be compared.",
            where="store.bodies",
            fix="Set store.bodies = true, and record new traffic.",
        )
    if not made.sample:
        raise NotFoundError(
            f"None of the {requests:,} exchanges of '{route}' was answered by {base}, which is in use now.",
            where=route,
            fix="Record traffic with it first, or look further back with --since.",
        )
    return Drawn(requests, made.bare, sieve.apart, tuple(Question(one, signs(one, base)) for one in made.sample))


def with_targets(questions: Iterable[Question], targets: Mapping[str, Any]) -> tuple[Question, ...]:
    """The questions with their right answers, by the trace's id, or else by the last words of the user."""
    return tuple(
        replace(one, target=targets.get(f"trace {one.trace.id}", targets.get(_words(one)))) for one in questions
    )


def _words(question: Question) -> str:
    """How `targets.read` names a question by its words."""
    said = (message.text for message in reversed(question.request.messages) if message.role == "user")
    return f"input {next(said, '').strip()}"


def earlier(
    folder: Path | None, route: str, engine: str, questions: Iterable[Question], *, since: float
) -> dict[str, Trace]:
    """Answers that the candidate gave in earlier replays, by the id of the exchange that they repeat.

    Those that were masked are left out: their traces hold other values than the recorded ones.

    Args:
        folder: Of the traces.
        route: The route.
        engine: The candidate.
        questions: What is to be asked.
        since: Seconds since 1970; older answers do not count, since nobody knows whether the engine is as it was.

    Raises:
        StoreError: The folder cannot be read.
    """
    from weighbridge.store import reader

    wanted = {one.trace.id for one in questions}
    found: Iterable[Trace] = ()
    if folder is not None:
        found = reader.scan(folder, route=route, engine=engine, source="replay", outcome="ok", since=since)
    return {one.pair: one for one in found if one.pair in wanted and one.mask == "none" and one.reply is not None}


class _Sieve:
    """Lets those pass that can be compared or are without texts, and counts the others."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.apart = 0

    def through(self, traces: Iterable[Trace]) -> Iterator[Trace]:
        for trace in traces:
            if trace.request is not None and not self._says(trace):
                self.apart += 1
            else:
                yield trace

    def _says(self, trace: Trace) -> bool:
        # Whether it failed is told without its texts, which take long to look at.
        failed = signs(replace(trace, request=None, reply=None), self._base).failed
        return failed is not None and (failed or trace.reply is not None)
