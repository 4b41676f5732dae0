"""Leases: what several machines take of one limit never passes it, is found when it is wanted, and goes back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.access import refusals, table
from weighbridge.access.lender import HELD, Lender, unlease
from weighbridge.access.meters import CONCURRENCY, DAY, FIELDS, REQUESTS, Meters, Refusal, Reservation, Want
from weighbridge.access.rules import Rules
from weighbridge.canon import Attempt, Record, Rule, Trace
from weighbridge.errors import StoreError

NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z


class Time:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


class Shared:
    """A database with what all machines took."""

    def __init__(self, clock):
        self.clock = clock
        self.taken = {}
        self.held = {}
        self.away = False
        self.asked = 0

    def take(self, subject, field, span, want, limit):
        self._look()
        had = self.taken.get((subject, field, span), 0)
        got = max(0, min(want, limit - had))
        self.taken[subject, field, span] = had + got
        return got

    def give_back(self, subject, field, span, amount):
        self._look()
        assert 0 < amount <= self.taken[subject, field, span]
        self.taken[subject, field, span] -= amount

    def hold(self, subject, holder, want, limit, *, seconds):
        self._look()
        others = sum(n for at, (n, until) in self.held.items() if at != (subject, holder) and until > self.clock())
        self.held[subject, holder] = max(0, min(want, limit - others)), self.clock() + seconds
        return self.held[subject, holder][0]

    def of(self, field, minute="2026-11-23T12:00"):
        """What was taken, of what is counted by the minute: in one."""
        counted = {span for _, _, span in self.taken if "T" not in span or span == minute}
        return sum(amount for (_, one, span), amount in self.taken.items() if one == field and span in counted)

    def _look(self):
        self.asked += 1
        if self.away:
            raise StoreError("The database does not answer.")


class Machine:
    def __init__(self, folder, clock, shared, rule, spent=0, share=0.05):
        self.meters = Meters(folder, now=clock, leased=True)
        self.rules = Rules()
        self.clock, self.shared, self.spent = clock, shared, spent
        self.lender = Lender(
            self.meters, self.rules, shared, spent=lambda *_: self.spent, share=share, holder=str(folder), now=clock
        )
        self.set(rule)

    def set(self, rule):
        record = Record("rule", rule.subject, 1, msgspec.json.encode(rule))
        self.rules.apply([record])
        self.lender.apply([record])

    def call(self, field=REQUESTS, amount=1, limit=None, tries=3):
        rule = self.rules.of("key:k")
        limit = getattr(rule, FIELDS[field]) if limit is None else limit
        currency = rule.currency if rule is not None and field >= DAY else ""
        for _ in range(tries):
            found = self.meters.reserve([Want("key:k", field, amount, limit, currency=currency)])
            if isinstance(found, Reservation):
                return found
            self.lender.tick()
        return found

    def granted(self, field):
        return sum(one.granted for one in self.meters.standings() if one.field == FIELDS[field])


@pytest.fixture(autouse=True, scope="module")
def small():
    """Tables of a few subjects: each test makes several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "SUBJECTS", 64)
        patch.setattr(table, "HOLDS", 128)
        yield


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def shared(clock):
    return Shared(clock)


@pytest.fixture
def machines(tmp_path, clock, shared):
    made: list[Machine] = []

    def make(rule=None, count=2, **how):
        rule = rule or Rule("key:k", requests=100, concurrency=10, day=1000)
        for _ in range(count):
            made.append(Machine(tmp_path / f"m{len(made)}", clock, shared, rule, **how))
        return made[-count:]

    yield make
    for one in made:
        one.meters.close()


def test_two_machines_let_through_what_the_limit_says_and_no_more(machines, shared):
    a, b = machines()
    done = [isinstance(machine.call(), Reservation) for _ in range(80) for machine in (a, b)]
    assert sum(done) == 100
    assert shared.of("requests") == 100
    refused = a.call()
    assert isinstance(refused, Refusal)
    assert refused.why == "limit"  # at once, not as if the store were away
    assert "50 are used or reserved on this machine, others have the rest" in str(refusals.error(refused, NOON))


def test_a_lease_is_a_share_of_the_limit_and_taken_ahead(machines, shared):
    (a,) = machines(count=1)
    a.call()
    assert a.granted(REQUESTS) == 5
    asked = shared.asked
    waited = [isinstance(a.call(tries=1), Reservation) or a.lender.tick() for _ in range(2)]
    assert waited == [True, True]
    a.lender.tick()
    assert a.granted(REQUESTS) == 10  # half was used: renewed before anybody waits
    assert shared.asked == asked + 1


