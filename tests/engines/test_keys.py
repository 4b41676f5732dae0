"""Several keys of a host are used in turn; one that is refused rests, and the next one is tried at once."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canon import Engine, Host, Model, Offer, Profile
from weighbridge.dialects import get
from weighbridge.engines.catalogue import load
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import NoEndpoints
from weighbridge.engines.keys import REFUSED_REST, Environ, HostKey, Keys, has_key, how_to_set
from weighbridge.errors import NoCreditError, NoKeyError, RateLimitedError, SettingsError, WrongKeyError
from weighbridge.settings import Client as ClientSettings
from weighbridge.settings import load as load_settings

ENVIRON = {"A": "key-a", "B": "key-b", "C": "key-c"}
THREE = ("env:A", "env:B", "env:C")
HOST = Host("h", url="https://h.test/v1", keys=THREE)


def engine(**fields) -> Engine:
    host = Host("h", url="https://h.test/v1", **{"keys": THREE, **fields})
    return Engine(Model("m"), host, Offer("m", "h"), Profile())


class Response:
    def __init__(self, status=200, *, after="", body=b'{"error": {"message": "no"}}'):
        self.status = status
        self.headers = {"retry-after": after} if after else {}
        self._body = body

    async def chunks(self):
        yield self._body

    async def close(self):
        pass


class Provider:
    """A host that answers each key as it is told to, 200 by default; notes which keys it was shown."""

    def __init__(self):
        self.shown = []
        self.answers = {}

    async def send(self, request, *, connect_timeout, read_timeout):
        key = request.headers["authorization"].removeprefix("Bearer ")
        self.shown.append(key)
        return self.answers.get(key, Response())

    async def close(self):
        pass


class World:
    """A client of one provider, and its clock."""

    def __init__(self, *, retries=0, environ=ENVIRON, **fields):
        self.clock = FakeClock(1_000.0)
        self.provider = Provider()
        self.engine = engine(**fields)
        self.told = []
        self.client = Client(
            settings=ClientSettings(retries=retries),
            transport=self.provider,
            endpoints=NoEndpoints(),
            environ=environ,
            clock=self.clock,
            rng=random.Random(1),
        )

    def ask(self):
        async def asked():
            upstream = await self.client.open(
                self.engine,
                get("openai-chat"),
                b"{}",
                stream=False,
                deadline=self.clock.monotonic() + 600,
                on_attempt=self.told.append,
            )
            await upstream.close()

        asyncio.run(asked())


def test_keys_take_turns():
    world = World()
    for _ in range(6):
        world.ask()
    assert world.provider.shown == ["key-a", "key-b", "key-c"] * 2


def test_a_key_that_was_told_to_wait_rests_as_long_and_the_next_is_tried_at_once():
    world = World()
    world.provider.answers["key-a"] = Response(429, after="30")
    began = world.clock.monotonic()
    world.ask()
    assert world.provider.shown == ["key-a", "key-b"]
    assert world.clock.monotonic() == began  # nobody waited
    assert [attempt.outcome for attempt in world.told] == ["rate_limited", "ok"]
    world.provider.answers.clear()
    for _ in range(4):
        world.ask()
    assert world.provider.shown[2:] == ["key-c", "key-b", "key-c", "key-b"]
    world.clock.advance(31)
    for _ in range(3):
        world.ask()
    assert sorted(world.provider.shown[6:]) == ["key-a", "key-b", "key-c"]


def test_when_all_rest_the_error_tells_the_least_wait_and_nobody_is_asked():
    world = World()
    for key, after in (("key-a", "30"), ("key-b", "12"), ("key-c", "50")):
        world.provider.answers[key] = Response(429, after=after)
    with pytest.raises(RateLimitedError) as caught:
        world.ask()
    assert caught.value.retry_after == pytest.approx(12)
    assert len(world.provider.shown) == 3
    world.clock.advance(2)
    with pytest.raises(RateLimitedError, match="All 3 keys") as caught:
        world.ask()
    assert caught.value.retry_after == pytest.approx(10)
    assert len(world.provider.shown) == 3


def test_where_waiting_is_short_the_first_key_that_may_is_asked_again(monkeypatch):
    world = World(retries=1)
    for key, after in (("key-a", "30"), ("key-b", "2"), ("key-c", "50")):
        world.provider.answers[key] = Response(429, after=after)

    async def sleep(seconds):
        world.clock.advance(seconds)
        world.provider.answers.clear()

    monkeypatch.setattr(world.clock, "sleep", sleep)
    world.ask()
    assert world.provider.shown == ["key-a", "key-b", "key-c", "key-b"]


@pytest.mark.parametrize(("status", "kind"), [(401, WrongKeyError), (402, NoCreditError)])
def test_keys_that_are_no_good_give_way_too(status, kind):
    world = World()
    world.provider.answers["key-a"] = Response(status)
    world.ask()
    assert world.provider.shown == ["key-a", "key-b"]
    for key in ("key-b", "key-c"):
        world.provider.answers[key] = Response(status)
    with pytest.raises(kind):
        world.ask()
    with pytest.raises(kind, match="were refused"):
        world.ask()
    world.clock.advance(REFUSED_REST + 1)
    world.provider.answers.clear()
    world.ask()


def test_refusals_without_a_time_rest_longer_each_time_until_one_is_taken():
    world = World(keys=("env:A", "env:B"))
    waits: list[float] = []
    for key in ("key-a", "key-b"):
        world.provider.answers[key] = Response(429)
    for _ in range(9):
        with pytest.raises(RateLimitedError) as caught:
            world.ask()
        assert caught.value.retry_after is not None
        waits.append(caught.value.retry_after)
        world.clock.advance(waits[-1] + 0.001)
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(1)
    assert waits[-1] == pytest.approx(60)
    world.provider.answers.clear()
    world.ask()
    world.ask()
    world.provider.answers["key-a"] = Response(429)
    world.ask()
    world.provider.answers["key-b"] = Response(429)
    with pytest.raises(RateLimitedError) as caught:
        world.ask()
    assert caught.value.retry_after == pytest.approx(1)


def test_one_key_alone_is_treated_as_ever():
    world = World(keys=(), key_env="A")
    world.provider.answers["key-a"] = Response(401)
    for _ in range(2):
        with pytest.raises(WrongKeyError):
            world.ask()
    assert len(world.provider.shown) == 2  # each time its host was asked


def test_a_server_that_fails_says_nothing_about_the_key():
    world = World()
    world.provider.answers["key-a"] = Response(500)
    with pytest.raises(Exception, match="no"):
        world.ask()
    assert world.provider.shown == ["key-a"]


def test_no_key_is_told_by_an_error():
    world = World()
    for key in ENVIRON.values():
        world.provider.answers[key] = Response(401, body=f'{{"error": {{"message": "bad {key}"}}}}'.encode())
    told = []
    for _ in range(2):
        with pytest.raises(WrongKeyError) as caught:
            world.ask()
        told += [str(caught.value), caught.value.body, repr(caught.value.told)]
    told += [repr(attempt) for attempt in world.told] + [repr(HostKey("env:A", "key-a"))]
    assert not [text for text in told if any(key in text for key in ENVIRON.values())]


def test_a_file_is_read_again_when_it_changes(tmp_path):
    file = tmp_path / "key"
    file.write_text("first\n")
    world = World(keys=(f"file:{file}",))
    world.ask()
    file.write_text("second\n")
    world.ask()
    world.clock.advance(1.5)
    world.ask()
    assert world.provider.shown == ["first", "first", "second"]
    file.unlink()
    world.clock.advance(1.5)
    with pytest.raises(NoKeyError, match="No key for h") as caught:
        world.ask()
    assert caught.value.fix == f"Write it to {file}."


def test_a_new_key_in_the_place_of_one_that_rests_is_used_at_once(tmp_path):
    file = tmp_path / "key"
    file.write_text("old")
    world = World(keys=(f"file:{file}", "env:A"))
    for key in ("old", "key-a"):
        world.provider.answers[key] = Response(401)
    with pytest.raises(WrongKeyError):
        world.ask()
    file.write_text("new")
    world.clock.advance(1.5)
    world.ask()
    assert world.provider.shown[-1] == "new"


def test_secrets_of_the_store_stand_beside_the_environment():
    secrets = {"s-1": "stored"}
    world = World(keys=("store:s-1", "store:s-2"), environ=Environ(ENVIRON, secrets.get))
    world.ask()
    assert world.provider.shown == ["stored"]
    secrets["s-2"] = "other"
    world.clock.advance(1.5)
    world.ask()
    world.ask()
    assert sorted(world.provider.shown[1:]) == ["other", "stored"]


def test_what_is_missing_is_told_with_every_way_to_set_it():
    world = World(keys=("env:X", "store:s", "file:/no/where"), environ={})
    with pytest.raises(NoKeyError) as caught:
        world.ask()
    fix = "Set X in the environment, or run: weighbridge secrets set s, or write it to /no/where."
    assert caught.value.fix == fix == how_to_set(world.engine.host)


def test_a_key_of_two_lines_is_not_sent(tmp_path):
    (tmp_path / "key").write_text("one\r\nx-evil: 1")
    world = World(keys=(f"file:{tmp_path}/key",))
    with pytest.raises(NoKeyError, match="cannot be sent"):
        world.ask()
    assert world.provider.shown == []


class Tokens:
    """Gives tokens for some accounts only."""

    def __init__(self, *good):
        self.good, self.asked = good, []

    async def token(self, account, where):
        self.asked.append(account)
        if account not in self.good:
            raise WrongKeyError("no token", where=where)
        return f"token of {account}"


def test_an_account_that_gets_no_token_gives_way_to_the_next(monkeypatch):
    world = World(auth="google")
    tokens = Tokens("key-b")
    monkeypatch.setattr(world.client._auth, "_tokens", tokens)
    world.ask()
    world.ask()
    assert world.provider.shown == ["token of key-b"] * 2
    assert tokens.asked[:2] == ["key-a", "key-b"]
    tokens.good = ()
    with pytest.raises(WrongKeyError):
        world.ask()
    with pytest.raises(WrongKeyError, match="All 3 keys"):
        world.ask()


def test_has_key_looks_at_every_place(tmp_path):
    file = tmp_path / "key"
    made = engine(keys=("env:X", f"file:{file}", "store:s"))
    assert not has_key(made, {})
    assert has_key(made, {"X": "k"})
    assert has_key(made, Environ({}, {"s": "k"}.get))
    file.write_text(" \n")
    assert not has_key(made, {})
    file.write_text("k")
    assert has_key(made, {})
    file.write_bytes(b"\xff\xfe")
    assert not has_key(made, {})
    assert has_key(engine(auth="none", keys=()), {})
    assert has_key(engine(key_env="", keys=()), {})


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["ask", "refuse", "pass"]), st.floats(0, 40), st.floats(0, 40)), max_size=60
    )
)
@settings(max_examples=60, deadline=None)
def test_a_key_is_never_given_while_it_rests_and_always_when_one_does_not(events):
    clock = FakeClock(0.0)
    keys, made = Keys(ENVIRON, clock), engine()
    until = dict.fromkeys(ENVIRON.values(), -1.0)

    async def run():
        last = None
        for what, pause, after in events:
            if what == "pass":
                clock.advance(pause)
                continue
            if what == "refuse" and last is not None:
                keys.refused(made, last, RateLimitedError("wait", retry_after=after + 0.1))
                until[last.value] = max(until[last.value], clock.monotonic() + after + 0.1)
                last = None
                continue
            free = [key for key, end in until.items() if end <= clock.monotonic()]
            if free:
                last = await keys.take(made)
                assert last is not None
                assert last.value in free
                continue
            with pytest.raises(RateLimitedError) as caught:
                await keys.take(made)
            assert caught.value.retry_after == pytest.approx(min(until.values()) - clock.monotonic())

    asyncio.run(run())


CONFIG = """
[hosts.mine]
url = "https://mine.test/v1"
keys = {keys}
{more}
"""


@pytest.mark.parametrize(
    ("keys", "more", "what"),
    [
        ('["sk-verysecret"]', "", "is no place"),
        ('["env:"]', "", "is no place"),
        ('["file:"]', "", "is no place"),
        ('["store:../x"]', "", "is no place"),
        ('["env:A"]', 'auth = "sigv4"\nregion = "x"', "is shown no key"),
        (str([f"env:A{n}" for n in range(65)]), "", "too many"),
    ],
)
def test_places_are_checked_and_what_stands_there_is_not_told(tmp_path, keys, more, what):
    file = tmp_path / "weighbridge.toml"
    file.write_text(CONFIG.format(keys=keys, more=more))
    with pytest.raises(SettingsError, match=what) as caught:
        load(load_settings(file))
    assert "verysecret" not in str(caught.value)
    assert caught.value.fix


def test_a_file_is_found_from_the_folder_of_the_configuration(tmp_path):
    file = tmp_path / "weighbridge.toml"
    file.write_text(CONFIG.format(keys='["file:keys/one", "env:A"]', more=""))
    host = load(load_settings(file)).hosts["mine"]
    assert host.keys == (f"file:{tmp_path}/keys/one", "env:A")
    assert host.auth == "bearer"
