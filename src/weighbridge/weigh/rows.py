"""The scorecard as rows of text, one value per engine: what the terminal and the report both show."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from weighbridge.weigh import mask_words, words
from weighbridge.weigh.numbers import UNKNOWN, clean, money, percent, rate, ratio, seconds, span
from weighbridge.weigh.types import Axis, Interval, Masked, Scorecard, Weighing

MICRO = 1_000_000
MASKING = "What the engine saw"
NO_CATEGORY = "(no category)"


_SHARES = {
    "tools": "Samples with tools",
    "refused": "Refused",
    "evasive": "Evasive",
    "retracted": "Retracted",
    "empty": "Empty",
    "missing_grades": "Grades missing",
}
_STEADY = {"flips": "Answers that flip"}
_FACTS = {
    "openness": "Openness",
    "disclosure": "Disclosure",
    "retention": "Inputs kept",
    "trains_on_inputs": "Trains on inputs",
    "other_hosts": "Other hosts",
    "self_hostable": "Self-hostable",
    "features_others_lack": "Has what others lack",
}


class Cell(Struct, frozen=True):
    """A value, and what stands small beside it: its interval, or how it compares with the base."""

    value: str
    note: str = ""


class Row(Struct, frozen=True):
    """One axis: its name and a cell per engine, in the order of `words.ordered`."""

    name: str
    cells: tuple[Cell, ...]
    level: int = 0  #: 1 where the row is a part of the one above


class Group(Struct, frozen=True):
    """Rows that belong together."""

    name: str
    rows: tuple[Row, ...]


def categories(weighing: Weighing) -> list[str]:
    """The categories of any scorecard, in the order in which they come first."""
    return list(dict.fromkeys(name for card in words.ordered(weighing) for name in card.by_category))


def category_name(name: str) -> str:
    """A category's name for people."""
    return clean(name) or NO_CATEGORY


def groups(weighing: Weighing) -> list[Group]:
    """The whole scorecard: quality, what was seen where that was measured, cost, speed, facts."""
    cards = words.ordered(weighing)
    quality = [_row("All samples", cards, lambda card: _interval(card.quality))]
    quality += [
        Row(category_name(name), tuple(_interval(card.by_category.get(name)) for card in cards), 1)
        for name in categories(weighing)
    ]
    quality.append(_row("Format as asked for", cards, lambda card: _interval(card.validity)))
    quality += _found(cards, _SHARES)
    return [
        Group("Quality", tuple(quality)),
        *_masking(cards),
        Group("Cost", _cost(weighing, cards)),
        Group("Speed", _speed(weighing, cards)),
        Group("Facts", _facts(cards, words.labels(weighing))),
    ]


def _masking(cards: list[Scorecard]) -> list[Group]:
    """What the engines saw, where they were weighed at levels of masking."""
    if not any(card.masked for card in cards):
        return []
    kinds = list(dict.fromkeys(kind for card in cards if card.masked for kind in card.masked.by_kind))

    def share(pick: Callable[[Masked], Interval | None]) -> Callable[[Scorecard], Cell]:
        return lambda card: _interval(pick(card.masked) if card.masked else None)

    def text(write: Callable[[Masked], Cell]) -> Callable[[Scorecard], Cell]:
        return lambda card: write(card.masked) if card.masked else Cell(UNKNOWN)

    def of_kind(kind: str) -> Row:
        cells = tuple(share(lambda found: found.by_kind.get(kind))(card) for card in cards)
        return Row(mask_words.kind_name(kind), cells, 1)

    rows = [
        _row("Level", cards, text(lambda found: Cell(found.level))),
        _row("Identifiers seen", cards, share(lambda found: found.leak)),
        *(of_kind(kind) for kind in kinds),
        _row("Whole or in part", cards, share(lambda found: found.partly)),
        _row("Samples with a leak", cards, share(lambda found: found.samples)),
        _row("Masked per sample", cards, text(lambda found: Cell(f"{found.per_sample:,.1f}"))),
        _row("Over-masked words", cards, text(_over)),
    ]
    return [Group(MASKING, tuple(rows))]


def _over(found: Masked) -> Cell:
    if found.over_masked is None or found.over_masked_words is None:
        return Cell(UNKNOWN)
    return Cell(percent(found.over_masked), f"{found.over_masked_words:,}")


def _axis(card: Scorecard, name: str) -> Axis | None:
    return next((axis for axis in card.axes if axis.name == name), None)


def _found(cards: list[Scorecard], names: dict[str, str]) -> list[Row]:
    """A row for each of these axes that something is known of, for some engine. Shares that are all 0 are left out."""
    rows = []
    for name, title in names.items():
        axes = [_axis(card, name) for card in cards]
        if any(axis is not None and axis.value is not None and (axis.value or axis.unit != "share") for axis in axes):
            rows.append(Row(title, tuple(_cell(axis) for axis in axes)))
    return rows


def _cell(axis: Axis | None) -> Cell:
    if axis is None or axis.value is None:
        return Cell(UNKNOWN)
    if isinstance(axis.value, str):
        return Cell(clean(axis.value), clean(axis.note))
    if axis.unit == "share":
        whole = axis.low is not None and axis.high is not None
        return Cell(percent(axis.value), span(axis.low or 0.0, axis.high or 0.0) if whole else "")
    return Cell(f"{axis.value:,.0f}{f' {axis.unit}' if axis.unit else ''}", clean(axis.note))


