"""What stands in a value's place: the same for the same value, from ranges that belong to nobody."""

from __future__ import annotations

import ipaddress
import itertools
import re

import pytest

from weighbridge.mask import pools
from weighbridge.mask.patterns import checksums
from weighbridge.mask.persons import invented
from weighbridge.mask.surrogates import Draw, hashed, label, realistic, styled, token

KEY = b"k" * 32


def made(kind: str, value: str, number: int = 0) -> str:
    told = realistic(kind, Draw(KEY, kind, str(number)), value)
    assert told is not None
    return told


def test_realistic_ones_belong_to_nobody() -> None:
    for number in range(60):
        assert re.fullmatch(r"[a-z]+\.[a-z]+@example\.(com|org|net)", made("email", "anna@firm.de", number))
        assert re.fullmatch(r"\+1 \([2-9]\d\d\) 555-01\d\d", made("phone", "+1 (415) 867-5309", number))
        assert made("phone", "+49 30 1234567", number).startswith("+99 9")
        assert made("phone", "030 123 456", number).startswith("000 ")
        card = made("card", "4111-1111-1111-1111", number)
        assert re.fullmatch(r"4000-00\d\d-\d{4}-\d{4}", card)
        assert not checksums.luhn(card.replace("-", ""))
        assert re.fullmatch(r"ZZ00 \d{4} \d{4} \d{2}", made("iban", "GB29 NWBK 6016 13", number))
        address = ipaddress.ip_address(made("ip", "10.1.2.3", number))
        assert any(
            address in ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
        )
        assert ipaddress.ip_address(made("ip", "2a00::1", number)) in ipaddress.ip_network("2001:db8::/32")
        assert re.fullmatch(r"02(:[0-9A-F]{2}){5}", made("mac", "AC:DE:48:00:11:22", number))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("phone", "112"),
        ("card", "4111"),
        ("ip", "10.1"),
        ("iban", "none"),
        ("mac", "1"),
        ("date", "2024-01-02"),
        ("own", "x"),
    ],
)
def test_what_is_written_in_no_known_way_has_none(kind: str, value: str) -> None:
    assert realistic(kind, Draw(KEY, kind), value) is None


def test_they_follow_from_key_and_value() -> None:
    for kind, value in (
        ("email", "a@b.test"),
        ("phone", "+49 30 1234567"),
        ("place", "Leeds"),
        ("organisation", "Acme"),
    ):
        assert made(kind, value) == made(kind, value)
        assert realistic(kind, Draw(b"x" * 32, kind, "0"), value) != made(kind, value)


def test_tokens_and_hashes() -> None:
    assert re.fullmatch(rf"EMAIL_[{pools.ALPHABET}]{{6}}", token(Draw(KEY), "email"))
    assert re.fullmatch(r"MY_KIND_[a-z0-9]{6}", token(Draw(KEY), "my-kind"))
    assert label("编号") == "VALUE"
    assert re.fullmatch(r"EMAIL_hash_[0-9a-f]{16}", hashed(Draw(KEY), "email"))


def test_draws_are_even_and_go_on() -> None:
    draw = Draw(KEY)
    rolled = [draw(6) for _ in range(3000)]
    assert all(400 < rolled.count(side) < 600 for side in range(6))


def test_invented_words_differ_and_none_begins_another() -> None:
    words = sorted(pools.word(number) for number in range(0, pools.WORDS, 7))
    assert len(set(words)) == len(words)
    assert min(map(len, words)) >= 5
    assert not any(after.startswith(word) for word, after in itertools.pairwise(words))
    assert len({pools.place(number) for number in range(5000)}) == 5000
    assert len(pools.han_family(3)) == len(pools.han_given(77)) == 2


def test_words_of_names_are_told_apart_from_what_is_around_them() -> None:
    def word_of(sort: str, word: str) -> str:
        return f"{sort[0]}{word}".capitalize()

    assert (
        "".join(other for _, other in invented("Dr. Anna de O'Hara-LEE's", word_of)) == "Dr. Wanna wde Lo'Whara-WLEE's"
    )
    assert invented("王小明先生", word_of) == [("王", "F王"), ("小明", "G小明"), ("先生", "先生")]
    assert invented("小明", word_of) == [("小明", "G小明")]
    assert styled("Morv", "x") == "morv"
