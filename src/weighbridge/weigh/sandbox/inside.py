"""What runs within the sandbox: it sets limits, then runs the code, or the tests, or a command.

This file is handed to a bare interpreter as one text, so it imports nothing but the standard library.

Code and tests never share a process. The tests call the code over a pair of pipes: arguments go one way, plain values come
back. So nothing that the code does to its own interpreter, prints, or exits with can pass a test; it can only answer calls.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import resource
import sys
import types
from collections.abc import Iterator
from typing import Any, BinaryIO

READY = b"\0ready\n"  #: written first: from here on what goes wrong is the code's fault, not the sandbox's
NO_COMMAND = b"\0no command\n"  #: written instead where the command cannot be found
LINE = 1_000_000  #: bytes of one call or one answer
_DIGITS = 100_000  # of a whole number, as text
_PLAIN = (str, int, float, bool, type(None))
_SHOWN = 200  # characters of a reason
_LISTED: Any = (Iterator, range, type({}.keys()), type({}.values()), type({}.items()))


class UnplainError(Exception):
    """A value that cannot go from one process to the other."""


class BrokenTestsError(BaseException):
    """The tests themselves cannot be run; no `except Exception` in them hides it."""


def encode(value: Any) -> Any:  # noqa: PLR0911 - one return per kind
    """A plain value as JSON can carry it; kinds that JSON does not know become objects of one field.

    Raises:
        UnplainError: It holds something else than numbers, text, bytes, None, lists, tuples, sets and dicts of them.
    """
    if type(value) in _PLAIN or isinstance(value, _PLAIN):
        return value
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    for name, kind in (("tuple", tuple), ("set", set), ("frozenset", frozenset)):
        if isinstance(value, kind):
            return {name: [encode(item) for item in value]}
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, _LISTED):
        return [encode(item) for item in value]
    raise UnplainError(f"{type(value).__name__} is no plain value")


def decode(value: Any) -> Any:
    """What `encode` was given.

    Raises:
        ValueError: It is nothing that `encode` makes.
        TypeError: The same.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "dict":
        return {decode(key): decode(item) for key, item in held}
    if kind == "bytes":
        return bytes.fromhex(held)
    if kind == "complex":
        return complex(*held)
    made = {"tuple": tuple, "set": set, "frozenset": frozenset}.get(kind)
    if made is None:
        raise ValueError(f"unknown kind {kind[:20]!r}")
    return made(decode(item) for item in held)


def serve(code: str, calls: BinaryIO, answers: BinaryIO) -> None:
    """Load the code, say whether it loads, then answer calls until there are no more.

    Args:
        code: Source text.
        calls: One JSON line each: `[name, [arguments], {keywords}]`, the last two encoded.
        answers: One JSON line each: `{"value", "after"}`, or `{"raised": [class, text]}`.
    """
    module = types.ModuleType("answer")
    sys.modules["answer"] = module
    try:
        exec(compile(code, "<answer>", "exec"), module.__dict__)  # noqa: S102 - what this file is for
        loaded: dict[str, Any] = {"loaded": True}
    except BaseException as error:  # noqa: BLE001 - SystemExit too
        loaded = {"raised": _raised(error)}
    _write(answers, loaded)
    for line in iter(lambda: calls.readline(LINE), b""):
        _write(answers, _answer(module, *json.loads(line)))


def _answer(module: types.ModuleType, name: str, given: Any, keywords: Any) -> dict[str, Any]:
    try:
        arguments = decode(given)
        value = getattr(module, name)(*arguments, **decode(keywords))
        return {"value": encode(value), "after": encode(arguments)}
    except BaseException as error:  # noqa: BLE001 - whatever the code raises is its answer
        return {"raised": _raised(error)}


def _raised(error: BaseException) -> list[str]:
    try:
        return [type(error).__name__, str(error)[:_SHOWN]]
    except Exception:  # noqa: BLE001 - an exception of the code's own may fail to say what it is
        return [type(error).__name__, ""]


def _write(out: BinaryIO, message: dict[str, Any]) -> None:
    try:
        line = json.dumps(message).encode()
    except (ValueError, RecursionError) as error:
        line = json.dumps({"raised": ["ValueError", f"the answer cannot be told: {error}"[:_SHOWN]]}).encode()
    out.write(line + b"\n")
    out.flush()


