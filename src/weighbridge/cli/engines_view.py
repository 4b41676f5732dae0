"""How engines look in the terminal and in JSON: 80 columns, and a question mark for what nobody knows."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weighbridge.canon import Engine, Fact, Price, Quirk, Service, Tier
from weighbridge.cli import common
from weighbridge.engines.catalogue import Catalogue, disputes
from weighbridge.engines.keys import has_key, places, read
from weighbridge.engines.select import is_ready

if TYPE_CHECKING:
    from weighbridge.engines.check import Check

MICRO = 1_000_000
UNKNOWN = "?"
NAME_WIDTH = 39
LINE = "{name:<39} {open:<4} {law:<8} {context:>5} {price:>13} {key:<3} {marks}"
#: What `list` flags: the two figures that decide most, not every quarrel over a detail.
FLAGGED = ("price", "context")


def facts(
    engine: Engine, known: Catalogue, environ: Mapping[str, str], day: str, *, sources: bool = False
) -> dict[str, Any]:
    """An engine as JSON. None means unknown. Prices are in units of their currency per million tokens."""
    model, host, offer = engine.model, engine.host, engine.offer
    price = engine.price_at(day)
    found: dict[str, Any] = {
        "name": engine.name,
        "model": model.name,
        "host": host.name,
        "title": model.title,
        "lab": model.lab or None,
        "lab_country": model.lab_country or None,
        "host_country": host.country or None,
        "jurisdiction": host.jurisdiction or None,
        "open_weights": model.open_weights,
        "licence": model.licence or None,
        "released": model.released or None,
        "retired": offer.retired or None,
        "context": engine.context,
        "max_output": offer.max_output or model.max_output,
        "modalities": model.modalities or None,
        "tools": model.tools,
        "structured": model.structured,
        "reasoning": model.reasoning,
        "retention": host.retention or None,
        "trains_on_inputs": host.trains_on_inputs,
        "price": price_facts(price) if price else None,
        "local": host.runs_here or host.self_hosted,
        "key_env": host.key_env or None,
        "keys": places(host),
        "key_set": has_key(engine, environ),
        "callable": is_ready(engine, known, environ),
        "disputed": disputes(engine, day),
    }
    if sources:
        found |= {
            "upstream": engine.upstream,
            "dialect": host.dialect,
            "url": host.url or None,
            "profile": engine.profile,
            "parameters": model.parameters or None,
            "components": model.components or None,
            "openness": _openness(engine) or None,
            "disclosure": model.disclosure,
            "quantization": offer.quantization or None,
            "prices": [price_facts(p) for p in offer.prices],
            "sources": {"model": model.sources, "host": host.sources, "offer": offer.sources},
        }
    return found


def price_facts(price: Price) -> dict[str, Any]:
    """A price as JSON."""
    return {
        "input": _units(price.input),
        "cached": _units(price.cached),
        "output": _units(price.output),
        "cache_written": _units(price.cache_written),
        "tiers": [_rates(tier) for tier in price.tiers],
        "service": {
            name: _rates(one) | {"tiers": [_rates(tier) for tier in one.tiers]} for name, one in price.service.items()
        },
        "currency": price.currency,
        "valid_from": price.valid_from or None,
        "source": price.source or None,
        "observed": price.observed or None,
        "others": price.others,
    }


def _rates(one: Tier | Service) -> dict[str, Any]:
    above = {"above": one.above} if isinstance(one, Tier) else {}
    return above | {name: _units(getattr(one, name)) for name in ("input", "cached", "cache_written", "output")}


def _units(micro: int | None) -> float | None:
    return None if micro is None else micro / MICRO


# --- lists ----------------------------------------------------------------------------------------


def print_list(
    engines: Sequence[Engine],
    known: Catalogue,
    environ: Mapping[str, str],
    day: str,
    *,
    folded: int = 0,
    undecided: int = 0,
) -> None:
    """One line for each engine, and below what the marks mean and what is not shown."""
    lines = [_head()] if engines else ["No engine fits."]
    marks: set[str] = set()
    for engine in engines:
        line, seen = _line(engine, known, environ, day)
        lines.append(line)
        marks |= seen
    lines += [""] if engines else []
    if "!" in marks:
        lines.append("! sources disagree on price or context: 'engines show NAME' tells who says what")
    if "x" in marks:
        lines.append("x the host has told a day from which it no longer serves this model")
    if folded:
        lines.append(f"{folded} more are open weights on servers that you run: 'engines list --local'")
    if undecided:
        lines.append(f"{undecided} more may fit, but a fact is unknown: add --unknown")
    lines.append(f"{len(engines)} engines. Prices: per million tokens in and out, on {day}, before tiers.")
    _print(lines)


def _head() -> str:
    return LINE.format(
        name="ENGINE", open="OPEN", law="LAB>LAW", context="CTX", price="IN/OUT", key="KEY", marks=""
    ).rstrip()


def _line(engine: Engine, known: Catalogue, environ: Mapping[str, str], day: str) -> tuple[str, set[str]]:
    disputed = disputes(engine, day)
    marks = {
        mark
        for mark, is_set in (("!", any(f in disputed for f in FLAGGED)), ("x", bool(engine.offer.retired)))
        if is_set
    }
    name = engine.name
    line = LINE.format(
        name=name if len(name) <= NAME_WIDTH else name + "\n" + " " * NAME_WIDTH,
        open=_yes_no(engine.model.open_weights),
        law=f"{engine.model.lab_country or UNKNOWN}>{engine.host.jurisdiction or UNKNOWN}",
        context=_short(engine.context),
        price=_price(engine.price_at(day)),
        key=_key(engine, known, environ),
        marks="".join(sorted(marks)),
    )
    return line.rstrip(), marks


def _key(engine: Engine, known: Catalogue, environ: Mapping[str, str]) -> str:
    if engine.host.auth == "bearer":
        return "yes" if has_key(engine, environ) else "no"
    if engine.host.runs_here:
        return "-" if is_ready(engine, known, environ) else "no"
    return "-" if known.is_meant(engine) else "own"


def _price(price: Price | None) -> str:
    if price is None:
        return UNKNOWN
    currency = "" if price.currency == "USD" else f" {price.currency}"
    return f"{money(price.input)}/{money(price.output)}{currency}"


def money(micro: int | None) -> str:
    """Micro-units as a plain number."""
    if micro is None:
        return UNKNOWN
    whole, rest = divmod(micro, MICRO)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _short(count: int | None) -> str:
    if count is None:
        return UNKNOWN
    if count >= MICRO:
        return f"{count / MICRO:.2g}M"
    return f"{count / 1000:.0f}k" if count >= 1000 else str(count)  # noqa: PLR2004 - k is a thousand


def _yes_no(value: bool | None) -> str:
    return UNKNOWN if value is None else "yes" if value else "no"


# --- one engine -----------------------------------------------------------------------------------


def print_model(engines: Sequence[Engine], known: Catalogue, environ: Mapping[str, str], day: str) -> None:
    """A model's facts, and the hosts that offer it."""
    _print([*_model_lines(engines[0]), "", "Offered by"])
    print_list(engines, known, environ, day)


