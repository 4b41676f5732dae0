"""Putting a keepsake back into the turn that it belongs to, whatever its client made of that turn. Pure.

What is visible stays as the client has it: people edit, trim and join what was said. What is not visible comes from
the keepsake alone, each piece before the visible one that it stood before.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Blob, FilePart, ImagePart, Message, Part, ReasoningPart, TextPart, ToolCallPart
from weighbridge.exchange.keepsake import Keepsake, KeptPart, Turn, ids_of, text_digest

Made = tuple[int, Part]
"""A part, with the number of the message that it stands in."""


class Placed(NamedTuple):
    """The same of a part that the client tells, with its digest."""

    number: int
    part: Part
    what: bytes


class Label(Struct, frozen=True):
    """How pieces are marked on their way out.

    `name`: what their seals name as the issuer. `own`: they go back to where they come from, with every detail.
    """

    name: str
    own: bool


def put_back(
    messages: Sequence[Message], turns: Sequence[Turn], keepsake: Keepsake, label: Label
) -> tuple[Message, ...]:
    """The turn with exactly the thinking and the seals that the engine gave it; the same turn if it had them.

    Args:
        messages: One turn of the assistant, as its client tells it, in one message or several in a row.
        turns: The same messages, looked at.
        keepsake: What was kept of them.
        label: How it is marked.
    """
    placed = [
        Placed(number, part, what)
        for number, turn in enumerate(turns)
        for part, what in zip(turn.parts, turn.contents, strict=True)
    ]
    made = _in_step(placed, keepsake.parts, label) if len(messages) == 1 else None
    if made is None:
        made = _matched(placed, keepsake, label, alone=len(messages) == 1)
    if len(made) == len(placed) and all(
        new[1] is old.part or _look(new[1]) == _look(old.part) for new, old in zip(made, placed, strict=True)
    ):
        return tuple(messages)
    return _regrouped(messages, made)


def mark(turn: Sequence[Message], issuer: str) -> tuple[Message, ...]:
    """The turn with its thinking and seals marked as another issuer's, for an engine that may not see them."""
    return tuple(_marked(message, issuer) for message in turn)


def _marked(message: Message, issuer: str) -> Message:
    parts = tuple(_foreign(part, issuer) for part in message.parts)
    return message if all(map(operator.is_, parts, message.parts)) else replace(message, parts=parts)


def _foreign(part: Part, issuer: str) -> Part:
    blobs = _labelled(getattr(part, "blobs", ()), issuer)
    if isinstance(part, ReasoningPart) and (blobs or part.extra):
        # Without the details of form: they may hold the seal once more, or stand for a blank one.
        return ReasoningPart(part.text, blobs)
    return replace(part, blobs=blobs) if blobs else part


def _is_hidden(part: Part) -> bool:
    """Is it nothing that people see?"""
    return isinstance(part, ReasoningPart) or (isinstance(part, TextPart) and not part.text and bool(part.blobs))


def _hidden(part: KeptPart) -> bool:
    """The same of a kept part."""
    return part.kind == "reasoning" or (part.kind == "text" and not part.size)


def _in_step(placed: Sequence[Placed], kept: Sequence[KeptPart], label: Label) -> list[Made] | None:
    """All parts in the engine's own order, where the client tells all that was visible, in this order; else None."""
    made: list[Made] = []
    at = 0
    for part in (*kept, None):
        if part is not None and _hidden(part):
            made += [(0, piece) for piece in _made(part, label)]
            continue
        while at < len(placed) and (_is_hidden(placed[at].part) or _is_blank(placed[at].part)):
            if _is_blank(placed[at].part):
                made.append(placed[at][:2])
            at += 1
        if part is None:
            return made if at == len(placed) else None
        if at < len(placed) and _same(placed[at], part):
            made.append((0, _dressed(placed[at].part, part, label)))
            at += 1
        else:
            return None
    return made


def _is_blank(part: Part) -> bool:
    """Is it a text without text, which some clients tell beside calls?"""
    return isinstance(part, TextPart) and not part.text and not part.blobs


def _same(told: Placed, kept: KeptPart) -> bool:
    if isinstance(told.part, ToolCallPart):
        return kept.kind == "call" and kept.what == told.what and told.part.id in ids_of(kept.call_id)
    if isinstance(told.part, TextPart):
        return kept.kind == "text" and kept.what == told.what
    return kept.kind == type(told.part).__name__


def _matched(placed: Sequence[Placed], keepsake: Keepsake, label: Label, *, alone: bool) -> list[Made]:
    """The parts of a turn that the client changed, joined or told in another order."""
    visible = [item for item in placed if not _is_hidden(item.part)]
    if alone:
        visible = _split(visible, keepsake)
    kept = keepsake.parts
    partners = _partners(visible, kept)
    if alone and len(partners) == len(visible) == sum(not _hidden(part) for part in kept):
        return _ordered(visible, kept, partners, label)
    return _woven(visible, kept, partners, label)


def _split(visible: list[Placed], keepsake: Keepsake) -> list[Placed]:
    """Texts that the client joined, as the engine told them, if that can be told for certain."""
    texts = [item for item in visible if isinstance(item.part, TextPart)]
    sizes = [part.size for part in keepsake.parts if part.kind == "text" and part.size]
    whole = texts[0].part if len(texts) == 1 else None
    if (
        len(sizes) < 2  # noqa: PLR2004 - nothing can have been joined
        or not isinstance(whole, TextPart)
        or whole.citations
        or len(whole.text) != sum(sizes)
        or texts[0].what != keepsake.said
    ):
        return visible
    return [item for told in visible for item in (_pieces(told.number, whole, sizes) if told.part is whole else [told])]


