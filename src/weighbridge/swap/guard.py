"""What a gateway's parent does for moves and drills: one step of everything that must go on when no terminal is open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from weighbridge.engines.catalogue import Catalogue
from weighbridge.store.state import State
from weighbridge.swap import drill
from weighbridge.swap.canary.keeper import Keeper

log = logging.getLogger("weighbridge.gateway")


class Guard:
    """Looks after the moves of a store, and ends its drills in time.

    Args:
        state: The store.
        catalogue: Asked anew whenever something is published.
        folder: Of this machine's traces.
        holder: A name that no other gateway on this store has.
        now: Seconds since 1970.
    """

    def __init__(
        self, state: State, catalogue: Callable[[], Catalogue], folder: Path, *, holder: str, now: Callable[[], float]
    ) -> None:
        self._state = state
        self._now = now
        self._keeper = Keeper(state, catalogue, folder, holder=holder, now=now)

    def step(self) -> None:
        """Look once, and do what is to be done.

        Raises:
            StoreError: The store is away.
        """
        for cut in drill.expire(self._state, self._now()):
            log.warning("the drill of %s is over", cut.name)
        self._keeper.step()

    def end(self) -> None:
        """Let another gateway go on.

        Raises:
            StoreError: The store is away.
        """
        self._keeper.end()
