"""What is wanted of whichever engine answers: how it is asked, and what is made of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Engine, Loss, Reply, Request
from weighbridge.dialects.base import Relay
from weighbridge.engines.client import Client
from weighbridge.engines.upstream import Upstream
from weighbridge.exchange.adapt import Fetching, Outgoing, adapt, back_of, refuse_losses
from weighbridge.exchange.answer import Rewriter, StreamedAnswer, WholeAnswer
from weighbridge.exchange.call import Call
from weighbridge.exchange.head import read_head
from weighbridge.exchange.keeping import Keeper, Keepsakes, pending
from weighbridge.exchange.keepsake import Keepsake
from weighbridge.exchange.tracer import Asking, Tracer
from weighbridge.routes import Choice

if TYPE_CHECKING:
    from weighbridge.mask.masker import Masked

MASKED = b"x-weighbridge-masked"
"""The header that counts what was masked, by kind."""


class Errand(Struct, frozen=True):
    """How an engine is asked (`write`) and how its answer is read (`answer`).

    `serves`: engines for which it is false are passed over.
    """

    write: Callable[[Engine, Choice, Tracer], Awaitable[Outgoing]]
    answer: Callable[[Asking, Tracer, Outgoing, Upstream], Awaitable[WholeAnswer | StreamedAnswer]]
    stream: bool = False
    target: str = ""
    serves: Callable[[Engine], bool] | None = None


class Errands:
    """Makes errands.

    Args:
        client: Knows where local engines listen.
        keepsakes: Where the thinking of earlier answers is kept, if anywhere.
        fetcher: Gets what requests tell by address, for routes that allow it.
    """

    def __init__(self, client: Client, keepsakes: Keepsakes | None, fetcher: Fetching | None) -> None:
        self._client = client
        self._keepsakes = keepsakes
        self._fetcher = fetcher

    def conversation(self, call: Call) -> Errand:
        """A request of a dialect, or of the canon alone."""

        async def written(engine: Engine, choice: Choice, tracer: Tracer) -> Outgoing:
            masked = await _masked(tracer, engine)
            outgoing = await adapt(
                _hidden(call, masked),
                engine,
                await self._client.endpoint(engine),
                keepsakes=self._keepsakes,
                fetcher=self._fetcher if choice.fetch else None,
            )
            if choice.strict:
                refuse_losses(outgoing.losses, engine)
            if masked is None:
                return outgoing
            verbatim = outgoing.verbatim and not masked.back.active
            return replace(outgoing, masked=masked, verbatim=verbatim, losses=(*outgoing.losses, *_unseen(masked)))

        async def answered(
            asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream
        ) -> WholeAnswer | StreamedAnswer:
            asked = outgoing.masked.request if outgoing.masked is not None else call.request
            keeper = Keeper(asked, asking.engine, outgoing.back.name, self._keepsakes, caller=call.caller)
            tell = _streamed if call.request.stream else _whole
            return await tell(call, asking, tracer, outgoing, upstream, keeper)

        return Errand(written, answered, stream=call.request.stream)

    def pending(self, call: Call) -> Keepsake | None:
        """What the engine that began it kept of the turn that a call goes on with; see `keeping.pending`."""
        return pending(call.request, self._keepsakes, caller=call.caller) if self._keepsakes is not None else None

    def plain(
        self,
        call: Call,
        *,
        target: str,
        write: Callable[[Request, Engine], bytes],
        read: Callable[[bytes], Reply],
        serves: Callable[[Engine], bool],
    ) -> Errand:
        """What is no conversation; see `Road.forward`."""

        async def written(engine: Engine, _: Choice, tracer: Tracer) -> Outgoing:
            masked = await _masked(tracer, engine)
            request = masked.request if masked is not None else call.request
            back = back_of(engine, call.dialect)
            headers = request.headers if back.name == call.dialect else {}
            return Outgoing(back, write(request, engine), headers=headers, masked=masked)

        async def answered(asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream) -> WholeAnswer:
            body = await upstream.read()
            reply = read(body)
            asking.read(reply)
            _win(asking, tracer, outgoing)
            return await _complete(asking.engine, tracer, upstream, reply, reply, body)

        return Errand(written, answered, target=target, serves=serves)


async def _whole(
    call: Call, asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream, keeper: Keeper
) -> WholeAnswer:
    body = await upstream.read()
    reply = outgoing.back.read_reply(body)
    asking.read(reply)
    if outgoing.wrapped is not None:
        reply = outgoing.wrapped.reply(reply)
    lost: tuple[Loss, ...] = ()
    told = outgoing.masked.reply(reply) if outgoing.masked is not None else reply
    if not outgoing.verbatim and call.dialect:
        named = replace(told, id=_name(call, outgoing, tracer) or told.id)
        body, lost = dialects.get(call.dialect).write_reply(named, call.request)
    _win(asking, tracer, outgoing)
    tracer.token()
    tracer.losses = outgoing.losses
    tracer.lose(lost)
    await keeper.keep(reply)
    return await _complete(asking.engine, tracer, upstream, reply, told, body)


async def _streamed(
    call: Call, asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream, keeper: Keeper
) -> StreamedAnswer:
    front = dialects.get(call.dialect) if call.dialect else None
    relay: Relay
    if outgoing.verbatim:
        relay = outgoing.back.relay(usage=call.request.stream_usage)
    else:
        restore = outgoing.wrapped.events() if outgoing.wrapped else None
        name = _name(call, outgoing, tracer)
        unmask = outgoing.masked.events() if outgoing.masked is not None and front is not None else None
        relay = Rewriter(outgoing.back.reader(), front, asked=call.request, restore=restore, unmask=unmask, name=name)
    source = upstream.chunks()
    head = await read_head(source, relay)
    _win(asking, tracer, outgoing)
    tracer.token()
    tracer.losses = outgoing.losses
    return StreamedAnswer(
        tracer,
        asking.engine,
        upstream=upstream,
        source=source,
        relay=relay,
        head=head,
        front=front,
        keeper=keeper,
        masked=outgoing.masked,
    )


async def _masked(tracer: Tracer, engine: Engine) -> Masked | None:
    return await tracer.veil.over(engine) if tracer.veil is not None else None


def _hidden(call: Call, masked: Masked | None) -> Call:
    """The call as an engine may see it. What its client sent may pass untouched only if nothing in it was replaced."""
    if masked is None or masked.request is call.request:
        return call
    return replace(call, request=masked.request, body=None)


def _unseen(masked: Masked) -> Iterator[Loss]:
    for what, count in masked.reported.items():
        yield Loss(f"mask.{what}", f"{count} passed without being looked through", "low")


def _win(asking: Asking, tracer: Tracer, outgoing: Outgoing) -> None:
    """This engine answers. Of two that are asked at once, only the first may; the other one's task ends here."""
    if not tracer.win(asking.engine):
        raise asyncio.CancelledError
    if outgoing.masked is not None:
        counts = ", ".join(f"{kind}={count}" for kind, count in sorted(outgoing.masked.counts.items()))
        tracer.told.append((MASKED, counts.encode() or b"0"))


async def _complete(
    engine: Engine, tracer: Tracer, upstream: Upstream, reply: Reply, told: Reply, body: bytes
) -> WholeAnswer:
    """`reply` is what the engine said, `told` what its caller is told."""
    await upstream.close()
    tracer.end(reply=reply)
    return WholeAnswer(tracer, engine, reply=told, body=body)


def _name(call: Call, outgoing: Outgoing, tracer: Tracer) -> str:
    """The id of an answer that crosses dialects: the trace's. Some hosts draw theirs from a thousand, or give none."""
    return "" if outgoing.back.name == call.dialect else tracer.id
