"""Putting a keepsake back into the turn that it belongs to, whatever its client made of that turn. Pure.

What is visible stays as the client has it: people edit, trim and join what was said. What is not visible comes from
the keepsake alone, each piece before the visible one that it stood before.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Blob, FilePart, ImagePart, Message, Part, ReasoningPart, TextPart, ToolCallPart
from weighbridge.exchange.keepsake import Keepsake, KeptPart, call_digest, ids_of, said_of, text_digest

Placed = tuple[int, Part]
"""A part, with the number of the message that it stands in."""


class Label(Struct, frozen=True):
    """How pieces are marked on their way out.

    `name`: what their seals name as the issuer. `own`: they go back to where they come from, with every detail.
    """

    name: str
    own: bool


def put_back(turn: Sequence[Message], keepsake: Keepsake, label: Label) -> tuple[Message, ...]:
    """The turn with exactly the thinking and the seals that the engine gave it; the same turn if it had them.

    Args:
        turn: One turn of the assistant, as its client tells it, in one message or several in a row.
        keepsake: What was kept of it.
        label: How it is marked.
    """
    placed = [(number, part) for number, message in enumerate(turn) for part in message.parts]
    visible = [item for item in placed if not _is_hidden(item[1])]
    if len(turn) == 1:
        visible = _split(visible, keepsake)
    kept = keepsake.parts
    partners = _partners(visible, kept)
    told = sum(not _hidden(part) for part in kept)
    if len(turn) == 1 and len(partners) == len(visible) == told:
        made = _ordered(visible, kept, partners, label)
    else:
        made = _woven(visible, kept, partners, label)
    if [_look(part) for _, part in made] == [_look(part) for _, part in placed]:
        return tuple(turn)
    return _regrouped(turn, made)


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


def _split(visible: list[Placed], keepsake: Keepsake) -> list[Placed]:
    """Texts that the client joined, as the engine told them, if that can be told for certain."""
    texts = [part for _, part in visible if isinstance(part, TextPart)]
    sizes = [part.size for part in keepsake.parts if part.kind == "text" and part.size]
    whole = texts[0] if len(texts) == 1 else TextPart("")
    if (
        len(sizes) < 2  # noqa: PLR2004 - nothing can have been joined
        or whole.citations
        or len(whole.text) != sum(sizes)
        or said_of(texts) != keepsake.said
    ):
        return visible
    return [item for placed in visible for item in (_pieces(placed, sizes) if placed[1] is whole else (placed,))]


def _pieces(placed: Placed, sizes: Sequence[int]) -> Iterator[Placed]:
    number, whole = placed
    assert isinstance(whole, TextPart)
    start = 0
    for size in sizes[:-1]:
        yield number, TextPart(whole.text[start : start + size])
        start += size
    yield number, replace(whole, text=whole.text[start:])  # a cache marker stands at the end of what it covers


def _partners(visible: Sequence[Placed], kept: Sequence[KeptPart]) -> dict[int, int]:
    """Which visible part each kept one is: the place in `visible` by the place in `kept`.

    A call is known by its id and its arguments, or by these alone where its id was changed.
    """
    places: dict[Hashable, deque[int]] = {}
    for at, (_, part) in enumerate(visible):
        for sign in _signs(part):
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


def _signs(part: Part) -> tuple[Hashable, ...]:
    match part:
        case ToolCallPart():
            what = call_digest(part)
            return (("call", what, part.id), ("call", what))
        case TextPart():
            return (("text", text_digest(part.text)),)
        case _:
            return (type(part).__name__,)


def _kept_signs(part: KeptPart, *, exact: bool) -> Sequence[Hashable]:
    match part.kind:
        case "call":
            return [("call", part.what, name) for name in ids_of(part.call_id)] if exact else [("call", part.what)]
        case "text":
            return [("text", part.what)]
        case _:
            return [part.kind]


def _woven(visible: Sequence[Placed], kept: Sequence[KeptPart], partners: dict[int, int], label: Label) -> list[Placed]:
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
    woven = [(0, piece) for piece in before.get(0, ())]
    for at, (number, part) in enumerate(visible):
        woven.append((number, _dressed(part, back[at], label) if at in back else part))
        following = visible[at + 1][0] if at + 1 < len(visible) else number
        woven += [(following, piece) for piece in before.get(at + 1, ())]
    return woven


def _ordered(
    visible: Sequence[Placed], kept: Sequence[KeptPart], partners: dict[int, int], label: Label
) -> list[Placed]:
    """All parts in the engine's own order: everything that was said is still there, and nothing else."""
    made: list[Placed] = []
    for place, part in enumerate(kept):
        if place in partners:
            made.append((0, _dressed(visible[partners[place]][1], part, label)))
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
    if isinstance(part, (TextPart, ToolCallPart)):
        return replace(part, blobs=blobs, extra={**_details(kept, label), **part.extra})
    return replace(part, blobs=blobs) if isinstance(part, (ImagePart, FilePart)) else part


def _details(part: KeptPart, label: Label) -> dict[str, Any]:
    """What only the dialect of old knows, if that is spoken now."""
    return {key: value for key, value in part.extra.items() if label.own and key.rstrip("$") == label.name}


def _labelled(blobs: tuple[Blob, ...], issuer: str) -> tuple[Blob, ...]:
    return tuple(replace(blob, issuer=issuer) for blob in blobs)


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


def _regrouped(turn: Sequence[Message], made: Sequence[Placed]) -> tuple[Message, ...]:
    """The messages with their new parts; those that held nothing but what was taken out of them are gone."""
    parts: dict[int, list[Part]] = {}
    for number, part in made:
        parts.setdefault(number, []).append(part)
    return tuple(
        replace(message, parts=tuple(parts.get(number, ())))
        for number, message in enumerate(turn)
        if number in parts or not message.parts
    )
