"""`weighbridge suite`: traffic becomes a suite that can be weighed on, masked, and the same each time."""

from __future__ import annotations

import json
import re
import time

import msgspec
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from weighbridge.canon import (
    Choice,
    Message,
    Reply,
    Request,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Trace,
)
from weighbridge.cli import app
from weighbridge.errors import InputError, MaskError, NotFoundError
from weighbridge.store.traces import TraceWriter
from weighbridge.weigh import bills, suites, traced
from weighbridge.weigh.alike import Seen

TOPICS = [
    "bridges",
    "rivers",
    "clouds",
    "kites",
    "lamps",
    "trains",
    "apples",
    "violins",
    "glaciers",
    "maps",
    "tides",
    "lenses",
]
TOOL = Tool("weather", schema={"type": "object", "properties": {"city": {"type": "string"}}})


def exchange(n, said="", answer="A plain answer.", calls=(), **more):
    messages = more.pop("messages", None) or (
        Message("user", (TextPart(said or f"Tell me about {TOPICS[n % 12]} please, number {n * 977}."),)),
    )
    parts = (*((TextPart(answer),) if answer else ()), *calls)
    given = {"at": time.time() - 1000 + n, "route": "help", "engine": "a@b", "conversation": f"c{n % 5}"} | more
    return Trace(
        id=f"{n:026d}", request=Request("help", messages, tools=(TOOL,) if calls else ()), reply=Reply((Choice(parts),)), **given
    )  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\n[store]\npath = "store"\n')

    def run(*given, traces=()):
        if traces:
            writer = TraceWriter(tmp_path / "store/traces", now=time.time)
            for one in traces:
                writer.record(one)
            writer.close()
        return CliRunner().invoke(app, ["suite", *given])

    return run


def test_traffic_becomes_a_suite_without_what_must_not_be_in_it(run, tmp_path):
    call = ToolCallPart("1", "weather", '{"city": "Oslo"}')
    result = Message("tool", (ToolResultPart("1", (TextPart("rain"),)),))
    later = (Message("user", (TextPart("Is it wet in Oslo?"),)), Message("assistant", (call,)), result)
    traces = [
        *(exchange(n) for n in range(10)),
        exchange(20, said="Write to ann.lee@example.org about it", answer="Written to ann.lee@example.org."),
        exchange(21, said="Weather in Oslo?", answer="", calls=[call]),
        exchange(22, messages=later, answer="Yes."),
        exchange(23, outcome="interrupted"),
        Trace("9" * 26, time.time(), "help", "a@b"),
        exchange(25, source="weigh"),
    ]
    found = run("from-traces", "help", "-o", "s.jsonl", "--json", traces=traces)

    told = json.loads(found.output)
    assert (told["read"], told["failed"], told["bare"], told["kept"]) == (15, 1, 1, 13)
    assert told["graders"] == {"similarity": 12, "tool_call": 1}
    text = (tmp_path / "s.jsonl").read_text()
    assert "ann.lee" not in text
    made = suites.load(str(tmp_path / "s.jsonl"))
    assert made.digest == told["digest"]
    (mail,) = [one for one in made.samples if one.id.endswith("20")]
    surrogate = next(word for word in mail.messages[0].text.split() if "@" in word)
    assert surrogate in mail.target
    (wet,) = [one for one in made.samples if one.id.endswith("22")]
    assert [message.role for message in wet.messages] == ["user", "assistant", "tool"]
    assert {one.cluster for one in made.samples} >= {"conversation 1", "conversation 2"}
    assert "13 samples" in run("show", "s.jsonl").output
    assert run("from-traces", "help", "-o", "again.jsonl").exit_code == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "s.jsonl").read_bytes()
    assert "It exists already" in str(run("from-traces", "help", "-o", "s.jsonl").exception)


def test_nothing_to_make_a_suite_of(run):
    assert isinstance(run("from-traces", "help", "-o", "s.jsonl").exception, NotFoundError)
    bare = [Trace("1" * 26, time.time(), "help", "a@b")]
    found = run("from-traces", "help", "-o", "s.jsonl", traces=bare)
    assert "None of the 1 exchanges makes a sample: 1 have no texts." in str(found.exception)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (("-o", "s.json"), "ends with .jsonl"),
        (("-o", "no/s.jsonl"), "folder does not exist"),
        (("-o", "s.jsonl", "--mask", "all"), "'all' is no level"),
        (("-o", "s.jsonl", "--grader", "bleu"), "cannot compare two texts"),
    ],
)
def test_options_that_cannot_be_used(run, given, what):
    found = run("from-traces", "help", *given)
    assert isinstance(found.exception, InputError)
    assert what in str(found.exception)


def _make(traces, **more):
    given = {"mask": None, "size": 10, "seed": 1, "dedupe": True, "cluster_by": "none", "grader": "similarity"} | more
    return traced.make(traces, **given)


