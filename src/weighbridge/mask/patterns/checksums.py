"""Check digits, from the definitions of the numbers' issuers and of ISO 7064: each says whether a number agrees with itself.

Every function takes the characters that count, without separators, and answers False for what it cannot read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOD_11 = 11
_VERHOEFF_TURNS = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4))
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_CF_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_VIN = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))


def digits_of(text: str) -> list[int]:
    """The ASCII digits of a text, whatever stands between them."""
    return [ord(letter) - 48 for letter in text if "0" <= letter <= "9"]


def alnum_of(text: str) -> str:
    """The ASCII letters and digits of a text, in capitals."""
    return "".join(letter for letter in text.upper() if letter in _ALNUM)


def weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    """The sum of digits times weights; as many as there are weights."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(text: str) -> bool:
    """ISO/IEC 7812: payment cards, IMEI, Canadian SIN, Swedish personal numbers."""
    digits = digits_of(text)
    if len(digits) < 2:  # noqa: PLR2004 - a digit and its check digit
        return False
    total = sum(digits[-1::-2])
    return (total + sum(twice // 10 + twice % 10 for twice in (2 * digit for digit in digits[-2::-2]))) % 10 == 0


def mod97(text: str) -> bool:
    """ISO 7064 MOD 97-10 over letters and digits: an IBAN whose first four characters were moved to its end."""
    letters = alnum_of(text)
    return bool(letters) and int("".join(str(_ALNUM.index(letter)) for letter in letters)) % 97 == 1


def iban(text: str) -> bool:
    """ISO 13616."""
    letters = alnum_of(text)
    return mod97(letters[4:] + letters[:4])


def mod11_2(text: str) -> bool:
    """ISO 7064 MOD 11-2, whose check character may be X: Chinese resident identity numbers, ORCID."""
    letters = alnum_of(text)
    if not letters[:-1].isdigit() or letters[-1] not in "0123456789X":
        return False
    total = 0
    for digit in letters[:-1]:
        total = (total + int(digit)) * 2 % _MOD_11
    return "0123456789X".index(letters[-1]) == (12 - total) % _MOD_11


def mod11_10(text: str) -> bool:
    """ISO 7064 MOD 11,10: German tax numbers of persons."""
    digits = digits_of(text)
    if not digits:
        return False
    product = 10
    for digit in digits[:-1]:
        product = ((digit + product) % 10 or 10) * 2 % _MOD_11
    return (product + digits[-1]) % 10 == 1


def _permuted(digit: int, place: int) -> int:
    for _ in range(place % 8):
        digit = _VERHOEFF_TURNS[1][digit]
    return digit


def _dihedral(left: int, right: int) -> int:
    """The product in the dihedral group of the pentagon."""
    if left < 5:  # noqa: PLR2004 - rotations are 0 to 4, reflections 5 to 9
        return (left + right) % 5 + (5 if right >= 5 else 0)  # noqa: PLR2004
    return (left - right) % 5 + (0 if right >= 5 else 5)  # noqa: PLR2004


def verhoeff(text: str) -> bool:
    """Verhoeff's check digit: Aadhaar."""
    digits = digits_of(text)
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _dihedral(check, _permuted(digit, place))
    return bool(digits) and check == 0


def mod11(text: str, weights: Sequence[int]) -> bool:
    """The weighted sum of all digits is divisible by 11: NHS, BSN, TFN is its like."""
    digits = digits_of(text)
    return len(digits) == len(weights) and any(digits) and weighted(digits, weights) % _MOD_11 == 0


def mod10(text: str, weights: Sequence[int]) -> bool:
    """The weighted sum of all digits is divisible by 10: PESEL, routing numbers."""
    digits = digits_of(text)
    return len(digits) == len(weights) and any(digits) and weighted(digits, weights) % 10 == 0


def nir(text: str) -> bool:
    """French NIR with its key: 97 less the number's rest; Corsica's departments count as 19 and 18."""
    letters = alnum_of(text)
    body = letters[:13].replace("2A", "19", 1) if "2A" in letters[5:7] else letters[:13].replace("2B", "18", 1)
    return (body + letters[13:]).isdigit() and len(letters) == 15 and 97 - int(body) % 97 == int(letters[13:])  # noqa: PLR2004


def dni(text: str) -> bool:
    """Spanish DNI and NIE: the letter is the number's rest of 23; X, Y, Z of an NIE count as 0, 1, 2."""
    letters = alnum_of(text)
    body = letters[:-1]
    if body[:1] in ("X", "Y", "Z"):
        body = f"{'XYZ'.index(body[0])}{body[1:]}"
    return body.isdigit() and _DNI[int(body) % 23] == letters[-1]


def codice_fiscale(text: str) -> bool:
    """Italian codice fiscale: odd and even places count differently, the rest of 26 is the last letter."""
    letters = alnum_of(text)
    if len(letters) != 16 or not letters[-1].isalpha():  # noqa: PLR2004
        return False
    values = [_ALNUM.index(letter) - (10 if letter.isalpha() else 0) for letter in letters[:-1]]
    total = sum(_CF_ODD[value] if place % 2 == 0 else value for place, value in enumerate(values))
    return total % 26 == ord(letters[-1]) - 65


def _two_checks(digits: Sequence[int], first: Sequence[int], second: Sequence[int]) -> bool:
    """Two check digits of 11 less the rest, 0 where that has two digits."""
    if len(digits) != len(second) + 1:
        return False

    def check(weights: Sequence[int]) -> int:
        rest = weighted(digits, weights) % _MOD_11
        return 0 if rest < 2 else _MOD_11 - rest  # noqa: PLR2004

    return digits[-2] == check(first) and digits[-1] == check(second)


def cpf(text: str) -> bool:
    """Brazilian CPF; eleven equal digits are none."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and _two_checks(digits, range(10, 1, -1), range(11, 1, -1))


def cnpj(text: str) -> bool:
    """Brazilian CNPJ, also the kind with letters, which count by their code less 48."""
    letters = alnum_of(text)
    values = [ord(letter) - 48 for letter in letters]
    weights = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return len(set(values)) > 1 and _two_checks(values, weights, (6, *weights))


def my_number(text: str) -> bool:
    """Japanese My Number: twelve digits, the last of 11 less the weighted rest."""
    digits = digits_of(text)
    if len(digits) != 12:  # noqa: PLR2004
        return False
    rest = weighted(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % _MOD_11
    return digits[-1] == (0 if rest <= 1 else _MOD_11 - rest)


def rrn(text: str) -> bool:
    """Korean resident number, as issued until October 2020; later ones carry no check digit."""
    digits = digits_of(text)
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    return len(digits) == 13 and (_MOD_11 - weighted(digits, weights) % _MOD_11) % 10 == digits[-1]  # noqa: PLR2004


def uscc(text: str) -> bool:
    """Chinese social credit code, GB 32100: powers of 3, rest of 31."""
    letters = alnum_of(text)
    if len(letters) != 18 or any(letter not in _USCC for letter in letters):  # noqa: PLR2004
        return False
    total = sum(_USCC.index(letter) * pow(3, place, 31) for place, letter in enumerate(letters[:-1]))
    return (31 - total % 31) % 31 == _USCC.index(letters[-1])


def nric(text: str) -> bool:
    """Singapore's NRIC and FIN: T and G begin at 4, M at 3."""
    letters = alnum_of(text)
    if len(letters) != 9 or not letters[1:8].isdigit():  # noqa: PLR2004
        return False
    total = weighted(digits_of(letters[1:8]), (2, 7, 6, 5, 4, 3, 2))
    series, begin = {
        "S": ("JZIHGFEDCBA", 0),
        "T": ("JZIHGFEDCBA", 4),
        "F": ("XWUTRQPNMLK", 0),
        "G": ("XWUTRQPNMLK", 4),
        "M": ("XWUTRQPNJLK", 3),
    }.get(letters[0], ("", 0))
    return bool(series) and series[(total + begin) % _MOD_11] == letters[-1]


def icao(text: str) -> bool:
    """ICAO 9303, weights 7, 3, 1, letters from 10 on: machine-readable documents, German identity cards."""
    letters = alnum_of(text)
    if not letters[-1:].isdigit():
        return False
    total = sum(_ALNUM.index(letter) * (7, 3, 1)[place % 3] for place, letter in enumerate(letters[:-1]))
    return total % 10 == int(letters[-1])


def vin(text: str) -> bool:
    """ISO 3779 with the check digit of North America at the ninth place; elsewhere that place is free."""
    letters = alnum_of(text)
    if len(letters) != 17 or any(letter in "IOQ" for letter in letters):  # noqa: PLR2004
        return False
    values = [int(letter) if letter.isdigit() else _VIN[letter] for letter in letters]
    rest = weighted(values, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)) % _MOD_11
    return letters[8] == ("X" if rest == 10 else str(rest))  # noqa: PLR2004


def npi(text: str) -> bool:
    """US health-care provider: Luhn behind the prefix 80840."""
    return luhn("80840" + text)


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(text: str) -> bool:
    """Bitcoin's base58 with the first four bytes of a double SHA-256 at its end."""
    number = 0
    for letter in text:
        place = _BASE58.find(letter)
        if place < 0:
            return False
        number = number * 58 + place
    raw = bytes(len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    return len(raw) > 4 and hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]  # noqa: PLR2004


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_ENDS = (1, 0x2BC830A3)  #: of bech32 (BIP 173) and bech32m (BIP 350)


def bech32(text: str) -> bool:
    """BIP 173 and 350: segregated witness addresses; not in mixed case."""
    lower = text.lower()
    prefix, one, body = lower.rpartition("1")
    if text not in (lower, text.upper()) or not one or any(letter not in _BECH32 for letter in body):
        return False
    values = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    check = 1
    for value in (*values, *(_BECH32.index(letter) for letter in body)):
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in _BECH32_ENDS


_MASK = (1 << 64) - 1


def _keccak_constants() -> tuple[tuple[int, ...], dict[tuple[int, int], int]]:
    """The round constants (from the specification's shift register) and the rotations."""
    rounds, state = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            constant |= (state & 1) << ((1 << power) - 1)
            state = state << 1 ^ (0x171 if state & 0x80 else 0)
        rounds.append(constant)
    turns, column, row = {(0, 0): 0}, 1, 0
    for step in range(24):
        turns[column, row] = (step + 1) * (step + 2) // 2 % 64
        column, row = row, (2 * column + 3 * row) % 5
    return tuple(rounds), turns


def _turned(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _MASK


def keccak256(data: bytes) -> bytes:
    """Keccak with 256 bits as Ethereum uses it: padded with 01, not with 06 as SHA-3; for short data.

    Raises:
        ValueError: if the data do not fit one block (135 bytes).
    """
    if len(data) > 135:  # noqa: PLR2004
        raise ValueError("this takes one block only")
    block = bytearray(data.ljust(136, b"\0"))
    block[len(data)] ^= 0x01
    block[-1] ^= 0x80
    lanes = {(x, y): 0 for x in range(5) for y in range(5)}
    for place in range(17):
        lanes[place % 5, place // 5] = int.from_bytes(block[8 * place : 8 * place + 8], "little")
    rounds, turns = _keccak_constants()
    for constant in rounds:
        columns = [lanes[x, 0] ^ lanes[x, 1] ^ lanes[x, 2] ^ lanes[x, 3] ^ lanes[x, 4] for x in range(5)]
        mixed = {
            (y, (2 * x + 3 * y) % 5): _turned(
                lane ^ columns[(x - 1) % 5] ^ _turned(columns[(x + 1) % 5], 1), turns[x, y]
            )
            for (x, y), lane in lanes.items()
        }
        lanes = {(x, y): mixed[x, y] ^ (~mixed[(x + 1) % 5, y] & mixed[(x + 2) % 5, y]) for x, y in lanes}
        lanes[0, 0] ^= constant
    return b"".join(lanes[x, 0].to_bytes(8, "little") for x in range(4))


def eip55(text: str) -> bool:
    """Ethereum's mixed case: a letter is a capital where the hash of the lower address has a high nibble."""
    body = text.removeprefix("0x")
    nibbles = keccak256(body.lower().encode("ascii", "replace")).hex()
    return len(body) == 40 and all(  # noqa: PLR2004
        letter.isdigit() or letter.isupper() == (int(nibble, 16) >= 8)  # noqa: PLR2004
        for letter, nibble in zip(body, nibbles, strict=False)
    )
