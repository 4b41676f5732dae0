"""`weighbridge mask drill`: it finds what leaks, wherever and in whatever form, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from weighbridge import dialects, settings
from weighbridge.canon import Masking
from weighbridge.cli import app, common, mask_drill
from weighbridge.cli.drill_bodies import DIALECTS, GEMINI, TOOL, body
from weighbridge.cli.drill_cases import Broken, cases
from weighbridge.cli.drill_host import leaves, opened
from weighbridge.cli.drill_positions import ALL_KINDS, IDS, POSITIONS, SHORT, Plant, planted
from weighbridge.cli.drill_run import Drilled, Leak, drill, kinds_of
from weighbridge.cli.drill_search import Search
from weighbridge.dialects.fold import Fold
from weighbridge.engines.transport import AiohttpTransport, HttpRequest
from weighbridge.errors import BrokenAnswerError, InputError, SettingsError, UnreachableError
from weighbridge.mask.canaries import KINDS as CANARIES
from weighbridge.mask.canaries import MOST, account, canaries, canary
from weighbridge.mask.kinds import KINDS
from weighbridge.mask.patterns import checksums as sums

pytestmark = pytest.mark.xdist_group("gateway")

CONFIG = """
[mask]
names = "off"
[client]
backoff = 0.01
[models.m]
lab = "you"
[hosts.far]
url = "http://far.invalid/v1"
auth = "none"
[offers."m@far"]
[routes.open]
primary = "m@far"
[routes.shut]
primary = "m@far"
mask = { level = "strict", kinds = { email = "keep" } }
"""
FEW = ("email", "card", "iban", "us_ssn", "api_key", "phone", "user_id")


# --- canaries ---------------------------------------------------------------------------------


def test_there_is_a_canary_of_every_kind_and_no_two_are_alike():
    assert {*CANARIES, "user_id"} == {*KINDS}
    assert len(POSITIONS) <= MOST
    values = [one.value for number in range(MOST) for one in (*canaries(number), account(number))]
    assert len(values) == len({*values}) == MOST * len(KINDS)
    assert canary("iban", 7) == canary("iban", 7)
    assert [one.kind for one in canaries(3, {"card", "email"})] == ["email", "card"]
    assert all(one.value in one.text and all(piece in one.value for piece in one.pieces) for one in canaries(5))
    with pytest.raises(SettingsError, match=r"no canary.*'cards'"):
        canary("cards", 0)


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("card", sums.luhn), ("imei", sums.luhn), ("ca_sin", sums.luhn), ("iban", sums.iban), ("de_tax_id", sums.mod11_10),
        ("fr_nir", sums.nir), ("es_dni", sums.dni), ("it_cf", sums.codice_fiscale), ("in_aadhaar", sums.verhoeff),
        ("cn_id", sums.mod11_2), ("cn_uscc", sums.uscc), ("jp_my_number", sums.my_number), ("kr_rrn", sums.rrn),
        ("br_cpf", sums.cpf), ("br_cnpj", sums.cnpj), ("sg_nric", sums.nric), ("vin", sums.vin), ("de_id_card", sums.icao),
    ],
)  # fmt: skip
def test_canaries_agree_with_themselves(kind, check):
    assert all(check(canary(kind, number).value) for number in range(MOST))


# --- the search -------------------------------------------------------------------------------

ONE = planted("user", "card")
CARD = ONE.canary.value
KEY = planted("last", "private_key")
FORMS = {
    "raw": CARD,
    "between others": f"x{CARD}y",
    "lower case": planted("user", "iban").canary.value.lower(),
    "no separators": CARD.replace(" ", "").replace("-", ""),
    "other separators": ".".join(CARD.replace(" ", "").replace("-", "")),
    "JSON": json.dumps(KEY.canary.value),
    "JSON in JSON": json.dumps(json.dumps(KEY.canary.value)),
    "all escaped": "".join(f"\\u{ord(letter):04x}" for letter in CARD),
    "escaped twice": "".join(f"\\\\u{ord(letter):04X}" for letter in CARD),
    "URL": f"?q={quote(planted('user', 'url_credentials').canary.value, safe='')}",
    "URL, all of it": "".join(f"%{ord(letter):02X}" for letter in CARD),
    "reversed": CARD[::-1],
    "a piece": planted("user", "connection_string").canary.pieces[0],
    **{f"base64 {n}": base64.b64encode(b"z" * n + CARD.encode() + b"zz").decode() for n in range(4)},
    **{
        f"base64 for URLs {n}": base64.urlsafe_b64encode(b"z" * n + KEY.canary.value.encode()).decode()
        for n in range(3)
    },
    "base64 of JSON": base64.b64encode(json.dumps({"said": KEY.canary.value}).encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_canary_is_found_in_every_form(form):
    search = Search(planted("user", kind) for kind in ALL_KINDS)
    more = Search([KEY])
    text = f"before {FORMS[form]} after".encode()
    assert {one.canary.kind for one, _ in (*search.find(text), *more.find(text))} & {
        "card", "private_key", "iban", "url_credentials", "connection_string"
    }  # fmt: skip
    assert not search.find(b"") | search.find(b"short")


def test_what_is_not_there_is_not_found():
    search = Search(planted("user", kind) for kind in ALL_KINDS)
    other = "\n".join(planted("system", kind).line for kind in ALL_KINDS)
    assert not search.find(other.encode())
    everything = "\n".join(planted("user", kind).line for kind in ALL_KINDS).encode() * 2
    assert {one.canary.kind for one, _ in search.find(everything)} == {*ALL_KINDS}
    number = planted("user", "medical_record").canary.value
    assert search.find(f"number {number}.".encode())
    assert not search.find(f'"at":17{number}.5,"ended":0.{number[::-1]}1'.encode())  # by chance
    sin = re.sub(r"\D", "", planted("user", "ca_sin").canary.value)
    for told in (sin, sin[::-1], f"a{sin}b", " ".join(sin), f"{sin[:3]}, {sin[3:5]}\n-{sin[5:]}", f"7 . . {sin}"):
        assert search.find(f"number {told}.".encode())
    for chance in (
        f"{sin}7",
        f"0.{sin[::-1]}1",
        f"{sin[:4]},{sin[4:]}2",
        f"{sin[:4]} and {sin[4:]}",
        f"{sin[:2]} = {sin[2:]}",
    ):
        assert not search.find(f"number {chance}.".encode())
    plate = planted("user", "plate").canary.value.replace(" ", "")
    assert search.find(rf'{{"said":"\n{plate}"}}'.encode())
    assert not search.find(f"id 01K{plate[::-1]}Q7, id 01K{plate}Q7".encode())  # by chance
    assert not search.find(gzip.compress(everything))  # what is packed must be unpacked first


# --- the host ---------------------------------------------------------------------------------


async def ask_host(host, dialect, mood, *, stream, shaped=False):
    plant = Plant(FEW)
    asked = body(dialect, plant, mood, stream=stream, shaped=shaped)
    url = host.url(dialect) + dialects.get(dialect).target(mood, stream=stream)
    transport = AiohttpTransport(connections=1)
    try:
        request = HttpRequest("POST", url, {"content-type": "application/json"}, json.dumps(asked).encode())
        response = await transport.send(request, connect_timeout=5, read_timeout=5)
        return response.status, response.headers, await response.read(1 << 26)
    finally:
        await transport.close()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_host_says_again_what_it_got_and_keeps_it(dialect):
    async with opened() as host:
        _, _, whole = await ask_host(host, dialect, "echo", stream=False)
        _, _, streamed = await ask_host(host, dialect, "echo", stream=True)
        _, _, shaped = await ask_host(host, dialect, "echo", stream=False, shaped=True)
    speaks = dialects.get(dialect)
    reply = speaks.read_reply(whole)
    reader = speaks.reader()
    fold = Fold.of([*reader.feed(streamed), *reader.close()])
    assert fold.failure is None
    line = planted("result_json", "card").line
    for told in (reply, fold.reply()):
        assert line in told.text
        assert told.choices[0].tool_calls[0].name == TOOL
        assert line in json.loads(told.choices[0].tool_calls[0].arguments)["said"]
    assert line in json.loads(speaks.read_reply(shaped).text)["said"]
    assert [one.dialect for one in host.captured] == [dialect] * 3
    assert line.encode() in b"".join(leaf.encode() for leaf in leaves(json.loads(host.captured[0].body)))
    assert (b"echo" in host.captured[0].line) == (dialect == GEMINI)


async def test_the_host_fails_as_it_is_told():
    chat = DIALECTS[0]
    async with opened() as host:
        status, _, told = await ask_host(host, chat, "fail", stream=False)
        assert status >= 500
        assert b"~" in told  # a mark of what was sent
        assert (await ask_host(host, chat, "refuse", stream=True))[0] == 400
        status, headers, _ = await ask_host(host, chat, "busy", stream=False)
        assert status == 429
        assert headers["retry-after"] == "0"
        assert (await ask_host(host, chat, "busy", stream=False))[0] == 200
        for stream in (False, True):
            with pytest.raises((BrokenAnswerError, UnreachableError)):
                await ask_host(host, chat, "snap", stream=stream)
        _, _, told = await ask_host(host, chat, "trip", stream=True)
        assert b"It broke: " in told
        status, _, _ = await ask_host(host, chat, "repeat", stream=False)
        assert status == 200


# --- the drill --------------------------------------------------------------------------------


def test_every_dialect_meets_every_host_and_every_failure():
    told = [*cases()]
    assert {(one.dialect, one.host, one.stream) for one in told if one.name == "answered"} == {
        (client, host, stream) for client in DIALECTS for host in DIALECTS for stream in (False, True)
    }
    quick = [*cases(quick=True)]
    assert {one.name for one in quick} == {one.name for one in told}
    assert {one.dialect for one in quick} == {*DIALECTS}
    assert len(quick) < len(told) / 2


def test_what_is_drilled_is_what_the_level_masks():
    mask = settings.Mask(names="off")
    assert kinds_of(Masking(), settings.Mask()) == ALL_KINDS
    assert "person" not in kinds_of(Masking(level="strict"), mask)
    assert "person" in kinds_of(Masking(level="personal"), settings.Mask())
    secrets = kinds_of(Masking(level="secrets", kinds={"email": "hash", "jwt": "keep"}), mask)
    assert {"api_key", "email", "jwt"} <= {*secrets}
    assert "card" not in secrets


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "weighbridge.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["mask", "drill", *words])


def test_without_masking_every_canary_is_found_everywhere(run, tmp_path):
    done = run("open", "--quick", "--json", "--kinds", "email,card,user_id", "--keep", str(tmp_path / "kept"))
    assert done.exit_code == mask_drill.LEAKED, done.output
    told = json.loads(done.stdout)
    assert not told["broken"]
    found = {(leak["kind"], leak["position"]) for leak in told["leaks"]}
    words = [position for position in POSITIONS if position not in IDS | SHORT]
    planted_ = {(kind, position) for position in words for kind in ("email", "card")}
    planted_ |= {("user_id", position) for position in IDS} | {("email", "conversation")}
    assert found == planted_  # other headers of a client go nowhere at all
    assert {leak["place"] for leak in told["leaks"]} == {"body", "traces", "Parquet", "store"}
    by_dialect = {leak["dialect"] for leak in told["leaks"] if leak["place"] == "body"}
    assert by_dialect == {*DIALECTS} == {leak["dialect"] for leak in told["leaks"] if leak["place"] == "traces"}
    assert (tmp_path / "kept" / "err.log").read_text() == ""
    again = run("open", "--keep", str(tmp_path / "kept"))
    assert isinstance(again.exception, InputError)


def test_what_a_route_keeps_is_all_that_leaks(tmp_path):
    (tmp_path / "weighbridge.toml").write_text(CONFIG)
    config = settings.load(tmp_path / "weighbridge.toml", environ={})
    masking = mask_drill._masking(config, "shut", "")
    assert masking.kinds == {"email": "keep"}
    (work := tmp_path / "work").mkdir()
    told = asyncio.run(drill(config, "shut", masking, FEW, work, quick=True))
    assert {leak.kind for leak in told.leaks} == {"email"}
    positions = {leak.position for leak in told.leaks}
    assert positions == {position for position in POSITIONS if position not in IDS} - {"headers"}
    assert not told.broken
    assert not told.clean


def test_names_that_nobody_knows_are_refused(run):
    assert "cards" in str(run("open", "--kinds", "cards").exception)
    assert run("nowhere").exception is not None


def drilled(leaks=(), broken=()):
    positions = tuple(POSITIONS)
    return Drilled("r", "strict", FEW, positions, 99, 9, 10**6, 1.0, tuple(leaks), tuple(broken))


WAY = ("openai-chat", "openai-chat", True, "answered")


def test_the_table(capsys):
    masking = Masking(level="strict", kinds={"email": "keep"})
    leaks = [Leak("email", position, "body", "raw", *WAY) for position in POSITIONS]
    flaw = Broken(*WAY, "user", "card", "arguments")
    mask_drill._tell(common.console(), drilled([*leaks, Leak("card", "user", "logs", "base64")], [flaw] * 20), masking)
    told = capsys.readouterr().out
    assert "40 leaks; 20 values or answers did not come back whole." in told
    assert "by place: body 39, logs 1" in told
    assert "The route keeps email as it is" in told
    assert told.count("card in user: arguments") == 10
    assert max(map(len, told.splitlines())) <= common.WIDTH
    mask_drill._tell(common.console(), drilled(), Masking(level="strict"))
    assert "0 leaks; 0 values" in capsys.readouterr().out


def test_the_level_that_is_drilled_is_the_least_that_masks(tmp_path: Path):
    more = '\n[hosts.near]\nurl = "http://near.invalid/v1"\nauth = "none"\njurisdiction = "DE"\n[offers."m@near"]\n'
    more += '[routes.both]\nprimary = "m@near"\nfallbacks = ["m@far"]\n'
    more += '[[mask.force]]\nlevel = "personal"\njurisdictions = ["unknown"]\n'
    (tmp_path / "weighbridge.toml").write_text(CONFIG + more)
    config = settings.load(tmp_path / "weighbridge.toml", environ={})
    assert mask_drill._masking(config, "both", "").level == "personal"
    assert mask_drill._masking(config, "both", "none").level == "none"
    assert mask_drill._masking(config, "m@near", "").level == "none"
