"""One request on its way out, masked, and its answer on the way back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from weighbridge.canon import LEVELS, Event, Level, Masking, Reply, Request, Span
from weighbridge.errors import MaskError, MediaError, TooLargeError
from weighbridge.mask.back import Back, restored_reply
from weighbridge.mask.detect import Finder
from weighbridge.mask.kinds import masked_kinds, own_kinds
from weighbridge.mask.resolve import resolve
from weighbridge.mask.secret import conversation_key
from weighbridge.mask.sheet import Sheet
from weighbridge.mask.vault import Vault
from weighbridge.mask.walk import walk
from weighbridge.settings import Mask

_MB = 1_000_000
_QUOTED = ("{", "[")
_LEAST_NAME = 6  #: characters of an id that is looked for in texts; shorter ones are words
_NO_KEY = b"\0" * 32  #: of a sheet on which nothing is ever written


class Masked(Struct, frozen=True):
    """A request as an engine may see it.

    `conversation`: the conversation's id as traces may hold it.
    `counts`: values that were masked, by kind. `reported`: what could not be looked through and passed all the same, by what
    it is. `shape`: does the answer have to be JSON?
    """

    request: Request
    conversation: str
    masking: Masking
    counts: dict[str, int]
    reported: dict[str, int]
    back: Back

    @property
    def level(self) -> Level:
        """At which level."""
        return self.masking.level

    def reply(self, reply: Reply) -> Reply:
        """The answer with the caller's own values.

        Raises:
            MaskError: It would bring a value to a place where it must not go.
        """
        return restored_reply(reply, self.back)

    def recorded(self, reply: Reply) -> Reply:
        """The answer with the caller's own values everywhere, for traces that hold them."""
        return restored_reply(reply, self.back.open())

    def events(self) -> Callable[[list[Event]], list[Event]] | None:
        """What a stream of events goes through; [] asks for what is held back. None: nothing has to change."""
        return self.back.stream() if self.back.active else None

    def text(self, text: str) -> str:
        """A message, such as an error's, with the caller's own values."""
        return self.back.text(text)


class Masker:
    """Masks requests. May be used by several threads at once.

    Args:
        finder: Finds what is to be masked.
        settings: The section `[mask]`.
        secret: From which the keys of conversations are made.
        vault: Keeps values of conversations with an id of their own; None: nobody does.
    """

    def __init__(self, finder: Finder, settings: Mask, secret: bytes, vault: Vault | None = None) -> None:
        self.finder = finder
        self._settings = settings
        self._secret = secret
        self._vault = vault
        self._custom = own_kinds(settings)

    def mask(
        self, request: Request, masking: Masking, *, tenant: str, conversation: str, until: float | None = None
    ) -> Masked:
        """Put surrogates in the place of what an engine must not see.

        Args:
            request: As its caller sent it.
            masking: What is to be masked, and how.
            tenant: Tells callers apart: the same value of two of them has two surrogates.
            conversation: Within one, a value keeps its surrogate; "": there is none.
            until: When it must be done, on the monotonic clock.

        Raises:
            MaskError: A detector failed, or time is over.
            MediaError: It holds what cannot be looked through, at a level that does not let it pass.
            TooLargeError: There is more text than may be looked through.
        """
        until = min(until or float("inf"), time.monotonic() + self._settings.seconds)
        kinds = self._kinds(masking)
        key = conversation_key(self._secret, tenant, conversation)
        collected = _Collect(Sheet(key), masking.level, int(self._settings.max_mb * _MB))
        walk(request, collected)
        collected.text(conversation)
        texts = list(collected.texts)
        spans = self.finder.find(texts, kinds=kinds, until=until)
        if _is_personal(masking.level):
            spans = [_with_names(text, row, collected.names) for text, row in zip(texts, spans, strict=True)]
        found = dict(zip(texts, spans, strict=True))
        sheet = Sheet(key, modes=masking.kinds, avoid=texts)
        kept = self._vault is not None and bool(conversation) and not conversation.startswith("~")
        if kept and self._vault is not None:
            sheet.learn(self._vault.get(tenant, conversation))
        replacing = _Replace(sheet, found, masking.level)
        masked = walk(request, replacing)
        # A client's own id for its cache may be its user's.
        told = conversation in (request.cache_key, request.continues) or found[conversation]
        named = replacing.name(conversation) if conversation and told else conversation
        if kept and self._vault is not None:
            self._vault.put(tenant, conversation, [one for one in sheet.entries if one.mode in ("surrogate", "token")])
        return Masked(
            request=masked,
            conversation=named,
            masking=masking,
            counts=dict(sheet.counts),
            reported=collected.reported,
            back=Back(sheet, masking, request, texts),
        )

    def work(self, request: Request, masking: Masking) -> int:
        """Characters that would have to be looked through: those of texts that nobody remembers.

        Raises:
            MediaError: As for `mask`.
            TooLargeError: As for `mask`.
        """
        collected = _Collect(Sheet(_NO_KEY), masking.level, int(self._settings.max_mb * _MB))
        walk(request, collected)
        kinds = self._kinds(masking)
        return sum(len(text) for text in collected.texts if not self.finder.remembers([text], kinds=kinds))

    def _kinds(self, masking: Masking) -> frozenset[str]:
        return masked_kinds(masking.level, masking.kinds, self._custom)


