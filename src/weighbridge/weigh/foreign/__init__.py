"""Scores that other tools wrote: their files are known by what is in them, and read as rows.

| tool | file | a row |
|---|---|---|
| any | JSON Lines | a line |
| lm-evaluation-harness | `samples_*.jsonl`, of `--log_samples` | a document, under one filter |
| Inspect | a log, `.json` or `.eval` | a sample in one epoch |
| promptfoo | `-o file.json` or `.jsonl` | a test, under one prompt and provider |
"""

from __future__ import annotations

import itertools
from typing import BinaryIO

from weighbridge import jsonl
from weighbridge.weigh.foreign import inspect_log, lm_eval, promptfoo
from weighbridge.weigh.foreign.rows import MAX_LINE, MAX_ROWS, Lines, Source

_ZIP = b"PK\x03\x04"
_BEGIN = 64 << 10  #: bytes in which a document shows what it is
_DOCUMENTS = ((inspect_log.BEGIN, inspect_log.document), (promptfoo.BEGIN, promptfoo.document))
_LINES = ((lm_eval.KEYS, lm_eval.lines), (promptfoo.KEYS, promptfoo.lines))


def opened(stream: BinaryIO, name: str) -> Source:
    """The rows of a file, by what is in it.

    Args:
        stream: The file from its beginning.
        name: What errors call it.

    Raises:
        InputError: It cannot be read. Faults further in are raised as its rows are.
        TooLargeError: It is over the limit of its form.
        MissingExtraError: It is packed in a way that needs the extra `inspect`.
    """
    begin = Lines(stream, _BEGIN)
    start = begin.start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_ZIP):
        return inspect_log.archive(begin, name)
    for known, document in _DOCUMENTS:
        if known.match(start):
            return document(begin.whole(name), name)
    rows = jsonl.read(begin, name, max_line=MAX_LINE, max_rows=MAX_ROWS, what="score")
    numbered = ((f"{name}:{number}", value) for number, value in rows)
    first = next(numbered, None)
    if first is None:
        return Source(())
    every = itertools.chain([first], numbered)
    for keys, lines in _LINES:
        if keys <= first[1].keys():
            return lines(every)
    return Source(every)