def _range(axis: Axis | None, write: Callable[[float], str]) -> str:
    """An interval that has an end on either side, in the words of its figure."""
    if axis is None or axis.low is None or axis.low == axis.high:
        return ""
    return f"{write(axis.low)} to {write(axis.high)}" if axis.high is not None else f"from {write(axis.low)}"


def _row(name: str, cards: list[Scorecard], cell: Callable[[Scorecard], Cell]) -> Row:
    return Row(name, tuple(cell(card) for card in cards))


def _interval(interval: Interval | None) -> Cell:
    if interval is None or not interval.n:
        return Cell(UNKNOWN)
    return Cell(percent(interval.value), span(interval.low, interval.high))


def _against(
    weighing: Weighing,
    pick: Callable[[Scorecard], float | None],
    write: Callable[[Scorecard], str],
    extent: Callable[[Scorecard], str] = lambda _: "",
) -> Callable[[Scorecard], Cell]:
    """A cell whose note compares the engine with the base, where both figures are known and in one currency.

    `extent` is the figure's interval, which stands beside that.
    """
    base = next((card for card in weighing.scorecards if card.engine == weighing.base), None)

    def cell(card: Scorecard) -> Cell:
        comparable = base is not None and card is not base and base.currency == card.currency
        beside = (ratio(pick(card), pick(base)) if base and comparable else "", extent(card))
        return Cell(write(card), "; ".join(told for told in beside if told))

    return cell


def _cost(weighing: Weighing, cards: list[Scorecard]) -> tuple[Row, ...]:
    def spent(card: Scorecard) -> Cell:
        return Cell(money(card.spent / MICRO if card.spent is not None else None, card.currency))

    def extent(name: str) -> Callable[[Scorecard], str]:
        return lambda card: _range(_axis(card, name), lambda value: money(value, card.currency))

    per_1000 = _against(
        weighing, lambda c: c.cost_per_1000, lambda c: money(c.cost_per_1000, c.currency), extent("cost_per_1000")
    )
    per_solved = _against(
        weighing, lambda c: c.cost_per_solved, lambda c: money(c.cost_per_solved, c.currency), extent("cost_per_solved")
    )
    return (
        _row("Per 1,000 requests", cards, per_1000),
        _row("Per solved sample", cards, per_solved),
        *_found(cards, {"thinking": "Thinking, of output"}),
        _row("Spent in this run", cards, spent),
        _row("Tokens in", cards, lambda card: Cell(_tokens(card.usage.input))),
        _row("Tokens out", cards, lambda card: Cell(_tokens(card.usage.output))),
    )


def _tokens(count: int) -> str:
    # A weighing that used no token at all was not told how many it used.
    return f"{count:,}" if count else UNKNOWN


def _speed(weighing: Weighing, cards: list[Scorecard]) -> tuple[Row, ...]:
    def time(name: str, field: str) -> Row:
        def pick(card: Scorecard) -> float | None:
            axis = _axis(card, field)
            found = axis.value if axis is not None else getattr(card, field, None)
            return found if isinstance(found, float) else None

        def extent(card: Scorecard) -> str:
            return _range(_axis(card, field), seconds)

        return _row(name, cards, _against(weighing, pick, lambda card: seconds(pick(card)), extent))

    tokens = _against(
        weighing,
        lambda c: c.tokens_per_second,
        lambda c: rate(c.tokens_per_second),
        lambda c: _range(_axis(c, "throughput"), rate),
    )
    return (
        time("First token, p50", "first_token_p50"),
        time("First token, p95", "first_token_p95"),
        time("First token, p99", "first_token_p99"),
        time("Whole answer, p50", "total_p50"),
        time("Whole answer, p95", "total_p95"),
        time("Whole answer, p99", "total_p99"),
        _row("Tokens per second", cards, tokens),
        _row("Failed calls", cards, lambda card: Cell(f"{card.failures:,}")),
        *_found(cards, _STEADY),
    )


def _facts(cards: list[Scorecard], labels: dict[str, str]) -> tuple[Row, ...]:
    def text(pick: Callable[[Scorecard], str]) -> Callable[[Scorecard], Cell]:
        return lambda card: Cell(clean(pick(card)) or UNKNOWN)

    openness = {True: "open", False: "closed", None: UNKNOWN}
    return (
        # Whichever of the two the columns are not already named by.
        _row("Model", cards, text(lambda card: card.title))
        if labels == {card.engine: clean(card.engine) for card in cards}
        else _row("Engine", cards, text(lambda card: card.engine)),
        _row("Context", cards, lambda card: Cell(f"{card.context:,}" if card.context else UNKNOWN)),
        _row("Weights", cards, lambda card: Cell(openness[card.open_weights])),
        _row("Licence", cards, text(lambda card: card.licence)),
        _row("Lab", cards, text(lambda card: card.lab)),
        _row("Lab's country", cards, text(lambda card: card.lab_country)),
        _row("Host", cards, text(lambda card: card.host)),
        _row("Jurisdiction", cards, text(lambda card: card.jurisdiction)),
        _row("Released", cards, text(lambda card: card.released)),
        *_found(cards, _FACTS),
    )
