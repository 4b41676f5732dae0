"""Texts that are nearly the same: by how many of their short pieces they share."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from weighbridge.weigh.graders.base import normal

ALIKE = 0.9  #: share of pieces that two texts have in common to count as one (Jaccard)
_PIECE = 5  #: letters
_HASHES = 64
_BANDS = 16  #: of four hashes each: texts that share nine pieces of ten meet in one with a chance above 99.9 %
_MOST = 20_000  #: characters that are looked at
_PRIME = np.uint64((1 << 61) - 1)


class Seen:
    """Remembers texts, and knows those that it has nearly seen (MinHash with banding; Broder 1997).

    It keeps 512 bytes for each text.

    Args:
        alike: The estimated share of common pieces from which two texts are one.
        seed: Of the hashes: the same one gives the same answers.
    """

    def __init__(self, alike: float = ALIKE, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._factors = rng.integers(1, 1 << 31, size=_HASHES, dtype=np.uint64)
        self._offsets = rng.integers(0, 1 << 31, size=_HASHES, dtype=np.uint64)
        self._alike = alike
        self._signatures: list[NDArray[np.uint64]] = []
        self._bands: dict[tuple[int, bytes], list[int]] = {}

    def add(self, text: str) -> bool:
        """Remember a text. Is it nearly one that was seen before? Then it is not kept."""
        signature = self._signature(text)
        rows = signature.reshape(_BANDS, -1)
        keys = [(band, row.tobytes()) for band, row in enumerate(rows)]
        near = {place for key in keys for place in self._bands.get(key, ())}
        if any(float((self._signatures[place] == signature).mean()) >= self._alike for place in near):
            return True
        for key in keys:
            self._bands.setdefault(key, []).append(len(self._signatures))
        self._signatures.append(signature)
        return False

    def _signature(self, text: str) -> NDArray[np.uint64]:
        values = np.fromiter(_hashes(normal(text[: 2 * _MOST])[:_MOST]), dtype=np.uint64)
        # Products of two numbers below 2^31 stay below 2^62, so they do not wrap.
        spread = (values[:, None] & np.uint64((1 << 31) - 1)) * self._factors + self._offsets
        smallest: NDArray[np.uint64] = (spread % _PRIME).min(axis=0)
        return smallest


def _hashes(text: str) -> Iterable[int]:
    pieces = {text[place : place + _PIECE] for place in range(max(1, len(text) - _PIECE + 1))}
    return (
        int.from_bytes(blake2b(piece.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        for piece in pieces
    )
