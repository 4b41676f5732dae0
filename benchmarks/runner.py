"""How fast `weigh` asks, against the ceiling that concurrency and latency set.

    python benchmarks/runner.py [--samples 12000] [--concurrency 100] [--latency 0.2] [--json]

A recorded engine answers every sample after a fixed time; the runner, the road, the client, the traces and the
store of results are the real ones. The engine runs in this process, so its own CPU time is taken by itself first,
with the same requests, and subtracted. Two more runs over the same store, in a process of their own, show what resuming
costs, and what it takes of memory for each sample: the answers' texts stay in the store.

    python benchmarks/runner.py --samples 100000 --latency 0.01

takes some minutes, and shows both at a size where they matter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from weighbridge import dialects, settings
from weighbridge.canon import Message, Profile, TextPart
from weighbridge.cli.engine_room import EngineRoom, open_room
from weighbridge.cli.weigh_conduct import calm
from weighbridge.engines.recorded import from_host
from weighbridge.engines.transport import HttpRequest
from weighbridge.store.results import Results
from weighbridge.weigh import asking, runner
from weighbridge.weigh.types import Sample, Suite

TARGET_SHARE = 0.96  # of the ceiling: 480/s of 500/s
TARGET_CPU_MS = 1.5
TARGET_RESUME_S = 2.0  # of 100,000 samples


def write(folder: Path, count: int, latency: float) -> None:
    """The recording and the configuration."""
    rows = [{"input": f"What is {i} + {i}? Reply with the number.", "output": f"It is {2 * i}."} for i in range(count)]
    (folder / "tape.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "weighbridge.toml").write_text(
        f'[models.parrot]\n[hosts.tape]\nauth = "none"\nrecorded = {{ path = "tape.jsonl", latency = {latency} }}\n'
        '[offers."parrot@tape"]\nprice = { input = 1.0, output = 2.0, valid_from = "2020-01-01" }\n'
    )


def make(folder: Path, count: int) -> tuple[settings.Config, Suite]:
    """What is asked, and of whom."""
    samples = tuple(
        Sample(
            str(i),
            (Message("user", (TextPart(f"What is {i} + {i}? Reply with the number."),)),),
            target=2 * i,
            grader="number",
            max_tokens=16,
        )
        for i in range(count)
    )
    return settings.load(folder / "weighbridge.toml", environ={}), Suite("bench", samples, "")


async def engine_alone(room: EngineRoom, suite: Suite, concurrency: int) -> float:
    """CPU seconds that the recorded engine takes for these requests by itself."""
    engine = room.engine("parrot@tape")
    transport = from_host(engine.host, room.config.folder)
    dialect = dialects.get(engine.host.dialect)
    waiting = asyncio.Semaphore(concurrency)
    requests = [asking.request_for(s, engine, max_tokens=16, seed=1) for s in suite.samples]
    bodies = [dialect.write_request(request, Profile())[0] for request in requests]

    async def one(body: bytes) -> None:
        async with waiting:
            request = HttpRequest("POST", "recorded://tape", {}, body)
            response = await transport.send(request, connect_timeout=5, read_timeout=60)
            async for _ in response.chunks():
                pass

    await one(bodies[0])
    began = time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for body in bodies:
            tasks.create_task(one(body))
    return time.process_time() - began


async def timed(room: EngineRoom, suite: Suite, results: Results, concurrency: int) -> tuple[float, float]:
    """Seconds and CPU seconds of a whole run."""
    engine = room.engine("parrot@tape")
    options = runner.Options(
        day="2026-11-22", folder=room.config.folder, concurrency=concurrency, max_tokens=16, texts=False
    )
    began, cpu = time.perf_counter(), time.process_time()
    with calm():
        outcome = await runner.run(suite, [engine], room.road, results, options=options)
    results.flush()
    took = time.perf_counter() - began, time.process_time() - cpu
    found = outcome.results[engine.name]
    assert len(found) == len(suite.samples)
    assert all(result.score == 1 for result in found)
    return took


async def measure(folder: Path, count: int, concurrency: int, latency: float) -> dict[str, float]:
    write(folder, count, latency)
    config, suite = make(folder, count)
    async with open_room(config) as room:
        alone = await engine_alone(room, suite, concurrency)
        results = Results(config.results_path)
        first = Suite("warm", suite.samples[:1], "")
        await timed(room, first, results, 1)  # reads the recording
        seconds, cpu = await timed(room, suite, results, concurrency)
        results.close()
    resumed = resume(folder, count)
    ceiling = concurrency / latency
    return {
        "samples": count,
        "concurrency": concurrency,
        "latency_s": latency,
        "seconds": seconds,
        "samples_per_s": count / seconds,
        "ceiling_per_s": ceiling,
        "share_of_ceiling": count / seconds / ceiling,
        "cpu_ms_per_sample": cpu / count * 1e3,
        "engine_cpu_ms_per_sample": alone / count * 1e3,
        "own_cpu_ms_per_sample": (cpu - alone) / count * 1e3,
        **resumed,
    }


def resume(folder: Path, count: int) -> dict[str, float]:
    """Seconds of a resume, and how much higher memory was than before it; in a process that has asked nothing."""
    command = [sys.executable, __file__, "--resume", str(folder), "--samples", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def resumed(folder: Path, count: int) -> dict[str, float]:
    config, suite = make(folder, count)
    async with open_room(config) as room:
        results = Results(config.results_path)
        await timed(room, Suite("few", suite.samples[:100], ""), results, 1)  # loads what is loaded once
        before = peak()
        seconds, cpu = await timed(room, suite, results, 1)
        grown = peak() - before
        results.close()
    return {"resume_seconds": seconds, "resume_cpu_seconds": cpu, "resume_bytes_per_sample": grown / count}


def peak() -> int:
    """The most bytes that this process has had in memory; `getrusage` would tell those of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=12_000)
    parser.add_argument("--concurrency", type=int, default=100)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--resume", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.resume:
        print(json.dumps(asyncio.run(resumed(given.resume, given.samples))))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), given.samples, given.concurrency, given.latency))
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:26} {value:10.3f}")
    share, own = found["share_of_ceiling"], found["own_cpu_ms_per_sample"]
    print(f"target: {TARGET_SHARE:.0%} of the ceiling: {'met' if share >= TARGET_SHARE else 'missed'}")
    limit = TARGET_RESUME_S * given.samples / 100_000
    print(f"target: resume in {limit:.2f} s: {'met' if found['resume_seconds'] <= limit else 'missed'}")
    print(f"target: {TARGET_CPU_MS} ms CPU a sample without the engine: {'met' if own <= TARGET_CPU_MS else 'missed'}")


if __name__ == "__main__":
    main()
