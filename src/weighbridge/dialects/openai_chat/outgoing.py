"""OpenAI Chat: what is being written, for whom, and by whose rules."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Blob, Part, Profile
from weighbridge.dialects.extras import Extras, Losses
from weighbridge.dialects.ids import CallIds

NAME = "openai-chat"
EXTRAS = Extras(NAME)
#: Under this key of `extra` stand details of form, see `dialects.base`.
FORM = EXTRAS.form
keep = EXTRAS.keep

NEUTRAL = Profile()
#: What OpenAI accepts as the id of a tool call. Other hosts have rules of their own, in their profiles.
_CALL_IDS = r"(?s:.{1,64})"


class Outgoing:
    """What the writers of one request or one answer share.

    Args:
        losses: Takes what cannot be written.
        profile: The engine's quirks; for an answer the neutral ones.
        own: Was it read in this same dialect? Then nothing is changed that no quirk asks for.
        reply: It is an answer: its seals are for the client to keep, whoever made them.
        legacy: The client speaks of functions, not of tools.
        blank: What must stand in `reasoning_content` of earlier turns that have none: "always", "tools" or "".
    """

    __slots__ = ("blank", "ids", "legacy", "losses", "media", "names", "own", "profile", "reply")

    def __init__(
        self,
        losses: Losses,
        profile: Profile = NEUTRAL,
        *,
        own: bool = False,
        reply: bool = False,
        legacy: bool = False,
        blank: str = "",
    ) -> None:
        self.losses = losses
        self.profile = profile
        self.own = own
        self.reply = reply
        self.legacy = legacy
        self.blank = blank
        self.ids = CallIds(profile.call_ids or ("" if own or reply else _CALL_IDS), profile.call_id_length)
        #: Tools' names by the ids of their calls, as far as the conversation was written.
        self.names: dict[str, str] = {}
        #: Images and files that must wait for the next turn of the user.
        self.media: list[Part] = []

    def seals(self, blobs: tuple[Blob, ...], place: str) -> tuple[Blob, ...]:
        """Those of the blobs that may be written: in a request only what this dialect's engine made itself."""
        if self.reply or not blobs:
            return blobs
        kept = tuple(blob for blob in blobs if blob.issuer == NAME)
        if len(kept) < len(blobs):
            self.losses.note(place, "what is sealed goes back to its issuer only", "low")
        return kept

    def marker(self, cache: str, form: dict[str, Any], place: str) -> dict[str, Any] | None:
        """The cache marker to write. Without a word about it in the profile, only one that came in this dialect."""
        if not cache:
            return None
        knows = self.profile.cache_markers
        if knows or (knows is None and "cache" in form):
            return {"type": "ephemeral"} if cache == "default" else {"type": "ephemeral", "ttl": cache}
        self.losses.note(f"{place}.cache", f"{NAME} has no cache markers here", "low")
        return None


def read_marker(rest: dict[str, Any], form: dict[str, Any]) -> str:
    """Take a cache marker out of a part or a tool; "" where there is none that the canon knows, and then it stays."""
    raw = rest.get("cache_control")
    if type(raw) is not dict or raw.get("type") != "ephemeral":
        return ""
    cache = raw.get("ttl", "default")
    known = (len(raw) == 1 and cache == "default") or (len(raw) == 2 and cache in ("5m", "1h"))  # noqa: PLR2004 - type and ttl
    if not known:
        return ""
    del rest["cache_control"]
    form["cache"] = True
    return str(cache)


def says_nothing(value: Any) -> bool:
    """Is it null, empty, or made of nothing else? Hosts fill their answers up with such fields."""
    if type(value) is dict:
        return all(says_nothing(inner) for inner in value.values())
    return not value
