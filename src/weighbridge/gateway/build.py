"""A worker's gateway, put together from what the parent told."""

from __future__ import annotations

import asyncio
import hmac
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.access.facts import Facts
from weighbridge.access.governor import Governor
from weighbridge.access.keyring import Keyring
from weighbridge.access.masters import Masters
from weighbridge.access.meters import Meters
from weighbridge.access.rules import Rules
from weighbridge.access.secrets import Secrets
from weighbridge.canon import Engine, Plan, Record, Trace
from weighbridge.engines.catalogue import Catalogue, load
from weighbridge.engines.client import Client
from weighbridge.engines.fetch import Fetcher
from weighbridge.engines.keys import Environ
from weighbridge.engines.transport import AiohttpTransport
from weighbridge.errors import StoreError
from weighbridge.exchange import Road
from weighbridge.exchange.cache import AnswerCache
from weighbridge.exchange.screen import PolicyScreen
from weighbridge.exchange.shadow import Shadows
from weighbridge.exchange.steering import Steering
from weighbridge.exchange.veil import Veils
from weighbridge.gateway.admit import Admit
from weighbridge.gateway.app import Gateway, Parts
from weighbridge.gateway.asides import Counting
from weighbridge.gateway.channel import Start
from weighbridge.gateway.feedback import Word
from weighbridge.gateway.gate import Gate
from weighbridge.gateway.journal import Journal
from weighbridge.gateway.lists import Listed
from weighbridge.gateway.locals import ParentEndpoints
from weighbridge.gateway.metrics import Metrics
from weighbridge.gateway.plans import Follows, Plans, dispatch
from weighbridge.gateway.responses import Responses
from weighbridge.routes.policy import Verdict
from weighbridge.settings import Config
from weighbridge.store.keepsakes import Keepsakes
from weighbridge.store.responses import StoredResponses
from weighbridge.store.traces import TraceWriter, new_trace_id

if TYPE_CHECKING:
    from weighbridge.mask.masker import Masker

_MB = 1_000_000
_DAY = 86_400.0

log = logging.getLogger("weighbridge.gateway")


