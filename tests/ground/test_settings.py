"""Settings: one table, four sources, and errors that name the place and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge import settings
from weighbridge.errors import SettingsError


def load(text: str | None, folder: Path, **more):
    if text is not None:
        (folder / settings.FILE_NAME).write_text(text, encoding="utf-8")
    return settings.load(start=folder, environ=more.pop("environ", {}), **more)


def test_defaults_need_no_file(tmp_path: Path) -> None:
    config = load(None, tmp_path)
    assert config.settings == settings.Settings()
    assert config.file is None
    assert config.store_path == tmp_path / ".weighbridge"


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    text = "[gateway]\nport = 1\nworkers = 3\n[weigh]\nmargin = 0.1\n"
    environ = {"WEIGHBRIDGE_GATEWAY_PORT": "2", "WEIGHBRIDGE_GATEWAY_WORKERS": "4"}
    found = load(text, tmp_path, environ=environ, flags={"gateway.port": 5, "gateway.host": None}).settings
    assert (found.gateway.port, found.gateway.workers, found.weigh.margin) == (5, 4, 0.1)
    assert found.gateway.host == "127.0.0.1"


def test_the_file_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "weighbridge.toml").write_text("[gateway]\nport = 7\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    config = settings.load(start=below, environ={})
    assert config.settings.gateway.port == 7
    assert config.folder == tmp_path.resolve()


def test_environment_values_are_typed(tmp_path: Path) -> None:
    environ = {
        "WEIGHBRIDGE_STORE_BODIES": "false",
        "WEIGHBRIDGE_CLIENT_BACKOFF": "0.5",
        "WEIGHBRIDGE_GATEWAY_ALLOWED_HOSTS": "a.example, b.example",
    }
    found = load(None, tmp_path, environ=environ).settings
    assert found.store.bodies is False
    assert found.client.backoff == 0.5
    assert found.gateway.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("text", "where", "what", "fix"),
    [
        ("[gateway]\nprot = 1", ":2", "gateway.prot", "'port'"),
        ("# hi\n[gatway]", ":2", "gatway", "'gateway'"),
        ('[gateway]\nport = "x"', ":2", "Expected `int`, got `str`", "8790"),
        ("[gateway]\nport = 70000", ":2", "65535", "<= 65535"),
        ("[gateway]\nworkers = 0", ":2", "workers", ">= 1"),
        ("[store]\nbodies = 1", ":2", "bodies", "true"),
        ("gateway = 3", ":1", "must be a section", "[gateway]"),
        ("[gateway]\nport = \n", ":2", "Not valid TOML", "Correct that line"),
        ("[gateway]\nallowed_hosts = [1]", ":2", "allowed_hosts", "Host headers"),
    ],
)
def test_a_bad_file_names_the_line_the_key_and_the_fix(tmp_path, text, where, what, fix) -> None:
    with pytest.raises(SettingsError) as caught:
        load(text, tmp_path)
    assert caught.value.where.endswith(f"weighbridge.toml{where}")
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_a_bad_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="WEIGHBRIDGE_GATEWAY_PORT") as caught:
        load(None, tmp_path, environ={"WEIGHBRIDGE_GATEWAY_PORT": "many"})
    assert "whole number" in caught.value.fix


def test_a_value_out_of_range_names_where_it_came_from(tmp_path: Path) -> None:
    text = "[gateway]\nport = 1\n"
    with pytest.raises(SettingsError, match="cannot be 99999") as caught:
        load(text, tmp_path, flags={"gateway.port": 99999})
    assert caught.value.where == "command line, --port"
    with pytest.raises(SettingsError, match="cannot be 70000") as caught:
        load(text, tmp_path, environ={"WEIGHBRIDGE_GATEWAY_PORT": "70000"})
    assert caught.value.where == "environment variable WEIGHBRIDGE_GATEWAY_PORT"


def test_an_unknown_variable_of_ours_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="WEIGHBRIDGE_GATEWAY_PROT") as caught:
        load(None, tmp_path, environ={"WEIGHBRIDGE_GATEWAY_PROT": "1"})
    assert "WEIGHBRIDGE_GATEWAY_PORT" in caught.value.fix


def test_the_access_key_and_the_file_are_no_settings(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[gateway]\nport = 9\n")
    environ = {
        "WEIGHBRIDGE_ACCESS_KEY": "k",
        "WEIGHBRIDGE_ADMIN_KEY": "k",
        "WEIGHBRIDGE_CONFIG": str(tmp_path / "other.toml"),
    }
    assert load(None, tmp_path, environ=environ).settings.gateway.port == 9


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.load(tmp_path / "none.toml", environ={})
    (tmp_path / "weighbridge.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        settings.load(start=tmp_path, environ={})


def test_every_setting_is_described() -> None:
    rows = list(settings.table())
    assert all(row.description.endswith((".", "...")) for row in rows)
    assert len({row.env for row in rows}) == len(rows)
