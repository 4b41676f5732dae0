"""The report's other forms: Markdown, JUnit XML, drawings and pictures; and which samples a report shows."""

from __future__ import annotations

import json
import random
import re
import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from weighings import BASE, ENGINES, build, reply, with_answer

from weighbridge import errors
from weighbridge.weigh import words
from weighbridge.weigh.report import curves, figures, files, frontier, heat, junit, markdown
from weighbridge.weigh.report.chosen import Chosen, disagree
from weighbridge.weigh.report.html import render
from weighbridge.weigh.report.samples import MOST_TEXT, text_limit
from weighbridge.weigh.types import Grade, Result

HOSTILE = "</svg><script>alert(1)</script>|`\n# x\n![i](http://x.example/a) @you ]]>\u202e\x00\ud800\x1b[31m&amp;\"'"


def hostile():
    weighing = with_answer(build(), BASE, 0, HOSTILE)
    samples = list(weighing.samples)
    samples[0] = replace(samples[0], id=HOSTILE, category=HOSTILE)
    results = {
        engine: (replace(found[0], sample=HOSTILE, grade=Grade(float(engine == BASE), why=HOSTILE)), *found[1:])
        for engine, found in weighing.results.items()
    }
    cards = tuple(replace(card, title=HOSTILE[:20] + str(i)) for i, card in enumerate(weighing.scorecards))
    return replace(
        weighing,
        samples=tuple(samples),
        results=results,
        scorecards=cards,
        suite=HOSTILE,
        stopped=HOSTILE,
        version=HOSTILE,
    )


# --- Markdown ---------------------------------------------------------------------------------------


def test_markdown_tells_what_the_page_tells():
    weighing = build(prices=(0.4, 0.3, 1.9))
    text = markdown.render(weighing)
    names = words.labels(weighing)
    for engine, found in weighing.comparisons.items():
        assert words.verdict(found, names[engine], names[BASE]) in text
    for part in (
        "## Scorecard",
        "| Per 1,000 requests ",
        "## Differences by category",
        "## Methods",
        str(weighing.seed),
    ):
        assert part in text
    lost = markdown.lost(weighing, ENGINES[2])
    assert f"lost ({len(lost)})" in text
    assert f"{len(lost) - markdown.MOST_LOST} more are in the full report." in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_foreign_text_makes_no_markdown():
    text = markdown.render(hostile())
    outside = re.sub(r"\\.", "", re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", text))
    assert "<" not in outside
    for line in text.splitlines():
        assert not line.startswith(("# x", "![", "<"))
    assert "\\!" not in text
    assert "\\[i\\]" in text or "`" in text
    assert "http\\://x.example" in text
    for character in ("\x00", "\u202e", "\x1b"):
        assert character not in text
    text.encode()


@given(st.text(max_size=40))
@settings(max_examples=100)
def test_a_code_span_ends_where_it_should(text):
    span = markdown.code(text)
    assert "\n" not in span
    fence = span[: len(span) - len(span.lstrip("`"))]
    inside = span[len(fence) : -len(fence)]
    assert fence not in inside.strip("` ") or not inside.strip("` ")
    assert span.replace("\\|", "").count("|") == 0


def test_markdown_of_one_engine_has_nothing_to_compare():
    weighing = build(comparisons={}, noise=None)
    assert "nothing to compare it with" in markdown.render(weighing)
    assert "## Differences" not in markdown.render(weighing)


# --- JUnit ------------------------------------------------------------------------------------------

ORDER = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {
        "name",
        "tests",
        "failures",
        "errors",
        "time",
        "disabled",
        "skipped",
        "timestamp",
        "hostname",
        "id",
        "package",
    },
    "testcase": {"name", "classname", "assertions", "time", "status"},
    "skipped": {"type", "message"},
    "failure": {"type", "message"},
    "property": {"name", "value"},
    "properties": set(),
    "system-out": set(),
}
"""The elements and attributes of the schema that Jenkins publishes for JUnit files."""


