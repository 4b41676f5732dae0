"""What a request tells by address is fetched from the public web only, bounded, and without a word about it."""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import FilePart, ImagePart, Message, Request, TextPart, ToolResultPart
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.fetch import Fetcher, Limits, resolve
from weighbridge.engines.public import UnusableError, check, is_public
from weighbridge.engines.sniff import media_type
from weighbridge.engines.transport import AiohttpTransport, HttpRequest
from weighbridge.errors import UnreachableError

PUBLIC = "93.184.215.14"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
KINDS = {"image_url", "file_url"}


class Moved:
    """A transport that takes what is for public addresses to a server on loopback, and remembers what was asked."""

    def __init__(self, server):
        self.asked: list[HttpRequest] = []
        self._port = int(server.url.rsplit(":", 1)[1].removesuffix("/v1"))
        self._inner = AiohttpTransport(connections=8)

    async def send(self, request, *, connect_timeout, read_timeout):
        self.asked.append(request)
        scheme, _, rest = request.url.partition("://")
        authority, slash, path = rest.partition("/")
        url = f"{scheme}://{authority.partition(':')[0]}:{self._port}{slash}{path}"
        moved = replace(request, url=url, address="127.0.0.1")
        return await self._inner.send(moved, connect_timeout=connect_timeout, read_timeout=read_timeout)

    async def close(self):
        await self._inner.close()


