"""Results as columns, and columns as results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from weighbridge.canon import Choice, Reply, TextPart, ToolCallPart, Usage
from weighbridge.weigh.document import canonical
from weighbridge.weigh.document.shape import Outcome, Pass, Role
from weighbridge.weigh.types import Grade, Result, Sample

Fetch = Callable[[Sequence[Result]], Sequence[Reply | None]]
"""Gives the kept answers of results, in their order: a large run does not hold them in memory."""
BLOCK = 500  #: answers that are fetched at once

Said = tuple[str, str, tuple[tuple[str, str], ...]]

_TOKENS = ("input", "cached", "cache_written", "output", "reasoning", "estimated")
_MEASURED = ("cost", "first_token", "total", "at", "trace", "reused", "error")
_EMPTY: dict[str, Any] = {
    "label": "",
    "why": "",
    "error": "",
    "trace": "",
    "finish": "",
    "answer": "",
    "at": 0,
    "reused": False,
    "judged": [],
}
"""What a column holds where there is nothing to tell; null in every other one."""


def said(reply: Reply) -> Said:
    """What counts as the answer: text, refusal and tool calls of its first choice."""
    if not reply.choices:
        return "", "", ()
    first = reply.choices[0]
    return first.text, first.refusal, tuple((call.name, call.arguments) for call in first.tool_calls)


def answer_digest(words: Said) -> str:
    """SHA-256 of an answer, by which it can be checked later."""
    return canonical.digest(clean(words))


def clean(value: Any) -> Any:
    """The value as JSON can hold it.

    Every half of a surrogate pair is replaced, since an engine may write what no Unicode text can hold; what is infinite or
    no number is null: unknown.
    """
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value


def write(
    engine: str,
    role: Role,
    samples: Sequence[Sample],
    results: Sequence[Result],
    *,
    with_answers: bool,
    fetch: Fetch | None = None,
) -> dict[str, Any]:
    """One pass as columns in the order of `samples`; columns that tell nothing are left out.

    `fetch` gives the answers that results do not hold; a block at a time, so that they are never all in memory.
    """
    by_sample = {result.sample: result for result in results}
    found = [by_sample.get(sample.id) for sample in samples]
    columns: dict[str, Any] = {
        "outcome": [_outcome(one) for one in found],
        "score": [one.grade.score if one and one.grade and not one.grade.missing else None for one in found],
    }
    for name, values in _columns(found, with_answers=with_answers, fetch=fetch):
        empty = _EMPTY.get(name)
        if any(value != empty for value in values):
            columns[name] = values
    return {"engine": engine, "role": role, **columns}


def _columns(
    found: Sequence[Result | None], *, with_answers: bool, fetch: Fetch | None
) -> Iterable[tuple[str, list[Any]]]:
    yield "valid", [one.grade.valid if one and one.grade else None for one in found]
    yield "label", [clean(one.grade.label) if one and one.grade else "" for one in found]
    for name in _TOKENS:
        get = attrgetter(name)
        yield name, [get(one.usage) if one and one.usage else None for one in found]
    for name in _MEASURED:
        get, empty = attrgetter(name), _EMPTY.get(name)
        values = [get(one) if one else empty for one in found]
        yield name, clean(values) if isinstance(empty, str) else values
    spoken = list(_spoken(found, fetch, with_answers=with_answers))
    yield "finish", [one.finish for one in spoken]
    yield "answer", [one.digest for one in spoken]
    yield "characters", [one.characters for one in spoken]
    yield "judged", [_judged(one) for one in found]
    yield "exposure", [msgspec.to_builtins(one.exposure) if one and one.exposure else None for one in found]
    if with_answers:
        yield "why", [clean(one.grade.why) if one and one.grade else "" for one in found]
        yield "said", [one.said for one in spoken]


class _Spoken(NamedTuple):
    finish: str = ""
    digest: str = ""
    characters: int | None = None
    said: Any = None


def _spoken(found: Sequence[Result | None], fetch: Fetch | None, *, with_answers: bool) -> Iterator[_Spoken]:
    """What is told of each answer."""
    for start in range(0, len(found), BLOCK):
        block = found[start : start + BLOCK]
        apart = [one for one in block if one is not None and one.reply is None and one.grade is not None]
        fetched = dict(zip(map(id, apart), fetch(apart), strict=True)) if fetch and apart else {}
        for one in block:
            reply = (one.reply or fetched.get(id(one))) if one is not None else None
            if reply is None:
                yield _Spoken()
                continue
            words = said(reply)
            kept = clean(words) if with_answers else None
            yield _Spoken(reply.finish or "", answer_digest(words), len(words[0]), kept)


def _outcome(result: Result | None) -> Outcome:
    if result is None:
        return "absent"
    if result.grade is None:
        return "failed"
    return "missing" if result.grade.missing else "graded"


def _judged(result: Result | None) -> list[Any]:
    judged = result.grade.judged if result and result.grade else ()
    return clean(msgspec.to_builtins(judged)) if judged else []


def read(one: Pass, samples: Sequence[Sample]) -> tuple[Result, ...]:
    """The results of a pass. Answers that were not put in are replies without words, so that their ends are known."""
    get = _getters(one, len(samples))
    return tuple(
        _result(one.engine, sample.id, index, get)
        for index, sample in enumerate(samples)
        if one.outcome[index] != "absent"
    )


def usages(one: Pass, count: int) -> Iterator[tuple[int, Usage]]:
    """The tokens of every graded answer of a pass that tells them, with the index of its sample."""
    get = _getters(one, count)
    for index, outcome in enumerate(one.outcome):
        if outcome in {"graded", "missing"} and (usage := _usage(index, get)) is not None:
            yield index, usage


Getters = Mapping[str, Callable[[int], Any]]


def _getters(one: Pass, count: int) -> Getters:
    """For each column, what gives its entry at an index."""
    made: dict[str, Callable[[int], Any]] = {}
    for name in one.__struct_fields__:
        values = getattr(one, name)
        if isinstance(values, tuple):
            made[name] = values.__getitem__ if len(values) == count else partial(_same, _EMPTY.get(name))
    return made


def _same(value: Any, _index: int) -> Any:
    return value


def _result(engine: str, sample: str, index: int, get: Getters) -> Result:
    outcome = get["outcome"](index)
    return Result(
        sample=sample,
        engine=engine,
        grade=None if outcome == "failed" else _grade(index, get, missing=outcome == "missing"),
        reply=_reply(index, get),
        usage=_usage(index, get),
        cost=get["cost"](index),
        first_token=get["first_token"](index),
        total=get["total"](index),
        at=get["at"](index),
        error=get["error"](index),
        trace=get["trace"](index),
        reused=get["reused"](index),
        exposure=get["exposure"](index),
    )


def _grade(index: int, get: Getters, *, missing: bool) -> Grade:
    return Grade(
        score=get["score"](index) or 0.0,
        valid=get["valid"](index),
        why=get["why"](index),
        label=get["label"](index),
        missing=missing,
        judged=get["judged"](index) or (),
    )


def _usage(index: int, get: Getters) -> Usage | None:
    if get["input"](index) is None:
        return None
    return Usage(
        input=get["input"](index),
        cached=get["cached"](index) or 0,
        output=get["output"](index) or 0,
        reasoning=get["reasoning"](index) or 0,
        estimated=bool(get["estimated"](index)),
        cache_written=get["cache_written"](index) or 0,
    )


def _reply(index: int, get: Getters) -> Reply | None:
    words, finish = get["said"](index), get["finish"](index) or None
    if words is None:
        return Reply(choices=(Choice(finish=finish),)) if finish or get["answer"](index) else None
    text, refusal, calls = words
    parts = (TextPart(text),) if text else ()
    called = tuple(ToolCallPart(str(place), name, arguments) for place, (name, arguments) in enumerate(calls))
    return Reply(choices=(Choice(parts=(*parts, *called), finish=finish, refusal=refusal),))
