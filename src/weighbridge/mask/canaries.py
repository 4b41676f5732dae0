"""Canaries: invented values of every kind, to be planted where none may pass, and to be looked for afterwards.

Each is valid where its kind has check digits, stands in a sentence as people write it, and occurs nowhere else: whoever
finds it knows which one it was. The same number always gives the same one.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Collection
from functools import partial

from msgspec import Struct

from weighbridge.errors import SettingsError, did_you_mean
from weighbridge.mask.canary_words import GIVEN, GROUPS, NAMES, PLACES, STREETS
from weighbridge.mask.patterns import checksums as sums

Draw = random.Random
Make = Callable[[Draw, int], str]
MOST = 40  #: canaries of one kind that differ
_TRIES = 100_000
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SHAPES = {
    "9": "0123456789",
    "1": "123456789",
    "A": _LETTERS,
    "a": _LETTERS.lower(),
    "x": _ALNUM,
    "h": "0123456789abcdef",
}
_NHS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
_BSN = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_PESEL = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
_TFN = (1, 4, 3, 7, 5, 8, 6, 9, 10)
_MEDICARE = (1, 3, 7, 9, 1, 3, 7, 9)
_MONTHS = ("January", "March", "April", "June", "July", "August", "October")


class Canary(Struct, frozen=True):
    """One planted value. `text`: the sentence in which it stands; `pieces`: parts of it that tell as much."""

    kind: str
    value: str
    text: str
    pieces: tuple[str, ...] = ()


def canary(kind: str, number: int) -> Canary:
    """The canary of a kind; below `MOST`, each number gives another one.

    Raises:
        SettingsError: There is none of this kind.
    """
    if kind not in _ROWS:
        raise SettingsError(f"There is no canary of the kind '{kind}'.", where="--kinds", fix=did_you_mean(kind, _ROWS))
    sentence, make, split = _ROWS[kind]
    value = make(random.Random(f"{kind} {number}"), number)  # noqa: S311 - values that can be made again, nothing secret
    return Canary(kind, value, sentence.format(value), tuple(split(value)))


def canaries(number: int, kinds: Collection[str] | None = None) -> tuple[Canary, ...]:
    """One canary of each kind, or of these kinds alone."""
    return tuple(canary(kind, number) for kind in _ROWS if kinds is None or kind in kinds)


def account(number: int) -> Canary:
    """A user's id as applications make them: only its place tells that it is one. Letters, digits, `_` and `-` alone."""
    draw = random.Random(f"user_id {number}")  # noqa: S311 - as above
    value = f"acct-{_shaped(draw, 'aaaa')}-{_shaped(draw, '999999')}"
    return Canary("user_id", value, value)


def _shaped(draw: Draw, shape: str) -> str:
    """Letters of a shape are drawn; what stands between `<` and `>` stays as it is."""
    said, plain = [], False
    for letter in shape:
        if letter in "<>":
            plain = letter == "<"
        else:
            said.append(letter if plain or letter not in _SHAPES else draw.choice(_SHAPES[letter]))
    return "".join(said)


def _of(*shapes: str, check: Callable[[str], bool] = bool) -> Make:
    """Values of these shapes in turn, drawn until they agree with themselves."""

    def make(draw: Draw, number: int) -> str:
        made = (_shaped(draw, shapes[number % len(shapes)]) for _ in range(_TRIES))
        return next(value for value in made if check(value))

    return make


def _among(words: tuple[str, ...], form: str = "{}") -> Make:
    return lambda _draw, number: form.format(words[number % len(words)])


def _person(_draw: Draw, number: int) -> str:
    return f"{GIVEN[number % len(GIVEN)]} {NAMES[number % len(NAMES)]}"


def _day(draw: Draw, first: int, last: int, form: str) -> str:
    year, month, day = draw.randrange(first, last), draw.randrange(1, 13), draw.randrange(1, 29)
    return form.format(year=year, month=month, day=day, short=year % 100, name=_MONTHS[draw.randrange(len(_MONTHS))])


def _dated(form: str, first: int, last: int, check: Callable[[str], bool] = bool) -> Make:
    def make(draw: Draw, _number: int) -> str:
        made = (_shaped(draw, _day(draw, first, last, form)) for _ in range(_TRIES))
        return next(value for value in made if check(value))

    return make


def _age(_draw: Draw, number: int) -> str:
    return f"{21 + number} years old"


def _address(draw: Draw, number: int) -> str:
    return f"{draw.randrange(1000, 9999)} {STREETS[number % len(STREETS)]} Road"


def _german_tax(draw: Draw, _number: int) -> str:
    while True:
        digits = draw.sample("0123456789", 9)
        digits.insert(draw.randrange(3, 9), draw.choice(digits))
        for last in "0123456789":
            made = "".join(digits) + last
            if made[0] != "0" and not any(made[i] == made[i + 1] for i in range(9)) and sums.mod11_10(made):
                return made


