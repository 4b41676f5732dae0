"""`weighbridge sign`: put a signature under a report, so that nobody can change it and work out all digests anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli import common, documents
from weighbridge.errors import InputError, StoreError

_NAME = 200  # characters of the signer's name


def sign(
    report: Annotated[
        Path | None,
        typer.Argument(help="A report (HTML) or scorecard document (JSON).", metavar="REPORT", show_default=False),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The private key: a PEM file.", show_default=False)] = None,
    by: Annotated[str, typer.Option(help="Who signs, for people; the signature does not prove it.")] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where the signed report goes; in place by default.", show_default=False),
    ] = None,
    new_key: Annotated[
        Path | None,
        typer.Option(
            "--new-key", help="Make a pair of keys: FILE, private, and FILE.pub.", metavar="FILE", show_default=False
        ),
    ] = None,
) -> None:
    """Sign a report, so that whoever has your public key can tell that it is yours.

    An Ed25519 signature of the document's digest is put into the document.
    `weighbridge verify REPORT --key FILE.pub` checks it.

    Example: weighbridge sign weighbridge-report.html --key release.pem
    """
    if new_key is not None:
        _make(new_key)
    if report is None or key is None:
        if new_key is not None and report is None:
            return
        raise InputError("A report and a key are needed.", fix="weighbridge sign REPORT --key FILE")
    _sign(report, _bytes(key), out or report, by[:_NAME])
    common.console().print(f"Signed: {out or report}", markup=False, soft_wrap=True)


def _sign(report: Path, pem: bytes, target: Path, by: str) -> None:
    from weighbridge.weigh.document import canonical, carried, reading, signing, writing

    data = documents.read(str(report))
    tree = reading.open_document(data, str(report)).tree
    signed = canonical.encode(signing.sign(tree, signing.private_key(pem, "--key"), by))
    made = signed + b"\n"
    if carried.is_html(data):
        place = carried.element(data, str(report))
        made = data[: place.start] + writing.embedded(signed).encode() + data[place.end :]
    _write(target, made, 0o644)


def _make(path: Path) -> None:
    from weighbridge.weigh.document import signing

    public_path = path.with_name(f"{path.name}.pub")
    for one in (path, public_path):
        if one.exists():
            raise InputError("There is a file already, and it may be a key.", where=str(one), fix="Name another file.")
    private, public = signing.new_key()
    _write(path, private, 0o600)
    _write(public_path, public, 0o644)
    common.console().print(
        f"Private key: {path} (keep it)\nPublic key:  {public_path} (give it away)", markup=False, soft_wrap=True
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The key cannot be read: {error.strerror}.",
            where=str(path),
            fix="`weighbridge sign --new-key FILE` makes one.",
        ) from error


def _write(path: Path, data: bytes, mode: int) -> None:
    """All of it or nothing; a file that is replaced keeps who may read it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        kept = path.stat().st_mode & 0o777 if path.exists() else mode
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, kept), "wb") as stream:
            stream.write(data)
        fresh.replace(path)
    except OSError as error:
        raise StoreError(
            f"The file cannot be written: {error.strerror}.", where=str(path), fix="Name another file with --out."
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
