"""The table of all that patterns find: personal data, and secrets."""

from __future__ import annotations

from weighbridge.mask.patterns import (
    addresses,
    contact,
    dates,
    documents,
    money,
    national,
    passwords,
    postcodes,
    secrets,
)
from weighbridge.mask.patterns.base import Detector

DETECTORS: tuple[Detector, ...] = (
    *contact.DETECTORS,
    *money.DETECTORS,
    *national.DETECTORS,
    *documents.DETECTORS,
    *dates.DETECTORS,
    *addresses.DETECTORS,
    *postcodes.DETECTORS,
    *secrets.DETECTORS,
    *passwords.DETECTORS,
)
"""Every entry, in no order of importance: what overlaps is settled later."""
