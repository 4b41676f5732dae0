"""The grader `code`: what its targets may say, and which part of an answer is the code.

Code is run by `weigh.sandbox`; where nobody runs it the grade is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from weighbridge.canon import Reply
from weighbridge.weigh.types import Grade, Sample

NAME = "code"
MAX_CASES = 100
MAX_SOURCE = 100_000  #: characters of tests, of what stands before the code, and of a case's input or output
MAX_SECONDS = 120
MEMORY = (32, 8192)  #: MiB
_FIELDS = {"tests", "entry", "before", "seconds", "memory", "cases", "language", "command", "file", "partial"}
_OPENED = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})[ \t]*\{?\.?([\w+#.-]*)([^\n]*)")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_DEEP = 4  #: columns from which a fence is none, as Markdown has it, unless it stands in a list
_CLOSED = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*")
_NAMES = {
    "python": {"python", "py", "python3", "py3"},
    "javascript": {"javascript", "js", "node"},
    "c++": {"c++", "cpp", "cc"},
    "typescript": {"typescript", "ts"},
    "rust": {"rust", "rs"},
    "shell": {"shell", "sh", "bash"},
}


class Case(Struct, frozen=True):
    """What a program reads, and what it should print."""

    input: str
    output: str


class Task(Struct, frozen=True):
    """What is done with the code: `tests` call its functions `entry`, or it is a program that is run on `cases`.

    `before` is put before it. `seconds` and `memory` (MiB) bound each run. `file` is its name where `command` runs, which
    is empty for Python. `partial`: the score is the share of cases, not all or nothing.
    """

    tests: str = ""
    entry: tuple[str, ...] = ()
    before: str = ""
    seconds: float = 10.0
    memory: int = 512
    cases: tuple[Case, ...] = ()
    language: str = "python"
    command: tuple[str, ...] = ()
    file: str = "answer.py"
    partial: bool = False


def task_of(target: Any) -> Task:
    """The task that a checked target describes."""
    entry = target.get("entry", ())
    given = {name: target[name] for name in ("tests", "before", "seconds", "memory", "language", "partial", "file")
             if name in target}  # fmt: skip
    return Task(
        **given,
        entry=(entry,) if isinstance(entry, str) else tuple(entry),
        cases=tuple(Case(case.get("input", ""), case["output"]) for case in target.get("cases", ())),
        command=tuple(target.get("command", ())),
    )


def extract(text: str, task: Task) -> str:
    """The code of an answer.

    Of several fenced blocks those in the task's language count, else those that name none, else all. Of these the last one
    that defines an entry, if any does: it corrects those before it. Else the longest, and the last of equal ones. A block
    that is not closed ends with the answer. Without any block the whole answer is code.
    """
    blocks = list(_blocks(text.replace("\r\n", "\n") + "\n"))
    if not blocks:
        return text
    names = _NAMES.get(task.language.lower(), {task.language.lower()})
    found = (
        [body for tag, body in blocks if tag in names]
        or [body for tag, body in blocks if not tag]
        or [body for _, body in blocks]
    )
    if task.entry:
        most = max(_defined(body, task.entry) for body in found)
        if most:
            return next(body for body in reversed(found) if _defined(body, task.entry) == most)
    return max(reversed(found), key=len)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The language and the code of each fenced block. One within a list is indented, and its code is by as much less."""
    lines, listed = iter(text.split("\n")), False
    for line in lines:
        listed = listed or _ITEM.match(line) is not None
        opened = _OPENED.fullmatch(line)
        if opened is None or (opened[1][0] == "`" and "`" in opened[3]):
            continue
        indent = _columns(line[: opened.start(1)])
        if indent < _DEEP or listed:
            yield opened[2].lower(), _body(lines, opened[1], indent)


def _body(lines: Iterator[str], fence: str, indent: int) -> str:
    """The lines up to the fence that closes a block, or to the end, without the block's indent."""
    held: list[str] = []
    for line in lines:
        closed = _CLOSED.fullmatch(line)
        if closed and closed[2].startswith(fence) and _columns(closed[1]) < indent + _DEEP:
            break
        held.append(line)
    else:
        held = held[:-1]  # what stands behind the last line end
    first = next((line for line in held if line.strip()), "")
    most = min(indent, _columns(first[: len(first) - len(first.lstrip())]))
    return "".join(f"{_without(line, most)}\n" for line in held)


