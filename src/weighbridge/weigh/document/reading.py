"""Documents from outside: bounded, checked, told clearly where they cannot be used."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections import Counter
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from weighbridge.canon import Engine, FilePart, ImagePart, Message, Profile, TextPart, Tool
from weighbridge.canon.parts import Part
from weighbridge.errors import InputError, TooLargeError
from weighbridge.weigh.document import canonical, columns
from weighbridge.weigh.document.shape import FORMAT, VERSION, Document, Pass, Samples
from weighbridge.weigh.document.writing import ELEMENT
from weighbridge.weigh.types import Sample, Suite, Weighing

MAX_BYTES = 512 << 20  #: of a document, unpacked
MAX_SAMPLES = 200_000
MAX_PASSES = 2_000
MAX_ANSWERS = 20_000_000  #: samples times passes
_DEEPEST = 100
_ELEMENT = re.compile(rb"<script\b([^>]{0,400})>", re.IGNORECASE)
_ID = re.compile(
    rb"""\bid\s*=\s*["']?""" + ELEMENT.encode() + rb"""["'\s]|\bid\s*=\s*["']?""" + ELEMENT.encode() + rb"$"
)
_BOM = b"\xef\xbb\xbf"
_END = b"</script>"
_PACKED = re.compile(rb"""\bdata-packed\s*=\s*["']?gzip-base64\b""")


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
    _check_size(len(data), name)
    body = data.removeprefix(_BOM)
    page = ""
    if is_html(data):
        found = element(data, name)
        page = canonical.sha256(data[: found.start] + data[found.end :])
        body = _content(found, name)
    tree = parse(body, name)
    check_version(tree, name)
    try:
        typed = msgspec.convert(tree, Document)
    except msgspec.ValidationError as error:
        raise InputError(f"A field of the document cannot be used: {error}.", where=name, fix=_REMAKE) from error
    check_shape(typed, name)
    return Opened(tree, typed, name, page)


_REMAKE = "Take the file as it was written; `weighbridge weigh run --report FILE.json` writes one."


def is_html(data: bytes) -> bool:
    """Does the file begin like a page?"""
    return data[:1024].removeprefix(_BOM).lstrip().startswith(b"<")


class Element(NamedTuple):
    """Where a document stands in HTML: its script element from start to end, its content, whether that is packed."""

    start: int
    end: int
    content: bytes
    packed: bool


def element(html: bytes, name: str = "report") -> Element:
    """The script element of an HTML report that carries its document.

    Raises:
        InputError: There is none, more than one, or it does not end.
    """
    found = [match for match in _ELEMENT.finditer(html) if _ID.search(match[1])]
    if len(found) != 1:
        raise InputError(
            f"The page carries {'no scorecard document' if not found else f'{len(found)} scorecard documents'}.",
            where=name,
            fix="Give the report of `weighbridge weigh`, whole, or a document as JSON.",
        )
    end = html.find(_END, found[0].end())
    if end < 0:
        raise InputError("The page ends inside its document.", where=name, fix="Fetch the file again: it is cut off.")
    packed = _PACKED.search(found[0][1]) is not None
    return Element(found[0].start(), end + len(_END), html[found[0].end() : end], packed)


def extract(html: bytes, name: str = "report") -> bytes:
    """The JSON that an HTML report carries.

    Raises:
        InputError: There is none, or more than one.
        TooLargeError: It unpacks to more than a document may have.
    """
    return _content(element(html, name), name)


def _content(found: Element, name: str) -> bytes:
    return _unpack(found.content.strip().strip(b'"'), name) if found.packed else found.content


def _unpack(packed: bytes, name: str) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        data = reader.decompress(base64.b64decode(packed, validate=True), MAX_BYTES + 1)
    except (zlib.error, binascii.Error) as error:
        raise InputError("The page's packed document is damaged.", where=name, fix="Fetch the file again.") from error
    _check_size(len(data), name)
    if not reader.eof:
        raise InputError("The page's packed document is cut off.", where=name, fix="Fetch the file again.")
    return data


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise TooLargeError(f"The document is over {MAX_BYTES >> 20} MB.", where=name, fix="Verify a smaller run.")


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object of a document. What readers of JSON understand differently is refused.

    Raises:
        InputError: It is no JSON object, a member comes twice, or a number is none that JSON knows.
        TooLargeError: It nests too deep.
    """
    try:
        tree = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
    except RecursionError as error:
        raise TooLargeError("The JSON is nested too deep.", where=name, fix=_REMAKE) from error
    except (_UnusableError, UnicodeDecodeError, json.JSONDecodeError) as error:
        what = str(error) if isinstance(error, _UnusableError) else f"Not valid JSON: {error}."
        raise InputError(what, where=name, fix=_REMAKE) from error
    if not isinstance(tree, dict):
        raise InputError("The document is no JSON object.", where=name, fix=_REMAKE)
    if _deeper(tree, _DEEPEST):
        raise TooLargeError("The JSON is nested too deep.", where=name, fix=_REMAKE)
    return tree


class _UnusableError(ValueError):
    """Why JSON is not taken."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _UnusableError(f"The member '{twice[:60]}' comes twice in one object.")
    return made


