"""`weighbridge secrets`: keep the keys of hosts in the state store, locked."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

app = typer.Typer(help="Keep the keys of hosts in the state store, locked by a master key.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="How it is called: store:NAME among a host's keys.", metavar="NAME")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]


@app.command("set")
def set_(ctx: typer.Context, name: Name, why: Why = "", as_json: common.Json = False) -> None:
    """Keep a secret, typed at a prompt or read from standard input.

    It is locked by WEIGHBRIDGE_MASTER_KEY, or by a key that is made and kept in
    master.key in the store's folder. Running gateways use it within a second.

    Example: weighbridge secrets set zai-2 < key.txt
    """
    from weighbridge.access import secrets
    from weighbridge.access.masters import Masters

    secrets.check_name(name)
    config = common.load_config(ctx)
    masters = Masters(os.environ, config.store_path)
    value = _value(name)
    with common.state_store(config) as state:
        shown = secrets.set_secret(state, masters, name, value, who=common.who(), why=why, at=time.time())
    if as_json:
        common.print_json(shown)
    else:
        common.console().print(f'{name} is kept. A host uses it by: keys = ["store:{name}"].', markup=False)


@app.command("list")
def list_(ctx: typer.Context, as_json: common.Json = False) -> None:
    """List the names of the secrets. What they hold is never shown.

    Example: weighbridge secrets list
    """
    from weighbridge.access import secrets

    with common.state_store(common.load_config(ctx)) as state:
        found = secrets.listed(state)
    if as_json:
        common.print_json(found)
        return
    out = common.console()
    for one in found:
        day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.set))
        out.print(f"{one.name:40} set {day} UTC", markup=False)
    if not found:
        out.print("No secret is kept.", markup=False)


@app.command()
def remove(ctx: typer.Context, name: Name, why: Why = "", as_json: common.Json = False) -> None:
    """Forget a secret. Running gateways stop using it within a second.

    Example: weighbridge secrets remove zai-2 --why "left the team"
    """
    from weighbridge.access import secrets

    with common.state_store(common.load_config(ctx)) as state:
        secrets.remove(state, name, who=common.who(), why=why, at=time.time())
    if as_json:
        common.print_json({"name": name, "removed": True})
    else:
        common.console().print(f"{name} is forgotten.", markup=False)


@app.command("rotate-master")
def rotate_master(ctx: typer.Context, why: Why = "", as_json: common.Json = False) -> None:
    """Lock every secret and every vault anew under a new master key, and forget the old one.

    With WEIGHBRIDGE_MASTER_KEY put the new one first, the old one behind a comma,
    restart the gateways, run this, then leave the old one out.

    Example: weighbridge secrets rotate-master
    """
    from weighbridge.access import secrets
    from weighbridge.access.masking import vault_of
    from weighbridge.access.masters import Masters

    config = common.load_config(ctx)
    masters = Masters(os.environ, config.store_path)
    with common.state_store(config) as state:
        vaults: list[int] = []
        count = secrets.rotate_master(
            state,
            masters,
            who=common.who(),
            why=why,
            at=time.time(),
            others=lambda: vaults.append(vault_of(config, masters).rewrap()),
        )
    if as_json:
        common.print_json({"locked": count, "vaults": sum(vaults)})
        return
    told = f"{count} secret{'' if count == 1 else 's'} locked anew"
    if sum(vaults):
        told += f", and the vaults of {sum(vaults)} conversation{'' if sum(vaults) == 1 else 's'}"
    common.console().print(f"{told}.", markup=False)


def _value(name: str) -> str:
    from weighbridge.access.secrets import MOST_CHARACTERS

    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"{name}: ")
    try:
        return sys.stdin.buffer.read(4 * MOST_CHARACTERS + 1).decode()
    except UnicodeDecodeError as error:
        raise InputError("The secret is no text.", where="standard input", fix="Give it in UTF-8.") from error
