"""Names by a model of spaCy, of which the part that finds names is used and nothing else."""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation of all kinds stands in what people write
import importlib.metadata
import os
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from weighbridge.canon import Span
from weighbridge.errors import InputError, MissingExtraError
from weighbridge.mask.names import words
from weighbridge.mask.names.chunks import Piece, batches, pieces
from weighbridge.mask.names.folder import readers_of

_KINDS: dict[str, tuple[str, float]] = {
    "PERSON": ("person", 0.85),
    "PER": ("person", 0.85),
    "persName": ("person", 0.85),
    "GPE": ("place", 0.8),
    "LOC": ("place", 0.8),
    "FAC": ("place", 0.6),
    "placeName": ("place", 0.8),
    "geogName": ("place", 0.8),
    "ORG": ("organisation", 0.75),
    "orgName": ("organisation", 0.75),
    "NORP": ("group", 0.75),
    "DATE": ("date", 0.6),
    "date": ("date", 0.6),
}
"""The kinds of the labels that models give, and how far they are to be believed. Other labels are not masked."""

_AGE = re.compile(r"(?i)\b(?:aged?|old|years?[ -]olds?)\b")
_DATED = re.compile(
    r"(?i)[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|\b(?:1[6-9]|20)[0-9]{2}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"[a-z]*\.? [0-9]{1,4}\b|\b[0-9]{1,2}(?:st|nd|rd|th)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
)
_CODE = re.compile(r"[_{}\[\]()<>=/\\|@#$%^*`~]|::|https?:")
_MAYBE = 0.35  #: how sure it is that such an organisation is a person
_WORDS_OF_NAMES = 3
_NAME_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]*[a-z\u00df-\u024f])?(?:['’\-][^\W\d_]+)*")
_EDGE = " \t\r\n.,;:!?\"'“”‘’«»-–—*"
_LEADING = re.compile(r"(?i:the|a|an|mr|mrs|ms|miss|dr|prof|herr|frau|mme|hi|hello|hey|dear|thanks)\.?\s+")


_LOADING = threading.Lock()


class _Loaded:
    """A model in memory. The words of a batch are forgotten after it, so that no process grows with what it has read."""

    def __init__(self, nlp: Any) -> None:
        self._nlp = nlp
        self._one_at_a_time = threading.Lock()  # what is forgotten is so for all threads

    def entities(self, batch: Sequence[str]) -> list[list[tuple[int, int, str]]]:
        """Start, end and label of what the model finds in each of the texts."""
        if not batch:
            return []
        with self._one_at_a_time, self._nlp.memory_zone():
            return [
                [(entity.start_char, entity.end_char, entity.label_) for entity in document.ents]
                for document in self._nlp.pipe(batch)
            ]


class SpacyNames:
    """Finds what one model finds; see `Names`. The first to use a model loads it, which takes about 2 s and 300 MB.

    Args:
        folder: The model's folder, which holds data alone.
        sha256: The hash of its content: a model is loaded once in a process.
        second_view: Look at the texts a second time in small letters, which finds people whose capitals misled the model.

    Raises:
        MissingExtraError: spaCy is not installed.
        InputError: The folder holds no model that can be loaded safely.
    """

    def __init__(self, folder: Path, sha256: str, *, second_view: bool = False) -> None:
        with _LOADING:
            self._model = _load(folder, sha256)
        self._second_view = second_view

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """See `Names.find`. The model is the one of its language, whatever the texts' is."""
        del language
        found: list[set[Span]] = [set() for _ in texts]
        for batch in batches(pieces(texts)):
            for index, spans in self._spans(texts, batch):
                found[index].update(spans)
            if self._second_view:
                small = [(index, offset, _small(piece)) for index, offset, piece in batch]
                for index, spans in self._spans(texts, small):
                    found[index].update(span for span in spans if span.kind == "person")
        return [sorted(spans) for spans in found]

    def _spans(self, texts: Sequence[str], batch: Sequence[Piece]) -> Iterator[tuple[int, list[Span]]]:
        """What is found in each piece, with its text's number."""
        entities = self._model.entities([piece for _, _, piece in batch])
        for (index, offset, _), found in zip(batch, entities, strict=True):
            for start, end, label in found:
                yield index, list(_spans(texts[index], offset + start, offset + end, label))


@lru_cache(maxsize=8)
def _load(folder: Path, sha256: str) -> _Loaded:
    """The model with this hash, of which nothing is loaded but what finds names."""
    del sha256  # a part of the cache's key: another content is another model
    needed, others = readers_of(folder)
    try:
        with warnings.catch_warnings(), _one_thread():
            warnings.simplefilter("ignore")  # of its own imports, and of versions: whether it loads is seen below
            import spacy
            from thinc.api import NumpyOps

            nlp = spacy.load(folder, exclude=others)
    except ImportError as error:
        raise MissingExtraError(
            "Finding names needs spaCy.", fix="Install it: pip install 'weighbridge[names]'."
        ) from error
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise InputError(
            f"The model cannot be loaded: {type(error).__name__}: {str(error)[:200]}",
            where=str(folder),
            fix=f"Use one that was made for spaCy {_version()}.",
        ) from error
    labels = {label for name in needed for label in nlp.pipe_labels.get(name, ())}
    if not labels & _KINDS.keys():
        raise InputError(
            "The model finds no people, places or organisations.", where=str(folder), fix="Use another one."
        )
    for name in needed:
        part: Any = nlp.get_pipe(name)
        part.model._to_ops(NumpyOps(use_blis=False))  # noqa: SLF001  # numpy multiplies these sizes twice as fast
    return _Loaded(nlp)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Libraries that are loaded now compute in one thread each: matrices are small, and requests run side by side already."""
    unset = [name for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)


def _version() -> str:
    return importlib.metadata.version("spacy")


def _small(text: str) -> str:
    """The text in small letters, each in its place."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _spans(text: str, start: int, end: int, label: str) -> Iterator[Span]:
    """What is masked of something that the model found: line by line, without what stands around names."""
    known = _KINDS.get(label)
    if known is None:
        return
    kind, score = known
    if kind == "date":
        if _AGE.search(text, start, end):
            kind = "age"
        elif not _DATED.search(text, start, end):
            return  # "last year"
        yield Span(start, end, kind, "name", score)
        return
    for line in re.finditer(r"[^\r\n\t]+", text[start:end]):
        trimmed = _trimmed(text, start + line.start(), start + line.end())
        if trimmed is None:
            continue
        yield Span(*trimmed, kind, "name", score)
        if kind == "organisation" and _may_be_a_person(text[slice(*trimmed)]):
            yield Span(*trimmed, "person", "name", _MAYBE)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Without spaces, punctuation and titles; None if no name is left, or it is code."""
    while start < end and text[start] in _EDGE:
        start += 1
    while start < end and text[end - 1] in _EDGE:
        end -= 1
    while match := _LEADING.match(text, start, end):
        start = match.end()
    if text[end - 2 : end] in {"'s", "’s"} and end - start > 3:  # noqa: PLR2004  # a letter and what makes it possessive
        end -= 2
    value = text[start:end]
    if len(value) < 2 or not any(c.isalpha() for c in value) or _CODE.search(value):  # noqa: PLR2004  # a letter is no name
        return None
    around = text[max(start - 1, 0) : start] + text[end : end + 1]
    if (
        _CODE.search(around.replace("(", "").replace(")", "").replace("[", "").replace("]", ""))
        or text[end : end + 1] == "("
    ):
        return None
    if all(word.lower() in words.NOT_NAMES for word in re.findall(r"[^\W\d_]+", value)):
        return None
    return start, end


def _may_be_a_person(value: str) -> bool:
    """Whether what the model took for an organisation could be somebody's name as well: models take many for one."""
    parts = [part for part in re.split(r"[\s.]+", value) if part]
    return (
        1 <= len(parts) <= _WORDS_OF_NAMES
        and all(_NAME_WORD.fullmatch(part) for part in parts)
        and not words.ORGANISATIONS.union(words.NOT_NAMES).intersection(part.lower() for part in parts)
        and any(len(part) > 1 for part in parts)
    )
