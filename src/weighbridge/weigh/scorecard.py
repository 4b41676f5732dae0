"""From results to figures: one engine's scorecard, and the whole weighing with its comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from weighbridge.canon import Engine, Level, Usage
from weighbridge.errors import InputError
from weighbridge.weigh import axes, engine_facts, masking, passes, stats
from weighbridge.weigh.axes.making import MICRO, Pair, clusters_of, told
from weighbridge.weigh.types import Comparison, Interval, Result, Sample, Scorecard, Suite, Weighing
from weighbridge.weigh.verdict import compare


def scorecard(
    engine: Engine,
    samples: Sequence[Sample],
    results: Sequence[Result],
    *,
    day: str,
    level: Level | None = None,
    asked: Sequence[Sequence[Result]] = (),
    others: Sequence[Engine] = (),
) -> Scorecard:
    """One engine's figures on every axis. Nothing is drawn at random, so no seed is needed.

    Times and costs are those of answered samples; a failed call scores 0 and counts as a failure. A cost is
    unknown as soon as that of one answer is.

    Args:
        engine: The engine, for its facts.
        samples: The samples that were to be asked.
        results: Its results, in any order; those of other samples are passed over.
        day: The day (`YYYY-MM-DD`) whose price is named.
        level: Of masking, at which the engine was asked; None where it was asked as its route and host have it.
        asked: Every pass, the first one first, where samples were asked more than once.
        others: The other engines that are weighed.

    Raises:
        InputError: No sample has a result.
    """
    pairs = _matched(samples, results)
    if not pairs:
        raise InputError(
            f"{engine.name} has no result to weigh.", where=engine.name, fix="Let the run finish at least one sample."
        )
    answered = [result for _, result in pairs if result.grade is not None]
    failed = [result for _, result in pairs if result.grade is None]
    price = engine.price_at(day)
    return Scorecard(
        engine=masking.name_of(engine.name, level),
        title=masking.title_of(engine.model.title or engine.model.name, level),
        quality=_interval(pairs),
        by_category=_by_category(pairs),
        validity=_validity(pairs),
        cost_per_1000=_cost_per_1000(answered),
        cost_per_solved=_cost_per_solved(answered, failed),
        currency=price.currency if price else "USD",
        price_source=price.source if price else "",
        first_token_p50=_time(answered, "first_token", 0.5),
        first_token_p95=_time(answered, "first_token", 0.95),
        total_p50=_time(answered, "total", 0.5),
        total_p95=_time(answered, "total", 0.95),
        tokens_per_second=_tokens_per_second(answered),
        usage=_usage([result for _, result in pairs]),
        spent=_spent([result for one in asked or [results] for _, result in _matched(samples, one)]),
        failures=len(failed),
        context=engine.context,
        open_weights=engine.model.open_weights,
        licence=engine.model.licence,
        lab=engine.model.lab,
        lab_country=engine.model.lab_country,
        host=engine.host.title or engine.host.name,
        jurisdiction=engine.host.jurisdiction,
        released=engine.model.released,
        masked=masking.figures([sample for sample, _ in pairs], [result for _, result in pairs]),
        axes=(
            *axes.measured(pairs, [_matched(samples, one) for one in asked] or [pairs], price, day=day),
            *axes.facts(engine, others, [sample for sample, _ in pairs], day),
        ),
    )


def weighing(
    suite: Suite,
    engines: Sequence[Engine],
    results: Mapping[str, Sequence[Result]],
    *,
    base: str,
    margin: float,
    alpha: float,
    seed: int,
    day: str,
    started: float,
    noise: Sequence[Result] = (),
    version: str = "",
    stopped: str = "",
    levels: Sequence[Level] = (),
    identifiers_by: str = "",
    repeats: Mapping[str, Sequence[Sequence[Result]]] | None = None,
) -> Weighing:
    """Everything that a run says: a scorecard per engine, and each candidate's comparison with the base.

    Args:
        suite: What was asked.
        engines: Whom, in the order in which they are shown.
        results: By contestant's name. One without any result is left out, as is a comparison without a pair.
        base: The name of the contestant that the others are compared with.
        margin: See `verdict.compare`.
        alpha: See `verdict.compare`.
        seed: What the run drew its random numbers from; recorded.
        day: The day (`YYYY-MM-DD`) whose prices count.
        started: When the run began, seconds since 1970.
        noise: The base's second answers to the same samples, if it was asked twice.
        version: Of Weighbridge.
        stopped: Why the run ended early, if it did.
        levels: Of masking, at each of which every engine was asked; none where they were asked as their routes have it.
        identifiers_by: Who named the samples' identifiers.
        repeats: By contestant, the results of each further pass. Scores are then means over all passes; costs and times
            stay those of the first.

    Raises:
        InputError: The base is not among the engines, or margin or alpha is out of range.
    """
    at: Sequence[Level | None] = levels or (None,)
    entries = {masking.name_of(engine.name, level): (engine, level) for engine in engines for level in at}
    if base not in entries:
        raise InputError(f"The base {base} is not among the engines.", fix="Name one of those that are weighed.")
    first = {name: _matched(suite.samples, results.get(name, ())) for name in entries}
    further = repeats or {}
    matched = {
        name: _matched(suite.samples, passes.averaged([result for _, result in pairs], further.get(name, ())))
        for name, pairs in first.items()
    }
    compared = {
        name: _compare(matched[base], matched[name], margin=margin, alpha=alpha) for name in entries if name != base
    }
    tolls = {
        name: masking.toll([result for _, result in matched[base]], [result for _, result in matched[name]])
        for name in entries
        if name != base and levels
    }
    return Weighing(
        suite=suite.name,
        digest=suite.digest,
        started=started,
        day=day,
        seed=seed,
        margin=margin,
        alpha=alpha,
        base=base,
        scorecards=tuple(
            scorecard(
                engine,
                suite.samples,
                [result for _, result in matched[name]],
                day=day,
                level=level,
                asked=[
                    [result for _, result in first[name]],
                    *further.get(name, ()),
                    *([noise] if noise and name == base and not further.get(name) else []),  # else it is one of them
                ],
                others=[one for one in engines if one.name != engine.name],
            )
            for name, (engine, level) in entries.items()
            if matched[name]
        ),
        changes={
            name: axes.changes(
                matched[base],
                pairs,
                margin=margin,
                alpha=alpha,
                seed=seed,
                money=_one_currency(entries, base, name, day),
            )
            for name, pairs in matched.items()
            if name != base and compared[name] is not None
        },
        comparisons={name: found for name, found in compared.items() if found is not None},
        samples=suite.samples,
        results={name: tuple(result for _, result in pairs) for name, pairs in first.items()},
        noise=_compare(first[base], _matched(suite.samples, noise), margin=margin, alpha=alpha),
        version=version,
        stopped=stopped,
        tolls={name: found for name, found in tolls.items() if found is not None},
        identifiers_by=identifiers_by,
        engines=tuple(engine_facts.public(engine) for engine in engines),
        levels=tuple(levels),
        again=tuple(result for _, result in _matched(suite.samples, noise)),
        repeats={
            name: tuple(tuple(result for _, result in _matched(suite.samples, one)) for one in found)
            for name, found in further.items()
        },
    )


def _one_currency(entries: Mapping[str, tuple[Engine, Level | None]], base: str, candidate: str, day: str) -> bool:
    """Can their costs be compared?"""
    prices = [entries[name][0].price_at(day) for name in (base, candidate)]
    return all(prices) and len({price.currency for price in prices if price is not None}) == 1


def _matched(samples: Sequence[Sample], results: Sequence[Result]) -> list[Pair]:
    """Samples with their results, in the samples' order. Of several results the last one counts."""
    by_sample = {result.sample: result for result in results}
    return [(sample, by_sample[sample.id]) for sample in samples if sample.id in by_sample]


