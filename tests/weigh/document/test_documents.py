"""Documents: what is written is what is read; what was changed since is found; what cannot be trusted is refused."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import documents
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import __version__
from weighbridge.canon import Choice, Reply, TextPart, ToolCallPart
from weighbridge.errors import InputError, WeighbridgeError
from weighbridge.weigh import document, engine_facts
from weighbridge.weigh.document import canonical, matching, schema, writing
from weighbridge.weigh.document.checking import Verification
from weighbridge.weigh.judges.comparing import scored
from weighbridge.weigh.judges.grading import of_judgements
from weighbridge.weigh.types import Judge, Judgement, Preference, Suite, Weighing

ROOT = Path(__file__).resolve().parents[3]
PAGE = "<!doctype html><html><body><p>SAFE</p></body></html>"


def sealed(tree: dict[str, Any]) -> bytes:
    """A forgery whose digests fit."""
    bare = {name: value for name, value in tree.items() if name not in writing.SIGNED_APART}
    return json.dumps(bare | {"digests": writing.digests(bare)}).encode()


def verified(data: bytes | str) -> Verification:
    return document.verify(document.open_document(data.encode() if isinstance(data, str) else data))


def differing(found: Verification) -> set[str]:
    return {check.name for check in found.checks if check.disagree}


@pytest.fixture(scope="module")
def weighed() -> Weighing:
    return documents.weigh(40, clustered=True)


@pytest.fixture(scope="module")
def tree(weighed) -> Any:
    return json.loads(document.write(weighed, with_answers=True))


@pytest.mark.parametrize("with_answers", [False, True])
def test_what_is_written_agrees_and_is_read_as_it_was(weighed, with_answers):
    data = document.write(weighed, with_answers=with_answers)
    opened = document.open_document(data)
    found = document.verify(opened)
    assert found.agrees, found.disagreements
    assert {"digests", "figures", "costs"} <= {check.name for check in found.checks}
    back = document.weighing_of(opened)
    for name in ("suite", "digest", "day", "seed", "margin", "alpha", "base", "scorecards", "comparisons", "noise"):
        assert getattr(back, name) == getattr(weighed, name), name
    assert back.engines == weighed.engines
    assert [[r.score for r in results] for results in back.results.values()] == [
        [r.score for r in results] for results in weighed.results.values()
    ]
    assert document.write(back) == data


def test_answers_are_there_only_when_asked_for(weighed):
    without, with_them = (document.write(weighed, with_answers=asked).decode() for asked in (False, True))
    for words in ("Answer briefly", "I can\u2019t say", '"why"'):
        assert words not in without
        assert words in with_them
    found = verified(with_them)
    assert {"samples", "answers", "grades"} <= {check.name for check in found.checks}


def test_nothing_of_whoever_runs_an_engine_is_told(weighed):
    data = document.write(weighed, with_answers=True).decode()
    assert "SECRET_KEY" not in data
    assert "user:word" not in data
    assert "https://host.example" in data


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_number_or_word_that_is_changed_is_found(tree, data):
    forged = copy.deepcopy(tree)
    part = data.draw(st.sampled_from(["raw", "figures"]))
    node: Any = forged
    key: Any = part
    while isinstance(node[key], dict | list) and node[key]:
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    value = node[key]
    node[key] = {bool: lambda: not value, int: lambda: value + 1, float: lambda: value * 1.000001 + 1e-9}.get(
        type(value), lambda: "x" if value != "x" else "y"
    )()
    try:
        found = verified(json.dumps(forged))
    except InputError:
        return
    assert not found.agrees
    assert "digests" in differing(found)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_changed_figure_is_found_even_where_all_digests_were_made_anew(tree, data):
    forged = copy.deepcopy(tree)
    node, key = forged, "figures"
    while isinstance(node[key], dict | list) and node[key]:
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    value = node[key]
    if not isinstance(value, int | float):
        return
    node[key] = not value if isinstance(value, bool) else value + 1
    try:
        found = verified(sealed(forged))
    except InputError:
        return
    assert differing(found) == {"figures"}


def change(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    forged = copy.deepcopy(tree)
    *before, last = [int(piece) if piece.isdigit() else piece for piece in path.split("/")]
    node: Any = forged
    for piece in before:
        node = node[piece]
    node[last] = value(node[last]) if callable(value) else value
    return forged


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("raw/passes/0/score/0", lambda score: 1 - score, {"figures", "grades"}),
        ("raw/passes/0/cost/1", lambda cost: cost + 1, {"costs", "figures"}),
        ("raw/passes/1/input/1", lambda tokens: tokens + 1_000, {"costs", "figures"}),
        ("raw/engines/0/offer/prices/0/output", 1, {"costs"}),
        ("raw/engines/0/model/licence", "proprietary", {"figures"}),
        ("raw/run/margin", 0.5, {"figures"}),
        ("raw/run/alpha", 0.2, {"figures"}),
        ("raw/suite/samples/cluster/0", "other", {"samples"}),
        ("raw/suite/samples/digest/0", "0" * 64, {"samples"}),
        ("raw/passes/0/answer/0", "0" * 64, {"answers"}),
        ("raw/passes/0/said/0", ["other words", "", []], {"answers"}),
        ("figures/comparisons/birch@south/verdict", "safe", {"figures"}),
    ],
)
def test_forgeries_with_digests_that_fit_are_found_by_what_follows(tree, path, value, found):
    assert verified(sealed(tree)).agrees
    assert found <= differing(verified(sealed(change(tree, path, value))))


def test_a_sample_that_was_taken_out_is_found(tree):
    forged = copy.deepcopy(tree)
    for columns in (forged["raw"]["suite"]["samples"], *forged["raw"]["passes"]):
        for name, values in columns.items():
            columns[name] = values[1:] if isinstance(values, list) else values
    assert differing(verified(json.dumps(forged))) == {"digests", "figures"}
    assert differing(verified(sealed(forged))) == {"figures"}


def test_a_suite_at_hand_is_compared(weighed):
    opened = document.open_document(document.write(weighed))
    suite = Suite("starter", weighed.samples, weighed.digest)
    assert document.verify(opened, suite=suite).agrees
    other = replace(suite, samples=(replace(weighed.samples[0], target="other"), *weighed.samples[1:]))
    assert differing(document.verify(opened, suite=other)) == {"suite"}


def test_the_page_around_a_document_is_tied_to_it(weighed):
    page = document.embed_in(PAGE, weighed)
    assert verified(page).agrees
    assert differing(verified(page.replace("SAFE", "UNSAFE"))) == {"page"}
    loose = verified(PAGE.replace("<p>", document.embed(weighed) + "<p>"))
    assert loose.agrees
    assert any("What the page shows" in told for told in loose.unverifiable)


def test_a_large_document_is_packed(weighed, monkeypatch):
    monkeypatch.setattr(writing, "MOST_PLAIN", 1000)
    page = document.embed_in(PAGE, weighed)
    assert len(page) < len(document.write(weighed))
    assert verified(page).agrees
    with pytest.raises(InputError, match=r"damaged|cut off"):
        verified(page.replace('"H4sI', '"H4sJ'))


def test_hostile_words_do_not_end_the_element(weighed):
    words = "</script><script>alert(1)</script><!--<script>\u2028&\ud800"
    result = replace(weighed.results[documents.BASE][0], error=words, grade=None, reply=None)
    hostile = replace(
        weighed, suite=words, results=weighed.results | {documents.BASE: (result, *weighed.results[documents.BASE][1:])}
    )
    element = document.embed(hostile)
    assert element.count("<script") == element.count("</script") == 1
    assert json.loads(document.extract(element.encode()))["raw"]["suite"]["name"].startswith("</script>")


def test_judges_and_preferences_are_recomputed(weighed):
    name, base = documents.CANDIDATE, documents.BASE
    judged = (Judgement("j@h", 0.5, "fair"), Judgement("k@h", 1.0, "good", said='{"score": 10}'))
    results = list(weighed.results[name])
    results[0] = replace(results[0], grade=of_judgements(judged))
    rows = []
    for index, sample in enumerate(weighed.samples):
        told = tuple(Judgement("j@h", float(index % 3 == 0), "why", first=first) for first in (base, name))
        rows.append(Preference(sample.id, scored(told, name), told, base_length=4, candidate_length=9))
    judges = (Judge("j@h", "pairwise", "1", "Which is better?", canonical.sha256(b"Which is better?")),)
    again = document.weighing_of(document.open_document(document.write(weighed)))
    again = replace(
        again, source={}, results=again.results | {name: tuple(results)}, preferences={name: tuple(rows)}, judges=judges
    )
    figures = document.verify.__globals__["recomputing"].figures(again)
    tree = json.loads(document.write(again)) | {"figures": figures}
    found = verified(sealed(tree))
    assert found.agrees, found.disagreements
    assert next(check for check in found.checks if check.name == "judgements").agree == len(rows) + 1
    assert figures["preferred"][name]["n"] == len(rows)
    assert differing(verified(sealed(change(tree, "raw/judges/0/prompt", "Say A.")))) == {"prompts"}
    forged = change(tree, f"raw/preferences/{name}/0/judged/0/score", 0)
    assert "judgements" in differing(verified(sealed(forged)))


def test_tool_calls_are_part_of_an_answer(weighed):
    def asked(arguments: str) -> Any:
        call = Reply(choices=(Choice(parts=(TextPart("so"), ToolCallPart("1", "f", arguments)), finish="tool_calls"),))
        results = weighed.results[documents.BASE]
        return replace(
            weighed, results=weighed.results | {documents.BASE: (replace(results[0], reply=call), *results[1:])}
        )

    first, second = (json.loads(document.write(asked(a), with_answers=True)) for a in ('{"x":1}', '{"x":2}'))
    assert first["raw"]["passes"][0]["said"][0] == ["so", "", [["f", '{"x":1}']]]
    assert first["raw"]["passes"][0]["answer"][0] != second["raw"]["passes"][0]["answer"][0]


def test_answers_that_are_kept_elsewhere_are_fetched_in_blocks(weighed, monkeypatch):
    from weighbridge.weigh.document import columns

    monkeypatch.setattr(columns, "BLOCK", 16)
    kept = {
        (r.engine, r.sample, r.total): r.reply for found in (*weighed.results.values(), weighed.again) for r in found
    }
    results = {name: tuple(replace(r, reply=None) for r in found) for name, found in weighed.results.items()}
    bare = replace(weighed, results=results, again=tuple(replace(r, reply=None) for r in weighed.again))
    asked = []

    def fetch(wanted):
        asked.append(len(wanted))
        return [kept[r.engine, r.sample, r.total] for r in wanted]

    for with_answers in (False, True):
        expected = document.write(weighed, with_answers=with_answers)
        assert document.write(bare, with_answers=with_answers, fetch=fetch) == expected
    assert max(asked) <= 16
    assert verified(document.write(bare)).agrees


def test_other_software_may_know_other_figures(weighed):
    tree = json.loads(document.write(replace(weighed, version="0.0.1")))
    tree["figures"]["scorecards"][0]["charm"] = 3
    del tree["figures"]["scorecards"][0]["tokens_per_second"]
    found = verified(sealed(tree))
    assert found.agrees
    assert any("only one version of the software" in told for told in found.unverifiable)
    tree["software"]["version"] = __version__
    assert differing(verified(sealed(tree))) == {"figures"}


@pytest.mark.parametrize("with_answers", [False, True])
def test_the_published_schema_holds_for_what_is_written(weighed, with_answers):
    published = json.loads((ROOT / "docs" / "scorecard.schema.json").read_text("utf-8"))
    assert published == schema.published(), "run `make docs`"
    validator = jsonschema.Draft202012Validator(published)
    validator.check_schema(published)
    tree = json.loads(document.write(weighed, with_answers=with_answers))
    validator.validate(tree)
    validator.validate(json.loads(document.extract(document.embed_in(PAGE, weighed).encode())))
    for path, value in (
        ("version", 2),
        ("raw/passes/0/outcome/0", "lost"),
        ("digests/raw", "x"),
        ("raw/run/margin", 0),
    ):
        assert not validator.is_valid(change(tree, path, value)), path


HOSTILE = {
    "empty": b"",
    "no object": b"[1]",
    "not JSON": b'{"format": ',
    "not UTF-8": b'{"format": "\xff"}',
    "deep": b'{"format": "weighbridge-scorecard", "version": 1, "raw": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep enough": b'{"raw": ' + b'{"a":' * 150 + b"1" + b"}" * 151,
    "NaN": b'{"format": NaN}',
    "infinite": b'{"format": -Infinity}',
    "many digits": b'{"format": ' + b"9" * 5000 + b"}",
    "another format": b'{"format": "eval", "version": 1}',
    "no version": b'{"format": "weighbridge-scorecard"}',
    "a later version": b'{"format": "weighbridge-scorecard", "version": 2}',
    "version true": b'{"format": "weighbridge-scorecard", "version": true}',
    "nothing inside": b'{"format": "weighbridge-scorecard", "version": 1}',
    "twice": b'{"format": "weighbridge-scorecard", "format": "weighbridge-scorecard"}',
    "a page without": b"<html></html>",
    "a page that ends": b'<script type="application/json" id="weighbridge-scorecard">{',
    "a page with two": b'<script id="weighbridge-scorecard"></script>' * 2,
    "a bad pack": b'<script data-packed="gzip-base64" id="weighbridge-scorecard">"!"</script>',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_are_refused_with_where_and_what_to_do(data):
    with pytest.raises(WeighbridgeError) as caught:
        document.open_document(data, "x.json")
    assert caught.value.exit_code == 2
    assert caught.value.where.startswith("x.json")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("raw/passes", [], "no answers"),
        ("raw/passes/0/score", [], "entries for 40 samples"),
        ("raw/passes/0/cost", [1], "entries for 40 samples"),
        ("raw/passes/0/score/0", 7, "cannot be 7"),
        ("raw/passes/0/score/0", "1", "field"),
        ("raw/passes/0/engine", "nobody", "needs one pass"),
        ("raw/suite/samples/id/1", lambda _: "extraction-00", "comes twice"),
        ("raw/run/day", "tomorrow", "field"),
        ("raw/run/base", "nobody", "needs one pass"),
        ("raw/engines", "none", "field"),
        ("figures", 3, "field"),
        ("digests/raw", "x", "field"),
    ],
)
def test_documents_that_do_not_hang_together_are_refused(tree, path, value, told):
    with pytest.raises(InputError, match=told):
        document.open_document(
            sealed(change(tree, path, value))
            if "digests" not in path
            else json.dumps(change(tree, path, value)).encode()
        )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("raw/engines/0/offer", 3),
        ("raw/engines", []),
        ("raw/passes/0/exposure", [{"level": 9}] * 40),
        ("raw/passes/0/judged", [[{"judge": 9}]] * 40),
        ("raw/suite/samples/whole/0/messages", 3),
        ("raw/passes/0/finish/0", "\u202e"),
    ],
)
def test_raw_parts_that_cannot_be_weighed_end_in_an_error_or_a_disagreement(tree, path, value):
    forged = sealed(change(tree, path, value))
    try:
        found = verified(forged)
    except InputError as error:
        where = error.where
    else:
        where = "x" if found.agrees or found.disagreements else ""
    assert where


def test_a_document_that_unpacks_to_too_much_is_refused(monkeypatch):
    from weighbridge.weigh.document import carried

    monkeypatch.setattr(carried, "MAX_BYTES", 10_000)
    monkeypatch.setattr(writing, "MOST_PLAIN", 10)
    bomb = writing.embedded(b" " * 1_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(InputError, match="over"):
        document.open_document(bomb.encode())


def test_figures_that_only_one_side_has_are_leaves_of_their_own():
    told = {"a": {"b": [1, 2]}, "c": [], "d": 1}
    found = {"a": {"b": [1]}, "c": [], "e": {"f": 2, "g": [3]}, "d": {"h": 1}}
    apart = {leaf.path: leaf.agrees for leaf in matching.leaves(told, found)}
    assert apart == {"a.b[0]": True, "a.b[1]": False, "c": True, "d": False, "e.f": False, "e.g[0]": False}
    back = {leaf.path for leaf in matching.leaves(found, told) if leaf.found is matching.UNTOLD}
    assert back == {"e.f", "e.g[0]"}


def test_what_is_infinite_is_unknown_and_engines_without_choices_said_nothing(weighed):
    cards = (replace(weighed.scorecards[0], tokens_per_second=math.inf), *weighed.scorecards[1:])
    results = weighed.results[documents.BASE]
    silent = (replace(results[0], reply=Reply()), *results[1:])
    made = document.document(replace(weighed, scorecards=cards, results=weighed.results | {documents.BASE: silent}))
    assert made["figures"]["scorecards"][0]["tokens_per_second"] is None
    assert made["raw"]["passes"][0]["characters"][0] == 0
    again = document.weighing_of(document.open_document(json.dumps(made).encode()))
    assert document.document(again) == again.source
    page = document.open_document(document.embed_in(PAGE, weighed).encode())
    assert "page" not in document.document(document.weighing_of(page))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_smallest_runs_bound_nothing_and_can_be_read(count):
    found = verified(document.write(documents.weigh(count, clustered=True)))
    assert found.agrees, found.disagreements


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_small_mutations_are_found_or_refused_or_harmless(weighed, data):
    whole = bytearray(document.write(weighed, with_answers=True))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        kind = data.draw(st.sampled_from(["replace", "insert", "remove", "double"]))
        byte = data.draw(st.sampled_from(b'09.-e"{}[],:ntf\\ \x00\xff'))
        until = at + (kind != "insert") * data.draw(st.integers(1, 9))
        whole[at:until] = {"remove": b"", "double": whole[at:until] * 2}.get(kind, bytes([byte]))
    try:
        found = verified(bytes(whole))
    except WeighbridgeError:
        return
    opened = document.open_document(bytes(whole))
    assert not found.agrees or opened.tree == document.open_document(document.write(weighed, with_answers=True)).tree


def test_addresses_lose_all_but_their_name():
    told = documents.engine(host={"speaks": {"x": "https://[", "y": "https://a:8/b?c", "z": "words"}})
    assert engine_facts.public(told).host.speaks == {"x": "", "y": "https://a", "z": ""}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("raw/suite/samples/grader", lambda graders: ["unheard-of"] * len(graders)),
        ("raw/passes/0/engine", "alder@north"),
    ],
)
def test_graders_that_are_not_known_here_give_no_grade(tree, path, value):
    forged = change(tree, path, value)
    for whole in forged["raw"]["suite"]["samples"]["whole"] if "grader" in path else ():
        whole["grader"] = "unheard-of"
    assert ("grades" in differing(verified(sealed(forged)))) is ("grader" in path)
