"""Choosing engines by their facts. Pure; three answers: it fits, it does not, nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from weighbridge.canon import Engine
from weighbridge.canon.money import MICRO
from weighbridge.canon.places import is_among
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.keys import has_key
from weighbridge.engines.weights import present


class Wish(Struct, frozen=True):
    """What an engine should be. A field that is left alone asks for nothing.

    `max_price` is in dollars per million output tokens; `countries` and `jurisdictions` are upper-case codes, with
    `EU` for its member states and `LOCAL` for your own machine; each word of `text` must stand in a name.
    """

    open_weights: bool | None = None
    countries: frozenset[str] = frozenset()
    jurisdictions: frozenset[str] = frozenset()
    max_price: float | None = None
    tools: bool = False
    local: bool = False
    callable: bool = False
    text: str = ""


def fits(engine: Engine, wish: Wish, catalogue: Catalogue, environ: Mapping[str, str], day: str) -> bool | None:
    """Does an engine fit a wish on a day? None where a fact that decides is unknown, and nothing else says no."""
    unknown = False
    for answer in _answers(engine, wish, catalogue, environ, day):
        if answer() is False:
            return False
        unknown = unknown or answer() is None
    return None if unknown else True


def is_ready(engine: Engine, catalogue: Catalogue, environ: Mapping[str, str]) -> bool:
    """Can the engine be called now, as far as keys, weights and the configuration tell?"""
    if not catalogue.is_meant(engine):
        return False
    return present(engine.model.gguf, catalogue.folder) if engine.host.runs_here else has_key(engine, environ)


def _answers(
    engine: Engine, wish: Wish, catalogue: Catalogue, environ: Mapping[str, str], day: str
) -> list[Callable[[], bool | None]]:
    model, host = engine.model, engine.host
    asked: list[tuple[bool, Callable[[], bool | None]]] = [
        (bool(wish.text), lambda: all(word in _names(engine) for word in wish.text.lower().split())),
        (wish.local, lambda: host.runs_here or host.self_hosted),
        (wish.callable, lambda: is_ready(engine, catalogue, environ)),
        (
            wish.open_weights is not None,
            lambda: None if model.open_weights is None else model.open_weights == wish.open_weights,
        ),
        (bool(wish.countries), lambda: is_among(model.lab_country, wish.countries)),
        (bool(wish.jurisdictions), lambda: is_among(host.jurisdiction, wish.jurisdictions)),
        (wish.max_price is not None, lambda: _is_cheap(engine, wish.max_price or 0.0, day)),
        (wish.tools, lambda: model.tools),
    ]
    return [answer for is_asked, answer in asked if is_asked]


def _names(engine: Engine) -> str:
    model, host = engine.model, engine.host
    return f"{engine.name} {model.title} {model.lab} {model.family} {host.title}".lower()


def _is_cheap(engine: Engine, limit: float, day: str) -> bool | None:
    price = engine.price_at(day)
    if price is None or price.output is None or price.currency != "USD":
        return None
    return price.output <= limit * MICRO
