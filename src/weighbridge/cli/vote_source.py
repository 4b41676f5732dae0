"""What is voted on: the pairs of a finished weighing, or of two files with answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from weighbridge.errors import InputError, TooLargeError, unreadable
from weighbridge.weigh.judges import answers, bias, voting
from weighbridge.weigh.types import Preference, Weighing

if TYPE_CHECKING:
    from weighbridge.weigh.judges.voting import Pair

MAX_WEIGHING = 1 << 30  #: bytes


class Contest(Struct, frozen=True):
    """The pairs, what judges said of them, by candidate, and which samples belong together."""

    pairs: list[Pair]
    preferences: dict[str, tuple[Preference, ...]] = {}
    clusters: dict[str, str] = {}


def load(source: Path, other: Path | None, candidate: str) -> Contest:
    """What is voted on.

    Args:
        source: A weighing as `weigh --json` prints it, a scorecard document with answers, or the base's answers.
        other: The candidate's answers.
        candidate: Of a weighing: one of its engines; "" takes all.

    Raises:
        InputError: A file cannot be read or used, or there is no pair to vote on.
        TooLargeError: A file is over its limit.
    """
    if other is None:
        weighing = _weighing(source)
        pairs = voting.of_weighing(weighing, candidate)
        return Contest(pairs, weighing.preferences, bias.clusters_of(weighing.samples))
    if candidate:
        raise InputError("Two files hold one candidate.", where="--candidate", fix="Leave it out.")
    return Contest(answers.pairs(source, other))


def _weighing(path: Path) -> Weighing:
    try:
        if path.stat().st_size > MAX_WEIGHING:
            raise TooLargeError(
                f"The file is over {MAX_WEIGHING >> 30} GB.", where=str(path), fix="Weigh fewer samples."
            )
        return _read(path.read_bytes(), str(path))
    except OSError as error:
        raise unreadable(error, path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"This is no weighing: {error}.",
            where=str(path),
            fix="Give what `weigh run SUITE -e A,B --report w.json --with-answers` wrote, or two files with answers.",
        ) from error


def _read(data: bytes, name: str) -> Weighing:
    from weighbridge.weigh import document

    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or b'"weighbridge-scorecard"' in data:
        return document.weighing_of(document.open_document(data, name))
    return msgspec.json.decode(data, type=Weighing)
