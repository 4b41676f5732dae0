"""The samples as one JSON block inside the report: the page's script draws them from it, a page at a time.

Every text is cleaned of hidden characters here, cut to a stated length, and escaped so that nothing in it can end
the block. The script only ever puts it into text nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from weighbridge.canon import (
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.weigh import words
from weighbridge.weigh.numbers import clean, known, money, percent, plural, seconds
from weighbridge.weigh.report.chosen import Chosen
from weighbridge.weigh.rows import MICRO, category_name
from weighbridge.weigh.types import Judgement, Preference, Result, Sample, Weighing

MOST_TEXT = 2_500_000  #: bytes of questions and answers in one report, all together
LONGEST_TEXT, SHORTEST_LIMIT = 20_000, 300  #: characters of one text: where there is room, and at the least
_ID_LIMIT, _LINE_LIMIT = 200, 2_000
_JUDGED = 12  # judgements of one answer that are shown
TIE = 0.5
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})

Block = tuple[str, str]  # the kind of a part ("" for plain text), its text


def json_block(value: Any) -> str:
    """`value` as JSON that is inert inside a `<script type="application/json">`."""
    return msgspec.json.encode(value).decode().translate(_ESCAPES)


def payload(weighing: Weighing, chosen: Chosen) -> dict[str, Any]:
    """All that the page's script needs."""
    names = words.labels(weighing)
    cards = words.ordered(weighing)
    limit = text_limit(chosen)
    said = Said(weighing, chosen.samples)
    wordless = bool(weighing.source) and not any(m.parts != (TextPart(""),) for s in chosen.samples for m in s.messages)
    rows = [
        _sample(sample, name, [*zip(results, (card.currency for card in cards), strict=True)], limit)
        | said.of(sample.id)
        for sample, name, results in zip(chosen.samples, unique_ids(chosen.samples), chosen.results, strict=True)
    ]
    return {
        "engines": [names[card.engine] for card in cards],
        "compared": bool(weighing.comparisons),
        "categories": list(dict.fromkeys(row["category"] for row in rows)),
        "wordless": wordless,
        "total": chosen.total,
        "samples": rows,
    }


