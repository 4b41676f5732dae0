"""Two documents over time: what the same engines do now on the same samples, and what else changed beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh import masking, stats, words
from weighbridge.weigh.axes.making import clusters_of
from weighbridge.weigh.document import columns, rebuilding, writing
from weighbridge.weigh.document.changed import Diff, EngineDiff, Fact, Moved, Side
from weighbridge.weigh.document.matching import UNTOLD, leaves
from weighbridge.weigh.document.reading import Opened
from weighbridge.weigh.types import Result, Sample, Weighing
from weighbridge.weigh.verdict import compare

MOST_LISTED = 100  #: samples and facts that are named; all are counted
MILLION = 1_000_000


class _Pair(NamedTuple):
    sample: Sample
    old: Result
    new: Result
    scores: tuple[float, float]


def diff(
    old: Opened,
    new: Opened,
    *,
    margin: float | None = None,
    alpha: float | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Diff:
    """What changed, sample by sample, for every engine that both documents hold.

    Args:
        old: The earlier document.
        new: The later one.
        margin: How much worse is still good enough; the later document's own by default.
        alpha: One-sided error rate of each verdict; the later document's own by default.
        renamed: What the later document calls engines that the earlier one knows by another name: old names to new ones.

    Raises:
        InputError: A document was changed after it was written, the two share no sample or no engine, or an engine that
            is said to be renamed is not in them.
    """
    for one in (old, new):
        if writing.digests(one.tree) != one.tree["digests"]:
            raise InputError(
                "The document was changed after it was written: its digests do not fit.",
                where=one.name,
                fix=f"See what `weighbridge verify {one.name}` says of it.",
            )
    then, now = rebuilding.weighing_of(old), rebuilding.weighing_of(new)
    shared, changed = _shared(old, new)
    names = _names(then, now, renamed or {})
    if not shared or not names:
        raise InputError(
            f"The documents share no {'sample' if not shared else 'engine'}: nothing can be compared honestly.",
            where=f"{old.name}, {new.name}",
            fix="Compare runs of the same engines on the same suite.",
        )
    limits = (now.margin if margin is None else margin, now.alpha if alpha is None else alpha)
    found = [_engine(was, name, then, now, shared, limits) for name, was in names.items()]
    known = set(then.results) - set(names.values()), set(now.results) - set(names)
    return Diff(
        old=_side(old),
        new=_side(new),
        same_suite=then.digest == now.digest,
        shared=len(shared),
        changed=changed,
        only_old=len(then.samples) - len(shared) - changed,
        only_new=len(now.samples) - len(shared) - changed,
        engines=tuple(one for one in found if one is not None),
        only_old_engines=tuple(sorted(known[0])),
        only_new_engines=tuple(sorted(known[1])),
        noise=now.noise,
        notes=tuple(_notes(then, now)),
    )


def _names(then: Weighing, now: Weighing, renamed: Mapping[str, str]) -> dict[str, str]:
    """What each contestant of the later run, of those that both hold, is called in the earlier one."""
    before, after = ({masking.engine_of(name) for name in one.results} for one in (then, now))
    for old, new in renamed.items():
        for name, known, which in ((old, before, "earlier"), (new, after, "later")):
            if name not in known:
                raise InputError(
                    f"The {which} document knows no engine '{name}'.", where="--as", fix=did_you_mean(name, known)
                )
    if len(set(renamed.values())) < len(renamed):
        raise InputError("Two engines are said to have one new name.", where="--as", fix="Give each name once.")
    back = {new: old for old, new in renamed.items()}
    found = {}
    for name in now.results:
        engine = masking.engine_of(name)
        was = back.get(engine, "" if engine in renamed else engine) + name.removeprefix(engine)
        if was in then.results:
            found[name] = was
    return found


def _side(opened: Opened) -> Side:
    document = opened.typed
    return Side(
        name=opened.name,
        suite=document.raw.suite.name,
        day=document.raw.run.day,
        software=f"{document.software.name} {document.software.version}",
        digest=document.digests.document,
        samples=len(document.raw.suite.samples.id),
    )


def _shared(old: Opened, new: Opened) -> tuple[set[str], int]:
    """The samples that are the same in both, and how many have only the same name."""
    ours, theirs = (dict(zip(s.id, s.digest, strict=True)) for s in (o.typed.raw.suite.samples for o in (old, new)))
    both = ours.keys() & theirs.keys()
    same = {key for key in both if ours[key] == theirs[key]}
    return same, len(both) - len(same)


def _notes(then: Weighing, now: Weighing) -> Iterator[str]:
    if then.version != now.version:
        yield f"The software changed: {then.version} then, {now.version} now. Graders may have changed with it."
    if then.levels != now.levels:
        yield "The levels of masking are not the same."
    early = [name for name, run in (("earlier", then), ("later", now)) if words.stopped_early(run)]
    if early:
        yield (
            f"The {' and the '.join(early)} run stopped as soon as verdicts were known. Ranges here are those of a number of "
            "samples that was fixed beforehand: they describe, and decide nothing."
        )
    if (then.seed, then.day, then.started) == (now.seed, now.day, now.started):
        yield "Both documents tell of one and the same run."
        return
    kept = [name for name, results in now.results.items() if any(result.reused for result in results)]
    if kept:
        yield f"Some answers of the later run were kept from earlier ones: {', '.join(kept)}. --fresh asks again."


def _engine(
    was: str, name: str, then: Weighing, now: Weighing, shared: set[str], limits: tuple[float, float]
) -> EngineDiff | None:
    pairs = _pairs(was, name, then, now, shared)
    if not pairs:
        return None
    quality = compare(
        [pair.scores[0] for pair in pairs],
        [pair.scores[1] for pair in pairs],
        clusters=clusters_of([pair.sample for pair in pairs]),
        margin=limits[0],
        alpha=limits[1],
    )
    better = [pair.sample.id for pair in pairs if pair.scores[1] > pair.scores[0]]
    worse = [pair.sample.id for pair in pairs if pair.scores[1] < pair.scores[0]]
    before, after = _words(then, was), _words(now, name)
    answered = [key for pair in pairs if (key := pair.sample.id) in before and key in after]
    return EngineDiff(
        engine=name,
        quality=quality,
        better=tuple(better[:MOST_LISTED]),
        worse=tuple(worse[:MOST_LISTED]),
        better_count=len(better),
        worse_count=len(worse),
        reworded=sum(before[key] != after[key] for key in answered),
        answered=len(answered),
        failures=(sum(pair.old.grade is None for pair in pairs), sum(pair.new.grade is None for pair in pairs)),
        moved=tuple(_moved(pairs)),
        facts=tuple(_facts(was, name, then, now)),
        was=was if was != name else "",
    )


def _pairs(was: str, name: str, then: Weighing, now: Weighing, shared: set[str]) -> list[_Pair]:
    """Both results of every shared sample, where neither is missing; scores are means over all passes."""
    before, after = _scores(then, was), _scores(now, name)
    old = {result.sample: result for result in then.results[was]}
    new = {result.sample: result for result in now.results[name]}
    return [
        _Pair(sample, old[sample.id], new[sample.id], (before[sample.id], after[sample.id]))
        for sample in now.samples
        if sample.id in shared and sample.id in before and sample.id in after and sample.id in old and sample.id in new
    ]


def _scores(weighing: Weighing, name: str) -> dict[str, float]:
    """By sample, the mean score over all passes that could be graded."""
    found: dict[str, list[float]] = {}
    for results in (weighing.results[name], *weighing.repeats.get(name, ())):
        for result in results:
            if not result.missing:
                found.setdefault(result.sample, []).append(result.score)
    return {sample: sum(scores) / len(scores) for sample, scores in found.items()}


def _words(weighing: Weighing, name: str) -> dict[str, str]:
    """By sample, the digest of the engine's answer, as its document tells it."""
    for one in weighing.source["raw"]["passes"]:
        if one["engine"] == name and one["role"] == "answers" and "answer" in one:
            told = zip(weighing.samples, one["answer"], strict=True)
            return {sample.id: digest for sample, digest in told if digest}
    return {}


