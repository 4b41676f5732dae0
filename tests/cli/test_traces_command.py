"""`weighbridge traces`: tables in 80 columns, safe for terminals, JSON for programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from weighbridge.canon import (
    Attempt,
    Choice,
    FilePart,
    ImagePart,
    Loss,
    Message,
    OpaquePart,
    ReasoningPart,
    Reply,
    Request,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Trace,
    Usage,
)
from weighbridge.cli import app
from weighbridge.cli.times import ago
from weighbridge.cli.traces_view import one_line, plain
from weighbridge.errors import InputError, UnknownTraceError, WeighbridgeError
from weighbridge.store.traces import TraceWriter

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202eevil\r\x00"
AT = 1_800_000_000.0
FULL = Trace(
    id="01k8zr6y5mfull0000000000aa",
    at=AT,
    route="assistant",
    engine="glm-5.2@zai",
    plan=3,
    streamed=True,
    dialect="openai-chat",
    conversation="c1",
    first_token=0.25,
    total=1.5,
    usage=Usage(input=100, cached=20, output=50, reasoning=10, estimated=True),
    cost=1234,
    attempts=(
        Attempt(engine="a@b", started=0.0, ended=1.0, outcome="rate_limited", status=429, message=f"slow {EVIL}"),
        Attempt(engine="glm-5.2@zai", started=1.0, ended=1.5),
    ),
    losses=(Loss(field="top_k", reason=f"unknown {EVIL}", severity="low"),),
    request=Request(
        model="assistant",
        tools=(Tool(name="get_weather"),),
        messages=(
            Message(role="system", parts=(TextPart(text=f"Be kind.{EVIL}"),)),
            Message(
                role="user",
                parts=(
                    TextPart(text="first line\nsecond line"),
                    ImagePart(url="https://x.test/cat.png"),
                    FilePart(data="aGVsbG8h", media_type="application/pdf"),
                    OpaquePart(dialect="openai-chat", data={"type": "odd"}),
                ),
            ),
            Message(role="tool", parts=(ToolResultPart(call_id="c9", parts=(TextPart(text="rain"),), is_error=True),)),
        ),
    ),
    reply=Reply(
        choices=(
            Choice(
                parts=(
                    ReasoningPart(text="let me think"),
                    ReasoningPart(),
                    TextPart(text="It rains. ü🚢"),
                    ToolCallPart(id="c1", name="get_weather", arguments='{"city":"Bonn"}'),
                ),
                finish="stop",
                refusal="no more",
            ),
        )
    ),
)


@pytest.fixture
def recorded(tmp_path: Path) -> list[Trace]:
    """The full trace and three plain ones, in the default store."""
    plainer = [
        Trace(
            id=f"01k8zr6y5mplain00000000000{n}", at=AT + n, route=EVIL if n == 2 else "", engine="", outcome="deadline"
        )
        for n in range(3)
    ]
    writer = TraceWriter(tmp_path / ".weighbridge" / "traces")
    for trace in (FULL, *plainer):
        writer.record(trace)
    writer.close()
    return [FULL, *plainer]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["traces", *arguments], catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def harmless(text: str) -> bool:
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_an_empty_store_says_how_to_get_traces() -> None:
    out = run("list")
    assert "No traces yet" in out
    assert "weighbridge ask" in out
    assert json.loads(run("list", "--json")) == []


def test_the_list_fits_80_columns_and_is_newest_first(recorded: list[Trace]) -> None:
    out = run("list")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert harmless(out)
    assert out.index("none answered") < out.index("glm-5.2@zai")
    assert "100/50" in out
    assert "0.25/1.50" in out
    assert "$0.001234" in out


def test_long_names_get_a_line_of_their_own(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / ".weighbridge" / "traces")
    writer.record(Trace(id="x", at=AT, route="r" * 40, engine="e" * 60 + "@" + "h" * 40, outcome="o" * 100))
    writer.close()
    out = run("list")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert f"{'r' * 40} -> eee" in out


def test_filters_and_limit(recorded: list[Trace]) -> None:
    assert [t["id"] for t in json.loads(run("list", "--json", "--outcome", "ok"))] == [FULL.id]
    assert len(json.loads(run("list", "--json", "-n", "2"))) == 2
    since = "2027-01-15T08:00:01.500+00:00"
    assert [t["id"][-1] for t in json.loads(run("list", "--json", "--since", since))] == ["2"]
    assert [t["id"][-1] for t in json.loads(run("list", "--json", "--until", since, "-n", "1"))] == ["1"]
    assert run("list", "--route", "nobody").strip() == "No trace matches."
    assert "request" not in json.loads(run("list", "--json", "--engine", "glm-5.2@zai"))[0]


def test_show_tells_everything_and_nothing_raw(recorded: list[Trace]) -> None:
    out = run("show", FULL.id)
    assert harmless(out)
    for words in (
        "2027-01-15",
        "assistant",
        "gateway, openai-chat, streamed",
        "100 in (20 cached), 50 out (10 reasoning), estimated",
        "0.250 s",
        "1. a@b",
        "rate_limited (429)",
        "top_k",
        "tools: get_weather",
        "  first line\n  second line",
        "[image] https://x.test/cat.png",
        "[file] application/pdf, 6 bytes",
        "[a part that only openai-chat knows]",
        "[error of c9] rain",
        "[reasoning] let me think",
        "[sealed reasoning, 0 blobs]",
        "It rains. ü🚢",
        '[calls get_weather c1] {"city":"Bonn"}',
        "[refusal] no more",
    ):
        assert words in out, words


def test_show_takes_the_beginning_of_an_id(recorded: list[Trace]) -> None:
    assert run("show", FULL.id[:12]) == run("show", FULL.id)
    with pytest.raises(UnknownTraceError, match="Several"):
        run("show", "01k8zr6y5m")
    with pytest.raises(UnknownTraceError, match="no trace 'zz'"):
        run("show", "zz")


def test_show_without_bodies_says_so(recorded: list[Trace]) -> None:
    assert "not in this trace" in run("show", recorded[1].id)


def test_json_is_the_whole_trace_without_raw_controls(recorded: list[Trace]) -> None:
    out = run("show", FULL.id, "--json")
    assert msgspec.json.decode(out.encode(), type=Trace) == FULL
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


def test_export_to_files_and_to_standard_output(recorded: list[Trace], tmp_path: Path) -> None:
    assert run("export", "out.jsonl").strip() == "4 traces in out.jsonl"
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Trace) for line in lines] == recorded
    out = run("export", "-", "--limit", "2").encode()
    assert [msgspec.json.decode(line, type=Trace) for line in out.splitlines()] == recorded[-2:]
    assert not re.search(rb"\x7f|\xc2[\x80-\x9f]", out)
    assert run("export", "x.data", "--format", "parquet", "--route", "assistant").strip() == "1 traces in x.data"
    assert (tmp_path / "x.data").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "-", "--format", "parquet"),
        ("export", "out.csv"),
        ("export", "none/out.jsonl"),
        ("list", "--since", "yesterday"),
        ("list", "--until", "5 minutes"),
        ("export", "x.jsonl", "--since", "999999999w999"),
    ],
)
def test_what_cannot_be_used_is_an_error_with_a_fix(arguments: tuple[str, ...]) -> None:
    with pytest.raises(WeighbridgeError) as caught:
        run(*arguments)
    assert isinstance(caught.value, InputError)
    assert caught.value.fix


def test_times() -> None:
    assert ago(None, 1000.0, "") is None
    assert ago("90s", 1000.0, "") == 910.0
    assert ago(" 1.5m ", 1000.0, "") == 910.0
    assert ago("2w", 0.0, "") == -14 * 86_400
    assert ago("1970-01-01T00:01:40Z", 0.0, "") == 100.0


def test_odd_texts_are_harmless() -> None:
    assert harmless(plain(EVIL * 3))
    assert one_line("a\n\t b\u2028c") == "a b\ufffdc"


def test_a_damaged_file_is_a_warning_on_standard_error(recorded: list[Trace], tmp_path: Path) -> None:
    (tmp_path / ".weighbridge/traces/0000000000zzzzzzzzzzzzzzzz-2.seg").write_bytes(b"something else")
    result = CliRunner().invoke(app, ["traces", "list"])
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert FULL.id[:13] in result.stdout


def test_through_a_real_pipe(recorded: list[Trace], tmp_path: Path) -> None:
    script = f"{Path(sys.executable).parent / 'weighbridge'} traces"
    env = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script} export - | head -c 10; {script} show nope"],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.stdout == '{"id":"01k'
    assert done.returncode == 3
    assert "error unknown_trace" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_load_nothing_heavy_at_the_top() -> None:
    code = "import sys; import weighbridge.cli.traces; print([m for m in ('duckdb', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
