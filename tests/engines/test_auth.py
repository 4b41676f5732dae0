"""Hosts are shown who asks in the way that their entry tells, and nobody else is."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import ClassVar
from urllib.parse import parse_qs

import pytest
from msgspec.structs import replace

from weighbridge.canon import Attempt
from weighbridge.engines.auth import Auth, spellings, with_query
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM, FakeClock
from weighbridge.engines.endpoints import Endpoint, NoEndpoints, address
from weighbridge.engines.transport import AiohttpTransport, HttpRequest, as_sent
from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    MissingExtraError,
    NoKeyError,
    OverloadedError,
    SettingsError,
    UnreachableError,
    WrongKeyError,
)
from weighbridge.settings import Client as ClientSettings

KEY = "k/ey+with=odd signs"
TINY = b'{"a": 1}'


class Dialect:
    """As much of a dialect as the client needs."""

    name = "tiny"
    headers: ClassVar[dict[str, str]] = {"x-version": "2026-01-01", "x-beta": ""}

    def target(self, model, *, stream):
        return f"/models/{model}:{'stream?alt=sse' if stream else 'generate'}"

    def read_error(self, status, headers, body, *, engine):
        return (WrongKeyError if status == 401 else OverloadedError)(body.decode() or "?", status=status)


class Response:
    def __init__(self, status=200, body=b"ok"):
        self.status = status
        self.headers = {}
        self._body = body

    async def read(self, limit):
        return self._body

    async def chunks(self):
        yield self._body

    async def close(self):
        pass


class Network:
    """Answers by a function, or with the next of its answers; the last one for good."""

    def __init__(self, *answers):
        self.sent = []
        self.answers = list(answers) or [Response()]

    async def send(self, request, *, connect_timeout, read_timeout):
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = await answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        pass


@pytest.fixture
def clock():
    return FakeClock(1_700_000_000.0)


@pytest.fixture
def client(clock):
    def make(network, environ=None, **settings):
        return Client(
            settings=ClientSettings(**settings),
            transport=network,
            endpoints=NoEndpoints(),
            environ=environ if environ is not None else {"X_KEY": KEY},
            clock=clock,
            rng=random.Random(1),
        )

    return make


def called(engine, upstream):
    """The same engine, under another name at its host."""
    return replace(engine, offer=replace(engine.offer, upstream=upstream))


async def call(client, engine, **more):
    options = {"stream": False, "deadline": client._clock.monotonic() + 60, **more}
    return await client.open(engine, Dialect(), TINY, **options)


# --- keys that never change -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "name", "value"),
    [
        ({"auth": "bearer"}, "authorization", f"Bearer {KEY}"),
        ({"auth": "header"}, "x-api-key", KEY),
        ({"auth": "header", "auth_name": "API-Key"}, "api-key", KEY),
        ({"auth": "header", "auth_name": "x-goog-api-key"}, "x-goog-api-key", KEY),
    ],
)
async def test_keys_in_headers(client, engine, host, name, value):
    network = Network()
    await call(client(network), engine("http://h/v1", key_env="X_KEY", dialect="tiny", **host))
    (sent,) = network.sent
    assert sent.headers[name] == value
    assert sent.url == "http://h/v1/models/m-1:generate"
    assert {"authorization", "x-api-key", "api-key", "x-goog-api-key"} & set(sent.headers) == {name}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_key_in_the_query_comes_after_what_the_path_asks(client, engine, stream):
    network = Network()
    host = engine("http://h/v1beta", auth="query", auth_name="key", key_env="X_KEY", dialect="tiny")
    await call(client(network), host, stream=stream)
    path, _, query = network.sent[0].url.partition("?")
    assert path.endswith(":stream" if stream else ":generate")
    assert parse_qs(query) == {**({"alt": ["sse"]} if stream else {}), "key": [KEY]}
    assert "authorization" not in network.sent[0].headers


async def test_none_and_hosts_without_a_keys_name_show_nothing(client, engine):
    network = Network()
    made = client(network)
    for host in ({"auth": "none", "key_env": "X_KEY"}, {"auth": "header"}, {"auth": "query"}, {}):
        await call(made, engine("http://h", **host))
    for sent in network.sent:
        assert KEY not in str(sent)
        assert set(sent.headers) == {"content-type", "accept", "x-version"}


@pytest.mark.parametrize("auth", ["bearer", "header", "query", "google"])
async def test_no_key_no_call(client, engine, auth):
    network = Network()
    seen: list[Attempt] = []
    with pytest.raises(NoKeyError) as caught:
        await call(client(network, {}), engine("http://h", auth=auth, key_env="X_KEY"), on_attempt=seen.append)
    assert caught.value.fix == "Set X_KEY in the environment."
    assert network.sent == []
    assert [attempt.outcome for attempt in seen] == ["no_key"]


@pytest.mark.parametrize("auth", ["bearer", "header", "query"])
async def test_no_key_is_told_in_any_spelling(client, engine, auth, caplog):
    caplog.set_level(0)
    quoted = [KEY, *spellings([KEY])]
    seen: list[Attempt] = []
    refusal = Response(401, f"bad: {' '.join(quoted)} {json.dumps({'key': KEY})}".encode())
    host = engine("http://h/v1", auth=auth, key_env="X_KEY", headers={"X-Token": 'tok"en\\1'})
    with pytest.raises(WrongKeyError) as caught:
        await call(client(Network(refusal)), host, on_attempt=seen.append)
    for text in (str(caught.value), caught.value.body, repr(caught.value.told), repr(seen), caplog.text):
        assert not any(spelling in text for spelling in quoted)
    assert caught.value.what.startswith("bad: *** ")


def test_spellings():
    assert spellings(["", "abc"]) == ()
    assert spellings(["abcd"]) == ("abcd",)
    found = spellings(["a b/c", 'q"uote'])
    assert set(found) == {"a b/c", "a%20b%2Fc", "a+b%2Fc", 'q"uote', "q%22uote", 'q\\"uote'}
    assert list(map(len, found)) == sorted(map(len, found), reverse=True)


# --- addresses and headers ------------------------------------------------------------------------


async def test_azure_by_deployment(client, engine):
    network = Network()
    host = engine(
        "https://x.openai.azure.com",
        auth="header",
        auth_name="api-key",
        key_env="X_KEY",
        dialect="tiny",
        path="/openai/deployments/{model}/chat/completions",
        query={"api-version": "2024-10-21"},
    )
    await call(client(network), host)
    (sent,) = network.sent
    assert sent.url == ("https://x.openai.azure.com/openai/deployments/m-1/chat/completions?api-version=2024-10-21")
    assert sent.headers["api-key"] == KEY


async def test_azure_in_its_newer_form(client, engine):
    network = Network()
    host = engine(
        "https://x.openai.azure.com/openai/v1", auth="header", auth_name="api-key", key_env="X_KEY", dialect="tiny"
    )
    await call(client(network), host)
    assert network.sent[0].url == "https://x.openai.azure.com/openai/v1/models/m-1:generate"


def test_which_address_counts(engine):
    def at(dialect, endpoint=None, target="", **host):
        class Spoken(Dialect):
            name = dialect

        made = engine("https://own/v1/", dialect="a", speaks={"b": "https://b/v2", "c": ""}, **host)
        return address(made, endpoint, Spoken(), stream=False, target=target)  # type: ignore[arg-type]

    assert at("a") == "https://own/v1/models/m-1:generate"
    assert at("b") == "https://b/v2/models/m-1:generate"
    assert at("c") == at("d") == at("a")
    assert at("b", target="/embeddings") == "https://b/v2/embeddings"
    assert at("a", path="/x/{model}/y") == "https://own/v1/x/m-1/y"
    assert at("a", path="/x/{model}/y", target="/embeddings") == "https://own/v1/embeddings"
    assert at("b", path="/x/{model}/y") == "https://b/v2/models/m-1:generate", "the path belongs to the host's dialect"
    assert at("a", query={"v": "1 2"}, target="/e?a=b") == "https://own/v1/e?a=b&v=1%202"
    assert at("b", endpoint=Endpoint("http://127.0.0.1:9/v1")) == "http://127.0.0.1:9/v1/models/m-1:generate"


def test_a_models_name_cannot_leave_its_place_in_the_path(engine):
    made = engine("https://h", dialect="tiny", path="/d/{model}/chat")
    assert address(called(made, "../a?b#c"), None, Dialect(), stream=False) == "https://h/d/..%2Fa%3Fb%23c/chat"  # type: ignore[arg-type]


async def test_headers_in_their_order_of_weight(client, engine):
    network = Network()
    made = client(network)
    plain = engine("http://h", key_env="X_KEY", headers={"X-Fixed": "host"})
    await call(made, plain)
    await call(made, plain, headers={"X-Version": "2026-02-02", "x-fixed": "caller", "authorization": "Bearer theirs"})
    first, second = network.sent
    assert first.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "x-version": "2026-01-01",
        "x-fixed": "host",
        "authorization": f"Bearer {KEY}",
    }
    assert second.headers == {**first.headers, "x-version": "2026-02-02"}


def test_queries():
    assert with_query("http://h/a", {}) == "http://h/a"
    assert with_query("http://h/a?b=c", {"d": "e/f"}) == "http://h/a?b=c&d=e%2Ff"


# --- AWS ------------------------------------------------------------------------------------------

#: The example of AWS's own documentation: "Authenticating Requests: the test suite", get-vanilla and post-vanilla.
AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
THEN = 1440938160.0  #: 2015-08-30T12:36:00Z


def aws(environ=AWS, at=THEN):
    return Auth(environ=environ, transport=Network(), clock=FakeClock(at))


@pytest.mark.parametrize(
    ("method", "query", "headers", "body", "names", "signature"),
    [
        ("GET", "", {}, b"", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "", {}, b"", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "?Param2=value2&Param1=value1",
            {},
            b"",
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "POST",
            "",
            {"content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get-vanilla", "post-vanilla", "get-vanilla-query-order-key-case", "post-x-www-form-urlencoded"],
)
async def test_signatures_are_those_of_awss_own_test_suite(engine, method, query, headers, body, names, signature):
    host = engine("https://x", auth="sigv4", auth_name="service", region="us-east-1")
    request = HttpRequest(method, f"https://example.amazonaws.com/{query}", headers, body)
    signed = await aws().sign(host, request)
    assert signed.request.headers["x-amz-date"] == "20150830T123600Z"
    assert signed.request.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    assert signed.request.body == body
    assert {signature, AWS["AWS_SECRET_ACCESS_KEY"]} <= set(signed.secrets)


async def test_a_request_is_signed_as_it_is_sent(loopback, wire, engine, clock):
    """The signature is made anew from what arrived: address, headers and body to the byte; each try has its own."""
    http, saying = wire
    environ = {**AWS, "AWS_SESSION_TOKEN": "session/token", "AWS_REGION": "eu-central-1"}
    transport = AiohttpTransport(connections=2)
    made = Client(
        settings=ClientSettings(backoff=4.0),
        transport=transport,
        endpoints=NoEndpoints(),
        environ=environ,
        clock=clock,
        rng=random.Random(1),
    )
    async with loopback(saying(http(b"busy", 503), http(b"ok"))) as server:
        path = "/model/{model}/invoke"
        host = engine(server.url, auth="sigv4", path=path, dialect="tiny", headers={"X-Odd": "a  b"}, query={"v": "1"})
        upstream = await call(made, called(host, "anthropic.claude-3:0/x"))
        assert await upstream.read() == b"ok"
    await transport.close()
    first, second = server.asked
    assert first.headers["authorization"] != second.headers["authorization"]
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    for asked in (first, second):
        _, names, told = asked.headers["authorization"].split(", ")
        signed = names.removeprefix("SignedHeaders=").split(";")
        assert {"host", "x-amz-date", "x-amz-security-token", "content-type", "x-odd"} <= set(signed)
        url = f"http://{asked.headers['host']}{asked.line.split()[1]}"
        assert "anthropic.claude-3:0%2Fx" in url
        again = AWSRequest("POST", url, {name: asked.headers[name] for name in signed}, asked.body)
        again.context["timestamp"] = asked.headers["x-amz-date"]
        signer = SigV4Auth(
            Credentials(AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_SECRET_ACCESS_KEY"]), "bedrock", "eu-central-1"
        )
        expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        assert told == f"Signature={expected}"


async def test_credentials_of_a_profile(engine, tmp_path, monkeypatch):
    (tmp_path / "keys").write_text(
        "[work]\naws_access_key_id = AKIDFILE\naws_secret_access_key = secret-of-the-file\n", encoding="utf-8"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    host = engine("https://x", auth="sigv4", region="us-west-2")
    auth = aws({})
    signed = await asyncio.gather(*(auth.sign(host, HttpRequest("POST", "https://x/", {}, b"")) for _ in range(3)))
    assert all("Credential=AKIDFILE/20150830/us-west-2/bedrock/" in s.request.headers["authorization"] for s in signed)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NoKeyError, match="No AWS credentials"):
        await aws({}).sign(host, HttpRequest("POST", "https://x/", {}, b""))


async def test_aws_without_credentials_or_a_region(engine, tmp_path, monkeypatch):
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    request = HttpRequest("POST", "https://x/", {}, b"")
    with pytest.raises(NoKeyError, match="No AWS credentials") as caught:
        await aws({}).sign(engine("https://x", auth="sigv4", region="r"), request)
    assert "AWS_PROFILE" in caught.value.fix
    with pytest.raises(NoKeyError):
        await aws({"AWS_ACCESS_KEY_ID": "half"}).sign(engine("https://x", auth="sigv4", region="r"), request)
    ended = {**AWS, "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
    with pytest.raises(NoKeyError, match="have run out"):
        await aws(ended).sign(engine("https://x", auth="sigv4", region="r"), request)
    with pytest.raises(SettingsError, match="no region") as unknown:
        await aws().sign(engine("https://x", auth="sigv4"), request)
    assert unknown.value.where == "hosts.h.region"


async def test_without_the_extras(engine, monkeypatch):
    request = HttpRequest("POST", "https://x/", {}, b"")
    monkeypatch.setitem(sys.modules, "botocore.credentials", None)
    with pytest.raises(MissingExtraError) as caught:
        await aws().sign(engine("https://x", auth="sigv4", region="r"), request)
    assert caught.value.fix == "Run: pip install 'weighbridge[aws]'."
    monkeypatch.setitem(sys.modules, "google.auth.exceptions", None)
    with pytest.raises(MissingExtraError) as caught:
        await aws({"K": "{}"}).sign(engine("https://x", auth="google", key_env="K"), request)
    assert caught.value.fix == "Run: pip install 'weighbridge[google]'."


def test_addresses_in_the_spelling_of_the_wire():
    assert as_sent("http://h/model/a%3A0/x y?k=a b") == "http://h/model/a:0/x%20y?k=a+b"


# --- Google ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def account():
    """The key of a service account that nobody has."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    info = {
        "type": "service_account",
        "client_email": "wb@example.iam.gserviceaccount.com",
        "private_key": pem,
        "private_key_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    }
    return info, public


