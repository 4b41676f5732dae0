"""`weighbridge wire`: translate between wire formats, and check that nothing is lost silently."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError, unreadable

if TYPE_CHECKING:
    from weighbridge.wire.convert import FindEngine

app = typer.Typer(help="Translate between wire formats, and check that nothing is lost silently.", no_args_is_help=True)


@app.command()
def convert(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="JSON Lines; standard input if left out.", metavar="FILE")] = None,
) -> None:
    """Translate requests, replies, streams and errors from one dialect to another.

    JSON Lines in, JSON Lines out, in the same order; a row that cannot be used is an error in its place.

    In:  {"kind": "request" | "reply" | "stream" | "error", "from": DIALECT, "to": DIALECT | "canon", "body": ...}
    and where it matters "engine": "model@host" (its quirks are applied), "status": N (of an error), "model" and
    "stream" (of a gemini-generate request, whose path says them). A stream's body is the raw text.

    Out: {"body": ..., "losses": [{"field", "reason", "severity"}], "error": null | {"code", "message"}}

    Dialects: openai-chat, openai-responses, anthropic-messages, gemini-generate. "canon" gives what is said, in a
    form that is the same for all of them.

    Example: weighbridge wire convert rows.jsonl > translated.jsonl
    """
    import msgspec

    from weighbridge.wire.convert import Converted
    from weighbridge.wire.convert import convert as translate
    from weighbridge.wire.lines import read

    engine = _engines(ctx)
    encode = msgspec.json.Encoder().encode
    stream = _open(file)
    with stream:
        for row in read(stream, str(file or "standard input")):
            made = Converted(failed=row) if isinstance(row, InputError) else translate(row, engine)
            sys.stdout.buffer.write(encode(made.row()) + b"\n")
            sys.stdout.buffer.flush()


def _open(file: Path | None) -> typer.FileBinaryRead:
    if file is None:
        return sys.stdin.buffer  # type: ignore[return-value]  # both give lines of bytes
    try:
        return file.open("rb")  # type: ignore[return-value]  # as above
    except OSError as error:
        raise unreadable(error, file) from error


def _engines(ctx: typer.Context) -> FindEngine:
    """Looks engines up in the catalogue, which is read when the first one is asked for."""
    from functools import lru_cache

    from weighbridge.canon import Profile
    from weighbridge.engines.catalogue import Catalogue, load

    @lru_cache(1)
    def catalogue() -> Catalogue:
        return load(common.load_config(ctx))

    @lru_cache(256)
    def find(name: str, dialect: str) -> tuple[Profile, str]:
        found = catalogue().engine(name)
        return catalogue().profile(found, dialect), found.upstream

    return find


@app.command()
def conform(
    paths: Annotated[list[Path], typer.Argument(help="Recordings (.jsonl, .jsonl.gz), or their folders.")],
    as_json: common.Json = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the matrix as a page.", metavar="FILE")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write the matrix as Markdown.", metavar="FILE")
    ] = None,
    known: Annotated[
        Path | None, typer.Option("--known", help='TOML: id = "why this exchange may fail".', metavar="FILE")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Where streams are cut at random.")] = 0,
) -> None:
    """Check recorded exchanges: exact on their own dialect, nothing lost silently on the way to others.

    Each line of a recording is {"id", "dialect", "path", "status", "stream", "request", "response"}. Every request
    and reply is read and written again, every stream is cut anew at random bytes, and all of them cross to each
    other dialect and back. Where something differs, a Loss must have said so. What is written for another dialect
    is also parsed by the vendor's own SDK, where it is installed.

    Exit code 1 where a check fails that --known gives no reason for.

    Example: weighbridge wire conform recordings/ --html conformance.html
    """
    from rich.progress import track

    from weighbridge.cli.wire_sdks import installed
    from weighbridge.wire import page
    from weighbridge.wire.checks import check
    from weighbridge.wire.corpus import files, read
    from weighbridge.wire.matrix import gather

    rows = [row for path in files(paths) for row in read(path)]
    if not rows:
        raise InputError("No exchange is recorded there.", where=str(paths[0]), fix="Give files with recordings.")
    parsers = installed()
    watched = track(rows, "Checking", console=common.console(stderr=True), disable=common.quiet(), transient=True)
    matrix = gather((check(row, parsers, seed) for row in watched), _reasons(known))
    for target, made in ((html, page.html), (markdown, page.markdown)):
        if target is not None:
            target.write_text(made(matrix), encoding="utf-8")
    if as_json:
        common.print_json(matrix.as_json())
    else:
        from weighbridge.cli.wire_view import show

        show(common.console(), matrix, missing=[name for name in matrix.rows if name not in parsers])
    if matrix.unexplained:
        raise typer.Exit(1)


def _reasons(file: Path | None) -> dict[str, str]:
    import tomllib

    if file is None:
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"It cannot be read: {error}.", where=str(file), fix='Write id = "reason" lines.') from error
    for key, reason in found.items():
        if not isinstance(reason, str) or not reason:
            raise InputError("The reason is no text.", where=f"{file}: {key}", fix=f'Write "{key}" = "why".')
    return found
