"""What `weighbridge limits` and `weighbridge budgets` share: whose rule, how numbers are typed, how a change is made."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.canon import Rule
    from weighbridge.settings import Config
    from weighbridge.store.state import State

Subject = Annotated[
    str,
    typer.Argument(
        help="Whose: key:NAME, team:NAME, route:NAME, engine:MODEL@HOST, or such as key:* for each of them.",
        metavar="SUBJECT",
    ),
]
OneSubject = Annotated[
    str | None,
    typer.Argument(help="Only this one; what holds for it, too, if that is said for each.", metavar="SUBJECT"),
]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]
NONE = "none"  #: takes a limit away
_COUNT = re.compile(r"(\d[\d_]*)([kKmM]?)")
_AMOUNT = re.compile(r"(\d[\d_]{0,15})(?:\.(\d{1,6}))?")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_TIMES = {"": 1, "k": 1000, "m": 1_000_000}


@contextmanager
def store(ctx: typer.Context) -> Iterator[tuple[Config, State]]:
    """The configuration and the state store, open."""
    config = common.load_config(ctx)
    with common.state_store(config) as state:
        yield config, state


def change(ctx: typer.Context, subject: str, changes: Mapping[str, Any], why: str) -> tuple[Rule, str]:
    """Change a rule; the rule that holds now, and how people call its subject."""
    from weighbridge.access.rules import set_rule

    with store(ctx) as (config, state):
        whose = resolved(config, state, subject)
        rule = set_rule(state, whose, changes, who=common.who(), why=why, at=time.time())
        return rule, called(whose, key_names(state))


def resolved(config: Config, state: State, subject: str) -> str:
    """The subject as rules name it."""
    from weighbridge.access.subjects import resolve
    from weighbridge.engines.catalogue import load

    current = state.current()
    routes = {*config.routes, *(current.plan.routes if current is not None else ())}
    engines = load(config).names() if subject.startswith("engine:") else ()
    return resolve(state, subject, routes=routes, engines=engines)


def chosen(state: State, config: Config, subject: str | None) -> list[Rule]:
    """All rules, or what holds for one subject."""
    from weighbridge.access.rules import KIND, Rules, listed

    if subject is None:
        return listed(state)
    rules = Rules()
    listed(state)  # one that cannot be read is an error here
    rules.apply(state.records(KIND))
    found = rules.of(resolved(config, state, subject))
    return [found] if found is not None else []


def key_names(state: State) -> dict[str, str]:
    """How the ids of keys are called."""
    from weighbridge.access import keys

    return {one.id: one.name for one in keys.listed(state)}


def called(subject: str, names: Mapping[str, str]) -> str:
    """How people call a subject: a key by its name."""
    kind, _, name = subject.partition(":")
    return f"key:{names.get(name, name)}" if kind == "key" else subject


def count(text: str | None, option: str) -> int | str | None:
    """A number as it is typed: 5000, 5k, 2M; `none` stays."""
    if text is None or text == NONE:
        return text
    found = _COUNT.fullmatch(text.strip())
    if found is None:
        raise InputError(f"'{text}' is no number.", where=option, fix=f"Write such as 600, 50k or 2M, or {NONE}.")
    return int(found[1]) * _TIMES[found[2].lower()]


def amount(text: str | None, option: str) -> int | str | None:
    """Money as it is typed, in micro-units; `none` stays."""
    if text is None or text == NONE:
        return text
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise InputError(
            f"'{text}' is no amount.", where=option, fix=f"Write such as 10 or 2.50, up to 6 decimals, or {NONE}."
        )
    return int(found[1]) * 1_000_000 + int((found[2] or "").ljust(6, "0"))


def share(text: str | None, option: str) -> float | None:
    """A share as it is typed: 80%."""
    if text is None:
        return None
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"'{text}' is no share.", where=option, fix="Write such as 80%.")
    return float(found[1]) / 100


def given(**fields: Any) -> dict[str, Any]:
    """The changes that were asked for."""
    wanted = {name: value for name, value in fields.items() if value is not None}
    if not wanted:
        options = ", ".join("--" + name.replace("_", "-") for name in fields if name != "hard")
        raise InputError("Nothing is to be changed.", fix=f"Give one or more of {options}.")
    return {name: None if value == NONE else value for name, value in wanted.items()}
