"""Gemini: what an answer rests on. Its wire counts bytes of UTF-8, the canon counts characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weighbridge.canon import Citation

MOST = 1024  #: segments, and sources of one, that are read


def read_citations(raw: Any, texts: Sequence[str | None]) -> list[list[Citation]]:
    """The citations of each part.

    Args:
        raw: `groundingMetadata`, of whatever form.
        texts: The text of each part, None for what is no text.
    """
    found: list[list[Citation]] = [[] for _ in texts]
    spots = {i: text.encode() for i, text in enumerate(texts) if text}
    if spots:
        for told, sources in supports(raw):
            spot, start, end = _search(told, spots)
            found[spot] += [cite(source, start, end) for source in sources]
    return found


def locate(told: dict[str, Any], data: bytes, before: int) -> tuple[int | None, int | None]:
    """The characters of a segment in a text that `before` bytes of other text precede; (None, None) if not in it."""
    start, end = _count(told.get("startIndex")), _count(told.get("endIndex"))
    for shift in (before, 0) if before else (0,):
        if _fits(data, start - shift, end - shift, told.get("text")):
            return _characters(data, start - shift), _characters(data, end - shift)
    return None, None


def supports(raw: Any) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each supported segment of a `groundingMetadata` with the sources it rests on."""
    chunks = _list(raw.get("groundingChunks")) if type(raw) is dict else []
    for support in _list(raw.get("groundingSupports"))[:MOST] if chunks else []:
        if type(support) is not dict:
            continue
        segment = support.get("segment")
        places = _list(support.get("groundingChunkIndices"))[:MOST]
        sources = [chunks[i] for i in places if type(i) is int and 0 <= i < len(chunks)]
        known = [source for source in sources if type(source) is dict]
        if known:
            yield (segment if type(segment) is dict else {}), known


def cite(source: dict[str, Any], start: int | None, end: int | None) -> Citation:
    """A source as a citation of a passage."""
    inner = next((v for k in ("web", "retrievedContext", "maps", "image") if type(v := source.get(k)) is dict), {})
    quote = inner.get("text") if "retrievedContext" in source else ""
    url = inner.get("uri") or inner.get("sourceUri")
    return Citation(_text(url), _text(inner.get("title")), _text(quote), start, end)


def _search(told: dict[str, Any], spots: dict[int, bytes]) -> tuple[int, int | None, int | None]:
    """The part and the characters of a segment. The wire's own number of the part is not to be relied on."""
    said = _count(told.get("partIndex"))
    order = [said, *(i for i in spots if i != said)] if said in spots else list(spots)
    for i in order:
        start, end = locate(told, spots[i], 0)
        if start is not None:
            return i, start, end
    before = 0
    for i, data in spots.items():  # counted from the start of the whole answer
        start, end = locate(told, data, before)
        if start is not None:
            return i, start, end
        before += len(data)
    return order[0], None, None


def _fits(data: bytes, start: int, end: int, text: Any) -> bool:
    if not 0 <= start < end <= len(data):
        return False
    return type(text) is not str or not text or data[start:end] == text.encode()


def _characters(data: bytes, place: int) -> int:
    return place if data.isascii() else len(data[:place].decode("utf-8", "ignore"))


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _text(value: Any) -> str:
    return value if type(value) is str else ""


class Grounding:
    """Builds a `groundingMetadata` from citations. A source that is cited twice stands in it once."""

    def __init__(self) -> None:
        self._chunks: list[dict[str, Any]] = []
        self._places: dict[tuple[str, str, str], int] = {}
        self._supports: list[dict[str, Any]] = []

    def add(self, citation: Citation, text: str, *, part: int = 0, before: int = 0) -> None:
        """Add a citation.

        Args:
            citation: What is cited, and by which characters of the text.
            text: The text part that it belongs to.
            part: The part's number in its content.
            before: Bytes of text that precede the part, where the wire counts them from the answer's start.
        """
        key = (citation.url, citation.title, citation.quote)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self._chunks)
            self._chunks.append(_chunk(citation))
        start = 0 if citation.start is None else citation.start
        end = len(text) if citation.end is None else citation.end
        cited = text[start:end]
        first = before + len(text[:start].encode())
        segment: dict[str, Any] = {}
        if citation.start is not None or citation.end is not None:
            segment.update(endIndex=first + len(cited.encode()), text=cited)
            if first:
                segment["startIndex"] = first
        if part:
            segment["partIndex"] = part
        same = self._supports[-1] if self._supports and self._supports[-1]["segment"] == segment else None
        if same is not None:
            same["groundingChunkIndices"].append(place)
        else:
            self._supports.append({"segment": segment, "groundingChunkIndices": [place]})

    def metadata(self) -> dict[str, Any]:
        """What has come so far; empty where nothing has."""
        if not self._chunks:
            return {}
        return {"groundingChunks": list(self._chunks), "groundingSupports": list(self._supports)}


def _chunk(citation: Citation) -> dict[str, Any]:
    source = {"uri": citation.url, "title": citation.title, "text": citation.quote}
    kind = "retrievedContext" if citation.quote or not citation.url else "web"
    return {kind: {key: value for key, value in source.items() if value}}
