"""How keys look in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from weighbridge.access.keys import Shown
from weighbridge.canon import Policy
from weighbridge.cli import common

if TYPE_CHECKING:
    from rich.console import Console


def table(out: Console, keys: Sequence[Shown], *, hidden: int) -> None:
    """One line per key; `hidden`: how many were left out."""
    from rich.markup import escape
    from rich.table import Table

    if keys:
        made = Table(box=None, pad_edge=False)
        for column in ("name", "id", "team", "may", "until"):
            made.add_column(column, overflow="fold", no_wrap=column == "id")
        for key in keys:
            made.add_row(*map(escape, (key.name, key.id, key.team, _may(key), _until(key))))
        out.print(made)
    elif not hidden:
        out.print("No keys yet. Make one: weighbridge keys create NAME", markup=False)
    if hidden:
        out.print(f"{hidden} more {'is' if hidden == 1 else 'are'} revoked or expired: --all", markup=False)


def page(out: Console, key: Shown) -> None:
    """All about one key."""
    for name, value in _lines(key):
        out.print(f"{name:<12}{value}", markup=False)


def _lines(key: Shown) -> Iterator[tuple[str, str]]:
    yield from (("name", key.name), ("id", key.id), ("standing", key.standing), ("created", _when(key.created)))
    for name in ("expires", "revoked"):
        if getattr(key, name) is not None:
            yield name, _when(getattr(key, name))
    for name in ("team", "role"):
        if getattr(key, name):
            yield name, getattr(key, name)
    for name in ("routes", "engines", "dialects"):
        if getattr(key, name):
            yield name, ", ".join(getattr(key, name))
    if key.secrets > 1:
        yield "secrets", f"{key.secrets} open it while it is rotated"
    yield from _rules(key.policy)
    if key.share_cache:
        yield "cache", "shared with its team"
    yield from ((f"  {name}", common.printable(value)) for name, value in key.metadata.items())


def _rules(policy: Policy | None) -> Iterator[tuple[str, str]]:
    for name in policy.__struct_fields__ if policy is not None else ():
        value = getattr(policy, name)
        if value != getattr(Policy(), name):
            yield "policy", f"{name} = {', '.join(value) if isinstance(value, tuple) else value}"


def _may(key: Shown) -> str:
    if key.role:
        return f"admin API: {key.role}"
    scopes = [", ".join(names) for names in (key.routes, key.engines, key.dialects) if names]
    return "; ".join(scopes) or "ask for everything"


def _until(key: Shown) -> str:
    if key.standing != "active":
        return key.standing
    return _when(key.expires) if key.expires is not None else ""


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
