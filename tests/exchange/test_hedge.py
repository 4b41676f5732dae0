"""How often may be asked twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.exchange.hedge import Hedges


@settings(max_examples=100)
@given(st.floats(0, 1), st.lists(st.booleans(), max_size=300))
def test_never_more_than_the_share(share: float, wanted: list[bool]) -> None:
    hedges, taken = Hedges(), 0
    for number, wants in enumerate(wanted, 1):
        hedges.seen("r", share)
        taken += wants and hedges.take("r")
        assert taken <= share * number + 1e-6


def test_the_share_is_used_where_it_is_wanted() -> None:
    hedges, taken = Hedges(), 0
    for _ in range(1000):
        hedges.seen("r", 0.05)
        taken += hedges.take("r")
    assert taken == 50


def test_what_is_saved_up_is_bounded_and_each_routes_own() -> None:
    hedges = Hedges()
    for _ in range(10_000):
        hedges.seen("quiet", 0.5)
    assert sum(hedges.take("quiet") for _ in range(100)) == 10
    assert not hedges.take("other")
