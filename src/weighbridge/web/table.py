"""All operations of the admin API."""

from __future__ import annotations

from weighbridge.web import on_audit, on_facts, on_keys, on_routes, on_rules, on_secrets, on_spend
from weighbridge.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = tuple(
    row for part in (on_routes, on_keys, on_rules, on_facts, on_secrets, on_spend, on_audit) for row in part.ROWS
)
