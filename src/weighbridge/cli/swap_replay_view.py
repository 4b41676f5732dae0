"""A replay on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli import common

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.swap.replay import Report
    from weighbridge.swap.replay.report import Compared

_STYLES = {"safe": "green", "unsafe": "red", "undecided": "yellow"}
_MICRO = 1_000_000


def show(found: Report) -> None:
    """Print what a replay says."""
    out = common.console()
    head = f"{found.route}: {found.base} -> {found.candidate}: {found.verdict}"
    out.print(common.printable(head), style=f"bold {_STYLES[found.verdict]}", markup=False)
    _numbers(out, found)
    _table(out, found)
    _open(out, found)
    for code, (count, message) in found.failures.items():
        out.print(common.printable(f"{count} failed with {code}: {message}"), style="red", markup=False)
    for reason, count in found.unsaid.items():
        out.print(f"{count} say nothing of the candidate: {reason}", style="yellow", markup=False)
    if found.examples:
        out.print("\nFor example (see 'weighbridge traces show ID', recorded and replayed)", style="bold")
        for one in found.examples:
            line = f"{one.metric}: {one.trace} {one.replayed}\n    {one.why}"
            out.print(common.printable(line), markup=False)


def _numbers(out: Console, found: Report) -> None:
    left_out = [
        f"{count:,} {why}"
        for count, why in ((found.bare, "recorded without their texts"), (found.apart, "not comparable"))
        if count
    ]
    told = f" ({', '.join(left_out)})" if left_out else ""
    judged = f", and {common.money(found.judged)} for the judge" if found.judged else ""
    out.print(
        f"{found.requests:,} requests on record{told}; {found.sample:,} drawn, of {found.conversations:,} conversations.\n"
        f"{found.looked_at:,} looked at ({found.share:.0%} of the sample); {found.calls:,} calls, "
        f"{common.money(found.spent, found.currency)}{judged}.",
        markup=False,
    )
    if found.reused:
        out.print(f"{found.reused:,} answers are from earlier replays; --fresh asks again.", style="dim")
    if found.stopped:
        out.print(common.printable(f"It ended early: {found.stopped}."), style="yellow", markup=False)


def _table(out: Console, found: Report) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(("\nmetric", "\npairs", "\ntoday", "\ncandidate", "\nchange", "\nverdict")):
        table.add_column(column, justify="right" if place in (1, 2, 3, 4) else "left", overflow="fold")
    for one in found.metrics:
        if one.pairs:
            verdict = f"[{_STYLES[one.verdict]}]{one.verdict}[/]" if one.verdict else "[dim]not counted[/]"
            table.add_row(
                one.title, f"{one.pairs:,}", _value(one, one.base), _value(one, one.candidate), _change(one), verdict
            )
    out.print(table)
    nothing = [one.name for one in found.metrics if not one.pairs and one.tolerance is not None and not one.verdict]
    if nothing:
        out.print(f"Nothing to compare by: {', '.join(nothing)}.", style="dim")
    told = ", ".join(f"{one.name} {_tolerance(one)}" for one in found.metrics if one.verdict)
    out.print(f"How much worse is good enough: {told}.", style="dim")


def _open(out: Console, found: Report) -> None:
    for one in found.metrics:
        if one.missing:
            out.print(f"{one.name} is undecided: {one.missing}.", style="yellow", markup=False)


def _value(one: Compared, value: float | None) -> str:
    assert value is not None, "there are pairs"
    if one.unit == "share":
        return f"{value:.1%}"
    return f"{value / _MICRO:.6f}" if one.name == "cost" else f"{value:.3g}"


def _change(one: Compared) -> str:
    assert one.change is not None, "there are pairs"
    assert one.low is not None, "and so there is a lower bound"
    if one.unit == "share":
        high = one.high if one.high is not None else 1.0
        return f"{one.change * 100:+.1f} ({one.low * 100:+.1f} to {high * 100:+.1f})"
    return f"{one.change:.2f}x ({one.low:.2f} to {'any' if one.high is None else f'{one.high:.2f}'})"


def _tolerance(one: Compared) -> str:
    assert one.tolerance is not None
    return f"{one.tolerance:g} points" if one.unit == "share" else f"{one.tolerance:g} %"
