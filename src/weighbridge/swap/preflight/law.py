"""Who would see the data and under which law, beside who sees them today, and what the route's rules say of it."""

from __future__ import annotations

from msgspec import Struct

from weighbridge.canon import Engine, Route
from weighbridge.routes.policy import Finding, judge


class Term(Struct, frozen=True):
    """One fact of law or data terms on both engines. `worse`: the move gives up something; None where nobody knows."""

    name: str
    base: str
    candidate: str
    worse: bool | None
    source: str = ""


class Law(Struct, frozen=True):
    """The terms, and every rule of the route's policy with what it says of the candidate."""

    terms: tuple[Term, ...]
    findings: tuple[Finding, ...]

    @property
    def admitted(self) -> bool:
        """Does every rule admit the candidate?"""
        return all(finding.admitted for finding in self.findings)


def compare(route: Route, base: Engine, candidate: Engine, *, day: str) -> Law:
    """Both engines' terms, and the route's policy on the candidate.

    Args:
        route: With its policy, if it has one.
        base: The engine of today.
        candidate: The engine to come.
        day: Whose prices count, where a rule asks for prices.
    """
    policies = ((f"route {route.name}", route.policy),) if route.policy is not None else ()
    return Law(terms=_terms(base, candidate), findings=judge(candidate, None, policies, day=day))


def _terms(base: Engine, candidate: Engine) -> tuple[Term, ...]:
    old, new = base.host, candidate.host
    return (
        _place("law of the host", _law(base), _law(candidate), _source(candidate, "jurisdiction")),
        Term(
            "data kept", _kept(base), _kept(candidate), _kept_longer(base, candidate), _source(candidate, "retention")
        ),
        Term(
            "trains on inputs",
            _word(value=old.trains_on_inputs),
            _word(value=new.trains_on_inputs),
            _worse(old=old.trains_on_inputs, new=new.trains_on_inputs),
            _source(candidate, "trains_on_inputs"),
        ),
        Term("lab", _lab(base), _lab(candidate), worse=False),
        Term(
            "weights",
            _open(base),
            _open(candidate),
            None
            if candidate.model.open_weights is None
            else bool(base.model.open_weights) > candidate.model.open_weights,
        ),
    )


def _place(name: str, base: str, candidate: str, source: str) -> Term:
    """Another law is a change that somebody must look at, not by itself a loss; towards the own machine it is none."""
    if candidate == "own machine" or (base == candidate and base):
        return Term(name, base, candidate, worse=False, source=source)
    return Term(name, base, candidate, worse=True if base and candidate else None, source=source)


def _law(engine: Engine) -> str:
    if engine.host.self_hosted or engine.host.runs_here:
        return "own machine"
    return engine.host.jurisdiction or engine.host.country


def _kept(engine: Engine) -> str:
    days = engine.host.retention_days
    if engine.host.self_hosted or engine.host.runs_here:
        return "on the own machine"
    if days is not None:
        return "not at all" if days == 0 else f"{days} days"
    return engine.host.retention


def _kept_longer(base: Engine, candidate: Engine) -> bool | None:
    if candidate.host.self_hosted or candidate.host.runs_here:
        return False
    mine = 0 if base.host.self_hosted or base.host.runs_here else base.host.retention_days
    theirs = candidate.host.retention_days
    return None if theirs is None or mine is None else theirs > mine


def _worse(*, old: bool | None, new: bool | None) -> bool | None:
    return None if new is None else new and not old


def _word(*, value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _lab(engine: Engine) -> str:
    where = f" ({engine.model.lab_country})" if engine.model.lab_country else ""
    return f"{engine.model.lab}{where}" if engine.model.lab else ""


def _open(engine: Engine) -> str:
    known = engine.model.open_weights
    return "" if known is None else f"open, {engine.model.licence or 'licence unknown'}" if known else "closed"


def _source(engine: Engine, field: str) -> str:
    fact = engine.host.sources.get(field)
    return fact.source if fact is not None else ""
