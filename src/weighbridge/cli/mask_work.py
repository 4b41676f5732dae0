"""The work of `mask apply` and `mask restore` on one text of whatever form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Event,
    Level,
    Masking,
    Mode,
    Reply,
    Request,
    ResponseFormat,
    Span,
    Tool,
    ToolCallDelta,
    WayOut,
)
from weighbridge.cli.mask_forms import Form
from weighbridge.cli.mask_room import Keys, no_vault
from weighbridge.errors import InputError
from weighbridge.mask.back import Back, restored_reply
from weighbridge.mask.detect import NAMED, Finder
from weighbridge.mask.kinds import masked_kinds, own_kinds
from weighbridge.mask.masker import Masker, looks_like_json
from weighbridge.mask.resolve import resolve
from weighbridge.mask.restore import Restorer
from weighbridge.mask.sheet import Sheet
from weighbridge.mask.spread import spread
from weighbridge.mask.walk import walk
from weighbridge.settings import Mask
from weighbridge.wire.convert import NO_MODEL, neutral, written

_PATIENCE = 3600.0  #: seconds: nobody waits for an answer but who typed the command


class Applied(Struct, frozen=True):
    """A masked text, and what was masked: values by kind. `failed`: a line could not be used."""

    text: str
    level: Level
    counts: dict[str, int]
    reported: dict[str, int]
    failed: bool = False


class Work:
    """Masks and restores the texts of one conversation.

    Args:
        keys: The keys and the vault.
        settings: The section `[mask]`.
        conversation: Its id.
    """

    def __init__(self, keys: Keys, settings: Mask, conversation: str) -> None:
        self._keys = keys
        self._settings = settings
        self._conversation = conversation

    def apply(self, text: str, form: Form, finder: Finder, level: Level, modes: dict[str, Mode]) -> Applied:
        """The text with surrogates; its values are in the vault afterwards.

        Raises:
            InputError: The text is not what the form says.
            MaskError: A detector failed.
        """
        match form.kind:
            case "request":
                return self._request(text, form, finder, Masking(level=level, kinds=modes))
            case "reply" | "stream":
                raise InputError(
                    "It is an answer, and only requests are masked.", fix="Give --as text to mask it as a text."
                )
        lines = [text] if form.kind == "text" else text.split("\n")
        pieces = [_readable(line, form, at) for at, line in enumerate(lines, 1)]
        made, counts = self._texts([one for one in pieces if isinstance(one, str)], finder, level, modes)
        told = "\n".join(_in_place(pieces, iter(made)))
        return Applied(told, level, counts, {}, failed=any(isinstance(one, InputError) for one in pieces))

    def restore(self, text: str, form: Form, urls: str) -> tuple[str, bool]:
        """The text with the values that the vault holds, and whether a line could not be used.

        Raises:
            NotFoundError: There is no vault.
            InputError: The text is not what the form says.
        """
        if not self._keys.vault.get(self._keys.tenant, self._conversation):
            raise no_vault(self._conversation)
        sheet = self._keys.sheet(self._conversation)
        restorer = sheet.restorer(urls="keep" if urls == "keep" else "restore")
        match form.kind:
            case "request":
                return _restored_request(text, form, restorer), False
            case "reply" | "stream":
                out: WayOut = "restore" if urls == "restore" else "keep"
                return _restored_answer(text, form, sheet, Masking(urls=out)), False
        lines = [text] if form.kind == "text" else text.split("\n")
        pieces = [_readable(line, form, at) for at, line in enumerate(lines, 1)]
        made = (
            restorer.json(one) if looks_like_json(one) else restorer.text(one) for one in pieces if isinstance(one, str)
        )
        told = "\n".join(_in_place(pieces, made))
        return told, any(isinstance(one, InputError) for one in pieces)

    def _request(self, text: str, form: Form, finder: Finder, masking: Masking) -> Applied:
        dialect = dialects.get(form.dialect)
        request = dialect.read_request(text.encode(), model=NO_MODEL)
        settings = replace(self._settings, seconds=_PATIENCE)
        masker = Masker(finder, settings, self._keys.secret, self._keys.vault)
        masked = masker.mask(request, masking, tenant=self._keys.tenant, conversation=self._conversation)
        body, _ = dialect.write_request(masked.request, neutral(request))
        return Applied(body.decode() + "\n", masking.level, masked.counts, masked.reported)

    def _texts(
        self, texts: Sequence[str], finder: Finder, level: Level, modes: dict[str, Mode]
    ) -> tuple[list[str], dict[str, int]]:
        blank = Sheet(bytes(32))  # nothing is ever written on it
        seen: dict[str, None] = {}

        def see(text: str) -> list[Span]:
            seen[text] = None
            return []

        for text in texts:
            _replaced(blank, text, see)
        sheet = self._keys.sheet(self._conversation, modes, avoid=tuple(seen))
        found = self._found(list(seen), finder, masked_kinds(level, modes, own_kinds(self._settings)), sheet)
        made = [_replaced(sheet, text, found.__getitem__) for text in texts]
        self._keys.keep(self._conversation, sheet)
        return made, dict(sheet.counts)

    def _found(self, texts: list[str], finder: Finder, kinds: frozenset[str], sheet: Sheet) -> dict[str, list[Span]]:
        """The values by text. A name that the vault knows from an earlier text is found again."""
        rows = finder.find(texts, kinds=kinds)
        known = [entry for entry in sheet.entries if entry.kind in NAMED & kinds]
        if known:
            values = [entry.value for entry in known]
            whole = [[Span(0, len(entry.value), entry.kind, "name", 1.0)] for entry in known]
            more = spread([*texts, *values], [*rows, *whole])
            least = self._settings.min_score
            rows = [resolve(row, min_score=least, kinds=kinds) for row in more[: len(texts)]]
        return dict(zip(texts, rows, strict=True))


class _Restore:
    """Brings values back in all places of a request; see `walk.Visitor`."""

    def __init__(self, restorer: Restorer) -> None:
        self.text = restorer.text
        self._json = restorer.json

    def json(self, text: str) -> str:
        return self._json(text) if looks_like_json(text) else self.text(text)

    def name(self, name: str) -> str:
        return self.text(name)

    def media(self, what: str) -> None:
        """It was not changed."""


def _restored_request(text: str, form: Form, restorer: Restorer) -> str:
    dialect = dialects.get(form.dialect)
    request = dialect.read_request(text.encode(), model=NO_MODEL)
    body, _ = dialect.write_request(walk(request, _Restore(restorer)), neutral(request))
    return body.decode() + "\n"


def _restored_answer(text: str, form: Form, sheet: Sheet, masking: Masking) -> str:
    """The tools that it calls are taken for those of who restores it."""
    dialect = dialects.get(form.dialect)
    if form.kind == "reply":
        reply = dialect.read_reply(text.encode())
        called = [call.name for choice in reply.choices for call in choice.tool_calls]
        back = Back(sheet, masking, _asked(called, quoted=_is_json(reply)), ())
        body, _ = dialect.write_reply(restored_reply(reply, back))
        return body.decode() + "\n"
    reader = dialect.reader()
    events = [*reader.feed(text.encode()), *reader.close()]
    called = [event.name for event in events if isinstance(event, ToolCallDelta) and event.name]
    stream: Callable[[list[Event]], list[Event]] = Back(sheet, masking, _asked(called), ()).stream()
    body, _ = written(dialect, [*stream(events), *stream([])])
    return body.decode()


def _asked(tools: Sequence[str], *, quoted: bool = False) -> Request:
    shape = ResponseFormat("json_object") if quoted else None
    return Request(NO_MODEL, tools=tuple(Tool(name) for name in tools), response_format=shape)


def _is_json(reply: Reply) -> bool:
    return looks_like_json(reply.text)


def _replaced(sheet: Sheet, text: str, find: Callable[[str], Sequence[Span]]) -> str:
    return sheet.replace_json(text, find) if looks_like_json(text) else sheet.replace(text, find(text))


def _readable(line: str, form: Form, number: int) -> str | InputError:
    """The line, if it is what the form says."""
    if form.kind != "jsonl" or not line.strip():
        return line
    try:
        value: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = None
    if isinstance(value, dict):
        return line
    return InputError("It is no JSON object.", where=f"line {number}", fix="Write one JSON object per line.")


def _in_place(pieces: Sequence[str | InputError], made: Iterator[str]) -> Iterator[str]:
    for piece in pieces:
        if isinstance(piece, InputError):
            yield msgspec.json.encode({"error": {"code": piece.code, "message": str(piece)}}).decode()
        else:
            yield next(made)
