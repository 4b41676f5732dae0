"""Which exchanges belong together, where no client says so in a header of ours."""

from __future__ import annotations

from hashlib import blake2b

from weighbridge.canon import Request

DERIVED = "~"
"""What a derived id begins with. It keeps a conversation together, and nothing private may ever hang on it."""

_MOST = 200  #: characters of an id
_KEY = 64  #: bytes; the most that the hash takes


def derive(request: Request, caller: str, secret: bytes) -> str:
    """A conversation's id: the dialect's own, else one from what every request of it repeats.

    That is the caller, the user that it names, the system text and the first turn of the user. Two conversations
    that begin alike have the same id.

    Args:
        request: Any request of the conversation.
        caller: Who calls, as in `Call.caller`.
        secret: Keeps the id from telling anything of the text.
    """
    own = request.cache_key or request.continues
    if own:
        return own[:_MOST]
    key = secret if len(secret) <= _KEY else blake2b(secret).digest()
    made = blake2b(key=key, digest_size=16, person=b"conversation")
    for piece in (caller, request.user, *_beginning(request)):
        told = piece.encode("utf-8", "surrogatepass")
        made.update(b"%d:" % len(told))
        made.update(told)
    return DERIVED + made.hexdigest()


def _beginning(request: Request) -> tuple[str, str]:
    """The system text, and all that the user says before anyone answers."""
    said: tuple[list[str], list[str]] = ([], [])
    for message in request.messages:
        if message.role not in ("system", "developer", "user"):
            break
        said[message.role == "user"].append(message.text)
    return "\n".join(said[0]), "\n".join(said[1])
