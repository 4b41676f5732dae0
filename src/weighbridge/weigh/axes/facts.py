"""The axes that are facts: what the catalogue knew of an engine on the day of the run, with sources and days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from weighbridge.canon import Engine, Fact, FilePart, ImagePart
from weighbridge.engines.licences import is_open
from weighbridge.engines.openness import classify
from weighbridge.weigh.types import Axis, Sample

_ON_ITS_OWN = "nobody else: it runs on your own machine"


def facts(engine: Engine, others: Sequence[Engine], samples: Sequence[Sample], day: str) -> tuple[Axis, ...]:
    """One engine's facts.

    Args:
        engine: With its public facts.
        others: The other engines of the weighing: what they lack of the features that the suite uses.
        samples: The suite, for those features.
        day: Of the run (`YYYY-MM-DD`).
    """
    return (
        _context(engine),
        *_openness(engine),
        _fact("disclosure", engine.model.disclosure, engine.model.sources.get("disclosure"), "of 100"),
        *_terms(engine),
        *_lock_in(engine, others, samples, day),
    )


def _fact(name: str, value: float | str | None, fact: Fact | None, unit: str = "", note: str = "") -> Axis:
    if value is None or value == "":
        return Axis(name, unit=unit)
    told = fact or Fact()
    return Axis(name, value, unit=unit, source=told.source, date=told.observed, note=note)


def _context(engine: Engine) -> Axis:
    fact = engine.offer.sources.get("context") if engine.offer.context else engine.model.sources.get("context")
    return _fact("context", engine.context, fact, "tokens")


def _openness(engine: Engine) -> Iterator[Axis]:
    """The model's class, where its components are listed; closed weights have none, whatever else was released."""
    model = engine.model
    if model.components:
        found = classify(model.components)
        lacks = ", ".join(name.replace("_", " ") for name in found.missing)
        yield _fact("openness", found.title, model.sources.get("components"), note=f"lacks {lacks}" if lacks else "")
    elif model.open_weights is False:
        yield _fact("openness", "no class", model.sources.get("open_weights"), note="the weights are closed")
    else:
        yield Axis("openness")
    word = {True: "open", False: "closed", None: ""}[model.open_weights]
    yield _fact("weights", word, model.sources.get("open_weights"))
    yield _fact("licence", model.licence, model.sources.get("licence"))


def _terms(engine: Engine) -> Iterator[Axis]:
    host = engine.host
    if host.self_hosted or host.runs_here:
        for name in ("jurisdiction", "retention", "trains_on_inputs"):
            yield Axis(name, "your own", note=_ON_ITS_OWN)
        return
    yield _fact("jurisdiction", host.jurisdiction or host.country, host.sources.get("jurisdiction"))
    kept = host.retention if host.retention_days is None else f"{host.retention_days} days"
    yield _fact("retention", "not kept" if host.retention_days == 0 else kept, host.sources.get("retention"))
    word = {True: "yes", False: "no", None: ""}[host.trains_on_inputs]
    yield _fact("trains_on_inputs", word, host.sources.get("trains_on_inputs"))


def _lock_in(engine: Engine, others: Sequence[Engine], samples: Sequence[Sample], day: str) -> Iterator[Axis]:
    """Who else could serve the same weights, whether you could, and what the suite uses that the others lack."""
    model = engine.model
    if model.hosts:
        elsewhere = [host for host in model.hosts if host != engine.host.name]
        note = ", ".join(elsewhere[:5]) + (" and others" if len(elsewhere) > 5 else "")  # noqa: PLR2004
        yield Axis("other_hosts", len(elsewhere), source="the catalogue", date=day, note=note)
    else:
        yield Axis("other_hosts")
    if model.open_weights is None:
        yield Axis("self_hostable")
    else:
        freely = "open licence" if is_open(model.licence) else model.licence or "licence unknown"
        word = "yes" if model.open_weights else "no"
        yield _fact("self_hostable", word, model.sources.get("open_weights"), note=freely if model.open_weights else "")
    yield _features(engine, others, samples, day)


def _features(engine: Engine, others: Sequence[Engine], samples: Sequence[Sample], day: str) -> Axis:
    """Features that the suite uses and some other engine of the weighing is known to lack: what holds you here."""
    used = [name for name, uses in _USES if any(uses(sample) for sample in samples)]
    if not used or not others:
        return Axis("features_others_lack", applies=False)
    held = [name for name in used if _has(engine, name) is not False]
    lacking = [name for name in held if any(_has(other, name) is False for other in others)]
    return Axis("features_others_lack", ", ".join(lacking) or "none", source="the catalogue", date=day)


def _has(engine: Engine, feature: str) -> bool | None:
    model = engine.model
    if feature == "tools":
        return model.tools
    if feature == "schemas":
        return model.structured
    return (feature.removesuffix("s") in model.modalities) if model.modalities else None


def _has_part(sample: Sample, kind: type) -> bool:
    return any(isinstance(part, kind) for message in sample.messages for part in message.parts)


_USES: tuple[tuple[str, Callable[[Sample], bool]], ...] = (
    ("tools", lambda sample: bool(sample.tools)),
    ("schemas", lambda sample: sample.schema is not None),
    ("images", lambda sample: _has_part(sample, ImagePart)),
    ("files", lambda sample: _has_part(sample, FilePart)),
)
