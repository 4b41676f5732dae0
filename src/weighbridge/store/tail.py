"""Following the traces of a folder: what was recorded since the last look, without reading anything twice."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from weighbridge.canon import Trace
from weighbridge.errors import StoreError
from weighbridge.store import segments
from weighbridge.store.files import store_error
from weighbridge.store.sources import TRACE

log = logging.getLogger(__name__)


class Head(Struct, frozen=True):
    """What is known of a record before all of it is read."""

    id: str
    at: float
    swap: str = ""


_HEAD = msgspec.json.Decoder(Head)


class Tail:
    """Reads the living segments of a folder, from the moment at which it is made.

    Args:
        folder: The folder of traces; one that is missing holds none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at: dict[str, int] = {}
        for _ in self.new(lambda _: False):
            pass

    def new(self, wanted: Callable[[Head], bool]) -> Iterator[Trace]:
        """The traces that were recorded since the last look and are wanted, segment by segment.

        Raises:
            StoreError: The folder cannot be read. What was not given yet comes with the next look.
        """
        try:
            paths = segments.segments(self._folder)
        except OSError as error:
            raise store_error(error, self._folder) from error
        self._at = {path.stem: self._at.get(path.stem, segments.HEADER.size) for path in paths}
        for path in paths:
            with contextlib.suppress(FileNotFoundError):  # sealed since: it was read to its end before
                yield from self._of(path, wanted)

    def _of(self, path: Path, wanted: Callable[[Head], bool]) -> Iterator[Trace]:
        try:
            with segments.Segment(path) as segment:
                for item in segment.walk(self._at[path.stem]):
                    if isinstance(item, segments.Gap):
                        if item.tail:
                            return  # unfinished
                        self._at[path.stem] = item.end
                        continue
                    self._at[path.stem] = item.offset + len(item.payload)
                    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                        if wanted(_HEAD.decode(item.payload)):
                            yield TRACE.decode(item.payload)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise store_error(error, path) from error
        except StoreError as error:
            log.warning("%s", error)  # one file that nobody can read does not stop the others
