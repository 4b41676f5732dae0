"""Limits and budgets of a running gateway: exact over its workers, told to clients, and given back when a worker is killed."""

import contextlib
import http.client
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateways import Behaviour, Gateway, Host, post, toml

from weighbridge.access import keys
from weighbridge.access.rules import set_rule
from weighbridge.store.state import State

pytestmark = pytest.mark.xdist_group("gateway")

PRICE = '[offers."alpha@test"]\nprice = { input = 1.0, output = 2.0 }'
BODY = {"model": "main", "messages": [{"role": "user", "content": "x" * 40}], "max_tokens": 10}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    host = Host({"slow": Behaviour(chunks=2000, delay=0.05)}).start()
    text = toml(host.port, ["alpha", "slow"], {"main": ("alpha",), "slow": ("slow",)})
    (folder / "weighbridge.toml").write_text(text.replace('[offers."alpha@test"]', PRICE))
    one = Gateway(folder, "--workers", "2")
    one.host = host
    yield one
    one.stop()
    host.stop()


@pytest.fixture
def state(gateway):
    one = State(gateway.store / "state.db")
    yield one
    one.close()


def made(state, name, **rule):
    """A key with a rule, known to every worker."""
    key = keys.create(state, name=name, who="test", at=time.time())
    set_rule(state, f"key:{key.key.id}", rule, who="test", at=time.time())
    return key.key.id, {"authorization": f"Bearer {key.secret}"}


def until_known(gateway, headers):
    gateway.until(lambda: post(gateway, "/v1/models", b"", method="GET", **headers)[0] == 200)
    time.sleep(0.2)  # the other worker looks as often


def in_one_minute(run):
    """What `run` gives when no minute began meanwhile."""
    while True:
        minute = time.time() // 60
        found = run()
        if time.time() // 60 == minute:
            return found


def test_a_limit_holds_over_all_workers_and_is_told(gateway, state):
    numbers = iter(range(100))

    def run():
        _, headers = made(state, f"shop-{next(numbers)}", requests=5)
        until_known(gateway, headers)
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: post(gateway, "/v1/chat/completions", BODY, **headers), range(16))), headers

    answers, headers = in_one_minute(run)
    assert sorted(status for status, _, _ in answers) == [200] * 5 + [429] * 11
    fine = [told for status, told, _ in answers if status == 200]
    assert {told["x-ratelimit-limit-requests"] for told in fine} == {"5"}
    assert {told["x-ratelimit-remaining-requests"] for told in fine} == {"0", "1", "2", "3", "4"}
    _, told, body = next(answer for answer in answers if answer[0] == 429)
    assert told["x-ratelimit-remaining-requests"] == "0"
    assert 0 < int(told["retry-after"]) <= 60
    assert json.loads(body)["error"]["code"] == "limit_reached"

    def anthropic():
        return post(gateway, "/v1/messages", BODY, **headers)

    status, told, _ = anthropic()
    if status == 429:  # else the next minute has begun
        assert told["anthropic-ratelimit-requests-remaining"] == "0"
    assert told["anthropic-ratelimit-requests-limit"] == "5"
    watcher = keys.create(state, name="watcher", role="viewer", who="test", at=time.time()).secret
    time.sleep(0.2)
    figures = gateway.get("/metrics", {"authorization": f"Bearer {watcher}"}).splitlines()
    (limited,) = (
        row for row in figures if row.startswith('weighbridge_limited_total{code="limit_reached",kind="key"}')
    )
    assert float(limited.rpartition(" ")[2]) >= 11


def test_a_budget_is_kept_on_streams_and_told_before_it_is_spent(gateway, state):
    _, headers = made(state, "poor", day=50, soft=0.4)  # each costs 3 + 8 * 2, and may cost 10 + 10 * 2
    until_known(gateway, headers)
    first = post(gateway, "/v1/chat/completions", BODY | {"stream": True}, **headers)
    assert (first[0], first[1]["x-weighbridge-budget"].split(" ", 1)[1]) == (200, "day 60%")
    second = post(gateway, "/v1/chat/completions", BODY, **headers)
    assert (second[0], second[1]["x-weighbridge-budget"].split(" ", 1)[1]) == (200, "day 98%")
    status, told, body = post(gateway, "/v1/chat/completions", BODY, **headers)
    assert (status, json.loads(body)["error"]["code"]) == (402, "budget_spent")
    assert "0.00005 USD per day; 0.000038 USD are spent or reserved" in json.loads(body)["error"]["message"]
    assert int(told["retry-after"]) >= 1


def test_a_worker_that_is_killed_keeps_no_place(gateway, state):
    _, headers = made(state, "single", concurrency=1)
    until_known(gateway, headers)
    connection = http.client.HTTPConnection("127.0.0.1", int(gateway.url.rpartition(":")[2]), timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps(BODY | {"model": "slow", "stream": True}), headers)
    assert connection.getresponse().read(1)
    for worker in gateway.said["workers"]:
        os.kill(worker, signal.SIGKILL)

    def answered():
        with contextlib.suppress(OSError, http.client.HTTPException):
            return post(gateway, "/v1/chat/completions", BODY, **headers)[0] == 200

    gateway.until(answered)
    connection.close()
