"""Every place of a request in which its caller's words stand, visited in one order.

What is not named here as structure (models, roles, names of tools, sealed blobs) is visited: a field that a dialect adds
tomorrow stands in some `extra`, and is looked through with it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import (
    Citation,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    ReasoningPart,
    Request,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.errors import MaskError

SEALED = frozenset(
    {"signature", "thoughtSignature", "thought_signature", "encrypted_content", "encrypted_index", "encrypted_stdout"}
)
"""Fields of parts that only their issuer can read, and made itself: a changed one is refused, none holds the caller's words."""

USERS = frozenset({"user", "user_id", "safety_identifier", "prompt_cache_key", "end_user_id", "session_id"})
"""Fields of a request, beside those that the canon knows, by which hosts tell users apart."""

_TEXTS = ("text/", "application/json", "application/xml", "application/yaml", "application/x-", "message/")
_MAX_DEPTH = 256
_S = TypeVar("_S", bound=Struct)


class Visitor(Protocol):
    """What is done with the texts of a request. Each method gives what stands in the text's place, itself if nothing."""

    def text(self, text: str) -> str:
        """Words of people or of engines."""
        ...

    def json(self, text: str) -> str:
        """The text of a JSON value; of anything else it is as `text`."""
        ...

    def name(self, name: str) -> str:
        """A name by which a participant or a user is known: all of it is personal. Letters, digits, `_` and `-` alone."""
        ...

    def media(self, what: str) -> None:
        """Something that cannot be looked through.

        Raises:
            MediaError: It may not pass.
        """
        ...


def walk(request: Request, visitor: Visitor) -> Request:
    """The request with what the visitor puts in its places; the same object if it changes nothing.

    Raises:
        MaskError: It nests too deeply to be looked through.
    """
    walker = _Walker(visitor)
    visit = visitor.text
    sampling = request.sampling
    shape = request.response_format
    return _changed(
        request,
        messages=_each(request.messages, walker.message),
        tools=_each(request.tools, walker.tool),
        response_format=shape
        and _changed(shape, schema=walker.tree(shape.schema), description=_text(visit, shape.description)),
        sampling=_changed(sampling, stop=_each(sampling.stop, visit)) if sampling.stop else sampling,
        user=request.user and visitor.name(request.user),
        cache_key=request.cache_key and visitor.name(request.cache_key),
        metadata=walker.json_tree(request.metadata),
        extra=walker.beside(request.extra),
        headers=walker.tree(request.headers),
    )


