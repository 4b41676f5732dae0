"""`weighbridge compare`, from files to words and JSON, and every way in which the files can be wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.cli.ruler import ruler
from weighbridge.errors import InputError, TooLargeError
from weighbridge.weigh import foreign, verdict

KEYS = ["n", "base_mean", "candidate_mean", "difference", "se", "ci_low", "ci_high", "z", "verdict", "more_needed"]
OPTIONS = ("--id", "id", "--score", "ok")


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def rows(scores, **more):
    return [{"id": f"q{i}", "ok": score} | more for i, score in enumerate(scores)]


def run(*arguments, stdin=None):
    """The output; our own errors are raised, as the command line's main() expects."""
    return CliRunner().invoke(app, ["compare", *arguments], input=stdin, catch_exceptions=False)


def compare(base, candidate, *options):
    arguments = (write("base.jsonl", base), write("candidate.jsonl", candidate), *OPTIONS, *options)
    return json.loads(run(*arguments, "--json").stdout)


def refuse(content, *, options=OPTIONS, kind=InputError):
    """What reading `content` as the candidate's file raises."""
    write("base.jsonl", rows([1, 0]))
    Path("bad.jsonl").write_bytes(content)
    with pytest.raises(kind) as caught:
        run("base.jsonl", "bad.jsonl", *options)
    assert caught.value.fix
    return caught.value


# --- what it says ---------------------------------------------------------------------------------


def test_json_has_the_keys_in_order_and_the_library_s_figures():
    base, candidate = [1] * 50 + [0] * 10, [1] * 45 + [0] * 12 + [1] * 3
    found = compare(rows(base), rows(candidate))
    assert list(found)[:10] == KEYS
    expected = verdict.compare(base, candidate)
    assert {key: found[key] for key in KEYS} == {key: getattr(expected, key) for key in KEYS}
    assert (found["margin"], found["alpha"], found["discordant"]) == (0.03, 0.05, 8)
    assert found["clusters"] is None


def test_exit_code_is_zero_whatever_the_verdict():
    for candidate, word in (([1] * 200, "safe"), ([0] * 200, "unsafe"), ([1] * 194 + [0] * 6, "undecided")):
        result = run(write("b.jsonl", rows([1] * 200)), write("c.jsonl", rows(candidate)), *OPTIONS)
        assert result.exit_code == 0
        assert word.upper() in result.stdout


def test_words_are_for_newcomers_and_fit_80_columns():
    write("base.jsonl", rows([1] * 50 + [0] * 10))
    write("candidate.jsonl", rows([1] * 47 + [0] * 13))
    text = run("base.jsonl", "candidate.jsonl", *OPTIONS).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "60 pairs" in text
    assert "83.3%" in text
    assert "UNDECIDED at a margin of 3 points" in text
    assert "more pairs" in text
    assert "\x1b" not in text


def test_margin_and_alpha_come_from_flags_and_the_settings_file():
    base, candidate = rows([1] * 60), rows([1] * 60)
    assert compare(base, candidate)["verdict"] == "undecided"
    assert compare(base, candidate, "--margin", "0.05")["verdict"] == "safe"
    assert compare(base, candidate, "--margin", "0.05", "--alpha", "0.01")["verdict"] == "undecided"
    Path("weighbridge.toml").write_text("[weigh]\nmargin = 0.06\n", encoding="utf-8")
    assert compare(base, candidate)["margin"] == 0.06
    with pytest.raises(InputError, match="margin"):
        compare(base, candidate, "--margin", "3")