def _compare(base: Sequence[Pair], candidate: Sequence[Pair], *, margin: float, alpha: float) -> Comparison | None:
    scores = {sample.id: result.score for sample, result in told(candidate)}
    shared = [(sample, result) for sample, result in told(base) if sample.id in scores]
    if not shared:
        return None
    return compare(
        [result.score for _, result in shared],
        [scores[sample.id] for sample, _ in shared],
        clusters=clusters_of([sample for sample, _ in shared]),
        margin=margin,
        alpha=alpha,
    )


def _interval(pairs: Sequence[Pair]) -> Interval:
    """The mean score; of grades that are all missing anything may be true."""
    graded = told(pairs)
    if not graded:
        return Interval(value=0.0, low=0.0, high=1.0, n=0)
    return stats.mean_interval([result.score for _, result in graded], clusters_of([sample for sample, _ in graded]))


def _by_category(pairs: Sequence[Pair]) -> dict[str, Interval]:
    """By category in the order of first appearance; empty where no sample has one."""
    if not any(sample.category for sample, _ in pairs):
        return {}
    groups: dict[str, list[Pair]] = {}
    for sample, result in told(pairs):
        groups.setdefault(sample.category, []).append((sample, result))
    return {category: _interval(group) for category, group in groups.items()}


def _validity(pairs: Sequence[Pair]) -> Interval | None:
    graded = [(sample, result.grade.valid) for sample, result in pairs if result.grade is not None]
    asked = [(sample, valid) for sample, valid in graded if valid is not None]
    if not asked:
        return None
    return stats.mean_interval([float(valid) for _, valid in asked], clusters_of([sample for sample, _ in asked]))


