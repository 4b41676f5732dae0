"""Who is gone: the engines that a name hits, and by which rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from weighbridge.canon import Engine, Plan
from weighbridge.engines.catalogue import Catalogue
from weighbridge.errors import NotFoundError, UnknownEngineError, did_you_mean
from weighbridge.swap.drill import countries

_LOCAL = "local"  #: where a host stands that is no country

Kind = Literal["engine", "host", "model", "lab", "country"]
KINDS: tuple[Kind, ...] = ("engine", "host", "model", "lab", "country")


class Gone(Struct, frozen=True):
    """What a name hits. `by`: as what it is known, as `host and lab`. `why` says of each engine by which fact."""

    name: str
    by: str
    engines: tuple[str, ...]
    why: dict[str, str]


def gone(catalogue: Catalogue, plan: Plan, name: str) -> Gone:
    """The engines that a name hits: those of the catalogue and those that routes name.

    A name may stand for several things at once, as a lab that is a host as well: then all of it is gone, for who is banned
    or bankrupt is so with everything. `host:NAME`, `lab:NAME` and so on mean one of them. Of a country, what counts is the
    law that the host is under, and where the model's lab is; its code and its English name are known.

    Raises:
        NotFoundError: Nothing has this name.
    """
    engines = _all(catalogue, plan)
    kind, _, rest = name.partition(":")
    kinds, wanted = (tuple(one for one in KINDS if one == kind), rest) if rest and kind in KINDS else (KINDS, name)
    by: list[str] = []
    why: dict[str, list[str]] = {}
    for one in kinds:
        hit = {engine.name: told for engine in engines if (told := _RULES[one](engine, wanted))}
        by += [one] if hit else []
        for engine_name, told in hit.items():
            why.setdefault(engine_name, []).append(told)
    if why:
        return Gone(name, " and ".join(by), tuple(why), {one: " and ".join(told) for one, told in why.items()})
    known = sorted(_names(engines))
    raise NotFoundError(
        f"'{name}' is no engine, host, model, lab, or country of one.",
        where="drill",
        fix=did_you_mean(wanted, known) if known else "See 'weighbridge engines list'.",
    )


def _all(catalogue: Catalogue, plan: Plan) -> list[Engine]:
    found = {engine.name: engine for engine in catalogue.engines()}
    for route in plan.routes.values():
        for name in route.engines:
            if name not in found:
                try:
                    found[name] = catalogue.engine(name)
                except UnknownEngineError:
                    continue
    return list(found.values())


def _lab(engine: Engine, name: str) -> str:
    """Labs are known by the whole of their name, by what stands within or before brackets, and without "AI" at its end."""
    lab = engine.model.lab
    known = {part.strip(" )").lower() for part in (lab, *lab.split("("))}
    known |= {one.removesuffix(" ai") for one in known}
    return f"its model is by {lab}" if name.lower() in known - {""} else ""


def _country(engine: Engine, name: str) -> str:
    code = countries.code(name)
    facts = []
    if engine.host.jurisdiction and engine.host.jurisdiction == code:
        facts.append(f"its host is under the law of {code}")
    if engine.model.lab_country and engine.model.lab_country == code:
        facts.append(f"its lab is in {code}")
    return " and ".join(facts)


_RULES: dict[Kind, Callable[[Engine, str], str]] = {
    "engine": lambda one, name: "its name" if one.name == name else "",
    "host": lambda one, name: f"its host is {name}" if one.host.name == name else "",
    "model": lambda one, name: f"its model is {name}" if one.model.name == name else "",
    "lab": _lab,
    "country": lambda one, name: _country(one, name) if name != _LOCAL else "",
}


def _names(engines: Iterable[Engine]) -> set[str]:
    found: set[str] = set()
    for one in engines:
        found |= {one.name, one.host.name, one.model.name, one.model.lab}
        found |= {one.host.jurisdiction, one.model.lab_country}
    return {name for name in found if name}
