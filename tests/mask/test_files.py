"""Rows of tables: what is masked in which cell, and what stays as it is."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canon import Span
from weighbridge.errors import InputError, MaskError
from weighbridge.mask.bulk import Bulk, Said
from weighbridge.mask.files import Cell, Rows, chosen
from weighbridge.mask.kinds import masked_kinds
from weighbridge.mask.scan import Scanner
from weighbridge.mask.sheet import Sheet

KEY = bytes(range(32))


class People:
    """Finds the words that it was given, as a model would."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.asked: list[tuple[str, int]] = []

    def find(self, texts, *, language=""):
        self.asked.append((language, len(texts)))
        return [
            [Span(m.start(), m.end(), "person", "name", 0.9) for word in self.words for m in re.finditer(word, text)]
            for text in texts
        ]


def rows(names=None, **more) -> Rows:
    return Rows(Bulk(Scanner(), names), Sheet(KEY), **more)


def cut(text: str, spans: list[Span]) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in spans]


def test_each_group_stands_for_itself():
    bulk = Bulk(Scanner(), People("Anna Schmidt"))
    one, other = bulk.find([[Said("Anna Schmidt called."), Said("Ask Anna.")], [Said("Ask Anna.")]])
    assert cut("Anna Schmidt called.", one[0]) == [("person", "Anna Schmidt")]
    assert cut("Ask Anna.", one[1]) == [("person", "Anna")]
    assert other == [[]]


def test_what_a_text_is_about_tells_its_kind_and_is_no_part_of_it():
    text = "1980-02-03"
    [[plain]] = Bulk(Scanner()).find([[Said(text)]], kinds={"date_of_birth"})
    [[told]] = Bulk(Scanner()).find([[Said(text, "dateOfBirth")]], kinds={"date_of_birth"})
    assert plain == []
    assert cut(text, told) == [("date_of_birth", text)]
    [[name]] = Bulk(Scanner(), People("patient: Jo", "patient")).find([[Said("Jo", "patient")]])
    assert cut("Jo", name) == [("person", "Jo")]


def test_texts_are_given_to_the_model_once_and_by_language():
    people = People("Jo")
    bulk = Bulk(Scanner(), people)
    bulk.find([[Said("Jo", language="de")], [Said("Jo", language="de"), Said("Jo")], [Said("Li", language="de")]])
    assert people.asked == [("de", 2), ("", 1)]
    people.asked.clear()
    bulk.find([[Said("Jo")]], kinds={"email"})
    assert people.asked == []


def test_a_failing_detector_lets_nothing_pass_and_tells_nothing():
    class Broken:
        def find(self, texts, *, language=""):
            raise ValueError(texts[0])

    with pytest.raises(MaskError) as caught:
        Bulk(Scanner(), Broken()).find([[Said("secret words")]])
    assert "secret words" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_same_value_has_the_same_surrogate_in_all_rows():
    table = rows()
    made = table.mask([[Cell("mail", "jo@hospital.test")], [Cell("note", "to jo@hospital.test, now")]])
    made += table.mask([[Cell("mail", "jo@hospital.test")], [Cell("mail", "li@hospital.test")]])
    assert "hospital" not in str(made)
    assert made[0] == made[2] != made[3]
    assert made[1] == [f"to {made[0][0]}, now"]
    assert table.counts == {"mail": {"email": 3}, "note": {"email": 1}}


def test_nested_values_are_looked_through_and_the_rest_is_byte_for_byte():
    text = '{"to": ["jo\\u0040hospital.test", 7],  "n": null, "who": {"x": "a \\"b\\""}}'
    [[made]] = rows().mask([[Cell("data", text, json=True)]])
    assert "hospital" not in made
    assert made.endswith(', 7],  "n": null, "who": {"x": "a \\"b\\""}}')
    assert json.loads(made)["to"][0].count("@") == 1
    [[inside]] = rows().mask([[Cell("data", '{"card": 4111111111111111}')]])
    assert "4111111111111111" not in inside
    assert list(json.loads(inside)) == ["card"]


def test_kinds_that_are_not_wanted_stay():
    [[made]] = rows(kinds={"email"}).mask([[Cell("x", "jo@hospital.test 4111 1111 1111 1111")]])
    assert "4111 1111 1111 1111" in made
    assert "hospital" not in made


def test_a_first_row_with_values_names_no_columns():
    assert rows().holds_values(["7", "jo@hospital.test"])
    assert not rows().holds_values(["id", "email", "Date of birth", "2024"])


def test_levels_modes_and_own_words_say_what_is_masked():
    assert masked_kinds("none", {}) == frozenset()
    assert {"api_key", "codename"} <= masked_kinds("secrets", {}, ["codename"])
    assert "email" not in masked_kinds("secrets", {})
    assert masked_kinds("personal", {}) < masked_kinds("strict", {})
    changed = masked_kinds("personal", {"email": "keep", "place": "token"})
    assert "email" not in changed
    assert "place" in changed


def test_a_column_that_is_not_there_is_named_with_what_may_be_meant():
    chosen(["email"], ["id", "email"], "t.csv")
    with pytest.raises(InputError, match="'emial'") as caught:
        chosen(["id", "emial"], ["id", "email"], "t.csv")
    assert "'email'" in caught.value.fix


@settings(max_examples=10)  # every text is looked through for all that there is
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=4))
def test_what_holds_nothing_stays_and_values_go_wherever_they_stand(around):
    table = rows(kinds={"email"})
    texts = [f"{before} jo@hospital.test {after}" for before, after in around if "@" not in before + after]
    made = table.mask([[Cell("note", text), Cell("other", "plain words")] for text in texts])
    assert all("jo@hospital.test" not in row[0] and row[1] == "plain words" for row in made)
