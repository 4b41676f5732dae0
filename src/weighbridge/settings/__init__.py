"""One settings table. It feeds `weighbridge.toml`, the environment, the command line's flags and the docs.

A setting is a field of one of the sections below: its type, its default, its limits and its meaning stand
there once. Who wins, from the strongest: a flag, `WEIGHBRIDGE_SECTION_NAME` in the environment, the file,
the default. The file may also describe engines (`[models.*]`, `[hosts.*]`, `[offers."model@host"]`, `[profiles.*]`,
`[schemas.*]`) and routes (`[routes.*]`); these are handed on as they stand to the rooms that know them.
"""

from weighbridge.settings.config import Config
from weighbridge.settings.reading import CATALOGUE_SECTIONS, FILE_NAME, find_file, line_of, load
from weighbridge.settings.rows import ENV_PREFIX, Row, as_toml, row, table
from weighbridge.settings.sections import (
    Admin,
    Cache,
    Client,
    Gateway,
    Limits,
    Local,
    Mask,
    MaskForce,
    Resilience,
    Settings,
    Store,
    Weigh,
)

__all__ = [
    "CATALOGUE_SECTIONS",
    "ENV_PREFIX",
    "FILE_NAME",
    "Admin",
    "Cache",
    "Client",
    "Config",
    "Gateway",
    "Limits",
    "Local",
    "Mask",
    "MaskForce",
    "Resilience",
    "Row",
    "Settings",
    "Store",
    "Weigh",
    "as_toml",
    "find_file",
    "line_of",
    "load",
    "row",
    "table",
]
