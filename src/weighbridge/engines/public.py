"""Which addresses may be asked for a stranger: those of the public web, in their plain spelling."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

_PORTS = {None, 80, 443}
_LONGEST_URL = 8192

#: Not public, whatever the Python at hand thinks of them.
_CLOSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # a carrier's own
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # a cloud's own services, at a public address
        "169.254.0.0/16",  # this link; the clouds' metadata live there
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols
        "192.0.2.0/24",  # examples
        "192.31.196.0/24",  # protocols
        "192.52.193.0/24",  # protocols
        "192.88.99.0/24",  # relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # protocols
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # examples
        "203.0.113.0/24",  # examples
        "224.0.0.0/4",  # many at once
        "240.0.0.0/4",  # the future, and everybody
        "2001::/23",  # protocols and tunnels
        "2001:db8::/32",  # examples
        "2002::/16",  # tunnels
        "3fff::/20",  # examples
    )
)
#: Of the new kind only what is given out: all else is local, of one link, for many, or an old address in disguise
#: (mapped, translated), behind which anything may lie.
_GIVEN_OUT = ip_network("2000::/3")


class UnusableError(Exception):
    """Why something was not fetched, in words that quote nothing of it."""


def is_public(address: str) -> bool:
    """May a stranger's address lead there?"""
    try:
        found: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and (found not in _GIVEN_OUT or found.scope_id):
        return False
    return found.is_global and not any(found in network for network in _CLOSED)


def check(url: str) -> tuple[SplitResult, str]:
    """The pieces of a URL that may be asked, and the name or address of its host; what that stands for is not checked.

    Raises:
        UnusableError: It may not be asked.
    """
    if len(url) > _LONGEST_URL or re.search(r"[\s\\\x00-\x20\x7f]", url):
        raise UnusableError("its address cannot be used")
    try:
        parts = urlsplit(url)
        port, name = parts.port, (parts.hostname or "").rstrip(".")
        if not name.isascii():
            name = name.encode("idna").decode()
    except ValueError:
        raise UnusableError("its address cannot be used") from None
    if parts.scheme not in {"http", "https"} or not name:
        raise UnusableError("its address is not one of the web")
    if "@" in parts.netloc:
        raise UnusableError("its address holds a user's name")
    if port not in _PORTS:
        raise UnusableError("its address names another port than 80 and 443")
    # A last label that begins like a number makes it a number, in one of many spellings: only the plain one is taken.
    if not is_address(name) and ("[" in parts.netloc or re.match(r"0x|\d", name.rpartition(".")[2])):
        raise UnusableError("its address is a number in an odd spelling")
    return parts, name


def is_address(name: str) -> bool:
    """Is it an IP address in its plain spelling?"""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
