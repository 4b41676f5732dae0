"""What a request may use and cost, guessed before it is asked. The guess is only reserved: what counts is what was used."""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec

from weighbridge.canon import Engine, FilePart, ImagePart, Request, ToolResultPart, Usage

CHARS_PER_TOKEN = 4
MEDIA_TOKENS = 1000  #: for an image or a file, which nobody can count from outside


class Estimate:
    """One request's guess; each figure is worked out when it is first asked for.

    Args:
        request: What is asked.
        at: When it is asked, in seconds since 1970: the price of that day counts.
        output: Output tokens where neither the request nor the engine sets fewer.
    """

    def __init__(self, request: Request, *, at: float, output: int) -> None:
        self._request = request
        self._at = at
        self._output = output
        self._input = -1
        self._costs: dict[tuple[str, str], int | None] = {}

    @property
    def input(self) -> int:
        """Tokens that are sent."""
        if self._input < 0:
            request = self._request
            sizes = sum(_sizes(part for message in request.messages for part in message.parts))
            sizes += sum(len(tool.description) for tool in request.tools)
            sizes += sum(len(msgspec.json.encode(tool.schema)) for tool in request.tools if tool.schema)
            self._input = -(-sizes // CHARS_PER_TOKEN)
        return self._input

    def output(self, engine: Engine) -> int:
        """Tokens that may be answered: what was asked for, or the usual, and no more than the engine can."""
        sampling = self._request.sampling
        most = engine.offer.max_output or engine.model.max_output
        one = self._output if sampling.max_tokens is None else sampling.max_tokens
        one = max(0, one if most is None else min(one, most))
        return one * max(1, sampling.n or 1)

    def cost(self, engine: Engine, currency: str) -> int | None:
        """Micro-units of a currency; None where the engine is priced in another one, or its price is unknown."""
        place = engine.name, currency
        if place not in self._costs:
            self._costs[place] = self._cost(engine, currency)
        return self._costs[place]

    def _cost(self, engine: Engine, currency: str) -> int | None:
        day = time.strftime("%Y-%m-%d", time.gmtime(self._at))
        price = engine.price_at(day)
        if price is None:
            return 0 if engine.host.runs_here else None
        if price.currency != currency:
            return None
        usage = Usage(input=self.input, output=self.output(engine))
        return engine.cost(usage, day, self._request.service_tier)


def _sizes(parts: Iterable[object]) -> Iterable[int]:
    """The characters that parts count as."""
    for part in parts:
        if isinstance(part, ToolResultPart):
            yield from _sizes(part.parts)
        elif isinstance(part, ImagePart | FilePart):
            yield MEDIA_TOKENS * CHARS_PER_TOKEN
        else:
            yield len(getattr(part, "text", "")) + len(getattr(part, "arguments", ""))
