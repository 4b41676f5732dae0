"""From rows of TOML to the canon's models, hosts, offers and prices. Pure: no files, no settings.

The built-in catalogue and a person's `weighbridge.toml` are written the same way and read by the same functions.
A row that cannot be used raises `RowError` with the field; the caller knows the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from weighbridge import dialects
from weighbridge.canon import DATA_CLASSES, Fact, Host, Model, Offer, Price, Profile, Quirk, SchemaRules, Service, Tier
from weighbridge.canon.engines import Rates
from weighbridge.canon.money import micro
from weighbridge.engines.keys import MOST_KEYS, PLACE
from weighbridge.engines.openness import COMPONENTS
from weighbridge.errors import did_you_mean

Row = Mapping[str, Any]
T = TypeVar("T", Model, Host, Offer, Profile, SchemaRules)

DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
CURRENCY = re.compile(r"[A-Z]{3}")

_URL = re.compile(r"https?://[^\s?#]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_WITH_KEY = ("bearer", "header", "query")

FIELDS: dict[str, frozenset[str]] = {
    "models": frozenset({*Model.__struct_fields__, "source"} - {"name", "hosts"}),
    "hosts": frozenset({*Host.__struct_fields__, "source"} - {"name"}),
    "offers": frozenset({*Offer.__struct_fields__, "price", "source"} - {"model", "host", "prices"}),
    "price": frozenset(Price.__struct_fields__),
    "tiers": frozenset(Tier.__struct_fields__),
    "service": frozenset(Service.__struct_fields__),
    "profiles": frozenset(Profile.__struct_fields__) - {"name"},
    "quirks": frozenset(Quirk.__struct_fields__),
    "schemas": frozenset(SchemaRules.__struct_fields__) - {"name"},
}


class RowError(ValueError):
    """A row cannot be used: the field, what is wrong with it, and the fix."""

    def __init__(self, field: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.field = field
        self.what = what
        self.fix = fix


def check_fields(kind: str, row: Row) -> None:
    """Refuse a field that rows of this kind don't have.

    Raises:
        RowError: The first unknown field.
    """
    for name in row:
        if name not in FIELDS[kind]:
            raise RowError(name, f"Unknown field '{name}'.", did_you_mean(name, FIELDS[kind]))


def merge(base: Row, over: Row) -> dict[str, Any]:
    """Lay one row over another, field by field. A field that is replaced takes its source from the upper row."""
    sources = {k: v for k, v in base.get("sources", {}).items() if k not in over}
    if "source" in over:
        sources |= {name: over["source"] for name in over if name not in {"source", "sources"}}
    merged = {**base, **{k: v for k, v in over.items() if k not in {"source", "sources"}}}
    merged["sources"] = {**sources, **over.get("sources", {})}
    if "source" not in merged and "source" in over:
        merged["source"] = over["source"]
    return merged


def read_model(name: str, row: Row, labs: Mapping[str, Row], observed: Mapping[str, str]) -> Model:
    """A model from its row; its lab's title, country and disclosure come from the table of labs."""
    fields = {k: v for k, v in row.items() if k not in {"source", "sources"}}
    sources = read_sources(row, fields, observed)
    if (lab := labs.get(fields.get("lab", ""))) is not None:
        fields["lab"] = lab["title"]
        if not fields.get("lab_country"):
            fields["lab_country"] = lab["country"]
            sources["lab_country"] = Fact(source=lab["source"])
        if "disclosure" in lab and "disclosure" not in fields:
            told = lab["disclosure"]
            fields["disclosure"] = told["value"]
            sources["disclosure"] = Fact(source=told["source"], observed=told["observed"])
        sources.pop("lab", None)
    model = convert({**fields, "name": name, "sources": sources}, Model)
    for component in model.components:
        if component not in COMPONENTS:
            raise RowError("components", f"'{component}' is no component.", did_you_mean(component, COMPONENTS))
    return model


def read_host(name: str, row: Row, observed: Mapping[str, str]) -> Host:
    """A host from its row. One without the name of a key needs none, unless it says how else it is shown who asks."""
    fields = {k: v for k, v in row.items() if k not in {"source", "sources"}}
    if not (fields.get("key_env") or fields.get("keys")):
        fields.setdefault("auth", "none")
    if not (fields.get("url") or fields.get("serving") or fields.get("recorded")):
        raise RowError("url", f"The host '{name}' has no address.", "Give it a url, or serving, or recorded.")
    host = convert({**fields, "name": name, "sources": read_sources(row, fields, observed)}, Host)
    _check_host(host)
    _check_facts(host)
    return host