class Built:
    """The parts of a worker that have a beginning and an end.

    Args:
        start: What the parent told.
        environ: The environment: hosts' keys, the access key.
        endpoints: Where local engines listen.
        metrics: The worker's figures.
        scrape: Gives everyone's figures.
        say: Keeps what a user says of an answer.

    Raises:
        SettingsError: The configuration cannot be used.
        StoreError: The store cannot be used.
    """

    def __init__(
        self,
        start: Start,
        environ: Mapping[str, str],
        *,
        endpoints: ParentEndpoints,
        metrics: Metrics,
        scrape: Callable[[], Awaitable[str]],
        say: Callable[[Word, str], Awaitable[None]],
    ) -> None:
        settings = start.config.settings
        self._secrets = Secrets(Masters(environ, start.config.store_path))
        environ = Environ(environ, self._secrets)
        self._veils = Veils(settings.mask, lambda: _masker(start.config, environ), metrics.masked)
        self._metrics = metrics
        self._endpoints = endpoints
        self._catalogue = load(start.config)
        self._catalogue.environ = environ
        self._steering = Steering(settings.resilience)
        metrics.watched.append(self._unwell)
        self._keyring = Keyring(required=settings.gateway.require_key)
        self._rules = Rules()
        self._meters = Meters(start.config.meters_path, leased=start.config.leased)
        self._plans = Plans(start.publication, start.config.state_place, start.records)
        self._writer = TraceWriter(
            start.config.traces_path,
            bodies=settings.store.bodies,
            segment_bytes=int(settings.store.segment_mb * _MB),
            segment_seconds=settings.store.segment_seconds,
        )
        self._journal = Journal(Path(start.journal), written=lambda: self._writer.written)
        self._stored = _stored(start.config, start.secret)
        self._keepsakes = _keepsakes(start.config)
        transport = AiohttpTransport(connections=settings.client.connections)
        self._fetcher = Fetcher(transport)
        self._client = Client(
            settings=settings.client,
            transport=transport,
            endpoints=endpoints,
            environ=environ,
            folder=start.config.folder,
        )
        self.gateway = Gateway(self._parts(start, environ, scrape, say))
        #: who is told of which kind of records
        self._followers: dict[str, tuple[Follows, ...]] = {
            "key": (self._keyring,),
            "rule": (self._rules,),
            "secret": (self._secrets,),
            "fact": (Facts(self._catalogue, self._on_catalogue),),
        }

    def follow(self) -> None:
        """Begin to follow the plan in force and what administrators keep in the store.

        Raises:
            SettingsError: Something is to be masked, and what masks cannot be made as the settings want it.
        """
        if self._veils.wanted(self._plans.plan()):
            self._veils.load()
        self._on_plan(self._plans.plan())
        self._on_records(self._plans.records)
        self._plans.watch(asyncio.get_running_loop(), self._on_plan, self._on_records)

    @property
    def dropped(self) -> int:
        """Traces that could not be recorded."""
        return self._writer.dropped

    async def close(self) -> None:
        """Let go of everything; what was recorded is on the disk afterwards."""
        await self._shadows.close()
        await self._client.close()
        self._veils.close()
        self._plans.close()
        try:
            self._writer.close()
        except StoreError as error:
            log.error("%s", error)  # noqa: TRY400 - a traceback would say less
        for kept in (self._stored, self._keepsakes):
            if kept is not None:
                kept.close()
        self._journal.close()
        self._meters.close()

    def _parts(
        self,
        start: Start,
        environ: Mapping[str, str],
        scrape: Callable[[], Awaitable[str]],
        say: Callable[[Word, str], Awaitable[None]],
    ) -> Parts:
        settings = start.config.settings
        rng = random.Random()  # noqa: S311 - ids are no secrets

        def new_id() -> str:
            return new_trace_id(time.time(), rng)

        max_body = int(settings.gateway.max_body_mb * _MB)
        self._models = Models(self._catalogue, environ, local=settings.local.enabled)
        road = self._road = Road(
            catalogue=self._catalogue,
            client=self._client,
            plan=self._plans.plan,
            record=self._record,
            deadline=settings.client.deadline,
            new_id=new_id,
            keepsakes=self._keepsakes,
            fetcher=self._fetcher,
            steering=self._steering,
            veils=self._veils,
            screen=PolicyScreen(time.time, self._on_refused),
            governor=Governor(self._meters, self._rules.of, settings.limits, count=self._metrics.add),
            ledger=self._journal,
            cache=AnswerCache(
                max_bytes=int(settings.cache.mb * _MB),
                max_answer=int(settings.cache.answer_mb * _MB),
                count=lambda route, result: self._metrics.add("weighbridge_cache_total", (route, result)),
            ),
        )
        self._shadows = Shadows(road.run, skipped=lambda: self._metrics.add("weighbridge_shadows_skipped_total", ()))
        road.cast(self._shadows)
        return Parts(
            road=road,
            counting=Counting(road, self._plans.plan, self._engine),
            admit=Admit(
                settings.gateway,
                host=start.host,
                port=start.port,
                key=environ.get(settings.gateway.access_key_env, ""),
                keyring=self._keyring,
            ),
            plan=self._plans.plan,
            engine=self._engine,
            journal=self._journal,
            metrics=self._metrics,
            new_id=new_id,
            secret=start.secret,
            models=self._models,
            health=self._health,
            scrape=scrape,
            say=say,
            files=lambda: self._endpoints.states,
            stored=Responses(self._stored, max_body) if self._stored is not None else None,
            gate=Gate(
                running=settings.gateway.concurrency,
                waiting=settings.gateway.queue,
                seconds=settings.gateway.queue_seconds,
                max_bytes=int(settings.gateway.max_pending_mb * _MB),
            ),
            max_body=max_body,
            max_depth=settings.gateway.max_depth,
            heartbeat=settings.gateway.heartbeat,
        )

    def _record(self, trace: Trace) -> None:
        self._metrics.observe(trace)
        self._journal.recorded(trace.id, self._writer.record(trace))

    def _on_plan(self, plan: Plan) -> None:
        self._metrics.set("weighbridge_plan", plan.number)

    def _engine(self, name: str) -> Engine:
        return self._catalogue.engine(name)

    def _on_catalogue(self, catalogue: Catalogue) -> None:
        """Facts changed: the next exchange goes by them."""
        self._catalogue = self._road.catalogue = catalogue
        self._models.renew(catalogue)

    def _on_refused(self, route: str, verdict: Verdict, first: bool) -> None:  # noqa: FBT001 - the screen tells it so
        for finding in verdict.refusals:
            self._metrics.add("weighbridge_policy_refused_total", (route, verdict.engine.name, finding.rule))
            if first:
                log.warning(
                    "%s may not answer %s: %s (%s): %s",
                    verdict.engine.name,
                    route,
                    finding.rule,
                    finding.by,
                    finding.reason,
                )

    def _on_records(self, records: Sequence[Record]) -> None:
        dispatch(records, self._followers)
        if any(record.kind == "secret" for record in records):
            self._models.renew(self._catalogue)  # a host may have a key now, or none any more

    def _health(self) -> dict[str, Any]:
        return {
            "plan": self._plans.plan().number,
            "store": self._plans.problem or self._writer.healthy or "ok",
            "local": self._endpoints.states,
            "engines": self._steering.health.states(),
        }

    def _unwell(self) -> Iterator[tuple[str, tuple[str, str], float]]:
        for engine, state in self._steering.health.states().items():
            yield "weighbridge_engine_workers", (engine, state), 1.0


