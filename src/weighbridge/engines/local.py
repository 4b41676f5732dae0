"""Engines that run here: llama.cpp servers inside this process, each on a loopback port of its own, behind a key.

A server starts when its engine is first asked for. Loading happens in a thread, but llama.cpp's binding holds the
interpreter while it loads (a second for small models): whoever must not pause should let another process own these.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from weighbridge.canon import Engine
from weighbridge.engines import weights
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.endpoints import Endpoint
from weighbridge.engines.probe import probe
from weighbridge.engines.transport import Transport
from weighbridge.errors import LocalEngineError, MissingExtraError, SettingsError, WeighbridgeError
from weighbridge.settings import Local as LocalSettings

FAILED_SECONDS = 10.0
"""How long a failed start is remembered: each attempt costs memory and time, and the next request comes soon."""

_HTTP_THREADS = 64  #: a kept connection holds one of llama.cpp's threads, idle or not
_PROMPT_CACHE_MB = 256  #: llama.cpp's own default would be 8 GB per server


class Serving(Struct, frozen=True, forbid_unknown_fields=True):
    """How a host serves: `context` tokens for each of `slots` parallel exchanges; `threads` 0 takes the setting."""

    context: Annotated[int, Meta(ge=64, le=4_194_304)] = 4096
    slots: Annotated[int, Meta(ge=1, le=256)] = 2
    cache_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    threads: Annotated[int, Meta(ge=0, le=1024)] = 0


class _Running:
    """A server and where it listens.

    llama.cpp stops a server when the last reference to it goes. So only one list refers to it, which is passed around
    in its place: a thread that still holds what it returned would keep the server alive for a while.
    """

    def __init__(self, held: list[Any], endpoint: Endpoint) -> None:
        self.held = held
        self.endpoint = endpoint


class LocalEngines:
    """Starts local engines and knows where they listen.

    Args:
        settings: Whether to, threads, patience.
        transport: For asking a server what it can do.
        folder: Where relative paths of weights start.
        cache: Where weights that come in parts are assembled; the user's cache folder by default.
        clock: Time.
    """

    def __init__(
        self,
        *,
        settings: LocalSettings,
        transport: Transport,
        folder: Path,
        cache: Path | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._folder = folder
        self._cache = cache or weights.cache_folder()
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._starting: dict[str, asyncio.Task[Endpoint]] = {}
        self._failed: dict[str, tuple[float, WeighbridgeError]] = {}
        self._closed = False

    @property
    def running(self) -> dict[str, Endpoint]:
        """The engines that are ready, by name."""
        return {name: running.endpoint for name, running in self._running.items()}

    def available(self, engine: Engine) -> bool:
        """Could it be started: are llama.cpp and the weights here? Reads no file and imports nothing."""
        return (
            self._settings.enabled
            and importlib.util.find_spec("xllamacpp") is not None
            and weights.present(engine.model.gguf, self._folder)
        )

    async def endpoint(self, engine: Engine) -> Endpoint:
        """Where the engine listens, after starting it if need be. Many may ask at once: it starts once.

        Raises:
            LocalEngineError: It cannot run, or takes longer than `local.load_timeout` (then it goes on loading).
            MissingExtraError: llama.cpp or the weights are not installed.
            SettingsError: The host's serving settings cannot be used.
        """
        if running := self._running.get(engine.name):
            return running.endpoint
        self._check_may_start(engine.name)
        task = self._starting.get(engine.name)
        if task is None:
            task = self._starting[engine.name] = asyncio.create_task(self._start(engine))
            task.add_done_callback(lambda done: self._started(engine.name, done))
        patience = self._settings.load_timeout
        try:
            async with self._clock.timeout(patience):
                return await asyncio.shield(task)
        except TimeoutError:
            raise LocalEngineError(
                f"Still loading after {patience:g} s.",
                where=engine.name,
                fix="Try again in a moment, or raise local.load_timeout.",
            ) from None

    async def start(self, engine: Engine) -> Endpoint:
        """Start the engine ahead of its first request; the same as `endpoint`."""
        return await self.endpoint(engine)

    async def close(self) -> None:
        """Stop every server and free its memory; those still loading are awaited, then stopped."""
        self._closed = True
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        held = [running.held for running in self._running.values()]
        self._running.clear()
        await asyncio.to_thread(_free, held)

    def _check_may_start(self, name: str) -> None:
        if self._closed or not self._settings.enabled:
            raise LocalEngineError(
                "Local engines are being stopped." if self._closed else "Local engines are switched off.",
                where=name,
                fix="" if self._closed else "Set local.enabled = true.",
            )
        at, error = self._failed.get(name, (float("-inf"), None))
        if error and self._clock.monotonic() - at < FAILED_SECONDS:
            raise type(error)(error.what, where=error.where, fix=error.fix)

    def _started(self, name: str, task: asyncio.Task[Endpoint]) -> None:
        self._starting.pop(name, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, WeighbridgeError):
            self._failed[name] = (self._clock.monotonic(), error)
        else:
            self._failed.pop(name, None)

    async def _start(self, engine: Engine) -> Endpoint:
        serving = serving_of(engine)
        path = await asyncio.to_thread(
            weights.find, engine.model.gguf, folder=self._folder, cache=self._cache, where=engine.name
        )
        key = secrets.token_urlsafe(24)
        threads = serving.threads or self._settings.threads or os.cpu_count() or 1
        held = await asyncio.to_thread(_launch, path, serving, threads, key, engine)
        try:
            endpoint = await probe(self._transport, held[0].listening_address, key, engine)
        except BaseException:
            await asyncio.to_thread(_free, [held])
            raise
        self._running[engine.name] = _Running(held, endpoint)
        return endpoint


def serving_of(engine: Engine) -> Serving:
    """The serving settings of the engine's host.

    Raises:
        SettingsError: One is unknown, of the wrong type, or out of range.
    """
    try:
        return msgspec.convert(engine.host.serving, Serving)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{error}.".replace("`", "'"),
            where=f"hosts.{engine.host.name}.serving",
            fix="Known are context, slots, cache_type (f16, q8_0, q4_0) and threads.",
        ) from None


def _launch(path: Path, serving: Serving, threads: int, key: str, engine: Engine) -> list[Any]:
    """Load weights and listen; blocks for as long as that takes. The list holds the only reference to the server."""
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtraError(
            "Local engines need llama.cpp (xllamacpp).", where=engine.name, fix="Run: pip install 'weighbridge[local]'."
        ) from error
    try:
        held = [xllamacpp.Server(_params(path, serving, threads, key, engine))]
    except RuntimeError as error:
        raise LocalEngineError(
            f"llama.cpp cannot load {path.name}: the file is damaged or of an unknown kind, or memory is short.",
            where=engine.name,
            fix="Fetch the file again, or lower the host's context and slots.",
        ) from error
    # A server that is stopped before its loop has begun never stops, and the whole process hangs with it. What goes
    # through the loop and costs nothing is its metrics: they come once it runs.
    held[0].handle_metrics()
    return held


def _params(path: Path, serving: Serving, threads: int, key: str, engine: Engine) -> Any:
    """How the server is to run."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {engine.upstream}  # the answers name the model, not a path of this machine
    params.n_ctx = serving.context * serving.slots
    params.n_parallel = serving.slots
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = threads
        cpu.poll = 0  # threads that wait by spinning halt each other where cores are shared: 3 tokens/s, not 80
    kind = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{serving.cache_type.upper()}")
    params.cache_type_k = kind
    params.cache_type_v = kind
    params.cache_ram_mib = _PROMPT_CACHE_MB
    params.cont_batching = True
    params.use_jinja = True
    if engine.model.chat_template:
        params.chat_template = engine.model.chat_template
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_threads_http = max(_HTTP_THREADS, 4 * serving.slots)
    params.endpoint_slots = False
    params.endpoint_metrics = True  # behind the key, like all else; see _launch
    params.ui = False
    params.verbosity = -1
    return params


def _free(held: list[list[Any]]) -> None:
    """Drop the last references, which stops the servers and closes their ports."""
    for servers in held:
        servers.clear()
    gc.collect()
