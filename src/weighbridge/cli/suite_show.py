"""`weighbridge suite show`: what is in a suite, and what asking it once may cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common
from weighbridge.cli.route import ground

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.canon import Engine
    from weighbridge.settings import Config
    from weighbridge.weigh.bills import Bill
    from weighbridge.weigh.types import Sample, Suite

_SHOWN = 12  #: graders, categories and engines that the terminal lists
_JUDGED = "rubric"


def show(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A suite: a file, starter, medical.", metavar="SUITE")],
    engines: Annotated[
        str,
        typer.Option(
            "--engines",
            "-e",
            help="Whose cost is told: A,B.",
            metavar="A,B",
            show_default="those of your configuration",
        ),
    ] = "",
    as_json: common.Json = False,
) -> None:
    """Tell what is in SUITE: its digest, graders, categories, clusters, lengths. Every line is checked.

    Also what asking it once costs at most: input tokens are estimated, answers
    counted as long as their limit allows, prices those of today.

    Example: weighbridge suite show assistant.jsonl --engines gpt-4.1@openai
    """
    from weighbridge.routes.policy import day_of
    from weighbridge.weigh import bills, suites

    config = common.load_config(ctx)
    suite = suites.load(source, traces=config.traces_path)
    most, day = config.settings.weigh.max_tokens, day_of(time.time())
    told = [bills.bill(engine, suite.samples, max_tokens=most, day=day) for engine in _engines(config, engines)]
    found = _facts(suite)
    if as_json:
        common.print_json({**found, "asking_once": told})
    else:
        out = common.console()
        _show(out, found)
        _cost(out, told, judged=found["graders"].get(_JUDGED, 0))


def _engines(config: Config, named: str) -> list[Engine]:
    """The engines that are named; else those of the configuration: its own offers, and whom its routes may ask."""
    from weighbridge.engines.catalogue import load

    if named:
        known = common.with_facts(config, load(config))
        known.environ = common.environ(config)
        wanted = [name for entry in named.split(",") if (name := entry.strip())]
        return list({engine.name: engine for engine in map(known.engine, wanted)}.values())
    plan, known, _ = ground(config, "")
    routed = [name for route in plan.routes.values() for name in route.engines]
    there = set(known.names())
    return [known.engine(name) for name in dict.fromkeys([*routed, *config.offers]) if name in there]


def _facts(suite: Suite) -> dict[str, Any]:
    from collections import Counter

    samples = suite.samples
    tokens = sorted(_tokens(sample) for sample in samples)
    return {
        "name": suite.name,
        "digest": suite.digest,
        "samples": len(samples),
        "clusters": len({sample.cluster or f"\0{sample.id}" for sample in samples}),
        "graders": dict(Counter(sample.grader for sample in samples).most_common()),
        "categories": dict(Counter(sample.category for sample in samples if sample.category).most_common()),
        "with_tools": sum(bool(sample.tools) for sample in samples),
        "with_schema": sum(sample.schema is not None for sample in samples),
        "tokens_estimated": {"median": tokens[len(tokens) // 2], "longest": tokens[-1], "all": sum(tokens)},
    }


def _tokens(sample: Sample) -> int:
    from weighbridge.canon import Request
    from weighbridge.exchange.tries import estimate_usage

    return estimate_usage(Request(model="", messages=sample.messages), None).input


def _show(out: Console, found: dict[str, Any]) -> None:
    from weighbridge.weigh.numbers import plural

    out.print(common.printable(found["name"]), style="bold", markup=False)
    out.print(f"{plural(found['samples'], 'sample')} in {plural(found['clusters'], 'cluster')}", markup=False)
    out.print(f"digest      {found['digest']}", markup=False)
    for name in ("graders", "categories"):
        if found[name]:
            listed = ", ".join(f"{key} {count:,}" for key, count in list(found[name].items())[:_SHOWN])
            out.print(f"{name:<11} {common.printable(listed)}", markup=False)
    if found["with_tools"] or found["with_schema"]:
        out.print(f"with tools {found['with_tools']:,}, with a schema {found['with_schema']:,}", markup=False)
    tokens = found["tokens_estimated"]
    out.print(
        f"tokens      about {tokens['all']:,} in, {tokens['median']:,} the median, {tokens['longest']:,} the longest",
        markup=False,
    )


def _cost(out: Console, told: list[Bill], *, judged: int) -> None:
    from rich.markup import escape
    from rich.table import Table

    from weighbridge.weigh.numbers import money, plural

    out.print()
    if not told:
        out.print("To see what asking it once costs, name engines: --engines A,B. Your configuration names none.")
        return
    out.print(f"Asking it once costs at most, at the prices of {told[0].day}:", style="bold")
    table = Table(box=None, pad_edge=False)
    for name in ("engine", "tokens in", "out at most", "cost at most"):
        table.add_column(name, justify="left" if name == "engine" else "right", overflow="fold")
    for one in told[:_SHOWN]:
        name = escape(common.printable(one.engine))
        table.add_row(name, f"{one.input:,}", f"{one.output:,}", money(one.cost, one.currency))
    out.print(table)
    if len(told) > _SHOWN:
        out.print(f"and {len(told) - _SHOWN} more: --json", style="dim")
    out.print(
        "Tokens in are estimated. Out is the limit of every answer, thinking included: most cost far less.", style="dim"
    )
    if judged:
        out.print(f"A judge of {plural(judged, 'sample')} costs on top.", style="dim")
