"""Documents from outside: bounded, checked, told clearly where they cannot be used."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.errors import InputError, TooLargeError
from weighbridge.weigh.document import canonical, carried, strict
from weighbridge.weigh.document.shape import FORMAT, VERSION, Document, Pass, Samples
from weighbridge.weigh.document.strict import REMAKE

MAX_SAMPLES = 200_000
MAX_PASSES = 2_000
MAX_ANSWERS = 20_000_000  #: samples times passes


class Opened(Struct, frozen=True):
    """A document: the JSON value as it came, which the digests are worked out from, and the same in types.

    `page` is the SHA-256 of the HTML around it, "" where it came alone.
    """

    tree: dict[str, Any]
    typed: Document
    name: str = "document"
    page: str = ""


def open_document(data: bytes, name: str = "document") -> Opened:
    """A document, from its JSON or from the HTML report that carries it.

    Args:
        data: The bytes of the file.
        name: What the document is called in errors.

    Raises:
        InputError: It is no scorecard document, one of another version, or a field of it cannot be used.
        TooLargeError: It is over a limit.
    """
    carried.check_size(len(data), name)
    body = data.removeprefix(carried.BOM)
    page = ""
    if carried.is_html(data):
        found = carried.element(data, name)
        page = canonical.sha256(data[: found.start] + data[found.end :])
        body = carried.content(found, name)
    tree = strict.parse(body, name)
    check_version(tree, name)
    try:
        typed = msgspec.convert(tree, Document)
    except msgspec.ValidationError as error:
        raise InputError(f"A field of the document cannot be used: {error}.", where=name, fix=REMAKE) from error
    check_shape(typed, name)
    return Opened(tree, typed, name, page)


def check_version(tree: dict[str, Any], name: str) -> None:
    """Refuse what is no scorecard document, and a version that is not known here.

    Raises:
        InputError: See above.
    """
    if tree.get("format") != FORMAT:
        raise InputError(
            f"The file is no scorecard document: its format is {_short(tree.get('format'))}.",
            where=name,
            fix=f'A document says "format": "{FORMAT}".',
        )
    version = tree.get("version")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        raise InputError(
            f"The document has version {_short(version)} of the format; this program knows version {VERSION}.",
            where=name,
            fix="Install a newer Weighbridge." if newer else REMAKE,
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - what fits on a line


def check_shape(document: Document, name: str) -> None:
    """Columns must fit their samples, names must be those of passes, and all within limits.

    Raises:
        InputError: A column has another length, a sample or pass comes twice, or a score is no fraction.
        TooLargeError: There are too many samples or passes.
    """
    samples, passes = document.raw.suite.samples, document.raw.passes
    count = len(samples.id)
    if count > MAX_SAMPLES or len(passes) > MAX_PASSES or count * len(passes) > MAX_ANSWERS:
        raise TooLargeError(f"{count:,} samples in {len(passes):,} passes are too many.", where=name, fix="Split it.")
    if not count or not passes:
        raise InputError("The document holds no samples, or no answers.", where=name, fix=REMAKE)
    twice = [key for key, times in Counter(samples.id).most_common(1) if times > 1]
    if twice:
        raise InputError(
            f"The sample '{twice[0][:60]}' comes twice.", where=f"{name}: raw.suite.samples.id", fix=REMAKE
        )
    _check_columns(samples, count, f"{name}: raw.suite.samples")
    for index, one in enumerate(passes):
        _check_columns(one, count, f"{name}: raw.passes[{index}]")
        _check_scores(one, f"{name}: raw.passes[{index}]")
    answers = Counter(one.engine for one in passes if one.role == "answers")
    if answers.get(document.raw.run.base) != 1 or max(answers.values()) > 1:
        raise InputError(
            "Every contestant, the base among them, needs one pass of answers.",
            where=f"{name}: raw.passes",
            fix=REMAKE,
        )


def _check_columns(columns_of: Samples | Pass, count: int, where: str) -> None:
    required = {"id", "digest", "grader", "outcome", "score"}
    for field in columns_of.__struct_fields__:
        values = getattr(columns_of, field)
        if isinstance(values, tuple) and len(values) != count and (values or field in required):
            raise InputError(
                f"The column has {len(values):,} entries for {count:,} samples.", where=f"{where}.{field}", fix=REMAKE
            )


def _check_scores(one: Pass, where: str) -> None:
    for index, (outcome, score) in enumerate(zip(one.outcome, one.score, strict=True)):
        if (score is None) == (outcome == "graded") or (score is not None and not 0 <= score <= 1):
            raise InputError(
                f"The score of a sample that is {outcome} cannot be {score}.",
                where=f"{where}.score[{index}]",
                fix="A graded answer has a score from 0 to 1, any other null.",
            )
