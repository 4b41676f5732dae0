"""What an engine's error means, whatever its host calls it.

Hosts agree neither on statuses nor on codes: credit that is spent is told with 400, 402, 403 or 429, an unknown model
with 400 or 404. So the code, the type and the words count before the status does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    EngineError,
    NoCreditError,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
    UnknownModelError,
    WeighbridgeError,
    WrongKeyError,
)

_LONGEST = 300
_BODY = 500
_LONGEST_WAIT = 86_400.0
_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|key|hf|csk|fw|nvapi|AIza)[-_]?[A-Za-z0-9*][\w*.-]{11,}")
_FINAL = frozenset({400, 402, 403, 404, 422, 429})

#: The first pattern that fits the code, the type and the words decides.
_WORDS: tuple[tuple[re.Pattern[str], type[EngineError]], ...] = (
    (
        re.compile(
            r"insufficient[_ ](quota|balance|credit|funds)|billing_|plan and billing|credit balance|out of credits?|more credits"
            r"|payment required|exceeded your current quota|no credits|used all available credits|arrearage|please recharge"
        ),
        NoCreditError,
    ),
    (
        re.compile(
            r"(invalid|incorrect|wrong|missing|expired|revoked)[_ ](x-)?api[_ -]?key|api key (is )?(not valid|invalid|expired)"
            r"|authentication_error|invalid_authentication|no auth credentials|unauthorized"
        ),
        WrongKeyError,
    ),
    (
        re.compile(
            r"model[_ ]not[_ ]found|unknown[_ ]model|invalid[_ ]model|not a valid model|model not exist|no such model"
            r"|model_not_available|model_decommissioned|model identifier is invalid|models?[ /:]+[`'\"]?[\w./:@-]+[`'\"]?"
            r" (does not exist|(is )?not found|is not available|has been (deprecated|decommissioned|retired))"
        ),
        UnknownModelError,
    ),
    (re.compile(r"rate[_ ]?limit|too many requests|resource[_ ]exhausted|throttl"), RateLimitedError),
    (re.compile(r"overloaded|engine_overloaded|service unavailable|capacity"), OverloadedError),
)
_STATUSES: dict[int, type[EngineError]] = {
    401: WrongKeyError,
    402: NoCreditError,
    403: WrongKeyError,
    404: UnknownModelError,
    408: DeadlineError,
    409: OverloadedError,
    425: OverloadedError,
    429: RateLimitedError,
    504: DeadlineError,
}
_FIXES: dict[type[EngineError], str] = {
    WrongKeyError: "Check the key in the environment variable of this engine's host, and what it may be used for.",
    NoCreditError: "Add credit to the account at the host, or choose another engine.",
    UnknownModelError: "Check the model's name at the host, and the host's address.",
    RefusedRequestError: "Change the request as the engine says.",
    RateLimitedError: "Wait, send fewer requests at once, or add a fallback to the route.",
    OverloadedError: "Try again later, or add a fallback to the route.",
    DeadlineError: "Try again, raise the timeout, or add a fallback to the route.",
    BrokenAnswerError: "Check the host's address: what answered is no engine of this dialect.",
}
#: By stable code; what another Weighbridge says of its own engines holds here too.
_OURS: dict[str, type[EngineError]] = {kind.code: kind for kind in _FIXES}


def read_error(status: int, headers: Mapping[str, str], body: bytes, *, engine: str, dialect: str = "") -> EngineError:
    """The error that an HTTP answer means.

    Args:
        status: The HTTP status.
        headers: By lower-case name; `retry-after` and, for a date in it, `date` are read.
        body: The answer's body, of whatever form.
        engine: Whose answer it is.
        dialect: What it was told in.
    """
    code, message = _told(body)
    kind = classify(status, code, message)
    said = message or f"The host answered with status {status}"
    return kind(
        said if said.endswith((".", "!", "?")) else f"{said}.",
        where=engine,
        fix=_FIXES[kind],
        status=status,
        retry_after=_retry_after(headers),
        body=clean(body[: _BODY * 2].decode("utf-8", "replace"), _BODY),
        told=(dialect, body),
    )


def own_words(error: WeighbridgeError, dialect: str) -> tuple[int, bytes] | None:
    """The status and body of an engine's own error, where it was told in this dialect.

    Applications look for their vendor's codes and words (`context_length_exceeded`, "prompt is too long") and act on
    them. What is a matter between us and the host (keys, credit) or no JSON is worded by us.
    """
    if not isinstance(error, EngineError) or error.status is None or error.told[0] != dialect:
        return None
    if isinstance(error, (WrongKeyError, NoCreditError, BrokenAnswerError)):
        return None
    try:
        value = msgspec.json.decode(error.told[1])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return (error.status, error.told[1]) if type(value) is dict else None


def from_stream(error: Any, status: int | None = None) -> EngineError:
    """The error that is told inside an answer whose status was 200."""
    code, message = _of_object(error if type(error) is dict else {"message": error})
    if status is None and type(error) is dict:
        status = next((n for k in ("status_code", "status", "code") if (n := _status(error.get(k)))), None)
    kind = classify(status, code, message)
    return kind(message or "The engine told an error without a word.", fix=_FIXES[kind], status=status)


def classify(status: int | None, code: str, message: str) -> type[EngineError]:
    """Which error it is. Our own codes tell at once: the host may be another Weighbridge.

    Without a status, an error that words do not tell counts as the engine's own failure.
    """
    text = f"{code} {message}".lower()
    if told := next((_OURS[w] for w in code.split() if w in _OURS), None) or _by_words(status, text):
        return told
    if status is None:
        return RefusedRequestError if "invalid_request" in text or "content_filter" in text else OverloadedError
    if status == 403 and re.search(r"moderation|flagged|content|safety", text):  # noqa: PLR2004 - forbidden
        return RefusedRequestError
    if status >= 500:  # noqa: PLR2004 - the host's fault
        return _STATUSES.get(status, OverloadedError)
    return _STATUSES.get(status, RefusedRequestError if status >= 400 else BrokenAnswerError)  # noqa: PLR2004 - the client's fault


def _by_words(status: int | None, text: str) -> type[EngineError] | None:
    if status is not None and status not in _FINAL:
        return None
    for words, kind in _WORDS:
        # "capacity" in the text of a refused request may mean anything
        told_by_status = status in (400, 422) and kind in (RateLimitedError, OverloadedError)
        if not told_by_status and words.search(text):
            return kind
    return None


def clean(text: str, longest: int = _LONGEST) -> str:
    """One line of printable text without anything that looks like a key."""
    text = _SECRET.sub("[key]", " ".join(text.split()))
    text = "".join(c for c in text if c.isprintable())
    return text if len(text) <= longest else f"{text[:longest]}..."


def _told(body: bytes) -> tuple[str, str]:
    """The code and the message in an error's body."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body[:4000].decode("utf-8", "replace")
        if "<html" in text.lower() or "<!doctype" in text.lower():
            title = re.search(r"<title>([^<]{1,200})</title>", text, re.IGNORECASE)
            text = title[1] if title else ""
        return "", clean(text)
    if type(value) is list and value:
        value = value[0]
    return _of_object(value if type(value) is dict else {"message": value})


