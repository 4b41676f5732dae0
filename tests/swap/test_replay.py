"""`weighbridge swap replay` from end to end: recorded traffic, and candidates that answer from recordings."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from players import Player
from typer.testing import CliRunner

from weighbridge import dialects
from weighbridge.access import keys
from weighbridge.canon import Attempt, Choice, Plan, Reply, Request, Route, TextPart, ToolCallPart, Trace, Usage
from weighbridge.cli import app, bars
from weighbridge.engines import catalogue
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.local import LocalEngines
from weighbridge.engines.recorded import RecordedTransport
from weighbridge.errors import (
    EngineError,
    InputError,
    NoKeyError,
    NotFoundError,
    PolicyError,
    SettingsError,
    UnknownEngineError,
    WrongKeyError,
)
from weighbridge.exchange import Road
from weighbridge.settings import Config, Settings
from weighbridge.store import reader
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter
from weighbridge.swap.replay import (
    Course,
    Journal,
    Progress,
    Question,
    Replay,
    Report,
    Terms,
    draw,
    metrics,
    plan_for,
    report,
)
from weighbridge.swap.replay.pairs import Pair, pair
from weighbridge.swap.signs import Signs, signs
from weighbridge.weigh.purse import Purse

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[models.old]
lab = "one"
[models.new]
lab = "two"
[models.umpire]
lab = "three"
[hosts.left]
url = "http://left.invalid/v1"
auth = "none"
[hosts.right]
url = "http://right.invalid/v1"
auth = "none"
recorded = { path = "new.jsonl" }
[hosts.broken]
url = "http://broken.invalid/v1"
auth = "none"
recorded = { path = "new.jsonl", fail_rate = 1.0, fail_status = 400 }
[hosts.locked]
url = "http://locked.invalid/v1"
auth = "none"
recorded = { path = "new.jsonl", fail_rate = 1.0, fail_status = 401 }
[hosts.busy]
url = "http://busy.invalid/v1"
auth = "none"
recorded = { path = "new.jsonl", fail_rate = 0.5, fail_status = 429, seed = 3 }
[hosts.court]
url = "http://court.invalid/v1"
auth = "none"
recorded = { path = "umpire.jsonl" }
[hosts.far]
url = "http://far.invalid/v1"
key_env = "FAR_KEY"
jurisdiction = "US"
[hosts.sealed]
url = "http://sealed.invalid"
auth = "none"
dialect = "anthropic-messages"
recorded = { path = "new.jsonl" }
[offers."old@left"]
[offers."new@right"]
price = { input = 1000.0, output = 1000.0 }
[offers."new@far"]
[offers."new@broken"]
[offers."new@locked"]
[offers."new@busy"]
[offers."new@sealed"]
[offers."umpire@court"]
[routes.assistant]
primary = "old@left"
"""
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
JSON = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "required": ["a"]}}}
NOW = 1_795_000_000.0
REFUSAL = "I'm sorry, but I can't help with that."


def asked(text: str, **more: Any) -> Request:
    body = {"model": "assistant", "messages": [{"role": "user", "content": text}], **more}
    return dialects.get("openai-chat").read_request(json.dumps(body).encode())


def call(place: str, name: str = "weather") -> ToolCallPart:
    return ToolCallPart(id=f"call_{place}", name=name, arguments=json.dumps({"place": place}))


def recorded(number: int, *parts: Any, text: str = "", conversation: str = "", **more: Any) -> Trace:
    """An exchange that the engine in use answered in a second."""
    usage = Usage(input=20, output=10)
    given = tuple(TextPart(one) if isinstance(one, str) else one for one in parts) or (TextPart(f"Answer {number}."),)
    return Trace(
        id=f"{number:026d}",
        at=1_790_000_000.0 + number,
        route="assistant",
        engine="old@left",
        dialect="openai-chat",
        conversation=conversation,
        total=1.0,
        usage=usage,
        cost=10_000,
        attempts=(Attempt("old@left", 0.0, 1.0, billed=True, usage=usage, cost=10_000),),
        request=asked(text or f"Question {number}", **more),
        reply=Reply((Choice(given, "stop"),), usage),
    )


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    told = tomllib.loads(CONFIG)
    sections = {name: told[name] for name in ("models", "hosts", "offers")}
    folder = tmp_path_factory.mktemp("c")
    return folder, catalogue.load(Config(settings=Settings(), folder=folder, **sections))


