"""Votes on pairs: one of each person on each pair, on every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from weighbridge.canon import Ballot
from weighbridge.errors import InputError
from weighbridge.store import votes
from weighbridge.store.state import State

PAIRS = [f"p{i}" for i in range(9)]


def ballot(pair: str = "p1", voter: str = "ann", **changes) -> Ballot:
    made = Ballot(pair, "s1", "a@x", "b@x", "tie", voter, 5.0, "b@x", base_length=3, candidate_length=4)
    return replace(made, **changes)


def test_a_vote_is_kept_replaced_and_taken_back(state_place: str) -> None:
    state = State(state_place)
    database = state.database
    assert votes.cast_on(database, PAIRS) == []
    votes.cast(database, ballot())
    votes.cast(database, ballot(voter="Jörg \u4f60"))
    votes.cast(database, ballot("p2"))
    votes.cast(database, ballot(choice="base", at=6.0))
    assert [(v.pair, v.voter, v.choice) for v in votes.cast_on(database, PAIRS)] == [
        ("p1", "Jörg \u4f60", "tie"),
        ("p2", "ann", "tie"),
        ("p1", "ann", "base"),
    ]
    assert votes.cast_on(database, ["p2", "p9"]) == [ballot("p2")]
    assert votes.withdraw(database, "p1", "ann")
    assert not votes.withdraw(database, "p1", "ann")
    assert len(votes.cast_on(database, ["p1", "p2"])) == 2
    state.close()


def test_votes_of_many_at_once_are_all_kept(state_place: str) -> None:
    states = [State(state_place) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: votes.cast(states[i % 2].database, ballot(f"p{i % 5}", f"v{i}")), range(20)))
    assert sorted(v.voter for v in votes.cast_on(states[0].database, PAIRS)) == sorted(f"v{i}" for i in range(20))
    for state in states:
        state.close()


@pytest.mark.parametrize("voter", ["", "x" * 256, "a\x1b[2J"])
def test_a_voter_without_a_usable_name_is_refused(tmp_path, voter: str) -> None:
    state = State(tmp_path / "state.db")
    with pytest.raises(InputError, match="voter"):
        votes.cast(state.database, ballot(voter=voter))
    state.close()


def test_what_a_choice_is_worth() -> None:
    assert [ballot(choice=word).score for word in ("candidate", "tie", "base", "skip")] == [1.0, 0.5, 0.0, None]
