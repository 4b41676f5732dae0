"""Times as people type them: so long ago, so long from now, or a date."""

from __future__ import annotations

import re
from datetime import datetime

from weighbridge.errors import InputError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])")


def span(text: str, option: str) -> float:
    """Seconds, from `30m`, `2h`, `7d`; `0` needs no unit.

    Raises:
        InputError: It is no span of time.
    """
    found = _span(text)
    if found is None:
        raise InputError(f"'{text}' is no span of time.", where=option, fix="Write 0, 30m, 2h or 7d.")
    return found


def ago(text: str | None, now: float, option: str) -> float | None:
    """A moment in seconds since 1970, from `2h` (so long ago) or an ISO date and time; None stays None.

    Raises:
        InputError: It is neither.
    """
    return None if text is None else _moment(text, now, -1, option)


def ahead(text: str | None, now: float, option: str) -> float | None:
    """As `ago`, but `2h` is so long from now.

    Raises:
        InputError: It is neither.
    """
    return None if text is None else _moment(text, now, 1, option)


def _moment(text: str, now: float, sign: int, option: str) -> float:
    found = _span(text)
    if found is not None:
        return now + sign * found
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(
            f"'{text}' is not a time.", where=option, fix="Write 30m, 2h, 7d, or a date as 2026-11-02T14:30."
        ) from error


def _span(text: str) -> float | None:
    if text.strip() == "0":
        return 0.0
    match = _SPAN.fullmatch(text.strip())
    return float(match[1]) * _UNITS[match[2]] if match else None
