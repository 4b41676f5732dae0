"""Path and encoding tricks: none gets past the key, none reaches a file."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("security")

TRICKS = (
    "/metrics",
    "/%6detrics",
    "/%6Detrics",
    "/%256detrics",
    "/METRICS",
    "//metrics",
    "/./metrics",
    "/metrics/",
    "/metrics%00",
    "/metrics%20",
    "/metrics%0a",
    "/metrics;x=/healthz",
    "/metrics?x=/healthz",
    "/metrics#/healthz",
    "/healthz/../metrics",
    "/healthz/%2e%2e/metrics",
    "/healthz%2f..%2fmetrics",
    "/healthz/..%252fmetrics",
    "/healthz/..%c0%afmetrics",
    "/healthz/%c0%ae%c0%ae/metrics",
    "/healthz/%e0%80%ae%e0%80%ae/metrics",
    "/healthz/..%5cmetrics",
    "/healthz/%uff0e%uff0e/metrics",
    "/healthz/%ef%bc%8e%ef%bc%8e/metrics",
    "/healthz;/metrics",
    "/healthz%00/metrics",
    "/healthz%23/metrics",
    "/healthz%3f/metrics",
    "/readyz/../v1/models",
    "/v1/healthz/../models",
    "/v1/models/%2e%2e/%2e%2e/healthz",
    "/v1/models",
    "/v1%2fmodels",
    "/v1/models/..",
    "/v1/models/%2e%2e%2fhealthz",
    "/v1/v1/models",
    "/v1beta/models",
    "/models",
    "/openapi.json",
    "/docs",
    "/admin",
    "/.env",
    "/weighbridge.toml",
    "/..%2f..%2fetc/passwd",
    "/.weighbridge/state.db",
)


def test_nothing_but_health_without_a_key(bench):
    for path in TRICKS:
        for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "TRACE"):
            answer = bench.ask(method, path)
            assert answer.status in {400, 401, 403, 404, 405}, (method, path)
            assert b"weighbridge_" not in answer.body, (method, path)
    assert bench.ask("GET", "/healthz").status == 200


def test_methods_in_disguise(bench):
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        answer = bench.ask("GET", "/v1/chat/completions", key="free", headers={name: "POST"})
        assert answer.status == 405
        answer = bench.ask("POST", "/metrics?_method=GET", headers={name: "GET"})
        assert answer.status == 401
    own = b"Host: " + bench.name.encode()
    for head in (
        b"CONNECT 127.0.0.1:22 HTTP/1.1",
        b"CONNECT /metrics HTTP/1.1",
        b"GET 127.0.0.1:22 HTTP/1.1",
        b"GET * HTTP/1.1",
    ):
        answer, _ = bench.raw(head + b"\r\n" + own + b"\r\n\r\n")
        assert answer[:12] not in {b"HTTP/1.1 200", b"HTTP/1.0 200"}, head


NAMES = (
    "../../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "/etc/passwd.gguf",
    "../weighbridge.toml",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2fetc%2fpasswd.gguf",
    "~/x.gguf@local",
    "/proc/self/environ",
    "/dev/zero.gguf",
    "x\x00.gguf",
    "assistant\x00",
    "assistant/",
    " assistant",
    "Assistant",
    "assistant\u200b",
    "\uff41ssistant",
    "a" * 100_000,
    "",
)


def test_names_that_are_paths(bench):
    for name in NAMES:
        for answer in (
            bench.chat(name, "free"),
            bench.ask("GET", "/v1/models/" + "".join(f"%{byte:02x}" for byte in name.encode())[:60_000], key="free"),
        ):
            assert answer.status in {400, 404, 405} or (not name and answer.status == 200), name[:50]
            assert b"root:" not in answer.body
            assert str(bench.folder).encode() not in answer.body, name[:50]


def test_ids_that_are_paths(bench):
    for name in ("..", "%2e%2e", "..%2f..%2fstate.db", "%00", "%ff", "x" * 5000, "resp_%2e%2e%2f", "*", "%25"):
        for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/input_items")):
            assert bench.ask(method, f"/v1/responses/{name}{rest}", key="free").status in {400, 404, 405}, name