@pytest.fixture
def desk(tmp_path, engines):
    return Desk(tmp_path, *engines)


class Desk:
    """A folder with a configuration, recorded traffic, and what the candidate answers."""

    def __init__(self, folder: Path, recordings: Path, engines: Catalogue) -> None:
        self.folder = folder
        self.recordings = recordings
        self.engines = engines
        self.traces = folder / ".weighbridge" / "traces"
        self.config()

    def config(self, more: str = "", *, base: str = CONFIG) -> None:
        (self.folder / "weighbridge.toml").write_text(base + more)

    def record(self, *traces: Trace, bodies: bool = True) -> None:
        writer = TraceWriter(self.traces, bodies=bodies)
        for one in traces:
            writer.record(one)
        writer.close()

    def answers(self, *rows: dict[str, Any], name: str = "new.jsonl") -> None:
        lines = [json.dumps({"usage": {"input": 20, "output": 10}, **row}) + "\n" for row in rows]
        for folder in (self.folder, self.recordings):
            (folder / name).write_text("".join(lines))

    def plain(self, count: int, **other: str) -> None:
        """So many questions; the candidate's answers are the recorded ones but for `q3="another"`."""
        self.record(*(recorded(n) for n in range(count)))
        self.answers(*({"input": f"Question {n}", "output": other.get(f"q{n}", f"Answer {n}.")} for n in range(count)))

    def run(self, engine: str = "new@right", base: str = "old@left", **how: Any) -> Any:
        """What a replay reports, as `--json` prints it, without the command line."""
        return json.loads(msgspec.json.encode(asyncio.run(self._run(engine, base, **how))))

    async def _run(
        self,
        engine: str,
        base: str,
        *,
        margin: float = 5,
        tolerance: str = "",
        seed: int = 0,
        concurrency: int = 8,
        budget: int | None = None,
    ) -> Report:
        drawn = draw(self.traces, "assistant", base, since=0.0, now=NOW, seed=seed)
        told = metrics.applicable(metrics.tolerances(tolerance, margin), drawn.questions, judged=False)
        course = Course(drawn.questions, told, alpha=0.05, seed=seed)
        candidate, plan = self.engines.engine(engine), Plan(1, {"assistant": Route("assistant", base)}, {})
        writer = TraceWriter(self.traces)
        journal, numbers = Journal(writer.record), itertools.count()
        transport = RecordedTransport([])
        client = Client(
            settings=replace(Settings().client, retries=0),
            transport=transport,
            endpoints=LocalEngines(settings=Settings().local, transport=transport, folder=self.folder),
            environ={},
            folder=self.folder,
        )
        only = plan_for(plan, "assistant", engine)

        def name() -> str:
            return f"r{next(numbers):025d}"

        road = Road(
            catalogue=self.engines, client=client, plan=lambda: only, record=journal.record, deadline=60, new_id=name
        )
        made = Replay(
            road,
            journal,
            candidate,
            "assistant",
            course,
            Terms(day="2026-11-01", concurrency=concurrency),
            new_id=name,
            purse=Purse(budget),
            clock=FakeClock(),
        )
        try:
            await made.run()
        finally:
            writer.close()
        return report(
            drawn,
            course,
            made,
            route="assistant",
            base=base,
            candidate=engine,
            plan=1,
            day="2026-11-01",
            seed=seed,
            currency="USD",
        )

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.text(*arguments, "--json", code=code))

    def text(self, *arguments: str, code: int = 0, engine: str = "new@right") -> str:
        done = self.invoke(*arguments, engine=engine)
        assert done.exit_code == code, (done.output, done.exception)
        return str(done.output)

    def fails(self, kind: type[Exception], *arguments: str, engine: str = "new@right", route: str = "assistant") -> Any:
        done = self.invoke(*arguments, engine=engine, route=route)
        assert isinstance(done.exception, kind), (done.output, done.exception)
        return done.exception

    def invoke(self, *arguments: str, engine: str = "new@right", route: str = "assistant") -> Any:
        given = ["swap", "replay", route, engine, "--since", "2020-01-01", *arguments]
        return CliRunner().invoke(app, given)

    def replays(self) -> list[Trace]:
        return list(reader.scan(self.traces, source="replay"))


