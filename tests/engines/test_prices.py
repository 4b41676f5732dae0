"""Prices by length, by service tier and of the cache: read exactly, refused where they mean nothing, never negative."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Engine, Host, Model, Offer, Price, Profile, Service, Tier, Usage
from weighbridge.engines.rows import RowError, read_price

DAY = "2026-01-01"
M = 1_000_000
LONG = {
    "input": 1,
    "cached": 0.1,
    "cache_written": 1.25,
    "output": 10,
    "tiers": [{"above": 400, "input": 4, "output": 40}, {"above": 200, "input": 2, "cached": 0.2}],
    "service": {
        "batch": {"input": 0.5, "output": 5, "tiers": [{"above": 200, "output": 7}]},
        "priority": {"output": 30},
    },
}


def engine(price: Price) -> Engine:
    return Engine(Model("m"), Host("h"), Offer("m", "h", prices=(price,)), Profile("p"))


def cost(usage: Usage, service: str = "", row: dict[str, Any] | None = None) -> int | None:
    return engine(read_price(row or LONG, "", {})).cost(usage, DAY, service)


def test_a_price_is_read_whole() -> None:
    assert read_price(LONG, "s", {}) == Price(
        M,
        M // 10,
        10 * M,
        source="s",
        cache_written=M * 5 // 4,
        tiers=(Tier(200, 2 * M, M // 5), Tier(400, 4 * M, output=40 * M)),
        service={
            "batch": Service(M // 2, output=5 * M, tiers=(Tier(200, output=7 * M),)),
            "priority": Service(output=30 * M),
        },
    )


def test_what_is_written_to_a_cache_has_its_own_price() -> None:
    assert cost(Usage(100, cached=40, cache_written=20, output=3)) == 40 + 4 + 25 + 30
    assert cost(Usage(100, cache_written=20), row={"input": 1, "output": 1}) == 100


@pytest.mark.parametrize(
    ("tokens", "expected"), [(200, 200 + 10), (201, 2 * 201 + 10), (400, 2 * 400 + 10), (401, 4 * 401 + 40)]
)
def test_a_long_request_costs_more_as_a_whole(tokens: int, expected: int) -> None:
    assert cost(Usage(tokens, output=1)) == expected


def test_what_a_tier_leaves_out_stays() -> None:
    assert cost(Usage(401, cached=401)) == -(-401 * 2 // 10)  # of the tier before


@pytest.mark.parametrize(
    ("service", "tokens", "expected"),
    [
        ("batch", 100, 50 + 5),
        ("batch", 300, 150 + 7),
        ("priority", 100, 100 + 30),
        ("priority", 300, 600 + 30),
        ("flex", 100, 100 + 10),  # nothing is said of it
        ("", 100, 100 + 10),
    ],
)
def test_a_service_tier_has_its_own_figures(service: str, tokens: int, expected: int) -> None:
    assert cost(Usage(tokens, output=1), service) == expected


def test_a_price_that_is_not_known_in_full_is_unknown() -> None:
    assert cost(Usage(1), row={"input": 1}) is None
    assert cost(Usage(1), "batch", {"service": {"batch": {"input": 1, "output": 1}}}) == 1
    assert cost(Usage(1), "", {"service": {"batch": {"input": 1, "output": 1}}}) is None


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"tiers": {"above": 1}}, "'tiers' must be a list of tables"),
        ({"tiers": [3]}, "'tiers' must be a list of tables"),
        ({"tiers": [{"input": 1}]}, "'above' in 'tiers' must be a whole number of tokens, not None"),
        ({"tiers": [{"above": True}]}, "whole number"),
        ({"tiers": [{"above": -1}]}, "whole number"),
        ({"tiers": [{"above": 1}, {"above": 1}]}, "begin at the same length"),
        ({"tiers": [{"above": 1, "inptu": 1}]}, "Unknown field 'inptu'"),
        ({"tiers": [{"above": 1, "input": -1}]}, "price in 'tiers'"),
        ({"service": [1]}, "'service' must be a table of tables"),
        ({"service": {"batch": 1}}, "'service' must be a table of tables"),
        ({"service": {"batch": {"inptu": 1}}}, "Unknown field 'inptu'"),
        ({"service": {"batch": {"input": "1"}}}, "price in 'service.batch'"),
        ({"service": {"batch": {"tiers": 1}}}, "'service.batch.tiers' must be a list"),
    ],
)
def test_what_means_nothing_is_refused(row: dict[str, Any], what: str) -> None:
    with pytest.raises(RowError) as error:
        read_price({"input": 1, "output": 1, **row}, "", {})
    assert what in error.value.what
    assert error.value.fix


COUNTS = st.integers(-5, 2**70)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.sampled_from(["", "batch", "priority"]))
def test_whatever_a_host_claims_the_cost_is_a_number_that_can_be_kept(
    asked: int, cached: int, written: int, output: int, service: str
) -> None:
    found = cost(Usage(asked, cached, output, cache_written=written), service)
    assert found is not None
    assert 0 <= found < 2**63
