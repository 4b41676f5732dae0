"""The parent's part in moves: somebody looks after them in a thread of its own, for as long as the gateway runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from weighbridge.errors import WeighbridgeError

STEP_SECONDS = 0.5  #: between two looks

log = logging.getLogger("weighbridge.gateway")


class Guard(Protocol):
    """Looks after moves, one step at a time."""

    def step(self) -> object:
        """Look once, and do what is to be done.

        Raises:
            WeighbridgeError: It could not be done now.
        """
        ...

    def end(self) -> None:
        """Let others go on."""
        ...


class Guarding:
    """A thread that takes one step after the other. What fails is told once, and tried again.

    Args:
        make: Makes who looks; called in the thread, for it may take its time.
    """

    def __init__(self, make: Callable[[], Guard]) -> None:
        self._make = make
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)
        self._failed = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and let another gateway go on."""
        self._stop.set()
        self._thread.join(timeout=15.0)

    def _run(self) -> None:
        guard = self._make()
        while not self._stop.wait(STEP_SECONDS):
            self._try(guard.step)
        self._try(guard.end)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except (WeighbridgeError, OSError) as error:
            if str(error) != self._failed:
                log.warning("moves cannot be looked after for now, so they stay as they are: %s", error)
            self._failed = str(error)
        except Exception:
            if self._failed != "fault":
                log.exception("a fault of our own in looking after moves")
            self._failed = "fault"
        else:
            self._failed = ""
