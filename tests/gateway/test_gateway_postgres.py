"""A gateway whose state lies in PostgreSQL: it follows, and goes on while the database is away."""

from __future__ import annotations

import json

import pytest
from gateways import Behaviour, Gateway, Host, post, toml
from msgspec.structs import replace

from weighbridge.store.state import State

pytestmark = pytest.mark.xdist_group("gateway")

ASK = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}


def test_a_gateway_follows_postgresql_and_outlives_it(postgres, postgres_url, tmp_path):
    host = Host({"a": Behaviour(), "b": Behaviour()}).start()
    extra = f'[gateway]\nworkers = 1\n[store]\nstate = "{postgres_url}"\n'
    (tmp_path / "weighbridge.toml").write_text(toml(host.port, ["a", "b"], {"assistant": ["a"]}, extra))
    gateway = Gateway(tmp_path)

    def engine():
        status, headers, _ = post(gateway, "/v1/chat/completions", ASK)
        return headers.get("x-weighbridge-engine", status)

    def store():
        return json.loads(gateway.get("/readyz"))["store"]

    def promote(name):
        def change(plan):
            return replace(plan, routes={"assistant": replace(plan.routes["assistant"], primary=f"{name}@test")})

        state.update(change, action="promote", who="t", why="", route="assistant", at=1.0)

    state = State(postgres_url)
    try:
        assert engine() == "a@test"
        promote("b")
        gateway.until(lambda: engine() == "b@test")
        assert store() == "ok"
        postgres.stop()
        gateway.until(lambda: store() != "ok")
        assert "cannot be used" in store()
        assert engine() == "b@test"
        postgres.start()
        gateway.until(lambda: store() == "ok")
        promote("a")
        gateway.until(lambda: engine() == "a@test")
        assert not list(gateway.store.glob("state.db*"))
    finally:
        state.close()
        assert gateway.stop() == 0
        host.stop()
