"""Places whose law or whose labs are asked for."""

from __future__ import annotations

# The member states of the European Union.
EU_CODES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(EU_CODES.split())


def is_among(code: str, wanted: frozenset[str]) -> bool | None:
    """Is a country, or "EU" or "local", one of those in `wanted` (upper case)? "EU" there means any member state.

    Returns:
        None where the code is unknown.
    """
    if not code:
        return None
    return code.upper() in wanted or ("EU" in wanted and code.upper() in EU)
