"""What a move to another engine would meet, told from recorded traffic before anything is sent."""

from weighbridge.swap.preflight.report import Preflight, preflight

__all__ = ["Preflight", "preflight"]
