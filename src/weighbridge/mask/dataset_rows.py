"""A document of marked data, and how one is made of a row of each form; offsets are checked, labels become kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.mask.dataset_labels import case_kind, kind_of

_PLACEHOLDER = "presidio_anonymized"
_LETTER = re.compile(r"[^\W_]")


class Gold(Struct, frozen=True):
    """What somebody marked.

    Attributes:
        start: Of the first code point.
        end: Behind the last one.
        kind: Ours where there is one, else the label in lower case; "" is nothing personal: a bare title.
        entity: Marks of the same one belong together; "" leaves it to what is written.
        identifier: `direct` or `quasi`: does it name somebody alone, or together with others?
    """

    start: int
    end: int
    kind: str
    entity: str = ""
    identifier: str = ""


class Document(Struct, frozen=True):
    """A text and what is marked in it, in order. `language` is "" where nobody said."""

    text: str
    spans: tuple[Gold, ...]
    language: str = ""


def _document(text: Any, spans: Iterable[Gold], where: str, language: str = "") -> Document:
    if not isinstance(text, str):
        raise InputError("The text is missing, or none.", where=where, fix="Give a text.")
    made = tuple(sorted(set(spans), key=lambda span: (span.start, span.end, span.kind, span.entity)))
    for span in made:
        if not 0 <= span.start < span.end <= len(text):
            raise InputError(
                f"A span goes from {span.start} to {span.end}, and the text has {len(text)} code points.",
                where=where,
                fix="Count offsets in Unicode code points, from 0, the end behind the last one.",
            )
    return Document(text, made, language)


def _rows(row: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    spans = row.get(key)
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        raise InputError(f"'{key}' is missing, or no list of objects.", where=where, fix='Write "spans": [].')
    return spans


def _number(span: Mapping[str, Any], key: str, where: str) -> int:
    value = span.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"A span's '{key}' is no whole number.", where=where, fix='Write {"start": 0, "end": 3}.')
    return value


def labelled(row: dict[str, Any], where: str) -> Document:
    """One of our own form: `{"text", "spans": [{"start", "end", "kind"}], "lang"?}`.

    Raises:
        InputError: It is none.
    """
    spans = [
        Gold(
            _number(span, "start", where),
            _number(span, "end", where),
            kind_of(str(span.get("kind", "unit"))),
            entity=str(span.get("entity") or ""),
            identifier=str(span.get("identifier") or "").lower(),
        )
        for span in _rows(row, "spans", where)
    ]
    return _document(row.get("text"), spans, where, str(row.get("lang") or "").partition("-")[0].lower())


def synthetic(row: dict[str, Any], where: str) -> Document:
    """A sentence made of a template: `{"full_text", "spans": [{"entity_type", "start_position", "end_position"}]}`.

    Raises:
        InputError: It is none.
    """
    spans = [
        Gold(
            _number(span, "start_position", where),
            _number(span, "end_position", where),
            kind_of(str(span.get("entity_type", "unit"))),
        )
        for span in _rows(row, "spans", where)
    ]
    return _document(row.get("full_text"), spans, where)


def court(row: dict[str, Any], where: str) -> Document:
    """A court's document; what its readers left unmasked is not marked.

    Raises:
        InputError: It is none.
    """
    spans = [
        Gold(
            _number(span, "start_offset", where),
            _number(span, "end_offset", where),
            kind_of(f"court_{span.get('entity_type', 'unit')}"),
            entity=str(span.get("entity_id") or ""),
            identifier=str(span["identifier_type"]).lower(),
        )
        for span in _rows(row, "entities", where)
        if span.get("identifier_type") in {"DIRECT", "QUASI"}
    ]
    return _document(row.get("text"), spans, where)


def case(row: dict[str, Any], where: str) -> Document | None:
    """A test case: `input`, and what is to be found in it: spans, values, or one value. None if it does not say.

    Raises:
        InputError: It is none.
    """
    text = row.get("input")
    if not isinstance(text, str):
        raise InputError("'input' is missing, or no text.", where=where, fix="Give a text.")
    marked = row.get("entities") or row.get("expected_entities") or ()
    values = [(one.get("text"), str(one.get("type", "unit"))) for one in marked]
    if not values and isinstance(row.get("pii_values"), list):
        kinds = row.get("pii_types") or []
        same = len(kinds) == len(row["pii_values"])
        values = [(value, str(kinds[at]) if same else "unit") for at, value in enumerate(row["pii_values"])]
    if not values and row.get("should_match") and row.get("expected_text"):
        values = [(row["expected_text"], str(row.get("type", "unit")))]
    spans = [
        Gold(start, end, kind)
        for value, label in values
        if isinstance(value, str) and (kind := case_kind(label)) is not None
        for start, end in _everywhere(text, value)
    ]
    return _document(text, spans, where, str(row.get("lang") or "")) if spans else None


def query(row: Mapping[str, str]) -> Document | None:
    """A question with the values that were found in it, in lower case with `||` between; None without any."""
    text = row.get("user_query") or ""
    units = {unit.strip() for unit in (row.get("pii_units") or "").split("||")}
    spans = [
        Gold(start, end, "unit", entity=unit)
        for unit in sorted(units)
        if _LETTER.search(unit) and _PLACEHOLDER not in unit.lower()
        for start, end in _everywhere(text, unit)
    ]
    return _document(text, spans, "") if spans else None


def _everywhere(text: str, value: str) -> Iterator[tuple[int, int]]:
    """Where a value stands as a whole word, in whatever case."""
    before = r"(?<![A-Za-z0-9])" if value[:1].isascii() and value[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if value[-1:].isascii() and value[-1:].isalnum() else ""
    found = [match.span() for match in re.finditer(before + re.escape(value) + after, text, re.IGNORECASE)]
    if not found:  # it was cut out of a word
        found = [match.span() for match in re.finditer(re.escape(value), text, re.IGNORECASE)]
    yield from found