def _check_host(host: Host) -> None:
    """Refuse what nobody could call."""
    for field, dialect in (("dialect", host.dialect), *(("speaks", name) for name in host.speaks)):
        if dialect not in dialects.NAMES:
            raise RowError(field, f"Unknown dialect '{dialect}'.", did_you_mean(dialect, dialects.NAMES))
    for field, url in (("url", host.url), *(("speaks", url) for url in host.speaks.values())):
        if url and not _URL.fullmatch(url):
            fix = 'Write it with its scheme and without a query: "https://api.example.com/v1".'
            raise RowError(field, f"{url[:80]!r} is no address.", fix)
    if host.auth in _WITH_KEY and not (host.key_env or host.keys):
        raise RowError("key_env", f"The host '{host.name}' asks for a key.", 'Say where it stands: key_env = "MY_KEY".')
    _check_keys(host)
    for field, name in (("auth_name", host.auth_name), *(("headers", name) for name in host.headers)):
        if name and not _HEADER.fullmatch(name):
            raise RowError(field, f"{name[:80]!r} is no name of a header.", "Use letters, digits and '-'.")
    if any(not value.isprintable() for value in host.headers.values()):
        raise RowError("headers", "A header holds a character that cannot be sent.", "Write it on one line.")
    if host.path and not (host.path.startswith("/") and "{" not in host.path.replace("{model}", "")):
        fix = 'Begin with "/"; {model} stands for what the host calls the model.'
        raise RowError("path", f"{host.path[:80]!r} is no path.", fix)


def _check_keys(host: Host) -> None:
    """Refuse places of keys that nobody could read."""
    if len(host.keys) > MOST_KEYS:
        raise RowError("keys", f"{len(host.keys)} keys are too many.", f"Give at most {MOST_KEYS}.")
    if host.keys and host.auth in ("none", "sigv4"):
        raise RowError("keys", f"A host with auth = '{host.auth}' is shown no key of its own.", "Leave keys out.")
    for place in host.keys:
        if not PLACE.fullmatch(place):
            # Never told: somebody may have written the key itself here.
            fix = 'Say where it stands: "env:NAME", "file:PATH" or "store:NAME".'
            raise RowError("keys", f"An entry of keys of the host '{host.name}' is no place.", fix)


def _check_facts(host: Host) -> None:
    """Refuse facts that no rule could understand."""
    if host.cleared_for and host.cleared_for not in DATA_CLASSES:
        raise RowError(
            "cleared_for", f"'{host.cleared_for[:50]}' is no data class.", did_you_mean(host.cleared_for, DATA_CLASSES)
        )
    if host.retention_days is not None and host.retention_days < 0:
        raise RowError("retention_days", "Nothing is kept for less than 0 days.", "Give days; 0: not kept at all.")


def read_offer(model: str, host: str, row: Row, observed: Mapping[str, str]) -> Offer:
    """An offer from its row, its prices in order of days."""
    fields = {k: v for k, v in row.items() if k not in {"source", "sources", "price"}}
    check_day("retired", fields.get("retired", ""))
    told_by = row.get("sources", {}).get("price", row.get("source", ""))
    prices = read_prices(row["price"], str(told_by), observed) if "price" in row else ()
    # An offer's facts without a word of their own come from where its price comes from.
    default = (row.get("source") or (prices[-1].source if prices else "")).partition(", ")[0]
    sources = read_sources({**row, "source": default}, fields, observed)
    sources.pop("price", None)  # a price carries its own
    return convert({**fields, "model": model, "host": host, "prices": prices, "sources": sources}, Offer)


def read_sources(row: Row, fields: Row, observed: Mapping[str, str]) -> dict[str, Fact]:
    """Where each field comes from: the row's own source, but for the fields that name another."""
    own = row.get("source", "")
    known = {name: Fact(source=own, observed=observed.get(own, "")) for name in fields} if own else {}
    for name, given in row.get("sources", {}).items():
        fact = given if isinstance(given, dict) else {"source": given}
        source = str(fact.get("source", own))
        others = tuple(map(str, fact.get("others", ())))
        known[name] = Fact(source, str(fact.get("observed", observed.get(source, ""))), others)
    return known


def read_prices(given: object, source: str, observed: Mapping[str, str]) -> tuple[Price, ...]:
    """One price, or a list of them over time.

    Raises:
        RowError: A figure, day or currency cannot be used, or two prices begin on one day.
    """
    rows = given if isinstance(given, list) else [given]
    prices = tuple(sorted((read_price(row, source, observed) for row in rows), key=lambda price: price.valid_from))
    days = [price.valid_from for price in prices]
    if len(set(days)) != len(days):
        raise RowError("price", "Two prices begin on the same day.", "Give each its own valid_from.")
    return prices


