"""Overlapping spans become a list without overlaps, and nothing that was covered comes open."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Span
from weighbridge.mask.resolve import resolve

SPANS = st.lists(
    st.builds(
        lambda start, length, kind, tier, score: Span(start, start + length, kind, tier, score),
        st.integers(0, 60),
        st.integers(0, 20),
        st.sampled_from(["person", "email", "place", "card"]),
        st.sampled_from(["pattern", "secret", "name", "term"]),
        st.sampled_from([0.1, 0.3, 0.5, 0.85, 1.0]),
    ),
    max_size=20,
)


def covered(spans):
    return {at for span in spans for at in range(span.start, span.end)}


@given(SPANS)
def test_everything_that_counts_stays_covered_once(spans):
    found = resolve(spans, min_score=0.3, kinds=None)
    assert covered(found) == covered(span for span in spans if span.score >= 0.3)
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert sorted(found) == found


def test_two_that_are_equally_sure_are_told_apart_by_name():
    equal = [Span(1, 2, kind, "pattern", 1.0) for kind in ("person", "email")]
    assert resolve(equal, min_score=0.3, kinds=None) == resolve(equal[::-1], min_score=0.3, kinds=None) == equal[1:]


@given(SPANS)
def test_the_order_of_the_spans_does_not_matter(spans):
    assert resolve(spans, min_score=0.3, kinds=None) == resolve(spans[::-1], min_score=0.3, kinds=None)


@given(SPANS)
def test_resolving_again_changes_no_cover(spans):
    once = resolve(spans, min_score=0.3, kinds=None)
    assert covered(resolve(once, min_score=0.0, kinds=None)) == covered(once)


@given(SPANS)
def test_other_kinds_are_left_out_before_anything_is_joined(spans):
    found = resolve(spans, min_score=0.0, kinds={"person", "card"})
    assert covered(found) == covered(span for span in spans if span.kind in {"person", "card"})
    assert {span.kind for span in found} <= {"person", "card"}


def test_a_certain_span_keeps_its_borders_and_the_rest_of_the_other_stays_covered():
    address = Span(0, 30, "address", "pattern", 0.6)
    email = Span(10, 20, "email", "pattern", 1.0)
    assert resolve([address, email], min_score=0.3, kinds=None) == [
        Span(0, 10, "address", "pattern", 0.6),
        email,
        Span(20, 30, "address", "pattern", 0.6),
    ]


def test_what_covers_most_gives_the_kind_to_the_whole():
    spans = [Span(0, 10, "person", "name", 0.85), Span(5, 25, "organisation", "name", 0.75)]
    assert resolve(spans, min_score=0.3, kinds=None) == [Span(0, 25, "organisation", "name", 0.75)]


def test_of_equal_spans_the_surer_one_is_taken():
    spans = [Span(0, 4, "place", "name", 0.8), Span(0, 4, "person", "name", 0.9)]
    assert resolve(spans, min_score=0.3, kinds=None) == [Span(0, 4, "person", "name", 0.9)]


def test_spans_that_only_touch_stay_apart():
    spans = [Span(0, 4, "person", "name", 0.8), Span(4, 8, "place", "name", 0.9)]
    assert resolve(spans, min_score=0.3, kinds=None) == spans


def test_many_overlapping_spans_are_no_trouble():
    spans = [Span(at, at + 50, "person", "name", 0.8) for at in range(20_000)]
    spans += [Span(at * 3, at * 3 + 2, "email", "pattern", 1.0) for at in range(6_000)]
    found = resolve(spans, min_score=0.3, kinds=None)
    assert covered(found) == set(range(20_049))
