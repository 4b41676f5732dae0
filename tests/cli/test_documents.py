"""`weighbridge verify`, `sign` and `weigh diff`: what they say, how they end, and what they refuse."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import documents
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError, NotFoundError, StoreError
from weighbridge.weigh import document
from weighbridge.weigh.types import Stopping

PAGE = "<!doctype html><html><body><p>SAFE</p></body></html>"
OLD = documents.weigh(60, seed=3, skills=(0.9, 0.9))
NEW = documents.weigh(60, seed=4, skills=(0.85, 0.2), price=4_000_000, started=1_800_000_000.0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("old.json").write_bytes(document.write(OLD))
    Path("new.json").write_bytes(document.write(NEW))
    Path("report.html").write_text(document.embed_in(PAGE, OLD), "utf-8")
    return tmp_path


def run(*arguments: str, stdin: Any = None) -> Any:
    """What it prints; our own errors are raised, as the command line's main() expects."""
    return CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)


def test_verify_tells_what_agrees_of_json_html_and_standard_input():
    for done in (
        run("verify", "old.json"),
        run("verify", "report.html"),
        run("verify", "-", stdin=Path("old.json").read_bytes()),
    ):
        assert done.exit_code == 0
        assert "AGREES." in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80
    told = json.loads(run("verify", "report.html", "--json").stdout)
    assert told["agrees"] is True
    assert {check["name"]: check["disagree"] for check in told["checks"]}["figures"] == 0


def test_verify_ends_with_its_own_code_where_something_does_not_agree():
    Path("report.html").write_text(Path("report.html").read_text("utf-8").replace("SAFE", "FINE"), "utf-8")
    done = run("verify", "report.html")
    assert done.exit_code == 12
    assert "page.sha256" in done.stdout
    assert "DISAGREES" in done.stdout
    tree = json.loads(Path("old.json").read_bytes())
    tree["raw"]["passes"][0]["score"] = [
        0 if score is not None else None for score in tree["raw"]["passes"][0]["score"]
    ]
    tree["raw"]["engines"][0]["host"]["title"] = "\x1b[2J"
    done = run("verify", "-", "--json", stdin=json.dumps(tree))
    assert done.exit_code == 12
    first = json.loads(done.stdout)["disagreements"][0]
    assert (first["check"], first["path"]) == ("digests", "digests.raw")
    assert "more; --json names" in run("verify", "-", stdin=json.dumps(tree)).stdout


def test_a_suite_at_hand_is_verified_too():
    from weighbridge.weigh import suites

    starter = suites.load("starter")
    assert starter.digest != OLD.digest
    done = run("verify", "old.json", "--suite", "starter")
    assert done.exit_code == 12
    assert "raw.suite.digest" in done.stdout


def test_a_signature_holds_until_something_changes():
    assert run("sign", "--new-key", "key.pem").exit_code == 0
    assert stat.S_IMODE(Path("key.pem").stat().st_mode) == 0o600
    for report in ("report.html", "old.json"):
        assert run("sign", report, "--key", "key.pem", "--by", "QA").exit_code == 0
        assert run("sign", report, "--key", "key.pem").exit_code == 0, "an earlier signature is replaced"
        done = run("verify", report, "--key", "key.pem.pub")
        assert done.exit_code == 0
        assert "Signed by" in done.stdout
    tree = json.loads(Path("old.json").read_bytes())
    assert run("verify", "old.json", "--key", tree["signature"]["key"]).exit_code == 0
    assert run("verify", "old.json", "--key", "0" * 64).exit_code == 12
    assert run("verify", "new.json", "--key", "key.pem.pub").exit_code == 12, "nobody signed it"
    tree["figures"]["scorecards"][0]["failures"] = 7
    from weighbridge.weigh.document import writing

    tree["digests"] = writing.digests(tree)
    done = run("verify", "-", "--json", stdin=json.dumps(tree))
    assert {one["check"] for one in json.loads(done.stdout)["disagreements"]} == {"figures", "signature"}


