"""What one worker knows that steers requests: the health of engines, their order, and what may be asked twice."""

from __future__ import annotations

import random

from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.exchange.balance import Balancer
from weighbridge.exchange.health import Health
from weighbridge.exchange.hedge import Hedges
from weighbridge.settings import Resilience


class Steering:
    """The parts, made from the settings.

    Args:
        settings: The section `resilience`.
        clock: Time.
        rng: Chance, for balancing.
    """

    def __init__(self, settings: Resilience, *, clock: Clock = SYSTEM, rng: random.Random | None = None) -> None:
        self.health = Health(settings, clock)
        self.hedges = Hedges()
        self.balancer = Balancer(
            lambda engine, stream: self.health.pace(engine, stream=stream),
            rng or random.Random(),  # noqa: S311 - which engine goes first is no secret
            explore=settings.explore,
            remembered=settings.sticky,
        )


def indifferent(clock: Clock) -> Steering:
    """Steering that lets every engine be asked at any time, for roads on which nothing is learned."""
    return Steering(Resilience(enabled=False), clock=clock)
