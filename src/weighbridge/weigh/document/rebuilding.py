"""From a checked document back to the weighing that it was written from, as far as it tells it."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import Engine, FilePart, ImagePart, Message, Profile, TextPart, Tool
from weighbridge.canon.parts import Part
from weighbridge.errors import InputError
from weighbridge.weigh.document import columns
from weighbridge.weigh.document.reading import Opened
from weighbridge.weigh.document.shape import Document
from weighbridge.weigh.document.strict import REMAKE
from weighbridge.weigh.types import Sample, Suite, Weighing


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
                f"A sample cannot be used: {error}.", where="raw.suite.samples.whole", fix=REMAKE
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
