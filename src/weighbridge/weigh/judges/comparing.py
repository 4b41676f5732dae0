"""Answers side by side: every judge sees both orders of every pair, and a pair's score is the mean of all it said.

A judge counts on a pair only where both of its orders can be read: one alone would carry its taste for a place into the
score. Pairs are asked in a random order of the seed, so that a budget that ends early leaves a fair sample of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine
from weighbridge.weigh.graders.base import MAX_TEXT
from weighbridge.weigh.judges.bench import Bench
from weighbridge.weigh.judges.bias import both_orders
from weighbridge.weigh.judges.crowd import crowd
from weighbridge.weigh.judges.hostile import speaks_to_judge
from weighbridge.weigh.judges.prompts import PAIRWISE, answer_text, conversation
from weighbridge.weigh.judges.reading import Heard, read_verdict
from weighbridge.weigh.types import Judgement, Preference, Result, Sample

BOTH_FAILED = "neither engine answered"
SAME = "the answers are the same"
UNASKED = "the budget was spent"
_AT_ONCE = 256  # pairs under way; each has as many calls as judges, twice


class Duel(Struct, frozen=True):
    """One sample's two answers: the base's and the candidate's."""

    sample: Sample
    base: Result
    candidate: Result


def duels(samples: Sequence[Sample], base: Sequence[Result], candidate: Sequence[Result]) -> list[Duel]:
    """Both engines' answers to the same samples, in their order."""
    return [Duel(*three) for three in zip(samples, base, candidate, strict=True)]


async def prefer(
    bench: Bench, pairs: Sequence[Duel], *, seed: int = 0, tell: Callable[[], None] = lambda: None
) -> tuple[Preference, ...]:
    """Which of two answers is better, for each pair, in the pairs' order.

    No judge is asked where there is nothing to judge: the same text twice is a tie, an engine that did not answer loses
    to one that did, as in every mean, and two that did not are a tie.

    Args:
        bench: Who judges.
        pairs: What is judged.
        seed: Of the order in which pairs are asked.
        tell: Called after each pair.

    Raises:
        InputError: There is a budget, and a judge's price is unknown or in another currency.
        EngineError: A judge cannot be called at all, or failed ten times in a row.
        StoreError: A judge's answer cannot be stored.
    """
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)  # noqa: S311 - an order that can be repeated, nothing secret
    found: dict[int, Preference] = {}

    async def judge(index: int) -> None:
        found[index] = await _prefer(bench, pairs[index])
        tell()

    await crowd(order, judge, most=_AT_ONCE)
    return tuple(found[index] for index in range(len(pairs)))


def scored(judged: Iterable[Judgement], candidate: str) -> float | None:
    """The score of a pair that its judgements make: the mean over judges whose both orders can be read."""
    means = [sum(scores) / 2 for scores in both_orders(judged, candidate).values()]
    return sum(means) / len(means) if means else None


async def _prefer(bench: Bench, pair: Duel) -> Preference:
    sides = {pair.base.engine: _text(pair.base), pair.candidate.engine: _text(pair.candidate)}
    base, candidate = sides[pair.base.engine], sides[pair.candidate.engine]
    told = Preference(
        pair.sample.id,
        base_length=len(base or ""),
        candidate_length=len(candidate or ""),
        addressed=tuple(name for name, text in sides.items() if text and speaks_to_judge(text)),
    )
    if (settled := _settled(base, candidate)) is not None:
        return _with(told, settled[0], (), settled[1])
    texts: dict[str, str] = {name: text or "" for name, text in sides.items()}
    orders = [tuple(texts), tuple(reversed(texts))]
    judged = tuple(
        await asyncio.gather(*(_hear(bench, judge, pair, texts, order) for judge in bench.judges for order in orders))
    )
    score = scored(judged, pair.candidate.engine)
    unasked = score is None and any(j.why == UNASKED for j in judged)
    return _with(told, score, judged, UNASKED if unasked else "")


def _with(told: Preference, score: float | None, judged: tuple[Judgement, ...], note: str) -> Preference:
    return replace(told, score=score, judged=judged, note=note)


def _settled(base: str | None, candidate: str | None) -> tuple[float, str] | None:
    """The score of a pair that needs no judge, and why."""
    if base is None or candidate is None:
        if base is None and candidate is None:
            return 0.5, BOTH_FAILED
        return (1.0, "the base did not answer") if base is None else (0.0, "the candidate did not answer")
    long = [len(text) > MAX_TEXT for text in (base, candidate)]
    if any(long):
        note = f"longer than {MAX_TEXT:,} characters: not judged"
        return (0.5 if all(long) else 1.0 if long[0] else 0.0), note
    return (0.5, SAME) if base.strip() == candidate.strip() else None


def _text(result: Result) -> str | None:
    return None if result.error or result.reply is None else answer_text(result.reply)


async def _hear(bench: Bench, judge: Engine, pair: Duel, texts: Mapping[str, str], order: Sequence[str]) -> Judgement:
    candidate = pair.candidate.engine
    parts = {
        "request": conversation(pair.sample.messages),
        "first answer": texts[order[0]],
        "second answer": texts[order[1]],
    }

    def read(said: str) -> Heard | None:
        heard = read_verdict(said)
        if heard is None or order[0] == candidate:
            return heard
        return Heard(1 - heard.value, heard.why)

    return await bench.hear(judge, PAIRWISE, PAIRWISE.messages(parts), read, first=order[0])
