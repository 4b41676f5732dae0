"""What masks, with the keys that it needs: made of the configuration, the environment and the store."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from weighbridge.access.masters import Masters
from weighbridge.mask.detect import finder_of
from weighbridge.mask.masker import Masker
from weighbridge.mask.vault import Locked, MemoryVault, Vault
from weighbridge.settings import Config
from weighbridge.store.vault import StoreVault

_DAY = 86_400.0


def masker_of(config: Config, environ: Mapping[str, str]) -> Masker:
    """What masks as the settings say. Its surrogates come of the first master key: changing that changes them.

    Raises:
        SettingsError: A pattern is none, or names are to be found and there is no model.
        StoreError: The master key cannot be read or made.
    """
    settings = config.settings.mask
    masters = Masters(environ, config.store_path)
    secret = hmac.new(masters.first(), b"weighbridge masking", hashlib.sha256).digest()
    return Masker(finder_of(settings, config.store_path), settings, secret, _vault(config, masters))


def vault_of(config: Config, masters: Masters) -> Locked:
    """The vault in the state store."""
    return Locked(StoreVault(config.state_place), masters.all, seconds=config.settings.mask.vault_days * _DAY)


def _vault(config: Config, masters: Masters) -> Vault | None:
    settings = config.settings.mask
    if settings.vault == "memory":
        return MemoryVault(seconds=settings.vault_days * _DAY)
    return vault_of(config, masters) if settings.vault == "store" else None
