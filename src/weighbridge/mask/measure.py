"""Looks through marked data half by half, and tells what was missed of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from weighbridge.canon import Span
from weighbridge.mask.datasets import Dataset, half_of
from weighbridge.mask.evaluate import Figures, Miss, count, figures

if TYPE_CHECKING:
    from weighbridge.mask.bulk import Bulk

Part = Literal["odd", "even", "all"]
Detect = Callable[[Sequence[str], str], Sequence[Sequence[Span]]]
"""The spans of each text, each a conversation of its own; the second argument is their language, "" unknown."""

_BATCH = 40_000  #: characters that are looked through at a time


class Measured(Struct, frozen=True):
    """What was found of one half, and how fast."""

    name: Part
    documents: int
    kb_per_s: float
    figures: tuple[Figures, ...]
    misses: tuple[Miss, ...]


class Report(Struct, frozen=True):
    """A data set and its halves."""

    dataset: Dataset
    halves: tuple[Measured, ...]


def in_bulk(bulk: Bulk) -> Detect:
    """Finds values as the commands do."""
    from weighbridge.mask.bulk import Said

    def detect(texts: Sequence[str], language: str) -> list[list[Span]]:
        return [rows[0] for rows in bulk.find([[Said(text, language=language)] for text in texts])]

    return detect


def measured(
    dataset: Dataset,
    detect: Detect,
    advance: Callable[[int], None] = lambda _: None,
    parts: Sequence[Part] = ("odd", "even"),
) -> Report:
    """A data set's figures.

    Args:
        dataset: What was marked.
        detect: Finds values.
        advance: Is told how many characters were looked through.
        parts: Which halves, or all.
    """
    halves: list[Measured] = []
    for part in parts:
        wanted = [at for at, one in enumerate(dataset.documents) if part in {"all", half_of(one.text)}]
        started = time.perf_counter()
        spans = dict(_found(dataset, wanted, detect, advance))
        seconds = time.perf_counter() - started
        tallies = [count(dataset.documents[at], spans[at], number=at) for at in wanted]
        size = sum(len(dataset.documents[at].text.encode("utf-8", "surrogatepass")) for at in wanted)
        misses = tuple(miss for tally in tallies for miss in tally.misses)
        halves.append(Measured(part, len(wanted), size / 1000 / max(seconds, 1e-9), tuple(figures(tallies)), misses))
    return Report(dataset, tuple(halves))


def _found(
    dataset: Dataset, wanted: list[int], detect: Detect, advance: Callable[[int], None]
) -> Iterator[tuple[int, Sequence[Span]]]:
    for batch, language in _batches(dataset, wanted):
        texts = [dataset.documents[at].text for at in batch]
        yield from zip(batch, detect(texts, language), strict=True)
        advance(sum(map(len, texts)))


def _batches(dataset: Dataset, wanted: list[int]) -> Iterator[tuple[list[int], str]]:
    """Documents of one language, as many as are looked through at a time."""
    batch: list[int] = []
    size, language = 0, ""
    for at in wanted:
        document = dataset.documents[at]
        if batch and (size >= _BATCH or document.language != language):
            yield batch, language
            batch, size = [], 0
        language = document.language
        batch.append(at)
        size += len(document.text)
    if batch:
        yield batch, language
