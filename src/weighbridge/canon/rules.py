"""Who may ask for what: keys, policies, limits, budgets, and the record of what administrators did."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

DataClass = Literal["", "public", "internal", "personal", "secret"]
DATA_CLASSES: tuple[DataClass, ...] = ("public", "internal", "personal", "secret")
"""How much harm comes of a leak, the least first. "" means that nobody said."""

Role = Literal["", "viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
"""What a key of the admin API may do; each includes the ones before it. "" is a key of applications."""


class Policy(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What must be true of an engine, and of a request, for the one to get the other.

    An empty field asks for nothing. A fact that is unknown satisfies no rule.
    """

    jurisdictions: tuple[str, ...] = ()  #: whose law may apply to the host: country codes, "EU", "local"
    lab_countries: tuple[str, ...] = ()  #: where the model's lab may sit: country codes
    open_weights: bool = False  #: only models whose weights are open
    licences: tuple[str, ...] = ()  #: of the weights; `*` stands for anything
    no_training: bool = False  #: only hosts that do not train on inputs
    max_retention_days: int | None = None  #: longest time that the host may keep inputs; 0: not at all
    data_class: DataClass = ""  #: what the requests hold; the host must be cleared for it
    max_input_price: int | None = None  #: micro-units of `currency` per million tokens
    max_output_price: int | None = None  #: the same, of output
    currency: str = "USD"  #: of the prices; an engine that is priced in another one is refused
    max_first_token: float | None = None  #: seconds; the engine's measured median
    dialects: tuple[str, ...] = ()  #: that clients may speak
    max_output: int | None = None  #: output tokens that a request may ask for


class Rule(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Limits and budgets of one subject: `key:ID`, `team:NAME`, `route:NAME`, `engine:NAME`, or `KIND:*` for each.

    Limits hold per minute of the clock (UTC), `concurrency` at any time. Budgets are micro-units of `currency` per UTC day and month.
    """

    subject: str
    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    concurrency: int | None = None
    day: int | None = None
    month: int | None = None
    soft: float = 0.8  #: the share of a budget from which answers carry a warning
    hard: bool = True  #: is a request refused that would go over the budget?
    currency: str = "USD"


class Key(Struct, frozen=True, omit_defaults=True):
    """A key that was given to an application, a person, or (with a role) to an administrator. Its secret is not in it.

    `hashes` are SHA-256 of the secrets that open it, with the time at which each ends: two while it is rotated.
    Empty scopes allow all; `*` in a scope stands for anything.
    """

    id: str
    name: str
    created: float
    hashes: tuple[tuple[str, float | None], ...] = ()
    team: str = ""
    role: Role = ""
    routes: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()  #: that it may name, or that a route may choose for it
    dialects: tuple[str, ...] = ()
    expires: float | None = None
    revoked: float | None = None
    policy: Policy | None = None  #: besides the route's
    share_cache: bool = False  #: may its answers be given to other keys of its team, and theirs to it?
    metadata: dict[str, str] = {}


class FactChange(Struct, frozen=True, omit_defaults=True):
    """A fact about a model, a host or an engine that holds from now on, over what the catalogue says."""

    kind: Literal["model", "host", "engine"]
    name: str
    field: str
    value: bool | int | float | str | tuple[str, ...] | None = None  #: None: unknown
    source: str = ""
    at: float = 0.0


class Act(Struct, frozen=True, omit_defaults=True):
    """What an administrator did. `detail` never holds a secret."""

    at: float
    who: str
    action: str  #: such as `key.create`, `budget.set`, `route.promote`
    subject: str = ""
    why: str = ""
    role: str = ""
    detail: dict[str, str] = {}


class Record(Struct, frozen=True):
    """One named thing in the state store, as JSON; `data` is None once it was deleted. Revisions grow by one."""

    kind: str  #: key, rule, fact, secret
    name: str
    revision: int
    data: bytes | None


def allows(patterns: tuple[str, ...], name: str) -> bool:
    """Is a name within a scope? An empty scope allows all; `*` stands for anything, nothing else has a meaning."""
    return not patterns or any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    # In linear time, whatever the two look like: names come from outside, and may be long.
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    if not name.startswith(first):
        return False
    at = len(first)
    *middle, last = rest
    for part in middle:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(name) - at >= len(last) and name.endswith(last)
