"""The canonical form: RFC 8785, against what its authors publish and against its own idempotence."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.document import canonical

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (333333333.3333332, "333333333.3333332"),
        (1424953923781206.2, "1424953923781206.2"),
        (4.5, "4.5"),
        (0.002, "0.002"),
        (2**53 + 1, "9007199254740992"),
    ],
)
def test_numbers_are_written_as_the_standard_s_own_table_has_them(number, told):
    assert canonical.encode(number).decode() == told
    assert canonical.encode([number, "x"]).decode() == f'[{told},"x"]'


def test_members_are_sorted_by_utf_16_and_texts_escape_only_what_must_be():
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    keys = [key for key, _ in json.loads(canonical.encode(value), object_pairs_hook=list)]
    assert keys == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert (
        canonical.encode('\u20ac$\x0f\nA\'B"\\"/\x7f\u2028') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/\x7f\u2028"'.encode()
    )


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_it_is_one_form_however_it_is_reached(value):
    made = canonical.encode(value)
    assert canonical.brief(value) == made
    again = json.loads(made)
    assert canonical.encode(again) == made
    if isinstance(value, dict):
        assert canonical.joined(canonical.members(value)) == made


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.5, -math.inf], {"a": math.nan}, "\ud800", 10**400])
def test_what_json_cannot_hold_is_refused(value):
    for write in (canonical.encode, canonical.brief):
        with pytest.raises(InputError):
            write(value)


def test_depth_is_bounded():
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InputError, match="too deep"):
        canonical.brief(deep)