class Google:
    """Gives tokens and answers calls; `seconds` is how long a token is said to hold."""

    def __init__(self, seconds=3600, good=None):
        self.given = 0
        self.assertions = []
        self.seconds = seconds
        self.good = good or (lambda token: True)
        self.error: Exception | Response | None = None
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, request):
        if not request.url.endswith("/token"):
            token = request.headers["authorization"].removeprefix("Bearer ")
            return Response() if self.good(token) else Response(401, f"{token} is revoked".encode())
        self.asked.set()
        await self.gate.wait()
        if self.error is not None:
            if isinstance(self.error, Exception):
                raise self.error
            return self.error
        self.given += 1
        self.assertions.append(parse_qs(request.body.decode())["assertion"][0])
        told = {"access_token": f"token-{self.given}", "expires_in": self.seconds, "token_type": "Bearer"}
        return Response(200, json.dumps(told).encode())


def google(engine, **host):
    return engine("https://vertex/v1", auth="google", key_env="GOOGLE_KEY", dialect="tiny", **host)


async def test_a_service_account_is_shown_by_a_signed_assertion(loopback, engine, account, tmp_path):
    """From the key's file over a real socket to the token."""
    info, public = account

    async def give(_, asked, writer):
        told = json.dumps({"access_token": "ya29.real", "expires_in": 3600}).encode()
        writer.write(f"HTTP/1.1 200 X\r\ncontent-length: {len(told)}\r\n\r\n".encode() + told)

    transport = AiohttpTransport(connections=2)
    async with loopback(give) as server:
        path = tmp_path / "account.json"
        path.write_text(json.dumps({**info, "token_uri": f"{server.url}/token"}), encoding="utf-8")
        auth = Auth(environ={"GOOGLE_APPLICATION_CREDENTIALS": str(path)}, transport=transport, clock=SYSTEM)
        host = engine("https://vertex/v1", auth="google")
        signed = await auth.sign(host, HttpRequest("POST", "https://vertex/v1/x", {}, b""))
    await transport.close()
    assert signed.request.headers == {"authorization": "Bearer ya29.real"}
    assert signed.secrets == ("ya29.real",)
    (asked,) = server.asked
    from google.auth import jwt

    assertion = parse_qs(asked.body.decode())["assertion"][0]
    claims = jwt.decode(assertion, certs=public, audience="https://oauth2.googleapis.com/token")
    assert claims["iss"] == info["client_email"]
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"


