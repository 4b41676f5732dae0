"""Whose limits and budgets are meant: subjects by the names that people use, checked so that none is set for nobody."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from weighbridge.access import keys
from weighbridge.access.rules import EACH, check_subject, listed
from weighbridge.errors import NotFoundError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.store.state import State


def resolve(state: State, subject: str, *, routes: Collection[str], engines: Collection[str]) -> str:
    """The subject as rules name it: a key by its id.

    What has a rule already is known, whatever became of it: so its rule can be changed and cleared.

    Args:
        state: The store.
        subject: What was given, such as `key:shop`.
        routes: All that are known.
        engines: All that are known, `model@host`.

    Raises:
        InputError: It is written wrongly, or several keys have the name.
        NotFoundError: There is nobody of this name.
        StoreError: The store cannot be read.
    """
    kind, name = check_subject(subject)
    if name == EACH or any(rule.subject == subject for rule in listed(state)):
        return subject
    if kind == "key":
        return f"key:{keys.find(state, name).id}"
    known = {"route": routes, "engine": engines}.get(kind)
    if known is None:
        known = {key.team for key in keys.listed(state) if key.team}
    if name not in known:
        hint = "A team is there as soon as a key belongs to it. " if kind == "team" else ""
        raise NotFoundError(f"There is no {kind} '{name}'.", where="subject", fix=hint + did_you_mean(name, known))
    return subject