def test_sign_refuses_what_it_cannot_stand_by():
    run("sign", "--new-key", "key.pem")
    tree = json.loads(Path("old.json").read_bytes())
    tree["raw"]["run"]["seed"] = 1
    Path("changed.json").write_text(json.dumps(tree))
    for arguments in (
        ("old.json",),
        ("old.json", "--key", "none.pem"),
        ("old.json", "--key", "key.pem.pub"),
        ("changed.json", "--key", "key.pem"),
        ("--new-key", "key.pem"),
    ):
        with pytest.raises(InputError) as caught:
            run("sign", *arguments)
        assert caught.value.fix
    assert run("sign", "old.json", "--key", "key.pem", "-o", "signed.json").exit_code == 0
    assert "signature" not in json.loads(Path("old.json").read_bytes())


def test_diff_tells_what_changed_of_each_engine():
    found = json.loads(run("weigh", "diff", "old.json", "new.json", "--json").stdout)
    assert (found["same_suite"], found["shared"], found["changed"]) == (True, 60, 0)
    verdicts = {one["engine"]: one["quality"]["verdict"] for one in found["engines"]}
    assert verdicts[documents.CANDIDATE] == "unsafe"
    worse = found["engines"][1]
    assert worse["worse_count"] == len(worse["worse"]) > worse["better_count"]
    moved = {one["name"]: one for one in worse["moved"]}
    assert moved["cost per 1,000 requests"]["low"] > 1.3
    assert {"path": "offer.prices[0].input", "old": 1_000_000, "new": 2_000_000} in worse["facts"]
    text = run("weigh", "diff", "old.json", "new.json").stdout
    assert "UNSAFE at a margin of 5 points" in text
    assert max(map(len, text.splitlines())) <= 80
    table = run("weigh", "diff", "report.html", "new.json", "--markdown").stdout
    assert "| cost per 1,000 requests |" in table
    assert "## birch@south" in table


def test_diff_says_of_runs_that_stopped_early_what_their_ranges_are():
    early = {documents.CANDIDATE: Stopping("unsafe", 60, 300, -0.9, -0.4, 240)}
    Path("early.json").write_bytes(document.write(replace(NEW, stopping=early)))
    whole = {documents.CANDIDATE: Stopping("unsafe", 60, 60, -0.9, -0.4)}
    Path("whole.json").write_bytes(document.write(replace(OLD, stopping=whole)))
    note = json.loads(run("weigh", "diff", "whole.json", "early.json", "--json").stdout)["notes"][0]
    assert note.startswith("The later run stopped as soon as verdicts were known.")
    others = json.loads(run("weigh", "diff", "whole.json", "new.json", "--json").stdout)["notes"]
    assert not any("stopped" in note for note in others)


def test_an_engine_that_was_renamed_is_compared_with_itself():
    later = NEW.results | {"oak@south": NEW.results[documents.CANDIDATE]}
    del later[documents.CANDIDATE]
    oak = documents.engine("oak@south")
    Path("renamed.json").write_bytes(document.write(replace(NEW, results=later, engines=(NEW.engines[0], oak))))
    files = ("weigh", "diff", "old.json", "renamed.json")
    assert "Only in the earlier one: birch@south." in run(*files).stdout
    found = json.loads(run(*files, "--as", "birch@south=oak@south", "--json").stdout)
    one = found["engines"][1]
    assert (one["engine"], one["was"], one["quality"]["verdict"]) == ("oak@south", "birch@south", "unsafe")
    assert found["only_old_engines"] == found["only_new_engines"] == []
    assert {"path": "model.name", "old": "birch", "new": "oak"} in one["facts"]
    assert "oak@south (then birch@south)" in run(*files, "--as", "birch@south=oak@south").stdout
    crossed = json.loads(run(*files, "--as", "alder@north=oak@south", "--json").stdout)
    assert [one["engine"] for one in crossed["engines"]] == ["oak@south"]
    assert crossed["only_old_engines"] == ["birch@south"]
    for wrong, told in (
        (("birch@south",), "does not name"),
        (("elm@south=oak@south",), "The earlier document knows no engine 'elm@south'"),
        (("birch@south=elm@south",), "The later document knows no engine 'elm@south'"),
        (("birch@south=oak@south", "alder@north=oak@south"), "one new name"),
    ):
        with pytest.raises(InputError, match=told):
            run(*files, *(word for pair in wrong for word in ("--as", pair)))


