"""What stands in a value's place: a function of the key, the kind and the value, and of nothing else.

Realistic ones come from ranges that belong to nobody: documentation addresses, fictional telephone numbers, cards that
fail their check. Kinds that have no such range get a token. A date has none either: any shifted date is somebody's, and
in an answer it could not be told from a date that the engine means. So dates are tokens, too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from weighbridge.mask import pools
from weighbridge.mask.kinds import kind_of
from weighbridge.mask.secret import drawn

TOKEN_LENGTH = 6
_HASH_LENGTH = 16
_NOT_LABEL = re.compile(r"[^A-Z0-9]+")
_DIGIT = re.compile(r"\d")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-]?)(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}")
_IBAN = re.compile(r"[A-Za-z]{2}\d{2}[ -]?(?:[A-Za-z0-9][ -]?){8,30}")
_MAILS = ("example.com", "example.org", "example.net")
_NETS = ("192.0.2.", "198.51.100.", "203.0.113.")

Make = Callable[["Draw", str], str]


class Draw:
    """Numbers that follow from a key and what they are for; more of them as they are asked for."""

    def __init__(self, key: bytes, *parts: str) -> None:
        self._key = key
        self._parts = parts
        self._left = 0
        self._size = 0
        self._round = 0

    def __call__(self, below: int) -> int:
        """A number from 0 on, below the one given."""
        if self._size < below << 32:
            self._round += 1
            self._left = int.from_bytes(drawn(self._key, *self._parts, str(self._round)), "big")
            self._size = 1 << 256
        self._left, number = divmod(self._left, below)
        self._size //= below
        return number


def label(kind: str) -> str:
    """A kind's name as it stands in a token: capitals, digits and `_`."""
    return _NOT_LABEL.sub("_", kind_of(kind).label).strip("_") or "VALUE"


def token(draw: Draw, kind: str) -> str:
    """An opaque one, such as `EMAIL_k7f2q9`.

    It holds letters, digits and `_` alone, so that it passes through JSON, addresses, Markdown and names of users as it
    is, and is found again whatever becomes of its capitals.
    """
    return f"{label(kind)}_{pools.ident(draw(len(pools.ALPHABET) ** TOKEN_LENGTH), TOKEN_LENGTH)}"


def hashed(draw: Draw, kind: str) -> str:
    """One that never comes back, and is the same for the same value."""
    return f"{label(kind)}_hash_{draw(1 << 4 * _HASH_LENGTH):0{_HASH_LENGTH}x}"


def normal(kind: str, value: str) -> str:
    """What two ways to write the same value have in common."""
    if kind in _DIGITS:
        return "".join(char.lower() for char in value if char.isalnum() or char == "+")
    return value.casefold()


def realistic(kind: str, draw: Draw, value: str) -> str | None:
    """One that looks like the value; None where there is no range for its kind, or it is written in no known way."""
    make = _MAKERS.get(kind)
    return make(draw, value) or None if make is not None else None


def styled(word: str, like: str) -> str:
    """The word in capitals, in small letters, or with one capital, as the other one is."""
    if like.islower():
        return word.lower()
    return word.upper() if like.isupper() and len(like) > 1 else word


def _email(draw: Draw, value: str) -> str:
    names = f"{pools.word(draw(pools.WORDS))}.{pools.word(draw(pools.WORDS))}"
    host = _MAILS[draw(len(_MAILS))]
    if value.isupper():
        return f"{names}@{host}".upper()
    return f"{names.lower() if value.partition('@')[0].islower() else names}@{host}"


def _phone(draw: Draw, value: str) -> str:
    digits = _DIGIT.findall(value)
    if len(digits) < 7:  # noqa: PLR2004 - shorter ones are anybody's
        return ""
    american = len(digits) == 10 or (len(digits) == 11 and digits[0] == "1")  # noqa: PLR2004 - their plan of numbers
    rest = iter(_american(draw) if american else _nowhere(draw, len(digits), abroad="+" in value))
    if american and len(digits) == 11:  # noqa: PLR2004 - with its country
        rest = iter("1" + "".join(rest))
    return _DIGIT.sub(lambda _: next(rest), value)


def _american(draw: Draw) -> str:
    """555-0100 to 555-0199 are kept for fiction in every area."""
    return f"{2 + draw(8)}{draw(9)}{draw(10)}55501{draw(100):02}"


def _nowhere(draw: Draw, length: int, *, abroad: bool) -> str:
    """No country is +999, and no number at home begins with 000 and means somebody."""
    start = "999" if abroad else "000"
    return start + "".join(str(draw(10)) for _ in range(length - len(start)))


def _card(draw: Draw, value: str) -> str:
    length = len(_DIGIT.findall(value))
    if length < 12:  # noqa: PLR2004 - no card is
        return ""
    body = "400000" + "".join(str(draw(10)) for _ in range(length - 7))
    right = next(last for last in range(10) if _luhn(f"{body}{last}") == 0)
    rest = iter(f"{body}{(right + 1 + draw(9)) % 10}")
    return _DIGIT.sub(lambda _: next(rest), value)


def _luhn(digits: str) -> int:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + at % 2)
        total += number - 9 if number > 9 else number  # noqa: PLR2004 - the sum of its digits
    return total % 10


def _iban(draw: Draw, value: str) -> str:
    if not _IBAN.fullmatch(value):
        return ""
    # ZZ is no country, and 00 never the check number of one.
    start = "zz00" if value[:2].islower() else "ZZ00"
    return start + "".join(str(draw(10)) if char.isalnum() else char for char in value[4:])


def _ip(draw: Draw, value: str) -> str:
    try:
        version = ipaddress.ip_address(value).version
    except ValueError:
        return ""
    if version == 4:  # noqa: PLR2004 - the other one is 6
        return f"{_NETS[draw(len(_NETS))]}{1 + draw(254)}"
    return "2001:db8::" + ":".join(f"{1 + draw(0xFFFF):x}" for _ in range(4))


def _mac(draw: Draw, value: str) -> str:
    if not _MAC.fullmatch(value):
        return ""
    # The second bit of the first byte: given by whoever runs the network, no maker's.
    rest = iter("02" + "".join(f"{draw(16):x}" for _ in range(10)))
    made = "".join(next(rest) if char.isalnum() else char for char in value)
    return made.upper() if value.upper() == value else made


def _organisation(draw: Draw, value: str) -> str:
    return styled(f"{pools.word(draw(pools.WORDS))} Group", value)


def _place(draw: Draw, value: str) -> str:
    return styled(pools.place(draw(1 << 32)), value)


def _url(draw: Draw, value: str) -> str:
    return f"https://{_MAILS[draw(len(_MAILS))]}/{pools.ident(draw(1 << 60), 10)}" if "://" in value else ""


_DIGITS = frozenset({"phone", "card", "iban", "mac"})
_MAKERS: dict[str, Make] = {
    "email": _email,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "ip": _ip,
    "mac": _mac,
    "organisation": _organisation,
    "place": _place,
    "url": _url,
}
"""By kind; people's names have a module of their own."""
