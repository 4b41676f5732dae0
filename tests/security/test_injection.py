"""SQL and header lines in tokens, names and ids."""

from __future__ import annotations

import pytest
from attackers import ACCESS

from weighbridge.access import keys
from weighbridge.errors import InputError, NotFoundError
from weighbridge.store.state import State

pytestmark = pytest.mark.xdist_group("security")

SQL = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "wb-' OR '1'='1-x",
    "wb-%-%",
    "wb-_-_",
    "'; DROP TABLE records; --",
    "' UNION SELECT data FROM records --",
    "\\' OR 1=1 --",
    "1; UPDATE records SET data = NULL",
    '" OR ""="',
)


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key"])
def test_sql_in_tokens(bench, header):
    for text in SQL:
        shown = f"Bearer {text}" if header == "authorization" else text
        assert bench.ask("GET", "/v1/models", headers={header: shown}).status == 401, text
    assert bench.ask("GET", "/v1/models?key=%27%20OR%201%3D1%20--").status == 401
    assert bench.ask("GET", "/v1/models", key="free").status == 200


def test_sql_in_names_and_ids(bench):
    for text in SQL:
        assert bench.chat(text, "free").status == 404, text
        path = "/v1/responses/" + "".join(f"%{byte:02x}" for byte in text.encode())
        for method in ("GET", "DELETE"):
            assert bench.ask(method, path, key="free").status == 404, text
        body = {"model": "assistant", "input": "Hi", "previous_response_id": text}
        assert bench.ask("POST", "/v1/responses", body, key="free").status in {400, 404}, text
        headers = {"x-weighbridge-conversation": text, "authorization": f"Bearer {bench.secrets['free']}"}
        asked = {"model": "assistant", "messages": [{"role": "user", "content": text}]}
        assert bench.ask("POST", "/v1/chat/completions", asked, headers=headers).status == 200, text
    assert bench.chat("assistant", "shop").status == 200
    assert bench.chat("assistant", ACCESS).status == 200


def test_sql_in_names_of_keys(tmp_path):
    state = State(tmp_path / "state.db")
    one = keys.create(state, name="one", who="ann' --", why="'); DROP TABLE audit; --", team="t", at=1.0)
    for text in SQL:
        if text != "wb-_-_":  # all of which names may hold
            with pytest.raises(InputError):
                keys.create(state, name=text, who="ann", at=1.0)
        for act in (keys.find, lambda s, t: keys.revoke(s, t, who="ann", at=2.0)):
            with pytest.raises(NotFoundError):
                act(state, text)
    keys.rotate(state, "one", overlap=0, who="ann", at=1.0)
    keys.create(state, name="two", metadata={"note": SQL[5]}, routes=["x'--"], who="ann", at=1.0)
    assert [key.name for key in keys.listed(state)] == ["one", "two"]
    assert keys.find(state, one.key.id).revoked is None
    state.close()


HEADER_LINES = (
    "x\r\nset-cookie: a=b",
    "x\nset-cookie: a=b",
    "x\rset-cookie: a=b",
    "x\r\n\r\nHTTP/1.1 200 OK",
    "x\x00y",
    "x\u010d\u010ay",
)


def test_header_lines_in_names(bench):
    for text in HEADER_LINES:
        for asked in (
            bench.chat(text, "free"),
            bench.chat("assistant", "free", user=text, metadata={"a": text}, prompt_cache_key=text, service_tier=text),
            bench.ask("GET", "/v1/models/" + "".join(f"%{byte:02x}" for byte in text.encode()), key="free"),
            bench.ask(
                "POST",
                f"/v1beta/models/{''.join(f'%{byte:02x}' for byte in text.encode())}:generateContent",
                {"contents": []},
                key="free",
            ),
            bench.ask("POST", "/v1/chat/completions", {text: 1, "model": "assistant", "messages": []}, key="free"),
        ):
            assert "set-cookie" not in asked.headers, text
            assert b"\r\nset-cookie" not in asked.body.lower(), text
            assert not [v for v in asked.headers.values() if "\r" in v or "\n" in v or "\x00" in v]


def test_lines_of_the_log_and_labels(bench):
    forged = "x\nweighbridge: CRITICAL: FORGED"
    path = "".join(f"%{byte:02x}" for byte in forged.encode())
    bench.chat(forged, "free")
    bench.ask("GET", f"/v1/models/{path}", key="free")
    bench.ask("GET", f"/v1/responses/{path}", key="free")
    bench.ask("GET", f"/{path}", key="free")
    bench.ask("GET", "/v1/models", key="wb-x\tweighbridge: CRITICAL: FORGED")
    bench.ask(
        "POST", "/v1/chat/completions", {forged: 1, "model": "assistant", "messages": [{"role": forged}]}, key="free"
    )
    assert not [line for line in bench.log().splitlines() if line.startswith("weighbridge: CRITICAL")]
    figures = bench.ask("GET", "/metrics", key="viewer").body
    assert b"weighbridge_" in figures
    for text in ("FORGED", "OR 1=1", "set-cookie", "secret-model-x"):
        assert text.encode() not in figures, text
