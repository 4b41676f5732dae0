"""`weighbridge weigh`: weigh engines on the same samples, and what goes with it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from weighbridge.cli import weigh_diff, weigh_plan, weigh_report, weigh_run, weigh_score

_HELP = ("-h", "--help")


class _Weigh(TyperGroup):
    """The commands around weighing; where none of them is named, a suite is: `weigh SUITE` is `weigh run SUITE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with `run` before a suite or an option."""
        if args and args[0] not in {*self.commands, *_HELP}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Weigh,
    help="""Weigh engines on the same samples: scorecards, and may you move?

    `weighbridge weigh SUITE` is short for `weighbridge weigh run SUITE`.
    A suite's file that is named like a command here is written ./run.

    Example: weighbridge weigh starter -e smollm2-135m@local,gemma-3-270m@local
    """,
    no_args_is_help=True,
)
app.command("run")(weigh_run.run)
app.command("plan")(weigh_plan.plan)
app.command("diff")(weigh_diff.diff)
app.command("report")(weigh_report.report)
app.command("score")(weigh_score.score)
