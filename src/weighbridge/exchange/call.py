"""What enters the road: one request, and what is known of where it came from."""

from __future__ import annotations

from msgspec import Struct

from weighbridge.canon import DataClass, Key, Masking, Request


class Call(Struct, frozen=True):
    """One request on its way to an engine.

    `route` is the name to look up: a route or an engine; the request's own `model` if empty. `body` is what the
    client sent, in `dialect`: it may pass to an engine of the same dialect untouched. `deadline` is on the
    monotonic clock, in seconds; the route's timeout applies as well, the earlier wins. `caller` tells callers apart
    and says nothing else, such as a hash of a key: what is kept of one's conversations is never given to another. `key`: what was
    shown, if keys are in use. `data_class`: what the caller says that the request holds, besides what its route and key say.
    `mask`: what engines must not see of it, besides what their route and host ask for. `swap` and `pair`: of a shadow, the
    move that it belongs to and the exchange that it repeats.
    """

    request: Request
    route: str = ""
    dialect: str = ""
    body: bytes | None = None
    source: str = "gateway"
    conversation: str = ""
    trace_id: str = ""
    deadline: float | None = None
    caller: str = ""
    key: Key | None = None
    data_class: DataClass = ""
    mask: Masking | None = None
    swap: str = ""
    pair: str = ""
