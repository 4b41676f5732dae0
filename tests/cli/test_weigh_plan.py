"""`weighbridge weigh plan`: from pilots and suppositions to samples and money, and what no plan can be made of."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner
from weighings import build

from weighbridge.cli import app
from weighbridge.errors import InputError
from weighbridge.weigh import plans
from weighbridge.weigh.document import writing
from weighbridge.weigh.report import planned
from weighbridge.weigh.stats.assumed import Assumptions
from weighbridge.weigh.types import Interval

SUPPOSED = ("--discordance", "0.2", "--margin", "0.05")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return lambda *given: CliRunner().invoke(app, ["weigh", "plan", *given])


def pilot(tmp_path, samples=60):
    path = tmp_path / "pilot.json"
    path.write_bytes(writing.write(build(samples)))
    return str(path)


def test_a_pilot_says_how_often_two_disagree_and_what_was_paid(run, tmp_path):
    source = pilot(tmp_path)
    shown, told = run(source, "--margin", "0.05"), json.loads(run(source, "--margin", "0.05", "--json").output)
    assert "find it safe with a chance of 80%" in shown.output
    assert "as paid in the pilot" in shown.output
    assert all(line.isascii() or "\u2588" in line or "\u2591" in line for line in shown.output.splitlines())
    for one in told:
        assert one["fewest"] <= one["plan"]["needed"] <= one["most"]
        assert one["plan"]["assumptions"]["pairs"] == 60
    assert all(max(map(len, shown.output.splitlines())) <= 80 for _ in (0,))


def test_what_is_supposed_counts_and_clusters_cost_samples(run):
    plain = json.loads(run(*SUPPOSED, "--json").output)[0]["plan"]
    grouped = json.loads(run(*SUPPOSED, "--icc", "0.5", "--cluster-size", "5", "--json").output)[0]["plan"]
    worse = json.loads(run(*SUPPOSED, "--difference", "-0.1", "--json").output)[0]["plan"]
    assert grouped["needed"] > 2.5 * plain["needed"]
    assert (plain["verdict"], worse["verdict"]) == ("safe", "unsafe")
    assert (
        "Clusters of 5.0: each sample says as much as 0.33."
        in run(*SUPPOSED, "--icc", "0.5", "--cluster-size", "5").output
    )
    assert "10.0 points worse" in run(*SUPPOSED, "--difference", "-0.1").output


def test_money_is_told_by_engine_and_together(run):
    found = run(*SUPPOSED, "--suite", "starter", "-e", "gpt-4.1@openai,glm-5.2@zai")
    assert "gpt-4.1@openai: $0." in found.output
    assert "All engines together" in found.output
    assert "The suite has 60: too few." in found.output
    free = json.loads(
        run(*SUPPOSED, "--suite", "starter", "-e", "gpt-4.1@openai", "--output-tokens", "1000", "--json").output
    )
    assert free[0]["cost"][0]["per_sample"] > 0.008


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ((), "either a pilot or --discordance"),
        ((*SUPPOSED, "-e", "gpt-4.1@openai"), "how long samples are is unknown"),
        ((*SUPPOSED, "--difference", "-0.05"), ""),
        (("none.json",), "no file 'none.json'"),
    ],
)
def test_what_no_plan_can_be_made_of(run, given, what):
    found = run(*given)
    assert found.exception is not None
    assert what in str(found.exception)


def test_the_curve_is_drawn_with_its_cost(run, tmp_path):
    priced = ("--suite", "starter", "-e", "gpt-4.1@openai,glm-5.2@zai", "--discordance", "0.2", "--margin", "0.25")
    shown = run(*priced, "--plot", "plan.svg").output
    assert "Picture: plan.svg" in shown
    assert re.search(r"sequential +cost\n", shown)
    text = "".join(ET.fromstring((tmp_path / "plan.svg").read_text("utf-8")).itertext())
    assert "cost, all engines together" in text
    assert "26 samples find it safe with a chance of 80%" in text
    told = json.loads(run(*SUPPOSED, "--plot", "PLAN.PNG", "--json").output)
    assert told[0]["each"] is None
    assert (tmp_path / "PLAN.PNG").read_bytes().startswith(b"\x89PNG")


def test_a_plan_without_an_end_and_a_hostile_name_are_drawn():
    assumed = Assumptions(0.5, -0.0299999)
    found = plans.planned(assumed, margin=0.03, alpha=0.05, power=0.8, available=200, cost=(), seed=0)
    svg = planned.sheet([replace(found, candidate="<script>\u202e</script>")])
    assert "<script>" not in svg
    assert "\u202e" not in svg
    assert "not even 10 million samples" in "".join(ET.fromstring(svg).itertext())


@pytest.mark.parametrize(("name", "what"), [("plan.gif", "'.gif'"), ("none/plan.svg", "no such folder")])
def test_a_picture_that_cannot_be_written_is_told_first(run, name, what):
    found = run(*SUPPOSED, "--plot", name)
    assert what in str(found.exception)
    assert not found.output


def test_few_pairs_are_no_pilot(run, tmp_path):
    found = run(pilot(tmp_path, 12))
    assert isinstance(found.exception, InputError)
    assert "12 pairs" in found.exception.what
    alone = build(30)
    with pytest.raises(InputError, match="no candidate"):
        plans.pilots(replace(alone, results={alone.base: alone.results[alone.base]}), difference=0)


def test_the_ends_of_a_pilot_of_grades_need_what_such_squares_need():
    assumed = Assumptions(0.0025, -0.02, binary=False)
    pilot = plans.Pilot("new", assumed, Interval(0.0025, 0.002, 0.003, 100))
    found = plans.planned(pilot, margin=0.03, alpha=0.05, power=0.8, available=None, cost=(), seed=0)
    assert (found.fewest, found.plan.needed, found.most) == (299, 299, 299)  # the exact bound's, whatever the squares
    right = replace(pilot, assumptions=Assumptions(0.02, -0.02), disagree=Interval(0.02, 0.01, 0.03, 100))
    supposed = plans.planned(right, margin=0.03, alpha=0.05, power=0.8, available=None, cost=(), seed=0)
    assert supposed.fewest == supposed.plan.needed  # right and wrong answers disagree in as many as one is worse in


def test_prices_in_two_currencies_make_no_sum():
    cost = [plans.Priced("a", 1.0, "USD"), plans.Priced("b", 1.0, "CNY")]
    found = plans.planned(Assumptions(0.2), margin=0.1, alpha=0.05, power=0.8, available=None, cost=cost, seed=0)
    assert found.total is None
    unknown = plans.planned(
        Assumptions(0.2), margin=0.1, alpha=0.05, power=0.8, available=None, cost=[plans.Priced("a", None)], seed=0
    )
    assert unknown.sequential_total is None
