"""Who could answer a route that nobody of its own is left for."""

from __future__ import annotations

from collections.abc import Collection
from math import inf, log

from weighbridge.canon import Engine, Route, Trace
from weighbridge.engines.catalogue import Catalogue
from weighbridge.errors import NotFoundError
from weighbridge.swap.drill.terms import Terms, cannot
from weighbridge.swap.preflight import fit, traffic

_MOST = 3  #: engines that are named
_TRIED = 12  #: engines whose fit is looked at
_REQUESTS = 50  #: recorded requests that each of them is held against
_CENT = 0.01  #: USD per million tokens: what is cheaper is as good as free


async def suggested(route: Route, catalogue: Catalogue, lost: Collection[str], terms: Terms) -> tuple[str, ...]:
    """Up to three engines that policy admits, whose key is set, and that fit; nothing is sent.

    Those of the same model come first, then those whose price is nearest: who costs a hundredth is hardly of the same class. An
    engine fits that newly refuses or loses nothing of recorded requests; without any on record, one that is not known
    to lack what today's engine has.

    Raises:
        UnknownEngineError: The route's primary is not in the catalogue.
        StoreError: The traces cannot be read.
    """
    primary = catalogue.engine(route.primary)
    able = [
        engine
        for engine in catalogue.callable_engines(terms.environ, True)  # noqa: FBT003 - the catalogue's own order
        if engine.name not in lost and engine.name not in route.engines and not cannot(route, engine, terms)
    ]
    able.sort(key=lambda engine: (engine.model.name != primary.model.name, _far(engine, primary, terms), engine.name))
    sample = _sample(route, terms)
    today = [await fit.points(trace, primary, fetches=route.fetch) for trace in sample]
    found: list[str] = []
    for engine in [one for one in able if sample or not _poorer(one, primary)][:_TRIED]:
        then = [await fit.points(trace, engine, fetches=route.fetch) for trace in sample]
        if not fit.broken(then, today)[0]:
            found.append(engine.name)
        if len(found) == _MOST:
            break
    return tuple(found)


def _far(engine: Engine, primary: Engine, terms: Terms) -> float:
    prices = [_price(one, terms) for one in (engine, primary)]
    if prices[0] is None or prices[1] is None:
        return inf
    return abs(log((prices[0] + _CENT) / (prices[1] + _CENT)))


def _price(engine: Engine, terms: Terms) -> float | None:
    price = engine.price_at(terms.day)
    return None if price is None or price.output is None else float(price.output)


def _poorer(engine: Engine, primary: Engine) -> bool:
    """Is it known to lack something that the other has?"""
    here, there = engine.model, primary.model
    flags = ((here.tools, there.tools), (here.structured, there.structured))
    shorter = here.context and there.context and here.context < there.context
    missing = here.modalities and set(there.modalities) - set(here.modalities)
    return bool(missing or shorter) or any(mine is False and theirs for mine, theirs in flags)


def _sample(route: Route, terms: Terms) -> tuple[Trace, ...]:
    if terms.folder is None:
        return ()
    size = min(terms.size, _REQUESTS)
    try:
        seen = traffic.read(terms.folder, route.name, since=terms.since, now=terms.now, size=size, seed=terms.seed)
    except NotFoundError:
        return ()
    return seen.sample
