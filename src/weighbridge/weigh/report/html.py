"""The report of a weighing: one HTML file that opens offline, asks nobody for anything, and can be mailed.

The page forbids itself every request by its content security policy; its one script is named there by hash, so
no text of a model can run even if it got past the escaping.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources

from weighbridge.errors import InputError
from weighbridge.weigh import words
from weighbridge.weigh.report import sections
from weighbridge.weigh.report.chosen import MOST, Chosen, Fetch
from weighbridge.weigh.report.drawing import mark
from weighbridge.weigh.report.samples import json_block, payload
from weighbridge.weigh.types import Weighing

_SECTIONS = [
    ("verdict", "Verdict"),
    ("scorecard", "Scorecard"),
    ("quality", "Quality"),
    ("speed", "Speed"),
    ("cost", "Cost"),
    ("samples", "Samples"),
    ("methods", "Methods"),
]


def render(weighing: Weighing, *, fetch: Fetch | None = None, most: int = MOST) -> str:
    """The whole report as one HTML document, to be written as UTF-8. It carries the open scorecard document.

    The same weighing gives the same document, byte for byte.

    Args:
        weighing: What was measured.
        fetch: Gives answers that the weighing does not hold, for the samples that are shown.
        most: Samples that are shown with their answers. Figures count all of them.
    """
    from weighbridge.weigh.document import embed_in

    chosen = Chosen(weighing, most=most, fetch=fetch)
    try:
        return embed_in(_page(weighing, chosen), weighing, fetch)
    except InputError as error:
        # Figures that no JSON can hold are no reason to keep the others from being read.
        return _page(
            weighing, chosen, notice=f"This report carries no scorecard document, so it cannot be verified. {error}"
        )


def _page(weighing: Weighing, chosen: Chosen, notice: str = "") -> str:
    style, script = _data("report.css") + _data("plots.css"), _data("answers.js") + _data("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        sections.header(weighing, notice),
        sections.navigation(_SECTIONS),
        "<main>",
        sections.verdicts(weighing),
        sections.scorecard(weighing),
        sections.quality(weighing),
        sections.speed(weighing),
        sections.cost(weighing),
        sections.samples(weighing, chosen),
        sections.judged(weighing),
        sections.methods(weighing),
        "</main>",
        _marks(weighing),
        f'<script type="application/json" id="data">{json_block(payload(weighing, chosen))}</script>',
        f"<script>{script}</script>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f'<link rel="icon" href="data:,"><title>{escape(words.headline(weighing))} \N{MIDDLE DOT} Weighbridge</title>'
        f"<style>{style}</style></head>\n<body>{''.join(parts)}</body></html>\n"
    )


def _marks(weighing: Weighing) -> str:
    """The engines' marks, for the script to copy."""
    return f"<template id='marks'>{''.join(mark(index) for index in range(len(weighing.scorecards)))}</template>"


def _data(name: str) -> str:
    return resources.files("weighbridge.weigh").joinpath("data", name).read_text("utf-8")
