"""`weighbridge admin`: the admin API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli import common

app = typer.Typer(help="Serve the admin API, or print the document that describes it.", no_args_is_help=True)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, common.option("admin.host")] = None,
    port: Annotated[int | None, common.option("admin.port", "--port", "-p")] = None,
    as_json: common.Json = False,
) -> None:
    """Serve the admin API beside the gateways: keys, limits, budgets, routes, spend, audit.

    It acts on the state store alone; gateways that share the store follow. Callers show a key with a role
    ('weighbridge keys create NAME --role admin'), or the one in WEIGHBRIDGE_ADMIN_KEY.

    Example: weighbridge admin serve --port 8791
    """
    import asyncio
    import logging
    import os

    from weighbridge.gateway import listen
    from weighbridge.web import server

    def load() -> server.Config:
        return common.load_config(ctx, admin__host=host, admin__port=port)

    config = load()
    logging.basicConfig(format="weighbridge: %(levelname)s: %(message)s", level=logging.WARNING)
    sock = listen.listen(config.settings.admin.host, config.settings.admin.port)
    url = listen.url(config.settings.admin.host, sock.getsockname()[1])

    def announce() -> None:
        if as_json:
            _tell_program(url)
        else:
            _tell_person(url, config.settings.admin.key_env)

    asyncio.run(server.serve(load, sock, environ=os.environ, announce=announce))


@app.command()
def openapi(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", metavar="FILE")
    ] = None,
) -> None:
    """Print the OpenAPI document of the admin API.

    Example: weighbridge admin openapi --output admin.json
    """
    import msgspec

    from weighbridge.web.openapi import document
    from weighbridge.web.table import OPERATIONS

    made = document(OPERATIONS)
    if output is None:
        common.print_json(made)
    else:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")


def _tell_program(url: str) -> None:
    import os

    import msgspec

    print(msgspec.json.encode({"url": url, "pid": os.getpid()}).decode(), flush=True)  # noqa: T201 - the place that prints


def _tell_person(url: str, key_env: str) -> None:
    lines = [
        f"The admin API is on {url}; Ctrl-C stops it.",
        "Try it:",
        f'  curl {url}/routes -H "Authorization: Bearer ${key_env}"',
        f"What it can do: {url}/openapi.json",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - as above
