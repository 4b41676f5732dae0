"""Keys: made, found, rotated, revoked; and what a keyring lets in."""

from __future__ import annotations

import base64
import hmac
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from weighbridge.access import keyring as keyring_module
from weighbridge.access import keys
from weighbridge.access.keyring import MAX_SHOWN, Keyring
from weighbridge.canon import Act, Key, Policy, Record, allows
from weighbridge.errors import AccessError, ForbiddenError, InputError, NotFoundError
from weighbridge.store.state import State

BY: Any = {"who": "ann", "at": 1000.0}


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def ring(state, **how):
    made = Keyring(**how)
    made.apply(state.records("key"))
    return made


def refusal(ring, *shown, now=1001.0, admin=False):
    with pytest.raises(AccessError) as error:
        ring.check([one.encode() if isinstance(one, str) else one for one in shown], now, admin=admin)
    return error.value


# --- what is kept -----------------------------------------------------------------------------


def test_a_secret_is_nowhere_in_what_is_kept(state, tmp_path):
    made = keys.create(state, name="shop", metadata={"owner": "ann"}, policy=Policy(no_training=True), **BY)
    again = keys.rotate(state, "shop", overlap=10, **BY)
    state.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"shop" in kept
    for secret in (made.secret, again.secret):
        assert secret.rpartition("-")[2].encode() not in kept
        assert secret not in repr(made) + repr(again) + str(made)
    assert len({made.secret, again.secret}) == 2


def test_a_secret_holds_256_random_bits(state):
    asked = []

    def random(size):
        asked.append(size)
        return bytes([len(asked)] * size)

    made = keys.create(state, name="shop", random=random, **BY)
    assert asked == [5, 32]
    assert made.secret == f"wb-{made.key.id}-" + base64.b32encode(bytes([2] * 32)).decode().lower().rstrip("=")


def test_acts_are_written_down_without_secrets(state):
    secrets = [keys.create(state, name="shop", team="web", routes=["a"], why="first", acting="admin", **BY).secret]
    secrets.append(keys.rotate(state, "shop", overlap=5, **BY).secret)
    keys.revoke(state, "shop", why="gone", **BY)
    keys.revoke(state, "shop", why="twice", **BY)
    with state._database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT data FROM audit ORDER BY sequence").all()
    acts = [msgspec.json.decode(row.data) for row in rows]
    assert [act["action"] for act in acts] == ["key.create", "key.rotate", "key.revoke"]
    assert acts[0]["detail"] == {"name": "shop", "team": "web", "routes": "a"}
    assert (acts[0]["role"], acts[2]["why"]) == ("admin", "gone")
    assert not [secret for secret in secrets if secret[12:] in str(acts)]


# --- finding ----------------------------------------------------------------------------------


def test_found_by_name_or_id_those_in_use_first(state):
    old = keys.create(state, name="shop", **BY).key
    keys.revoke(state, "shop", **BY)
    assert keys.find(state, "shop").id == old.id
    new = keys.create(state, name="shop", who="ann", at=2000.0).key
    assert keys.find(state, "shop").id == new.id
    assert keys.find(state, old.id).revoked == 1000.0
    assert [key.id for key in keys.listed(state)] == [new.id, old.id]
    with pytest.raises(NotFoundError, match="No key is called 'shup'"):
        keys.find(state, "shup")


def test_two_of_one_name_are_told_apart_by_id(state):
    one = keys.create(state, name="shop", **BY).key
    other = msgspec.structs.replace(one, id="twin")  # as two administrators at the same instant may bring about
    state.alter("key", "twin", lambda _: msgspec.json.encode(other), Act(1.0, "bob", "key.create"))
    with pytest.raises(InputError) as error:
        keys.revoke(state, "shop", **BY)
    assert one.id in error.value.fix
    assert "twin" in error.value.fix
    assert keys.revoke(state, "twin", **BY).id == "twin"
    assert keys.find(state, one.id).revoked is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("name", name)
            for name in ("", " a", "a ", "-a", "a/b", "a:b", "a\n", "a\x00", "x" * 65, "*", "a'--", "a\u202eb")
        ),
        *(("team", name) for name in ("team:x", "*", "a\tb")),
        ("role", "root"),
        ("expires", 999.0),
        ("expires", 1000.0),
        ("expires", float("nan")),
        ("expires", float("inf")),
        *(("routes", [pattern]) for pattern in ("", "a b", "a,b", "a\x00", "x" * 201, "a\u2028b")),
        ("routes", ["a"] * 101),
        ("dialects", ["openai"]),
        ("policy", Policy(jurisdictions=("nowhere",))),
        ("policy", Policy(max_output=0)),
        ("metadata", {"": "x"}),
        ("metadata", {"a": "x" * 513}),
        ("metadata", {str(n): "" for n in range(33)}),
    ],
)
def test_fields_that_cannot_be_used(state, field, value):
    with pytest.raises(InputError) as error:
        keys.create(state, **({"name": "shop"} | BY | {field: value}))
    assert error.value.where == field
    assert error.value.fix
    assert keys.listed(state) == []


