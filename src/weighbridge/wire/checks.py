"""What must hold of every recorded exchange: exact on its own dialect, and nothing lost silently on the way to others.

A check ends `ok`, `told` (something differs, and a Loss said so) or `failed`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from weighbridge import dialects
from weighbridge.canon import Event, Failure, Loss, Reply, Request
from weighbridge.dialects.base import Dialect
from weighbridge.dialects.fold import Fold
from weighbridge.errors import WeighbridgeError
from weighbridge.wire import features, outline
from weighbridge.wire.convert import NO_MODEL, neutral, written
from weighbridge.wire.corpus import Row

Outcome = Literal["ok", "told", "failed"]
Parse = Callable[[str, bytes], None]
"""Parses a reply or a stream (the first argument says which) with a vendor's own types; raises where it does not fit."""

CUTS = 3  #: times that a stream is cut anew
_LONGEST = 200


class Finding(Struct, frozen=True):
    """How a check of one exchange ended. `differs` says what is not the same, or what went wrong."""

    check: str
    outcome: Outcome
    differs: str = ""


class Checked(Struct, frozen=True):
    """An exchange with its features and how each check of it ended."""

    id: str
    dialect: str
    features: frozenset[str]
    findings: tuple[Finding, ...]


def check(row: Row, parsers: Mapping[str, Parse], seed: int = 0) -> Checked:
    """Put one exchange through every check.

    Args:
        row: The exchange.
        parsers: The vendors' own types, by dialect; checks with those that are missing are left out.
        seed: Where streams are cut.
    """
    own = dialects.get(row.dialect)
    used: set[str] = set()
    findings = [
        *_guarded("request", lambda: _request(row, own, used)),
        *_guarded("answer", lambda: _answer(row, own, used, parsers, random.Random(f"{seed} {row.id}"))),  # noqa: S311 - where to cut
    ]
    return Checked(row.id, row.dialect, frozenset(used), tuple(findings))


