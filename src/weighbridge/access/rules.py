"""Limits and budgets of keys, teams, routes and engines: set, listed, and held by each process that keeps them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from weighbridge.canon import Act, AdminRole, Record, Rule
from weighbridge.errors import DamagedError, InputError, NotFoundError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.store.state import State

KIND = "rule"
KINDS = ("key", "team", "route", "engine")
EACH = "*"  #: in the place of a name: a rule for each that has none of its own
LIMITS = ("requests", "input_tokens", "output_tokens", "concurrency")
AMOUNTS = ("day", "month")
BUDGETS = (*AMOUNTS, "soft", "hard", "currency")
MOST = 10**15  #: of anything: a thousand million units of money
_LONGEST = 200  #: characters of a subject
_MADE = 10_000  #: rules made from templates that are remembered
_CURRENCY = 3  #: letters

log = logging.getLogger("weighbridge.access")


class Rules:
    """The rules as one process knows them; `apply` keeps it up to date."""

    def __init__(self) -> None:
        self._own: dict[str, Rule] = {}
        self._made: dict[str, Rule | None] = {}

    def __bool__(self) -> bool:
        """Is there any?"""
        return bool(self._own)

    def apply(self, records: Iterable[Record]) -> None:
        """Take over what changed. Records of other kinds are passed over.

        A rule that cannot be read lets nothing through until it is set anew: what it forbade is unknown.
        """
        for record in records:
            if record.kind != KIND:
                continue
            self._own.pop(record.name, None)
            if record.data is None:
                continue
            try:
                self._own[record.name] = _read(record.data, record.name)
            except DamagedError as error:
                self._own[record.name] = Rule(record.name, requests=0)
                log.error("the rule of %s lets nothing through: %s", record.name, error)  # noqa: TRY400 - a traceback would say less
        self._made.clear()

    def of(self, subject: str) -> Rule | None:
        """The rule of a subject: its own, else a copy of the one for each of its kind."""
        own = self._own.get(subject)
        if own is not None or not self._own:
            return own
        try:
            return self._made[subject]
        except KeyError:
            each = self._own.get(f"{subject.partition(':')[0]}:{EACH}")
            if len(self._made) >= _MADE:
                self._made.clear()
            made = self._made[subject] = each and replace(each, subject=subject)
            return made


def set_rule(
    state: State,
    subject: str,
    changes: Mapping[str, Any],
    *,
    who: str,
    at: float,
    why: str = "",
    acting: AdminRole = "",
) -> Rule:
    """Change the limits and budgets of a subject; what is not named stays as it is.

    Args:
        state: The store.
        subject: `key:ID`, `team:NAME`, `route:NAME`, `engine:NAME`, or `KIND:*` for each that has no rule of its own.
        changes: New values by the field of `Rule`; None takes a limit or a budget away. Money is in micro-units.
        who: Who does it.
        at: Now, in seconds since 1970.
        why: Their reason.
        acting: The role in which `who` acts.

    Returns:
        What holds now; a rule that says nothing any more was deleted.

    Raises:
        InputError: A field or its value cannot be used, or the fields together make no sense.
        NotFoundError: What is to be taken away was never there.
        StoreError: The store cannot be read or written.
        DamagedError: What stands there cannot be read.
    """
    check_subject(subject)
    _check(changes)
    result = Rule(subject)

    def change(data: bytes | None) -> bytes | None:
        nonlocal result
        result = _merged(_read(data, subject) if data is not None else None, subject, changes)
        return None if result == Rule(subject) else msgspec.json.encode(result)

    state.alter(KIND, subject, change, Act(at, who, _action(changes), subject, why, acting, _detail(changes)))
    return result


def listed(state: State) -> list[Rule]:
    """Every rule, by subject.

    Raises:
        StoreError: The store cannot be read.
        DamagedError: A rule in it cannot be read.
    """
    return [_read(record.data, record.name) for record in state.records(KIND) if record.data is not None]


def check_subject(subject: str) -> tuple[str, str]:
    """A subject's kind and name.

    Raises:
        InputError: It is written wrongly.
    """
    kind, colon, name = subject.partition(":")
    shape = "Write KIND:NAME, such as key:shop, team:web, route:assistant, engine:glm-5.2@zai, or key:* for each key."
    if not colon or not name:
        raise InputError(f"{subject[:100]!a} names nothing that can have a limit.", where="subject", fix=shape)
    if kind not in KINDS:
        fix = f"{did_you_mean(kind[:100], KINDS)} {shape}"
        raise InputError(f"{kind[:100]!a} is nothing that can have a limit.", where="subject", fix=fix)
    if len(subject) > _LONGEST or not subject.isprintable() or name != name.strip() or (EACH in name and name != EACH):
        raise InputError(
            f"{subject[:100]!a} is no subject.",
            where="subject",
            fix=f"Use up to {_LONGEST} printable characters; * stands only for all names, not for a part of one.",
        )
    return kind, name


def _check(changes: Mapping[str, Any]) -> None:
    if not changes:
        raise InputError("Nothing is to be changed.", where="rule", fix=f"Name a field: {', '.join(_FIELDS)}.")
    for field, value in changes.items():
        if field not in _FIELDS:
            raise InputError(f"A rule has no {field[:100]!a}.", where="rule", fix=did_you_mean(field[:100], _FIELDS))
        fix = "" if value is None else _wrong(field, value)
        if fix:
            raise InputError(f"{str(value)[:100]!a} cannot be used.", where=field, fix=fix)


def _wrong(field: str, value: Any) -> str:
    """How a value should look, "" where it does."""
    if field == "hard":
        return "" if isinstance(value, bool) else "Use true or false."
    if field == "currency":
        fine = isinstance(value, str) and len(value) == _CURRENCY and value.isascii() and value.isalpha()
        return "" if fine and value.isupper() else "Use a code of three capital letters, such as USD or EUR."
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field == "soft":
        return "" if number and 0 < value <= 1 else "Use a share above 0 and up to 1, such as 0.8."
    fine = number and isinstance(value, int) and 0 <= value <= MOST
    return "" if fine else f"Use a whole number from 0 to {MOST}."


def _merged(now: Rule | None, subject: str, changes: Mapping[str, Any]) -> Rule:
    if now is None and all(value is None for value in changes.values()):
        raise NotFoundError(
            f"{subject} has no limits and no budgets.", where="subject", fix="See which have: weighbridge limits show."
        )
    merged = replace(now or Rule(subject), **{f: _DEFAULTS[f] if v is None else v for f, v in changes.items()})
    if all(getattr(merged, field) is None for field in AMOUNTS):
        given = [field for field in BUDGETS if field not in AMOUNTS and changes.get(field) is not None]
        if given:
            raise InputError(
                f"{subject} has no budget, so '{given[0]}' says nothing.",
                where=given[0],
                fix="Set an amount for the day or the month with it.",
            )
        return replace(merged, soft=_DEFAULTS["soft"], hard=True, currency=_DEFAULTS["currency"])
    left = [a for a in AMOUNTS if a not in changes and getattr(merged, a) is not None]
    if now is not None and merged.currency != now.currency and left:
        raise InputError(
            f"The budget of the {left[0]} is in {now.currency}, and would become one in {merged.currency}.",
            where="currency",
            fix=f"Give the {left[0]}'s amount anew, or take it away.",
        )
    return merged


def _action(changes: Mapping[str, Any]) -> str:
    kinds = {"budget" if field in BUDGETS else "limit" for field in changes}
    verb = "clear" if all(value is None for value in changes.values()) else "set"
    return f"{kinds.pop() if len(kinds) == 1 else 'rule'}.{verb}"


def _detail(changes: Mapping[str, Any]) -> dict[str, str]:
    return {field: "none" if value is None else str(value) for field, value in changes.items()}


def _read(data: bytes, subject: str) -> Rule:
    try:
        found = msgspec.json.decode(data, type=Rule)
        wrong = [f for f in _FIELDS if (v := getattr(found, f)) is not None and _wrong(f, v)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(subject, str(error)) from error
    if wrong or found.subject != subject:
        raise _damaged(subject, f"'{(wrong or ['subject'])[0]}' holds what no rule can")
    return found


def _damaged(subject: str, why: str) -> DamagedError:
    return DamagedError(
        f"The rule of {subject} cannot be read: {why}.", where="state", fix="Restore a copy of the state."
    )


_DEFAULTS = {item.name: item.default for item in msgspec.structs.fields(Rule) if item.name != "subject"}
_FIELDS = tuple(_DEFAULTS)
