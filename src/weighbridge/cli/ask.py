"""`weighbridge ask`: one question, several engines, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from weighbridge.canon import Failure, ReasoningDelta, Request, TextDelta, Trace, Vote
from weighbridge.cli import common
from weighbridge.errors import InputError, NoKeyError, WeighbridgeError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from weighbridge.cli.engine_room import EngineRoom

MAX_ENGINES = 8
DEFAULT_ENGINES = 3
LETTERS = "ABCDEFGH"


@dataclass
class Pane:
    """One engine's answer while it arrives."""

    engine: str
    label: str
    text: str = ""
    thinking: bool = False
    trace: Trace | None = None
    error: WeighbridgeError | None = None

    @property
    def done(self) -> bool:
        """Has it ended, well or badly?"""
        return self.trace is not None or self.error is not None


def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="What to ask; - reads it from standard input.")],
    engines: Annotated[
        str | None, typer.Option("--engines", "-e", help="Engines or routes, with commas: A,B,C.", metavar="A,B,C")
    ] = None,
    system: Annotated[str | None, typer.Option(help="Instructions that come before the question.")] = None,
    file: Annotated[
        list[Path] | None, typer.Option("--file", "-f", help="A text or image to send along; may be repeated.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 512,
    blind: Annotated[bool, typer.Option("--blind", help="Hide the names, shuffle the sides, take a vote.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show how the answers differ, word by word.")] = False,
    as_json: common.Json = False,
) -> None:
    """Ask several engines the same question and watch them answer side by side.

    Without --engines: the engines that run on this machine, then those whose keys are set, three at most.

    Example: weighbridge ask "Why is the sky blue?" --engines smollm2-135m@local,gemma-3-270m@local
    """
    if blind and as_json:
        raise InputError("--blind asks a person, --json answers a program.", fix="Leave one of them out.")
    import asyncio

    config = common.load_config(ctx)
    request = build_request(question, system=system, files=file or [], max_tokens=max_tokens)
    asyncio.run(_ask(config, request, engines, blind=blind, diff=diff, as_json=as_json))


def build_request(question: str, *, system: str | None, files: list[Path], max_tokens: int) -> Request:
    """The request, without the name of an engine."""
    import sys

    from weighbridge.canon import Message, Sampling, TextPart
    from weighbridge.cli.attach import attach

    text = sys.stdin.read() if question == "-" else question
    if not text.strip():
        raise InputError("The question is empty.", fix='Write it in quotes: weighbridge ask "Why is the sky blue?"')
    parts = (*(attach(path) for path in files), TextPart(text))
    messages = [Message("system", (TextPart(system),))] if system else []
    return Request(
        model="",
        messages=(*messages, Message("user", parts)),
        sampling=Sampling(max_tokens=max_tokens),
        stream=True,
        stream_usage=True,
    )


async def _ask(config: Any, request: Request, engines: str | None, *, blind: bool, diff: bool, as_json: bool) -> None:
    from random import SystemRandom

    from weighbridge.cli.engine_room import open_room

    async with open_room(config) as room:
        names = pick(engines, room)
        if blind:
            SystemRandom().shuffle(names)
        panes = [Pane(name, f"answer {LETTERS[i]}" if blind else name) for i, name in enumerate(names)]
        await warm(room, names)
        if as_json:
            await _answer_all(room, request, panes)
            common.print_json([_as_json(pane) for pane in panes])
        else:
            await _show(room, request, panes, blind=blind, diff=diff)
    if all(pane.error for pane in panes) and panes[0].error:
        raise typer.Exit(panes[0].error.exit_code)


def pick(engines: str | None, room: EngineRoom) -> list[str]:
    """The engines to ask: those named, or up to three that can answer here and now."""
    if engines is None:
        one_each = {engine.model.name: engine.name for engine in reversed(room.callable_engines())}
        names = list(reversed(one_each.values()))[:DEFAULT_ENGINES]
        if not names:
            raise NoKeyError(
                "No engine can be called: no key is set, and no local engine is installed.",
                fix="Set a key (OPENAI_API_KEY, ...), or run `make models` for two small local ones.",
            )
        return names
    names = [name.strip() for name in engines.split(",") if name.strip()]
    if not names or len(names) > MAX_ENGINES:
        raise InputError(f"--engines names {len(names)} engines.", fix=f"Name 1 to {MAX_ENGINES}, with commas.")
    return [name if name in room.config.routes else room.engine(name).name for name in names]


async def warm(room: EngineRoom, names: list[str]) -> None:
    """Load the local engines first, so that loading does not count as answering. What fails is told by its answer."""
    from contextlib import suppress

    local = [engine for name in names for engine in room.engines_of(name) if room.local.available(engine)]
    if not local:
        return
    with common.console(stderr=True).status(f"Loading {', '.join(engine.name for engine in local)} ..."):
        for engine in local:
            with suppress(WeighbridgeError):
                await room.local.start(engine)


async def _answer_all(room: EngineRoom, request: Request, panes: list[Pane]) -> None:
    from asyncio import TaskGroup

    async with TaskGroup() as group:
        for pane in panes:
            group.create_task(_answer(room, request, pane))


async def _answer(room: EngineRoom, request: Request, pane: Pane) -> None:
    from weighbridge.exchange import Call, StreamedAnswer

    try:
        answer = await room.road.open(Call(request=replace(request, model=pane.engine), source="ask"))
        try:
            if isinstance(answer, StreamedAnswer):
                async for event in answer.events():
                    pane.thinking = isinstance(event, ReasoningDelta)
                    if isinstance(event, TextDelta) and event.choice == 0:
                        pane.text += event.text
                    elif isinstance(event, Failure):
                        raise WeighbridgeError(event.message, where=pane.engine)
        finally:
            await answer.close()
            pane.trace = answer.trace
    except WeighbridgeError as error:
        pane.error = error


async def _show(room: EngineRoom, request: Request, panes: list[Pane], *, blind: bool, diff: bool) -> None:
    import asyncio

    from rich.live import Live

    out = common.console()
    if out.is_terminal:
        task = asyncio.ensure_future(_answer_all(room, request, panes))
        with Live(
            _columns(panes, blind=blind), console=out, refresh_per_second=12, vertical_overflow="visible"
        ) as live:
            while not task.done():
                await asyncio.wait([task], timeout=0.08)
                live.update(_columns(panes, blind=blind))
        await task
    else:
        await _answer_all(room, request, panes)
        for pane in panes:
            _print_plain(out, pane, blind=blind)
    if diff:
        _print_diff(out, panes)
    if blind:
        _vote(room, out, request, panes)


def _columns(panes: list[Pane], *, blind: bool) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(expand=True, show_lines=False, pad_edge=False)
    for pane in panes:
        table.add_column(Text(common.printable(pane.label)), ratio=1, overflow="fold")
    table.add_row(*(_body(pane) for pane in panes))
    table.add_section()
    table.add_row(*(Text(figures(pane, blind=blind), style="dim") for pane in panes))
    return table


def _body(pane: Pane) -> RenderableType:
    from rich.text import Text

    if pane.error:
        return Text.assemble(common.printable(pane.text), (f"\n{pane.error.code}: {pane.error.what}", "red"))
    if not pane.text:
        return Text("(no text)" if pane.done else ("thinking ..." if pane.thinking else "waiting ..."), style="dim")
    return Text(common.printable(pane.text) + ("" if pane.done else " ▌"))


def figures(pane: Pane, *, blind: bool = False) -> str:
    """First token, total, tokens and cost in one line; what would betray the engine is kept back while blind."""
    trace = pane.trace
    if trace is None or trace.total is None:
        return ""
    if blind:
        return f"{trace.usage.output if trace.usage else '?'} tokens"
    first = f"first {trace.first_token:.2f} s, " if trace.first_token is not None else ""
    usage = f"{trace.usage.input} + {trace.usage.output} tokens" if trace.usage else "tokens unknown"
    return f"{first}total {trace.total:.2f} s, {usage}, {common.money(trace.cost, trace.currency)}"


def _print_plain(out: Console, pane: Pane, *, blind: bool) -> None:
    out.print(f"== {common.printable(pane.label)}", markup=False)
    if pane.text:
        out.print(common.printable(pane.text), markup=False, soft_wrap=True)
    if pane.error:
        out.print(f"{pane.error.code}: {pane.error}", markup=False, soft_wrap=True)
    if line := figures(pane, blind=blind):
        out.print(f"({line})", markup=False)
    out.print()


def _print_diff(out: Console, panes: list[Pane]) -> None:
    """The first answer against each other one: words only in the first [-so-], only in the other {+so+}."""
    from difflib import SequenceMatcher

    from rich.text import Text

    first, *others = [pane for pane in panes if pane.text] or panes[:1]
    for other in others:
        a, b = common.printable(first.text).split(), common.printable(other.text).split()
        line = Text()
        matcher = SequenceMatcher(None, a, b, autojunk=False)
        for kind, i1, i2, j1, j2 in matcher.get_opcodes():
            if kind == "equal":
                line.append(" ".join(a[i1:i2]) + " ")
                continue
            if i2 > i1:
                line.append(f"[-{' '.join(a[i1:i2])}-] ", style="red")
            if j2 > j1:
                line.append(f"{{+{' '.join(b[j1:j2])}+}} ", style="green")
        out.print(f"== {first.label} against {other.label}: {matcher.ratio():.0%} alike", markup=False)
        out.print(line, soft_wrap=True)
        out.print()


def _vote(room: EngineRoom, out: Console, request: Request, panes: list[Pane]) -> None:
    answered = [pane for pane in panes if not pane.error]
    letters = [LETTERS[panes.index(pane)] for pane in answered]
    allowed = {*letters, "tie", "none"}
    while True:
        given = typer.prompt(f"Which answer is best? {' / '.join(letters)} / tie / none", default="tie").strip()
        choice = given.upper() if given.upper() in letters else given.lower()
        if choice in allowed:
            break
        out.print(f"'{given}' is not one of {', '.join([*letters, 'tie', 'none'])}.", markup=False)
    names = {LETTERS[i]: pane.engine for i, pane in enumerate(panes)}
    for letter, name in names.items():
        out.print(f"answer {letter} was {name}{'  <- your vote' if letter == choice else ''}", markup=False)
    for pane in panes:
        if line := figures(pane):
            out.print(f"  {pane.engine}: {line}", markup=False, soft_wrap=True)
    _keep(room, out, request, panes, names.get(choice, choice))


def _keep(room: EngineRoom, out: Console, request: Request, panes: list[Pane], choice: str) -> None:
    """Store the vote, and say how the votes stand."""
    import getpass
    import time
    from collections import Counter

    from weighbridge.store.state import State

    state = State(room.config.state_place)
    try:
        state.add_vote(
            Vote(
                at=time.time(),
                who=getpass.getuser(),
                question=request.messages[-1].text,
                engines=tuple(pane.engine for pane in panes),
                choice=choice,
                traces=tuple(pane.trace.id for pane in panes if pane.trace),
            )
        )
        counts = Counter(vote.choice for vote in state.votes())
    finally:
        state.close()
    tally = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    out.print(f"Votes so far: {tally}", markup=False, soft_wrap=True)


def _as_json(pane: Pane) -> dict[str, Any]:
    trace = pane.trace
    return {
        "engine": pane.engine,
        "text": pane.text,
        "error": {"code": pane.error.code, "message": str(pane.error)} if pane.error else None,
        "finish": trace.reply.finish if trace and trace.reply else None,
        "first_token": trace.first_token if trace else None,
        "total": trace.total if trace else None,
        "usage": trace.usage if trace else None,
        "cost_micro": trace.cost if trace else None,
        "currency": trace.currency if trace else None,
        "trace": trace.id if trace else None,
    }
