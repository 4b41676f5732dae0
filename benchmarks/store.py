"""What the store costs: microseconds per record, and megabytes a second beside a plain write in the same run.

    .venv/bin/python benchmarks/store.py [--json] [--traces N] [--results N]

The limit is the same bytes written to one file in pieces of a megabyte, and synced. Sealing and reading have no
such limit: their ratio shows how they stand to it. Results are set beside a bare SQLite in one transaction.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from weighbridge.canon import Attempt, Choice, Message, Plan, Reply, Request, TextPart, Trace, Usage, encode
from weighbridge.settings import Store
from weighbridge.store.follow import follower
from weighbridge.store.ids import new_trace_id
from weighbridge.store.reader import export, find, recent, scan
from weighbridge.store.results import Results
from weighbridge.store.seal import maintain
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter

START = 1_700_000_000.0
POLLS = 2000
PAUSE = 2000  # records between two flushes: the queue must not be what is measured
Row = dict[str, object]


def traces(count: int) -> list[Trace]:
    """Exchanges of about 2.5 kB: a system text, a question, an answer, their figures."""
    rng = random.Random(1)
    words = [rng.randbytes(4).hex() for _ in range(2000)]

    def text(size: int) -> TextPart:
        return TextPart(text=" ".join(rng.choices(words, k=size // 9)))

    system = Message(role="system", parts=(text(1000),))
    return [
        Trace(
            id=new_trace_id(START + n, rng),
            at=START + n,
            route=f"route-{n % 5}",
            engine=f"model-{n % 3}@host",
            first_token=0.3,
            total=1.2,
            usage=Usage(input=250, output=120),
            cost=n,
            attempts=(Attempt(engine=f"model-{n % 3}@host", started=0.0, ended=1.2),),
            request=Request(model="route", messages=(system, Message(role="user", parts=(text(600),)))),
            reply=Reply(choices=(Choice(parts=(text(600),), finish="stop"),)),
        )
        for n in range(count)
    ]


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def record(writer: TraceWriter, part: list[Trace]) -> None:
    """What a gateway does at the end of each exchange."""
    for trace in part:
        writer.record(trace)


def plain_write(path: Path, data: bytes) -> None:
    """The limit: nothing but the bytes, and a sync."""
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), 1 << 20):
            file.write(data[start : start + (1 << 20)])
        os.fsync(file.fileno())


def measure_traces(folder: Path, count: int) -> list[Row]:
    """Recording, sealing and reading."""
    made = traces(count)
    data = b"".join(encode(t) for t in made)
    size = len(data) / 1e6
    limit = size / min(timed(lambda: plain_write(folder / "plain", data)) for _ in range(3))
    rows: list[Row] = []

    def add(what: str, seconds: float, *, records: int = count, megabytes: float | None = size) -> None:
        speed = megabytes / seconds if megabytes else None
        rows.append(
            {
                "what": what,
                "records": records,
                "us": round(seconds / records * 1e6, 2),
                "mb_s": round(speed, 1) if speed else None,
                "ratio": round(speed / limit, 3) if speed else None,
            }
        )

    add("plain write and sync: the limit", size / limit)
    store = folder / "traces"
    writer = TraceWriter(store, now=lambda: START)
    recording: list[float] = []
    started = time.perf_counter()
    for start in range(0, count, PAUSE):
        part = made[start : start + PAUSE]
        recording.append(timed(lambda part=part: record(writer, part)) / len(part) * count)  # type: ignore[misc]
        writer.flush()
    writer.close()
    add("record: the caller's part (best)", min(recording), megabytes=None)
    add("record, until it is on the disk", time.perf_counter() - started)
    add("scan segments", timed(lambda: sum(1 for _ in scan(store))))
    add("seal to Parquet", timed(lambda: maintain(store, Store(retention_days=36500), START + 1e6)))
    add("scan Parquet", timed(lambda: sum(1 for _ in scan(store))))
    add("export to JSONL", timed(lambda: export(store, folder / "out.jsonl")))
    add("export to Parquet", timed(lambda: export(store, folder / "out.parquet")))
    add("the newest 50, without bodies", timed(lambda: recent(store, bodies=False)), records=1, megabytes=None)
    add("find one by its id", timed(lambda: find(store, made[count // 2].id)), records=1, megabytes=None)
    sealed = sum(p.stat().st_size for p in store.glob("*.parquet")) / 1e6
    rows.append({"what": "Parquet, of the JSON's size", "records": count, "ratio": round(sealed / size, 3)})
    return rows


def measure_results(folder: Path, count: int) -> list[Row]:
    """Results beside a bare SQLite, and the poll of the state."""
    rng = random.Random(2)
    rows = [(rng.randbytes(32).hex(), rng.randbytes(600)) for _ in range(count)]
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("CREATE TABLE results (key TEXT PRIMARY KEY, value BLOB)")

    def put_bare() -> None:
        bare.execute("BEGIN")
        bare.executemany("INSERT INTO results VALUES (?, ?)", rows)
        bare.execute("COMMIT")

    def get_bare() -> None:
        for key, _ in rows:
            bare.execute("SELECT value FROM results WHERE key = ?", (key,)).fetchone()

    results = Results(folder / "results.db")

    def put() -> None:
        for key, value in rows:
            results.put(key, value)
        results.flush()

    times = {
        "results: put": (timed(put), timed(put_bare)),
        "results: get_many": (timed(lambda: results.get_many(key for key, _ in rows)), timed(get_bare)),
    }
    results.close()
    bare.close()
    state = State(folder / "state.db")
    state.publish(Plan(number=0), action="declare", who="", why="", route="", at=START)
    state.close()
    following = follower(str(folder / "state.db"))
    following.newer(1, 0)
    poll = timed(lambda: [following.newer(1, 0) for _ in range(POLLS)])
    following.close()
    return [
        *(
            {"what": what, "records": count, "us": round(ours / count * 1e6, 2), "ratio": round(ours / theirs, 2)}
            for what, (ours, theirs) in times.items()
        ),
        {"what": "state: nothing newer", "records": POLLS, "us": round(poll / POLLS * 1e6, 2)},
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--traces", type=int, default=50_000, help="how many traces")
    parser.add_argument("--results", type=int, default=100_000, help="how many results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measure_traces(Path(name), arguments.traces) + measure_results(Path(name), arguments.results)
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'':34}{'records':>9}{'us each':>12}{'MB/s':>9}{'ratio':>8}")
    for row in rows:
        cells = [row.get("us"), row.get("mb_s"), row.get("ratio")]
        us, speed, ratio = ("" if cell is None else cell for cell in cells)
        print(f"{row['what']:34}{row['records']:>9}{us:>12}{speed:>9}{ratio:>8}")
    print("Ratios: of the limit's speed for traces; of a bare SQLite's time for results.")


if __name__ == "__main__":
    main()
