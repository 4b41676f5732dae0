"""What an engine must not see of a request: how much of it is masked for whom, and each engine's copy.

Masking is long where names are looked for: it runs beside the event loop, in few threads, and no longer than it may.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weighbridge.canon import Engine, Level, Masking, Plan, Request, strictest
from weighbridge.errors import MaskError, WeighbridgeError
from weighbridge.exchange.call import Call
from weighbridge.exchange.maskings import masking_for
from weighbridge.routes import Choice
from weighbridge.settings import Mask

if TYPE_CHECKING:
    from weighbridge.mask.masker import Masked, Masker

_KNOWN = 1_000  #: choices of which it is remembered what they ask for
_SHORT = 4_000  #: characters that patterns are done with sooner than a thread begins
_LARGE = 64_000  #: bytes of a body from which on even taking down its texts is left to a thread


class Veils:
    """Makes veils. For one event loop.

    Args:
        settings: The section `[mask]`.
        masker: Gives what masks; asked when it is needed first. It may take seconds, to load a model.
        observe: Told how many seconds each request took.
    """

    def __init__(
        self, settings: Mask, masker: Callable[[], Masker], observe: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        self._settings = settings
        self._make = masker
        self._masker: Masker | None = None
        self._loading = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._known: dict[int, tuple[Choice, dict[str, Masking], bool]] = {}
        self.observe = observe

    def over(self, call: Call, choice: Choice) -> Veil | None:
        """What hides this call from engines; None where none of the choice's engines must be kept from anything."""
        asked, wanted = self._of(choice)
        if call.mask is not None:
            asked = {name: _both(call.mask, one) for name, one in asked.items()}
            wanted = wanted or call.mask.level != "none"
        return Veil(self, call, asked) if wanted else None

    def load(self) -> None:
        """Make ready what masks, before the first request needs it.

        Raises:
            SettingsError: It cannot be made as the settings want it.
        """
        with self._loading:
            if self._masker is None:
                masker = self._make()
                masker.finder.prepare()
                self._masker = masker

    def wanted(self, plan: Plan) -> bool:
        """May a request of this plan have to be masked?"""
        routes = plan.routes.values()
        masks = any(route.mask is not None and route.mask.level != "none" for route in routes)
        return masks or self._settings.level != "none" or bool(self._settings.force)

    async def masked(self, call: Call, masking: Masking) -> Masked:
        """A call's request as this masking leaves it.

        Raises:
            MaskError: A detector failed, or time is over.
            InputError: It holds what must not pass, or more than may be looked through.
        """
        began = time.monotonic()
        until = began + self._settings.seconds
        if call.deadline is not None:
            until = min(until, call.deadline)
        work = partial(self._work, call, masking, until)
        try:
            if self._is_short(call, masking):
                return work()
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="mask")
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
            return await asyncio.wait_for(running, max(0.0, until - time.monotonic()))
        except TimeoutError:
            raise MaskError(
                f"Looking through the request took longer than {self._settings.seconds:g} seconds; nothing was passed on.",
                fix="Raise mask.seconds or mask.threads, or send less at once.",
            ) from None
        except WeighbridgeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may pass
            # What it says may be what was to be hidden: its kind is all that is told.
            raise MaskError(
                f"Masking failed ({type(error).__name__}); nothing was passed on.", fix="Please report it."
            ) from None
        finally:
            self.observe(time.monotonic() - began)

    def close(self) -> None:
        """Begin nothing more."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _work(self, call: Call, masking: Masking, until: float) -> Masked:
        self.load()
        assert self._masker is not None
        return self._masker.mask(
            call.request,
            masking,
            tenant=call.caller,
            conversation=call.conversation or call.trace_id,
            until=until,
        )

    def _is_short(self, call: Call, masking: Masking) -> bool:
        """Is it done sooner than a thread would begin?"""
        if self._masker is None or len(call.body or b"") > _LARGE:
            return False
        work = self._masker.work(call.request, masking)
        return work == 0 or (work <= _SHORT and not self._masker.finder.finds_names)

    def _of(self, choice: Choice) -> tuple[dict[str, Masking], bool]:
        """What is masked for each engine of a choice, and is it anything for any?"""
        known = self._known.get(id(choice))
        if known is not None and known[0] is choice:
            return known[1:]
        asked = {engine.name: masking_for(engine, choice, self._settings) for engine in choice.engines}
        if len(self._known) >= _KNOWN:
            self._known.clear()
        wanted = any(one.level != "none" for one in asked.values())
        self._known[id(choice)] = (choice, asked, wanted)
        return asked, wanted


class Veil:
    """One exchange's veil.

    Args:
        veils: What masks.
        call: What is hidden.
        asked: How much of it, by engine.
    """

    def __init__(self, veils: Veils, call: Call, asked: dict[str, Masking]) -> None:
        self._veils = veils
        self._call = call
        self._asked = asked
        self._lock = asyncio.Lock()
        self._made: dict[Level, Masked] = {}
        self._seen: dict[str, Masked | None] = {}

    async def over(self, engine: Engine) -> Masked | None:
        """The request as this engine may see it; None: as it is.

        Raises:
            MaskError: Masking failed.
            InputError: It holds what this engine must not get.
        """
        masking = self._asked.get(engine.name) or Masking(level="strict")
        made: Masked | None = None
        if masking.level != "none":
            async with self._lock:
                made = self._made.get(masking.level)
                if made is None:
                    made = self._made[masking.level] = await self._veils.masked(self._call, masking)
        self._seen[engine.name] = made
        return made

    def seen(self, engine: str) -> tuple[Request | None, Masked | None]:
        """What an engine was to see, and what that was made of; None, where nothing was made for it."""
        if engine not in self._seen:
            return None, None
        made = self._seen[engine]
        if made is None or made.masking.traces == "original":
            return self._call.request, made
        return made.request, made

    def tell(self, text: str) -> str:
        """A message to the caller, with its own values."""
        for made in self._made.values():
            text = made.text(text)
        return text


def _both(mine: Masking, other: Masking) -> Masking:
    return replace(mine, level=strictest(mine.level, other.level), kinds=other.kinds | mine.kinds)