def _guarded(what: str, work: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from work()
    except Exception as error:  # noqa: BLE001 - a crash is what is being looked for
        yield Finding(f"{what} is read", "failed", f"{type(error).__name__}: {error}"[:_LONGEST])


def _request(row: Row, own: Dialect, used: set[str]) -> Iterator[Finding]:
    request = own.read_request(row.request, model=row.model or NO_MODEL, stream=row.stream)
    used |= features.of_request(request)
    body, _ = own.write_request(request, neutral(request))
    yield _same("request comes back exact", msgspec.json.decode(row.request), msgspec.json.decode(body))
    before = outline.of_request(request)
    for other in _others(own):
        yield from _guarded_step(
            f"request to {other.name} and back", lambda d: _request_over(request, own, d, before), other
        )


def _request_over(
    request: Request, own: Dialect, other: Dialect, before: dict[str, Any]
) -> tuple[Any, Any, list[Loss]]:
    there, lost = other.write_request(request, neutral(request))
    read = other.read_request(there, model=request.model, stream=request.stream)
    back, lost_again = own.write_request(read, neutral(read))
    after = outline.of_request(own.read_request(back, model=request.model, stream=request.stream))
    return before, after, [*lost, *lost_again]


def _answer(
    row: Row, own: Dialect, used: set[str], parsers: Mapping[str, Parse], rng: random.Random
) -> Iterator[Finding]:
    if not row.good:
        used.add("error")
        yield from _error(row, own)
    elif row.stream:
        used.add("stream")
        yield from _stream(row, own, used, parsers, rng)
    else:
        reply = own.read_reply(row.response)
        used |= features.of_reply(reply)
        body, _ = own.write_reply(reply)
        yield _same("reply comes back exact", msgspec.json.decode(row.response), msgspec.json.decode(body))
        yield from _reply_over(reply, own, parsers)


def _reply_over(reply: Reply, own: Dialect, parsers: Mapping[str, Parse]) -> Iterator[Finding]:
    before = outline.of_reply(reply)
    for other in _others(own):

        def over(other: Dialect) -> tuple[Any, Any, list[Loss]]:
            there, lost = other.write_reply(reply)
            back, lost_again = own.write_reply(other.read_reply(there))
            return before, outline.of_reply(own.read_reply(back)), [*lost, *lost_again]

        yield from _guarded_step(f"reply to {other.name} and back", over, other)
        yield from _parsed("reply", parsers, other, lambda d: d.write_reply(reply)[0])


def _stream(
    row: Row, own: Dialect, used: set[str], parsers: Mapping[str, Parse], rng: random.Random
) -> Iterator[Finding]:
    events = _events(own, [row.response])
    reply = Fold.of(events).reply()
    used |= features.of_reply(reply)
    failure = next((e for e in events if isinstance(e, Failure)), None)
    if failure is not None:
        used.add("error")
        yield from _failed_stream(events, failure)
        return
    cut = [Fold.of(_events(own, _cuts(row.response, rng))).reply() for _ in range(CUTS)]
    yield _same("stream cut anywhere says the same", [reply] * CUTS, cut)
    again, lost = written(own, events)
    yield _compared("stream written again says the same", _plain(reply), _plain(_reply_of(own, again)), lost)
    before = outline.of_reply(reply)
    for other in _others(own):

        def over(other: Dialect) -> tuple[Any, Any, list[Loss]]:
            there, lost = written(other, events)
            return before, outline.of_reply(_reply_of(other, there)), list(lost)

        yield from _guarded_step(f"stream to {other.name}", over, other)
        yield from _parsed("stream", parsers, other, lambda d: written(d, events)[0])


def _failed_stream(events: list[Event], failure: Failure) -> Iterator[Finding]:
    """The answer broke off, or an error was told inside it: every dialect must tell it, too."""
    for name in dialects.NAMES:

        def over(other: Dialect) -> tuple[Any, Any, list[Loss]]:
            again = _events(other, [written(other, events)[0]])
            return failure.code, next((e.code for e in again if isinstance(e, Failure)), "none"), []

        yield from _guarded_step(f"failure in a stream is told in {name}", over, dialects.get(name))


def _error(row: Row, own: Dialect) -> Iterator[Finding]:
    error = own.read_error(row.status, {}, row.response, engine="")
    status, body = own.write_error(error)
    yield _same("error comes back exact", [row.status, _json(row.response)], [status, _json(body)])
    for other in _others(own):

        def over(other: Dialect) -> tuple[Any, Any, list[Loss]]:
            status, body = other.write_error(error)
            again = other.read_error(status, {}, body, engine="")
            return error.code, again.code, []

        yield from _guarded_step(f"error to {other.name}", over, other)


def _guarded_step(
    name: str, work: Callable[[Dialect], tuple[Any, Any, list[Loss]]], other: Dialect
) -> Iterator[Finding]:
    try:
        before, after, losses = work(other)
    except Exception as error:  # noqa: BLE001 - a crash is what is being looked for
        yield Finding(name, "failed", f"{type(error).__name__}: {error}"[:_LONGEST])
        return
    yield _compared(name, before, after, losses)


def _parsed(
    kind: str, parsers: Mapping[str, Parse], other: Dialect, write: Callable[[Dialect], bytes]
) -> Iterator[Finding]:
    if other.name not in parsers:
        return
    name = f"{kind} to {other.name} parses in the SDK"
    try:
        parsers[other.name](kind, write(other))
    except Exception as error:  # noqa: BLE001 - whatever the SDK says against it
        yield Finding(name, "failed", " ".join(str(error).split())[:_LONGEST])
    else:
        yield Finding(name, "ok")


def _others(own: Dialect) -> list[Dialect]:
    return [dialects.get(name) for name in dialects.NAMES if name != own.name]


def _same(name: str, before: Any, after: Any) -> Finding:
    return Finding(name, "ok") if before == after else Finding(name, "failed", first_difference(before, after))


#: Where the losses of an outline's field stand.
_PLACES = {
    "system": ("messages", "system", "instructions"),
    "turns": ("messages", "input", "contents"),
    "tools": ("tools",),
    "max_output": ("max",),
    "stop": ("stop",),
    "text": ("choices", "parts", "refusal"),
    "reasoning": ("choices", "parts", "reasoning"),
    "tool_calls": ("choices", "parts", "tool"),
    "finish": ("choices", "finish"),
    "usage": ("usage",),
}


def _compared(name: str, before: Any, after: Any, losses: list[Loss] | tuple[Loss, ...]) -> Finding:
    """Whatever differs must have been told by a Loss in its place."""
    if before == after:
        return Finding(name, "ok")
    fields = [k for k in before if before[k] != after[k]] if isinstance(before, dict) else [""]
    untold = [f for f in fields if not any(place in loss.field for loss in losses for place in _PLACES.get(f, ()))]
    shown = untold or fields
    differs = "; ".join(first_difference(_at(before, f), _at(after, f), f) for f in shown)
    return Finding(name, "failed" if untold else "told", differs[:_LONGEST])


def _at(value: Any, field: str) -> Any:
    return value[field] if field else value


def first_difference(before: Any, after: Any, path: str = "") -> str:
    """Where two JSON values first differ, and how."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(k for k in after if k not in before)]:
            if before.get(key, ...) != after.get(key, ...):
                return first_difference(before.get(key, "(absent)"), after.get(key, "(absent)"), f"{path}.{key}")
    if isinstance(before, list) and isinstance(after, list):
        for place, (one, two) in enumerate(zip(before, after, strict=False)):
            if one != two:
                return first_difference(one, two, f"{path}[{place}]")
        return f"{path}: {len(before)} became {len(after)} items"
    return f"{path or 'value'}: {_short(before)} became {_short(after)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - fits a line


def _events(dialect: Dialect, chunks: list[bytes]) -> list[Event]:
    reader = dialect.reader()
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()


def _reply_of(dialect: Dialect, body: bytes) -> Reply:
    events = _events(dialect, [body])
    failure = next((e for e in events if isinstance(e, Failure)), None)
    if failure is not None:
        raise WeighbridgeError(failure.message)
    return Fold.of(events).reply()


def _plain(reply: Reply) -> dict[str, Any]:
    """A reply as JSON, by the fields that an outline has, too, so that losses find their place."""
    whole: dict[str, Any] = msgspec.to_builtins(reply)
    return {"choices": whole.get("choices"), "usage": whole.get("usage"), "model": whole.get("model")}


def _cuts(body: bytes, rng: random.Random) -> list[bytes]:
    places = sorted(rng.sample(range(len(body) + 1), min(len(body), rng.randint(1, 200))))
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
