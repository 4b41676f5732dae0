"""Values come back wherever a stream is cut, in texts and in JSON, and nothing else changes."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from weighbridge.canon import WayOut
from weighbridge.errors import MaskError
from weighbridge.mask.entries import Entry
from weighbridge.mask.matching import Patterns
from weighbridge.mask.restore import Restorer

ANNA = ("Anna", "Morvabael")
ENTRIES = (
    Entry("person", "Anna Kowalska", "Morvabael Relmidyth", parts=(ANNA, ("Kowalska", "Relmidyth"))),
    Entry("person", "Anna", "Morvabael", parts=(ANNA,)),
    Entry("person", "王小明", "钟离澜璟", parts=(("王", "钟离"), ("小明", "澜璟"))),
    Entry("ip", "10.1.1.7", "192.0.2.1"),
    Entry("ip", "10.9.9.9", "192.0.2.12"),
    Entry("email", "anna@firm.test", "morvabael.x@example.com"),
    Entry("phone", "+44 20 7946 0958", "+99 90 1234 5678"),
    Entry("address", '1 "High" St\nLeeds \\ UK', "ADDRESS_k7f2q9", "token"),
    Entry("card", "4111 1111 1111 1111", "CARD_bbbb22", "token"),
    Entry("card", "4242", "[CARD_cccc33]", "token", "glued"),
    Entry("id_number", "815", "ID_NUMBER_dddd44", "token", "bare"),
)
PATTERNS = Patterns(ENTRIES)
RESTORER = Restorer(PATTERNS)
PIECES = [entry.surrogate for entry in ENTRIES] + [word for entry in ENTRIES for _, word in entry.parts]
PIECES += [
    " ",
    ".",
    "'s",
    "s",
    "S",
    "x",
    "1",
    "_",
    "[",
    "]",
    "\n",
    "\\",
    '"',
    "ß",
    "é",
    "。",
    "Mor",
    "192.0.2",
    "钟",
    "🙂",
    "ADDRESS_k7",
]
PIECES += [
    "http://a.test/?q=",
    "https://b.test/",
    "![x](",
    ")",
    "<",
    ">",
    "src=",
    "MORVABAEL",
    "morvabael",
    "Anna",
    "CARD_",
    "%20",
]
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
cuts = st.lists(st.integers(0, 400), max_size=40)


def pieces(text: str, places: list[int]) -> list[str]:
    bounds = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


@given(texts, cuts, st.sampled_from(["restore", "keep"]))
@examples(max_examples=300)
def test_a_stream_says_the_same_however_it_is_cut(text: str, places: list[int], urls: WayOut) -> None:
    restorer = Restorer(PATTERNS, urls=urls, hosts=frozenset({"b.test"}))
    stream = restorer.stream()
    assert "".join([*map(stream.feed, pieces(text, places)), stream.close()]) == restorer.text(text)
    assert stream.close() == ""


@given(said=texts, places=cuts, ascii_only=st.booleans(), nested=st.booleans())
@examples(max_examples=300)
def test_json_in_pieces_stays_json(*, said: str, places: list[int], ascii_only: bool, nested: bool) -> None:
    text = json.dumps({"a": said, said: [1]}, ensure_ascii=ascii_only)
    text = json.dumps([text]) if nested else text
    stream = RESTORER.stream(json=True)
    made = "".join([*map(stream.feed, pieces(text, places)), stream.close()])
    assert made == RESTORER.json(text)
    tree = json.loads(made)
    assert not nested or json.loads(tree[0])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"a": "ID_NUMBER_dddd44"}, {"a": 815}),
        ({"a": ["ID_NUMBER_dddd44"], "b": '"ID_NUMBER_dddd44'}, {"a": [815], "b": '"815'}),
        ({"a": 'say "ID_NUMBER_dddd44" now'}, {"a": 'say "815" now'}),
        ({"a": '{"b": "ID_NUMBER_dddd44"}'}, {"a": '{"b": 815}'}),
        ({"a": '{"b": "\\"ID_NUMBER_dddd44\\""}'}, {"a": '{"b": "\\"815\\""}'}),
        ({"ID_NUMBER_dddd44": 1}, {"815": 1}),
    ],
)
def test_a_number_of_json_is_one_again_only_where_it_was_a_string_of_its_own(said: object, meant: object) -> None:
    assert json.loads(RESTORER.json(json.dumps(said))) == meant
    stream = RESTORER.stream(json=True)
    assert json.loads("".join([*map(stream.feed, json.dumps(said)), stream.close()])) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Ask Morvabael Relmidyth.", "Ask Anna Kowalska."),
        ("Morvabael's and Relmidyths keys", "Anna's and Kowalskas keys"),
        ("MORVABAEL, morvabael, MORVABAELS", "ANNA, anna, ANNAS"),
        ("MORVABAEL RELMIDYTH relmidyth", "ANNA KOWALSKA kowalska"),
        ("Morvabaelle xMorvabael mORvabael stay", "Morvabaelle xMorvabael mORvabael stay"),
        ("192.0.2.12 and 192.0.2.1, 192.0.2.123", "10.9.9.9 and 10.1.1.7, 192.0.2.123"),
        ("MORVABAEL.X@EXAMPLE.COM", "anna@firm.test"),
        ("他叫钟离澜璟吗,钟离先生", "他叫王小明吗,王先生"),
        ("card_BBBB22! CARD_bbbb22", "4111 1111 1111 1111! 4111 1111 1111 1111"),
        ("**Morvabael**_Relmidyth_", "**Anna**_Kowalska_"),
        ("x[CARD_cccc33]y", "x4242y"),
        ("morvabael.x%40example.com", "anna%40firm.test"),
        ("+99 90 1234 5678", "+44 20 7946 0958"),
        (r"line\nMorvabael", r"line\nAnna"),
        ("", ""),
    ],
)
def test_what_engines_make_of_a_surrogate(said: str, meant: str) -> None:
    assert RESTORER.text(said) == meant


def test_values_are_escaped_as_deep_as_they_stand() -> None:
    tree = {"to": "ADDRESS_k7f2q9", "who": "钟离澜璟", "list": "a\nMorvabael\tMorvabael", "id": "ID_NUMBER_dddd44"}
    meant = {"to": '1 "High" St\nLeeds \\ UK', "who": "王小明", "list": "a\nAnna\tAnna", "id": 815}
    one = json.dumps(tree)
    assert json.loads(RESTORER.json(one)) == meant
    two = json.dumps({"arguments": one, "text": "ADDRESS_k7f2q9"})
    back = json.loads(RESTORER.json(two))
    assert json.loads(back["arguments"]) == meant
    assert back["text"] == meant["to"]


def test_what_came_back_is_not_looked_at_again() -> None:
    one, other = "EMAIL_bbbb22", "EMAIL_cccc33"
    restorer = Restorer(Patterns([Entry("x", other, one, "token"), Entry("x", one, other, "token")]))
    assert restorer.text(f"{one} {other}") == f"{other} {one}"


def test_no_more_is_held_back_than_may_become_a_surrogate() -> None:
    stream = RESTORER.stream()
    assert stream.feed("Say Mor") == "Say "
    assert stream.feed("e!") == "More!"
    assert stream.feed("x Morvabael") == "x "
    assert stream.feed(" ") == ""  # it may be the whole name
    assert stream.feed("Z") == "Anna Z"
    assert stream.close() == ""
    stream = RESTORER.stream()
    assert stream.feed("CARD_bbbb22") == "4111 1111 1111 1111"
    assert stream.feed("the long way round") == "the long way round"


LEAVING = [
    "see https://evil.test/?q={} now",
    "![x](https://evil.test/{})",
    "![x](https://evil.test/a(b){})",
    '<img src="https://evil.test/?q=a {}">',
    "![x](<https://evil.test/?q=a {}>)",
    "[x]: https://evil.test/{}",
    "![x](//evil.test/{})",
    "![x](https&#58;//evil.test/{})",
    "www.evil.test/{}",
    "https://good.test@evil.test/{}",
    "https://good.test.evil.test/{}",
    "https://{}.evil.test/",
    "https:\\\\evil.test/{}",
]


@pytest.mark.parametrize("form", LEAVING)
def test_addresses_are_a_way_out(form: str) -> None:
    text = form.format("Morvabael")
    assert RESTORER.text(text) == form.format("Anna")
    kept = Restorer(PATTERNS, urls="keep", hosts=frozenset({"good.test"}))
    assert kept.text(f"{text} \n\nMorvabael") == f"{text} \n\nAnna"
    refusing = Restorer(PATTERNS, urls="refuse")
    with pytest.raises(MaskError) as caught:
        refusing.text(text)
    assert "Anna" not in str(caught.value)
    stream = refusing.stream()
    with pytest.raises(MaskError):
        [*map(stream.feed, text), stream.close()]


@pytest.mark.parametrize(
    "form",
    [
        "https://good.test/?q={}",
        "![x](https://good.test:8080/{})",
        "[mail](mailto:{})",
        "[page](/people/{})",
        "https://evil.test/ {}",
        "[x](https://evil.test/) {}",
        '{{"url":"https://evil.test/","name":"{}"}}',
        "<https://evil.test/>{}",
    ],
)
def test_what_stays_with_the_caller_comes_back(form: str) -> None:
    kept = Restorer(PATTERNS, urls="keep", hosts=frozenset({"good.test"}))
    assert kept.text(form.format("Morvabael")) == form.format("Anna")


def test_an_address_that_is_a_value_comes_back_whole() -> None:
    entry = Entry("url_credentials", "https://user:pw@db.test/", "URL_CREDENTIALS_bbbb22", "token")
    assert Restorer(Patterns([entry]), urls="keep").text("at URL_CREDENTIALS_bbbb22.") == "at https://user:pw@db.test/."


def test_the_end_of_a_string_of_json_ends_an_address() -> None:
    kept = Restorer(PATTERNS, urls="keep")
    text = '{"url":"https:\\/\\/evil.test\\/?q=Morvabael","name":"Morvabael"}'
    assert kept.json(text) == '{"url":"https:\\/\\/evil.test\\/?q=Morvabael","name":"Anna"}'


@given(texts)
def test_places_follow(text: str) -> None:
    place = RESTORER.offsets(text)
    made = RESTORER.text(text)
    assert place(0) == 0
    assert place(len(text)) == len(made)
    moved = [place(offset) for offset in range(len(text) + 1)]
    assert moved == sorted(moved)


def test_places_of_a_citation() -> None:
    text = "Ask Morvabael Relmidyth now"
    place = RESTORER.offsets(text)
    made = RESTORER.text(text)
    assert made[place(4) : place(23)] == "Anna Kowalska"
    assert made[place(24) : place(27)] == "now"


def test_nothing_to_restore_changes_nothing() -> None:
    empty = Restorer(Patterns([Entry("x", "a", "b", "hash")]))
    assert not empty.active
    assert empty.stream().feed("Mor") == "Mor"
    assert RESTORER.active
    same = "nothing is here"
    assert RESTORER.text(same) is same
