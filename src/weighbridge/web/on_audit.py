"""What administrators did."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from weighbridge.store.audit import Entry, Verified
from weighbridge.web.operations import Asked, Operation


class Span(Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries."""

    after: Annotated[int, Meta(ge=0, le=2**53, description="Only entries after this number.")] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000, description="The first so many of them.")] = 100


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What the log must hold."""

    head: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$", description="A hash that an earlier look told.")] = ""


def _acts(asked: Asked) -> list[Entry]:
    return asked.desk.state.acts(after=asked.query.after, limit=asked.query.limit)


def _verify(asked: Asked) -> Verified:
    return asked.desk.state.verify(asked.query.head)


ROWS = (
    Operation("audit", "GET", "/audit", "viewer", "What administrators did, in order.", _acts, list[Entry], query=Span),
    Operation(
        "verify_audit",
        "GET",
        "/audit/verify",
        "viewer",
        "Is the log as it was written? `broken` names the first entry that is not.",
        _verify,
        Verified,
        query=Head,
    ),
)
