"""JSON: what escapes hide is found, everything else stays byte for byte, and JSON it stays."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Span
from weighbridge.mask.jsontext import JsonView
from weighbridge.mask.sheet import Sheet

KEY = b"k" * 32
NAME = "Jo Blöggs"


def find(*values: str, kind: str = "person") -> Callable[[str], list[Span]]:
    return lambda text: [Span(m.start(), m.end(), kind) for m in re.finditer("|".join(map(re.escape, values)), text)]


leaves = (
    st.none()
    | st.booleans()
    | st.integers(0, 99)
    | st.text(max_size=6)
    | st.sampled_from([NAME, f'x "{NAME}"\n', "é Jo"])
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just(NAME), inner, max_size=3),
    max_leaves=8,
)


@given(tree=trees, ascii_only=st.booleans(), depth=st.integers(0, 2))
def test_json_stays_json_and_comes_back(*, tree: Any, ascii_only: bool, depth: int) -> None:
    raw = json.dumps([tree], ensure_ascii=ascii_only, indent=1)
    for _ in range(depth):
        raw = json.dumps({"inner": raw, "n": 1}, ensure_ascii=ascii_only)
    sheet = Sheet(KEY)
    told = sheet.replace_json(raw, find(NAME))
    assert "Bl" not in told or "Bl" in raw.replace("Jo Bl", "")
    assert (told is raw) == ("Jo Bl" not in raw)
    back: Any = sheet.restorer().json(told)
    for _ in range(depth):
        back = json.loads(back)["inner"]
    assert json.loads(back) == [tree]


@given(st.text(alphabet='{}[]",:\\nu0dé1 8"', max_size=40))
def test_whatever_it_is_every_place_leads_back(raw: str) -> None:
    view = JsonView(raw)
    ends = [view.raw(at, at + 1) for at in range(len(view.text))]
    assert all(0 <= start < end <= len(raw) for start, end in ends)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(ends))
    for (start, end), char in zip(ends, view.text, strict=True):
        if end - start == 1:
            assert raw[start] == char
    assert Sheet(KEY).replace_json(raw, lambda _: []) is raw


def test_what_json_hides_is_found_and_the_rest_stays_as_it_is() -> None:
    sheet = Sheet(KEY)
    raw = '{ "a":"J\\u00fcrgen",  "b" : "x\\nJürgen\\/", "Jürgen":1e5, "n": true }'
    told = sheet.replace_json(raw, find("Jürgen"))
    name = sheet.replace("Jürgen", [Span(0, 6, "person")])
    assert told == f'{{ "a":"{name}",  "b" : "x\\n{name}\\/", "{name}":1e5, "n": true }}'


def test_numbers_become_strings_and_come_back_as_numbers() -> None:
    sheet = Sheet(KEY)
    raw = json.dumps({"n": 5551234567, "s": "5551234567", "deep": json.dumps({"n": 5551234567})})
    told = sheet.replace_json(raw, find("5551234567", kind="bank_account"))
    assert "5551234567" not in told
    tree = json.loads(told)
    assert isinstance(tree["n"], str)
    assert isinstance(json.loads(tree["deep"])["n"], str)
    assert sheet.restorer().json(told) == raw


def test_a_part_of_a_number_takes_all_of_it() -> None:
    sheet = Sheet(KEY)
    told = sheet.replace_json("[-5551234567.25, 17]", find("5551234567", kind="bank_account"))
    assert re.fullmatch(r'\["BANK_ACCOUNT_\w{6}", 17\]', told)


def test_a_span_over_several_strings_leaves_what_holds_them_together() -> None:
    sheet = Sheet(KEY)
    raw = '["1 High St", "Leeds", 42]'
    told = sheet.replace_json(raw, lambda text: [Span(2, len(text) - 1, "address")])
    assert len(json.loads(told)) == 3
    assert not re.search(r"High|Leeds|42", told)
    assert sheet.restorer().json(told) == raw


def test_what_is_cut_off_is_looked_through_with_escapes_and_without() -> None:
    sheet = Sheet(KEY)
    for raw in ('{"a": "J\\u00fcrgen", "b', "{no json Jürgen", '"C:\\Jürgen', '{"p": "C:\\u00fc\\Jürgen", '):
        told = sheet.replace_json(raw, find("Jürgen"))
        assert "rgen" not in told
    assert "athan" not in sheet.replace_json('"C:\\nathan" is cut {', find("nathan"))


def test_it_asks_for_the_same_texts_whatever_it_finds() -> None:
    for raw in ('{"a": "J\\u00fcrgen"}', '{"a": "J\\u00fcrgen', json.dumps([json.dumps(["Jürgen"])])):
        seen: list[list[str]] = []
        for finder in (find("nobody"), find("Jürgen")):
            asked: list[str] = []

            def see(text: str, to: list[str] = asked, found: Callable[[str], list[Span]] = finder) -> list[Span]:
                to.append(text)
                return found(text)

            Sheet(KEY).replace_json(raw, see)
            seen.append(asked)
        assert seen[0] == seen[1]


def test_depth_is_bounded() -> None:
    raw = json.dumps("Jürgen")
    for _ in range(9):
        raw = json.dumps([raw])
    view = JsonView(raw)
    assert len(view.text) <= len(raw)
    assert not JsonView("[" * 5000).valid
