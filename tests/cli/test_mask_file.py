"""`weighbridge mask file`: whole tables, and what is left of them when something goes wrong."""

from __future__ import annotations

import csv
import json
import signal
import stat
import subprocess
import sys
import time
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from weighbridge.cli import app, mask_tables
from weighbridge.errors import InputError, TooLargeError

MAIL = "jo@hospital.test"
OTHER = "li@hospital.test"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\n')

    def run(*arguments, fails=None):
        done = CliRunner().invoke(app, ["mask", "file", *arguments])
        left = [path.name for path in tmp_path.iterdir() if ".tmp" in path.name]
        assert left == []
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return done.exception
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    return run


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


TABLE = [
    ["id", "mail", "date of birth", "note"],
    ["1", MAIL, "1980-02-03", f'said "hi" to {OTHER},\nthen left'],
    ["2", OTHER, "", json.dumps({"to": [MAIL]})],
    [],
    ["3"],
]


def write(path, rows, **form):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **form).writerows(rows)


def test_a_csv_file_keeps_its_shape_and_loses_its_values(run, tmp_path):
    write(tmp_path / "in.csv", TABLE)
    told = json.loads(run("in.csv", "out.csv", "--json").stdout)
    made = rows_of(tmp_path / "out.csv")
    assert [len(row) for row in made] == [len(row) for row in TABLE]
    assert "hospital" not in str(made)
    assert "1980-02-03" not in str(made)
    assert made[0] == TABLE[0]
    assert [row[0] for row in made if row] == ["id", "1", "2", "3"]
    assert made[1][1] == json.loads(made[2][3])["to"][0]
    assert made[1][3] == f'said "hi" to {made[2][1]},\nthen left'
    assert told["rows"] == 4
    assert told["columns"] == {
        "id": {},
        "mail": {"email": 2},
        "date of birth": {"date_of_birth": 1},
        "note": {"email": 2},
    }
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600
    assert b"\r\n" in (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize("form", [{"delimiter": ";"}, {"delimiter": "\t"}, {"delimiter": "|", "lineterminator": "\n"}])
def test_other_delimiters_stay(run, tmp_path, form):
    write(tmp_path / "in.csv", TABLE[:3], **form)
    run("in.csv", "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        made = list(csv.reader(file, delimiter=form["delimiter"]))
    assert [len(row) for row in made] == [4, 4, 4]
    assert (b"\r\n" in (tmp_path / "out.csv").read_bytes()) == ("lineterminator" not in form)


def test_columns_that_are_named_alone(run, tmp_path):
    write(tmp_path / "in.csv", TABLE)
    done = run("in.csv", "out.csv", "--columns", "mail")
    made = rows_of(tmp_path / "out.csv")
    assert made[1][1] != MAIL
    assert made[1][2:] == TABLE[1][2:]
    assert "not looked through: id, date of birth, note" in done.stdout
    wrong = run("in.csv", "other.csv", "--columns", "mial,id", fails=InputError)
    assert "'mial'" in wrong.what
    assert "'mail'" in wrong.fix
    assert not (tmp_path / "other.csv").exists()


def test_every_run_has_surrogates_of_its_own_but_in_a_conversation(run, tmp_path):
    write(tmp_path / "in.csv", TABLE)
    for name in ("a", "b"):
        run("in.csv", f"{name}.csv")
        run("in.csv", f"kept-{name}.csv", "--conversation", "study-4")
    assert rows_of(tmp_path / "a.csv") != rows_of(tmp_path / "b.csv")
    assert rows_of(tmp_path / "kept-a.csv") == rows_of(tmp_path / "kept-b.csv") != rows_of(tmp_path / "a.csv")
    surrogate = rows_of(tmp_path / "kept-a.csv")[1][1]
    (tmp_path / "answer.txt").write_text(f"Call {surrogate}.")
    back = CliRunner().invoke(app, ["mask", "restore", "--conversation", "study-4", "answer.txt"])
    assert back.stdout == f"Call {MAIL}."


def test_json_lines(run, tmp_path):
    rows: list[dict[str, Any]] = [
        {"id": 1, "who": {"mail": MAIL, "n": [None, 1.5]}, "text": "nothing"},
        {"id": 2, "who": None, "card": 4111111111111111, "text": f"to {MAIL} \u2028 {OTHER}"},
        {"id": 3, "ok": True, "text": f'{{"to": "{OTHER}"}}'},
    ]
    (tmp_path / "in.jsonl").write_text("\ufeff" + "\n\n".join(map(json.dumps, rows)))
    told = json.loads(run("in.jsonl", "out.jsonl", "--json").stdout)
    text = (tmp_path / "out.jsonl").read_text()
    made = [json.loads(line) for line in text.split("\n")[:-1]]
    assert "hospital" not in text
    assert "4111111111111111" not in text
    assert [row["id"] for row in made] == [1, 2, 3]
    assert made[0]["who"]["n"] == [None, 1.5]
    assert made[1]["text"].split()[1] == made[0]["who"]["mail"]
    assert json.loads(made[2]["text"])["to"] == made[1]["text"].split()[-1]
    assert told["columns"]["text"] == {"email": 3}
    run("in.jsonl", "part.jsonl", "--columns", "card,who")
    part = [json.loads(line) for line in (tmp_path / "part.jsonl").read_text().split("\n")[:-1]]
    assert part[1]["text"] == rows[1]["text"]
    assert part[1]["card"] != rows[1]["card"]
    assert "'whom'" in run("in.jsonl", "x.jsonl", "--columns", "id,whom", fails=InputError).what


def test_parquet_keeps_types_order_and_all_that_is_not_masked(run, tmp_path):
    source = tmp_path / "in [1] x=2.parquet"
    shape = (
        f"i AS id, 'write to {MAIL}, ' || i AS text, {{'a': '{OTHER}', 'n': [i, NULL]}} AS nested, ['{MAIL}', NULL] AS list,"
        f""" '{{"to": "{MAIL}"}}'::JSON AS doc, CASE WHEN i % 2 = 0 THEN '{MAIL}' END AS maybe, 'plain' AS "a ""b","""
        " i::DECIMAL(9,2) AS price, DATE '2020-01-01' + i::INTEGER AS day, '\\xAA'::BLOB AS bytes, i + 0.5::DOUBLE AS half"
    )
    literal = str(source).replace("[", "[[]")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {shape} FROM range(2500) r(i)) TO '{source}' (FORMAT parquet)")
        told = json.loads(run(source.name, "out.parquet", "--json").stdout)

        def all_of(path):
            return connection.execute(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)").fetchall()

        def types(path):
            described = f"DESCRIBE SELECT * FROM read_parquet('{path}', hive_partitioning = false)"
            return [row[:2] for row in connection.execute(described).fetchall()]

        before, after = all_of(literal), all_of(tmp_path / "out.parquet")
        assert types(literal) == types(tmp_path / "out.parquet")
    assert len(after) == 2500
    assert "hospital" not in str(after)
    assert [(r[0], *r[6:]) for r in after] == [(r[0], *r[6:]) for r in before]
    surrogate = after[0][3][0]
    assert {r[3][0] for r in after} == {surrogate} == {json.loads(r[4])["to"] for r in after}
    assert {r[5] for r in after} == {surrogate, None}
    assert [r[2]["n"] for r in after] == [r[2]["n"] for r in before]
    assert all(r[1] == f"write to {surrogate}, {r[0]}" for r in after)
    assert told["columns"]["maybe"] == {"email": 1250}
    assert told["not_looked_through"] == ["id", "price", "day", "bytes", "half"]
    assert stat.S_IMODE((tmp_path / "out.parquet").stat().st_mode) == 0o600


def test_numbers_of_parquet_are_masked_where_they_are_named(run, tmp_path):
    with duckdb.connect() as connection:
        query = "SELECT 4111111111111111 AS card, 7 AS id, NULL::BIGINT AS none"
        connection.execute(f"COPY ({query}) TO '{tmp_path}/in.parquet' (FORMAT parquet)")
        run("in.parquet", "out.parquet", "--columns", "card,none")
        [(card, id_, none)] = connection.execute(f"SELECT * FROM '{tmp_path}/out.parquet'").fetchall()
        assert card != "4111111111111111"
        assert (type(card), id_, none) == (str, 7, None)
        run("in.parquet", "same.parquet")
        assert connection.execute(f"SELECT * FROM '{tmp_path}/same.parquet'").fetchall() == [
            (4111111111111111, 7, None)
        ]
    assert "no column 'crad'" in run("in.parquet", "x.parquet", "--columns", "crad", fails=InputError).what


def test_what_is_there_stays(run, tmp_path):
    write(tmp_path / "in.csv", TABLE)
    before = (tmp_path / "in.csv").read_bytes()
    (tmp_path / "link.csv").symlink_to("in.csv")
    assert "source itself" in run("in.csv", "link.csv", "--force", fails=InputError).what
    (tmp_path / "out.csv").write_text("mine")
    assert "--force" in run("in.csv", "out.csv", fails=InputError).fix
    assert (tmp_path / "out.csv").read_text() == "mine"
    run("in.csv", "out.csv", "--force")
    assert rows_of(tmp_path / "out.csv")[0] == TABLE[0]
    assert (tmp_path / "in.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("in.csv", b"", "names no columns"),
        ("in.csv", f"1,{MAIL}\n2,x\n".encode(), "holds values"),
        ("in.csv", b"a,b\n1,2,3\n", "3 fields"),
        ("in.csv", b"a,b\n1,caf\xe9\n", "UTF-8"),
        ("in.csv", b'a,b\n1,"x\n', "no CSV"),
        ("in.jsonl", f'{{"a": 1}}\n{{"a": "{MAIL}\n'.encode(), "no JSON object"),
        ("in.jsonl", b"[1]\n", "no JSON object"),
        ("in.jsonl", b'{"a": "caf\xe9"}\n', "no JSON object"),
        ("in.parquet", b"PAR1 not", "cannot be read"),
        ("in.txt", b"x", "ending of no table"),
    ],
)
def test_what_is_no_table_leaves_nothing_behind(run, tmp_path, name, data, what):
    (tmp_path / name).write_bytes(data)
    error = run(name, "out" + name[2:], fails=InputError)
    assert what in error.what
    assert MAIL not in str(error)
    assert not (tmp_path / ("out" + name[2:])).exists()


