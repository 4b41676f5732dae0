"""Facts that change while gateways run: set, checked, followed, cleared; what cannot be read is unknown."""

from __future__ import annotations

import logging
from typing import Any, Literal

import msgspec
import pytest

from weighbridge import settings
from weighbridge.access import facts
from weighbridge.canon import FactChange, Policy, Price, Record
from weighbridge.engines.catalogue import Catalogue, load
from weighbridge.engines.facts import FIELDS
from weighbridge.errors import InputError, NotFoundError
from weighbridge.routes.policy import judged
from weighbridge.store.state import State

CONFIG = """
[models."writer:8b"]
lab = "test"
open_weights = true
[hosts.far]
url = "http://far.invalid/v1"
auth = "none"
jurisdiction = "DE"
[offers."writer:8b@far"]
price = [{ input = 1.0, output = 2.0 }, { input = 3.0, output = 4.0, valid_from = "2030-01-01" }]
"""
NAME = "writer:8b@far"
AT = 1_764_000_000.0  # 2025-11-24
BY: dict[str, Any] = {"who": "t", "at": AT}


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Catalogue:
    file = tmp_path_factory.mktemp("catalogue") / "weighbridge.toml"
    file.write_text(CONFIG)
    return load(settings.load(file, environ={}))


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def put(state, known, kind, name, field, value, **more):
    return facts.set_fact(state, known, FactChange(kind, name, field, value, **more), **BY)


@pytest.mark.parametrize(
    ("kind", "name", "field", "typed", "kept"),
    [
        ("host", "far", "jurisdiction", "US", "US"),
        ("host", "far", "retention_days", "30", 30),
        ("host", "far", "trains_on_inputs", "true", True),
        ("host", "far", "trains_on_inputs", False, False),
        ("host", "far", "cleared_for", "personal", "personal"),
        ("model", "writer:8b", "open_weights", "false", False),
        ("model", "writer:8b", "licence", "MIT", "MIT"),
        ("engine", NAME, "first_token", "0.8", 0.8),
        ("engine", NAME, "retired", "2026-01-31", "2026-01-31"),
    ],
)
def test_a_fact_holds_from_now_on_and_the_catalogues_own_after_it_was_cleared(
    state, known, kind, name, field, typed, kept
) -> None:
    def row(catalogue):
        one = catalogue.engine(NAME)
        return {"host": one.host, "model": one.model, "engine": one.offer}[kind]

    def value(catalogue):
        return getattr(row(catalogue), field)

    before = value(known)
    assert put(state, known, kind, name, field, typed, source="a letter").value == kept
    now = facts.current(state, known)
    assert (value(now), value(known)) == (kept, before)
    assert row(now).sources[field].source == "a letter"
    put(state, known, kind, name, field, None)
    assert value(facts.current(state, known)) in (None, "")
    facts.clear_fact(state, kind, name, field, **BY)
    assert value(facts.current(state, known)) == before
    with pytest.raises(NotFoundError, match="was not set"):
        facts.clear_fact(state, kind, name, field, **BY)


def price(catalogue: Catalogue, day: str = "2025-11-24") -> Price:
    found = catalogue.engine(NAME).price_at(day)
    assert found is not None
    return found


def test_a_price_holds_from_its_day_on_and_what_was_announced_stays(state, known) -> None:
    put(state, known, "engine", NAME, "output_price", "9.5")
    now = facts.current(state, known)
    assert [price(now, day).output for day in ("2025-11-23", "2025-11-24", "2030-01-01")] == [
        2_000_000,
        9_500_000,
        4_000_000,
    ]
    assert price(now).input == 1_000_000
    put(state, known, "engine", NAME, "input_price", None)
    now = facts.current(state, known)
    assert (price(now).input, price(now).output) == (None, 9_500_000)
    assert price(known).output == 2_000_000


