"""The OpenAPI document of the admin API, made from its table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from weighbridge import __version__
from weighbridge.web.operations import Operation, Refusal

REFUSALS = {
    "400": "Something in the request cannot be used.",
    "401": "No key was shown, or none that opens this.",
    "403": "The key's role does not allow it, the Host or Origin is not one of ours, or a policy forbids it.",
    "404": "What was named does not exist.",
    "408": "The request did not arrive in time.",
    "413": "The request is too large.",
    "503": "Something that this needs is not there now.",
    "507": "The state store cannot be read or written now.",
}
_OPEN = ("400", "403")
_REF = "#/components/schemas/{name}"
_NAMES = re.compile(r"\{(\w+)(?::path)?\}")


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document (OpenAPI 3.1)."""
    rows = list(operations)
    types = [kind for row in rows for kind in (row.gives, row.takes, row.query) if kind is not None]
    shapes, components = msgspec.json.schema_components([Refusal, *types], ref_template=_REF)
    known = dict(zip([repr(kind) for kind in (Refusal, *types)], shapes, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(shown_path(row), {})[row.method.lower()] = _operation(row, known, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weighbridge admin API",
            "version": __version__,
            "description": "Keys, limits, budgets, facts, routes, spend and the audit log. Every change is in the audit log.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key with a role."}},
        },
    }


def shown_path(row: Operation) -> str:
    """The path as OpenAPI writes it."""
    return _NAMES.sub(r"{\1}", row.path)


def _operation(row: Operation, known: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.summary,
        "responses": {
            str(row.status): {
                "description": "It was done." if row.method != "GET" else "As asked.",
                "content": {"application/json": {"schema": known[repr(row.gives)]}},
            }
        }
        | _refusals(row),
    }
    parameters = [_place(name, row.places.get(name, "")) for name in _NAMES.findall(row.path)]
    if row.query is not None:
        parameters += list(_fields(components[known[repr(row.query)]["$ref"].rpartition("/")[2]]))
    if parameters:
        made["parameters"] = parameters
    if row.takes is not None:
        needed = any(one.required for one in msgspec.structs.fields(row.takes))
        made["requestBody"] = {"required": needed, "content": {"application/json": {"schema": known[repr(row.takes)]}}}
    if row.role:
        made["security"] = [{"key": []}]
        made["description"] = f"Role: {row.role}."
    return made


def _refusals(row: Operation) -> dict[str, Any]:
    shape = {"application/json": {"schema": {"$ref": _REF.format(name="Refusal")}}}
    return {
        status: {"description": text, "content": shape}
        for status, text in REFUSALS.items()
        if row.role or status in _OPEN
    }


def _place(name: str, meaning: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    return {"name": name, "in": "path", "required": True, "description": meaning, "schema": schema}


def _fields(shape: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name, schema in shape["properties"].items():
        yield {"name": name, "in": "query", "required": name in shape.get("required", []), "schema": schema}