def test_whoever_is_busy_has_a_lease_of_the_next_minute_when_it_begins_even_with_the_store_away(
    machines, shared, clock
):
    (a,) = machines(count=1)
    for _ in range(7):
        a.call()
        clock.now += 1
        a.lender.tick()
    assert shared.of("requests", "2026-11-23T12:01") == 5
    shared.away = True
    clock.now = NOON + 60
    a.lender.tick()
    assert [isinstance(a.call(tries=1), Reservation) for _ in range(6)] == [True] * 5 + [False]


def test_a_lease_of_the_next_minute_goes_back_at_the_end_and_with_the_rule(machines, shared, clock):
    def change(one):
        one.set(Rule("key:k", requests=50))
        one.lender.tick()

    for end in (lambda one: one.lender.end(), change):
        (a,) = machines(count=1)
        a.call()
        a.lender.tick()
        clock.now += 1
        a.lender.tick()
        assert shared.of("requests", "2026-11-23T12:01") == 1
        end(a)
        assert shared.of("requests", "2026-11-23T12:01") == 0
        shared.taken.clear()


def test_a_limit_too_small_to_share_is_taken_one_by_one(machines, shared):
    a, b = machines(Rule("key:k", requests=3))
    assert isinstance(a.call(), Reservation)
    assert shared.of("requests") == 1
    assert [isinstance(m.call(), Reservation) for m in (b, b, a, b)] == [True, True, False, False]


def test_what_is_not_used_goes_back_when_it_is_quiet(machines, shared, clock):
    a, b = machines(Rule("key:k", requests=10), share=1.0)
    a.call()
    assert shared.of("requests") == 10
    assert isinstance(b.call(), Refusal)
    for _ in range(8):
        a.lender.tick()
        clock.now += 1
    assert shared.of("requests") == 1
    assert isinstance(b.call(), Reservation)


def test_at_a_clean_end_only_what_was_used_stays_taken(machines, shared):
    (a,) = machines(count=1)
    for field, amount in ((REQUESTS, 1), (CONCURRENCY, 1), (DAY, 7)):
        a.call(field, amount)
    a.lender.end()
    assert (shared.of("requests"), shared.of("day")) == (1, 7)
    assert [held for held, _ in shared.held.values()] == [1]


def test_with_the_store_away_what_was_leased_is_used_up_and_no_more(machines, shared, clock):
    (a,) = machines(count=1)
    a.call()
    shared.away = True
    assert [isinstance(a.call(), Reservation) for _ in range(4)] == [True] * 4
    refused = a.call()
    assert refused.why == "lease"
    assert "does not answer" in a.lender.problem
    shared.away = False
    clock.now += 1
    assert isinstance(a.call(), Reservation)
    assert a.lender.problem == ""


def test_requests_at_a_time_are_kept_over_windows_and_given_to_others_once_their_holder_is_gone(
    machines, shared, clock
):
    a, b = machines(Rule("key:k", concurrency=4))
    assert all(isinstance(a.call(CONCURRENCY), Reservation) for _ in range(4))
    for _ in range(40):  # b asks all the time, while a renews
        assert isinstance(b.call(CONCURRENCY), Refusal)
        clock.now += 1
        a.lender.tick()
        assert a.granted(CONCURRENCY) == 4
    clock.now += HELD  # a is gone
    b.lender.tick()
    assert all(isinstance(b.call(CONCURRENCY), Reservation) for _ in range(4))


def test_requests_at_a_time_that_one_gives_back_are_free_for_the_other(machines, clock):
    a, b = machines(Rule("key:k", concurrency=4), share=0.5)
    mine = [a.call(CONCURRENCY) for _ in range(3)]
    assert isinstance(b.call(CONCURRENCY), Refusal)
    a.meters.settle([(mine.pop(), None), (mine.pop(), None)], None)
    for _ in range(3):
        clock.now += 1
        a.lender.tick()
    assert a.granted(CONCURRENCY) == 1
    theirs = [b.call(CONCURRENCY) for _ in range(3)]
    assert all(isinstance(one, Reservation) for one in theirs)
    b.meters.settle([(theirs.pop(), None)], None)
    for _ in range(3):
        clock.now += 1
        b.lender.tick()
    assert (a.granted(CONCURRENCY), b.granted(CONCURRENCY)) == (1, 2)


