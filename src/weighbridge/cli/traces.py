"""`weighbridge traces`: list, show and export what was recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weighbridge.canon import encode
from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.store.sources import Filters

app = typer.Typer(help="List, show and export the exchanges that were recorded.", no_args_is_help=True)

Route = Annotated[str | None, typer.Option("--route", "-r", help="Only this route.", metavar="ROUTE")]
Engine = Annotated[str | None, typer.Option("--engine", "-e", help="Only this engine.", metavar="ENGINE")]
Outcome = Annotated[
    str | None, typer.Option("--outcome", help="Only this outcome: ok, cancelled, or an error's code.", metavar="WORD")
]
Source = Annotated[
    str | None, typer.Option("--source", help="Only from here: gateway, ask, weigh, judge.", metavar="WORD")
]
Conversation = Annotated[str | None, typer.Option("--conversation", help="Only this conversation.", metavar="ID")]
Since = Annotated[str | None, typer.Option("--since", help="From then on: 2h (ago), 7d, 2026-11-02.", metavar="TIME")]
Until = Annotated[str | None, typer.Option("--until", help="Before then, written alike.", metavar="TIME")]


@app.command("list")
def list_(
    ctx: typer.Context,
    route: Route = None,
    engine: Engine = None,
    outcome: Outcome = None,
    source: Source = None,
    conversation: Conversation = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="How many at most.")] = 20,
    as_json: common.Json = False,
) -> None:
    """List the newest exchanges: tokens in/out, seconds to the first token/in all.

    Example: weighbridge traces list --route assistant --since 2h
    """
    from weighbridge.cli.traces_view import table
    from weighbridge.store.reader import recent

    filters = _filters(route, engine, outcome, source, conversation, since, until)
    folder = common.load_config(ctx).traces_path
    found = recent(folder, limit=limit, bodies=False, warn=_warn, **filters)
    if as_json:
        common.print_json(found)
        return
    out = common.console()
    if found:
        table(out, found)
    elif any(value is not None for value in filters.values()):
        out.print("No trace matches.")
    else:
        out.print(f"No traces yet in {folder}.", markup=False, soft_wrap=True)
        out.print('To make one: weighbridge ask "Why is the sky blue?" (or weighbridge serve).')


@app.command()
def show(
    ctx: typer.Context,
    trace_id: Annotated[str, typer.Argument(help="The id, or its beginning.", metavar="ID")],
    as_json: common.Json = False,
) -> None:
    """Show one exchange: messages, reply, attempts, losses, tokens, times.

    Example: weighbridge traces show 01k8zr6y5m
    """
    from weighbridge.cli.traces_view import page
    from weighbridge.store.reader import find

    trace = find(common.load_config(ctx).traces_path, trace_id.strip(), warn=_warn)
    if as_json:
        common.print_json(trace)
    else:
        page(common.console(), trace)


@app.command()
def export(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(help="The file to write; - writes to standard output.", metavar="PATH")],
    form: Annotated[
        Literal["jsonl", "parquet"] | None,
        typer.Option("--format", help="Default: by the file's name, .jsonl or .parquet."),
    ] = None,
    route: Route = None,
    engine: Engine = None,
    outcome: Outcome = None,
    source: Source = None,
    conversation: Conversation = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Only the newest so many.")] = None,
) -> None:
    """Copy exchanges, oldest first, to a file for other tools. Only you may read it.

    Example: weighbridge traces export traces.parquet --since 7d
    """
    from weighbridge.store import reader

    filters = _filters(route, engine, outcome, source, conversation, since, until)
    folder = common.load_config(ctx).traces_path
    if path == "-":
        if form == "parquet":
            raise InputError("Parquet cannot be written to standard output.", where="--format", fix="Give a file name.")
        for trace in reader.scan(folder, limit=limit, warn=_warn, **filters):
            sys.stdout.buffer.write(common.printable_json(encode(trace)) + b"\n")
        sys.stdout.buffer.flush()
        return
    count = reader.export(folder, Path(path), form, limit=limit, warn=_warn, **filters)
    common.console().print(f"{count} traces in {path}", markup=False, soft_wrap=True)


def _filters(
    route: str | None,
    engine: str | None,
    outcome: str | None,
    source: str | None,
    conversation: str | None,
    since: str | None,
    until: str | None,
) -> Filters:
    import time

    from weighbridge.cli.times import ago

    now = time.time()
    return {
        "route": route,
        "engine": engine,
        "outcome": outcome,
        "source": source,
        "conversation": conversation,
        "since": ago(since, now, "--since"),
        "until": ago(until, now, "--until"),
    }


def _warn(message: str) -> None:
    from weighbridge.cli.traces_view import one_line

    common.console(stderr=True).print(f"warning: {one_line(message)}", markup=False, soft_wrap=True)
