"""`weigh run --sequential` and `--repeats`: what they ask for, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.canon import Engine
    from weighbridge.settings import Weigh
    from weighbridge.weigh.course import Course
    from weighbridge.weigh.runner import Options
    from weighbridge.weigh.types import Suite, VerdictWord, Weighing

MAX_REPEATS = 100

Sequential = Annotated[
    bool,
    typer.Option("--sequential", help="Ask in random order, and stop as soon as every verdict is known."),
]
Repeats = Annotated[
    int, typer.Option("--repeats", min=1, max=MAX_REPEATS, help="Ask every sample so often; scores are the means.")
]
Temperature = Annotated[float | None, common.option("weigh.temperature")]


def check(engines: Sequence[Engine], options: Options) -> None:
    """Refuse a sequential run that cannot stop early, before anything is paid for.

    Raises:
        InputError: There is no candidate.
    """
    if len(engines) * max(1, len(options.levels)) == 1:
        raise InputError(
            "--sequential stops when verdicts are known, and one engine alone gets none.",
            where="--sequential",
            fix="Name a candidate as well: --engines BASE,CANDIDATE.",
        )


def course(suite: Suite, engines: Sequence[Engine], options: Options, chosen: Weigh, *, base: str) -> Course:
    """The course of a sequential run."""
    from weighbridge.weigh import masking
    from weighbridge.weigh.course import Course

    names = [masking.name_of(engine.name, level) for engine in engines for level in options.levels or (None,)]
    return Course(
        suite.samples,
        base=base,
        candidates=[name for name in names if name != base],
        margin=chosen.margin,
        alpha=chosen.alpha,
        seed=chosen.seed,
        passes=options.repeats,
    )


def verdicts(weighing: Weighing) -> Iterator[VerdictWord]:
    """The verdict on each candidate: of a sequential run the one that it stopped with, which alone allows for stopping."""
    from weighbridge.weigh.decided import decided

    yield from (found.verdict for found in decided(weighing).values())


def print_told(out: Console, weighing: Weighing) -> None:
    """When a sequential run stopped and what it saved; what repeats say."""
    from weighbridge.weigh import early, words

    if weighing.stopping:
        out.print("\nSequential", style="bold")
        for sentence in early.sentences(weighing, words.labels(weighing)):
            _line(out, sentence)
    if weighing.repeats:
        out.print("\nRepeats", style="bold")
        for sentence in _repeats(weighing):
            _line(out, sentence)


def with_told(document: Any, weighing: Weighing) -> Any:
    """A weighing for programs: with what its repeats say, where there are any."""
    import msgspec

    from weighbridge.weigh import passes

    if not weighing.repeats:
        return document
    return {**msgspec.to_builtins(document), "passes": passes.told(weighing)}


def _repeats(weighing: Weighing) -> Iterator[str]:
    from weighbridge.weigh import passes
    from weighbridge.weigh.numbers import clean
    from weighbridge.weigh.types import Interval

    def share(found: Interval | None) -> str:
        return "unknown" if found is None else f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"

    for name, told in passes.told(weighing).items():
        yield f"{clean(name)}, {told.count} answers to each sample:"
        yield f"  at least one right {share(told.any_right)}, all right {share(told.all_right)}"
        floor = "unknown" if told.floor is None else f"{told.floor * 100:.1f} points"
        yield f"  two answers graded differently {share(told.flips)}; noise floor {floor}"


def _line(out: Console, text: str) -> None:
    from rich.text import Text

    from weighbridge.weigh.numbers import MINUS, ascii_only

    text = text.replace(MINUS, "-") if out.encoding.lower().startswith("utf") else ascii_only(text)
    out.print(Text(f"  {text}"))