def _known_costs(answered: Sequence[Result]) -> list[int] | None:
    costs = [result.cost for result in answered if result.cost is not None]
    return costs if costs and len(costs) == len(answered) else None


def _cost_per_1000(answered: Sequence[Result]) -> float | None:
    costs = _known_costs(answered)
    return None if costs is None else sum(costs) * 1000 / len(costs) / MICRO


def _cost_per_solved(answered: Sequence[Result], failed: Sequence[Result]) -> float | None:
    """What failed calls are known to have cost is part of the price of the solved ones."""
    costs, solved = _known_costs(answered), fsum(result.score for result in answered)
    if costs is None or solved <= 0:
        return None
    return (sum(costs) + sum(result.cost or 0 for result in failed)) / solved / MICRO


def _time(answered: Sequence[Result], name: str, p: float) -> float | None:
    return stats.quantile([value for r in answered if (value := getattr(r, name)) is not None], p)


def _tokens_per_second(answered: Sequence[Result]) -> float | None:
    """All tokens after the first of each answer, over all the time that they took: short answers weigh little."""
    tokens, seconds = 0, 0.0
    for result in answered:
        if result.usage is None or result.first_token is None or result.total is None:
            continue
        if result.usage.output > 1 and result.total > result.first_token:
            tokens += result.usage.output - 1
            seconds += result.total - result.first_token
    return tokens / seconds if seconds > 0 else None


def _usage(results: Sequence[Result]) -> Usage:
    used = [result.usage for result in results if result.usage is not None]
    return Usage(
        input=sum(u.input for u in used),
        cached=sum(u.cached for u in used),
        output=sum(u.output for u in used),
        reasoning=sum(u.reasoning for u in used),
        estimated=any(u.estimated for u in used),
    )


def _spent(results: Sequence[Result]) -> int | None:
    """Micro-units of the calls made in this run, of all passes; None where an answer's cost is unknown."""
    made = [result for result in results if not result.reused]
    if any(result.cost is None and result.grade is not None for result in made):
        return None
    return sum(result.cost or 0 for result in made)
