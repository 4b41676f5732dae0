"""`weighbridge rank`: how strong engines are, from votes on pairs of their answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from weighbridge.cli import common, rank_items, rank_lengths
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.weigh.stats.strength import Strengths
    from weighbridge.weigh.types import Interval

_MOST = 40  #: engines that the terminal lists


class Ranked(Struct, frozen=True):
    """One engine: the chance that it is preferred to another one drawn at random, and to the one named."""

    engine: str
    votes: int
    field: Interval
    best: int
    worst: int
    against: Interval | None = None


def rank(
    source: Annotated[str, typer.Argument(help="Votes as JSON Lines; - reads standard input.", metavar="VOTES")],
    against: Annotated[
        str, typer.Option("--against", help="Also the chance to be preferred to this engine.", metavar="ENGINE")
    ] = "",
    cluster: Annotated[
        str, typer.Option("--cluster", help="Field of votes that belong together: voter, question.", metavar="FIELD")
    ] = "",
    style: Annotated[
        bool, typer.Option("--style", help="As if all answers had the same length, headings, lists and bold.")
    ] = False,
    lengths: Annotated[
        bool, typer.Option("--lengths", help="The win rate over --against as if all answers were of one length.")
    ] = False,
    items: Annotated[
        bool, typer.Option("--items", help="Rank by answers to items (1PL): the file holds answers, not votes.")
    ] = False,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Error rate of the intervals.")] = 0.05,
    as_json: common.Json = False,
) -> None:
    """Rank engines by votes on pairs of their answers (Bradley-Terry), told as chances to win.

    VOTES has a line per vote: {"a": "X", "b": "Y", "winner": "a"}, or tie, or a score
    from 0 to 1. Optional: cluster, voter, a_length and b_length, a_text and b_text.

    With --items a line is an answer: {"engine": "X", "item": "q1", "right": 1}.
    Optional there: tries, suite, cluster. A report of `weigh` will do as well: its
    samples are the items, and those that may be broken are listed.

    Example: weighbridge vote w.json --export votes.jsonl; weighbridge rank votes.jsonl
    Example: weighbridge rank scorecard.json --items
    """
    from weighbridge.weigh import ballot_rows

    if style + lengths + items > 1:
        raise InputError("--style, --lengths and --items are three ways to rank.", fix="Give one of them.")
    if items:
        rank_items.rank(source, against=against, cluster=cluster, alpha=alpha, as_json=as_json)
        return
    rows = ballot_rows.read(source, sys.stdin.buffer, cluster=cluster)
    if lengths:
        rank_lengths.rank(rows, source, against=against, alpha=alpha, as_json=as_json)
        return
    from weighbridge.weigh.stats.strength import strengths

    if style and not rows.style:
        raise InputError(
            "The votes do not tell how answers look.",
            where=source,
            fix="Give a_length and b_length, or a_text and b_text, in every line; or leave --style out.",
        )
    found = strengths(
        rows.first, rows.second, rows.scores, rows.clusters, style=rows.style if style else None, alpha=alpha
    )
    ranked = _ranked(found, against)
    if as_json:
        effects = {one.name: one.effect for one in found.style}
        common.print_json({"votes": len(rows.scores), "alpha": alpha, "engines": ranked, "style": effects})
    else:
        _show(found, ranked, len(rows.scores), against)


def _ranked(found: Strengths, against: str) -> list[Ranked]:
    order = sorted(range(len(found.names)), key=lambda place: -float(found.values[place]))
    return [
        Ranked(
            name,
            int(found.votes[place]),
            found.field(name),
            *found.places(name),
            found.beats(name, against) if against else None,
        )
        for place in order
        for name in (found.names[place],)
    ]


def _show(found: Strengths, ranked: list[Ranked], votes: int, against: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = common.console()
    table = Table(box=None, pad_edge=False)
    columns: list[Any] = ["place", "engine", "votes", "preferred to another"]
    columns += [f"to {escape(common.printable(against))}"] if against else []
    for name in columns:
        table.add_column(name, justify="right" if name in ("place", "votes") else "left", overflow="fold")
    for one in ranked[:_MOST]:
        place = f"{one.best}" if one.best == one.worst else f"{one.best}-{one.worst}"
        cells = [place, escape(common.printable(one.engine)), f"{one.votes:,}", _chance(one.field)]
        table.add_row(*cells, *([_chance(one.against)] if one.against is not None else []))
    out.print(table)
    if len(ranked) > _MOST:
        out.print(f"and {len(ranked) - _MOST} more: --json", style="dim")
    out.print(f"{votes:,} votes. A place is a range where votes do not tell engines apart.")
    for feature in found.style:
        gain = feature.effect
        ends = f"{gain.low:+.2f} to {gain.high:+.2f}"
        out.print(f"More {feature.name}, by a standard deviation: {gain.value:+.2f} log-odds ({ends}).")


def _chance(found: Interval) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"
