"""The report's sections as HTML: what a decision-maker reads, in that order.

Everything that came from outside passes through `html.escape` after its hidden characters were made visible.
"""

from __future__ import annotations

from html import escape

from weighbridge.weigh import early, mask_words, words
from weighbridge.weigh.decided import decided
from weighbridge.weigh.numbers import clean, plural
from weighbridge.weigh.report.chosen import Chosen
from weighbridge.weigh.report.curves import latency
from weighbridge.weigh.report.drawing import mark
from weighbridge.weigh.report.frontier import cost as cost_plot
from weighbridge.weigh.report.heat import heat
from weighbridge.weigh.report.lanes import show
from weighbridge.weigh.report.plots import forest
from weighbridge.weigh.report.plots import quality as quality_plot
from weighbridge.weigh.rows import Cell, Group, Row, groups
from weighbridge.weigh.types import Comparison, Scorecard, Weighing

MANY = 4  # engines; with more, a narrow screen scrolls the table instead of folding it

_SIGNS = {
    "safe": '<path d="M3.5 8.5 6.7 11.7 12.5 4.8"/>',
    "unsafe": '<path d="M4.2 4.2 11.8 11.8M11.8 4.2 4.2 11.8"/>',
    "undecided": '<path d="M3.5 6H12.5M3.5 10H12.5"/>',
}


def header(weighing: Weighing, notice: str = "") -> str:
    """The question, what was weighed, and what to know first."""
    cards = words.ordered(weighing)
    facts = [
        f"suite {clean(weighing.suite)}",
        early.samples(weighing),
        plural(len(cards), "engine"),
        words.when(weighing),
    ]
    notes = [note for note in (words.stopped(weighing), words.failures(weighing), clean(notice)) if note]
    return (
        '<header><p class="brand">Weighbridge <span>report</span></p>'
        f"<h1>{_whole_words(words.headline(weighing))}</h1>"
        f'<p class="facts">{"".join(f"<span>{escape(fact)}</span>" for fact in facts)}</p>'
        + "".join(f'<p class="notice">{escape(note)}</p>' for note in notes)
        + "</header>"
    )


def _whole_words(text: str) -> str:
    """`text` with its engines' names kept on one line each, wherever a line can hold them."""
    return " ".join(f'<span class="whole">{escape(w)}</span>' if "@" in w else escape(w) for w in text.split(" "))


def navigation(sections: list[tuple[str, str]]) -> str:
    """Links to the sections, as (anchor, title)."""
    links = "".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title in sections)
    return f'<nav aria-label="Sections">{links}</nav>'


def section(anchor: str, title: str, body: str, lead: str = "") -> str:
    """One section; `lead` is a sentence of ours that says how to read it."""
    told = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f'<section id="{anchor}" aria-labelledby="{anchor}-h"><h2 id="{anchor}-h">{escape(title)}</h2>{told}{body}</section>'


def verdicts(weighing: Weighing) -> str:
    """A verdict for each candidate, the plot of differences, the noise floor."""
    names = words.labels(weighing)
    base = names.get(weighing.base, clean(weighing.base))
    cards = words.ordered(weighing)
    if not weighing.comparisons:
        alone = f"<p>{escape(words.alone(weighing))}</p>"
        return section("verdict", "Verdict", alone + _seen(cards))
    items = "".join(
        _verdict(weighing, card, index, names[card.engine], base)
        for index, card in enumerate(cards)
        if card.engine in weighing.comparisons
    )
    plot = forest(weighing)
    body = (
        f'<ul class="verdicts">{items}</ul>{_seen(cards)}{show(plot) if plot else ""}'
        f'<p class="noise-floor">{escape(words.noise(weighing))}</p>'
        + (f'<p class="noise-floor">{escape(told)}</p>' if (told := " ".join(early.sentences(weighing, names))) else "")
    )
    return section("verdict", "Verdict", body)


def _seen(cards: list[Scorecard]) -> str:
    """What the engines saw, where they were weighed at levels of masking."""
    return "".join(f'<p class="seen">{escape(told)}</p>' for told in map(mask_words.what_was_seen, cards) if told)


def _verdict(weighing: Weighing, card: Scorecard, index: int, name: str, base: str) -> str:
    found: Comparison = decided(weighing)[card.engine]
    meaning = " ".join(
        filter(
            None, (words.meaning(found), words.beside(weighing, card.engine), mask_words.toll(weighing, card.engine))
        )
    )
    word = words.VERDICTS[found.verdict]
    told = words.verdict(found, name, base).removeprefix(name)
    sign = f'<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">{_SIGNS[found.verdict]}</svg>'
    return (
        f'<li><p class="word {found.verdict}">{sign}{word}</p><div>'
        f'<p class="told">{mark(index)}<span><b>{escape(name)}</b>{escape(told)}</span></p>'
        f'<p class="meaning">{escape(meaning)}</p></div></li>'
    )


def scorecard(weighing: Weighing) -> str:
    """The table of all figures."""
    cards = words.ordered(weighing)
    names = words.labels(weighing)
    heads = "".join(_head(weighing, index, card, names[card.engine]) for index, card in enumerate(cards))
    bodies = "".join(_group(group, len(cards)) for group in groups(weighing))
    kind = "many" if len(cards) > MANY else "few"
    table = (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Scorecard">'
        f'<table class="scorecard {kind}" style="--engines:{len(cards)}" role="table">'
        f'<thead role="rowgroup"><tr role="row"><td role="cell"></td>{heads}</tr></thead>{bodies}</table></div>'
    )
    lead = "Small figures are plausible ranges, or how many times the base a figure is. Unknown means that nobody told; it never means zero."
    return section("scorecard", "Scorecard", table, lead)


