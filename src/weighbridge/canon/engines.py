"""Facts about models, hosts and engines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from weighbridge.canon.profiles import Profile
from weighbridge.canon.replies import Usage

MOST = 2**63 - 1
"""The largest amount that is kept, in micro-units. An engine may claim any number of tokens."""


class Fact(Struct, frozen=True, omit_defaults=True):
    """Where a figure comes from. `others` holds what disagreeing sources say, as `source: value`."""

    source: str = ""
    observed: str = ""
    others: tuple[str, ...] = ()


class Model(Struct, frozen=True, omit_defaults=True):
    """Weights with a maker. None and "" mean unknown, never no."""

    name: str
    lab: str = ""
    lab_country: str = ""
    title: str = ""
    family: str = ""
    open_weights: bool | None = None
    licence: str = ""
    released: str = ""
    context: int | None = None
    max_output: int | None = None
    modalities: tuple[str, ...] = ()
    tools: bool | None = None
    structured: bool | None = None
    reasoning: bool | None = None
    parameters: str = ""
    gguf: str = ""  #: weights on disk: a path, or `package:NAME` for those that a package carries
    chat_template: str = ""  #: Jinja; "" takes the one that comes with the weights
    profile: str = ""
    sources: dict[str, Fact] = {}  #: by field name
    base: str = ""  #: the model that its weights were made from
    components: dict[str, str] = {}  #: what was released of it -> under which licence; see `engines.openness`
    disclosure: int | None = None  #: its lab's Foundation Model Transparency Index, 0 to 100
    hosts: tuple[str, ...] = ()  #: who serves it besides those that you run: worked out by the catalogue


class Host(Struct, frozen=True, omit_defaults=True):
    """Who runs models, where, and how to reach it."""

    name: str
    title: str = ""
    dialect: str = "openai-chat"
    url: str = ""  #: base address; the dialect's path is appended
    key_env: str = ""  #: the environment variable that holds the key
    keys: tuple[str, ...] = ()  #: several keys, used in turn: env:NAME, file:PATH, store:NAME
    auth: Literal["bearer", "header", "query", "sigv4", "google", "none"] = "bearer"
    auth_name: str = ""  #: of the header or the query's field that takes the key; sigv4: the service's name
    region: str = ""  #: sigv4: where the service runs
    headers: dict[str, str] = {}
    query: dict[str, str] = {}  #: added to every address, as Azure's api-version
    path: str = ""  #: in place of the dialect's path, with {model}; Azure: /openai/deployments/{model}/chat/completions
    speaks: dict[str, str] = {}  #: further dialects -> the base address at which the host speaks them
    country: str = ""
    jurisdiction: str = ""  #: whose law applies: a country code or "EU"
    retention: str = ""
    retention_days: int | None = None  #: the same as a number; 0: not kept at all
    trains_on_inputs: bool | None = None
    cleared_for: str = ""  #: the most harmful class of data that it may see: public, internal, personal, secret
    self_hosted: bool = False
    profile: str = ""
    serving: dict[str, Any] = {}  #: local hosts: context, slots, cache_type, threads
    recorded: dict[str, Any] = {}  #: hosts that replay exchanges: path, latency, chunk, fail_rate, ...
    sources: dict[str, Fact] = {}

    @property
    def runs_here(self) -> bool:
        """Does this program run the host's models itself, from weights on disk?"""
        return not self.recorded and (bool(self.serving) or not self.url)


class Tier(Struct, frozen=True, omit_defaults=True):
    """What a request costs whose input has more than `above` tokens: all of it, not only what is above."""

    above: int
    input: int | None = None
    cached: int | None = None
    cache_written: int | None = None
    output: int | None = None


class Service(Struct, frozen=True, omit_defaults=True):
    """What a request costs that asked for a service tier, such as `batch`, `flex` or `priority`."""

    input: int | None = None
    cached: int | None = None
    cache_written: int | None = None
    output: int | None = None
    tiers: tuple[Tier, ...] = ()


class Rates(NamedTuple):
    """Micro-units per million tokens of each kind."""

    input: int
    cached: int
    cache_written: int
    output: int