def metric(found: Any, name: str) -> Any:
    return next(one for one in found["metrics"] if one["name"] == name)


def test_an_equal_candidate_is_safe_before_the_sample_is_used_up(desk):
    desk.plain(60)

    found = desk.run(margin=20)

    assert (found["verdict"], found["stopped"]) == ("safe", "")
    assert found["sample"] == found["conversations"] == 60
    assert found["looked_at"] < 40
    assert found["looked_at"] <= found["calls"] <= found["looked_at"] + 8
    assert found["spent"] == found["calls"] * 30_000
    errors = metric(found, "errors")
    assert (errors["pairs"], errors["verdict"], errors["tolerance"]) == (found["looked_at"], "safe", 20)
    assert errors["low"] <= errors["change"] == 0 <= errors["high"] < 0.2
    assert metric(found, "similarity")["candidate"] == 1
    assert metric(found, "latency")["change"] < 1
    assert metric(found, "cost")["change"] == pytest.approx(3)
    (trace, *_) = made = desk.replays()
    assert len(made) == found["calls"]
    assert (trace.route, trace.engine, trace.arm, trace.key) == ("assistant", "new@right", "", "")
    assert trace.pair in {f"{n:026d}" for n in range(60)}


def test_the_seed_alone_decides_not_how_many_are_asked_at_once(desk):
    desk.plain(40, q3=REFUSAL, q8=REFUSAL, q20=REFUSAL)

    one, many, other = (desk.run(margin=25, seed=seed, concurrency=c) for seed, c in ((1, 1), (1, 16), (2, 1)))

    same = ("verdict", "looked_at", "examples")
    strip = lambda found: [found[name] for name in same[:2]]  # noqa: E731
    assert strip(one) == strip(many)
    assert [e["trace"] for e in one["examples"]] == [e["trace"] for e in many["examples"]]
    assert metric(one, "refusals") == metric(many, "refusals")
    assert metric(one, "refusals")["pairs"] > 0
    assert one["seed"] != other["seed"]


def test_a_candidate_that_always_fails_is_unsafe_soon(desk):
    desk.plain(50)

    found = desk.run("new@broken", concurrency=2)

    assert found["verdict"] == metric(found, "errors")["verdict"] == "unsafe"
    assert found["looked_at"] < 15
    ((code, (count, why)),) = found["failures"].items()
    assert (code, count) == ("refused_request", found["looked_at"])
    assert "as it was told to" in why
    assert found["examples"][0]["metric"] == "errors"
    assert not metric(found, "similarity")["pairs"]
    text = desk.text("--fail-on", "undecided", engine="new@broken", code=10)
    assert "failed with refused_request" in text
    assert max(map(len, text.splitlines())) <= 80


def planted(kind: str, count: int) -> tuple[list[Trace], list[dict[str, Any]]]:
    """Traffic of a kind, and answers that go wrong in every second request."""
    traces, rows = [], []
    for n in range(count):
        question = f"Question {n}"
        good: dict[str, Any] = {"input": question, "output": f"Answer {n}."}
        bad = {**good, "output": REFUSAL}
        trace = recorded(n)
        if kind == "format":
            good, bad = {**good, "output": '{"a": 1}'}, {**good, "output": '{"a": 1'}
            trace = recorded(n, '{"a": 1}', response_format=JSON)
        elif kind == "tools":
            row = {"input": question, "tools": [TOOL]}
            good = row | {"tool_calls": [{"name": "weather", "arguments": {"place": "Oslo"}}]}
            bad = row | {"tool_calls": [{"name": "weather", "arguments": {"town": "Oslo"}}]}
            trace = recorded(n, call("Oslo"), tools=[TOOL])
        traces.append(trace)
        rows.append(bad if n % 2 else good)
    return traces, rows


@pytest.mark.parametrize("kind", ["format", "tools", "refusals"])
def test_what_goes_wrong_is_found_and_an_example_named(desk, kind):
    traces, rows = planted(kind, 60)
    desk.record(*traces)
    desk.answers(*rows)

    found = desk.run()

    assert found["verdict"] == metric(found, kind)["verdict"] == "unsafe"
    assert metric(found, kind)["low"] > 0.05
    assert metric(found, "errors")["verdict"] != "unsafe"
    example = next(one for one in found["examples"] if one["metric"] == kind)
    assert int(example["trace"]) % 2 == 1
    assert example["replayed"] in {one.id for one in desk.replays()}


