"""The parts of the open scorecard document, version 1. The published schema is made from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from weighbridge.canon import Host, Level, Model, Offer
from weighbridge.weigh.types import Axis, Comparison, Exposure, Judge, Judgement, Preference, Scorecard, Stopping, Toll

FORMAT = "weighbridge-scorecard"
VERSION = 1

Outcome = Literal["graded", "missing", "failed", "absent"]
Role = Literal["answers", "repeat", "again"]
_Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256, in hexadecimal.")]
_Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Software(Struct, frozen=True):
    """What wrote the document."""

    name: str
    version: str


class Samples(Struct, frozen=True, omit_defaults=True):
    """The suite's samples, column by column: entry i of each column belongs to sample i."""

    id: tuple[str, ...]
    digest: Annotated[
        tuple[_Digest, ...], Meta(description="Of each sample as the suite's file has it: question, target, grader.")
    ]
    grader: tuple[str, ...]
    category: tuple[str, ...] = ()
    cluster: Annotated[
        tuple[str, ...], Meta(description="Samples of one cluster are not independent; an empty text: its own.")
    ] = ()
    asks: Annotated[
        tuple[tuple[str, ...], ...], Meta(description="What a sample needs of an engine: tools, schema, image, file.")
    ] = ()
    whole: Annotated[tuple[dict[str, Any], ...], Meta(description="The samples, where they were put in.")] = ()


class SuiteFacts(Struct, frozen=True):
    """What was asked."""

    name: str
    digest: Annotated[_Digest, Meta(description="Of all samples of the suite, asked or not.")]
    samples: Samples


class Run(Struct, frozen=True, omit_defaults=True):
    """How it was asked and decided."""

    day: Annotated[_Day, Meta(description="Whose prices count.")]
    started: Annotated[float, Meta(description="Seconds since 1970.")]
    seed: int
    margin: Annotated[float, Meta(gt=0, lt=1, description="How much worse is still good enough, as a fraction.")]
    alpha: Annotated[float, Meta(gt=0, lt=0.5, description="One-sided error rate.")]
    base: Annotated[str, Meta(description="The contestant that the others are compared with.")]
    levels: Annotated[tuple[Level, ...], Meta(description="Of masking, at each of which every engine was asked.")] = ()
    identifiers_by: Annotated[str, Meta(description="Who named identifiers: suite, detectors, or nobody.")] = ""
    stopped: Annotated[str, Meta(description="Why the run ended early, empty if it did not.")] = ""
    sandbox: Annotated[str, Meta(description="Where the code of answers was run, empty if none was.")] = ""


