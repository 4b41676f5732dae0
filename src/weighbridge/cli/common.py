"""What the commands share: the configuration, consoles that behave in a pipe, and how errors are told."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from weighbridge import settings
from weighbridge.errors import WeighbridgeError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.engines.catalogue import Catalogue
    from weighbridge.store.state import State as Store

WIDTH = 80

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file (default: the nearest weighbridge.toml).", metavar="FILE"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@dataclass
class State:
    """What the options before the command's name said."""

    config_file: Path | None = None


def load_config(ctx: typer.Context, **flags: Any) -> settings.Config:
    """The configuration; `flags` are settings given on the command line, with `__` for the dot."""
    state = ctx.find_object(State) or State()
    given = {key.replace("__", "."): value for key, value in flags.items()}
    return settings.load(state.config_file, flags=given)


@contextmanager
def state_store(config: settings.Config) -> Iterator[Store]:
    """The state store, open; closed at the end."""
    from weighbridge.store.state import State as Store

    made = Store(config.state_place)
    try:
        yield made
    finally:
        made.close()


def environ(config: settings.Config) -> Mapping[str, str]:
    """The environment, and the secrets of the state store, which is opened when the first one is asked for."""
    import os

    from weighbridge.engines.keys import Environ

    @functools.cache
    def stored(name: str) -> str | None:
        from weighbridge.access import secrets
        from weighbridge.access.masters import Masters

        if not config.settings.store.state and not Path(config.state_place).exists():
            return None  # nothing was kept yet, and looking makes no store
        with state_store(config) as state:
            return secrets.found(state, Masters(os.environ, config.store_path), name)

    return Environ(os.environ, stored)


def has_state(config: settings.Config) -> bool:
    """Was anything ever kept in the state store? A question alone does not make one."""
    return "://" in config.state_place or Path(config.state_place).exists()


def with_facts(config: settings.Config, known: Catalogue) -> Catalogue:
    """The catalogue with the facts that were changed since, as gateways on this store know it."""
    from weighbridge.access import facts

    if not has_state(config):
        return known
    with state_store(config) as state:
        return facts.current(state, known)


def who() -> str:
    """Who types: what the audit log says."""
    import getpass

    return getpass.getuser()


def option(key: str, *names: str, **more: Any) -> Any:
    """A typer option that is fed by the settings table: its help, and the default it shows."""
    row = settings.row(key)
    names = names or ("--" + key.rpartition(".")[2].replace("_", "-"),)
    return typer.Option(*names, help=rf"{row.description} \[default: {row.default}]", show_default=False, **more)


def console(*, stderr: bool = False) -> Console:
    """A console at most 80 columns wide, without colours where they are not wanted."""
    from rich.console import Console as RichConsole

    class Pipe(RichConsole):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `main` knows what that means; rich would end with an error

    made = Pipe(stderr=stderr, highlight=False, soft_wrap=False)
    if not made.is_terminal or made.width > WIDTH:
        made.width = WIDTH
    return made


def quiet() -> bool:
    """Is nobody looking? Then progress bars stay away."""
    return not sys.stderr.isatty()


def print_json(value: Any) -> None:
    """One JSON document on standard output, indented."""
    data = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.buffer.write(printable_json(data) + b"\n")
    sys.stdout.flush()


def printable_json(data: bytes) -> bytes:
    """The same JSON, with those control characters escaped that JSON allows and terminals obey (DEL, C1)."""
    return _RAW_CONTROLS.sub(lambda match: b"\\u%04x" % ord(match[0].decode()), data)


_RAW_CONTROLS = re.compile(rb"\x7f|\xc2[\x80-\x9f]")


def print_error(error: WeighbridgeError) -> None:
    """What went wrong, where, and the fix, on standard error."""
    from rich.text import Text

    out = console(stderr=True)
    head = Text.assemble(("error", "bold red"), f" {error.code}: ", error.what)
    out.print(head, soft_wrap=True)
    if error.where:
        out.print(Text.assemble(("  where ", "dim"), error.where), soft_wrap=True)
    if error.fix:
        out.print(Text.assemble(("  fix   ", "dim"), error.fix), soft_wrap=True)


def print_interrupted() -> None:
    """Say that the user stopped it."""
    console(stderr=True).print("interrupted")


def printable(text: str) -> str:
    """Text from outside, safe for a terminal: control characters (escape sequences) become visible pictures."""
    return "".join(
        c if c >= " " and c != "\x7f" and not "\x80" <= c <= "\x9f" else _VISIBLE.get(c, "\ufffd") for c in text
    )


_VISIBLE = {"\n": "\n", "\t": "\t", "\r": "", "\x1b": "\u241b"}


def money(micro: int | None, currency: str = "USD") -> str:
    """Micro-units as an amount with sensible digits; `cost unknown` where it is."""
    if micro is None:
        return "cost unknown"
    amount = micro / 1_000_000
    sign = "$" if currency == "USD" else f"{currency} "
    if micro == 0:
        return f"{sign}0"
    return f"{sign}{amount:,.2f}" if amount >= 1 else f"{sign}{amount:.6f}".rstrip("0")