def test_a_line_without_end_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(mask_tables, "MAX_LINE", 100)
    (tmp_path / "in.jsonl").write_text(json.dumps({"a": "x" * 100}))
    (tmp_path / "in.csv").write_text("a\n" + "x" * 101)
    for name in ("in.jsonl", "in.csv"):
        run(name, f"out.{name[3:]}", fails=TooLargeError)


def test_names_of_files_that_do_not_fit(run, tmp_path):
    write(tmp_path / "in.csv", TABLE)
    assert "end with .csv" in run("in.csv", "out.jsonl", fails=InputError).fix
    assert run("none.csv", "out.csv", fails=InputError).where == "none.csv"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, sent):
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\n')
    (tmp_path / "in.jsonl").write_text(f'{{"text": "{MAIL} and {"some more words " * 40}"}}\n' * 100_000)
    process = subprocess.Popen(
        [sys.executable, "-c", "from weighbridge.cli import main; main()", "mask", "file", "in.jsonl", "out.jsonl"],
        cwd=tmp_path,
    )
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".out.jsonl.*")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert list(tmp_path.glob(".out.jsonl.*"))
    process.send_signal(sent)
    assert process.wait(60) == 130
    left = sorted(path.name for path in tmp_path.iterdir() if path.name != ".weighbridge")
    assert left == ["in.jsonl", "weighbridge.toml"]