class Script:
    """Answers from a table of URLs, without a network."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked: list[HttpRequest] = []
        self.closed = 0

    async def send(self, request, *, connect_timeout, read_timeout):
        self.asked.append(request)
        answer = self.answers[request.url.rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        return answer(self)

    async def close(self):
        pass


class Response:
    def __init__(self, script, status, headers, chunks):
        self.status = status
        self.headers = headers
        self._script = script
        self._chunks = chunks

    async def chunks(self):
        for chunk in self._chunks:
            if callable(chunk):
                await chunk()
            else:
                yield chunk

    async def close(self):
        self._script.closed += 1


def answer(*chunks, status=200, **headers):
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda script: Response(script, status, told, chunks)


def names(**known):
    async def look_up(name, port):
        found = known.get(name.replace(".", "_"), PUBLIC)
        if isinstance(found, Exception):
            raise found
        return [found] if isinstance(found, str) else found

    return look_up


def asking(*urls, kind=ImagePart):
    return Request("m", (Message("user", (TextPart("Look"), *(kind(url=url) for url in urls))),))


def fetched(request):
    """Which of the parts after the text hold data."""
    return [bool(part.data) for part in request.messages[0].parts[1:]]


async def one(transport, url, kind=ImagePart, **options):
    """The part after fetching, and why it was not fetched ("" where it was)."""
    fetcher = Fetcher(transport, **{"resolve": names(), **options})
    made, losses = await fetcher.inline(asking(url, kind=kind), KINDS)
    return made.messages[0].parts[1], losses[0].reason if losses else ""


# --- which addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254"),
        *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        "168.63.129.16",
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1"),
        *("fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "100::1"),
        *("2001:db8::1", "2001::1", "2001:10::1", "2002:7f00:1::", "3fff::1", "5f00::1"),
        *("", "localhost", "1.2.3", "0x8.8.8.8", "08.8.8.8"),
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_is_public(address):
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_public(str(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/x",
        "https://a.example:443/x?y=1#z",
        "HTTPS://A.example:80",
        "https://bücher.example/ä",
        "https://93.184.215.14/",
        "https://[2606:4700::1111]:443/",
        "https://3com.example/",
    ],
)
def test_urls_of_the_web(url):
    assert check(url)[1]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://a.example/x", "one of the web"),
        ("file:///etc/passwd", "one of the web"),
        ("gopher://a.example", "one of the web"),
        ("//a.example/x", "one of the web"),
        ("a.example", "one of the web"),
        ("", "one of the web"),
        ("http://", "one of the web"),
        ("http://u:p@a.example/", "user's name"),
        ("http://a.example@127.0.0.1/", "user's name"),
        ("http://@a.example/", "user's name"),
        ("http://a.example:8080/", "port"),
        ("http://a.example:22/", "port"),
        ("http://a.example:0/", "port"),
        ("http://a.example:99999/", "cannot be used"),
        ("http://2130706433/", "odd spelling"),
        ("http://0x7f000001/", "odd spelling"),
        ("http://0177.0.0.1/", "odd spelling"),
        ("http://127.1/", "odd spelling"),
        ("http://0x7f.0.0.0x1/", "odd spelling"),
        ("http://1.2.3.4.5/", "odd spelling"),
        ("http://[::1/", "cannot be used"),
        ("http://[v1.x]/", "odd spelling"),
        ("http://a.example\\@b.example/", "cannot be used"),
        ("http://a.example/\r\nhost: b", "cannot be used"),
        ("http://a example/", "cannot be used"),
        (f"http://a.example/{'x' * 9000}", "cannot be used"),
        (f"http://ü{'x' * 80}.example/", "cannot be used"),
    ],
)
def test_urls_that_may_not_be_asked(url, why):
    with pytest.raises(UnusableError, match=why):
        check(url)


@given(
    st.text(max_size=60)
    | st.text(max_size=40).map(lambda t: f"http://{t}")
    | st.text(max_size=20).map("https://[{}".format)
)
def test_no_text_breaks_the_check(url):
    try:
        parts, name = check(url)
    except UnusableError:
        return
    assert parts.scheme in {"http", "https"}
    assert name.isascii()


@pytest.mark.parametrize(
    "found",
    ["127.0.0.1", "169.254.169.254", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e", (PUBLIC, "10.0.0.1"), ()],
)
async def test_a_name_that_leads_elsewhere_is_not_asked(found):
    script = Script()
    part, why = await one(script, "http://a.example/x", resolve=names(a_example=found))
    assert "public" in why or "not known" in why
    assert part == ImagePart(url="http://a.example/x")
    assert script.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://169.254.169.254/latest/meta-data",
        "http://１２７.0.0.1/x",  # noqa: RUF001 - digits of another width
    ],
)
async def test_addresses_in_urls_are_checked_too(url):
    script = Script()
    _, why = await one(script, url)
    assert "not a public one" in why
    assert script.asked == []


async def test_names_that_cannot_be_looked_up():
    for error in (OSError("no such name"), UnicodeError("label too long")):
        assert "name is not known" in (await one(Script(), "http://a.example/x", resolve=names(a_example=error)))[1]


async def test_the_machines_own_look_up():
    assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    assert not any(map(is_public, await resolve("localhost", 80)))


# --- the connection -------------------------------------------------------------------------------


async def test_what_was_checked_is_what_is_connected_to(loopback, wire):
    """The name's answer changes after the check; nobody asks again, and the host is told its name."""
    http, saying = wire
    asked = []

    async def look_up(name, port):
        asked.append((name, port))
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    async with loopback(saying(http(PNG, content_type="text/html"))) as server:
        transport = Moved(server)
        part, why = await one(transport, "http://a.example/cat.png?key=s3cret#top", resolve=look_up)
        await transport.close()
    assert why == ""
    assert part == ImagePart(data=base64.b64encode(PNG).decode(), media_type="image/png")
    assert asked == [("a.example", 80)]
    (request,) = transport.asked
    assert request.address == PUBLIC
    assert request.url == "http://a.example/cat.png?key=s3cret"
    assert server.asked[0].line == "GET /cat.png?key=s3cret HTTP/1.1"
    assert server.asked[0].headers["host"].partition(":")[0] == "a.example"
    assert not {"cookie", "authorization", "referer"} & set(server.asked[0].headers)


async def test_a_host_must_prove_the_name_and_not_the_address(tmp_path):
    """With TLS the name is what is asked for, and what the certificate must be about."""
    seen: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    context.sni_callback = lambda _, name, __: seen.append(name)

    async def nobody(reader, writer):
        writer.close()

    logging.getLogger("asyncio").disabled = True
    server = await asyncio.start_server(nobody, "127.0.0.1", 0, ssl=context)
    transport = AiohttpTransport(connections=1)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(UnreachableError, match="TLS"):
            await transport.send(
                HttpRequest("GET", f"https://a.example:{port}/", {}, address="127.0.0.1"),
                connect_timeout=5,
                read_timeout=5,
            )
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()
        logging.getLogger("asyncio").disabled = False
    assert seen == ["a.example"]