def text_limit(chosen: Chosen) -> int:
    """The most characters of one text with which all texts together stay within `MOST_TEXT` bytes: long ones pay for it."""
    sizes = [size for row in zip(chosen.samples, chosen.results, strict=True) for size in _sizes(*row)]

    def fits(limit: int) -> bool:
        return sum(min(1.0, limit / length) * size for length, size in sizes) <= MOST_TEXT

    low, high = SHORTEST_LIMIT, LONGEST_TEXT
    if fits(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _sizes(sample: Sample, results: Sequence[Result | None]) -> Iterable[tuple[int, int]]:
    """The characters of each text, and the bytes that JSON makes of them."""
    parts = [part for message in sample.messages for part in message.parts]
    parts += [part for r in results if r and r.reply and r.reply.choices for part in r.reply.choices[0].parts]
    for part in parts:
        text = str(getattr(part, "text", "") or getattr(part, "arguments", ""))
        if text:
            size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            yield len(text), size + 5 * sum(map(text.count, "<>&")) + sum(map(text.count, '\n"\\'))


def unique_ids(samples: Iterable[Sample]) -> list[str]:
    """A clean id for each sample, numbered where cleaning made two the same."""
    taken: set[str] = set()
    repeats: Counter[str] = Counter()
    made = []
    for sample in samples:
        plain = name = clean(sample.id[:_ID_LIMIT]) or "(no id)"
        while name in taken:
            repeats[plain] += 1
            name = f"{plain} ({repeats[plain] + 1})"
        taken.add(name)
        made.append(name)
    return made


def cut(text: str, limit: int) -> str:
    """Clean `text`, at most `limit` characters of it, with the rest counted."""
    if len(text) <= limit:
        return clean(text)
    return f"{clean(text[:limit])}\n[{plural(len(text) - limit, 'more character')} not in this report]"


def _sample(sample: Sample, name: str, found: list[tuple[Result | None, str]], limit: int) -> dict[str, Any]:
    return {
        "id": name,
        "category": category_name(sample.category),
        "cluster": clean(sample.cluster[:_ID_LIMIT]),
        "grader": clean(sample.grader),
        "asked": [_message(message, limit) for message in sample.messages],
        "target": target_text(sample.target, limit),
        "results": [_result(result, currency, limit) for result, currency in found],
    }


def target_text(target: Any, limit: int) -> str:
    """A target for people: text as it stands, a list as alternatives, anything else as JSON."""
    if target is None:
        return ""
    if isinstance(target, str):
        return cut(target, limit)
    if isinstance(target, list | tuple) and target and all(isinstance(item, str | int | float) for item in target):
        return cut(" or ".join(str(item) for item in target), limit)
    try:
        return cut(msgspec.json.encode(target).decode(), limit)
    except (UnicodeEncodeError, TypeError, RecursionError):
        return cut(repr(target), limit)


def _message(message: Message, limit: int) -> dict[str, Any]:
    return {"role": message.role, "blocks": blocks(message.parts, limit)}


def _result(result: Result | None, currency: str, limit: int) -> dict[str, Any] | None:
    if result is None:
        return None
    tokens = plural(result.usage.output, "token") + " out" if result.usage else ""
    cost = money(result.cost / MICRO, currency) if result.cost is not None else ""
    first = f"first token {seconds(result.first_token)}" if known(result.first_token) else ""
    total = f"whole answer {seconds(result.total)}" if known(result.total) else ""
    trace = f"trace {clean(result.trace[:_ID_LIMIT])}" if result.trace else ""
    notes = (first, total, tokens, cost, "from an earlier run" if result.reused else "", trace)
    grade = result.grade
    return {
        "score": result.score,
        "valid": grade.valid if grade else None,
        "why": cut(grade.why, _LINE_LIMIT) if grade else "",
        "label": clean(grade.label[:_ID_LIMIT]) if grade else "",
        "missing": result.missing,
        "judged": [judged(j) for j in grade.judged[:_JUDGED]] if grade else [],
        "error": cut(result.error, _LINE_LIMIT) if result.error else "" if grade else "no grade",
        "blocks": _reply(result.reply, limit) if result.reply else [],
        "notes": [note for note in notes if note],
    }


def judged(judgement: Judgement) -> str:
    """What a judge said of one answer or of a pair, in one line."""
    score = percent(judgement.score) if judgement.score is not None else "nothing that could be read"
    first = f", {judgement.first} first" if judgement.first else ""
    return cut(f"{judgement.judge}{first}: {score}{'; ' if judgement.why else ''}{judgement.why}", _LINE_LIMIT)


class Said:
    """What is told of a sample beside its answers: what judges preferred, and how often repeats were right."""

    def __init__(self, weighing: Weighing, samples: Sequence[Sample]) -> None:
        self._cards = words.ordered(weighing)
        self._names = words.labels(weighing)
        shown = {sample.id for sample in samples}
        self._preferred = {
            engine: {p.sample: p for p in found if p.sample in shown} for engine, found in weighing.preferences.items()
        }
        passes = {name: (weighing.results.get(name, ()), *found) for name, found in weighing.repeats.items()}
        self._passes = {
            name: [{r.sample: r for r in one if r.sample in shown} for one in found] for name, found in passes.items()
        }

    def of(self, sample: str) -> dict[str, Any]:
        """Lines of preferences, and a note of repeats for each engine; nothing where there is nothing to tell."""
        preferred = [
            line
            for engine, found in self._preferred.items()
            if sample in found
            for line in self._lines(engine, found[sample])
        ]
        repeats = [self._repeat(card.engine, sample) for card in self._cards]
        made: dict[str, Any] = {"preferred": preferred} if preferred else {}
        return made | ({"repeats": repeats} if any(repeats) else {})

    def _lines(self, engine: str, found: Preference) -> list[str]:
        name = self._names.get(engine, clean(engine))
        if found.score is None:
            told = f"no preference is known{': ' if found.note else ''}{found.note}"
        else:
            told = f"preferred by {percent(found.score)}" if found.score != TIE else "a tie"
        return [f"{name} against the base: {cut(told, _LINE_LIMIT)}", *(judged(j) for j in found.judged[:_JUDGED])]

    def _repeat(self, engine: str, sample: str) -> str:
        found = [one[sample] for one in self._passes.get(engine, ()) if sample in one]
        if len(found) < 2:  # noqa: PLR2004 - once is no repeat
            return ""
        return f"right in {sum(r.score >= 1 for r in found)} of {len(found)} passes"


def _reply(reply: Reply, limit: int) -> list[Block]:
    if not reply.choices:
        return []
    choice = reply.choices[0]
    made = blocks(choice.parts, limit)
    if choice.refusal:
        made.append(("refusal", cut(choice.refusal, limit)))
    if choice.finish and choice.finish not in ("stop", "tool_calls"):
        made.append(("ended because of", choice.finish))
    return made


def blocks(parts: Iterable[Part], limit: int) -> list[Block]:
    """The parts of a message as text; whatever is no text is described, never loaded."""
    made = [_block(part, limit) for part in parts]
    return [block for block in made if block[1]]


def _block(part: Part, limit: int) -> Block:  # noqa: PLR0911 - one return for each kind of part
    match part:
        case TextPart():
            return "", cut(part.text, limit)
        case ReasoningPart():
            return "reasoning", cut(part.text, limit) or f"sealed, {plural(len(part.blobs), 'blob')}"
        case ToolCallPart():
            return "tool call", cut(f"{part.name}({part.arguments})", limit)
        case ToolResultPart():
            told = "\n".join(text for _, text in blocks(part.parts, limit))
            return "tool error" if part.is_error else "tool result", told or "empty"
        case ImagePart():
            return "image", _media(part, limit)
        case FilePart():
            return "file", _media(part, limit)
        case _:
            return "other", cut(f"a part that only {part.dialect} knows", limit)


def _media(part: ImagePart | FilePart, limit: int) -> str:
    if part.data:
        # Base64 holds three bytes in four characters.
        return cut(f"{part.media_type or 'unknown type'}, about {plural(len(part.data) * 3 // 4, 'byte')}", limit)
    return cut(part.url or getattr(part, "file_id", "") or "empty", limit)