def _pieces(number: int, whole: TextPart, sizes: Sequence[int]) -> Iterator[Placed]:
    start = 0
    for place, size in enumerate(sizes):
        text = whole.text[start : start + size]
        last = place == len(sizes) - 1  # a cache marker stands at the end of what it covers
        yield Placed(number, replace(whole, text=text) if last else TextPart(text), text_digest(text))
        start += size


def _partners(visible: Sequence[Placed], kept: Sequence[KeptPart]) -> dict[int, int]:
    """Which visible part each kept one is: the place in `visible` by the place in `kept`.

    A call is known by its id and its arguments, or by these alone where its id was changed.
    """
    places: dict[Hashable, deque[int]] = {}
    for at, told in enumerate(visible):
        for sign in _signs(told):
            places.setdefault(sign, deque()).append(at)
    found: dict[int, int] = {}
    taken: set[int] = set()
    for exact in (True, False):
        for place, known in enumerate(kept):
            if place in found or _hidden(known):
                continue
            for sign in _kept_signs(known, exact=exact):
                row = places.get(sign, deque())
                while row and row[0] in taken:
                    row.popleft()
                if row:
                    found[place] = row.popleft()
                    taken.add(found[place])
                    break
    return found


def _signs(told: Placed) -> tuple[Hashable, ...]:
    match told.part:
        case ToolCallPart():
            return (("call", told.what, told.part.id), ("call", told.what))
        case TextPart():
            return (("text", told.what),)
        case _:
            return (type(told.part).__name__,)


def _kept_signs(part: KeptPart, *, exact: bool) -> Sequence[Hashable]:
    match part.kind:
        case "call":
            return [("call", part.what, name) for name in ids_of(part.call_id)] if exact else [("call", part.what)]
        case "text":
            return [("text", part.what)]
        case _:
            return [part.kind]


def _woven(visible: Sequence[Placed], kept: Sequence[KeptPart], partners: dict[int, int], label: Label) -> list[Made]:
    """The visible parts in the client's order, each after what it came after. What the answer began with is first."""
    before: dict[int, list[Part]] = {}
    waiting: list[Part] = []
    shown = False
    after = 0
    for place, known in enumerate(kept):
        if _hidden(known):
            waiting += _made(known, label)
            continue
        at = partners.get(place)
        if waiting and (at is not None or not shown):
            before.setdefault(at if shown and at is not None else 0, []).extend(waiting)
            waiting = []
        shown = True
        after = after if at is None else at + 1
    before.setdefault(after, []).extend(waiting)
    back = {at: kept[place] for place, at in partners.items()}
    woven: list[Made] = [(0, piece) for piece in before.get(0, ())]
    for at, (number, part, _) in enumerate(visible):
        woven.append((number, _dressed(part, back[at], label) if at in back else part))
        following = visible[at + 1].number if at + 1 < len(visible) else number
        woven += [(following, piece) for piece in before.get(at + 1, ())]
    return woven


def _ordered(visible: Sequence[Placed], kept: Sequence[KeptPart], partners: dict[int, int], label: Label) -> list[Made]:
    """All parts in the engine's own order: everything that was said is still there, and nothing else."""
    made: list[Made] = []
    for place, part in enumerate(kept):
        if place in partners:
            made.append((0, _dressed(visible[partners[place]].part, part, label)))
        else:
            made += [(0, piece) for piece in _made(part, label)]
    return made


def _made(part: KeptPart, label: Label) -> list[Part]:
    """A kept part that no client shows; nothing where it holds nothing."""
    blobs = _labelled(part.blobs, label.name)
    extra = _details(part, label)
    if part.kind == "reasoning":
        return [ReasoningPart(part.text, blobs, extra)]
    return [TextPart("", extra, blobs=blobs)] if blobs else []


def _dressed(part: Part, kept: KeptPart, label: Label) -> Part:
    """A visible part with the seals, and for its own engine the details, that it came with."""
    blobs = _labelled(kept.blobs, label.name)
    details = _details(kept, label)
    if not details and getattr(part, "blobs", ()) == blobs:
        return part
    if isinstance(part, (TextPart, ToolCallPart)):
        return replace(part, blobs=blobs, extra={**details, **part.extra})
    return replace(part, blobs=blobs) if isinstance(part, (ImagePart, FilePart)) else part


def _details(part: KeptPart, label: Label) -> dict[str, Any]:
    """What only the dialect of old knows, if that is spoken now."""
    if not part.extra:
        return {}
    return {key: value for key, value in part.extra.items() if label.own and key.rstrip("$") == label.name}


def _labelled(blobs: tuple[Blob, ...], issuer: str) -> tuple[Blob, ...]:
    return tuple(blob if blob.issuer == issuer else replace(blob, issuer=issuer) for blob in blobs)


def _look(part: Part) -> object:
    """What an engine sees of a part that a client and a keepsake may both tell, apart from details of form."""
    match part:
        case ReasoningPart():
            return ("reasoning", part.text, part.blobs)
        case TextPart():
            return ("text", part.text, part.blobs)
        case ToolCallPart():
            return ("call", part.id, part.name, part.arguments, part.blobs)
        case _:
            return part


def _regrouped(turn: Sequence[Message], made: Sequence[Made]) -> tuple[Message, ...]:
    """The messages with their new parts; those that held nothing but what was taken out of them are gone."""
    parts: dict[int, list[Part]] = {}
    for number, part in made:
        parts.setdefault(number, []).append(part)
    return tuple(
        replace(message, parts=tuple(parts.get(number, ())))
        for number, message in enumerate(turn)
        if number in parts or not message.parts
    )
