"""What is missed and what is taken too much: counted by hand beside counted by the program, and bounds that hold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Span
from weighbridge.mask.dataset_rows import Document, Gold
from weighbridge.mask.datasets import Dataset, half_of
from weighbridge.mask.evaluate import ALL, SHAPED, Figures, count, figures
from weighbridge.mask.intervals import clustered, wilson
from weighbridge.mask.measure import measured


def span(text: str, value: str, kind: str = "person") -> Span:
    return Span(text.index(value), text.index(value) + len(value), kind)


def gold(text: str, value: str, kind: str = "person", **more: str) -> Gold:
    return Gold(text.index(value), text.index(value) + len(value), kind, **more)


def of(text: str, golds: Sequence[Gold], spans: Sequence[Span]) -> dict[tuple[str, str], Figures]:
    return {(one.about, one.name): one for one in figures([count(Document(text, tuple(golds)), spans)])}


def leaked(text: str, golds: Sequence[Gold], spans: Sequence[Span]) -> int:
    return of(text, golds, spans)[ALL].counts["leaked"]


def test_any_letter_or_digit_that_stays_is_a_leak_whatever_the_kind():
    text = "Ask Dora Quill-Barnes today"
    name = gold(text, "Dora Quill-Barnes")
    assert leaked(text, [name], []) == 1
    assert leaked(text, [name], [span(text, "Dora Quill-Barne")]) == 1
    assert leaked(text, [name], [span(text, "Dora Quill-Barnes", "organisation")]) == 0
    assert leaked(text, [name], [span(text, "Dora"), span(text, "Quill"), span(text, "Barnes")]) == 0


@pytest.mark.parametrize(
    ("name", "rest"), [("Mr Quill", "Quill"), ("Prof. Dr. Quill", "Quill"), ("Sir Ian Quill", "Ian Quill")]
)
def test_a_bare_title_is_no_leak(name, rest):
    text = f"Ask {name} today"
    assert leaked(text, [gold(text, name)], [span(text, rest)]) == 0
    assert leaked(text, [gold(text, name)], [span(text, name[: -len(rest)].strip())]) == 1


def test_names_that_begin_like_titles_keep_their_letters():
    text = "Ask Drake and Missy today"
    assert leaked(text, [gold(text, "Drake"), gold(text, "Missy")], [span(text, "rake"), span(text, "y")]) == 2


def test_recall_asks_for_the_family_and_half_of_the_value():
    text = "12 Larkspur Road, Leeds"
    street = gold(text, "12 Larkspur Road", "address")
    assert of(text, [street], [span(text, "Larkspur Road", "place")])[ALL].counts["recognised"] == 1
    assert of(text, [street], [span(text, "12", "address")])[ALL].counts["recognised"] == 0
    assert of(text, [street], [span(text, "12 Larkspur Road", "person")])[ALL].counts["recognised"] == 0


def test_precision_counts_what_touches_nothing_marked():
    text = "Dora lives in Leeds in May"
    rows = of(
        text,
        [gold(text, "Dora"), gold(text, "Leeds", "place")],
        [span(text, "Dora"), span(text, "Leeds"), span(text, "May")],
    )
    assert rows[ALL].counts["found"] == 3
    assert rows[ALL].counts["right"] == 2
    assert rows["kind", "person"].counts["right"] == 1, "a place was taken for a person"
    assert rows["kind", "place"].precision is None


def test_over_masking_is_a_share_of_the_letters_that_are_nobodys():
    text = "Dora: abc de"
    row = of(text, [gold(text, "Dora")], [span(text, "Dora: abc")])[ALL]
    assert (row.counts["free"], row.counts["free_masked"]) == (5, 3)
    title = of("Ms Dora", [Gold(0, 2, ""), Gold(3, 7, "person")], [Span(0, 7, "person")])[ALL]
    assert (title.counts["spans"], title.counts["free"], title.counts["free_masked"]) == (1, 2, 2)


def test_an_entity_leaks_where_one_of_its_marks_does():
    text = "Dora Quill and Quill and Leeds"
    golds = [
        gold(text, "Dora Quill", entity="e1", identifier="direct"),
        Gold(15, 20, "person", entity="e1", identifier="direct"),
        gold(text, "Leeds", "place", entity="e2", identifier="quasi"),
    ]
    rows = of(text, golds, [span(text, "Dora Quill"), span(text, "Leeds")])
    assert (rows[ALL].counts["spans"], rows[ALL].counts["leaked"]) == (3, 1)
    assert (rows[ALL].counts["entities"], rows[ALL].counts["entities_leaked"]) == (2, 1)
    assert rows["identifier", "direct"].counts["entities_leaked"] == 1
    assert rows["identifier", "quasi"].counts["documents_leaked"] == 0
    same = of("ANN and Ann", [Gold(0, 3, "person"), Gold(8, 11, "person")], [])[ALL]
    assert same.counts["entities"] == 1, "without ids, what is written tells"


def test_words_are_recalled_where_they_are_hidden_whole():
    text = "Dora Quill went home"
    row = of(text, [gold(text, "Dora Quill")], [span(text, "Dora Qui"), span(text, "home")])[ALL]
    assert (row.counts["words"], row.counts["words_masked"], row.counts["words_right"]) == (2, 3, 1)


def test_kinds_of_a_shape_are_summed_up():
    text = "a@example.com of Dora"
    rows = of(text, [gold(text, "a@example.com", "email"), gold(text, "Dora")], [])
    assert rows[SHAPED].counts["spans"] == 1


SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from(["person", "place", "email"])), max_size=6
)


@given(text=st.text("ab1 .", min_size=39, max_size=39), marked=SPANS, found=SPANS, more=SPANS)
def test_masking_more_never_leaks_more(text, marked, found, more):
    golds = tuple(Gold(start, start + length, kind) for start, length, kind in marked)
    spans = [Span(start, start + length, kind) for start, length, kind in found]
    extra = [Span(start, start + length, kind) for start, length, kind in more]
    [one, *_] = figures([count(Document(text, golds), spans)])
    [two, *_] = figures([count(Document(text, golds), spans + extra)])
    [everything, *_] = figures([count(Document(text, golds), [Span(0, 39, "person")])])
    assert two.counts["leaked"] <= one.counts["leaked"] <= one.counts["spans"]
    assert two.counts["free_masked"] >= one.counts["free_masked"]
    assert everything.counts["leaked"] == everything.counts["documents_leaked"] == 0


def test_wilson_is_the_published_interval():
    share = wilson(1, 10)
    assert share is not None
    assert (round(share.low, 4), round(share.high, 4)) == (0.0179, 0.4042)  # statsmodels, method "wilson"
    assert wilson(0, 0) is None
    none = wilson(0, 20)
    assert none is not None
    assert none.low == 0 < none.high < 0.17


@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30))
def test_intervals_hold_their_share_and_repeat(pairs):
    hits = [min(pair) for pair in pairs]
    counts = [max(pair) for pair in pairs]
    share = clustered(hits, counts)
    assert share == clustered(hits, counts)
    if share is None:
        assert sum(counts) == 0
    else:
        assert 0 <= share.low <= share.value <= share.high <= 1
        assert share.value == sum(hits) / sum(counts)


def test_what_comes_in_clusters_is_less_sure():
    alone = clustered([1, 0] * 100, [1] * 200)
    together = clustered([10, 0] * 10, [10] * 20)
    assert alone is not None
    assert together is not None
    assert alone.value == together.value == 0.5
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_halves_are_looked_through_in_batches_of_one_language():
    documents = tuple(
        Document(f"Dora {n}", (Gold(0, 4, "person"),), language="en" if n % 3 else "zh") for n in range(40)
    )
    asked: list[str] = []
    advanced: list[int] = []

    def detect(texts: Sequence[str], language: str) -> list[list[Span]]:
        asked.append(language)
        return [[Span(0, 4, "person")] if text.endswith("1") else [] for text in texts]

    report = measured(Dataset("made", documents), detect, advanced.append)
    assert {one.name for one in report.halves} == {"odd", "even"}
    assert sum(one.documents for one in report.halves) == 40
    assert sum(advanced) == sum(len(one.text) for one in documents)
    assert set(asked) == {"en", "zh"}
    for half in report.halves:
        missed = [documents[miss.document].text for miss in half.misses]
        wanted = [one.text for one in documents if half_of(one.text) == half.name and not one.text.endswith("1")]
        assert missed == wanted
        assert {one.name for one in half.figures if one.about == "language"} == {"en", "zh"}
