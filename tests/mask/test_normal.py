"""The plain form of a text, and encoded data within it."""

# ruff: noqa: RUF001 - wide characters are what is tested

import base64
import random

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.mask.normal import plain, skipped


def test_wide_letters_digits_and_odd_hyphens_are_plain():
    view = plain("ＡＢＣ１２３ ٤٥٦\u00a0७८९\u2011\u2013\u2212")
    assert view.text == "ABC123 456 789---"
    assert view.places is None


def test_what_has_no_width_is_left_out_and_counted():
    text = "4\u200b1\u200d1\ufeff1 end"
    view = plain(text)
    assert view.text == "4111 end"
    start, end = view.original(0, 4)
    assert text[start:end] == "4\u200b1\u200d1\ufeff1"


def test_marks_over_letters_are_composed():
    text = "Jose\u0301 x"
    view = plain(text)
    assert view.text == "Jos\xe9 x"
    assert view.original(0, 4) == (0, 4)
    assert view.original(5, 6) == (6, 7)


def test_lone_surrogates_do_no_harm():
    assert plain("a\ud800b").text == "a\ufffdb"


@given(st.text(alphabet=st.characters()))
def test_the_view_encodes_and_keeps_places(text: str):
    view = plain(text)
    view.text.encode()
    assert len(view.text.lower()) == len(view.text)
    if view.places is None:
        assert len(view.text) == len(text)
    else:
        assert len(view.places) == len(view.text)
        assert list(view.places) == sorted(set(view.places))


@given(st.text(alphabet=st.characters(max_codepoint=0x7F)))
def test_ascii_is_its_own_view(text: str):
    assert plain(text).text == text


def encoded(length: int) -> str:
    return base64.b64encode(random.Random(5).randbytes(length)).decode()


def test_encoded_data_is_told():
    image = f"data:image/png;base64,{encoded(300)}"
    bare = encoded(900)
    text = f"see {image} and {bare} end"
    assert [text[start:end].rstrip("=") for start, end in skipped(text)] == [image.rstrip("="), bare.rstrip("=")]


def test_long_words_paths_and_numbers_are_no_encoded_data():
    assert not skipped("a" * 500)
    assert not skipped("/usr/local/lib" * 40)
    assert not skipped("1234567890" * 50)
    assert not skipped("ACGT" * 100)
