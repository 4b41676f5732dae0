"""What was read, and where its files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from weighbridge.settings.sections import Settings


class Config(Struct, frozen=True):
    """What the file, the environment and the flags say together.

    `folder` is where relative paths start: the file's folder, or the current one if there is no file.
    """

    settings: Settings
    folder: Path
    file: Path | None = None
    models: dict[str, Any] = {}
    hosts: dict[str, Any] = {}
    offers: dict[str, Any] = {}
    profiles: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    routes: dict[str, Any] = {}

    @property
    def store_path(self) -> Path:
        """The store's folder, absolute."""
        return self.folder / Path(self.settings.store.path).expanduser()

    @property
    def state_place(self) -> str:
        """The database of the state: a URL, or the path of a file within the store."""
        return self.settings.store.state or str(self.store_path / "state.db")

    @property
    def leased(self) -> bool:
        """Do machines share the state, so that each may use only what it leased of limits and budgets?"""
        scheme, found, _ = self.settings.store.state.partition("://")
        return bool(found) and not scheme.startswith("sqlite")

    @property
    def meters_path(self) -> Path:
        """The folder in which the processes of this machine count together, within the store."""
        return self.store_path / "meters"

    @property
    def traces_path(self) -> Path:
        """The folder of traces, within the store."""
        return self.store_path / "traces"

    @property
    def responses_path(self) -> Path:
        """The database of stored responses, within the store."""
        return self.store_path / "responses.db"

    @property
    def keepsakes_path(self) -> Path | None:
        """The database of keepsakes, within the store; None where none are kept."""
        name = self.settings.store.keepsakes
        return self.store_path / Path(name).expanduser() if name else None

    @property
    def results_path(self) -> Path:
        """The database of weighing results, within the store."""
        return self.store_path / "results.db"