class Price(Struct, frozen=True, omit_defaults=True):
    """Micro-units of `currency` per million tokens, from a date on. None means unknown.

    `tiers`, by rising length, and `service` say what differs for long requests and for service tiers; what they leave
    out stays. Where both apply, the service's figures count.
    """

    input: int | None = None
    cached: int | None = None
    output: int | None = None
    currency: str = "USD"
    valid_from: str = ""
    source: str = ""
    observed: str = ""
    others: tuple[str, ...] = ()  #: disagreeing sources, as `source: input/output`
    cache_written: int | None = None  #: input that the host puts into its cache; None: as other input
    tiers: tuple[Tier, ...] = ()
    service: dict[str, Service] = {}

    def rates(self, tokens: int, service: str = "") -> Rates | None:
        """What counts for a request of so many input tokens; None where a figure is unknown."""
        if not self.tiers and not self.service:
            if self.input is None or self.output is None:
                return None
            read = self.input if self.cached is None else self.cached
            kept = self.input if self.cache_written is None else self.cache_written
            return Rates(self.input, read, kept, self.output)
        layers: list[Price | Tier | Service] = [self, *(t for t in self.tiers if tokens > t.above)]
        if (special := self.service.get(service)) is not None:
            layers += [special, *(t for t in special.tiers if tokens > t.above)]
        told = {name: _last(getattr(layer, name) for layer in layers) for name in Rates._fields}
        first, output = told["input"], told["output"]
        if first is None or output is None:
            return None
        cached, written = (first if told[name] is None else told[name] for name in ("cached", "cache_written"))
        return Rates(first, cached or 0, written or 0, output)

    def cost(self, usage: Usage, service: str = "") -> int | None:
        """What `usage` costs, in micro-units rounded up; see `Engine.cost`."""
        rates = self.rates(usage.input, service)
        if rates is None:
            return None
        cached, written, plain = usage.cached, usage.cache_written, usage.input
        total = usage.output * rates.output
        if cached or written:
            cached = min(max(cached, 0), plain)
            written = min(max(written, 0), plain - cached)
            plain -= cached + written
            total += cached * rates.cached + written * rates.cache_written
        total += plain * rates.input
        return min(max(0, -(-total // 1_000_000)), MOST)


def _last(values: Iterable[int | None]) -> int | None:
    found = None
    for value in values:
        found = found if value is None else value
    return found


class Offer(Struct, frozen=True, omit_defaults=True):
    """A model on a host: what the host calls it, its limits there, and its prices over time."""

    model: str
    host: str
    upstream: str = ""  #: the model's name at the host; the model's own name if empty
    prices: tuple[Price, ...] = ()
    context: int | None = None
    max_output: int | None = None
    first_token: float | None = None  #: seconds until its answers begin, the median that was measured
    quantization: str = ""
    retired: str = ""
    profile: str = ""
    sources: dict[str, Fact] = {}  #: of its limits, by field name


class Engine(Struct, frozen=True):
    """A model on a host, ready to be called: every fact, with the offer's own values already laid over."""

    model: Model
    host: Host
    offer: Offer
    profile: Profile
    others: dict[str, Profile] = {}  #: the profiles that hold in further dialects of the host

    def profile_in(self, dialect: str) -> Profile:
        """The quirks that hold where this dialect is spoken."""
        return self.others.get(dialect, self.profile)

    @property
    def issuer(self) -> str:
        """Whose blobs this engine can read: engines that share an issuer read each other's."""
        if not self.profile.issuer:
            return self.name
        return self.profile.issuer.format(model=self.model.name, host=self.host.name, lab=self.model.lab)

    @property
    def name(self) -> str:
        """`model@host`."""
        return f"{self.model.name}@{self.host.name}"

    @property
    def upstream(self) -> str:
        """What the host calls the model."""
        return self.offer.upstream or self.model.name

    @property
    def context(self) -> int | None:
        """Input and output tokens together, on this host."""
        return self.offer.context or self.model.context

    def price_at(self, day: str) -> Price | None:
        """The price in force on a day (`YYYY-MM-DD`), or None where none is known."""
        if len(self.offer.prices) == 1:
            only = self.offer.prices[0]
            return only if only.valid_from <= day else None
        known = [p for p in self.offer.prices if p.valid_from <= day]
        return max(known, key=lambda p: p.valid_from) if known else None

    def cost(self, usage: Usage, day: str, service: str = "") -> int | None:
        """What `usage` costs, in micro-units rounded up.

        Args:
            usage: The tokens. What a host tells is taken apart with care: no share is larger than the whole.
            day: Whose price counts (`YYYY-MM-DD`).
            service: The service tier that was asked for.

        Returns:
            None where the price is unknown.
        """
        price = self.price_at(day)
        return price.cost(usage, service) if price is not None else None
