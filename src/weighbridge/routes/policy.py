"""May this engine answer? Facts are judged by rules. Pure; a fact that is unknown satisfies no rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from weighbridge.canon import DATA_CLASSES, DataClass, Engine, Fact, Plan, Policy, Price, Request, Service, Tier, allows
from weighbridge.canon.money import MICRO
from weighbridge.canon.places import is_among
from weighbridge.errors import PolicyError
from weighbridge.routes.plans import Resolve

Policies = Sequence[tuple[str, Policy]]
"""Where each one stands, such as `route assistant` or `key bot`, and what it says."""


class Asked(Struct, frozen=True):
    """What a request tells that rules ask for. `scope`: the engines that may answer its key; empty: all."""

    dialect: str = ""
    max_output: int | None = None
    data_class: DataClass = ""
    service: str = ""
    scope: tuple[str, ...] = ()
    key: str = ""  #: the name of the key that was shown


class Finding(Struct, frozen=True):
    """What one rule says of one engine."""

    rule: str  #: the policy's field; `engines` for a key's scope
    by: str  #: where the rule stands: `route NAME`, `key NAME`, `request`
    admitted: bool
    reason: str  #: the fact that decided, and where it comes from


class Verdict(Struct, frozen=True):
    """An engine, and what every rule says of it. It may answer if all of them admit it."""

    engine: Engine
    findings: tuple[Finding, ...]

    @property
    def admitted(self) -> bool:
        """May it answer?"""
        return all(finding.admitted for finding in self.findings)

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The rules that refuse it."""
        return tuple(finding for finding in self.findings if not finding.admitted)


_Told = tuple[bool, str]


def asked_of(request: Request, *, dialect: str, data_class: DataClass, scope: tuple[str, ...], key: str) -> Asked:
    """What a request tells that rules ask for."""
    most, answers = request.sampling.max_tokens, max(1, request.sampling.n or 1)
    return Asked(dialect, None if most is None else most * answers, data_class, request.service_tier, scope, key)


def judge(engine: Engine, asked: Asked | None, policies: Policies, *, day: str) -> tuple[Finding, ...]:
    """What every rule says of an engine.

    Args:
        engine: With its facts.
        asked: The request; None before there is one, when a plan is published: rules about requests wait for it.
        policies: All that hold; each must admit the engine.
        day: Whose prices count (`YYYY-MM-DD`).
    """
    found = [
        Finding(rule, by, *told)
        for by, policy in policies
        for rule, read in _FACTS.items()
        if (told := read(engine, policy)) is not None
    ]
    for by, policy in policies:
        found += (Finding(rule, by, fits, why) for rule, fits, why in _prices(engine, policy, asked, day))
        if asked is not None:
            found += (Finding(rule, by, fits, why) for rule, fits, why in _requests(engine, policy, asked))
    found += _data(engine, policies, asked)
    if asked is not None and asked.scope:
        admitted = allows(asked.scope, engine.name)
        by = f"key {asked.key}" if asked.key else "key"
        found.append(Finding("engines", by, admitted, f"the key may use {_list(asked.scope)}"))
    return tuple(found)


def judged(engines: Sequence[Engine], asked: Asked | None, policies: Policies, *, day: str) -> tuple[Verdict, ...]:
    """All of these engines, in their order."""
    return tuple(Verdict(engine, judge(engine, asked, policies, day=day)) for engine in engines)


def refusal(verdicts: Sequence[Verdict], name: str) -> PolicyError:
    """The error of a request that no engine may answer: why each of them was refused."""
    reasons = "; ".join(f"{one.engine.name}: {_why(one.refusals)}" for one in verdicts)
    rules = {finding.rule for one in verdicts for finding in one.refusals}
    fix = f"See 'weighbridge route explain {name}'."
    if all(any(finding.rule == "max_output" for finding in one.refusals) for one in verdicts):
        fix = "Ask for fewer output tokens: set the request's limit (max_tokens), which the rule names."
    elif rules == {"dialects"}:
        fix = "Speak a dialect that the rule names."
    return PolicyError(f"No engine may answer this request. {reasons}.", where=name, fix=fix)


