"""Where in a text an address is under way: what stands in one may leave as soon as somebody's screen shows it.

It takes for an address whatever a browser or a reader of Markdown or HTML might: rather too much than too little.
"""

from __future__ import annotations

import re

_OPEN = re.compile(
    r"""(?P<markdown>\]\(\s{0,4}<?|\]:\s{0,4}<?|(?<![A-Za-z])url\(\s*["']?)"""
    r"""|(?P<attribute>(?<![A-Za-z])(?:src|href|srcset|action|formaction|poster|background|data|cite)\s{0,4}=\s{0,4}["']?)"""
    r"""|(?P<plain>(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{0,30}:[/\\]{2}|https?:|wss?:|ftp:|www\.)|(?<=["'(<=])//)""",
    re.IGNORECASE,
)
_LONGEST = 40  #: characters of the longest beginning
_CLEAN = re.compile(r"(?:https?|wss?|ftp)://([A-Za-z0-9.-]+)(?::\d{1,5})?[/?#]", re.IGNORECASE)
_NEAR = re.compile(r"(?![/\\]{2})[^:&\\]*")
_MAY = re.compile(r"[:(=./\\\\]")
_MAIL = re.compile(r"(?:mailto|tel|sms):", re.IGNORECASE)
_BREAKS = re.compile(r"[\s<>\"`]")
_PARENS = re.compile(r"\\.|[()\s]", re.DOTALL)


class Links:
    """Follows one text.

    Args:
        hosts: Those that its reader named itself, in small letters.
    """

    def __init__(self, hosts: frozenset[str]) -> None:
        self._hosts = hosts
        self._before = ""  # what may be the beginning of an address's beginning
        self._opened = ""  # how the address that is under way began; "": none is
        self._address = ""
        self._depth = 0

    def feed(self, text: str) -> None:
        """More of the text."""
        while text:
            text = self._within(text) if self._opened else self._outside(text)

    def reset(self) -> None:
        """What comes now belongs to another text."""
        self._before = self._opened = self._address = ""

    @property
    def leaving(self) -> bool:
        """Would what comes next stand in an address of which the reader knows nothing?"""
        if not self._opened:
            return False
        address = self._address
        if (clean := _CLEAN.match(address)) is not None:
            return clean[1].lower() not in self._hosts
        if _MAIL.match(address):
            return False
        far = self._opened[0] not in "]uash" or not _NEAR.fullmatch(address)
        return far if address else False

    def _outside(self, text: str) -> str:
        if not _MAY.search(text):  # then none begins here that is not known by what comes later
            self._before = (self._before + text[-_LONGEST:])[-_LONGEST:]
            return ""
        held = len(self._before)
        whole = self._before + text
        found = _OPEN.search(whole)
        while found is not None and found.end() <= held:
            found = _OPEN.search(whole, found.end())
        if found is None:
            self._before = whole[-_LONGEST:]
            return ""
        plain = found.lastgroup == "plain"
        self._opened = (
            "x" if plain else found[0].lower().rstrip() if found.lastgroup == "markdown" else "a" + found[0][-1]
        )
        self._address = found[0] if plain else ""
        self._depth = 0
        self._before = ""
        return whole[found.end() :]

    def _within(self, text: str) -> str:
        end = self._end(text)
        if end is None:
            self._address += text
            return ""
        self._before = text[max(0, end - 2) : end]
        self._opened = self._address = ""
        return text[end:] if end < len(text) else ""

    def _end(self, text: str) -> int | None:
        """Where the address ends within this piece."""
        last = self._opened[-1]
        if last == "<":
            found = re.compile(r"[>\n]").search(text)
        elif last in "\"'":
            found = re.compile(re.escape(last)).search(text)
        elif last in "(:" and self._opened[0] in "]u":
            return self._paren(text)
        else:
            found = _BREAKS.search(text)
        return found.start() if found is not None else None

    def _paren(self, text: str) -> int | None:
        for found in _PARENS.finditer(text):
            if found[0] == "(":
                self._depth += 1
            elif found[0] == ")":
                if self._depth == 0:
                    return found.start()
                self._depth -= 1
            elif found[0].isspace():
                return found.start()
        return None