def follows_schema(node: ET.Element) -> None:
    assert set(node.attrib) <= ALLOWED[node.tag], node.tag
    for child in node:
        assert child.tag in ORDER[node.tag]
        follows_schema(child)
    if node.tag == "testsuite":
        cases = node.findall("testcase")
        assert node.get("tests") == str(len(cases))
        for kind, attribute in (("failure", "failures"), ("skipped", "skipped")):
            assert node.get(attribute) == str(sum(case.find(kind) is not None for case in cases))
        assert all(case.get("name") and case.get("classname") for case in cases)


@pytest.mark.parametrize("weighing", [build(), hostile(), build(comparisons={}), build(results={})])
def test_junit_follows_its_schema(weighing):
    root = ET.fromstring(junit.render(weighing))
    assert root.tag == "testsuites"
    follows_schema(root)


def test_only_an_unsafe_verdict_makes_a_build_fail():
    weighing = build()
    words_of = {engine: found.verdict for engine, found in weighing.comparisons.items()}
    assert words_of == {ENGINES[1]: "undecided", ENGINES[2]: "unsafe"}
    undecided, unsafe = ET.fromstring(junit.render(weighing)).findall("testsuite")
    assert undecided.get("failures") == "0"
    verdict = undecided.find("testcase[@name='verdict']/skipped")
    assert verdict is not None
    assert "undecided at a margin" in (verdict.get("message") or "")
    assert int(unsafe.get("failures") or 0) >= 1 + len(markdown.lost(weighing, ENGINES[2]))


def test_junit_lists_so_many_samples_and_counts_the_rest():
    weighing = build(1200)
    count = len(markdown.lost(weighing, ENGINES[2]))
    assert count > junit.MOST_LOST
    text = junit.render(weighing).decode()
    assert f"{count - junit.MOST_LOST:,} more are in the full report" in text


# --- drawings ---------------------------------------------------------------------------------------


def test_the_sheet_is_a_drawing_that_needs_nothing_from_elsewhere():
    svg = figures.sheet(build(prices=(0.4, 0.3, 1.9)))
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "var(" not in svg
    assert "href" not in svg
    for title in ("Differences from the base", "Quality by category", "Speed", "Cost and quality"):
        assert title in svg


def test_hostile_names_stay_text_in_a_drawing():
    root = ET.fromstring(figures.sheet(hostile()))
    assert not [node for node in root.iter() if node.tag.endswith("script")]


def test_a_picture_shows_more_than_paper():
    small = figures.figures(build())[0]
    assert small.name == "forest"
    png = figures.png(small.svg)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert width == 2 * figures.WIDTH
    assert height > 200
    assert len(png) > 8_000  # text and marks; plain paper compresses to less


def test_every_plot_is_left_out_where_it_has_nothing_to_show():
    bare = build(results={}, comparisons={}, noise=None)
    assert [plot.name for plot in figures.plots(bare)] == ["quality"]


def test_the_frontier_holds_whom_nobody_beats_in_both():
    weighing = build(prices=(0.4, 0.3, 1.9))
    cards = [
        replace(c, quality=replace(c.quality, value=v))
        for c, v in zip(weighing.scorecards, (0.6, 0.5, 0.6), strict=True)
    ]
    points = [(i, c, v) for i, (c, v) in enumerate(zip(cards, (0.4, 0.3, 1.9), strict=True))]
    assert [index for index, _, _ in frontier.frontier(points)] == [1, 0]


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=300))
@settings(max_examples=60)
def test_curves_rise_to_one_and_stay_within_what_was_seen(times):
    found = curves.curve(sorted(times))
    assert len(found) <= 80
    assert found[-1] == (max(times), 1.0)
    assert found == sorted(found)
    median = curves.within(found, 0.5)
    assert sum(t <= median for t in times) >= len(times) / 2 - len(times) / 60


def test_the_map_marks_only_what_chance_does_not_explain():
    weighing = build(600)
    found = heat.cells(weighing)
    assert len(found) == 12
    assert all(cell.beyond for (_, engine), cell in found.items() if engine == ENGINES[2])
    assert not any(cell.beyond for (_, engine), cell in found.items() if engine == ENGINES[1])
    assert heat.cells(build(comparisons={})) == {}


