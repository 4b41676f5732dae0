"""How fast suites are run against one slow engine: this program, Inspect and lm-evaluation-harness, side by side.

    python benchmarks/runner_peers.py [--samples 5000] [--peers FOLDER] [--install-peers] [--json]

One local server answers every question after 0.2 s; each harness asks it the same questions, 100 at once, grades them, and
records what was said. Each runs twice, with a tenth of the samples and with all: what the further samples took is the speed
and the CPU time of a sample, what is left is what the command takes to start and to end. The ceiling is what concurrency and
latency allow. Peers live in environments of their own under FOLDER, which --install-peers makes (a gigabyte, from the package
index); one that is not there is passed over, and told.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

LATENCY, CONCURRENCY = 0.2, 100
PEERS = {"inspect": ["inspect-ai", "openai"], "lm-eval": ["lm-eval[api]"]}

_INSPECT = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate
rows = [json.loads(line) for line in open("suite.jsonl")]
samples = [Sample(input=row["input"], target=str(row["target"]), id=row["id"]) for row in rows]
task = Task(dataset=samples, solver=generate(), scorer=match(numeric=True))
log = eval(task, model="openai-api/bench/parrot", max_connections=int(sys.argv[1]), max_samples=int(sys.argv[1]),
           display="none", log_dir="logs", temperature=0.0, max_tokens=16)[0]
print(log.results.scores[0].metrics["accuracy"].value)
"""
_LM_EVAL = """
task: bench
dataset_path: json
dataset_kwargs: {data_files: {test: suite.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{input}}"
doc_to_target: "{{target}}"
generation_kwargs: {max_gen_toks: 16, until: ["\\n\\n"], temperature: 0.0}
filter_list:
  - name: number
    filter: [{function: regex, regex_pattern: "(\\\\d+)\\\\."}, {function: take_first}]
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
_CONFIG = """
[models.parrot]
[hosts.bench]
url = "http://127.0.0.1:{port}/v1"
auth = "none"
[offers."parrot@bench"]
price = {{ input = 1.0, output = 2.0, valid_from = "2020-01-01" }}
[weigh]
concurrency = {concurrency}
"""


class Harness(NamedTuple):
    """What runs a suite."""

    name: str
    command: list[str]
    environ: dict[str, str]


def serve(ready: Any) -> None:
    """Answer chat completions after a fixed time, whole or streamed."""
    import asyncio

    from aiohttp import web

    answered = 0

    async def count(_: web.Request) -> web.Response:
        nonlocal answered
        told, answered = answered, 0
        return web.json_response(told)

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal answered
        asked = await request.json()
        answered += 1
        number = int(str(asked["messages"][-1]["content"]).split()[2])
        text = f"It is {2 * number}."
        await asyncio.sleep(LATENCY)
        usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
        frame = {"id": "x", "model": "parrot", "created": 1, "object": "chat.completion"}
        if not asked.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return web.json_response({**frame, "choices": [choice], "usage": usage})
        chunks = [
            {
                **frame,
                "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            },
            {**frame, "choices": [], "usage": usage},
        ]
        body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        return web.Response(body=body.encode(), content_type="text/event-stream")

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        app.router.add_get("/count", count)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


class Run(NamedTuple):
    """One command, from start to end."""

    seconds: float
    cpu: float  #: seconds
    peak: float  #: megabytes


def measured(harness: Harness, folder: Path, port: int, count: int) -> Run:
    """Run a harness to its end, in a folder of its own, and see that it asked everything once."""
    folder.mkdir()
    write(folder, port, count)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    environ = {**os.environ, **harness.environ}
    done = subprocess.run(harness.command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count") as answer:
        asked = json.load(answer)
    if done.returncode or asked != count:
        raise SystemExit(
            f"{harness.name} failed ({asked} of {count} asked):\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, cpu, after.ru_maxrss / 1024)


def compared(harness: Harness, folder: Path, port: int, count: int) -> dict[str, Any]:
    """A harness's figures from a short run and a long one."""
    few = count // 10
    short = measured(harness, folder / f"{harness.name}-few", port, few)
    long = measured(harness, folder / f"{harness.name}-all", port, count)
    rate = (count - few) / (long.seconds - short.seconds)
    return {
        "harness": harness.name,
        "samples": count,
        "seconds": long.seconds,
        "samples_per_s": rate,
        "share_of_ceiling": rate / (CONCURRENCY / LATENCY),
        "cpu_ms_per_sample": (long.cpu - short.cpu) / (count - few) * 1e3,
        "start_and_end_s": long.seconds - count / rate,
        "peak_mb": long.peak,
    }


