"""How far a share may be off by chance: pure functions of counts, with a seed where something is drawn."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS = 1_000
SEED = 5
_Z = 1.959963984540054  # two-sided 95 %
_TAILS = (0.025, 0.975)
_CELLS = 1 << 19  # weights that are held at once


class Share(NamedTuple):
    """A share and its 95 % interval; of how many."""

    value: float
    low: float
    high: float
    n: int


def wilson(hits: int, n: int) -> Share | None:
    """A share of independent things (Wilson 1927); None of nothing.

    Args:
        hits: How many were hit, 0 <= hits <= n.
        n: How many there are.
    """
    if not n:
        return None
    value = hits / n
    middle = (value + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(value * (1 - value) / n + _Z**2 / (4 * n * n))
    low = 0.0 if hits == 0 else middle - half
    return Share(value, low, 1.0 if hits == n else middle + half, n)


def clustered(hits: Sequence[int], counts: Sequence[int], *, seed: int = SEED) -> Share | None:
    """A share of things that come in documents: whole documents are drawn again and again (percentile bootstrap).

    Where all were hit or none, or there is one document, drawing tells nothing, and Wilson's interval stands.

    Args:
        hits: In each document.
        counts: Things in each document; documents without any are passed over.
        seed: For the draws; the same data give the same interval.
    """
    import numpy as np

    total, hit = sum(counts), sum(hits)
    pairs = [(h, n) for h, n in zip(hits, counts, strict=True) if n]
    if len(pairs) <= 1 or hit in {0, total}:
        return wilson(hit, total)
    table = np.array(pairs, dtype=np.float64)
    drawn = np.concatenate([weights @ table for weights in _weights(len(pairs), seed)])
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], _TAILS)
    value = hit / total
    return Share(value, min(value, float(low)), max(value, float(high)), total)


@functools.lru_cache(maxsize=4)
def _weights(n: int, seed: int) -> list[NDArray[np.float64]]:
    """How often each document is drawn, in parts of the draws."""
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = max(1, min(DRAWS, _CELLS // n))
    sizes = [min(rows, DRAWS - start) for start in range(0, DRAWS, rows)]
    return [rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64) for size in sizes]
