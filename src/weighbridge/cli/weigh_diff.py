"""`weighbridge weigh diff`: two documents of the same engines, earlier and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, documents
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.weigh.document import Diff


def diff(
    old: Annotated[str, typer.Argument(help="The earlier report or document; - reads standard input.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="The later one; or -.", metavar="NEW")],
    margin: Annotated[
        float | None,
        typer.Option(help="How much worse is still good enough; NEW's own by default.", show_default=False),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="One-sided error rate of a verdict; NEW's own by default.", show_default=False)
    ] = None,
    renamed: Annotated[
        list[str] | None,
        typer.Option("--as", help="An engine that the two call by different names; again for more.", metavar="OLD=NEW"),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    fail_on: documents.FailOn = "",
    as_json: common.Json = False,
) -> None:
    """Compare two runs over time: what do the same engines do now?

    Every engine that both hold is compared with itself, on the samples that are
    the same in both: quality with a verdict, the samples that flipped, cost,
    times, prices and facts.

    Example: weighbridge weigh diff march.json november.json --fail-on unsafe
    """
    from weighbridge import jsonl
    from weighbridge.weigh import document
    from weighbridge.weigh.verdict import ALPHA, MARGIN, check_limits

    documents.check_fail_on(fail_on)
    check_limits(MARGIN if margin is None else margin, ALPHA if alpha is None else alpha)
    if old == new == jsonl.STDIN:
        raise InputError("Both documents are standard input.", fix="Give one of the two as a file.")
    names = _renamed(renamed or [])
    found = document.diff(
        documents.open_document(old), documents.open_document(new), margin=margin, alpha=alpha, renamed=names
    )
    if as_json:
        common.print_json(found)
    else:
        _print(found, markdown=markdown)
    documents.fail_on(fail_on, (one.quality.verdict for one in found.engines))


def _renamed(told: list[str]) -> dict[str, str]:
    """Old names of engines to new ones."""
    found: dict[str, str] = {}
    for pair in told:
        old, _, new = (piece.strip() for piece in pair.partition("="))
        if not old or not new or old in found:
            raise InputError(
                f"'{pair}' does not name one engine twice.",
                where="--as",
                fix="Write --as OLD=NEW, once for each engine.",
            )
        found[old] = new
    return found


def _print(found: Diff, *, markdown: bool) -> None:
    from rich.text import Text

    from weighbridge.cli import weigh_diff_view as view

    out = common.console()
    if markdown:
        typer.echo(common.printable(view.markdown(found)))
        return
    for line, style in view.lines(found):
        out.print(Text(common.printable(line), style=style), soft_wrap=False)
