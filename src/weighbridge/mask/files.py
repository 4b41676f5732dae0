"""Masks the rows of a table: which columns, and what of each. Reading and writing tables is another's work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct

from weighbridge.canon import LEVELS, Span
from weighbridge.errors import InputError, did_you_mean
from weighbridge.mask.bulk import Bulk, Said
from weighbridge.mask.kinds import KINDS
from weighbridge.mask.masker import looks_like_json
from weighbridge.mask.sheet import Sheet

_TELLING = frozenset(kind.name for kind in KINDS.values() if LEVELS.index(kind.level) < LEVELS.index("strict"))
_NOTHING = b"\0" * 32  #: the key of a sheet on which nothing is ever written


class Cell(Struct, frozen=True):
    """A value. `json`: its text is that of a JSON object or list."""

    column: str
    text: str
    json: bool = False


class Rows:
    """Masks rows. A name that is found in one cell of a row is found in all of that row.

    Args:
        bulk: Finds what is to be masked.
        sheet: Puts surrogates in; the same value has the same one in all rows.
        kinds: What is to be masked; None for all that is found.
    """

    def __init__(self, bulk: Bulk, sheet: Sheet, *, kinds: Collection[str] | None = None) -> None:
        self._bulk = bulk
        self._sheet = sheet
        self._blank = Sheet(_NOTHING)
        self._kinds = kinds
        self.counts: dict[str, Counter[str]] = {}  #: values that were masked, by column and kind

    def mask(self, rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
        """The rows' cells with surrogates in them, in the same order.

        Raises:
            MaskError: A detector failed.
        """
        groups = [list(self._said(row)) for row in rows]
        found = self._bulk.find(groups, kinds=self._kinds)
        made = []
        for row, group, spans in zip(rows, groups, found, strict=True):
            known = dict(zip(group, spans, strict=True))
            made.append([self._cell(cell, known) for cell in row])
        return made

    def holds_values(self, header: Sequence[str]) -> bool:
        """Does a pattern see values in what should be the names of columns?"""
        found = self._bulk.find([[Said(name)] for name in header], kinds=self._kinds)
        return any(span.tier != "name" and span.kind in _TELLING for row in found for spans in row for span in spans)

    def _said(self, row: Sequence[Cell]) -> Iterator[Said]:
        for cell in row:
            yield from (Said(text, cell.column) for text in self._texts(cell))

    def _texts(self, cell: Cell) -> list[str]:
        """What is to be looked through: the words of a JSON value, without its escapes."""
        if not _is_json(cell):
            return [cell.text]
        seen: list[str] = []

        def see(text: str) -> list[Span]:
            seen.append(text)
            return []

        self._blank.replace_json(cell.text, see)
        return seen

    def _cell(self, cell: Cell, known: dict[Said, list[Span]]) -> str:
        def find(text: str) -> list[Span]:
            spans = known[Said(text, cell.column)]
            if spans:
                self.counts.setdefault(cell.column, Counter()).update(span.kind for span in spans)
            return spans

        if _is_json(cell):
            return self._sheet.replace_json(cell.text, find)
        spans = find(cell.text)
        return self._sheet.replace(cell.text, spans) if spans else cell.text


def _is_json(cell: Cell) -> bool:
    return cell.json or looks_like_json(cell.text)


def chosen(named: Sequence[str], known: Iterable[str], where: str) -> None:
    """Refuse columns that a table does not have.

    Raises:
        InputError: It does not have one of them.
    """
    have = set(known)
    for name in named:
        if name not in have:
            raise InputError(
                f"There is no column '{name[:100]}'.", where=where, fix=did_you_mean(name[:100], sorted(have))
            )
