"""The parent's part in leases: one process of a machine takes them, for as long as it lives."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from weighbridge.access.lender import Lender
from weighbridge.canon import Record
from weighbridge.errors import StoreError
from weighbridge.settings import Config
from weighbridge.store.files import locked

if TYPE_CHECKING:
    from weighbridge.access.meters import Meters
    from weighbridge.access.seeding import Knows
    from weighbridge.store.state import State

LOCK = "lender"
_AGAIN = 1.0  #: seconds between two looks whether the other gateway on this store has ended

log = logging.getLogger("weighbridge.gateway")


class Lending:
    """A thread that takes leases from the state store and gives them back.

    Args:
        config: Where the meters lie, and how large a lease is.
        meters: Of this machine.
        rules: The rules in force.
        state: The state store, which machines share.
    """

    def __init__(self, config: Config, meters: Meters, rules: Knows, state: State) -> None:
        self._config = config
        self._meters = meters
        self._rules = rules
        self._state = state
        self._lender: Lender | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lender", daemon=True)

    def start(self) -> None:
        """Begin; where another gateway on the same store takes leases, go on when it has ended."""
        self._thread.start()

    def close(self) -> None:
        """Give back what is not used, and stop. No request may be under way any more."""
        self._stop.set()
        self._thread.join(timeout=15.0)

    def apply(self, records: Iterable[Record]) -> None:
        """Rules changed."""
        if self._lender is not None:
            self._lender.apply(records)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with locked(self._config.meters_path / LOCK, wait=False) as ours:
                    if ours:
                        self._lend()
                        return
            except (OSError, StoreError) as error:
                log.error("leases cannot be taken: %s", error)  # noqa: TRY400 - a traceback would say less
            self._stop.wait(_AGAIN)

    def _lend(self) -> None:
        self._lender = Lender(
            self._meters,
            self._rules,
            self._state,
            spent=self._spent,
            share=self._config.settings.limits.lease,
            holder=secrets.token_hex(8),
        )
        self._lender.run(self._stop)

    def _spent(self, subject: str, since: str, until: str, currency: str) -> int:
        from weighbridge.store import spend

        return spend.total(self._state, subject, since=since, until=until, currency=currency)
