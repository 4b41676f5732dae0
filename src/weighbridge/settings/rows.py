"""The settings as rows, for the file, the environment, the flags and the docs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from weighbridge.settings.sections import Settings

ENV_PREFIX = "WEIGHBRIDGE_"


class Row(Struct, frozen=True):
    """One line of the table: all that the docs and the flags need."""

    key: str
    type: Any
    default: Any
    description: str
    env: str
    limits: str


@functools.cache
def table() -> tuple[Row, ...]:
    """Every setting, in the order of the sections."""
    return tuple(_rows())


def _rows() -> Iterator[Row]:
    for section, section_type in get_type_hints(Settings).items():
        hints = get_type_hints(section_type, include_extras=True)
        for item in msgspec.structs.fields(section_type):
            hint = hints[item.name]
            base, meta = get_args(hint) if get_origin(hint) is Annotated else (hint, Meta())
            yield Row(
                key=f"{section}.{item.name}",
                type=base,
                default=item.default,
                description=meta.description or "",
                env=f"{ENV_PREFIX}{section}_{item.name}".upper(),
                limits=_limits(meta),
            )


def row(key: str) -> Row:
    """The line of one setting."""
    return next(r for r in table() if r.key == key)


def _limits(meta: Meta) -> str:
    signs = ((">=", meta.ge), (">", meta.gt), ("<=", meta.le), ("<", meta.lt))
    return ", ".join(f"{sign} {value}" for sign, value in signs if value is not None)


def as_toml(value: object) -> str:
    """A setting's value as the file writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)