def test_clusters_are_joined_and_the_clustered_error_is_told():
    base = [row | {"doc": i // 4} for i, row in enumerate(rows([1] * 40))]
    candidate = rows([0] * 8 + [1] * 32)
    found = compare(base, candidate, "--cluster", "doc")
    assert found["clusters"] == 10
    assert found["se_clustered"] > found["se"]
    text = run("base.jsonl", "candidate.jsonl", *OPTIONS, "--cluster", "doc").stdout
    assert "robust to 10 clusters" in text
    assert "clustered" in text


def test_rows_without_a_cluster_are_their_own():
    base = [row | {"doc": None if i else "a"} for i, row in enumerate(rows([1] * 12))]
    assert compare(base, rows([1] * 12), "--cluster", "doc")["clusters"] == 12


def test_ids_on_one_side_only_are_left_out_and_told():
    found = compare(rows([1] * 12), [*rows([1] * 10), {"id": "new", "ok": 0}])
    assert (found["n"], found["base_only"], found["candidate_only"]) == (10, 2, 1)
    assert found["base_only_ids"] == ["q10", "q11"]
    text = run("base.jsonl", "candidate.jsonl", *OPTIONS).stdout
    assert "2 samples only in base (q10, q11)" in text
    assert "1 sample only in candidate (new)" in text


def test_ids_may_be_numbers_in_one_file_and_text_in_the_other():
    base = [{"id": i, "ok": True} for i in range(5)]
    candidate = [{"id": str(i) if i % 2 else float(i), "ok": 0.5} for i in range(5)]
    assert compare(base, candidate)["n"] == 5


def test_fields_may_be_deep_dotted_or_in_lists():
    write("deep.jsonl", [{"meta": {"id": i}, "scores": [0, {"acc": i % 2}]} for i in range(9)])
    options = ("--id", "meta.id", "--score", "scores.1.acc", "--json")
    assert json.loads(run("deep.jsonl", "deep.jsonl", *options).stdout)["base_mean"] == pytest.approx(4 / 9)
    write("flat.jsonl", [{"a.b": i, "m.s": 1} for i in range(9)])
    assert json.loads(run("flat.jsonl", "flat.jsonl", "--id", "a.b", "--score", "m.s", "--json").stdout)["n"] == 9


def test_standard_input_stands_in_for_one_file():
    write("base.jsonl", rows([1, 0, 1]))
    text = "".join(json.dumps(row) + "\n" for row in rows([1, 1, 1]))
    assert json.loads(run("base.jsonl", "-", *OPTIONS, "--json", stdin=text).stdout)["n"] == 3
    assert json.loads(run("-", "base.jsonl", *OPTIONS, "--json", stdin=text).stdout)["difference"] < 0
    with pytest.raises(InputError, match="standard input"):
        run("-", "-", *OPTIONS, stdin=text)


def test_byte_order_mark_blank_lines_windows_ends_and_no_last_newline():
    write("base.jsonl", rows([1, 0]))
    Path("odd.jsonl").write_bytes(b'\xef\xbb\xbf\r\n{"id": "q0", "ok": 1}\r\n  \n\n{"id": "q1", "ok": false}')
    assert json.loads(run("base.jsonl", "odd.jsonl", *OPTIONS, "--json").stdout)["n"] == 2


def test_ids_in_any_script_and_with_escape_codes_stay_harmless():
    odd = ["", "\u6837\u672c", "\U0001f600", "\x1b[31mred\x1b[0m", "\u202egnp"]
    base = [{"id": f"{i}{name}", "ok": 1} for i, name in enumerate(odd)]
    found = compare(base, base[:2])
    assert found["base_only_ids"] == [row["id"] for row in base[2:]]
    text = run("base.jsonl", "candidate.jsonl", *OPTIONS).stdout
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_same_file_twice_is_equal_and_still_not_certain():
    write("base.jsonl", rows([1] * 60))
    found = json.loads(run("base.jsonl", "base.jsonl", *OPTIONS, "--json").stdout)
    assert found["ci_low"] == pytest.approx(-0.0487, abs=1e-4)
    assert found["verdict"] == "undecided"


def test_graded_scores_are_told_apart_from_right_and_wrong():
    found = compare(rows([0.5, 0.25, 1, 0.75] * 5), rows([0.25, 0.25, 1, 0.5] * 5))
    assert found["method"] == "paired t"
    assert found["discordant"] is None
    assert "not all 0 or 1" in run("base.jsonl", "candidate.jsonl", *OPTIONS).stdout


def test_samples_enough_for_an_equal_candidate_are_told():
    found = compare(rows([0] * 10 + [1] * 990), rows([1] * 10 + [0] * 40 + [1] * 950))
    assert (found["verdict"], found["more_needed"]) == ("undecided", 0)
    assert "most likely" in run("base.jsonl", "candidate.jsonl", *OPTIONS).stdout


# --- the ruler ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wins", [0, 1, 12, 40])
@pytest.mark.parametrize("losses", [0, 3, 40])
@pytest.mark.parametrize("margin", [0.001, 0.03, 0.5, 0.99])
def test_ruler_shows_the_margin_left_of_zero_and_keeps_its_width(wins, losses, margin):
    base = [0.0] * wins + [1.0] * (losses + 20)
    candidate = [1.0] * wins + [0.0] * losses + [1.0] * 20
    labels, line = ruler(verdict.compare(base, candidate, margin=margin), width=64)
    assert len(line) == 64
    assert len(labels) <= 66
    assert line.count("o") == 1
    if margin > 0.01:
        assert labels.index(":") < labels.index("|")


# --- what it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words", "fix"),
    [
        (b'{"id": "q1", "ok": ', "Not valid JSON", "Correct that line"),
        (b'{"id": "q1", "ok": NaN}', "Not valid JSON", "JSON has no NaN"),
        (b'{"id": "q1", "ok": 1e999}', "Not valid JSON", "Correct that line"),
        (b'{"id": "q1", "ok": "\xff"}', "its byte 21 is 0xff", "as UTF-8"),
        (b"[" * 100_000, "nested too deep", "flatter"),
        (b"[1, 2]", "a list, not an object", "one JSON object per score"),
        (b"7", "a single value", "one JSON object per score"),
        (b'{"id": "q1", "okay": 1}', "There is no field 'ok'", "'okay'"),
        (b'{"id": "q1", "ok": "1"}', "a text, not a number", "Give a number"),
        (b'{"id": "q1", "ok": null}', "null, not a number", "Give a number"),
        (b'{"id": "q1", "ok": [1]}', "a list, not a number", "Give a number"),
        (b'{"id": "q1", "ok": 87.5}', "87.5", "Divide"),
        (b'{"id": "q1", "ok": -0.5}', "-0.5", "Divide"),
        (b'{"id": "q1", "ok": 1' + b"0" * 400 + b"}", "Not valid JSON|between 0 and 1", ""),
        (b'{"id": null, "ok": 1}', "null", "--id"),
        (b'{"id": true, "ok": 1}', "true or false", "--id"),
        (b'{"id": "", "ok": 1}', "empty text", "--id"),
        (b'{"id": {}, "ok": 1}', "an object", "--id"),
    ],
)
def test_a_bad_line_is_named(line, words, fix):
    error = refuse(b'{"id": "q0", "ok": 1}\n\n' + line + b"\n")
    assert error.where == "bad.jsonl:3"
    assert any(word in error.what for word in words.split("|"))
    assert fix in error.fix


def test_an_id_that_comes_twice_names_both_lines():
    error = refuse(b'{"id": 1, "ok": 1}\n{"id": 2, "ok": 1}\n{"id": "1", "ok": 0}\n')
    assert "at bad.jsonl:1 and bad.jsonl:3" in error.what


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told(content):
    assert "no scores" in refuse(content).what


def test_a_json_document_is_told_from_json_lines():
    assert "jq" in refuse(b'[\n{"id": "q0", "ok": 1}\n]\n').fix
    assert "UTF-8" in refuse('{"id": "q0", "ok": 1}\n'.encode("utf-16")).fix


def test_a_huge_line_is_refused_unread(monkeypatch):
    monkeypatch.setattr(foreign, "MAX_LINE", 1024)
    error = refuse(b'{"id": "' + b"x" * 2000 + b'", "ok": 1}\n', kind=TooLargeError)
    assert error.where == "bad.jsonl:1"


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(foreign, "MAX_ROWS", 3)
    error = refuse(b"".join(b'{"id": %d, "ok": 1}\n' % i for i in range(4)), kind=TooLargeError)
    assert error.where == "bad.jsonl:4"


def test_files_without_a_common_id_show_what_they_hold():
    error = refuse(b'{"id": "other", "ok": 1}\n')
    assert "'q0' and 'other'" in error.fix


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (("--id", "idd", "--score", "ok"), "'id'"),
        (("--id", "name", "--score", "ok"), "Known: id, list, meta, ok."),
        (("--id", "id", "--score", "ok.deep"), "plain value"),
        (("--id", "id", "--score", "list.9"), "list of 1"),
        (("--id", "id", "--score", "list." + "9" * 5000), "list of 1"),
        (("--id", "id", "--score", "meta.accc"), "'meta.acc'"),
    ],
)
def test_a_field_that_is_not_there_gets_a_proposal(options, fix):
    write("base.jsonl", [{"id": 1, "ok": 1, "list": [0], "meta": {"acc": 1}}])
    with pytest.raises(InputError, match="There is no field") as caught:
        run("base.jsonl", "base.jsonl", *options)
    assert caught.value.where == "base.jsonl:1"
    assert fix in caught.value.fix


