"""A suite made of recorded traffic: a fair sample, nearly equal requests once, masked, clusters kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Message, Request, ResponseFormat, TextPart, ToolResultPart, Trace
from weighbridge.errors import WeighbridgeError
from weighbridge.mask.language import language_of
from weighbridge.weigh import recorded
from weighbridge.weigh.alike import Seen
from weighbridge.weigh.types import Sample

ClusterBy = Literal["conversation", "key", "team", "none"]
_POOL = 5  #: times as many exchanges are held as are asked for: some are left out
_MOST_HELD = 20_000

Mask = Callable[[Request, str], Request]
"""Masks a request of a conversation; raises where it cannot."""


class Counts(Struct, frozen=True):
    """What became of the exchanges that were read. `kinds` counts those that could not be masked by their error."""

    read: int
    failed: int
    bare: int
    ungraded: int
    alike: int
    unmasked: int
    kept: int
    clusters: int
    graders: dict[str, int] = {}
    languages: dict[str, int] = {}
    kinds: dict[str, int] = {}


def make(
    traces: Iterable[Trace],
    *,
    mask: Mask | None,
    size: int,
    seed: int,
    dedupe: bool,
    cluster_by: ClusterBy,
    grader: str,
) -> tuple[list[Sample], Counts]:
    """Samples of recorded exchanges, in the order in which they were asked.

    Exchanges that failed or broke off, have no texts, or do not say what a right answer is, are left out and counted; so
    is every one that cannot be masked.

    Args:
        traces: In any order; held are five times `size`, at most 20,000.
        mask: Takes out what must not be in the suite; None leaves everything as it was recorded.
        size: The most samples.
        seed: Of the draw: the same exchanges and the same seed give the same samples.
        dedupe: Take requests that are nearly equal once.
        cluster_by: What makes samples belong together; their labels say nothing else.
        grader: How free text is compared with the recorded answer, see `recorded.BY_TEXT`.
    """
    counts: Counter[str] = Counter()
    held = _drawn(traces, counts, max(size, min(_POOL * size, _MOST_HELD)), random.Random(seed))  # noqa: S311
    seen, errors, kept = Seen(seed=seed), Counter[str](), list[tuple[Trace, Sample]]()
    for trace in held:
        if len(kept) == size:
            break
        if (sample := recorded.sample(trace, grader)) is None:
            counts["ungraded"] += 1
        elif dedupe and seen.add(_said(sample)):
            counts["alike"] += 1
        else:
            try:
                kept.append((trace, sample if mask is None else _masked(trace, sample, mask)))
            except WeighbridgeError as error:
                counts["unmasked"] += 1
                errors[error.code] += 1
            except msgspec.DecodeError:  # a surrogate that breaks the target's JSON
                counts["unmasked"] += 1
                errors["target"] += 1
    kept.sort(key=lambda one: (one[0].at, one[0].id))
    samples = _clustered(kept, cluster_by)
    return samples, Counts(
        read=counts["read"],
        failed=counts["failed"],
        bare=counts["bare"],
        ungraded=counts["ungraded"],
        alike=counts["alike"],
        unmasked=counts["unmasked"],
        kept=len(samples),
        clusters=len({sample.cluster or sample.id for sample in samples}),
        graders=dict(Counter(sample.grader for sample in samples).most_common()),
        languages=dict(Counter(language_of(_words(sample)) for sample in samples).most_common()),
        kinds=dict(errors),
    )


def _drawn(traces: Iterable[Trace], counts: Counter[str], most: int, rng: random.Random) -> list[Trace]:
    """So many answered exchanges, each with the same chance (Vitter 1985, algorithm R), shuffled."""
    kept: list[Trace] = []
    fit = 0
    for trace in traces:
        counts["read"] += 1
        if trace.outcome != "ok":
            counts["failed"] += 1
            continue
        if trace.request is None or trace.reply is None or not trace.request.messages:
            counts["bare"] += 1
            continue
        fit += 1
        if len(kept) < most:
            kept.append(trace)
        elif (place := rng.randrange(fit)) < most:
            kept[place] = trace
    kept.sort(key=lambda trace: (trace.at, trace.id))
    rng.shuffle(kept)
    return kept


def _said(sample: Sample) -> str:
    """All that is said in a request, tools' answers as well: what makes two requests equal."""
    parts = [part for message in sample.messages for part in message.parts]
    inner = [one for part in parts for one in (part.parts if isinstance(part, ToolResultPart) else (part,))]
    return "\n".join(getattr(one, "text", "") or getattr(one, "arguments", "") for one in inner)


def _words(sample: Sample) -> str:
    return "\n".join(message.text for message in sample.messages if message.role == "user")


def _masked(trace: Trace, sample: Sample, mask: Mask) -> Sample:
    """The sample with surrogates, the same ones in its question and its target."""
    target = msgspec.json.encode(sample.target).decode()
    asked = Request(
        model="",
        messages=(*sample.messages, Message("assistant", (TextPart(target),))),
        tools=sample.tools,
        response_format=ResponseFormat("json_schema", schema=sample.schema),
    )
    found = mask(asked, trace.conversation or trace.id)
    *messages, last = found.messages
    return replace(
        sample,
        messages=tuple(messages),
        tools=found.tools,
        schema=found.response_format.schema if found.response_format else None,
        target=msgspec.json.decode(last.text.encode()),
    )


def _clustered(kept: Sequence[tuple[Trace, Sample]], by: ClusterBy) -> list[Sample]:
    names: dict[str, str] = {}

    def label(trace: Trace) -> str:
        value = {"conversation": trace.conversation, "key": trace.key, "team": trace.team, "none": ""}[by]
        return names.setdefault(value, f"{by} {len(names) + 1}") if value else ""

    return [replace(sample, cluster=label(trace)) for trace, sample in kept]


def rows(samples: Iterable[Sample]) -> Iterator[bytes]:
    """The samples as lines of a suite's file."""
    encoder = msgspec.json.Encoder()
    for sample in samples:
        row: dict[str, object] = {"id": sample.id, "input": _input(sample), "grader": sample.grader}
        if sample.target is not None:
            row["target"] = sample.target
        for name in ("category", "cluster", "schema", "max_tokens"):
            if value := getattr(sample, name):
                row[name] = value
        if sample.tools:
            row["tools"] = [
                {"name": tool.name, "description": tool.description}
                | ({"parameters": tool.schema} if tool.schema is not None else {})
                | ({"strict": tool.strict} if tool.strict is not None else {})
                for tool in sample.tools
            ]
        yield encoder.encode(row)


def _input(sample: Sample) -> object:
    plain = all(len(m.parts) == 1 and isinstance(m.parts[0], TextPart) and m.parts[0].text.strip() and m.role != "tool"
                for m in sample.messages)  # fmt: skip
    if plain and len(sample.messages) == 1 and sample.messages[0].role == "user":
        return sample.messages[0].text
    if plain:
        return [{"role": message.role, "content": message.text} for message in sample.messages]
    return [msgspec.to_builtins(message) for message in sample.messages]
