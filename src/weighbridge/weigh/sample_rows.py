"""One line of a suite's file, read strictly: every field is checked, and every fault names its field and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from weighbridge.canon import Message, Role, TextPart, Tool
from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh import graders
from weighbridge.weigh.graders.structure import check_schema
from weighbridge.weigh.identifiers import read_identifiers
from weighbridge.weigh.types import Sample

#: `note` is for people; it is read past.
FIELDS = (
    *("id", "input", "target", "grader", "category", "cluster", "tools", "schema", "max_tokens", "identifiers"),
    "note",
)
MAX_NAME = 200  #: characters of an id, a category, a cluster
MAX_MESSAGES = 1000
MAX_TOOLS = 128
_SHOWN = 60
_ROLES = tuple(role for role in get_args(Role) if role != "tool")


def read_sample(row: Mapping[str, Any], where: str) -> Sample:
    """The sample that a JSON object describes.

    Args:
        row: The object.
        where: `file:line`, for errors.

    Raises:
        InputError: A field is missing, unknown, or has a value that cannot be used.
    """
    for name in row:
        if name not in FIELDS:
            raise InputError(f"Unknown field '{_show(name, str)}'.", where=where, fix=did_you_mean(name, FIELDS))
    for name in ("id", "input", "grader"):
        if row.get(name) is None:
            raise _missing(name, where)
    name = _grader(row, where)
    messages = _messages(row["input"], where)
    sample = Sample(
        id=_label(row["id"], "id", where),
        messages=messages,
        target=row.get("target"),
        grader=name,
        category=_label(row.get("category"), "category", where),
        cluster=_label(row.get("cluster"), "cluster", where),
        tools=_tools(row.get("tools"), where),
        schema=_schema(row.get("schema"), where),
        max_tokens=_max_tokens(row.get("max_tokens"), where),
        identifiers=read_identifiers(row.get("identifiers"), messages, where),
    )
    if name == "tool_call" and sample.target["name"] not in [tool.name for tool in sample.tools]:
        raise bad("target", sample.target, "must name one of the sample's 'tools'", where)
    return sample


def bad(field: str, value: Any, wrong: str, where: str, fix: str = "") -> InputError:
    """The error of a field whose value cannot be used; `wrong` continues "Field 'x' ..."."""
    return InputError(f"Field '{field}' {wrong}; it is {_show(value)}.", where=where, fix=fix or f"Correct '{field}'.")


def _missing(name: str, where: str) -> InputError:
    fixes = {
        "id": 'Add "id": a text that no other sample has.',
        "input": 'Add "input": the question, or a list of messages.',
        "grader": f'Add "grader": one of {", ".join(graders.GRADERS)}.',
    }
    return InputError(f"Field '{name}' is missing.", where=where, fix=fixes[name])


def _grader(row: Mapping[str, Any], where: str) -> str:
    name = row["grader"]
    if not isinstance(name, str) or name not in graders.GRADERS:
        fix = did_you_mean(name, graders.GRADERS) if isinstance(name, str) else 'Name one: "grader": "exact".'
        raise bad("grader", name, "is not a known grader", where, fix)
    grader = graders.GRADERS[name]
    target = row.get("target")
    if target is None:
        if grader.needs_target:
            raise InputError(
                f"Field 'target' is missing; the grader '{name}' needs it.",
                where=where,
                fix='Add "target": what a right answer is.',
            )
    elif wrong := grader.check(target):
        raise bad("target", target, f"cannot be used by the grader '{name}': it {wrong}", where)
    return name


def _label(value: Any, field: str, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise bad(field, value, "must be text", where)
    if len(value) > MAX_NAME or not value.isprintable():
        raise bad(field, value, f"must be at most {MAX_NAME} printable characters", where)
    return value


def _messages(value: Any, where: str) -> tuple[Message, ...]:
    if isinstance(value, str):
        if not value.strip():
            raise bad("input", value, "is empty", where)
        return (Message("user", (TextPart(value),)),)
    if not isinstance(value, list) or not value:
        raise bad("input", value, "must be text or a list of messages", where)
    if len(value) > MAX_MESSAGES:
        raise bad("input", value, f"has {len(value):,} messages; at most {MAX_MESSAGES:,} are allowed", where)
    messages = tuple(_message(item, f"input[{i}]", where) for i, item in enumerate(value))
    if messages[-1].role == "assistant":
        raise bad("input", value[-1], "ends with the assistant's own words; the last message must ask", where)
    return messages


def _message(value: Any, field: str, where: str) -> Message:
    if isinstance(value, dict) and "parts" in value:
        return _message_of_parts(value, field, where)
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        raise bad(field, value, "must be an object with 'role' and 'content' (or 'parts'), and nothing else", where)
    role, content = value["role"], value["content"]
    if role not in _ROLES:
        fix = did_you_mean(role, _ROLES) if isinstance(role, str) else ""
        raise bad(f"{field}.role", role, f"must be one of {', '.join(_ROLES)}", where, fix)
    if not isinstance(content, str) or not content.strip():
        raise bad(f"{field}.content", content, "must be text that is not empty", where)
    return Message(role, (TextPart(content),))


def _message_of_parts(value: dict[str, Any], field: str, where: str) -> Message:
    """A message with tool calls, results or images: `{"role": ..., "parts": [{"type": "text", "text": ...}, ...]}`."""
    if unknown := set(value) - {"role", "parts", "name", "extra"}:
        raise bad(f"{field}.{min(unknown)}", value[min(unknown)], "is unknown", where, "Leave it out.")
    try:
        message = msgspec.convert(value, Message)
    except msgspec.ValidationError as error:
        raise bad(f"{field}.parts", value["parts"], f"cannot be used ({error})", where) from error
    if not message.parts:
        raise bad(f"{field}.parts", value["parts"], "must not be empty", where)
    return message


def _tools(value: Any, where: str) -> tuple[Tool, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise bad("tools", value, f"must be a list of at most {MAX_TOOLS} tools", where)
    tools = tuple(_tool(item, f"tools[{i}]", where) for i, item in enumerate(value))
    if len({tool.name for tool in tools}) < len(tools):
        raise bad("tools", [tool.name for tool in tools], "names a tool twice", where)
    return tools


def _tool(value: Any, field: str, where: str) -> Tool:
    """A tool as OpenAI's API writes it, with or without the wrapping `{"type": "function", "function": ...}`."""
    inner = value["function"] if isinstance(value, dict) and value.get("type") == "function" else value
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"]:
        raise bad(field, value, "must be an object with a 'name'", where)
    if unknown := set(inner) - {"type", "name", "description", "parameters", "strict"}:
        raise bad(f"{field}.{min(unknown)}", inner[min(unknown)], "is unknown", where, "Leave it out.")
    schema = inner.get("parameters")
    if schema is not None and (wrong := check_schema(schema)):
        raise bad(f"{field}.parameters", schema, wrong, where)
    try:
        return msgspec.convert(
            {
                "name": inner["name"],
                "description": inner.get("description", ""),
                "schema": schema,
                "strict": inner.get("strict"),
            },
            Tool,
        )
    except msgspec.ValidationError as error:
        raise bad(field, inner, f"cannot be used ({error})", where) from error


def _schema(value: Any, where: str) -> dict[str, Any] | None:
    if value is None:
        return None
    if wrong := check_schema(value):
        raise bad("schema", value, wrong, where)
    schema: dict[str, Any] = value
    return schema


def _max_tokens(value: Any, where: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1_000_000:  # noqa: PLR2004 - as settings
        raise bad("max_tokens", value, "must be a whole number from 1 to 1,000,000", where)
    return value


def _show(value: Any, kind: type | None = None) -> str:
    """A value from outside on one short line."""
    text = value if kind is str else msgspec.json.encode(value).decode()
    line = "".join(c if c.isprintable() else "?" for c in text[: _SHOWN + 1])
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
