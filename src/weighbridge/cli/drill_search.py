"""Looking for canaries in bytes: as they are, and in every form in which software may have written them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from weighbridge.cli.drill_positions import Planted

if TYPE_CHECKING:
    import numpy as np

FORMS = ("raw", "lower case", "no separators", "JSON escapes", "URL escapes", "base64", "reversed")
_HEAD = 6  #: bytes by which a needle is looked up; shorter ones would be found everywhere
_LONG = 7  #: bytes from which base64 of something is told from chance
_BARE = 9  #: where what separates was taken away, shorter ones are found in any row of digits
_SURE = 12  #: digits from which a number is told from chance in the middle of others: megabytes hold any nine of them
_BITS = 22
_FACTOR = 0x9E3779B97F4A7C15
_BLOCK = 8 << 20
_OVERLAP = 1 << 16
_SEPARATORS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))  # noqa: PLR2004 - ASCII's capitals

_ESCAPED = frozenset((rb"\n", rb"\t", rb"\r", rb"\b", rb"\f"))  #: JSON's escapes that end in a letter
_UNICODE = re.compile(rb"\\+u([0-9a-fA-F]{4})")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_PACKED = re.compile(rb"[A-Za-z0-9+/_-]{24,}")
_PLAIN_64 = bytes.maketrans(b"-_", b"+/")

Found = tuple[Planted, str]


class Search:
    """Finds many needles in one pass.

    Args:
        planted: What to look for.
    """

    def __init__(self, planted: Iterable[Planted]) -> None:
        whole: dict[bytes, list[Found]] = {}
        squashed: dict[bytes, list[Found]] = {}
        for one in planted:
            for text in (one.canary.value, *one.canary.pieces):
                for form, needle in _forms(text):
                    whole.setdefault(needle, []).append((one, form))
                for form, needle in _bare(text):
                    squashed.setdefault(needle, []).append((one, form))
        self._whole = _Needles(whole)
        self._squashed = _Needles(squashed)

    def find(self, data: bytes) -> set[Found]:
        """What of it stands in these bytes, and in which forms."""
        found: set[Found] = set()
        plain = unescaped(data)
        for view in {data, plain, *unpacked(data)}:
            found.update(hit for _, hits in self._whole.find(view) for hit in hits)
        for needle, hits in self._squashed.find(squash(plain)):
            if not _short_number(needle) or _apart(needle).search(plain):
                found.update(hits)
        return found


def unescaped(data: bytes) -> bytes:
    """The bytes with what was escaped as in JSON, at any depth, or as in addresses."""
    if b"\\u" in data:
        data = _UNICODE.sub(lambda match: chr(int(match[1], 16)).encode("utf-8", "surrogatepass"), data)
    return _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode()), data) if b"%" in data else data


def unpacked(data: bytes) -> Iterator[bytes]:
    """What stands in base64 in it, together."""
    runs = (run.translate(_PLAIN_64) for run in _PACKED.findall(data))
    yield b"\n".join(base64.b64decode(run[: len(run) // 4 * 4]) for run in runs)


def squash(data: bytes) -> bytes:
    """The bytes without what separates, in lower case."""
    return data.translate(_LOWER, _SEPARATORS)


def _forms(text: str) -> Iterator[tuple[str, bytes]]:
    """The forms of a text that keep what separates."""
    made: dict[bytes, str] = {}
    for form, needle in _written(text):
        if len(needle) >= _HEAD:
            made.setdefault(needle, form)
    yield from ((form, needle) for needle, form in made.items())


def _written(text: str) -> Iterator[tuple[str, bytes]]:
    raw = text.encode()
    yield "raw", raw
    yield "lower case", text.lower().encode()
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield "JSON escapes", once.encode()
        yield "JSON escapes", json.dumps(once, ensure_ascii=ascii_only)[1:-1].encode()
        yield "JSON escapes", once.replace("/", "\\/").encode()
    for safe in ("", "/"):
        yield "URL escapes", quote(text, safe=safe).encode()
        yield "URL escapes", quote(text, safe=safe).lower().encode()
        yield "URL escapes", quote_plus(text, safe=safe).encode()
    if len(raw) >= _LONG:
        for shift in range(3):
            packed = _packed(raw, shift)
            yield "base64", packed
            yield "base64", packed.translate(bytes.maketrans(b"+/", b"-_"))
    yield "reversed", text[::-1].encode()
    close = "".join(letter for letter in text if letter.isalnum())
    if not close.isdigit() or len(close) >= _BARE:
        yield "no separators", close.encode()
        yield "reversed", close[::-1].encode()


def _packed(raw: bytes, shift: int) -> bytes:
    """What base64 makes of bytes with so many before them, without the letters at its ends that depend on neighbours."""
    begin = (0, 2, 3)[shift]
    end = (shift + len(raw)) * 8 // 6
    return base64.b64encode(b"\0" * shift + raw)[begin:end]


def _bare(text: str) -> Iterator[tuple[str, bytes]]:
    bare = squash(text.encode())
    if len(bare) >= _BARE:
        yield "no separators", bare
        yield "reversed", squash(text[::-1].encode())


class _Needles:
    """Needles by their first bytes: a table of bits tells where one may stand, and only there is looked."""

    def __init__(self, needles: dict[bytes, list[Found]]) -> None:
        import numpy as np

        self._heads: dict[bytes, list[tuple[bytes, list[Found]]]] = {}
        for needle, found in needles.items():
            self._heads.setdefault(needle[:_HEAD], []).append((needle, found))
        self._bits = np.zeros(1 << _BITS, dtype=np.bool_)
        for head in self._heads:
            self._bits[_places(np.frombuffer(head, dtype=np.uint8))] = True

    def find(self, data: bytes) -> Iterator[tuple[bytes, list[Found]]]:
        import numpy as np

        for start in range(0, len(data), _BLOCK):
            block = data[start : start + _BLOCK + _OVERLAP]
            if len(block) < _HEAD:
                return
            may = np.flatnonzero(self._bits[_places(np.frombuffer(block, dtype=np.uint8))])
            for at in may.tolist():
                for needle, found in self._heads.get(block[at : at + _HEAD], ()):
                    if block.startswith(needle, at) and not _within_longer(block, at, needle):
                        yield needle, found


def _within_longer(data: bytes, at: int, needle: bytes) -> bool:
    """Is it a short number or code, and only a part of a longer one, such as of a time or of a random id?"""
    if not _short_number(needle) and (len(needle) >= _BARE or not needle.isalnum() or needle.isalpha()):
        return False
    before, after = data[max(0, at - 2) : at], data[at + len(needle) : at + len(needle) + 1]
    if before in _ESCAPED:
        before = b""
    beside = (before[-1:], after)
    return any(byte.isdigit() or (byte.isalpha() and not needle.isdigit()) for byte in beside)


def _short_number(needle: bytes) -> bool:
    return needle.isdigit() and len(needle) < _SURE


def _apart(digits: bytes) -> re.Pattern[bytes]:
    """The number by itself: up to two bytes that separate may stand between its digits, but none are beside it."""
    return re.compile(rb"(?<!\d)" + rb"[^0-9A-Za-z]{0,2}".join(b"%c" % digit for digit in digits) + rb"(?!\d)")


def _places(data: np.ndarray) -> np.ndarray:
    """For each run of `_HEAD` bytes, its place in the table of bits."""
    import numpy as np

    count = len(data) - _HEAD + 1
    codes = np.zeros(count, dtype=np.uint64)
    for place in range(_HEAD):
        codes |= data[place : place + count].astype(np.uint64) << np.uint64(8 * place)
    return (codes * np.uint64(_FACTOR)) >> np.uint64(64 - _BITS)