class _Collect:
    """Takes down every text, in the form in which it is looked through."""

    def __init__(self, sheet: Sheet, level: Level, most: int) -> None:
        self._sheet = sheet
        self._level = level
        self._most = most
        self._size = 0
        self.texts: dict[str, None] = {}
        self.names: set[str] = set()
        self.reported: dict[str, int] = {}

    def text(self, text: str) -> str:
        self._see(text)
        return text

    def json(self, text: str) -> str:
        if looks_like_json(text):
            self._sheet.replace_json(text, self._see)
        else:
            self._see(text)
        return text

    def name(self, name: str) -> str:
        self._see(name)
        if len(name) >= _LEAST_NAME:
            self.names.add(name)
        return name

    def media(self, what: str) -> None:
        if self._level == "strict":
            raise MediaError(
                f"The request holds what masking cannot look through: {what}.",
                where="messages",
                fix='Leave it out, send its text, or lower the route\'s mask level from "strict".',
            )
        self.reported[what] = self.reported.get(what, 0) + 1

    def _see(self, text: str) -> Sequence[Span]:
        if text not in self.texts:
            self.texts[text] = None
            self._size += len(text)
            if self._size > self._most:
                raise TooLargeError(
                    f"There are more than {self._most:,} characters to be looked through.",
                    where="messages",
                    fix="Send less at once, or raise mask.max_mb.",
                )
        return ()


class _Replace:
    """Puts surrogates in."""

    def __init__(self, sheet: Sheet, found: dict[str, list[Span]], level: Level) -> None:
        self._sheet = sheet
        self._found = found
        self._personal = _is_personal(level)

    def text(self, text: str) -> str:
        spans = self._spans(text)
        return self._sheet.replace(text, spans) if spans else text

    def json(self, text: str) -> str:
        return self._sheet.replace_json(text, self._spans) if looks_like_json(text) else self.text(text)

    def name(self, name: str) -> str:
        return self._sheet.pseudonym("user_id", name) if self._personal or self._spans(name) else name

    def media(self, what: str) -> None:
        """It was seen before, and may pass."""

    def _spans(self, text: str) -> list[Span]:
        try:
            return self._found[text]
        except KeyError:
            raise MaskError("A text of the request was not looked through; nothing was passed on.") from None


def _is_personal(level: Level) -> bool:
    return LEVELS.index(level) >= LEVELS.index("personal")


def _with_names(text: str, spans: list[Span], names: Collection[str]) -> list[Span]:
    """What is hidden as a whole in its own place is hidden where texts repeat it, too."""
    more = [
        Span(match.start(), match.end(), "user_id")
        for name in names
        if name in text
        for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", text)
    ]
    return resolve([*spans, *more], min_score=0.0, kinds=None) if more else spans


def looks_like_json(text: str) -> bool:
    """May it be a JSON object, a list or a string? What only looks so is read as plain text."""
    return text[:64].lstrip().startswith((*_QUOTED, '"'))
