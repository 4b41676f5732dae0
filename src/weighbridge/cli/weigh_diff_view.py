"""What changed between two documents, as text for a terminal and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from weighbridge.weigh import numbers
from weighbridge.weigh.document.changed import Diff, EngineDiff, Fact, Moved, Side

_STYLES = {"safe": "bold green", "unsafe": "bold red", "undecided": "bold yellow"}
_IDS, _FACTS = 3, 8  # that the text names; the JSON names more
_VALUE = 40  # characters of a fact
_CELL = str.maketrans({"|": "\\|", "\n": " ", "<": "&lt;", "`": "'"})


def lines(found: Diff) -> Iterator[tuple[str, str]]:
    """Every line with its style."""
    yield _side("old", found.old), ""
    yield _side("new", found.new), ""
    yield from ((sentence, "") for sentence in _scope(found))
    for one in found.engines:
        yield "", ""
        yield _name(one), "bold"
        yield from ((f"  {line}", _STYLES[one.quality.verdict]) for line in _verdict(one))
        yield from ((f"  {line}", "") for line in _details(one))
        for moved in one.moved:
            name, values, change = _moved(moved)
            yield f"  {name:<24}{values:<26}{change}", ""
        for fact in one.facts[:_FACTS]:
            yield f"  {_fact(fact)}", ""
        if len(one.facts) > _FACTS:
            yield f"  and {len(one.facts) - _FACTS} more facts; --json names them.", ""
    if found.noise is not None and found.noise.discordant is not None:
        yield "", ""
        yield _noise(found), ""


def markdown(found: Diff) -> str:
    """A section for each engine, tables for what is measured."""
    made = ["# What changed", "", f"- {_side('old', found.old)}", f"- {_side('new', found.new)}"]
    made += [f"- {_plain(sentence)}" for sentence in _scope(found)]
    if found.noise is not None and found.noise.discordant is not None:
        made.append(f"- {_noise(found)}")
    for one in found.engines:
        made += ["", f"## {_plain(_name(one))}", "", f"{_plain('; '.join(_verdict(one)))}", ""]
        made += [f"- {_plain(line)}" for line in _details(one)]
        if one.moved:
            made += ["", "| figure | then and now | change |", "|---|---|---|"]
            made += [f"| {' | '.join(map(_plain, _moved(moved)))} |" for moved in one.moved]
        if one.facts:
            made += ["", "| fact | then | now |", "|---|---|---|"]
            made += [f"| {_plain(f.path)} | {_plain(_value(f.old))} | {_plain(_value(f.new))} |" for f in one.facts]
    return "\n".join(made)


def _name(one: EngineDiff) -> str:
    return f"{one.engine} (then {one.was})" if one.was else one.engine


def _plain(text: str) -> str:
    return numbers.clean(text).translate(_CELL)


def _side(name: str, side: Side) -> str:
    suite = numbers.one_line(side.suite, 30)
    told = f"{numbers.plural(side.samples, 'sample')}, {side.day}, {side.software}"
    return f"{name}  {numbers.one_line(side.name, 40)}: {suite}, {told}"


def _scope(found: Diff) -> Iterator[str]:
    """What is compared, and what is not."""
    if not found.same_suite or found.changed or found.only_old or found.only_new:
        yield (
            f"{'One suite' if found.same_suite else 'Two suites'}: {numbers.plural(found.shared, 'sample')} the same in "
            f"both are compared. Left out: {found.changed} that changed, {found.only_old} only old, {found.only_new} only new."
        )
    for names, when in ((found.only_old_engines, "earlier"), (found.only_new_engines, "later")):
        if names:
            yield f"Only in the {when} one: {', '.join(names)}."
    yield from found.notes


def _verdict(one: EngineDiff) -> tuple[str, str]:
    quality = one.quality
    low, high = numbers.points(quality.ci_low, signed=True), numbers.points(quality.ci_high, signed=True)
    moved = numbers.points(quality.difference, signed=True)
    return (
        numbers.ascii_only(
            f"{quality.verdict.upper()} at a margin of {numbers.margin(quality.margin)}: {moved} ({low} to {high})"
        ),
        numbers.ascii_only(f"{numbers.percent(quality.base_mean)} then, {numbers.percent(quality.candidate_mean)} now"),
    )


def _details(one: EngineDiff) -> Iterator[str]:
    yield f"of {numbers.plural(one.quality.n, 'pair')} {one.better_count} better, {one.worse_count} worse"
    for ids, name in ((one.better, "better"), (one.worse, "worse")):
        if ids:
            yield f"{name}: {_named(ids)}"
    if one.answered:
        yield f"{one.reworded:,} of {one.answered:,} answers are in other words"
    if any(one.failures):
        yield f"{one.failures[0]} failed calls then, {one.failures[1]} now"


def _named(ids: Sequence[str]) -> str:
    return ", ".join(numbers.one_line(key, 16) for key in ids[:_IDS]) + (", ..." if len(ids) > _IDS else "")


def _moved(moved: Moved) -> tuple[str, str, str]:
    if moved.unit == "s":
        values = f"{numbers.seconds(moved.old)} to {numbers.seconds(moved.new)}"
        scale, unit, digits = (1, "s", 2) if abs(moved.value) >= 1 else (1000, "ms", 0)
        change, ends = f"{moved.value * scale:+.{digits}f} {unit}", ""
        if moved.low is not None and moved.high is not None:
            ends = f" ({moved.low * scale:+.{digits}f} to {moved.high * scale:+.{digits}f})"
    else:
        values = f"{moved.old:.4g} to {moved.new:.4g}"
        change = f"x {moved.value:.3g}"
        ends = "" if moved.low is None or moved.high is None else f" ({moved.low:.3g} to {moved.high:.3g})"
    return moved.name, numbers.ascii_only(values), numbers.ascii_only(change + ends)


def _fact(fact: Fact) -> str:
    return f"{fact.path}: {_value(fact.old)} -> {_value(fact.new)}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    return numbers.one_line(value if isinstance(value, str) else json.dumps(value), _VALUE)


def _noise(found: Diff) -> str:
    assert found.noise is not None
    return (
        f"Noise: asked twice in the later run, the base differed from itself on {found.noise.discordant} of "
        f"{numbers.plural(found.noise.n, 'sample')}."
    )