def check_plan(before: Plan | None, after: Plan, resolve: Resolve, *, day: str) -> None:
    """See to it that every route that a plan changes keeps its own policy.

    Args:
        before: What was in force; None at the beginning.
        after: What is to come into force.
        resolve: Finds engines, with their facts as they are now.
        day: Whose prices count (`YYYY-MM-DD`).

    Raises:
        PolicyError: An engine of a route does not satisfy its policy.
        UnknownEngineError: An engine is not in the catalogue.
    """
    for name, route in after.routes.items():
        if route.policy is None or (before is not None and before.routes.get(name) == route):
            continue
        policies = ((f"route {name}", route.policy),)
        engines = [resolve(engine) for engine in route.engines]
        refused = [one for one in judged(engines, None, policies, day=day) if not one.admitted]
        if refused:
            reasons = "; ".join(f"{one.engine.name}: {_why(one.refusals)}" for one in refused)
            raise PolicyError(
                f"The policy of route '{name}' does not admit {reasons}. Nothing was published.",
                where=f"[routes.{name}.policy]",
                fix=f"Take {refused[0].engine.name} out of the route, change the rule, or correct the fact.",
            )


def day_of(at: float) -> str:
    """The UTC day of a time in seconds since 1970: whose prices count."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _why(findings: Sequence[Finding]) -> str:
    return ", ".join(f"{finding.rule} ({finding.by}): {finding.reason}" for finding in findings)


# --- facts of models and hosts ----------------------------------------------------------------


def _jurisdictions(engine: Engine, policy: Policy) -> _Told | None:
    if not policy.jurisdictions:
        return None
    host = engine.host
    wanted = f"wanted: {_list(policy.jurisdictions)}"
    if host.runs_here and "local" in policy.jurisdictions:
        return True, "runs on this machine"
    if not host.jurisdiction:
        return False, f"the jurisdiction of {host.name} is unknown; {wanted}"
    fits = is_among(host.jurisdiction, frozenset(code.upper() for code in policy.jurisdictions))
    source = _source(host.sources.get("jurisdiction"))
    return bool(fits), f"the jurisdiction of {host.name} is {host.jurisdiction}{source}; {wanted}"


def _lab_countries(engine: Engine, policy: Policy) -> _Told | None:
    if not policy.lab_countries:
        return None
    model = engine.model
    wanted = f"wanted: {_list(policy.lab_countries)}"
    if not model.lab_country:
        return False, f"the country of {model.name}'s lab is unknown; {wanted}"
    source = _source(model.sources.get("lab_country"))
    fits = is_among(model.lab_country, frozenset(policy.lab_countries))
    return bool(fits), f"the lab of {model.name} is in {model.lab_country}{source}; {wanted}"


def _open_weights(engine: Engine, policy: Policy) -> _Told | None:
    if not policy.open_weights:
        return None
    model = engine.model
    if model.open_weights is None:
        return False, f"nobody knows whether the weights of {model.name} are open"
    word = "open" if model.open_weights else "closed"
    return model.open_weights, f"the weights of {model.name} are {word}{_source(model.sources.get('open_weights'))}"


def _licences(engine: Engine, policy: Policy) -> _Told | None:
    if not policy.licences:
        return None
    model = engine.model
    wanted = f"wanted: {_list(policy.licences)}"
    if not model.licence:
        return False, f"the licence of {model.name} is unknown; {wanted}"
    fits = allows(tuple(licence.lower() for licence in policy.licences), model.licence.lower())
    return fits, f"the licence of {model.name} is {model.licence}{_source(model.sources.get('licence'))}; {wanted}"


def _no_training(engine: Engine, policy: Policy) -> _Told | None:
    if not policy.no_training:
        return None
    host = engine.host
    if host.trains_on_inputs is None:
        return False, f"nobody knows whether {host.name} trains on inputs"
    word = "trains" if host.trains_on_inputs else "does not train"
    return not host.trains_on_inputs, f"{host.name} {word} on inputs{_source(host.sources.get('trains_on_inputs'))}"


def _retention(engine: Engine, policy: Policy) -> _Told | None:
    most = policy.max_retention_days
    if most is None:
        return None
    host = engine.host
    if host.retention_days is None:
        return False, f"nobody knows how long {host.name} keeps inputs; at most {most} days"
    source = _source(host.sources.get("retention_days") or host.sources.get("retention"))
    return host.retention_days <= most, f"{host.name} keeps inputs {host.retention_days} days{source}; at most {most}"


def _first_token(engine: Engine, policy: Policy) -> _Told | None:
    most = policy.max_first_token
    if most is None:
        return None
    if engine.offer.first_token is None:
        return False, f"nobody measured how soon {engine.name} begins; at most {most:g} s"
    source = _source(engine.offer.sources.get("first_token"))
    took = engine.offer.first_token
    return took <= most, f"{engine.name} begins after {took:g} s{source}; at most {most:g} s"


_FACTS: Mapping[str, Callable[[Engine, Policy], _Told | None]] = {
    "jurisdictions": _jurisdictions,
    "lab_countries": _lab_countries,
    "open_weights": _open_weights,
    "licences": _licences,
    "no_training": _no_training,
    "max_retention_days": _retention,
    "max_first_token": _first_token,
}


# --- prices, requests, data --------------------------------------------------------------------


def _prices(engine: Engine, policy: Policy, asked: Asked | None, day: str) -> Iterator[tuple[str, bool, str]]:
    limits = (
        ("max_input_price", "input", policy.max_input_price),
        ("max_output_price", "output", policy.max_output_price),
    )
    for rule, kind, limit in limits:
        if limit is None:
            continue
        most = f"at most {limit / MICRO:g} {policy.currency}"
        price = engine.price_at(day)
        figure = _highest(price, kind, asked.service if asked else "")
        if price is None or figure is None:
            yield rule, False, f"the {kind} price of {engine.name} is unknown; {most}"
        elif price.currency != policy.currency and figure:
            yield rule, False, f"{engine.name} is priced in {price.currency}; {most}"
        else:
            told = f"{kind} costs up to {figure / MICRO:g} {price.currency} per million tokens"
            yield rule, figure <= limit, f"{told}{_source(Fact(price.source))}; {most}"


def _highest(price: Price | None, kind: str, service: str) -> int | None:
    """The most that a token of this kind may cost: long requests, cache writes and service tiers may cost more."""
    if price is None or getattr(price, kind) is None:
        return None
    layers: list[Price | Tier | Service] = [price, *price.tiers]
    if (special := price.service.get(service)) is not None:
        layers += [special, *special.tiers]
    figures = [layer.output for layer in layers]
    if kind == "input":
        figures = [figure for layer in layers for figure in (layer.input, layer.cache_written)]
    return max((figure for figure in figures if figure is not None), default=None)


def _requests(engine: Engine, policy: Policy, asked: Asked) -> Iterator[tuple[str, bool, str]]:
    if policy.dialects and asked.dialect:
        admitted = asked.dialect in policy.dialects
        yield "dialects", admitted, f"the request speaks {asked.dialect}; allowed: {_list(policy.dialects)}"
    if policy.max_output is None:
        return
    most = f"at most {policy.max_output:,}"
    own = engine.offer.max_output or engine.model.max_output
    if asked.max_output is not None:
        told = f"the request asks for up to {asked.max_output:,} output tokens; {most}"
        yield "max_output", asked.max_output <= policy.max_output, told
    elif own is not None and own <= policy.max_output:
        yield "max_output", True, f"{engine.name} gives at most {own:,} output tokens; {most}"
    else:
        yield "max_output", False, f"the request sets no limit of output tokens; {most}"


def _data(engine: Engine, policies: Policies, asked: Asked | None) -> Iterator[Finding]:
    told = [(policy.data_class, by) for by, policy in policies if policy.data_class]
    if asked is not None and asked.data_class:
        told.append((asked.data_class, "request"))
    if not told:
        return
    needed, by = max(told, key=lambda one: DATA_CLASSES.index(one[0]))
    host = engine.host
    cleared = host.cleared_for or ("secret" if host.runs_here else "")
    source = _source(host.sources.get("cleared_for")) if host.cleared_for else ""
    if needed == "public":
        fits, why = True, "public data may go anywhere"
    elif not cleared:
        fits, why = False, f"nobody cleared {host.name} for {needed} data"
    else:
        fits = cleared in DATA_CLASSES[DATA_CLASSES.index(needed) :]
        why = f"{host.name} is cleared for {cleared} data{source}; needed: {needed}"
    yield Finding("data_class", by, fits, why)


def _source(fact: Fact | None) -> str:
    return f" ({fact.source})" if fact is not None and fact.source else ""


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
