"""`weighbridge verify`: work out every figure of a report anew, and say which agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common, documents
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.weigh.document import Verification
    from weighbridge.weigh.document.checking import Check

_SHOWN = 10  # disagreements that the text names; the JSON names more
_VALUE = 60  # characters of a value


def verify(
    report: Annotated[
        str,
        typer.Argument(help="A report (HTML) or scorecard document (JSON); - reads standard input.", metavar="REPORT"),
    ],
    suite: Annotated[
        str, typer.Option(help="The suite that was asked: its samples are compared as well.", show_default=False)
    ] = "",
    key: Annotated[
        str,
        typer.Option(
            help="The public key that must have signed it: a PEM file or 64 hexadecimal digits.", show_default=False
        ),
    ] = "",
    as_json: common.Json = False,
) -> None:
    """Work out every figure of a report anew, and say which agree.

    Nothing is asked of anybody: the raw grades are in the report. Exit code 0
    means that all agrees, 12 that something does not.

    Example: weighbridge verify weighbridge-report.html
    """
    from weighbridge.weigh import document, suites

    opened = documents.open_document(report)
    found = document.verify(opened, suite=suites.load(suite) if suite else None, key=_public_key(key) if key else None)
    if as_json:
        common.print_json(found)
    else:
        _tell(found, opened.name)
    if not found.agrees:
        raise typer.Exit(documents.EXIT_DISAGREES)


def _public_key(text: str) -> bytes:
    from weighbridge.weigh.document import signing

    path = Path(text)
    try:
        return signing.public_bytes(path.read_text("utf-8") if path.is_file() else text, "--key")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("The key cannot be read.", where=text, fix="Give a PEM file.") from error


def _tell(found: Verification, name: str) -> None:
    from rich.text import Text

    out = common.console()

    def say(text: str, style: str = "") -> None:
        out.print(Text(common.printable(text), style=style))

    say(f"{name}: {found.suite}, {found.samples:,} samples, {found.contestants} engines, by {found.software}", "bold")
    out.print(f"sha256 {found.digest}\n")
    for check in found.checks:
        say(_counts(check), "red" if check.disagree else "")
    out.print()
    for line in _disagreements(found):
        say(line)
    out.print("Not worked out:")
    for sentence in found.unverifiable:
        say(f"- {sentence}")
    if found.signed_by:
        out.print(f"Signed by the key\n{found.signed_by}")
    out.print()
    if found.agrees:
        say("AGREES. Every figure that can be worked out is the one that is told.", "bold green")
    else:
        say("DISAGREES. The report is not what its raw grades make: do not rely on it.", "bold red")


def _counts(check: Check) -> str:
    told = f"  {check.name:<12}{check.agree:>9,} agree"
    told += f", {check.disagree:,} do not" if check.disagree else ""
    return told + (f", {check.untold:,} known to one side only" if check.untold else "")


def _disagreements(found: Verification) -> Iterator[str]:
    for one in found.disagreements[:_SHOWN]:
        yield one.path
        yield f"  told        {_value(one.told)}"
        yield f"  worked out  {_value(one.recomputed)}"
    left = sum(check.disagree for check in found.checks) - _SHOWN
    if left > 0:
        yield f"and {left:,} more; --json names the first hundred."
    if found.disagreements:
        yield ""


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}..."