def _of_object(value: dict[str, Any]) -> tuple[str, str]:
    inner = value.get("error")
    if type(inner) is dict:
        value = {**{k: v for k, v in value.items() if k != "error"}, **inner}
    elif type(inner) is str:
        value = {"message": inner, **value}
    words = [value.get(k) for k in ("code", "type", "status")]
    code = " ".join(w for w in words if type(w) is str)
    message = next((value[k] for k in ("message", "msg", "detail", "error_message") if value.get(k)), "")
    raw = value.get("metadata")
    if type(raw) is dict and type(raw.get("raw")) is str:  # an aggregator quotes the host behind it
        message = f"{message}: {raw['raw']}"
    if type(message) is not str:
        message = msgspec.json.encode(message).decode()
    return clean(code), clean(message)


def _status(value: Any) -> int | None:
    if type(value) is str and value.isascii() and value.isdigit():
        value = int(value[:4])
    return value if type(value) is int and 400 <= value < 600 else None  # noqa: PLR2004 - HTTP's statuses for errors


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait. A date counts from the answer's own date, so that no clock of ours is needed."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), _LONGEST_WAIT)
    then, now = _date(headers.get("retry-after", "")), _date(headers.get("date", ""))
    if then is None or now is None:
        return None
    return min(max((then - now).total_seconds(), 0.0), _LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # it brings sockets and calendars along, and dates are rare

    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
