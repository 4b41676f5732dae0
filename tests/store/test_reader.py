"""Reading traces: the same answer from segments, from Parquet, and from both at once."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import stat
import string
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from gateways import unmeasured
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from weighbridge.canon import (
    Attempt,
    Blob,
    Choice,
    ImagePart,
    Loss,
    Message,
    OpaquePart,
    ReasoningPart,
    Reply,
    Request,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
    Trace,
    Usage,
)
from weighbridge.errors import InputError, StoreError, UnknownTraceError
from weighbridge.settings import Store
from weighbridge.store import parquet, segments
from weighbridge.store.reader import export, find, recent, scan
from weighbridge.store.seal import maintain
from weighbridge.store.traces import TraceWriter

MakeTrace = Callable[..., Trace]
START = 1_700_000_000.0
SEAL_NOW = Store(segment_seconds=1.0, segment_mb=1.0)


def store(folder: Path, traces: list[Trace]) -> None:
    writer = TraceWriter(folder, now=lambda: START)
    for trace in traces:
        writer.record(trace)
    writer.close()


def seal(folder: Path) -> None:
    assert not maintain(folder, SEAL_NOW, START + 60).problems


@pytest.fixture(params=["segment", "parquet", "both"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, make_trace: MakeTrace) -> Path:
    """100 traces, one a second, recorded out of order, in one or both of the two forms."""
    traces = [
        make_trace(at=START + n, route=f"r{n % 3}", engine=f"m{n % 2}@x", conversation=f"c{n // 10}")
        for n in range(100)
    ]
    traces = traces[1::2] + traces[::2]
    if request.param == "segment":
        store(tmp_path, traces)
    else:
        store(tmp_path, traces if request.param == "parquet" else traces[20:])
        seal(tmp_path)
        assert not segments.segments(tmp_path)
        if request.param == "both":
            store(tmp_path, traces[:20])
    return tmp_path


def seconds(traces: Any) -> list[int]:
    return [round(t.at - START) for t in traces]


def test_recent_gives_the_newest_first(folder: Path) -> None:
    assert seconds(recent(folder, limit=5)) == [99, 98, 97, 96, 95]
    assert seconds(recent(folder, limit=1000)) == list(range(99, -1, -1))
    assert recent(folder, limit=0) == []


def test_scan_gives_all_in_order(folder: Path) -> None:
    assert seconds(scan(folder)) == list(range(100))
    assert seconds(scan(folder, limit=3)) == [97, 98, 99]
    assert seconds(scan(folder, limit=500)) == list(range(100))
    assert list(scan(folder, limit=3, route="none")) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"route": "r1"}, range(1, 100, 3)),
        ({"engine": "m1@x"}, range(1, 100, 2)),
        ({"engine": "m1@x", "route": "r0"}, range(3, 100, 6)),
        ({"conversation": "c4"}, range(40, 50)),
        ({"outcome": "deadline"}, ()),
        ({"source": "gateway", "since": START + 90}, range(90, 100)),
        ({"since": START + 10, "until": START + 12}, (10, 11)),
        ({"until": START}, ()),
        ({"since": START + 1000}, ()),
        ({"route": None, "since": None, "until": START + 1}, (0,)),
        ({"route": "r1' OR 1=1 --"}, ()),
    ],
)
def test_filters(folder: Path, filters: dict[str, Any], expected: Any) -> None:
    assert seconds(scan(folder, **filters)) == list(expected)
    assert seconds(recent(folder, limit=100, **filters)) == list(expected)[::-1]


def test_without_bodies(folder: Path) -> None:
    traces = recent(folder, limit=100, bodies=False)
    assert all(t.request is None and t.reply is None for t in traces)
    assert all(t.usage == Usage(input=10, output=5) and t.losses for t in traces)


def test_find_by_id_and_by_its_beginning(folder: Path) -> None:
    for trace in itertools.islice(scan(folder), 0, None, 20):
        assert find(folder, trace.id) == trace
        assert find(folder, trace.id[:14]) == trace


def test_a_beginning_that_several_share_is_told(folder: Path) -> None:
    with pytest.raises(UnknownTraceError, match="Several traces begin with '01hf'") as caught:
        find(folder, "01hf")
    assert "Give more of the id: 01hf" in caught.value.fix


@pytest.mark.parametrize("unknown", ["", "zzz", "0" * 26, "%", "01hf'--", "ü"])
def test_an_unknown_id_gets_a_hint(folder: Path, unknown: str) -> None:
    newest = recent(folder, limit=1)[0].id
    with pytest.raises(UnknownTraceError, match="no trace") as caught:
        find(folder, unknown)
    assert newest in caught.value.fix


def test_ids_of_others_are_found_too(tmp_path: Path, make_trace: MakeTrace) -> None:
    traces = [make_trace(id="Mine-1"), make_trace(id='quo"ted\\'), make_trace(id="Mine-11")]
    store(tmp_path, traces)
    for _ in range(2):
        assert [find(tmp_path, t.id) for t in traces] == traces
        seal(tmp_path)


def test_an_empty_or_missing_folder_holds_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        assert recent(folder) == list(scan(folder)) == []
        with pytest.raises(UnknownTraceError, match="no trace") as caught:
            find(folder, "x")
        assert caught.value.fix == "No trace is stored."
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        recent(tmp_path / "file")


def test_damaged_files_are_told_and_the_others_read(folder: Path) -> None:
    (folder / "0000000000zzzzzzzzzzzzzzzz-1.1700000000000_1700000099000.parquet").write_bytes(b"PAR1 no more")
    (folder / "0000000000zzzzzzzzzzzzzzzz-2.seg").write_bytes(b"something else entirely")
    warnings: list[str] = []
    assert seconds(scan(folder, warn=warnings.append)) == list(range(100))
    assert len(warnings) == 2
    warnings.clear()
    assert seconds(recent(folder, limit=2, warn=warnings.append)) == [99, 98]
    assert len(warnings) == 2
    trace = recent(folder, limit=1, warn=warnings.append)[0]
    assert find(folder, trace.id, warn=warnings.append) == trace


def test_records_that_are_no_traces_are_told_and_passed_over(tmp_path: Path, make_trace: MakeTrace) -> None:
    import random

    good = make_trace()
    writer = segments.SegmentWriter(tmp_path, created=START, rng=random.Random(1))
    writer.append([b'{"id":7}', msgspec.json.encode(good), b'{"id":"x","at":1,"route":"","engine":"","plan":"seven"}'])
    writer.close()
    warnings: list[str] = []
    assert list(scan(tmp_path, warn=warnings.append)) == [good]
    assert ["no trace" in w for w in warnings] == [True, False]


def test_files_of_which_both_forms_exist_count_once(tmp_path: Path, make_trace: MakeTrace) -> None:
    store(tmp_path, [make_trace(at=START + n) for n in range(10)])
    (path,) = segments.segments(tmp_path)
    content = path.read_bytes()
    seal(tmp_path)
    path.write_bytes(content)  # as if the power had failed before the segment was deleted
    assert seconds(scan(tmp_path)) == list(range(10))
    assert seconds(recent(tmp_path)) == list(range(9, -1, -1))
    report = maintain(tmp_path, SEAL_NOW, START + 60)
    assert "had been sealed" in report.notes[0]
    assert not path.exists()
    assert seconds(scan(tmp_path)) == list(range(10))


def test_sealing_in_the_middle_of_a_scan_changes_nothing(tmp_path: Path, make_trace: MakeTrace) -> None:
    for part in range(4):
        store(tmp_path, [make_trace(at=START + part * 10 + n) for n in range(10)])
    reading = scan(tmp_path)
    first = list(itertools.islice(reading, 5))
    seal(tmp_path)
    assert seconds([*first, *reading]) == list(range(40))


def test_retention_in_the_middle_of_a_scan_is_no_error(tmp_path: Path, make_trace: MakeTrace) -> None:
    for part in range(3):
        store(tmp_path, [make_trace(at=START + part * 10 + n) for n in range(10)])
        seal(tmp_path)
    warnings: list[str] = []
    reading = scan(tmp_path, warn=warnings.append)
    first = next(reading)
    for path in sorted(tmp_path.glob("*.parquet"))[1:]:
        path.unlink()
    assert seconds([first, *reading])[:1] == [0]
    assert warnings == []


def test_many_sealed_files_are_read_newest_first_and_no_further_than_needed(
    tmp_path: Path, make_trace: MakeTrace
) -> None:
    for part in range(12):
        store(tmp_path, [make_trace(at=START + part * 10 + n) for n in range(3)])
    seal(tmp_path)
    names = sorted(parquet.parse_name(p).low for p in tmp_path.glob("*.parquet"))  # type: ignore[union-attr]
    assert names == [START + part * 10 for part in range(12)]
    oldest = min(tmp_path.glob("*.parquet"), key=lambda p: parquet.parse_name(p).low)  # type: ignore[union-attr]
    oldest.write_bytes(b"damaged")
    warnings: list[str] = []
    assert seconds(recent(tmp_path, limit=4, warn=warnings.append)) == [112, 111, 110, 102]
    assert warnings == []
    assert len(recent(tmp_path, limit=100, warn=warnings.append)) == 33
    assert len(warnings) == 1


# --- export ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.jsonl", "out.ndjson", "OUT.JSONL", "out.parquet", 'it\'s "a" ü.parquet'])
def test_exports_hold_every_trace_and_are_private(folder: Path, tmp_path_factory: Any, name: str) -> None:
    target = tmp_path_factory.mktemp("out") / name
    old = os.umask(0)
    try:
        assert export(folder, target) == 100
        assert export(folder, target, limit=10, route="r0") == 10  # replaces the file
    finally:
        os.umask(old)
    expected = list(scan(folder, limit=10, route="r0"))
    if target.suffix == ".parquet":
        connection = parquet.connect()
        assert list(parquet.read(connection, [target], "true", [])) == expected
        connection.close()
    else:
        assert [msgspec.json.decode(line, type=Trace) for line in target.read_bytes().splitlines()] == expected
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in target.parent.iterdir()] == [name]


def test_an_export_of_nothing_is_an_empty_file(tmp_path: Path) -> None:
    assert export(tmp_path, tmp_path / "a.jsonl") == export(tmp_path, tmp_path / "a.parquet") == 0
    assert (tmp_path / "a.jsonl").read_bytes() == b""
    connection = parquet.connect()
    assert connection.execute("SELECT count(*) FROM read_parquet(?)", [str(tmp_path / "a.parquet")]).fetchone() == (0,)
    connection.close()


def test_targets_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    for target, words in ((tmp_path / "x.csv", "not clear"), (tmp_path / "no" / "x.jsonl", "does not exist")):
        with pytest.raises(InputError, match=words):
            export(tmp_path, target)
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        export(tmp_path, tmp_path / "d.jsonl")
    assert export(tmp_path, tmp_path / "x.csv", "jsonl") == 0


EXPORT = textwrap.dedent(
    """
    import random, resource, sys
    from pathlib import Path
    from weighbridge.canon import Message, Request, TextPart, Trace
    from weighbridge.settings import Store
    from weighbridge.store.reader import export
    from weighbridge.store.seal import maintain
    from weighbridge.store.traces import TraceWriter

    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(1)
    for part in range(count // 2000):
        writer = TraceWriter(folder, now=lambda: 1000.0 + part)
        for n in range(2000):
            text = rng.randbytes(2000).hex()
            body = Request(model="m", messages=(Message(role="user", parts=(TextPart(text=text),)),))
            number = part * 2000 + n
            writer.record(Trace(id=f"{number:026}", at=float(number), route="r", engine="m@x", request=body))
        writer.close()
        if part % 2:
            maintain(folder, Store(segment_seconds=1.0), 1e6)
    assert export(folder, folder / "out.jsonl") == count
    assert export(folder, folder / "out.parquet") == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
)


