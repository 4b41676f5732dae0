"""The keys of hosts: where they stand, which one is used now, and which ones a host told to wait.

A host may have several, in the environment (`env:NAME`), in files (`file:PATH`) and in the state store (`store:NAME`). They
are used in turn. One that its host refuses for a reason of its own (a limit, no credit, not known) rests, and the next
one is tried at once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from weighbridge.canon import Engine, Host
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import EngineError, NoCreditError, NoKeyError, RateLimitedError, WrongKeyError

PLACE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+|store:[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""How the place of a key is written."""

MOST_KEYS = 64  #: of one host
MOST_BYTES = 64 * 1024  #: of a file with a key
LOOK_AGAIN = 1.0  #: seconds between two looks at a file or a secret
FIRST_REST = 1.0  #: seconds that a key rests whose host told no time; doubles with each refusal in a row
LONGEST_REST = 60.0  #: ... up to here
REFUSED_REST = 300.0  #: seconds that a key rests which its host does not know, or which has no credit
MOST_ASKED = 86_400.0  #: of what a host may ask for, in seconds

_STORE = "store:"
_GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"
_RESTS = (RateLimitedError, NoCreditError, WrongKeyError)


class Stored(Protocol):
    """Knows the secrets of the state store."""

    def __call__(self, name: str, /) -> str | None:
        """The secret of a name, if there is one."""
        ...


class Environ(Mapping[str, str]):
    """The environment, and beside it the secrets of the state store as `store:NAME`.

    Args:
        environ: The environment.
        stored: Knows the secrets.
    """

    def __init__(self, environ: Mapping[str, str], stored: Stored) -> None:
        self._environ = environ
        self._stored = stored

    def __getitem__(self, name: str) -> str:
        """A variable, or a secret."""
        if not name.startswith(_STORE):
            return self._environ[name]
        found = self._stored(name.removeprefix(_STORE))
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        """The names of the variables; secrets are not listed."""
        return iter(self._environ)

    def __len__(self) -> int:
        """How many variables there are."""
        return len(self._environ)


class HostKey(Struct, frozen=True):
    """A key and where it stands. Only the place may be told."""

    place: str
    value: str

    def __repr__(self) -> str:
        """Without the key: what is printed or logged by mistake must not give it away."""
        return f"HostKey({self.place!r})"


def places(host: Host) -> tuple[str, ...]:
    """Where a host's keys stand; () where it is shown none, or where nobody says."""
    if host.auth == "none":
        return ()
    first = host.key_env or (_GOOGLE if host.auth == "google" and not host.keys else "")
    return tuple(dict.fromkeys((*((f"env:{first}",) if first else ()), *host.keys)))


def read(place: str, environ: Mapping[str, str]) -> str:
    """The key at a place; "" where there is none, or where it cannot be read."""
    kind, _, name = place.partition(":")
    if kind == "file":
        try:
            with Path(name).open("rb") as file:
                return file.read(MOST_BYTES).decode().strip()
        except (OSError, ValueError):
            return ""
    return environ.get(place if kind == "store" else name, "").strip()


def has_key(engine: Engine, environ: Mapping[str, str]) -> bool:
    """Is a key set that the engine's host asks for? True where it asks for none, or where nobody says where it is."""
    host = engine.host
    if not (host.key_env or host.keys):
        return True
    known = places(host)
    return not known or any(read(place, environ) for place in known)


def how_to_set(host: Host) -> str:
    """What to do where a host's key is missing."""
    ways = []
    for place in places(host):
        kind, _, name = place.partition(":")
        if kind == "env":
            ways.append(f"set {name} in the environment")
        elif kind == "file":
            ways.append(f"write it to {name}")
        else:
            ways.append(f"run: weighbridge secrets set {name}")
    text = ", or ".join(ways)
    return f"{text[:1].upper()}{text[1:]}." if text else "Say where its key stands: key_env or keys."


def no_key(engine: Engine) -> NoKeyError:
    """The error where none of a host's keys is set."""
    host = engine.host
    return NoKeyError(f"No key for {host.title or host.name}.", where=engine.name, fix=how_to_set(host))


class _Rest(Struct):
    until: float  #: on the monotonic clock
    refusals: int
    error: type[EngineError]


