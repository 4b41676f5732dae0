"""The drill itself: sends every case, then looks for canaries in all that the host got and the gateway left behind."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from weighbridge import settings
from weighbridge.canon import LEVELS, Level, Masking
from weighbridge.cli import drill_gateway, drill_host
from weighbridge.cli.drill_cases import Broken, Case, ask, cases
from weighbridge.cli.drill_host import Captured
from weighbridge.cli.drill_positions import ALL_KINDS, POSITIONS, Plant, Planted, planted
from weighbridge.cli.drill_search import Search
from weighbridge.engines.transport import AiohttpTransport, HttpRequest, Transport
from weighbridge.mask.kinds import KINDS
from weighbridge.store import parquet, seal, segments

PLACES = ("body", "headers", "path", "traces", "Parquet", "store", "logs", "metrics")
_NAMED = frozenset({"person", "place", "organisation", "group"})
_SETTLE_SECONDS = 5.0
_LATER = 100_000.0
_Tell = Callable[[str], None]


class Leak(Struct, frozen=True, order=True):
    """A canary where it must not be, and in which form. What is found in files may belong to several exchanges."""

    kind: str
    position: str
    place: str
    form: str
    dialect: str = ""
    host: str = ""
    streamed: bool = False
    name: str = ""


class Drilled(Struct, frozen=True):
    """What a drill found. `kinds`: those that were planted; `canaries`: how many values; `searched`: bytes."""

    route: str
    level: Level
    kinds: tuple[str, ...]
    positions: tuple[str, ...]
    canaries: int
    requests: int
    searched: int
    seconds: float
    leaks: tuple[Leak, ...]
    broken: tuple[Broken, ...]

    @property
    def clean(self) -> bool:
        """Did nothing leak, and everything come back?"""
        return not self.leaks and not self.broken


def kinds_of(masking: Masking, mask: settings.Mask) -> tuple[str, ...]:
    """The kinds that a level masks, those among them that are kept, too; all of them where it masks nothing.

    Names are left out where nobody looks for them.
    """
    level = LEVELS.index(masking.level) or len(LEVELS)
    wanted = {kind for kind in ALL_KINDS if LEVELS.index(KINDS[kind].level) <= level}
    wanted |= {kind for kind, mode in masking.kinds.items() if mode != "keep" and kind in ALL_KINDS}
    if mask.names == "off" and masking.level != "none":
        wanted -= _NAMED
    return tuple(kind for kind in ALL_KINDS if kind in wanted)


async def drill(
    config: settings.Config,
    name: str,
    masking: Masking,
    kinds: tuple[str, ...],
    folder: Path,
    *,
    quick: bool = False,
    progress: _Tell = lambda _text: None,
) -> Drilled:
    """Drill one masking.

    Args:
        config: Whose settings the gateway has.
        name: What is drilled, to be told.
        masking: What the gateway does.
        kinds: What is planted.
        folder: An empty one, for the gateway and all that it leaves.
        quick: Send fewer cases.
        progress: Told what happens.
    """
    began = time.monotonic()
    places = [planted(position, kind) for position in POSITIONS for kind in kinds]
    watch = _Watch(Search(dict.fromkeys(places)), masking)
    transport = AiohttpTransport(connections=4)
    wanted = list(cases(quick=quick))
    try:
        async with drill_host.opened() as host:
            file = drill_gateway.configure(folder, config, masking, host)
            async with drill_gateway.running(file) as url:
                for number, case in enumerate(wanted, 1):
                    progress(f"{number} of {len(wanted)}: {case.dialect} to {case.host}, {case.name}")
                    plant = Plant(kinds)
                    seen = len(host.captured)
                    watch.broken += _lost(await ask(case, plant, url, transport), masking)
                    watch.used.update(plant.used)
                    for captured in host.captured[seen:]:
                        watch.captured(captured, case)
                progress("looking for what was left behind")
                for path in ("/metrics", "/readyz", "/v1/models"):
                    watch.look(await _read(transport, url + path), "metrics")
            for log in ("out.log", "err.log"):
                watch.look((folder / log).read_bytes(), "logs")
            watch.store(folder / drill_gateway.STORE, config.settings.store)
    finally:
        await transport.close()
    return Drilled(
        route=name,
        level=masking.level,
        kinds=kinds,
        positions=tuple(p for p in POSITIONS if any(one.position == p for one in watch.used)),
        canaries=len(watch.used),
        requests=len(wanted),
        searched=watch.searched,
        seconds=time.monotonic() - began,
        leaks=tuple(sorted(watch.leaks)),
        broken=tuple(sorted(watch.broken)),
    )


def _lost(broken: Iterable[Broken], masking: Masking) -> list[Broken]:
    """Without what a redaction or a hash took for good."""
    gone = {kind for kind, mode in masking.kinds.items() if mode in ("redact", "hash")}
    return [one for one in broken if one.kind not in gone]


async def _read(transport: Transport, url: str) -> bytes:
    response = await transport.send(HttpRequest("GET", url, {}), connect_timeout=10, read_timeout=10)
    return await response.read(1 << 26)


class _Watch:
    """Collects what is found."""

    def __init__(self, search: Search, masking: Masking) -> None:
        self._search = search
        self._masking = masking
        self.searched = 0
        self.used: dict[Planted, None] = {}
        self.leaks: set[Leak] = set()
        self.broken: list[Broken] = []

    def look(self, data: bytes, place: str, case: Case | None = None) -> None:
        """Look through some bytes."""
        self.searched += len(data)
        told = (case.dialect, case.host, case.stream, case.name) if case is not None else ()
        for one, form in self._search.find(data):
            self.leaks.add(Leak(one.canary.kind, one.position, place, form, *told))

    def captured(self, told: Captured, case: Case) -> None:
        """Look through what the host got."""
        for place, data in (("path", told.line), ("headers", told.head), ("body", told.body)):
            self.look(data, place, case)

    def store(self, folder: Path, wanted: settings.Store) -> None:
        """Look through all files of a store, packed and unpacked; traces as segments, and once more as Parquet."""
        self._files(folder)
        traces = folder / "traces"
        for path in segments.segments(traces):
            with segments.Segment(path) as segment:
                for record in segment.walk():
                    if isinstance(record, segments.Record):
                        self._trace(record.payload)
        seal.maintain(traces, wanted, time.time() + _LATER)
        for path in traces.glob("*.parquet"):
            self.look(path.read_bytes(), "Parquet")
            self.look(_unpacked(path), "Parquet")

    def _files(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "models" not in path.relative_to(folder).parts[:1]:
                self.look(path.read_bytes(), "store")
                self.look(path.name.encode(), "store")
                if path.suffix == ".db":
                    self.look("\n".join(_rows(path)).encode(), "store")

    def _trace(self, payload: bytes) -> None:
        told = msgspec.json.decode(payload, type=_Told)
        _, _, rest = told.route.partition("drill-")
        mood, _, host = rest.partition("-")
        self.look(payload, "traces", Case(told.dialect, host, told.streamed, mood))


class _Told(Struct):
    route: str = ""
    dialect: str = ""
    streamed: bool = False


def _rows(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        yield from database.iterdump()


def _unpacked(path: Path) -> bytes:
    with closing(parquet.connect()) as connection:
        rows = connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return "\n".join(str(value) for row in rows for value in row).encode()


def counted(leaks: Iterable[Leak], field: str) -> Counter[str]:
    """How many leaks have each value of a field."""
    return Counter(str(getattr(leak, field)) for leak in leaks)
