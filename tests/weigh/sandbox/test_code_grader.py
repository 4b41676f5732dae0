"""Targets of the grader `code`, and which part of an answer is the code."""

from __future__ import annotations

import pytest

from weighbridge.canon import Choice, Reply, TextPart
from weighbridge.weigh import graders
from weighbridge.weigh.graders.code import Task, check_code, extract
from weighbridge.weigh.types import Sample

TESTS = {"tests": "assert add(1, 2) == 3", "entry": "add"}
CASES = {"cases": [{"input": "1", "output": "2"}]}


@pytest.mark.parametrize(
    "target",
    [
        TESTS,
        {**TESTS, "entry": ["add", "sub"], "before": "import math", "seconds": 0.5, "memory": 64, "language": "python"},
        CASES,
        {
            "cases": [{"output": ""}],
            "language": "c",
            "file": "main.c",
            "command": ["sh", "-c", "true"],
            "partial": True,
        },
    ],
)
def test_good_targets(target) -> None:
    assert check_code(target) == ""


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("assert 1", "must be {"),
        ({**TESTS, **CASES}, "must be {"),
        ({**TESTS, "entyr": "x"}, "unknown field 'entyr'"),
        ({**TESTS, "file": "a.py"}, "'file', which goes with 'cases'"),
        ({"tests": "x"}, "needs 'entry'"),
        ({**TESTS, "entry": ["no name"]}, "needs 'entry'"),
        ({**TESTS, "tests": " "}, "not empty"),
        ({**TESTS, "tests": "assert ("}, "must be Python"),
        ({**TESTS, "tests": "1\n" * 60_000}, "120,000 characters long"),
        ({**TESTS, "before": 3}, "in 'before' must be text"),
        ({**TESTS, "seconds": 1000}, "in 'seconds'"),
        ({**TESTS, "memory": 1.5}, "in 'memory'"),
        ({"cases": []}, "a list of 1 to 100"),
        ({"cases": [{"input": "1"}]}, "in case 1 must be"),
        ({"cases": [{"output": 1}]}, "in case 1, in 'output' must be text"),
        ({**CASES, "partial": 1}, "in 'partial'"),
        ({**CASES, "language": "c"}, "needs a 'command'"),
        ({**CASES, "command": "node"}, "in 'command'"),
        ({**CASES, "file": "../x"}, "in 'file'"),
    ],
)
def test_bad_targets_are_told(target, told) -> None:
    assert told in check_code(target)


ONE, TWO = "def add(a, b):\n    return a + b\n", "print(add(1, 2), 'and much more text than the function has')\n"


@pytest.mark.parametrize(
    ("text", "task", "code"),
    [
        (ONE, Task(), ONE),
        (f"Here:\n```python\n{ONE}```\nDone.", Task(), ONE),
        (f"```py\n{ONE}```\nUse it:\n```python\n{TWO}```", Task(entry=("add",)), ONE),
        (f"```py\n{ONE}```\nUse it:\n```python\n{TWO}```", Task(), TWO),
        (f"```bash\npip install everything and a lot more of it --upgrade --yes\n```\n~~~\n{ONE}~~~", Task(), ONE),
        (f"```text\n{ONE}```", Task(), ONE),
        (
            "```python\nadd = sum\n```\n```python\nmuch = 'longer than the other'\n```",
            Task(entry=("add",)),
            "add = sum\n",
        ),
        (f"```python\r\n{ONE}", Task(), f"{ONE}\n"),
        ("````python\nx = '''\n```\n'''\n````", Task(), "x = '''\n```\n'''\n"),
        (
            f"```py\n{ONE}    # a long draft\n```\nCorrected:\n```py\ndef add(a, b): 1\n```",
            Task(entry=("add",)),
            "def add(a, b): 1\n",
        ),
        (f"```py\n{ONE}```\n```py\nadd(1, 2)\n```", Task(entry=("add",)), ONE),
        (
            "```py\ndef a(): 1\ndef b(): 2\n```\n```py\ndef a(): 3\n```",
            Task(entry=("a", "b")),
            "def a(): 1\ndef b(): 2\n",
        ),
        ("1. Write:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done.", Task(), ONE),
        ("1. Write:\n\n    ```python\n    def add(a, b):\n        return a + b\n    ```\n", Task(), ONE),
        ("- a\n  - b\n\n\t```python\n\tdef add(a, b):\n\t    return a + b\n\t```\n", Task(), ONE),
        ("1. ```python\n   def add(a, b):\n       return a + b\n   ```", Task(), ONE),
        ("1. x\n   ```python\ndef add(a, b):\n    return a + b\n   ```", Task(), ONE),
        ('1. x\n   ```python\n   s = """\ntext\n"""\n   ```', Task(), 's = """\ntext\n"""\n'),
        (
            'def f():\n    """\n    ```\n    f()\n    ```\n    """',
            Task(),
            'def f():\n    """\n    ```\n    f()\n    ```\n    """',
        ),
        ('```python\ndef f():\n    """\n    ```\n    """\n```', Task(), 'def f():\n    """\n    ```\n    """\n'),
        ("```{python}\n1\n```", Task(), "1\n"),
        ("Use ``` to open.\n```python\n1\n```", Task(), "1\n"),
        ("```js\n1\n```\n```python\n22\n```", Task(language="JavaScript"), "1\n"),
    ],
)
def test_code_is_found(text, task, code) -> None:
    assert extract(text, task) == code


def test_without_a_sandbox_the_grade_is_missing() -> None:
    reply = Reply(choices=(Choice(parts=(TextPart(ONE),)),))
    grade = graders.grade(Sample("a", (), TESTS, "code"), reply)
    assert grade.missing
    assert "no sandbox" in grade.why
