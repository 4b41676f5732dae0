"""All operations of the admin API."""

from __future__ import annotations

from weighbridge.web import on_keys, on_routes, on_rules, on_secrets, on_spend
from weighbridge.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (*on_routes.ROWS, *on_keys.ROWS, *on_rules.ROWS, *on_secrets.ROWS, *on_spend.ROWS)
