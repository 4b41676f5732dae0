"""Builds what a command needs to call engines: catalogue, client, local engines, the road, and the recording of traces."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge import routes
from weighbridge.canon import Engine, Plan, Trace
from weighbridge.cli import common
from weighbridge.engines import catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM
from weighbridge.engines.keys import has_key, no_key
from weighbridge.engines.local import LocalEngines
from weighbridge.engines.transport import AiohttpTransport
from weighbridge.errors import InputError, MissingExtraError
from weighbridge.exchange import Road
from weighbridge.exchange.screen import PolicyScreen
from weighbridge.exchange.veil import Veils
from weighbridge.mask.kinds import check_kinds, own_kinds
from weighbridge.routes.policy import Verdict
from weighbridge.settings import Config
from weighbridge.store.ids import new_trace_id
from weighbridge.store.seal import maintain
from weighbridge.store.traces import TraceWriter

if TYPE_CHECKING:
    from weighbridge.mask.masker import Masker


@dataclass
class EngineRoom:
    """Everything that a command needs to call engines."""

    config: Config
    catalogue: catalogue.Catalogue
    client: Client
    local: LocalEngines
    road: Road
    environ: Mapping[str, str]
    veils: Veils

    def engine(self, name: str) -> Engine:
        """The engine of this name, known to be callable here before anything is asked of it.

        Raises:
            UnknownEngineError: There is none.
            NoKeyError: Its host's key is not set.
            MissingExtraError: It is a local one, and llama.cpp or its weights are not installed.
        """
        engine = self.catalogue.engine(name, self.environ)
        if engine.host.runs_here:
            if not self.local.available(engine):
                raise MissingExtraError(
                    "This engine runs here, but llama.cpp or its weights are not installed.",
                    where=engine.name,
                    fix="Run `make models` in a checkout, or: pip install 'weighbridge[local]', and the weights' file.",
                )
        elif not has_key(engine, self.environ):
            raise no_key(engine)
        return engine

    def engines(self, names: Iterable[str], option: str, *, twice: str = "Name it once.") -> dict[str, Engine]:
        """The engines that an option names, by their names, each known to be callable here.

        Args:
            names: Of engines; a route is none, since who answers it may change.
            option: What errors name as their place.
            twice: What to do about one that is named twice.

        Raises:
            InputError: One is a route, or named twice.
            WeighbridgeError: See `engine`.
        """
        found: dict[str, Engine] = {}
        for name in names:
            if name in self.config.routes:
                raise InputError(
                    f"'{name}' is a route, and which engine answers it may change.",
                    where=option,
                    fix="Name the engine itself.",
                )
            engine = self.engine(name)
            if engine.name in found:
                raise InputError(f"The engine {engine.name} is named twice.", where=option, fix=twice)
            found[engine.name] = engine
        return found

    def engines_of(self, name: str) -> list[Engine]:
        """Who answers for a name: a route's engines, or the engine itself."""
        if (route := self.config.routes.get(name)) is None:
            return [self.catalogue.engine(name, self.environ)]
        return [self.catalogue.engine(n, self.environ) for n in (route["primary"], *route.get("fallbacks", ()))]

    def callable_engines(self) -> list[Engine]:
        """The engines that can answer here and now, local ones first."""
        known = self.catalogue.callable_engines(self.environ, local=True)
        here = [e for e in known if e.host.runs_here and self.local.available(e)]
        return here + [e for e in known if not e.host.runs_here]


@asynccontextmanager
async def open_room(config: Config, *, record: bool = True) -> AsyncIterator[EngineRoom]:
    """Open everything, and close it in the end, local engines included.

    Args:
        config: The configuration.
        record: Keep the traces in the store.
    """
    settings = config.settings
    known = catalogue.load(config)
    environ = common.environ(config)
    declared = routes.from_config(config.routes, known.engine, where=str(config.file or ""))
    check_kinds(declared, own_kinds(settings.mask), where=str(config.file or ""))
    if any(route.policy is not None for route in declared.values()):
        known = common.with_facts(config, known)
    async with AsyncExitStack() as stack:
        transport = AiohttpTransport(connections=settings.client.connections)
        local = LocalEngines(settings=settings.local, transport=transport, folder=config.folder)
        client = Client(
            settings=settings.client,
            transport=transport,
            endpoints=local,
            environ=environ,
            folder=config.folder,
        )
        stack.push_async_callback(client.close)
        stack.push_async_callback(local.close)
        writer = None
        if record:
            # Where no gateway runs, nobody else would keep the store in order.
            stack.callback(maintain, config.traces_path, settings.store, SYSTEM.now())
            writer = TraceWriter(
                config.traces_path,
                bodies=settings.store.bodies,
                segment_bytes=int(settings.store.segment_mb * 1e6),
                segment_seconds=settings.store.segment_seconds,
            )
            stack.callback(writer.close)

        def masker() -> Masker:
            from weighbridge.access.masking import masker_of  # loaded where something is to be masked

            return masker_of(config, environ)

        veils = Veils(settings.mask, masker)
        stack.callback(veils.close)
        plan = Plan(number=0, routes=declared, declared=declared)
        rng = random.SystemRandom()
        road = Road(
            catalogue=known,
            client=client,
            plan=lambda: plan,
            record=_recorder(writer),
            deadline=settings.client.deadline,
            new_id=lambda: new_trace_id(SYSTEM.now(), rng),
            screen=PolicyScreen(SYSTEM.now, _tell_refusal),
            veils=veils,
        )
        yield EngineRoom(config, known, client, local, road, environ, veils)


def _tell_refusal(route: str, verdict: Verdict, first: bool) -> None:
    """Whoever typed the command learns why an engine was passed over."""
    for finding in verdict.refusals if first else ():
        what = f"{verdict.engine.name} may not answer {route}: {finding.rule} ({finding.by}): {finding.reason}"
        common.console(stderr=True).print(common.printable(what), markup=False, soft_wrap=True)


def _recorder(writer: TraceWriter | None) -> Callable[[Trace], None]:
    def record(trace: Trace) -> None:
        if writer is not None:
            writer.record(trace)

    return record