@pytest.mark.no_cover
def test_memory_does_not_grow_with_the_number_of_traces(tmp_path: Path) -> None:
    """28,000 traces of 4 kB are 64 MB of bodies more than 12,000: they must not all be in memory."""
    peaks = []
    for count in (12_000, 28_000):
        done = subprocess.run(
            [sys.executable, "-c", EXPORT, str(tmp_path / str(count)), str(count)],
            capture_output=True,
            text=True,
            check=True,
            env=unmeasured(),
        )
        peaks.append(int(done.stdout) * 1024)
    assert peaks[1] - peaks[0] < 40_000_000


def test_a_full_disk_leaves_no_half_export(tmp_path: Path, make_trace: MakeTrace) -> None:
    store(tmp_path, [make_trace(text="x" * 2000) for _ in range(50)])
    code = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from weighbridge.errors import StoreFullError
        from weighbridge.store.reader import export
        folder = Path(sys.argv[1])
        import duckdb
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
        for name in ("a.jsonl", "a.parquet"):
            try:
                export(folder, folder / name)
            except StoreFullError as error:
                print(error.code)
        """
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["store_full", "store_full"], done.stderr
    assert [p.suffix for p in tmp_path.iterdir()] == [".seg"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


# --- any trace at all -----------------------------------------------------------------------------

text = st.text(max_size=20)
number = st.integers(min_value=0, max_value=2**40)
seconds_ = st.none() | st.floats(min_value=0, max_value=1e6)
extra = st.dictionaries(text, st.none() | st.booleans() | text | st.lists(number, max_size=2), max_size=2)
blobs = st.lists(st.builds(Blob, issuer=text, data=text, kind=text), max_size=2).map(tuple)
simple_parts = st.builds(TextPart, text=text, extra=extra) | st.builds(ImagePart, url=text, data=text)
parts = st.lists(
    simple_parts
    | st.builds(ToolCallPart, id=text, name=text, arguments=text)
    | st.builds(
        ToolResultPart, call_id=text, parts=st.lists(simple_parts, max_size=2).map(tuple), is_error=st.booleans()
    )
    | st.builds(ReasoningPart, text=text, blobs=blobs)
    | st.builds(OpaquePart, dialect=text, data=extra),
    max_size=3,
).map(tuple)
roles = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
messages = st.lists(st.builds(Message, role=roles, parts=parts, name=text, extra=extra), max_size=3).map(tuple)
sampling = st.builds(Sampling, temperature=st.none() | st.floats(0, 2), stop=st.lists(text, max_size=2).map(tuple))
tools = st.lists(st.builds(Tool, name=text, schema=st.none() | extra, strict=st.none() | st.booleans()), max_size=2)
requests = st.builds(Request, model=text, messages=messages, tools=tools.map(tuple), sampling=sampling, metadata=extra)
usages = st.builds(Usage, input=number, cached=number, output=number, reasoning=number, estimated=st.booleans())
choices = st.builds(Choice, parts=parts, finish=st.sampled_from([None, "stop", "length"]), refusal=text)
replies = st.builds(Reply, choices=st.lists(choices, max_size=2).map(tuple), usage=st.none() | usages, id=text)
attempts = st.builds(
    Attempt, engine=text, started=st.just(0.0), ended=st.just(1.0), status=st.none() | number, message=text
)
losses = st.builds(Loss, field=text, reason=text, severity=st.sampled_from(["low", "medium", "high"]))
traces_ = st.builds(
    Trace,
    id=st.text(string.ascii_letters + string.digits, min_size=1, max_size=30),
    at=st.floats(min_value=0, max_value=4e9),
    route=text,
    engine=text,
    plan=number,
    outcome=text,
    dialect=text,
    streamed=st.booleans(),
    conversation=text,
    source=text,
    first_token=seconds_,
    total=seconds_,
    usage=st.none() | usages,
    cost=st.none() | number,
    currency=text,
    attempts=st.lists(attempts, max_size=2).map(tuple),
    losses=st.lists(losses, max_size=2).map(tuple),
    error=text,
    request=st.none() | requests,
    reply=st.none() | replies,
)


@hypothesis_settings(max_examples=15)
@given(st.lists(traces_, max_size=30, unique_by=lambda t: t.id))
def test_any_traces_are_read_back_equal_from_both_forms(traces: list[Trace]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = sorted(traces, key=lambda t: (t.at, t.id))
        store(folder, traces)
        assert list(scan(folder)) == expected
        assert recent(folder, limit=50) == expected[::-1]
        report = maintain(folder, Store(segment_seconds=1.0, retention_days=36500), START + 60)
        assert report.problems == ()
        assert not segments.segments(folder)
        assert list(scan(folder)) == expected
        assert recent(folder, limit=50) == expected[::-1]


def test_the_columns_hold_every_field_of_a_trace() -> None:
    fields = {f.name for f in msgspec.structs.fields(Trace)}
    nested = {"usage", "request", "reply"}
    assert fields - nested == set(parquet.COLUMNS) - {
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "cache_written_tokens",
        "tokens_estimated",
        "bodies",
    }
    assert fields == {f.name for f in msgspec.structs.fields(parquet.Stored)}


def test_figures_over_64_bits_do_not_stop_the_sealing(tmp_path: Path, make_trace: MakeTrace) -> None:
    store(tmp_path, [make_trace(usage=Usage(input=10**30), cost=10**25)])
    seal(tmp_path)
    (trace,) = scan(tmp_path)
    assert trace.usage == Usage(input=2**63 - 1)
    assert trace.cost == 2**63 - 1


def test_large_bodies_survive_sealing(tmp_path: Path, make_trace: MakeTrace) -> None:
    traces = [make_trace(at=START + n, text=json.dumps('"\\\n' * 100_000)) for n in range(3)]
    store(tmp_path, traces)
    seal(tmp_path)
    assert list(scan(tmp_path)) == traces


def test_files_of_before_keys_were_recorded_stay_readable_beside_new_ones(
    tmp_path: Path, make_trace: MakeTrace
) -> None:
    old = [make_trace(at=START + n) for n in range(3)]
    new = [
        make_trace(
            at=START + 10,
            key="k-1",
            team="web",
            cached=True,
            mask="strict",
            masked={"email": 2},
            usage=Usage(9, 3, 2, 1, cache_written=4),
        )
    ]
    store(tmp_path, old)
    seal(tmp_path)
    (sealed,) = tmp_path.glob("*.parquet")
    added = ", ".join(parquet._ADDED)
    bare = sealed.with_suffix(".bare")
    with contextlib.closing(parquet.connect()) as connection:
        connection.execute(f"COPY (SELECT * EXCLUDE ({added}) FROM '{sealed}') TO '{bare}' (FORMAT parquet)")
    bare.replace(sealed)
    assert list(scan(tmp_path)) == old
    store(tmp_path, new)
    seal(tmp_path)
    assert list(scan(tmp_path)) == old + new
    assert recent(tmp_path, limit=9) == (old + new)[::-1]
