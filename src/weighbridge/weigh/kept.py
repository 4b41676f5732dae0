"""The answers of a large run: they stay in the store of results, and are read a few at a time, where they are shown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from weighbridge.canon import Reply
from weighbridge.weigh.asking import Answer
from weighbridge.weigh.terms import Store
from weighbridge.weigh.types import Result

_DECODER = msgspec.json.Decoder(Answer)


def fetch(store: Store, results: Sequence[Result]) -> list[Reply | None]:
    """The kept answers of results, in their order; None where there is none.

    An answer that another run has asked for anew since then is none, either: the result's grade is not of it.

    Raises:
        StoreError: The store cannot be read.
    """
    found = store.get_many(result.key.hex() for result in results if result.key)
    return [_reply(result, found.get(result.key.hex())) for result in results]


def _reply(result: Result, value: bytes | None) -> Reply | None:
    if value is None:
        return None
    answer = _DECODER.decode(value)
    return answer.reply if answer.trace == result.trace else None
