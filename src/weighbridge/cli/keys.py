"""`weighbridge keys`: give out keys, rotate and revoke them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.access.keys import Made
    from weighbridge.canon import Policy

app = typer.Typer(help="Give out keys for the gateway and the admin API, rotate and revoke them.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="The key's name or id.", metavar="KEY")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]
Expires = Annotated[
    str | None, typer.Option("--expires", help="When it ends: 90d (from now), or 2027-01-31.", metavar="TIME")
]


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="How people will call the key.", metavar="NAME")],
    team: Annotated[str, typer.Option("--team", "-t", help="Whom it belongs to.", metavar="TEAM")] = "",
    role: Annotated[
        Literal["", "viewer", "operator", "admin"],
        typer.Option("--role", help="Makes a key for the admin API instead of one for applications.", metavar="ROLE"),
    ] = "",
    route: Annotated[
        list[str] | None,
        typer.Option("--route", "-r", help="A route it may ask for; repeatable, * for any.", metavar="ROUTE"),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option("--engine", "-e", help="An engine it may name or be answered by.", metavar="ENGINE"),
    ] = None,
    dialect: Annotated[
        list[str] | None, typer.Option("--dialect", help="A dialect that it may speak.", metavar="DIALECT")
    ] = None,
    expires: Expires = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help=r"TOML file with rules, as under \[routes.NAME.policy].", metavar="FILE"),
    ] = None,
    share_cache: Annotated[
        bool, typer.Option("--share-cache", help="Share cached answers with others of its team that do.")
    ] = False,
    meta: Annotated[
        list[str] | None, typer.Option("--meta", help="A note, such as owner=ann; repeatable.", metavar="NAME=TEXT")
    ] = None,
    why: Why = "",
    as_json: common.Json = False,
) -> None:
    """Make a key. Its secret is printed this once, and kept by nobody.

    Without --route and --engine it may ask for all; with --route alone, for these routes
    and no engine by its name. After the first key for applications, everyone needs one.

    Example: weighbridge keys create shop --team web --route assistant --expires 90d
    """
    from weighbridge.access import keys
    from weighbridge.cli.times import ahead

    now = time.time()
    with common.state_store(common.load_config(ctx)) as state:
        made = keys.create(
            state,
            name=name,
            team=team,
            role=role,
            routes=route or (),
            engines=engine or (),
            dialects=dialect or (),
            expires=ahead(expires, now, "--expires"),
            policy=_policy(policy),
            share_cache=share_cache,
            metadata=_pairs(meta or []),
            who=common.who(),
            why=why,
            at=now,
        )
    _tell(made, "This is its secret. It is shown this once.", as_json=as_json)


@app.command("list")
def list_(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", "-a", help="Revoked and expired ones, too.")] = False,
    as_json: common.Json = False,
) -> None:
    """List the keys that are in use.

    Example: weighbridge keys list --all
    """
    from weighbridge.access import keys
    from weighbridge.cli.keys_view import table

    now = time.time()
    with common.state_store(common.load_config(ctx)) as state:
        found = [keys.shown(key, now) for key in keys.listed(state)]
    rows = [row for row in found if every or row.standing == "active"]
    if as_json:
        common.print_json(rows)
    else:
        table(common.console(), rows, hidden=len(found) - len(rows))


@app.command()
def show(ctx: typer.Context, key: Key, as_json: common.Json = False) -> None:
    """Show one key: what it may do, until when. Its secret cannot be shown.

    Example: weighbridge keys show shop
    """
    from weighbridge.access import keys
    from weighbridge.cli.keys_view import page

    with common.state_store(common.load_config(ctx)) as state:
        found = keys.shown(keys.find(state, key), time.time())
    if as_json:
        common.print_json(found)
    else:
        page(common.console(), found)


@app.command()
def rotate(
    ctx: typer.Context,
    key: Key,
    overlap: Annotated[
        str, typer.Option("--overlap", help="How long the old secret still opens the door; 0: not at all.")
    ] = "1d",
    expires: Expires = None,
    why: Why = "",
    as_json: common.Json = False,
) -> None:
    """Give a key a new secret, printed this once. The old one works on for a while.

    Example: weighbridge keys rotate shop --overlap 2h
    """
    from weighbridge.access import keys
    from weighbridge.cli.times import ahead, span

    now = time.time()
    seconds = span(overlap, "--overlap")
    with common.state_store(common.load_config(ctx)) as state:
        made = keys.rotate(
            state,
            key,
            overlap=seconds,
            expires=ahead(expires, now, "--expires"),
            who=common.who(),
            why=why,
            at=now,
        )
    old = f"the old one opens it for {overlap} more" if seconds else "the old one opens nothing any more"
    _tell(made, f"This is its new secret, shown this once; {old}.", as_json=as_json)


@app.command()
def revoke(ctx: typer.Context, key: Key, why: Why = "", as_json: common.Json = False) -> None:
    """End a key for good. Running gateways refuse it within a quarter of a second.

    Example: weighbridge keys revoke shop --why "left in a public repository"
    """
    from weighbridge.access import keys

    now = time.time()
    with common.state_store(common.load_config(ctx)) as state:
        gone = keys.revoke(state, key, who=common.who(), why=why, at=now)
    if as_json:
        common.print_json(keys.shown(gone, now))
    else:
        common.console().print(f"{gone.name} ({gone.id}) is revoked.", markup=False)


def _tell(made: Made, what: str, *, as_json: bool) -> None:
    """The secret alone on standard output, so that a script can take it from there; words go beside it."""
    from weighbridge.access import keys

    if as_json:
        common.print_json({"key": keys.shown(made.key, time.time()), "secret": made.secret})
        return
    common.console(stderr=True).print(f"Key {made.key.name} ({made.key.id}). {what}", markup=False)
    sys.stdout.write(made.secret + "\n")
    sys.stdout.flush()


def _policy(file: Path | None) -> Policy | None:
    import tomllib

    from weighbridge.routes.policy_fields import read_policy

    if file is None:
        return None
    try:
        row = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"{error}.", where=str(file), fix='Write rules such as: jurisdictions = ["EU"], one per line.'
        ) from error
    return read_policy(row, str(file))


def _pairs(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"'{text}' is no note.", where="--meta", fix="Write NAME=TEXT.")
        found[name] = value
    return found
