"""The admin API as a Starlette application: checks, reads, runs the operation in a thread, and tells how it went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from weighbridge.canon import ROLES, AdminRole
from weighbridge.errors import AccessError, ForbiddenError, InputError, NotFoundError, TooLargeError, WeighbridgeError
from weighbridge.gateway.admit import Admit, shown_keys
from weighbridge.web.openapi import document, shown_path
from weighbridge.web.operations import Asked, Desk, Operation, Refusal, Told

MAX_BODY = 1_000_000
BODY_SECONDS = 15.0
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Open = Callable[[list[bytes], float], tuple[str, AdminRole]]
"""From the keys that were shown, and the time, to who that is and in which role. Raises AccessError."""

log = logging.getLogger("weighbridge.web")


def application(desk: Desk, operations: Iterable[Operation], *, admit: Admit, opened: Open) -> Starlette:
    """The application.

    Args:
        desk: What the operations work with.
        operations: The table.
        admit: Checks the Host and the Origin.
        opened: Tells who shows a key.
    """
    rows = tuple(operations)
    written = msgspec.json.encode(document(rows))
    door = _Door(desk, admit, opened)

    async def openapi(request: Request) -> Response:
        door.place(request)
        return _answer(200, written)

    by_path: dict[str, list[Operation]] = {}
    for row in rows:
        by_path.setdefault(row.path, []).append(row)
    routes = [
        Route(path, _endpoint(door, {row.method: row for row in at}), methods=[row.method for row in at])
        for path, at in by_path.items()
    ]
    paths = sorted({shown_path(row) for row in rows})
    return Starlette(
        routes=[Route("/openapi.json", _told(openapi), methods=["GET"]), *routes],
        exception_handlers={HTTPException: _http_error(paths)},
    )


class _Door:
    """Who comes in, and what they bring."""

    def __init__(self, desk: Desk, admit: Admit, opened: Open) -> None:
        self.desk = desk
        self._admit = admit
        self._opened = opened

    def place(self, request: Request) -> None:
        """Check where the request was meant to go, and which page sent it."""
        headers = dict(request.scope["headers"])
        self._admit.unambiguous(request.scope, headers)
        self._admit.place(headers)

    async def asked(self, request: Request, row: Operation) -> Asked:
        """The request, checked and read."""
        self.place(request)
        who = ""
        role: AdminRole = ""
        if row.role:
            # Never in the address: addresses end up in logs.
            shown = shown_keys(dict(request.scope["headers"]))
            who, role = await run_in_threadpool(self._opened, shown, self.desk.now())
            if ROLES.index(role) < ROLES.index(row.role):
                raise ForbiddenError(
                    f"The role {role} may not do this.",
                    where="authorization",
                    fix=f"Use a key with the role {row.role}.",
                )
        query = _converted(dict(request.query_params), row.query, "query") if row.query is not None else None
        body = _decoded(await _body(request) or b"{}", row.takes) if row.takes is not None else None
        path = {name: _plain(name, value) for name, value in request.path_params.items()}
        return Asked(self.desk, who, role, path, query, body)


def _endpoint(door: _Door, rows: dict[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        row = rows["GET" if request.method == "HEAD" else request.method]
        asked = await door.asked(request, row)
        made = await run_in_threadpool(row.run, asked)
        return _answer(row.status, msgspec.json.encode(made))

    return _told(endpoint)


def _told(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The same, with errors told as answers."""

    async def careful(request: Request) -> Response:
        try:
            return await endpoint(request)
        except WeighbridgeError as error:
            return _refused(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            log.exception("a fault of our own in %s %s", request.method, request.url.path)
            return _refused(WeighbridgeError("The admin API made a mistake; its log tells more."))

    return careful


async def _body(request: Request) -> bytes:
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                found += chunk
                if len(found) > MAX_BODY:
                    raise TooLargeError(f"The body is larger than {MAX_BODY:,} bytes.", where="body", fix="Send less.")
    except TimeoutError:
        raise InputError(
            f"The body did not arrive within {BODY_SECONDS:g} seconds.", where="body", fix="Send it faster."
        ) from None
    return bytes(found)


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{error}.", where="body", fix="See GET /openapi.json for what is taken.") from None


def _converted(values: dict[str, str], kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{error}.", where=where, fix="See GET /openapi.json for what is taken.") from None


def _plain(name: str, value: str) -> str:
    if len(value) > 255 or not value.isprintable():  # noqa: PLR2004 - as the document says
        raise NotFoundError("Nothing has such a name.", where=name, fix="Use a name that was listed.")
    return value


def _answer(status: int, body: bytes) -> Response:
    return Response(body, status, {**_HEADERS, "content-type": "application/json"})


def _refused(error: WeighbridgeError) -> Response:
    told = Refusal(Told(error.code, error.what, error.where, error.fix))
    answer = _answer(error.http_status, msgspec.json.encode(told))
    if type(error) is AccessError:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def _http_error(paths: list[str]) -> Callable[[Request, Exception], Response]:
    def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = Told("not_found", f"There is no {request.url.path[:100]} here.", fix=f"There are: {', '.join(paths)}.")
        if error.status_code == 405:  # noqa: PLR2004 - the path is right, the method is not
            told = Told("bad_input", f"{request.method[:20]} cannot be used here.", "method", "See GET /openapi.json.")
        answer = _answer(error.status_code, msgspec.json.encode(Refusal(told)))
        answer.headers.update(error.headers or {})
        return answer

    return handler
