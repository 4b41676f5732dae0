"""Sees what really leaves for an engine: the bodies of requests, right before they are sent, by the call that sends them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Watch:
    """Tells the bodies of one call from those of others that are under way at the same time.

    Whoever sends requests calls it with each body; whoever makes a call wraps it in `over`.
    """

    def __init__(self) -> None:
        self._bodies: ContextVar[list[bytes] | None] = ContextVar("bodies", default=None)

    def __call__(self, body: bytes) -> None:
        """Take note of a body, if the call that it belongs to is watched."""
        bodies = self._bodies.get()
        if bodies is not None:
            bodies.append(body)

    @contextmanager
    def over(self) -> Iterator[list[bytes]]:
        """The bodies that are sent while the block runs, by it or by tasks that it starts: retries as well."""
        bodies: list[bytes] = []
        token = self._bodies.set(bodies)
        try:
            yield bodies
        finally:
            self._bodies.reset(token)