def test_tools_are_compared_with_the_recorded_calls_in_any_order_and_never_run(desk):
    both = (call("Oslo"), call("Rome"))
    made = [{"name": "weather", "arguments": {"place": place}} for place in ("Rome", "Oslo")]
    traces = [recorded(n, *both, tools=[TOOL]) for n in range(4)]
    traces += [recorded(4, tools=[TOOL]), recorded(5, ToolCallPart("c", "weather", "{"), tools=[TOOL])]
    desk.record(*traces)
    rows = [{"input": f"Question {n}", "tools": [TOOL], "tool_calls": made} for n in range(6)]
    rows[3]["tool_calls"] = made[:1]
    desk.answers(*rows)

    found = desk.run(tolerance="calls=99")

    same = metric(found, "calls")
    assert (same["pairs"], same["base"], same["candidate"]) == (5, 1.0, 0.6)
    assert same["tolerance"] == 99
    whys = {one["why"] for one in found["examples"] if one["metric"] == "calls"}
    assert whys == {"made 1 calls, not 2", "called weather, weather, where no tool fits"}
    # The recorded call with broken arguments is the base's fault, and no target for anybody.
    assert metric(found, "tools")["base"] == pytest.approx(1 / 6)
    assert desk.run()["metrics"][6]["verdict"] == ""


def test_right_answers_decide_where_they_are_given(desk):
    desk.plain(60, **{f"q{n}": "It is 999." for n in range(60)})
    targets = [{"trace": f"{n:026d}", "target": n} for n in range(30)]
    targets += [{"input": f" Question {n} ", "target": [n]} for n in range(30, 60)]
    (desk.folder / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in targets))

    found = desk.json("--targets", "targets.jsonl")

    right = metric(found, "correct")
    assert (found["verdict"], right["verdict"], right["base"], right["candidate"]) == ("unsafe", "unsafe", 1, 0)
    assert right["of"] == 60
    assert next(one for one in found["examples"] if one["metric"] == "correct")["why"]


@pytest.mark.parametrize(
    ("content", "grader", "kind", "told"),
    [
        ('{"trace": "1", "target": 1}\n', "rubric", InputError, "cannot grade"),
        ('{"trace": "1", "target": 1}\n', "number", InputError, "belongs to a request"),
        ('{"trace": "1"}\n', "number", InputError, "says not"),
        ('{"target": 1}\n', "number", InputError, "says not"),
        ('{"trace": "1", "target": "many"}\n', "number", InputError, "target"),
        ("\n", "number", InputError, "no target"),
        (None, "number", NotFoundError, "no file"),
    ],
)
def test_targets_that_cannot_be_used(desk, content, grader, kind, told):
    desk.plain(1)
    if content is not None:
        (desk.folder / "t.jsonl").write_text(content)
    assert told in desk.fails(kind, "--targets", "t.jsonl", "--grader", grader).what
    assert desk.replays() == []
    if content:
        desk.fails(InputError, "--targets", ".")


def test_the_budget_holds_and_learns_what_answers_cost(desk):
    desk.plain(200)
    found = desk.run(budget=2_000_000, concurrency=4)
    assert found["verdict"] == "undecided"
    assert 1_000_000 < found["spent"] <= 2_000_000
    assert "budget of $2.00" in found["stopped"]
    assert 0 < found["looked_at"] < 200

    # Each answer costs 20 times what was expected: the first is asked alone, and tells.
    desk.answers(*({"input": f"Question {n}", "output": "x", "usage": {"output": 6_000}} for n in range(200)))
    dear = desk.run(budget=9_000_000, concurrency=16)
    assert (dear["calls"], dear["spent"]) == (1, 6_000_000)
    assert desk.run(budget=20_000_000, concurrency=16)["spent"] == 18_000_000
    assert desk.run(budget=0)["calls"] == 0
    with pytest.raises(InputError, match="price"):
        desk.run("new@sealed", budget=1)
    desk.fails(InputError, "--budget", "-1")


