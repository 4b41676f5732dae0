"""`weighbridge route`: which engines may answer a request, and the rule that admits or refuses each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from weighbridge.canon import Level
from weighbridge.cli import common
from weighbridge.errors import InputError, unreadable

if TYPE_CHECKING:
    from weighbridge.canon import Key, Plan
    from weighbridge.engines.catalogue import Catalogue
    from weighbridge.exchange import Call
    from weighbridge.routes import Choice
    from weighbridge.routes.policy import Finding, Verdict
    from weighbridge.settings import Config, Mask

REFUSED = 4  #: exit code where nobody may answer
_MAX_REQUEST = 100_000_000  #: bytes

app = typer.Typer(help="Explain which engines a route may use, and why not the others.", no_args_is_help=True)


class Candidate(Struct, frozen=True):
    """One engine, in the order in which it would be tried. `mask`: at which level it is kept from the caller's values."""

    engine: str
    admitted: bool
    mask: Level
    why_mask: str
    findings: tuple[Finding, ...]


class Explained(Struct, frozen=True):
    """What would happen to a request. `plan` is 0 where none was published and the configuration alone counts."""

    route: str
    plan: int
    day: str
    balance: str
    engines: list[Candidate]


@app.callback()
def _group() -> None:
    """Explain which engines a route may use, and why not the others."""


@app.command()
def explain(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="A route, or an engine.", metavar="ROUTE")],
    request: Annotated[
        Path | None, typer.Option("--request", help="JSON body of a request: rules judge it, too.", metavar="FILE")
    ] = None,
    key: Annotated[str, typer.Option("--key", help="Name or id of the key that asks.", metavar="KEY")] = "",
    dialect: Annotated[
        str, typer.Option("--dialect", help="What the client speaks.", metavar="DIALECT")
    ] = "openai-chat",
    data_class: Annotated[
        str,
        typer.Option("--data-class", help="What the request holds: public, internal, personal, secret.", metavar="C"),
    ] = "",
    as_json: common.Json = False,
) -> None:
    """Tell which engines may answer ROUTE, in the order in which they would be tried, and why or why not.

    It goes by the plan in force and by the facts as they are now; nothing is called.
    The exit code is 4 where no engine may answer.

    Example: weighbridge route explain assistant --data-class personal
    """
    config = common.load_config(ctx)
    plan, known, shown_key = ground(config, key)
    call = _call(route, request, dialect, data_class, shown_key)
    explained = _explain(plan, known, call, config.settings.mask, whole=request is not None)
    if as_json:
        common.print_json(explained)
    else:
        _tell(explained)
    if not any(one.admitted for one in explained.engines):
        raise typer.Exit(REFUSED)


def ground(config: Config, key: str) -> tuple[Plan, Catalogue, Key | None]:
    """The plan in force, the catalogue with the facts as they are, and the key."""
    from weighbridge import routes
    from weighbridge.access import facts, keys
    from weighbridge.canon import Plan
    from weighbridge.engines.catalogue import load

    known = load(config)
    if not common.has_state(config) and not key:
        declared = routes.from_config(config.routes, known.engine, where=str(config.file or ""))
        return Plan(0, declared, declared), known, None  # nothing was ever kept: no store is made for a question
    with common.state_store(config) as state:
        current = state.current()
        found = keys.find(state, key) if key else None
        known = facts.current(state, known)
    if current is None:
        declared = routes.from_config(config.routes, known.engine, where=str(config.file or ""))
        return Plan(0, declared, declared), known, found
    return current.plan, known, found


def _call(route: str, file: Path | None, dialect: str, data_class: str, key: Key | None) -> Call:
    from weighbridge import dialects
    from weighbridge.canon import DATA_CLASSES, Request
    from weighbridge.errors import did_you_mean
    from weighbridge.exchange import Call

    reads = dialects.get(dialect)
    if data_class and data_class not in DATA_CLASSES:
        raise InputError(
            f"'{data_class[:50]}' is no data class.", where="--data-class", fix=did_you_mean(data_class, DATA_CLASSES)
        )
    request = Request(model=route)
    if file is not None:
        request = reads.read_request(_read(file), model=route)
    return Call(request, route=route, dialect=dialect, key=key, data_class=data_class)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            body = opened.read(_MAX_REQUEST + 1)
    except OSError as error:
        raise unreadable(error, file) from error
    if len(body) > _MAX_REQUEST:
        raise InputError("The request is too large.", where=str(file), fix="Give one of at most 100 MB.")
    return body


def _explain(plan: Plan, known: Catalogue, call: Call, mask: Mask, *, whole: bool) -> Explained:
    from weighbridge.exchange.screen import asked_of_call, policies_of
    from weighbridge.gateway.scopes import check_dialect, check_name
    from weighbridge.routes import choose
    from weighbridge.routes.policy import day_of, judged

    choice = choose(plan, call.route, known.engine)
    check_dialect(call.key, call.dialect)
    check_name(call.key, call.route, plan, known.engine)
    policies, day = policies_of(call, plan, choice), day_of(time.time())
    # Without a request there is no asked-for output to judge.
    asked = asked_of_call(call, policies, talks=whole)
    verdicts = judged(choice.engines, asked, policies, day=day)
    return Explained(
        choice.route or call.route,
        plan.number,
        day,
        choice.entry.balance if choice.entry is not None else "",
        [_candidate(verdict, choice, mask, whole=whole) for verdict in verdicts],
    )


def _candidate(verdict: Verdict, choice: Choice, mask: Mask, *, whole: bool) -> Candidate:
    from weighbridge.exchange.maskings import masking_for, why_masked

    findings = tuple(finding for finding in verdict.findings if whole or finding.rule != "max_output")
    engine = verdict.engine
    level = masking_for(engine, choice, mask).level
    return Candidate(engine.name, verdict.admitted, level, why_masked(engine, choice, mask), findings)


def _tell(explained: Explained) -> None:
    from rich.padding import Padding
    from rich.text import Text

    out = common.console()
    where = f"plan {explained.plan}" if explained.plan else "as configured; no plan was published yet"
    out.print(Text(f"{common.printable(explained.route)} ({where})"))
    for place, one in enumerate(explained.engines, 1):
        word = Text("admitted", "green") if one.admitted else Text("refused", "red")
        out.print(Text.assemble(f"{place} ", (common.printable(one.engine), "bold"), "  ", word))
        for finding in one.findings:
            mark = ("+ ", "green") if finding.admitted else ("- ", "red")
            reason = f"{finding.rule} ({finding.by}): {finding.reason}"
            out.print(Padding(Text.assemble(mark, common.printable(reason)), (0, 0, 0, 2), expand=False))
        if one.mask != "none":
            out.print(Text(f"  masked: {one.mask} ({common.printable(one.why_mask)})", "yellow"))
        if not one.findings:
            out.print(Text("    no rule asks for anything", "dim"))
    if explained.balance:
        out.print(Text(f"Engines of the first one's model may change places: balance = {explained.balance}.", "dim"))
