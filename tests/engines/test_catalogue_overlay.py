"""A person's own models, hosts and offers over the built-in ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import settings
from weighbridge.canon.money import micro
from weighbridge.engines.catalogue import Catalogue, load
from weighbridge.errors import SettingsError, UnknownEngineError


def catalogue(folder: Path, text: str) -> Catalogue:
    file = folder / "weighbridge.toml"
    file.write_text(text, encoding="utf-8")
    return load(settings.load(file, environ={}))


def test_without_entries_nothing_changes(tmp_path: Path) -> None:
    assert catalogue(tmp_path, "").names() == load().names()


def test_a_new_model_host_and_offer_make_an_engine(tmp_path: Path) -> None:
    known = catalogue(
        tmp_path,
        """
        [models.house]
        lab = "Us"
        lab_country = "DE"
        context = 32768
        tools = true
        [hosts.office]
        url = "http://10.0.0.7:8000/v1"
        key_env = "OFFICE_KEY"
        [offers."house@office"]
        upstream = "house-v3"
        price = { input = 0.1, cached = 0.05, output = 0.3, currency = "EUR", valid_from = "2026-01-01" }
        """,
    )
    engine = known.engine("house@office")
    assert engine.upstream == "house-v3"
    assert engine.host.auth == "bearer"
    assert engine.model.lab_country == "DE"
    price = engine.price_at("2026-06-01")
    assert price
    assert (price.input, price.cached, price.output, price.currency) == (100_000, 50_000, 300_000, "EUR")
    assert price.source.endswith("weighbridge.toml")
    assert engine.price_at("2025-12-31") is None
    assert known.callable_engines({"OFFICE_KEY": "k"}, local=False) == [engine]


def test_a_known_entry_is_overridden_field_by_field(tmp_path: Path) -> None:
    before = load().engine("glm-5.2@zai")
    known = catalogue(
        tmp_path,
        """
        [models."glm-5.2"]
        context = 500000
        [hosts.zai]
        url = "https://proxy.example/v4"
        [offers."glm-5.2@zai"]
        price = [{ input = 1.4, output = 4.4 }, { input = 1.0, output = 3.0, valid_from = "2026-12-01" }]
        """,
    )
    engine = known.engine("glm-5.2@zai")
    assert engine.model.context == 500_000
    assert engine.model.sources["context"].source.endswith("weighbridge.toml")
    assert engine.model.sources["tools"] == before.model.sources["tools"]
    assert engine.model.title == before.model.title
    assert engine.host.url == "https://proxy.example/v4"
    assert engine.host.key_env == "ZAI_API_KEY"
    assert engine.upstream == before.upstream
    assert [price.output for price in engine.offer.prices] == [4_400_000, 3_000_000]
    assert {price.source for price in engine.offer.prices} == {str(tmp_path / "weighbridge.toml")}
    elsewhere = load().engine("glm-5.2@together")
    assert known.engine("glm-5.2@together") == replace(elsewhere, model=engine.model)


def test_an_offer_keeps_the_built_in_price_when_it_changes_something_else(tmp_path: Path) -> None:
    known = catalogue(tmp_path, '[offers."glm-5.2@zai"]\nupstream = "glm-5.2-x"\n')
    engine = known.engine("glm-5.2@zai")
    assert engine.upstream == "glm-5.2-x"
    assert engine.offer.prices == load().engine("glm-5.2@zai").offer.prices


def test_weights_on_disk_run_on_every_local_host(tmp_path: Path) -> None:
    known = catalogue(
        tmp_path,
        """
        [models.tuned]
        gguf = "weights/tuned.gguf"
        [hosts.local-long]
        serving = { context = 16384, slots = 1, cache_type = "q8_0" }
        self_hosted = true
        """,
    )
    names = {engine.name for engine in known.of_model("tuned")}
    assert names == {"tuned@local", "tuned@local-q8", "tuned@local-1slot", "tuned@local-long"}
    engine = known.engine("tuned@local-long")
    assert engine.host.runs_here
    assert engine.context == 16384
    assert engine.model.gguf == str(tmp_path / "weights/tuned.gguf")
    assert known.engine("tuned", {}).name == "tuned@local"
    assert "smollm2-135m@local-long" in known.names()


def test_naming_a_host_that_one_runs_makes_its_engines_callable(tmp_path: Path) -> None:
    known = catalogue(tmp_path, "[hosts.vllm]\n")
    assert "qwen3-32b@vllm" in {engine.name for engine in known.callable_engines({}, local=False)}
    one = catalogue(tmp_path, '[offers."qwen3-32b@ollama"]\nupstream = "qwen3:32b"\n')
    assert [engine.name for engine in one.callable_engines({}, local=False)] == ["qwen3-32b@ollama"]


def test_recorded_hosts_find_their_file_from_the_folder(tmp_path: Path) -> None:
    known = catalogue(
        tmp_path, '[models.parrot]\n[hosts.tape]\nrecorded = { path = "tape.jsonl" }\n[offers."parrot@tape"]\n'
    )
    engine = known.engine("parrot@tape")
    assert engine.host.recorded["path"] == str(tmp_path / "tape.jsonl")
    assert not engine.host.runs_here
    assert known.callable_engines({}, local=False) == [engine]
    assert engine.price_at("2026-01-01") is None


def test_a_model_that_nobody_offers_says_how_to_offer_it(tmp_path: Path) -> None:
    known = catalogue(tmp_path, "[models.house]\nopen_weights = false\n")
    with pytest.raises(UnknownEngineError, match="No host offers the model 'house'") as raised:
        known.engine("house", {})
    assert '[offers."house@HOST"]' in raised.value.fix


def test_a_profile_is_named_or_written_out(tmp_path: Path) -> None:
    known = catalogue(
        tmp_path,
        """
        [offers."glm-5.2@zai"]
        profile = { drop = ["seed"], rename = { stop = "stops" } }
        [offers."glm-5@zai"]
        profile = "mistral"
        """,
    )
    profile = known.engine("glm-5.2@zai").profile
    assert profile.drop == ("seed",)
    assert profile.rename["stop"] == "stops"
    assert profile.roles == {"developer": "system"}
    assert known.engine("glm-5@zai").profile.stream_usage is False


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[models.x]\ncontxt = 5\n", 2, "Did you mean 'context'"),
        ('[hosts.x]\nurl = "http://a/v1"\nkeyenv = "K"\n', 3, "Did you mean 'key_env'"),
        ('\n[offers."glm-5.2@zai"]\npric = 1\n', 3, "Did you mean 'price'"),
        ('[offers."glm-5.22@zai"]\n', 1, "Did you mean 'glm-5.2'"),
        ('[offers."glm-5.2@zia"]\n', 1, "Did you mean 'zai'"),
        ('[offers."glm-5.2"]\n', 1, "model@host"),
        ('[models.x]\ncontext = "long"\n', 2, "'context': expected `int | null`"),
        ('[models.x]\nopen_weights = "yes"\n', 2, "open_weights"),
        ('[models."a@b"]\n', 1, "cannot be a name"),
        ('[models." "]\n', 1, "cannot be a name"),
        ('[hosts.x]\ntitle = "X"\n', 1, "has no address"),
        ('[hosts.x]\nurl = "http://a"\nauth = "basic"\n', 3, "auth"),
        ('[offers."glm-5.2@zai"]\nprice = { input = -1, output = 1 }\n', 2, "between 0 and"),
        ('[offers."glm-5.2@zai"]\nprice = { input = 0.0000001, output = 1 }\n', 2, "finer than a millionth"),
        ('[offers."glm-5.2@zai"]\nprice = { input = nan, output = 1 }\n', 2, "between 0 and"),
        ('[offers."glm-5.2@zai"]\nprice = { input = "1", output = 1 }\n', 2, "must be a number"),
        ('[offers."glm-5.2@zai"]\nprice = { input = 1e9, output = 1 }\n', 2, "between 0 and"),
        ('[offers."glm-5.2@zai"]\nprice = { inptu = 1 }\n', 1, "Did you mean 'input'"),
        ('[offers."glm-5.2@zai"]\nprice = 5\n', 2, "must be a table"),
        ('[offers."glm-5.2@zai"]\nprice = "5"\n', 2, "is not a price"),
        ('[offers."glm-5.2@zai"]\nprice = "a/b"\n', 2, "is not a price"),
        ('[offers."glm-5.2@zai"]\nprice = { input = 1, output = 1, currency = "dollar" }\n', 2, "not a currency"),
        ('[offers."glm-5.2@zai"]\nprice = { input = 1, output = 1, valid_from = "soon" }\n', 2, "not a day"),
        ('[offers."glm-5.2@zai"]\nprice = [{ input = 1, output = 1 }, { input = 2, output = 2 }]\n', 2, "same day"),
        ('[offers."glm-5.2@zai"]\nprofile = "plan"\n', 2, "Did you mean 'plain'"),
        ('[offers."glm-5.2@zai"]\nretired = "2026-13-01"\n', 2, "not a day"),
        ("[models]\nx = 5\n", 2, "must be a section"),
    ],
)
def test_a_mistake_names_its_line_and_the_fix(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        catalogue(tmp_path, text)
    assert message in str(raised.value)
    assert raised.value.where == f"{tmp_path / 'weighbridge.toml'}:{line}"
    assert raised.value.fix


def test_a_profile_that_is_written_out_wrongly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="drop"):
        catalogue(tmp_path, '[offers."glm-5.2@zai"]\nprofile = { drop = "seed" }\n')


def test_a_mistake_without_a_file_names_the_entry(tmp_path: Path) -> None:
    config = settings.Config(settings=settings.Settings(), folder=tmp_path, models={"x": {"contxt": 1}})
    with pytest.raises(SettingsError) as raised:
        load(config)
    assert raised.value.where == "models.x.contxt"


def test_a_flood_of_entries_is_refused(tmp_path: Path) -> None:
    models: dict[str, dict[str, object]] = {f"m{number}": {} for number in range(10_001)}
    with pytest.raises(SettingsError, match="More than 10,000"):
        load(settings.Config(settings=settings.Settings(), folder=tmp_path, models=models))


def test_loading_twice_gives_the_same(tmp_path: Path) -> None:
    text = '[models.x]\nopen_weights = true\n[offers."x@zai"]\nprice = "0.1/0.2"\n'
    assert catalogue(tmp_path, text).engines() == catalogue(tmp_path, text).engines()


@given(st.integers(min_value=0, max_value=10**12))
def test_a_price_survives_the_way_through_a_float(units: int) -> None:
    written = f"{units // 10**6}.{units % 10**6:06d}"
    assert micro(Decimal(written)) == units
    if units < 10**9:  # beyond, a float cannot hold what was written
        assert micro(float(written)) == units


@given(st.one_of(st.floats(), st.text(), st.booleans(), st.none(), st.decimals()))
def test_any_value_is_a_price_or_refused(value: object) -> None:
    try:
        units = micro(value)
    except ValueError:
        return
    assert 0 <= units <= 10**12
