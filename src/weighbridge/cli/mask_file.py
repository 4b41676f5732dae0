"""`weighbridge mask file`: a whole table without personal data, in a file of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import bars, common, mask_room
from weighbridge.errors import InputError, did_you_mean, unreadable

if TYPE_CHECKING:
    from weighbridge.cli.mask_tables import Advance, Done
    from weighbridge.mask.files import Rows

_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def file(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="A .csv, .tsv, .jsonl or .parquet file.", metavar="IN")],
    target: Annotated[Path, typer.Argument(help="The file to make, of the same kind.", metavar="OUT")],
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            help="These alone, with commas; all that hold text if left out.",
            metavar="A,B",
            show_default=False,
        ),
    ] = "",
    level: mask_room.LevelOption = "",
    conversation: Annotated[
        str,
        typer.Option(
            "--conversation",
            help="Keep the values in this vault, for `mask restore`.",
            metavar="ID",
            show_default=False,
        ),
    ] = "",
    mode: mask_room.Modes = None,
    names: mask_room.NamesOption = "",
    no_names: mask_room.NoNames = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists; IN never.")] = False,
    as_json: common.Json = False,
) -> None:
    """Mask a table: CSV, JSON Lines or Parquet, by the file's ending.

    The same value has the same surrogate in the whole file, and without
    --conversation another one in every run, which nobody can turn back. A column's
    name tells what its numbers are; nested values are looked through. OUT appears
    when it is whole, readable for you alone.

    Example: weighbridge mask file patients.csv shared.csv --level strict
    """
    from weighbridge.mask.bulk import Bulk
    from weighbridge.mask.files import Rows
    from weighbridge.mask.kinds import masked_kinds, own_kinds
    from weighbridge.mask.scan import Scanner
    from weighbridge.mask.sheet import Sheet

    _check(source, target, force=force)
    config = common.load_config(ctx)
    settings = mask_room.settings_of(config, names, no_names=no_names)
    modes = mask_room.modes_of(settings, mode)
    wanted = mask_room.level_of(settings, level)
    kinds = masked_kinds(wanted, modes, own_kinds(settings))
    keys = mask_room.Keys(config)
    if conversation:
        sheet = keys.sheet(mask_room.conversation_of(conversation), modes)
    else:
        sheet = Sheet(secrets.token_bytes(32), modes=modes)
    bulk = Bulk(
        Scanner(terms=settings.terms, patterns=settings.patterns, allow=settings.allow),
        mask_room.names_of(config, settings, kinds, asked=names not in {"", "off"}),
        min_score=settings.min_score,
    )
    rows = Rows(bulk, sheet, kinds=kinds)
    with _fresh(target) as beside, _stoppable() as stopped:
        named = [name.strip() for name in columns.split(",") if name.strip()]
        done = _masked(source, beside, rows, named, stopped)
        if conversation:
            keys.keep(conversation, sheet)
    counts = {name: dict(rows.counts.get(name, {})) for name in done.columns}
    if as_json:
        told = {
            "file": str(target),
            "rows": done.rows,
            "level": wanted,
            "columns": counts,
            "not_looked_through": done.passed,
        }
        common.print_json(told)
    else:
        _table(target, done, counts)


def _masked(source: Path, target: Path, rows: Rows, named: list[str], stopped: Callable[[], None]) -> Done:
    from weighbridge.cli.mask_parquet import mask_parquet, total_rows
    from weighbridge.cli.mask_tables import mask_csv, mask_jsonl

    match source.suffix.lower():
        case ".parquet":
            with _progress(total_rows(source), stopped) as advance:
                return mask_parquet(source, target, rows, named, advance)
        case ".csv" | ".tsv":
            with _progress(source.stat().st_size, stopped) as advance:
                return mask_csv(source, target, rows, named, advance)
        case _:
            with _progress(source.stat().st_size, stopped) as advance:
                return mask_jsonl(source, target, rows, named, advance)


def _check(source: Path, target: Path, *, force: bool) -> None:
    """Refuse what cannot be masked, before anything is done.

    Raises:
        InputError: It cannot.
    """
    ending = source.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"'{ending}' is the ending of no table.", where=str(source), fix=did_you_mean(ending, _ENDINGS)
        )
    if target.suffix.lower() != ending:
        raise InputError(
            "It is to be of another kind than the source.", where=str(target), fix=f"Let its name end with {ending}."
        )
    try:
        with source.open("rb"):
            pass
    except OSError as error:
        raise unreadable(error, source) from error
    if target.exists() and target.samefile(source):
        raise InputError("It is the source itself.", where=str(target), fix="Give another name: IN is never changed.")
    if target.exists() and not force:
        raise InputError("It exists already.", where=str(target), fix="Give another name, or --force.")


@contextlib.contextmanager
def _fresh(target: Path) -> Iterator[Path]:
    """A private file beside the target, which takes its name when all went well, and goes when anything did not."""
    from weighbridge.store.files import store_error, sync_folder

    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield beside
        with beside.open("rb") as made:
            os.fsync(made.fileno())
        beside.replace(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        raise store_error(error, target) from error
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _stoppable() -> Iterator[Callable[[], None]]:
    """SIGINT and SIGTERM end the work. What is given raises KeyboardInterrupt once one of them came.

    The handler raises as well, which ends what waits; but what is raised while C code calls back is lost there.
    """
    came = False

    def note(*_: Any) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    before = {sent: signal.signal(sent, note) for sent in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield check
    finally:
        for sent, old in before.items():
            signal.signal(sent, old)


@contextlib.contextmanager
def _progress(total: int | None, stopped: Callable[[], None]) -> Iterator[Advance]:
    with bars.of_work("Masking", total) as show:

        def advance(at: int) -> None:
            stopped()
            show(at)

        yield advance


def _table(target: Path, done: Done, counts: dict[str, dict[str, int]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = common.console()
    out.print(common.printable(f"{done.rows} rows in {target}"), markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("column", overflow="fold")
    table.add_column("masked", overflow="fold")
    for name, found in counts.items():
        table.add_row(escape(common.printable(name)), escape(mask_room.counted(found)))
    out.print(table)
    if done.passed:
        told = f"not looked through: {', '.join(done.passed)}"
        out.print(common.printable(told), markup=False)
