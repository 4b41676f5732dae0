"""OpenAI Chat: what is told about a text beside it: where it comes from, and how likely its tokens were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from weighbridge.canon import Citation, Logprob, Part, TextPart
from weighbridge.dialects.openai_chat.outgoing import NAME, Outgoing, keep, says_nothing

_NUMBER = (int, float)


def read_citation(raw: Any) -> Citation | None:
    """One annotation; None for those that are no citation. Its places count from the start of the message.

    Some hosts put both places at 0, which tells nothing.
    """
    if type(raw) is not dict or raw.get("type") != "url_citation" or type(raw.get("url_citation")) is not dict:
        return None
    inner = dict(raw["url_citation"])
    url, title, quote = (_take(inner, key, str) or "" for key in ("url", "title", "content"))
    start, end = _take(inner, "start_index", int), _take(inner, "end_index", int)
    if not end or start is None or not 0 <= start < end:
        start = end = None
    extra = {} if says_nothing(inner) else keep(inner)
    return Citation(url, title, quote, start, end, extra)


def _take(inner: dict[str, Any], key: str, wanted: type) -> Any:
    return inner.pop(key) if type(inner.get(key)) is wanted else None


def write_citation(citation: Citation, before: int, length: int) -> dict[str, Any]:
    """One annotation.

    Args:
        citation: Its places count from the start of its text part.
        before: Characters of the message before that part.
        length: Characters of that part.
    """
    start = before + (citation.start or 0)
    end = before + (length if citation.end is None else citation.end)
    inner = dict(citation.extra.get(NAME) or {})
    inner.update(url=citation.url, title=citation.title, start_index=start, end_index=end)
    if citation.quote:
        inner["content"] = citation.quote
    return {"type": "url_citation", "url_citation": inner}


def read_annotations(rest: dict[str, Any], parts: list[Part], form: dict[str, Any]) -> None:
    """Take the citations out of a message and put them to its text. Where it has several, they stay as they are."""
    raw = rest.get("annotations")
    places = [i for i, part in enumerate(parts) if type(part) is TextPart]
    if type(raw) is not list or len(places) != 1:
        return
    read = [read_citation(item) for item in raw]
    cited = tuple(c for c in read if c is not None)
    if not cited:
        return
    part: Any = parts[places[0]]
    parts[places[0]] = replace(part, citations=cited)
    others = [item for item, citation in zip(raw, read, strict=True) if citation is None]
    if others:
        rest["annotations"] = others
    else:
        del rest["annotations"]
    if [write_citation(c, 0, len(part.text)) for c in cited] + others != raw:
        form["annotations"] = raw


def write_annotations(
    out: dict[str, Any], parts: Sequence[Part], form: dict[str, Any], place: str, to: Outgoing
) -> None:
    """Set the citations of a message's texts. No request has a place for those of another dialect."""
    texts = [part for part in parts if isinstance(part, TextPart)]
    cited = tuple(c for part in texts for c in part.citations)
    if not cited:
        return
    if not (to.reply or to.own):
        to.losses.note(f"{place}.citations", f"{NAME} has no citations in requests", "low")
        return
    told = form.get("annotations")
    if told is not None and tuple(c for item in told if (c := read_citation(item)) is not None) == cited:
        out["annotations"] = told
        return
    written = []
    before = 0
    for part in texts:
        for citation in part.citations:
            to.losses.foreign(citation.extra, f"{place}.citations")
            written.append(write_citation(citation, before, len(part.text)))
        before += len(part.text)
    out["annotations"] = [*written, *(out.get("annotations") or ())]


def read_logprobs(raw: Any) -> tuple[Logprob, ...]:
    """How likely the tokens were; empty where that is not told, or not in the form that is known."""
    content = raw.get("content") if type(raw) is dict else None
    if type(content) is not list:
        return ()
    found = []
    for item in content:
        if not _is_token(item):
            return ()
        top = item.get("top_logprobs") or ()
        if type(top) not in (list, tuple) or not all(map(_is_token, top)):
            return ()
        found.append(Logprob(item["token"], item["logprob"], tuple((t["token"], t["logprob"]) for t in top)))
    return tuple(found)


def _is_token(item: Any) -> bool:
    return type(item) is dict and type(item.get("token")) is str and type(item.get("logprob")) in _NUMBER


def write_logprobs(tokens: Iterable[Logprob]) -> dict[str, Any]:
    """How likely the tokens were, with their bytes."""
    content = [
        {**_token(t.token, t.logprob), "top_logprobs": [_token(name, value) for name, value in t.top]} for t in tokens
    ]
    return {"content": content, "refusal": None}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "surrogatepass"))}
