"""What was found once is found everywhere in a conversation."""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation and letters of all kinds stand in what people write
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import MaskTier, Span
from weighbridge.mask.spread import spread


def spans_of(text: str, *values: str, kind: str = "person", tier: MaskTier = "name") -> list[Span]:
    return [Span(text.index(value), text.index(value) + len(value), kind, tier, 0.8) for value in values]


def spread_from(value: str, other: str, kind: str = "person", tier: MaskTier = "name") -> list[str]:
    """What a value that was found in one message finds in another."""
    first = f"It is {value} here."
    _, found = spread([first, other], [spans_of(first, value, kind=kind, tier=tier), []])
    return [other[span.start : span.end] for span in found]


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("Anna Kowalska", "Then Anna Kowalska left.", ["Anna Kowalska"]),
        ("Anna Kowalska", "ANNA KOWALSKA and anna kowalska", ["ANNA KOWALSKA", "anna kowalska"]),
        ("Anna Kowalska", "Ask Mrs Kowalska, or Anna.", ["Kowalska", "Anna"]),
        ("Anna Kowalska", "Kowalska, Anna", ["Kowalska, Anna"]),
        ("Anna Kowalska", "Anna's desk, Anna’s desk", ["Anna", "Anna"]),
        ("Anna Kowalska", "the Kowalskas came", ["Kowalska"]),
        ("Anna Kowalska", "user annakowalska, file anna_kowalska.txt", ["annakowalska", "anna_kowalska"]),
        ("Dr Anna Kowalska", "Dr Miller", []),
        ("José Müller", "Jose Muller", ["Jose Muller"]),
        ("José Müller", "Jose\u0301 Mu\u0308ller", ["Jose\u0301 Mu\u0308ller"]),
        ("Anna Kowalska", "An\u200bna Kowalska", ["An\u200bna Kowalska"]),
        ("Anna Kowalska", "Ａｎｎａ Kowalska", ["Ａｎｎａ Kowalska"]),
        ("Jean-Luc O'Brien", "Jean Luc O’Brien", ["Jean Luc O’Brien"]),
        ("Vincent van Gogh", "van drivers, van der Berg; Gogh", ["Gogh"]),
        ("Ed Li", "ed and li are letters", []),
        ("Anna Kowalska", "Annabel and Hannah", []),
    ],
)
def test_a_name_is_found_in_its_forms(name, other, expected):
    assert spread_from(name, other) == expected


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Theresa May", "in May we may see"),
        ("Will Young", "I will be young"),
        ("Mark Price", "the mark of a price; Mark it. Price it."),
        ("Anna Monday", "on Monday"),
    ],
)
def test_names_that_are_words_do_not_spread_as_words(name, other):
    assert spread_from(name, other) == []


def test_a_name_that_is_a_word_is_found_with_a_capital_inside_a_sentence():
    assert spread_from("Will Young", "yesterday Will came") == ["Will"]
    assert spread_from("Grace", "Grace came, by the grace of luck") == ["Grace"]


def test_places_and_organisations_spread_whole():
    assert spread_from("Reading", "Reading is by the river; reading is fun", kind="place") == ["Reading"]
    assert spread_from("Acme Steel Works", "acme steel works, and steel works", kind="organisation") == [
        "acme steel works"
    ]


def test_names_without_spaces_are_found_inside_their_runs():
    assert spread_from("张小明", "昨天张小明来了，小明没来", kind="person") == ["张小明"]
    assert spread_from("张小明", "请联系张先生或者老张", kind="person") == ["张", "张"]
    assert spread_from("张小明", "张开双手", kind="person") == []
    assert spread_from("北京", "我去北京看看", kind="place") == ["北京"]


def test_other_values_spread_as_they_are_and_nowhere_else():
    assert spread_from("+49 170 1234567", "again +49 170 1234567!", "phone", "pattern") == ["+49 170 1234567"]
    assert spread_from("AB-123456", "AB-1234567 xAB-123456 AB-123456", "passport", "pattern") == ["AB-123456"]
    long = " ".join(f"{at:04}" for at in range(20))
    assert spread_from(long, f"{long} {long}5", "medical_record", "pattern") == [long]
    assert spread_from("open-sesame", "say open-sesame!", "password", "secret") == ["open-sesame"]
    assert spread_from("12 May 1980", "12 May 1980", "date", "pattern") == []
    assert spread_from("12345", "12345", "postcode", "pattern") == []


def test_what_was_found_stays_with_its_own_score():
    text = "Anna Kowalska, later Anna"
    (found,) = spread([text], [spans_of(text, "Anna Kowalska")])
    assert Span(0, 13, "person", "name", 0.8) in found
    assert found[-1] == Span(21, 25, "person", "name", 0.8 * 0.95)


def test_nothing_found_is_nothing_spread():
    assert spread(["Anna", "Bert"], [[], []]) == [[], []]
    assert spread([], []) == []


WORDS = st.lists(
    st.sampled_from(
        ["Anna", "anna", "Kowalska", "May", "will", ".", ",", "'s", "--", "张小明", "x1", "12", "ß", "İ", "ﬁ"]
    ),
    max_size=30,
)


@given(WORDS, WORDS)
def test_spans_lie_in_their_texts_and_the_old_ones_stay(first, second):
    texts = [" ".join(first), " ".join(second)]
    spans = [[Span(0, min(len(texts[0]), 13), "person", "name", 0.8)] if texts[0] else [], []]
    found = spread(texts, spans)
    for text, before, after in zip(texts, spans, found, strict=True):
        assert set(before) <= set(after)
        assert all(0 <= span.start < span.end <= len(text) for span in after)


def test_many_names_over_many_texts_need_one_pass():
    names = [
        f"Ab{chr(97 + at % 26)}{chr(97 + at // 26 % 26)}{chr(97 + at // 676)}o Kra{chr(97 + at % 26)}u"
        for at in range(1_000)
    ]
    text = ". ".join(names)
    spans = []
    at = 0
    for name in names:
        spans.append(Span(at, at + len(name), "person", "name", 0.8))
        at += len(name) + 2
    found = spread([text, text * 3], [spans, []])
    assert len(found[1]) >= 3_000


def test_a_thing_of_a_program_is_no_person_where_the_program_says_it() -> None:
    said = "Write to Decimal Quillmoor, token zk3v9q7w1x8r."
    code = "import decimal\nx = Decimal(1)\ny = decimal.Decimal(2)\nprint(Decimal(x))\nkey = 'zk3v9q7w1x8r'\n"
    secret = Span(34, 46, "password", "secret", 0.8)
    _, found = spread([said, code], [[Span(9, 26, "person", "name", 0.85), secret], []])
    assert [code[span.start : span.end] for span in found] == ["zk3v9q7w1x8r"]