async def test_one_token_for_many_calls_at_once(client, engine, account):
    service = Google()
    service.gate.clear()
    network = Network(service)
    made = client(network, {"GOOGLE_KEY": json.dumps(account[0])})
    calls = [asyncio.ensure_future(call(made, google(engine))) for _ in range(20)]
    await asyncio.sleep(0)
    calls[0].cancel()  # whoever goes away does not stop the renewal for the others
    service.gate.set()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert service.given == 1
    used = [r.headers["authorization"] for r in network.sent if not r.url.endswith("/token")]
    assert used == ["Bearer token-1"] * 19


async def test_a_token_is_renewed_before_it_ends(client, clock, engine, account):
    service = Google()
    made = client(Network(service), {"GOOGLE_KEY": json.dumps(account[0])})
    for seconds, given in ((0, 1), (3200, 1), (200, 2), (0, 2)):
        clock.advance(seconds)
        await call(made, google(engine))
        assert service.given == given


async def test_a_token_that_cannot_be_renewed_is_used_to_its_end(client, clock, engine, account):
    service = Google()
    network = Network(service)
    made = client(network, {"GOOGLE_KEY": json.dumps(account[0])}, retries=0)
    await call(made, google(engine))
    clock.advance(3500)
    service.error = UnreachableError("refused")
    await call(made, google(engine))
    assert network.sent[-1].headers["authorization"] == "Bearer token-1"
    clock.advance(95)
    with pytest.raises(UnreachableError, match="cannot be asked for a token"):
        await call(made, google(engine))