def _private_key(draw: Draw, _number: int) -> str:
    lines = "\n".join(_shaped(draw, "x" * 64) for _ in range(3))
    word = "PRIVATE" + " KEY"  # in two, so that no scanner takes this file for a place of one
    return f"-----BEGIN {word}-----\n{lines}\n-----END {word}-----"


def _jwt(draw: Draw, _number: int) -> str:
    def packed(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    head, body = packed('{"alg":"HS256","typ":"JWT"}'), packed(f'{{"sub":"{_shaped(draw, "999999999999")}"}}')
    return f"{head}.{body}.{_shaped(draw, 'x' * 43)}"


def _none(_value: str) -> tuple[str, ...]:
    return ()


def _lines(value: str) -> list[str]:
    return value.split("\n")[1:-1]


def _after_head(value: str) -> list[str]:
    return value.split(".")[1:]


def _between(first: str, last: str, value: str) -> tuple[str, ...]:
    return (value.rpartition(last)[0].rpartition(first)[2],)


def _last(value: str) -> list[str]:
    return value.split()[-1:]


def _first(value: str) -> list[str]:
    return value.split()[:1]


def _cut(mark: str, value: str) -> list[str]:
    return value.split(mark)


def _medicare(value: str) -> bool:
    digits = sums.digits_of(value)
    return sums.weighted(digits, _MEDICARE) % 10 == digits[8]


def _vin(value: str) -> bool:
    return "I" not in value and "O" not in value and "Q" not in value and sums.vin(value)


def _is_ip(text: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


Row = tuple[str, Make, Callable[[str], Collection[str]]]


def _row(sentence: str, make: Make, split: Callable[[str], Collection[str]] = _none) -> Row:
    return sentence, make, split


_ROWS: dict[str, Row] = {
    "api_key": _row(
        "The token of the deployment is {} and must be renewed.",
        _of("<ghp_>" + "x" * 36, "<AKIA>" + "A" * 16, "<sk_live_>" + "x" * 24, "<glpat->" + "x" * 20),
    ),
    "private_key": _row("This is my key:\n{}\nPlease store it.", _private_key, _lines),
    "jwt": _row("Authorization: Bearer {}", _jwt, _after_head),
    "connection_string": _row(
        "The database is at {} for now.", _of("<postgresql://ledger:>xxxxxxxxxxxx<@db.internal:5432/ledger>"),
        partial(_between, ":", "@"),
    ),
    "url_credentials": _row(
        "Download it from {} tonight.", _of("<https://deploy:>xxxxxxxxxxxx<@files.quillmoor.net/drop>"),
        partial(_between, ":", "@"),
    ),
    "password": _row("The password is: {}", _of("Axx9x<!>xxx9<#>xx")),
    "person": _row("My name is {}.", _person, _last),
    "email": _row("Write to {} about it.", _of("aaaaaa<.>aaaaaaa99<@>aaaaaaa<-post.net>"), partial(_cut, "@")),
    "phone": _row("Call me at {} after five.", _of("<+44 7400> 199999", "<+49 1512 >1999999", "<+33 6 >12 99 99 99", "<+1 415-68>9-9999")),
    "card": _row(
        "Pay with the card {} please.", _of("<4539> 9999 9999 9999", "<5412-75>99-9999-9999", "<4916>999999999999", check=sums.luhn)
    ),
    "iban": _row("My IBAN is {}.", _of("<DE>99 <5001 >9999 9999 9999 99", "<DE>99<5107>99999999999999", check=sums.iban)),
    "bank_account": _row("My bank account number is {}.", _of("19999999", "1999999999")),
    "ip": _row("I logged in from the IP address {}.", _of("<81.2>19<.1>99<.1>19", "<2a02:8>108<:>hhhh<:>1hhh<:>1hhh<::>1hhh", check=_is_ip)),
    "mac": _row("The MAC address of my laptop is {}.", _of("<3c:>hh<:>hh<:>hh<:>hh<:>hh")),
    "imei": _row("The IMEI of my phone is {}.", _of("<35>9999999999999", check=sums.luhn)),
    "url": _row("My profile is https://www.linkedin.com/in/{} if you like.", _of("aaaaaa<->aaaaaaa<->9999")),
    "username": _row("My username is {} there.", _of("aaaaa<_>aaaaaa99")),
    "address": _row("I live at {}, Springfield, IL 62704.", _address),
    "postcode": _row("The postcode is {} here.", _of("<KT>12 1AA", "<LS>19 1AA", "<SW>19 1AA")),
    "place": _row("I grew up in {}, a small town.", _among(PLACES)),
    "organisation": _row("I work as an accountant for {}.", _among(STREETS, "{}by Logistics GmbH"), _first),
    "group": _row("My neighbours are {} people.", _among(GROUPS)),
    "date": _row("It happened on {} in the morning.", _dated("<{day} {name} {year}>", 2009, 2019)),
    "age": _row("The patient is {} now.", _age),
    "date_of_birth": _row("Date of birth: {}", _dated("<{day:02}/{month:02}/{year}>", 1931, 1999)),
    "medical_record": _row("Medical record number: MRN {}", _of("19999999")),
    "id_number": _row("My customer number is {}.", _of("A1999999")),
    "case_number": _row("Application no. {} was filed.", _of("1999<6/1>9")),
    "passport": _row("My passport number is {}.", _of("C1A99A9A9", "199999999")),
    "driving_licence": _row("My driving licence number is {}.", _of("AAAAA9<0716>9AA9AA")),
    "plate": _row("My car's licence plate is {}.", _of("AA<63> AAA", "<B-AB >1999")),
    "vin": _row("The VIN of the car is {}.", _of("<1>AAAA<41J>9<M>9999999", check=_vin)),
    "crypto": _row("Send it to the Ethereum wallet {}.", _of("<0x>" + "h" * 40)),
    "us_ssn": _row("My social security number is {}.", _of("<4>19<->19<->1999")),
    "us_itin": _row("My ITIN is {}.", _of("<9>19<-7>9<->1999")),
    "uk_nino": _row("My national insurance number is {}.", _of("<JG >99 99 99 <C>", "<WK>999999<B>")),
    "uk_nhs": _row("My NHS number is {}.", _of("<4>99 999 9999", "<6>999999999", check=partial(sums.mod11, weights=_NHS))),
    "de_tax_id": _row("Meine Steuer-ID ist {}.", _german_tax),
    "de_id_card": _row("Mein Personalausweis hat die Nummer {}.", _of("<L>9<X>99<T>9999", check=sums.icao)),
    "fr_nir": _row("Mon num\u00e9ro de s\u00e9curit\u00e9 sociale est {}.", _dated("<1 {short:02} {month:02} 75 >199 199 99", 1950, 1999, sums.nir)),
    "es_dni": _row("Mi DNI es {}.", _of("19999999A", check=sums.dni)),
    "it_cf": _row("Il mio codice fiscale \u00e8 {}.", _of("AAAAAA<8>9<M19H>999A", check=sums.codice_fiscale)),
    "nl_bsn": _row("Mijn BSN is {}.", _of("199999999", check=partial(sums.mod11, weights=_BSN))),
    "pl_pesel": _row(
        "M\u00f3j PESEL to {}.", _dated("<{short:02}{month:02}{day:02}>99999", 1950, 1999, partial(sums.mod10, weights=_PESEL))
    ),
    "se_pnr": _row("Mitt personnummer \u00e4r {}.", _dated("<{short:02}{month:02}{day:02}->9999", 1950, 1999, sums.luhn)),
    "in_aadhaar": _row("My Aadhaar number is {}.", _of("<7>999 9999 9999", "<4>99999999999", check=sums.verhoeff)),
    "in_pan": _row("My permanent account number (PAN) is {}.", _of("AAA<P>A1999A")),
    "cn_id": _row("\u6211\u7684\u8eab\u4efd\u8bc1\u53f7\u7801\u662f{}\uff0c\u8bf7\u6838\u5bf9\u3002", _dated("<110105{year}{month:02}{day:02}>9999", 1950, 1999, sums.mod11_2)),
    "cn_uscc": _row("\u7edf\u4e00\u793e\u4f1a\u4fe1\u7528\u4ee3\u7801{}\u3002", _of("<91110105MA>99999999", check=sums.uscc)),
    "jp_my_number": _row("\u79c1\u306e\u30de\u30a4\u30ca\u30f3\u30d0\u30fc\u306f{}\u3067\u3059\u3002", _of("199999999999", "1999-9999-9999", check=sums.my_number)),
    "kr_rrn": _row("\uc81c \uc8fc\ubbfc\ub4f1\ub85d\ubc88\ud638\ub294 {} \uc785\ub2c8\ub2e4.", _dated("<{short:02}{month:02}{day:02}-1>999999", 1950, 1999, sums.rrn)),
    "br_cpf": _row("Meu CPF \u00e9 {}.", _of("999.999.999-99", check=sums.cpf)),
    "br_cnpj": _row("O CNPJ da empresa \u00e9 {}.", _of("99.999.999/<0001>-99", check=sums.cnpj)),
    "au_tfn": _row("My tax file number is {}.", _of("199 999 999", check=partial(sums.mod11, weights=_TFN))),
    "au_medicare": _row("My Medicare card number is {}.", _of("<2>999 99999 1", check=_medicare)),
    "ca_sin": _row("My social insurance number is {}.", _of("<4>99 999 999", check=sums.luhn)),
    "sg_nric": _row("My NRIC is {}.", _of("<S>1999999A", check=sums.nric)),
}  # fmt: skip


KINDS: tuple[str, ...] = tuple(_ROWS)
"""The kinds of which there are canaries for any text. Of `user_id` there is one for the places of ids alone: `account`."""