def print_engine(engine: Engine, known: Catalogue, environ: Mapping[str, str], day: str) -> None:
    """Every fact of an engine with its source; what disputes it stands below, after an exclamation mark."""
    host = engine.host
    hs = host.sources
    key = ", ".join(
        f"{place.removeprefix('env:')} ({'set' if read(place, environ) else 'not set'})" for place in places(host)
    )
    key = key or "none needed"
    lines = [engine.name, "", *_model_lines(engine), "", "Host"]
    lines += _fact("host", host.title or host.name, hs.get("title"))
    lines += _fact("country", host.country, hs.get("country"))
    lines += _fact("law", host.jurisdiction, hs.get("jurisdiction"))
    lines += _fact("keeps inputs", host.retention, hs.get("retention"))
    lines += _fact("trains on them", host.trains_on_inputs, hs.get("trains_on_inputs"))
    lines += _fact("address", host.url or ("this process" if host.runs_here else "recorded"), None)
    lines += _fact("dialect", ", ".join((host.dialect, *host.speaks)), None)
    lines += _fact("key", key, None)
    if host.serving:
        lines += _fact("serving", ", ".join(f"{k} {v}" for k, v in host.serving.items()), None)
    lines += ["", "Offer", *_offer_lines(engine, day), "", "Quirks", *_profile_lines(engine)]
    if host.runs_here and not is_ready(engine, known, environ):
        lines += ["", "Its weights are not installed, or local.enabled is false."]
    elif not known.is_meant(engine):
        lines += ["", f"Not called unless weighbridge.toml names it: [hosts.{host.name}]"]
    _print(lines)


def _openness(engine: Engine) -> str:
    """The class that the model's components come to; "" where nobody listed them."""
    from weighbridge.engines.openness import classify

    return classify(engine.model.components).title if engine.model.components else ""


def _model_lines(engine: Engine) -> list[str]:
    model = engine.model
    told = model.sources
    lines = ["Model"]
    for label, value, field in (
        ("title", model.title, "title"),
        ("lab", model.lab, "lab"),
        ("lab's country", model.lab_country, "lab_country"),
        ("open weights", model.open_weights, "open_weights"),
        ("licence", model.licence, "licence"),
        ("released", model.released, "released"),
        ("parameters", model.parameters, "parameters"),
        ("context", model.context, "context"),
        ("output limit", model.max_output, "max_output"),
        ("reads", ", ".join(model.modalities), "modalities"),
        ("tools", model.tools, "tools"),
        ("structured", model.structured, "structured"),
        ("reasoning", model.reasoning, "reasoning"),
        ("openness", _openness(engine), "components"),
        ("disclosure", None if model.disclosure is None else f"{model.disclosure} of 100", "disclosure"),
    ):
        lines += _fact(label, value, told.get(field))
    return [*lines, *(_fact("weights", model.gguf, told.get("gguf")) if model.gguf else [])]


