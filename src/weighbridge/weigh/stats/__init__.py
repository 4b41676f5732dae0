"""The formulas behind every figure: pure functions of numbers, without clock or files.

What draws at random is given a seed, so the same scores give the same figures on every machine. `means` and `pairs`
hold what every verdict uses, and are here under this name as well; their siblings are imported where they are used.
"""

from __future__ import annotations

from weighbridge.weigh.stats.means import (
    ALPHA,
    POWER,
    Bounds,
    Codes,
    FloatArray,
    Spread,
    bounded_mean,
    codes_of,
    few_far,
    fractions,
    is_binary,
    mean_interval,
    normal_quantile,
    quantile,
    spread,
    t_quantile,
    unseen,
    wilson,
    with_one_more,
)
from weighbridge.weigh.stats.pairs import paired_score, pairs_for_means, pairs_for_shares

__all__ = [
    "ALPHA",
    "POWER",
    "Bounds",
    "Codes",
    "FloatArray",
    "Spread",
    "bounded_mean",
    "codes_of",
    "few_far",
    "fractions",
    "is_binary",
    "mean_interval",
    "normal_quantile",
    "paired_score",
    "pairs_for_means",
    "pairs_for_shares",
    "quantile",
    "spread",
    "t_quantile",
    "unseen",
    "wilson",
    "with_one_more",
]
