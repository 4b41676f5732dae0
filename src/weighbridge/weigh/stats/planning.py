"""How many samples a verdict needs: power by number of samples, fixed beforehand or looked at all along.

Assumptions come from a pilot, an earlier result, or the user; `sizes` holds the formulas and the simulation.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.stats.assumed import Assumptions
from weighbridge.weigh.stats.means import POWER
from weighbridge.weigh.stats.sizes import DRAWS, MOST, power_at, samples_needed, simulate

_MOST_DRAWN = 30_000  # samples of one simulated run: more would take minutes, and tell no more
_FURTHEST = 3  # times what is needed
_CURVE = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)


class Point(Struct, frozen=True):
    """One row of the curve: with `n` samples, the chance of the right verdict.

    `power` is for a number that is fixed beforehand. `sequential` is for stopping as soon as the verdict is known, and
    `expected` is how many samples are then used on average; both are None beyond what was simulated.
    """

    n: int
    clusters: int
    power: float
    sequential: float | None = None
    expected: float | None = None


class Plan(Struct, frozen=True):
    """How many samples a verdict takes.

    `verdict` is the one that is right under the assumptions. `needed` samples in `clusters` clusters have the `power`
    asked for, None where not even 10 million have. `sequential_median` and `sequential_mean` are the samples that a
    sequential run of `drawn` samples uses, and `sequential_power` is the chance that it finds the verdict in them.
    """

    assumptions: Assumptions
    verdict: str
    margin: float
    alpha: float
    power: float
    needed: int | None
    clusters: int | None
    curve: tuple[Point, ...]
    drawn: int
    sequential_median: float
    sequential_mean: float
    sequential_power: float
    seed: int
    draws: int


def plan(
    assumptions: Assumptions,
    *,
    margin: float,
    alpha: float = 0.05,
    power: float = POWER,
    available: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Plan:
    """Samples for a verdict, the curve of power by number of samples, and what stopping early saves.

    Args:
        assumptions: See `assume`.
        margin: How much worse still counts as good enough, a fraction above 0.
        alpha: One-sided error rate.
        power: The chance of the right verdict that is asked for.
        available: Samples that there are; the curve and the simulation go no further. None: three times what is needed.
        seed: Of the simulated runs.
        draws: How many runs are simulated.

    Raises:
        InputError: A value is out of range, or the true difference is the margin itself: no number decides that.
    """
    _check(assumptions, margin, alpha, power, available, draws)
    needed = samples_needed(assumptions, margin=margin, alpha=alpha, power=power)
    limit = available or min(MOST, _FURTHEST * (needed or MOST))
    drawn = min(limit, _MOST_DRAWN)
    used, found = simulate(assumptions, drawn, margin=margin, alpha=alpha, seed=seed, draws=draws)
    right = _right(assumptions, margin)
    hits = found == right
    curve = []
    for n in _curve(needed, limit):
        inside = n <= drawn
        curve.append(
            Point(
                n,
                ceil(n / assumptions.cluster_size),
                power_at(assumptions, n, margin=margin, alpha=alpha),
                float((hits & (used <= n)).mean()) if inside else None,
                float(np.minimum(used, n).mean()) if inside else None,
            )
        )
    return Plan(
        assumptions,
        right,
        margin,
        alpha,
        power,
        needed,
        None if needed is None else ceil(needed / assumptions.cluster_size),
        tuple(curve),
        drawn,
        float(np.median(used)),
        float(used.mean()),
        float(hits.mean()),
        seed,
        draws,
    )


def _right(assumptions: Assumptions, margin: float) -> str:
    return "safe" if assumptions.difference > -margin else "unsafe"


def _curve(needed: int | None, limit: int) -> list[int]:
    middle = min(needed or limit, limit)
    return sorted({n for part in _CURVE if 0 < (n := round(part * middle)) <= limit} | {limit, middle})


def _check(
    assumptions: Assumptions, margin: float, alpha: float, power: float, available: int | None, draws: int
) -> None:
    limits = [
        ("margin", margin, 0 < margin < 1, "Give a fraction above 0 and below 1: 0.03 stands for 3 points."),
        ("alpha", alpha, 0 < alpha < 0.5, "Give a fraction above 0 and below 0.5: 0.05 stands for 5 %."),  # noqa: PLR2004
        ("power", power, 0 < power < 1, "Give a fraction above 0 and below 1: 0.8 stands for 80 %."),
        ("available", available, available is None or available > 0, "Give the number of samples that there are."),
        ("draws", draws, 0 < draws <= 100_000, "Give from 1 to 100000 simulated runs."),  # noqa: PLR2004
        ("icc", assumptions.icc, 0 <= assumptions.icc <= 1, "Give a correlation from 0 to 1."),
        ("cluster size", assumptions.cluster_size, 1 <= assumptions.cluster_size < 1e6, "Give 1 or more."),  # noqa: PLR2004
        (
            "discordance",
            assumptions.mean_square,
            0 <= assumptions.mean_square <= 1,
            "Give the share of samples, from 0 to 1, on which the two disagree.",
        ),
        (
            "difference",
            assumptions.difference,
            _possible(assumptions),
            "Give a fraction that is no larger than the share of samples on which the two disagree.",
        ),
    ]
    for name, value, good, fix in limits:
        if not good:
            raise InputError(f"A value of {value} cannot be used for the {name}.", where=name, fix=fix)
    if assumptions.difference == -margin:
        raise InputError(
            "A candidate that is worse by the margin exactly is neither safe nor unsafe, with any number of samples.",
            where="difference",
            fix="Suppose a difference that is not the margin.",
        )


def _possible(assumptions: Assumptions) -> bool:
    mean = abs(assumptions.difference)
    return mean <= assumptions.mean_square if assumptions.binary else mean**2 <= assumptions.mean_square
