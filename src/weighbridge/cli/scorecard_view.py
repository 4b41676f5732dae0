"""A weighing in the terminal: the scorecard, the verdicts in words, the differences as a plot of characters.

The sentences and the figures are those of the report. Text from outside is shown without its control characters,
never as markup; a terminal that cannot show Unicode gets ASCII.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from weighbridge.weigh.rows import Group
    from weighbridge.weigh.types import Comparison, Scorecard, Weighing

_LABEL = 23  # columns of an axis's name
_ENGINE = 18  # columns of an engine's figures: "100.0% 66.4-87.0" and a gap
_MOST = 3  # engines side by side
_NAME, _FIGURE = 24, 8  # columns beside the plot of differences
_NARROWEST = 16  # columns of the plot itself: with fewer it is left out
_STYLES = {"safe": "bold green", "unsafe": "bold red", "undecided": "bold yellow"}
# Parts of the plot: line, its two ends, the estimate, zero, the margin.


def print_weighing(console: Console, weighing: Weighing) -> None:
    """Print the scorecard, the verdicts, the plot of differences and the noise floor."""
    from weighbridge.weigh import early, words
    from weighbridge.weigh.numbers import clean, plural

    facts = f"{early.samples(weighing)}, {plural(len(weighing.scorecards), 'engine')}"
    _say(console, f"Weighed on {clean(weighing.suite)}: {facts}, {words.when(weighing)}", style="bold")
    for note in (words.stopped(weighing), words.failures(weighing)):
        if note:
            _say(console, note, style="yellow")
    for table in _tables(console, weighing):
        console.print()
        console.print(table)
    console.print()
    _say(console, f"{words.headline(weighing)}", style="bold")
    console.print()
    _verdicts(console, weighing)
    _plot(console, weighing)
    _say(console, words.noise(weighing))


def _plain(console: Console, text: str) -> str:
    """`text` as this terminal can show it; the minus sign always as the one that can be searched for."""
    from weighbridge.weigh.numbers import MINUS, ascii_only

    return ascii_only(text) if console.options.ascii_only else text.replace(MINUS, "-")


def _say(console: Console, text: str, *, style: str = "") -> None:
    from rich.text import Text

    console.print(Text(_plain(console, text), style=style))


# --- the scorecard ----------------------------------------------------------------------------------


def _tables(console: Console, weighing: Weighing) -> list[Table]:
    """The scorecard; where the engines do not fit side by side, one table for each few, always with the base."""
    from weighbridge.weigh import rows, words

    cards = words.ordered(weighing)
    fit = max(1, min(_MOST, (console.width - _LABEL) // _ENGINE))
    groups = rows.groups(weighing)
    if len(cards) <= fit:
        return [_table(console, weighing, cards, groups, list(range(len(cards))))]
    step = max(1, fit - 1)
    others = [list(range(at, min(at + step, len(cards)))) for at in range(1, len(cards), step)]
    shared = [0] if fit > 1 else []
    shown = [[*shared, *some] for some in others] if shared else [[0], *others]
    return [_table(console, weighing, cards, groups, places) for places in shown]


def _table(
    console: Console, weighing: Weighing, cards: list[Scorecard], groups: list[Group], places: list[int]
) -> Table:
    from rich.table import Table
    from rich.text import Text

    from weighbridge.weigh import rows, words
    from weighbridge.weigh.numbers import one_line

    names = words.labels(weighing)
    width = max(8, (console.width - _LABEL) // max(len(places), 1) - 2)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", width=console.width)
    table.add_column(width=_LABEL - 2, no_wrap=True)
    for place in places:
        role = " (base)" if cards[place].engine == weighing.base else ""
        title = _break(_plain(console, one_line(names[cards[place].engine], 60) + role), width)
        table.add_column(Text(title, style="bold"), width=width, overflow="fold")
    for group in groups:
        table.add_row(Text(group.name, style="bold"))
        for row in group.rows:
            indent = 2 + 2 * row.level
            name = Text(" " * indent + _fit(console, row.name, _LABEL - 2 - indent))
            notes = group.name in ("Quality", rows.MASKING)
            texts = [f"{row.cells[at].value} {row.cells[at].note if notes else ''}".rstrip() for at in places]
            table.add_row(name, *(_cell(_break(_plain(console, text), width)) for text in texts))
    return table


def _break(text: str, width: int) -> str:
    """`text` broken before its host where it is the name of an engine that is too long for its column."""
    return text.replace("@", "\n@") if len(text) > width else text


def _cell(text: str) -> Text:
    from rich.text import Text

    from weighbridge.weigh.numbers import UNKNOWN

    value, _, note = text.partition(" ")
    if text == UNKNOWN:
        return Text(text, style="dim")
    if value.endswith("%"):  # right-aligned but for 100.0%, so that the points stand below each other
        return Text.assemble(value.rjust(5), (f" {note}", "dim"))
    return Text(text)


# --- the verdicts -----------------------------------------------------------------------------------


def _verdicts(console: Console, weighing: Weighing) -> None:
    from rich.table import Table
    from rich.text import Text

    from weighbridge.weigh import mask_words, words
    from weighbridge.weigh.numbers import clean

    names = words.labels(weighing)
    base = names.get(weighing.base, clean(weighing.base))
    seen = [told for card in words.ordered(weighing) if (told := mask_words.what_was_seen(card))]
    if not weighing.comparisons:
        for told in (words.alone(weighing), *seen):
            _say(console, told)
        console.print()
        return
    for engine, found in _compared(weighing):
        told = f"{words.verdict(found, names[engine], base)} {words.meaning(found)}"
        told = " ".join(filter(None, (told, words.beside(weighing, engine), mask_words.toll(weighing, engine))))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=9)
        grid.add_column(overflow="fold")
        grid.add_row(Text(found.verdict.upper(), style=_STYLES[found.verdict]), Text(_plain(console, told)))
        console.print(grid)
        console.print()
    for told in seen:
        _say(console, told)
        console.print()


def _compared(weighing: Weighing) -> list[tuple[str, Comparison]]:
    from weighbridge.weigh import words
    from weighbridge.weigh.decided import decided

    engines = [card.engine for card in words.ordered(weighing)]
    found = decided(weighing)
    return [(engine, found[engine]) for engine in engines if engine in found]


# --- the plot ---------------------------------------------------------------------------------------


def _plot(console: Console, weighing: Weighing) -> None:
    """Each difference as a line of characters, with zero and the margin marked."""
    from weighbridge.cli.ruler import PLAIN, UNICODE, draw
    from weighbridge.weigh import words
    from weighbridge.weigh.numbers import clean, known, points

    names = words.labels(weighing)
    lines = [(names[engine], found) for engine, found in _compared(weighing)]
    if weighing.noise:
        lines.append(("Base against itself", weighing.noise))
    lines = [(name, c) for name, c in lines if known(c.difference) and known(c.ci_low) and known(c.ci_high)]
    width = console.width - _NAME - _FIGURE
    if not lines or width < _NARROWEST:
        return
    low = min(-weighing.margin, *(c.ci_low for _, c in lines))
    high = max(weighing.margin / 2, *(c.ci_high for _, c in lines))
    base = names.get(weighing.base, clean(weighing.base))
    signs = PLAIN if console.options.ascii_only else UNICODE
    _say(console, f"Difference from {base} in points ({signs[5]} the margin, {signs[4]} none):")
    for name, found in lines:
        track = draw(found, low, high, width, signs)
        figure = points(found.difference, signed=True).rjust(_FIGURE - 1)
        _say(console, f"{_fit(console, name, _NAME - 1)} {track} {figure}")
    console.print()


def _fit(console: Console, name: str, width: int) -> str:
    """`name` in exactly `width` columns, also where its letters are wide or this terminal knows only ASCII."""
    from rich.cells import set_cell_size

    from weighbridge.weigh.numbers import one_line

    return set_cell_size(_plain(console, one_line(name, width)), width)
