"""`weighbridge spend`: what was spent, by key, team, route, engine and day."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.settings import Config
    from weighbridge.store.spend import Dimension, Spent
    from weighbridge.store.state import State

Key = Annotated[str | None, typer.Option("--key", "-k", help="Only this key: its name or id.", metavar="KEY")]
Team = Annotated[str | None, typer.Option("--team", "-t", help="Only this team.", metavar="TEAM")]
Route = Annotated[str | None, typer.Option("--route", "-r", help="Only this route.", metavar="ROUTE")]
Engine = Annotated[str | None, typer.Option("--engine", "-e", help="Only this engine.", metavar="ENGINE")]
Since = Annotated[
    str | None, typer.Option("--since", help="From that day on: 7d (ago), 2026-11-02. Days are UTC.", metavar="TIME")
]
Until = Annotated[str | None, typer.Option("--until", help="Up to that day, with it, written alike.", metavar="TIME")]


def spend(
    ctx: typer.Context,
    by: Annotated[
        str, typer.Option("--by", "-b", help="What to group by: some of key,team,route,engine,day.", metavar="WORDS")
    ] = "engine",
    since: Since = None,
    until: Until = None,
    key: Key = None,
    team: Team = None,
    route: Route = None,
    engine: Engine = None,
    as_json: common.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
) -> None:
    """Tell what was spent, by key, team, route, engine and day.

    Every call that hosts charge for counts, whatever became of it; what broke off
    is estimated, and its share is told. Amounts of different currencies are never
    added. JSON has whole millionths.

    Example: weighbridge spend --by team,day --since 7d
    """
    from weighbridge.cli import spend_view
    from weighbridge.store.spend import spent

    if as_json and as_csv:
        raise InputError("Two formats were asked for.", where="--csv", fix="Leave out --json or --csv.")
    groups, now = _groups(by), time.time()
    config = common.load_config(ctx)
    with common.state_store(config) as state:
        _fold(config, state, now)
        where = {"key": _key(state, key), "team": team, "route": route, "engine": engine}
        chosen: dict[str, Any] = {name: value for name, value in where.items() if value is not None}
        days = (_day(since, now, "--since"), _day(until, now, "--until"))
        rows = spent(state, by=groups, since=days[0], until=days[1], **chosen)
        names = _names(state) if "key" in groups else {}
    shown = [spend_view.row(one, groups, names) for one in rows]
    if as_json:
        common.print_json(shown)
    elif as_csv:
        spend_view.csv(shown, groups)
    else:
        _tell(rows, groups, names)


def _tell(rows: list[Spent], groups: list[Dimension], names: dict[str, str]) -> None:
    from weighbridge.cli import spend_view

    out = common.console()
    if rows:
        spend_view.table(out, rows, groups, names)
    else:
        out.print("Nothing was spent, as far as traces tell.", markup=False)


def _groups(text: str) -> list[Dimension]:
    from weighbridge.store.spend import DIMENSIONS

    found: list[Dimension] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        known = next((name for name in DIMENSIONS if name == word), None)
        if known is None:
            raise InputError(f"'{word}' is nothing to group by.", where="--by", fix=did_you_mean(word, DIMENSIONS))
        if known not in found:
            found.append(known)
    return found


def _fold(config: Config, state: State, now: float) -> None:
    """Add up what was recorded since; where a gateway runs, it does so itself, every second."""
    from weighbridge.store import spend as sums

    with sums.folding(config.traces_path) as ours:
        if ours:
            sums.fold(state, config.traces_path, now=now)


def _day(text: str | None, now: float, option: str) -> str:
    from weighbridge.cli.times import ago

    if text is None:
        return ""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        moment = ago(text, now, option)
    assert moment is not None
    try:
        return datetime.fromtimestamp(moment, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"'{text}' is not a time.", where=option, fix="Write 7d, or a date as 2026-11-02.") from error


def _key(state: State, key: str | None) -> str | None:
    from weighbridge.access import keys

    return None if key is None else keys.find(state, key).id


def _names(state: State) -> dict[str, str]:
    from weighbridge.access import keys

    return {one.id: one.name for one in keys.listed(state)}
