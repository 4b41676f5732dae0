"""What can be told of a regular expression without running it: how wide a match may be, and a sign that one is near.

The sign is an expression for hyperscan, in bytes. It is looser than the pattern and much smaller, so that a table of
hundreds compiles at once; wherever the pattern matches, the sign ends within the match. What the pattern makes of the
neighbourhood is left to `re`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

_parser: Any = importlib.import_module("re._parser")
_codes: Any = importlib.import_module("re._constants")

_BEYOND = r"\x80-\xff"
_ANYTHING = r"[\x00-\xff]"
_CATEGORIES = {
    "CATEGORY_DIGIT": "0-9",
    "CATEGORY_WORD": "A-Za-z0-9_",
    "CATEGORY_SPACE": r"\x09-\x0d\x1c-\x20",
}
_ASCII = 0x80
_FEW, _MANY = 3, 20  #: repetitions that a sign counts: of groups, and of single characters
_CUE = 12  #: letters of a word at the beginning that are sign enough
_CODE_POINT = 4  #: bytes, at most
_ENDLESS = 4096  #: a match that may be as wide as this is looked for in the whole text


class Shape(Struct, frozen=True):
    """Of one pattern: the sign's expression, how far the sign's end may be behind the match's start, the most width.

    `bounded`: a match is told from its window alone. Else the whole text must be looked through.
    """

    sign: bytes
    reach: int
    width: int
    bounded: bool
    folded: bool
    plain: bool  #: the sign is made of words alone


def shape_of(pattern: str, *, folded: bool = False) -> Shape:
    """Look at a pattern.

    Args:
        pattern: A regular expression of `re`.
        folded: Capitals do not matter.

    Raises:
        re.error: It is none.
        ValueError: It could take forever, or matches nothing at all; the text says which.
    """
    tree = _parser.parse(pattern)
    folded = folded or bool(tree.state.flags & re.IGNORECASE)
    if tree.getwidth()[0] == 0:
        raise ValueError("it matches the empty text")
    if _nested(tree):
        raise ValueError("a repetition without an end stands within another, which may take forever")
    width = min(tree.getwidth()[1], _ENDLESS)
    bounded = width < _ENDLESS and not _looks_around(tree)
    head = _head(tree)
    items = head or _trimmed(tree)
    reach = min(sum(part.getwidth()[1] for part in [_subpattern(tree, items)]), _ENDLESS)
    return Shape(
        _Writer(folded=folded).sequence(items).encode("latin-1"), reach, width, bounded, folded, plain=bool(head)
    )


def literal(word: str) -> bytes:
    """The sign for a word itself, capitals or not."""
    writer = _Writer(folded=True)
    return "".join(map(writer.letter, map(ord, word))).encode("latin-1")


def _subpattern(tree: Any, items: list[Any]) -> Any:
    return _parser.SubPattern(tree.state, items)


def _children(argument: Any) -> Iterable[Any]:
    """The parts of a parsed item's argument that are patterns themselves."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from _children(part)


def _nested(tree: Any, *, within: bool = False) -> bool:
    for code, argument in tree:
        endless = str(code).endswith("_REPEAT") and argument[1] is _codes.MAXREPEAT
        if endless and within:
            return True
        if any(_nested(child, within=within or endless) for child in _children(argument)):
            return True
    return False


def _looks_around(tree: Any) -> bool:
    return any(
        str(code) in {"ASSERT", "ASSERT_NOT", "AT", "GROUPREF", "GROUPREF_EXISTS"}
        or any(_looks_around(child) for child in _children(argument))
        for code, argument in tree
    )


def _alternatives(item: Any) -> list[Any] | None:
    code, argument = item
    if code is _codes.SUBPATTERN and len(argument[3]) == 1:
        return _alternatives(argument[3][0])
    return list(argument[1]) if code is _codes.BRANCH else None


def _letters(items: Iterable[Any]) -> list[Any]:
    """The letters with which a sequence begins."""
    found: list[Any] = []
    for code, argument in items:
        if code is not _codes.LITERAL or len(found) == _CUE:
            break
        found.append((code, argument))
    return found


def _size(letters: list[Any]) -> int:
    return sum(len(chr(code).encode("utf-8", "replace")) for _, code in letters)