# --- which samples, and how much of them ------------------------------------------------------------


def test_all_disagreements_come_first_and_the_seed_draws_the_rest():
    weighing = build(400)
    apart = {
        s.id
        for s, row in zip(weighing.samples, zip(*weighing.results.values(), strict=True), strict=True)
        if disagree(row)
    }
    chosen = Chosen(weighing, most=len(apart) + 20)
    ids = [sample.id for sample in chosen.samples]
    assert apart <= set(ids)
    assert len(ids) == len(apart) + 20
    order = [sample.id for sample in weighing.samples]
    assert ids == sorted(ids, key=order.index)
    assert f"all {len(apart)} that the engines disagree on" in chosen.told
    again = Chosen(weighing, most=len(apart) + 20)
    assert [s.id for s in again.samples] == ids
    other = Chosen(replace(weighing, seed=1), most=len(apart) + 20)
    assert [s.id for s in other.samples] != ids
    few = Chosen(weighing, most=10)
    assert {s.id for s in few.samples} <= apart
    assert f"10 drawn by the seed from {len(apart)}" in few.told
    assert Chosen(weighing).told == ""


def test_answers_that_are_not_held_are_fetched_for_what_is_shown_alone():
    weighing = build(300)
    bare = {e: tuple(replace(r, reply=None) for r in found) for e, found in weighing.results.items()}
    calls: list[list[Result]] = []

    def fetch(wanted):
        calls.append([*wanted])
        return [reply(f"fetched {result.engine} {result.sample}") for result in wanted]

    page = render(replace(weighing, results=bare), fetch=fetch, most=50)
    asked = calls[0]  # the document that the page carries asks for more: of all answers it keeps the digests
    assert 0 < len(asked) <= 150
    assert f"fetched {asked[0].engine} {asked[0].sample}" in page


def test_a_thousand_samples_of_three_engines_stay_under_five_megabytes():
    weighing = build(1000)
    rng = random.Random(3)
    soup = "".join(rng.choices("abc é<>\n&字", k=18_000))
    long = {
        engine: tuple(
            replace(r, reply=reply(soup[(start := rng.randrange(9000)) : start + rng.choice((200, 9000))]))
            for r in found
        )
        for engine, found in weighing.results.items()
    }
    page = render(replace(weighing, results=long))
    assert len(page.encode()) < 5_000_000
    assert "more characters not in this report" in page
    assert text_limit(Chosen(replace(weighing, results=long))) < 9000
    assert MOST_TEXT < 5_000_000


def test_one_text_of_a_megabyte_is_cut_and_the_short_ones_are_not():
    weighing = with_answer(build(), BASE, 0, "x" * 3_000_000)
    assert text_limit(Chosen(weighing)) == 20_000
    assert text_limit(Chosen(build())) == 20_000


# --- files ------------------------------------------------------------------------------------------


def test_each_suffix_has_its_form():
    weighing = build(12)
    made = {suffix: files.content(suffix, weighing) for suffix in files.SUFFIXES}
    assert made[".html"].startswith(b"<!doctype html>")
    assert made[".md"].startswith(b"# Can ")
    assert json.loads(made[".json"])["format"] == "weighbridge-scorecard"
    assert made[".xml"].startswith(b"<?xml")
    assert made[".svg"].startswith(b"<svg")
    assert made[".png"].startswith(b"\x89PNG")


def test_a_name_that_stands_for_no_form_is_refused():
    with pytest.raises(errors.InputError, match=r"cannot be written as '\.pdf'"):
        files.check(Path("x.pdf"))


def test_a_folder_takes_every_form():
    names = [name for name, _ in files.folder(build(12, prices=(0.4, 0.3, 1.9)))]
    assert names[:4] == ["report.html", "report.md", "scorecard.json", "junit.xml"]
    plots = ("forest", "quality", "heat", "latency", "scatter")
    assert names[4:] == [f"{plot}{suffix}" for plot in plots for suffix in (".svg", ".png")]
