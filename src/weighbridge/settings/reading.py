"""Reads the settings from the file, the environment and the flags; every fault names its place."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

import msgspec

from weighbridge.errors import SettingsError, did_you_mean
from weighbridge.settings.config import Config
from weighbridge.settings.rows import ENV_PREFIX, Row, as_toml, row, table
from weighbridge.settings.sections import Settings

FILE_NAME = "weighbridge.toml"
CATALOGUE_SECTIONS = ("models", "hosts", "offers", "profiles", "schemas")


def find_file(start: Path) -> Path | None:
    """`weighbridge.toml` in `start` or in the nearest folder above it."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def load(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    start: Path | None = None,
) -> Config:
    """Read the configuration.

    Args:
        file: The file to read; else `WEIGHBRIDGE_CONFIG`, else the nearest `weighbridge.toml`, else none.
        environ: The environment; the process's own by default.
        flags: Settings from the command line by key (`gateway.port`); None values are passed over.
        start: The folder where the search begins; the current one by default.

    Raises:
        SettingsError: A file cannot be read, a key is unknown, or a value has the wrong type or is out of range.
    """
    env = os.environ if environ is None else environ
    here = start or Path.cwd()
    named = file or (Path(env["WEIGHBRIDGE_CONFIG"]).expanduser() if env.get("WEIGHBRIDGE_CONFIG") else None)
    found = named or find_file(here)
    text = _read(found) if found else ""
    data = _parse(text, found)
    _check_keys(data, text, found)
    _check_environment(env)
    values: dict[str, dict[str, Any]] = {r.key.split(".")[0]: {} for r in table()}
    for section, entries in values.items():
        entries.update(data.get(section, {}))
    places: dict[str, str] = {}
    for item in table():
        section, name = item.key.split(".")
        if item.env in env:
            places[item.key] = f"environment variable {item.env}"
            values[section][name] = _from_text(item, env[item.env], places[item.key])
        if flags and flags.get(item.key) is not None:
            places[item.key] = f"command line, --{name.replace('_', '-')}"
            values[section][name] = flags[item.key]
    return Config(
        settings=_convert(values, lambda key: places.get(key) or _place(text, found, key)),
        folder=found.resolve().parent if found else here,
        file=found,
        routes=data.get("routes", {}),
        **{name: data.get(name, {}) for name in CATALOGUE_SECTIONS},
    )


def line_of(text: str, key: str) -> int | None:
    """The line, counted from 1, on which a TOML text sets `key` (a dotted path); None where it can't be told."""
    section, _, name = key.rpartition(".")
    current = ""
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = raw.strip()
        if header := re.match(r"\[+\s*([^\]]+?)\s*\]+", stripped):
            current = header[1].replace('"', "")
            if current == key:
                return number
        elif current == section and re.match(rf'"?{re.escape(name)}"?\s*=', stripped):
            return number
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError("The file is not UTF-8 text.", where=str(path), fix="Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"The file cannot be read: {error.strerror}.", where=str(path), fix="Check its name and permissions."
        ) from error


def _parse(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        raise SettingsError(
            f"Not valid TOML: {error}.",
            where=f"{path}:{place[1]}" if place else str(path),
            fix="Correct that line; strings need quotes.",
        ) from error


def _check_keys(data: Mapping[str, Any], text: str, path: Path | None) -> None:
    known: dict[str, set[str]] = {}
    for item in table():
        section, name = item.key.split(".")
        known.setdefault(section, set()).add(name)
    for section, entries in data.items():
        if section in (*CATALOGUE_SECTIONS, "routes"):
            allowed: set[str] | None = None
        elif section in known:
            allowed = known[section]
        else:
            sections = [*known, *CATALOGUE_SECTIONS, "routes"]
            raise SettingsError(
                f"Unknown section '{section}'.", where=_place(text, path, section), fix=did_you_mean(section, sections)
            )
        if not isinstance(entries, dict):
            raise SettingsError(
                f"'{section}' must be a section, not a value.",
                where=_place(text, path, section),
                fix=f"Write [{section}] on a line of its own.",
            )
        for name in entries:
            if allowed is not None and name not in allowed:
                raise SettingsError(
                    f"Unknown setting '{section}.{name}'.",
                    where=_place(text, path, f"{section}.{name}"),
                    fix=did_you_mean(name, allowed),
                )


def _check_environment(env: Mapping[str, str]) -> None:
    """A misspelt variable would be passed over in silence; those that start like a section's are checked."""
    known = {item.env for item in table()} | {str(item.default) for item in table() if item.key.endswith("_env")}
    heads = tuple(f"{ENV_PREFIX}{section.upper()}_" for section in get_type_hints(Settings))
    for name in env:
        if name.startswith(heads) and name not in known:
            raise SettingsError(
                f"Unknown variable {name} in the environment.", where="environment", fix=did_you_mean(name, known)
            )


def _place(text: str, path: Path | None, key: str) -> str:
    number = line_of(text, key)
    return f"{path}:{number}" if number else str(path)


def _from_text(item: Row, text: str, where: str) -> Any:
    if get_origin(item.type) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        return msgspec.convert(text, item.type, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"'{text}' is not a {_type_name(item.type)}.", where=where, fix=f"Set it to a {_type_name(item.type)}."
        ) from error


def _type_name(kind: Any) -> str:
    names: dict[Any, Literal["number", "whole number", "text", "true or false"]] = {
        float: "number",
        int: "whole number",
        str: "text",
        bool: "true or false",
    }
    return names.get(kind, "value of the right type")


def _convert(values: Mapping[str, Mapping[str, Any]], place: Callable[[str], str]) -> Settings:
    try:
        return msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        key = path.rstrip("`").partition("[")[0]
        section, _, name = key.partition(".")
        match = row(key)
        limits = f" It is {match.limits}." if match.limits else ""
        raise SettingsError(
            f"Setting '{key}' cannot be {as_toml(values[section][name])}: {message}.",
            where=place(key),
            fix=f"{match.description}{limits} The default is {as_toml(match.default)}.",
        ) from error