class _Walker:
    """Goes through the parts of a request."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._text = visitor.text

    def message(self, message: Message) -> Message:
        name = message.name
        if name and message.role == "user":
            name = self._visitor.name(name)
        elif name and message.role != "tool":
            name = self.ident(name)
        return _changed(message, parts=_each(message.parts, self.part), name=name, extra=self.tree(message.extra))

    def tool(self, tool: Tool) -> Tool:
        return _changed(
            tool,
            description=_text(self._text, tool.description),
            schema=self.tree(tool.schema),
            extra=self.tree(tool.extra),
            opaque=tool.opaque and self.opaque(tool.opaque),
        )

    def part(self, part: Part) -> Part:  # noqa: PLR0911 - one for each kind of part
        match part:
            case TextPart():
                return self.text_part(part)
            case ToolCallPart():
                return _changed(
                    part,
                    id=self.ident(part.id),
                    arguments=self._visitor.json(part.arguments),
                    extra=self.tree(part.extra),
                )
            case ToolResultPart():
                return _changed(
                    part,
                    call_id=self.ident(part.call_id),
                    parts=_each(part.parts, self.part),
                    extra=self.tree(part.extra),
                )
            case ReasoningPart():
                return _changed(part, text=_text(self._text, part.text), extra=self.tree(part.extra))
            case OpaquePart():
                return self.opaque(part)
            case ImagePart():
                self._visitor.media("image")
                return _changed(part, url=_text(self._text, part.url), extra=self.tree(part.extra))
            case FilePart():
                return self.file(part)

    def text_part(self, part: TextPart) -> TextPart:
        text = self._visitor.json(part.text)
        citations = _each(part.citations, self.citation)
        if text is not part.text and citations:
            # What they point at has moved; where exactly, nobody needs in a turn that was said already.
            citations = tuple(replace(one, start=None, end=None) for one in citations)
        return _changed(part, text=text, citations=citations, extra=self.tree(part.extra))

    def citation(self, citation: Citation) -> Citation:
        return _changed(
            citation,
            url=_text(self._text, citation.url),
            title=_text(self._text, citation.title),
            quote=_text(self._text, citation.quote),
            extra=self.tree(citation.extra),
        )

    def file(self, part: FilePart) -> FilePart:
        data = part.data
        if data and (text := _as_text(data, part.media_type)) is not None:
            seen = self._visitor.json(text)
            data = data if seen is text else base64.b64encode(seen.encode()).decode("ascii")
        else:
            self._visitor.media("file")
        return _changed(
            part,
            data=data,
            name=_text(self._text, part.name),
            url=_text(self._text, part.url),
            extra=self.tree(part.extra),
        )

    def opaque(self, part: OpaquePart) -> OpaquePart:
        return _changed(part, data=self.tree(part.data))

    def ident(self, name: str) -> str:
        """An id, or a name of limited letters: replaced as a whole if anything is found in it."""
        return self._visitor.name(name) if self._text(name) != name else name

    def json_tree(self, tree: dict[str, Any]) -> dict[str, Any]:
        """An object of the caller's own making: a key tells what its value is, and is one of its words itself."""
        if not tree:
            return tree
        text = msgspec.json.encode(tree).decode()
        seen = self._visitor.json(text)
        return tree if seen is text else cast("dict[str, Any]", msgspec.json.decode(seen))

    def tree(self, tree: Any) -> Any:
        """Whatever JSON: its strings, and the keys of its objects. The same object if nothing changes."""
        return self._leaf(tree, 0, said="") if tree else tree

    def beside(self, tree: dict[str, Any]) -> dict[str, Any]:
        """What a dialect says that the canon does not know: by some of its fields users are known."""
        made = {dialect: self._fields(fields) for dialect, fields in tree.items()}
        return tree if all(made[key] is tree[key] for key in tree) else made

    def _fields(self, fields: Any) -> Any:
        if type(fields) is not dict or USERS.isdisjoint(fields):
            return self.tree(fields)
        users = {key: value for key, value in fields.items() if key in USERS and type(value) is str and value}
        rest = self.tree({key: value for key, value in fields.items() if key not in users})
        made = {**rest, **{key: self._visitor.name(value) for key, value in users.items()}}
        return fields if len(made) == len(fields) and all(made.get(key) is fields[key] for key in fields) else made

    def _leaf(self, tree: Any, depth: int, *, said: str) -> Any:
        if depth > _MAX_DEPTH:
            raise MaskError(f"It nests deeper than {_MAX_DEPTH} levels.", fix="Send less nesting.")
        if type(tree) is str:
            return tree if said in SEALED or not tree else self._visitor.json(tree)
        if type(tree) is dict:
            made = {
                (self._text(key) if key else key): self._leaf(value, depth + 1, said=key) for key, value in tree.items()
            }
            same = all(a is b for a, b in zip(made, tree, strict=False)) and len(made) == len(tree)
            return tree if same and all(made[key] is tree[key] for key in tree) else made
        if type(tree) in (list, tuple):
            items = [self._leaf(item, depth + 1, said=said) for item in tree]
            return tree if all(a is b for a, b in zip(items, tree, strict=True)) else items
        return tree


def _as_text(data: str, media_type: str) -> str | None:
    """What a document says, where it is text; None where it is something else, or is said not to be."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind and not kind.startswith(_TEXTS):
        return None
    try:
        return base64.b64decode(data, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _text(visit: Callable[[str], str], text: str) -> str:
    return visit(text) if text else text


def _each(items: Sequence[Any], visit: Callable[[Any], Any]) -> tuple[Any, ...]:
    made = [visit(item) for item in items]
    if all(a is b for a, b in zip(made, items, strict=True)):
        return cast("tuple[Any, ...]", items)
    return tuple(made)


def _changed(struct: _S, **fields: Any) -> _S:
    """The struct with these fields; itself where they are what it has."""
    new = {name: value for name, value in fields.items() if value is not getattr(struct, name)}
    return replace(struct, **new) if new else struct
