"""Grades of code: what a program prints, or what tests say of it, run in a box while engines are asked."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from weighbridge.canon import Reply
from weighbridge.weigh import graders, grades, waited
from weighbridge.weigh.graders.code import NAME, Case, Task, extract, task_of
from weighbridge.weigh.sandbox import marks, running
from weighbridge.weigh.sandbox.boxes import Box
from weighbridge.weigh.sandbox.limits import Limits
from weighbridge.weigh.types import Grade, Sample
from weighbridge.weigh.waited import Grades

_SHOWN = 60  # characters of an output in a reason


class Bench:
    """Runs code in threads that wait for it: as many at once as there are cores.

    Args:
        box: Where code runs.
        at_once: How many samples at once.
    """

    def __init__(self, box: Box, at_once: int = 0) -> None:
        self.box = box
        self._closed = threading.Event()
        self._threads = ThreadPoolExecutor(at_once or os.cpu_count() or 1, thread_name_prefix="sandbox")

    def hook(self, others: Grades | None = None) -> Grades:
        """A grader for a run: of code here, of anything else by `others`, or by the sample's own grader."""

        async def grade(sample: Sample, reply: Reply) -> Grade:
            if sample.grader == NAME:
                return await self.grade(sample, reply)
            return await others(sample, reply) if others else graders.grade(sample, reply)

        def mark(sample: Sample) -> str:
            if sample.grader == NAME:
                return marks.mark(self.box, sample)
            return waited.mark_of(others, sample) if others else grades.mark(sample)

        return waited.Marked(grade, mark)

    async def grade(self, sample: Sample, reply: Reply) -> Grade:
        """The grade of one answer; it is missing where the sandbox broke, or the suite's tests did."""
        if len(reply.text) > graders.MAX_TEXT:
            return graders.grade(sample, reply)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, graded, self.box, sample, reply.text, self._closed)

    def close(self) -> None:
        """Begin nothing more; what runs ends within its own limits."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)


def graded(box: Box, sample: Sample, text: str, closed: threading.Event | None = None) -> Grade:
    """The grade of an answer's text. It never raises for what the code does.

    Args:
        box: Where code runs.
        sample: Of the grader `code`.
        text: The answer.
        closed: Once it is set no further case is run, and the grade is missing.
    """
    task = task_of(sample.target)
    code = extract(text, task)
    if not code.strip():
        return Grade(0.0, why="there is no code in the answer")
    code = f"{task.before}\n{code}" if task.before else code
    limits = Limits(task.seconds, task.memory)
    try:
        if task.cases:
            return _by_cases(box, task, code, limits, closed)
        verdict = running.tests(box, code, task.tests, task.entry, limits)
    except (running.BrokenSandboxError, OSError) as error:
        return Grade(0.0, why=f"not graded: {error}", missing=True)
    return Grade(float(verdict.passed), why=verdict.why)


def _by_cases(box: Box, task: Task, code: str, limits: Limits, closed: threading.Event | None) -> Grade:
    command = task.command or (str(Path(sys.executable).resolve()), "-S", "-s", "-P", "-B", task.file)
    passed, why = 0, ""
    for number, case in enumerate(task.cases, 1):
        if closed is not None and closed.is_set():
            raise running.BrokenSandboxError("the run was stopped")
        ended = running.program(box, {task.file: code}, command, case.input, limits)
        wrong = _wrong(ended, case)
        passed += not wrong
        why = why or (f"case {number}: {wrong}" if wrong else "")
        if wrong and not task.partial:
            return Grade(0.0, why=why)
    return Grade(passed / len(task.cases), why=why)


def _wrong(ended: running.Ended, case: Case) -> str:
    if ended.why:
        return ended.why
    printed, wanted = _lines(ended.output), _lines(case.output.encode(errors="replace").decode())
    if printed == wanted:
        return ""
    first = next((i for i, pair in enumerate(zip(printed, wanted, strict=False)) if pair[0] != pair[1]), -1)
    if first < 0:
        return f"it prints {len(printed)} lines, not {len(wanted)}"
    return f"line {first + 1} is {printed[first][:_SHOWN]!r}, not {wanted[first][:_SHOWN]!r}"


def _lines(text: str) -> list[str]:
    """Lines without the spaces at their ends and the empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n").split("\n")
