"""OpenAI Responses: the items of a stream while they are written. Each gives its steps as (event, fields).

An item's object is shared with the final response, which so holds it as it is then.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Step = tuple[str, dict[str, Any]]


class Open:
    """An item that is being written.

    Args:
        place: Its place in the output.
        item: As it begins.
    """

    def __init__(self, place: int, item: dict[str, Any]) -> None:
        self.place = place
        self.item = item
        self.stopped = False

    def start(self) -> list[Step]:
        """The steps that begin it."""
        return [("response.output_item.added", {"output_index": self.place, "item": _copy(self.item)})]

    def stop(self, *, cut: bool = False) -> list[Step]:
        """The steps that end it. `cut`: the answer was broken off within it."""
        self.stopped = True
        steps = self.last()
        if "status" in self.item:
            self.item["status"] = "incomplete" if cut else "completed"
        return [*steps, ("response.output_item.done", {"output_index": self.place, "item": self.item})]

    def last(self) -> list[Step]:
        """What comes before its end."""
        return []

    def at(self, **fields: Any) -> dict[str, Any]:
        """The fields of a step within it."""
        return {"item_id": self.item["id"], "output_index": self.place, **fields}


def _copy(item: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if type(value) is list else value for key, value in item.items()}


class Message(Open):
    """A text, or a refusal."""

    def __init__(self, place: int, made: str, kind: Literal["output_text", "refusal"] = "output_text") -> None:
        status: dict[str, Any] = {"type": "message", "id": made, "status": "in_progress", "role": "assistant"}
        super().__init__(place, {**status, "content": []})
        self._kind = kind
        self._pieces: list[str] = []
        self._marks: list[Any] = []
        self._chances: list[Any] = []
        self.length = 0
        #: What stands in each delta between its number and its text.
        self.delta = b',"item_id":%s,"output_index":%d,"content_index":0,"logprobs":[],"delta":' % (
            msgspec.json.encode(made),
            place,
        )

    def start(self) -> list[Step]:
        """The item, and its only part."""
        begun = super().start()
        self.item["content"] = [self._part("")]
        step = self.at(content_index=0, part=self._part(""))
        return [*begun, ("response.content_part.added", step)]

    def _part(self, text: str) -> dict[str, Any]:
        if self._kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": self._marks, "logprobs": self._chances}

    def add(self, text: str) -> None:
        """More of the text, whose step the writer makes itself."""
        self._pieces.append(text)
        self.length += len(text)

    def refuse(self, text: str) -> Step:
        """More of a refusal."""
        self.add(text)
        return "response.refusal.delta", self.at(content_index=0, delta=text)

    def cite(self, raw: Any) -> list[Step]:
        """Where a passage comes from; it may be told after the text's end, as it is for searches that come last."""
        self._marks.append(raw)
        step = self.at(content_index=0, annotation_index=len(self._marks) - 1, annotation=raw)
        return [("response.output_text.annotation.added", step)]

    def weigh(self, chances: list[Any]) -> list[Step]:
        """How likely the latest tokens were; after the text's end only the final response tells it."""
        self._chances += chances
        return (
            []
            if self.stopped
            else [("response.output_text.delta", self.at(content_index=0, delta="", logprobs=chances))]
        )

    def last(self) -> list[Step]:
        """The whole text, and the whole part."""
        text = "".join(self._pieces)
        part = self._part(text)
        self.item["content"] = [part]
        ended = ("response.content_part.done", self.at(content_index=0, part=part))
        if self._kind == "refusal":
            return [("response.refusal.done", self.at(content_index=0, refusal=text)), ended]
        told = self.at(content_index=0, text=text, logprobs=self._chances)
        return [("response.output_text.done", told), ended]


class Thought(Open):
    """Thinking: its text as a summary, and its seal."""

    def __init__(self, place: int, made: str) -> None:
        super().__init__(place, {"type": "reasoning", "id": made, "summary": []})
        self._pieces: list[str] = []
        self.sealed = False

    def think(self, text: str) -> list[Step]:
        """More of the text."""
        if not text:
            return []
        steps: list[Step] = []
        if not self._pieces:
            part = {"type": "summary_text", "text": ""}
            steps.append(("response.reasoning_summary_part.added", self.at(summary_index=0, part=part)))
        self._pieces.append(text)
        steps.append(("response.reasoning_summary_text.delta", self.at(summary_index=0, delta=text)))
        return steps

    def seal(self, data: str) -> None:
        """The seal; it is told with the whole item."""
        self.sealed = True
        self.item["encrypted_content"] = data

    def last(self) -> list[Step]:
        """The whole text, if there is any."""
        if not self._pieces:
            return []
        text = "".join(self._pieces)
        part = {"type": "summary_text", "text": text}
        self.item["summary"] = [part]
        return [
            ("response.reasoning_summary_text.done", self.at(summary_index=0, text=text)),
            ("response.reasoning_summary_part.done", self.at(summary_index=0, part=part)),
        ]


class Call(Open):
    """A function call."""

    def __init__(self, place: int, made: str, call_id: str, name: str) -> None:
        asked = {"type": "function_call", "id": made, "status": "in_progress", "call_id": call_id, "name": name}
        super().__init__(place, {**asked, "arguments": ""})
        self._pieces: list[str] = []

    def argue(self, text: str) -> Step:
        """More of the arguments."""
        self._pieces.append(text)
        return "response.function_call_arguments.delta", self.at(delta=text)

    def is_whole(self) -> bool:
        """Are the arguments a whole object, to which nothing can be added?"""
        text = "".join(self._pieces)
        if not text.rstrip().endswith("}"):
            return False
        try:
            return type(msgspec.json.decode(text)) is dict
        except (msgspec.DecodeError, RecursionError):
            return False

    def last(self) -> list[Step]:
        """The whole arguments."""
        text = self.item["arguments"] = "".join(self._pieces)
        return [("response.function_call_arguments.done", self.at(arguments=text))]
