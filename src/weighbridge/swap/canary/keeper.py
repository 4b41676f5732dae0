"""Who looks after moves: gathers evidence on every machine, and on one of them at a time decides and acts.

It runs in the parent of a gateway, beside the workers: whoever began a move may close their terminal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from weighbridge.canon import Act
from weighbridge.engines.catalogue import Catalogue
from weighbridge.errors import WeighbridgeError
from weighbridge.store import evidence
from weighbridge.store.state import State
from weighbridge.swap.canary.deciding import Decision, decide, decide_shadow
from weighbridge.swap.canary.gathering import Gathering, names
from weighbridge.swap.canary.judging import Judge
from weighbridge.swap.canary.record import Swap, change, running
from weighbridge.swap.canary.steps import GoneError, close, enter, finish, withdraw

LEASE = "swap guard"
LEASE_SECONDS = 5.0
WHO = "the guard"
_BEGUN = 10.0  #: seconds in which whoever began a move has brought it into force

log = logging.getLogger("weighbridge.gateway")


class Keeper:
    """Looks after the moves of a store.

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
        self._catalogue = catalogue
        self._holder = holder
        self._now = now
        self._gathering = Gathering(state, folder)
        self._judges: dict[str, Judge] = {}

    def step(self) -> list[tuple[Swap, Decision]]:
        """Gather, and where this machine has the lease decide and act.

        Returns:
            What was decided for each move, for those that this machine decides about.

        Raises:
            StoreError: The store is away. Everything stays as it is: no move advances on what nobody sees.
        """
        swaps = running(self._state)
        self._gathering.gather(names(swaps))
        if not swaps or not self._state.hold(LEASE, self._holder, 1, 1, seconds=LEASE_SECONDS):
            self._judges.clear()
            return []
        self._judges = {swap.id: judge for swap in swaps if (judge := self._judges.get(swap.id))}
        done = []
        for swap in swaps:
            try:
                done.append((swap, self._look_after(swap)))
            except GoneError as error:
                log.warning("%s", error)
        return done

    def end(self) -> None:
        """Let another machine decide."""
        self._state.hold(LEASE, self._holder, 0, 1, seconds=0.0)

    def _look_after(self, swap: Swap) -> Decision:
        now = self._now()
        current = self._state.current()
        entry = current.plan.routes.get(swap.route) if current else None
        trial = swap.trial(entry)
        if trial is None:
            return self._without_trial(swap, now)
        if not swap.moved or trial.share != swap.share:  # whoever published it died before it was written down
            stage = swap.stages.index(trial.share) if trial.share in swap.stages else swap.stage
            act = Act(now, WHO, "swap.stage", subject=swap.route)
            swap = change(self._state, swap.route, lambda b: replace(b or swap, stage=stage, moved=now), act=act)
        broke = swap.id in self._gathering.broke
        decision = decide_shadow(self._judge(swap), broke=broke) if swap.shadow else decide(self._judge(swap), now=now)
        self._act(swap, decision, now)
        return decision

    def _without_trial(self, swap: Swap, now: float) -> Decision:
        if not swap.moved and now - swap.started < _BEGUN:
            return Decision("wait", "its first stage is about to come into force")
        why = "the route was promoted, rolled back or declared anew meanwhile" if swap.moved else "it never began"
        close(self._state, swap, who=WHO, why=why, at=now, status="withdrawn")
        return Decision("wait", why)

    def _judge(self, swap: Swap) -> Judge:
        known = self._judges.get(swap.id)
        if known is None or known.swap.stage != swap.stage or known.swap.moved != swap.moved:
            known = self._judges[swap.id] = Judge(swap)
        known.swap = swap
        known.take(evidence.read(self._state.database, swap.id, after=known.seen))
        return known

    def _act(self, swap: Swap, decision: Decision, now: float) -> None:
        state = self._state
        if swap.shadow and decision.do == "finish":
            withdraw(state, swap, who=WHO, why=decision.why, at=now, status="done")
        elif decision.do == "back":
            log.warning("%s goes back to %s: %s", swap.route, swap.base, decision.why)
            withdraw(state, swap, who=WHO, why=decision.why, at=now, status="rolled_back")
        elif decision.do == "advance":
            try:
                enter(state, self._catalogue(), replace(swap, stage=swap.stage + 1, who=WHO), at=now)
            except WeighbridgeError as error:
                self._refused(swap, error, now)
        elif decision.do == "finish":
            try:
                finish(state, self._catalogue(), swap, who=WHO, why=decision.why, at=now)
            except WeighbridgeError as error:
                self._refused(swap, error, now)

    def _refused(self, swap: Swap, error: WeighbridgeError, now: float) -> None:
        """A policy that no longer admits the candidate ends a move; a store that is away only delays it."""
        if error.code != "policy_refused":
            raise error
        withdraw(self._state, swap, who=WHO, why=str(error), at=now, status="rolled_back")
