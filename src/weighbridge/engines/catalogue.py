"""The catalogue: every engine that can be named, with its facts, where they come from, and what disputes them.

    catalogue = load(config)
    engine = catalogue.engine("glm-5.2@zai")

An engine is a model on a host. Besides the offers that are written down, every model with weights on disk runs on
every host that runs in this process, and every model with open weights may run on every host that you run yourself.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from weighbridge.canon import Engine, FactChange, Host, Model, Offer, Price, Profile
from weighbridge.engines.catalogue_file import Tables, read_builtin
from weighbridge.engines.facts import lay
from weighbridge.engines.keys import has_key, how_to_set
from weighbridge.engines.layers import Layers, read_profile, read_schema
from weighbridge.engines.overlay import Overlay
from weighbridge.engines.rows import read_host, read_model, read_offer
from weighbridge.errors import NoKeyError, UnknownEngineError, did_you_mean
from weighbridge.settings import Config

GGUF = ".gguf"
#: What an engine costs that runs on your own machine: nothing per token.
FREE = (Price(input=0, cached=0, output=0, source="your own machine"),)


def load(config: Config | None = None) -> Catalogue:
    """The built-in catalogue with a person's own entries over it.

    Args:
        config: What `weighbridge.toml` says; None for the built-in catalogue alone.

    Raises:
        SettingsError: With file and line, an entry of the configuration that cannot be used.
    """
    tables = read_builtin()
    named = Overlay(config, tables).apply() if config is not None else frozenset()
    folder, local = (config.folder, config.settings.local.enabled) if config is not None else (Path.cwd(), True)
    return Catalogue(tables, named=named, folder=folder, local=local)


def disputes(engine: Engine, day: str) -> dict[str, tuple[str, ...]]:
    """What other sources say of the engine's price on a day, its context and its facts, by field."""
    found = {name: fact.others for name, fact in engine.model.sources.items() if fact.others}
    for name, fact in engine.offer.sources.items():
        if fact.others:
            found[name] = fact.others
        elif getattr(engine.offer, name, None):
            found.pop(name, None)  # the offer's own figure is undisputed
    price = engine.price_at(day)
    if price is not None and price.others:
        found["price"] = price.others
    return found