def _constant(text: str) -> Any:
    raise _UnusableError(f"JSON has no {text}.")


_LONGEST_INTEGER = 40


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise _UnusableError(f"A number has {len(text)} digits.")
    return int(text)


def _deeper(value: Any, left: int) -> bool:
    """Does it nest deeper? Lists of plain values are not walked."""
    if isinstance(value, dict):
        return left == 0 or any(_deeper(item, left - 1) for item in value.values())
    if isinstance(value, list):
        return left == 0 or any(_deeper(item, left - 1) for item in value if isinstance(item, dict | list))
    return False


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
            fix="Install a newer Weighbridge." if newer else _REMAKE,
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
        raise InputError("The document holds no samples, or no answers.", where=name, fix=_REMAKE)
    twice = [key for key, times in Counter(samples.id).most_common(1) if times > 1]
    if twice:
        raise InputError(
            f"The sample '{twice[0][:60]}' comes twice.", where=f"{name}: raw.suite.samples.id", fix=_REMAKE
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
            fix=_REMAKE,
        )


def _check_columns(columns_of: Samples | Pass, count: int, where: str) -> None:
    required = {"id", "digest", "grader", "outcome", "score"}
    for field in columns_of.__struct_fields__:
        values = getattr(columns_of, field)
        if isinstance(values, tuple) and len(values) != count and (values or field in required):
            raise InputError(
                f"The column has {len(values):,} entries for {count:,} samples.", where=f"{where}.{field}", fix=_REMAKE
            )


def _check_scores(one: Pass, where: str) -> None:
    for index, (outcome, score) in enumerate(zip(one.outcome, one.score, strict=True)):
        if (score is None) == (outcome == "graded") or (score is not None and not 0 <= score <= 1):
            raise InputError(
                f"The score of a sample that is {outcome} cannot be {score}.",
                where=f"{where}.score[{index}]",
                fix="A graded answer has a score from 0 to 1, any other null.",
            )


def weighing_of(opened: Opened) -> Weighing:
    """The weighing that a document tells, with the figures that it claims; nothing is recomputed.

    Raises:
        InputError: An engine of it cannot be used.
    """
    document = opened.typed
    run, figures = document.raw.run, document.figures
    samples = samples_of(document)
    passes = [(one, columns.read(one, samples)) for one in document.raw.passes]
    repeats: dict[str, tuple[Any, ...]] = {}
    for one, results in passes:
        if one.role == "repeat":
            repeats[one.engine] = (*repeats.get(one.engine, ()), results)
    return Weighing(
        suite=document.raw.suite.name,
        digest=document.raw.suite.digest,
        started=run.started,
        day=run.day,
        seed=run.seed,
        margin=run.margin,
        alpha=run.alpha,
        base=run.base,
        levels=run.levels,
        identifiers_by=run.identifiers_by,
        stopped=run.stopped,
        sandbox=run.sandbox,
        version=document.software.version,
        samples=samples,
        engines=engines_of(document),
        results={one.engine: results for one, results in passes if one.role == "answers"},
        repeats=repeats,
        again=next((results for one, results in passes if one.role == "again"), ()),
        judges=document.raw.judges,
        preferences=document.raw.preferences,
        source=opened.tree,
        **{name: getattr(figures, name) for name in figures.__struct_fields__},
    )


def suite_of(document: Document) -> Suite:
    """The suite, as far as the document tells it."""
    return Suite(document.raw.suite.name, samples_of(document), document.raw.suite.digest)


def samples_of(document: Document) -> tuple[Sample, ...]:
    """The samples: whole where they were put in, otherwise without their words.

    Raises:
        InputError: A whole sample cannot be used.
    """
    told = document.raw.suite.samples
    if told.whole:
        try:
            return msgspec.convert(told.whole, tuple[Sample, ...])
        except msgspec.ValidationError as error:
            raise InputError(
                f"A sample cannot be used: {error}.", where="raw.suite.samples.whole", fix=_REMAKE
            ) from error
    count = len(told.id)
    empty = ("",) * count
    columns_of = zip(
        told.id, told.grader, told.category or empty, told.cluster or empty, told.asks or ((),) * count, strict=True
    )
    return tuple(_sample(*entry) for entry in columns_of)


_UNTOLD = Tool(name="untold")
_NO_WORDS: dict[str, Part] = {"image": ImagePart(url="untold"), "file": FilePart(url="untold")}


def _sample(key: str, grader: str, category: str, cluster: str, asks: tuple[str, ...]) -> Sample:
    return Sample(
        id=key,
        messages=(Message("user", (TextPart(""), *(_NO_WORDS[one] for one in asks if one in _NO_WORDS))),),
        grader=grader,
        category=category,
        cluster=cluster,
        tools=(_UNTOLD,) if "tools" in asks else (),
        schema={} if "schema" in asks else None,
    )


def engines_of(document: Document) -> tuple[Engine, ...]:
    """The engines, by their public facts."""
    return tuple(Engine(told.model, told.host, told.offer, Profile()) for told in document.raw.engines)
