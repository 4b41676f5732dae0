"""Where samples come from: a built-in suite, a JSONL file, or recorded traces of a route."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import IO

import msgspec

from weighbridge import jsonl
from weighbridge.errors import InputError, NotFoundError, did_you_mean, unreadable
from weighbridge.weigh import recorded, twins
from weighbridge.weigh.numbers import plural
from weighbridge.weigh.sample_rows import read_sample
from weighbridge.weigh.types import Sample, Suite

BUILT_IN = ("starter", "medical")
TRACES = "traces:"
MAX_LINE = 16 * 1024 * 1024  #: bytes
MAX_SAMPLES = 200_000
_ENCODER = msgspec.json.Encoder(order="sorted")


def load(
    source: str,
    *,
    traces: Path | None = None,
    grader: str = "",
    limit: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Suite:
    """The suite of a name.

    Args:
        source: `starter`, `medical`, the path of a JSONL file, or `traces:ROUTE`.
        traces: The store's folder of traces; needed for `traces:ROUTE` alone.
        grader: How recorded answers are compared; see `recorded.samples`. For traces alone.
        limit: Take only the first so many samples; of traces the newest.
        tell: Called with a sentence about whatever was left out, and about samples that ask the very same.

    Raises:
        InputError: The suite is empty, or a line of it cannot be used; the error names file, line, field and value.
        NotFoundError: There is no such suite or file.
        TooLargeError: A line, or the number of samples, is over its limit.
    """
    if source.startswith(TRACES):
        route = source.removeprefix(TRACES)
        samples: Sequence[Sample] = recorded.samples(route, folder=traces, grader=grader, limit=limit, tell=tell)
        return _suite(source, _joined(samples, tell))
    if grader:
        raise InputError(
            f"'{source}' says itself how each sample is graded.", where="--grader", fix="Use it with traces:ROUTE only."
        )
    if source in BUILT_IN:
        file = resources.files("weighbridge.weigh") / "data" / f"{source}.jsonl"
        with file.open("rb") as stream:
            return _suite(source, _joined(_read(f"{source}.jsonl", stream), tell, limit))
    path = Path(source)
    if not path.exists():
        raise NotFoundError(f"There is no suite '{source}'.", fix=_nearest(path))
    try:
        with path.open("rb") as stream:
            return _suite(path.name, _joined(_read(source, stream), tell, limit))
    except OSError as error:
        raise unreadable(error, source) from error


def digest(samples: Sequence[Sample]) -> str:
    """SHA-256 of what the samples say, in hexadecimal: the same for the same samples, however the file is written."""
    return hashlib.sha256(_ENCODER.encode(samples)).hexdigest()


def _joined(samples: Sequence[Sample], tell: Callable[[str], None], limit: int | None = None) -> list[Sample]:
    """The first so many samples, with those that ask the very same in one cluster.

    All are joined before some are taken, so that a sample is the same one whatever the limit.
    """
    taken = twins.joined(samples)[:limit]
    if repeated := twins.repeated(taken):
        tell(
            f"{repeated:,} of {plural(len(taken), 'sample')} ask the very same as another one. They are not independent: "
            "those of one request count as one cluster, and are asked once."
        )
    return taken


def _suite(name: str, samples: Sequence[Sample]) -> Suite:
    return Suite(name=name, samples=tuple(samples), digest=digest(samples))


def _nearest(path: Path) -> str:
    try:
        files = [str(p) for p in path.parent.glob("*.jsonl")][:1000]
    except OSError:
        files = []
    return did_you_mean(str(path), [*BUILT_IN, *files])


def _read(name: str, stream: IO[bytes]) -> list[Sample]:
    samples: list[Sample] = []
    lines: dict[str, int] = {}
    for number, row in jsonl.read(stream, name, max_line=MAX_LINE, max_rows=MAX_SAMPLES, what="sample"):
        where = f"{name}:{number}"
        sample = read_sample(row, where)
        if sample.id in lines:
            raise InputError(
                f"The id '{sample.id}' comes twice, on lines {lines[sample.id]} and {number}.",
                where=where,
                fix="Give each sample an id of its own.",
            )
        lines[sample.id] = number
        samples.append(sample)
    if not samples:
        raise InputError(
            "The suite holds no samples.",
            where=name,
            fix='Write one JSON object per line: {"id": "a", "input": "2 + 2?", "target": 4, "grader": "number"}',
        )
    # All lines are read, whatever the limit: a fault in line 900 is told before anything is paid for.
    return samples