def _offer_lines(engine: Engine, day: str) -> list[str]:
    offer = engine.offer
    lines = _fact("called there", engine.upstream, None)
    lines += _fact("context", engine.context, offer.sources.get("context"))
    lines += _fact("output limit", offer.max_output or engine.model.max_output, offer.sources.get("max_output"))
    if offer.quantization:
        lines += _fact("quantization", offer.quantization, offer.sources.get("quantization"))
    if offer.retired:
        lines += _fact("ends", offer.retired, offer.sources.get("retired"))
    if not offer.prices:
        lines += _fact("price", "", None)
    now = engine.price_at(day)
    for price in offer.prices:
        start = f"from {price.valid_from}" if price.valid_from else "price"
        cached = f", {money(price.cached)} cached" if price.cached is not None else ""
        cached += f", {money(price.cache_written)} written to a cache" if price.cache_written is not None else ""
        text = f"{money(price.input)} in{cached}, {money(price.output)} out, {price.currency} per million"
        text += " (now)" if price is now and len(offer.prices) > 1 else ""
        lines += _fact(start, text, Fact(price.source, price.observed, price.others))
        lines += _special_lines(price)
    return lines


def _special_lines(price: Price) -> list[str]:
    """What differs for long requests and for service tiers."""
    lines = [line for tier in price.tiers for line in _fact(f"  above {tier.above:,}", _differs(tier), None)]
    for name, one in price.service.items():
        lines += _fact(f"  {name}", _differs(one), None)
        lines += [f for tier in one.tiers for f in _fact(f"    above {tier.above:,}", _differs(tier), None)]
    return lines


def _differs(one: Tier | Service) -> str:
    names = {"input": "in", "cached": "cached", "cache_written": "written to a cache", "output": "out"}
    told = [(getattr(one, name), word) for name, word in names.items()]
    return ", ".join(f"{money(micro)} {word}" for micro, word in told if micro is not None) or "nothing else"


def _profile_lines(engine: Engine) -> list[str]:
    profile = engine.profile
    lines: list[str] = []
    for label, value in (
        ("profile", profile.name),
        ("renames", ", ".join(f"{old} to {new}" for old, new in profile.rename.items())),
        ("drops", ", ".join(profile.drop)),
        ("sets", ", ".join(f"{k} = {v}" for k, v in {**profile.defaults, **profile.fixed}.items())),
        ("roles", ", ".join(f"{old} to {new}" for old, new in profile.roles.items())),
        ("forbids", "; ".join(_quirk(quirk) for quirk in profile.quirks)),
        ("thinking", ", ".join(profile.efforts)),
        ("its budget", profile.budget),
        ("its replay", profile.replay),
        ("its seals", f"read by {engine.issuer}" if profile.issuer else ""),
        ("refuses", ", ".join(profile.rejects)),
        ("system texts", {"first": "first only", "one": "one, first", "": ""}[profile.system]),
        ("call ids", profile.call_ids),
        ("tool choice", ", ".join(f"{old} to {new}" for old, new in profile.choices.items())),
        ("schemas", profile.schema.name if profile.schema else ""),
        ("tools", profile.tools),
        ("structured", profile.structured),
        ("usage", "" if profile.stream_usage else "not asked for in streams"),
    ):
        if value:
            lines += _fact(label, value, None)
    return lines or ["  none known"]


def _quirk(quirk: Quirk) -> str:
    """A combination that is not taken, in a few words."""
    return quirk.why or " with ".join(quirk.when)


def _fact(label: str, value: object, fact: Fact | None) -> list[str]:
    shown = "unknown" if value is None or value == "" else _text(value)
    lines = textwrap.wrap(
        shown,
        common.WIDTH,
        initial_indent=f"  {label:<16}",
        subsequent_indent=" " * 18,
        break_long_words=False,
        break_on_hyphens=False,
    )
    if fact is None or shown == "unknown":
        return lines
    source = f"{fact.source}, {fact.observed}" if fact.observed and fact.observed not in fact.source else fact.source
    if source:
        if len(lines) == 1 and len(lines[0]) + len(source) + 4 <= common.WIDTH:
            lines[0] += f"  ({source})"
        else:
            lines += textwrap.wrap(
                f"({source})",
                common.WIDTH,
                initial_indent=" " * 18,
                subsequent_indent=" " * 18,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines + [f"{'':<16}! {other}" for other in fact.others]  # beside the source's own column, to be seen


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


# --- checks ---------------------------------------------------------------------------------------


def print_checks(checks: Sequence[Check]) -> None:
    """One line for each engine that was called, and below it what to do."""
    lines = []
    width = max((len(result.engine) for result in checks), default=0)
    for result in checks:
        times = ""
        if result.first_token is not None and result.total is not None:
            times = f"first token {result.first_token:.2f} s, total {result.total:.2f} s"
        lines.append(f"{result.engine:<{width}}  {result.word:<14} {times}".rstrip())
        for text in (result.detail, result.fix):
            lines += textwrap.wrap(text, common.WIDTH, initial_indent="    ", subsequent_indent="    ")
    _print(lines)


def _print(lines: Sequence[str]) -> None:
    out = common.console()
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
