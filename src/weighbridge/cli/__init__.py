"""The command line: one file per command. It builds the objects, passes them down, and alone prints.

A command's module is imported when the command is run, so that `weighbridge --help` and every start stay quick.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from weighbridge import __version__
from weighbridge.cli import common
from weighbridge.errors import WeighbridgeError

COMMANDS = {
    "admin": "Serve the admin API, or print the document that describes it.",
    "ask": "Ask several engines the same question and watch them answer side by side.",
    "audit": "Show what administrators did, and check that the log of it is whole.",
    "budgets": "Set budgets by the day and the month, and see what is left of them.",
    "compare": "Compare two files of scores, sample by sample, and give a verdict.",
    "demo": "Weigh three real engines, then swap them under live traffic. Needs no key.",
    "engines": "List, show and check engines.",
    "keys": "Give out keys for the gateway and the admin API, rotate and revoke them.",
    "limits": "Limit requests and tokens per minute, and requests at a time.",
    "mask": "Find personal data and secrets, mask them, and bring them back.",
    "openness": "Tell how open a model is: its class in the Model Openness Framework 1.0, and what the next one would take.",
    "rank": "Rank engines by votes on pairs of their answers (Bradley-Terry), told as chances to win.",
    "route": "Explain which engines a route may use, and why not the others.",
    "secrets": "Keep the keys of hosts in the state store, locked by a master key.",
    "serve": "Answer requests in four dialects by routes, which can be swapped while in use.",
    "sign": "Sign a report, so that whoever has your public key can tell that it is yours.",
    "spend": "Tell what was spent, by key, team, route, engine and day.",
    "suite": "Make suites of recorded traffic, and see what is in one.",
    "swap": "Move a route to another engine under live traffic, and back.",
    "traces": "List, show and export the exchanges that were recorded.",
    "verify": "Work out every figure of a report anew, and say which agree.",
    "vote": "Say which of two answers is better, before you know whose it is.",
    "weigh": "Weigh engines on the same samples: scorecards, and may you move?",
    "wire": "Translate between wire formats, and check that nothing is lost silently.",
}
"""Every command with the first line of its help; each lives in the module of its name."""


class Commands(TyperGroup):
    """The list of commands, of which only the one that is run is imported."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, line in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant, whole."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name in COMMANDS else command, rest


def load_command(name: str) -> Any:
    """Import a command."""
    from importlib import import_module

    module = import_module(f"weighbridge.cli.{name}")
    if not isinstance(getattr(module, "app", None), typer.Typer):
        one = typer.Typer(add_completion=False)
        one.command(name)(getattr(module, name))
        return typer.main.get_command(one)
    group = typer.main.get_group(module.app)
    group.name = name
    return group


app = typer.Typer(
    name="weighbridge",
    cls=Commands,
    help="Weigh AI engines, swap one for another under live traffic, with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _version(value: bool) -> None:
    if value:
        print(__version__)  # noqa: T201 - the command line is the place that prints
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    config: common.ConfigFile = None,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),  # noqa: ARG001 - its callback does the work
) -> None:
    ctx.obj = common.State(config_file=config)


def main() -> None:
    """Run the command line; every error of ours becomes three lines and its own exit code."""
    try:
        app()
    except WeighbridgeError as error:
        common.print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        common.print_interrupted()
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is its right, not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
