"""`weighbridge compare` on what other tools wrote: lm-evaluation-harness, Inspect, promptfoo."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError, MissingExtraError, TooLargeError
from weighbridge.weigh import foreign
from weighbridge.weigh.foreign import inspect_log, rows

if sys.version_info >= (3, 14):
    zips = zipfile
else:
    zips = pytest.importorskip("backports.zstd.zipfile", reason="needs the extra `inspect`")


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, ["compare", *arguments], input=stdin, catch_exceptions=False)


def figures(*arguments):
    return json.loads(run(*arguments, "--json").stdout)


def refused(*arguments, kind=InputError):
    with pytest.raises(kind) as caught:
        run(*arguments)
    assert caught.value.fix
    return caught.value


def put(name, content):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


# --- lm-evaluation-harness --------------------------------------------------------------------


def document(place, right, *, filtered="none", metrics=("exact_match",), **more):
    return {
        "doc_id": place,
        "doc": {"question": f"{place}?"},
        "filtered_resps": ["x"],
        "filter": filtered,
        "metrics": list(metrics),
        "doc_hash": f"{place:064x}",
        **dict.fromkeys(metrics, float(right)),
        **more,
    }


def test_documents_of_lm_eval_are_paired_by_their_hash():
    base = put("base.jsonl", jsonl(document(i, i % 4 > 0) for i in range(40)))
    other = put("other.jsonl", jsonl(document(i, i % 5 > 0) for i in reversed(range(40))))
    found = figures(base, other)
    assert (found["n"], found["base_mean"], found["candidate_mean"]) == (40, 0.75, 0.8)
    assert found["discordant"] == sum((i % 4 > 0) != (i % 5 > 0) for i in range(40))


def test_of_several_filters_one_is_chosen():
    every = [document(i, i % 2, filtered=name) for name in ("strict-match", "flexible") for i in range(10)]
    base = put("base.jsonl", jsonl(every))
    error = refused(base, base)
    assert error.where == "base.jsonl:11"
    assert "'filter' is 'strict-match' and 'flexible'" in error.what
    assert "--where 'filter=strict-match'" in error.fix
    assert figures(base, base, "--where", "filter=flexible")["n"] == 10


def test_of_several_metrics_one_is_chosen():
    base = put("base.jsonl", jsonl(document(i, 1, metrics=("acc", "acc_norm")) for i in range(5)))
    error = refused(base, base)
    assert error.fix == "Choose one with --score: acc, acc_norm."
    assert figures(base, base, "--score", "acc_norm")["n"] == 5
    unnamed = put("unnamed.jsonl", jsonl(document(i, 1) | {"metrics": None} for i in range(5)))
    assert refused(unnamed, unnamed).fix == "Name the metric with --score."


# --- Inspect ----------------------------------------------------------------------------------


def sample(place, value, epoch=1, **more):
    scores = {"match": {"value": value, "answer": "x", "explanation": "é", "history": []}} if value is not None else {}
    return {
        "id": place,
        "epoch": epoch,
        "input": "?",
        "target": "x",
        "scores": scores,
        "metadata": {"subject": place % 3},
    } | more


def log(samples, status="success", **how):
    told = {"version": 2, "status": status, "eval": {"task": "sums"}, "results": {}, "samples": samples}
    return json.dumps(told, **how)


def packed(samples, status="success", *, method=zipfile.ZIP_DEFLATED, parts=False):
    made = io.BytesIO()
    with zips.ZipFile(made, "w", compression=method) as archive:
        archive.writestr("_journal/start.json", json.dumps({"version": 2}))
        for place in range(0, len(samples), 10) if parts else ():
            archive.writestr(f"_journal/summaries/{place // 10 + 1}.json", json.dumps(samples[place : place + 10]))
        if not parts:
            archive.writestr("summaries.json", json.dumps(samples))
            archive.writestr("header.json", json.dumps({"version": 2, "status": status}))
    return made.getvalue()


@pytest.mark.parametrize("indent", [None, 2])
def test_a_log_of_inspect_is_read_by_its_words(indent):
    words = ["C", "I", "P", "N", True, 0.25, "0.5", "yes", "false"]
    base = put("base.json", "\ufeff " + log([sample(i, word) for i, word in enumerate(words)], indent=indent))
    equal = put("equal.json", log([sample(i, 1) for i in range(len(words))]))
    found = figures(base, equal)
    assert found["n"] == len(words)
    assert found["base_mean"] == pytest.approx((1 + 0 + 0.5 + 0 + 1 + 0.25 + 0.5 + 1 + 0) / len(words))


def test_epochs_of_a_sample_hang_together():
    once = [sample(i, "C" if i % 4 else "I") for i in range(20)]
    again = [sample(i, "C" if i % 5 else "I", epoch=2) for i in range(20)]
    base, single = put("base.json", log(once + again)), put("single.json", log(once))
    found = figures(base, base)
    assert (found["n"], found["clusters"]) == (40, 20)
    found = figures(base, single)
    assert (found["n"], found["base_only"], found["base_only_ids"][0]) == (20, 20, "0 epoch 2")
    assert figures(base, base, "--cluster", "metadata.subject")["clusters"] == 3
    assert figures(base, base, "--where", "epoch=2")["n"] == 20


def test_of_several_scorers_one_is_chosen():
    both = {"match": {"value": "C"}, "graded": {"value": {"tone": "I", "fact": "C"}}}
    base = put("base.json", log([sample(i, None, scores=both) for i in range(5)]))
    assert refused(base, base).fix == "Choose one with --score: match, graded."
    assert figures(base, base, "--score", "match")["base_mean"] == 1
    assert figures(base, base, "--score", "graded.tone")["base_mean"] == 0
    assert "an object" in refused(base, base, "--score", "graded").what


def test_a_sample_without_a_score_is_counted_and_a_run_that_failed_is_told():
    base = put("base.json", log([sample(i, "C") for i in range(30)]))
    other = put("other.json", log([sample(i, "C" if i > 3 else None) for i in range(30)], status="error"))
    for options in ((), ("--score", "match")):
        found = figures(base, other, *options)
        assert (found["n"], found["candidate_unscored"], found["base_only"]) == (26, 4, 4)
    text = run(base, other).stdout
    assert "Without a score in candidate, and left out: 4 samples." in text
    assert "The run of other.json ended with 'error', not with success." in text
    assert figures(base, other, "--unpaired")["candidate_unscored"] == 4
    nothing = put("nothing.json", log([sample(i, None) for i in range(3)]))
    assert "No sample in it has a score." in refused(base, nothing).what
    assert "no scores" in refused(base, put("empty.json", log(None))).what


METHODS = [zipfile.ZIP_DEFLATED, 93]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("parts", [False, True])
def test_a_packed_log_says_what_the_plain_one_says(method, parts):
    samples = [sample(i, "C" if i % 7 else "I") for i in range(120)]
    plain = put("plain.json", log(samples))
    archive = put("packed.eval", packed(samples, method=method, parts=parts))
    found = figures(plain, archive)
    assert (found["n"], found["discordant"]) == (120, 0)
    assert ("'unfinished'" in run(plain, archive).stdout) == parts


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python knows Zstandard by itself")
def test_a_packed_log_without_the_extra_says_what_helps(monkeypatch):
    samples = [sample(i, "C") for i in range(20)]
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    assert figures(put("plain.eval", packed(samples)), "plain.eval")["n"] == 20
    error = refused(put("zstd.eval", packed(samples, method=93)), "zstd.eval", kind=MissingExtraError)
    assert "weighbridge[inspect]" in error.fix
    assert "inspect log convert" in error.fix


def test_damaged_logs_are_told(monkeypatch):
    samples = [sample(i, "C") for i in range(200)]
    good, plain = packed(samples), log(samples)
    base = put("base.json", plain)
    for broken in (good[:200], good[:-30], good[:300] + bytes(60) + good[360:], b"PK\x03\x04 and no more"):
        assert refused(base, put("broken.eval", broken)).where == "broken.eval"
    for broken in (
        plain[:-20],
        plain.replace('"epoch": 1', '"epoch": "one"'),
        plain.replace("C", "\udce9", 1).encode("utf-8", "surrogateescape"),
    ):
        assert "Inspect" in refused(base, put("broken.json", broken)).what
    deep = '{"version": 2, "status": "success", "samples": ' + "[" * 100_000
    assert refused(base, put("deep.json", deep)).where == "deep.json"
    monkeypatch.setattr(rows, "MAX_DOCUMENT", len(plain) - 1)
    refused(base, base, kind=TooLargeError)
    monkeypatch.setattr(rows, "MAX_DOCUMENT", 1 << 30)
    monkeypatch.setattr(inspect_log, "MAX_DOCUMENT", 100)
    refused(put("large.eval", good), "large.eval", kind=TooLargeError)


# --- promptfoo --------------------------------------------------------------------------------


def result(place, right, provider="openai:chat:a", prompt=0, **more):
    return {
        "testIdx": place,
        "promptIdx": prompt,
        "provider": {"id": provider, "label": ""},
        "success": bool(right),
        "score": int(bool(right)),
        "failureReason": 0 if right else 1,
    } | more


def evaluation(results):
    told = {"evalId": "eval-1", "results": {"version": 3, "results": results, "stats": {}}, "config": {}}
    return json.dumps(told, indent=2)


def test_two_providers_in_one_file_are_told_apart():
    both = [result(i, i % share, provider) for i in range(20) for provider, share in (("a", 4), ("b", 2))]
    for name, content in (("both.json", evaluation(both)), ("both.jsonl", jsonl(both))):
        file = put(name, content)
        error = refused(file, file)
        assert "'provider' is 'a' and 'b'" in error.what
        found = figures(file, file, "--base-where", "provider=a", "--candidate-where", "provider=b")
        assert (found["n"], found["base_mean"], found["candidate_mean"]) == (20, 0.75, 0.5)
    labelled = [one | {"provider": {"id": "same", "label": one["provider"]["id"]}} for one in both]
    file = put("labelled.json", evaluation(labelled))
    assert figures(file, file, "--where", "provider=b")["n"] == 20
    prompts = put("prompts.json", evaluation([result(i, 1, prompt=n) for i in range(4) for n in (0, 1)]))
    assert figures(prompts, prompts, "--base-where", "promptIdx=0", "--candidate-where", "promptIdx=1")["n"] == 4


@pytest.mark.parametrize("options", [(), ("--score", "success")])
def test_a_test_without_an_answer_is_no_wrong_answer(options):
    base = put("base.json", evaluation([result(i, 1) for i in range(10)]))
    other = put("other.json", evaluation([result(i, i > 1, failureReason=0 if i > 1 else 2) for i in range(10)]))
    found = figures(base, other, *options)
    assert (found["n"], found["candidate_unscored"], found["candidate_mean"]) == (8, 2, 1)


def test_damaged_evaluations_are_told():
    base = put("base.json", evaluation([result(i, 1) for i in range(10)]))
    for broken in (
        '{"evalId": null, "results": []}',
        evaluation([])[:-30],
        '{"evalId": 1, "results": {"results": [1]}}',
    ):
        assert "promptfoo" in refused(base, put("broken.json", broken)).what


# --- any --------------------------------------------------------------------------------------


def test_conditions_are_of_rows_and_of_nothing_else():
    base = put("base.jsonl", jsonl({"id": i, "ok": 1, "hard": i % 2 == 0, "level": {"n": i % 3}} for i in range(12)))
    named = ("--id", "id", "--score", "ok")
    assert figures(base, base, *named, "--where", "hard=true")["n"] == 6
    assert figures(base, base, *named, "--where", "hard=true", "--where", "level.n=0")["n"] == 2
    assert figures(base, base, *named, "--base-where", "level.n=1")["candidate_only"] == 8
    assert refused(base, base, *named, "--where", "level.n=7").what.startswith("No row")
    assert refused(base, base, *named, "--where", "level=7").what.startswith("No row")
    for wrong in ("hard", "=true"):
        assert refused(base, base, *named, "--where", wrong).where == "--where"


@pytest.mark.parametrize("size", [10, 5000, 70_000])
def test_what_was_looked_at_is_read_again_wherever_it_ends(size, monkeypatch):
    monkeypatch.setattr(foreign, "_BEGIN", 4096)
    every = [{"id": i, "ok": 1, "note": "ü" * (size % (97 + i))} for i in range(40)]
    base = put("base.jsonl", jsonl(every) + json.dumps({"id": "last", "ok": 0, "note": "x" * size}))
    assert figures(base, base, "--id", "id", "--score", "ok")["n"] == 41
    assert run("-", base, "--id", "id", "--score", "ok", "--json", stdin=Path(base).read_bytes()).exit_code == 0


def test_long_names_of_files_are_shown_by_their_end():
    Path("a" * 60).mkdir()
    base = put("a" * 60 + "/base.jsonl", jsonl(document(i, i % 4 > 0) for i in range(40)))
    text = run(base, base).stdout
    assert "…aaa" in text
    assert "/base.jsonl" in text
    assert max(map(len, text.splitlines())) <= 80
