"""What was found once is found everywhere: names also in parts, in other case and with endings; other values as they are.

One dictionary of what to look for, one pass over the words of all texts: time grows with their length alone.
"""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation of all kinds stands in what people write
import re
import unicodedata
from collections.abc import Iterator, Sequence

from msgspec import Struct

from weighbridge.canon import MaskTier, Span
from weighbridge.mask.names import words
from weighbridge.mask.names.code import believed

_MARKS = "\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff"  #: combining marks, and what is not seen
_CJK = "\u2e80-\u2fdf\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(f"(?P<cjk>[{_CJK}]+)|(?:(?![{_CJK}_])\\w)(?:(?![{_CJK}_])[\\w{_MARKS}])*")
_GAP = re.compile(f"[\\s_.,'’‘\\-\u2010-\u2015{_MARKS}]{{0,4}}")
_INVISIBLE = re.compile(f"[{_MARKS}]")
_SENTENCE = re.compile(r"(?:[.!?:;]|^|\n)[\s\"'“”‘’«»*>\-–—(\[]*\Z")

_NAMED = frozenset({"person", "place", "organisation", "group"})
_NEVER = frozenset({"date", "age", "url", "user_id"})
_LONGEST = 8  #: words of one name
_CJK_LONGEST = 12  #: characters of one value without borders
_LEAST_PART = 3  #: letters of a part of a name that is looked for on its own
_LEAST_SMALL = 4  #: letters of what is looked for in small letters
_LEAST_JOINED = 7  #: letters of given and family name written as one
_LEAST_VALUE = 6  #: characters of what is no name
_FADE = 0.95  #: how much less certain what was spread is than what it was spread from
_CJK_TITLES = "先生|女士|小姐|太太|老师|老師|医生|醫生|教授|经理|經理|总|總|主任|律师|律師|同学|同學|师傅|師傅|さん|様|氏|君|씨|님"
_CJK_TITLED = re.compile(f"(?:{_CJK_TITLES})")
_CJK_BEFORE = frozenset("小老阿")


class _Wanted(Struct, frozen=True):
    """What to do where a sequence of words is met."""

    kind: str
    score: float
    cased: bool = False  #: only with a capital
    inside: bool = False  #: nor at the start of a sentence, where every word has one
    exact: str = ""  #: the value itself, if only that counts
    tier: MaskTier = "name"


class _Token(Struct, frozen=True):
    start: int
    end: int
    key: str
    capital: bool
    cjk: bool


