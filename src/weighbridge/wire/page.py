"""The matrix as a page: Markdown for the docs, HTML to look at."""

from __future__ import annotations

from html import escape

from weighbridge.wire.matrix import ALL, Cell, Matrix

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { border: 1px solid #8884; padding: .25rem .5rem; text-align: right }
th { font-weight: 600; text-align: left; vertical-align: bottom }
.ok { background: #2a92; } .told { background: #d922; } .failed { background: #c336; }
.scroll { overflow-x: auto }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } }
"""
_ABOUT = """What `weighbridge wire conform` finds in a corpus of recorded exchanges. Each request and each answer is read and
written again on its own dialect, each stream is cut at random bytes, and all of them cross to every other dialect and
back. What is written for a vendor is parsed with that vendor's own SDK."""
_LEGEND = (
    "A cell counts the exchanges that use the feature: those that passed of those that went through the check;\n"
    "`+n` came back different, and a loss had said so."
)


def markdown(matrix: Matrix) -> str:
    """A section for each dialect with its checks, then one with its features, then what failed."""
    parts = [
        "<!-- Made by `weighbridge wire conform --markdown`. -->\n",
        f"# Conformance\n\n{_ABOUT}\n\n{_LEGEND}\n",
    ]
    for dialect, count in sorted(matrix.rows.items()):
        parts.append(f"## {dialect}: {count} exchanges\n")
        checks = matrix.checks(dialect)
        rows = [f"| {i} | {c} | {_cell(matrix.cells.get((dialect, ALL, c)))} |" for i, c in enumerate(checks, 1)]
        parts.append("\n".join(["| # | check | passed |", "|--:|---|--:|", *rows, ""]))
        parts.append(_by_feature(matrix, dialect, checks))
    parts.append("## What fails\n")
    failed = [f"- `{f.dialect}` {f.id}, {f.check}: {_inline(f.differs)} {f.reason}".rstrip() for f in matrix.failures]
    parts.append("\n".join(failed or ["Nothing."]) + "\n")
    return "\n".join(parts)


def html(matrix: Matrix) -> str:
    """One page without any script; whatever comes from the corpus is escaped."""
    body = [f"<h1>Conformance</h1><p>{escape(_LEGEND)}</p>"]
    for dialect, count in sorted(matrix.rows.items()):
        checks = matrix.checks(dialect)
        head = "".join(f"<th>{escape(c)}</th>" for c in checks)
        rows = "".join(
            f"<tr><th>{escape(feature)}</th>"
            + "".join(_html_cell(matrix.cells.get((dialect, feature, c))) for c in checks)
            + "</tr>"
            for feature in matrix.features(dialect)
        )
        body.append(
            f"<h2>{escape(dialect)}: {count} exchanges</h2>"
            f'<div class="scroll"><table><tr><th>feature</th>{head}</tr>{rows}</table></div>'
        )
    items = "".join(
        f"<li><b>{escape(f.dialect)}</b> {escape(f.id)}, {escape(f.check)}: {escape(f.differs)} <i>{escape(f.reason)}</i></li>"
        for f in matrix.failures
    )
    body.append(f"<h2>What fails</h2><ul>{items or '<li>Nothing.</li>'}</ul>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Conformance</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{"".join(body)}</html>\n'
    )


def _by_feature(matrix: Matrix, dialect: str, checks: list[str]) -> str:
    head = " | ".join(str(i) for i in range(1, len(checks) + 1))
    lines = [f"| feature | {head} |", "|---|" + "--:|" * len(checks)]
    for feature in matrix.features(dialect)[1:]:
        cells = " | ".join(_cell(matrix.cells.get((dialect, feature, c))) for c in checks)
        lines.append(f"| {feature} | {cells} |")
    return "\n".join([*lines, ""])


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    told = f" +{cell.told}" if cell.told else ""
    return f"{cell.ok}{told}/{cell.total}"


def _html_cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    kind = "failed" if cell.failed else "told" if cell.told else "ok"
    ids = f' title="{escape(", ".join(cell.ids[:20]))}"' if cell.ids else ""
    return f'<td class="{kind}"{ids}>{_cell(cell)}</td>'


def _inline(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"
