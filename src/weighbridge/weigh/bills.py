"""What asking a whole suite once may cost an engine, before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import msgspec
from msgspec import Struct

from weighbridge.canon import Engine, Request, Usage
from weighbridge.exchange.tries import CHARS_PER_TOKEN, estimate_usage
from weighbridge.weigh.asking import request_for
from weighbridge.weigh.axes.making import MICRO
from weighbridge.weigh.types import Sample


class Bill(Struct, frozen=True):
    """What one engine would be asked, and what that costs at most.

    `input` is estimated, with tools and schemas; `output` is what every answer's limit allows, thinking included. So is
    `cost`, in units of the currency, at the prices of `day`; None where the price is unknown.
    """

    engine: str
    input: int
    output: int
    cost: float | None
    currency: str
    day: str


def bill(engine: Engine, samples: Sequence[Sample], *, max_tokens: int, day: str) -> Bill:
    """The bill of asking one engine each sample once. What judges cost on top is not in it.

    Args:
        engine: With its prices.
        samples: The suite's.
        max_tokens: The limit of a sample that sets none.
        day: `YYYY-MM-DD`.
    """
    read = written = 0
    costs: list[int | None] = []
    for sample in samples:
        request = request_for(sample, engine, max_tokens=max_tokens, seed=0)
        usage = Usage(input=tokens(request), output=request.sampling.max_tokens or 0, estimated=True)
        read, written = read + usage.input, written + usage.output
        costs.append(engine.cost(usage, day))
    known = [cost for cost in costs if cost is not None]
    price = engine.price_at(day)
    return Bill(
        engine.name,
        read,
        written,
        sum(known) / MICRO if len(known) == len(costs) else None,
        price.currency if price is not None else "USD",
        day,
    )


def tokens(request: Request) -> int:
    """About how many tokens a request has: its texts, tools and schema, rounded up."""
    told = [part for part in (request.tools, request.response_format) if part]
    beside = len(msgspec.json.encode(told)) if told else 0
    return estimate_usage(request, None).input + ceil(beside / CHARS_PER_TOKEN)
