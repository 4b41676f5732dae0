"""Keys of conversations, made of one secret: who has one conversation's key learns nothing of another's."""

from __future__ import annotations

import hmac
from hashlib import sha256

_PURPOSE = b"weighbridge mask conversation 1"


def conversation_key(master: bytes, tenant: str, conversation: str) -> bytes:
    """The key of one conversation of one tenant: 32 bytes, always the same ones.

    Args:
        master: The secret that all keys are made of.
        tenant: Whose conversation it is.
        conversation: Its id; another tenant's with the same id has another key.
    """
    return drawn(master, _PURPOSE, tenant, conversation)


def drawn(key: bytes, *parts: str | bytes) -> bytes:
    """32 bytes that only who has the key can draw for these parts, and that tell nothing of them."""
    made = hmac.new(key, digestmod=sha256)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        # With its length before it, no two rows of parts read the same.
        made.update(len(data).to_bytes(8, "big"))
        made.update(data)
    return made.digest()