def certificate(folder):
    """A certificate that nobody trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


# --- redirects ------------------------------------------------------------------------------------


async def test_redirects_are_followed_and_checked_each_time():
    script = Script(
        a=answer(status=302, location="/b"),
        b=answer(status=301, location="https://other.example/c"),
        c=answer(status=307, location="d"),
        d=answer(PNG),
    )
    part, why = await one(script, "http://a.example/a")
    assert why == ""
    assert part.media_type == "image/png"
    assert [r.url for r in script.asked] == [
        "http://a.example/a",
        "http://a.example/b",
        "https://other.example/c",
        "https://other.example/d",
    ]
    assert script.closed == 4


async def test_redirects_end():
    script = Script(a=answer(status=302, location="a"))
    assert "from address to address" in (await one(script, "http://a.example/a"))[1]
    assert len(script.asked) == 4


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://inside.example/b", "not a public one"),
        ("http://127.0.0.1/b", "not a public one"),
        ("http://[::ffff:7f00:1]/b", "not a public one"),
        ("http://a.example:8080/b", "port"),
        ("ftp://a.example/b", "one of the web"),
        ("http://u@a.example/b", "user's name"),
        ("http://[", "an address that is none"),
        ("", "status 302"),
    ],
)
async def test_redirects_to_where_nobody_may_go(location, why):
    script = Script(a=answer(status=302, location=location))
    part, told = await one(script, "http://a.example/a", resolve=names(inside_example="10.0.0.1"))
    assert why in told
    assert part.url == "http://a.example/a"
    assert len(script.asked) == 1


# --- bounds ---------------------------------------------------------------------------------------


async def test_all_that_comes_is_bounded_in_bytes():
    limits = Limits(size=100)
    told = Script(a=answer(PNG, content_length="101"))
    assert "too large" in (await one(told, "http://a.example/a", limits=limits))[1]
    absurd = Script(a=answer(PNG, content_length="9" * 5000))
    assert "too large" in (await one(absurd, "http://a.example/a", limits=limits))[1]
    endless = Script(a=answer(*[PNG] * 1000))
    assert "too large" in (await one(endless, "http://a.example/a", limits=limits))[1]
    assert endless.closed == 1
    several = Script(a=answer(PNG), b=answer(PNG), c=answer(PNG))
    fetcher = Fetcher(several, resolve=names(), limits=limits)
    made, losses = await fetcher.inline(asking(*(f"http://a.example/{name}" for name in "abc")), KINDS)
    assert fetched(made) == [True, True, False]
    assert [(loss.field, loss.severity) for loss in losses] == [("messages[0].parts[3]", "high")]


async def test_all_that_comes_is_bounded_in_time():
    clock = FakeClock()

    async def stuck():
        clock.advance(10)
        await asyncio.Event().wait()

    script = Script(a=answer(PNG), b=answer(stuck))
    fetcher = Fetcher(script, resolve=names(), clock=clock)
    made, losses = await fetcher.inline(asking("http://a.example/b", "http://a.example/a"), KINDS)
    assert fetched(made) == [False, True]
    assert [loss.reason for loss in losses] == ["the image was not fetched: it did not come in time"]
    assert script.closed == 2


async def test_who_gives_up_leaves_nothing_behind():
    started = asyncio.Event()

    async def stuck():
        started.set()
        await asyncio.Event().wait()

    script = Script(a=answer(stuck))
    waiting = asyncio.ensure_future(Fetcher(script, resolve=names()).inline(asking("http://a.example/a"), KINDS))
    await started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert script.closed == 1


async def test_no_more_than_so_many_addresses():
    script = Script(**{f"n{i}": answer(PNG) for i in range(20)})
    made, losses = await Fetcher(script, resolve=names()).inline(
        asking(*(f"http://a.example/n{i}" for i in range(20))), KINDS
    )
    assert len(script.asked) == 16
    assert fetched(made) == [True] * 16 + [False] * 4
    assert {loss.reason for loss in losses} == {
        "the image was not fetched: there are too many addresses in one request"
    }


async def test_one_address_is_asked_once():
    script = Script(a=answer(PNG))
    made, losses = await Fetcher(script, resolve=names()).inline(asking(*["http://a.example/a"] * 30), KINDS)
    assert len(script.asked) == 1
    assert losses == ()
    assert fetched(made) == [True] * 30


# --- what comes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told", "kind"),
    [
        (PNG, "image/png", "image/png"),
        (PNG, "text/html; charset=utf-8", "image/png"),
        (PNG, "", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/png", "image/jpeg"),
        (b"GIF89a..", "application/octet-stream", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/jpeg", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "", "audio/wav"),
        (b"\x00\x00\x00 ftypavif", "", "image/avif"),
        (b"\x00\x00\x00 ftypM4A ", "video/mp4", "audio/mp4"),
        (b"ID3\x04...", "", "audio/mpeg"),
        (b"%PDF-1.7\n", "text/plain", "application/pdf"),
        (b"Hello", "text/plain; charset=utf-8", "text/plain"),
        (b"Hello", "TEXT/Markdown", "text/markdown"),
        (b"Hello", "", "text/plain"),
        (b"\xff\xfeH\x00i\x00", "text/plain", "text/plain"),
        (b"<?xml version='1.0'?><svg/>", "image/svg+xml", "image/svg+xml"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl", "image/jxl"),
        (b"<html>", "image/png", ""),
        (b"<html>", "image/jpg", ""),
        (b"<html>", "image/svg+xml", ""),
        (b"PK\x03\x04\x00", "image/jpeg", ""),
        (b"PK\x03\x04\x00", "application/zip", ""),
        (b"\x00\x00\x00 ftypisom", "audio/mp4", ""),
        (b"\x7fELF\x00", "text/plain", ""),
        (b"{}", "application/json", ""),
        (b"", "text/plain", ""),
        (b"", "image/png", ""),
    ],
)
def test_what_bytes_are(data, told, kind):
    assert media_type(data, told) == kind


@given(st.binary(max_size=40), st.text(max_size=20))
def test_whatever_comes_is_of_an_allowed_kind_or_none(data, told):
    kind = media_type(data, told)
    assert kind in {"", "application/pdf"} or kind.startswith(("image/", "text/", "audio/"))


async def test_an_image_must_be_one_and_a_file_need_not():
    script = Script(a=answer(b"Hello", content_type="text/plain"), b=answer(b"%PDF-1.7", content_type="image/png"))
    assert "no image" in (await one(script, "http://a.example/a"))[1]
    part, why = await one(script, "http://a.example/a", FilePart)
    assert (part.data, part.media_type, why) == (base64.b64encode(b"Hello").decode(), "text/plain", "")
    part, _ = await one(script, "http://a.example/b", FilePart)
    assert part.media_type == "application/pdf"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (answer(b"gone", status=404), "status 404"),
        (answer(PNG, status=206), "status 206"),
        (answer(b"{}", content_type="application/json"), "no image, PDF, sound or text"),
        (UnreachableError("refused"), "cannot be reached"),
    ],
)
async def test_hosts_that_do_not_give_it(given, why):
    part, told = await one(Script(a=given), "http://a.example/a", FilePart)
    assert why in told
    assert part == FilePart(url="http://a.example/a")


# --- requests -------------------------------------------------------------------------------------


async def test_everything_else_stays_as_it_is():
    kept = (
        TextPart("http://a.example/a"),
        ImagePart(data="AAAA", media_type="image/png"),
        ImagePart(url="http://a.example/a", data="AAAA"),
        ImagePart(file_id="f"),
        FilePart(url="http://a.example/a"),
    )
    wanted = ImagePart(url="http://a.example/a", detail="low", cache="5m")
    result = ToolResultPart("c", (TextPart("t"), wanted))
    script = Script(a=answer(PNG))
    request = Request("m", (Message("system", kept), Message("tool", (result,)), Message("user", (wanted,))))
    made, losses = await Fetcher(script, resolve=names()).inline(request, {"image_url"})
    assert losses == ()
    assert len(script.asked) == 1
    whole = ImagePart(data=base64.b64encode(PNG).decode(), media_type="image/png", detail="low", cache="5m")
    assert made.messages[0].parts == kept
    assert made.messages[1].parts == (ToolResultPart("c", (TextPart("t"), whole)),)
    assert made.messages[2].parts == (whole,)
    same, _ = await Fetcher(script, resolve=names()).inline(request, set())
    assert same is request


async def test_a_loss_in_a_tools_answer_names_its_place():
    request = Request("m", (Message("tool", (ToolResultPart("c", (FilePart(url="http://127.0.0.1/"),)),)),))
    _, losses = await Fetcher(Script(), resolve=names()).inline(request, KINDS)
    assert [loss.field for loss in losses] == ["messages[0].parts[0].parts[0]"]


async def test_nothing_is_said_of_addresses_and_data(caplog, loopback, wire):
    http, saying = wire
    caplog.set_level(0)
    async with loopback(saying(http(b"secret-data", content_type="application/x-odd"))) as server:
        transport = Moved(server)
        for url in ("http://secret-name.example/secret-path?k=secret-key", "http://secret@x.example/"):
            _, why = await one(transport, url, FilePart)
            assert why
            assert "secret" not in why
        await transport.close()
    assert "secret" not in caplog.text
