"""What must not be found: prompts in logs, secrets in answers and files, files that others can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attackers import ACCESS, HOST_KEY, MARK

pytestmark = pytest.mark.xdist_group("security")


def kept(bench):
    """Everything on the disk, by place."""
    return {
        file: file.read_bytes()
        for file in bench.folder.rglob("*")
        if file.is_file() and file.name != "weighbridge.toml"
    }


def hidden(bench):
    """All that must be nowhere: whole secrets, and the random part of each."""
    made = list(bench.secrets.values())
    return [ACCESS, HOST_KEY, *made, *(secret.rpartition("-")[2] for secret in made)]


def provoke(bench):
    """Whatever may make a gateway talk."""
    words = [{"role": "user", "content": MARK}]
    for model in ("assistant", "leaky", "broken@test", "backed", "moved", "nowhere"):
        for more in ({}, {"stream": True}):
            yield bench.chat(model, "free", MARK, **more)
    for body in (
        b'{"model": "assistant", "messages": [{"role": "user", "content": "' + MARK.encode(),
        b'{"model": "' + MARK.encode() + b'"}',
        b'{"' + MARK.encode() + b'": 1}',
        b"\xff" + MARK.encode(),
        b"[" * 10_000 + MARK.encode(),
    ):
        for path in (
            "/v1/chat/completions",
            "/v1/messages",
            "/v1/responses",
            "/v1beta/models/assistant:generateContent",
        ):
            yield bench.ask("POST", path, body, key="free")
    for key in bench.secrets:
        yield bench.ask("GET", "/v1/models", key=key)
        yield bench.ask("POST", "/v1/messages", {"model": "leaky", "max_tokens": 9, "messages": words}, key=key)
    for path in ("/healthz", "/readyz", "/metrics", "/v1/models", "/nowhere"):
        yield bench.ask("GET", path, key=ACCESS)
    yield bench.ask("GET", f"/v1/models?key={ACCESS}x")
    yield bench.ask("GET", "/nowhere", key=bench.secrets["free"])


def test_no_secret_is_told_and_no_prompt_is_kept(bench):
    answers = list(provoke(bench))
    assert {answer.status for answer in answers} > {200, 400, 401, 403, 404}
    for answer in answers:
        for secret in hidden(bench):
            assert secret.encode() not in answer.whole, (answer.status, answer.body[:200])
    assert any(MARK in str(seen.body) for seen in bench.host.seen), "nothing was asked"
    for file, data in kept(bench).items():
        for secret in hidden(bench):
            assert secret.encode() not in data, (file, secret[:14])
        assert MARK.encode() not in data, file
    assert "gone" in bench.log(), "the log tells which key was refused"


def test_nothing_is_on_a_command_line(bench):
    parent = bench.gateway.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    assert children
    for pid in (str(parent), *children):
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        for secret in hidden(bench):
            assert secret.encode() not in line


def test_files_are_their_owner_s_alone(bench):
    """The gateway runs with a umask of 0: what is private is so because it was made so."""
    bench.chat("assistant", "free")
    found = [bench.gateway.store, *bench.gateway.store.rglob("*")]
    assert len(found) > 5
    for file in found:
        assert file.lstat().st_mode & 0o077 == 0, (file, oct(file.lstat().st_mode))
        assert file.lstat().st_uid == os.getuid()


def test_strangers_learn_little_from_health(bench):
    for path in ("/healthz", "/readyz"):
        answer = bench.ask("GET", path)
        assert answer.status == 200
        for told in (str(bench.folder), "plain", "secret-model", "127.0.0.1", "test@"):
            assert told.encode() not in answer.body, (path, told)
