"""Errors as OpenAI tells them, in both of its dialects."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.errors import InputError, WeighbridgeError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


def write(error: WeighbridgeError, status: int, *, field: str = "") -> tuple[int, bytes]:
    """The status and the body. `code` is stable; `param` is the field that is to blame, or `field` where none is."""
    message = f"{error.what} {error.fix}".rstrip()
    named = error.where if isinstance(error, InputError) and error.where != "body" else ""
    told: dict[str, Any] = {
        "message": f"{named}: {message}" if named else message,
        "type": _TYPES.get(status, "server_error"),
        "param": named or field or None,
        "code": error.code,
    }
    return status, msgspec.json.encode({"error": told})
