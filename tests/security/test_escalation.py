"""Doing more than a key may: other doors, other names, other classes."""

from __future__ import annotations

import json

import pytest
from attackers import ACCESS

pytestmark = pytest.mark.xdist_group("security")


def test_keys_with_a_role_ask_for_no_answers(bench):
    for role in ("viewer", "admin"):
        for method, path, body in (
            ("GET", "/v1/models", None),
            ("POST", "/v1/chat/completions", {"model": "assistant", "messages": []}),
            ("POST", "/v1/embeddings", {"model": "assistant", "input": "x"}),
            ("GET", "/v1/responses/resp_x", None),
        ):
            assert bench.ask(method, path, body, key=role).status == 403, (role, path)


def test_figures_of_all_are_not_for_applications(bench):
    for key, status in (
        ("free", 403),
        ("shop", 403),
        ("", 401),
        ("gone", 401),
        ("late", 401),
        ("viewer", 200),
        (ACCESS, 200),
    ):
        answer = bench.ask("GET", "/metrics", key=key)
        assert answer.status == status, key
        assert (b"weighbridge_" in answer.body) == (status == 200), key


def test_names_outside_a_scope(bench):
    before = len(bench.host.seen)
    refused = {}
    for name in (
        "hidden",
        "plain@test",
        "plain",
        "secret-model@test",
        "secret-model",
        "no-such-route",
        "hidden ",
        "HIDDEN",
        "no-such-model@test",
        "assistant,hidden",
        "a" * 500,
        "/tmp/x.gguf",
    ):
        answer = bench.chat(name, "shop")
        assert answer.status in {403, 404}, name[:40]
        assert b"secret-model" not in answer.body.replace(name.encode(), b""), name[:40]
        refused[name] = answer.body.replace(name[:100].encode(), b"NAME")
        for path, body in (
            ("/v1/messages", {"model": name, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}),
            ("/v1/messages/count_tokens", {"model": name, "messages": [{"role": "user", "content": "x"}]}),
            ("/v1/responses", {"model": name, "input": "x"}),
            ("/v1/embeddings", {"model": name, "input": "x"}),
        ):
            assert bench.ask("POST", path, body, key="shop").status in {400, 403, 404}, (path, name[:40])
    assert refused["hidden"] == refused["no-such-route"], "that it exists can be told from outside"
    assert refused["secret-model@test"] == refused["no-such-model@test"]
    quoted = "hidden%2f..%2fassistant", "hidden", "assistant%2f..%2fhidden"
    for name in quoted:
        body = {"model": "assistant", "contents": [{"parts": [{"text": "x"}]}]}
        assert bench.ask("POST", f"/v1beta/models/{name}:generateContent", body, key="shop").status in {403, 404}, name
    assert len(bench.host.seen) == before
    assert bench.chat("assistant", "shop").status == 200


def test_two_names_in_one_request(bench):
    words = '"messages": [{"role": "user", "content": "x"}]'
    for body in (
        f'{{"model": "assistant", "model": "hidden", {words}}}',
        f'{{"model": "hidden", "model": "assistant", {words}}}',
        f'{{"model": "hidden", "\\u006dodel": "assistant", {words}}}',
        f'{{"\\u006dodel": "assistant", "model": "hidden", {words}}}',
        f'{{"Model": "hidden", "model": "assistant", {words}}}',
    ):
        before = len(bench.host.seen)
        answer = bench.ask("POST", "/v1/chat/completions", body.encode(), key="shop")
        for seen in bench.host.seen[before:]:
            assert "hidden" not in json.dumps({k: v for k, v in seen.body.items() if k != "Model"}), body
            assert seen.model == "plain", body
        assert answer.status in {200, 400, 403}, body


def test_engines_outside_a_scope_do_not_answer(bench):
    assert bench.chat("plain@test", "lab").headers["x-weighbridge-engine"] == "plain@test"
    assert bench.chat("assistant", "lab").headers["x-weighbridge-engine"] == "plain@test"
    for name in ("secret-model@test", "plain@test.evil", "xplain@test"):
        assert bench.chat(name, "lab").status == 403, name
    before = len(bench.host.seen)
    assert bench.chat("hidden", "lab").status == 403
    assert bench.chat("backed", "lab").headers["x-weighbridge-engine"] == "plain@test"
    assert {seen.model for seen in bench.host.seen[before:]} == {"plain"}, "an engine out of scope was asked"


def test_lists_show_what_may_be_asked_for(bench):
    def names(key, path="/v1/models"):
        answer = json.loads(bench.ask("GET", path, key=key).body)
        return {row.get("id") or row["name"].removeprefix("models/") for row in answer.get("data") or answer["models"]}

    assert names("shop") == {"assistant", "backed", "images", "leaky", "moved"} == names("shop", "/v1beta/models")
    assert "plain@test" in names("lab")
    assert "secret-model@test" not in names("lab")
    assert {"hidden", "secret-model@test"} <= names("free") == names(ACCESS)
    for name in ("hidden", "secret-model@test"):
        answer = bench.ask("GET", f"/v1/models/{name}", key="shop")
        assert answer.status == 404
        never = bench.ask("GET", "/v1/models/nothing", key="shop")
        assert answer.body.replace(name.encode(), b"") == never.body.replace(b"nothing", b"")


def test_dialects_outside_a_scope(bench):
    anthropic = {"model": "assistant", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    assert bench.ask("POST", "/v1/messages", anthropic, key="claude").status == 200
    assert bench.chat("assistant", "claude").status == 403
    headers = {"anthropic-version": "2023-06-01"}
    body = {"model": "assistant", "messages": [{"role": "user", "content": "x"}]}
    secret = bench.secrets["claude"]
    told = headers | {"authorization": f"Bearer {secret}"}
    assert bench.ask("POST", "/v1/chat/completions", body, headers=told).status == 403
    assert bench.ask("POST", "/v1beta/models/assistant:generateContent", {"contents": []}, key="claude").status == 403
    assert bench.ask("GET", "/v1/responses/resp_x", key="claude").status == 403


def test_data_classes_that_nobody_knows(bench):
    body = {"model": "assistant", "messages": [{"role": "user", "content": "x"}]}
    key = bench.secrets["free"]
    for told, status in (
        ("public", 200),
        ("Public", 200),
        ("none", 400),
        ("", 400),
        ("public;secret", 400),
        ("x" * 9000, 400),
    ):
        headers = {"x-weighbridge-data-class": told, "authorization": f"Bearer {key}"}
        assert bench.ask("POST", "/v1/chat/completions", body, headers=headers).status == status, told[:20]
