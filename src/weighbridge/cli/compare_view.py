"""What `weighbridge compare` prints of any two files, whether their samples are the same or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli.ruler import ruler
from weighbridge.weigh import numbers, words

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.weigh.scored import Scored
    from weighbridge.weigh.types import Comparison

_COLOURS = {"safe": "bold green", "unsafe": "bold red", "undecided": "bold yellow"}


def say(out: Console, text: str) -> None:
    """A line, in plain letters where the terminal knows no others."""
    from rich.text import Text

    out.print(Text(readable(out, text)))


def readable(out: Console, text: str) -> str:
    """The text in the letters that the terminal knows."""
    return text if out.encoding.lower().startswith("utf") else numbers.ascii_only(text)


def file(name: str, most: int = 48) -> str:
    """The name of a file in a line: of a long one its end, which tells it from others."""
    told = numbers.one_line(name, len(name))
    return told if len(told) <= most else f"…{told[1 - most :]}"


def tell_range(out: Console, found: Comparison, more: str = "") -> None:
    """The range of the difference, the ruler, the verdict and its method.

    Args:
        out: Where.
        found: The comparison.
        more: What follows the verdict's meaning.
    """
    from rich.text import Text

    low, high = numbers.points(found.ci_low, signed=True), numbers.points(found.ci_high, signed=True)
    say(out, f"  {'plausibly':<11}{f'{low} to {high}':<18}each end wrong in {numbers.level(found.alpha)} of cases")
    say(out, "")
    for line in ruler(found):
        say(out, "  " + line)
    say(out, "")
    told = f" at a margin of {numbers.margin(found.margin)}. {words.meaning(found)}{more}"
    out.print(Text.assemble((found.verdict.upper(), _COLOURS[found.verdict]), readable(out, told)))
    say(out, f"Method: {found.method}.")


def unscored(base: Scored, candidate: Scored) -> dict[str, int]:
    """How many samples the tools that made the files gave no score."""
    return {"base_unscored": base.unscored, "candidate_unscored": candidate.unscored}


def tell_unscored(out: Console, base: Scored, candidate: Scored) -> None:
    """What is to be known of the files: samples without a score, and runs that did not end well."""
    for role, one in (("base", base), ("candidate", candidate)):
        if one.unscored:
            say(out, f"Without a score in {role}, and left out: {numbers.plural(one.unscored, 'sample')}.")
        if one.note:
            say(out, one.note)
