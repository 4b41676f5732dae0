"""The report of a weighing: one HTML file that opens offline, asks nobody for anything, and can be mailed.

The page forbids itself every request by its content security policy; its one script is named there by hash, so
no text of a model can run even if it got past the escaping.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources

from weighbridge.weigh import words
from weighbridge.weigh.report import sections
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


def render(weighing: Weighing) -> str:
    """The whole report as one HTML document, to be written as UTF-8.

    The same weighing gives the same document, byte for byte.
    """
    style, script = _data("report.css") + _data("plots.css"), _data("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        sections.header(weighing),
        sections.navigation(_SECTIONS),
        "<main>",
        sections.verdicts(weighing),
        sections.scorecard(weighing),
        sections.quality(weighing),
        sections.speed(weighing),
        sections.cost(weighing),
        sections.samples(weighing),
        sections.methods(weighing),
        "</main>",
        _marks(weighing),
        f'<script type="application/json" id="data">{json_block(payload(weighing))}</script>',
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