def _without(line: str, most: int) -> str:
    """A line without so many columns of its indent, or without all of it."""
    if not most:
        return line
    rest = line.lstrip(" \t")
    return " " * max(0, _columns(line[: len(line) - len(rest)]) - most) + rest


def _columns(space: str) -> int:
    return len(space.expandtabs(4))


def _defined(body: str, entry: Sequence[str]) -> int:
    return sum(_defines(body, name) for name in entry)


def _defines(body: str, name: str) -> bool:
    return (
        re.search(
            rf"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{re.escape(name)}\b|^{re.escape(name)}[ \t]*=",
            body,
            re.MULTILINE,
        )
        is not None
    )


def unrun(_sample: Sample, _reply: Reply) -> Grade:
    """Nobody was there to run it."""
    return Grade(0.0, why="the code was not run: there was no sandbox", missing=True)


def check_code(target: Any) -> str:
    """Tests with an entry, or cases; limits within limits."""
    if not isinstance(target, dict) or ("tests" in target) == ("cases" in target):
        return 'must be {"tests": source, "entry": function} or {"cases": [{"input": text, "output": text}]}'
    if unknown := sorted(set(target) - _FIELDS):
        return f"has the unknown field '{unknown[0]}'; there are {', '.join(sorted(_FIELDS))}"
    wrong = _check_tests(target) if "tests" in target else _check_cases(target)
    return wrong or _check_text(target, "before") or _check_limits(target)


def _check_tests(target: dict[str, Any]) -> str:
    for field in ("language", "command", "file", "partial"):
        if field in target and (field, target[field]) != ("language", "python"):
            return f"has '{field}', which goes with 'cases'; 'tests' are in Python"
    entry = target.get("entry")
    names = [entry] if isinstance(entry, str) else entry
    if not isinstance(names, list) or not names or any(not isinstance(n, str) or not n.isidentifier() for n in names):
        return "needs 'entry': the name of the function that the tests call, or a list of names"
    if not isinstance(target["tests"], str) or not target["tests"].strip():
        return "in 'tests' must be text that is not empty"
    try:
        compile(target["tests"][:MAX_SOURCE], "tests", "exec")
    except (SyntaxError, ValueError) as error:
        return f"in 'tests' must be Python: {error}"
    return _check_text(target, "tests")


def _check_cases(target: dict[str, Any]) -> str:
    cases = target["cases"]
    if not isinstance(cases, list) or not 1 <= len(cases) <= MAX_CASES:
        return f"in 'cases' must be a list of 1 to {MAX_CASES} cases"
    for number, case in enumerate(cases, 1):
        if not isinstance(case, dict) or "output" not in case or set(case) - {"input", "output"}:
            return f'in case {number} must be {{"input": text, "output": text}}'
        for field in case:
            if wrong := _check_text(case, field):
                return f"in case {number}, {wrong}"
    if "partial" in target and not isinstance(target["partial"], bool):
        return "in 'partial' must be true or false"
    return _check_command(target)


def _check_command(target: dict[str, Any]) -> str:
    command, language, file = target.get("command"), target.get("language", "python"), target.get("file", "answer.py")
    if not isinstance(language, str) or (language != "python" and command is None):
        return "in 'language' must be a name; any but python needs a 'command'"
    if command is not None and not (
        isinstance(command, list) and command and all(isinstance(part, str) and part for part in command)
    ):
        return 'in \'command\' must be a list of texts, such as ["node", "answer.js"]'
    if not isinstance(file, str) or not re.fullmatch(r"\w[\w.-]{0,63}", file, re.ASCII):
        return "in 'file' must be a plain file name"
    return ""


def _check_text(target: dict[str, Any], field: str) -> str:
    text = target.get(field, "")
    if not isinstance(text, str):
        return f"in '{field}' must be text"
    return (
        f"in '{field}' is {len(text):,} characters long; at most {MAX_SOURCE:,} are allowed"
        if len(text) > MAX_SOURCE
        else ""
    )


def _check_limits(target: dict[str, Any]) -> str:
    seconds, memory = target.get("seconds", 10), target.get("memory", MEMORY[0])
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= MAX_SECONDS:
        return f"in 'seconds' must be a number up to {MAX_SECONDS}"
    if isinstance(memory, bool) or not isinstance(memory, int) or not MEMORY[0] <= memory <= MEMORY[1]:
        return f"in 'memory' must be MiB, a whole number from {MEMORY[0]} to {MEMORY[1]}"
    return ""
