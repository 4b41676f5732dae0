"""The drill's own gateway: the user's settings and masking, a store of its own, and engines that are the drill's host."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from weighbridge import settings
from weighbridge.canon import Masking
from weighbridge.cli.drill_bodies import DIALECTS
from weighbridge.cli.drill_host import MOODS, DrillHost
from weighbridge.errors import WeighbridgeError

STORE = "store"
_SECONDS = 120.0  #: for looking through a request: it holds far more values than any that people send
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_OVER = "over"  #: the route whose first engine fails and whose second answers
_SECTIONS = ("client", "resilience", "cache", "store", "mask")


def route(mood: str, dialect: str) -> str:
    """The route to an engine of a mood that speaks a dialect; `over` fails over to another."""
    return f"drill-{mood}-{dialect}"


def configure(folder: Path, config: settings.Config, masking: Masking, host: DrillHost) -> Path:
    """Write the configuration of the drill's gateway.

    Args:
        folder: Where it and its store are to lie.
        config: The user's.
        masking: What is done for the drilled engines.
        host: Who answers.

    Returns:
        The file.
    """
    told = msgspec.to_builtins(config.settings)
    sections: dict[str, Any] = {name: told[name] for name in _SECTIONS}
    sections["mask"] |= {"seconds": _SECONDS, "max_mb": max(told["mask"]["max_mb"], 10.0), "force": []}
    sections["store"] |= {"path": STORE, "state": ""}
    sections["gateway"] = {"workers": 1, "stored_responses": told["gateway"]["stored_responses"]}
    sections["models"] = {mood: {"lab": "drill"} for mood in MOODS}
    sections["hosts"] = {
        name: {"url": host.url(name), "auth": "none", "self_hosted": True, "dialect": name} for name in DIALECTS
    }
    sections["offers"] = {f"{mood}@{name}": {} for mood in MOODS for name in DIALECTS}
    mask = msgspec.to_builtins(masking)
    ways = {mood: [mood] for mood in MOODS} | {_OVER: ["fail", "echo"]}
    sections["routes"] = {
        route(way, name): {"primary": f"{first}@{name}", "fallbacks": [f"{one}@{name}" for one in rest], "mask": mask}
        for way, (first, *rest) in ways.items()
        for name in DIALECTS
    }
    store = folder / STORE
    store.mkdir(mode=0o700)
    models = config.store_path / "models"
    if models.is_dir():
        (store / "models").symlink_to(models)
    file = folder / settings.FILE_NAME
    file.write_text("".join(_section(name, value) for name, value in sections.items()), encoding="utf-8")
    return file


def _section(name: str, value: Mapping[str, Any]) -> str:
    lines = (f"{_toml(key)} = {_toml(item)}\n" for key, item in value.items() if item is not None)
    return f"[{name}]\n{''.join(lines)}\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items() if item is not None) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[str]:
    """The gateway in processes of its own; gives its address. What it says goes to `out.log` and `err.log` beside the file.

    Raises:
        WeighbridgeError: It did not start.
    """
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "--config", str(file)]
    command += ["serve", "--json", "--port", "0"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(settings.ENV_PREFIX)}
    errors, out = file.with_name("err.log"), file.with_name("out.log")
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=log, env=environ, cwd=file.parent, start_new_session=True
        )
    assert process.stdout is not None
    line = b""
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise WeighbridgeError(
                "The drill's gateway did not start.", fix=errors.read_text("utf-8", "replace")[-2000:].strip()
            )
        yield msgspec.json.decode(line)["url"]
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                out.write_bytes(line + await process.stdout.read())
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
