"""An engine weighed against itself at levels of masking: who is asked, what it saw, and what that takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Protocol

from msgspec.structs import replace

from weighbridge.canon import LEVELS, Level, Masking, Span, Trace
from weighbridge.errors import InputError, SettingsError, did_you_mean
from weighbridge.weigh import identifiers, stats
from weighbridge.weigh.types import Exposure, Identifier, Interval, Masked, Result, Sample, Scorecard, Suite, Toll

MICRO = 1_000_000


def read_levels(text: str) -> tuple[Level, ...]:
    """The levels of a list with commas, in its order; the first one is the base. None of an empty text.

    Raises:
        InputError: A level is unknown or comes twice.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in LEVELS:
            raise InputError(f"'{name}' is no level of masking.", where="--mask", fix=did_you_mean(name, LEVELS))
        if names.count(name) > 1:
            raise InputError(
                f"The level '{name}' is named twice.",
                where="--mask",
                fix="Name it once; --noise weighs the first level against itself.",
            )
    return tuple(level for name in names for level in LEVELS if level == name)


def name_of(engine: str, level: Level | None) -> str:
    """What an engine is called at a level: as it is where nothing is masked."""
    return f"{engine} +mask {level}" if level and level != "none" else engine


def engine_of(name: str) -> str:
    """The engine's name alone, of what it is called at a level."""
    return name.partition(" +mask ")[0]


def title_of(title: str, level: Level | None) -> str:
    """The same, for its title."""
    return f"{title}, mask {level}" if level and level != "none" else title


def masking_of(level: Level | None) -> Masking | None:
    """What a call asks of the road.

    The road's own record of the exchange then holds the caller's texts, since the answer is graded as the caller reads it; what
    the engine saw is taken from the bytes that were sent.
    """
    return Masking(level=level, traces="original") if level is not None else None


def check_level(engine: str, level: Level | None, trace: Trace) -> None:
    """Refuse to take an engine that saw less than its level lets through for one that saw all of it.

    Raises:
        SettingsError: More was masked than asked for.
    """
    if level is not None and trace.outcome == "ok" and trace.mask != level:
        raise SettingsError(
            f"Its requests are masked at '{trace.mask}', whatever is asked for: '{level}' cannot be weighed.",
            where=engine,
            fix=f"Weigh levels from '{trace.mask}' on, or see mask.level and mask.force in the configuration.",
        )


def exposed(sample: Sample, level: Level | None, sent: str, masked: Mapping[str, int]) -> Exposure | None:
    """What an engine saw of a sample at a level; None where nobody looked.

    Args:
        sample: What was asked.
        level: At which level; None where it was asked as its route and host have it.
        sent: Every text that was sent.
        masked: How many values were masked, by kind.
    """
    if level is None or not sent:
        return None
    return identifiers.exposure(identifiers.said(sample.messages), sample.identifiers, sent, level=level, masked=masked)


def figures(samples: Sequence[Sample], results: Sequence[Result]) -> Masked | None:
    """What an engine saw of all samples; None where nobody looked.

    Identifiers of one sample are not independent of each other, so that the intervals take each sample as a cluster.

    Args:
        samples: In the order of `results`.
        results: One per sample.
    """
    seen = [(s, r.exposure) for s, r in zip(samples, results, strict=True) if r.exposure is not None]
    if not seen:
        return None
    masked: Counter[str] = Counter()
    for _, one in seen:
        masked.update(one.masked)
    named = [(sample, one) for sample, one in seen if one.identifiers]
    words = sum(one.words for _, one in named)
    hidden = sum(one.hidden for _, one in named)
    return Masked(
        level=seen[0][1].level,
        leak=_share(named, lambda one: one.leaked),
        partly=_share(named, lambda one: one.partly),
        samples=stats.mean_interval([float(any(one.leaked.values())) for _, one in named]) if named else None,
        by_kind={kind: found for kind in _kinds(named) if (found := _share(named, lambda one: one.leaked, kind))},
        per_sample=masked.total() / len(seen),
        kinds=dict(masked.most_common()),
        over_masked=hidden / words if words else None,
        over_masked_words=hidden if words else None,
    )


def _kinds(named: Sequence[tuple[Sample, Exposure]]) -> list[str]:
    """The kinds of identifiers, the most frequent first; none where the suite tells no kinds."""
    count: Counter[str] = Counter()
    for _, one in named:
        count.update(one.identifiers)
    return [kind for kind, _ in count.most_common() if kind]


def _share(
    named: Sequence[tuple[Sample, Exposure]], pick: Callable[[Exposure], Mapping[str, int]], kind: str | None = None
) -> Interval | None:
    values: list[float] = []
    clusters: list[str] = []
    for sample, one in named:
        total, counted = (
            sum(n for name, n in counts.items() if kind is None or name == kind)
            for counts in (one.identifiers, pick(one))
        )
        values += [*repeat(1.0, counted), *repeat(0.0, total - counted)]
        clusters += repeat(sample.id, total)
    return stats.mean_interval(values, clusters) if values else None


def toll(base: Sequence[Result], candidate: Sequence[Result]) -> Toll | None:
    """What the candidate's level takes beside quality, from the samples that both answered; None where there are none."""
    answered = {result.sample: result for result in candidate if result.grade is not None}
    pairs = [(r, answered[r.sample]) for r in base if r.grade is not None and r.sample in answered]
    if not pairs:
        return None
    costs = [(ours.cost, theirs.cost) for ours, theirs in pairs]
    known = [(ours, theirs) for ours, theirs in costs if ours is not None and theirs is not None]
    tokens = [(o.usage.input, t.usage.input) for o, t in pairs if o.usage is not None and t.usage is not None]
    return Toll(
        n=len(pairs),
        first_token=_median([(o.first_token, t.first_token) for o, t in pairs]),
        total=_median([(o.total, t.total) for o, t in pairs]),
        cost_per_1000=sum(t - o for o, t in known) * 1000 / len(known) / MICRO if len(known) == len(pairs) else None,
        tokens_in=sum(t - o for o, t in tokens) / len(tokens) if tokens else None,
    )


def _median(pairs: Sequence[tuple[float | None, float | None]]) -> float | None:
    return stats.quantile([theirs - ours for ours, theirs in pairs if ours is not None and theirs is not None], 0.5)


class Finds(Protocol):
    """Whoever finds values in texts: `mask.detect.Finder`."""

    def find(self, texts: Sequence[str], /) -> list[list[Span]]:
        """The values in each text."""


def with_found(suite: Suite, finder: Finds) -> Suite:
    """The suite with whatever a detector finds in its samples as their identifiers.

    Raises:
        MaskError: A detector failed.
    """
    samples = []
    for sample in suite.samples:
        texts = [message.text for message in sample.messages]
        found = {
            Identifier(text[span.start : span.end], span.kind): None
            for text, spans in zip(texts, finder.find(texts), strict=True)
            for span in spans
        }
        samples.append(replace(sample, identifiers=tuple(found)))
    return replace(suite, samples=tuple(samples))


def has_identifiers(samples: Sequence[Sample]) -> bool:
    """Does any sample name who somebody is?"""
    return any(sample.identifiers for sample in samples)


def levels_of(cards: Sequence[Scorecard]) -> list[Level]:
    """The levels at which engines were weighed, in the order of the cards; none in a weighing of several engines."""
    return [card.masked.level for card in cards if card.masked is not None]