async def test_a_revoked_token_is_replaced_once(client, engine, account):
    service = Google(good=lambda token: token == "token-2")
    made = client(Network(service), {"GOOGLE_KEY": json.dumps(account[0])}, retries=0)
    seen: list[Attempt] = []
    await call(made, google(engine), on_attempt=seen.append)
    assert [(a.outcome, a.status) for a in seen] == [("wrong_key", 401), ("ok", 200)]
    assert service.given == 2
    assert "token-1" not in repr(seen)
    service.good = lambda token: False
    with pytest.raises(WrongKeyError) as caught:
        await call(made, google(engine))
    assert service.given == 3
    assert caught.value.what == "*** is revoked"


async def test_a_refusal_of_another_kind_costs_no_token(client, engine, account):
    service = Google()
    made = client(Network(service), {"GOOGLE_KEY": json.dumps(account[0])})
    await call(made, google(engine))
    made._transport.answers = [Response(401, b"no"), Response()]
    with pytest.raises(WrongKeyError):
        await call(made, engine("http://h", key_env="GOOGLE_KEY"))
    assert service.given == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            Response(400, b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}'),
            WrongKeyError,
            r"invalid_grant: Invalid JWT Signature\.",
        ),
        (Response(403, b"<html>nothing to see</html>"), WrongKeyError, "gives no token"),
        (Response(200, b"not json"), BrokenAnswerError, "gives no token"),
        (Response(200, b"[]"), BrokenAnswerError, "gives no token"),
        (Response(200, b'{"token": 1}'), WrongKeyError, "gives no token"),
        (UnreachableError("refused"), UnreachableError, "cannot be asked"),
    ],
)
async def test_no_token(client, engine, account, answer, error, words):
    service = Google()
    service.error = answer
    made = client(Network(service), {"GOOGLE_KEY": json.dumps(account[0])}, retries=0)
    with pytest.raises(error, match=words) as caught:
        await call(made, google(engine))
    assert "PRIVATE KEY" not in str(caught.value)
    assert caught.value.where == "m@h at https://vertex"


