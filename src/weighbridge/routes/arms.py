"""Which side of a move a conversation is on: every process says the same, and while the share grows nobody turns back."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

from weighbridge.canon import Trial

Arm = Literal["", "canary", "control"]


def place(swap: str, name: str) -> float:
    """Where a conversation, or whatever else has a name, stands in a move: from 0 to below 1, evenly spread."""
    told = f"{swap}\0{name}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(told, digest_size=8, person=b"arm").digest()) / 2**64


def arm(trial: Trial, conversation: str) -> Arm:
    """The side of a conversation.

    The canary's share is taken from the low end and as large a control from the high end, as far as there is one; what
    lies between is compared with nothing. So growing moves conversations into the canary, and none out of it.
    """
    at = place(trial.swap, conversation)
    if at < trial.share:
        return "canary"
    return "control" if at >= 1 - min(trial.share, 1 - trial.share) else ""


def shadowed(trial: Trial, exchange: str) -> bool:
    """Is the engine on trial asked this exchange as well?"""
    return place(trial.swap, exchange) < trial.share
