"""Judging as a stage of a weighing, after the answers are there: grades by rubric, then pairs, then the figures.

It comes after the run so that a judge that runs on the same machine does not slow the answers whose times are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from weighbridge.weigh import verdict
from weighbridge.weigh.graders import rubric
from weighbridge.weigh.judges import comparing, grading
from weighbridge.weigh.judges.bench import Bench
from weighbridge.weigh.judges.crowd import crowd
from weighbridge.weigh.judges.prompts import PAIRWISE, RUBRIC
from weighbridge.weigh.types import Comparison, Judge, Preference, Result, Sample

_AT_ONCE = 256  # answers under way; each has as many calls as judges


def has_rubrics(samples: Iterable[Sample]) -> bool:
    """Is there anything to grade by a rubric?"""
    return any(sample.grader == rubric.NAME for sample in samples)


async def grade_all(
    bench: Bench, samples: Sequence[Sample], results: Sequence[Result], *, tell: Callable[[], None] = lambda: None
) -> tuple[Result, ...]:
    """An engine's results with the grades of all samples that ask for a rubric; the others stay as they are.

    Args:
        bench: Who judges.
        samples: The samples.
        results: One engine's results, in their order.
        tell: Called after each answer that was judged.

    Raises:
        EngineError: A judge cannot be called at all, or failed ten times in a row. What judges said is kept.
        StoreError: A judge's answer cannot be stored.
    """
    found = list(results)

    async def judge(index: int) -> None:
        reply = results[index].reply
        if reply is not None:
            found[index] = replace(results[index], grade=await grading.grade(bench, samples[index], reply))
        tell()

    wanted = [i for i, sample in enumerate(samples) if sample.grader == rubric.NAME]
    await crowd(wanted, judge, most=_AT_ONCE)
    return tuple(found)


async def compare_all(
    bench: Bench,
    samples: Sequence[Sample],
    results: Mapping[str, Sequence[Result]],
    *,
    base: str,
    seed: int,
    tell: Callable[[], None] = lambda: None,
) -> dict[str, tuple[Preference, ...]]:
    """By candidate: whose answer is better, its own or the base's. Errors are those of `comparing.prefer`.

    All candidates are judged at once, so that a budget that ends early treats them alike.
    """
    candidates = [name for name in results if name != base]
    pairs = [pair for name in candidates for pair in comparing.duels(samples, results[base], results[name])]
    found = await comparing.prefer(bench, pairs, seed=seed, tell=tell)
    size = len(samples)
    return {name: found[i * size : (i + 1) * size] for i, name in enumerate(candidates)}


def preferred(
    samples: Sequence[Sample], preferences: Mapping[str, Sequence[Preference]], *, margin: float, alpha: float
) -> dict[str, Comparison]:
    """By candidate: the shares that prefer the base and the candidate, with a verdict. Missing pairs count nowhere."""
    clustered = any(sample.cluster for sample in samples)
    found = {}
    for candidate, rows in preferences.items():
        told = [(sample, p.score) for sample, p in zip(samples, rows, strict=True) if p.score is not None]
        if told:
            found[candidate] = verdict.compare(
                [1 - score for _, score in told],
                [score for _, score in told],
                clusters=[s.cluster or f"sample {s.id}" for s, _ in told] if clustered else None,
                margin=margin,
                alpha=alpha,
            )
    return found


def records(bench: Bench, kin: Mapping[str, tuple[str, ...]], *, rubrics: bool, pairs: bool) -> tuple[Judge, ...]:
    """Who judged, and with what words.

    Args:
        bench: The judges.
        kin: The contestants of a judge's own family, by the judge's name.
        rubrics: Were answers graded by rubrics?
        pairs: Were answers compared?
    """
    prompts = [("rubric", RUBRIC)] * rubrics + [("pairwise", PAIRWISE)] * pairs
    return tuple(
        Judge(
            engine=judge.name,
            kind=kind,
            version=prompt.version,
            prompt=prompt.text,
            digest=prompt.digest,
            seed=bench.terms.seed,
            kin=kin.get(judge.name, ()),
        )
        for judge in bench.judges
        for kind, prompt in prompts
    )
