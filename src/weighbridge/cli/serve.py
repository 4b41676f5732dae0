"""`weighbridge serve`: the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common

if TYPE_CHECKING:
    from weighbridge.engines.local import LocalEngines
    from weighbridge.engines.transport import Transport
    from weighbridge.gateway.guarding import Guard
    from weighbridge.gateway.locals import Runs
    from weighbridge.gateway.parent import Serving
    from weighbridge.settings import Config
    from weighbridge.store.state import State


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, common.option("gateway.host")] = None,
    port: Annotated[int | None, common.option("gateway.port", "--port", "-p")] = None,
    workers: Annotated[int | None, common.option("gateway.workers")] = None,
    local: Annotated[
        list[str] | None,
        typer.Option(
            "--local", help="A local engine, or a GGUF file, to load at once; may be repeated.", metavar="ENGINE"
        ),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Answer requests in four dialects by routes, which can be swapped while in use.

    Ctrl-C stops it when answers under way are complete. SIGHUP reads the configuration again and
    restarts the workers one by one, without a failed request.

    Example: weighbridge serve --port 8790 --local smollm2-135m@local
    """
    import asyncio
    import logging
    import os

    from weighbridge.access.masters import Masters
    from weighbridge.gateway import listen
    from weighbridge.gateway.parent import Parent

    def load() -> Config:
        return common.load_config(ctx, gateway__host=host, gateway__port=port, gateway__workers=workers)

    config = load()
    gateway = config.settings.gateway
    listen.check_exposure(gateway, os.environ)
    Masters(os.environ, config.store_path)  # a master key that is none is told before anything starts
    logging.basicConfig(format="weighbridge: %(levelname)s: %(message)s", level=logging.WARNING)
    sock = listen.listen(gateway.host, gateway.port)
    url = listen.url(gateway.host, sock.getsockname()[1])

    def announce(serving: Serving) -> None:
        if as_json:
            _tell_program(url, serving)
        else:
            _tell_person(url, serving, key=_key_to_show(config, os.environ))

    parent = Parent(
        load,
        sock,
        host=gateway.host,
        local=local or (),
        runs=_runs if config.settings.local.enabled else None,
        guard=_guard,
        announce=announce,
    )
    asyncio.run(parent.run())


def _runs(config: Config) -> Runs:
    """What runs local engines; made when the first one is wanted."""
    from weighbridge.engines.local import LocalEngines
    from weighbridge.engines.transport import AiohttpTransport

    transport = AiohttpTransport(connections=16)
    local = LocalEngines(settings=config.settings.local, transport=transport, folder=config.folder)
    return _Own(local, transport)


def _guard(config: Config, state: State) -> Guard:
    """Who looks after moves."""
    import secrets
    import time

    from weighbridge.engines.catalogue import load
    from weighbridge.swap import guard

    return guard.Guard(state, lambda: load(config), config.traces_path, holder=secrets.token_hex(8), now=time.time)


class _Own:
    """Local engines with a transport that nobody else uses: it is closed with them."""

    def __init__(self, local: LocalEngines, transport: Transport) -> None:
        self.endpoint = local.endpoint
        self._local = local
        self._transport = transport

    async def close(self) -> None:
        """Stop the engines, then close the connections to them."""
        await self._local.close()
        await self._transport.close()


def _tell_program(url: str, serving: Serving) -> None:
    import msgspec

    value = {
        "url": url,
        "pid": serving.pid,
        "workers": serving.workers,
        "plan": serving.publication.plan.number,
        "routes": {name: route.primary for name, route in serving.publication.plan.routes.items()},
    }
    print(msgspec.json.encode(value).decode(), flush=True)  # noqa: T201 - the command line is the place that prints


def _key_to_show(config: Config, environ: Mapping[str, str]) -> str:
    """What stands for the key in an example: the variable that holds it, `KEY` for one that was given out, or nothing."""
    from weighbridge.access.keyring import Keyring
    from weighbridge.access.keys import KIND

    gateway = config.settings.gateway
    if environ.get(gateway.access_key_env):
        return f"${gateway.access_key_env}"
    ring = Keyring(required=gateway.require_key)
    with common.state_store(config) as state:
        ring.apply(state.records(KIND))
    return "KEY" if ring.required else ""


def _tell_person(url: str, serving: Serving, *, key: str) -> None:
    plan = serving.publication.plan
    lines = [f"Serving on {url} with {len(serving.workers)} workers."]
    if plan.routes:
        lines.append(f"Routes (plan {plan.number}):")
        lines += [f"  {name} -> {', then '.join((r.primary, *r.fallbacks))}" for name, r in sorted(plan.routes.items())]
    else:
        lines.append("No routes yet: engines can be called by their names (see 'weighbridge engines list').")
    name = next(iter(sorted(plan.routes)), "MODEL@HOST")
    shown = f' -H "Authorization: Bearer {key}"' if key else ""
    lines += [
        "Try it:",
        f"  curl {url}/v1/chat/completions{shown} \\",
        "    -H 'Content-Type: application/json' \\",
        f'    -d \'{{"model": "{name}", "messages": [{{"role": "user", "content": "Hello"}}]}}\'',
        "Ctrl-C stops it; answers under way are finished first.",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - as above