def read_price(given: object, source: str, observed: Mapping[str, str]) -> Price:
    """One price, in units of its currency per million tokens: a table, or `input/output` or `input/cached/output`."""
    row = _split_price(given) if isinstance(given, str) else given
    if not isinstance(row, dict):
        raise RowError("price", "A price must be a table.", "Write price = { input = 0.5, output = 2.0 }.")
    check_fields("price", row)
    figures = _figures(row, "price")
    currency, start, source = row.get("currency", "USD"), row.get("valid_from", ""), row.get("source", source)
    if not isinstance(currency, str) or not CURRENCY.fullmatch(currency):
        raise RowError("price", f"{currency!r} is not a currency.", "Use three capital letters: USD, EUR, CNY.")
    check_day("price", start)
    first = str(source).partition(", ")[0]
    return Price(
        **figures,
        currency=currency,
        valid_from=start,
        source=str(source),
        observed=str(row.get("observed", observed.get(first, ""))),
        others=tuple(map(str, row.get("others", ()))),
        tiers=_read_tiers(row.get("tiers", ()), "tiers"),
        service=_read_services(row.get("service", {})),
    )


def _figures(row: Row, what: str) -> dict[str, int]:
    """The figures of a price that are told, in micro-units."""
    found = {}
    for name in Rates._fields:
        try:
            if name in row:
                found[name] = micro(row[name])
        except ValueError as error:
            raise RowError(
                "price", f"The {what} '{name}' {error}: {row[name]!r}.", "Give it per million tokens."
            ) from error
    return found


def _read_tiers(given: object, where: str) -> tuple[Tier, ...]:
    """What long requests cost, by rising length."""
    fix = "Write tiers = [{ above = 200000, input = 2.5, output = 15.0 }]."
    if not isinstance(given, list | tuple) or not all(isinstance(row, dict) for row in given):
        raise RowError("price", f"'{where}' must be a list of tables.", fix)
    tiers = []
    for row in given:
        check_fields("tiers", row)
        above = row.get("above")
        if not isinstance(above, int) or isinstance(above, bool) or above < 0:
            raise RowError("price", f"'above' in '{where}' must be a whole number of tokens, not {above!r}.", fix)
        tiers.append(Tier(above, **_figures(row, f"price in '{where}'")))
    tiers.sort(key=lambda tier: tier.above)
    if len({tier.above for tier in tiers}) != len(tiers):
        raise RowError("price", f"Two tiers in '{where}' begin at the same length.", "Give each its own 'above'.")
    return tuple(tiers)


def _read_services(given: object) -> dict[str, Service]:
    """What service tiers cost, by the name under which requests ask for them."""
    fix = "Write service = { batch = { input = 0.25, output = 1.0 } }."
    if not isinstance(given, dict) or not all(isinstance(row, dict) for row in given.values()):
        raise RowError("price", "'service' must be a table of tables.", fix)
    found = {}
    for name, row in given.items():
        check_fields("service", row)
        tiers = _read_tiers(row.get("tiers", ()), f"service.{name}.tiers")
        found[name] = Service(**_figures(row, f"price in 'service.{name}'"), tiers=tiers)
    return found


def _split_price(text: str) -> dict[str, Any]:
    parts = text.split("/")
    names = {2: ("input", "output"), 3: ("input", "cached", "output")}.get(len(parts))
    try:
        return dict(zip(names or (), map(Decimal, parts), strict=True))
    except (InvalidOperation, ValueError) as error:
        fix = 'Write "0.5/2.0" for input/output, or "0.5/0.05/2.0" with cached input in the middle.'
        raise RowError("price", f"{text[:80]!r} is not a price.", fix) from error


def check_day(field: str, day: object) -> None:
    """Refuse what is neither empty nor a day.

    Raises:
        RowError: It is something else.
    """
    if day != "" and not (isinstance(day, str) and DAY.fullmatch(day)):
        raise RowError(field, f"{str(day)!r} is not a day.", 'Write it as text: "2026-01-31".')


def convert(fields: Mapping[str, Any], kind: type[T]) -> T:
    """A frozen struct from checked fields.

    Raises:
        RowError: A value has the wrong type.
    """
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        field = re.split(r"[.\[`]", place)[0]
        raise RowError(field, f"'{field}': {what[:1].lower()}{what[1:]}.", "Correct the value.") from error
