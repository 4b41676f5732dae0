"""A move in stages in a running gateway: it goes on by itself, goes back by itself, and users are heard."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from gateways import Gateway, post

from weighbridge import settings
from weighbridge.engines.catalogue import load
from weighbridge.store import evidence
from weighbridge.store.state import State
from weighbridge.swap import canary, drill, promote

pytestmark = pytest.mark.xdist_group("gateway")

CONFIG = """
[gateway]
workers = 2
[models.writer]
lab = "test"
[routes.assistant]
primary = "writer@old"
"""
HOST = """
[hosts.{0}]
url = "http://{0}.test/v1"
auth = "none"
recorded = {{ path = "{0}.jsonl" }}
[offers."writer@{0}"]
"""
ASK = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}
SAID = {"old": "Hello there.", "new": "Good day.", "sour": "I'm sorry, but I can't help with that."}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moves")
    (folder / "weighbridge.toml").write_text(CONFIG + "".join(HOST.format(name) for name in SAID))
    for name, said in SAID.items():
        (folder / f"{name}.jsonl").write_text(json.dumps({"input": "hi", "output": said}) + "\n")
    running = Gateway(folder, measured=True)
    yield running
    running.stop()


@pytest.fixture
def state(gateway):
    made = State(gateway.store / "state.db")
    yield made
    made.close()


def start(gateway, state, candidate, **more):
    """A move from the engine that the configuration names, wherever another test left the route."""
    known = load(settings.load(gateway.folder / "weighbridge.toml", environ={}))
    if state.current().plan.routes["assistant"].primary != "writer@old":
        promote(state, known, "assistant", "writer@old", who="t", why="", at=time.time(), environ={})
    given: dict[str, Any] = {"stages": (0.5, 1.0), "least": 5, "harm": 1.0}
    given |= {"tolerances": {"refusals": 0.01, "feedback": 0.0}} | more
    swap = canary.Swap(candidate, "assistant", "", f"writer@{candidate}", time.time(), **given)
    made = canary.start(state, known, swap, environ={})
    number = str(state.current().plan.number)
    gateway.until(lambda: all(ask(gateway, f"o{n}")["x-weighbridge-plan"] == number for n in range(9)))
    return made


def ask(gateway, conversation):
    status, headers, _ = post(gateway, "/v1/chat/completions", ASK, **{"x-weighbridge-conversation": conversation})
    assert status == 200
    return headers


def test_it_goes_back_by_itself_and_conversations_stay_on_their_side(gateway, state):
    start(gateway, state, "sour", stages=(0.5,))
    seen: dict[str, set[str]] = {}
    for n in range(2_000):
        name = f"c{n // 2}"
        seen.setdefault(name, set()).add(ask(gateway, name)["x-weighbridge-engine"])
        if n % 20 == 19 and not canary.load(state, "assistant").open:
            break
    found = canary.load(state, "assistant")
    assert found.status == "rolled_back"
    assert "refusals" in found.reason
    moved = [name for name, engines in seen.items() if len(engines) > 1]
    assert len(moved) <= 1  # the one that was under way when it went back
    gateway.until(lambda: ask(gateway, "c0")["x-weighbridge-engine"] == "writer@old")


def test_it_goes_on_by_itself_to_the_end(gateway, state):
    start(gateway, state, "new")
    for n in range(2_000):
        ask(gateway, f"d{n}")
        if n % 20 == 19 and not canary.load(state, "assistant").open:
            break
    assert canary.load(state, "assistant").status == "done"
    gateway.until(lambda: ask(gateway, "x")["x-weighbridge-engine"] == "writer@new")


def test_a_shadow_is_asked_as_well_and_nobody_sees_it(gateway, state):
    begun = start(gateway, state, "sour", stages=(1.0,), shadow=True, tolerances={"refusals": 0.01})
    for n in range(400):
        assert ask(gateway, f"s{n}")["x-weighbridge-engine"] == "writer@old"
        if n % 20 == 19 and not canary.load(state, "assistant").open:
            break
    gateway.until(lambda: not canary.load(state, "assistant").open)
    found = canary.load(state, "assistant")
    assert (found.id, found.status) == (begun.id, "done")
    assert found.reason.startswith("unsafe: refusals")
    assert state.current().plan.routes["assistant"].shadow is None


def test_a_drill_cuts_an_engine_off_and_ends_when_nobody_looks(gateway, state):
    primary = state.current().plan.routes["assistant"].primary
    now = time.time()
    drill.begin(state, drill.Cut("d", primary, (primary,), now, now + 1.5, "t"))

    def refused():
        status, _, body = post(gateway, "/v1/chat/completions", ASK)
        return status == 502 and b"is cut off for now" in body

    gateway.until(refused)
    gateway.until(lambda: drill.cuts(state) == [] and state.current().plan.cut == ())
    gateway.until(lambda: all(post(gateway, "/v1/chat/completions", ASK)[0] == 200 for _ in range(5)))


def test_what_users_say_is_kept(gateway, state):
    trace = ask(gateway, "e")["x-weighbridge-trace"]
    status, _, body = post(gateway, "/v1/feedback", {"trace": trace, "good": False, "comment": "not funny"})
    assert (status, json.loads(body)) == (200, {"kept": True})
    assert post(gateway, "/feedback", {"trace": trace, "good": True})[0] == 200
    (found,) = evidence.said(state.database, since=0.0)
    assert (found.trace, found.good, found.comment) == (trace, True, "")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"trace": "x", "good": True}, "no exchange's id"),
        ({"trace": "0" * 26}, "good"),
        ({"trace": "0" * 26, "good": True, "mood": 1}, "mood"),
        ({"trace": "0" * 26, "good": True, "comment": "x" * 3000}, "3,000 characters"),
        ([], "no feedback"),
    ],
)
def test_what_is_no_feedback_is_refused(gateway, body, what):
    status, _, told = post(gateway, "/v1/feedback", body)
    assert status == 400
    assert what in told.decode()
