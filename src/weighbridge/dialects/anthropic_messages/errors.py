"""Anthropic Messages: errors, as a client of this dialect knows them."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Failure
from weighbridge.dialects import upstream_errors
from weighbridge.dialects.anthropic_messages.common import NAME, encode
from weighbridge.errors import (
    BudgetError,
    DeadlineError,
    InputError,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
    UnknownModelError,
    WeighbridgeError,
)

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OTHER = "api_error"
#: Errors whose status is another in this dialect than elsewhere.
_STATUSES: dict[type[WeighbridgeError], int] = {OverloadedError: 529, UnknownModelError: 404}
#: Inside a stream there is no status; the code tells.
_CODES = {
    BudgetError.code: "billing_error",
    DeadlineError.code: "timeout_error",
    InputError.code: "invalid_request_error",
    OverloadedError.code: "overloaded_error",
    RateLimitedError.code: "rate_limit_error",
    RefusedRequestError.code: "invalid_request_error",
    UnknownModelError.code: "not_found_error",
}


def write_error(error: WeighbridgeError) -> tuple[int, bytes]:
    """The status and body that tell a client of an error. `code` is our own, and stable."""
    if (own := upstream_errors.own_words(error, NAME)) is not None:
        return own
    status = _STATUSES.get(type(error), error.http_status)
    field = error.where if isinstance(error, InputError) and error.where != "body" else ""
    message = f"{error.what} {error.fix}".rstrip()
    told = {
        "type": _TYPES.get(status, _OTHER),
        "message": f"{field}: {message}" if field else message,
        "code": error.code,
    }
    return status, encode({"type": "error", "error": told})


def stream_error(event: Failure) -> dict[str, Any]:
    """An error that is told inside a stream."""
    told = {"type": _CODES.get(event.code, _OTHER), "message": event.message, "code": event.code}
    return {"type": "error", "error": told}
