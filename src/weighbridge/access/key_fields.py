"""What the fields of a key may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from weighbridge import dialects as known_dialects
from weighbridge.canon import ROLES, Policy
from weighbridge.errors import InputError, SettingsError, did_you_mean
from weighbridge.routes.policy_fields import check_policy

_MAX_SCOPES = 100
_MAX_METADATA = 32
_NAME = re.compile(r"\w[\w .@+-]{0,63}")
_SCOPE = re.compile(r"[^\s\x00-\x20\x7f,]{1,200}")


def check_names(name: str, team: str, role: str, expires: float | None, at: float) -> None:
    """A key's name, its team, its role and its end.

    Raises:
        InputError: One of them cannot be used.
    """
    for field, value in (("name", name), ("team", team or "none")):
        if not _NAME.fullmatch(value) or not value.isprintable() or value != value.strip():
            raise InputError(
                f"{value[:100]!a} cannot be used.",
                where=field,
                fix="Use up to 64 letters, digits, spaces and . @ + - _, a letter or digit first.",
            )
    if role and role not in ROLES:
        raise InputError(f"There is no role '{role[:100]}'.", where="role", fix=did_you_mean(role, ROLES))
    check_end(expires, at)


def check_end(expires: float | None, at: float) -> None:
    """When a key ends: later than now, or never.

    Raises:
        InputError: It would have ended.
    """
    if expires is not None and not at < expires < float("inf"):
        raise InputError("The key would end before it begins.", where="expires", fix="Give a time that is to come.")


def check_scope(field: str, patterns: Sequence[str], role: str) -> None:
    """One of its scopes: patterns of names.

    Raises:
        InputError: A pattern cannot match anything, or there are too many.
    """
    if role and patterns:
        raise InputError(
            f"A key with a role asks for no answers, so it has no {field}.",
            where=field,
            fix="Leave them out, or make a second key without a role for the application.",
        )
    if len(patterns) > _MAX_SCOPES:
        raise InputError(
            f"{len(patterns)} patterns are too many.",
            where=field,
            fix=f"Use up to {_MAX_SCOPES}; * stands for anything.",
        )
    for pattern in patterns:
        if not _SCOPE.fullmatch(pattern) or not pattern.isprintable():
            raise InputError(
                f"{pattern[:100]!a} is no pattern of names.", where=field, fix="Use names; * stands for anything."
            )
        if field == "dialects" and "*" not in pattern and pattern not in known_dialects.NAMES:
            raise InputError(
                f"There is no dialect '{pattern[:100]}'.", where=field, fix=did_you_mean(pattern, known_dialects.NAMES)
            )


def check_rules(policy: Policy | None) -> None:
    """Its policy.

    Raises:
        InputError: It holds a value that means nothing.
    """
    try:
        if policy is not None:
            check_policy(policy, "policy")
    except SettingsError as error:
        raise InputError(error.what, where=error.where, fix=error.fix) from error


def check_metadata(metadata: Mapping[str, str]) -> None:
    """What its owner notes beside it.

    Raises:
        InputError: It is too much.
    """
    fits = all(0 < len(name) <= 64 and name.isprintable() and len(value) <= 512 for name, value in metadata.items())  # noqa: PLR2004 - as the fix says
    if not fits or len(metadata) > _MAX_METADATA:
        raise InputError(
            "The metadata cannot be kept.",
            where="metadata",
            fix=f"Use up to {_MAX_METADATA} names of 1 to 64 characters, with values of up to 512.",
        )