def test_what_cannot_be_masked_is_left_out_and_counted():
    def mask(request, _):
        if "3" in request.messages[0].text:
            raise MaskError("no")
        return request

    samples, counts = _make([exchange(n, said=f"About {word} and {n}") for n, word in enumerate(TOPICS[:5])], mask=mask)
    assert (counts.unmasked, counts.kinds, len(samples)) == (1, {MaskError("").code: 1}, 4)


def test_a_schema_is_masked_as_well():
    schema = {
        "type": "object",
        "properties": {"to": {"enum": ["ann.lee@example.org"], "description": "ann.lee@example.org"}},
    }
    asked = exchange(0, said="Whom do I write to?", answer='{"to": "ann.lee@example.org"}')
    shape = ResponseFormat("json_schema", schema=schema)
    trace = replace(asked, request=replace(asked.request, response_format=shape))

    def mask(request, _):
        return msgspec.convert(json.loads(msgspec.json.encode(request).replace(b"ann.lee@", b"bob.kay@")), type=Request)

    (sample,) = _make([trace], mask=mask)[0]
    (line,) = traced.rows([sample])
    assert sample.grader == "json_schema"
    assert b"ann.lee" not in line
    assert line.count(b"bob.kay@example.org") == 2


def test_a_target_that_masking_breaks_is_left_out():
    def mask(request, _):
        *messages, last = request.messages
        return replace(request, messages=(*messages, replace(last, parts=(TextPart('"torn'),))))

    assert _make([exchange(0)], mask=mask)[1].kinds == {"target": 1}


def test_a_draw_is_random_and_the_same_for_a_seed():
    traces = [exchange(n) for n in range(200)]
    one, same, other = (_make(traces, seed=seed, dedupe=False)[0] for seed in (1, 1, 2))
    assert one == same != other
    assert len(one) == 10
    assert [sample.id for sample in one] == sorted(sample.id for sample in one)


def test_nearly_equal_requests_count_once():
    text = (
        "Please summarise the minutes of the meeting of the bridge committee on the third of May in five sentences. "
        * 3
    )
    traces = [
        exchange(0, said=text),
        exchange(1, said=text + "Thanks"),
        exchange(2, said="Something else entirely, if you please"),
    ]
    assert _make(traces)[1].alike == 1
    assert _make(traces, dedupe=False)[1].kept == 3
    seen = Seen()
    assert [seen.add(one) for one in ("", "", "a", "b", "a")] == [False, True, False, False, True]


def test_several_calls_are_graded_together():
    calls = [ToolCallPart("1", "weather", '{"city": "Oslo"}'), ToolCallPart("2", "weather", '{"city": "Rome"}')]
    (sample,) = _make([exchange(0, answer="", calls=calls)])[0]
    assert (sample.grader, len(sample.target)) == ("tool_calls", 2)
    torn = [ToolCallPart("1", "weather", '{"city": ')]
    unknown = [ToolCallPart("1", "other", "{}")]
    assert _make([exchange(0, answer="", calls=torn), exchange(1, answer="", calls=unknown)])[1].ungraded == 2


# --- what asking once costs -----------------------------------------------------------------------------------

OWN = """
[hosts.dear]
url = "http://127.0.0.1:9/v1"
auth = "none"
[offers."nameless@dear"]
upstream = "nameless"
[models.nameless]
title = "Nameless"
[routes.help]
primary = "gpt-4.1@openai"
fallbacks = ["nameless@dear"]
"""


def test_asking_once_is_priced_for_the_engines_of_the_configuration(run, tmp_path):
    assert "name engines: --engines A,B" in " ".join(run("show", "starter").output.split())
    with (tmp_path / "weighbridge.toml").open("a") as file:
        file.write(OWN)
    shown = run("show", "starter").output
    assert "Asking it once costs at most" in shown
    assert re.search(r"gpt-4.1@openai +969 +832 +\$0.0086\n", shown)
    assert re.search(r"nameless@dear +969 +832 +unknown\n", shown)
    assert max(map(len, shown.splitlines())) <= 80


def test_the_bill_counts_limits_thinking_tools_and_judges(run, tmp_path):
    rows = [
        {"id": "a", "input": "x" * 400, "target": "y", "grader": "exact", "max_tokens": 7},
        {"id": "b", "input": "x" * 400, "target": "y", "grader": "rubric"},
    ]
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    engines = ("--engines", "gpt-4.1@openai, glm-5.2@zai,gpt-4.1@openai")
    told = json.loads(run("show", "two.jsonl", *engines, "--json").output)["asking_once"]
    assert [one["engine"] for one in told] == ["gpt-4.1@openai", "glm-5.2@zai"]
    limit = 1024
    assert told[0]["input"] == 200
    assert told[0]["output"] == 7 + limit
    assert told[1]["output"] == told[0]["output"] + 2 * 4096
    assert told[0]["cost"] == pytest.approx((200 * 2 + (7 + limit) * 8) / 1e6)
    assert "A judge of 1 sample costs on top." in run("show", "two.jsonl", *engines).output
    assert isinstance(run("show", "two.jsonl", "-e", "nobody@nowhere").exception, NotFoundError)
    assert bills.tokens(Request("m", (Message("user", (TextPart("abcd"),)),), tools=(TOOL,))) > 15
