"""Which form a report takes, by the name of its file, and the bytes of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from weighbridge.errors import InputError
from weighbridge.weigh.report.chosen import Fetch
from weighbridge.weigh.types import Weighing

SUFFIXES = {
    ".html": "one page, offline",
    ".md": "Markdown",
    ".json": "the open scorecard document",
    ".xml": "JUnit XML",
    ".svg": "all plots, as a drawing",
    ".png": "all plots, as a picture",
}
"""By suffix, what is written. A folder takes them all."""


def check(path: PurePath) -> None:
    """Can a file of this name be written at all? Said before anything is paid for.

    Raises:
        InputError: Its suffix stands for no form, or PNG cannot be drawn here.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"A report cannot be written as '{path.suffix}'.",
            where=str(path),
            fix=f"End the name in {', '.join(SUFFIXES)}; or name a folder for all of them.",
        )
    if path.suffix.lower() == ".png":
        from weighbridge.weigh.report.figures import check_png

        check_png()


def content(suffix: str, weighing: Weighing, *, fetch: Fetch | None = None, with_answers: bool = False) -> bytes:
    """The bytes of a report in the form that its suffix stands for.

    Args:
        suffix: One of `SUFFIXES`.
        weighing: What was measured.
        fetch: Gives answers that the weighing does not hold, for the samples that the page shows.
        with_answers: Put questions and answers into the open document.
    """
    from weighbridge.weigh import document
    from weighbridge.weigh.report import figures, html, junit, markdown

    match suffix:
        case ".html":
            return html.render(weighing, fetch=fetch).encode()
        case ".md":
            return markdown.render(weighing).encode()
        case ".json":
            return document.write(weighing, with_answers=with_answers, fetch=fetch)
        case ".xml":
            return junit.render(weighing)
        case ".png":
            return figures.png(figures.sheet(weighing))
        case _:
            return figures.sheet(weighing).encode()


def folder(
    weighing: Weighing, *, fetch: Fetch | None = None, with_answers: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Every form with a name for its file, one after the other; each plot apart, as PNG only where it can be drawn."""
    from weighbridge.weigh.report import figures

    for name in ("report.html", "report.md", "scorecard.json", "junit.xml"):
        yield name, content(PurePath(name).suffix, weighing, fetch=fetch, with_answers=with_answers)
    try:
        figures.check_png()
        drawn = True
    except InputError:
        drawn = False
    for figure in figures.figures(weighing):
        yield f"{figure.name}.svg", figure.svg.encode()
        if drawn:
            yield f"{figure.name}.png", figures.png(figure.svg)
