"""A host of any dialect whose engine plays a script: it reads what it is sent and answers as a function says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

from weighbridge import dialects
from weighbridge.canon import Choice, FinishReason, Part, Reply, Request, TextPart, ToolCallPart, Usage, encode
from weighbridge.dialects.fold import unfold
from weighbridge.errors import InputError

Play = Callable[[Request], tuple[Part, ...]]


class Player:
    """Listens on loopback until it is closed, and keeps every request that it was sent.

    `asked` holds the requests as the canon has them, `bodies` and `headers` as they came.
    """

    def __init__(self, dialect: str, play: Play) -> None:
        self.dialect = dialects.get(dialect)
        self.play = play
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        model, stream = _from_path(path)
        try:
            request = self.dialect.read_request(body, model=model, stream=stream)
        except InputError as error:
            return error.http_status, "application/json", self.dialect.write_error(error)[1]
        self.asked.append(request)
        parts = self.play(request)
        finish: FinishReason = "tool_calls" if any(isinstance(p, ToolCallPart) for p in parts) else "stop"
        usage = Usage(input=len(body) // 4, output=7)
        reply = Reply((Choice(parts, finish),), usage, f"reply_{len(self.asked)}", request.model, 1_700_000_000)
        if not request.stream:
            return 200, "application/json", self.dialect.write_reply(reply, request)[0]
        writer = self.dialect.writer(
            id=reply.id, model=reply.model, created=reply.created, usage=request.stream_usage, asked=request
        )
        pieces = [writer.write(event) for event in unfold(reply, words=True)]
        return 200, "text/event-stream", b"".join(pieces) + writer.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        player = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                player.bodies.append(body)
                player.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, kind, data = player.answer(self.path, body)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


def _from_path(path: str) -> tuple[str, bool]:
    """The model and the wish for a stream, where the path says them."""
    last = urlsplit(path).path.rpartition("/")[2]
    model, colon, action = last.partition(":")
    return (unquote(model), action.startswith("stream")) if colon else ("", False)


def run_a_command(command: str) -> Play:
    """First ask for a shell command to be run, with whatever tool the client has for it; then say what it printed."""

    def play(request: Request) -> tuple[Part, ...]:
        results = [p for m in request.messages for p in m.parts if type(p).__name__ == "ToolResultPart"]
        if results:
            return (TextPart("All done."),)
        for tool in request.tools:
            fields = (tool.schema or {}).get("properties") or {}
            name = next((n for n in ("command", "cmd") if n in fields), None)
            if name and fields[name].get("type") == "string" and not tool.opaque:
                arguments: dict[str, object] = {name: command}
                for field in (tool.schema or {}).get("required") or ():
                    arguments.setdefault(field, _anything(fields[field]))
                return TextPart("I run it."), ToolCallPart("call_0001", tool.name, encode(arguments).decode())
        return (TextPart("There is no shell here."),)

    return play


def _anything(schema: dict[str, object]) -> object:
    return {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}.get(str(schema.get("type")), "x")
