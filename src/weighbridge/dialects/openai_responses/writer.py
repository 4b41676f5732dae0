"""OpenAI Responses: writing streams. Each item is begun, filled and ended; the final response holds all of them."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import (
    Begin,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    FinishReason,
    ImagePart,
    LogprobsEvent,
    Loss,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    RefusalDelta,
    Request,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from weighbridge.dialects import sse
from weighbridge.dialects.openai_responses.marks import write_annotation, write_logprobs
from weighbridge.dialects.openai_responses.parts import EXTRAS, NAME, made_id
from weighbridge.dialects.openai_responses.reply import PREFIX, encode, ending, write_usage
from weighbridge.dialects.openai_responses.request import echo
from weighbridge.dialects.openai_responses.writer_items import Call, Message, Open, Thought

#: What the wire calls errors; the type beside it is our own, stable code.
_CODES = {"rate_limited": "rate_limit_exceeded", "refused_request": "invalid_prompt"}
_DELTA = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":'


class OpenAIResponsesWriter:
    """Writes a stream. Its last event holds the whole response, and waits until the stream is closed.

    Texts and thinking come one after the other; a tool call stays open until its arguments are whole, so that calls
    may be told in turns.
    """

    def __init__(self, *, id: str, model: str, created: int, asked: Request | None = None) -> None:  # noqa: A002 - the wire's word
        made = id if id.startswith(PREFIX) else made_id("resp", id, model, str(created))
        self._id = made
        self._head = {**echo(asked), "id": made, "object": "response", "created_at": created, "model": model}
        self._begun = False
        self._over = False
        self._sequence = 0
        self._losses = EXTRAS.losses()
        self._items: list[dict[str, Any]] = []
        self._open: Message | Thought | None = None
        self._refusal: Message | None = None
        self._latest: Message | None = None
        self._late: list[Any] = []  # tokens' chances that came when their text was over
        self._calls: dict[int, Call] = {}
        self._usage: Usage | None = None
        self._finish: FinishReason | None = None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be written so far."""
        return self._losses.all()

    def write(self, event: Event) -> bytes:
        """The bytes of one event."""
        if self._over:
            return b""
        message = self._open
        if type(event) is TextDelta and type(message) is Message and not (event.new or event.choice):
            return self._more(message, event.text)
        out: list[bytes] = []
        if isinstance(event, Failure):
            self._fail(event, out)
            return b"".join(out)
        self._begin(out)
        match event:
            case UsageEvent():
                self._usage = event.usage
            case Begin():
                pass
            case _ if event.choice:
                self._losses.note("choices", "only the first answer has a place", "high")
            case TextDelta():
                self._text(event, out)
            case ToolCallDelta():
                self._call(event, out)
            case ReasoningDelta():
                self._reason(event, out)
            case _:
                self._rare(event, out)
        return b"".join(out)

    def _rare(self, event: RefusalDelta | PartEvent | CitationEvent | LogprobsEvent | Finish, out: list[bytes]) -> None:
        match event:
            case RefusalDelta():
                self._refuse(event.text, out)
            case PartEvent():
                self._part(event, out)
            case CitationEvent():
                self._cite(event, out)
            case LogprobsEvent():
                self._chances(event, out)
            case Finish():
                self._finish = event.reason
                if event.reason == "tool_calls" and not self._calls:
                    why = "that tools are asked for is told by the calls, and there are none"
                    self._losses.note("choices[0].finish", why, "low")
                self._shut_all(out)

    def close(self) -> bytes:
        """The final response, with the tokens. Empty after a Failure."""
        if self._over:
            return b""
        out: list[bytes] = []
        self._begin(out)
        self._tell_late(out)
        self._shut_all(out)
        self._over = True
        told = ending(self._finish)
        kind = "response.completed" if told["status"] == "completed" else f"response.{told['status']}"
        self._tell(out, kind, {"response": self._response(told)})
        return b"".join(out)

    def _begin(self, out: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            started = self._response({"status": "in_progress", "incomplete_details": None, "error": None})
            self._tell(out, "response.created", {"response": started})
            self._tell(out, "response.in_progress", {"response": started})

    def _response(self, told: dict[str, Any]) -> dict[str, Any]:
        usage = write_usage(self._usage) if self._usage is not None else None
        return {**self._head, **told, "output": self._items, "usage": usage}

    def _tell(self, out: list[bytes], kind: str, fields: dict[str, Any]) -> None:
        out.append(sse.encode(encode({"type": kind, "sequence_number": self._sequence, **fields}), kind))
        self._sequence += 1

    def _told(self, out: list[bytes], steps: list[tuple[str, dict[str, Any]]]) -> None:
        for kind, fields in steps:
            self._tell(out, kind, fields)

    def _next(self, prefix: str) -> tuple[int, str]:
        """The place and the id of the next item; the place is taken."""
        place = len(self._items)
        return place, made_id(prefix, self._id, str(place))

    def _start(self, item: Open, out: list[bytes]) -> None:
        self._items.append(item.item)
        self._told(out, item.start())

    def _shut(self, out: list[bytes]) -> None:
        """End the open text or thinking."""
        item, self._open = self._open, None
        if item is not None:
            self._told(out, item.stop())

    def _shut_all(self, out: list[bytes]) -> None:
        cut = self._finish in ("length", "content_filter")
        found: list[Open] = [call for call in self._calls.values() if not call.stopped]
        found += [item for item in (self._open, self._refusal) if item is not None and not item.stopped]
        found.sort(key=lambda item: item.place)
        for item in found:
            self._told(out, item.stop(cut=cut and item is found[-1]))
        self._open = None

    def _text(self, event: TextDelta, out: list[bytes]) -> None:
        if event.text:
            out.append(self._more(self._message(out, new=event.new), event.text))

    def _more(self, message: Message, text: str) -> bytes:
        """More of a text: what streams consist of, and so written as bytes at once."""
        if not text:
            return b""
        message.add(text)
        self._sequence += 1
        return b"%s%d%s%s}\n\n" % (_DELTA, self._sequence - 1, message.delta, encode(text))

    def _message(self, out: list[bytes], *, new: bool = False) -> Message:
        """The open message, or a new one."""
        if isinstance(self._open, Message) and not new:
            return self._open
        self._shut(out)
        self._open = self._latest = Message(*self._next("msg"))
        self._start(self._open, out)
        return self._open

    def _refuse(self, text: str, out: list[bytes]) -> None:
        """A refusal has a message of its own, that stays open beside what else is said."""
        if not text:
            return
        if self._refusal is None or self._refusal.stopped:
            self._refusal = Message(*self._next("msg"), kind="refusal")
            self._start(self._refusal, out)
        self._told(out, [self._refusal.refuse(text)])

    def _reason(self, event: ReasoningDelta, out: list[bytes]) -> None:
        if not event.text and event.blob is None:
            return
        blob = event.blob
        thought = self._open
        sealed = isinstance(thought, Thought) and thought.sealed
        if not isinstance(thought, Thought) or event.new or (sealed and blob is not None):
            self._shut(out)
            place, made = self._next("rs")
            thought = self._open = Thought(place, event.id or (blob.id if blob is not None else "") or made)
            self._start(thought, out)
        self._told(out, thought.think(event.text))
        if blob is not None:
            thought.seal(blob.data)

    def _call(self, event: ToolCallDelta, out: list[bytes]) -> None:
        call = self._calls.get(event.index)
        if call is None:
            self._shut(out)
            for other in self._calls.values():
                if not other.stopped and other.is_whole():
                    self._told(out, other.stop())
            call = self._calls[event.index] = Call(*self._next("fc"), event.id, event.name)
            self._start(call, out)
        if event.arguments and not call.stopped:
            self._told(out, [call.argue(event.arguments)])
        elif event.arguments.strip():
            self._losses.note("choices[0].tool_calls", "a call went on after its arguments were whole", "high")

    def _part(self, event: PartEvent, out: list[bytes]) -> None:
        part = event.part
        match part:
            case OpaquePart() if part.dialect == NAME and type(part.data.get("part")) is dict:
                _, made = self._next("msg")
                said = {"type": "message", "id": made, "role": "assistant", "status": "completed"}
                self._whole({**said, "content": [part.data["part"]]}, out)
            case OpaquePart() if part.dialect == NAME:
                self._whole(part.data, out)
            case ImagePart() if part.data:
                _, made = self._next("ig")
                fields = {"type": "image_generation_call", "id": made, "status": "completed"}
                self._whole({**fields, "result": part.data}, out)
            case OpaquePart() | ImagePart() | FilePart():
                self._losses.note("choices[0].parts", f"{NAME} has no place for this part", "high")

    def _whole(self, item: dict[str, Any], out: list[bytes]) -> None:
        self._shut(out)
        place = len(self._items)
        self._items.append(item)
        self._tell(out, "response.output_item.added", {"output_index": place, "item": item})
        self._tell(out, "response.output_item.done", {"output_index": place, "item": item})

    def _cite(self, event: CitationEvent, out: list[bytes]) -> None:
        message = self._latest or self._message(out)
        raw = write_annotation(event.citation, message.length)
        if raw is None:
            why = "an annotation needs an address, or a file of this host"
            self._losses.note("choices[0].parts.citations", why, "low")
            return
        if event.citation.quote:
            why = "an annotation has no place for the quoted words"
            self._losses.note("choices[0].parts.citations.quote", why, "low")
        self._told(out, message.cite(raw))

    def _chances(self, event: LogprobsEvent, out: list[bytes]) -> None:
        if self._latest is None:
            self._losses.note("choices[0].logprobs", "without a text there is no place for them", "low")
        elif event.tokens:
            self._late += write_logprobs(event.tokens)
            if (
                not self._latest.stopped
            ):  # else they wait: told at the end, those of a later text would come before them
                self._tell_late(out)

    def _tell_late(self, out: list[bytes]) -> None:
        if self._late and self._latest is not None:
            self._told(out, self._latest.weigh(self._late))
            self._late = []

    def _fail(self, event: Failure, out: list[bytes]) -> None:
        """Both ways in which clients expect to be told; where nothing was begun, there is no response that failed."""
        self._over = True
        code = _CODES.get(event.code, "server_error")
        if self._begun:
            for item in (*self._calls.values(), self._open, self._refusal):
                if item is not None and not item.stopped:
                    item.stop(cut=True)  # only in the response: who hears of the end of a call would make it
            error = {"code": code, "message": event.message, "type": event.code}
            told = {"status": "failed", "incomplete_details": None, "error": error}
            self._tell(out, "response.failed", {"response": self._response(told)})
        self._tell(out, "error", {"code": event.code, "message": event.message, "param": None})
