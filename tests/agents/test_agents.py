"""The coding agents themselves, each made for one vendor, served by an engine of another dialect."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from gateways import Gateway
from players import Player, run_a_command

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]

HERE = Path(__file__).resolve().parents[2] / ".agents"
COMMAND = "printf hello > out.txt"
TASK = "Write hello into out.txt"

ENGINES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")
OWN = {
    "claude": "anthropic-messages",
    "codex": "openai-responses",
    "gemini": "gemini-generate",
    "qwen": "openai-chat",
}
CODEX = 'model_providers.wb={{name="wb",base_url="{url}/v1",env_key="OPENAI_API_KEY",wire_api="responses"}}'


def command(agent: str, url: str, home: Path) -> tuple[list[str], dict[str, str]]:
    """How an agent is started against an address, as the docs tell people to."""
    program = str(HERE / "node_modules" / ".bin" / agent)
    match agent:
        case "claude":
            return [program, "-p", TASK, "--model", "assistant", "--allowedTools", "Bash"], {
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": "unused",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "IS_SANDBOX": "1",
            }
        case "codex":
            options = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", "assistant"]
            provider = ["-c", "model_provider=wb", "-c", CODEX.format(url=url)]
            return [program, "exec", *options, *provider, TASK], {"OPENAI_API_KEY": "unused"}
        case "gemini":
            settings = home / ".gemini" / "settings.json"
            settings.parent.mkdir(parents=True)
            settings.write_text('{"security": {"auth": {"selectedType": "gemini-api-key"}}}')
            return [program, "-p", TASK, "-m", "assistant", "-y", "--skip-trust"], {
                "GOOGLE_GEMINI_BASE_URL": url,
                "GEMINI_API_KEY": "unused",
            }
        case _:
            return [program, "-p", TASK, "-y", "--auth-type", "openai"], {
                "OPENAI_BASE_URL": f"{url}/v1",
                "OPENAI_API_KEY": "unused",
                "OPENAI_MODEL": "assistant",
            }


def run(agent: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    words, environ = command(agent, url, home)
    return subprocess.run(
        words,
        cwd=work,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("agent", OWN)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_agent_completes_a_task_on_an_engine_of_any_dialect(agent: str, engine: str, tmp_path: Path) -> None:
    with Player(engine, run_a_command(COMMAND)) as player:
        (tmp_path / "weighbridge.toml").write_text(
            f'[hosts.played]\ndialect = "{engine}"\nurl = "{player.url}"\nauth = "none"\nself_hosted = true\n'
            '[models.script]\nlab = "test"\n[offers."script@played"]\n[routes.assistant]\nprimary = "script@played"\n'
        )
        gateway = Gateway(tmp_path)
        try:
            done = run(agent, gateway.url, tmp_path / "agent")
        finally:
            gateway.stop()
    told = f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert (tmp_path / "agent" / "work" / "out.txt").read_text() == "hello", told
    assert "All done." in done.stdout, told
    assert len(player.asked) >= 2
