"""Finds in a text what has a shape or stands in a list: personal data, secrets, and the configuration's own words.

One pass tells where anything may be; each candidate is then looked at with its neighbours. The time grows with the
text's length, whatever it is made of: every pattern is bounded, and so is what a candidate's judgement looks at.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

from weighbridge.canon import Span
from weighbridge.errors import SettingsError
from weighbridge.mask.allow import Allow
from weighbridge.mask.normal import View, plain, skipped
from weighbridge.mask.patterns import DETECTORS
from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.engines import Entry, OneByOne, OnePass, entry_of
from weighbridge.mask.terms import own_detectors

Engine = Literal["auto", "hyperscan", "re"]

_PATIENCE = 50_000  #: characters that `re` looks through in about the time that the tables take to build
_GROWS = 0.3  #: a value that is less sure is not followed further
_WORD = re.compile(r"(?<![a-z0-9])([a-z]+)([0-9]*)(?![a-z])")


class Scanner:
    """Finds values by patterns and words. May be used by several threads at once.

    A regular expression of the configuration is refused where an endless repetition stands within another: it could
    take forever. What is left takes at most the square of a line or so, and the time limit of the request ends it.

    Args:
        terms: Words to be found, by kind: in any case, but acronyms as they are written.
        patterns: Regular expressions, by kind.
        allow: Words that are never found.
        engine: "hyperscan" needs the extra `fast-mask`; "re" is slower and finds the same; "auto" takes what there is, and
            begins with "re" until there is enough text for hyperscan's tables to be worth building.

    Raises:
        SettingsError: A regular expression is none, or hyperscan is asked for and not installed.
    """

    def __init__(
        self,
        *,
        terms: Mapping[str, Sequence[str]] | None = None,
        patterns: Mapping[str, Sequence[str]] | None = None,
        allow: Sequence[str] = (),
        engine: Engine = "auto",
    ) -> None:
        own = own_detectors(terms or {}, patterns or {})
        self._allow = Allow(allow)
        self._engines: list[OneByOne | OnePass] = [_engine(engine)]
        if own:
            made = OnePass if isinstance(self._engines[0], OnePass) else OneByOne
            self._engines.append(made(tuple(map(entry_of, own))))

    def prepare(self) -> None:
        """Do now what takes its time, before the first text needs it."""
        for engine in self._engines:
            engine.prepare()

    def scan(self, text: str) -> list[Span]:
        """All values, each place and kind once with its highest score, sorted; unlikely ones, too: see their scores."""
        view = plain(text)
        look = _Look(view.text)
        best: dict[tuple[int, int, str], Span] = {}
        for engine in self._engines:
            for entry, found in engine.matches(look.text, look.low):
                span = look.judged(entry, found)
                if span is None or self._allow.listed(look.text[span.start : span.end]):
                    continue
                known = best.get((span.start, span.end, span.kind))
                if known is None or known.score < span.score:
                    best[span.start, span.end, span.kind] = span
        spans = _outside(list(best.values()), look.text)
        return sorted(_original(span, view) for span in spans)


class _Look:
    """One text that is looked through, and what is known of its neighbourhoods."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.low = text.lower()
        self._words: dict[tuple[int, int], set[str]] = {}

    def judged(self, entry: Entry, found: re.Match[str]) -> Span | None:
        """What a match is worth; None where it is nothing."""
        detector = entry.detector
        start, end = found.span(entry.group)
        if start < 0 or (detector.edges == "word" and end < found.end() and self._joined(end)):
            return None
        if detector.weigh and detector.check and not detector.check(self.text[start:end]):
            return None
        near = bool(detector.keywords) and self._near(detector, start, end)
        score = detector.score(self.text, start, end, near=near)
        if score <= 0:
            return None
        if detector.grow is not None and score >= _GROWS:
            start, end = detector.grow(self.text, start, end)
        return Span(start, end, detector.kind, detector.tier, score)

    def _joined(self, place: int) -> bool:
        around = self.text[place - 1 : place + 1]
        return len(around) == 2 and around.isascii() and around.isalnum()  # noqa: PLR2004

    def _near(self, detector: Detector, start: int, end: int) -> bool:
        """Whether a keyword stands in front of the value, or behind it on the same line."""
        words, parts = _cues(detector.keywords)
        windows = [(max(0, start - detector.before), start)]
        if detector.after:
            line = self.low.find("\n", end, end + detector.after)
            windows.append((end, min(len(self.low), end + detector.after) if line < 0 else line))
        return any(
            not words.isdisjoint(self._words_of(window)) or any(part.search(self.low, *window) for part in parts)
            for window in windows
        )

    def _words_of(self, window: tuple[int, int]) -> set[str]:
        known = self._words.get(window)
        if known is None:
            known = set()
            for letters, digits in _WORD.findall(self.low, *window):
                known.add(letters)
                if digits:
                    known.add(letters + digits)
            self._words[window] = known
        return known


@cache
def _cues(keywords: tuple[str, ...]) -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Keywords that are one word each, and an expression for the others."""
    words = frozenset(word for word in keywords if re.fullmatch(r"[a-z]+[0-9]*", word))
    others = sorted(set(keywords) - words)
    if not others:
        return words, ()
    bounded = (
        rf"(?<![a-z0-9]){re.escape(word)}{'(?![a-z])' if word[-1].isalnum() else ''}"
        if word.isascii()
        else re.escape(word)
        for word in others
    )
    return words, (re.compile("|".join(bounded)),)


def _outside(spans: list[Span], text: str) -> list[Span]:
    """Without what lies within encoded data: there a value is chance."""
    holes = skipped(text)
    return [span for span in spans if not any(start <= span.start and span.end <= end for start, end in holes)]


def _original(span: Span, view: View) -> Span:
    if view.places is None:
        return span
    start, end = view.original(span.start, span.end)
    return Span(start, end, span.kind, span.tier, span.score)


@cache
def _engine(engine: Engine) -> OneByOne | OnePass:
    """What runs the table, once in a process."""
    there = importlib.util.find_spec("hyperscan") is not None
    if engine == "hyperscan" and not there:
        raise SettingsError("hyperscan is not installed.", fix="pip install 'weighbridge[fast-mask]'")
    entries = _entries()
    if not there or engine == "re":
        return OneByOne(entries)
    return OnePass(entries, patience=_PATIENCE if engine == "auto" else 0)


@cache
def _entries() -> tuple[Entry, ...]:
    return tuple(map(entry_of, DETECTORS))