def test_names_of_all_the_world(state):
    for name in ("shop", "Büro 7", "ключ", "鍵", "a.b+c@d_e-f"):
        assert keys.create(state, name=name, **BY).key.name == name
    with pytest.raises(InputError, match="in use has the name 'shop'"):
        keys.create(state, name="shop", **BY)


def test_a_role_has_no_scopes(state):
    with pytest.raises(InputError, match="asks for no answers"):
        keys.create(state, name="ops", role="admin", routes=["a"], **BY)


# --- letting in -------------------------------------------------------------------------------


def test_rotation_overlaps(state):
    old = keys.create(state, name="shop", **BY).secret
    new = keys.rotate(state, "shop", overlap=60, **BY).secret
    known = ring(state)
    assert known.check([old.encode()], 1059.9).name == "shop"
    assert known.check([new.encode()], 1e9).name == "shop"
    assert str(refusal(known, old, now=1060.0)) == str(refusal(known, "wb-nobody-x"))
    last = keys.rotate(state, "shop", overlap=0, who="ann", at=1010.0).secret
    known = ring(state)
    assert known.check([last.encode()], 1011.0)
    refusal(known, new, now=1011.0)
    refusal(known, old, now=1011.0)  # an overlap of 0 ends those that still overlap, too
    with pytest.raises(InputError, match="not possible"):
        keys.rotate(state, "shop", overlap=-1, **BY)


def test_rotation_is_bounded(state):
    keys.create(state, name="shop", **BY)
    for _ in range(keys.MAX_SECRETS - 1):
        keys.rotate(state, "shop", overlap=60, **BY)
    with pytest.raises(InputError, match="secrets open this key already"):
        keys.rotate(state, "shop", overlap=60, **BY)
    assert keys.shown(keys.find(state, "shop"), 1001.0).secrets == keys.MAX_SECRETS
    keys.rotate(state, "shop", overlap=60, who="ann", at=1061.0)


def test_what_has_ended_is_not_rotated_back_to_life(state):
    keys.create(state, name="short", expires=1010.0, **BY)
    with pytest.raises(InputError, match="has expired"):
        keys.rotate(state, "short", overlap=5, who="ann", at=1010.0)
    made = keys.rotate(state, "short", overlap=5, who="ann", at=1010.0, expires=2000.0)
    assert made.key.expires == 2000.0
    keys.revoke(state, "short", **BY)
    with pytest.raises(InputError, match="was revoked"):
        keys.rotate(state, "short", overlap=5, expires=3000.0, **BY)


def test_standing(state):
    made = keys.create(state, name="short", expires=1010.0, **BY).key
    assert keys.shown(made, 1009.0).standing == "active"
    assert keys.shown(made, 1010.0).standing == "expired"
    assert "hashes" not in msgspec.json.encode(keys.shown(made, 0.0)).decode()
    assert made.hashes[0][0] not in msgspec.json.encode(keys.shown(made, 0.0)).decode()


def test_a_gateway_asks_for_keys_from_the_first_one_on(state):
    assert not ring(state).required
    assert ring(state, required=True).required
    keys.create(state, name="ops", role="admin", **BY)
    assert not ring(state).required
    keys.create(state, name="shop", **BY)
    keys.revoke(state, "shop", **BY)
    known = ring(state)
    assert known.required
    known.apply([Record(record.kind, record.name, record.revision + 1, None) for record in state.records("key")])
    assert known.required


def test_refusals_look_alike(state, caplog):
    secret = keys.create(state, name="shop", **BY).secret
    gone = keys.create(state, name="gone", **BY).secret
    keys.revoke(state, "gone", **BY)
    known = ring(state)
    told = {
        str(refusal(known, shown))
        for shown in (
            gone,
            secret[:-1] + "A",
            secret + "x",
            f"{secret} ",
            "wb-",
            "wb--",
            "",
            "nonsense",
            b"\xff\xfe",
            "x" * 100_000,
        )
    }
    assert len(told) == 1
    assert str(refusal(known)) not in told  # that nothing was shown may be said
    with caplog.at_level(logging.WARNING):
        for now in (1002.0, 1003.0, 1063.0):
            refusal(known, gone, now=now)
            refusal(known, "wb-nobody-x", now=now)
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "gone" in line]) == 1 + 1  # of the first refusal above, and a minute later
    assert not [line for line in lines if gone in line or secret in line]


def test_expired_keys_and_wrong_doors_say_so_to_those_who_hold_them(state):
    secret = keys.create(state, name="short", expires=1010.0, **BY).secret
    role = keys.create(state, name="ops", role="viewer", **BY).secret
    known = ring(state)
    assert "expired" in str(refusal(known, secret, now=1010.0))
    assert "expired" not in str(refusal(known, secret[:-1], now=1010.0))
    assert isinstance(refusal(known, role), ForbiddenError)
    assert isinstance(refusal(known, secret, admin=True), ForbiddenError)
    assert known.check([role.encode()], 1001.0, admin=True).role == "viewer"
    assert known.check([b"placeholder", secret.encode()], 1001.0).name == "short"
    refusal(known, *["x"] * MAX_SHOWN, secret)


