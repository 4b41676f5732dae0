"""How long requests are in another engine's tokens, and whether they fit into it.

Tokenizers differ. How a candidate counts is known where it has the same model, measured where exchanges with it are on
record, and else assumed to lie within a wide band.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from msgspec import Struct

from weighbridge.canon import Engine, Trace, encode
from weighbridge.exchange.tries import CHARS_PER_TOKEN, estimate_usage
from weighbridge.swap.preflight.shares import EXAMPLES, Share, share
from weighbridge.weigh import stats

Basis = Literal["same model", "measured", "assumed"]

ASSUMED = (0.7, 1.45)
"""A candidate's tokens for one of the engine of today where nothing is known: an assumption, wide on purpose. It holds no
promise for single languages; a few dozen exchanges with the candidate replace it by what they measured."""

_LEAST = 20  #: exchanges with the candidate before its own counts are believed
_TAIL = 0.025
_SIDES = 0.95


class Ratio(Struct, frozen=True):
    """Tokens of the candidate for one of the engine of today, with the interval of a single request, and whence."""

    value: float
    low: float
    high: float
    basis: Basis
    n: int = 0  #: exchanges behind it


class Spread(Struct, frozen=True):
    """Tokens per request: the median, and what 95 and 99 of 100 requests stay within."""

    p50: float
    p95: float
    p99: float
    most: float


class Lengths(Struct, frozen=True):
    """How long requests and answers are, and how many do not fit the candidate.

    `input` and `output` are as the engine of today counted them (or as they were estimated, for `estimated` requests).
    `candidate` is the input in the candidate's tokens. `context` and `max_output` are its limits, None where unknown.
    `over` are requests that are too long by the middle of the ratio's interval, `perhaps` by its upper end. `cut` are
    recorded answers that are longer than the candidate can give.
    """

    input: Spread
    output: Spread
    candidate: Spread
    ratio: Ratio
    estimated: int
    context: int | None
    max_output: int | None
    over: Share
    perhaps: Share
    cut: Share
    examples: tuple[str, ...] = ()


def measure(traces: Sequence[Trace], base: Engine, candidate: Engine, known: Sequence[Trace] = ()) -> Lengths:
    """Count the requests of today, and recount them as the candidate would.

    Args:
        traces: Of the route, with their requests; one at least.
        base: The engine that answered, or would have.
        candidate: The engine to come.
        known: Any exchanges with the candidate that are on record.
    """
    inputs, outputs = [_tokens(trace)[0] for trace in traces], [_tokens(trace)[1] for trace in traces]
    found = ratio(base, candidate, traces, known)
    context, most = candidate.context, candidate.offer.max_output or candidate.model.max_output
    over = too_long(traces, context, found.value)
    cut = sum(most is not None and given > most for given in outputs)
    return Lengths(
        input=_spread(inputs),
        output=_spread(outputs),
        candidate=_spread([size * found.value for size in inputs]),
        ratio=found,
        estimated=sum(trace.usage is None or trace.usage.estimated for trace in traces),
        context=context,
        max_output=most,
        over=share(len(over), len(traces)),
        perhaps=share(len(too_long(traces, context, found.high)), len(traces)),
        cut=share(cut, len(traces)),
        examples=tuple(over[-EXAMPLES:]),
    )


def too_long(traces: Sequence[Trace], context: int | None, ratio: float) -> list[str]:
    """The ids of requests that with their answers, or the output that they ask for, do not fit into a context."""
    if context is None:
        return []
    found = []
    for trace in traces:
        asked, given = _tokens(trace)
        if asked * ratio + max(given * ratio, _wanted(trace)) > context:
            found.append(trace.id)
    return found


def ratio(base: Engine, candidate: Engine, traces: Sequence[Trace], known: Sequence[Trace]) -> Ratio:
    """How many tokens the candidate counts where the engine of today counts one.

    Measured, it is the quotient of both engines' tokens for a character: each on the exchanges that it answered
    itself, which need not be the same ones. The interval then holds what single requests of the candidate deviate.
    """
    if base.model.name == candidate.model.name:
        return Ratio(1.0, 1.0, 1.0, "same model")
    ours, theirs = _densities(traces, base.name), _densities(known, candidate.name)
    if len(ours) < _LEAST or len(theirs) < _LEAST:
        return Ratio(1.0, *ASSUMED, "assumed")
    middle = fmean(ours)
    low, high = (stats.quantile(theirs, p) or 0.0 for p in (_TAIL, 1 - _TAIL))
    return Ratio(fmean(theirs) / middle, low / middle, high / middle, "measured", len(theirs))


def characters(trace: Trace) -> float:
    """The size of a request, tools and all, in characters."""
    assert trace.request is not None
    tools = sum(len(tool.name) + len(tool.description) + len(encode(tool.schema)) for tool in trace.request.tools)
    return estimate_usage(trace.request, None).input * CHARS_PER_TOKEN + tools


def _densities(traces: Sequence[Trace], engine: str) -> list[float]:
    """Tokens per character of each exchange that an engine counted itself. Images count as tokens and have no letters."""
    found: list[float] = []
    for trace in traces:
        if trace.request is None or trace.usage is None or trace.usage.estimated or trace.engine != engine:
            continue
        size = characters(trace)
        if size > 0 and trace.usage.input > 0 and not _has_media(trace):
            found.append(trace.usage.input / size)
    return found


def _has_media(trace: Trace) -> bool:
    messages = trace.request.messages if trace.request is not None else ()
    return any(hasattr(part, "media_type") for message in messages for part in message.parts)


def _tokens(trace: Trace) -> tuple[int, int]:
    """Input and output of an exchange, told or estimated."""
    assert trace.request is not None
    if trace.usage is not None and trace.usage.input:
        return trace.usage.input, trace.usage.output
    guess = estimate_usage(trace.request, trace.reply)
    return max(1, round(characters(trace) / CHARS_PER_TOKEN)), guess.output


def _wanted(trace: Trace) -> int:
    assert trace.request is not None
    return trace.request.sampling.max_tokens or 0


def _spread(values: Sequence[float]) -> Spread:
    p50, p95, p99 = (stats.quantile(values, p) or 0.0 for p in (0.5, _SIDES, 0.99))
    return Spread(p50, p95, p99, max(values, default=0.0))