def test_what_is_named_must_be_there_and_be_allowed_before_anything_is_sent(desk):
    desk.plain(3)
    desk.fails(NoKeyError, engine="new@far")
    desk.fails(UnknownEngineError, engine="new@nowhere")
    desk.fails(InputError, "--fail-on", "never")
    assert "another family" in desk.fails(InputError, "--judge", "old@left").fix
    desk.fails(InputError, "--margin", "0")
    for wrong in ("errors", "errors=0", "errors=x", "errors=100", "speed=2", "errors=1,errors=2"):
        desk.fails(InputError, "--tolerance", wrong)
    desk.config('[routes.assistant.policy]\njurisdictions = ["EU"]\n')
    assert "jurisdiction" in str(desk.fails(PolicyError))
    desk.config('[routes.assistant.mask]\nlevel = "personal"\n[mask]\nnames = "thorough"\n')
    desk.fails(SettingsError)
    assert desk.replays() == []


def test_nothing_to_replay(desk):
    with pytest.raises(NotFoundError, match="no exchange on record"):
        desk.run()
    desk.record(recorded(1), bodies=False)
    with pytest.raises(NotFoundError, match="without their texts"):
        desk.run()


def test_only_exchanges_that_say_something_of_the_engine_in_use_count(desk):
    other = replace(recorded(1), engine="x@y", attempts=(Attempt("x@y", 0.0, 1.0),))
    desk.record(other)
    with pytest.raises(NotFoundError, match="was answered by old@left"):
        desk.run()
    left = replace(recorded(2), outcome="cancelled", attempts=(Attempt("old@left", 0.0, 1.0, "cancelled"),))
    failed = (Attempt("old@left", 0.0, 1.0, "overloaded"),)
    down = replace(recorded(3), outcome="overloaded", engine="", reply=None, attempts=failed)
    bare = replace(recorded(4), request=None, reply=None)
    desk.record(left, down, bare, recorded(5), replace(recorded(6), reply=None))
    desk.answers({"input": "Question 3", "output": "Here I am."}, {"input": "Question 5", "output": "Answer 5."})

    found = desk.run()

    assert [found[name] for name in ("requests", "bare", "apart", "sample")] == [6, 1, 3, 2]
    errors = metric(found, "errors")
    assert (errors["base"], errors["candidate"], errors["change"]) == (0.5, 0, -0.5)
    assert metric(found, "similarity")["pairs"] == 1


def test_one_conversation_decides_nothing_and_what_is_missing_is_told(desk):
    desk.record(*(recorded(n, conversation="one") for n in range(30)))
    desk.answers(*({"input": f"Question {n}", "output": f"Answer {n}."} for n in range(30)))

    text = desk.text("--fail-on", "undecided", "--tolerance", "latency=50", code=11)

    assert "latency 50 %" in text
    assert "30 pairs of 1 conversations; equal engines need about" in " ".join(text.split())
    unequal = metrics.METRICS["errors"]
    questions = [Question(t, signs(t, "old@left")) for t in (recorded(n, conversation="one") for n in range(2_000))]
    course = Course(questions, {"errors": 0.01}, alpha=0.05, seed=0)
    assert course.tracks["errors"].metric is unequal
    assert course.tracks["errors"].needed() is None


@pytest.mark.parametrize(("count", "wins", "losses", "verdict"), [(250, 6, 8, "safe"), (200, 3, 25, "unsafe")])
def test_a_last_look_at_the_whole_sample_decides_what_bets_on_the_way_could_not(count, wins, losses, verdict):
    questions = [Question(one, signs(one, "old@left")) for one in map(recorded, range(count))]
    course = Course(questions, {"errors": 5.0}, alpha=0.05, seed=0)
    for done, question in enumerate(course.questions):
        assert (course.verdict, course.seen) == ("undecided", done)
        number = int(question.trace.id)
        won, lost = number < wins, wins <= number < wins + losses
        course.told(question, Pair(question.trace.id, "r", Signs(failed=won), Signs(failed=lost)))
    assert (course.verdict, course.seen) == (verdict, count)
    low, high = course.tracks["errors"].bounds()
    assert low > -0.05 if verdict == "safe" else high < -0.05


def test_streams_are_replayed_as_streams_whatever_they_say(desk):
    odd = "Grüße \U0001f9d1\u200d\U0001f680 \x1b[31m 你好"
    streamed = [
        replace(recorded(n, odd, text=f"{odd} {n}", stream=True), streamed=True, first_token=0.5) for n in range(3)
    ]
    desk.record(*streamed)
    desk.answers(*({"input": f"{odd} {n}", "output": "¡Nada de eso!"} for n in range(3)))

    found = desk.run(tolerance="first-token=50,latency=50,similarity=50")

    assert all(one.streamed for one in desk.replays())
    assert metric(found, "first-token")["pairs"] == 3
    assert metric(found, "similarity")["candidate"] < 0.3
    assert metric(found, "similarity")["verdict"] == "undecided"
    assert [one["metric"] for one in found["examples"]] == ["similarity"] * 3


