"""`weighbridge demo`: the whole product in four minutes, with engines that run on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.cli.demo_traffic import Traffic
    from weighbridge.settings import Config
    from weighbridge.weigh.types import Weighing

ENGINES = ("smollm2-135m@local", "smollm2-135m@local-q8", "gemma-3-270m@local")
MARGIN = 0.10
CONFIG = f"""\
[weigh]
margin = {MARGIN}

[routes.assistant]
primary = "{ENGINES[0]}"
"""


def demo(
    report: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = Path("weighbridge-demo-report.html"),
) -> None:
    """Weigh three real engines, then swap them under live traffic. Needs no key.

    The engines are small language models in llama.cpp on this machine (`make models` installs them).
    Everything but the report is removed in the end, also after Ctrl-C.
    """
    import tempfile

    from weighbridge import settings

    target = report.absolute()
    out = common.console()
    with tempfile.TemporaryDirectory(prefix="weighbridge-demo-") as folder:
        file = Path(folder) / settings.FILE_NAME
        file.write_text(CONFIG, encoding="utf-8")
        # The demo shows the defaults, whatever this user's environment sets.
        config = settings.load(file, environ={})
        _weigh(out, config, target)
        _swap(out, config)
    _tell_next(out, report)


def _weigh(out: Console, config: Config, report: Path) -> None:
    import asyncio

    from weighbridge.cli import weigh_report
    from weighbridge.cli.scorecard_view import print_weighing

    _say(
        out,
        "[bold]1. Weigh.[/] Three real engines answer the same 60 questions. The first two are the same small model, "
        "SmolLM2-135M, served in two ways: the second keeps its memory of the text in 8 bits instead of 16. The "
        "third is another model, Gemma 3 270M, which was never taught to chat. The first one is asked everything "
        "twice, to see how much an engine differs from itself.",
    )
    weighing = asyncio.run(_weighed(config))
    print_weighing(out, weighing)
    out.print()
    _say(out, _explain(weighing))
    weigh_report.write([report], weighing)
    _say(out, f"Every answer stands side by side in the report: {report.name}")


async def _weighed(config: Config) -> Weighing:
    import time

    from weighbridge.cli.engine_room import open_room
    from weighbridge.cli.weigh_conduct import conduct
    from weighbridge.weigh import suites
    from weighbridge.weigh.runner import Options

    options = Options(
        day=time.strftime("%Y-%m-%d", time.gmtime()),
        folder=config.folder,
        seed=config.settings.weigh.seed,
        max_tokens=config.settings.weigh.max_tokens,
        noise=ENGINES[0],
    )
    async with open_room(config) as room:
        engines = [room.engine(name) for name in ENGINES]
        return await conduct(room, suites.load("starter"), engines, base=ENGINES[0], options=options)


def _explain(weighing: Weighing) -> str:
    """What the verdicts mean, for someone who reads one for the first time."""
    points = f"{weighing.margin * 100:g} points"
    return (
        f"How to read this: you would accept a candidate that is up to {points} worse than what you run (the margin). "
        f"[bold]safe[/] means that even the pessimistic end of the interval is within it; [bold]unsafe[/] that even "
        f"the optimistic end is not; [bold]undecided[/] that {len(weighing.samples)} questions cannot tell, which is "
        "an honest answer: ask more. A real decision would weigh your own traffic, with a smaller margin."
    )


def _swap(out: Console, config: Config) -> None:
    import asyncio

    from weighbridge.cli import demo_traffic

    _say(
        out,
        f"[bold]2. Swap.[/] A gateway now serves the route 'assistant' to {demo_traffic.CLIENTS} clients at once, half "
        f"of them streaming. Meanwhile the engine behind it is swapped {demo_traffic.SWAPS} times. The clients "
        "know nothing of it, and never repeat a request.",
    )
    _print_traffic(out, asyncio.run(_driven(config)))


async def _driven(config: Config) -> Traffic:
    from weighbridge.cli import demo_traffic
    from weighbridge.engines.transport import AiohttpTransport

    assert config.file is not None
    engines = list(ENGINES)
    with common.console(stderr=True).status("Starting the gateway ...") as status:
        async with demo_traffic.gateway(config.file, engines) as url:
            transport = AiohttpTransport(connections=1)
            try:
                status.update("Loading the engines ...")
                await demo_traffic.wait_loaded(url, engines, transport)
            finally:
                await transport.close()
            return await demo_traffic.drive(url, config, engines, status.update)


def _print_traffic(out: Console, traffic: Traffic) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("engine")
    table.add_column("answers", justify="right")
    for engine in ENGINES:
        table.add_row(engine, str(traffic.answers[engine]))
    table.add_row("all", str(sum(traffic.answers.values())), style="bold")
    out.print(table)
    cutovers = sorted(traffic.cutovers)
    out.print(f"streamed answers  {traffic.streamed}")
    out.print(f"failed requests   {len(traffic.failures)}", style="" if not traffic.failures else "bold red")
    for failure in traffic.failures[:3]:
        out.print(f"  {common.printable(failure)}", markup=False, soft_wrap=True)
    middle, last = cutovers[len(cutovers) // 2] * 1000, cutovers[-1] * 1000
    out.print(f"cutover           median {middle:.0f} ms, longest {last:.0f} ms after the swap was acknowledged")
    out.print()
    _say(out, "Answers that were under way at a swap were finished by the engine that had begun them.")


def _tell_next(out: Console, report: Path) -> None:
    program = "weighbridge" if _on_path() else ".venv/bin/weighbridge"
    out.print("[bold]Three things to try next:[/]")
    out.print(f'  {program} ask "Why is the sky blue?"', markup=False)
    out.print(f"  {program} engines list --open --max-price 1", markup=False)
    out.print(f"  {program} serve --local {ENGINES[0]}", markup=False)
    out.print(f"And open {report} in a browser.", markup=False, soft_wrap=True)


def _on_path() -> bool:
    import shutil

    return shutil.which("weighbridge") is not None


def _say(out: Console, text: str) -> None:
    out.print(text)
    out.print()
