"""Host and Origin tricks."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("security")


def test_foreign_hosts(bench):
    port = bench.port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"127.0.0.1:{port}.evil.example",
        f"127.0.0.1.nip.io:{port}",
        f"localhost.evil.example:{port}",
        f"localhost.:{port}",
        f"127.0.0.1:{port}@evil.example",
        f"user@127.0.0.1:{port}",
        f"127.0.0.1:{port}/",
        f"127.0.0.1:{port}, evil.example",
        f"2130706433:{port}",
        f"0x7f000001:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        "evil.gate.example",
        "",
    ):
        for path in ("/v1/models", "/healthz", "/metrics"):
            answer = bench.ask("GET", path, key="free", headers={"host": host})
            assert answer.status == 403, host
    for host in (bench.name, f"LOCALHOST:{port}", f"[::1]:{port}", f"gate.example:{port}"):
        assert bench.ask("GET", "/healthz", headers={"host": host}).status == 200, host


def test_what_a_proxy_would_say_counts_for_nothing(bench):
    own = bench.name.encode()
    for trick in (b"X-Forwarded-Host", b"X-Host", b"Forwarded", b"X-Original-Host", b"X-HTTP-Host-Override"):
        head = (
            b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n" + trick + b": " + own + b"\r\nConnection: close\r\n\r\n"
        )
        assert bench.raw(head)[0].startswith(b"HTTP/1.1 403"), trick
    for target in (b"http://" + own + b"/healthz", b"http://evil.example/healthz"):
        assert bench.raw(b"GET " + target + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")[
            0
        ].startswith(b"HTTP/1.1 403")
    for trick in (
        b"X-Forwarded-For: 127.0.0.1",
        b"X-Real-IP: 127.0.0.1",
        b"X-Original-URL: /healthz",
        b"X-Rewrite-URL: /healthz",
    ):
        head = b"GET /metrics HTTP/1.1\r\nHost: " + own + b"\r\n" + trick + b"\r\nConnection: close\r\n\r\n"
        assert bench.raw(head)[0].startswith(b"HTTP/1.1 401"), trick


def test_two_hosts_or_none(bench):
    own = b"Host: " + bench.name.encode() + b"\r\n"
    evil = b"Host: evil.example\r\n"
    found = bench.all_raw(
        {
            "evil first": b"GET /healthz HTTP/1.1\r\n" + evil + own + b"\r\n",
            "evil last": b"GET /healthz HTTP/1.1\r\n" + own + evil + b"\r\n",
            "the same twice": b"GET /healthz HTTP/1.1\r\n" + own + own + b"\r\n",
            "none": b"GET /healthz HTTP/1.1\r\n\r\n",
            "none, old": b"GET /healthz HTTP/1.0\r\n\r\n",
            "older": b"GET /healthz\r\n\r\n",
        }
    )
    for name, (answer, _) in found.items():
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403")), name


def test_pages_of_others(bench):
    for origin in (
        "null",
        "",
        "https://evil.example",
        "https://good.example.evil.example",
        "https://good.example:444",
        "http://good.example",
        "https://evil.example, https://good.example",
        "https://good.example/",
        f"http://{bench.name}",
        f"http://localhost:{bench.port}",
    ):
        for method, path in (("GET", "/v1/models"), ("OPTIONS", "/v1/chat/completions"), ("GET", "/healthz")):
            answer = bench.ask(method, path, key="free", headers={"origin": origin})
            assert answer.status == 403, origin
            assert "access-control-allow-origin" not in answer.headers, origin
    good = bench.ask("GET", "/v1/models", key="free", headers={"origin": "https://good.example"})
    assert (good.status, good.headers["access-control-allow-origin"]) == (200, "https://good.example")
    assert "access-control-allow-credentials" not in good.headers
    unkeyed = bench.ask("GET", "/v1/models", headers={"origin": "https://good.example"})
    assert unkeyed.status == 401


def test_two_origins(bench):
    own = b"Host: " + bench.name.encode() + b"\r\n"
    good, evil = b"Origin: https://good.example\r\n", b"Origin: https://evil.example\r\n"
    for pair in (good + evil, evil + good):
        answer, _ = bench.raw(b"GET /healthz HTTP/1.1\r\n" + own + pair + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"access-control-allow-origin" not in answer.lower()