def _head(weighing: Weighing, index: int, card: Scorecard, name: str) -> str:
    role = "base" if card.engine == weighing.base else ""
    told = f"<small>{role}</small>" if role else ""
    return f'<th scope="col" role="columnheader">{mark(index)}<span>{_wrap(escape(name))}{told}</span></th>'


def _wrap(name: str) -> str:
    """An engine's name that may be broken before its host, and preferably there."""
    return name.replace("@", "<wbr>@")


def _group(group: Group, engines: int) -> str:
    title = f'<tr role="row" class="group"><th scope="rowgroup" role="rowheader" colspan="{engines + 1}">{group.name}</th></tr>'
    return f'<tbody role="rowgroup">{title}{"".join(_row(row) for row in group.rows)}</tbody>'


def _row(row: Row) -> str:
    part = ' class="part"' if row.level else ""
    head = f'<th scope="row" role="rowheader">{escape(row.name)}</th>'
    return f'<tr role="row"{part}>{head}{"".join(_cell(cell) for cell in row.cells)}</tr>'


def _cell(cell: Cell) -> str:
    kind = ' class="unknown"' if cell.value == "unknown" else ""
    note = f"<small>{escape(cell.note)}</small>" if cell.note else ""
    value = (
        f'<span class="share">{escape(cell.value)}</span>' if cell.value.endswith("%") else _wrap(escape(cell.value))
    )
    return f'<td role="cell"{kind}>{value}{note}</td>'


def legend(weighing: Weighing) -> str:
    """Which mark is which engine."""
    names = words.labels(weighing)
    items = "".join(
        f"<li>{mark(index)}{escape(names[card.engine])}{' <small>base</small>' if card.engine == weighing.base else ''}</li>"
        for index, card in enumerate(words.ordered(weighing))
    )
    return f'<ul class="legend">{items}</ul>'


def quality(weighing: Weighing) -> str:
    """Quality by category, and where candidates differ from the base."""
    map_of = heat(weighing)
    second = f"<h3>{escape(map_of.title)}</h3>{show(map_of)}" if map_of else ""
    return section("quality", "Quality by category", legend(weighing) + show(quality_plot(weighing)) + second)


def speed(weighing: Weighing) -> str:
    """Times, as curves."""
    plot = latency(weighing)
    return section("speed", "Speed", show(plot) if plot else "<p>No time is known.</p>")


def cost(weighing: Weighing) -> str:
    """Cost against quality, where prices are known."""
    plot = cost_plot(weighing)
    why = "Not drawn: it takes the prices of at least two engines, in one currency, and not all of them free."
    return section("cost", "Cost and quality", show(plot) if plot else f"<p>{escape(why)}</p>")


def samples(weighing: Weighing, chosen: Chosen) -> str:
    """The frame that the script fills with samples."""
    if not weighing.samples:
        return section("samples", "Samples", "<p>This weighing holds no samples.</p>")
    body = (
        '<noscript><p class="notice">The samples are drawn by a script inside this file; your browser runs none.</p></noscript>'
        '<form class="filters" role="search" hidden>'
        '<label>Category<select id="f-category"></select></label>'
        '<label>Show<select id="f-show"></select></label>'
        '<label class="grow">Text<input id="f-text" type="search" autocomplete="off" placeholder="in questions, answers, ids"></label>'
        '<button type="reset">Clear</button></form>'
        '<p id="count" role="status" aria-live="polite"></p>'
        '<div id="heads" aria-hidden="true"></div><ol id="list"></ol>'
        '<div id="pager" hidden><button type="button" id="previous">Previous</button>'
        '<span id="where"></span><button type="button" id="next">Next</button></div>'
    )
    lead = "Every question with every answer side by side, and why it was graded so. Open one to read it; its address can be shared."
    if chosen.told:
        body = f'<p class="notice" id="left-out">{escape(chosen.told)}</p>' + body
    return section("samples", "Samples", legend(weighing) + body, lead)


def judged(weighing: Weighing) -> str:
    """What judges did, where any judged: their biases, their gaps, and the words that they were asked with."""
    from weighbridge.weigh.judges.told import tell

    told = tell(weighing)
    if told is None:
        return ""
    sentences = "".join(f"<li>{escape(clean(sentence))}</li>" for sentence in told.sentences)
    prompts = "".join(
        f"<details><summary>{escape(clean(f'Prompt {judge.version} of {judge.engine}, seed {judge.seed}'))}</summary>"
        f'<pre tabindex="0">{escape(clean(judge.prompt))}</pre><p class="notes">SHA-256 {escape(clean(judge.digest))}</p></details>'
        for judge in told.judges
    )
    return section("judges", "Judges", f'<ul class="told-of">{sentences}</ul>{prompts}')


def methods(weighing: Weighing) -> str:
    """How the figures were made."""
    items = "".join(
        f"<div><dt>{escape(term)}</dt><dd>{escape(told)}</dd></div>" for term, told in words.methods(weighing)
    )
    return section("methods", "Methods", f"<dl>{items}</dl>")
