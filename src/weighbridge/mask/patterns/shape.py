"""What can be told of a regular expression without running it: how wide a match may be, and a sign that one is near.

The sign is an expression for hyperscan, in bytes. It is looser than the pattern and much smaller, so that a table of
hundreds compiles at once; wherever the pattern matches, the sign ends within the match. What the pattern makes of the
neighbourhood is left to `re`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
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
_MOST_HEADS = 600
_CUT = "\0"  #: marks a beginning behind which more follows
_CODE_POINT = 4  #: bytes, at most
_ENDLESS = 40_000  #: a match that may be as wide as this is looked for in the whole text


class Shape(Struct, frozen=True):
    """Of one pattern: the sign's expression, how far the sign's end may be behind the match's start, the most width.

    `bounded`: a match is told from its window alone. Else the whole text must be looked through.
    """

    sign: bytes
    reach: int
    width: int
    bounded: bool
    folded: bool
    heads: frozenset[str]  #: words with one of which a match begins; none if there are too many


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
    heads = _heads(list(tree))
    if min(len(head.encode("utf-8", "replace")) for head in heads) < _FEW:
        heads = set()
    items = _parser.SubPattern(tree.state, _trimmed(tree))
    sign = _Writer(folded=folded).sequence(items).encode("latin-1")
    return Shape(sign, min(items.getwidth()[1], _ENDLESS), width, bounded, folded, frozenset(heads))


def literal(word: str, *, folded: bool = True) -> bytes:
    """The sign for a word itself; `folded`: capitals or not."""
    writer = _Writer(folded=folded)
    return "".join(map(writer.letter, map(ord, word))).encode("latin-1")


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


def _heads(items: Sequence[Any]) -> set[str]:
    """Words with one of which every match begins; cut where they are long enough, or where a choice is too wide."""
    found = {""}
    for code, argument in items:
        if min(map(len, found)) >= _CUE:
            break
        choices = _choices(str(code), argument)
        if choices is None or len(found) * len(choices) > _MOST_HEADS:
            break
        found = {head + choice for head in found for choice in choices}
        if any(_open(choice) for choice in choices):
            break
    return {head.removesuffix(_CUT)[:_CUE] for head in found}


def _open(choice: str) -> bool:
    return choice.endswith(_CUT)


def _choices(code: str, argument: Any) -> set[str] | None:
    """What one item may begin with; a mark at the end says that more of it follows. None: too much."""
    match code:
        case "LITERAL":
            return {chr(argument)}
        case "IN":
            letters = [part for name, part in argument if str(name) == "LITERAL"]
            return {chr(letter) for letter in letters} if len(letters) == len(argument) <= _FEW + 1 else None
        case "SUBPATTERN":
            return _whole(argument[3])
        case "BRANCH":
            parts = [_whole(branch) for branch in argument[1]]
            return {choice for part in parts for choice in part}
        case "MAX_REPEAT" if argument[:2] == (0, 1):
            return {"", *_whole(argument[2])}
        case _:
            return None


def _whole(items: Sequence[Any]) -> set[str]:
    """What a sequence may be, marked where it is not all told."""
    found = {""}
    for code, argument in items:
        choices = _choices(str(code), argument)
        if choices is None or len(found) * len(choices) > _MOST_HEADS:
            return {head if _open(head) else head + _CUT for head in found}
        found = {head if _open(head) else head + choice for head in found for choice in choices}
    return found


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
        if single and written.endswith(self._bytes) and most != 1:
            written = written.removesuffix(self._bytes)
        elif not single or not (len(written) <= _CODE_POINT or written.endswith("]")):
            written = f"(?:{written})"
        counted = min(least, _MANY if single else _FEW)
        if most == 1:
            return written if least else written + "?"
        if most == least == counted and _BEYOND not in written and "[^" not in written:
            return f"{written}{{{least}}}"
        return written + {0: "*", 1: "+"}.get(counted, f"{{{counted},}}")


def _escaped(code: int) -> str:
    return chr(code) if chr(code).isalnum() else f"\\x{code:02x}"


def _range(first: int, last: int, *, beyond: str) -> str:
    written = f"{_escaped(first)}-{_escaped(min(last, _ASCII - 1))}" if first < _ASCII else ""
    return written + (beyond if last >= _ASCII else "")
