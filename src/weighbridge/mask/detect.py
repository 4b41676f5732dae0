"""Finds values in the texts of one conversation: patterns, names, words of the configuration, then each of them everywhere.

What was found in a text is remembered by the text's hash, so that the next turn of a conversation is looked through
alone. Whatever goes wrong is an error: nobody may take it for a text in which nothing was found.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from pathlib import Path

from weighbridge.canon import Span
from weighbridge.errors import MaskError, WeighbridgeError
from weighbridge.mask.names import Names, load_names
from weighbridge.mask.names.base import NAME_KINDS
from weighbridge.mask.resolve import resolve
from weighbridge.mask.scan import Scanner
from weighbridge.mask.spread import spread
from weighbridge.settings import Mask

MODELS = "models"  #: the folder of models of names, within the store
NAMED = NAME_KINDS  #: what readers of names find; where none of it is asked for, they are not
_MB = 1_000_000
_SAMPLE = "Ask Jo Bloggs at jo@example.com or 212-555-0100."
_BATCH = 20_000  #: characters that a model is given at once; between two batches it is seen whether time is left
_ENTRY = 160  #: bytes that one remembered text costs beside its spans
_SPAN = 120

_Known = tuple[Span, ...]


class Finder:
    """Finds values. May be used by several threads at once.

    Args:
        scanner: Finds by patterns.
        names: Finds names; None: nobody does.
        min_score: What is less certain than this is passed over.
        cache_bytes: For what was found before; 0 remembers nothing.
        clock: The monotonic clock, for time limits.
    """

    def __init__(
        self,
        scanner: Scanner,
        names: Names | None = None,
        *,
        min_score: float = Mask().min_score,
        cache_bytes: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scanner = scanner
        self._names = names
        self._min_score = min_score
        self._memory = _Memory(cache_bytes)
        self._clock = clock

    @property
    def finds_names(self) -> bool:
        """Is there a model of names?"""
        return self._names is not None

    def find(
        self,
        texts: Sequence[str],
        *,
        kinds: Collection[str] | None = None,
        language: str = "",
        min_score: float | None = None,
        until: float | None = None,
    ) -> list[list[Span]]:
        """The values in each text, in order, none over another.

        Args:
            texts: Of one conversation: a name that is found in one of them is found in all.
            kinds: Look for these alone; None for all.
            language: Of the texts; "" lets each be guessed.
            min_score: In place of the finder's own.
            until: When it must be done, on the monotonic clock.

        Raises:
            MaskError: A detector failed, or time is over.
        """
        least = self._min_score if min_score is None else min_score
        named = self._names is not None and (kinds is None or not NAMED.isdisjoint(kinds))
        try:
            found = self._found(texts, language, until, named=named)
            wanted = [[span for span in spans if span.score >= least] for spans in found]
            if named:
                self._in_time(until)
                wanted = spread(texts, wanted)
            return [resolve(spans, min_score=least, kinds=kinds) for spans in wanted]
        except WeighbridgeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may pass
            # The error's own text may hold what was looked through.
            raise MaskError(
                f"A detector failed ({type(error).__name__}); nothing was passed on.", fix="See the gateway's log."
            ) from None

    def prepare(self) -> None:
        """Load and compile what takes its time, before the first text needs it."""
        self._scanner.prepare()
        self.find([_SAMPLE])

    def remembers(self, texts: Sequence[str], *, language: str = "", kinds: Collection[str] | None = None) -> bool:
        """Was every one of these texts looked through before, so that `find` is quick?"""
        named = self._names is not None and (kinds is None or not NAMED.isdisjoint(kinds))
        return all(self._memory.get(_key(text, language, named=named)) is not None for text in texts)

    def _found(self, texts: Sequence[str], language: str, until: float | None, *, named: bool) -> list[_Known]:
        keys = [_key(text, language, named=named) for text in texts]
        found: dict[bytes, _Known] = {}
        new: dict[bytes, str] = {}
        for key, text in zip(keys, texts, strict=True):
            if key in found or key in new:
                continue
            known = self._memory.get(key)
            if known is None:
                new[key] = text
            else:
                found[key] = known
        for batch in _batches(new):
            self._in_time(until)
            spans = [self._scanner.scan(text) for text in batch.values()]
            if named and self._names is not None:
                more = self._names.find(list(batch.values()), language=language)
                spans = [one + other for one, other in zip(spans, more, strict=True)]
            for key, row in zip(batch, spans, strict=True):
                found[key] = tuple(row)
                self._memory.put(key, found[key])
        return [found[key] for key in keys]

    def _in_time(self, until: float | None) -> None:
        if until is not None and self._clock() > until:
            raise MaskError(
                "Looking through the request took too long; nothing was passed on.",
                fix="Raise mask.seconds, or send less at once.",
            )


def finder_of(settings: Mask, store: Path) -> Finder:
    """The finder that the settings describe.

    Args:
        settings: The section `[mask]`.
        store: The store's folder, which holds models of names.

    Raises:
        SettingsError: A pattern is none, or names are to be found and there is no model.
    """
    scanner = Scanner(terms=settings.terms, patterns=settings.patterns, allow=settings.allow)
    names = load_names(settings.names, settings.models, store / MODELS, settings.languages, allow=settings.allow)
    return Finder(scanner, names, min_score=settings.min_score, cache_bytes=int(settings.cache_mb * _MB))


class _Memory:
    """What was found in texts, by their hash: the text itself is not kept. What was not asked for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: bytes) -> _Known | None:
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def put(self, key: bytes, spans: _Known) -> None:
        with self._lock:
            if key in self._known:
                return
            self._known[key] = spans
            self._bytes += _cost(spans)
            while self._bytes > self._most and self._known:
                _, old = self._known.popitem(last=False)
                self._bytes -= _cost(old)


def _cost(spans: _Known) -> int:
    return _ENTRY + _SPAN * len(spans)


def _key(text: str, language: str, *, named: bool) -> bytes:
    made = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
    made.update(b"\0%d%s" % (named, language.encode("utf-8", "surrogatepass")))
    return made.digest()


def _batches(texts: dict[bytes, str]) -> list[dict[bytes, str]]:
    batches: list[dict[bytes, str]] = []
    size = _BATCH
    for key, text in texts.items():
        if size >= _BATCH:
            batches.append({})
            size = 0
        batches[-1][key] = text
        size += len(text)
    return batches
