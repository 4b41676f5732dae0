"""Replies, the events of a stream, tokens, and what a translation lost."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from weighbridge.canon.parts import Blob, Citation, FilePart, ImagePart, OpaquePart, Part, TextPart, ToolCallPart

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "pause", "error"]
Severity = Literal["low", "medium", "high"]


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens. `input` includes `cached` and `cache_written`; `output` includes `reasoning`.

    `estimated`: counted by us, not told.
    """

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_written: int = 0


class Logprob(Struct, frozen=True, omit_defaults=True):
    """How likely a token was, as a natural logarithm; `top`: the likeliest ones at its place, it may be among them."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Choice(Struct, frozen=True, omit_defaults=True):
    """One answer of a reply. `pause` as the finish: the engine wants to go on in a further request."""

    parts: tuple[Part, ...] = ()
    finish: FinishReason | None = None
    refusal: str = ""
    extra: dict[str, Any] = {}
    logprobs: tuple[Logprob, ...] = ()

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The tools asked for, in order."""
        return tuple(p for p in self.parts if isinstance(p, ToolCallPart))


class Reply(Struct, frozen=True, omit_defaults=True):
    """A whole answer. `model` is what the engine calls itself."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    id: str = ""
    model: str = ""
    created: int = 0
    extra: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self.choices[0].text if self.choices else ""

    @property
    def finish(self) -> FinishReason | None:
        """Why the first choice ended."""
        return self.choices[0].finish if self.choices else None


class Begin(Struct, frozen=True, omit_defaults=True, tag="begin"):
    """The engine accepted the request and starts to answer."""

    id: str = ""
    model: str = ""
    created: int = 0


class TextDelta(Struct, frozen=True, omit_defaults=True, tag="text"):
    """More text of one choice. `new`: a part of its own begins, though the one before was text, too."""

    text: str
    choice: int = 0
    blob: Blob | None = None
    new: bool = False


class ReasoningDelta(Struct, frozen=True, omit_defaults=True, tag="reasoning"):
    """More of the thinking of one choice. `new` as for text.

    `id`: of the item that will be sealed, where the wire tells it before the seal.
    """

    text: str = ""
    blob: Blob | None = None
    choice: int = 0
    new: bool = False
    id: str = ""


class RefusalDelta(Struct, frozen=True, omit_defaults=True, tag="refusal"):
    """More of a refusal's text."""

    text: str
    choice: int = 0


class ToolCallDelta(Struct, frozen=True, omit_defaults=True, tag="tool_call"):
    """The start of a tool call (`id` and `name` are set) or more of its arguments. `index` tells calls apart."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0
    blob: Blob | None = None


class CitationEvent(Struct, frozen=True, omit_defaults=True, tag="citation"):
    """Where a passage of the latest text part comes from."""

    citation: Citation
    choice: int = 0


class PartEvent(Struct, frozen=True, omit_defaults=True, tag="part"):
    """A part that comes whole: an image, a file, something that only its own dialect understands."""

    part: ImagePart | FilePart | OpaquePart
    choice: int = 0


class LogprobsEvent(Struct, frozen=True, omit_defaults=True, tag="logprobs"):
    """How likely the latest tokens were."""

    tokens: tuple[Logprob, ...]
    choice: int = 0


class Finish(Struct, frozen=True, omit_defaults=True, tag="finish"):
    """One choice is complete."""

    reason: FinishReason
    choice: int = 0


class UsageEvent(Struct, frozen=True, omit_defaults=True, tag="usage"):
    """The tokens so far; the last one counts."""

    usage: Usage


class Failure(Struct, frozen=True, omit_defaults=True, tag="failure"):
    """The engine failed in mid-stream. Nothing follows."""

    code: str
    message: str


Event = (
    Begin
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | CitationEvent
    | PartEvent
    | LogprobsEvent
    | Finish
    | UsageEvent
    | Failure
)


class Loss(Struct, frozen=True, omit_defaults=True):
    """What a translation had to drop or change.

    Severity: low, the answer does not depend on it; medium, it may; high, something that was asked for is missing.
    """

    field: str
    reason: str
    severity: Severity = "medium"
