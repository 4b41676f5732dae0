"""Starts code in a box, waits as long as it may take, and leaves nothing running."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from msgspec import Struct

from weighbridge.errors import WeighbridgeError
from weighbridge.weigh.sandbox import inside
from weighbridge.weigh.sandbox.boxes import Box, environment
from weighbridge.weigh.sandbox.limits import OUTPUT, Limits

_SAID = 300  # characters of what a sandbox says when it breaks


class BrokenSandboxError(WeighbridgeError):
    """The sandbox, or the suite's own tests, could not run: that says nothing of the code."""

    code = "broken_sandbox"


class Verdict(Struct, frozen=True):
    """What tests say of code; `why` is one line, "" where all passed."""

    passed: bool
    why: str = ""


class Ended(Struct, frozen=True):
    """How a program ended: what it printed, and `why` it failed, "" where it ended by itself with status 0."""

    output: str
    why: str = ""


def tests(box: Box, code: str, source: str, entry: Sequence[str], limits: Limits) -> Verdict:
    """Run tests against code: each in a sandbox of its own, with nothing between them but calls and plain values.

    Args:
        box: Where.
        code: Source text of Python.
        source: The tests' own; see `inside.judge`.
        entry: Functions of the code that the tests may call.
        limits: Of the code and of the tests each; the time is for both.

    Raises:
        BrokenSandboxError: A sandbox did not start, or the tests are at fault.
    """
    call_in, call_out = os.pipe()
    answer_in, answer_out = os.pipe()
    ends = [call_in, call_out, answer_in, answer_out]
    orders = {"do": "judge", "entry": list(entry)}
    with contextlib.ExitStack() as stack:
        stack.callback(_close, ends)
        said, verdict = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        stack.enter_context(
            _started(box, {"do": "serve"}, {"answer.py": code}, limits, stdin=call_in, stdout=answer_out, stderr=said)
        )
        judge = stack.enter_context(
            _started(box, orders, {"tests.py": source}, limits, stdin=answer_in, stdout=call_out, stderr=verdict)
        )
        _close(ends)
        late = _late(judge, limits)
        told = _read(verdict)
        ready, _, found = told.rpartition(inside.READY)
        if not (ready or told.startswith(inside.READY)):
            raise BrokenSandboxError(f"the tests' sandbox did not start: {_tail(told)}")
        if late or not found:
            return Verdict(passed=False, why=late or "the tests were ended: they took too much time or memory")
        result = json.loads(found)
        if result.get("broken"):
            raise BrokenSandboxError(f"{result['why']} {_tail(_read(said))}".strip())
        return Verdict(passed=result["passed"], why=result["why"])


def program(box: Box, files: Mapping[str, str], command: Sequence[str], given: str, limits: Limits) -> Ended:
    """Run a program on an input, and read what it prints.

    Args:
        box: Where.
        files: By name, what is in its folder.
        command: Its command line.
        given: What it reads.
        limits: Of it.

    Raises:
        BrokenSandboxError: The sandbox did not start, or there is no such command in it.
    """
    with contextlib.ExitStack() as stack:
        stdin, stdout, stderr = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        stdin.write(given.encode(errors="replace"))
        stdin.seek(0)
        orders = {"do": "command", "command": list(command)}
        running = stack.enter_context(
            _started(box, orders, files, limits, stdin=stdin.fileno(), stdout=stdout.fileno(), stderr=stderr)
        )
        late = _late(running, limits)
        printed = _read(stdout)
        if printed.startswith(inside.NO_COMMAND):
            raise BrokenSandboxError(f"there is no command {command[0]} in the sandbox")
        if not printed.startswith(inside.READY):
            raise BrokenSandboxError(f"the sandbox did not start: {_tail(_read(stderr))}")
        output = printed.removeprefix(inside.READY)
        if len(output) > OUTPUT:
            return Ended("", f"it prints more than {OUTPUT:,} bytes")
        why = late or (f"it ended with {_status(running.returncode)} {_last_line(stderr)}".rstrip())
        return Ended(output.decode(errors="replace"), why if late or running.returncode else "")


@contextlib.contextmanager
def _started(
    box: Box,
    orders: dict[str, Any],
    files: Mapping[str, str],
    limits: Limits,
    *,
    stdin: int,
    stdout: int,
    stderr: IO[bytes],
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone, with all of its group, when the block ends."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        held = {}
        for name, text in files.items():
            file = stack.enter_context(tempfile.TemporaryFile())
            file.write(text.encode(errors="replace"))
            file.seek(0)
            held[name] = file.fileno()
        process = subprocess.Popen(  # noqa: S603 - that is what a sandbox is for
            box.argv({**orders, "files": held}, limits),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd="/" if box.bwrap else folder,
            env=environment("/work" if box.bwrap else folder),
            pass_fds=tuple(held.values()),
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _late(process: subprocess.Popen[bytes], limits: Limits) -> str:
    """Wait for the end; why it did not come, or ""."""
    try:
        process.wait(limits.seconds)
    except subprocess.TimeoutExpired:
        return f"not done within {limits.seconds:g} s"
    return ""


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(OUTPUT + len(inside.READY) + 1)


def _tail(said: bytes) -> str:
    return " ".join(said.decode(errors="replace").split())[-_SAID:]


def _last_line(stderr: IO[bytes]) -> str:
    lines = _read(stderr).decode(errors="replace").strip().splitlines()
    return f"({lines[-1][:_SAID]})" if lines else ""


def _status(code: int) -> str:
    number = -code if code < 0 else code - 128  # bubblewrap tells signals as shells do
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"status {code}"


def _close(ends: list[int]) -> None:
    while ends:
        os.close(ends.pop())
