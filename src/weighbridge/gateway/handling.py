"""One exchange of one client, from the call to the last byte, whichever way it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from msgspec import Struct

from weighbridge.canon import Failure
from weighbridge.dialects.base import Dialect
from weighbridge.errors import OverloadedError, WeighbridgeError
from weighbridge.exchange import StreamedAnswer, WholeAnswer
from weighbridge.gateway import answers
from weighbridge.gateway.admit import Receive
from weighbridge.gateway.answers import Pairs, Send
from weighbridge.gateway.edge import LOST
from weighbridge.gateway.journal import Begun, Journal
from weighbridge.gateway.responses import Keeper
from weighbridge.gateway.streams import Form, Stream

Scope = MutableMapping[str, Any]
CUT = "The gateway stopped before the answer was complete."

log = logging.getLogger("weighbridge.gateway")


class Aside(Protocol):
    """An answer that is no exchange with an engine, in one piece."""

    @property
    def headers(self) -> Pairs:
        """What goes with it."""
        ...

    async def body(self) -> bytes:
        """The answer in the client's dialect."""
        ...

    async def close(self, *, reason: str = "") -> None:
        """Let go of what it holds; `reason`: why we broke it off."""
        ...


Ask = Callable[[], Awaitable[WholeAnswer | StreamedAnswer | Aside]]


class Client(Struct, frozen=True):
    """The other end: what it sent, how it is written to, and the headers that every answer to it carries.

    `heartbeat`: seconds after which a quiet stream gets a comment, 0 for never. `form`: of a stream that is no events.
    `keeper`: stores the answer.
    """

    scope: Scope
    receive: Receive
    send: Send
    dialect: Dialect
    told: Pairs
    heartbeat: float = 0.0
    form: Form | None = None
    keeper: Keeper | None = None


class Handling:
    """An exchange under way.

    Args:
        client: Who asks.
        begun: What the journal says of it.
        ask: Gives the answer.
        journal: Knows of the exchange from the beginning of `run` to its end.
    """

    def __init__(self, client: Client, begun: Begun, *, ask: Ask, journal: Journal) -> None:
        self._client = client
        self._begun = begun
        self._ask = ask
        self._journal = journal
        self._slot = -1
        self._cut = False
        self._task: asyncio.Task[Any] | None = None
        self._watch: _Watch | None = None
        self._streamed: StreamedAnswer | None = None
        self._known: Pairs = [
            (b"x-weighbridge-plan", b"%d" % begun.plan),
            (b"x-weighbridge-trace", begun.id.encode()),
        ]
        self._stream = Stream(client.send, client.told, early=self._known, form=client.form)

    async def run(self) -> None:
        """Answer. What fails is told to the client; a client that left is told nothing, and its engine is stopped."""
        self._slot = self._journal.begin(self._begun)
        self._task = asyncio.current_task()
        assert self._task is not None
        self._watch = watch = _Watch(self._client, self._task)
        if self._begun.streamed:
            self._stream.keep_alive(self._client.heartbeat)
        try:
            await self._exchange()
        except asyncio.CancelledError:
            if not (watch.left or self._cut):
                raise
            self._task.uncancel()
            if not watch.left:
                await self._fail(OverloadedError("The gateway is stopping.", fix="Send the request again."), CUT)
        except WeighbridgeError as error:
            await self._fail(error, str(error))
        except Exception:
            log.exception("a fault of our own in exchange %s", self._begun.id)
            await self._fail(WeighbridgeError("The gateway made a mistake; its log tells more."), "internal error")
        finally:
            watch.stop()
            self._stream.stop()
            self._journal.end(self._slot)

    def cut_off(self) -> None:
        """End it now, and tell the client so."""
        if self._task is not None and self._watch is not None and not self._watch.stopped:
            self._cut = True
            self._task.cancel(CUT)  # what is broken off hears the reason

    async def _exchange(self) -> None:
        answer = await self._ask()
        client = self._client
        try:
            if isinstance(answer, StreamedAnswer):
                self._streamed = answer
                client.told.extend(answers.told(answer))
                chunks = answer.chunks()
                await self._stream.relay(client.keeper.chunks(chunks) if client.keeper is not None else chunks)
            else:
                client.told.extend(answers.told(answer) if isinstance(answer, WholeAnswer) else answer.headers)
                body = await answer.body()
                if client.keeper is not None:
                    await client.keeper.whole(body)
                await answers.whole(client.send, 200, [answers.JSON, *client.told], body)
        finally:
            if self._watch is not None:
                self._watch.stop()  # closing must not be interrupted
            await answer.close(reason=CUT if self._cut else "")

    async def _fail(self, error: WeighbridgeError, message: str) -> None:
        client = self._client
        if self._stream.started:
            await self._stream.fail(self._failure(error.code, message))
            return
        client.told.extend(self._known)
        await answers.error(client.send, error, client.dialect, headers=client.told)

    def _failure(self, code: str, message: str) -> bytes:
        """What tells of a failure in the stream."""
        if self._streamed is not None:
            return self._streamed.tell(code, message)
        return self._client.dialect.writer(id="", model="", created=0, usage=False).write(Failure(code, message))


class _Watch:
    """Cancels a task when its client leaves: at once, whether the engine has begun to answer or not.

    Our own server tells; under any other a task of its own waits for ASGI's message.
    """

    def __init__(self, client: Client, task: asyncio.Task[Any]) -> None:
        self.left = False
        self.stopped = False
        self._task = task
        self._waiting: asyncio.Task[None] | None = None
        self._register = (client.scope.get("extensions") or {}).get(LOST)
        if self._register is not None:
            self._register(self._gone)
        else:
            self._waiting = asyncio.get_running_loop().create_task(self._wait(client.receive))

    def stop(self) -> None:
        """Nobody needs to know any more."""
        if self.stopped:
            return
        self.stopped = True
        if self._register is not None:
            self._register(None)
        if self._waiting is not None:
            self._waiting.cancel()

    def _gone(self) -> None:
        if not self.stopped:
            self.left = True
            self._task.cancel()

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone()
