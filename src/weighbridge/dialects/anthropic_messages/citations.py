"""Anthropic Messages: where a passage of an answer comes from.

A citation holds for the whole of its text block. Offsets on this wire count in the source, not in the answer, so they
stay in `extra`.
"""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Citation
from weighbridge.dialects.anthropic_messages.common import EXTRAS, NAME, keep
from weighbridge.dialects.extras import Losses

_IN_DOCUMENTS = ("char_location", "page_location", "content_block_location")
_WEB = "web_search_result_location"


def read_citations(rest: dict[str, Any], form: dict[str, Any]) -> tuple[Citation, ...]:
    """Take the citations out of a text block. What is no list of objects is kept as it is."""
    if "citations" not in rest:
        return ()
    raw = rest.pop("citations")
    if type(raw) is list and raw and all(type(item) is dict for item in raw):
        return tuple(read_citation(item) for item in raw)
    form["citations"] = raw
    return ()


def read_citation(raw: dict[str, Any]) -> Citation:
    """One citation."""
    rest = dict(raw)
    title = "document_title" if rest.get("type") in _IN_DOCUMENTS else "title"
    return Citation(_pop(rest, "url"), _pop(rest, title), _pop(rest, "cited_text"), extra=keep(rest))


def _pop(rest: dict[str, Any], key: str) -> str:
    value = rest.get(key)
    return rest.pop(key) if type(value) is str and value else ""


def write_citation(citation: Citation, place: str, losses: Losses) -> dict[str, Any] | None:
    """One citation of an answer; None where it has neither an address nor fields of this dialect."""
    rest = citation.extra.get(NAME)
    if rest is None:
        return _from_elsewhere(citation, place, losses)
    title = "document_title" if rest.get("type") in _IN_DOCUMENTS else "title"
    known = {"url": citation.url, title: citation.title, "cited_text": citation.quote}
    return {**rest, **{key: value for key, value in known.items() if value}}


def is_own(citation: Citation) -> bool:
    """Was it read from this dialect? Only then the engine can make use of it again."""
    return NAME in citation.extra


def _from_elsewhere(citation: Citation, place: str, losses: Losses) -> dict[str, Any] | None:
    losses.foreign(citation.extra, f"{place}.citations")
    if not citation.url:
        losses.note(f"{place}.citations", f"{EXTRAS.name} tells the address of what is cited, and this has none", "low")
        return None
    if citation.start is not None or citation.end is not None:
        losses.note(f"{place}.citations", "a citation stands for its whole text block, not for a passage of it", "low")
    return {
        "type": _WEB,
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.quote,
        "encrypted_index": "",
    }
