"""Making the gateway call where its operator did not send it."""

from __future__ import annotations

import pytest
from attackers import HOST_KEY

pytestmark = pytest.mark.xdist_group("security")


def test_addresses_of_images(bench):
    port = bench.canary.port
    places = (
        f"http://127.0.0.1:{port}/x.png",
        f"http://localhost:{port}/x.png",
        f"http://LOCALHOST.:{port}/x.png",
        f"http://0.0.0.0:{port}/x.png",
        f"http://0:{port}/x.png",
        f"http://2130706433:{port}/x.png",
        f"http://0x7f000001:{port}/x.png",
        f"http://0177.0.0.1:{port}/x.png",
        f"http://127.1:{port}/x.png",
        f"http://[::1]:{port}/x.png",
        f"http://[::ffff:127.0.0.1]:{port}/x.png",
        f"http://[::ffff:7f00:1]:{port}/x.png",
        f"http://[64:ff9b::7f00:1]:{port}/x.png",
        f"http://public.example@127.0.0.1:{port}/x.png",
        f"http://127.0.0.1:{port}\\@public.example/x.png",
        f"http://public.example#@127.0.0.1:{port}/x.png",
        f"http://127.0.0.1:{port}%23@public.example/",
        f"http://\uff11\uff12\uff17.0.0.1:{port}/x.png",
        f"http://127\u30020.0.1:{port}/x.png",
        f"//127.0.0.1:{port}/x.png",
        f"http:127.0.0.1:{port}/x.png",
        f"ftp://127.0.0.1:{port}/x.png",
        f"gopher://127.0.0.1:{port}/x",
        f"http://127.0.0.1:{port}/\r\nx: y",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        f"http://{bench.name}/metrics",
    )
    for place in places:
        part = {"type": "image_url", "image_url": {"url": place}}
        body = {"model": "images", "messages": [{"role": "user", "content": [part, {"type": "text", "text": "x"}]}]}
        before = len(bench.host.seen)
        answer = bench.ask("POST", "/v1/chat/completions", body, key="free")
        assert answer.status in {200, 400}, place
        for seen in bench.host.seen[before:]:
            assert "root:" not in str(seen.body), place
            assert "base64" not in str(seen.body), place
    file = {"type": "file", "file": {"file_data": "file:///etc/passwd", "filename": "../../x"}}
    bench.ask(
        "POST",
        "/v1/chat/completions",
        {"model": "images", "messages": [{"role": "user", "content": [file]}]},
        key="free",
    )
    assert bench.canary.visits == []


def test_base_addresses_from_clients(bench):
    there = f"http://127.0.0.1:{bench.canary.port}/v1"
    words = {"messages": [{"role": "user", "content": "x"}]}
    for more in ("api_base", "base_url", "endpoint", "url", "proxy", "host", "api_key", "webhook_url", "callback"):
        bench.ask("POST", "/v1/chat/completions", {"model": "assistant", more: there, **words}, key="free")
    for name in (
        "x-base-url",
        "x-portkey-custom-host",
        "x-api-base",
        "helicone-target-url",
        "x-forwarded-host",
        "x-upstream",
    ):
        headers = {name: there, "authorization": f"Bearer {bench.secrets['free']}"}
        bench.ask("POST", "/v1/chat/completions", {"model": "assistant", **words}, headers=headers)
    for name in (there, f"plain@{there}", f"plain@127.0.0.1:{bench.canary.port}", f"openai/{there}"):
        assert bench.chat(name, "free").status in {400, 404}, name
    assert bench.canary.visits == []


def test_hosts_that_send_callers_elsewhere(bench):
    before = len(bench.host.seen)
    answer = bench.chat("moved", "free")
    assert answer.status >= 400
    assert bench.canary.visits == []
    assert bench.host.seen[before].headers["authorization"] == f"Bearer {HOST_KEY}"
    assert str(bench.canary.port).encode() not in answer.body


def test_a_client_s_key_stays_here(bench):
    before = len(bench.host.seen)
    secret = bench.secrets["free"]
    for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}, {"x-goog-api-key": secret}):
        body = {"model": "assistant", "messages": [{"role": "user", "content": "x"}]}
        assert (
            bench.ask("POST", "/v1/chat/completions", body, headers=headers | {"cookie": "a=b", "x-mine": "c"}).status
            == 200
        )
    for seen in bench.host.seen[before:]:
        assert secret not in str(seen.headers) + str(seen.body) + seen.path
        assert "cookie" not in seen.headers
        assert "x-mine" not in seen.headers