def spread(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """The spans of each text, and those that follow from what was found in any of them.

    Args:
        texts: The texts of one conversation.
        spans: What was found in each.
    """
    table = _Table()
    for text, found in zip(texts, spans, strict=True):
        for span in found:
            table.learn(text[span.start : span.end], span)
    if table.empty:
        return [sorted(found) for found in spans]
    return [sorted({*found, *_further(text, table)}) for text, found in zip(texts, spans, strict=True)]


def _further(text: str, table: _Table) -> Iterator[Span]:
    """What of the table stands in a text. A name is none where a program calls a thing of its own so."""
    found = list(table.find(text))
    yield from (span for span in found if span.tier != "name")
    yield from believed(text, (span for span in found if span.tier == "name"))


def _key(word: str) -> str:
    """A word as it is compared: without case, marks and what is not seen, and with one form of each letter."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", _INVISIBLE.sub("", word))
    return _INVISIBLE.sub("", plain).casefold()


def _tokens(text: str) -> list[_Token]:
    """The words of a text; a run of characters of a script without spaces is one."""
    return [
        _Token(match.start(), match.end(), _key(match.group()), match.group()[0].isupper(), match.lastgroup == "cjk")
        for match in _TOKEN.finditer(text)
    ]


class _Table:
    """What to look for: values as sequences of words, by their first word."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, ...], list[_Wanted]] = {}
        self._longest: dict[str, int] = {}
        self._cjk: dict[str, _Wanted] = {}
        self._cjk_lengths: set[int] = set()
        self._surnames: dict[str, _Wanted] = {}
        self._learned: set[tuple[str, str]] = set()

    @property
    def empty(self) -> bool:
        """Whether nothing is looked for."""
        return not self._wanted and not self._cjk

    def learn(self, value: str, span: Span) -> None:
        """Looks for a value from now on."""
        if span.kind in _NEVER or (span.kind, value) in self._learned or len(value) > 200:  # noqa: PLR2004  # longer ones come but once
            return
        self._learned.add((span.kind, value))
        tokens = _tokens(value)
        score = span.score * _FADE
        if not tokens:
            return
        if span.kind not in _NAMED:
            if len(value) >= _LEAST_VALUE and (span.tier == "secret" or any(c.isdigit() for c in value)):
                self._add([token.key for token in tokens], _Wanted(span.kind, score, exact=value, tier=span.tier))
            return
        if all(token.cjk for token in tokens):
            self._learn_cjk(tokens, span.kind, score)
        elif span.kind == "person":
            self._learn_person(tokens, score)
        else:
            several = len(tokens) > 1
            self._add([token.key for token in tokens], _Wanted(span.kind, score, cased=not several))

    def _add(self, keys: Sequence[str], wanted: _Wanted) -> None:
        keys = keys[:_LONGEST]
        place = self._wanted.setdefault(tuple(keys), [])
        if wanted not in place and len(place) < 8:  # noqa: PLR2004  # a hostile text must not make one place long
            place.append(wanted)
            self._longest[keys[0]] = max(self._longest.get(keys[0], 0), len(keys))

    def _learn_person(self, tokens: Sequence[_Token], score: float) -> None:
        """A person: the whole name, its parts, and its parts written as one."""
        while tokens and tokens[0].key in words.TITLES and len(tokens) > 1:
            tokens = tokens[1:]
        keys = [token.key for token in tokens if not token.cjk]
        parts = [key for key in keys if _is_part(key)]
        if len(keys) > 1 and parts:
            self._add(keys, _Wanted("person", score))
            joined = parts[0] + parts[-1]
            if len(parts) > 1 and len(joined) >= _LEAST_JOINED:
                self._add([joined], _Wanted("person", score))
                self._add([parts[-1] + parts[0]], _Wanted("person", score))
                self._add([parts[-1], parts[0]], _Wanted("person", score))
        for key in parts:
            doubtful = key in words.ALSO_WORDS
            self._add(
                [key],
                _Wanted("person", score, cased=doubtful or len(key) < _LEAST_SMALL, inside=doubtful and len(keys) > 1),
            )

    def _learn_cjk(self, tokens: Sequence[_Token], kind: str, score: float) -> None:
        """A name in a script without spaces: found wherever its characters stand; a family name beside a title."""
        value = "".join(token.key for token in tokens)
        if not 1 < len(value) <= _CJK_LONGEST:
            return
        self._cjk[value] = _Wanted(kind, score)
        self._cjk_lengths.add(len(value))
        if kind == "person" and len(value) <= 4:  # noqa: PLR2004  # Chinese and Korean names have two to four characters
            self._surnames[value[0]] = _Wanted(kind, score)

    def find(self, text: str) -> Iterator[Span]:
        """Where anything of it stands in a text."""
        tokens = _tokens(text)
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.cjk:
                yield from self._find_cjk(text, token)
                at += 1
                continue
            taken = 0
            for span, count in self._match(text, tokens, at):
                yield span
                taken = max(taken, count)
            at += max(taken, 1)

    def _match(self, text: str, tokens: Sequence[_Token], at: int) -> Iterator[tuple[Span, int]]:
        """The longest thing that begins with a word, and how many words it takes."""
        token = tokens[at]
        longest = self._longest.get(token.key, 0)
        for count in range(min(longest, len(tokens) - at), 0, -1):
            wanted = self._wanted.get(tuple(part.key for part in tokens[at : at + count]))
            if wanted and all(
                _GAP.fullmatch(text, tokens[i].end, tokens[i + 1].start) for i in range(at, at + count - 1)
            ):
                found = [span for one in wanted if (span := _met(text, tokens, at, count, one))]
                if found:
                    yield from ((span, count) for span in found)
                    return
            elif wanted:
                exact = [span for one in wanted if one.exact and (span := _met(text, tokens, at, count, one))]
                if exact:
                    yield from ((span, count) for span in exact)
                    return
        if not longest and token.capital and token.key.endswith("s"):  # "the Smiths", "Müllers Auto"
            for one in self._wanted.get((token.key[:-1],), ()):
                if one.kind == "person" and not one.cased:
                    yield Span(token.start, token.end - 1, one.kind, "name", one.score), 1

    def _find_cjk(self, text: str, token: _Token) -> Iterator[Span]:
        """Names inside a run of characters without spaces; the longest at each place."""
        run = text[token.start : token.end]
        if len(token.key) == len(run):
            run = token.key
        at = 0
        while at < len(run):
            for length in sorted(self._cjk_lengths, reverse=True):
                wanted = self._cjk.get(run[at : at + length])
                if wanted:
                    yield Span(token.start + at, token.start + at + length, wanted.kind, "name", wanted.score)
                    at += length
                    break
            else:
                surname = self._surnames.get(run[at])
                if surname and (_CJK_TITLED.match(run, at + 1) or (at and run[at - 1] in _CJK_BEFORE)):
                    yield Span(token.start + at, token.start + at + 1, "person", "name", surname.score)
                at += 1


def _is_part(key: str) -> bool:
    """Whether a part of a name is looked for on its own."""
    return (
        len(key) >= _LEAST_PART
        and key.isalpha()
        and (key in words.ALSO_WORDS or key not in words.NOT_NAMES)
        and key not in words.PARTICLES
        and key not in words.AFTER_TITLES
    )


def _met(text: str, tokens: Sequence[_Token], at: int, count: int, wanted: _Wanted) -> Span | None:
    """The span of what was met, if it counts here."""
    start, end = tokens[at].start, tokens[at + count - 1].end
    if wanted.exact:
        begin = start - _lead(wanted.exact)
        end = begin + len(wanted.exact)
        inside_a_word = text[end : end + 1].isalnum() and wanted.exact[-1].isalnum()
        if begin < 0 or inside_a_word or not text.startswith(wanted.exact, begin):
            return None
        return Span(begin, end, wanted.kind, wanted.tier, wanted.score)
    if wanted.cased and not tokens[at].capital:
        return None
    if wanted.inside and _SENTENCE.search(text[max(0, start - 8) : start]):
        return None
    return Span(start, end, wanted.kind, "name", wanted.score)


def _lead(value: str) -> int:
    """How many characters of a value stand before its first word: a plus sign, a bracket."""
    match = _TOKEN.search(value)
    return match.start() if match else 0