def install(folder: Path) -> None:
    """Make the peers' environments."""
    for name, packages in PEERS.items():
        print(f"installing {name}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        subprocess.run([str(folder / name / "bin/pip"), "install", "-q", *packages], check=True)


def harnesses(peers: Path, port: int) -> list[Harness]:
    """Those that are there."""
    weighbridge = str(Path(sys.executable).with_name("weighbridge"))
    found = [
        Harness("weighbridge", [weighbridge, "weigh", "suite.jsonl", "-e", "parrot@bench", "--report", "card.json"], {})
    ]
    url = f"http://127.0.0.1:{port}/v1"
    inspect = peers / "inspect/bin/python"
    if inspect.exists():
        command = [str(inspect), "bench_inspect.py", str(CONCURRENCY)]
        found.append(Harness("inspect", command, {"BENCH_BASE_URL": url, "BENCH_API_KEY": "none"}))
    lm_eval = peers / "lm-eval/bin/lm_eval"
    if lm_eval.exists():
        arguments = f"model=parrot,base_url={url}/chat/completions,num_concurrent={CONCURRENCY},max_retries=3"
        command = [
            *(str(lm_eval), "--model", "local-chat-completions", "--model_args", arguments, "--tasks", "bench"),
            *("--include_path", "tasks", "--apply_chat_template", "--output_path", "out", "--log_samples"),
        ]
        found.append(Harness("lm-eval", command, {"OPENAI_API_KEY": "none", "HF_HOME": "hf", "HF_HUB_OFFLINE": "1"}))
    return found


def write(folder: Path, port: int, count: int) -> None:
    """The suite, and what each harness wants beside it."""
    rows = [
        {"id": f"s{i}", "input": f"What is {i} + {i}? Reply with the number.", "target": 2 * i, "grader": "number"}
        for i in range(count)
    ]
    (folder / "suite.jsonl").write_text("".join(json.dumps({**row, "max_tokens": 16}) + "\n" for row in rows))
    (folder / "weighbridge.toml").write_text(_CONFIG.format(port=port, concurrency=CONCURRENCY))
    (folder / "bench_inspect.py").write_text(_INSPECT)
    (folder / "tasks").mkdir()
    (folder / "tasks/bench.yaml").write_text(_LM_EVAL)


def main() -> None:
    """Print each harness's speed, and how many times its time we take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--peers", type=Path, default=Path(".peers"))
    parser.add_argument("--install-peers", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.install_peers:
        install(given.peers)
    ready, told = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(told,), daemon=True)
    server.start()
    port = ready.recv()
    with tempfile.TemporaryDirectory() as name:
        places = harnesses(given.peers.absolute(), port)
        found = [compared(harness, Path(name), port, given.samples) for harness in places]
    server.terminate()
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"{given.samples} samples, {CONCURRENCY} at once, {LATENCY} s each: at most {CONCURRENCY / LATENCY:.0f} samples/s"
    )
    print(f"{'harness':12}{'samples/s':>10}{'of ceiling':>12}{'CPU ms':>8}{'start s':>9}{'peak MB':>9}{'time':>8}")
    for row in found:
        print(
            f"{row['harness']:12}{row['samples_per_s']:10.1f}{row['share_of_ceiling']:12.1%}{row['cpu_ms_per_sample']:8.2f}"
            f"{row['start_and_end_s']:9.1f}{row['peak_mb']:9.0f}{row['seconds'] / found[0]['seconds']:7.2f}x"
        )
    for name in PEERS:
        if name not in [row["harness"] for row in found]:
            print(f"{name}: not installed; --install-peers makes its environment.")


if __name__ == "__main__":
    main()
