"""One row from one dialect to another: the work of `weighbridge wire convert`, without any I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Begin, Event, Failure, Loss, Profile, Request
from weighbridge.dialects.base import Dialect
from weighbridge.dialects.fold import Fold
from weighbridge.errors import EngineError, InputError, WeighbridgeError, did_you_mean
from weighbridge.wire import outline

KINDS = ("request", "reply", "stream", "error")
CANON = "canon"
NO_MODEL = "model"  #: for a row whose wire keeps the model in the path, and that does not say it
_FIELDS = frozenset({"kind", "from", "to", "engine", "status", "body", "model", "stream", "id"})

T = TypeVar("T", str, int, bool)

FindEngine = Callable[[str, str], tuple[Profile, str]]
"""From an engine's name and a dialect to its quirks there and the model's name at its host."""


class Converted(Struct, frozen=True):
    """What became of a row. `body` is None where nothing did; `failed` tells of an error."""

    body: Any = None
    losses: tuple[Loss, ...] = ()
    failed: WeighbridgeError | Failure | None = None

    def row(self) -> dict[str, Any]:
        """The row that goes out: body, losses and error."""
        told = None
        if self.failed is not None:
            message = self.failed.message if isinstance(self.failed, Failure) else str(self.failed)
            told = {"code": self.failed.code, "message": message}
        losses = [{"field": loss.field, "reason": loss.reason, "severity": loss.severity} for loss in self.losses]
        return {"body": self.body, "losses": losses, "error": told}


def convert(row: Mapping[str, Any], engine: FindEngine) -> Converted:
    """Translate one row. What cannot be used, or read, is told in the answer and never raised.

    Args:
        row: `{kind, from, to, engine?, status?, body}`; `model` and `stream` where the wire keeps them in the path.
        engine: Looks the row's engine up.
    """
    try:
        return _Work(row, engine).run()
    except WeighbridgeError as error:
        return Converted(failed=error)
    except RecursionError:
        return Converted(failed=InputError("It is nested too deep.", where="body", fix="Make it flatter."))


class _Work:
    def __init__(self, row: Mapping[str, Any], engine: FindEngine) -> None:
        for field in row:
            if field not in _FIELDS:
                raise InputError(
                    f"There is no field '{field[:40]}'.", where=field[:40], fix=did_you_mean(field, _FIELDS)
                )
        self._row = row
        self._kind = _one_of(row, "kind", KINDS)
        self._source = dialects.get(_one_of(row, "from", dialects.NAMES))
        target = _one_of(row, "to", (*dialects.NAMES, CANON))
        self._target: Dialect | None = None if target == CANON else dialects.get(target)
        self._engine = engine
        if "body" not in row:
            raise InputError("It is missing.", where="body", fix="Give the request, reply, stream or error.")
        body = row["body"]
        self._body = body.encode() if isinstance(body, str) else msgspec.json.encode(body)

    def run(self) -> Converted:
        match self._kind:
            case "request":
                return self._request()
            case "reply":
                return self._reply()
            case "stream":
                return self._stream()
            case _:
                return self._error()

    def _request(self) -> Converted:
        named = _optional(self._row, "model", str, "")
        stream = _optional(self._row, "stream", bool, False)  # noqa: FBT003 - the default of a value, not a flag
        request = self._source.read_request(self._body, model=named or NO_MODEL, stream=stream)
        if self._target is None:
            return Converted(outline.of_request(request))
        profile = neutral(request)
        if name := _optional(self._row, "engine", str, ""):
            profile, upstream = self._engine(name, self._target.name)
            request = replace(request, model=upstream)
        body, losses = self._target.write_request(request, profile)
        if request.model == NO_MODEL and b'"model"' not in self._body and self._target is not self._source:
            losses += (Loss("model", "the wire names it in the path, and the row does not say it", "low"),)
        return Converted(msgspec.json.decode(body), losses)

    def _reply(self) -> Converted:
        reply = self._source.read_reply(self._body)
        if self._target is None:
            return Converted(outline.of_reply(reply))
        body, losses = self._target.write_reply(reply)
        return Converted(msgspec.json.decode(body), losses)

    def _stream(self) -> Converted:
        if not isinstance(self._row["body"], str):
            raise InputError("It is not text.", where="body", fix="Give the raw event stream as a string.")
        if self._target is self._source:
            return self._passed_on()
        reader = self._source.reader()
        events = reader.feed(self._body) + reader.close()
        failure = next((e for e in events if isinstance(e, Failure)), None)
        if self._target is None:
            return Converted(outline.of_reply(Fold.of(events).reply()), failed=failure)
        body, losses = written(self._target, events)
        return Converted(body.decode("utf-8", "replace"), losses, failure)

    def _passed_on(self) -> Converted:
        """The fast lane: the same dialect on both sides passes untouched, and is read all the same."""
        relay = self._source.relay(usage=True)
        passed, events = relay.feed(self._body)
        rest, last = relay.close()
        failure = next((e for e in events + last if isinstance(e, Failure)), None)
        return Converted((passed + rest).decode("utf-8", "replace"), failed=failure)

    def _error(self) -> Converted:
        status = _optional(self._row, "status", int, 500)
        error = self._source.read_error(status, {}, self._body, engine="")
        if self._target is None:
            return Converted(_told(error))
        _, body = self._target.write_error(error)
        return Converted(msgspec.json.decode(body))


def neutral(request: Request) -> Profile:
    """The quirks of no engine: what is written is what was read."""
    return Profile(stream_usage=request.stream_usage)


def written(dialect: Dialect, events: list[Event]) -> tuple[bytes, tuple[Loss, ...]]:
    """A stream of these events in a dialect, whole, and what it could not say."""
    begin = next((e for e in events if isinstance(e, Begin)), Begin())
    writer = dialect.writer(id=begin.id, model=begin.model, created=begin.created, usage=True)
    body = b"".join(map(writer.write, events)) + writer.close()
    return body, writer.losses


def _told(error: EngineError) -> dict[str, Any]:
    return {"code": error.code, "message": error.what, "status": error.status, "retry_after": error.retry_after}


def _one_of(row: Mapping[str, Any], field: str, known: tuple[str, ...]) -> str:
    value = row.get(field)
    if not isinstance(value, str) or value not in known:
        what = "It is missing." if value is None else f"'{str(value)[:40]}' is not one of its values."
        raise InputError(what, where=field, fix=did_you_mean(str(value), known))
    return value


def _optional(row: Mapping[str, Any], field: str, kind: type[T], default: T) -> T:
    value = row.get(field)
    if value is None:
        return default
    if type(value) is not kind:
        names = {str: "text", int: "a whole number", bool: "true or false"}
        raise InputError(f"It is {str(value)[:40]!r}.", where=field, fix=f"Give {names[kind]}.")
    return value
