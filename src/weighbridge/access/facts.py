"""Facts about models, hosts and engines that changed while gateways run: set, cleared, listed, and followed by each process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from weighbridge.canon import Act, AdminRole, FactChange, Record
from weighbridge.engines.facts import FIELDS, checked
from weighbridge.engines.rows import RowError
from weighbridge.errors import InputError, NotFoundError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.engines.catalogue import Catalogue
    from weighbridge.store.state import State

KIND = "fact"
_LONGEST_SOURCE = 1000  #: characters

log = logging.getLogger("weighbridge.access")


class Facts:
    """The changed facts as one process knows them.

    Args:
        base: The catalogue as the configuration has it.
        changed: Told of each new catalogue.
    """

    def __init__(self, base: Catalogue, changed: Callable[[Catalogue], None]) -> None:
        self._base = base
        self._changed = changed
        self._facts: dict[str, FactChange] = {}

    def apply(self, records: Iterable[Record]) -> None:
        """Take over what changed. Records of other kinds are passed over."""
        mine = [record for record in records if record.kind == KIND]
        for record in mine:
            if record.data is None:
                self._facts.pop(record.name, None)
            else:
                self._facts[record.name] = read(record)
        if mine:
            self._changed(self._base.with_facts(self._facts.values()))


def set_fact(
    state: State,
    catalogue: Catalogue,
    change: FactChange,
    *,
    who: str,
    at: float,
    why: str = "",
    acting: AdminRole = "",
) -> FactChange:
    """Let a fact hold from now on, over what the catalogue says, in every gateway on this store.

    Args:
        state: The store.
        catalogue: What there is.
        change: The fact; a value of None makes it unknown, which no rule accepts. Its `at` is not read.
        who: Who does it.
        at: Now, in seconds since 1970.
        why: Their reason.
        acting: The role in which `who` acts.

    Returns:
        The fact as it was kept.

    Raises:
        NotFoundError: There is no such model, host or engine.
        InputError: The field or its value cannot be used.
        StoreError: The store cannot be read or written.
    """
    known = {"model": list(catalogue.models), "host": list(catalogue.hosts), "engine": list(catalogue.offers)}[
        change.kind
    ]
    if change.name not in known:
        raise NotFoundError(
            f"There is no {change.kind} '{change.name[:200]}'.", where="fact", fix=did_you_mean(change.name, known)
        )
    if len(change.source) > _LONGEST_SOURCE or not (change.source or "-").isprintable():
        raise InputError("The source is too long, or cannot be printed.", where="source", fix="Give an address.")
    try:
        kept = checked(replace(change, at=at))
    except RowError as error:
        raise InputError(error.what, where=f"{change.kind}:{change.name}", fix=error.fix) from error
    detail = {"value": "unknown" if kept.value is None else str(kept.value), "source": kept.source}
    act = Act(at, who, "fact.set", record_name(kept), why, acting, detail)
    state.alter(KIND, record_name(kept), lambda _: msgspec.json.encode(kept), act)
    return kept


def clear_fact(
    state: State, kind: str, name: str, field: str, *, who: str, at: float, why: str = "", acting: AdminRole = ""
) -> None:
    """Let the catalogue's own word hold again.

    Raises:
        NotFoundError: No such fact was set.
        StoreError: The store cannot be read or written.
    """
    subject = f"{kind}:{name}:{field}"

    def change(data: bytes | None) -> None:
        if data is None:
            raise NotFoundError(
                f"The fact '{subject[:200]}' was not set.", where="fact", fix="See: weighbridge engines fact list"
            )

    state.alter(KIND, subject, change, Act(at, who, "fact.clear", subject, why, acting))


def listed(state: State) -> list[FactChange]:
    """Every fact that was set, by name.

    Raises:
        StoreError: The store cannot be read.
    """
    return [read(record) for record in state.records(KIND)]


def current(state: State, catalogue: Catalogue) -> Catalogue:
    """A catalogue with all facts as they stand in the store.

    Raises:
        StoreError: The store cannot be read.
    """
    return catalogue.with_facts(listed(state))


def record_name(change: FactChange) -> str:
    """Under which name a fact is kept."""
    return f"{change.kind}:{change.name}:{change.field}"


def read(record: Record) -> FactChange:
    """A fact from its record. One that cannot be read makes the fact unknown: no rule accepts that."""
    try:
        return checked(msgspec.json.decode(record.data or b"", type=FactChange))
    except (msgspec.DecodeError, UnicodeDecodeError, RowError, KeyError) as error:
        log.error("the fact %s cannot be read, and counts as unknown: %s", record.name, error)  # noqa: TRY400
        kind, _, rest = record.name.partition(":")
        name, _, field = rest.rpartition(":")
        if kind not in FIELDS or field not in FIELDS[kind]:
            return FactChange("host", "", "jurisdiction")  # nobody's: there is nothing that it could be about
        return FactChange(kind, name, field)  # type: ignore[arg-type]
