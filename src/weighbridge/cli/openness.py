"""`weighbridge openness`: the class of a model in the Model Openness Framework, from the list of what was released."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError, unreadable

if TYPE_CHECKING:
    from weighbridge.engines.openness import Openness

_MOST = 1_000_000  #: bytes of a file


def openness(
    file: Annotated[Path, typer.Argument(help="The model's components, as YAML or JSON.", metavar="FILE")],
    as_json: common.Json = False,
) -> None:
    """Tell how open a model is: its class in the Model Openness Framework 1.0, and what the next one would take.

    FILE lists what was released and under which licence, in the form of the framework's own files.

    Example: weighbridge openness olmo.yml
    """
    from weighbridge.engines import openness as rules

    components = rules.read(_load(file))
    found = rules.classify(components)
    if as_json:
        common.print_json({"class": found.level, "title": found.title, "progress": found.progress,
                           "missing": found.missing, "components": components})  # fmt: skip
    else:
        _show(found, components)


def _load(file: Path) -> Any:
    import yaml

    try:
        text = file.read_bytes()
    except OSError as error:
        raise unreadable(error, file) from error
    if len(text) > _MOST:
        raise InputError("It is too large for a list of components.", where=str(file), fix="Give at most a megabyte.")
    try:
        return _plain(yaml.compose(text, Loader=yaml.SafeLoader), yaml)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        told = " ".join(str(error).split())[:200]
        raise InputError(f"It is no YAML: {told}.", where=str(file), fix="Write it as YAML or JSON.") from error


def _plain(node: Any, yaml: Any, depth: int = 0) -> Any:
    """A node as text, lists and tables, at most so deep: an alias may stand for what holds it."""
    if node is None:
        return None
    if depth > 20:  # noqa: PLR2004 - the framework's files nest four deep
        raise yaml.YAMLError("it nests too deep, or refers to itself")
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value, yaml, depth + 1) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, yaml, depth + 1) for one in node.value]
    return "" if node.tag == "tag:yaml.org,2002:null" else node.value


def _show(found: Openness, components: dict[str, str]) -> None:
    from rich.table import Table

    from weighbridge.engines.licences import is_open
    from weighbridge.engines.openness import TITLES

    out = common.console()
    out.print(found.title, style="bold")
    for level in (3, 2, 1):
        out.print(f"  {TITLES[level]}: {found.progress[level]:.0%} of its components are open")
    if found.missing:
        listed = ", ".join(name.replace("_", " ") for name in found.missing)
        out.print(f"The next class takes, under an open licence: {listed}.", markup=False)
    table = Table(title="\nReleased", title_justify="left", box=None, pad_edge=False)
    for column in ("component", "licence", "open"):
        table.add_column(column, overflow="fold")
    for name, licence in components.items():
        told = common.printable(licence) or "none"
        table.add_row(name.replace("_", " "), told.replace("[", r"\["), "yes" if is_open(licence) else "no")
    out.print(table)
