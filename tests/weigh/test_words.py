"""Figures and sentences: sensible digits, and words that a newcomer understands."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from weighings import BASE, ENGINES, build, compare

from weighbridge.weigh import early, numbers, rows, words
from weighbridge.weigh.report import html, markdown
from weighbridge.weigh.types import Result, Stopping


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "unknown"),
        (math.nan, "unknown"),
        (0.0, "0 ms"),
        (0.00084, "0.84 ms"),
        (0.0084, "8.4 ms"),
        (0.0412, "41 ms"),
        (0.09949, "99 ms"),
        (0.0996, "100 ms"),
        (0.4123, "412 ms"),
        (0.9996, "1.00 s"),
        (1.274, "1.27 s"),
        (9.996, "10.0 s"),
        (45.04, "45.0 s"),
        (1234.5, "1,234 s"),
    ],
)
def test_seconds(value, shown):
    assert numbers.seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (None, "USD", "unknown"),
        (math.inf, "USD", "unknown"),
        (0.0, "USD", "$0.00"),
        (0.000663, "USD", "$0.00066"),
        (0.0042, "USD", "$0.0042"),
        (0.42, "USD", "$0.42"),
        (0.999, "USD", "$1.00"),
        (1.274, "EUR", "\u20ac1.27"),
        (3.1, "CNY", "CNY 3.10"),
        (1240.4, "GBP", "\u00a31,240"),
    ],
)
def test_money(value, currency, shown):
    assert numbers.money(value, currency) == shown


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (0.017, "1.7", "+1.7"),
        (-0.0172, "\u22121.7", "\u22121.7"),
        (-0.0003, "0.0", "0.0"),
        (1.0, "100.0", "+100.0"),
        (None, "unknown", "unknown"),
        (math.nan, "unknown", "unknown"),
    ],
)
def test_points(value, plain, signed):
    assert numbers.points(value) == plain
    assert numbers.points(value, signed=True) == signed


def test_margins_rates_and_ratios():
    assert [numbers.margin(m) for m in (0.1, 0.03, 0.025, 0.01)] == ["10 points", "3 points", "2.5 points", "1 point"]
    assert [numbers.rate(r) for r in (61.27, 8.243, 1240.0, 0.0, None)] == ["61.3", "8.24", "1,240", "0", "unknown"]
    assert numbers.ratio(0.31, 0.42) == "0.74\u00d7 base"
    assert [numbers.ratio(None, 1.0), numbers.ratio(1.0, None), numbers.ratio(1.0, 0.0), numbers.ratio(0.0, 1.0)] == [
        ""
    ] * 4
    assert numbers.level(0.05) == "5%"
    assert numbers.plural(1, "sample") == "1 sample"
    assert numbers.percent(math.nan) == numbers.span(math.nan, 1.0) == "unknown"


@given(st.floats(1e-6, 1e6))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_seconds_are_true_to_their_digits(value):
    text, _, unit = numbers.seconds(value).partition(" ")
    read = float(text.replace(",", "")) * (0.001 if unit == "ms" else 1)
    assert read == pytest.approx(value, rel=0.051)
    assert "e" not in text


def test_one_line_is_short_and_clean():
    assert numbers.one_line("a\n b\x00 " + "c" * 100, 10) == "a b\u2400 cccc\u2026"
    assert numbers.ascii_only("\u22121.7\u2013\u4e2d\u2026") == "-1.7-\\u4e2d~"


def found(**changes):
    return replace(compare([1.0] * 60, [1.0] * 59 + [0.0]), **changes)


def test_an_undecided_verdict_says_how_many_more_would_decide():
    comparison = found(difference=-0.017, ci_low=-0.064, ci_high=0.031, verdict="undecided", more_needed=140)
    assert words.verdict(comparison, "B", "A") == (
        "B is 1.7 points below A, plausibly between \u22126.4 and +3.1: undecided at a margin of 10 points; "
        "about 140 more samples would decide."
    )
    assert words.meaning(comparison) == "Whether it loses more than 10 points cannot be told from 60 samples."
    assert words.verdict(replace(comparison, more_needed=0), "B", "A").endswith("it is most likely somewhat worse.")
    unknown = replace(comparison, more_needed=None)
    assert words.verdict(unknown, "B", "A").endswith("how many more samples would decide is unknown.")


def test_a_safe_and_an_unsafe_verdict():
    safe = found(difference=0.02, ci_low=-0.021, ci_high=0.06, verdict="safe", more_needed=None)
    assert words.verdict(safe, "B", "A").endswith(
        "2.0 points above A, plausibly between \u22122.1 and +6.0: safe at a margin of 10 points."
    )
    assert words.meaning(safe) == "Its worst plausible loss, 2.1 points, is within the 10 points that you allow."
    assert words.meaning(replace(safe, ci_low=0.001)) == "Even its worst plausible value is no loss at all."
    unsafe = found(difference=-0.3, ci_low=-0.4, ci_high=-0.132, verdict="unsafe", more_needed=None)
    assert "loses 13.2 points, more than the 10 points" in words.meaning(unsafe)
    assert "level with A" in words.verdict(found(difference=0.0), "B", "A")


def test_the_noise_floor_known_and_unknown():
    assert "1 of 60 grades came out differently" in words.noise(build())
    same = compare([1.0] * 60, [1.0] * 60)
    assert "none of 60 grades came out differently" in words.noise(build(noise=same))
    assert words.noise(build(noise=None)).startswith("Noise floor: unknown.")


@pytest.mark.parametrize("titles", [("T", "T", "U"), ("T", "", "U"), ("T", "t" * 29, "U")])
def test_titles_that_are_long_missing_or_the_same_give_way_to_the_names_of_engines(titles):
    weighing = build(titles=titles)
    assert words.labels(weighing) == {engine: engine for engine in ENGINES}
    facts = rows.groups(weighing)[3].rows
    assert facts[0].name == "Model"


def test_short_titles_that_differ_name_the_engines():
    weighing = build(titles=("T", "U", "V"))
    assert list(words.labels(weighing).values()) == ["T", "U", "V"]
    assert rows.groups(weighing)[3].rows[0].name == "Engine"


def test_headlines():
    assert words.headline(build(titles=("A", "B", "C"))) == "Can B or C replace A?"
    assert words.headline(build(titles=("A", "B", "C"), comparisons={})) == "Can B or C replace A?"
    alone = build(titles=("A", "B", "C"), comparisons={})
    alone = replace(alone, scorecards=alone.scorecards[:1])
    assert words.headline(alone) == "How good is A?"
    assert words.alone(alone).startswith("One engine was weighed")


def test_where_nothing_could_be_graded_it_is_said():
    weighing = build(comparisons={})
    assert words.alone(weighing).startswith("No sample was graded")
    assert words.uncompared(weighing) == list(ENGINES[1:])


def test_the_commonest_error_stands_beside_the_calls_that_failed():
    weighing = build()
    failed = [
        Result(f"s{i}", ENGINES[1], error="bad_input: no such \u202efield" if i else "deadline: late") for i in range(3)
    ]
    cards = tuple(replace(card, failures=3 * (card.engine == ENGINES[1])) for card in weighing.scorecards)
    told = words.failures(replace(weighing, scorecards=cards, results={ENGINES[1]: tuple(failed)}))
    assert "2 times: bad_input: no such" in told
    assert "\u202e" not in told


def test_the_base_comes_first():
    weighing = build()
    turned = replace(weighing, scorecards=weighing.scorecards[::-1])
    assert [card.engine for card in words.ordered(turned)] == [BASE, ENGINES[2], ENGINES[1]]


def test_methods_tell_clusters_reuse_and_an_unknown_start():
    weighing = build(started=math.inf, version="")
    clustered = {e: replace(c, clusters=12) for e, c in weighing.comparisons.items()}
    reused = {e: tuple(replace(r, reused=True) for r in found) for e, found in weighing.results.items()}
    told = dict(words.methods(replace(weighing, comparisons=clustered, results=reused)))
    assert told["Clusters"].startswith("12. Samples of one cluster")
    assert told["Reused answers"].startswith("180 of 180 answers")
    assert told["Started"] == "unknown, by Weighbridge unknown"
    assert "None" in dict(words.methods(weighing))["Clusters"]


def test_rows_hold_a_cell_for_each_engine_and_every_axis():
    weighing = build()
    groups = rows.groups(weighing)
    assert [group.name for group in groups] == ["Quality", "Cost", "Speed", "Facts"]
    names = [row.name for group in groups for row in group.rows]
    for axis in ("json", "Format as asked for", "Per solved sample", "Whole answer, p95", "Jurisdiction", "Licence"):
        assert axis in names
    assert {len(row.cells) for group in groups for row in group.rows} == {3}


def test_a_category_that_one_engine_lacks_is_unknown():
    weighing = build()
    cards = (replace(weighing.scorecards[0], by_category={}), *weighing.scorecards[1:])
    row = next(r for r in rows.groups(replace(weighing, scorecards=cards))[0].rows if r.name == "json")
    assert [cell.value == "unknown" for cell in row.cells] == [True, False, False]
    assert rows.category_name("") == "(no category)"


# --- runs that stop early -------------------------------------------------------------------------------------


def test_a_run_that_stopped_early_says_so_and_what_it_saved():
    weighing = build(40)
    candidate = next(iter(weighing.comparisons))
    stop = Stopping("unsafe", 40, 300, -0.629, -0.032, 455, 6_106)
    stopped = replace(weighing, stopping={candidate: stop})
    assert early.samples(stopped) == "40 of 300 samples"
    told = list(early.sentences(stopped, {candidate: "New"}))
    assert (
        numbers.ascii_only(told[0])
        == "New: unsafe after 40 of 300 samples; the difference lies between -62.9 and -3.2 points."
    )
    assert told[1] == "Stopping early saved 455 calls, about $0.0061 by the mean cost of those made."
    assert "hold whenever one stops" in told[2]
    for text in (markdown.render(stopped), html.render(stopped)):
        assert "40 of 300 samples" in text
        assert "saved 455 calls" in text
    cards = tuple(replace(card, currency=f"C{i}") for i, card in enumerate(weighing.scorecards))
    mixed = list(early.sentences(replace(stopped, scorecards=cards), {}))
    assert mixed[1] == "Stopping early saved 455 calls; what they would have cost is unknown."
    assert mixed[0].startswith(f"{candidate}: ")


def test_a_run_that_ended_undecided_says_so_with_its_bounds():
    weighing = build(40)
    candidate = next(iter(weighing.comparisons))
    ended = replace(weighing, stopping={candidate: Stopping("undecided", 40, 40, -0.1, 0.06)})
    told = list(early.sentences(ended, {candidate: "New"}))
    assert (
        numbers.ascii_only(told[0])
        == "New: still undecided after all 40 samples; the difference lies between -10.0 and +6.0 points."
    )
    assert told[1] == "No call was saved: all samples were asked."
    assert early.samples(ended) == "40 samples"
    broken = replace(weighing, stopping={candidate: Stopping("undecided", 30, 40, -0.1, 0.06)})
    assert "still undecided at the end, after 30 of 40 samples" in next(early.sentences(broken, {}))
    assert not list(early.sentences(weighing, {}))
