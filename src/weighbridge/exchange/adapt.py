"""From the request as it came to the bytes that one engine takes, and what the way back needs to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Engine, Loss, Request
from weighbridge.dialects.base import Dialect
from weighbridge.engines import grammar
from weighbridge.engines.endpoints import Endpoint
from weighbridge.errors import InputError, LossError
from weighbridge.exchange.call import Call
from weighbridge.exchange.keeping import Keepsakes, matters, recall

if TYPE_CHECKING:
    from weighbridge.mask.masker import Masked

_BY_ADDRESS = frozenset({"image_url", "file_url"})
_LISTED = 20  #: losses that an error lists


class Fetching(Protocol):
    """Puts data in the place of addresses: `engines.fetch.Fetcher`."""

    async def inline(self, request: Request, kinds: Iterable[str]) -> tuple[Request, tuple[Loss, ...]]:
        """The request with what its addresses stand for, and a Loss for each that cannot be had."""
        ...


class Outgoing(Struct, frozen=True):
    """One engine's version of a request.

    `headers` go along with it. `verbatim`: the answer's bytes may go to the client as they are. `wrapped`: tools went
    through a grammar and come back as JSON text. `masked`: what was put in the place of the caller's values.
    """

    back: Dialect
    body: bytes
    losses: tuple[Loss, ...] = ()
    headers: Mapping[str, str] = {}
    verbatim: bool = False
    wrapped: grammar.Wrapped | None = None
    masked: Masked | None = None


def back_of(engine: Engine, front: str) -> Dialect:
    """The dialect in which an engine is asked: the client's own, if its host speaks it."""
    return dialects.get(front if front in engine.host.speaks else engine.host.dialect)


async def adapt(
    call: Call,
    engine: Engine,
    endpoint: Endpoint | None,
    *,
    keepsakes: Keepsakes | None = None,
    fetcher: Fetching | None = None,
) -> Outgoing:
    """Write the request in the engine's dialect, as its profile demands.

    The fast lane: when the client speaks the engine's dialect and nothing has to change, its bytes pass
    untouched but for the model's name.

    Args:
        call: What is asked.
        engine: Whom it goes to.
        endpoint: Where it listens, if it is a local one.
        keepsakes: What earlier answers held; None where nothing is kept.
        fetcher: Gets what the request tells by address, if the engine takes no address and the route allows it.

    Raises:
        InputError: This engine cannot be asked this.
    """
    back = back_of(engine, call.dialect)
    same = call.dialect == back.name
    if call.request.continues and not same:
        raise _unknown_beginning(engine, back)
    profile = engine.profile_in(back.name)
    if endpoint is not None:
        profile = endpoint.fit(profile, back.name)
    request, losses = call.request, () if same else _lost_headers(call)
    if keepsakes is not None and (not same or matters(request, profile)):
        request, _ = recall(request, engine, back.name, keepsakes, caller=call.caller)
    if fetcher is not None and (kinds := _BY_ADDRESS.intersection(profile.rejects)):
        request, lost = await fetcher.inline(request, kinds)
        losses += lost
    wrapped = grammar.wrap(request, profile)
    headers = call.request.headers if same else {}
    untouched = same and wrapped is None and request is call.request
    if untouched and call.body is not None and not back.needs_rewrite(request, profile):
        body = back.splice_model(call.body, engine.upstream)
        return Outgoing(back=back, body=body, losses=losses, headers=headers, verbatim=not profile.retell)
    if wrapped is not None:
        request, losses = wrapped.request, losses + wrapped.losses
    body, lost = back.write_request(replace(request, model=engine.upstream), profile)
    return Outgoing(
        back=back,
        body=body,
        losses=losses + lost,
        headers=headers,
        verbatim=same and call.body is not None and not profile.retell and (wrapped is None or not wrapped.bound),
        wrapped=wrapped,
    )


def refuse_losses(losses: Iterable[Loss], engine: Engine) -> None:
    """Refuse what would lose something that was asked for.

    Raises:
        LossError: It lists what would be lost.
    """
    high = [f"{loss.field} ({loss.reason})" for loss in losses if loss.severity == "high"]
    if high:
        more = f"; and {len(high) - _LISTED} more" if len(high) > _LISTED else ""
        raise LossError(
            f"On {engine.name} this request would lose: {'; '.join(high[:_LISTED])}{more}.",
            where=high[0].partition(" (")[0],
            fix="Leave that out, ask another engine, or set strict = false on the route.",
        )


def _unknown_beginning(engine: Engine, back: Dialect) -> InputError:
    return InputError(
        f"It goes on from an answer that is not stored here, and {engine.name}, which speaks {back.name}, cannot know "
        "what was said in it.",
        where="previous_response_id",
        fix="Send the whole conversation, or use an id of an answer that was stored here and has not expired.",
    )


def _lost_headers(call: Call) -> tuple[Loss, ...]:
    """The client's headers that mean nothing in another dialect. Of its version, all that counts was read."""
    if not call.request.headers:
        return ()
    usual = dialects.get(call.dialect).headers if call.dialect else {}
    return tuple(
        Loss(f"headers.{name}", f"a header of {call.dialect}, which this engine is not asked in", "low")
        for name in call.request.headers
        if not usual.get(name)
    )
