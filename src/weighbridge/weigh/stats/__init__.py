"""The formulas behind every figure: pure functions of numbers, without clock or files.

What draws at random is given a seed, so the same scores give the same figures on every machine. `means` holds what
every verdict uses, and is here under this name as well; its siblings are imported where they are used.
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
    fractions,
    is_binary,
    mean_interval,
    normal_quantile,
    paired_score,
    pairs_for_means,
    pairs_for_shares,
    quantile,
    spread,
    t_quantile,
    unseen,
    wilson,
)

__all__ = [
    "ALPHA",
    "POWER",
    "Bounds",
    "Codes",
    "FloatArray",
    "Spread",
    "bounded_mean",
    "codes_of",
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
]
