"""In which order engines are asked: spread over those that offer one model, a conversation staying where it was."""

from __future__ import annotations

import hashlib
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from weighbridge.canon import Engine, Route

MIX = (3, 1)
"""Input and output tokens of a typical request, as a ratio: prices are compared by it."""

Draw = Callable[[str], float]
"""A number above 0 and at most 1 for an engine's name."""


def spread(route: Route | None, engines: Sequence[Engine]) -> tuple[Sequence[Engine], Sequence[Engine]]:
    """The engines that requests are spread over, and the rest, which stay in order behind them.

    Args:
        route: Whose balance holds; None where an engine was named directly.
        engines: Who may answer.
    """
    if route is None or not route.balance:
        return (), engines
    model = route.primary.rpartition("@")[0]
    same = [one for one in engines if one.model.name == model]
    return same, [one for one in engines if one.model.name != model]


def by_price(engines: Sequence[Engine], day: str) -> list[Engine]:
    """The cheapest first, by a day's prices; what is unknown or in another currency than the first one's goes last."""
    currency = next((price.currency for one in engines if (price := one.price_at(day))), "")

    def cost(engine: Engine) -> float:
        price = engine.price_at(day)
        if price is None or price.currency != currency or price.input is None or price.output is None:
            return math.inf
        return MIX[0] * price.input + MIX[1] * price.output

    return sorted(engines, key=cost)


def by_pace(engines: Sequence[Engine], pace: Callable[[Engine], float | None]) -> list[Engine]:
    """The fastest first; those that have not answered yet behind them, in order."""

    def seconds(engine: Engine) -> float:
        known = pace(engine)
        return math.inf if known is None else known

    return sorted(engines, key=seconds)


def by_weight(engines: Sequence[Engine], weights: Mapping[str, float], draw: Draw) -> list[Engine]:
    """In a random order in which each goes first as often as its weight says; a weight of 0 goes last.

    With a `draw` that depends on the name and a conversation alone this is rendezvous hashing: everyone who draws
    so agrees, and where one engine goes away, only its own conversations move.

    Source: P. S. Efraimidis, P. G. Spirakis, Weighted random sampling with a reservoir (2006).
    """

    def rank(engine: Engine) -> float:
        weight = weights.get(engine.name, 1.0)
        return -math.log(draw(engine.name)) / weight if weight > 0 else math.inf

    return sorted(engines, key=rank)


def drawn(conversation: str) -> Draw:
    """Draws that are the same for a conversation in every process."""

    def draw(name: str) -> float:
        digest = hashlib.blake2b(f"{conversation}\0{name}".encode(errors="surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest) + 1) / 2**64

    return draw


class Balancer:
    """Orders engines for requests.

    Args:
        pace: Seconds until an engine's answers begin, whole or as a stream; None while unknown.
        rng: Chance.
        explore: The share of requests for which balance by latency asks another engine first.
        remembered: How many conversations it knows.
    """

    def __init__(
        self,
        pace: Callable[[Engine, bool], float | None],
        rng: random.Random,
        *,
        explore: float,
        remembered: int,
    ) -> None:
        self._pace = pace
        self._rng = rng
        self._explore = explore
        self._remembered = remembered
        self._last: OrderedDict[str, str] = OrderedDict()

    def order(
        self, route: Route | None, engines: Sequence[Engine], *, conversation: str, stream: bool, day: str
    ) -> list[Engine]:
        """Everyone of `engines`, in the order in which they are asked."""
        same, rest = spread(route, engines)
        sticks = route is not None and route.sticky and bool(conversation)
        ordered = list(rest)
        if route is not None and same:
            line = conversation if sticks else ""
            ordered = [*self._spread(route, same, conversation=line, stream=stream, day=day), *rest]
        if sticks and route is not None and (last := self._last.get(_line(route, conversation))) is not None:
            self._last.move_to_end(_line(route, conversation))
            ordered = sorted(ordered, key=lambda one: one.name != last)
        return ordered

    def answered(self, route: Route | None, engine: Engine, conversation: str) -> None:
        """This engine answers the conversation now."""
        if route is None or not route.sticky or not conversation:
            return
        line = _line(route, conversation)
        self._last[line] = engine.name
        self._last.move_to_end(line)
        while len(self._last) > self._remembered:
            self._last.popitem(last=False)

    def _spread(
        self, route: Route, same: Sequence[Engine], *, conversation: str, stream: bool, day: str
    ) -> Sequence[Engine]:
        if route.balance == "price":
            return by_price(same, day)
        if route.balance == "weight":
            return by_weight(same, route.weights, drawn(conversation) if conversation else self._chance)
        if route.balance == "latency":
            ordered = by_pace(same, lambda engine: self._pace(engine, stream))
            if len(ordered) > 1 and self._rng.random() < self._explore:
                ordered.insert(0, ordered.pop(self._rng.randrange(1, len(ordered))))
            return ordered
        return same

    def _chance(self, _: str) -> float:
        return 1.0 - self._rng.random()


def _line(route: Route, conversation: str) -> str:
    return f"{route.name}\0{conversation}"
