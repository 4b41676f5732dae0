"""`weighbridge swap preflight`: what a move would meet, told from recorded traffic before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from weighbridge.swap.preflight import Preflight
    from weighbridge.swap.preflight.money import Cost, Costs
    from weighbridge.swap.preflight.shares import Share

BREAKS = 10  #: exit code where the move would break something, and `--fail-on` asks for it
_MOST = 12  #: features and problems that the terminal lists


def preflight(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="The route, as applications name it.", metavar="ROUTE")],
    engine: Annotated[str, typer.Argument(help="The engine that you think of moving to.", metavar="ENGINE")],
    since: Annotated[
        str, typer.Option("--since", help="Traffic from then on: 2h (ago), 7d, 2026-11-02.", metavar="TIME")
    ] = "7d",
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Requests to look at, drawn at random.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the sample: the same one draws the same requests.")] = 0,
    fail_on_breaks: Annotated[
        bool, typer.Option("--fail-on-breaks", help="Exit with 10 where a request would newly break.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Say what moving ROUTE to ENGINE would meet, from recorded traffic. Nothing is sent.

    Which features requests use; what ENGINE refuses, lacks, loses or changes of them, by share; lengths in its own
    tokens; the cost of a month; data terms and law; and how easy the switch would be.

    Example: weighbridge swap preflight assistant glm-5.2@zai --since 30d
    """
    import asyncio
    import time

    from weighbridge.cli.route import ground
    from weighbridge.cli.times import ago
    from weighbridge.swap.preflight import preflight as look

    config = common.load_config(ctx)
    plan, known, _ = ground(config, "")
    now = time.time()
    found = asyncio.run(
        look(
            plan,
            known,
            route,
            engine,
            folder=config.traces_path,
            since=ago(since, now, "--since") or 0.0,
            now=now,
            environ=common.environ(config),
            size=sample,
            seed=seed,
        )
    )
    if as_json:
        common.print_json(found)
    else:
        _show(found)
    if fail_on_breaks and (found.broken or found.ease.refused):
        raise typer.Exit(BREAKS)


def _show(found: Preflight) -> None:
    out = common.console()
    out.print(f"{found.route}: {found.base} -> {found.candidate}", style="bold", markup=False)
    left_out = f", {found.bare:,} of them recorded without their texts" if found.bare else ""
    out.print(
        f"{found.requests:,} requests in {found.days:.1f} days{left_out}; {found.looked_at:,} were looked at, "
        "and nothing was sent.",
        markup=False,
    )
    for note in found.notes:
        out.print(f"! {note}", style="yellow", markup=False)
    _used(out, found)
    _fits(out, found)
    _lengths(out, found)
    _costs(out, found.costs)
    _law(out, found)
    _ease(out, found)


def _table(title: str, *columns: str, right: tuple[int, ...] = ()) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", justify="right" if place in right else "left")
    return table


def _share(share: Share) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _used(out: Console, found: Preflight) -> None:
    table = _table("\nWhat requests use", "feature", "share of requests", right=(1,))
    for feature in found.features[:_MOST]:
        table.add_row(common.printable(feature.name), _share(feature.share))
    out.print(table)
    if more := len(found.features) - _MOST:
        out.print(f"and {more} more: --json" if more > 0 else "", style="dim", end="\n" if more > 0 else "")
    told = ", ".join(f"{one.name} {one.share.value:.0%}" for one in found.languages[:_MOST])
    if told:
        out.print(f"Languages of users: {told}", markup=False)


def _fits(out: Console, found: Preflight) -> None:
    anew = [one for one in found.problems if one.new]
    fresh = [one for one in anew if one.kind != "adjusts"]
    if not fresh:
        out.print("\nFit: nothing of these requests would be refused, lost or changed anew.", style="green")
        _adjusted(out, len(anew))
        return
    table = _table("\nWhat would be new after the move", "what", "where and why", "requests", "for example", right=(2,))
    for one in fresh[:_MOST]:
        where = f"{one.field}: {one.reason}" if one.field else one.reason
        style = "yellow" if one.kind == "changes" else "red"
        table.add_row(
            f"[{style}]{one.kind}[/]",
            _plain(where),
            f"{one.new / one.share.of:.1%}",
            one.examples[-1] if one.examples else "",
        )
    out.print(table)
    if len(fresh) > _MOST:
        out.print(f"and {len(fresh) - _MOST} more: --json", style="dim")
    out.print(
        f"{found.broken} of {found.looked_at} requests would newly break, {found.changed} more would change. "
        "See one with 'weighbridge traces show ID'."
    )
    _adjusted(out, len(anew) - len(fresh))


