"""Samples that ask the very same: they are one observation, however often a suite holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from weighbridge.weigh.types import Sample

_ENCODER = msgspec.json.Encoder(order="sorted")


def joined(samples: Sequence[Sample]) -> list[Sample]:
    """The samples, with those of one request in one cluster.

    A sample that names a cluster stays in it, and one that asks the same without naming any joins it.
    """
    requests = [_request(sample) for sample in samples]
    counts = Counter(requests)
    if len(counts) == len(requests):
        return list(samples)
    named: dict[bytes, str] = {}
    for sample, request in zip(samples, requests, strict=True):
        if sample.cluster:
            named.setdefault(request, sample.cluster)
    return [
        sample
        if sample.cluster or counts[request] == 1
        else replace(sample, cluster=named.get(request) or f"request {blake2b(request, digest_size=8).hexdigest()}")
        for sample, request in zip(samples, requests, strict=True)
    ]


def repeated(samples: Iterable[Sample]) -> int:
    """How many samples ask what one before them asks; samples that are in no cluster ask alone."""
    requests = [_request(sample) for sample in samples if sample.cluster]
    return len(requests) - len(set(requests))


def of(samples: Iterable[Sample]) -> frozenset[str]:
    """The ids of samples that ask what another one asks as well; samples that are in no cluster ask alone."""
    found: dict[bytes, list[str]] = {}
    for sample in samples:
        if sample.cluster:
            found.setdefault(_request(sample), []).append(sample.id)
    return frozenset(one for ids in found.values() if len(ids) > 1 for one in ids)


def _request(sample: Sample) -> bytes:
    """What an engine is asked, apart from how the run asks."""
    return _ENCODER.encode([sample.messages, sample.tools, sample.schema, sample.max_tokens])
