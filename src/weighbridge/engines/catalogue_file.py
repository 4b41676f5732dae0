"""The built-in catalogue as it lies in the package: TOML, drafted tables and those kept by hand.

`models.toml` and `offers.toml` are drafted by `scripts/draft_catalogue.py`; `curated.toml` wins over them field by
field; `hosts.toml` and `profiles.toml` are kept by hand. `profile_of` gives models and offers their profiles, by name or
by pattern; where several fit, the last one counts.
"""

from __future__ import annotations

import fnmatch
import tomllib
from decimal import Decimal
from importlib import resources
from typing import Any

from msgspec import Struct

from weighbridge.engines.rows import merge


class Tables(Struct):
    """Rows by name, before they are checked and converted."""

    labs: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    hosts: dict[str, dict[str, Any]]
    offers: dict[str, dict[str, Any]]  #: by `model@host`
    profiles: dict[str, dict[str, Any]]
    schemas: dict[str, dict[str, Any]]
    observed: dict[str, str]  #: when each source was looked at, by its name


def read_builtin() -> Tables:
    """Read the package's own tables and lay what is kept by hand over what was drafted."""
    drafted, offers = _read("models.toml"), _read("offers.toml")
    hosts, profiles, curated = _read("hosts.toml"), _read("profiles.toml"), _read("curated.toml")
    tables = Tables(
        labs=hosts["labs"],
        models=drafted["models"],
        hosts=hosts["hosts"],
        offers=offers["offers"],
        profiles=profiles["profiles"],
        schemas=profiles["schemas"],
        observed={name: source["observed"] for name, source in drafted["sources"].items()},
    )
    for name, row in curated.get("models", {}).items():
        tables.models[name] = merge(tables.models.get(name, {}), row)
    for name, row in curated.get("offers", {}).items():
        tables.offers[name] = merge(tables.offers.get(name, {}), row)
    for profile, patterns in curated["profile_of"].items():
        for pattern in patterns:
            rows = tables.offers if "@" in pattern else tables.models
            found = fnmatch.filter(rows, pattern)
            if not found:
                raise LookupError(f"profile_of: nothing is called {pattern}")
            for name in found:
                rows[name]["profile"] = profile
    return tables


def _read(name: str) -> dict[str, Any]:
    text = resources.files("weighbridge.engines").joinpath("data", name).read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)
