"""What `weighbridge vote` shows: two answers without names, and how votes stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli import common
from weighbridge.weigh import numbers
from weighbridge.weigh.judges.panel import beyond_chance
from weighbridge.weigh.numbers import one_line, percent, plural, points, span
from weighbridge.weigh.types import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from weighbridge.canon import Ballot
    from weighbridge.cli.vote_source import Contest
    from weighbridge.weigh.judges.people import Powered, Standing, Summary
    from weighbridge.weigh.judges.voting import Pair

_NAME = 40


def show_turn(out: Console, pair: Pair, *, base_first: bool, at: int, of: int) -> None:
    """A question and two answers."""
    first, second = (pair.base_text, pair.candidate_text) if base_first else (pair.candidate_text, pair.base_text)
    rule = "-" * 8
    _say(out, f"\n{rule} {at} of {of} {rule}")
    if pair.question:
        _say(out, numbers.clean(pair.question))
    for letter, text in (("a", first), ("b", second)):
        _say(out, f"\n{rule} answer {letter} {rule}")
        _say(out, numbers.clean(text))
    _say(out, "")


def show(out: Console, contest: Contest, kept: Sequence[Ballot], *, seed: int, as_json: bool) -> None:
    """How the votes stand."""
    from weighbridge.weigh.judges.people import summarise

    summary = summarise(
        kept, pairs=len(contest.pairs), seed=seed, preferences=contest.preferences, clusters=contest.clusters
    )
    if as_json:
        common.print_json(summary)
        return
    for line in _lines(summary):
        _say(out, line)


def _lines(summary: Summary) -> list[str]:
    voters = plural(len(summary.voters), "voter")
    found = [f"{voters}; {summary.voted} of {plural(summary.pairs, 'pair')} voted on."]
    for standing in summary.standings:
        found += _standing(standing)
    for voter in summary.voters:
        first = f"; the answer on top got {_share(voter.first)}" if voter.first else ""
        skipped = f", {voter.skipped} skipped" if voter.skipped else ""
        found.append(f"{one_line(voter.name, _NAME)}: {plural(voter.votes, 'vote')}{skipped}{first}.")
    found += [harmony.sentence for harmony in summary.raters]
    if len(summary.voters) > 2:  # noqa: PLR2004 - of two, the sentence above says it
        found.append(f"All voters together{beyond_chance('alpha', summary.alpha)}." if summary.alpha else "")
    found += [harmony.sentence for harmony in summary.judges]
    found += [_powered(told) for told in summary.powered]
    return [line for line in found if line]


def _powered(told: Powered) -> str:
    name = one_line(told.candidate, _NAME)
    return (
        f"Judges corrected by {told.voted} voted pairs of {told.pairs}: people would prefer {name} in "
        f"{_share(told.estimate)}; judges alone say {percent(told.judges_alone)}, votes alone {_share(told.votes_alone)}."
    )


def _standing(told: Standing) -> list[str]:
    one, other = one_line(told.candidate, _NAME), one_line(told.base, _NAME)
    pairs = plural(told.share.n, "pair")
    counts = f"{told.candidate_votes} for it, {told.base_votes} against, {plural(told.ties, 'tie')}"
    return [
        f"{one} is preferred to {other} in {_share(told.share)} of {pairs}, ties as half.",
        f"  {plural(told.votes, 'vote')}: {counts}.",
    ]


def _share(share: Interval) -> str:
    return f"{percent(share.value)} ({span(share.low, share.high)})" if share.n else points(None)


def _say(out: Console, text: str) -> None:
    from rich.text import Text

    safe = common.printable(text)
    out.print(Text(safe if out.encoding.lower().startswith("utf") else numbers.ascii_only(safe)))
