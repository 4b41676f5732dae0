"""OpenAI Responses: what hangs on a text: where passages come from, and how likely its tokens were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weighbridge.canon import Citation, Logprob, TextPart
from weighbridge.dialects.extras import Extras, Losses

_EXTRAS = Extras("openai-responses")
_URL = "url_citation"
_NUMBER = (int, float)


def read_annotation(raw: Any) -> Citation:
    """Where a passage comes from. What is no web address is told by the file's name; the rest of it is kept whole."""
    if type(raw) is not dict:
        return Citation(extra=_EXTRAS.keep({}, {"raw": raw}))
    url, title = raw.get("url"), raw.get("title")
    start, end = raw.get("start_index"), raw.get("end_index")
    plain = len(raw) == 5 and type(url) is str and type(title) is str  # noqa: PLR2004 - these four and the type
    if plain and raw.get("type") == _URL and type(start) is int and type(end) is int:
        return Citation(str(url), str(title), "", start, end)
    named = title if type(title) is str else raw.get("filename")
    return Citation(
        url if type(url) is str else "",
        named if type(named) is str else "",
        "",
        start if type(start) is int else None,
        end if type(end) is int else None,
        _EXTRAS.keep({}, {"raw": raw}),
    )


def write_annotations(part: TextPart, told: Any, place: str, losses: Losses) -> list[Any]:
    """A text's annotations: as they were read, where the citations are still the same."""
    if type(told) is list and tuple(read_annotation(raw) for raw in told) == part.citations:
        return told
    written = []
    for citation in part.citations:
        found = write_annotation(citation, len(part.text))
        if found is None:
            losses.note(f"{place}.citations", "an annotation needs an address, or a file of this host", "low")
        else:
            written.append(found)
            if citation.quote:
                losses.note(f"{place}.citations.quote", "an annotation has no place for the quoted words", "low")
    return written


def write_annotation(citation: Citation, length: int) -> Any:
    """One annotation; None where it has no place. `length`: of the text, for citations that are for all of it."""
    form = _EXTRAS.form_of(citation.extra)
    if "raw" in form:
        return form["raw"]
    if not citation.url:
        return None
    start, end = citation.start or 0, length if citation.end is None else citation.end
    return {"type": _URL, "url": citation.url, "title": citation.title, "start_index": start, "end_index": end}


def read_logprobs(raw: Any) -> tuple[Logprob, ...]:
    """How likely tokens were; what is not of this form is passed over."""
    found = []
    for item in raw if type(raw) is list else ():
        if (pair := _pair(item)) is not None:
            top = item.get("top_logprobs")
            others = tuple(other for each in top if (other := _pair(each))) if type(top) is list else ()
            found.append(Logprob(*pair, others))
    return tuple(found)


def _pair(item: Any) -> tuple[str, float] | None:
    if type(item) is not dict or type(item.get("token")) is not str or type(item.get("logprob")) not in _NUMBER:
        return None
    return item["token"], float(item["logprob"])


def write_logprobs(tokens: Iterable[Logprob]) -> list[dict[str, Any]]:
    """How likely tokens were, in full."""
    return [
        {**_token(t.token, t.logprob), "top_logprobs": [_token(other, chance) for other, chance in t.top]}
        for t in tokens
    ]


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "bytes": list(token.encode("utf-8", "surrogatepass")), "logprob": logprob}
