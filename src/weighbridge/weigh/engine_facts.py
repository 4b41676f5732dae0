"""An engine as others may know it: its facts and prices, without its keys, its paths and how it is called."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec.structs import replace

from weighbridge.canon import Engine, Host, Profile


def public(engine: Engine) -> Engine:
    """The engine with every fact that figures are made of, and nothing that belongs to whoever runs it.

    What is left out: the files of weights, the names and places of keys, headers and fields of requests, profiles, and all
    of the host's address but its name.
    """
    return Engine(
        model=replace(engine.model, gguf="", chat_template=""),
        host=_host(engine.host),
        offer=engine.offer,
        profile=Profile(),
    )


def _host(host: Host) -> Host:
    return replace(
        host,
        url=_origin(host.url),
        key_env="",
        keys=(),
        auth="none",
        auth_name="",
        headers={},
        query={},
        path="",
        speaks={dialect: _origin(url) for dialect, url in host.speaks.items()},
        serving={name: value for name, value in host.serving.items() if isinstance(value, int | float | str)},
        recorded={"replays": True} if host.recorded else {},
    )


def _origin(url: str) -> str:
    """Scheme and name of an address; a user's name, a port and a path may tell more than was meant."""
    try:
        parts = urlsplit(url)
        name = parts.hostname
    except ValueError:
        return ""
    return f"{parts.scheme}://{name}" if name else ""
