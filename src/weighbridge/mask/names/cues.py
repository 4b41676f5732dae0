"""Names by what stands beside them: titles, introductions, fields, greetings, initials, common given names. No model."""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation of all kinds stands in what people write
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from msgspec import Struct

from weighbridge.canon import Span
from weighbridge.mask.names import words

_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*(?:['’‘\-\u2010\u2011](?![sS](?![^\W_]))[^\W\d_]+)*")
_HAN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_GAP = re.compile(r"\.?[ \t\u00a0]{1,2}|\.")  #: between two words of one name
_MOST = 5  #: words of one name
_SHORT = 4  #: letters of an initial or a title, behind which a full stop ends no sentence


def _cue(alternatives: tuple[str, ...], before: str, after: str) -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(alternatives)}){after}", re.IGNORECASE)


_INTRODUCED = _cue(words.INTRODUCTIONS, r"(?<![^\W_])", r"[ \t]{0,3}[:\-]?[ \t]{1,3}[\"“'*]?")
_PRESENTED = _cue(words.PRESENTATIONS, r"(?<![^\W_])", r"[ \t]{1,3}[\"“'*]?")
_GREETED = _cue(words.GREETINGS, r"(?<![^\W_])", r"(?:[ \t]*[,!.:\-]{0,2}\s{1,4}|[ \t]{1,3})[\"“'*\-–—]?[ \t]?")
_FIELD = _cue(words.FIELDS, r"(?m:^)[ \t>*#|\-\"'{,]{0,8}", r"[\"'*]{0,3}[ \t]{0,3}[:=][ \t*\"'“]{0,16}")
_ASKED = re.compile(
    r"(?:your|the|what) [^\n?]{0,20}?name[^\n?]{0,40}\?\s{1,4}(?:[A-Z]\w{0,20}:\s{0,4})?", re.IGNORECASE
)
_SPOKEN = re.compile(r"(?m:^)[ \t]{0,4}(?=[^\W\d_]{2,20}(?: [^\W\d_]{2,20})?: ?[\"“«])")
_SIGNED = re.compile(r"(?:(?m:^)|(?<=[,.!?] ))[ \t]{0,4}[\-–—]{1,2}[ \t]{0,3}(?=[^\W\d_][^\n]{1,40}\s*\Z)")
_BEFORE_NAMES = words.TITLES | words.PARTICLES
_CODE_BEFORE = frozenset("_/\\.@$#%&=<`~^")
_CODE_AFTER = frozenset("_(/\\@=<>[{`~^")
_COUNTRIES = frozenset({"us", "uk", "un", "eu", "dc", "usa", "pm", "am", "eg", "ie", "vs", "no"})


class _Word(Struct, frozen=True):
    start: int
    end: int
    text: str

    @property
    def low(self) -> str:
        return self.text.lower()

    @property
    def capital(self) -> bool:
        return self.text[0].isupper()

    @property
    def initial(self) -> bool:
        return len(self.text) == 1 and self.text.isupper()

    @property
    def name_like(self) -> bool:
        """A capital, and no word that has one for other reasons."""
        return self.capital and len(self.text) > 1 and self.low not in words.NOT_NAMES


class CueNames:
    """Finds people whom the words around them give away, in any language with capitals; see `Names`."""

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """See `Names.find`. The rules are the same for all languages."""
        del language
        return [sorted(set(_Text(text).spans())) for text in texts]


