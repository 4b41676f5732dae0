"""What every plot is drawn with: scales, marks, tracks, and plots as lanes that a page or a picture can show.

Positions along a track are percentages and heights are pixels, so a plot follows the width of the page while its
text and its marks keep their size. Each engine has one colour and one shape throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from msgspec import Struct

COLOURS = 8
_SHAPES = (
    '<rect x="-5" y="-5" width="10" height="10"/>',
    '<circle r="5.5"/>',
    '<path d="M0-6.5 6.5 5h-13z"/>',
    '<path d="M0-7 7 0 0 7-7 0z"/>',
    '<path d="M0 6.5-6.5-5h13z"/>',
    '<path d="M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z"/>',
    '<path d="M-3.2-6h6.4L6.4 0 3.2 6h-6.4L-6.4 0z"/>',
)
_EDGE = 2.0  # percent of a track kept free on both sides, so that marks at the ends are whole


class Value(Struct, frozen=True):
    """A figure beside a track: the value, what stands small behind it, and whose it is."""

    text: str
    note: str = ""
    mark: int | None = None


class Lane(Struct, frozen=True):
    """One row of a plot: a name, a track, figures.

    `parts` is SVG within a track of `height` pixels; all text in it is escaped already, all other text here is not.
    `ends` are three words under a track: at its left, its middle and its right. `legend` tells under it whose mark is whose.
    """

    parts: str
    height: int
    name: str = ""
    note: str = ""
    mark: int | None = None
    values: tuple[Value, ...] = ()
    label: str = ""  #: what the track shows, in words; without it the track is decoration
    kind: str = ""
    heading: str = ""
    ends: tuple[str, str, str] | None = None
    legend: tuple[tuple[int | None, str], ...] = ()


class Plot(Struct, frozen=True):
    """Lanes that belong together. A `wide` one has no names and figures beside its tracks."""

    name: str
    title: str
    lanes: tuple[Lane, ...]
    caption: str = ""
    wide: bool = False


class Scale(Struct, frozen=True):
    """Values laid along a track. A logarithmic one needs a positive `low`."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where `value` lies, as a percentage of the track; kept within it."""
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, max(value, self._least)))
        inside = min(max((value - low) / (high - low), 0.0), 1.0)
        return _EDGE + inside * (100 - 2 * _EDGE)

    @property
    def _least(self) -> float:
        return self.low if self.log else -math.inf

    def at(self, value: float) -> str:
        """Where `value` lies, as an SVG length."""
        return f"{self.share(value):.2f}%"


def shape(index: int) -> str:
    """The mark of the engine at this place, around the origin."""
    return f'<g class="e{index % COLOURS}">{_SHAPES[index % len(_SHAPES)]}</g>'


def mark(index: int) -> str:
    """The engine's mark, to stand before its name on a page."""
    return f'<svg class="mark" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true">{shape(index)}</svg>'


def placed(index: int, x: str, y: float, kind: str = "at") -> str:
    """The engine's mark at a place of a track."""
    return f'<svg class="{kind}" x="{x}" y="{y:g}" overflow="visible">{shape(index)}</svg>'


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round values within [low, high]."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    return [(first + i) * step for i in range(most) if (first + i) * step <= high + step * 1e-9]


def log_ticks(scale: Scale) -> list[float]:
    """At most five round values of a logarithmic scale, or its powers of ten."""
    powers = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    ticks: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [f * 10.0**p for p in powers for f in factors if scale.low <= f * 10.0**p <= scale.high]
        if len(ticks) <= 5:  # noqa: PLR2004 - more would touch on a narrow screen
            break
    return ticks


def grid(scale: Scale, ticks: Iterable[float]) -> str:
    """A faint line at each tick."""
    return "".join(f'<line class="grid" x1="{scale.at(t)}" x2="{scale.at(t)}" y1="0" y2="100%"/>' for t in ticks)


def line(kind: str, start: tuple[str, float], end: tuple[str, float]) -> str:
    """A line from (x, y) to (x, y): x is an SVG length, y is in pixels."""
    return f'<line class="{kind}" x1="{start[0]}" x2="{end[0]}" y1="{start[1]:g}" y2="{end[1]:g}"/>'


def whisker(scale: Scale, index: int, y: int, at: float, ends: tuple[float, float]) -> str:
    """An interval with the engine's mark at its estimate."""
    low, high = (scale.at(end) for end in ends)
    return line(f"whisker e{index % COLOURS}", (low, y), (high, y)) + placed(index, scale.at(at), y)


def axis(
    scale: Scale,
    ticks: Iterable[tuple[float, str]],
    ends: tuple[str, str, str] | None = None,
    legend: tuple[tuple[int | None, str], ...] = (),
) -> Lane:
    """The lane under a track that tells its ticks, as (value, text)."""
    texts = (f'<text class="tick" x="{scale.at(at)}" y="14">{escape(text)}</text>' for at, text in ticks)
    return Lane("".join(texts), 18, kind="axis", ends=ends, legend=legend)


def level_lines(height: int, levels: Iterable[float]) -> str:
    """Faint lines across, with the shares that they stand for."""
    return "".join(
        line("grid", ("0", up(share, height)), ("100%", up(share, height)))
        + f'<text class="level" x="0" y="{up(share, height) - 4}">{share * 100:g}%</text>'
        for share in levels
    )


def up(fraction: float, height: int) -> int:
    """Where a share lies in a track of this height: 1 at the top, 0 at the bottom."""
    return round(8 + (1 - fraction) * (height - 16))
