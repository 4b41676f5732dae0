"""A plot as HTML: a name, a track and figures in each row, which fold on a narrow screen."""

from __future__ import annotations

from html import escape

from weighbridge.weigh.report.drawing import Lane, Plot, Value, mark


def show(plot: Plot) -> str:
    """The plot as a figure with its caption."""
    rows = "".join(_heading(lane) + _row(lane) + _under(lane) for lane in plot.lanes)
    kind = f"{plot.name} wide" if plot.wide else plot.name
    caption = f"<figcaption>{escape(plot.caption)}</figcaption>" if plot.caption else ""
    return f'<figure><div class="plot {kind}">{rows}</div>{caption}</figure>'


def _heading(lane: Lane) -> str:
    return f'<h3 class="block">{escape(lane.heading)}</h3>' if lane.heading else ""


def _row(lane: Lane) -> str:
    note = f"<small>{escape(lane.note)}</small>" if lane.note else ""
    name = f"<span>{escape(lane.name)}{note}</span>" if lane.name else ""
    symbol = mark(lane.mark) if lane.mark is not None else ""
    return _columns(symbol + name, _track(lane), _figures(lane.values), lane.kind)


def _columns(name: str, track: str, figure: str, kind: str) -> str:
    return (
        f'<div class="row {kind}"><div class="name">{name}</div>'
        f'<div class="lane">{track}</div><div class="figure">{figure}</div></div>'
    )


def _track(lane: Lane) -> str:
    told = f'role="img" aria-label="{escape(lane.label)}"' if lane.label else 'aria-hidden="true"'
    return f'<svg class="track" width="100%" height="{lane.height}" {told}>{lane.parts}</svg>'


def _figures(values: tuple[Value, ...]) -> str:
    if all(value.mark is None for value in values):
        return "".join(f"<b>{escape(value.text)}</b><small>{escape(value.note)}</small>" for value in values)
    return "".join(f"<div>{_figure(value)}</div>" for value in values)


def _figure(value: Value) -> str:
    symbol = mark(value.mark) if value.mark is not None else ""
    if not value.note:
        return f"{symbol}<span>{escape(value.text)}</span>"
    return f"{symbol}<b>{escape(value.text)}</b><small>{escape(value.note)}</small>"


def _under(lane: Lane) -> str:
    made = ""
    if lane.ends:
        words = "".join(f"<span>{escape(word)}</span>" for word in lane.ends)
        made = _columns("", f'<span class="ends">{words}</span>', "", "axis-title")
    if lane.legend:
        items = "".join(
            f"<li>{mark(index) if index is not None else ''}<span>{escape(text)}</span></li>"
            for index, text in lane.legend
        )
        made += f'<ul class="legend under">{items}</ul>'
    return made
