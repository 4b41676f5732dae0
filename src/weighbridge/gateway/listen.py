"""The listening socket, and the rules on who may be let in through it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Mapping

from weighbridge.errors import PortError, SettingsError
from weighbridge.settings import Gateway

BACKLOG = 2048


def is_loopback(host: str) -> bool:
    """Can only programs on this machine reach this address?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(settings: Gateway, environ: Mapping[str, str]) -> None:
    """Refuse to listen for other machines without asking for a key.

    Raises:
        SettingsError: The address is not a loopback one and no key is asked for.
    """
    if not (is_loopback(settings.host) or settings.require_key or environ.get(settings.access_key_env)):
        raise SettingsError(
            f"Listening on {settings.host} lets other machines in, and no access key is set.",
            where="gateway.host",
            fix=f"Set the environment variable {settings.access_key_env} to a long random text "
            "(openssl rand -hex 32), or gateway.require_key = true and give out keys (weighbridge keys create), "
            "or listen on 127.0.0.1.",
        )


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen; worker processes may inherit the socket.

    Args:
        host: An address of this machine, or a name of it.
        port: 0 takes a free one.

    Raises:
        PortError: The address cannot be had.
    """
    place = f"{host}:{port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
    except OSError as error:
        raise PortError(
            f"'{host}' is not an address of this machine.", where=place, fix="Set gateway.host to 127.0.0.1."
        ) from error
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Taken over by every accepted connection: small writes of a stream must not wait for one another.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _port_error(error, place) from error
    sock.set_inheritable(True)
    sock.settimeout(0)
    return sock


def url(host: str, port: int) -> str:
    """Where a client on this machine finds the gateway."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - as above
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _port_error(error: OSError, place: str) -> PortError:
    if error.errno == errno.EADDRINUSE:
        return PortError(
            f"Something else listens on {place}.",
            where=place,
            fix="Stop it, or choose another port: --port 8791, or --port 0 for a free one.",
        )
    if error.errno == errno.EACCES:
        return PortError(
            f"Listening on {place} is not permitted.", where=place, fix="Choose a port of 1024 or above: --port 8790."
        )
    return PortError(
        f"{place} cannot be listened on: {error.strerror}.",
        where=place,
        fix="Set gateway.host to an address of this machine, such as 127.0.0.1.",
    )