@pytest.mark.parametrize(
    ("kind", "name", "field", "value", "message"),
    [
        ("host", "fat", "jurisdiction", "US", "Did you mean 'far'"),
        ("host", "far", "jurisdction", "US", "Did you mean 'jurisdiction'"),
        ("host", "far", "url", "http://evil.invalid", "No fact of a host is called 'url'"),
        ("host", "far", "key_env", "OTHER_KEY", "No fact of a host"),
        ("host", "far", "jurisdiction", "Germany", "no country"),
        ("host", "far", "jurisdiction", "", "is empty"),
        ("host", "far", "jurisdiction", "\x1b[2J", "cannot be printed"),
        ("host", "far", "jurisdiction", True, "no yes or no"),
        ("host", "far", "retention_days", "-1", "not possible"),
        ("host", "far", "retention_days", "soon", "retention_days"),
        ("host", "far", "retention_days", 1.5, "retention_days"),
        ("host", "far", "trains_on_inputs", "perhaps", "trains_on_inputs"),
        ("host", "far", "cleared_for", "all", "no data class"),
        ("engine", NAME, "first_token", "nan", "not possible"),
        ("engine", NAME, "input_price", "nan", "must"),
        ("engine", NAME, "input_price", "-1", "must lie"),
        ("engine", NAME, "retired", "soon", "not a day"),
    ],
)
def test_what_means_nothing_is_refused_and_not_kept(state, known, kind, name, field, value, message) -> None:
    with pytest.raises((InputError, NotFoundError), match=message):
        put(state, known, kind, name, field, value)
    assert facts.listed(state) == []


def test_a_process_follows(state, known) -> None:
    told: list[Catalogue] = []
    mine = facts.Facts(known, told.append)
    mine.apply(state.records("fact"))
    assert told == []  # nothing to follow yet
    put(state, known, "host", "far", "jurisdiction", "US")
    mine.apply(state.records("fact"))
    assert told[-1].engine(NAME).host.jurisdiction == "US"
    mine.apply([Record("fact", "host:far:jurisdiction", 9, None)])
    assert told[-1].engine(NAME).host.jurisdiction == "DE"
    mine.apply([Record("key", "host:far:jurisdiction", 10, b"{}")])
    assert len(told) == 2


@pytest.mark.parametrize("kind", FIELDS)
def test_a_record_that_cannot_be_read_makes_the_fact_unknown(known, caplog, kind) -> None:
    told: list[Catalogue] = []
    mine = facts.Facts(known, told.append)
    policies = [("r", Policy(jurisdictions=("EU",), no_training=True))]
    name = {"host": "far", "model": "writer:8b", "engine": NAME}[kind]
    with caplog.at_level(logging.ERROR):
        for data in (b"", b"\xff", b"{", b'{"kind":"host","name":"far","field":"url","value":"http://x"}'):
            mine.apply([Record("fact", f"{kind}:{name}:{FIELDS[kind][1]}", 1, data)])
            mine.apply([Record("fact", "nonsense", 2, data)])
    one = told[-1].engine(NAME)
    assert one.host.url == "http://far.invalid/v1"
    (verdict,) = judged([one], None, policies, day="2025-11-24")
    assert verdict.refusals
    assert "counts as unknown" in caplog.text


def test_the_audit_log_tells_who_and_what(state, known) -> None:
    kept = put(state, known, "host", "far", "jurisdiction", "US", source="a letter")
    assert facts.record_name(kept) == "host:far:jurisdiction"
    act = state.acts()[-1].act
    assert (act.action, act.subject, act.detail) == (
        "fact.set",
        "host:far:jurisdiction",
        {"value": "US", "source": "a letter"},
    )


def test_facts_about_what_is_gone_are_passed_over(known) -> None:
    kinds: tuple[Literal["model", "host", "engine"], ...] = ("model", "host", "engine")
    assert set(kinds) == set(FIELDS)
    gone = [FactChange(kind, "gone", field) for kind in kinds for field in FIELDS[kind]]
    made = known.with_facts(gone)
    assert made.engine(NAME) == known.engine(NAME)
    assert msgspec.json.encode(made.engine(NAME))
