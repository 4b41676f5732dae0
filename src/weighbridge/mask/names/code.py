"""Which lines of a text are program code, where a capital makes no name and a name of a variable is none of a person."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from weighbridge.canon import Span
from weighbridge.mask.names import words

_SHARE = 0.2  #: of lines that are code, from which on what is indented among them belongs to it
_WINDOW = 40  #: lines around one that say whether it stands in code
_LONGEST = 400  #: characters of a line that are looked at
_LEAST = 3  #: lines of code, without which there is none
_CERTAIN = 0.9  #: what is believed in code as well: behind a title, say

_CODE = re.compile(
    r"""^\s*(?:
        (?:def|class|import|from|return|elif|else|try|except|finally|with|while|raise|yield|assert|pass|break|continue|lambda
          |async|await|global|nonlocal|del|public|private|protected|static|const|let|var|function|func|fn|struct|enum
          |namespace|using|package|interface|type|export|module|require|include|switch|case|default|goto|void|int|float|bool
          |double|char|unsigned|extern|typedef|template|SELECT|INSERT|UPDATE|CREATE|ALTER|FROM|WHERE)\b.{0,300}?[:;({=]
      | (?:if|for)\s.{0,300}[:{)]\s*(?:\#.*)?$
      | (?:import|from)\s+[\w.]+(?:\s+import\b.*)?$
      | (?:return|raise|yield|del|pass|break|continue|end|else|fi|done|endif)\b[^.!?]{0,80}$
      | @\w+ | \#!? (?:include|define|ifdef|endif|pragma)\b
      | >>>\s | \.\.\.\s | \$\s | [)\]}]+[,;]?\s*$
      | [\w.\[\]"'*&]+(?:\s*,\s*[\w.\[\]"'*]+)*\s*(?::\s*[\w.\[\], |"']+)?\s*(?:[-+*/|&%^]|//|\*\*|:|<<|>>)?=(?!=)\s*\S
      | [\w.]+\(.{0,300}\)?[,;:]?\s*$
      | ["'][\w\- ./]+["']\s*:\s*\S | ["'].{0,200}["'],\s*$
    )
    | [;{]\s*$ | \w\(\)|\w+\.\w+\( | [=!<>]=|->|=>|::|&&|\|\||</\w|/>|\$\{|\#\{
    """,
    re.VERBOSE,
)
_INDENTED = re.compile(r"(?: {4}|\t| {0,4}(?:\#|//|\*|--|\"\"\"))")


_IDENTIFIER = re.compile(
    r"[a-z][a-z\-+]*|[A-Z]{1,8}|\w+\.\w[\w.]*|\w*[a-z](?<!\bMc)(?<!\bMac)[A-Z]\w*|[A-Z]{2,}[a-z]\w+|\W*"
)
"""What, in a text with code, is rather the name of a thing in it, even in its prose."""


class CodeLines:
    """The lines of one text that are code, or comments and documentation inside it."""

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._code: list[bool] = []
        lines = text.split("\n")
        if len(lines) < _LEAST:
            lines = []
        at = 0
        plain = [_CODE.search(line[:_LONGEST]) is not None for line in lines]
        before = [0]
        filled = [0]
        for line, code in zip(lines, plain, strict=True):
            self._starts.append(at)
            at += len(line) + 1
            before.append(before[-1] + code)
            filled.append(filled[-1] + bool(line.strip()))
        for index, line in enumerate(lines):
            low, high = max(0, index - _WINDOW), min(len(lines), index + _WINDOW)
            count, code_count = filled[high] - filled[low], before[high] - before[low]
            among = code_count >= max(_LEAST, _SHARE * count)
            self._code.append(among and (plain[index] or _INDENTED.match(line) is not None))
        self.any = any(self._code)

    def __contains__(self, offset: int) -> bool:
        """Whether a character stands in code."""
        return self.any and self._code[bisect_right(self._starts, offset) - 1]


def believed(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """The spans of a text without those in code that look like names of its own things."""
    found = list(spans)
    code = CodeLines(text) if found else None
    for span in found:
        if (
            code is None
            or not code.any
            or span.score >= _CERTAIN
            or _full_name(text, span)
            or (span.start not in code and not _IDENTIFIER.fullmatch(text, span.start, span.end))
        ):
            yield span


def _full_name(text: str, span: Span) -> bool:
    """Whether a person's given and family name stand there, in letters alone."""
    parts = text[span.start : span.end].replace(".", " ").split()
    capitals = [part for part in parts if part[0].isupper()]
    return (
        span.kind == "person"
        and len(capitals) > 1
        and all(part in capitals or part.lower() in words.PARTICLES for part in parts)
        and all(part.isalpha() and (part.istitle() or len(part) == 1) for part in capitals)
        and parts[0].lower() not in words.NOT_NAMES
        and any(len(part) > 1 for part in parts)
    )
