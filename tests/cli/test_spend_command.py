"""`weighbridge spend`: a table that fits, exact CSV, JSON for programs; it adds up itself where no gateway runs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from weighbridge.access import keys
from weighbridge.canon import Attempt, Trace, Usage
from weighbridge.cli import app
from weighbridge.errors import InputError, NotFoundError
from weighbridge.store import spend
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter

MARCH = 1_772_323_200.0  # 2026-03-01


def call(engine: str, cost: int | None, *, estimated: bool = False, currency: str = "USD") -> Attempt:
    usage = Usage(input=1000, output=500, estimated=estimated)
    return Attempt(engine, 0.0, 1.0, billed=True, usage=usage, cost=cost, currency=currency)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with a key and three exchanges; the key's id."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text("")
    (tmp_path / ".weighbridge").mkdir(mode=0o700)
    state = State(tmp_path / ".weighbridge" / "state.db")
    made = keys.create(state, name="shop", team="web", who="me", at=time.time())
    state.close()
    writer = TraceWriter(tmp_path / ".weighbridge" / "traces")
    mine: dict[str, Any] = {"route": "assistant", "key": made.key.id, "team": "web"}
    for number, attempts in enumerate(
        (
            (call("a@x", 1_234_567), call("b@y", 3, estimated=True)),
            (call("c@z", 5, currency="EUR"),),
            (call("d@z", None),),
        )
    ):
        day = MARCH + number * 86_400
        writer.record(Trace(f"{number:026}", day, engine=attempts[0].engine, attempts=attempts, **mine))
    writer.close()
    return made.key.id


def run(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["spend", *arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.stdout


@pytest.mark.usefixtures("shop")
def test_the_table_tells_sums_estimates_and_what_is_missing() -> None:
    said = run("--by", "key,team,engine")
    assert all(len(line) <= 80 for line in said.splitlines())
    rows = [line.split() for line in said.splitlines()]
    assert rows[0] == ["key", "team", "engine", "exchanges", "in", "out", "cost"]
    assert ["shop", "web", "a@x", "1", "1,000", "500", "$1.23"] in rows
    assert ["shop", "web", "c@z", "1", "1,000", "500", "EUR", "0.000005"] in rows
    assert any(row[:1] == ["all"] and row[-1] == "~$1.23" for row in rows)
    assert "$0.000003 of it is estimated" in said
    assert "without a known price, missing here: 1." in said


@pytest.mark.usefixtures("shop")
def test_csv_is_exact_and_json_holds_whole_millionths(shop: str) -> None:
    rows = list(csv.DictReader(run("--by", "day,key,engine", "--csv").splitlines()))
    first = next(row for row in rows if row["engine"] == "a@x")
    assert (first["day"], first["key"], first["key_name"], first["cost"]) == ("2026-03-01", shop, "shop", "1.234567")
    found = json.loads(run("--by", "", "--json"))
    assert {row["currency"]: (row["cost"], row["estimated"], row["unpriced"]) for row in found} == {
        "USD": (1_234_570, 3, 1),
        "EUR": (5, 0, 0),
    }


@pytest.mark.usefixtures("shop")
def test_filters_and_days_of_both_ends() -> None:
    def engines(*arguments: str) -> list[str]:
        return [row["engine"] for row in json.loads(run("--json", *arguments))]

    assert engines("--since", "2026-03-02", "--until", "2026-03-02") == ["c@z"]
    assert engines("--until", "2026-03-01") == ["a@x", "b@y"]
    assert engines("--key", "shop", "--engine", "b@y") == ["b@y"]
    assert engines("--team", "other") == []
    assert "Nothing was spent" in run("--route", "other")


@pytest.mark.usefixtures("shop")
def test_what_cannot_be_meant_is_told() -> None:
    with pytest.raises(InputError, match="nothing to group by"):
        run("--by", "engin")
    with pytest.raises(InputError, match="Two formats"):
        run("--json", "--csv")
    with pytest.raises(InputError, match="not a time"):
        run("--since", "yesterday")
    with pytest.raises(NotFoundError):
        run("--key", "shpo")


@pytest.mark.usefixtures("shop")
def test_where_a_gateway_adds_up_the_command_only_reads(tmp_path: Path) -> None:
    with spend.folding(tmp_path / ".weighbridge" / "traces") as ours:
        assert ours
        code = "from weighbridge.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, "spend", "--json"], capture_output=True, check=True)
        assert json.loads(done.stdout) == []
    assert len(json.loads(run("--json"))) == 4
