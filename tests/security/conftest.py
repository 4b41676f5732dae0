"""One real gateway for the whole list of attempts."""

from __future__ import annotations

import pytest
from attackers import ACCESS, HOST_KEY, MODELS, TOML, Bench, Canary, Spy, give_out
from gateways import Gateway


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("security")
    host, canary = Spy().start(), Canary()
    host.elsewhere = f"http://127.0.0.1:{canary.port}/v1/chat/completions"
    text = TOML.format(port=host.port)
    text += "".join(f'[models.{name}]\nlab = "test"\n[offers."{name}@test"]\n' for name in MODELS)
    text += '[offers."plain@shy"]\n'
    (folder / "weighbridge.toml").write_text(text)
    made = Bench(folder, host, canary)
    made.secrets = give_out(folder)
    environ = {"WEIGHBRIDGE_ACCESS_KEY": ACCESS, "TEST_HOST_KEY": HOST_KEY}
    made.gateway = Gateway(folder, environ=environ, log=folder / "log", umask=0)
    yield made
    made.gateway.stop()
    host.stop()
    canary.close()