class Keys:
    """Gives out keys in turn. One per client.

    Args:
        environ: Where keys stand; see `Environ` for those of the state store.
        clock: Time.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock = SYSTEM) -> None:
        self._environ = environ
        self._clock = clock
        self._found: dict[str, tuple[float, str]] = {}
        self._turns: dict[str, int] = {}
        self._resting: dict[tuple[str, str], _Rest] = {}

    async def take(self, engine: Engine) -> HostKey | None:
        """The key to show now, or None where the host is shown none.

        Raises:
            NoKeyError: None is set, or it holds characters that cannot be sent.
            RateLimitedError: All of several keys rest; with the seconds until the first one may be used again.
            WrongKeyError: All of several keys were refused, and none for a limit.
            NoCreditError: The same, the last one for want of credit.
        """
        host = engine.host
        known = places(host)
        if not known:
            return None
        keys = [HostKey(place, value) for place in known if (value := await self._read(place))]
        if not keys:
            raise no_key(engine)
        key = keys[0] if len(keys) == 1 else self._next(engine, keys)
        if host.auth != "google" and not key.value.isprintable():
            raise NoKeyError(
                "The key holds a character that cannot be sent.",
                where=key.place,
                fix="Write the key alone, on one line.",
            )
        return key

    def refused(self, engine: Engine, key: HostKey, error: EngineError) -> bool:
        """A host refused a request. Was it for the key, one of several? Then it rests for as long as the host asked."""
        host = engine.host
        if not isinstance(error, _RESTS) or len(places(host)) == 1:
            return False
        name = (host.name, key.value)
        before = self._resting.get(name)
        refusals = before.refusals + 1 if before is not None else 1
        now = self._clock.monotonic()
        if before is not None and before.until > now:
            refusals = before.refusals  # told to several calls that were under way at once: one refusal
        until = now + _seconds(error, refusals)
        self._resting[name] = _Rest(max(until, before.until) if before is not None else until, refusals, type(error))
        return True

    def served(self, engine: Engine, key: HostKey) -> None:
        """A host took a key: what it refused before is over."""
        if self._resting:
            self._resting.pop((engine.host.name, key.value), None)

    async def wait(self, engine: Engine) -> float:
        """Seconds until a key of the host may be used: 0.0 where one may be used now."""
        values = [value for place in places(engine.host) if (value := await self._read(place))]
        now = self._clock.monotonic()
        rests = [self._resting.get((engine.host.name, value)) for value in values]
        return min((max(rest.until - now, 0.0) if rest is not None else 0.0 for rest in rests), default=0.0)

    def _next(self, engine: Engine, keys: list[HostKey]) -> HostKey:
        host, now = engine.host.name, self._clock.monotonic()
        self._forget(host, {key.value for key in keys})
        turn = self._turns.get(host, 0)
        for step in range(len(keys)):
            key = keys[(turn + step) % len(keys)]
            rest = self._resting.get((host, key.value))
            if rest is None or rest.until <= now:
                self._turns[host] = (turn + step + 1) % len(keys)
                return key
        raise self._all_rest(engine, keys, now)

    def _all_rest(self, engine: Engine, keys: list[HostKey], now: float) -> EngineError:
        rests = [self._resting[engine.host.name, key.value] for key in keys]
        first = min(rests, key=lambda rest: rest.until)
        wait = max(first.until - now, 0.0)
        kind = RateLimitedError if any(rest.error is RateLimitedError for rest in rests) else first.error
        told = "told to wait" if kind is RateLimitedError else "refused"
        return kind(
            f"All {len(keys)} keys of {engine.host.title or engine.host.name} were {told}; "
            f"the first one is tried again in {wait:.1f} s.",
            where=engine.name,
            fix="Wait, or add a key: keys of the host's entry.",
            retry_after=wait,
        )

    def _forget(self, host: str, values: set[str]) -> None:
        """Keys that were replaced need no memory."""
        for name in [name for name in self._resting if name[0] == host and name[1] not in values]:
            del self._resting[name]

    async def _read(self, place: str) -> str:
        if place.startswith("env:"):
            return read(place, self._environ)
        now = self._clock.monotonic()
        known = self._found.get(place)
        if known is not None:
            if now - known[0] < LOOK_AGAIN:
                return known[1]
            self._found[place] = (now, known[1])  # whoever asks meanwhile gets the key that was there
        value = await asyncio.to_thread(read, place, self._environ)
        self._found[place] = (now, value)
        return value


def _seconds(error: EngineError, refusals: int) -> float:
    if error.retry_after is not None and error.retry_after > 0:
        return min(error.retry_after, MOST_ASKED)
    if isinstance(error, RateLimitedError):
        return min(FIRST_REST * 2.0 ** min(refusals - 1, 16), LONGEST_REST)
    return REFUSED_REST
