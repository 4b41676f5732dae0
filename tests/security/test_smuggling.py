"""Two requests in one: whatever two programs may read differently is refused, and the connection ends there."""

from __future__ import annotations

import pytest
from attackers import ACCESS

pytestmark = pytest.mark.xdist_group("security")


def heads(bench):
    own = b"Host: " + bench.name.encode() + b"\r\n"
    keyed = own + b"Authorization: Bearer " + bench.secrets["free"].encode() + b"\r\n"
    inner = b"GET /metrics HTTP/1.1\r\n" + own + b"Authorization: Bearer " + ACCESS.encode() + b"\r\n\r\n"
    return b"POST /v1/messages HTTP/1.1\r\n" + keyed, inner


AMBIGUOUS = {
    "length and coding": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 4\r\n\r\n",
    "one length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 0\r\n\r\n",
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": b"Content-Length: 0x0\r\n\r\n",
    "a huge length": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a space before the colon": b"Content-Length : 0\r\n\r\n",
    "coding, a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked, then another": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "another, then chunked": b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "two codings": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab": b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"X-A: b\r\n Content-Length: 0\r\n\r\n",
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a bare LF": b"X-A: b\nContent-Length: 0\r\n\r\n",
    "a bare CR": b"X-A: b\rContent-Length: 0\r\n\r\n",
    "a NUL in a value": b"X-A: b\x00c\r\n\r\n",
    "a NUL in a name": b"X\x00A: b\r\n\r\n",
    "no name": b": b\r\n\r\n",
    "no colon": b"Content-Length\r\n\r\n",
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "a huge chunk": b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n\r\n0\r\n\r\n",
    "a chunk in 0x": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "an LF in a chunk's extension": b"Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n",
    "LFs around chunks": b"Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n",
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
}


def test_ambiguous_requests(bench):
    head, inner = heads(bench)
    found = bench.all_raw({name: head + rest + inner for name, rest in AMBIGUOUS.items()})
    for name, (answer, closed) in found.items():
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")), (name, answer[:80])
        assert b"weighbridge_" not in answer, name
        assert closed, name


def test_old_and_odd_versions(bench):
    head, inner = heads(bench)
    lines = head.split(b"\r\n", 1)[1]
    found = bench.all_raw(
        {
            "chunked in 1.0": b"POST /v1/messages HTTP/1.0\r\n"
            + lines
            + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + inner,
            "9.9": b"GET /healthz HTTP/9.9\r\n" + lines + b"\r\n" + inner,
            "2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + inner,
            "only LF": b"GET /healthz HTTP/1.1\nHost: " + bench.name.encode() + b"\n\n" + inner,
            "a space in the target": b"GET /healthz x HTTP/1.1\r\n" + lines + b"\r\n" + inner,
        }
    )
    for name, (answer, closed) in found.items():
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), (name, answer[:80])
        assert b"weighbridge_" not in answer, name
        assert closed, name
    for upgrade in (b"h2c", b"websocket"):
        head = (
            b"GET /metrics HTTP/1.1\r\nHost: " + bench.name.encode() + b"\r\nConnection: upgrade\r\nUpgrade: " + upgrade
        )
        answer, _ = bench.raw(head + b"\r\n\r\n" + inner)
        assert answer.startswith(b"HTTP/1.1 401"), upgrade
        assert b"weighbridge_" not in answer, upgrade


def test_a_key_holds_for_one_request(bench):
    own = b"Host: " + bench.name.encode() + b"\r\n"
    keyed = b"GET /v1/models HTTP/1.1\r\n" + own + b"x-api-key: " + bench.secrets["free"].encode() + b"\r\n\r\n"
    bare = b"GET /v1/models HTTP/1.1\r\n" + own + b"\r\n"
    answer, _ = bench.raw(keyed + bare + keyed)
    assert [answer.count(b"HTTP/1.1 200"), answer.count(b"HTTP/1.1 401")] == [2, 1]


def test_headers_after_the_body_are_none(bench):
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: "
        + bench.name.encode()
        + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    key = bench.secrets["free"].encode()
    body = b'{"model": "assistant", "messages": [{"role": "user", "content": "x"}]}'
    chunk = b"%x\r\n" % len(body) + body + b"\r\n0\r\n"
    answer, _ = bench.raw(head + chunk + b"Authorization: Bearer " + key + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401")
    keyed = head[:-2] + b"Authorization: Bearer " + key + b"\r\n\r\n"
    answer, _ = bench.raw(keyed + chunk + b"x-weighbridge-data-class: nonsense\r\nHost: evil.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


def test_two_keys_in_one_header_place(bench):
    own = b"GET /v1/models HTTP/1.1\r\nHost: " + bench.name.encode() + b"\r\n"
    good = b"Authorization: Bearer " + bench.secrets["free"].encode() + b"\r\n"
    for pair in (good + b"Authorization: Bearer x\r\n", b"Authorization: Bearer x\r\n" + good, good + good):
        answer, closed = bench.raw(own + pair + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 400")
        assert closed


def test_endless_heads_are_cut(bench):
    start = b"GET /healthz HTTP/1.1\r\nHost: " + bench.name.encode() + b"\r\n"
    length = 3_000_000
    found = bench.all_raw(
        {
            "a value": start + b"X-A: " + b"a" * length,
            "a name": start + b"a" * length,
            "many": start + b"a: b\r\n" * (length // 6),
            "a target": b"GET /" + b"a" * length,
            "a query": b"GET /healthz?" + b"a" * length,
            "trailers": start.replace(b"GET /healthz", b"POST /v1/messages")
            + b"x-api-key: "
            + bench.secrets["free"].encode()
            + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            + b"a: b\r\n" * (length // 6),
            "an extension": start.replace(b"GET /healthz", b"POST /v1/messages")
            + b"x-api-key: "
            + bench.secrets["free"].encode()
            + b"\r\nTransfer-Encoding: chunked\r\n\r\n1;"
            + b"a" * length,
        }
    )
    for name, (answer, closed) in found.items():
        assert closed, name
        assert b"HTTP/1.1 200" not in answer, name
    assert bench.ask("GET", "/healthz").status == 200
