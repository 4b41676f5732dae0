"""An engine's rules for what a conversation may hold: media, system texts, earlier thinking. Pure, on the canon.

Each gives back the very same object where nothing has to change.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weighbridge.canon import (
    FilePart,
    ImagePart,
    Message,
    Part,
    Profile,
    ReasoningPart,
    Request,
    TextPart,
    ToolResultPart,
)
from weighbridge.dialects.extras import Losses

_SYSTEM = frozenset({"system", "developer"})


def refuse_media(request: Request, profile: Profile, losses: Losses) -> Request:
    """Drop the parts of those kinds that the engine rejects; each is a Loss of severity high.

    A message that holds nothing else goes with its parts. What a tool answered stays, without them.
    """
    rejects = frozenset(profile.rejects)
    if not rejects:
        return request
    found: list[Message] = []
    changed = False
    for i, message in enumerate(request.messages):
        parts = _keep(message.parts, rejects, f"messages[{i}].parts", losses)
        changed |= parts is not message.parts
        if parts or not message.parts:
            found.append(message if parts is message.parts else replace(message, parts=parts))
    return replace(request, messages=tuple(found)) if changed else request


def _keep(parts: tuple[Any, ...], rejects: frozenset[str], place: str, losses: Losses) -> tuple[Any, ...]:
    found: list[Part] = []
    for j, part in enumerate(parts):
        if isinstance(part, ToolResultPart):
            inner = _keep(part.parts, rejects, f"{place}[{j}].parts", losses)
            found.append(part if inner is part.parts else replace(part, parts=inner))
        elif wrong := kinds(part) & rejects:
            losses.note(f"{place}[{j}]", f"the engine does not take {min(wrong)}", "high")
        else:
            found.append(part)
    same = len(found) == len(parts) and all(a is b for a, b in zip(found, parts, strict=True))
    return parts if same else tuple(found)


def kinds(part: Part) -> frozenset[str]:
    """What `Profile.rejects` calls a part: image, image_url, file, file_url, pdf, audio, video; none for others."""
    if isinstance(part, ImagePart):
        return frozenset({"image", "image_url"} if part.url else {"image"})
    if not isinstance(part, FilePart):
        return frozenset()
    for kind in ("audio", "video"):
        if part.media_type.startswith(f"{kind}/"):
            return frozenset({kind})
    found = {"file"}
    if part.url:
        found.add("file_url")
    if part.media_type == "application/pdf":
        found.add("pdf")
    return frozenset(found)


def place_system(messages: tuple[Message, ...], rule: str, losses: Losses) -> tuple[Message, ...]:
    """Put system texts where the engine takes them.

    Args:
        messages: The conversation.
        rule: `first`: those that come later become turns of the user in their place, which is a Loss. `one`: so they
            do, and the first ones are joined to a single message. "": anywhere.
        losses: Takes what was lost.
    """
    if not rule:
        return messages
    head = next((i for i, message in enumerate(messages) if message.role not in _SYSTEM), len(messages))
    late = [i for i in range(head, len(messages)) if messages[i].role in _SYSTEM]
    joined = rule == "one" and head > 1
    if not late and not joined:
        return messages
    found = [_join(messages[:head])] if joined else list(messages[:head])
    for i in range(head, len(messages)):
        message = messages[i]
        if message.role in _SYSTEM:
            why = f"the engine takes {message.role} texts first only; here it is a turn of the user"
            losses.note(f"messages[{i}].role", why)
            message = replace(message, role="user")
        found.append(message)
    return tuple(found)


def _join(messages: tuple[Message, ...]) -> Message:
    parts: list[Part] = []
    for message in messages:
        added = list(message.parts)
        if parts and added and isinstance(added[0], TextPart):
            added[0] = replace(added[0], text=f"\n\n{added[0].text}")
        parts += added
    if all(isinstance(part, TextPart) and part == TextPart(part.text) for part in parts):
        parts = [TextPart("".join(part.text for part in parts if isinstance(part, TextPart)))]
    return replace(messages[0], parts=tuple(parts))


def replay(messages: tuple[Message, ...], rule: str, own: str = "") -> tuple[Message, ...]:
    """Leave out earlier thinking that the engine must not see again.

    Args:
        messages: The conversation.
        rule: `never`: the text of thinking goes, but what the engine has sealed itself stays. With any other rule
            everything stays that is there.
        own: The issuer of the blobs that the engine can read, where it is known; else every blob counts as its own.
    """
    if rule != "never":
        return messages
    changed = False
    found = []
    for message in messages:
        parts = tuple(p for p in message.parts if not isinstance(p, ReasoningPart) or _is_sealed(p, own))
        if len(parts) != len(message.parts):
            changed = True
            message = replace(message, parts=parts)  # noqa: PLW2901 - the message without its thinking
        found.append(message)
    return tuple(found) if changed else messages


def _is_sealed(part: ReasoningPart, own: str) -> bool:
    return any(not own or blob.issuer == own for blob in part.blobs)
