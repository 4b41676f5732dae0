"""The report's plots as pictures: SVG that stands alone, and PNG drawn from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from weighbridge.errors import InputError
from weighbridge.weigh import early, words
from weighbridge.weigh.numbers import clean
from weighbridge.weigh.report.curves import latency
from weighbridge.weigh.report.drawing import Lane, Plot, shape
from weighbridge.weigh.report.frontier import cost
from weighbridge.weigh.report.heat import heat
from weighbridge.weigh.report.plots import forest, quality
from weighbridge.weigh.types import Weighing

WIDTH = 920
_LEFT, _RIGHT, _GAP = 230, 190, 18  # of the columns of names and figures
_PAD = 24
_LINE = 20
_CHARACTERS = 30  # of a name beside a track
_ZOOM = 2.0  # pixels of a PNG for each of the SVG's
_FONTS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
_FAMILY = "system-ui, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


class Figure(NamedTuple):
    """A picture's name, for a file of it, and its SVG."""

    name: str
    svg: str


def plots(weighing: Weighing) -> list[Plot]:
    """All plots that this weighing has figures for, in the report's order."""
    made = (forest(weighing), quality(weighing), heat(weighing), latency(weighing), cost(weighing))
    return [plot for plot in made if plot is not None]


def figures(weighing: Weighing) -> list[Figure]:
    """Each plot as a picture of its own."""
    return [Figure(plot.name, document(weighing, [plot])) for plot in plots(weighing)]


def sheet(weighing: Weighing) -> str:
    """All plots on one picture."""
    return document(weighing, plots(weighing))


def document(weighing: Weighing, shown: list[Plot]) -> str:
    """An SVG file with these plots, one under the other, below what was weighed."""
    facts = f"Suite {clean(weighing.suite)}, {early.samples(weighing)}, {words.when(weighing)}"
    return page(clean(words.headline(weighing)), facts, shown)


def page(title: str, facts: str, shown: list[Plot]) -> str:
    """An SVG file with these plots, one under the other, below a title and a line of facts, which are clean already."""
    y = float(_PAD)
    body = [_text(_PAD, y + 18, title, "title"), _text(_PAD, y + 40, facts, "soft")]
    y += 58
    for plot in shown:
        parts, y = _plot(plot, y)
        body += parts
    height = y + _PAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" '
        f'font-family="{_FAMILY}" role="img"><title>{escape(title)}</title>'
        f'<style>{_style()}</style><rect class="paper" width="100%" height="100%"/>{"".join(body)}</svg>\n'
    )


def png(svg: str) -> bytes:
    """The picture as PNG.

    Raises:
        InputError: What draws it is not installed, or there is no font to write with.
    """
    check_png()
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM, font_dirs=[str(f) for f in _folders()]))


def check_png() -> None:
    """Can PNG be drawn here?

    Raises:
        InputError: See `png`.
    """
    try:
        import resvg_py  # noqa: F401 - looked for
    except ImportError as error:
        raise InputError(
            "PNG needs the package resvg_py, which is not installed.",
            fix="Run: pip install 'weighbridge[plots]'. Or name a file that ends in .svg, which needs nothing.",
        ) from error
    if not any(True for folder in _folders() for _ in _font_files(folder)):
        raise InputError(
            "PNG needs a font to write with, and none is installed.",
            fix="Install one, such as the package fonts-dejavu-core. Or name a file that ends in .svg, which needs none.",
        )


def _folders() -> list[Path]:
    return [folder for name in _FONTS if (folder := Path(name).expanduser()).is_dir()]


def _font_files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.suffix.lower() in {".ttf", ".otf", ".ttc"})


def _plot(plot: Plot, y: float) -> tuple[list[str], float]:
    """A plot's parts from `y` down, and where it ends."""
    made = [_text(_PAD, y + 22, plot.title, "heading")]
    y += 38
    for lane in plot.lanes:
        parts, y = _lane(lane, y, wide=plot.wide)
        made += parts
    return made, y + 18


def _lane(lane: Lane, y: float, *, wide: bool) -> tuple[list[str], float]:
    left, right = (_PAD, WIDTH - _PAD) if wide else (_PAD + _LEFT, WIDTH - _PAD - _RIGHT)
    made = []
    if lane.heading:
        made.append(_text(_PAD, y + 14, lane.heading, "name"))
        y += 26
    made.append(
        f'<svg x="{left}" y="{y:g}" width="{right - left}" height="{lane.height}" overflow="visible">{lane.parts}</svg>'
    )
    if not wide:
        made += _beside(lane, y, right + _GAP)
    y += lane.height + (2 if lane.kind != "axis" else 6)
    if lane.ends:
        places = ((left, "start"), ((left + right) / 2, "middle"), (right, "end"))
        made += [
            _text(x, y + 12, word, "soft", anchor) for (x, anchor), word in zip(places, lane.ends, strict=True) if word
        ]
        y += _LINE
    for index, text in lane.legend:
        made += ([_mark(index, left + 7, y + 9)] if index is not None else []) + [
            _text(left + 20, y + 14, text, "name")
        ]
        y += _LINE
    return made, y + (8 if lane.legend else 0)


def _beside(lane: Lane, y: float, x: float) -> list[str]:
    """The name and the figures of a lane."""
    middle = y + lane.height / 2
    made = []
    start = _PAD
    if lane.mark is not None:
        made.append(_mark(lane.mark, start + 7, middle))
        start += 20
    if lane.name:
        made.append(_text(start, middle + (-2 if lane.note else 5), _short(lane.name), "name"))
    if lane.note:
        made.append(_text(start, middle + 15, lane.note, "soft"))
    first = middle - (len(lane.values) - 1) * _LINE / 2
    for place, value in enumerate(lane.values):
        at = first + place * _LINE
        if value.mark is not None:
            made.append(_mark(value.mark, x + 7, at))
        made += [_text(x + 68, at + 5, value.text, "value", "end"), _text(x + 78, at + 5, value.note, "soft")]
    return made


def _short(name: str) -> str:
    return name if len(name) <= _CHARACTERS else f"{name[: _CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _mark(index: int, x: float, y: float) -> str:
    return f'<g transform="translate({x:g} {y:g})">{shape(index)}</g>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>' if text else ""


def _style() -> str:
    """The plots' own rules with the colours of the light page put in, for not every reader of SVG knows variables."""
    data = resources.files("weighbridge.weigh").joinpath("data")
    page, rules = (data.joinpath(name).read_text("utf-8") for name in ("report.css", "plots.css"))
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", page[: page.index("@media")]))
    filled = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], rules)
    return filled + (
        f".paper{{fill:{colours['paper']}}}text{{fill:{colours['ink']};font-size:14px}}"
        f".title{{font-size:22px;font-weight:600}}.heading{{font-size:17px;font-weight:600}}.value{{font-weight:600}}"
        f"text.soft{{fill:{colours['soft']};font-size:13px}}"
    )
