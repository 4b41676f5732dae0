"""Countries by their English names, for those who do not know the code by heart (ISO 3166-1 alpha-2)."""

from __future__ import annotations

_CODES = {
    "argentina": "AR",
    "australia": "AU",
    "austria": "AT",
    "belgium": "BE",
    "brazil": "BR",
    "canada": "CA",
    "china": "CN",
    "czechia": "CZ",
    "denmark": "DK",
    "estonia": "EE",
    "european union": "EU",
    "finland": "FI",
    "france": "FR",
    "germany": "DE",
    "hong kong": "HK",
    "india": "IN",
    "ireland": "IE",
    "israel": "IL",
    "italy": "IT",
    "japan": "JP",
    "luxembourg": "LU",
    "netherlands": "NL",
    "norway": "NO",
    "poland": "PL",
    "portugal": "PT",
    "russia": "RU",
    "saudi arabia": "SA",
    "singapore": "SG",
    "south korea": "KR",
    "spain": "ES",
    "sweden": "SE",
    "switzerland": "CH",
    "taiwan": "TW",
    "united arab emirates": "AE",
    "united kingdom": "GB",
    "united states": "US",
}


def code(name: str) -> str:
    """The code of a country that is given by name or code, in any case; what is no country stays as it is."""
    known = _CODES.get(name.lower())
    if known is not None:
        return known
    return name.upper() if len(name) == 2 and name.isalpha() else name  # noqa: PLR2004 - letters of a code
