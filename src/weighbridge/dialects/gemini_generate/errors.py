"""Gemini: errors, as Google's interfaces tell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from weighbridge.dialects import upstream_errors
from weighbridge.dialects.gemini_generate.form import NAME
from weighbridge.errors import EngineError, InputError, LimitError, NoCreditError, RateLimitedError, WeighbridgeError

_TYPE = "type.googleapis.com/google.rpc."
_DOMAIN = "weighbridge"
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
_LONGEST_WAIT = 86_400.0
_TOO_MANY = 429
_ENCODE = msgspec.json.Encoder().encode


def _by_code(kind: type[WeighbridgeError]) -> dict[str, int]:
    found = {kind.code: kind.http_status}
    for inner in kind.__subclasses__():
        found.update(_by_code(inner))
    return found


_HTTP = _by_code(WeighbridgeError)


def told(code: str, message: str, status: int | None = None) -> dict[str, Any]:
    """The object under `error`. `code` is our stable code, which stands in the details for programs."""
    status = status or _HTTP.get(code, 500)
    return {
        "code": status,
        "message": message,
        "status": _STATUSES.get(status, "INTERNAL"),
        "details": [{"@type": f"{_TYPE}ErrorInfo", "reason": code.upper(), "domain": _DOMAIN}],
    }


def write_error(error: WeighbridgeError) -> tuple[int, bytes]:
    """The status and body that tell a client of an error: the engine's own words, where it speaks this dialect."""
    if (own := upstream_errors.own_words(error, NAME)) is not None:
        return own
    message = f"{error.what} {error.fix}".rstrip()
    field = error.where if isinstance(error, InputError) and error.where != "body" else ""
    out = told(error.code, f"{field}: {message}" if field else message, error.http_status)
    if field:
        violations = [{"field": field, "description": error.what}]
        out["details"].append({"@type": f"{_TYPE}BadRequest", "fieldViolations": violations})
    if isinstance(error, EngineError | LimitError) and error.retry_after is not None:
        out["details"].append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after:.9g}s"})
    return error.http_status, _ENCODE({"error": out})


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, engine: str) -> EngineError:
    """The error that an answer means. Google tells how long to wait in the body, and calls a rate a quota."""
    raw = _object(body)
    details = _details(raw)
    code = _own_code(details)
    said = _ENCODE({"error": {**raw, "type": code}}) if code else body
    error = upstream_errors.read_error(status, headers, said, engine=engine, dialect=NAME)
    wait = _delay(details)
    if isinstance(error, NoCreditError) and status == _TOO_MANY and wait is not None:
        error = RateLimitedError(
            error.what,
            where=engine,
            fix="Wait, send fewer requests at once, or add a fallback to the route.",
            status=status,
            retry_after=error.retry_after,
            body=error.body,
        )
    if error.retry_after is None:
        error.retry_after = wait
    error.told = (NAME, body)
    return error


def from_stream(raw: Any) -> EngineError:
    """The error that is told inside an answer whose status was 200."""
    code = _own_code(_details(raw))
    return upstream_errors.from_stream({**raw, "type": code} if code else raw)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if type(value) is list and value:  # a stream's error comes as an array
        value = value[0]
    inner = value.get("error") if type(value) is dict else None
    return inner if type(inner) is dict else {}


def _details(raw: Any) -> list[dict[str, Any]]:
    found = raw.get("details") if type(raw) is dict else None
    return [item for item in found if type(item) is dict] if type(found) is list else []


def _own_code(details: list[dict[str, Any]]) -> str:
    """Our stable code, where the host is another Weighbridge."""
    reasons = (item.get("reason") for item in details if item.get("domain") == _DOMAIN)
    return next((reason.lower() for reason in reasons if type(reason) is str), "")


def _delay(details: list[dict[str, Any]]) -> float | None:
    for item in details:
        delay = item.get("retryDelay")
        found = _DELAY.fullmatch(delay) if type(delay) is str else None
        if found:
            return min(float(found[1]), _LONGEST_WAIT)
    return None
