"""Which exchanges belong together, as the traces tell it."""

from __future__ import annotations

import pytest
from gateways import post, toml

from weighbridge.store.reader import recent

pytestmark = pytest.mark.xdist_group("gateway")

FIRST = [{"role": "user", "content": "Ahoj!"}]
LATER = [*FIRST, {"role": "assistant", "content": "Ahoj."}, {"role": "user", "content": "How are you?"}]
OTHER = [{"role": "user", "content": "Something else"}]
PATH = "/v1/chat/completions"


def test_a_conversation_is_known_by_its_beginning_over_workers_and_restarts(serve, host) -> None:
    text = toml(host.port, ["m"], {"r": ["m"]}, "[gateway]\nworkers = 2\n")
    gateway = serve(text)

    def ask(turns, **headers):
        status, _, _ = post(gateway, PATH, {"model": "r", "messages": turns}, **headers)
        assert status == 200

    for turns in (FIRST, LATER, OTHER):
        ask(turns)
    ask(FIRST, **{"x-weighbridge-conversation": "mine"})
    ask(FIRST, authorization="Bearer another")
    assert gateway.stop() == 0
    gateway = serve(text)
    ask(LATER)
    assert gateway.stop() == 0
    ids = [trace.conversation for trace in reversed(recent(gateway.store / "traces", limit=10))]
    assert ids[0] == ids[1] == ids[5]
    assert ids[0].startswith("~")
    assert ids[3] == "mine"
    assert len({ids[0], ids[2], ids[3], ids[4]}) == 4
