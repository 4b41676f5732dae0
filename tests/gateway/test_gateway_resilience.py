"""A gateway whose hosts are slow, full, down and back."""

from __future__ import annotations

import json

import gateways
import pytest
from gateways import Behaviour, toml

pytestmark = pytest.mark.xdist_group("gateway")

CHAT = "/v1/chat/completions"


def ask(gateway, model="assistant", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    status, headers, text = gateways.post(gateway, CHAT, body)
    return status, headers, text.decode()


def test_what_clients_see_when_hosts_fail(host, serve) -> None:
    routes = """
[routes.quick]
primary = "sleepy@test"
fallbacks = ["fine@test"]
hedge = 0.2
hedge_share = 1.0
"""
    settings = "[gateway]\nworkers = 1\n[client]\nretries = 0\n[resilience]\nopen_seconds = 0.3\nslow_start = 0.1\n"
    gateway = serve(
        toml(host.port, ["full", "down", "sleepy", "fine"], {"assistant": ["down", "fine"]}, settings) + routes
    )
    host.behaviours |= {
        "full": Behaviour(status=429, headers={"retry-after": "60"}),
        "down": Behaviour(status=503),
        "sleepy": Behaviour(first_delay=60),
    }

    def asked(model):
        return sum(seen.model == model for seen in host.seen)

    # Full: the host is asked once, and everyone is told how long to wait.
    for _ in range(3):
        status, headers, text = ask(gateway, "full@test")
        assert status == 429
        assert 58 <= int(headers["retry-after"]) <= 60
    assert asked("full") == 1
    assert json.loads(text)["error"]["code"] == "rate_limited"

    # Down, and back: nobody notices, and the host is let alone until it may be back.
    assert all(ask(gateway)[1]["x-weighbridge-engine"] == "fine@test" for _ in range(5))
    assert json.loads(gateway.get("/readyz"))["engines"]["down@test"] == "open"
    host.behaviours["down"] = Behaviour()
    gateway.until(lambda: ask(gateway)[1]["x-weighbridge-engine"] == "down@test")
    gateway.until(lambda: "down@test" not in json.loads(gateway.get("/readyz"))["engines"])

    # Slow: the next one is asked as well, and the slow one's call is broken off.
    status, headers, text = ask(gateway, "quick", stream=True)
    assert (status, headers["x-weighbridge-engine"]) == (200, "fine@test")
    assert text.endswith("data: [DONE]\n\n")
    gateway.until(lambda: all(seen.left is not None for seen in host.seen if seen.model == "sleepy"))
    gateway.until(lambda: gateway.figure("weighbridge_hedges_total") == 1)
    assert 'weighbridge_hedges_total{route="quick",engine="fine@test",outcome="won"} 1' in gateway.get("/metrics")
    assert asked("sleepy") == 1
    assert gateway.stop() == 0
    assert gateway.errors == ""
