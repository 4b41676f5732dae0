"""`weighbridge mask eval`: what masking misses of marked data, and what it takes too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weighbridge.cli import bars, common, mask_room

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.mask.evaluate import Figures, Miss
    from weighbridge.mask.intervals import Share
    from weighbridge.mask.measure import Part, Report

_AROUND = 30  #: characters shown beside what was missed
_NAME = 14  #: columns for a row's name
_TUNED = "even"  #: the half whose misses may be looked at
_Split = Literal["both", "all", "even", "odd"]


def evaluate(
    ctx: typer.Context,
    data: Annotated[
        list[Path], typer.Argument(help="Marked data: files, or folders of them.", metavar="DATA...", exists=True)
    ],
    split: Annotated[
        _Split,
        typer.Option("--split", help="both halves beside each other, all in one, even or odd.", metavar="HALF"),
    ] = "both",
    names: mask_room.NamesOption = "",
    no_names: mask_room.NoNames = False,
    misses: Annotated[
        int,
        typer.Option("--misses", min=0, help="Show so many misses of each kind; of the even half alone.", metavar="N"),
    ] = 0,
    as_json: common.Json = False,
) -> None:
    """Tell what masking would miss of marked data, and what it takes too much.

    A leak is a marked span of which any letter or digit stays visible. Documents
    fall into two halves by the hash of their text: tune your own terms and patterns
    on `even`, and believe `odd`.

    DATA is JSON Lines: {"text", "spans": [{"start", "end", "kind"}], "lang"?}, or
    the form of TAB, of CoNLL, of Presidio's synthetic data or of PUPA. Every kind is
    looked for, and each document stands for itself.

    Example: weighbridge mask eval notes.jsonl --misses 3
    """
    from weighbridge.mask.bulk import Bulk
    from weighbridge.mask.datasets import read
    from weighbridge.mask.measure import in_bulk, measured
    from weighbridge.mask.scan import Scanner

    config = common.load_config(ctx)
    settings = mask_room.settings_of(config, names, no_names=no_names)
    datasets = [dataset for path in data for dataset in read(path)]
    found = mask_room.names_of(config, settings, None, asked=names not in {"", "off"})
    scanner = Scanner(terms=settings.terms, patterns=settings.patterns, allow=settings.allow)
    detect = in_bulk(Bulk(scanner, found, min_score=settings.min_score))
    with bars.of_work("Looking", sum(len(document.text) for one in datasets for document in one.documents)) as show:
        seen = 0

        def advance(more: int) -> None:
            nonlocal seen
            seen += more
            show(seen)

        reports = [measured(dataset, detect, advance, _SPLITS[split]) for dataset in datasets]
    if as_json:
        common.print_json({"names": settings.names, "datasets": [_plain(report, misses) for report in reports]})
        return
    out = common.console()
    for report in reports:
        _table(out, report)
        if misses:
            _tell_misses(out, report, misses)


_SPLITS: dict[_Split, tuple[Part, ...]] = {"both": ("odd", "even"), "all": ("all",), "odd": ("odd",), "even": ("even",)}


def _plain(report: Report, misses: int) -> dict[str, Any]:
    """A report for JSON: shares with their names, misses as places."""
    return {
        "name": report.dataset.name,
        "complete": report.dataset.complete,
        "halves": [
            {
                "half": half.name,
                "documents": half.documents,
                "kb_per_s": half.kb_per_s,
                "rows": [_row(figures) for figures in half.figures],
                **({"misses": list(_few(half.misses, misses))} if misses and half.name == _TUNED else {}),
            }
            for half in report.halves
        ],
    }


def _row(figures: Figures) -> dict[str, Any]:
    import msgspec

    made: dict[str, Any] = {}
    for name, value in msgspec.structs.asdict(figures).items():
        made[name] = dict(value._asdict()) if hasattr(value, "_asdict") else value
    return made


def _few(misses: Sequence[Miss], most: int) -> Iterator[Miss]:
    shown: dict[str, int] = {}
    for miss in sorted(misses, key=lambda one: one.kind):
        shown[miss.kind] = shown.get(miss.kind, 0) + 1
        if shown[miss.kind] <= most:
            yield miss


def _table(out: Console, report: Report) -> None:
    """Rows by what is personal, the halves beside each other."""
    complete = report.dataset.complete
    told = ", ".join(
        f"{_HALVES[half.name]} {half.documents:,} documents at {half.kb_per_s:,.0f} KB/s" for half in report.halves
    )
    out.print(common.printable(f"{report.dataset.name}: {told}"), style="bold", markup=False, soft_wrap=True)
    head = f"  {'':>5} {'leak':>5} {'95 %':>9} {'rec':>4} {'prec':>4}"
    out.print(f"{'':<{_NAME}}{head * len(report.halves)}", style="dim", markup=False)
    by_row = [{(one.about, one.name): one for one in half.figures} for half in report.halves]
    for row in dict.fromkeys(row for rows in by_row for row in rows):
        if not complete and not any(row in rows and rows[row].counts["spans"] for rows in by_row):
            continue  # nobody marked values of that kind, so finding some says nothing
        cells = "".join(f"  {_cells(rows.get(row), complete=complete)}" for rows in by_row)
        out.print(common.printable(f"{row[1] or row[0]:<{_NAME}.{_NAME}}{cells}").rstrip(), markup=False)
    for title, field in _OVERALL:
        shares = [getattr(rows[("all", "")], field) for rows in by_row if ("all", "") in rows]
        if any(shares) and (complete or field not in _NEED_ALL):
            cells = "".join(f"  {_wide(share):<31}" for share in shares)
            out.print(f"{title:<{_NAME}}{cells}".rstrip(), markup=False)
    out.print()


_HALVES = {"odd": "odd half (untouched)", "even": "even half (to tune on)", "all": "all"}
_NEED_ALL = frozenset({"word_precision", "over_masking"})
"""What says nothing where not everything personal is marked."""
_OVERALL = (
    ("entities leak", "entity_leak"),
    ("documents leak", "document_leak"),
    ("word recall", "word_recall"),
    ("word precision", "word_precision"),
    ("over-masked", "over_masking"),
)


def _cells(figures: Figures | None, *, complete: bool) -> str:
    if figures is None:
        return " " * 31
    precision = _short(figures.precision) if complete else ""
    return (
        f"{figures.counts['spans'] or '':>5} {_three(figures.leak):>5} {_between(figures.leak):>9} "
        f"{_short(figures.recall):>4} {precision:>4}"
    )


def _short(share: Share | None) -> str:
    return "-" if share is None else f"{share.value:.2f}".removeprefix("0")


def _three(share: Share | None) -> str:
    return "-" if share is None else f"{share.value:.3f}".removeprefix("0")


def _between(share: Share | None) -> str:
    if share is None:
        return ""
    return f"{share.low:.3f}".removeprefix("0") + "-" + f"{share.high:.3f}".removeprefix("0")


def _wide(share: Share | None) -> str:
    return "-" if share is None else f"{_three(share)} ({_between(share)}) of {share.n:,}"


def _tell_misses(out: Console, report: Report, most: int) -> None:
    tuned = [miss for half in report.halves if half.name == _TUNED for miss in half.misses]
    for miss in _few(tuned, most):
        text = report.dataset.documents[miss.document].text
        shown = (
            f"{text[max(0, miss.start - _AROUND) : miss.start]}[{text[miss.start : miss.end]}]"
            f"{text[miss.end : miss.end + _AROUND]}"
        )
        out.print(common.printable(f"{miss.kind}: {' '.join(shown.split())}"), markup=False, soft_wrap=True)
