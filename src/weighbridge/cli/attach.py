"""Files that go along with a question: text as text, images as images."""

from __future__ import annotations

import base64
from pathlib import Path

from weighbridge.canon import ImagePart, TextPart
from weighbridge.errors import MediaError, TooLargeError, unreadable

MAX_BYTES = 10 * 1024 * 1024
IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


def attach(path: Path) -> TextPart | ImagePart:
    """The part of a message that carries a file.

    Raises:
        InputError: The file cannot be read.
        TooLargeError: It is over 10 MB.
        MediaError: It is neither UTF-8 text nor a PNG, JPEG, GIF or WebP image.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(error, path) from error
    if len(data) > MAX_BYTES:
        raise TooLargeError("The file is over 10 MB.", where=str(path), fix="Send a smaller one.")
    for magic, media_type in IMAGES:
        if data.startswith(magic) and (magic != b"RIFF" or data[8:12] == b"WEBP"):
            return ImagePart(data=base64.b64encode(data).decode(), media_type=media_type)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MediaError(
            "The file is neither UTF-8 text nor an image.",
            where=str(path),
            fix="Send text, or a PNG, JPEG, GIF or WebP image.",
        ) from error
    return TextPart(f"File {path.name}:\n{text}\n\n")
