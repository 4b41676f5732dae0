"""A judge of recorded and new answers, side by side in both orders. It sees no more than the route's engines may."""

from __future__ import annotations

from msgspec.structs import replace

from weighbridge.canon import Engine, Masking, Reply, Trace
from weighbridge.exchange import Call, Road
from weighbridge.swap.replay.asking import Judges
from weighbridge.swap.replay.drawing import Question
from weighbridge.weigh.judges import comparing
from weighbridge.weigh.judges.bench import Bench, Terms
from weighbridge.weigh.purse import Purse
from weighbridge.weigh.terms import Store
from weighbridge.weigh.types import Result, Sample

_BASE, _CANDIDATE = "base", "candidate"


class Veiled:
    """The road as a judge takes it: named directly, yet what the route hides from its engines is hidden.

    Args:
        road: The road.
        masking: The route's.
    """

    def __init__(self, road: Road, masking: Masking | None) -> None:
        self._road = road
        self._masking = masking

    async def run(self, call: Call) -> Trace:
        """A whole exchange; failures are told by the trace."""
        return await self._road.run(call if self._masking is None else replace(call, mask=self._masking))


def bench(judge: Engine, road: Veiled, store: Store, terms: Terms, purse: Purse) -> Bench:
    """A bench of one judge that spends from the replay's purse."""
    return Bench([judge], road, store, terms, purse=purse)


def judges_of(seat: Bench, guarded: frozenset[str]) -> Judges:
    """What asks a bench.

    Args:
        seat: The bench.
        guarded: Ids of keys that admit not everyone: what they asked is judged by nobody.
    """

    async def prefer(question: Question, reply: Reply) -> float | None:
        recorded = question.trace
        if recorded.reply is None or recorded.key in guarded:
            return None
        duel = comparing.Duel(
            Sample(recorded.id, question.request.messages),
            Result(recorded.id, _BASE, reply=recorded.reply),
            Result(recorded.id, _CANDIDATE, reply=reply),
        )
        (found,) = await comparing.prefer(seat, [duel])
        return found.score

    return prefer
