"""`weighbridge weigh plan`: how many samples a verdict takes, and what they cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, documents, weigh_report
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.settings import Config
    from weighbridge.weigh.plans import Pilot, Planned, Priced
    from weighbridge.weigh.stats.assumed import Assumptions
    from weighbridge.weigh.types import Suite

_BAR = 30  #: columns of a bar of the curve
_SHOWN = 12  #: rows of the curve
_PICTURES = (".png", ".svg")


def plan(
    ctx: typer.Context,
    pilot: Annotated[
        str,
        typer.Argument(help="An earlier report or document to plan from; - reads standard input.", metavar="PILOT"),
    ] = "",
    suite: Annotated[
        str, typer.Option("--suite", help="The suite to come: how many samples there are, how long they are.")
    ] = "",
    engines: Annotated[
        str, typer.Option("--engines", "-e", help="With --suite: whose prices count: A,B.", metavar="A,B")
    ] = "",
    discordance: Annotated[
        float | None,
        typer.Option(min=0.0001, max=1, help="Without a pilot: share of samples in which the two disagree."),
    ] = None,
    difference: Annotated[
        float, typer.Option(min=-1, max=1, help="What you suppose: candidate minus base, as a fraction.")
    ] = 0.0,
    icc: Annotated[
        float | None, typer.Option(min=0, max=1, help="Correlation of differences within a cluster.")
    ] = None,
    cluster_size: Annotated[float | None, typer.Option(min=1, help="Samples of a cluster.")] = None,
    margin: Annotated[float | None, common.option("weigh.margin")] = None,
    alpha: Annotated[float | None, common.option("weigh.alpha")] = None,
    power: Annotated[float, typer.Option(min=0.5, max=0.999, help="The chance of the right verdict.")] = 0.8,
    output_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of an answer, for the cost [default: the samples' limit, or 300].")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated runs.")] = 0,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the curve as well: .png or .svg.", metavar="FILE")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Say how many samples a verdict takes, and what they cost, before you pay.

    From a PILOT: an earlier report of the same engines, of 20 samples or more.
    Or from what you suppose: two good engines often disagree on 10 to 30 samples
    of 100 (--discordance 0.2).

    Example: weighbridge weigh plan pilot.json --margin 0.03
    Example: weighbridge weigh plan --discordance 0.2 --plot plan.png
    Example: weighbridge weigh plan --discordance 0.2 --suite starter -e gpt-4.1@openai
    """
    from weighbridge.weigh import plans

    config = common.load_config(ctx, **{name: value for name, value in (
        ("weigh__margin", margin), ("weigh__alpha", alpha)) if value is not None})  # fmt: skip
    if bool(pilot) == (discordance is not None):
        raise InputError(
            "A plan takes either a pilot or --discordance.",
            fix="Give an earlier report, or say in what share of samples the two disagree: --discordance 0.2",
        )
    if plot is not None:
        _check_plot(plot)
    loaded = _suite(config, suite)
    known: tuple[Pilot | Assumptions, ...] = (_supposed(discordance or 0.0, difference),)
    cost: tuple[Priced, ...] = ()
    if pilot:
        known, cost = _from_pilot(pilot, difference)
    if icc is not None or cluster_size is not None:
        known = tuple(_clustered(one, icc, cluster_size) for one in known)
    if engines:
        cost = _prices(config, loaded, engines, output_tokens)
    chosen = config.settings.weigh
    found = [
        plans.planned(
            one,
            margin=chosen.margin,
            alpha=chosen.alpha,
            power=power,
            available=len(loaded.samples) if loaded else None,
            cost=cost,
            seed=seed,
        )
        for one in known
    ]
    if plot is not None:
        _draw(plot, found)
    if as_json:
        common.print_json(found)
        return
    out = common.console()
    for one in found:
        _show(out, one)
    if plot is not None:
        out.print(f"Picture: {plot}", markup=False, soft_wrap=True)


def _check_plot(path: Path) -> None:
    """Before anything is read: can the picture be written?"""
    if path.suffix.lower() not in _PICTURES:
        raise InputError(
            f"A picture cannot be written as '{path.suffix}'.", where=str(path), fix="End the name in .png or .svg."
        )
    weigh_report.check([path])


def _draw(path: Path, found: list[Planned]) -> None:
    from weighbridge.weigh.report import figures, planned

    svg = planned.sheet(found)
    weigh_report.put(path, figures.png(svg) if path.suffix.lower() == ".png" else svg.encode())


def _suite(config: Config, name: str) -> Suite | None:
    from weighbridge.weigh import suites

    return suites.load(name, traces=config.traces_path) if name else None


def _from_pilot(source: str, difference: float) -> tuple[tuple[Pilot, ...], tuple[Priced, ...]]:
    from weighbridge.weigh import document, plans

    weighing = document.weighing_of(documents.open_document(source))
    found = plans.pilots(weighing, difference=difference)
    few = next((one for one in found if one.assumptions.pairs < plans.LEAST), None)
    if few is not None:
        raise InputError(
            f"The pilot holds {few.assumptions.pairs} pairs of {few.candidate}: too few to plan from.",
            where=source,
            fix=f"Weigh {plans.LEAST} samples or more first, or suppose: --discordance 0.2",
        )
    return found, plans.paid(weighing)


