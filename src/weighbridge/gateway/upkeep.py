"""What the parent does for the traces: it adds up what was spent, seals and deletes old ones, and records what died.

Nothing of it is in the way of requests. A store that is away, or a disk that is full, delays it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.canon import Trace
from weighbridge.errors import WeighbridgeError
from weighbridge.gateway.journal import Begun, interrupted, leftovers, recovering
from weighbridge.settings import Config

if TYPE_CHECKING:
    from weighbridge.access.seeding import Seeder
    from weighbridge.store.state import State

SEED_SECONDS = 0.02  #: between two looks whether a budget waits to be told what was spent before it
FOLD_SECONDS = 1.0  #: between two times that what was spent is added up
ROUND_SECONDS = 60.0  #: between two rounds of everything else

_DAY = 86_400.0

log = logging.getLogger("weighbridge.gateway")


class Upkeep:
    """Looks after the folder of traces.

    Args:
        config: Where it lies, and how long traces are kept.
        journals: The folder of the workers' journals.
        state: Where the sums of what was spent stand.
        lost: Told how many exchanges were cut off by the death of their worker.
        release: Gives back what an exchange had reserved that died, and counts what it is charged; see `Permit.note`.
        bury: Gives back whatever else processes had reserved that are gone.
        late: Hears of each exchange that was added up, without its bodies.
        seeder: Tells budgets that are new what was spent before them.
    """

    def __init__(
        self,
        config: Config,
        journals: Path,
        state: State,
        *,
        lost: Callable[[int], None],
        release: Callable[[bytes, Trace], object] | None = None,
        bury: Callable[[], object] | None = None,
        late: Callable[[Trace], None] | None = None,
        seeder: Seeder | None = None,
    ) -> None:
        self._config = config
        self._journals = journals
        self._state = state
        self._lost = lost
        self._release = release
        self._give_up = bury
        self._late = late
        self._seeder = seeder
        self._released: set[Path] = set()
        self._lock = contextlib.ExitStack()
        self._folds = False
        self._turn = threading.Lock()  # a thread goes on when its task is cancelled
        self._away = ""

    async def run(self) -> None:
        """Tell what a gateway that died as a whole left behind, then work on until cancelled."""
        rounds = 0.0
        await self._bury_all()
        await self._try(lambda: self._fold(every=True), "what was spent could not be added up yet")
        while True:
            await self._seed_for(FOLD_SECONDS)
            rounds += FOLD_SECONDS
            await self._try(lambda: self._fold(every=False), "what was spent could not be added up yet")
            if rounds >= ROUND_SECONDS:
                rounds = 0.0
                await self._bury_all()
                await self._try(self._round, "the upkeep of the store failed")

    async def bury(self, path: Path, ended: str = "The worker process died.") -> None:
        """Record what a dead worker left in its journal; where that fails, it is tried again with the next round."""
        await self._try(lambda: self._bury(path, ended), "interrupted exchanges could not be recorded yet")

    async def end(self) -> None:
        """Add up what was recorded last, and let others go on."""
        await self._try(
            lambda: self._fold(every=False), "what was spent last is added up when the gateway starts again"
        )
        self._lock.close()

    async def _bury_all(self) -> None:
        for path in await asyncio.to_thread(leftovers, self._journals):
            await self.bury(path, "The gateway died.")
        await self._try(self._let_go, "what dead processes had reserved could not be given back yet")

    async def _try(self, work: Callable[[], None], failed: str) -> None:
        """Work in a thread; what fails is told once, until it goes well again."""
        try:
            await asyncio.to_thread(work)
        except (WeighbridgeError, OSError) as error:
            if self._away != failed:
                log.warning("%s: %s", failed, error)
            self._away = failed
        else:
            self._away = "" if self._away == failed else self._away

    async def _seed_for(self, seconds: float) -> None:
        """Look now and then whether a request waits to know what its budget has left."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(SEED_SECONDS)
            if self._folds and self._seeder is not None and self._seeder.asked():
                await self._try(self._seed, "what was spent before could not be read")

    # --- in a thread --------------------------------------------------------------------------

    def _fold(self, *, every: bool) -> None:
        from weighbridge.store import spend

        folder = self._config.traces_path
        # One gateway adds up in each folder; whoever comes later goes on when it has ended.
        with self._turn:
            self._folds = self._folds or self._lock.enter_context(spend.folding(folder))
            if self._folds:
                spend.fold(self._state, folder, now=time.time(), every=every, tell=self._late)

    def _seed(self) -> None:
        from weighbridge.store import spend

        def spent(subject: str, since: str, until: str, currency: str) -> int:
            return spend.total(self._state, subject, since=since, until=until, currency=currency)

        with self._turn:
            if self._folds and self._seeder is not None:
                self._seeder.seed(spent)

    def _round(self) -> None:
        from weighbridge.store import spend
        from weighbridge.store.seal import maintain

        folder = self._config.traces_path
        try:
            self._fold(every=True)
            folded = spend.positions(self._state, folder)
        except WeighbridgeError as error:
            folded = {}
            log.warning("traces are not sealed until what they cost can be added up: %s", error)
        maintain(folder, self._config.settings.store, time.time(), folded=folded)
        self._sweep_vaults()

    def _sweep_vaults(self) -> None:
        """Delete the vaults of masked conversations whose time is over."""
        from weighbridge.store.vault import StoreVault

        vaults = StoreVault(self._config.state_place)
        try:
            vaults.sweep(time.time() - self._config.settings.mask.vault_days * _DAY)
        finally:
            vaults.close()

    def _let_go(self) -> None:
        if self._give_up is not None:
            self._give_up()

    def _bury(self, path: Path, ended: str) -> None:
        with recovering(path) as found:
            if not found:
                return
            if path not in self._released:
                self._released.add(path)
                self._give_back(found)
                self._let_go()
            self._record(found, ended)
        self._released.discard(path)

    def _give_back(self, found: list[Begun]) -> None:
        for begun in found:
            if begun.note and self._release is not None:
                self._release(begun.note, interrupted(begun, ""))

    def _record(self, found: list[Begun], ended: str) -> None:
        from weighbridge.store.reader import known
        from weighbridge.store.traces import TraceWriter

        folder = self._config.traces_path
        there = known(folder, {begun.id: begun.at for begun in found})
        lost = [interrupted(begun, ended) for begun in found if begun.id not in there]
        if not lost:
            return
        writer = TraceWriter(folder, bodies=self._config.settings.store.bodies)
        try:
            for trace in lost:
                writer.record(trace)
            writer.flush()
        finally:
            writer.close()
        self._lost(len(lost))
