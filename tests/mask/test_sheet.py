"""Sheets: a value keeps its surrogate in a conversation, has another one elsewhere, and none stands in the way of the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import MODES, Mode, Span
from weighbridge.errors import MaskError
from weighbridge.mask.kinds import KINDS
from weighbridge.mask.secret import conversation_key
from weighbridge.mask.sheet import Sheet

KEY = conversation_key(b"m" * 32, "ann", "talk")
VALUES = {
    "email": "jo@hospital.test",
    "phone": "+44 20 7946 0958",
    "card": "4111 1111 1111 1111",
    "iban": "GB33BUKB20201555555555",
    "ip": "10.1.2.3",
    "mac": "aa:bb:cc:dd:ee:ff",
    "person": "Anna Kowalska",
    "place": "Leeds",
    "organisation": "Acme",
}


def find(*values: tuple[str, str]) -> Callable[[str], list[Span]]:
    """Finds these values by kind."""

    def found(text: str) -> list[Span]:
        spans = [Span(m.start(), m.end(), kind) for kind, value in values for m in re.finditer(re.escape(value), text)]
        kept: list[Span] = []
        for span in sorted(spans, key=lambda one: (one.start, -one.end)):
            if not kept or span.start >= kept[-1].end:
                kept.append(span)
        return kept

    return found


def masked(sheet: Sheet, text: str, *values: tuple[str, str]) -> str:
    return sheet.replace(text, find(*values)(text))


def alone(sheet: Sheet, kind: str, value: str) -> str:
    return masked(sheet, value, (kind, value))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_every_kind_in_every_mode(kind: str, mode: Mode) -> None:
    value = VALUES.get(kind, "QX 1234-77")
    sheet = Sheet(KEY, modes={kind: mode})
    said = f"It is {value}, yes."
    text = masked(sheet, said, (kind, value))
    assert (value in text) == (mode == "keep")
    assert (sheet.restorer().text(text) == said) == (mode in {"surrogate", "token", "keep"})
    assert sheet.counts == ({} if mode == "keep" else {kind: 1})
    assert text == masked(Sheet(KEY, modes={kind: mode}), said, (kind, value))


def test_conversations_and_tenants_cannot_be_linked() -> None:
    places = [
        (b"m", "a", "1"),
        (b"m", "a", "2"),
        (b"m", "b", "1"),
        (b"n", "a", "1"),
        (b"m", "a1", ""),
        (b"m", "", "a1"),
    ]
    keys = [conversation_key(master * 32, tenant, talk) for master, tenant, talk in places]
    told = {alone(Sheet(key), kind, VALUES[kind]) for key in keys for kind in ("email", "person")}
    assert len(told) == 2 * len(keys)


def test_turns_may_be_dropped_or_come_in_another_order() -> None:
    values = [*VALUES.items(), ("person", "Jan Kowalska"), ("person", "Anna"), ("api_key", "sk_1")]
    one, other = Sheet(KEY), Sheet(KEY)
    first = [alone(one, *value) for value in values]
    assert [alone(other, *value) for value in reversed(values)] == first[::-1]
    assert alone(Sheet(KEY), *values[3]) == first[3]


def test_a_person_s_parts_are_that_person_s() -> None:
    sheet = Sheet(KEY)
    whole = alone(sheet, "person", "Dr. Anna Kowalska")
    given_name, family = alone(sheet, "person", "anna"), alone(sheet, "person", "KOWALSKA")
    assert whole == f"Dr. {given_name.capitalize()} {family.capitalize()}"
    assert given_name.islower()
    assert family.isupper()
    other = alone(sheet, "person", "Jan Kowalska")
    assert other.endswith(f" {family.capitalize()}")
    assert other not in whole
    assert sheet.restorer().text(f"{whole.split()[1]}'s, {family.capitalize()}s") == "Anna's, Kowalskas"
    assert alone(sheet, "person", "Mr.") == "Mr."
    assert alone(sheet, "person", "王小明")[:2] == alone(sheet, "person", "王先生")[:2]


def test_two_ways_to_write_a_value_have_one_surrogate_written_in_two_ways() -> None:
    sheet = Sheet(KEY)
    plain, apart = alone(sheet, "card", "4111111111111111"), alone(sheet, "card", "4111 1111 1111 1111")
    assert apart.replace(" ", "") == plain
    assert alone(sheet, "email", "JO@FIRM.TEST") == alone(sheet, "email", "jo@firm.test").upper()
    assert sheet.restorer().text(f"{plain} {apart}") == "4111111111111111 4111 1111 1111 1111"


def test_a_surrogate_that_stands_in_the_text_is_passed_over() -> None:
    for kind, value in (
        ("ip", "10.1.2.3"),
        ("person", "Zoë"),
        ("email", "a@b.test"),
        ("api_key", "k1"),
        ("person", "小明"),
    ):
        first = alone(Sheet(KEY), kind, value)
        second = alone(Sheet(KEY, avoid=["", f"so {first.upper()}!"]), kind, value)
        assert second != first
        assert second == alone(Sheet(KEY, avoid=[first]), kind, value)


def test_more_values_than_a_range_has() -> None:
    sheet = Sheet(KEY)
    values = [f"10.0.{number // 250}.{number % 250}" for number in range(900)]
    told = [alone(sheet, "ip", value) for value in values]
    assert len(set(told)) == 900
    assert sheet.restorer().text(" ".join(told)) == " ".join(values)


def test_within_a_word_and_over_two_lines() -> None:
    sheet = Sheet(KEY)
    text = "xAnnay Anna\nKowalska 给Anna。"
    told = masked(sheet, text, ("person", "Anna\nKowalska"), ("person", "Anna"))
    assert "Anna" not in told
    assert "Kowalska" not in told
    assert sheet.restorer().text(told) == text


WORDS = [
    "Anna",
    "ANNA",
    "anna",
    "Kowalska",
    "Anna Kowalska",
    "McDonald",
    "Mcdonald",
    "J. Kowalska",
    "10.1.2.3",
    "王小明",
    "+49 30 1234567",
]


@given(
    st.lists(
        st.sampled_from([*WORDS, " ", ", ", "x", "s", "'s", "\n", "\\n", "é", "吗", "1", "_", "%20"]), max_size=12
    ).map("".join)
)
def test_what_goes_comes_back(text: str) -> None:
    sheet = Sheet(KEY, avoid=[text])
    kinds = {"10.1.2.3": "ip", "+49 30 1234567": "phone"}
    told = masked(sheet, text, *((kinds.get(word, "person"), word) for word in WORDS))
    assert not any(word in told for word in WORDS)
    assert sheet.restorer().text(told) == text


def test_a_sheet_learns_from_an_earlier_one() -> None:
    first = Sheet(KEY)
    told = alone(first, "person", "Jo Bloggs")
    second = Sheet(KEY, avoid=[told])
    second.learn(first.entries)
    assert second.restorer().text(told) == "Jo Bloggs"
    assert alone(second, "person", "Jo Bloggs") == told
    assert Sheet(KEY).restorer().text(told) == told


@pytest.mark.parametrize(
    ("mode", "comes"), [("surrogate", True), ("token", True), ("hash", False), ("redact", False), ("keep", True)]
)
def test_pseudonyms_are_names_of_limited_letters(mode: Mode, *, comes: bool) -> None:
    name = "unal-7"
    sheet = Sheet(KEY, modes={"user_id": mode})
    told = sheet.pseudonym("user_id", name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{5,64}", told)
    assert sheet.pseudonym("user_id", name) == told
    assert (sheet.restorer().text(told) == name) == comes


def test_spans_over_one_another_are_refused() -> None:
    with pytest.raises(MaskError):
        Sheet(KEY).replace("abcdef", [Span(0, 4, "person"), Span(2, 5, "person")])
    with pytest.raises(MaskError):
        Sheet(KEY).replace("abc", [Span(0, 4, "person")])
    same = "nothing"
    assert Sheet(KEY).replace(same, []) is same


def test_threads_may_share_a_sheet() -> None:
    sheet = Sheet(KEY)
    values = [f"user{number % 50}@firm.test" for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda value: alone(sheet, "email", value), values))
    assert told == [alone(Sheet(KEY), "email", value) for value in values]
    assert len(sheet.entries) == 50
