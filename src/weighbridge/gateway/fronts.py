"""Which dialect a path belongs to, and what is asked for there: one table.

A client's base address may end in a version or not, and the client may add one of its own. So every path is also
known without its version (`/messages`: clients that expect it in the address) and with one too many
(`/v1/v1/messages`: an address with `/v1`, as most clients want it, given to one that adds its own).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects

CHAT = "openai-chat"
RESPONSES = "openai-responses"
ANTHROPIC = "anthropic-messages"
GEMINI = "gemini-generate"

Action = Literal[
    "exchange",
    "count",
    "embed",
    "models",
    "model",
    "retrieve",
    "forget",
    "items",
    "feedback",
    "healthz",
    "readyz",
    "metrics",
]

#: (method, path, dialect, action); "" as the dialect: whichever the client speaks. {name} is a model or an id.
ROWS: tuple[tuple[str, str, str, Action], ...] = (
    ("POST", "/v1/chat/completions", CHAT, "exchange"),
    ("POST", "/v1/embeddings", CHAT, "embed"),
    ("POST", "/v1/responses", RESPONSES, "exchange"),
    ("GET", "/v1/responses/{name}", RESPONSES, "retrieve"),
    ("DELETE", "/v1/responses/{name}", RESPONSES, "forget"),
    ("GET", "/v1/responses/{name}/input_items", RESPONSES, "items"),
    ("POST", "/v1/messages", ANTHROPIC, "exchange"),
    ("POST", "/v1/messages/count_tokens", ANTHROPIC, "count"),
    ("POST", "/v1beta/models/{name}:generateContent", GEMINI, "exchange"),
    ("POST", "/v1beta/models/{name}:streamGenerateContent", GEMINI, "exchange"),
    ("POST", "/v1beta/models/{name}:countTokens", GEMINI, "count"),
    ("GET", "/v1/models", "", "models"),
    ("GET", "/v1/models/{name}", "", "model"),
    ("GET", "/v1beta/models", GEMINI, "models"),
    ("GET", "/v1beta/models/{name}", GEMINI, "model"),
    ("POST", "/v1/feedback", CHAT, "feedback"),
    ("GET", "/healthz", CHAT, "healthz"),
    ("GET", "/readyz", CHAT, "readyz"),
    ("GET", "/metrics", CHAT, "metrics"),
)
_VERSION = re.compile(r"/v1(?:beta1?|alpha)?(?=/)")
#: Vertex names a project, a place and a publisher before the model.
_VERTEX = r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?"
_ONE = r"(?P<name>[^/]+)"
_ANY = r"(?P<name>.+)"  # names of models hold slashes
_OPEN: tuple[Action, ...] = ("healthz", "readyz")


class Front(Struct, frozen=True):
    """What a request asks for, as far as its first line says.

    `dialect` is also how errors are told; "" asks `speaker`. `name`: the model or the id that the path names.
    `array`: the stream is one JSON list, not events.
    """

    action: Action
    dialect: str
    name: str = ""
    stream: bool = False
    array: bool = False

    @property
    def open(self) -> bool:
        """May anyone ask for it, without a key?"""
        return self.action in _OPEN


class Fronts:
    """The table, made ready to be searched.

    Args:
        names: The dialects that are known; paths of others do not exist.
    """

    def __init__(self, names: Iterable[str]) -> None:
        known = set(names) | {""}
        self._exact: dict[str, dict[str, Front]] = {}
        self._patterns: list[tuple[re.Pattern[str], str, Front]] = []
        self.paths = tuple(dict.fromkeys(path for _, path, dialect, _ in ROWS if dialect in known))
        for method, path, dialect, action in ROWS:
            if dialect not in known:
                continue
            front = Front(action, dialect, stream=":stream" in path)
            if "{" in path:
                self._patterns.append((_pattern(path), method, front))
            else:
                for spelling in _spellings(path):
                    self._exact.setdefault(spelling, {}).setdefault(method, front)

    def find(self, method: str, path: str, query: bytes = b"") -> Front | tuple[str, ...]:
        """What is asked for; if nothing is, the methods that the path takes: () where there is no such path.

        Args:
            method: GET, POST and so on; a HEAD is a GET without its body.
            path: Percent-decoded.
            query: What follows the question mark, as it came.
        """
        wanted = "GET" if method == "HEAD" else method
        if (fronts := self._exact.get(path)) is not None:
            return fronts[wanted] if wanted in fronts else tuple(fronts)
        allowed: dict[str, None] = {}
        for pattern, takes, front in self._patterns:
            if (match := pattern.fullmatch(path)) is not None:
                if takes == wanted:
                    array = front.stream and b"alt=sse" not in query.split(b"&")
                    return replace(front, name=match["name"].removeprefix("models/"), array=array)
                allowed[takes] = None
        return tuple(allowed)


def speaker(path: str, headers: Mapping[bytes, bytes], query: bytes = b"") -> str:
    """The dialect that a client seems to speak, where the path is common to several or unknown.

    Args:
        path: Percent-decoded.
        headers: By lower-case name.
        query: What follows the question mark.
    """
    if b"anthropic-version" in headers or "/messages" in path:
        return ANTHROPIC
    if b"x-goog-api-key" in headers or path.startswith(("/v1beta", "/v1alpha")) or _shows_key(query):
        return GEMINI
    return RESPONSES if "/responses" in path else CHAT


def _shows_key(query: bytes) -> bool:
    return any(field.startswith(b"key=") for field in query.split(b"&"))


def _spellings(path: str) -> Iterator[str]:
    version = _VERSION.match(path)
    if version is None:
        yield path
        return
    rest = path[version.end() :]
    # A version of Gemini's may stand where ours does, but what it means without one is decided by the client.
    own = (version[0],) if version[0] == "/v1" else ("/v1beta", "/v1beta1", "/v1alpha")
    if version[0] == "/v1":
        yield rest
    for one in own:
        yield one + rest
        yield "/v1" + one + rest
        if one != "/v1":
            yield one + one + rest


def _pattern(path: str) -> re.Pattern[str]:
    version = _VERSION.match(path)
    rest = path[version.end() :] if version else path
    before, _, after = rest.partition("{name}")
    gemini = version is not None and version[0] != "/v1"
    if gemini and after:  # what is asked for stands in the path itself, so the version may be any
        head = r"(?:/v1(?:beta1?|alpha)?){0,2}" + _VERTEX
    else:
        head = r"(?:/v1)?/v1(?:beta1?|alpha)" if gemini else r"(?:/v1){0,2}"
    name = _ANY if before == "/models/" else _ONE
    return re.compile(head + re.escape(before) + name + re.escape(after))


FRONTS = Fronts(dialects.NAMES)
