"""`weighbridge compare --unpaired`: the verdict on two files that hold different samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli import common

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.settings import Weigh
    from weighbridge.weigh.scored import Scored
    from weighbridge.weigh.types import Comparison

_KEYS = (
    "base_mean",
    "candidate_mean",
    "difference",
    "se",
    "ci_low",
    "ci_high",
    "z",
    "verdict",
    "margin",
    "alpha",
    "method",
)


def tell(out: Console, base: Scored, candidate: Scored, limits: Weigh, *, clustered: bool, as_json: bool) -> Comparison:
    """Compare two files by their means, and print what came out.

    Raises:
        InputError: One of the files has too few scores.
    """
    from weighbridge.cli import compare_view
    from weighbridge.weigh import verdict

    ours, theirs = ([row.score for row in one.rows.values()] for one in (base, candidate))
    labels = [_clusters(one) if clustered else None for one in (base, candidate)]
    found = verdict.apart(
        ours,
        theirs,
        base_clusters=labels[0],
        candidate_clusters=labels[1],
        margin=limits.margin,
        alpha=limits.alpha,
    )
    shared = len(base.rows.keys() & candidate.rows.keys())
    if as_json:
        counts = {"base_n": len(ours), "candidate_n": len(theirs), "shared_ids": shared}
        shown = {name: getattr(found, name) for name in _KEYS}
        common.print_json(counts | shown | compare_view.unscored(base, candidate))
    else:
        _print(out, found, (base.name, len(ours)), (candidate.name, len(theirs)), shared)
        compare_view.tell_unscored(out, base, candidate)
    return found


def _clusters(one: Scored) -> list[str]:
    return [f"cluster {row.cluster}" if row.cluster else f"sample {key}" for key, row in one.rows.items()]


def _print(out: Console, found: Comparison, base: tuple[str, int], candidate: tuple[str, int], shared: int) -> None:
    from weighbridge.cli import compare_view
    from weighbridge.weigh import numbers

    def say(text: str) -> None:
        compare_view.say(out, text)

    say("Different samples, candidate against base: compared by their means, not in pairs.")
    say("")
    for name, mean, (file, count) in (
        ("base", found.base_mean, base),
        ("candidate", found.candidate_mean, candidate),
    ):
        say(f"  {name:<11}{numbers.percent(mean):<18}{numbers.plural(count, 'sample')}, {compare_view.file(file, 30)}")
    error = f"standard error {found.se * 100:.2f}"
    say(f"  {'difference':<11}{numbers.points(found.difference, signed=True) + ' points':<18}{error}")
    compare_view.tell_range(out, found)
    if shared:
        say(
            f"{shared:,} ids stand in both files. If these are the same samples, leave out --unpaired: pairs tell more."
        )
