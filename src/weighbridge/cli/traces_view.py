"""How traces look in the terminal: a table for many, a page for one. What came from outside is made harmless."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weighbridge.canon import (
    Choice,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Trace,
    Usage,
)
from weighbridge.cli import common

if TYPE_CHECKING:
    from rich.console import Console

#: Enough of an id to tell it from others: the millisecond, and three random characters.
ID_SHOWN = 13
_OUTCOME_SHOWN = 19
_RIGHT = frozenset({3, 4, 5})  # columns of the table that hold figures
_NAMES = 6  # where route and engine begin
#: Characters that reorder or hide the text around them.
_HIDING = re.compile("[\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text from outside without anything that a terminal would obey or that would hide other text."""
    return _HIDING.sub("\ufffd", common.printable(text))


def one_line(text: str) -> str:
    """The same, on one line."""
    return " ".join(plain(text).split())


def table(out: Console, traces: Sequence[Trace]) -> None:
    """One line per trace; where names are too long for that, route and engine stand on a second one."""
    rows = [("time", "id", "outcome", "tokens", "seconds", "cost", "route", "engine"), *map(_cells, traces)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    two_lines = sum(widths) + 2 * (len(widths) - 1) > common.WIDTH
    for number, row in enumerate(rows):
        cells = [
            f"{cell:>{w}}" if n in _RIGHT else f"{cell:<{w}}"
            for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        style = "" if number else "bold"
        if two_lines:
            _print(out, "  ".join(cells[:_NAMES]).rstrip(), style=style)
            _print(out, _cut(" " * (widths[0] + 2) + " -> ".join(row[_NAMES:])), style=style)
        else:
            _print(out, "  ".join(cells).rstrip(), style=style)


def _cells(t: Trace) -> tuple[str, ...]:
    return (
        _when(t.at, "%m-%d %H:%M:%S"),
        one_line(t.id)[:ID_SHOWN],
        one_line(t.outcome)[:_OUTCOME_SHOWN],
        f"{t.usage.input}/{t.usage.output}" if t.usage else "-",
        f"{_short(t.first_token)}/{_short(t.total)}",
        "-" if t.cost is None else one_line(common.money(t.cost, t.currency)),
        one_line(t.route) or "-",
        one_line(t.engine) or "none answered",
    )


def _cut(text: str) -> str:
    return text if len(text) <= common.WIDTH else text[: common.WIDTH - 1] + "…"


def page(out: Console, trace: Trace) -> None:
    """Everything about one trace."""
    _section(out, f"trace {trace.id}", list(_facts(trace)))
    if trace.attempts:
        _section(
            out,
            "attempts",
            [
                (
                    f"{number}. {a.engine}",
                    f"{a.started:.2f}-{a.ended:.2f} s  {a.outcome}"
                    + (f" ({a.status})" if a.status is not None else "")
                    + (f"  {one_line(a.message)}" if a.message else ""),
                )
                for number, a in enumerate(trace.attempts, 1)
            ],
        )
    if trace.losses:
        _section(out, "losses", [(loss.field, f"{loss.reason} ({loss.severity})") for loss in trace.losses])
    if trace.request is None and trace.reply is None:
        _print(out, "\nThe texts of request and reply are not in this trace.")
    if trace.request is not None:
        _print(out, "\nrequest", style="bold")
        if trace.request.tools:
            _print(out, "tools: " + ", ".join(one_line(t.name) for t in trace.request.tools))
        for message in trace.request.messages:
            _turn(out, message.role, _message_text(message))
    if trace.reply is not None:
        _print(out, "\nreply", style="bold")
        for choice in trace.reply.choices:
            ended = f" ({choice.finish})" if choice.finish else ""
            _turn(out, f"assistant{ended}", _choice_text(choice))


def _facts(t: Trace) -> list[tuple[str, str]]:
    how = ", ".join(part for part in (t.source, t.dialect, "streamed" if t.streamed else "") if part)
    facts = [
        ("time", _when(t.at, "%Y-%m-%d %H:%M:%S %z")),
        ("route", t.route or "-"),
        ("engine", t.engine or "none answered"),
        ("plan", str(t.plan)),
        ("outcome", t.outcome),
        ("error", t.error),
        ("by", how),
        ("conversation", t.conversation),
        ("first token", "" if t.first_token is None else f"{t.first_token:.3f} s"),
        ("total", "" if t.total is None else f"{t.total:.3f} s"),
        ("tokens", _tokens(t.usage)),
        ("cost", common.money(t.cost, t.currency)),
    ]
    return [(name, one_line(value)) for name, value in facts if value]


def _tokens(usage: Usage | None) -> str:
    if usage is None:
        return ""
    cached = f" ({usage.cached} cached)" if usage.cached else ""
    reasoning = f" ({usage.reasoning} reasoning)" if usage.reasoning else ""
    return f"{usage.input} in{cached}, {usage.output} out{reasoning}{', estimated' if usage.estimated else ''}"


def _section(out: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    _print(out, f"\n{one_line(title)}" if not title.startswith("trace ") else one_line(title), style="bold")
    width = min(40, max(len(one_line(name)) for name, _ in rows))
    for name, value in rows:
        _print(out, f"  {one_line(name):<{width}}  {one_line(value)}")


def _turn(out: Console, who: str, text: str) -> None:
    _print(out, f"{one_line(who)}:", style="dim")
    for line in plain(text).split("\n"):
        _print(out, f"  {line}")


def _print(out: Console, text: str, style: str | None = None) -> None:
    from rich.text import Text

    # Long lines are the terminal's to wrap, so that what is copied from it is whole.
    out.print(Text(text, style=style or ""), soft_wrap=True)


def _message_text(message: Message) -> str:
    return "\n".join(_part(p) for p in message.parts)


def _choice_text(choice: Choice) -> str:
    parts = [_part(p) for p in choice.parts]
    return "\n".join([*parts, *([f"[refusal] {choice.refusal}"] if choice.refusal else [])])


def _part(part: Part) -> str:
    match part:
        case TextPart():
            return part.text
        case ToolCallPart():
            return f"[calls {part.name} {part.id}] {part.arguments}"
        case ToolResultPart():
            inner = "\n".join(_part(p) for p in part.parts)
            return f"[{'error' if part.is_error else 'result'} of {part.call_id}] {inner}"
        case ReasoningPart():
            return f"[reasoning] {part.text}" if part.text else f"[sealed reasoning, {len(part.blobs)} blobs]"
        case ImagePart() | FilePart():
            kind = "image" if isinstance(part, ImagePart) else "file"
            what = part.url or f"{part.media_type or 'data'}, {len(part.data) * 3 // 4} bytes"
            return f"[{kind}] {what}"
        case OpaquePart():
            return f"[a part that only {part.dialect} knows]"


def _short(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"


def _when(at: float, form: str) -> str:
    try:
        moment: Any = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
        return str(moment.astimezone().strftime(form))
    except (OverflowError, ValueError, OSError):
        return f"{at:g}"
