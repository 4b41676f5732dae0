"""What some bytes are: their own first bytes tell, whatever a header says of them."""

from __future__ import annotations

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"\xef\xbb\xbf%PDF-", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)
#: by the four letters after the length of a RIFF file
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
#: by the brand of an ISO media file; all others are films
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
#: other names of what is recognised
_ALIASES = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "image/heif": "image/heic",
}
_RECOGNISED = frozenset({kind for _, kind in _STARTS} | set(_RIFF.values()) | set(_BRANDS.values()) | set(_ALIASES))
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT = 65536
_FILM = "video/mp4"


def media_type(data: bytes, told: str) -> str:
    """The media type of an image, a PDF, a sound or a text; "" for everything else.

    Args:
        data: All of it.
        told: The `content-type` that came with it, which counts where the bytes do not tell. A type that would be
            known by its first bytes, and is not, is a lie.
    """
    if found := _by_start(data):
        return "" if found == _FILM else found
    kind = told.partition(";")[0].strip().lower()
    if kind in _RECOGNISED or not data:
        return ""
    if _is_text(data):
        drawn = kind == "image/svg+xml" and b"<svg" in data[:_LOOKED_AT].lower()
        return kind if drawn or kind.startswith("text/") else "" if kind else "text/plain"
    return kind if kind.startswith(("image/", "audio/")) else ""


def _by_start(data: bytes) -> str:
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], _FILM)
    return ""


def _is_text(data: bytes) -> bool:
    return data.startswith(_UTF16) or b"\x00" not in data[:_LOOKED_AT]