def test_secrets_are_compared_in_constant_time_whatever_is_shown(state, monkeypatch):
    secret = keys.create(state, name="shop", **BY).secret
    other = keys.create(state, name="other", **BY).secret
    keys.revoke(state, "other", **BY)
    known = ring(state)
    seen = []

    def watched(one, two):
        seen.append((len(one), len(two)))
        return hmac.compare_digest(one, two)

    monkeypatch.setattr(keyring_module, "compare_digest", watched)
    for shown in (secret, other, "wb-nobody-x", "", "x", secret[:-1], secret * 50, "wb-" + secret.split("-")[1]):
        seen.clear()
        try:
            known.check([shown.encode()], 1001.0)
        except AccessError:
            assert shown != secret
        assert seen == [(32, 32)], shown


def test_a_record_that_cannot_be_read_opens_nothing_and_no_door(caplog):
    known = Keyring()
    known.apply([Record("key", "k", 1, b"{"), Record("rule", "x", 2, b"{"), Record("key", "l", 3, b'{"id":"l"}')])
    assert known.required
    bad = Key(id="m", name="m", created=0.0, hashes=(("zz", None),))
    known.apply([Record("key", "m", 4, msgspec.json.encode(bad))])
    assert len(caplog.records) == 3
    refusal(known, "wb-k-x")
    bare = Key(id="n", name="n", created=0.0)
    known.apply([Record("key", "n", 5, msgspec.json.encode(bare))])
    refusal(known, "wb-n-x")


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_nothing_that_is_made_up_opens_a_door(shown):
    known = Keyring()
    proof = keys.hashed(b"wb-k-right").hex()
    known.apply(
        [Record("key", "k", 1, msgspec.json.encode(Key(id="k", name="k", created=0.0, hashes=((proof, None),))))]
    )
    for one in (shown, b"wb-k-" + shown, b"wb-" + shown):
        if one != b"wb-k-right":
            refusal(known, one)


# --- whole lives ------------------------------------------------------------------------------


class Lives(RuleBasedStateMachine):
    """Keys are made, rotated and revoked while the clock runs; a plain model says who may come in."""

    made: Any = Bundle("made")
    folder: Path

    def __init__(self):
        super().__init__()
        self.state = State(self.folder / f"{id(self)}.db")
        self.now = 1000.0
        self.opening: dict[str, tuple[str, float]] = {}  # secret: key, until
        self.ring = Keyring()

    def learn(self):
        self.ring.apply(self.state.records("key"))
        for secret, (identity, until) in self.opening.items():
            if until > self.now:
                assert self.ring.check([secret.encode()], self.now).id == identity
            else:
                refusal(self.ring, secret, now=self.now)

    @rule(target=made)
    def create(self):
        one = keys.create(self.state, name=f"n{len(self.opening)}", who="ann", at=self.now)
        self.opening[one.secret] = (one.key.id, float("inf"))
        self.learn()
        return one.key.id

    @rule(which=made, overlap=st.sampled_from([0.0, 5.0, 50.0]))
    def rotate(self, which, overlap):
        try:
            one = keys.rotate(self.state, which, overlap=overlap, who="ann", at=self.now)
        except InputError:
            assert not [s for s, (k, until) in self.opening.items() if k == which and until > self.now] or overlap
            return
        for secret, (identity, until) in self.opening.items():
            if identity == which:
                self.opening[secret] = (which, min(until, self.now + overlap))
        self.opening[one.secret] = (which, float("inf"))
        self.learn()

    @rule(which=made)
    def revoke(self, which):
        keys.revoke(self.state, which, who="ann", at=self.now)
        self.opening = {s: (k, 0.0 if k == which else until) for s, (k, until) in self.opening.items()}
        self.learn()

    @rule(seconds=st.sampled_from([1.0, 5.0, 49.0]))
    def wait(self, seconds):
        self.now += seconds
        self.learn()

    def teardown(self):
        self.state.close()


def test_whole_lives(tmp_path):
    run_state_machine_as_test(
        type("InFolder", (Lives,), {"folder": tmp_path}),
        settings=settings(max_examples=15, stateful_step_count=12, deadline=None),
    )


# --- patterns ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a", "a", True),
        ("a", "A", False),
        ("a", "ab", False),
        ("*", "", True),
        ("a*", "a", True),
        ("*@local", "x@local", True),
        ("*@local", "x@local.evil", False),
        ("a*b*c", "abc", True),
        ("a*b*c", "a--b--c", True),
        ("a*b*c", "acb", False),
        ("ab*ba", "aba", False),
        ("a?", "ab", False),
        ("[ab]", "a", False),
        ("a.b", "axb", False),
        ("**", "x", True),
    ],
)
def test_patterns(pattern, name, fits):
    assert allows((pattern,), name) is fits
    assert allows((), name)
    assert allows(("nothing", pattern), name) is fits


def test_patterns_take_linear_time():
    assert not allows(("a*" * 90 + "b",), "a" * 1_000_000)