def test_the_requests_at_a_time_of_a_machine_that_was_cut_off_are_not_its_own_any_more(machines, shared, clock):
    a, b = machines(Rule("key:k", concurrency=4))
    held = [a.call(CONCURRENCY) for _ in range(4)]
    clock.now += 2 * HELD
    assert isinstance(b.call(CONCURRENCY), Reservation)
    a.lender.tick()
    assert a.granted(CONCURRENCY) == 3
    a.meters.settle([(held[0], None)], None)
    assert isinstance(a.call(CONCURRENCY), Refusal)


def test_what_was_spent_before_the_budget_counts_once_for_all_machines(machines, shared):
    a, b = machines(spent=900)
    assert isinstance(a.call(DAY, 60), Reservation)
    assert isinstance(b.call(DAY, 40), Reservation)
    assert isinstance(b.call(DAY, 1), Refusal)
    assert shared.of("day") == 1000


def test_more_was_spent_than_reserved_and_the_next_lease_makes_up_for_it(machines, shared):
    (a,) = machines(count=1, share=0.001)
    found = a.call(DAY, 10)
    attempt = Attempt(engine="e@h", started=0.0, ended=1.0, billed=True, cost=500)
    trace = Trace(id="t", at=NOON, route="r", engine="e@h", source="gateway", key="k", attempts=(attempt,), total=1.0)
    a.meters.settle([(found, None)], trace)
    a.call(DAY, 10)
    assert shared.of("day") >= 510


def test_a_smaller_limit_holds_for_what_was_leased_under_the_larger_one(machines, shared, clock):
    a, b = machines(share=1.0)
    a.call()
    assert shared.of("requests") == 100
    for one in (a, b):
        one.set(Rule("key:k", requests=5))
    a.lender.tick()
    assert shared.of("requests") == 1
    clock.now += 1
    assert sum(isinstance(m.call(), Reservation) for _ in range(5) for m in (a, b)) == 4


def test_a_rule_that_is_gone_asks_for_nothing(machines, shared):
    (a,) = machines(count=1)
    a.rules.apply([Record("rule", "key:k", 2, None)])
    assert isinstance(a.call(limit=100), Refusal)
    assert shared.asked == 0


def test_a_machine_that_shares_no_more_has_all_of_each_limit(machines):
    (a,) = machines(count=1)
    a.call()
    unlease(a.meters)
    assert a.granted(REQUESTS) == -1


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(0, 30),
    share=st.sampled_from((0.01, 0.05, 0.5, 1.0)),
    field=st.sampled_from((REQUESTS, CONCURRENCY, DAY)),
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(("call", "end", "tick", "wait", "away", "stop"))), max_size=60
    ),
)
def test_whatever_happens_no_limit_is_passed(tmp_path_factory, limit, share, field, steps):
    clock = Time()
    shared = Shared(clock)
    rule = Rule("key:k", requests=limit, concurrency=limit, day=limit)
    folder = tmp_path_factory.mktemp("machines")
    machines = [Machine(folder / str(number), clock, shared, rule, share=share) for number in range(3)]
    open_calls: list[list[Reservation]] = [[], [], []]
    for number, step in steps:
        _step(machines, number, step, field, open_calls[number])
        if field != REQUESTS:
            assert sum(map(len, open_calls)) <= limit
        assert all(amount <= limit for amount in shared.taken.values())
        assert sum(amount for amount, until in shared.held.values() if until > clock()) <= limit
        used = sum(s.used + s.reserved for m in machines for s in m.meters.standings() if s.field == FIELDS[field])
        assert used <= limit
    for machine in machines:
        machine.meters.close()


def _step(machines, number, step, field, under_way):
    machine = machines[number]
    if step == "call":
        found = machine.call(field)
        if isinstance(found, Reservation):
            under_way.append(found)
    elif step == "end" and under_way:
        machine.meters.settle([(under_way.pop(), None)], None)
    elif step == "wait":
        machine.clock.now += 1.0
        for one in machines:
            one.lender.tick()
    elif step == "away":
        machine.shared.away = not machine.shared.away
    elif step == "stop":
        machine.lender.end()
    machine.lender.tick()
