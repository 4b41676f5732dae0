"""`weighbridge rank --lengths`: the share that prefers an engine to another one, as it is and at equal length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.weigh.ballot_rows import Rows
    from weighbridge.weigh.types import Interval


class Equal(Struct, frozen=True):
    """One engine's win rate, as it is and at equal length; None where its votes cannot tell length from quality.

    `length` is how many log-odds it gains where its answer is one unit of tanh longer.
    """

    engine: str
    votes: int
    raw: Interval | None = None
    controlled: Interval | None = None
    length: Interval | None = None


def rank(rows: Rows, source: str, *, against: str, alpha: float, as_json: bool) -> None:
    """Tell every engine's win rate over the one named, at equal length.

    Raises:
        InputError: Nobody is named or nobody voted on it, or the votes do not tell the answers' lengths.
    """
    if not against:
        raise InputError(
            "A length-controlled win rate is one over another engine.",
            where="--lengths",
            fix="Name that engine: --against ENGINE.",
        )
    if "length" not in rows.style:
        raise InputError(
            "The votes do not tell how long answers are.",
            where=source,
            fix="Give a_length and b_length, or a_text and b_text, in every line; or leave --lengths out.",
        )
    found = _found(rows, against, alpha)
    if not found:
        raise InputError(f"Nobody voted on '{against}'.", where="--against", fix="Name an engine of the votes.")
    if as_json:
        common.print_json({"votes": sum(one.votes for one in found), "alpha": alpha, "engines": found})
    else:
        _show(found, against)


def _found(rows: Rows, against: str, alpha: float) -> list[Equal]:
    from weighbridge.weigh.stats import lengths

    places: dict[str, list[int]] = {}
    for place, pair in enumerate(zip(rows.first, rows.second, strict=True)):
        if against in pair:
            places.setdefault(pair[0] if pair[1] == against else pair[1], []).append(place)
    made = []
    for engine, own in places.items():
        signs = [1 if rows.first[place] == engine else -1 for place in own]
        one = lengths.controlled(
            [
                rows.scores[place] if sign > 0 else 1 - rows.scores[place]
                for place, sign in zip(own, signs, strict=True)
            ],
            [sign * rows.style["length"][place] for place, sign in zip(own, signs, strict=True)],
            [rows.clusters[place] for place in own] if rows.clusters else None,
            alpha=alpha,
        )
        told = (one.raw, one.controlled, one.length) if one else (None, None, None)
        made.append(Equal(engine, len(own), *told))
    return sorted(made, key=lambda one: -one.controlled.value if one.controlled else 1.0)


def _show(found: list[Equal], against: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = common.console()
    table = Table(box=None, pad_edge=False)
    for name in ("engine", "votes", "preferred", "at equal length"):
        table.add_column(name, justify="right" if name == "votes" else "left", overflow="fold")
    for one in found:
        table.add_row(escape(common.printable(one.engine)), f"{one.votes:,}", _share(one.raw), _share(one.controlled))
    out.print(table)
    out.print(f"Preferred to {common.printable(against)}; a dash: too few votes to tell.", markup=False)


def _share(found: Interval | None) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})" if found else "-"
