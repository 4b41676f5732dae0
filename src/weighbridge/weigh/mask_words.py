"""What masking costs and what it lets through, in plain sentences that the terminal and the report share."""

from __future__ import annotations

from weighbridge.weigh.masking import levels_of
from weighbridge.weigh.numbers import clean, known, money, percent, plural, ratio, seconds, span
from weighbridge.weigh.types import Masked, Scorecard, Toll, Weighing

_FOUND = (
    "The suite names none, so what detectors find at level strict in its texts counts as such. What they miss is not "
    "among them: the leak of a level that uses the same detectors says little."
)
_NAMED = "Those that the suite names, each searched for in the bytes that were sent to the engine."
_SEARCH = (
    "A value leaked if it was sent as it is, in other case, or without its separators; in part, if one of its words was "
    "sent that its sample says nowhere else. The ranges take the values of one sample as a cluster."
)
_OVER = "Words of the samples that belong to no identifier and were not sent: ages, drugs or diseases that were taken for names."
_TOLLS = (
    "Differences are taken pair by pair, from samples that were answered at both levels; those of times are medians."
)


def headline(weighing: Weighing) -> str:
    """The question that a weighing at levels of masking answers, "" for any other."""
    cards = weighing.scorecards
    levels = levels_of(cards)
    if not levels or len(levels) < len(cards):
        return ""
    base = next((card for card in cards if card.engine == weighing.base), cards[0])
    return f"What does masking cost {clean(base.engine.partition(' +mask ')[0])}?"


def toll(weighing: Weighing, engine: str) -> str:
    """What a level takes beside quality, as one sentence; "" where nothing is known of it."""
    found = weighing.tolls.get(engine)
    card = next((card for card in weighing.scorecards if card.engine == engine), None)
    base = next((card for card in weighing.scorecards if card.engine == weighing.base), None)
    if found is None or card is None or base is None:
        return ""
    parts = [
        _time("the first token", "comes", found.first_token),
        _time("the whole answer", "", found.total),
        _cost(found, card, base),
        _tokens(found),
    ]
    told = ", ".join(part for part in parts if part)
    return f"Pair by pair, {told}." if told else ""


def _time(what: str, verb: str, difference: float | None) -> str:
    if difference is None or not known(difference):
        return ""
    side = "later" if difference >= 0 else "sooner"
    return " ".join(word for word in (what, verb, seconds(abs(difference)), side) if word)


def _cost(found: Toll, card: Scorecard, base: Scorecard) -> str:
    if found.cost_per_1000 is None or not known(found.cost_per_1000):
        return ""
    if not found.cost_per_1000:
        return "at the same cost"
    word = "more" if found.cost_per_1000 > 0 else "less"
    factor = ratio(card.cost_per_1000, base.cost_per_1000)
    return f"at {money(abs(found.cost_per_1000), card.currency)} {word} per 1,000 requests" + (
        f" ({factor})" if factor else ""
    )


def _tokens(found: Toll) -> str:
    if found.tokens_in is None or not known(found.tokens_in) or not round(found.tokens_in, 1):
        return ""
    word = "more" if found.tokens_in > 0 else "fewer"
    return f"with {abs(found.tokens_in):,.1f} {word} tokens in per request"


def what_was_seen(card: Scorecard) -> str:
    """What an engine saw at its level, as one sentence; "" where it was not weighed at one."""
    found = card.masked
    if found is None:
        return ""
    told = f"At level {found.level} the engine saw {_leak(found)}"
    return f"{told}; {_masked(found)}." if found.kinds or found.over_masked_words else f"{told}."


def _leak(found: Masked) -> str:
    leak = found.leak
    if leak is None:
        return "an unknown share of identifiers, as none are known"
    share = f"{percent(leak.value)} of {plural(leak.n, 'identifier')}"
    if leak.value < 1:
        share += f" (plausibly {span(leak.low, leak.high)}%)"
    if found.partly is not None and found.partly.value > leak.value:
        share += f", {percent(found.partly.value)} at least in part"
    return share


def _masked(found: Masked) -> str:
    told = f"{found.per_sample:,.1f} values were masked per sample"
    if found.over_masked is not None and found.over_masked_words is not None:
        told += f", and {percent(found.over_masked)} of all other words ({found.over_masked_words:,}) with them"
    return told


def kind_name(kind: str) -> str:
    """A kind of identifiers, for people."""
    return clean(kind).replace("_", " ")


def methods(weighing: Weighing) -> list[tuple[str, str]]:
    """How the figures of masking were made, as (term, explanation); none where nothing was weighed so."""
    if not levels_of(weighing.scorecards):
        return []
    named = (
        _FOUND if weighing.identifiers_by == "detectors" else _NAMED if weighing.identifiers_by else "None are known."
    )
    return [("Identifiers", named), ("Leaks", _SEARCH), ("Over-masked", _OVER), ("What masking takes", _TOLLS)]