def _adjusted(out: Console, count: int) -> None:
    if count:
        out.print(f"{count} adjustments that do not show, such as a limit that a dialect demands: --json", style="dim")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(common.printable(text))


def _lengths(out: Console, found: Preflight) -> None:
    one = found.lengths
    table = _table("\nTokens per request", "", "median", "95 %", "99 %", "longest", right=(1, 2, 3, 4))
    for name, of in (
        ("input today", one.input),
        ("input on the candidate", one.candidate),
        ("output today", one.output),
    ):
        table.add_row(name, *(f"{value:,.0f}" for value in (of.p50, of.p95, of.p99, of.most)))
    out.print(table)
    basis = {
        "same model": "The model is the same, and so are its tokens.",
        "measured": f"Measured on {one.ratio.n} exchanges with the candidate:",
        "assumed": "How the candidate counts is not known; assumed:",
    }[one.ratio.basis]
    band = f" {one.ratio.value:.2f} times today's, {one.ratio.low:.2f} to {one.ratio.high:.2f}."
    out.print(basis + ("" if one.ratio.basis == "same model" else band))
    if one.estimated:
        out.print(f"{one.estimated} of {found.looked_at} were not counted by an engine, but estimated.")
    if one.context is None:
        out.print("The candidate's context is not known.", style="yellow")
        return
    out.print(
        f"Too long for its context of {one.context:,} tokens: {_share(one.over)}; "
        f"by the upper end of what is assumed or measured, {one.perhaps.value:.1%}."
    )
    if one.max_output is not None:
        out.print(f"Answers longer than the {one.max_output:,} tokens that it gives: {_share(one.cut)}.")


def _costs(out: Console, costs: Costs) -> None:
    table = _table(
        f"\nA month at this pace ({costs.requests:,.0f} requests)",
        "engine", "with its cache", "95 % interval", "without", right=(1, 2, 3),
    )  # fmt: skip
    for one in (costs.base, costs.candidate):
        table.add_row(common.printable(one.engine), *_amounts(one))
    out.print(table)
    if costs.ratio is not None:
        out.print(f"That is {costs.ratio:.2f} times the cost of today, if answers stay as long as they are.")


def _amounts(cost: Cost) -> tuple[str, str, str]:
    if cost.cached is None or cost.uncached is None:
        return ("price unknown", "", "")
    kept, plain = cost.cached, cost.uncached
    return (
        f"{kept.value:,.2f} {cost.currency}",
        f"{kept.low:,.2f} to {kept.high:,.2f}",
        f"{plain.value:,.2f} {cost.currency}",
    )


def _law(out: Console, found: Preflight) -> None:
    table = _table("\nLaw and data terms", "", "today", "candidate", "")
    words = {True: "[yellow]look[/]", False: "", None: "[yellow]unknown[/]"}
    for term in found.law.terms:
        table.add_row(term.name, _plain(term.base) or "unknown", _plain(term.candidate) or "unknown", words[term.worse])
    out.print(table)
    for finding in found.law.findings:
        if not finding.admitted:
            out.print(f"Refused by {finding.rule} ({finding.by}): {finding.reason}", style="red", markup=False)


def _ease(out: Console, found: Preflight) -> None:
    score = "unknown" if found.ease.score is None else f"{found.ease.score:.0f} of 100"
    table = _table(f"\nEase of switching: {score}", "part", "points", "why", right=(1,))
    for part in found.ease.parts:
        table.add_row(part.name, "-" if part.points is None else f"{part.points:.0f}", _plain(part.note))
    out.print(table)
