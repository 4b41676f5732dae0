"""How `weighbridge swap drill` tells what it found: sentences first, then the routes in trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli import common

if TYPE_CHECKING:
    from weighbridge.swap.drill import Fate, Measured, Outcome, Told

_MOST = 20  #: routes that are listed; the rest is counted
_TITLES = {"fails": "Left without an answer", "moves": "Go to a fallback"}
_TRIALS = 5  #: canaries and shadows that are listed
_WORDS = {
    "fails": "are left without an answer",
    "moves": "go to a fallback",
    "thinner": "go on with fewer fallbacks",
    "untouched": "are not touched",
}


def show(told: Told) -> None:
    """What would become of everything."""
    from rich.padding import Padding
    from rich.text import Text

    out = common.console()
    gone = told.gone
    engines = ", ".join(gone.engines[:3]) + (f" and {len(gone.engines) - 3} more" if len(gone.engines) > 3 else "")  # noqa: PLR2004
    many = f"{len(gone.engines)} engine{'s' if len(gone.engines) > 1 else ''}"
    out.print(f"If the {gone.by} {gone.name} were gone: {many} ({engines})", markup=False)
    _rules(told)
    for state, words in _WORDS.items():
        count = sum(fate.state == state for fate in told.fates)
        style = "red" if state == "fails" and count else None
        if count:
            out.print(f"  {count} of {len(told.fates)} routes {words}", style=style, markup=False)
    unsafe = [fate for fate in told.fates if fate.state == "moves" and not fate.safe]
    if unsafe:
        out.print(f"  {len(unsafe)} of those that move would break requests like recorded ones", style="yellow")
    hit = sorted((fate for fate in told.fates if fate.state in ("fails", "moves")), key=_order)
    shown = hit[:_MOST]
    for state, title in _TITLES.items():
        group = [fate for fate in shown if fate.state == state]
        if group:
            out.print(f"\n{title}", style="bold", markup=False)
        for fate in group:
            line = common.printable(f"{fate.route}: {fate.primary} -> {fate.to or 'nobody'}")
            out.print(Text(line, overflow="fold"))
            out.print(Padding(Text(common.printable(_known(fate, told)), style="dim"), (0, 0, 0, 4)))
    if len(hit) > _MOST:
        out.print(f"and {len(hit) - _MOST} more: --json")


def _rules(told: Told) -> None:
    """By which facts engines are hit, where it is more than one."""
    from collections import Counter

    out, gone = common.console(), told.gone
    facts = Counter(gone.why.values()).most_common()
    for why, count in facts if len(facts) > 1 else ():
        out.print(f"  {count} because {why}", markup=False)
    if " and " in gone.by:
        narrow = " or ".join(f"{kind}:{gone.name}" for kind in gone.by.split(" and "))
        out.print(f"  One of these alone: {narrow}", markup=False)
    trials = [f"the {kind} of {fate.route}" for fate in told.fates for kind in fate.trials]
    if trials:
        more = f" and {len(trials) - _TRIALS} more" if len(trials) > _TRIALS else ""
        out.print(f"  Nobody is tried any more as {', '.join(trials[:_TRIALS])}{more}", style="yellow", markup=False)


def _order(fate: Fate) -> tuple[bool, bool, str]:
    return fate.state != "fails", fate.safe, fate.route


def _known(fate: Fate, told: Told) -> str:
    parts = [f"{name} cannot: {why}" for name, why in fate.passed]
    if fate.suggestions:
        parts.append(f"try {', '.join(fate.suggestions)}")
    elif fate.state == "fails":
        parts.append("no other engine fits, has its key, and is admitted")
    if fate.looked_at:
        share = f"{fate.broken} of {fate.looked_at} requests would break"
        parts.append(share + (f" ({', '.join(fate.problems)})" if fate.problems else ""))
    elif fate.state == "moves":
        parts.append("no traffic on record")
    if fate.cost is not None:
        parts.append(f"{fate.cost:.2f} times the cost")
    if fate.route in told.replayed:
        parts.append(_measured(told.replayed[fate.route]))
    return "; ".join(parts)


def _measured(one: Measured) -> str:
    if one.problem:
        return f"not replayed: {one.problem}"
    worse = f" (worse: {', '.join(one.worse)})" if one.worse else ""
    cost = f", {common.money(one.spent, one.currency)}" if one.spent else ""
    return f"replay of {one.requests} requests: {one.verdict}{worse}{cost}"


def show_live(told: Told) -> None:
    """What a live drill showed."""
    from rich.table import Table

    out = common.console()
    exchanges = sum(one.during.exchanges for one in told.live)
    kept = sum(one.during.answered.count for one in told.live)
    out.print(
        f"\nLive, for {told.seconds:.0f} seconds: {kept:,} of {exchanges:,} exchanges were answered.", markup=False
    )
    if not exchanges:
        out.print("Nobody asked meanwhile, so it says nothing of the fallbacks.", style="yellow")
        return
    _kept(told)
    table = Table(box=None, pad_edge=False)
    for at, column in enumerate(("route", "asked", "answered", "before", "median", "before", "cost", "ill", "by")):
        table.add_column(column, overflow="fold", justify="left" if at in (0, 8) else "right")
    for one in sorted(told.live, key=lambda one: one.during.answered.value)[:_MOST]:
        if one.during.exchanges:
            table.add_row(*_cells(one))
    out.print(table)


def _kept(told: Told) -> None:
    """The availability kept, beside the time before, and who got no answer."""
    from weighbridge.swap.preflight.shares import share

    out = common.console()
    answered, before = (
        share(sum(one.answered.count for one in spans), sum(one.exchanges for one in spans))
        for spans in zip(*((one.during, one.before) for one in told.live), strict=True)
    )
    earlier = f"{before.value:.2%} of {before.of:,}" if before.of else "nobody asked"
    sure = f"95 % interval {answered.low:.2%} to {answered.high:.2%}"
    out.print(f"  That is {answered.value:.2%} ({sure}); before: {earlier}.", markup=False)
    failed = [(one.during.exchanges - one.during.answered.count, one.route) for one in told.live]
    named = [f"{count:,} of {route}" for count, route in sorted(failed, reverse=True) if count]
    if named:
        more = f" and {len(named) - _MOST} more routes" if len(named) > _MOST else ""
        out.print(f"  Without an answer: {', '.join(named[:_MOST])}{more}.", style="red", markup=False)


def _cells(one: Outcome) -> tuple[str, ...]:
    before, during = one.before, one.during
    ratio = during.cost / before.cost if during.cost is not None and before.cost else None
    return (
        common.printable(one.route),
        f"{during.exchanges:,}",
        f"{during.answered.value:.1%}",
        f"{before.answered.value:.1%}" if before.exchanges else "-",
        "-" if during.seconds is None else f"{during.seconds:.3g} s",
        "-" if before.seconds is None else f"{before.seconds:.3g} s",
        "-" if ratio is None else f"x {ratio:.2f}",
        f"{during.ill.value:.1%}" if during.ill.of else "-",
        common.printable(", ".join(during.engines)),
    )
