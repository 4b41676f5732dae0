"""A move in stages: a growing share of conversations, guards that compare them with the others, and a way back by itself."""

from weighbridge.swap.canary.record import GUARDS, KIND, STAGES, Guard, Swap, load, running
from weighbridge.swap.canary.steps import pause, resume, start, withdraw

__all__ = ["GUARDS", "KIND", "STAGES", "Guard", "Swap", "load", "pause", "resume", "running", "start", "withdraw"]
