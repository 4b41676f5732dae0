"""Check digits: numbers made up to agree with themselves do, and any single wrong digit is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.mask.patterns import checksums

WEIGHTS_NHS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)

AGREE: list[tuple[Callable[[str], bool], str]] = [
    (checksums.luhn, "4111111111111111"),
    (checksums.luhn, "0000000018"),
    (checksums.luhn, "490154203237518"),
    (checksums.iban, "DE75512108001245126199"),
    (checksums.iban, "gb33 BUKB 2020 1555 5555 55"),
    (checksums.iban, "NO83 3000 1234 567"),
    (checksums.mod11_2, "11010519491231002X"),
    (checksums.mod11_2, "11010519491231002x"),
    (checksums.mod11_10, "36574261809"),
    (checksums.verhoeff, "2363"),
    (checksums.verhoeff, "758722"),
    (checksums.nir, "255081416802538"),
    (checksums.nir, "180102A12345667"),
    (checksums.dni, "12345678Z"),
    (checksums.dni, "X1234567L"),
    (checksums.codice_fiscale, "RSSMRA85T10A562S"),
    (checksums.cpf, "529.982.247-25"),
    (checksums.cnpj, "11.222.333/0001-81"),
    (checksums.cnpj, "12ABC34501DE35"),
    (checksums.my_number, "123456789018"),
    (checksums.uscc, "91350100M000100Y43"),
    (checksums.nric, "S1234567D"),
    (checksums.nric, "G1234567X"),
    (checksums.icao, "T220001293"),
    (checksums.icao, "7408122"),
    (checksums.vin, "1M8GDM9AXKP042788"),
    (checksums.vin, "11111111111111111"),
    (checksums.npi, "1234567893"),
    (checksums.base58check, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    (checksums.bech32, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
    (checksums.bech32, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
    (checksums.bech32, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
    (checksums.eip55, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
]


@pytest.mark.parametrize(("check", "text"), AGREE)
def test_a_number_that_agrees_with_itself(check, text):
    assert check(text)


@pytest.mark.parametrize(("check", "text"), AGREE)
def test_one_wrong_digit_is_noticed(check, text):
    place = max(
        i for i, letter in enumerate(text) if letter.isdigit() and (check is not checksums.vin or i == 8 or i > 8)
    )
    wrong = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
    assert not check(wrong)


@pytest.mark.parametrize("check", sorted({check for check, _ in AGREE}, key=str))
@pytest.mark.parametrize("text", ["", "-", "A", "0", "ÄÖÜ", "\uff11\uff12"])
def test_what_is_no_number_is_answered_with_no(check, text):
    assert check(text) is False or text == "0"


@pytest.mark.parametrize(
    ("text", "weights"), [("9434765919", WEIGHTS_NHS), ("111222333", (9, 8, 7, 6, 5, 4, 3, 2, -1))]
)
def test_weighted_sums_of_eleven(text, weights):
    assert checksums.mod11(text, weights)
    assert not checksums.mod11(text[:-1] + str((int(text[-1]) + 1) % 10), weights)
    assert not checksums.mod11("0" * len(text), weights)


def test_a_weighted_sum_of_ten():
    weights = (3, 7, 1, 3, 7, 1, 3, 7, 1)
    assert checksums.mod10("011000015", weights)
    assert not checksums.mod10("011000016", weights)


def test_a_korean_number_is_checked_as_it_was_issued_until_2020():
    body = [8, 5, 0, 1, 0, 1, 1, 2, 3, 4, 5, 6]
    last = (11 - checksums.weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    assert checksums.rrn("".join(map(str, [*body, last])))
    assert not checksums.rrn("".join(map(str, [*body, (last + 1) % 10])))


@given(st.text("0123456789", min_size=2, max_size=30), st.data())
def test_luhn_and_verhoeff_notice_every_single_wrong_digit(body, data):
    for check in (checksums.luhn, checksums.verhoeff):
        whole = next(body + last for last in "0123456789" if check(body + last))
        place = data.draw(st.integers(0, len(whole) - 1))
        other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != whole[place]]))
        assert not check(whole[:place] + other + whole[place + 1 :])


def test_keccak_is_not_sha3_and_agrees_with_its_published_values():
    assert checksums.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert checksums.keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert checksums.keccak256(b"abc") != hashlib.sha3_256(b"abc").digest()
    with pytest.raises(ValueError, match="one block"):
        checksums.keccak256(bytes(136))
