"""What masking misses, and what it takes too much: found spans beside marked ones, document by document.

A leak is a marked span of which any letter or digit stays visible, whatever kind it was taken for; a bare title
before a name ("Dr") does not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from weighbridge.canon import Span
from weighbridge.mask.dataset_labels import STRUCTURED, family_of
from weighbridge.mask.dataset_rows import Document, Gold
from weighbridge.mask.intervals import Share, clustered, wilson

_TITLES = re.compile(
    r"(?:\b(?:mr|mrs|ms|miss|mx|dr|prof|professor|doctor|sir|madam|dame|lady|lord|rev|hon|herr|frau|judge|mme|mlle|sig|sra?)"
    r"\b\.?\s*)+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_HALF = 0.5  #: of a span's letters and digits must be masked by something of its family to be recognised

_COUNTED = (
    "spans", "leaked", "recognised", "found", "right", "entities", "entities_leaked",
    "documents", "documents_leaked", "words", "words_masked", "words_right", "free", "free_masked",
)  # fmt: skip
_AT = {name: index for index, name in enumerate(_COUNTED)}

Row = tuple[str, str]
"""What a figure is about: `("all", "")`, `("kind", "person")`, `("identifier", "direct")`, `("language", "en")`."""
ALL: Row = ("all", "")
SHAPED: Row = ("group", "structured")


class Miss(Struct, frozen=True):
    """A marked span of which something stays visible."""

    document: int
    start: int
    end: int
    kind: str


class Tally(Struct):
    """What was counted in one document: for each row, the figures in the order of `_COUNTED`."""

    rows: dict[Row, list[int]]
    misses: list[Miss]

    def add(self, row: Row, name: str, count: int = 1) -> None:
        """Count something."""
        self.rows.setdefault(row, [0] * len(_COUNTED))[_AT[name]] += count


class Figures(Struct, frozen=True):
    """The shares of one row, each with its interval; None where there is nothing to take a share of."""

    about: str
    name: str
    counts: dict[str, int]
    leak: Share | None
    entity_leak: Share | None
    document_leak: Share | None
    recall: Share | None
    precision: Share | None
    word_recall: Share | None
    word_precision: Share | None
    over_masking: Share | None


def count(document: Document, spans: Sequence[Span], *, number: int = 0) -> Tally:
    """Count what one document's spans leave and take.

    Args:
        document: With what is marked in it.
        spans: What was found; they may overlap.
        number: The document's, for misses.
    """
    tally = Tally({}, [])
    text = document.text
    masked = _covered(len(text), spans)
    golds = [gold for gold in document.spans if gold.kind]
    rows_all = [ALL, *([("language", document.language)] if document.language else [])]
    entities: dict[tuple[str, str], list[tuple[Gold, bool]]] = {}
    for gold in golds:
        leaked = _leaks(text, gold, masked)
        if leaked:
            tally.misses.append(Miss(number, gold.start, gold.end, gold.kind))
        hit = _recognised(text, gold, spans)
        for row in (*rows_all, *_rows(gold)):
            tally.add(row, "spans")
            tally.add(row, "leaked", leaked)
            tally.add(row, "recognised", hit)
        name = gold.entity or _stripped(text, gold).casefold()
        entities.setdefault((name, "" if gold.entity else gold.kind), []).append((gold, leaked))
    _count_entities(tally, rows_all, list(entities.values()))
    for row in [row for row, counts in tally.rows.items() if counts[_AT["spans"]]]:
        tally.add(row, "documents")
        tally.add(row, "documents_leaked", tally.rows[row][_AT["leaked"]] > 0)
    _count_found(tally, rows_all, golds, spans)
    _count_letters(tally, rows_all, document, masked)
    return tally


def _rows(gold: Gold) -> list[Row]:
    rows: list[Row] = [("kind", gold.kind)]
    if gold.identifier:
        rows.append(("identifier", gold.identifier))
    if gold.kind in STRUCTURED:
        rows.append(SHAPED)
    return rows


def _count_entities(tally: Tally, rows_all: list[Row], entities: list[list[tuple[Gold, bool]]]) -> None:
    for marks in entities:
        leaked = any(leak for _, leak in marks)
        for row in (*rows_all, *dict.fromkeys(row for gold, _ in marks for row in _rows(gold))):
            tally.add(row, "entities")
            tally.add(row, "entities_leaked", leaked)


def _count_found(tally: Tally, rows_all: list[Row], golds: list[Gold], spans: Sequence[Span]) -> None:
    """Found spans are right where they touch a mark; of a kind, where they touch a mark of its family."""
    for span in spans:
        touched = [gold for gold in golds if gold.start < span.end and span.start < gold.end]
        right = any(family_of(gold.kind) == family_of(span.kind) for gold in touched)
        for row in rows_all:
            tally.add(row, "found")
            tally.add(row, "right", bool(touched))
        tally.add(("kind", span.kind), "found")
        tally.add(("kind", span.kind), "right", right)


def _count_letters(tally: Tally, rows_all: list[Row], document: Document, masked: bytearray) -> None:
    text = document.text
    personal = _covered(len(text), [gold for gold in document.spans if gold.kind])
    free = sum(not personal[at] and text[at].isalnum() for at in range(len(text)))
    taken = sum(masked[at] and not personal[at] and text[at].isalnum() for at in range(len(text)))
    words = taken_words = right = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        marked, hidden = any(personal[start:end]), all(masked[start:end])
        words += marked
        right += marked and hidden
        taken_words += any(masked[start:end])
    for row in rows_all:
        for name, value in (
            ("free", free),
            ("free_masked", taken),
            ("words", words),
            ("words_masked", taken_words),
            ("words_right", right),
        ):
            tally.add(row, name, value)


def _covered(length: int, spans: Sequence[Span] | Sequence[Gold]) -> bytearray:
    made = bytearray(length)
    for span in spans:
        start, end = max(span.start, 0), min(span.end, length)
        made[start:end] = b"\1" * (end - start)
    return made


def _stripped(text: str, gold: Gold) -> str:
    """What is marked, without the titles before it."""
    value = text[gold.start : gold.end]
    if gold.kind != "person":
        return value
    title = _TITLES.match(value)
    return value[title.end() :] if title else value


def _leaks(text: str, gold: Gold, masked: bytearray) -> bool:
    start = gold.end - len(_stripped(text, gold))
    return any(not masked[at] and text[at].isalnum() for at in range(start, gold.end))


def _recognised(text: str, gold: Gold, spans: Sequence[Span]) -> bool:
    same = _covered(len(text), [span for span in spans if family_of(span.kind) == family_of(gold.kind)])
    letters = [at for at in range(gold.start, gold.end) if text[at].isalnum()]
    return bool(letters) and sum(same[at] for at in letters) >= _HALF * len(letters)


def figures(tallies: Sequence[Tally]) -> list[Figures]:
    """The shares over documents: of all first, then by what is personal, in order."""
    rows = sorted({row for tally in tallies for row in tally.rows}, key=_order)
    made = [_figures(row, [tally.rows[row] for tally in tallies if row in tally.rows]) for row in rows]
    return [one for one in made if one.counts["spans"] or one.counts["found"] or one.about == "all"]


def _order(row: Row) -> tuple[int, str]:
    return (("all", "group", "identifier", "kind", "language").index(row[0]), row[1])


def _figures(row: Row, counts: list[list[int]]) -> Figures:
    columns = {name: [one[at] for one in counts] for name, at in _AT.items()}
    totals = {name: sum(values) for name, values in columns.items()}

    def share(hits: str, of: str) -> Share | None:
        return clustered(columns[hits], columns[of])

    return Figures(
        about=row[0],
        name=row[1],
        counts=totals,
        leak=share("leaked", "spans"),
        entity_leak=share("entities_leaked", "entities"),
        document_leak=wilson(totals["documents_leaked"], totals["documents"]),
        recall=share("recognised", "spans"),
        precision=share("right", "found"),
        word_recall=share("words_right", "words"),
        word_precision=share("words_right", "words_masked"),
        over_masking=share("free_masked", "free"),
    )