def _stored(config: Config, secret: bytes) -> StoredResponses | None:
    settings = config.settings.gateway
    if not settings.stored_responses:
        return None
    return StoredResponses(
        config.responses_path,
        seconds=settings.stored_days * _DAY,
        max_bytes=int(settings.stored_mb * _MB),
        now=time.time,
        key=hmac.digest(secret, b"stored responses", "sha256"),
    )


def _keepsakes(config: Config) -> Keepsakes | None:
    settings, path = config.settings.store, config.keepsakes_path
    if path is None:
        return None
    return Keepsakes(
        path,
        seconds=settings.keepsakes_days * _DAY,
        max_bytes=int(settings.keepsakes_mb * _MB),
        now=time.time,
    )


def _masker(config: Config, environ: Mapping[str, str]) -> Masker:
    """What masks; loaded where something is to be masked, for it takes its time."""
    from weighbridge.access.masking import masker_of

    return masker_of(config, environ)


class Models:
    """What may be asked for: routes first, then every engine that can be called.

    Args:
        catalogue: All engines.
        environ: Tells which hosts' keys are set.
        local: Are local engines offered?
    """

    def __init__(self, catalogue: Catalogue, environ: Mapping[str, str], *, local: bool) -> None:
        self._catalogue = catalogue
        self._environ = environ
        self._local = local
        self._engines: list[Listed] | None = None

    def renew(self, catalogue: Catalogue) -> None:
        """Go by another catalogue from now on."""
        self._catalogue, self._engines = catalogue, None

    def __call__(self, plan: Plan) -> list[Listed]:
        """The rows for a plan."""
        if self._engines is None:
            self._engines = [_listed(one) for one in self._catalogue.callable_engines(self._environ, self._local)]
        return [Listed(name, "weighbridge") for name in sorted(plan.routes)] + self._engines


def _listed(engine: Engine) -> Listed:
    return Listed(
        engine.name,
        engine.host.name,
        title=engine.model.title,
        created=_released(engine),
        context=engine.context,
        max_output=engine.offer.max_output or engine.model.max_output,
    )


def _released(engine: Engine) -> int:
    try:
        return int(datetime.fromisoformat(engine.model.released).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0  # unknown, or known only to the month
