"""Every place of a request is visited, but for those that are structure."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from weighbridge.canon import (
    Blob,
    Citation,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    ReasoningPart,
    Request,
    ResponseFormat,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.errors import MaskError
from weighbridge.mask.walk import SEALED, walk

DOCUMENT = base64.b64encode(b"secret words of a document").decode()


class Shout:
    """Puts one word in the place of everything."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.unseen: list[str] = []

    def text(self, text: str) -> str:
        return text.replace("secret", "hidden")

    json = text

    def name(self, name: str) -> str:
        self.names.append(name)
        return name.replace("secret", "hidden")

    def media(self, what: str) -> None:
        self.unseen.append(what)


def full() -> Request:
    """A request with the word in every place that there is."""
    extra = {"openai-chat": {"secret key": ["secret", {"deep": "secret"}]}}
    citation = Citation("http://secret.test", "secret title", "secret quote", 1, 2, extra)
    text = TextPart("a secret text", extra, (citation,), (Blob("x", "secret"),))
    return Request(
        model="secret",
        messages=(
            Message("system", (text,), "a_secret_name", extra),
            Message("user", (ImagePart("http://secret.test", extra=extra), TextPart("no")), "secret_user"),
            Message(
                "user", (FilePart(data=DOCUMENT, media_type="text/plain", name="secret.txt", url="http://secret"),)
            ),
            Message("user", (FilePart(data="JVBERi0=", media_type="application/pdf", extra=extra),)),
            Message(
                "assistant",
                (
                    ReasoningPart("secret thought", (Blob("x", "secret"),), extra),
                    ToolCallPart("secret_id", "secret_tool", '{"q": "secret"}', extra),
                    OpaquePart("anthropic-messages", {"content": "secret", "signature": "secret"}),
                ),
            ),
            Message("tool", (ToolResultPart("secret_id", (text,), "secret_tool", extra=extra),)),
        ),
        tools=(
            Tool("secret_tool", "a secret tool", {"properties": {"secret": {"enum": ["secret"]}}}, extra=extra),
            Tool("", opaque=OpaquePart("openai-responses", {"server": "secret"})),
        ),
        response_format=ResponseFormat("json_schema", "secret_form", {"const": "secret"}, description="secret form"),
        sampling=Sampling(stop=("secret stop",)),
        user="secret user",
        metadata={"who": "secret", "secret": 1},
        extra=extra,
        cache_key="secret cache",
        headers={"x-custom": "secret"},
    )


def left(value: Any, where: str = "") -> Iterator[str]:
    """The places in which the word is left."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from left(one, f"{where}.{key}")
            if "secret" in key:
                yield f"{where}.{key} (key)"
    elif isinstance(value, list | tuple):
        for one in value:
            yield from left(one, where)
    elif isinstance(value, str) and "secret" in value:
        yield where


def test_only_structure_and_seals_are_left_as_they_are() -> None:
    visitor = Shout()
    made = walk(full(), visitor)
    assert set(left(msgspec.to_builtins(made))) == {
        ".model",
        ".messages.parts.blobs.data",
        ".messages.parts.parts.blobs.data",
        ".messages.parts.name",  # of tools
        ".messages.parts.data.signature",
        ".tools.name",
        ".response_format.name",
    }
    assert "signature" in SEALED
    document = made.messages[2].parts[0]
    assert isinstance(document, FilePart)
    assert base64.b64decode(document.data) == b"hidden words of a document"
    assert visitor.names == ["a_secret_name", "secret_user", "secret_id", "secret_id", "secret user", "secret cache"]
    assert visitor.unseen == ["image", "file"]


def test_what_nothing_changes_is_the_same_object() -> None:
    plain = base64.b64encode(b"words").decode().encode()
    said = msgspec.json.encode(full()).replace(b"secret", b"spoken").replace(DOCUMENT.encode(), plain)
    request = msgspec.json.decode(said, type=Request)
    assert walk(request, Shout()) is request
    assert walk(Request("m"), Shout()) == Request("m")


def test_citations_of_a_changed_text_point_at_all_of_it() -> None:
    made = walk(full(), Shout()).messages[0].parts[0]
    assert isinstance(made, TextPart)
    assert (made.citations[0].start, made.citations[0].end) == (None, None)


def test_it_does_not_follow_without_end() -> None:
    deep: Any = "secret"
    for _ in range(300):
        deep = [deep]
    with pytest.raises(MaskError, match="nests deeper"):
        walk(Request("m", extra={"a": deep}), Shout())


def test_documents_that_are_no_text_are_not_looked_through() -> None:
    for data, media_type in (("//79", "text/plain"), ("not base64", "text/plain"), (DOCUMENT, "audio/wav"), ("", "")):
        visitor = Shout()
        walk(Request("m", (Message("user", (FilePart(data=data, media_type=media_type),)),)), visitor)
        assert visitor.unseen == ["file"]
    visitor = Shout()
    walk(Request("m", (Message("user", (FilePart(data=DOCUMENT),)),)), visitor)
    assert visitor.unseen == []


def test_fields_by_which_users_are_known_are_names() -> None:
    visitor = Shout()
    request = Request("m", extra={"openai-embeddings": {"user": "secret one", "input": ["secret"], "n": 1}, "x": 1})
    made = walk(request, visitor)
    assert made.extra == {"openai-embeddings": {"input": ["hidden"], "n": 1, "user": "hidden one"}, "x": 1}
    assert visitor.names == ["secret one"]
    plain = Request("m", extra={"openai-embeddings": {"user": "one", "input": ["two"]}})
    assert walk(plain, visitor) is plain