class _Text:
    """One text as words."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [
            _Word(match.start(), match.end(), match.group())
            for match in _WORD.finditer(text)
            if not _HAN.match(match.group())
        ]
        self.starts = [word.start for word in self.words]

    def spans(self) -> Iterator[Span]:
        """What the cues give away."""
        for pattern, score, any_case in (
            (_INTRODUCED, 0.9, True),
            (_ASKED, 0.8, True),
            (_PRESENTED, 0.5, False),
            (_GREETED, 0.6, False),
            (_SPOKEN, 0.6, False),
            (_SIGNED, 0.6, False),
        ):
            for match in pattern.finditer(self.text):
                yield from self._name(self._at(match.end()), match.end(), score, any_case=any_case)
        for match in _FIELD.finditer(self.text):
            yield from self._field(match.end())
        for index, word in enumerate(self.words):
            low = word.text.lower()
            if low in words.TITLES:
                yield from self._titled(index, word)
            if low in words.RELATIVES or len(low) == 1:
                yield from self._beside(index, word)
            if low in words.GIVEN or "-" in low:
                yield from self._given(index, word)

    def _at(self, offset: int) -> int:
        return bisect_left(self.starts, offset)

    def _near(self, index: int) -> str:
        """What stands between a word and the one before it."""
        return self.text[self.words[index - 1].end : self.words[index].start] if index else ""

    def _name(self, index: int, offset: int, score: float, *, any_case: bool = False) -> Iterator[Span]:
        """A name whose first word is this one and begins at the offset, if it looks like one."""
        if index < len(self.words) and self.words[index].start == offset and self._plain(index):
            first = self.words[index]
            if first.name_like or first.initial:
                end = self._end(index)
            elif any_case and first.low not in words.NOT_NAMES and len(first.text) > 1 and not first.capital:
                end = self._end(index, any_case=True)
            else:
                return
            if end - first.start > 1:
                yield Span(first.start, end, "person", "name", score)

    def _plain(self, index: int) -> bool:
        """Whether a word is one of prose, and not of code, of a path or of an address."""
        word = self.words[index]
        before = self.text[word.start - 1 : word.start]
        after = self.text[word.end : word.end + 2]
        if before in _CODE_BEFORE and before and not (before == "." and self._follows_initial(index)):
            return False
        if after[:1] and (after[0] in _CODE_AFTER or after[0].isdigit()):
            return False
        return not (after[:1] == "." and after[1:].isalpha() and not word.initial)

    def _follows_initial(self, index: int) -> bool:
        return index > 0 and len(self.words[index - 1].text) <= _SHORT and self.words[index - 1].capital

    def _end(self, index: int, *, any_case: bool = False) -> int:
        """The end of the name that begins with a word."""
        end = self.words[index].end
        if any_case:
            following = index + 1
            if following < len(self.words) and self._near(following) == " " and self._continues_small(following):
                end = self.words[following].end
            return end
        taken = 1
        following = index + 1
        while following < len(self.words) and taken < _MOST and _GAP.fullmatch(self._near(following)):
            word = self.words[following]
            if "." in self._near(following) and len(self.words[following - 1].text) > 2:  # noqa: PLR2004  # longer ones are no initials: a sentence ended
                break
            if word.name_like or word.initial or word.low in words.AFTER_TITLES:
                end = word.end
            elif word.low not in words.PARTICLES:
                break
            following += 1
            taken += 1
        return end

    def _continues_small(self, index: int) -> bool:
        """Whether a small word after a small name ends the name, as the last thing of its line."""
        word = self.words[index]
        rest = self.text[word.end : word.end + 1]
        return word.low not in words.NOT_NAMES and len(word.text) > 1 and rest in {"", "\n", ".", ",", "!", "?"}

    def _field(self, offset: int) -> Iterator[Span]:
        """The value of a field that holds a name: all of it, up to what no name has in it."""
        index = self._at(offset)
        if index >= len(self.words) or self.words[index].start != offset:
            return
        last = index
        while (
            last + 1 < len(self.words)
            and last - index < _MOST
            and re.fullmatch(r"\.?,?[ \t]{1,2}|\.", self._near(last + 1))
            and self.words[last + 1].low not in words.NOT_NAMES
        ):
            last += 1
        first = self.words[index]
        whole_line = re.match(r"[ \t.,;\"'*|}]*(?:\n|\Z)", self.text[self.words[last].end : self.words[last].end + 16])
        if whole_line and first.low not in words.NOT_NAMES and self._plain(index) and len(first.text) > 1:
            yield Span(first.start, self.words[last].end, "person", "name", 0.8)
        else:
            yield from self._name(index, offset, 0.7)

    def _titled(self, index: int, word: _Word) -> Iterator[Span]:
        """A name behind a title."""
        low = word.low
        following = index + 1
        if following >= len(self.words):
            return
        gap = self._near(following)
        if not _GAP.fullmatch(gap) or (low in words.WEAK_TITLES and not word.capital):
            return
        any_case = not word.capital and low not in words.WEAK_TITLES
        last = min(len(self.words) - 1, index + _MOST)
        while following < last and self.words[following].low in _BEFORE_NAMES:
            following += 1
        yield from self._name(following, self.words[following].start, 0.9, any_case=any_case)

    def _beside(self, index: int, word: _Word) -> Iterator[Span]:
        """A name behind a relation, or with an initial before it or inside it."""
        following = index + 1
        if following >= len(self.words):
            return
        gap = self._near(following)
        if word.low in words.RELATIVES and gap == " " and not word.text.isupper():
            yield from self._name(following, self.words[following].start, 0.6)
        if word.initial and gap in {". ", ".", " "}:
            inside = index > 0 and self._near(index) == " " and self.words[index - 1].name_like
            begin = index - 1 if inside else index
            least = max(0, index - _SHORT)
            while begin > least and self.words[begin - 1].initial and self._near(begin) in {".", ". "}:
                begin -= 1
            letters = "".join(other.text for other in self.words[begin : index + 1] if other.initial).lower()
            if self.words[following].name_like and letters not in _COUNTRIES and (inside or "." in gap):
                yield from self._name(begin, self.words[begin].start, 0.6)

    def _given(self, index: int, word: _Word) -> Iterator[Span]:
        """A common given name, with what follows it."""
        if word.low in words.GIVEN or ("-" in word.text and word.low.split("-")[0] in words.GIVEN):
            if word.capital:
                yield from self._name(index, word.start, 0.6)
            elif self._plain(index) and len(word.text) > 3:  # noqa: PLR2004  # shorter ones are words of some language
                yield Span(word.start, word.end, "person", "name", 0.4)