def test_clusters_that_disagree_or_are_no_names_are_told():
    write("base.jsonl", [{"id": 1, "ok": 1, "doc": "a"}])
    write("candidate.jsonl", [{"id": 1, "ok": 1, "doc": "b"}])
    with pytest.raises(InputError, match="cluster 'b' here") as caught:
        run("base.jsonl", "candidate.jsonl", *OPTIONS, "--cluster", "doc")
    assert caught.value.where == "candidate.jsonl:1"
    with pytest.raises(InputError, match="There is no field 'dok'"):
        run("base.jsonl", "candidate.jsonl", *OPTIONS, "--cluster", "dok")
    write("base.jsonl", [{"id": 1, "ok": 1, "doc": []}])
    with pytest.raises(InputError, match="a list"):
        run("base.jsonl", "candidate.jsonl", *OPTIONS, "--cluster", "doc")


@pytest.mark.parametrize("name", ["nowhere.jsonl", "."])
def test_a_file_that_cannot_be_read_is_named(name):
    write("base.jsonl", rows([1]))
    with pytest.raises(InputError, match="cannot be read") as caught:
        run("base.jsonl", name, *OPTIONS)
    assert caught.value.where == name


def test_id_and_score_must_be_named_where_no_tool_is_known():
    error = refuse(b'{"id": "q0", "ok": 1}\n', options=())
    assert error.where == "base.jsonl:1"
    assert error.fix == "Name it with --id. The line has: id, ok."
    assert "--score" in refuse(b'{"id": "q0", "ok": 1}\n', options=("--id", "id")).fix


# --- the whole command ----------------------------------------------------------------------------


def test_a_fault_ends_with_its_exit_code_and_no_traceback():
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "compare", "a", "b", *OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error bad_input")
    assert "Traceback" not in done.stderr


@pytest.mark.shared
def test_published_gsm_figures_are_reproduced(shared):
    program = Path(__file__).parents[2] / "benchmarks" / "gsm.py"
    command = [sys.executable, str(program), str(shared / "data" / "zeroeval"), "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    known = [row for row in found["models"] if row["published"] is not None]
    assert len(known) == 11
    assert all(abs(row["difference"]) <= 0.01 for row in known)
    comparison = found["comparison"]
    assert comparison["n"] == 1319
    assert 0.015 <= comparison["difference"] <= 0.016
    assert 2.3 <= comparison["z"] <= 2.4
    assert comparison["verdict"] == "safe"
