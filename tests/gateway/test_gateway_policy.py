"""A fact that changes under a live plan stops the engine at once, and everyone is told why; a plan that breaks a policy never begins."""

from __future__ import annotations

import json
import time

import pytest
from gateways import Gateway, post

from weighbridge import settings
from weighbridge.access import facts, keys
from weighbridge.canon import FactChange, Policy
from weighbridge.engines.catalogue import load
from weighbridge.store.state import State

pytestmark = pytest.mark.xdist_group("gateway")

CONFIG = """
[gateway]
workers = 2
[models.writer]
lab = "test"
[routes.assistant]
primary = "writer@left"
fallbacks = ["writer@right"]
policy = { jurisdictions = ["EU"], max_output = 100 }
"""
HOST = """
[hosts.{0}]
url = "http://{0}.test/v1"
auth = "none"
jurisdiction = "DE"
recorded = {{ path = "all.jsonl" }}
[offers."writer@{0}"]
"""
ASK = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}


def folder_with(tmp_path, change=lambda text: text):
    (tmp_path / "weighbridge.toml").write_text(change(CONFIG + HOST.format("left") + HOST.format("right")))
    (tmp_path / "all.jsonl").write_text(json.dumps({"input": "hi", "output": "hello"}) + "\n")
    return tmp_path


def test_a_fact_that_changes_stops_the_engine_and_says_why(tmp_path) -> None:
    gateway = Gateway(folder_with(tmp_path))
    state = State(gateway.store / "state.db")
    known = load(settings.load(tmp_path / "weighbridge.toml", environ={}))

    def answers() -> set[str]:
        found = [post(gateway, "/v1/chat/completions", ASK) for _ in range(12)]
        return {headers.get("x-weighbridge-engine", str(status)) for status, headers, _ in found}

    def change(host: str, value: str | None) -> None:
        facts.set_fact(
            state, known, FactChange("host", host, "jurisdiction", value, "their letter"), who="t", at=time.time()
        )

    try:
        assert answers() == {"writer@left"}
        status, _, body = post(gateway, "/v1/chat/completions", ASK | {"max_tokens": 101})
        assert (status, b"max_output" in body) == (403, True)
        change("left", "US")
        gateway.until(lambda: answers() == {"writer@right"})
        change("right", None)
        gateway.until(lambda: answers() == {"403"})
        _, _, body = post(gateway, "/v1/chat/completions", ASK)
        text = json.loads(body)["error"]["message"]
        for told in ("the jurisdiction of left is US (their letter)", "the jurisdiction of right is unknown"):
            assert told in text
        assert gateway.figure("weighbridge_policy_refused_total") > 0
        # Counts stay on this machine; a key's own policy holds beside the route's.
        facts.clear_fact(state, "host", "right", "jurisdiction", who="t", at=time.time())
        gateway.until(lambda: answers() == {"writer@right"})
        made = keys.create(state, name="k", who="t", at=time.time(), policy=Policy(open_weights=True))
        headers = {"authorization": f"Bearer {made.secret}"}
        gateway.until(lambda: post(gateway, "/v1/chat/completions", ASK)[0] == 401)
        gateway.until(lambda: b"open_weights (key k)" in post(gateway, "/v1/chat/completions", ASK, **headers)[2])
    finally:
        state.close()
        code = gateway.stop()
    assert code == 0
    assert "writer@left may not answer assistant: jurisdictions (route assistant)" in gateway.errors


def test_a_gateway_does_not_start_with_a_plan_that_breaks_a_policy(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="policy_refused") as caught:
        Gateway(folder_with(tmp_path, lambda text: text.replace('"DE"', '"US"', 1)))
    assert "writer@left: jurisdictions" in str(caught.value)
    state = State(tmp_path / ".weighbridge" / "state.db")
    assert state.current() is None
    state.close()
