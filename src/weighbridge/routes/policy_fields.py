"""Policies as people write them: `[routes.NAME.policy]`, and the file of `weighbridge keys create --policy`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from weighbridge import dialects
from weighbridge.canon import Policy
from weighbridge.canon.money import micro
from weighbridge.errors import InputError, SettingsError, did_you_mean

PRICES = ("max_input_price", "max_output_price")

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_NAMES = 100
_MAX_NAME = 200


def read_policy(row: Mapping[str, Any], where: str) -> Policy:
    """A policy from its table, where prices are in units of the currency per million tokens, as in the catalogue.

    Args:
        row: The table.
        where: Where it stands, for errors.

    Raises:
        SettingsError: A field is unknown, has a wrong type, or a value that no engine could ever satisfy.
    """
    for key in row:
        if key not in Policy.__struct_fields__:
            raise SettingsError(f"Unknown rule '{key}'.", where=where, fix=did_you_mean(key, Policy.__struct_fields__))
    fields = dict(row)
    for name in PRICES:
        if name in fields:
            try:
                fields[name] = micro(fields[name])
            except ValueError as error:
                raise SettingsError(
                    f"{name} {error}: {fields[name]!r}.", where=where, fix="Give it per million tokens."
                ) from error
    try:
        policy = msgspec.convert(fields, Policy)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{error}.", where=where, fix="Correct the value; see docs/policy.md.") from error
    check_policy(policy, where)
    return policy


def check_policy(policy: Policy, where: str, wrong: type[InputError] = SettingsError) -> None:
    """Refuse a policy with a value that means nothing: a rule with a slip of the pen would refuse everything.

    Raises:
        InputError: The first such value; of the kind `wrong`.
    """
    for what, fix in _flaws(policy):
        raise wrong(what, where=where, fix=fix)


def _flaws(policy: Policy) -> Iterator[tuple[str, str]]:
    yield from _names(policy)
    if policy.max_retention_days is not None and policy.max_retention_days < 0:
        yield f"max_retention_days = {policy.max_retention_days} is not possible.", "Give days; 0: not kept at all."
    for field in PRICES:
        if (getattr(policy, field) or 0) < 0:
            yield f"{field} is below 0.", "Give it per million tokens."
    if not _CURRENCY.fullmatch(policy.currency):
        yield f"{policy.currency[:50]!r} is not a currency.", "Use three capital letters: USD, EUR, CNY."
    if policy.max_first_token is not None and not (
        policy.max_first_token > 0 and math.isfinite(policy.max_first_token)
    ):
        yield f"max_first_token = {policy.max_first_token} is not possible.", "Give seconds, more than 0."
    if policy.max_output is not None and policy.max_output < 1:
        yield f"max_output = {policy.max_output} is not possible.", "Give tokens, at least 1."


def _names(policy: Policy) -> Iterator[tuple[str, str]]:
    for field, more in (("jurisdictions", ("EU", "local")), ("lab_countries", ("EU",))):
        for code in getattr(policy, field):
            if not _COUNTRY.fullmatch(code) and code not in more:
                yield (
                    f"{field}: {code[:50]!r} is no country.",
                    f'Use two capital letters, "{more[0]}"' + (' or "local".' if "local" in more else ", or both."),
                )
    for field in ("jurisdictions", "lab_countries", "licences", "dialects"):
        names = getattr(policy, field)
        if len(names) > _MAX_NAMES or any(not name.strip() or len(name) > _MAX_NAME for name in names):
            yield (
                f"{field} has an empty or endless name, or too many.",
                f"Give at most {_MAX_NAMES}, each with something in it.",
            )
    for dialect in policy.dialects:
        if dialect not in dialects.NAMES:
            yield f"Unknown dialect '{dialect[:50]}'.", did_you_mean(dialect, dialects.NAMES)
