"""The document's JSON Schema, made from its types."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from weighbridge.weigh.document.shape import Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def published() -> dict[str, Any]:
    """The schema as it is published: one JSON Schema of draft 2020-12 that refers to nothing outside itself.

    Members that it does not name are allowed: a later software may tell more within the same version.
    """
    made = msgspec.json.schema(Document)
    whole: dict[str, Any] = json.loads(
        json.dumps({"$schema": DIALECT, "title": "Weighbridge scorecard, version 1", **made})
    )
    return whole
