"""`weighbridge mask eval` and `mask bench`: tables in 80 columns, JSON, and misses of the half that may be looked at."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError, SettingsError
from weighbridge.mask import speed
from weighbridge.mask.datasets import half_of

SHARES = {
    "leak",
    "entity_leak",
    "document_leak",
    "recall",
    "precision",
    "word_recall",
    "word_precision",
    "over_masking",
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\n')
    rows = []
    for n in range(40):
        mail, secret = f"u{n}@example.com", f"quixotic{n}x"
        text = f"Write to {mail} about {secret}."
        rows.append(
            {
                "text": text,
                "lang": "en",
                "spans": [
                    {"start": text.index(value), "end": text.index(value) + len(value), "kind": kind}
                    for value, kind in ((mail, "email"), (secret, "codeword"))
                ],
            }
        )
    path = tmp_path / "notes.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["mask", *map(str, arguments)])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_halves_stand_beside_each_other(data):
    done = run("eval", data)
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines[1:])
    [mail] = [line.split() for line in lines if line.startswith("email")]
    [word] = [line.split() for line in lines if line.startswith("codeword")]
    assert mail[2] == ".000"
    assert word[2] == "1.000"
    assert int(mail[1]) + int(mail[6]) == 40
    assert any(line.startswith("over-masked") for line in lines)
    assert "quixotic" not in done.output


def test_misses_are_those_of_the_half_to_tune_on(data):
    done = run("eval", data, "--misses", 100)
    shown = [line for line in done.stdout.splitlines() if line.startswith("codeword: ")]
    texts = [json.loads(line)["text"] for line in data.read_text().splitlines()]
    assert len(shown) == sum(half_of(text) == "even" for text in texts)
    for text in texts:
        word = text.split()[-1].rstrip(".")
        assert (half_of(text) == "even") == any(f"[{word}]" in line for line in shown)
    assert "[quixotic" not in run("eval", data, "--misses", 5, "--split", "odd").stdout
    assert len([line for line in run("eval", data, "--misses", 2).stdout.splitlines() if "[quixotic" in line]) == 2


def test_json_has_every_share_with_its_interval(data):
    told = json.loads(run("eval", data, "--json", "--split", "all").stdout)
    [dataset] = told["datasets"]
    [half] = dataset["halves"]
    assert (dataset["name"], half["half"], half["documents"]) == ("notes", "all", 40)
    rows = {row["name"]: row for row in half["rows"] if row["about"] in {"all", "kind"}}
    assert rows["email"]["leak"]["value"] == 0
    assert rows["codeword"]["leak"]["value"] == 1
    assert rows["codeword"]["leak"]["low"] > 0.9
    assert rows[""].keys() >= SHARES
    assert rows[""]["document_leak"]["n"] == 40
    assert "misses" not in half


def test_json_tells_where_misses_are_and_nothing_of_the_other_half(data):
    told = json.loads(run("eval", data, "--json", "--misses", 1).stdout)
    odd, even = told["datasets"][0]["halves"]
    assert "misses" not in odd
    assert set(even["misses"][0]) == {"document", "start", "end", "kind"}


def test_what_cannot_be_measured_is_refused(data, tmp_path):
    (tmp_path / "a.txt").write_text("Words.")
    done = CliRunner().invoke(app, ["mask", "eval", str(tmp_path / "a.txt")])
    assert isinstance(done.exception, InputError)
    done = CliRunner().invoke(app, ["mask", "eval", str(data), "--names", "fast"])
    assert isinstance(done.exception, SettingsError)
    assert "models add" in done.exception.fix


def test_texts_of_the_bench_are_the_same_each_time():
    for sort in speed.SORTS:
        text = speed.text_of(sort, 3000)
        assert len(text) == 3000
        assert text == speed.text_of(sort, 3000)
    prompts = speed.prompts(5)
    assert len(set(prompts)) == 5
    assert all(len(prompt) == 2000 for prompt in prompts)


def test_bench_measures_what_is_there_and_says_what_is_not(data, monkeypatch):
    monkeypatch.setattr("weighbridge.cli.mask_bench._SIZE", 500)
    monkeypatch.setattr("weighbridge.mask.speed.prompts", lambda: ["a@example.com", "b", "c"])
    told = json.loads(run("bench", "--seconds", 0, "--json").stdout)
    assert [row["tier"] for row in told["tiers"]] == ["patterns"]
    assert set(told["missing"]) == {"fast", "thorough"}
    assert set(told["tiers"][0]["rates"]) == set(speed.SORTS)
    assert all(rate["kb_per_s"] > 0 for rate in told["tiers"][0]["rates"].values())
    done = run("bench", "--seconds", 0)
    assert "patterns" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