def _supposed(discordance: float, difference: float) -> Assumptions:
    from weighbridge.weigh.stats.assumed import Assumptions

    return Assumptions(mean_square=discordance, difference=difference)


def _clustered(known: Pilot | Assumptions, icc: float | None, size: float | None) -> Pilot | Assumptions:
    from msgspec.structs import replace

    from weighbridge.weigh.plans import Pilot

    old = known.assumptions if isinstance(known, Pilot) else known
    new = replace(old, icc=old.icc if icc is None else icc, cluster_size=old.cluster_size if size is None else size)
    return replace(known, assumptions=new) if isinstance(known, Pilot) else new


def _prices(config: Config, suite: Suite | None, engines: str, output: int | None) -> tuple[Priced, ...]:
    from weighbridge.engines.catalogue import load
    from weighbridge.routes.policy import day_of
    from weighbridge.weigh import plans

    if suite is None:
        raise InputError("--engines tells prices, and how long samples are is unknown.", fix="Name a --suite as well.")
    catalogue = common.with_facts(config, load(config))
    catalogue.environ = common.environ(config)
    names = [name.strip() for name in engines.split(",") if name.strip()]
    return tuple(
        plans.priced(catalogue.engine(name), suite.samples, output=output, day=day_of(time.time())) for name in names
    )


def _show(out: Console, found: Planned) -> None:
    from weighbridge.weigh.numbers import margin as in_points

    plan, assumed = found.plan, found.plan.assumptions
    out.print(f"{found.candidate or 'A candidate'} at a margin of {in_points(plan.margin)}", style="bold", markup=False)
    basis = f"from {assumed.pairs:,} pairs" if assumed.pairs else "as you suppose"
    word = "disagree" if assumed.binary else "differ, squared,"
    out.print(
        f"The two {word} in {assumed.mean_square:.1%} of samples ({basis}); in truth the candidate is "
        f"{abs(assumed.difference) * 100:.1f} points {'better' if assumed.difference > 0 else 'worse'}."
        if assumed.difference
        else f"The two {word} in {assumed.mean_square:.1%} of samples ({basis}), and are equally good in truth."
    )
    if assumed.design > 1:
        out.print(f"Clusters of {assumed.cluster_size:.1f}: each sample says as much as {1 / assumed.design:.2f}.")
    _needed(out, found)
    _curve(out, found)
    _money(out, found)
    out.print()


def _needed(out: Console, found: Planned) -> None:
    plan = found.plan
    if plan.needed is None:
        out.print("Not even 10 million samples would decide. Take a larger margin.", style="yellow")
        return
    clusters = f" in {plan.clusters:,} clusters" if plan.assumptions.cluster_size > 1 else ""
    out.print(
        f"{plan.needed:,} samples{clusters} find it {plan.verdict} with a chance of {plan.power:.0%}.", style="bold"
    )
    if found.fewest is not None or found.most is not None:
        ends = [f"{end:,}" if end is not None else "more than 10 million" for end in (found.fewest, found.most)]
        out.print(f"The pilot leaves open how often they disagree: from {ends[0]} to {ends[1]} samples.")
    if found.available is not None and found.available < plan.needed:
        out.print(f"The suite has {found.available:,}: too few.", style="yellow")
        return
    out.print(
        f"With --sequential half of the runs use at most {plan.sequential_median:,.0f} samples, all on average "
        f"{plan.sequential_mean:,.0f}, and {plan.sequential_power:.0%} of them find it within {plan.drawn:,}."
    )


def _curve(out: Console, found: Planned) -> None:
    from rich.table import Table

    from weighbridge.weigh.numbers import money

    full, empty = ("#", ".") if out.options.ascii_only else ("\u2588", "\u2591")
    table = Table(box=None, pad_edge=False)
    for name in ("samples", "chance", "", "sequential", *(() if found.each is None else ("cost",))):
        table.add_column(name, justify="left" if not name else "right")
    for point in found.plan.curve[:_SHOWN]:
        length = round(point.power * _BAR)
        later = "" if point.sequential is None else f"{point.sequential:.0%}"
        cost = () if found.each is None else (money(point.n * found.each, found.currency),)
        table.add_row(f"{point.n:,}", f"{point.power:.0%}", full * length + empty * (_BAR - length), later, *cost)
    out.print(table)


def _money(out: Console, found: Planned) -> None:
    from weighbridge.weigh.numbers import money

    for one in found.cost:
        each = (
            "unknown" if one.per_sample is None else f"{money(one.per_sample * 1000, one.currency)} per 1,000 samples"
        )
        how = "as paid in the pilot" if one.source == "pilot" else "estimated tokens at today's prices"
        out.print(f"{common.printable(one.engine)}: {each} ({how})", markup=False)
    both = []
    if found.total is not None:
        both.append(f"{money(found.total, found.currency)} fixed")
    if found.sequential_total is not None:
        both.append(f"{money(found.sequential_total, found.currency)} on average with --sequential")
    if both:
        out.print(f"All engines together: {', '.join(both)}.", markup=False)
