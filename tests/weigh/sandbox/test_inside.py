"""What runs within the sandbox, run here without one: values that are carried, tests that judge."""

from __future__ import annotations

import io
import json
import os
import threading

import pytest

from weighbridge.weigh.sandbox import inside


@pytest.mark.parametrize(
    "value",
    [1, 2.5, "é", None, True, [1, [2]], (1, "a"), {"a": (1,), 2: {3}}, {1, 2}, frozenset({1}), b"\0x", 1 + 2j, 10**300],
)
def test_plain_values_are_carried(value) -> None:
    found = inside.decode(json.loads(json.dumps(inside.encode(value))))
    assert found == value
    assert type(found) is type(value)


def test_iterators_become_lists_and_other_things_are_refused() -> None:
    assert inside.encode(range(3)) == [0, 1, 2]
    assert inside.encode({"a": 1}.keys()) == ["a"]
    assert inside.encode(x for x in "ab") == ["a", "b"]
    with pytest.raises(inside.UnplainError, match="object"):
        inside.encode([object()])
    with pytest.raises(ValueError, match="unknown kind"):
        inside.decode({"pickle": []})


def run(code: str, tests: str, *entry: str):
    """Code and tests at the two ends of pipes, in two threads."""
    call_in, call_out = os.pipe()
    answer_in, answer_out = os.pipe()

    def serve() -> None:
        with os.fdopen(call_in, "rb") as calls, os.fdopen(answer_out, "wb") as answers:
            answers.write(inside.READY)
            inside.serve(code, calls, answers)

    serving = threading.Thread(target=serve)
    serving.start()
    with os.fdopen(answer_in, "rb") as answers:
        with os.fdopen(call_out, "wb") as calls:
            found = inside.judge(tests, list(entry), answers, calls)
        serving.join()
    return found


def test_functions_are_called_and_what_they_change_is_changed() -> None:
    code = "def grow(a, b, c, n=1):\n    a.append(n); b['k'] = n; c.add(n); return (a, n)"
    tests = "a, b, c = [], {}, set()\nassert grow(a, b, c, n=2) == ([2], 2)\nassert (a, b, c) == ([2], {'k': 2}, {2})"
    assert run(code, tests, "grow") == {"passed": True, "why": ""}


def test_check_takes_the_first_entry() -> None:
    tests = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9, 'three'\n"
    assert run("def f(x): return x * x", tests, "f")["passed"]
    assert run("def f(x): return x + x", tests, "f")["why"] == (
        "failed: assert candidate(3) == 9, 'three': AssertionError: three"
    )


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def f(x): return x", "failed: assert f(1) == 2"),
        ("def f(x): return 1 / 0", "failed: assert f(1) == 2: ZeroDivisionError: division by zero"),
        ("g = 1", "AttributeError: module 'answer' has no attribute 'f'"),
        ("def f(x): raise SystemExit(0)", "RuntimeError: SystemExit: 0"),
        ("def f(x): return object()", "RuntimeError: UnplainError: object is no plain value"),
        ("def f(x): return 10 ** 10_000", "the answer cannot be told"),
        ("import sys\nsys.exit(0)", "the code does not load: RuntimeError: SystemExit: 0"),
        ("def f(:", "the code does not load: SyntaxError"),
        ("class E(Exception):\n    def __str__(self): raise E\ndef f(x): raise E", "RuntimeError: E:"),
        ("def f(x): raise UnicodeDecodeError('a', b'', 0, 1, 'x')", "RuntimeError: UnicodeDecodeError"),
    ],
)
def test_the_first_failure_is_told(code, why) -> None:
    found = run(code, "assert f(1) == 2", "f")
    assert not found["passed"]
    assert not found.get("broken")
    assert why in found["why"]


@pytest.mark.parametrize("tests", ["f(lambda: 1)", "f('x' * 2_000_000)"])
def test_tests_that_hand_over_what_cannot_be_carried_are_at_fault(tests) -> None:
    found = run("def f(x): return x", f"try:\n    {tests}\nexcept Exception:\n    pass", "f")
    assert found["broken"]
    assert "the tests are at fault" in found["why"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "the code ended before"),
        (b"[1]\n", "cannot be read"),
        (b"{\n", "cannot be read"),
        (b'{"value": {"no": 1}, "after": []}\n', "cannot be read"),
        (b'{"value": {"dict": [[{"dict": []}, 1]]}, "after": []}\n', "cannot be read"),
        (b'{"value": 1}\n', "cannot be read"),
        (b'{"raised": 7}\n', "RuntimeError"),
        (b"[" * 900_000 + b"\n", "cannot be read"),
    ],
)
def test_forged_answers_only_fail(answer, why) -> None:
    said = io.BytesIO(inside.READY + b'{"loaded": true}\n' + answer)
    found = inside.judge("assert f(1) == 1", ["f"], said, io.BytesIO())
    assert not found["passed"]
    assert not found.get("broken")
    assert why in found["why"]


def test_code_that_never_started_is_not_at_fault() -> None:
    assert inside.judge("f()", ["f"], io.BytesIO(), io.BytesIO())["broken"]
