"""Profiles in layers, a person's own ones, and a new provider as one entry."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from weighbridge import dialects, settings
from weighbridge.canon import Message, Profile, Quirk, Request, SchemaRules, TextPart
from weighbridge.engines.catalogue import Catalogue, load
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import NoEndpoints
from weighbridge.engines.layers import Layers, overlay, read_profile
from weighbridge.engines.rows import RowError, read_host
from weighbridge.errors import SettingsError
from weighbridge.settings import Client as ClientSettings


def catalogue(folder: Path, text: str) -> Catalogue:
    file = folder / "weighbridge.toml"
    file.write_text(text, encoding="utf-8")
    return load(settings.load(file, environ={}))


# --- layers ---------------------------------------------------------------------------------------


def layers(**profiles: Profile) -> Layers:
    return Layers({name: Profile(**{**as_dict(p), "name": name}) for name, p in profiles.items()})


def as_dict(profile: Profile) -> dict[str, Any]:
    return {name: getattr(profile, name) for name in profile.__struct_fields__}


def test_each_kind_of_value_is_laid_over_in_its_own_way() -> None:
    lower = Profile(
        "a",
        rename={"x": "y"},
        drop=("p",),
        quirks=(Quirk(drop=("a",)),),
        rejects=("pdf",),
        efforts={"low": {}, "high": {}},
        budget="b",
        least_budget=5,
        system="one",
        tool_media=False,
        calls_together=True,
        stream_usage=False,
        max_output=5,
        schema=SchemaRules("s"),
    )
    upper = Profile(
        "b",
        rename={"x": "z", "q": "r"},
        drop=("p", "q"),
        quirks=(Quirk(drop=("b",)),),
        efforts={"none": {}},
        system="first",
    )
    both = overlay([lower, upper])
    assert both.rename == {"x": "z", "q": "r"}
    assert both.drop == ("p", "q")
    assert [quirk.drop for quirk in both.quirks] == [("a",), ("b",)]
    assert (both.efforts, both.budget, both.least_budget) == ({"none": {}}, "", 0)
    assert (both.system, both.tool_media, both.calls_together, both.stream_usage) == ("first", False, True, False)
    assert (both.max_output, both.rejects, both.name) == (5, ("pdf",), "a+b")
    assert both.schema == SchemaRules("s")
    assert overlay([]) == Profile()
    assert overlay([lower]) is lower


def test_a_later_layer_may_change_the_budget_alone() -> None:
    both = overlay([Profile("a", efforts={"on": {}}, budget="b", least_budget=5), Profile("b", least_budget=9)])
    assert (both.efforts, both.budget, both.least_budget) == ({"on": {}}, "b", 9)


def test_layers_hold_by_dialect_and_over_each_other() -> None:
    known = layers(
        host=Profile(drop=("a",)),
        other=Profile(drop=("z",)),
        chat=Profile(dialects=("openai-chat",), drop=("b",)),
        there=Profile(over=("host",), drop=("c",)),
        both=Profile(over=("chat",), dialects=("gemini-generate",), drop=("d",)),
        model=Profile(layers=("chat", "there", "both"), drop=("e",)),
    )
    assert known.profile(("host", "model", ""), "openai-chat").drop == ("a", "b", "c", "e")
    assert known.profile(("host", "model"), "gemini-generate").drop == ("a", "c", "d", "e")
    assert known.profile(("other", "model"), "openai-chat").drop == ("z", "b", "e")
    assert known.profile(("host", "model"), "openai-chat").name == "host+chat+there+model"
    assert known.profile(("", "", ""), "openai-chat") == Profile()
    assert known.profile(("host", "model"), "openai-chat") is known.profile(("host", "model"), "openai-chat")


def test_layers_that_lie_beneath_themselves_are_refused() -> None:
    known = layers(a=Profile(layers=("b",)), b=Profile(layers=("a",)), c=Profile(layers=("x",)), d=Profile(over=("x",)))
    for name, what in (("a", "beneath itself"), ("c", "Unknown profile 'x'"), ("d", "Unknown profile 'x'")):
        with pytest.raises(RowError, match=what):
            known.check(name)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"drp": ["a"]}, "Unknown field 'drp'"),
        ({"drop": "a"}, "drop"),
        ({"dialects": ["openai-chatt"]}, "Unknown dialect"),
        ({"efforts": {"lots": {}}}, "Unknown level of thinking 'lots'"),
        ({"choices": {"required": "maybe"}}, "Unknown mode"),
        ({"rejects": ["smell"]}, "Unknown kind of input"),
        ({"schema": "nothing"}, "Unknown rules for schemas"),
        ({"schema": {"reject": []}}, "Unknown field 'reject'"),
        ({"quirks": [{"then": {}}]}, "Unknown field 'then'"),
        ({"quirks": [{"severity": "huge"}]}, "quirks"),
        ({"call_ids": "("}, "Not a regular expression"),
        ({"call_ids": "[0-9]{9}"}, "does not match it"),
        ({"call_ids": "[a-z0-9]+", "call_id_length": 3}, "cannot be told apart"),
        ({"least_budget": 5, "most_budget": 4}, "below the smallest"),
        ({"system": "last"}, "system"),
    ],
)
def test_what_a_profile_cannot_hold(row: dict[str, Any], what: str) -> None:
    with pytest.raises(RowError, match=re.escape(what)) as raised:
        read_profile("p", row, {})
    assert raised.value.fix
    assert raised.value.field


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"dialect": "openai"}, "dialect"),
        ({"speaks": {"anthropic": "https://x.example"}}, "speaks"),
        ({"speaks": {"anthropic-messages": "x.example"}}, "speaks"),
        ({"url": "api.example.com/v1"}, "url"),
        ({"url": "https://x.example/v1?a=b"}, "url"),
        ({"url": "ftp://x.example"}, "url"),
        ({"auth": "basic"}, "auth"),
        ({"auth": "header"}, "key_env"),
        ({"auth": "query", "key_env": "K", "auth_name": "a b"}, "auth_name"),
        ({"headers": {"a:": "b"}}, "headers"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers"),
        ({"path": "deployments"}, "path"),
        ({"path": "/deployments/{name}"}, "path"),
        ({"query": {"v": 5}}, "query"),
    ],
)
def test_what_a_host_cannot_hold(row: dict[str, Any], field: str) -> None:
    with pytest.raises(RowError) as raised:
        read_host("h", {"url": "https://x.example/v1", **row}, {})
    assert raised.value.field == field
    assert raised.value.fix


def test_hosts_show_who_asks_in_many_ways() -> None:
    for row in (
        {"auth": "header", "auth_name": "x-api-key", "key_env": "K"},
        {"auth": "query", "auth_name": "key", "key_env": "K"},
        {"auth": "sigv4", "region": "eu-central-1", "auth_name": "bedrock"},
        {"auth": "google"},
        {"path": "/openai/deployments/{model}/chat/completions", "query": {"api-version": "2026-01-01"}},
        {"speaks": dict.fromkeys(dialects.NAMES, "https://x.example")},
    ):
        host = read_host("h", {"url": "https://x.example/v1", **row}, {})
        assert host.auth == row.get("auth", "none")


# --- a person's own profiles ----------------------------------------------------------------------


def test_a_configuration_brings_profiles_and_rules_of_its_own(tmp_path: Path) -> None:
    known = catalogue(
        tmp_path,
        """
        [schemas.office]
        rejects = ["default"]
        [profiles.office]
        layers = ["late"]
        schema = "office"
        drop = ["seed"]
        [profiles.late]
        drop = ["user"]
        [profiles.mistral]
        stream_usage = true
        [hosts.office]
        url = "http://10.0.0.7/v1"
        profile = "office"
        [offers."glm-5.2@office"]
        profile = { layers = ["no-sampling"], fixed = { n = 1 }, schema = { one_type = true } }
        """,
    )
    profile = known.engine("glm-5.2@office").profile
    assert profile.drop == ("user", "seed", "temperature", "top_p", "top_k")
    assert profile.fixed == {"n": 1}
    assert profile.schema == SchemaRules(profile.schema.name, one_type=True) if profile.schema else False
    assert known.profiles["office"].schema == SchemaRules("office", rejects=("default",))
    mistral = known.engine("mistral-large-3@mistral").profile
    assert mistral.stream_usage
    assert mistral.call_id_length == 9


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("[profiles.a]\ndrp = []\n", "Unknown field 'drp'", 2),
        ("[profiles.a]\nlayers = ['mistrall']\n", "Unknown profile 'mistrall'", 2),
        ("[profiles.a]\nlayers = ['a']\n", "beneath itself", 2),
        ("[schemas.a]\nreject = []\n", "Unknown field 'reject'", 2),
        ("[hosts.mistral]\nprofile = { schema = 'x' }\n", "Unknown rules for schemas 'x'", 2),
        ("[hosts.mistral]\nprofile = 'mistrall'\n", "Unknown profile 'mistrall'", 2),
        ("[hosts.mistral]\nprofile = 5\n", "profile", 2),
        ("[profiles]\na = 5\n", "must be a section", 2),
        ("[hosts.x]\nurl = 'x'\n", "is no address", 2),
        ("[hosts.x]\nurl = 'https://x'\ndialect = 'claude'\n", "Unknown dialect 'claude'", 3),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, what: str, line: int) -> None:
    with pytest.raises(SettingsError, match=re.escape(what)) as raised:
        catalogue(tmp_path, text)
    assert raised.value.where.endswith(f"weighbridge.toml:{line}")
    assert raised.value.fix


# --- a new provider is one entry ------------------------------------------------------------------

ANSWERS = {
    "openai-chat": {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "anthropic-messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini-generate": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
    "openai-responses": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "output": [
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
            }
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    },
}
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "anthropic-messages": "/v1/messages",
    "gemini-generate": "/v1/models/big-glm:generateContent",
    "openai-responses": "/v1/responses",
}


class Answer:
    """An answer of a host that speaks one dialect."""

    def __init__(self, dialect: str) -> None:
        self.status = 200
        self.headers = {"content-type": "application/json"}
        self._body = json.dumps(ANSWERS[dialect]).encode()

    async def read(self, limit: int) -> bytes:
        return self._body[:limit]

    async def chunks(self):
        yield self._body

    async def close(self) -> None:
        self.status = 0


class Host:
    """A transport to such a host; it keeps what was sent."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.sent: list[Any] = []

    async def send(self, request: Any, *, connect_timeout: float, read_timeout: float) -> Answer:
        self.sent.append(request)
        return Answer(self.dialect)

    async def close(self) -> None:
        self.sent = []


