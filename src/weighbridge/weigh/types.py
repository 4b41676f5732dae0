"""What weighing is made of: samples, results, and the scorecards and verdicts drawn from them."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from weighbridge.canon import Engine, Level, Message, Reply, Tool, Usage

VerdictWord = Literal["safe", "unsafe", "undecided"]


class Identifier(Struct, frozen=True, omit_defaults=True):
    """A value within a sample that says who somebody is. `kind` is one of masking's, or "" where nobody told."""

    value: str
    kind: str = ""


class Sample(Struct, frozen=True, omit_defaults=True):
    """One question and how its answer is graded.

    `target` is what the grader compares with: text, a number, or a list of accepted ones.
    `cluster` joins samples that are not independent (one document, one conversation); "" means: its own.
    `identifiers` are what an engine would not see if masking missed nothing.
    """

    id: str
    messages: tuple[Message, ...]
    target: Any = None
    grader: str = "exact"
    category: str = ""
    cluster: str = ""
    tools: tuple[Tool, ...] = ()
    schema: dict[str, Any] | None = None
    max_tokens: int | None = None
    identifiers: tuple[Identifier, ...] = ()


class Suite(Struct, frozen=True):
    """Samples to weigh on, in order. `digest` names their content (SHA-256, hexadecimal)."""

    name: str
    samples: tuple[Sample, ...]
    digest: str


class Judgement(Struct, frozen=True, omit_defaults=True):
    """What one judge said once. `score` is a fraction, None where it said nothing that can be read, however often asked.

    Of one answer, 1 is as good as the rubric asks. Of a pair, 1 prefers the candidate, 0 the base, 0.5 neither; `first`
    names the contestant whose answer stood first. `cost` is in micro-units. `said` is its answer, word for word.
    """

    judge: str
    score: float | None = None
    why: str = ""
    first: str = ""
    tries: int = 1
    cost: int | None = None
    said: str = ""


class Judge(Struct, frozen=True, omit_defaults=True):
    """Who judged, and with what words: enough to ask the same again.

    `kind` is rubric or pairwise. `version` names the prompt's text, `prompt` is that text before a sample's own parts are
    put in, `digest` its SHA-256. `kin` are the contestants of the judge's own family, where it judged all the same.
    """

    engine: str
    kind: str
    version: str
    prompt: str
    digest: str
    seed: int = 0
    kin: tuple[str, ...] = ()


class Grade(Struct, frozen=True, omit_defaults=True):
    """What a grader says of one answer.

    `score` is a fraction: 1 is right. `valid` tells whether the answer had the form that was asked for,
    None where the sample asks for none. `why` is one line for people. `label` names what the answer is, where the grader
    tells kinds of answers apart. `missing`: nobody could grade it; it counts in no mean and is never a loss.
    """

    score: float
    valid: bool | None = None
    why: str = ""
    label: str = ""
    missing: bool = False
    judged: tuple[Judgement, ...] = ()


class Exposure(Struct, frozen=True, omit_defaults=True):
    """What an engine saw of one sample: counts alone, by kind, never a value.

    `identifiers` is how many there are, `leaked` how many of them the engine saw, `partly` how many of them whole or in
    part. `masked` is how many values were masked. `words` counts those that belong to no identifier, `hidden` those among
    them that the engine did not see.
    """

    level: Level
    identifiers: dict[str, int] = {}
    leaked: dict[str, int] = {}
    partly: dict[str, int] = {}
    masked: dict[str, int] = {}
    words: int = 0
    hidden: int = 0


class Result(Struct, frozen=True, omit_defaults=True):
    """One engine's answer to one sample. Where the engine failed, `error` is set and `grade` is None.

    A failed call scores 0 in every mean: an engine that does not answer has not answered well.
    """

    sample: str
    engine: str
    grade: Grade | None = None
    reply: Reply | None = None
    usage: Usage | None = None
    cost: int | None = None  #: micro-units
    first_token: float | None = None  #: seconds
    total: float | None = None  #: seconds
    at: float = 0.0
    error: str = ""
    trace: str = ""
    reused: bool = False  #: taken from an earlier run, not asked again
    exposure: Exposure | None = None  #: None where it was not asked at a level of masking
    key: bytes = b""  #: under which the store of results keeps the reply that is not here; see `kept.fetch`

    @property
    def score(self) -> float:
        """The grade's score; 0 where the engine failed."""
        return self.grade.score if self.grade else 0.0

    @property
    def missing(self) -> bool:
        """There is an answer that nobody could grade."""
        return self.grade is not None and self.grade.missing


class Preference(Struct, frozen=True, omit_defaults=True):
    """Which of two answers to one sample is better: the base's or the candidate's.

    `score` is the mean over judges and both orders: 1 prefers the candidate, 0 the base, 0.5 neither; None is missing.
    Lengths are characters of the answers' texts. `note` says why no judge was asked, where none was. `addressed` names
    those of the two engines whose answers speak to the judge.
    """

    sample: str
    score: float | None = None
    judged: tuple[Judgement, ...] = ()
    base_length: int = 0
    candidate_length: int = 0
    note: str = ""
    addressed: tuple[str, ...] = ()


class Stopping(Struct, frozen=True, omit_defaults=True):
    """When a sequential comparison of a candidate with the base stopped, and what it saved.

    `used` of `of` pairs were looked at. `low` and `high` are the ends of the always-valid one-sided bounds then.
    `saved_calls` were never made; `saved_cost` is what they would have cost, in micro-units, by the mean of those made.
    """

    verdict: VerdictWord
    used: int
    of: int
    low: float
    high: float
    saved_calls: int = 0
    saved_cost: int | None = None