def test_a_faster_candidate_is_found_so_and_a_slower_one_too(desk):
    desk.plain(60)
    assert metric(desk.run(margin=40, tolerance="latency=10"), "latency")["verdict"] == "safe"
    cheap = [replace(recorded(100 + n, text=f"Question {n}"), cost=1_000) for n in range(60)]
    desk.record(*cheap)
    found = metric(desk.run(margin=40, tolerance="cost=20"), "cost")
    assert (found["verdict"], found["tolerance"]) == ("unsafe", 20)


def test_what_the_candidate_cannot_take_counts_as_an_error_with_its_reason(desk):
    picture = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/cat.png"}}
    kept = replace(asked("Question 1"), continues="resp_1")
    desk.record(recorded(0), replace(recorded(1), request=kept), replace(recorded(2), request=asked([picture])))  # type: ignore[arg-type]
    desk.answers({"when": {"last": ""}, "output": "Answer 0."})

    found = desk.run("new@sealed")

    assert metric(found, "errors")["candidate"] > 0
    assert sum(count for count, _ in found["failures"].values()) == round(3 * metric(found, "errors")["candidate"])
    assert all(why for _, why in found["failures"].values())


def test_a_candidate_that_cannot_be_called_at_all_ends_it(desk):
    desk.plain(10)
    with pytest.raises(WrongKeyError):
        desk.run("new@locked")
    # The recording knows no more than the first questions: what was learned until then is told.
    desk.answers(*({"input": f"Question {n}", "output": f"Answer {n}."} for n in range(8)))
    done = desk.invoke("--concurrency", "1", "--json", "--seed", "1")
    assert isinstance(done.exception, EngineError)
    assert json.loads(done.stdout)["looked_at"] > 0
    assert "No recorded answer" in json.loads(done.stdout)["stopped"]


def test_a_busy_candidate_is_asked_again(desk):
    desk.plain(8)
    found = desk.run("new@busy", concurrency=1)
    assert found["calls"] > found["looked_at"] == 8
    assert metric(found, "errors")["candidate"] == 0


@pytest.mark.parametrize("kept", ["masked", "original"])
def test_what_the_route_masks_stays_hidden_and_answers_are_compared_as_the_caller_reads_them(desk, kept):
    def echo(request: Request) -> tuple[TextPart]:
        return (TextPart(request.messages[-1].text),)

    letters = [f"Write to anna.{n}@corp.example and to no one else, please" for n in range(3)]
    desk.record(*(recorded(n, letters[n], text=letters[n]) for n in range(3)))
    desk.answers({"when": {"last": "[BEGIN"}, "output": '{"why": "alike", "verdict": "tie"}'}, name="umpire.jsonl")
    with Player("openai-chat", echo) as player, Player("openai-chat", echo) as umpire:
        mask = f'[routes.assistant.mask]\nlevel = "personal"\ntraces = "{kept}"\n[mask]\nnames = "off"\n'
        hosts = {"right": player.url, "court": umpire.url}
        base = CONFIG
        for name, url in hosts.items():
            head, _, tail = base.partition(f"[hosts.{name}]\n")
            base = f'{head}[hosts.{name}]\nurl = "{url}"\nauth = "none"\n[{tail.partition("[")[2]}'
        desk.config(mask, base=base)
        found = desk.json("--judge", "umpire@court")
        sent = b"".join(player.bodies + umpire.bodies)

    assert sent.count(b"Write to") >= 3
    assert b"@corp.example" not in sent
    assert metric(found, "similarity")["candidate"] == 1
    assert {one.mask for one in desk.replays()} == {"personal"}


