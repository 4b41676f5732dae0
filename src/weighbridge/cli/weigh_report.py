"""`weighbridge weigh report`: a report of a saved weighing; and how every report comes onto the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, documents
from weighbridge.errors import InputError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.canon import Reply
    from weighbridge.settings import Config
    from weighbridge.store.results import Results
    from weighbridge.weigh.report.chosen import Fetch
    from weighbridge.weigh.types import Result, Weighing

REPORT = "weighbridge-report.html"
_FIX = "Make room or name another file; what engines answered is kept, so nothing is asked again."

Reports = Annotated[
    list[Path] | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="A report to write, by its suffix: .html .md .json .xml .svg .png, or a folder for all. Repeat for more.",
        show_default=REPORT,
    ),
]

WithAnswers = Annotated[
    bool, typer.Option("--with-answers", help="Put questions and answers into .json, not their digests alone.")
]


def report(
    document: Annotated[str, typer.Argument(help="A scorecard document, or the HTML report that carries it.")],
    reports: Reports = None,
) -> None:
    """Write reports of a saved weighing: nothing is asked again, nothing recomputed.

    Answers are shown if the document holds them. Check a document with `weighbridge verify`.

    Example: weighbridge weigh report scorecard.json --report r.html --report r.md
    """
    from weighbridge.weigh.document import weighing_of

    targets = check(reports or [Path(REPORT)])
    weighing = weighing_of(documents.open_document(document))
    write(targets, weighing)
    tell(targets)


def check(paths: list[Path]) -> list[Path]:
    """Before anything is paid for: can all of these be written?

    Raises:
        InputError: One cannot, or comes twice.
    """
    from weighbridge.weigh.report import files

    for path in paths:
        if paths.count(path) > 1:
            raise InputError("The report is named twice.", where=str(path), fix="Name each file once.")
        if not is_folder(path):
            files.check(path)
        beside = path if path.is_dir() else path.parent
        if not beside.is_dir() or not os.access(beside, os.W_OK):
            raise InputError(
                f"The report cannot be written: {'no such folder' if not beside.is_dir() else 'permission denied'}.",
                where=str(path),
                fix="Give --report a file in a folder that you may write to.",
            )
    return paths


def is_folder(path: Path) -> bool:
    """Does the name stand for a folder: one that is there, or a name without a suffix?"""
    return path.is_dir() or not path.suffix


class Kept:
    """The store of results, opened once an answer is wanted."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._results: Results | None = None

    def fetch(self, results: Sequence[Result]) -> list[Reply | None]:
        """The answers of results that do not hold them; see `kept.fetch`."""
        from weighbridge.store.results import Results
        from weighbridge.weigh import kept

        if self._results is None:
            self._results = Results(self._config.results_path)
        return kept.fetch(self._results, results)

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._results is not None:
            self._results.close()


def write(paths: list[Path], weighing: Weighing, *, fetch: Fetch | None = None, with_answers: bool = False) -> None:
    """Write reports, each file of them whole or not at all.

    Args:
        paths: As `check` gave them.
        weighing: What was measured.
        fetch: Gives answers that the weighing does not hold, for the samples that the page shows.
        with_answers: Put questions and answers into the open document.

    Raises:
        StoreError: One cannot be written.
    """
    from weighbridge.weigh.report import files

    for path in paths:
        if not is_folder(path):
            put(path, files.content(path.suffix.lower(), weighing, fetch=fetch, with_answers=with_answers))
            continue
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise _failed(path, error) from error
        for name, content in files.folder(weighing, fetch=fetch, with_answers=with_answers):
            put(path / name, content)


def tell(paths: list[Path]) -> None:
    """Where the reports are."""
    out = common.console()
    for path in paths:
        out.print(f"Report: {path}", markup=False, soft_wrap=True)


def put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        fresh.unlink(missing_ok=True)


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(f"The report cannot be written: {error.strerror}.", where=str(path), fix=_FIX)
