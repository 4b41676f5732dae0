"""Facts against rules: what satisfies, what does not, and that what nobody knows satisfies nothing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import (
    DATA_CLASSES,
    DataClass,
    Engine,
    Fact,
    Host,
    Model,
    Offer,
    Plan,
    Policy,
    Price,
    Profile,
    Request,
    Route,
    Sampling,
    Service,
    Tier,
)
from weighbridge.errors import PolicyError
from weighbridge.routes.policy import Asked, Verdict, asked_of, check_plan, judge, judged, refusal

DAY = "2026-11-23"
SOURCE = "https://facts.example"
#: What satisfies, and what does not, every rule below; `unknown` is an engine of which nobody knows anything.
GOOD: dict[str, dict[str, Any]] = {
    "model": {"lab_country": "FR", "open_weights": True, "licence": "Apache-2.0"},
    "host": {"jurisdiction": "DE", "trains_on_inputs": False, "retention_days": 0, "cleared_for": "secret"},
    "offer": {"first_token": 0.5, "prices": (Price(input=1_000_000, output=2_000_000),), "max_output": 100},
}
BAD: dict[str, dict[str, Any]] = {
    "model": {"lab_country": "CN", "open_weights": False, "licence": "proprietary"},
    "host": {"jurisdiction": "US", "trains_on_inputs": True, "retention_days": 30, "cleared_for": "public"},
    "offer": {"first_token": 5.0, "prices": (Price(input=9_000_000, output=9_000_000),), "max_output": 100_000},
}
RULES = {
    "jurisdictions": (Policy(jurisdictions=("EU", "local")), "host", "jurisdiction"),
    "lab_countries": (Policy(lab_countries=("EU", "CH")), "model", "lab_country"),
    "open_weights": (Policy(open_weights=True), "model", "open_weights"),
    "licences": (Policy(licences=("apache-*", "MIT")), "model", "licence"),
    "no_training": (Policy(no_training=True), "host", "trains_on_inputs"),
    "max_retention_days": (Policy(max_retention_days=7), "host", "retention_days"),
    "data_class": (Policy(data_class="personal"), "host", "cleared_for"),
    "max_input_price": (Policy(max_input_price=2_000_000), "offer", "prices"),
    "max_output_price": (Policy(max_output_price=2_000_000), "offer", "prices"),
    "max_first_token": (Policy(max_first_token=1.0), "offer", "first_token"),
    "max_output": (Policy(max_output=1000), "offer", "max_output"),
    "dialects": (Policy(dialects=("openai-chat",)), "", ""),
}
#: The facts one by one: the kind of row and the field.
FACTS = [(kind, field) for kind, fields in GOOD.items() for field in fields]


def engine(*rows: dict[str, dict[str, Any]], **host: object) -> Engine:
    """An engine with these facts, the later over the earlier; without any, nothing is known of it."""
    laid: dict[str, dict[str, Any]] = {"model": {}, "host": {}, "offer": {}}
    for row in rows:
        for kind, fields in row.items():
            laid[kind] |= fields
    laid["host"] |= host
    sources = {field: Fact(SOURCE) for _, field in FACTS}
    model = Model("m", sources=sources, **laid["model"])
    made = Host("h", url="http://h.invalid", sources=sources, **laid["host"])
    return Engine(model, made, Offer("m", "h", sources=sources, **laid["offer"]), Profile())


def ask(policy: Policy, one: Engine, asked: Asked | None = Asked("openai-chat")) -> Verdict:  # noqa: B008 - frozen
    return judged([one], asked, [("route r", policy)], day=DAY)[0]


def test_the_matrix_covers_every_rule() -> None:
    assert set(RULES) == set(Policy.__struct_fields__) - {"currency"}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", ["good", "bad", "unknown"])
def test_a_rule_looks_at_its_own_fact_alone(rule: str, value: str) -> None:
    policy, *own = RULES[rule]
    for fact in FACTS:
        kind, field = fact
        rows = {"good": [GOOD, {kind: {field: GOOD[kind][field]}}], "bad": [GOOD, {kind: {field: BAD[kind][field]}}]}
        changed = rows.get(value) or [{k: {f: v for f, v in row.items() if (k, f) != fact} for k, row in GOOD.items()}]
        verdict = ask(policy, engine(*changed))
        assert verdict.admitted == (value == "good" or own != [kind, field])
        (finding,) = verdict.findings
        assert (finding.rule, finding.by) == (rule, "route r")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "dialects"])
def test_of_an_engine_nobody_knows_every_rule_refuses(rule: str) -> None:
    (finding,) = ask(RULES[rule][0], engine()).refusals
    assert finding.rule == rule
    assert any(word in finding.reason for word in ("unknown", "nobody", "no limit"))


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule not in ("dialects", "max_output", "max_input_price", "max_output_price")]
)
def test_a_reason_names_the_fact_and_its_source(rule: str) -> None:
    for rows in (GOOD, BAD):
        (finding,) = ask(RULES[rule][0], engine(rows)).findings
        assert SOURCE in finding.reason


def test_no_rule_admits_everything_and_all_of_them_only_what_satisfies_each() -> None:
    assert ask(Policy(), engine()).findings == ()
    every = Policy()
    for policy, *_ in RULES.values():
        every = replace(
            every, **{f: v for f in Policy.__struct_fields__ if (v := getattr(policy, f)) != getattr(Policy(), f)}
        )
    assert ask(every, engine(GOOD)).admitted
    assert {finding.rule for finding in ask(every, engine(BAD)).refusals} == set(RULES) - {"dialects"}


@given(
    st.sets(st.sampled_from(sorted(RULES))), st.sets(st.sampled_from(FACTS)), st.sets(st.sampled_from(sorted(RULES)))
)
def test_to_know_less_or_to_ask_more_never_admits(
    asked: set[str], forgotten: set[tuple[str, str]], more: set[str]
) -> None:
    known = engine(GOOD)
    less = engine({k: {f: v for f, v in row.items() if (k, f) not in forgotten} for k, row in GOOD.items()})

    def admitted(one: Engine, rules: set[str]) -> bool:
        return judged([one], Asked("openai-chat"), [(rule, RULES[rule][0]) for rule in sorted(rules)], day=DAY)[
            0
        ].admitted

    assert admitted(known, asked)
    assert admitted(less, asked) == (not any(tuple(RULES[rule][1:]) in forgotten for rule in asked))
    assert admitted(less, asked) or not admitted(less, asked | more)


# --- single rules -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jurisdiction", "wanted", "fits"),
    [
        ("EU", ("EU",), True),
        ("IE", ("EU",), True),
        ("de", ("DE",), True),
        ("EU", ("DE",), False),
        ("CH", ("EU",), False),
        ("GB", ("EU", "GB"), True),
        ("local", ("EU",), False),
        ("local", ("local",), True),
        ("", ("EU", "US", "CN"), False),
    ],
)
def test_jurisdictions(jurisdiction, wanted, fits) -> None:
    assert ask(Policy(jurisdictions=wanted), engine(jurisdiction=jurisdiction)).admitted == fits


def test_what_runs_here_is_local_whatever_law_it_is_under_and_sees_secrets_unless_set_otherwise() -> None:
    here = Engine(Model("m"), Host("h", serving={"slots": 1}, jurisdiction="DE"), Offer("m", "h"), Profile())
    assert ask(Policy(jurisdictions=("local",), data_class="secret"), here).admitted
    kept = replace(here, host=replace(here.host, cleared_for="internal"))
    assert not ask(Policy(data_class="secret"), kept).admitted
    away = replace(here, host=Host("h", url="http://h.invalid", recorded={"path": "x"}))
    assert not ask(Policy(data_class="internal"), away).admitted


@pytest.mark.parametrize("cleared", ["", *DATA_CLASSES])
def test_the_most_harmful_class_counts(cleared: DataClass) -> None:
    rank = {name: place for place, name in enumerate(("", *DATA_CLASSES))}
    for route, key, request_ in itertools.product(rank, repeat=3):
        policies = [("route r", Policy(data_class=route)), ("key k", Policy(data_class=key))]
        found = judge(engine(cleared_for=cleared), Asked(data_class=request_), policies, day=DAY)
        needed = max(route, key, request_, key=rank.__getitem__)
        assert all(one.admitted for one in found) == (rank[needed] <= rank["public"] or rank[cleared] >= rank[needed])
        if needed:
            places = {"route r": route, "key k": key, "request": request_}
            assert places[found[0].by] == needed


def test_a_clearance_that_is_no_class_clears_for_nothing() -> None:
    assert not ask(Policy(data_class="internal"), engine(cleared_for="everything")).admitted


def test_prices_are_those_of_the_day_in_the_currency_at_their_highest() -> None:
    prices = (Price(input=1, output=1), Price(input=9, output=1, valid_from="2026-11-24"))
    one = engine({"offer": {"prices": prices}})
    policies = [("route r", Policy(max_input_price=5))]
    assert [judged([one], None, policies, day=day)[0].admitted for day in (DAY, "2026-11-24")] == [True, False]
    for price, service, fits in (
        (Price(input=1, output=1, currency="EUR"), "", False),
        (Price(input=0, output=1, currency="EUR"), "", True),  # nothing is nothing in every currency
        (Price(input=1, output=1, tiers=(Tier(200_000, input=6),)), "", False),
        (Price(input=1, output=1, cache_written=6), "", False),
        (Price(input=1, output=1, service={"priority": Service(input=6)}), "", True),
        (Price(input=1, output=1, service={"priority": Service(input=6)}), "priority", False),
        (Price(output=1), "", False),
    ):
        verdict = ask(Policy(max_input_price=5), engine({"offer": {"prices": (price,)}}), Asked(service=service))
        assert verdict.admitted == fits, price


def test_output_is_refused_and_not_clamped() -> None:
    def admitted(most: int | None, n: int | None = None) -> bool:
        request = Request("r", sampling=Sampling(max_tokens=most, n=n))
        asked = asked_of(request, dialect="", data_class="", scope=(), key="")
        return ask(Policy(max_output=1000), engine(BAD), asked).admitted

    assert [admitted(1000), admitted(1001), admitted(500, 2), admitted(501, 2), admitted(None)] == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_a_keys_scope_holds_for_what_a_route_chooses() -> None:
    asked = Asked(scope=("*@h",), key="shop")
    assert judge(engine(), asked, [], day=DAY)[0].admitted
    (finding,) = judge(engine(), replace(asked, scope=("m@other",)), [], day=DAY)
    assert (finding.rule, finding.by, finding.admitted) == ("engines", "key shop", False)


def test_requests_are_not_judged_before_there_is_one() -> None:
    assert ask(Policy(dialects=("openai-chat",), max_output=1), engine(), None).findings == ()


# --- errors and plans -------------------------------------------------------------------------


def test_a_refusal_names_every_engine_its_rules_and_the_fix() -> None:
    both = [ask(Policy(jurisdictions=("EU",)), engine()), ask(Policy(no_training=True), engine(BAD))]
    error = refusal(both, "assistant")
    assert isinstance(error, PolicyError)
    for text in ("m@h: jurisdictions (route r)", "no_training (route r)", "weighbridge route explain assistant"):
        assert text in str(error)
    assert "max_tokens" in refusal([ask(Policy(max_output=1), engine(BAD))], "r").fix
    assert "dialect" in refusal([ask(Policy(dialects=("openai-chat",)), engine(), Asked("gemini-generate"))], "r").fix


def test_a_plan_is_checked_where_it_changes() -> None:
    engines = {"good@h": engine(GOOD), "bad@h": engine(BAD)}
    policy = Policy(jurisdictions=("EU",))
    fine = Plan(1, {"a": Route("a", "good@h", policy=policy), "free": Route("free", "bad@h")})
    check_plan(None, fine, engines.__getitem__, day=DAY)
    for broken in (Route("a", "bad@h", policy=policy), Route("a", "good@h", ("bad@h",), policy=policy)):
        with pytest.raises(PolicyError, match=r"route 'a'.*m@h.*jurisdiction.*US.*Nothing was published"):
            check_plan(fine, Plan(1, {"a": broken}), engines.__getitem__, day=DAY)
    stands = Plan(1, {"a": Route("a", "bad@h", policy=policy)})  # its fact changed since it was published
    check_plan(
        stands, replace(stands, routes={**stands.routes, "b": Route("b", "bad@h")}), engines.__getitem__, day=DAY
    )