async def test_a_token_that_takes_too_long(client, clock, engine, account):
    service = Google()
    service.gate.clear()
    made = client(Network(service), {"GOOGLE_KEY": json.dumps(account[0])}, retries=0)
    waiting = asyncio.ensure_future(call(made, google(engine)))
    await service.asked.wait()
    clock.advance(20)
    with pytest.raises(UnreachableError, match="no token in time"):
        await waiting
    service.gate.set()


async def test_no_token_before_the_answer_should_have_begun(client, clock, engine, account):
    service = Google()
    service.gate.clear()
    made = client(Network(service), {"GOOGLE_KEY": json.dumps(account[0])})
    waiting = asyncio.ensure_future(call(made, google(engine), first_byte_timeout=5))
    await service.asked.wait()
    clock.advance(5)
    with pytest.raises(DeadlineError, match="No answer began in time"):
        await waiting
    service.gate.set()
    await call(made, google(engine))
    assert service.given == 1, "the renewal went on for whoever comes next"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("/not/there.json", "cannot be read: no such file"),
        (".", "cannot be read"),
        ("{nonsense secret", "is not JSON"),
        ('{"type": "authorized_user"}', "not one of a service account"),
        ('{"type": "service_account", "client_email": "x", "token_uri": "y"}', "incomplete or damaged"),
        (
            '{"type": "service_account", "client_email": "x", "token_uri": "y", "private_key": "secret"}',
            "incomplete or damaged",
        ),
    ],
)
async def test_keys_that_are_none(client, engine, key, words):
    network = Network()
    with pytest.raises(NoKeyError, match=words) as caught:
        await call(client(network, {"GOOGLE_KEY": key}), google(engine))
    assert "secret" not in str(caught.value)
    assert network.sent == []
