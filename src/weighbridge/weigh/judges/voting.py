"""What people vote on: pairs of answers, blind, in one order for all and with sides that are drawn for each voter."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from weighbridge.canon import Ballot
from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh.judges.prompts import answer_text, conversation
from weighbridge.weigh.types import Result, Weighing


class Pair(Struct, frozen=True):
    """Two answers to one question, and whose they are. `key` names all of it: SHA-256."""

    key: str
    sample: str
    question: str
    base: str
    candidate: str
    base_text: str
    candidate_text: str
    cluster: str = ""

    def ballot(self, choice: str, *, voter: str, at: float, first: str) -> Ballot:
        """A vote on it."""
        told = {
            "pair": self.key,
            "sample": self.sample,
            "base": self.base,
            "candidate": self.candidate,
            "choice": choice,
            "voter": voter,
            "at": at,
            "first": first,
            "cluster": self.cluster,
            "base_length": len(self.base_text),
            "candidate_length": len(self.candidate_text),
        }
        return msgspec.convert(told, Ballot)


def make(sample: str, question: str, base: tuple[str, str], candidate: tuple[str, str], cluster: str = "") -> Pair:
    """A pair of a base's and a candidate's (name, answer)."""
    told = msgspec.json.encode([sample, question, *base, *candidate])
    key = hashlib.sha256(told).hexdigest()
    return Pair(key, sample, question, base[0], candidate[0], base[1], candidate[1], cluster)


def of_weighing(weighing: Weighing, candidate: str = "") -> list[Pair]:
    """The pairs of a weighing that one can vote on: both engines answered, and not the same.

    Args:
        weighing: With the answers.
        candidate: One of its engines; "" takes all but the base.

    Raises:
        InputError: There is no such candidate, or no pair to vote on.
    """
    names = [name for name in weighing.results if name != weighing.base]
    if candidate and candidate not in names:
        raise InputError(f"'{candidate}' is no candidate.", where="--candidate", fix=did_you_mean(candidate, names))
    base = weighing.results.get(weighing.base, ())
    found = [
        make(sample.id, conversation(sample.messages), (weighing.base, ours), (name, theirs), sample.cluster)
        for name in ([candidate] if candidate else names)
        for sample, one, other in zip(weighing.samples, base, weighing.results[name], strict=True)
        if (ours := _text(one)) and (theirs := _text(other)) and ours.strip() != theirs.strip()
    ]
    if not found:
        raise InputError(
            "There is no pair of answers to vote on.",
            where=weighing.suite,
            fix="Weigh two engines or more, with the answers: `weigh run SUITE -e A,B --report w.json --with-answers`.",
        )
    return found


def ordered(pairs: Iterable[Pair], seed: int) -> list[Pair]:
    """All pairs in an order of the seed: the same for every voter, so that those who stop early voted on the same ones."""
    found = list(pairs)
    random.Random(seed).shuffle(found)  # noqa: S311 - an order that can be repeated, nothing secret
    return found


def base_first(pair: Pair, voter: str, seed: int) -> bool:
    """Does the base's answer stand first for this voter?"""
    return random.Random(f"{seed}\0{voter}\0{pair.key}").random() < 0.5  # noqa: PLR2004, S311 - a coin, nothing secret


def rows(ballots: Iterable[Ballot]) -> Iterator[dict[str, object]]:
    """Votes as rows for whoever ranks engines; pairs that were skipped are left out."""
    winners = {"base": "a", "candidate": "b", "tie": "tie"}
    for ballot in ballots:
        if ballot.choice in winners:
            yield {
                "a": ballot.base,
                "b": ballot.candidate,
                "winner": winners[ballot.choice],
                "sample": ballot.sample,
                "cluster": ballot.cluster or ballot.sample,
                "a_length": ballot.base_length,
                "b_length": ballot.candidate_length,
                "voter": ballot.voter,
                "at": ballot.at,
                "first": "a" if ballot.first == ballot.base else "b",
            }


def left(pairs: Sequence[Pair], ballots: Iterable[Ballot], voter: str) -> list[Pair]:
    """The pairs that a voter has not voted on."""
    done = {ballot.pair for ballot in ballots if ballot.voter == voter}
    return [pair for pair in pairs if pair.key not in done]


def _text(result: Result) -> str:
    return "" if result.error or result.reply is None else answer_text(result.reply)
