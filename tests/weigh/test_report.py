"""The report's text: what it says, in which order, and that nothing from outside can act in it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from weighings import BASE, ENGINES, build, with_answer

from weighbridge.canon import (
    Choice,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.weigh import numbers, words
from weighbridge.weigh.report import drawing, render
from weighbridge.weigh.report import samples as report_samples
from weighbridge.weigh.types import Interval, Sample

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x00\ud800\u2028\x1b[31m&amp;\"'"


def block(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found.group(1))


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# --- the page as a whole ----------------------------------------------------------------------------


def test_the_page_is_whole_small_and_the_same_each_time():
    page = render(build())
    assert page == render(build())
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert len(page.encode()) < 1_000_000


def test_the_page_asks_nobody_for_anything():
    page = render(build())
    policy = next(a["content"] or "" for t, a in Page(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    start = page.rindex("<script>") + 8
    script = page[start : page.index("</script>", start)]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert not re.search(r"(?:https?:)?//[a-z]", page.replace("// ", ""))
    for tag, attributes in Page(page).tags:
        assert not attributes.get("src"), tag
        assert (attributes.get("href") or "#").startswith(("#", "data:,")), tag
        assert not [name for name in attributes if name.startswith("on")], tag


def test_every_opened_tag_is_closed():
    void = {"meta", "wbr", "link", "input", "rect", "line", "path", "circle"}
    stack = []

    class Check(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in void:
                stack.append(tag)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            assert stack.pop() == tag

    Check().feed(render(build(prices=(0.4, 0.3, 0.0))))
    assert stack == []


def test_the_sections_come_in_the_order_of_a_decision():
    page = render(build())
    order = [page.index(f'<section id="{name}"') for name in _ids(page)]
    assert _ids(page) == ["verdict", "scorecard", "quality", "speed", "cost", "samples", "methods"]
    assert order == sorted(order)


def _ids(page: str) -> list[str]:
    return re.findall(r'<section id="(\w+)"', page)


def test_each_candidate_gets_its_sentence_and_the_methods_name_what_was_done():
    weighing = build(stopped="the budget of $1 is spent")
    text = Page(render(weighing)).text
    names = words.labels(weighing)
    for engine, found in weighing.comparisons.items():
        told = words.verdict(found, names[engine], names[BASE])
        # The name stands in bold of its own.
        assert told.removeprefix(names[engine]).strip() in text
        assert words.meaning(found) in text
    for term, told in words.methods(weighing):
        assert term in text
        assert told in text
    assert words.noise(weighing) in text
    assert "This run ended early: the budget of $1 is spent." in text
    assert str(weighing.seed) in text
    assert weighing.digest in text


def test_what_nobody_told_is_unknown_and_what_is_free_costs_nothing():
    weighing = build(prices=(None, 0.0, 1.9))
    page = render(weighing)
    cells = re.search(r"Per 1,000 requests</th>(.*?)</tr>", page)
    assert cells
    values = re.findall(r"<td[^>]*>([^<]*)", cells.group(1))
    assert values == ["unknown", "$0.00", "$1.90"]


def test_cost_is_drawn_only_where_it_can_be_compared():
    assert 'class="plot scatter wide"' in render(build(prices=(0.4, 0.3, None)))
    unknown = render(build())
    assert 'class="plot scatter wide"' not in unknown
    assert "prices of at least two engines" in unknown
    assert 'class="plot scatter wide"' not in render(build(prices=(0.0, 0.0, None)))
    mixed = build(prices=(0.4, 0.3, None))
    cards = (mixed.scorecards[0], replace(mixed.scorecards[1], currency="CNY"), mixed.scorecards[2])
    assert 'class="plot scatter wide"' not in render(replace(mixed, scorecards=cards))


def test_one_engine_and_nothing_else():
    weighing = build(engines=ENGINES[:1], titles=("Alone",), prices=(None,), comparisons={}, noise=None)
    text = Page(render(weighing)).text
    assert "How good is Alone?" in text
    assert "nothing to compare" in text


def test_an_empty_weighing():
    card = build().scorecards[0]
    bare = replace(card, quality=Interval(0.0, 0.0, 0.0, 0), by_category={}, total_p50=None, total_p95=None)
    bare = replace(bare, first_token_p50=None, first_token_p95=None)
    weighing = build(scorecards=(bare,), comparisons={}, samples=(), results={}, noise=None, version="", day="")
    text = Page(render(weighing)).text
    assert "This weighing holds no samples." in text
    assert "No time is known." in text


def test_figures_that_are_not_numbers_do_not_reach_the_page():
    weighing = build()
    found = weighing.comparisons[ENGINES[1]]
    nan = math.nan
    broken = replace(found, difference=nan, ci_low=-math.inf, ci_high=math.inf)
    page = render(replace(weighing, comparisons={ENGINES[1]: broken}, noise=None))
    style = page.index("<style>"), page.index("</style>")
    body = page[: style[0]] + page[style[1] : page.index('<script type="application/json"')]
    assert not re.search(r"\b(?:nan|inf|None(?!:))\b", re.sub(r'<p class="notice">.*?</p>', "", body))
    assert "at an unknown distance" in body


def test_a_thousand_samples_of_eight_engines():
    engines = (ENGINES * 3)[:8]
    named = tuple(f"{engine}{i}" for i, engine in enumerate(engines))
    small = build(1200)
    results = {name: small.results[engine] for name, engine in zip(named, engines, strict=True)}
    cards = tuple(
        replace(small.scorecards[ENGINES.index(engine)], engine=name, title=name)
        for name, engine in zip(named, engines, strict=True)
    )
    comparisons = dict.fromkeys(named[1:], small.comparisons[ENGINES[1]])
    page = render(replace(small, base=named[0], scorecards=cards, results=results, comparisons=comparisons))
    assert len(block(page)["samples"]) == 1000
    assert "1,000 of 1,200 samples are in this file" in page
    assert page.count('class="mark"') < 500  # rows of samples are drawn by the script alone
    assert "Which of 7 engines can replace" in page


def test_texts_are_cut_and_the_report_says_so():
    weighing = with_answer(build(), BASE, 0, "a" * 500_000)
    page = render(weighing)
    assert len(page) < 1_000_000
    [[_, shown]] = [b for b in block(page)["samples"][0]["results"][0]["blocks"] if b[0] == ""]
    assert shown.endswith("[480,000 more characters not in this report]")


# --- hostile text -----------------------------------------------------------------------------------


def test_hostile_text_is_inert_wherever_it_comes_from():
    weighing = with_answer(build(), BASE, 0, HOSTILE)
    samples = list(weighing.samples)
    samples[0] = replace(samples[0], id=HOSTILE, category=HOSTILE, cluster=HOSTILE, target=HOSTILE, grader=HOSTILE)
    results = {e: (replace(r[0], sample=HOSTILE, trace=HOSTILE), *r[1:]) for e, r in weighing.results.items()}
    first = weighing.scorecards[0]
    card = replace(first, title=HOSTILE, licence=HOSTILE, lab=HOSTILE, price_source=HOSTILE, cost_per_1000=1.0)
    card = replace(card, by_category={**first.by_category, HOSTILE: first.quality}, currency=HOSTILE)
    comparisons = {e: replace(c, method=HOSTILE) for e, c in weighing.comparisons.items()}
    page = render(
        replace(
            weighing,
            suite=HOSTILE,
            samples=tuple(samples),
            results=results,
            scorecards=(card, *weighing.scorecards[1:]),
            comparisons=comparisons,
            stopped=HOSTILE,
            digest=HOSTILE,
            version=HOSTILE,
            day=HOSTILE,
        )
    )
    page.encode("utf-8")
    assert page.count("<script") == page.count("</script") == 2
    assert "<img" not in page
    for character in ("\x00", "\u202e", "\u2028", "\x1b"):
        assert character not in page
    answer = block(page)["samples"][0]["results"][0]["blocks"][0][1]
    assert "<img src=x onerror=alert(1)>" in answer
    assert "\u27e8U+202E\u27e9\u2400\u27e8U+D800\u27e9\u27e8U+2028\u27e9\u241b[31m" in answer


@given(st.text(st.characters(), max_size=60))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cleaning_hides_nothing_and_is_stable(text):
    shown = numbers.clean(text)
    shown.encode("utf-8")
    assert numbers.clean(shown) == shown
    assert not any(c in shown for c in "\x00\u202e\u2066\u200b\ufeff\x1b\r")
    assert numbers.ascii_only(shown).isascii()
    inert = report_samples.json_block({"a": shown})
    assert not set("<>&\u2028\u2029") & set(inert)
    assert json.loads(inert) == {"a": shown}


@given(st.lists(st.text(st.characters(), max_size=5), max_size=12))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_sample_has_an_address_of_its_own(ids):
    made = report_samples.unique_ids([Sample(id=i, messages=()) for i in ids])
    assert len(made) == len(ids)
    assert len(set(made)) == len(made)


def test_ids_that_look_alike_once_cleaned_stay_apart():
    ids = ["a\x00", "a\u2400", "a\u2400 (2)", ""]
    made = report_samples.unique_ids([Sample(id=i, messages=()) for i in ids])
    assert made[:2] == ["a\u2400", "a\u2400 (2)"]
    assert len(set(made)) == 4


# --- samples ----------------------------------------------------------------------------------------


def test_parts_that_are_no_text_are_described_and_never_loaded():
    parts = (
        TextPart("look"),
        ReasoningPart("because"),
        ReasoningPart(),
        ToolCallPart("1", "add", '{"a":1}'),
        ToolResultPart("1", (TextPart("2"),)),
        ToolResultPart("1", (), is_error=True),
        ImagePart(url="https://elsewhere.example/a.png"),
        ImagePart(data="AAAA" * 100, media_type="image/png"),
        FilePart(file_id="file-1"),
        OpaquePart("gemini-generate", {"x": 1}),
    )
    kinds = report_samples.blocks(parts, 1000)
    assert kinds == [
        ("", "look"),
        ("reasoning", "because"),
        ("reasoning", "sealed, 0 blobs"),
        ("tool call", 'add({"a":1})'),
        ("tool result", "2"),
        ("tool error", "empty"),
        ("image", "https://elsewhere.example/a.png"),
        ("image", "image/png, about 300 bytes"),
        ("file", "file-1"),
        ("other", "a part that only gemini-generate knows"),
    ]


def test_a_refusal_and_an_early_end_are_shown():
    weighing = build(1)
    odd = Reply(choices=(Choice(parts=(TextPart("half"),), finish="length", refusal="I will not"),))
    found = weighing.results[BASE][0]
    changed = {
        **weighing.results,
        BASE: (replace(found, reply=odd),),
        ENGINES[1]: (),
        ENGINES[2]: (replace(found, reply=Reply()),),
    }
    shown = block(render(replace(weighing, results=changed)))["samples"][0]["results"]
    assert shown[0]["blocks"] == [["", "half"], ["refusal", "I will not"], ["ended because of", "length"]]
    assert shown[1] is None
    assert shown[2]["blocks"] == []


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (None, ""),
        ("a", "a"),
        (["a", 2], "a or 2"),
        (12.5, "12.5"),
        ({"k": ["v"]}, '{"k":["v"]}'),
        ({"k": "\ud800"}, "{'k': '\\ud800'}"),
    ],
)
def test_targets_are_written_for_people(target, shown):
    assert report_samples.target_text(target, 100) == shown


def test_results_are_found_by_sample_where_a_run_stopped_early():
    weighing = build(6)
    late = replace(weighing, results={BASE: weighing.results[BASE][3:]})
    rows = block(render(late))["samples"]
    assert [row["results"][0] is None for row in rows] == [True] * 3 + [False] * 3


def test_messages_keep_their_roles():
    sample = Sample(id="x", messages=(Message("system", (TextPart("s"),)), Message("user", (TextPart("u"),))))
    weighing = build(1, samples=(sample,), results={})
    assert [m["role"] for m in block(render(weighing))["samples"][0]["asked"]] == ["system", "user"]


# --- plots ------------------------------------------------------------------------------------------


@given(st.floats(-1, 0.9), st.floats(0.001, 2))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ticks_are_few_round_and_inside(low, width):
    ticks = drawing.nice_ticks(low, low + width)
    assert 1 <= len(ticks) <= 6
    assert all(low - 1e-6 <= t <= low + width + 1e-6 for t in ticks)
    assert ticks == sorted(set(ticks))


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mark_leaves_its_track(value):
    for scale in (drawing.Scale(-0.5, 0.5), drawing.Scale(0.01, 10, log=True)):
        assert 2 <= scale.share(value) <= 98


def test_engines_differ_by_shape_and_by_colour():
    shapes = {drawing.shape(i) for i in range(20)}
    assert len(shapes) == 20
