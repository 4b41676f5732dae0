"""The report as Markdown (GitHub-flavoured), for a comment on a change or a reader in a terminal.

Foreign text cannot make markup, links, mentions or HTML: names stand in code spans, and all else is escaped.
"""

from __future__ import annotations

import re

from weighbridge.weigh import early, mask_words, words
from weighbridge.weigh.decided import decided
from weighbridge.weigh.numbers import clean, one_line, plural, points
from weighbridge.weigh.report.heat import cells
from weighbridge.weigh.rows import Cell, Group, category_name, groups
from weighbridge.weigh.types import Result, Weighing

MOST_LOST = 20  #: samples that are listed for one candidate
_LONG = 160  # characters of a reason or a name in a cell
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#]|(?<!\w)@|&(?=[#\w]))")
_LINK = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")
_TICKS = re.compile("`+")
_SIGNS = {"safe": "\N{CHECK MARK}", "unsafe": "\N{MULTIPLICATION SIGN}", "undecided": "?"}


def render(weighing: Weighing) -> str:
    """The whole report as Markdown, to be written as UTF-8: sentences, tables, lost samples, methods. No answers."""
    parts = [
        f"# {plain(words.headline(weighing))}",
        _facts(weighing),
        *(f"> {plain(note)}" for note in (words.stopped(weighing), words.failures(weighing)) if note),
        "## Verdict",
        _verdicts(weighing),
        "## Scorecard",
        _scorecard(weighing),
        *_differences(weighing),
        *_lost(weighing),
        *_judges(weighing),
        "## Methods",
        "\n".join(f"- **{plain(term)}**: {plain(told)}" for term, told in words.methods(weighing)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """`text` as Markdown that shows just these characters, on one line."""
    line = " ".join(clean(text).split())
    if line.count("$") > 1:  # two of them may be read as the ends of a formula
        line = line.replace("$", "\N{FULLWIDTH DOLLAR SIGN}")
    return _LINK.sub(lambda m: f"{m[1] or m[3]}\\{m[2] or m[4]}", _SPECIAL.sub(r"\\\1", line))


def code(text: str) -> str:
    """`text` in a code span, short enough for a table's cell."""
    line = one_line(text, _LONG) or " "
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    room = " " if "`" in line else ""
    return f"{fence}{room}{line.replace('|', chr(92) + '|')}{room}{fence}"


def _facts(weighing: Weighing) -> str:
    count = early.samples(weighing)
    return (
        f"Suite {code(weighing.suite)}, {count}, {plural(len(weighing.scorecards), 'engine')}, {words.when(weighing)}."
    )


def _verdicts(weighing: Weighing) -> str:
    names = words.labels(weighing)
    base = names.get(weighing.base, weighing.base)
    told = []
    for card in words.ordered(weighing):
        found = decided(weighing).get(card.engine)
        if found is None:
            continue
        sentence = words.verdict(found, names[card.engine], base)
        more = " ".join(
            filter(
                None,
                (words.meaning(found), words.beside(weighing, card.engine), mask_words.toll(weighing, card.engine)),
            )
        )
        told.append(f"- {_SIGNS[found.verdict]} **{words.VERDICTS[found.verdict]}**: {plain(sentence)} {plain(more)}")
    if not told:
        return plain(words.alone(weighing))
    notes = (words.noise(weighing), " ".join(early.sentences(weighing, names)))
    return "\n".join(told) + "".join(f"\n\n{plain(note)}" for note in notes if note)


def _scorecard(weighing: Weighing) -> str:
    names = words.labels(weighing)
    heads = [
        code(names[card.engine]) + (" (base)" if card.engine == weighing.base else "")
        for card in words.ordered(weighing)
    ]
    return "\n\n".join(_group(group, heads) for group in groups(weighing))


def _group(group: Group, heads: list[str]) -> str:
    rows = [
        [("\N{EN SPACE}" if row.level else "") + plain(row.name), *(_cell(cell) for cell in row.cells)]
        for row in group.rows
    ]
    return table([plain(group.name), *heads], rows)


def _cell(cell: Cell) -> str:
    return plain(cell.value) + (f" ({plain(cell.note)})" if cell.note else "")


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table whose columns line up where it is read as text."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]

    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    return "\n".join([line(heads), f"|{'|'.join('-' * (width + 2) for width in widths)}|", *map(line, rows)])


def _differences(weighing: Weighing) -> list[str]:
    found = cells(weighing)
    if not found:
        return []
    names = words.labels(weighing)
    columns = list(dict.fromkeys(engine for _, engine in found))
    rows = []
    for category in dict.fromkeys(category for category, _ in found):
        row = [found.get((category, engine)) for engine in columns]
        told = [
            f"{points(cell.found.difference, signed=True)}{' **!**' if cell.beyond else ''}" if cell else ""
            for cell in row
        ]
        rows.append([plain(category_name(category)), *told])
    lead = f"Points above or below the base. **!** marks what chance does not explain, although all {len(found)} cells were looked at."
    return ["## Differences by category", lead, table(["Category", *(code(names[engine]) for engine in columns)], rows)]


def lost(weighing: Weighing, engine: str) -> list[tuple[Result, Result]]:
    """The pairs of results that cost the candidate points: (base's, candidate's), the largest losses first."""
    base = {result.sample: result for result in weighing.results.get(weighing.base, ()) if not result.missing}
    pairs = [
        (base[result.sample], result)
        for result in weighing.results.get(engine, ())
        if result.sample in base and not result.missing and result.score < base[result.sample].score
    ]
    return sorted(pairs, key=lambda pair: pair[1].score - pair[0].score)


def reason(result: Result) -> str:
    """Why a result is not right, in one line."""
    if result.error:
        return one_line(f"call failed: {result.error}", _LONG)
    return one_line(result.grade.why, _LONG) if result.grade else "no grade"


def _lost(weighing: Weighing) -> list[str]:
    names = words.labels(weighing)
    made = []
    for engine in weighing.comparisons:
        found = lost(weighing, engine)
        if not found:
            continue
        more = f"{len(found) - MOST_LOST:,} more are in the full report." if len(found) > MOST_LOST else ""
        items = "\n".join(f"- {code(theirs.sample)}: {plain(reason(theirs))}" for _, theirs in found[:MOST_LOST])
        title = f"## Samples that {code(names.get(engine, engine))} lost ({len(found):,})"
        made += [title, items, more]
    return made


def _judges(weighing: Weighing) -> list[str]:
    from weighbridge.weigh.judges.told import tell

    told = tell(weighing)
    if told is None:
        return []
    made = ["## Judges", "\n".join(f"- {plain(sentence)}" for sentence in told.sentences)]
    for judge in told.judges:
        made += [f"Prompt {code(judge.version)} of {code(judge.engine)}:", _quoted(judge.prompt)]
    return made


def _quoted(text: str) -> str:
    """Text word for word, in a fence that nothing inside can end."""
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{clean(text)}\n{fence}"