def test_a_judge_compares_both_answers_in_both_orders(desk):
    desk.plain(40, **{f"q{n}": "A worse answer." for n in range(40)})
    rows = [
        {"when": {"last": "]\nA worse answer.\n[END first"}, "output": '{"why": "w", "verdict": "second"}'},
        {"when": {"last": "[BEGIN"}, "output": '{"why": "w", "verdict": "first"}'},
    ]
    desk.answers(*rows, name="umpire.jsonl")

    found = desk.json("--judge", "umpire@court")

    judge = metric(found, "judge")
    assert (found["verdict"], judge["verdict"], judge["base"], judge["candidate"]) == ("unsafe", "unsafe", 1, 0)
    assert "judge" in {one["metric"] for one in found["examples"]}
    assert len(list(reader.scan(desk.traces, source="judge"))) >= 2 * judge["pairs"]


def test_keys_keep_what_they_may_not_be_asked_of(desk):
    state = State(desk.folder / ".weighbridge" / "state.db")
    made: dict[str, Any] = {"who": "t", "at": 1.0, "random": random.Random(1).randbytes}
    free = keys.create(state, name="free", **made).key
    narrow = keys.create(state, name="narrow", engines=("old@left",), **made).key
    state.close()
    shown = {0: free.id, 1: narrow.id, 2: "gone"}
    desk.record(*(replace(recorded(n, tools=[TOOL]), key=shown[n]) for n in range(3)))
    desk.answers(*({"input": f"Question {n}", "tools": [TOOL], "output": f"Answer {n}."} for n in range(3)))

    text = desk.text("--budget", "5", "--fresh")

    assert "1 say nothing of the candidate: key unknown" in text
    assert "1 failed with policy_refused" in text
    assert "3 looked at (100% of the sample); 1 calls, $0.03." in text
    assert "Nothing to compare by: tools." in text
    assert max(map(len, text.splitlines())) <= 80


async def test_a_bar_shows_how_far_it_is_where_someone_looks(monkeypatch):
    shown, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        async with bars.of_calls(Progress(total=9, done=4, failed=1, spent=20), lambda: "new@right"):
            await asyncio.sleep(0)
    said = b""
    while b"$0.00002, 1 failed" not in said:
        said += os.read(shown, 10_000)
    os.close(shown)
    assert b"new@right" in said
    assert b"4/9" in said


def test_what_says_nothing_of_the_candidate_makes_no_pair():
    trace = recorded(1)
    question = Question(trace, signs(trace, "old@left"))
    for outcome in ("mask_failed", "cancelled"):
        assert pair(question, replace(trace, outcome=outcome), None, grader="") is None


def test_an_engine_beside_itself(desk):
    mine = [replace(recorded(n), engine="new@right", attempts=(Attempt("new@right", 0.0, 1.0),)) for n in range(2)]
    desk.record(*mine)
    desk.answers(*({"input": f"Question {n}", "output": f"Answer {n}."} for n in range(2)))
    assert metric(desk.run(base="new@right"), "similarity")["candidate"] == 1


def test_an_interruption_keeps_and_tells_what_was_answered(desk):
    desk.plain(30)
    slow = [{"input": f"Question {n}", "output": f"Answer {n}."} for n in range(30)]
    desk.answers(*({**row, "latency": 0 if n % 3 else 50} for n, row in enumerate(slow)))
    over = threading.Event()

    def interrupt() -> None:
        while not over.wait(0.02):
            if desk.replays():
                os.kill(os.getpid(), signal.SIGINT)
                return

    watch = threading.Thread(target=interrupt)
    watch.start()
    try:
        done = desk.invoke("--concurrency", "40")
    finally:
        over.set()
        watch.join()

    assert done.exit_code == 130, done.output
    assert "It ended early: interrupted" in done.output
    outcomes = [one.outcome for one in desk.replays()]
    assert set(outcomes) == {"ok", "cancelled"}

    # Run again, it does not ask what was answered; and the seed gives the verdict that it would have given at once.
    desk.answers(*slow)
    text = desk.text()
    kept = outcomes.count("ok")
    assert f"{30 - kept} calls" in text
    assert f"{kept} answers are from earlier replays; --fresh asks again." in text


@pytest.mark.shared
def test_replays_of_real_answers_agree_with_all_the_data(shared):
    command = [sys.executable, str(ROOT / "benchmarks" / "replay.py"), "--data", str(shared / "data" / "zeroeval")]
    command += ["--seeds", "1", "--limit", "300", "--only", "claude", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (run,) = found["runs"]
    assert (run["full"], run["verdict"]) == ("safe", "safe")
    assert run["used"] < 0.9
