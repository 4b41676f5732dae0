"""Two runs on one store of results at the same time: nothing is lost, nothing known is asked, both say the same."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from weighbridge.canon import Choice, Engine, Host, Message, Model, Offer, Profile, Reply, TextPart, Trace, Usage
from weighbridge.store.results import Results
from weighbridge.weigh import runner
from weighbridge.weigh.types import Sample, Suite

COUNT = 150
NAMES = ("careful@tape", "hasty@worn")
CONFIG = """
[models.careful]
[models.hasty]
[hosts.tape]
auth = "none"
recorded = { path = "good.jsonl", latency = 0.01 }
[hosts.worn]
auth = "none"
recorded = { path = "bad.jsonl", latency = 0.01 }
[offers."careful@tape"]
price = { input = 1.0, output = 2.0, valid_from = "2026-01-01" }
[offers."hasty@worn"]
[weigh]
concurrency = 4
"""


def workshop(folder: Path) -> None:
    (folder / "weighbridge.toml").write_text(CONFIG)
    rows = [{"id": f"q{i}", "input": f"What is {i} + {i}?", "target": 2 * i, "grader": "number"} for i in range(COUNT)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, wrong in (("good.jsonl", 0), ("bad.jsonl", 60)):
        answers = [{"input": row["input"], "output": str(2 * i + (i < wrong))} for i, row in enumerate(rows)]
        (folder / name).write_text("".join(json.dumps(answer) + "\n" for answer in answers))


def weigh(folder: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "from weighbridge.cli import main; main()",
        "weigh",
        "sums.jsonl",
        "-e",
        ",".join(NAMES),
        "--json",
    ]
    environ = {**os.environ, "XDG_DATA_HOME": str(folder / "data"), "HOME": str(folder), "NO_COLOR": "1"}
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def told(process: subprocess.Popen[bytes]) -> Any:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


def test_two_processes_weigh_the_same_at_once(tmp_path: Path) -> None:
    workshop(tmp_path)
    one, other = map(told, [weigh(tmp_path), weigh(tmp_path)])
    grades = [[[r["grade"] for r in run["results"][name]] for name in NAMES] for run in (one, other)]
    assert grades[0] == grades[1]
    assert [len(found) for found in grades[0]] == [COUNT, COUNT]
    assert one["comparisons"] == other["comparisons"]
    for ours, theirs in zip(one["scorecards"], other["scorecards"], strict=True):
        assert (ours["quality"], ours["usage"]) == (theirs["quality"], theirs["usage"])


def engine(name: str) -> Engine:
    return Engine(Model(name), Host("far", url="https://far.example"), Offer(name, "far"), Profile())


def suite(first: int, last: int) -> Suite:
    ids = range(first, last)
    samples = (Sample(f"s{i}", (Message("user", (TextPart(f"{i}"),)),), target=str(i), grader="exact") for i in ids)
    return Suite("test", tuple(samples), "digest")


class Road:
    """Answers with the question; remembers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def run(self, call) -> Trace:
        name, text = call.request.model, call.request.messages[-1].text
        self.asked.append((name, text))
        await asyncio.sleep(0)
        reply = Reply(choices=(Choice((TextPart(text),)),))
        return Trace("t", 1.0, name, name, usage=Usage(input=1, output=1), reply=reply, first_token=0.1, total=0.2)


def test_runs_that_overlap_ask_each_question_once_a_run_and_keep_all(tmp_path: Path) -> None:
    path, roads, found = tmp_path / "results.db", [Road(), Road()], {}
    together = threading.Barrier(2)

    def run(number: int) -> None:
        store = Results(path)
        together.wait()
        samples = suite(200 * number, 200 * number + 500)  # 300 are of both
        options = runner.Options(day="2026-11-22", folder=tmp_path, concurrency=7)
        engines = [engine("a"), engine("b")]
        found[number] = asyncio.run(runner.run(samples, engines, roads[number], store, options=options))
        store.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for road, outcome in zip(roads, (found[0], found[1]), strict=True):
        assert len(road.asked) == len(set(road.asked))
        assert all(r.score == 1 for results in outcome.results.values() for r in results)
        reused = sum(r.reused for results in outcome.results.values() for r in results)
        assert len(road.asked) + reused == 2 * 500

    store, again = Results(path), Road()
    options = runner.Options(day="2026-11-22", folder=tmp_path)
    outcome = asyncio.run(runner.run(suite(0, 700), [engine("a"), engine("b")], again, store, options=options))
    store.close()
    assert again.asked == []
    assert all(r.reused and r.score == 1 for results in outcome.results.values() for r in results)


def test_a_run_that_begins_while_another_is_under_way_asks_little_of_what_that_one_asks(tmp_path: Path) -> None:
    path, roads = tmp_path / "results.db", [Slow(), Slow()]
    under_way = threading.Event()

    def run(number: int) -> None:
        store, road = Results(path), roads[number]
        if number:
            assert under_way.wait(30)
        else:
            road.reached = under_way
        options = runner.Options(day="2026-11-22", folder=tmp_path, concurrency=4)
        asyncio.run(runner.run(suite(0, 200), [engine("a")], road, store, options=options))
        store.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    twice = len(set(roads[0].asked) & set(roads[1].asked))
    assert twice < 60, twice  # of some 140 that were left: what either had asked and not yet stored


class Slow(Road):
    """Takes a while; tells when it was asked sixty times."""

    reached: threading.Event | None = None

    async def run(self, call) -> Trace:
        await asyncio.sleep(0.05)
        if len(self.asked) == 60 and self.reached is not None:
            self.reached.set()
        return await super().run(call)
