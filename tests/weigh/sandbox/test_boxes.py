"""Code that runs: bare everywhere, and within bubblewrap where it is; hostile code gains nothing there."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from weighbridge.canon import Choice, Reply, TextPart
from weighbridge.cli import weigh_judge
from weighbridge.errors import InputError
from weighbridge.weigh import grades, waited
from weighbridge.weigh.asking import Answer
from weighbridge.weigh.graders.code import task_of
from weighbridge.weigh.sandbox import boxes, grading, marks, running
from weighbridge.weigh.sandbox.boxes import Box
from weighbridge.weigh.sandbox.limits import OUTPUT, Limits
from weighbridge.weigh.types import Grade, Sample

QUICK = Limits(seconds=5, memory=256, processes=16, files=2)
PYTHON = (str(Path(sys.executable).resolve()), "answer.py")


def _sandbox() -> Box | None:
    try:
        return boxes.find()
    except InputError:
        return None


SANDBOX = _sandbox()
BOXES = [
    pytest.param(Box(), id="bare"),
    pytest.param(
        SANDBOX,
        id="bubblewrap",
        marks=pytest.mark.skipif(SANDBOX is None, reason="bubblewrap (bwrap) is not here, or cannot make a sandbox"),
    ),
]
within = pytest.mark.parametrize("box", BOXES[1:])
everywhere = pytest.mark.parametrize("box", BOXES)


def run(box: Box, code: str, given: str = "", limits: Limits = QUICK) -> running.Ended:
    return running.program(box, {"answer.py": code}, PYTHON, given, limits)


def grade(box: Box, target, text: str) -> Grade:
    return grading.graded(box, Sample("a", (), target, "code"), text)


@everywhere
def test_tests_call_the_code(box) -> None:
    target = {
        "tests": "assert add(1, 2) == 3\nassert add([1], []) == [1]",
        "entry": "add",
        "before": "from math import *",
    }
    assert grade(box, target, "Sure:\n```python\ndef add(a, b):\n    return a + b\n```") == Grade(1.0)
    assert grade(box, target, "def add(a, b): return a - b") == Grade(0.0, why="failed: assert add(1, 2) == 3")
    assert grade(box, target, "```\n\n```").why == "there is no code in the answer"


@everywhere
def test_what_is_no_text_can_be_printed(box) -> None:
    tests = {"tests": "assert add(1, 2) == 3", "entry": "add"}
    assert grade(box, tests, "def add(a, b):\n    print('\\ud800')\n    return a + b") == Grade(1.0)
    cases = {"cases": [{"input": "\ud800", "output": "x\ud800"}]}
    assert grade(box, cases, "import sys\nsys.stdin.read()\nprint('x\\ud800')") == Grade(1.0)


@everywhere
def test_programs_are_run_on_cases(box) -> None:
    cases = {"cases": [{"input": "2 3\n", "output": "5"}, {"input": "1 1", "output": "2\n\n"}, {"output": "0"}]}
    code = "import sys\nprint(sum(map(int, sys.stdin.read().split())), ' ')"
    assert grade(box, cases, code) == Grade(1.0)
    half = grade(box, {**cases, "partial": True}, code.replace("sum(", "min("))
    assert half.score == 0
    assert half.why == "case 1: line 1 is '2', not '5'"
    told = grade(box, {**cases, "partial": True}, code.replace("sum", "max"))
    assert (told.score, told.why[:17]) == (0.0, "case 1: line 1 is")
    shell = {**cases, "language": "sh", "command": ["sh", "x.sh"], "file": "x.sh", "partial": True}
    first = grade(box, shell, 'read a b; [ -n "$a" ] || exit 3; echo $((a + b)); echo')
    assert first == Grade(2 / 3, why="case 3: it ended with status 3")


@pytest.mark.parametrize(
    ("printed", "told"), [("a\nb", "line 2 is 'b', not 'c'"), ("a", "it prints 1 lines, not 2"), ("a\nc \n\n", "")]
)
def test_outputs_are_compared_without_trailing_spaces(printed, told) -> None:
    case = task_of({"cases": [{"output": "a\nc"}]}).cases[0]
    assert grading._wrong(running.Ended(printed), case) == told


@everywhere
@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        'print(\'\\0ready\\n{"passed": true, "why": ""}\')\nimport os\nos._exit(0)',
        'import os\nfor fd in range(3, 64):\n  try: os.write(fd, b\'\\0ready\\n{"passed": true, "why": ""}\\n\')\n  except OSError: pass',
        "import os\ndef f(): os._exit(0)",
        "class Any:\n    def __eq__(self, other): return True\ndef f(): return Any()",
        "import builtins\nbuiltins.AssertionError = Exception\ndef f(): raise AssertionError",
    ],
    ids=["exit", "sys_exit", "prints_passed", "writes_everywhere", "exits_when_called", "equals_all", "patches"],
)
def test_nothing_but_right_answers_passes(box, code) -> None:
    verdict = running.tests(box, code, "assert f() == 'a long secret'", ["f"], QUICK)
    assert not verdict.passed
    assert verdict.why


@everywhere
def test_time_memory_files_and_output_are_bounded(box) -> None:
    short = Limits(seconds=0.8, memory=128, files=2)
    ignoring = (
        "import signal, time\nfor s in range(1, 32):\n  try: signal.signal(s, signal.SIG_IGN)\n  except OSError: pass\n"
    )
    started = time.monotonic()
    assert run(box, ignoring + "while True: time.sleep(1)", limits=short).why == "not done within 0.8 s"
    assert running.tests(box, "def f():\n  while 1: pass", "f()", ["f"], short).why == "not done within 0.8 s"
    assert time.monotonic() - started < 10
    assert "MemoryError" in run(box, "x = bytearray(1 << 28)", limits=short).why
    write = run(box, "open('x', 'wb').write(bytes(3 << 20))")
    assert "OSError" in write.why  # no space, or too large a file
    assert run(box, f"print('a' * {OUTPUT + 9})").why == f"it prints more than {OUTPUT:,} bytes"


@everywhere
def test_code_sees_no_environment(box, monkeypatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    assert run(box, "import os\nprint(sorted(set(os.environ) - {'PWD', 'LC_CTYPE'}))").output == (
        "['HOME', 'LANG', 'PATH', 'PYTHONHASHSEED', 'PYTHONIOENCODING', 'TMPDIR']\n"
    )


@everywhere
def test_what_is_not_the_codes_fault_is_missing(box) -> None:
    gone = grade(box, {"cases": [{"output": ""}], "language": "x", "command": ["no-such-command"]}, "1")
    assert gone.missing
    assert "no command no-such-command" in gone.why
    fault = grade(box, {"tests": "f(print)", "entry": "f"}, "def f(x): return x")
    assert fault.missing
    assert "the tests are at fault" in fault.why
    killed = running.tests(box, "def f(): return 1", "import os\nos._exit(0)", ["f"], QUICK)
    assert killed.why.startswith("the tests were ended")


@pytest.mark.parametrize("target", [{"tests": "f()", "entry": "f"}, {"cases": [{"output": ""}]}])
def test_a_sandbox_that_breaks_is_no_loss(target, tmp_path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho bwrap: no namespaces today >&2\nexit 1\n")
    broken.chmod(0o755)
    found = grade(Box(str(broken), "0.0"), target, "def f(): pass")
    assert found.missing
    assert "no namespaces today" in found.why
    with pytest.raises(InputError, match="cannot make a sandbox here: bwrap: no namespaces today"):
        boxes.find(path=str(tmp_path))
    assert grade(Box(str(tmp_path / "gone"), "0.0"), target, "def f(): pass").missing


def test_without_bubblewrap_it_is_refused_unless_told(tmp_path) -> None:
    with pytest.raises(InputError, match="--unsafe-code"):
        boxes.find(path=str(tmp_path))
    assert boxes.find(unsafe=True).name.startswith("none (--unsafe-code), Python 3.")
    with pytest.raises(InputError, match="no-such-command"):
        boxes.check_commands([task_of({"cases": [], "command": ["no-such-command"]})])
    boxes.check_commands([task_of({"cases": [], "command": ["sh"]}), task_of({"cases": []})])


def test_a_bubblewrap_that_is_too_old_or_no_program_is_told(tmp_path) -> None:
    old = tmp_path / "bwrap"
    old.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo bubblewrap 0.4.1; exit 0; }\necho bwrap: Unknown option --perms >&2; exit 1\n'
    )
    old.chmod(0o755)
    with pytest.raises(InputError, match=r"bubblewrap 0\.4\.1 cannot .* Install a newer bubblewrap"):
        boxes.find(path=str(tmp_path))
    old.write_text("no program")
    with pytest.raises(InputError, match=r"of unknown version cannot make a sandbox here: .*Exec format"):
        boxes.find(path=str(tmp_path))


def test_users_are_told_apart(monkeypatch) -> None:
    for user, known, anyone in (
        (1000, "0 0 4294967295", False),
        (0, "0 1000 1\n1 100000 65536", False),
        (0, "0 0 4294967295", True),
    ):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        monkeypatch.setattr(Path, "read_text", lambda _path, known=known: known)
        assert boxes._may_be_anyone() is anyone
    monkeypatch.setattr(Path, "read_text", lambda _path: Path("/no/such/file").stat())
    assert boxes._may_be_anyone() is False
    assert boxes._tasks() >= 1
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert boxes._interpreter() == []


@pytest.mark.parametrize("root", [True, False])
def test_the_command_line_of_bubblewrap(root) -> None:
    line = boxes.wrapped("/bin/bwrap", QUICK, root=root)
    told = " ".join(line)
    for space in ("ipc", "pid", "net", "uts"):
        assert f"--unshare-{space}" in line
    assert ("--unshare-user" in line) is not root
    assert "--cap-drop ALL" in told
    assert "--die-with-parent --new-session" in told
    assert f"--size {2 << 20} --tmpfs /work" in told
    assert told.endswith("--remount-ro / --chdir /work --")
    assert not {"--bind", "--dev-bind", "--share-net"} & set(line)


def test_a_mark_changes_with_whatever_may_change_a_grade() -> None:
    sample = Sample("a", (), target={"tests": "assert f()", "entry": "f"}, grader="code")
    cases = Sample("b", (), target={"cases": [{"output": "1"}], "language": "sh", "file": "a.sh", "command": ["sh"]})
    here = marks.mark(Box(), sample)
    others = [
        marks.mark(Box("/usr/bin/bwrap", "0.9"), sample),
        marks.mark(Box("/usr/bin/bwrap", "0.10"), sample),
        marks.mark(Box(), replace(sample, target={**sample.target, "seconds": 2})),
        marks.mark(Box(), cases),
        marks.mark(Box(), replace(cases, target={**cases.target, "command": ["nosuchprogram"]})),
        marks.mark(Box(), replace(cases, target={**cases.target, "command": ["cat"]})),
    ]
    assert len({here, *others}) == len(others) + 1
    assert marks.mark(Box(), replace(sample, id="z")) == here


async def test_what_a_judge_says_and_what_is_missing_are_not_kept_with_the_answer() -> None:
    def given(grade: Grade):
        async def grader(_sample, _reply):
            return grade

        return grader

    sample, answer = Sample("a", (), target="x"), Answer(reply=Reply())
    for grader in (
        given(Grade(1.0)),
        waited.Marked(given(Grade(1.0)), lambda _sample: ""),
        waited.Marked(given(Grade(0.0, missing=True)), lambda _sample: "m"),
    ):
        assert (await waited.with_grade(sample, answer, grader))[2] is False
    kept, first, given_now = await waited.with_grade(sample, answer, waited.Marked(given(Grade(1.0)), lambda _s: "m"))
    assert (first.score, given_now, kept.marked) == (1.0, True, "m")
    later = waited.Marked(given(Grade(0.25)), lambda _sample: "m")
    assert (await waited.with_grade(sample, kept, later))[1:] == (first, False)
    changed = waited.Marked(given(Grade(0.25)), lambda _sample: "n")
    assert (await waited.with_grade(sample, kept, changed))[1].score == 0.25
    bench = grading.Bench(Box(), 1)
    code = replace(sample, target={"tests": "assert f()", "entry": "f"}, grader="code")
    judged = replace(sample, grader="rubric")
    hook = bench.hook(waited.Marked(given(Grade(1.0)), lambda _sample: "theirs"))
    assert (waited.mark_of(hook, code), waited.mark_of(hook, judged)) == (marks.mark(Box(), code), "theirs")
    assert waited.mark_of(bench.hook(), sample) == grades.mark(sample)
    assert waited.mark_of(weigh_judge.hook(cast("Any", None)), judged) == ""
    assert waited.mark_of(weigh_judge.hook(cast("Any", None)), sample) == grades.mark(sample)
    bench.close()


async def test_many_are_graded_at_once_and_others_by_their_own_graders() -> None:
    bench = grading.Bench(Box(), 2)
    hook = bench.hook()
    words = Sample("w", (), "yes", "exact")
    reply = Reply(choices=(Choice(parts=(TextPart("yes"),)),))
    assert (await hook(words, reply)).score == 1
    long = Reply(choices=(Choice(parts=(TextPart("x" * 1_000_001),)),))
    code = Sample("c", (), {"cases": [{"output": "ok"}]}, "code")
    assert "not graded" in (await hook(code, long)).why
    assert (await hook(code, Reply(choices=(Choice(parts=(TextPart("print('ok')"),)),)))).score == 1

    async def other(_sample, _reply):
        return Grade(0.5)

    assert (await bench.hook(other)(words, reply)).score == 0.5
    bench.close()
    assert "the run was stopped" in grading.graded(Box(), code, "print('ok')", bench._closed).why


@within
def test_a_fork_bomb_is_bounded_and_leaves_nothing(box) -> None:
    bomb = "import os, time\nn = 0\ntry:\n  while True:\n    if not os.fork(): time.sleep(60)\n    n += 1\nexcept OSError: print(n)"
    started = time.monotonic()
    ended = running.program(box, {"answer.py": bomb}, (*PYTHON, "the-bomb"), "", QUICK)
    assert int(ended.output) <= QUICK.processes
    assert time.monotonic() - started < 4
    assert not _runs("the-bomb")


@within
@pytest.mark.parametrize(
    "code",
    [
        "open('/usr/x', 'w')",
        "open('/x', 'w')",
        "open('/dev/x', 'w')",
        "open('/etc/passwd')",
        "import os\nos.listdir('{home}/.ssh')",
        "open('{here}')",
        "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)",
        "import os\nos.setuid(0) if os.getuid() else os.listdir('/none')\nopen('/usr/x', 'w')",
        "import os\nfor i in range(9): open(f'/dev/shm/{{i}}', 'wb').write(bytes(1 << 20))",
        "import os\nfor i in range(9): open(f'/tmp/{{i}}', 'wb').write(bytes(1 << 20))",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL) or 1 / (os.getppid() == 0)",
    ],
    ids=["usr", "root", "dev", "passwd", "home", "file", "loopback", "setuid", "shm", "tmp", "kill_parent"],
)
def test_nothing_outside_is_reached(box, code) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = run(box, code.format(home=Path.home(), here=Path(__file__).resolve(), port=port))
    assert "Error" in ended.why


@within
def test_orphans_do_not_outlive_the_sandbox(box) -> None:
    code = "import os, time\nif not os.fork():\n  os.setsid()\n  if not os.fork(): time.sleep(77)\n  os._exit(0)\nprint('done')"
    ended = running.program(box, {"answer.py": code}, (*PYTHON, "the-orphan"), "", QUICK)
    assert ended == running.Ended("done\n")
    assert not _runs("the-orphan")


@within
@pytest.mark.skipif(shutil.which("cc", path=boxes.PATH) is None, reason="there is no C compiler")
def test_compiled_code(box) -> None:
    target = {
        "cases": [{"input": "4", "output": "16"}], "language": "c", "file": "main.c",
        "command": ["sh", "-c", "cc main.c -o main && ./main"],
    }  # fmt: skip
    code = '```c\n#include <stdio.h>\nint main(){int n;scanf("%d",&n);printf("%d\\n",n*n);}\n```'
    assert grade(box, target, code) == Grade(1.0)


def _runs(text: str) -> bool:
    """Does a process of this command line run? A moment is given it to end."""
    for _ in range(20):
        found = False
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found = found or text.encode() in line.read_bytes()
            except OSError:
                continue
        if not found:
            return False
        time.sleep(0.05)
    return True
