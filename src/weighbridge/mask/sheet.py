"""Which value has which surrogate in one request: puts surrogates in, and knows what to bring back.

A surrogate follows from the conversation's key and the value alone, so that it is the same in every turn, whichever
turns are left. Only where it would be mistaken for something else, another one is drawn.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from weighbridge.canon import Mode, Span, WayOut
from weighbridge.errors import MaskError
from weighbridge.mask import persons
from weighbridge.mask.entries import Entry, Form
from weighbridge.mask.jsontext import JsonView
from weighbridge.mask.kinds import kind_of
from weighbridge.mask.matching import Patterns, joins
from weighbridge.mask.restore import Restorer
from weighbridge.mask.surrogates import Draw, hashed, label, normal, realistic, token

_TRIES = 24
_WORDS = re.compile(r"[A-Za-z0-9_]+")
_PARTS = re.compile(r"[A-Za-z0-9]+")
_OPENING = re.compile(r"[A-Za-z0-9+(\[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_ESCAPED = re.compile(r"[\x00-\x1f\"\\\x7f]")
_APART = re.compile(r"[^\x00-\x1f\"\\\x7f]+")
_RETURNING: tuple[Mode, ...] = ("surrogate", "token")


_Key = tuple[str, str, Mode, Form]


class Sheet:
    """One request's table of values. May be used by several threads at once.

    Args:
        key: The conversation's; see `secret.conversation_key`.
        modes: By kind, what stands in a value's place; others have their kind's own mode.
        avoid: All texts of the request: no surrogate is a word of theirs.
    """

    def __init__(self, key: bytes, *, modes: Mapping[str, Mode] | None = None, avoid: Sequence[str] = ()) -> None:
        self._key = key
        self._modes = dict(modes or {})
        self._avoid = _Avoid(avoid)
        self._entries: dict[_Key, Entry] = {}
        self._taken: dict[str, _Key] = {}  # who has a surrogate, in small letters
        self._exact: set[str] = set()  # surrogates as they are written
        self._words: dict[str, tuple[str, str]] = {}  # of which word an invented one is
        self._counts: Counter[str] = Counter()
        self._patterns: tuple[int, Patterns] = (0, Patterns(()))
        self._lock = threading.Lock()

    @property
    def counts(self) -> dict[str, int]:
        """How many values were replaced, by kind; a value counts as often as it was found."""
        return dict(self._counts)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What can be brought back."""
        with self._lock:
            return tuple(self._entries.values())

    def learn(self, entries: Iterable[Entry]) -> None:
        """Know what was replaced before: it keeps its surrogates, and can be brought back."""
        with self._lock:
            for entry in entries:
                key = (entry.kind, entry.value, entry.mode, entry.form)
                if key not in self._entries and entry.surrogate.lower() not in self._taken:
                    self._keep(key, entry)

    def replace(self, text: str, spans: Sequence[Span]) -> str:
        """The text with surrogates.

        Args:
            text: In which the values stand.
            spans: Where; none over another.

        Raises:
            MaskError: One lies over another, or beyond the text.
        """
        made, at = [], 0
        for span in sorted(spans):
            if span.start < at or span.end > len(text):
                raise MaskError("What was found in a text lies over something else that was; nothing was passed on.")
            made += [text[at : span.start], self._inside(text, span)]
            at = span.end
        made.append(text[at:])
        done = "".join(made)
        return done if done != text else text

    def replace_json(self, text: str, find: Callable[[str], Sequence[Span]]) -> str:
        """The text of a JSON value with surrogates; of anything else it is as `replace`, and escapes are looked through.

        Args:
            text: Everything but values stays byte for byte; a number becomes a string.
            find: Finds values in a text without escapes.

        Raises:
            MaskError: What it finds lies over something else.
        """
        view = JsonView(text)
        made, at = [], 0
        for hit in view.hits(find):
            put = self._one(hit.kind, hit.value, "bare") if hit.bare else self._put(hit.kind, hit.value, *hit.around)
            made += [text[at : hit.start], hit.written(put) if put != hit.value else text[hit.start : hit.end]]
            at = hit.end
        if not made:
            return text
        made.append(text[at:])
        done = "".join(made)
        return done if done != text else text

    def pseudonym(self, kind: str, value: str) -> str:
        """What takes the place of a whole name of limited letters: letters, digits, `_` and `-`."""
        match self._mode(kind):
            case "keep":
                return value
            case "redact":
                self._counts[kind] += 1
                return label(kind)
            case "hash":
                self._counts[kind] += 1
                return hashed(Draw(self._key, "hash", kind, value), kind)
            case _:
                self._counts[kind] += 1
                return self._entry((kind, value, "token", "")).surrogate

    def restorer(self, *, urls: WayOut = "restore", hosts: frozenset[str] = frozenset()) -> Restorer:
        """What brings back the values that the sheet knows now.

        Args:
            urls: What becomes of a surrogate within an address.
            hosts: Those of addresses that the caller named itself, in small letters: there, values come back.
        """
        with self._lock:
            if self._patterns[0] != len(self._entries):
                self._patterns = (len(self._entries), Patterns(self._entries.values()))
            return Restorer(self._patterns[1], urls=urls, hosts=hosts)

    def _mode(self, kind: str) -> Mode:
        return self._modes.get(kind) or kind_of(kind).mode

    def _inside(self, text: str, span: Span) -> str:
        before = text[span.start - 1] if span.start else ""
        return self._put(span.kind, text[span.start : span.end], before, text[span.end : span.end + 1])

    def _put(self, kind: str, value: str, before: str, after: str) -> str:
        """What takes the place of a value that stands between two characters."""
        if kind == "person" and _ESCAPED.search(value):
            # A name over two lines: each line has a name of its own, so that no surrogate needs an escape.
            return _APART.sub(lambda piece: self._one(kind, piece[0]) if piece[0].strip() else piece[0], value)
        return self._one(kind, value, "glued" if joins(before) or joins(after) else "")

    def _one(self, kind: str, value: str, form: Form = "") -> str:
        mode = self._mode(kind)
        if mode == "keep" or not value or (kind == "person" and persons.is_title(value)):
            return value
        self._counts[kind] += 1
        if mode == "redact":
            return f"[{label(kind)}]"
        if mode == "hash":
            return hashed(Draw(self._key, "hash", kind, value), kind)
        return self._entry((kind, value, mode, form)).surrogate

    def _entry(self, key: _Key) -> Entry:
        with self._lock:
            if (known := self._entries.get(key)) is not None:
                return known
            return self._keep(key, self._made(key))

    def _keep(self, key: _Key, entry: Entry) -> Entry:
        self._entries[key] = entry
        self._taken.setdefault(entry.surrogate.lower(), key)
        self._exact.add(entry.surrogate)
        for word, other in entry.parts:
            self._words.setdefault(other.lower(), ("", word.casefold()))
        return entry

    def _made(self, key: _Key) -> Entry:
        kind, value, mode, form = key
        if mode == "surrogate" and form != "glued":
            made = self._person(value, mode, form) if kind == "person" else self._realistic(kind, value, mode, form)
            if made is not None:
                return made
        for attempt in range(10 * _TRIES):
            draw = Draw(self._key, "token", kind, value, form, str(attempt))
            made_token = token(draw, kind)
            surrogate = f"[{made_token}]" if form == "glued" else made_token
            if self._free(surrogate, key):
                return Entry(kind, value, surrogate, mode, form)
        raise MaskError("No surrogate was found that does not stand in the text already; nothing was passed on.")

    def _realistic(self, kind: str, value: str, mode: Mode, form: Form) -> Entry | None:
        if _ESCAPED.search(value):
            return None
        said = normal(kind, value)
        for attempt in range(_TRIES):
            # Two ways to write one value have one surrogate, written in these two ways. Where they cannot, they part.
            parts = (kind, said, form, str(attempt)) if attempt % 2 == 0 else (kind, said, form, str(attempt), value)
            made = realistic(kind, Draw(self._key, "surrogate", *parts), value)
            if made is None:
                return None
            if self._free(made, (kind, value, mode, form)):
                word = made.split(" ")[0]
                told = ((value, word),) if kind == "organisation" and word != made else ()
                return Entry(kind, value, made, mode, form, told)
        return None

    def _person(self, value: str, mode: Mode, form: Form) -> Entry | None:
        pieces = persons.invented(value, self._word)
        made = "".join(other for _, other in pieces)
        words = tuple(pair for pair in pieces if pair[0] != pair[1] and len(pair[1]) > 1)
        whole = words and all(other for _, other in pieces)
        if not whole or not self._free(made, ("person", value, mode, form), words=False):
            return None
        return Entry("person", value, made, mode, form, words)

    def _word(self, sort: str, word: str) -> str:
        if sort in {"letter", "digit"}:
            return persons.draw_word(Draw(self._key, "person", sort, word), sort, word)
        for attempt in range(_TRIES):
            made = persons.draw_word(Draw(self._key, "person", sort, word, str(attempt)), sort, word, attempt)
            low = made.lower()
            if self._words.get(low, ("", word))[1] == word and low not in self._avoid and low != word:
                self._words[low] = (sort, word)
                return made
        return ""  # then the whole name gets a token

    def _free(self, surrogate: str, key: _Key, *, words: bool = True) -> bool:
        low = surrogate.lower()
        if surrogate == key[1] or not _OPENING.match(surrogate) or _ESCAPED.search(surrogate):
            return False
        holder = self._taken.get(low)
        if holder is not None and holder != key:
            other = self._entries[holder]
            same = other.kind == key[0] and normal(other.kind, other.value) == normal(key[0], key[1])
            if not same or surrogate in self._exact:
                return False
        if words and key[0] != "person" and any(word in self._words for word in _PARTS.findall(low)):
            return False
        return low not in self._avoid


class _Avoid:
    """The texts that no surrogate may stand in already."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._known: set[str] | None = None
        self._all: str | None = None

    def __contains__(self, surrogate: str) -> bool:
        """Does it stand in one of them, whatever its capitals? Takes small letters."""
        if not self._texts:
            return False
        if self._known is None:
            # Words, and the parts of those that have an underscore.
            self._known = {
                part
                for text in self._texts
                for run in _WORDS.findall(text)
                for part in (run.lower(), *run.lower().split("_"))
            }
        words = _WORDS.findall(surrogate)
        if words and surrogate.isascii() and any(word not in self._known for word in words):
            return False
        if self._all is None:
            self._all = "\0".join(self._texts).lower()
        return surrogate in self._all
