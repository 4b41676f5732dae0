"""Facts that changed since the catalogue was written: one at a time, over what it says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, get_type_hints

import msgspec
from msgspec.structs import replace

from weighbridge.canon import DATA_CLASSES, Fact, FactChange, Host, Model, Offer, Price
from weighbridge.canon.money import micro
from weighbridge.engines.rows import RowError, check_day
from weighbridge.errors import did_you_mean

#: What may change by a word, by kind: what rules ask for. Addresses and keys stay where the configuration has them.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "model": ("lab_country", "open_weights", "licence", "context", "max_output"),
    "host": ("country", "jurisdiction", "retention", "retention_days", "trains_on_inputs", "cleared_for"),
    "engine": ("context", "max_output", "first_token", "retired", "input_price", "output_price"),
}
PRICES = {"input_price": "input", "output_price": "output"}

_TYPES: Mapping[str, type] = {"model": Model, "host": Host, "engine": Offer}
_PLACE = re.compile(r"[A-Z]{2}|EU|local")
_LONGEST = 1000  #: characters

T = TypeVar("T", Model, Host, Offer)


def checked(change: FactChange) -> FactChange:
    """The same change with its value as the field wants it; text is read as a number or a yes where the field is one.

    Raises:
        RowError: The field is not one that may change, or its value cannot be used.
    """
    known = FIELDS[change.kind]
    if change.field not in known:
        raise RowError(change.field, f"No fact of a {change.kind} is called '{change.field[:50]}'.", _of(change, known))
    if change.value is None:
        return change
    wanted = float if change.field in PRICES else get_type_hints(_TYPES[change.kind])[change.field]
    if isinstance(change.value, bool) and wanted != (bool | None):
        raise RowError(change.field, f"{change.field} is no yes or no.", "Give its value, or: unknown")
    try:
        value = msgspec.convert(change.value, wanted, strict=not isinstance(change.value, str))
    except msgspec.ValidationError as error:
        raise RowError(change.field, f"{change.field}: {error}.", "Give another value, or: unknown") from error
    _check(change.field, value)
    return replace(change, value=value)


def lay(models: dict[str, Model], hosts: dict[str, Host], offers: dict[str, Offer], change: FactChange) -> None:
    """Lay one change over rows by name, in place. What is not among them is passed over."""
    match change.kind:
        case "model" if (model := models.get(change.name)) is not None:
            models[change.name] = _with(model, change)
        case "host" if (host := hosts.get(change.name)) is not None:
            hosts[change.name] = _with(host, change)
        case "engine" if (offer := offers.get(change.name)) is not None:
            offers[change.name] = _priced(offer, change) if change.field in PRICES else _with(offer, change)


def _with(row: T, change: FactChange) -> T:
    unknown = "" if get_type_hints(type(row))[change.field] is str else None
    value = unknown if change.value is None else change.value
    return replace(row, **{change.field: value, "sources": {**row.sources, change.field: Fact(_source(change))}})


def _priced(offer: Offer, change: FactChange) -> Offer:
    """The offer with a price from the day of the change on; prices that begin later stay."""
    day = _day(change)
    engine_price = max((p for p in offer.prices if p.valid_from <= day), key=lambda p: p.valid_from, default=Price())
    figure = None if change.value is None else micro(change.value)
    new = replace(engine_price, **{PRICES[change.field]: figure}, valid_from=day, source=_source(change), others=())
    prices = [price for price in offer.prices if price.valid_from != day]
    return replace(offer, prices=tuple(sorted((*prices, new), key=lambda price: price.valid_from)))


def _day(change: FactChange) -> str:
    return datetime.fromtimestamp(change.at, UTC).date().isoformat()


def _source(change: FactChange) -> str:
    return change.source or f"set on {_day(change)}"


def _of(change: FactChange, known: tuple[str, ...]) -> str:
    near = did_you_mean(change.field, known)
    return near if near.startswith("Did") else f"Facts of a {change.kind}: {', '.join(known)}."


def _check(field: str, value: Any) -> None:
    """Refuse what is of the right type and means nothing."""
    if isinstance(value, str) and (not value.strip() or len(value) > _LONGEST or not value.isprintable()):
        raise RowError(field, f"{field} is empty, too long, or cannot be printed.", "To take it away, say: unknown")
    if field in ("jurisdiction", "country", "lab_country") and not _PLACE.fullmatch(value):
        raise RowError(field, f"{field}: {value[:50]!r} is no country.", 'Use two capital letters, "EU" or "local".')
    if field == "cleared_for" and value not in DATA_CLASSES:
        raise RowError(field, f"'{value[:50]}' is no data class.", did_you_mean(value, DATA_CLASSES))
    if field == "retired":
        check_day(field, value)
    if field in PRICES:
        try:
            micro(value)
        except ValueError as error:
            raise RowError(field, f"{field} {error}: {value!r}.", "Give it per million tokens.") from error
    elif isinstance(value, int | float) and not isinstance(value, bool):
        least = 0 if field == "retention_days" else 1e-6
        if not least <= value <= 2**53:
            raise RowError(field, f"{field} = {value} is not possible.", "Give a number above 0.")