@pytest.mark.parametrize("dialect", sorted(PATHS))
def test_a_new_provider_is_one_entry(tmp_path: Path, dialect: str) -> None:
    known = catalogue(
        tmp_path,
        f"""
        [hosts.newcomer]
        url = "https://api.newcomer.example/v1"
        dialect = "{dialect}"
        key_env = "NEWCOMER_KEY"
        auth = "header"
        auth_name = "x-newcomer"
        headers = {{ x-team = "blue" }}
        query = {{ edition = "2026" }}
        profile = {{ drop = ["seed", "generationConfig.seed"], fixed = {{ region = "moon" }} }}
        [offers."glm-5.2@newcomer"]
        upstream = "big-glm"
        price = "1/2"
        """,
    )
    engine = known.engine("glm-5.2@newcomer")
    host = Host(dialect)

    async def ask() -> str:
        wire = dialects.get(dialect)
        request = Request(engine.upstream, (Message("user", (TextPart("Hello"),)),))
        body, _ = wire.write_request(request, engine.profile)
        clock = FakeClock()
        client = Client(
            settings=ClientSettings(),
            transport=host,
            endpoints=NoEndpoints(),
            environ={"NEWCOMER_KEY": "nc-secret"},
            clock=clock,
        )
        answer = await client.open(engine, wire, body, stream=False, deadline=clock.monotonic() + 60)
        reply = wire.read_reply(await answer.read())
        return "".join(part.text for part in reply.choices[0].parts if isinstance(part, TextPart))

    assert asyncio.run(ask()) == "Hi"
    (sent,) = host.sent
    assert sent.url == f"https://api.newcomer.example{PATHS[dialect]}?edition=2026"
    assert (sent.headers["x-newcomer"], sent.headers["x-team"]) == ("nc-secret", "blue")
    assert json.loads(sent.body)["region"] == "moon"