def _moved(pairs: Sequence[_Pair]) -> Iterator[Moved]:
    from weighbridge.weigh.stats import quantiles, ratios

    clusters = clusters_of([pair.sample for pair in pairs])
    priced = [_both(pair, "cost") for pair in pairs]
    told = [(index, both) for index, both in enumerate(priced) if both is not None]
    if told and all(sum(both[side] for _, both in told) > 0 for side in (0, 1)):
        ones = [1.0] * len(told)
        found = ratios.change(
            ([both[0] for _, both in told], ones),
            ([both[1] for _, both in told], ones),
            [clusters[index] for index, _ in told] if clusters else None,
        )
        means = [sum(both[side] for _, both in told) / len(told) * 1000 / MILLION for side in (0, 1)]
        yield _figure("cost per 1,000 requests", "currency", means, "ratio", found)
    for name, title in (("first_token", "first token"), ("total", "whole answer")):
        times = [(pair.sample, both) for pair in pairs if (both := _both(pair, name)) is not None]
        labels = clusters_of([sample for sample, _ in times])
        for share in (0.5, 0.95) if times else ():
            old, new = [both[0] for _, both in times], [both[1] for _, both in times]
            difference = quantiles.quantile_difference(old, new, share, paired=True, clusters=labels)
            ends = [stats.quantile(values, share) or 0.0 for values in (old, new)]
            yield _figure(f"{title} p{share * 100:.0f}", "s", ends, "difference", difference)


def _both(pair: _Pair, name: str) -> tuple[float, float] | None:
    """A measure of both answers, where both were given and it is known of both."""
    old, new = getattr(pair.old, name), getattr(pair.new, name)
    answered = pair.old.grade is not None and pair.new.grade is not None
    return (float(old), float(new)) if answered and old is not None and new is not None else None


def _figure(name: str, unit: str, ends: Sequence[float], kind: str, found: Any) -> Moved:
    low, high = (end if isfinite(end) else None for end in (found.low, found.high))
    return Moved(name, unit, ends[0], ends[1], kind, found.value, found.n, low, high)


def _facts(was: str, name: str, then: Weighing, now: Weighing) -> Iterator[Fact]:
    old, new = _told(was, then), _told(name, now)
    count = 0
    for leaf in leaves(old, new):
        if not leaf.agrees and count < MOST_LISTED:
            count += 1
            yield Fact(leaf.path, _plain(leaf.told), _plain(leaf.found))


def _told(name: str, weighing: Weighing) -> Any:
    for engine in weighing.engines:
        if name in {masking.name_of(engine.name, level) for level in weighing.levels or (None,)}:
            told = columns.clean(msgspec.to_builtins(engine))
            return {key: told[key] for key in ("model", "host", "offer")}
    return {}


def _plain(value: Any) -> Any:
    return None if value is UNTOLD else value
