"""A gateway whose host has several keys, one of them in the store, and whose route gives answers again."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from gateways import post, toml

pytestmark = pytest.mark.xdist_group("gateway")

FIRST, SECOND = "sk-first-key-of-the-host", "sk-second-key-of-the-host"


def config(port):
    text = toml(port, ["m"], {"r": ["m"]}, extra="[gateway]\nworkers = 1")
    text = text.replace('auth = "none"', 'keys = ["env:HOST_KEY", "store:second"]')
    return text + "cache = 60\n"


def weighbridge(folder, *words, given=""):
    env = {k: v for k, v in os.environ.items() if not k.startswith("WEIGHBRIDGE_")}
    done = subprocess.run(
        [sys.executable, "-c", "from weighbridge.cli import main; main()", *words],
        cwd=folder,
        input=given,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def ask(gateway, **more):
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": "r", "messages": messages, **more}
    status, headers, data = post(gateway, "/v1/chat/completions", body, content_type="application/json")
    assert status == 200, data
    return headers["x-weighbridge-cache"], data.decode()


def test_keys_of_the_store_are_used_as_soon_as_they_are_set_and_answers_are_given_again(serve, host, tmp_path):
    gateway = serve(config(host.port), environ={"HOST_KEY": FIRST})

    def shown():
        assert ask(gateway, temperature=0.7)[0] == "bypass"
        return host.seen[-1].headers["authorization"].removeprefix("Bearer ")

    assert {shown(), shown()} == {FIRST}
    said = weighbridge(tmp_path, "secrets", "set", "second", given=SECOND + "\n")
    assert "store:second" in said
    gateway.until(lambda: shown() == SECOND)
    assert {shown(), shown()} == {FIRST, SECOND}  # in turn
    weighbridge(tmp_path, "secrets", "remove", "second")
    gateway.until(lambda: {shown(), shown()} == {FIRST})

    before = len(host.seen)
    told, first = ask(gateway, temperature=0)
    assert told == "miss"
    told, second = ask(gateway, temperature=0)
    assert told == "hit"
    told, stream = ask(gateway, temperature=0, stream=True)
    assert told == "hit"
    assert len(host.seen) == before + 1
    text = json.loads(first)["choices"][0]["message"]["content"]
    assert json.loads(second)["choices"][0]["message"]["content"] == text
    rows = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    assert "".join(row["choices"][0]["delta"].get("content") or "" for row in rows) == text
    assert stream.endswith("data: [DONE]\n\n")
    assert 'weighbridge_cache_total{route="r",result="hit"} 2' in gateway.get("/metrics")

    gateway.stop()
    assert gateway.errors == ""
    kept = [file for file in gateway.store.rglob("*") if file.is_file()]
    assert kept
    for file in kept:
        assert not any(key.encode() in file.read_bytes() for key in (FIRST, SECOND)), file