class Catalogue:
    """Models, hosts and the engines that they make.

    Args:
        tables: The rows.
        named: Hosts and offers that the configuration names.
        folder: Where relative paths of GGUF files start.
        local: May engines run in this process?
    """

    def __init__(self, tables: Tables, *, named: frozenset[str], folder: Path, local: bool = True) -> None:
        observed = tables.observed
        self.models: dict[str, Model] = {n: read_model(n, r, tables.labs, observed) for n, r in tables.models.items()}
        self.hosts: dict[str, Host] = {n: read_host(n, r, observed) for n, r in tables.hosts.items()}
        schemas = {name: read_schema(name, row) for name, row in tables.schemas.items()}
        self.profiles: dict[str, Profile] = {n: read_profile(n, r, schemas) for n, r in tables.profiles.items()}
        self._layers = Layers(self.profiles)
        self.offers: dict[str, Offer] = {}  #: by `model@host`
        for name, row in tables.offers.items():
            model, _, host = name.rpartition("@")
            self.offers[name] = read_offer(model, host, row, observed)
        self._named = named
        self._local = local
        self.folder = folder
        #: where keys are looked up for a model alone, unless whoever asks says where
        self.environ: Mapping[str, str] = os.environ
        self._add_own_hosts()
        self._tell_hosts()

    def _tell_hosts(self) -> None:
        """Who serves each model: the hosts of its offers that nobody here runs, retired ones left out."""
        found: dict[str, list[str]] = {}
        for offer in self.offers.values():
            host = self.hosts[offer.host]
            if not (offer.retired or host.self_hosted or host.runs_here or host.recorded):
                found.setdefault(offer.model, []).append(host.name)
        for name, hosts in found.items():
            self.models[name] = replace(self.models[name], hosts=tuple(sorted(hosts)))

    def _add_own_hosts(self) -> None:
        """Offers that nobody need write down; one that is written down keeps what it says."""
        for host in self.hosts.values():
            if not host.self_hosted or host.recorded:
                continue
            here = host.runs_here
            context = host.serving.get("context")
            for model in self.models.values():
                if model.gguf if here else model.open_weights and not model.gguf.startswith("package:"):
                    name = f"{model.name}@{host.name}"
                    offer = self.offers.get(name, Offer(model.name, host.name))
                    self.offers[name] = replace(
                        offer, prices=offer.prices or FREE, context=offer.context or (context if here else None)
                    )

    def with_facts(self, changes: Iterable[FactChange]) -> Catalogue:
        """The same catalogue with facts that changed laid over it, the oldest first; this one stays as it is.

        Facts about what it does not have are passed over.
        """
        made = copy.copy(self)
        made.models, made.hosts, made.offers = dict(self.models), dict(self.hosts), dict(self.offers)
        for change in sorted(changes, key=lambda change: change.at):
            lay(made.models, made.hosts, made.offers, change)
        return made

    def names(self) -> list[str]:
        """The names of all engines, `model@host`, sorted."""
        return sorted(self.offers)

    def engines(self) -> list[Engine]:
        """All engines, sorted by name."""
        return [self._make(self.offers[name]) for name in self.names()]

    def engine(self, name: str, environ: Mapping[str, str] | None = None) -> Engine:
        """The engine of a name: `model@host`, a model alone, or the path of a GGUF file.

        A model alone means its first host that can be called, in the catalogue's order; those that are about to
        drop it come last.

        Args:
            name: What to look for.
            environ: Where keys are looked up for a model alone; the catalogue's own by default.

        Raises:
            UnknownEngineError: Nothing has this name.
            NoKeyError: It is a model, and no host of it can be called.
        """
        if (offer := self.offers.get(name)) is not None:
            return self._make(offer)
        model, at, host = name.rpartition("@")
        if name.endswith(GGUF):
            return self._from_file(name, next(h.name for h in self.hosts.values() if h.runs_here))
        if model.endswith(GGUF) and host in self.hosts and self.hosts[host].runs_here:
            return self._from_file(model, host)
        if not at and name in self.models:
            return self._first_callable(name, self.environ if environ is None else environ)
        raise UnknownEngineError(f"There is no engine '{name[:200]}'.", fix=self._nearest(name, model, host))

    def of_model(self, model: str) -> list[Engine]:
        """The engines of one model, in the catalogue's order of hosts."""
        order = {host: place for place, host in enumerate(self.hosts)}
        offers = sorted((o for o in self.offers.values() if o.model == model), key=lambda offer: order[offer.host])
        return [self._make(offer) for offer in offers]

    def is_meant(self, engine: Engine) -> bool:
        """May the engine be there at all? A host that you run yourself counts once the configuration names it."""
        host = engine.host
        if host.runs_here:
            return self._local
        return not host.self_hosted or host.name in self._named or engine.name in self._named

    def callable_engines(self, environ: Mapping[str, str], local: bool) -> list[Engine]:  # noqa: FBT001 - said at every call
        """The engines whose key is set, sorted by name; with `local` also those that run in this process."""
        return [
            engine
            for engine in self.engines()
            if self.is_meant(engine) and (local if engine.host.runs_here else has_key(engine, environ))
        ]

    def profile(self, engine: Engine, dialect: str) -> Profile:
        """The quirks of an engine where a dialect is spoken: its host's, its model's and its offer's layers."""
        return self._profile(engine.model, engine.host, engine.offer, dialect)

    def _make(self, offer: Offer) -> Engine:
        return self._engine(self.models[offer.model], self.hosts[offer.host], offer)

    def _engine(self, model: Model, host: Host, offer: Offer) -> Engine:
        others = {dialect: self._profile(model, host, offer, dialect) for dialect in host.speaks}
        return Engine(model, host, offer, self._profile(model, host, offer, host.dialect), others)

    def _profile(self, model: Model, host: Host, offer: Offer, dialect: str) -> Profile:
        found = self._layers.profile((host.profile, model.profile, offer.profile), dialect)
        most = offer.max_output or model.max_output
        return found if found.max_output or not most else replace(found, max_output=most)

    def _from_file(self, path: str, host_name: str) -> Engine:
        full = self.folder / Path(path).expanduser()
        if not full.is_file():
            raise UnknownEngineError(
                f"There is no file '{path}'.", where=str(full), fix="Give the path of a GGUF file, or a model's name."
            )
        host = self.hosts[host_name]
        model = Model(path, title=full.stem, gguf=str(full))
        offer = Offer(path, host.name, upstream=full.stem, prices=FREE, context=host.serving.get("context"))
        return self._engine(model, host, offer)

    def _first_callable(self, model: str, environ: Mapping[str, str]) -> Engine:
        engines = self.of_model(model)
        for engine in sorted(engines, key=lambda engine: bool(engine.offer.retired)):
            if self.is_meant(engine) and has_key(engine, environ):
                return engine
        if not engines:
            raise UnknownEngineError(
                f"No host offers the model '{model}'.",
                fix=f'Describe one: [offers."{model}@HOST"] in weighbridge.toml.',
            )
        ways = dict.fromkeys(how_to_set(engine.host) for engine in engines)
        raise NoKeyError(
            f"No host of '{model}' can be called: none of their keys is set.",
            where=", ".join(engine.name for engine in engines),
            fix=" ".join(ways),
        )

    def _nearest(self, name: str, model: str, host: str) -> str:
        if model in self.models:
            return f"'{model}' is offered by: {', '.join(e.host.name for e in self.of_model(model)) or 'no host'}."
        if host in self.hosts:
            return did_you_mean(name, [n for n in self.offers if n.endswith(f"@{host}")])
        return f"{did_you_mean(name, [*self.offers, *self.models])} See 'weighbridge engines list'."