def test_the_same_run_twice_is_no_change():
    found = json.loads(run("weigh", "diff", "old.json", "report.html", "--json").stdout)
    assert all(one["quality"]["difference"] == 0 for one in found["engines"])
    assert not any(one["facts"] for one in found["engines"])
    assert "one and the same run" in found["notes"][0]


@pytest.mark.parametrize(
    ("word", "files", "code"),
    [
        ("unsafe", ("old.json", "new.json"), 10),
        ("undecided", ("old.json", "new.json"), 10),
        ("unsafe", ("old.json", "old.json"), 0),
        ("undecided", ("old.json", "old.json"), 11),
    ],
)
def test_fail_on_turns_verdicts_into_exit_codes(word, files, code):
    margin = ("--margin", "0.01") if files == ("old.json", "old.json") else ()
    assert run("weigh", "diff", *files, "--fail-on", word, *margin).exit_code == code


def test_compare_fails_as_well():
    rows = [json.dumps({"id": str(index), "ok": index % 2}) for index in range(200)]
    Path("a.jsonl").write_text("\n".join(rows))
    Path("b.jsonl").write_text("\n".join(row.replace('"ok": 1', '"ok": 0') for row in rows))
    options = ("a.jsonl", "b.jsonl", "--id", "id", "--score", "ok")
    assert run("compare", *options).exit_code == 0
    assert run("compare", *options, "--fail-on", "unsafe").exit_code == 10
    assert run("compare", "a.jsonl", "a.jsonl", *options[2:], "--fail-on", "undecided").exit_code == 0
    with pytest.raises(InputError, match="knows no 'never'"):
        run("compare", *options, "--fail-on", "never")


CONFIG = """
[models.careful]
[models.hasty]
[hosts.tape]
recorded = { path = "careful.jsonl" }
[hosts.worn]
recorded = { path = "hasty.jsonl" }
[offers."careful@tape"]
price = { input = 1.0, output = 2.0 }
[offers."hasty@worn"]
price = { input = 0.1, output = 0.2 }
"""


@pytest.fixture
def sums():
    Path("weighbridge.toml").write_text(CONFIG)
    asked: list[dict[str, Any]] = [
        {"id": f"q{i}", "input": f"What is {i} + {i}?", "target": 2 * i, "grader": "number"} for i in range(1, 61)
    ]
    Path("sums.jsonl").write_text("\n".join(map(json.dumps, asked)))
    for name, wrong in (("careful", 60), ("hasty", 3)):
        told = [{"input": a["input"], "output": str(a["target"] + (i % wrong == 1))} for i, a in enumerate(asked)]
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, told)))
    return "sums.jsonl"


@pytest.mark.parametrize(
    ("options", "checks"),
    [
        ((), {"figures", "costs", "page"}),
        (("--repeats", "2", "--limit", "30"), {"figures", "costs", "page", "suite"}),
        (("--sequential",), {"figures", "costs", "page", "suite", "stopping"}),
        (("--noise", "--with-answers"), {"figures", "costs", "page"}),
    ],
)
def test_what_a_run_writes_agrees_and_its_verdict_is_its_exit_code(sums, options, checks):
    done = run(
        "weigh", "run", sums, "-e", "careful@tape,hasty@worn", "--report", "run.html", "--report", "run.json",
        "--margin", "0.02", "--fail-on", "undecided", *options,
    )  # fmt: skip
    assert done.exit_code in (10, 11)
    told = json.loads(Path("run.json").read_bytes())["figures"]
    verdicts = {c["verdict"] for c in (told.get("stopping") or told["comparisons"]).values()}
    assert done.exit_code == (10 if "unsafe" in verdicts else 11)
    suite = ("--suite", sums) if "suite" in checks else ()
    found = json.loads(run("verify", "run.html", "--json", *suite).stdout)
    assert found["agrees"], found["disagreements"]
    assert checks <= {check["name"] for check in found["checks"]}
    found = json.loads(run("verify", "run.json", "--json").stdout)
    assert found["agrees"]
    assert ("grades" in {check["name"] for check in found["checks"]}) is ("--with-answers" in options)