def _head(tree: Any) -> list[Any]:
    """The words of which a match begins with one, if they are long enough to be rare."""
    items = list(tree)
    letters = _letters(items)
    if _size(letters) > _FEW:
        return letters
    branches = _alternatives(items[0])
    if branches is None:
        return []
    words = [_letters(branch) for branch in branches]
    if min(map(_size, words)) < _FEW:
        return []
    return [(_codes.BRANCH, (None, [_subpattern(tree, word) for word in words]))]


def _trimmed(tree: Any) -> list[Any]:
    """Without what a match may lack at its end."""
    items = list(tree)
    while items:
        code, argument = items[-1]
        if str(code).endswith("_REPEAT"):
            least, _, part = argument
            if least == 0:
                items.pop()
                continue
            items[-1] = (code, (least, least, part))
        elif code in {_codes.AT, _codes.ASSERT, _codes.ASSERT_NOT}:
            items.pop()
            continue
        break
    return items


class _Writer:
    """Writes a parsed pattern for hyperscan, looser than it is: in bytes, with few counts and no look-around."""

    def __init__(self, *, folded: bool) -> None:
        self._folded = folded

    def sequence(self, items: Iterable[Any]) -> str:
        return "".join(self._item(str(code), argument) for code, argument in items)

    def _item(self, code: str, argument: Any) -> str:  # noqa: PLR0911 - one for each sort of item
        match code:
            case "LITERAL":
                return self.letter(argument)
            case "NOT_LITERAL":
                return self._class([(_codes.NEGATE, None), (_codes.LITERAL, argument)]) + self._bytes
            case "IN":
                written = self._class(argument)
                return written + (self._bytes if _BEYOND in written or written.startswith("[^") else "")
            case "ANY":
                return _ANYTHING + self._bytes
            case "BRANCH":
                return "(?:" + "|".join(self.sequence(branch) for branch in argument[1]) + ")"
            case "SUBPATTERN":
                return "(?:" + self.sequence(argument[3]) + ")"
            case "ATOMIC_GROUP":
                return "(?:" + self.sequence(argument) + ")"
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeat(*argument)
            case "ASSERT" | "ASSERT_NOT" | "AT":
                return ""
            case _:
                return _ANYTHING + "*"

    _bytes = f"{{1,{_CODE_POINT}}}"

    def letter(self, code: int) -> str:
        if code < _ASCII:
            return _escaped(code)
        forms = {chr(code)}
        if self._folded:
            forms |= {form for form in (chr(code).lower(), chr(code).upper()) if len(form) == 1}
        written = ["".join(f"\\x{byte:02x}" for byte in form.encode("utf-8", "replace")) for form in sorted(forms)]
        return written[0] if len(written) == 1 else f"(?:{'|'.join(written)})"

    def _class(self, items: Iterable[Any]) -> str:
        negated, written = False, ""
        for code, argument in items:
            match str(code):
                case "NEGATE":
                    negated = True
                case "LITERAL":
                    written += _escaped(argument) if argument < _ASCII else "" if negated else _BEYOND
                case "RANGE":
                    written += _range(*argument, beyond="" if negated else _BEYOND)
                case _:
                    known = _CATEGORIES.get(str(argument))
                    if negated or known is None:
                        return _ANYTHING
                    written += known + _BEYOND
        return f"[^{written}]" if negated and written else _ANYTHING if negated else f"[{written}]"

    def _repeat(self, least: int, most: int, part: Any) -> str:
        single = len(part) == 1 and str(part[0][0]) in {"IN", "NOT_LITERAL", "ANY", "LITERAL"}
        written = self.sequence(part)
        if single and written.endswith(self._bytes):
            written = written.removesuffix(self._bytes)
        elif not (single and len(written) <= _CODE_POINT) and not written.endswith("]"):
            written = f"(?:{written})"
        counted = min(least, _MANY if single else _FEW)
        if most == 1:
            return written + "?"
        if most == least == counted and _BEYOND not in written and "[^" not in written:
            return f"{written}{{{least}}}"
        return written + {0: "*", 1: "+"}.get(counted, f"{{{counted},}}")


def _escaped(code: int) -> str:
    return chr(code) if chr(code).isalnum() else f"\\x{code:02x}"


def _range(first: int, last: int, *, beyond: str) -> str:
    written = f"{_escaped(first)}-{_escaped(min(last, _ASCII - 1))}" if first < _ASCII else ""
    return written + (beyond if last >= _ASCII else "")
