"""The parent of the workers: owns the listening socket, the local engines and the upkeep of the store.

It answers no request itself: whatever goes wrong here, the workers go on serving.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import getpass
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weighbridge.canon import Plan, Publication, Record
from weighbridge.errors import NoKeyError, NotFoundError, StoreError, WeighbridgeError
from weighbridge.gateway.channel import Kept, Local, Message, Report, Said, Scrape, Start, Want
from weighbridge.gateway.crew import Crew
from weighbridge.gateway.guarding import Guard, Guarding
from weighbridge.gateway.locals import Keeper, Runs
from weighbridge.gateway.members import Member
from weighbridge.gateway.metrics import render
from weighbridge.gateway.upkeep import Upkeep
from weighbridge.settings import Config

if TYPE_CHECKING:
    from weighbridge.engines.catalogue import Catalogue
    from weighbridge.gateway.plans import Follows, Plans
    from weighbridge.store.state import State

_TWICE = 0.5  #: seconds after which a second signal means impatience; `timeout` and shells send one twice at once

log = logging.getLogger("weighbridge.gateway")


class Serving(Struct, frozen=True):
    """What the gateway is when it is ready."""

    pid: int
    workers: tuple[int, ...]
    publication: Publication


class Parent:
    """Runs a gateway until a signal says to stop.

    Args:
        load: Reads the configuration; asked again on SIGHUP.
        sock: The listening socket.
        host: The address that was asked for.
        local: Local engines to load at once, besides those that routes use.
        runs: Makes what runs local engines; None where they are switched off.
        guard: Makes who looks after moves; None where nobody does.
        announce: Called once, when every worker accepts requests.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        sock: socket.socket,
        *,
        host: str,
        local: Iterable[str] = (),
        runs: Callable[[Config], Runs] | None = None,
        guard: Callable[[Config, State], Guard] | None = None,
        announce: Callable[[Serving], None],
    ) -> None:
        self._load = load
        self._config = load()
        self._sock = sock
        self._host = host
        self._local = tuple(local)
        self._runs = runs
        self._guard = guard
        self._announce = announce
        self._crew = Crew(sock, begin=self._begin, on_message=self._on_message, on_dead=self._on_dead)
        self._tasks: set[asyncio.Task[None]] = set()
        self._maintaining: asyncio.Task[None] | None = None
        self._keeper: Keeper | None = None
        self._upkeep: Upkeep | None = None
        self._open = contextlib.ExitStack()  #: what is closed at the end, the last opened first
        self._state: State | None = None
        self._catalogue: Catalogue
        self._plans: Plans
        self._secret: bytes
        #: who in this process is told of which kind of records
        self._followers: dict[str, tuple[Follows, ...]] = {}

    async def run(self) -> None:
        """Serve until told to stop; every child is gone when this returns.

        Raises:
            WeighbridgeError: The gateway cannot start.
        """
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._on_signals()
        try:
            await self._crew.spawn(self._config.settings.gateway.workers)
            self._open_store()
            await self._until_stop(self._crew.start())
            if not self._stop.is_set():
                self._announce(
                    Serving(os.getpid(), tuple(member.pid for member in self._crew.members), self._plans.publication)
                )
                self._start_local()
                self._start_guard()
                assert self._upkeep is not None
                self._maintaining = asyncio.get_running_loop().create_task(self._upkeep.run())
            while not self._stop.is_set():
                await self._until_stop(self._on_reload())
        finally:
            await self._end()

    # --- the store ----------------------------------------------------------------------------

    def _open_store(self) -> None:
        """Bring the configured routes into force, while the workers are still importing."""
        from weighbridge.gateway.plans import Plans
        from weighbridge.store.files import lasting_secret, private_folder
        from weighbridge.store.state import State

        self._journals = private_folder(self._config.store_path / "journal")
        private_folder(self._config.traces_path)
        self._secret = lasting_secret(self._config.store_path / "conversations.key")
        self._state = State(self._config.state_place)
        self._open.callback(self._state.close)
        self._upkeep = self._counting(self._state)
        self._plans = Plans(self._declare(self._state), self._config.state_place, self._state.everything())
        self._on_records(self._plans.records)
        self._open.callback(self._plans.close)
        self._plans.watch(asyncio.get_running_loop(), self._on_plan, self._on_records)

    def _start_guard(self) -> None:
        """Look after moves: not before workers serve, for nobody waits for it."""
        if self._guard is not None and self._state is not None:
            guarding = Guarding(functools.partial(self._guard, self._config, self._state))
            self._open.callback(guarding.close)
            guarding.start()

    def _counting(self, state: State) -> Upkeep:
        """What was spent is counted in the meters that budgets go by."""
        from weighbridge.access.lender import unlease
        from weighbridge.access.meters import Meters
        from weighbridge.access.rules import Rules
        from weighbridge.access.seeding import Seeder
        from weighbridge.gateway.lending import Lending

        leased = self._config.leased
        meters, rules = Meters(self._config.meters_path, leased=leased), Rules()
        self._open.callback(meters.close)
        seeder = Seeder(meters, rules)
        self._followers["rule"] = (rules, seeder)
        if leased:
            lending = Lending(self._config, meters, rules, state)
            self._followers["rule"] += (lending,)
            self._open.callback(lending.close)
            lending.start()
        else:
            unlease(meters)
        return Upkeep(
            self._config,
            self._journals,
            state,
            lost=self._on_lost,
            release=meters.release,
            bury=meters.bury,
            late=meters.late,
            seeder=seeder,
        )

    def _on_plan(self, _plan: Plan) -> None:
        """Nothing: whoever needs the plan in force asks for it."""

    def _on_records(self, records: Sequence[Record]) -> None:
        from weighbridge.gateway.plans import dispatch

        dispatch(records, self._followers)

    def _declare(self, state: State) -> Publication:
        from weighbridge.access import facts
        from weighbridge.engines.catalogue import load
        from weighbridge.gateway.plans import declare
        from weighbridge.mask.kinds import check_kinds, own_kinds
        from weighbridge.routes import from_config

        catalogue = load(self._config)
        file = str(self._config.file or "")
        routes = from_config(self._config.routes, catalogue.engine, where=file)
        check_kinds(routes, own_kinds(self._config.settings.mask), where=file)
        why = f"read {Path(file).name}" if file else "started without a configuration file"
        resolve = facts.current(state, catalogue).engine
        publication = declare(state, routes, resolve=resolve, who=getpass.getuser(), why=why, at=time.time())
        self._catalogue = catalogue
        return publication

    def _on_dead(self, member: Member) -> None:
        if member.journal is not None and self._upkeep is not None:
            self._task(self._upkeep.bury(member.journal))

    def _on_lost(self, count: int) -> None:
        self._loop.call_soon_threadsafe(self._crew.metrics.add, "weighbridge_interrupted_total", (), count)

    # --- workers ------------------------------------------------------------------------------

    async def _begin(self, member: Member) -> None:
        def start(journal: str) -> Start:
            port: int = self._sock.getsockname()[1]
            return Start(
                config=self._config,
                host=self._host,
                port=port,
                journal=journal,
                publication=self._plans.publication,
                secret=self._secret,
                records=self._plans.records,
            )

        member.begin(start, self._journals)
        if self._keeper is not None:
            for local in self._keeper.states.values():
                member.send(local)

    async def _on_reload(self) -> None:
        await self._reload.wait()
        self._reload.clear()
        try:
            assert self._state is not None
            self._config = self._load()
            self._plans.publication = await asyncio.to_thread(self._declare, self._state)
            self._start_local()
        except WeighbridgeError as error:
            log.error("the configuration was not read again: %s", error)  # noqa: TRY400 - a traceback would say less
        await self._crew.restart(self._config.settings.gateway.drain_seconds)

    def _on_message(self, member: Member, message: Message) -> None:
        match message:
            case Want():
                self._want(message.engine)
            case Scrape():
                self._task(self._report(member, message.id))
            case Said():
                self._task(self._keep(member, message))
            case _:
                log.error("a message that no parent understands: %s", type(message).__name__)

    async def _report(self, member: Member, number: int) -> None:
        member.send(Report(number, render(await self._crew.figures())))

    async def _keep(self, member: Member, said: Said) -> None:
        """What a user says of an answer goes to the store, where those who look after moves read it."""
        from weighbridge.store import evidence

        assert self._state is not None
        word = evidence.Feedback(said.trace, said.who, time.time(), said.good, said.comment)
        try:
            await asyncio.to_thread(evidence.say, self._state.database, [word])
        except WeighbridgeError as error:
            member.send(Kept(said.id, error.what))
        else:
            member.send(Kept(said.id))

    # --- local engines ------------------------------------------------------------------------

    def _start_local(self) -> None:
        """Begin to load what routes use; nobody waits for it."""
        for route in self._plans.plan().routes.values():
            for name in route.engines:
                self._want(name)
        for name in self._local:
            self._want(name)

    def _want(self, name: str) -> None:

        try:
            engine = self._catalogue.engine(name)
        except (NotFoundError, NoKeyError) as error:
            self._crew.tell(Local(engine=name, state="failed", problem=error.what, fix=error.fix))
            return
        if not engine.host.runs_here:
            return
        if self._runs is None:
            self._crew.tell(
                Local(
                    engine=engine.name,
                    state="failed",
                    problem="Local engines are switched off.",
                    fix="Set local.enabled = true.",
                )
            )
            return
        if self._keeper is None:
            self._keeper = Keeper(self._runs(self._config), self._on_local)
        self._keeper.want(engine)

    def _on_local(self, local: Local) -> None:
        self._crew.tell(local)
        if local.state == "failed":
            log.warning("%s: %s %s", local.engine, local.problem, local.fix)

    # --- the end ------------------------------------------------------------------------------

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        terminal = _has_terminal()
        first = 0.0

        def stop() -> None:
            nonlocal first
            if not self._stop.is_set():
                first = loop.time()
                self._stop.set()
            elif loop.time() - first > _TWICE:
                self._crew.hurry()

        def hang_up() -> None:
            # Sent by a terminal that closes as well as by whoever wants a restart.
            if terminal and not _has_terminal():
                stop()
            else:
                self._reload.set()

        loop.add_signal_handler(signal.SIGTERM, stop)
        loop.add_signal_handler(signal.SIGINT, stop)
        loop.add_signal_handler(signal.SIGHUP, hang_up)

    async def _until_stop(self, work: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        stopped = loop.create_task(self._stop.wait())
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        await self._crew.stop(self._config.settings.gateway.drain_seconds)
        if self._maintaining is not None:
            self._maintaining.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._upkeep is not None:
            await self._upkeep.end()
        if self._keeper is not None:
            await self._keeper.close()
        with contextlib.suppress(StoreError):
            await asyncio.to_thread(self._open.close)
        self._sock.close()


def _has_terminal() -> bool:
    try:
        Path("/dev/tty").open("rb").close()
    except OSError:
        return False
    return True
