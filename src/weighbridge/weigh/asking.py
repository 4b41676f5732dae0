"""What an engine is asked for a sample, what names that question for ever, and what it costs at worst."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.canon import Engine, Level, Reply, Request, ResponseFormat, Sampling, Usage
from weighbridge.weigh.masking import name_of
from weighbridge.weigh.types import Grade, Sample

#: Tokens on top of a sample's limit for engines that think before they answer: their thinking counts as output.
THINKING = 4096
_KEY_VERSION = 1  #: raised when requests or stored answers change their meaning
_BYTES_PER_TOKEN = 2.0  #: fewer than in any text that people write, so that the estimate is a worst case
_OVERHEAD = 64  #: tokens that a host adds around messages, at worst
_ENCODER = msgspec.json.Encoder(order="sorted")


class Contestant(Struct, frozen=True):
    """An engine that is asked all samples, at a level of masking; None: as its route and host have it.

    A further `repeat` of the same engine is asked anew.
    """

    engine: Engine
    repeat: int = 0
    level: Level | None = None

    @property
    def name(self) -> str:
        """The engine's name, and the level where it says more."""
        return name_of(self.engine.name, self.level)


class Told(Struct, frozen=True, omit_defaults=True):
    """What is told of an answer that is stored: everything but its words and its cost.

    Where it was asked for at a level of masking, `sent` is what the engine could read, and `masked` counts what was masked.
    `grade` is the last one given to it, and `marked` names what it was given by; see `grades`.
    """

    usage: Usage | None = None
    first_token: float | None = None
    total: float | None = None
    at: float = 0.0
    trace: str = ""
    sent: str = ""
    masked: dict[str, int] = {}
    grade: Grade | None = None
    marked: str = ""


class Answer(Told, frozen=True, omit_defaults=True, kw_only=True):
    """An answer as it is stored. Where its words are of no use, it is read as `Told`, which is twice as fast."""

    reply: Reply


def request_for(sample: Sample, engine: Engine, *, max_tokens: int, seed: int, temperature: float = 0.0) -> Request:
    """What is sent: the sample's messages, as repeatable as the engine allows, streamed to see the first token.

    Args:
        sample: The sample.
        engine: Who is asked.
        max_tokens: The limit of a sample that sets none.
        seed: Sent along; engines that know none are not sent it by their profile.
        temperature: 0 for answers that are as repeatable as can be.
    """
    limit = (sample.max_tokens or max_tokens) + (THINKING if engine.model.reasoning else 0)
    most = engine.offer.max_output or engine.model.max_output
    shape = ResponseFormat("json_schema", "answer", sample.schema) if sample.schema is not None else None
    return Request(
        model=engine.name,
        messages=sample.messages,
        tools=sample.tools,
        response_format=shape,
        sampling=Sampling(temperature=temperature, max_tokens=min(limit, most) if most else limit, seed=seed),
        stream=True,
        stream_usage=True,
    )


def identity(engine: Engine, folder: Path) -> bytes:
    """Everything about an engine that may change its answers. Prices, licences and titles are not part of it.

    Args:
        engine: The engine.
        folder: Where relative paths of weights and recordings start.
    """
    host = engine.host
    return _ENCODER.encode(
        {
            "version": _KEY_VERSION,
            "engine": engine.name,
            "upstream": engine.upstream,
            "quantization": engine.offer.quantization,
            "weights": [engine.model.gguf, _stamp(engine.model.gguf, folder)],
            "host": [host.url, host.dialect, host.headers, host.serving],
            "recorded": [host.recorded, _stamp(host.recorded.get("path"), folder)],
            "profile": engine.profile,
        }
    )


def key(engine_identity: bytes, request: Request, repeat: int, masking: str = "") -> str:
    """The name of a question: SHA-256 over the engine, the request, the number of the repetition, and how it is masked."""
    digest = hashlib.sha256(engine_identity)
    digest.update(_ENCODER.encode(request))
    digest.update(b"%d" % repeat)
    if masking:
        digest.update(b"\0mask " + masking.encode())
    return digest.hexdigest()


def worst_cost(engine: Engine, request: Request, day: str) -> int | None:
    """Micro-units that a request costs at most, None where the engine's price is unknown."""
    size = len(_ENCODER.encode([request.messages, request.tools, request.response_format]))
    usage = Usage(input=int(size / _BYTES_PER_TOKEN) + _OVERHEAD, output=request.sampling.max_tokens or 0)
    return engine.cost(usage, day)


def _stamp(path: Any, folder: Path) -> list[int]:
    """Size and time of change of a file: a replaced file is another engine."""
    if not isinstance(path, str) or not path:
        return []
    try:
        found = (folder / Path(path).expanduser()).stat()
    except (OSError, RuntimeError):
        return []
    return [found.st_size, found.st_mtime_ns]
