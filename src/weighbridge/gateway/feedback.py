"""What a client may say of an answer that its user was given: `POST /v1/feedback`."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from weighbridge.errors import InputError

_ID = re.compile(r"[0-9a-z]{26}")
_MOST = 2_000  #: characters of a comment


class Word(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user says. `trace`: the exchange, as the header x-weighbridge-trace of its answer named it."""

    trace: str
    good: bool
    comment: str = ""


def read(body: bytes) -> Word:
    """What the body of a request says.

    Raises:
        InputError: It is no such thing.
    """
    fix = 'Send {"trace": "...", "good": false, "comment": "..."}: trace is the answer\'s header x-weighbridge-trace.'
    try:
        word = msgspec.json.decode(body, type=Word)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"This is no feedback: {error}.", where="body", fix=fix) from error
    if not _ID.fullmatch(word.trace):
        raise InputError(f"'{word.trace[:50]}' is no exchange's id.", where="trace", fix=fix)
    if len(word.comment) > _MOST:
        raise InputError(
            f"The comment has {len(word.comment):,} characters.", where="comment", fix=f"Send at most {_MOST:,}."
        )
    return word
