"""The report as JUnit XML, which CI systems show beside their tests.

A suite for each candidate: its verdict, its categories, and the samples that it lost. Only an unsafe verdict makes
failures, so that a build is red exactly where moving would lose more than the margin. What is open is skipped.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from weighbridge.weigh import words
from weighbridge.weigh.decided import decided
from weighbridge.weigh.numbers import clean, one_line, points
from weighbridge.weigh.report.heat import Cell, cells
from weighbridge.weigh.report.markdown import lost, reason
from weighbridge.weigh.rows import category_name
from weighbridge.weigh.types import Comparison, Result, Weighing

MOST_LOST = 200  #: samples that are listed for one candidate
_NAME = 200  # characters of a case's name


def render(weighing: Weighing) -> bytes:
    """The report as UTF-8 XML, in the form that Jenkins, GitLab and GitHub's actions read."""
    root = Element("testsuites", name=one_line(words.headline(weighing), _NAME))
    names = words.labels(weighing)
    found = cells(weighing)
    for engine, comparison in decided(weighing).items():
        mine = [cell for (_, candidate), cell in found.items() if candidate == engine]
        _suite(root, weighing, (engine, names.get(engine, engine)), comparison, mine)
    if not weighing.comparisons:
        _alone(root, weighing)
    for kind in ("tests", "failures", "errors"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in root)))
    indent(root)
    made: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def _suite(root: Element, weighing: Weighing, who: tuple[str, str], comparison: Comparison, found: list[Cell]) -> None:
    engine, name = who
    suite = SubElement(root, "testsuite", name=one_line(engine, _NAME))
    properties = SubElement(suite, "properties")
    facts = {
        "base": weighing.base,
        "suite": weighing.suite,
        "suite.digest": weighing.digest,
        "margin": f"{weighing.margin:g}",
        "alpha": f"{weighing.alpha:g}",
        "seed": str(weighing.seed),
        "software": f"weighbridge {weighing.version}",
    }
    for key, value in facts.items():
        SubElement(properties, "property", name=key, value=clean(value))
    class_name = f"weigh.{one_line(engine, _NAME).replace('.', '_')}"
    _verdict(suite, weighing, (class_name, name), comparison)
    unsafe = comparison.verdict == "unsafe"
    for cell in found:
        _category(suite, class_name, cell, unsafe=unsafe)
    _samples(suite, class_name, lost(weighing, engine), unsafe=unsafe)
    _count(suite, weighing, engine)


def _verdict(suite: Element, weighing: Weighing, who: tuple[str, str], comparison: Comparison) -> None:
    base = words.labels(weighing).get(weighing.base, weighing.base)
    told = clean(f"{words.verdict(comparison, who[1], base)} {words.meaning(comparison)}")
    case = SubElement(suite, "testcase", classname=f"{who[0]}", name="verdict")
    if comparison.verdict == "unsafe":
        SubElement(case, "failure", message=told, type="unsafe").text = told
    elif comparison.verdict == "undecided":
        SubElement(case, "skipped", message=told)
    else:
        SubElement(case, "system-out").text = told


def _category(suite: Element, class_name: str, cell: Cell, *, unsafe: bool) -> None:
    told = f"{points(cell.found.difference, signed=True)} points against the base in {cell.found.n:,} pairs"
    case = SubElement(
        suite, "testcase", classname=f"{class_name}.categories", name=one_line(category_name(cell.category), _NAME)
    )
    if cell.beyond and cell.found.difference < 0:
        told = f"{told}: beyond chance, all categories and candidates allowed for"
        if unsafe:
            SubElement(case, "failure", message=told, type="worse").text = told
        else:
            SubElement(case, "skipped", message=told)
    else:
        SubElement(case, "system-out").text = told


def _samples(suite: Element, class_name: str, found: list[tuple[Result, Result]], *, unsafe: bool) -> None:
    for base, theirs in found[:MOST_LOST]:
        seconds = {"time": f"{theirs.total:.3f}"} if theirs.total is not None and math.isfinite(theirs.total) else {}
        case = SubElement(
            suite,
            "testcase",
            {"classname": f"{class_name}.lost", "name": one_line(theirs.sample, _NAME) or "(no id)", **seconds},
        )
        told = f"the base scored {base.score:g}, the candidate {theirs.score:g}: {reason(theirs)}"
        if unsafe:
            SubElement(case, "failure", message=told, type="lost").text = told
        else:
            SubElement(case, "skipped", message=told)
    left = len(found) - MOST_LOST
    if left > 0:
        case = SubElement(
            suite, "testcase", classname=f"{class_name}.lost", name=f"{left:,} more are in the full report"
        )
        SubElement(case, "skipped", message="not listed one by one")


def _alone(root: Element, weighing: Weighing) -> None:
    suite = SubElement(root, "testsuite", name=one_line(weighing.base, _NAME) or "weigh")
    case = SubElement(suite, "testcase", classname="weigh", name="verdict")
    SubElement(case, "skipped", message=words.alone(weighing))
    _count(suite, weighing, weighing.base)


def _count(suite: Element, weighing: Weighing, engine: str) -> None:
    """The numbers that readers take from a suite's attributes."""
    cases = suite.findall("testcase")
    times = [r.total for r in weighing.results.get(engine, ()) if r.total is not None and math.isfinite(r.total)]
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.set("time", f"{math.fsum(times):.3f}")
    suite.set("timestamp", _timestamp(weighing.started))


def _timestamp(started: float) -> str:
    try:
        return datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01T00:00:00"