class Pass(Struct, frozen=True, omit_defaults=True):
    """One contestant's answers to all samples once, column by column, in the order of the samples.

    A column that is left out is empty throughout: null, or the empty text, or false.
    """

    engine: Annotated[str, Meta(description="The contestant: an engine, or `ENGINE +mask LEVEL`.")]
    role: Annotated[
        Role,
        Meta(
            description="answers: the first pass; repeat: a further one, scores are means over all; again: the noise floor."
        ),
    ]
    outcome: Annotated[
        tuple[Outcome, ...],
        Meta(description="graded; missing: nobody could grade it; failed: no answer, scores 0; absent: never asked."),
    ]
    score: Annotated[
        tuple[float | None, ...], Meta(description="A fraction, 1 is right; null unless the outcome is graded.")
    ]
    valid: Annotated[tuple[bool | None, ...], Meta(description="Had the answer the form that was asked for?")] = ()
    label: Annotated[tuple[str, ...], Meta(description="What kind of answer it is, where a grader tells.")] = ()
    why: Annotated[tuple[str, ...], Meta(description="The grader's reason; only beside answers.")] = ()
    error: Annotated[tuple[str, ...], Meta(description="`code: text` where the engine failed.")] = ()
    input: Annotated[tuple[int | None, ...], Meta(description="Tokens; cached and written ones are part of it.")] = ()
    cached: tuple[int | None, ...] = ()
    cache_written: tuple[int | None, ...] = ()
    output: Annotated[tuple[int | None, ...], Meta(description="Tokens; reasoning is part of it.")] = ()
    reasoning: tuple[int | None, ...] = ()
    estimated: Annotated[tuple[bool | None, ...], Meta(description="Were the tokens counted, not told?")] = ()
    cost: Annotated[tuple[int | None, ...], Meta(description="Millionths of the price's currency; null: unknown.")] = ()
    first_token: Annotated[tuple[float | None, ...], Meta(description="Seconds.")] = ()
    total: Annotated[tuple[float | None, ...], Meta(description="Seconds.")] = ()
    at: Annotated[tuple[float, ...], Meta(description="When it was asked, seconds since 1970.")] = ()
    trace: tuple[str, ...] = ()
    reused: Annotated[tuple[bool, ...], Meta(description="Answered by an earlier run, not asked in this one.")] = ()
    finish: Annotated[tuple[str, ...], Meta(description="Why the answer ended.")] = ()
    answer: Annotated[
        tuple[str, ...], Meta(description="SHA-256 of the canonical form of `said`, kept or not; empty: no answer.")
    ] = ()
    characters: Annotated[tuple[int | None, ...], Meta(description="Length of the answer's text.")] = ()
    said: Annotated[
        tuple[tuple[str, str, tuple[tuple[str, str], ...]] | None, ...],
        Meta(description="The answer: its text, its refusal, its tool calls as (name, arguments)."),
    ] = ()
    judged: Annotated[tuple[tuple[Judgement, ...], ...], Meta(description="What each judge said, as it came.")] = ()
    exposure: Annotated[
        tuple[Exposure | None, ...], Meta(description="What the engine saw of identifiers, in counts.")
    ] = ()


class EngineFacts(Struct, frozen=True):
    """Whom it was asked: public facts and prices, dated and with their sources where these are known."""

    model: Model
    host: Host
    offer: Offer


class Raw(Struct, frozen=True, omit_defaults=True):
    """All that the figures are made of."""

    run: Run
    suite: SuiteFacts
    engines: tuple[EngineFacts, ...]
    passes: tuple[Pass, ...]
    judges: tuple[Judge, ...] = ()
    preferences: dict[str, tuple[Preference, ...]] = {}


class Figures(Struct, frozen=True, omit_defaults=True):
    """What is claimed: every figure can be recomputed from the raw part."""

    scorecards: tuple[Scorecard, ...]
    comparisons: dict[str, Comparison]
    noise: Comparison | None = None
    tolls: dict[str, Toll] = {}
    changes: dict[str, tuple[Axis, ...]] = {}
    stopping: dict[str, Stopping] = {}
    preferred: dict[str, Comparison] = {}


class Digests(Struct, frozen=True):
    """Of the canonical forms (RFC 8785): of the raw part, and of the whole without its digests and signature."""

    raw: _Digest
    document: _Digest


class Signature(Struct, frozen=True):
    """Who stands by the document: an Ed25519 signature of its digest's 32 bytes, behind a fixed prefix."""

    algorithm: Literal["ed25519"]
    key: Annotated[str, Meta(description="The public key's 32 bytes, in hexadecimal.")]
    value: Annotated[str, Meta(description="The signature's 64 bytes, in hexadecimal.")]
    by: str = ""


class Page(Struct, frozen=True):
    """The page that carries the document."""

    sha256: Annotated[_Digest, Meta(description="Of the page's bytes without the element that holds the document.")]


class Document(Struct, frozen=True, omit_defaults=True):
    """An open scorecard document: what was measured, what is claimed of it, and digests that tie the two together."""

    format: Annotated[Literal["weighbridge-scorecard"], Meta(description="Always this.")]
    version: Annotated[Literal[1], Meta(description="Of the format. A reader refuses one that it does not know.")]
    software: Software
    raw: Raw
    figures: Figures
    digests: Digests
    page: Annotated[Page | None, Meta(description="Where the document stands in an HTML report.")] = None
    signature: Signature | None = None
