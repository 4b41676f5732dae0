"""Ids of tool calls, one to one, the same in every turn."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.dialects.ids import CallIds

ANTHROPIC = r"[a-zA-Z0-9_-]+"
MISTRAL = r"[a-zA-Z0-9]{9}"


def test_an_id_that_fits_stays():
    ids = CallIds(ANTHROPIC)
    assert ids.out("toolu_01-A") == "toolu_01-A"
    assert CallIds("").out("any thing ☂") == "any thing ☂"


def test_pitfall_06_each_engine_gets_ids_that_it_accepts():
    made = CallIds(MISTRAL, 9).out("call_abc")
    assert re.fullmatch(MISTRAL, made)
    assert CallIds(MISTRAL, 9).out("call_abc") == made
    assert CallIds(MISTRAL, 9).out(made) == made
    long = "x" * 100
    assert len(CallIds(r".{1,64}").out(long)) == 24
    assert re.fullmatch(ANTHROPIC, CallIds(ANTHROPIC).out("functions.f:0"))


def test_two_ids_never_become_one():
    made = CallIds(MISTRAL, 9).out("call_abc")
    ids = CallIds(MISTRAL, 9)
    assert ids.out("call_abc") == made
    other = ids.out(made)  # this very id comes from the engine itself, later
    assert other != made
    assert re.fullmatch(MISTRAL, other)
    assert (ids.out("call_abc"), ids.out(made)) == (made, other)


@given(
    st.lists(st.text(max_size=12), max_size=20), st.sampled_from([(ANTHROPIC, 0), (MISTRAL, 9), ("", 0), (r"\d", 1)])
)
def test_any_ids_are_told_apart_and_told_alike(given_ids, rule):
    ids = CallIds(*rule) if rule != (r"\d", 1) else CallIds(r"[0-9A-Za-z]{1,2}", 2)
    told = [ids.out(each) for each in given_ids]
    assert len(set(told)) == len(set(given_ids))
    assert [ids.out(each) for each in given_ids] == told
    again = CallIds(*rule) if rule != (r"\d", 1) else CallIds(r"[0-9A-Za-z]{1,2}", 2)
    assert [again.out(each) for each in given_ids] == told
