"""Who is gone: the engines that a name hits, and by which rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from weighbridge.canon import Engine, Plan
from weighbridge.engines.catalogue import Catalogue
from weighbridge.errors import NotFoundError, UnknownEngineError, did_you_mean

By = Literal["engine", "host", "model", "lab", "country"]


class Gone(Struct, frozen=True):
    """What a name hits. `why` says of each engine by which fact."""

    name: str
    by: By
    engines: tuple[str, ...]
    why: dict[str, str]


def gone(catalogue: Catalogue, plan: Plan, name: str) -> Gone:
    """The engines that a name hits: those of the catalogue and those that routes name.

    A name is looked for as an engine, a host, a model, a lab, then as a country (two capital letters): there, what counts is the
    law that the host is under, and where the model's lab is.

    Raises:
        NotFoundError: Nothing has this name.
    """
    engines = _all(catalogue, plan)
    rules: tuple[tuple[By, Callable[[Engine], str]], ...] = (
        ("engine", lambda one: "its name" if one.name == name else ""),
        ("host", lambda one: f"its host is {name}" if one.host.name == name else ""),
        ("model", lambda one: f"its model is {name}" if one.model.name == name else ""),
        ("lab", lambda one: f"its model is by {one.model.lab}" if one.model.lab.lower() == name.lower() else ""),
        ("country", lambda one: _country(one, name)),
    )
    for by, rule in rules:
        why = {one.name: told for one in engines if (told := rule(one))}
        if why:
            return Gone(name, by, tuple(why), why)
    known = sorted(_names(engines))
    raise NotFoundError(
        f"'{name}' is no engine, host, model, lab, or country of one.",
        where="drill",
        fix=did_you_mean(name, known) if known else "See 'weighbridge engines list'.",
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


def _country(engine: Engine, code: str) -> str:
    facts = []
    if engine.host.jurisdiction and engine.host.jurisdiction == code:
        facts.append(f"its host is under the law of {code}")
    if engine.model.lab_country and engine.model.lab_country == code:
        facts.append(f"its lab is in {code}")
    return " and ".join(facts)


def _names(engines: Iterable[Engine]) -> set[str]:
    found: set[str] = set()
    for one in engines:
        found |= {one.name, one.host.name, one.model.name, one.model.lab}
        found |= {one.host.jurisdiction, one.model.lab_country}
    return {name for name in found if name}