def test_only_what_is_the_same_is_compared():
    fewer = documents.weigh(50, seed=5, started=1_800_000_000.0)
    other = json.loads(document.write(fewer))
    other["raw"]["suite"]["samples"]["digest"][0] = "0" * 64
    from weighbridge.weigh.document import writing

    other["digests"] = writing.digests(other)
    Path("other.json").write_text(json.dumps(other))
    found = json.loads(run("weigh", "diff", "old.json", "other.json", "--json").stdout)
    assert (found["same_suite"], found["shared"], found["changed"], found["only_old"]) == (False, 49, 1, 10)
    assert found["engines"][0]["quality"]["n"] == 49


def test_diff_refuses_what_it_cannot_compare():
    tree = json.loads(Path("old.json").read_bytes())
    tree["raw"]["passes"][0]["score"][0] = 1 - tree["raw"]["passes"][0]["score"][0]
    Path("changed.json").write_text(json.dumps(tree))
    with pytest.raises(InputError, match="digests do not fit"):
        run("weigh", "diff", "changed.json", "new.json")
    with pytest.raises(InputError, match="Both documents are standard input"):
        run("weigh", "diff", "-", "-")
    with pytest.raises(InputError, match="margin"):
        run("weigh", "diff", "old.json", "new.json", "--margin", "3")
    with pytest.raises(NotFoundError):
        run("weigh", "diff", "old.json", "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        run("verify", ".")


def test_engines_software_and_facts_that_only_one_run_knows_are_told():
    later = documents.weigh(60, seed=4, started=1_800_000_000.0, version="9.9")
    tree = json.loads(document.write(later))
    raw, figures = tree["raw"], tree["figures"]
    raw["engines"][0]["offer"]["prices"][0]["others"] = [f"source {index}: 1/1" for index in range(12)]
    raw["engines"][0]["model"]["licence"] = "other | <b>"
    raw["passes"] = [one for one in raw["passes"] if one["engine"] != documents.CANDIDATE]
    raw["run"]["levels"] = ["none"]
    for one in raw["passes"]:
        one.pop("answer")
        one.pop("cost")
    figures["scorecards"], figures["comparisons"] = figures["scorecards"][:1], {}
    from weighbridge.weigh.document import writing

    tree["digests"] = writing.digests(tree)
    Path("later.json").write_text(json.dumps(tree))
    text = run("weigh", "diff", "old.json", "later.json").stdout
    assert "Only in the earlier one: birch@south." in text
    assert "The software changed" in text
    assert "levels of masking" in text
    assert "more facts; --json names them." in text
    assert "Noise: asked twice" in text
    assert "Only in the later one: birch@south." in run("weigh", "diff", "later.json", "old.json").stdout
    table = run("weigh", "diff", "old.json", "later.json", "--markdown").stdout
    assert "other \\| &lt;b>" in table
    assert "- Noise: asked twice" in table


def test_keys_and_folders_that_cannot_be_used_are_told():
    from cryptography.hazmat.primitives import serialization as to
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1())
    Path("ec.pem").write_bytes(other.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, to.NoEncryption()))
    Path("ec.pub").write_bytes(other.public_key().public_bytes(to.Encoding.PEM, to.PublicFormat.SubjectPublicKeyInfo))
    Path("binary.pub").write_bytes(b"\xff\xfe")
    for key in ("ec.pub", "binary.pub", "00ff"):
        with pytest.raises(InputError, match="key"):
            run("verify", "old.json", "--key", key)
    with pytest.raises(InputError, match="Ed25519"):
        run("sign", "old.json", "--key", "ec.pem")
    run("sign", "--new-key", "key.pem")
    with pytest.raises(StoreError) as caught:
        run("sign", "old.json", "--key", "key.pem", "-o", "none/signed.json")
    assert "--out" in caught.value.fix
    tree = json.loads(Path("old.json").read_bytes())
    tree["signature"] = {"algorithm": "ed25519", "key": "no key", "value": "none"}
    assert run("verify", "-", stdin=json.dumps(tree)).exit_code == 12
