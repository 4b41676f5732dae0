"""What may be asked for, told in each dialect's own shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from weighbridge.gateway.fronts import ANTHROPIC, GEMINI

_ACTIONS = ("generateContent", "streamGenerateContent", "countTokens")


class Listed(Struct, frozen=True):
    """A route or an engine. `created`: seconds since 1970, 0 where unknown; limits in tokens, None where unknown."""

    name: str
    owner: str
    title: str = ""
    created: int = 0
    context: int | None = None
    max_output: int | None = None


def many(rows: Sequence[Listed], dialect: str) -> dict[str, Any]:
    """The whole list, on one page."""
    data = [one(row, dialect) for row in rows]
    if dialect == GEMINI:
        return {"models": data}
    if dialect == ANTHROPIC:
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return {"data": data, "has_more": False, "first_id": first, "last_id": last}
    return {"object": "list", "data": data}


def one(row: Listed, dialect: str) -> dict[str, Any]:
    """One entry of the list."""
    if dialect == GEMINI:
        told = {
            "name": f"models/{row.name}",
            "baseModelId": row.name,
            "version": "1",
            "displayName": row.title or row.name,
            "inputTokenLimit": row.context,
            "outputTokenLimit": row.max_output,
            "supportedGenerationMethods": _ACTIONS,
        }
        return {name: value for name, value in told.items() if value is not None}
    if dialect == ANTHROPIC:
        return {
            "type": "model",
            "id": row.name,
            "display_name": row.title or row.name,
            "created_at": datetime.fromtimestamp(row.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycle": "active",
            "max_input_tokens": row.context,
            "max_tokens": row.max_output,
        }
    return {"id": row.name, "object": "model", "created": row.created, "owned_by": row.owner}