class Interval(Struct, frozen=True):
    """An estimate with the two-sided interval around it, and the number of samples behind it."""

    value: float
    low: float
    high: float
    n: int


class Comparison(Struct, frozen=True):
    """The paired comparison of a candidate with a base. Scores and differences are fractions.

    `se` and `z` are the plain paired ones; `ci_low` and `ci_high` are the one-sided bounds that decide.
    """

    n: int
    base_mean: float
    candidate_mean: float
    difference: float
    se: float
    ci_low: float
    ci_high: float
    z: float | None
    verdict: VerdictWord
    more_needed: int | None
    margin: float
    alpha: float
    method: str
    clusters: int | None = None
    discordant: int | None = None
    se_clustered: float | None = None  #: robust to what clusters share; None without clusters or with only one


class Axis(Struct, frozen=True, omit_defaults=True):
    """One figure of an engine: a number or a word, None where it is unknown.

    `low` and `high` are the ends of a two-sided 95 % interval; None has no end there, or no interval. `n` counts what is
    behind it. `applies`: is there anything to measure in this suite, or of this kind of engine? `source` and `date` say
    where a fact comes from, and when it was looked up; a measured figure is of the run and its day.
    """

    name: str
    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = ""  #: share, tokens, seconds, tokens/s, of 100, a currency, or "" for words and counts
    applies: bool = True
    source: str = ""
    date: str = ""
    note: str = ""


class Masked(Struct, frozen=True, omit_defaults=True):
    """What an engine saw of all samples, at one level of masking. None means unknown, never zero.

    `leak` is the share of identifiers that it saw, `partly` of those that it saw whole or in part, `samples` the share
    of samples of which it saw at least one. `over_masked` is the share of words hidden from it that belong to no identifier.
    """

    level: Level
    leak: Interval | None = None
    partly: Interval | None = None
    samples: Interval | None = None
    by_kind: dict[str, Interval] = {}
    per_sample: float = 0.0  #: values that were masked
    kinds: dict[str, int] = {}  #: values that were masked in all samples
    over_masked: float | None = None
    over_masked_words: int | None = None


class Toll(Struct, frozen=True, omit_defaults=True):
    """What a level of masking takes beside quality, pair by pair: the candidate's figure minus the base's.

    Times are medians of the pairs' differences, in seconds. Costs are in units of the engine's currency.
    """

    n: int
    first_token: float | None = None
    total: float | None = None
    cost_per_1000: float | None = None
    tokens_in: float | None = None  #: per request, on average


class Scorecard(Struct, frozen=True, omit_defaults=True):
    """One engine's figures on every axis. None means unknown, never zero."""

    engine: str
    title: str
    quality: Interval
    by_category: dict[str, Interval]
    validity: Interval | None = None
    cost_per_1000: float | None = None  #: units of `currency`, not micro-units
    cost_per_solved: float | None = None
    currency: str = "USD"
    price_source: str = ""
    first_token_p50: float | None = None  #: seconds
    first_token_p95: float | None = None
    total_p50: float | None = None
    total_p95: float | None = None
    tokens_per_second: float | None = None  #: output tokens after an answer's first, over the time that they took
    usage: Usage = Usage()
    spent: int | None = None  #: micro-units, of calls that were made in this run
    failures: int = 0
    context: int | None = None
    open_weights: bool | None = None
    licence: str = ""
    lab: str = ""
    lab_country: str = ""
    host: str = ""
    jurisdiction: str = ""
    released: str = ""
    masked: Masked | None = None  #: where the engine is weighed at levels of masking
    axes: tuple[Axis, ...] = ()  #: every axis, also those that nothing is known of; see docs/axes.md


class Weighing(Struct, frozen=True, omit_defaults=True):
    """A whole run: everything that the scorecard, the report and `--json` show."""

    suite: str
    digest: str
    started: float
    day: str
    seed: int
    margin: float
    alpha: float
    base: str
    scorecards: tuple[Scorecard, ...]
    comparisons: dict[str, Comparison]  #: by candidate, each against `base`
    samples: tuple[Sample, ...] = ()
    results: dict[str, tuple[Result, ...]] = {}  #: by engine, in the order of `samples`
    noise: Comparison | None = None  #: `base` against itself, asked twice
    version: str = ""
    stopped: str = ""  #: why the run ended early, "" if it did not
    tolls: dict[str, Toll] = {}  #: by candidate, where an engine is weighed against itself at levels of masking
    identifiers_by: str = ""  #: who named the identifiers: suite, detectors, or "" where none was looked for
    repeats: dict[str, tuple[tuple[Result, ...], ...]] = {}  #: by engine: each further pass, in the order of `samples`
    stopping: dict[str, Stopping] = {}  #: by candidate, where the run was sequential
    preferences: dict[str, tuple[Preference, ...]] = {}  #: by candidate, where judges or people compared answers
    changes: dict[str, tuple[Axis, ...]] = {}  #: by candidate: how it differs from the base on axes beside quality
    preferred: dict[str, Comparison] = {}  #: the same in figures: scores are the shares that preferred either side
    judges: tuple[Judge, ...] = ()  #: who judged, where any did
    engines: tuple[Engine, ...] = ()  #: who was asked: public facts alone, see `engine_facts`
    levels: tuple[Level, ...] = ()  #: of masking, at each of which every engine was asked
    again: tuple[Result, ...] = ()  #: the base's second answers, which `noise` compares with its first
    sandbox: str = ""  #: where the code of answers was run, "" where none was
    source: dict[str, Any] = {}  #: the scorecard document that this was read from, where it was