class Remote:
    """A function of the code, called from the tests' process."""

    def __init__(self, name: str, answers: BinaryIO, calls: BinaryIO) -> None:
        self.__name__ = name
        self._answers = answers
        self._calls = calls

    def __call__(self, *given: Any, **keywords: Any) -> Any:
        """What the code returns, or raises. Lists, dicts and sets that it changes are changed here too.

        Raises:
            BrokenTestsError: The tests hand over something that cannot be carried.
            RuntimeError: The code is gone, or answers nothing that can be read.
        """
        try:
            call = json.dumps([self.__name__, encode(list(given)), encode(keywords)]).encode() + b"\n"
        except (UnplainError, ValueError, RecursionError) as error:
            raise BrokenTestsError(f"an argument of {self.__name__} cannot be handed over: {error}") from None
        if len(call) > LINE:
            raise BrokenTestsError(f"the arguments of {self.__name__} are longer than {LINE:,} bytes")
        with contextlib.suppress(BrokenPipeError):
            self._calls.write(call)
            self._calls.flush()
        told = read(self._answers)
        if "raised" in told:
            raise _exception(told["raised"])
        try:
            value, after = decode(told["value"]), decode(told["after"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise RuntimeError("the code's answer cannot be read") from None
        for mine, theirs in zip(given, after if isinstance(after, list) else (), strict=False):
            _become(mine, theirs)
        return value


def read(answers: BinaryIO) -> dict[str, Any]:
    """The next thing that the code says.

    Raises:
        RuntimeError: It is gone, or what it says cannot be read.
    """
    line = answers.readline(LINE)
    if not line:
        raise RuntimeError("the code ended before it had answered")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):  # not the tests' fault, as a TypeError would say
        raise RuntimeError("the code's answer cannot be read, or is too long")  # noqa: TRY004
    return told


def _exception(raised: Any) -> Exception:
    name, text = (str(raised[0]), str(raised[1])) if isinstance(raised, list) and len(raised) == 2 else ("", "")  # noqa: PLR2004
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        with contextlib.suppress(Exception):  # some want more than a text
            return kind(text)
    return RuntimeError(f"{name}: {text}"[:_SHOWN])


def _become(mine: Any, theirs: Any) -> None:
    if type(mine) is not type(theirs) or mine == theirs:
        return
    if isinstance(mine, list):
        mine[:] = theirs
    elif isinstance(mine, dict | set):
        mine.clear()
        mine.update(theirs)


def judge(tests: str, entry: list[str], answers: BinaryIO, calls: BinaryIO) -> dict[str, Any]:
    """Run the tests against the code at the other end of two pipes.

    Args:
        tests: Source text: plain asserts, or a function `check` that takes the first entry.
        entry: The names of the functions that the tests may call.
        answers: From the code.
        calls: To it.

    Returns:
        `passed` and `why`; `broken` is true where no fault is the code's.
    """
    if answers.readline(len(READY)) != READY:
        return {"passed": False, "why": "the sandbox of the code did not start", "broken": True}
    place: dict[str, Any] = {"__name__": "tests"}
    if failed := _unloaded(answers):
        return {"passed": False, "why": f"the code does not load: {failed}"}
    try:
        place.update({name: Remote(name, answers, calls) for name in entry})
        exec(compile(tests, "<tests>", "exec"), place)  # noqa: S102 - the suite's own tests
        if callable(place.get("check")):
            place["check"](place[entry[0]])
    except BrokenTestsError as error:
        return {"passed": False, "why": f"the tests are at fault: {error}", "broken": True}
    except BaseException as error:  # noqa: BLE001 - any failure is one
        return {"passed": False, "why": _failure(error, tests)}
    return {"passed": True, "why": ""}


def _unloaded(answers: BinaryIO) -> str:
    """Why the code did not load, or ""."""
    try:
        told = read(answers)
    except RuntimeError as error:
        return str(error)
    return "" if "loaded" in told else _said(_exception(told.get("raised")))


def _failure(error: BaseException, tests: str) -> str:
    """The line of the tests that failed, and what it said."""
    lines, found, trace = tests.splitlines(), "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>" and trace.tb_lineno <= len(lines):
            found = " ".join(lines[trace.tb_lineno - 1].split())
        trace = trace.tb_next
    said = "" if isinstance(error, AssertionError) and not error.args else _said(error)
    return ": ".join(part for part in (f"failed: {found[:_SHOWN]}" if found else "failed", said) if part)


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}"[:_SHOWN].split())


def limit(limits: dict[str, int]) -> None:  # pragma: no cover - this and what follows runs in processes of its own
    """Set limits for this process and all that it starts; with `uid`, be that user from now on.

    Args:
        limits: `memory` and `files` in bytes, `seconds` of CPU, `processes`, and `uid`, where the user is root.
    """
    if uid := limits.get("uid"):
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    for what, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_FSIZE, limits["files"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def place_files(files: dict[str, int]) -> None:  # pragma: no cover
    """Copy what the descriptors hold into the folder that this runs in."""
    for name, descriptor in files.items():
        with open(name, "wb") as out, os.fdopen(descriptor, "rb") as held:  # noqa: PTH123 - as few imports as can be
            out.write(held.read())


def main(orders: dict[str, Any]) -> None:  # pragma: no cover
    """Do as the orders say: `limits`, `files`, and `do`, which is serve, judge or command."""
    sys.set_int_max_str_digits(_DIGITS)
    place_files(orders["files"])
    limit(orders["limits"])
    if orders["do"] == "command":
        _command(orders["command"])
    told_in, told_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    verdict = os.fdopen(os.dup(2), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # what code or tests print is nobody's answer
        os.dup2(nothing, descriptor)
    sys.stdin = io.StringIO()
    if orders["do"] == "serve":
        told_out.write(READY)
        told_out.flush()
        verdict.close()
        serve(_text("answer.py"), told_in, told_out)
        return
    verdict.write(READY)
    verdict.flush()
    verdict.write(json.dumps(judge(_text("tests.py"), orders["entry"], told_in, told_out)).encode())
    verdict.flush()
    os._exit(0)  # nothing that the tests left behind can hold up the verdict


def _command(command: list[str]) -> None:  # pragma: no cover
    import shutil

    found = shutil.which(command[0])
    os.write(1, READY if found else NO_COMMAND)
    if found:
        os.execv(found, command)  # noqa: S606 - no shell is wanted
    sys.exit(127)


def _text(name: str) -> str:  # pragma: no cover
    with open(name, encoding="utf-8") as held:  # noqa: PTH123
        return held.read()


if __name__ == "__main__":  # pragma: no cover - only within the sandbox
    main(json.loads(sys.argv[1]))
