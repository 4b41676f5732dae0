"""The bytes of a document, from a file of its own or from the HTML report that carries it."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import NamedTuple

from weighbridge.errors import InputError, TooLargeError
from weighbridge.weigh.document.writing import ELEMENT

MAX_BYTES = 512 << 20  #: of a document, unpacked
BOM = b"\xef\xbb\xbf"
_ELEMENT = re.compile(rb"<script\b([^>]{0,400})>", re.IGNORECASE)
_ID = re.compile(
    rb"""\bid\s*=\s*["']?""" + ELEMENT.encode() + rb"""["'\s]|\bid\s*=\s*["']?""" + ELEMENT.encode() + rb"$"
)
_END = b"</script>"
_PACKED = re.compile(rb"""\bdata-packed\s*=\s*["']?gzip-base64\b""")


def is_html(data: bytes) -> bool:
    """Does the file begin like a page?"""
    return data[:1024].removeprefix(BOM).lstrip().startswith(b"<")


class Element(NamedTuple):
    """Where a document stands in HTML: its script element from start to end, its content, whether that is packed."""

    start: int
    end: int
    content: bytes
    packed: bool


def element(html: bytes, name: str = "report") -> Element:
    """The script element of an HTML report that carries its document.

    Raises:
        InputError: There is none, more than one, or it does not end.
    """
    found = [match for match in _ELEMENT.finditer(html) if _ID.search(match[1])]
    if len(found) != 1:
        raise InputError(
            f"The page carries {'no scorecard document' if not found else f'{len(found)} scorecard documents'}.",
            where=name,
            fix="Give the report of `weighbridge weigh`, whole, or a document as JSON.",
        )
    end = html.find(_END, found[0].end())
    if end < 0:
        raise InputError("The page ends inside its document.", where=name, fix="Fetch the file again: it is cut off.")
    packed = _PACKED.search(found[0][1]) is not None
    return Element(found[0].start(), end + len(_END), html[found[0].end() : end], packed)


def extract(html: bytes, name: str = "report") -> bytes:
    """The JSON that an HTML report carries.

    Raises:
        InputError: There is none, or more than one.
        TooLargeError: It unpacks to more than a document may have.
    """
    return content(element(html, name), name)


def content(found: Element, name: str) -> bytes:
    """The JSON of an element, unpacked; errors are those of `extract`."""
    return _unpack(found.content.strip().strip(b'"'), name) if found.packed else found.content


def _unpack(packed: bytes, name: str) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        data = reader.decompress(base64.b64decode(packed, validate=True), MAX_BYTES + 1)
    except (zlib.error, binascii.Error) as error:
        raise InputError("The page's packed document is damaged.", where=name, fix="Fetch the file again.") from error
    check_size(len(data), name)
    if not reader.eof:
        raise InputError("The page's packed document is cut off.", where=name, fix="Fetch the file again.")
    return data


def check_size(size: int, name: str) -> None:
    """Raise TooLargeError if a document has too many bytes."""
    if size > MAX_BYTES:
        raise TooLargeError(f"The document is over {MAX_BYTES >> 20} MB.", where=name, fix="Verify a smaller run.")
