"""`weigh run` on suites that ask for code: where it runs, settled before any engine is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.weigh.runner import Grades
    from weighbridge.weigh.sandbox.grading import Bench
    from weighbridge.weigh.types import Suite

Unsafe = Annotated[
    bool,
    typer.Option(
        "--unsafe-code", help="Run engines' code without a sandbox, with your own rights. Reports tell of it."
    ),
]
_WARNING = (
    "WARNING: --unsafe-code. What engines write runs on this machine with your rights: it can read and delete your files, "
    "use the network, and forge its own grades. Do this only on a machine that you can throw away."
)


def choose(suite: Suite, *, unsafe: bool) -> Bench | None:
    """What runs the code of a suite, None where it asks for none.

    Raises:
        InputError: It asks for code and there is no sandbox here, or it asks for none and --unsafe-code is given.
    """
    from weighbridge.weigh.graders import code

    if not any(sample.grader == code.NAME for sample in suite.samples):
        if unsafe:
            raise InputError(
                "There is no code to run: no sample is of the grader 'code'.",
                where="--unsafe-code",
                fix="Leave it out.",
            )
        return None
    from weighbridge.weigh.sandbox import boxes, grading

    box = boxes.find(unsafe=unsafe)
    boxes.check_commands(code.task_of(s.target) for s in suite.samples if s.grader == code.NAME)
    if unsafe:
        common.console(stderr=True).print(_WARNING, style="bold red", markup=False, soft_wrap=True)
    return grading.Bench(box)


def hook(bench: Bench | None, others: Grades | None) -> Grades | None:
    """What grades answers while a run is made: code on the bench, everything else as `others` do."""
    return bench.hook(others) if bench else others
