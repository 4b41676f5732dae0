"""`weighbridge engines`: which engines there are, what is known of each, and whether they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, engines_fact
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.canon import Engine
    from weighbridge.engines.catalogue import Catalogue
    from weighbridge.engines.check import Check
    from weighbridge.engines.select import Wish
    from weighbridge.settings import Config

#: Exit codes by a check's word; what is not here is a failure of the engine.
EXIT_CODES = {"fine": 0, "slow": 0, "no key": 4, "wrong key": 4}
FAILED = 5
#: Calls under way at once: enough to be quick, few enough for a laptop.
CHECKS_AT_ONCE = 8

app = typer.Typer(help="List, show and check engines.", no_args_is_help=True)
app.add_typer(engines_fact.app, name="fact")


def _today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()


@app.command("list")
def list_(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="Words that must stand in the engine's names.", show_default=False)] = "",
    open_: Annotated[bool, typer.Option("--open", help="Open weights only.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Closed weights only.")] = False,
    lab_country: Annotated[
        str, typer.Option(help="Country codes of the lab, with commas; EU for its members.", show_default=False)
    ] = "",
    jurisdiction: Annotated[
        str, typer.Option(help="Whose law binds the host: codes with commas, EU, local.", show_default=False)
    ] = "",
    max_price: Annotated[
        float | None, typer.Option(min=0, help="Most dollars per million output tokens.", show_default=False)
    ] = None,
    tools: Annotated[bool, typer.Option("--tools", help="Models that call tools.")] = False,
    local: Annotated[bool, typer.Option("--local", help="On this machine, or hosts that you run.")] = False,
    callable_: Annotated[bool, typer.Option("--callable", help="Those that can be called now: a key is set.")] = False,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also those of which nobody knows whether they fit.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """List engines; filters add up.

    Example: weighbridge engines list --open --jurisdiction EU
    """
    from weighbridge.engines.select import Wish

    if open_ and closed:
        raise InputError("--open and --closed leave nothing.", fix="Leave one of them out.")
    wish = Wish(
        open_weights=True if open_ else False if closed else None,
        countries=_codes(lab_country),
        jurisdictions=_codes(jurisdiction),
        max_price=max_price,
        tools=tools,
        local=local,
        callable=callable_,
        text=text,
    )
    _list(common.load_config(ctx), wish, unknown=unknown, as_json=as_json)


def _codes(text: str) -> frozenset[str]:
    return frozenset(code.strip().upper() for code in text.split(",") if code.strip())


def _list(config: Config, wish: Wish, *, unknown: bool, as_json: bool) -> None:
    from weighbridge.cli import engines_view as view
    from weighbridge.engines import catalogue, select

    known, day, environ = catalogue.load(config), _today(), common.environ(config)
    answers = [(engine, select.fits(engine, wish, known, environ, day)) for engine in known.engines()]
    shown = [engine for engine, fit in answers if fit or (unknown and fit is None)]
    undecided = 0 if unknown else sum(fit is None for _, fit in answers)
    if as_json:
        common.print_json([view.facts(engine, known, environ, day) for engine in shown])
        return
    # Open weights times your own servers would bury the rest: they are listed when they are asked for.
    folded = set()
    if not (wish.text or wish.local or wish.callable):
        folded = {engine.name for engine in shown if not known.is_meant(engine)}
    rows = [engine for engine in shown if engine.name not in folded]
    view.print_list(rows, known, environ, day, folded=len(folded), undecided=undecided)


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="An engine (model@host), a model, or a GGUF file.")],
    as_json: common.Json = False,
) -> None:
    """Show all that is known of an engine: each fact, where it comes from, and who disputes it.

    Example: weighbridge engines show glm-5.2@zai
    """
    from weighbridge.cli import engines_view as view
    from weighbridge.engines import catalogue

    config = common.load_config(ctx)
    known = common.with_facts(config, catalogue.load(config))
    day, environ = _today(), common.environ(config)
    engines = known.of_model(name) if name in known.models else []
    if not engines:
        engines = [known.engine(name)]
        name = engines[0].name
    if as_json:
        found = [view.facts(engine, known, environ, day, sources=True) for engine in engines]
        common.print_json(found if name in known.models else found[0])
    elif name in known.models:
        view.print_model(engines, known, environ, day)
    else:
        view.print_engine(engines[0], known, environ, day)


@app.command()
def check(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Engines to call; without any, all that can be called.", show_default=False),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds that an engine may take.")] = 60.0,
    as_json: common.Json = False,
) -> None:
    """Call engines once each and tell what is wrong: no key, wrong key, unknown model, no credit, unreachable, slow.

    The exit code is 0 when all answer, 4 when a key is missing or wrong, 5 when an engine fails.

    Example: weighbridge engines check smollm2-135m@local
    """
    import asyncio

    checks = asyncio.run(_check(common.load_config(ctx), names or [], timeout))
    if as_json:
        common.print_json(checks)
    else:
        from weighbridge.cli import engines_view as view

        view.print_checks(checks)
    code = max((_exit_code(result) for result in checks), default=0)
    if code:
        raise typer.Exit(code)


def _exit_code(result: Check) -> int:
    if result.word == "slow" and result.first_token is None:
        return FAILED  # so slow that no answer came
    return EXIT_CODES.get(result.word, FAILED)


async def _check(config: Config, names: list[str], limit: float) -> list[Check]:
    import asyncio

    from weighbridge.cli.engine_room import open_room
    from weighbridge.engines.check import check as call

    async with open_room(config, record=False) as room:
        engines = _named(room.catalogue, names) if names else room.callable_engines()
        if not engines:
            raise InputError(
                "No engine can be called: no key is set, and no local engine is installed.",
                fix="Set a key such as OPENAI_API_KEY, or name an engine. See 'weighbridge engines list'.",
            )
        turns = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def one(engine: Engine) -> Check:
            async with turns:
                return await call(engine, room.client, timeout=limit)

        return list(await asyncio.gather(*(one(engine) for engine in engines)))


def _named(known: Catalogue, names: list[str]) -> list[Engine]:
    return [known.engine(name) for name in dict.fromkeys(names)]
