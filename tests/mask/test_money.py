"""Cards, IBANs, accounts and wallets: check digits make them sure, keywords find them anyway."""

# ruff: noqa: RUF001 - punctuation as it is written in China and Japan

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.mask.finding import completed, found

from weighbridge.mask.patterns import checksums as sums
from weighbridge.mask.patterns import money

VISA = completed("411122223333444", sums.luhn)
AMEX = completed("37001234567890", sums.luhn)
UNIONPAY = completed("621226220000000001", sums.luhn)
CARDS = [
    VISA,
    AMEX,
    UNIONPAY,
    completed("555500001111222", sums.luhn),
    completed("222300001111222", sums.luhn),
    completed("601100001111222", sums.luhn),
    completed("352900001111222", sums.luhn),
    " ".join(VISA[i : i + 4] for i in range(0, 16, 4)),
    "-".join(VISA[i : i + 4] for i in range(0, 16, 4)),
    f"{AMEX[:4]} {AMEX[4:10]} {AMEX[10:]}",
]


def iban(country: str, length: int) -> str:
    """An invented one of a country, with the check digits that it must have."""
    body = ("1234567890" * 4)[: length - 4]
    return next(f"{country}{n:02}{body}" for n in range(2, 99) if sums.iban(f"{country}{n:02}{body}"))


def base58(version: int) -> str:
    """An invented address whose check bytes are right."""
    payload = bytes([version, *range(1, 21)])
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = sums._BASE58[rest] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "text", ["{}", "card {} expires 04/29", "我的卡号是{}，谢谢", "银行卡{}已冻结", '{{"pan":"{}"}}', "カード{}です"]
)
def test_a_card_is_found_between_any_neighbours(card, text):
    assert card in found(text.format(card), "card")


@pytest.mark.parametrize(
    "text", ["卡号6217001234567890", "my credit card is 4111 1111 1111 1112", "工行卡 6222021234567890"]
)
def test_a_card_with_a_wrong_digit_is_found_beside_its_keyword(text):
    assert found(text, "card")


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123456",
        "timestamp 1700000000000000",
        "id 9999888877776666",
        "0.4111222233334444",
        "0000000000000000",
        "build 20240101123456",
        "4111222233334444555566667777",
    ],
)
def test_other_long_numbers_are_no_cards(text):
    assert not found(text, "card")


@pytest.mark.parametrize(
    ("country", "length"), [(country, length) for length, names in money._LENGTHS.items() for country in names.split()]
)
def test_an_iban_of_every_country_is_found_and_ends_where_it_ends(country, length):
    value = iban(country, length)
    spaced = " ".join(value[i : i + 4] for i in range(0, length, 4))
    assert found(f"IBAN {value}.", "iban") == {value}
    assert spaced in found(f"Bitte an {spaced} bis morgen", "iban", least=0.95)
    assert value.lower() in found(f"账号{value.lower()}，谢谢", "iban", least=0.95)


@pytest.mark.parametrize(
    "text", ["ZZ89370400440532013000", "DE8937", "deadbeef1234567890", "RFC 2119 and 8174", "no 12 of 34 and 56 or 78"]
)
def test_what_is_shaped_alike_is_no_iban(text):
    assert not found(text, "iban")


def test_an_iban_with_a_wrong_digit_is_found_beside_its_keyword():
    assert found("IBAN: DE00 3704 0044 0532 0130 00", "iban") == {"DE00 3704 0044 0532 0130 00"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("account number 0012345678", "0012345678"),
        ("Kontonummer: 1234567", "1234567"),
        ("口座番号 1234567", "1234567"),
        ("sort code 20-00-00", "20-00-00"),
        ("routing number 011000015", "011000015"),
        ("BLZ 37040044", "37040044"),
        ("BIC: COBADEFFXXX", "COBADEFFXXX"),
        ("cuenta 0182 6473 55 0201234567", "0182 6473 55 0201234567"),
    ],
)
def test_accounts_are_found_beside_their_keyword_alone(text, value):
    assert value in found(text, "bank_account")
    assert not found(f"the {value} of them", "bank_account")


@pytest.mark.parametrize(
    "value",
    [
        base58(0),
        base58(5),
        base58(48),
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0x" + "ab12" * 10,
    ],
)
def test_addresses_of_crypto_currencies(value):
    assert value in found(f"请转到{value}，谢谢", "crypto")
    assert value in found(f"pay {value} today", "crypto")


def test_text_in_base58_is_no_address_unless_its_check_bytes_agree():
    assert not found("sha 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 of it", "crypto")


@given(st.text("0123456789 -,.;", max_size=300))
def test_any_run_of_digits_is_looked_through(text):
    assert all(value in text for value in found(text, "card"))
