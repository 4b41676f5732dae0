"""What the commands about scorecard documents share: reading one from a file, and the exit codes of answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError, NotFoundError, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weighbridge.weigh.document import Opened
    from weighbridge.weigh.types import VerdictWord

EXIT_UNSAFE, EXIT_UNDECIDED, EXIT_DISAGREES = 10, 11, 12
"""Exit codes that are answers, not errors: of --fail-on, and of `verify`."""
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="WORD",
        help="unsafe: exit 10 if a verdict is; undecided: also exit 11 if one is that.",
        show_default=False,
    ),
]


def read(source: str) -> bytes:
    """The bytes of a file, or of standard input for `-`; no more than a document may have.

    Raises:
        InputError: It cannot be read.
        NotFoundError: There is no such file.
    """
    from weighbridge.jsonl import STDIN
    from weighbridge.weigh.document.carried import MAX_BYTES

    try:
        if source == STDIN:
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with open(source, "rb") as stream:  # noqa: PTH123 - the name may be of a pipe
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file '{source}'.", fix="Name a report or a document, or - .") from error
    except OSError as error:
        raise unreadable(error, source) from error


def open_document(source: str) -> Opened:
    """The document of a file, JSON or the HTML report that carries it; see `document.open_document`."""
    from weighbridge.jsonl import STDIN
    from weighbridge.weigh import document

    return document.open_document(read(source), "standard input" if source == STDIN else source)


def fail_on(wanted: str, verdicts: Iterable[VerdictWord], uncompared: Sequence[str] = ()) -> None:
    """End with the exit code that --fail-on asks for, if a verdict calls for it.

    Args:
        wanted: "" for never; `unsafe`: exit 10 if any verdict is unsafe; `undecided`: exit 11 as well, where none is
            unsafe and any is undecided, or there is none at all.
        verdicts: Of all candidates.
        uncompared: Candidates that were weighed, and of which nothing could be compared. Nobody knows whether they are
            unsafe, so both words end with exit 11 for them.
    """
    found = set(verdicts) or {"undecided"}
    if wanted and "unsafe" in found:
        raise typer.Exit(EXIT_UNSAFE)
    if wanted and uncompared:
        from weighbridge.weigh.numbers import clean

        told = f"--fail-on {wanted}: there is no verdict on {clean(', '.join(uncompared))}, which counts as undecided."
        common.console(stderr=True).print(told, markup=False, soft_wrap=True)
        raise typer.Exit(EXIT_UNDECIDED)
    if wanted == "undecided" and "undecided" in found:
        raise typer.Exit(EXIT_UNDECIDED)


def check_fail_on(wanted: str) -> str:
    """The word after --fail-on, once it is known to be one.

    Raises:
        InputError: It is none.
    """
    if wanted not in {"", "unsafe", "undecided"}:
        raise InputError(f"--fail-on knows no '{wanted}'.", where="--fail-on", fix="Say unsafe or undecided.")
    return wanted
