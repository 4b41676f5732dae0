"""What a weighing says, in plain sentences that the terminal and the report share.

Pure: figures in, English out. Names and reasons from outside come back cleaned of hidden characters, but not
escaped: that is for the page that shows them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from weighbridge.weigh import early, mask_words
from weighbridge.weigh.decided import decided
from weighbridge.weigh.numbers import (
    UNKNOWN,
    clean,
    known,
    level,
    margin,
    one_line,
    plural,
    points,
    seconds,
    signed_seconds,
    times,
)
from weighbridge.weigh.types import Axis, Comparison, Scorecard, Weighing

VERDICTS = {"safe": "Safe", "unsafe": "Unsafe", "undecided": "Undecided"}

_SHORT = 28  # characters of a title that may stand for its engine
_ERROR = 200  # characters of an error that are told
_NAMED = 3  # candidates that a headline calls by name
_RULE = (
    "A candidate is safe when the lower end of its range lies above minus the margin, unsafe when the upper end lies "
    "below it, and undecided in between."
)
_ERRORS = "of candidates that in truth lose the whole margin, at most that share is called safe."
_MORE = (
    "The number with which four runs in five would decide, if the two engines are in truth equally good and disagree "
    "as often as they did here."
)
_FAILED = "A call that failed after its retries scores 0, in every mean and every comparison. Times are those of answers that came."


def ordered(weighing: Weighing) -> list[Scorecard]:
    """The scorecards, the base first, the candidates as they were named."""
    return sorted(weighing.scorecards, key=lambda card: card.engine != weighing.base)


def labels(weighing: Weighing) -> dict[str, str]:
    """A name for each engine: the models' titles where these are short and tell all engines apart, else the engines' own.

    Never a mixture: a reader should not wonder whether a title and a name are the same engine.
    """
    titles = {card.engine: clean(card.title) for card in weighing.scorecards}
    if all(0 < len(title) <= _SHORT for title in titles.values()) and len(set(titles.values())) == len(titles):
        return titles
    return {engine: clean(engine) for engine in titles}


def headline(weighing: Weighing) -> str:
    """The question that the weighing answers."""
    if asked := mask_words.headline(weighing):
        return asked
    names = labels(weighing)
    base = names.get(weighing.base, clean(weighing.base))
    compared = weighing.comparisons or uncompared(weighing)
    candidates = [names[card.engine] for card in ordered(weighing) if card.engine in compared]
    if not candidates:
        return f"How good is {base}?"
    if len(candidates) > _NAMED:
        return f"Which of {len(candidates)} engines can replace {base}?"
    return f"Can {_either(candidates)} replace {base}?"


def uncompared(weighing: Weighing) -> list[str]:
    """The names of those candidates that nothing could be compared of."""
    engines = [card.engine for card in ordered(weighing) if card.engine != weighing.base]
    return [engine for engine in engines if engine not in weighing.comparisons]


def alone(weighing: Weighing) -> str:
    """Why there is no comparison, where there is none."""
    if not uncompared(weighing):
        return "One engine was weighed, so there is nothing to compare it with."
    base = labels(weighing).get(weighing.base, clean(weighing.base))
    return f"No sample was graded for {base} and another engine alike: there is nothing to compare it with, and no verdict."


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def difference(comparison: Comparison, base: str) -> str:
    """Where the candidate stands: `1.7 points below BASE`."""
    if not known(comparison.difference):
        return f"at an unknown distance from {base}"
    size = points(abs(comparison.difference))
    if size == "0.0":
        return f"level with {base}"
    return f"{size} points {'below' if comparison.difference < 0 else 'above'} {base}"


def between(comparison: Comparison) -> str:
    """The interval in words: `plausibly between -6.4 and +3.1`."""
    if not (known(comparison.ci_low) and known(comparison.ci_high)):
        return "with an unknown uncertainty"
    low, high = points(comparison.ci_low, signed=True), points(comparison.ci_high, signed=True)
    return f"plausibly between {low} and {high}"


def verdict(comparison: Comparison, candidate: str, base: str) -> str:
    """The verdict on one candidate, as one sentence with its interval and its margin."""
    told = f"{candidate} is {difference(comparison, base)}, {between(comparison)}: "
    told += f"{comparison.verdict} at a margin of {margin(comparison.margin)}"
    if comparison.verdict != "undecided":
        return told + "."
    if comparison.more_needed is None:
        return told + "; how many more samples would decide is unknown."
    if not comparison.more_needed:
        return told + "; these were enough samples to clear an equal, so it is most likely somewhat worse."
    return f"{told}; about {plural(comparison.more_needed, 'more sample')} would decide."


def meaning(comparison: Comparison) -> str:
    """What the verdict means for someone who has to decide."""
    allowed = margin(comparison.margin)
    if comparison.verdict == "safe":
        if comparison.ci_low >= 0:
            return "Even its worst plausible value is no loss at all."
        return f"Its worst plausible loss, {points(-comparison.ci_low)} points, is within the {allowed} that you allow."
    if comparison.verdict == "unsafe":
        return f"Even its best plausible value loses {points(-comparison.ci_high)} points, more than the {allowed} that you allow."
    return f"Whether it loses more than {allowed} cannot be told from {plural(comparison.n, 'sample')}."


def beside(weighing: Weighing, engine: str) -> str:
    """What else changes with a candidate: cost, the time to an answer, and categories that lose; empty where unknown."""
    if engine in weighing.tolls:
        return ""  # the toll says it in its own words
    found = {axis.name: axis for axis in weighing.changes.get(engine, ())}
    told = []
    cost, time = found.get("cost_per_1000"), found.get("total_p50")
    if cost is not None and isinstance(cost.value, float):
        told.append(f"it costs {times(cost.value)} as much{_ends(cost, times)}")
    if time is not None and isinstance(time.value, float):
        longer = "longer" if time.value >= 0 else "less"
        told.append(f"half of its answers take {seconds(abs(time.value))} {longer}{_ends(time, signed_seconds)}")
    said = f"{', and '.join(told)}." if told else ""
    worse = [name.partition("/")[2] for name, axis in found.items() if "/" in name and axis.note == "unsafe"]
    if worse and not stopped_early(weighing):  # bounds of a number that was fixed beforehand claim nothing then
        listed = ", ".join(clean(name) or "no category" for name in worse)
        said = f"{said} Unsafe in: {listed}, with bounds that hold for all categories together.".lstrip()
    return said[:1].upper() + said[1:]


def stopped_early(weighing: Weighing) -> bool:
    """Did a sequential run end before all samples were asked?"""
    return any(stop.used < stop.of for stop in weighing.stopping.values())


def _ends(axis: Axis, write: Callable[[float], str]) -> str:
    return "" if axis.low is None or axis.high is None else f" ({write(axis.low)} to {write(axis.high)})"


def noise(weighing: Weighing) -> str:
    """How much the base differs from itself, and what follows."""
    found = weighing.noise
    base = labels(weighing).get(weighing.base, clean(weighing.base))
    if found is None:
        return f"Noise floor: unknown. {base} was not asked everything twice, so how much it differs from itself is not known."
    told = f"Noise floor: asked everything twice, {base} is {difference(found, 'itself')}, {between(found)}"
    if found.discordant is not None:
        told += f", and {found.discordant or 'none'} of {plural(found.n, 'grade')} came out differently"
    return told + ". A difference within that range may be nothing but chance."


def stopped(weighing: Weighing) -> str:
    """That the run ended early, and why; empty if it did not."""
    return f"This run ended early: {clean(weighing.stopped).rstrip('.')}." if weighing.stopped else ""


def failures(weighing: Weighing) -> str:
    """Which engines failed to answer, and how that counts; empty if none did."""
    names = labels(weighing)
    failed = [f"{names[card.engine]} {card.failures:,}" for card in ordered(weighing) if card.failures]
    if not failed:
        return ""
    return f"Calls that failed: {', '.join(failed)}. Each counts as a wrong answer.{_commonest_errors(weighing, names)}"


def _commonest_errors(weighing: Weighing, names: dict[str, str]) -> str:
    """For each engine whose calls failed: what most of them failed with."""
    told = ""
    for card in ordered(weighing):
        errors = Counter(result.error for result in weighing.results.get(card.engine, ()) if result.error)
        if errors:
            ((error, count),) = errors.most_common(1)
            told += (
                f" The commonest error of {names[card.engine]}, {count:,} times: {one_line(error, _ERROR).rstrip('.')}."
            )
    return told


def when(weighing: Weighing) -> str:
    """The minute at which the run began, in UTC."""
    try:
        return datetime.fromtimestamp(weighing.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return UNKNOWN


def _sandbox(weighing: Weighing) -> list[tuple[str, str]]:
    """Where code was run, if any was."""
    if not weighing.sandbox:
        return []
    unsafe = " Nothing kept it from this machine, nor from its own grades." if "unsafe" in weighing.sandbox else ""
    return [("Code", f"run in the sandbox: {clean(weighing.sandbox)}.{unsafe}")]


def methods(weighing: Weighing) -> list[tuple[str, str]]:
    """How the figures were made, as (term, explanation), for whoever wants to check them."""
    from weighbridge.weigh.stats import ALPHA

    comparisons = list(decided(weighing).values())
    used = sorted({clean(c.method) for c in comparisons}) or ["none: nothing was compared"]
    samples = plural(len(weighing.samples), "sample")
    allowed, wrong = margin(weighing.margin), level(weighing.alpha)
    return [
        ("Suite", f"{clean(weighing.suite)}, {samples}, digest {clean(weighing.digest)}"),
        ("Started", f"{when(weighing)}, by Weighbridge {clean(weighing.version) or UNKNOWN}"),
        ("Margin", f"{allowed}. {_RULE}"),
        ("Error rate", f"{wrong} on each side: {_ERRORS}"),
        ("Shares", f"Their ranges are two-sided ones that hold the truth in {level(1 - ALPHA)} of cases."),
        ("Differences", f"{'; '.join(used)}. Both engines answered the same samples, and each pair is compared."),
        ("Costs and times", _OTHER_AXES),
        ("Several claims", _several(weighing)),
        ("Clusters", _clusters(comparisons)),
        ("Graders", _graders(weighing)),
        *_judges(weighing),
        *_passes(weighing),
        ("More samples", _MORE),
        *mask_words.methods(weighing),
        *_sandbox(weighing),
        ("Failed calls", _FAILED),
        ("Reused answers", _reused(weighing)),
        ("Prices", _prices(weighing)),
        ("Seed", f"{weighing.seed}. The same answers and the same seed give the same figures."),
    ]


_OTHER_AXES = (
    "Ratios such as the cost per solved sample have Fieller's interval, quantiles of times the one between two order "
    "statistics. A candidate's cost is compared as a factor (delta method on its logarithm), its times by a bootstrap of "
    "pairs."
)


def _several(weighing: Weighing) -> str:
    """Which claims share the error rate, and which have it each."""
    told = "Each candidate's verdict has the error rate on its own."
    categories = len({sample.category for sample in weighing.samples})
    if categories > 1:
        told += f" The differences in {categories} categories share it, so that their bounds hold together."
    return told


def _graders(weighing: Weighing) -> str:
    counts = Counter(clean(sample.grader) for sample in weighing.samples)
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    missing = sum(result.missing for results in weighing.results.values() for result in results)
    told = f"{listed or 'none'}."
    return f"{told} {plural(missing, 'grade')} could not be given, and count in no mean." if missing else told


def _judges(weighing: Weighing) -> list[tuple[str, str]]:
    """Who judged, and what names the words that they were asked with, which the section on judges holds."""
    return [
        (
            "Judge",
            f"{clean(judge.engine)}, {judge.kind}, by the prompt {clean(judge.version)} (under Judges; SHA-256 "
            f"{clean(judge.digest)}), seed {judge.seed}."
            + (f" Of the same family: {clean(', '.join(judge.kin))}." if judge.kin else ""),
        )
        for judge in weighing.judges
    ]


def _passes(weighing: Weighing) -> list[tuple[str, str]]:
    """How often it was asked, and whether it stopped early, where either is out of the ordinary."""
    told = []
    if weighing.repeats:
        count = 1 + max(len(found) for found in weighing.repeats.values())
        told.append(
            ("Repeats", f"Every sample was asked {count} times. Scores are means over them, costs and times of all.")
        )
    if weighing.stopping:
        told.append(("Stopping", early.METHOD))
    return told


def _clusters(comparisons: list[Comparison]) -> str:
    counts = sorted({c.clusters for c in comparisons if c.clusters is not None})
    if not counts:
        return "None: every sample counts as independent of the others."
    listed = " and ".join(f"{count:,}" for count in counts)
    return f"{listed}. Samples of one cluster are not independent; the intervals allow for it."


def _reused(weighing: Weighing) -> str:
    reused = sum(result.reused for results in weighing.results.values() for result in results)
    total = sum(len(results) for results in weighing.results.values())
    if not reused:
        return "None: every answer was given in this run."
    return (
        f"{reused:,} of {total:,} answers were taken over: another call asked the same engine the very same, in an earlier "
        "run or for another sample of this one."
    )


def _prices(weighing: Weighing) -> str:
    names = labels(weighing)
    told = [
        f"{names[card.engine]}: {clean(card.price_source) or 'source unknown'}"
        if card.cost_per_1000 is not None
        else f"{names[card.engine]}: {UNKNOWN}"
        for card in ordered(weighing)
    ]
    return f"As in force on {clean(weighing.day) or 'an unknown day'}. {'; '.join(told)}."
