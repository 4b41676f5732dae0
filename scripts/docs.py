"""Write the pages that are made from the code: commands, settings, errors, tables of fields. With --check, only compare.

python scripts/docs.py [--check]
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from weighbridge import errors, settings
from weighbridge.canon import Profile, Quirk, SchemaRules

DOCS = Path(__file__).resolve().parents[1] / "docs"
MADE = "<!-- Made by `make docs`; edit the code, not this page. -->\n"


def main() -> int:
    """Write or compare each page; 1 if one is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    check = parser.parse_args().check
    stale = 0
    pages = {
        "commands.md": commands,
        "settings.md": settings_page,
        "errors.md": errors_page,
        "profiles.md": profiles_page,
        "scorecard.schema.json": schema_page,
    }
    for name, text in ((name, page()) for name, page in pages.items()):
        path = DOCS / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            print(f"{path.name} is out of date: run `make docs`.", file=sys.stderr)
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/{path.name}")
    return stale


def commands() -> str:
    """Every command's help, as the terminal shows it."""
    parts = [MADE, "# Commands\n"]
    for words in _command_names():
        title = " ".join(["weighbridge", *words])
        parts.append(f"## `{title}`\n\n```text\n{_help(words)}\n```\n")
    return "\n".join(parts)


def _command_names() -> Iterator[tuple[str, ...]]:
    from weighbridge.cli import COMMANDS, load_command

    yield ()
    for name in COMMANDS:
        yield (name,)
        for below in sorted(getattr(load_command(name), "commands", {})):
            yield (name, below)


def _help(words: tuple[str, ...]) -> str:
    plain = {**os.environ, "NO_COLOR": "1", "COLUMNS": "80", "TERM": "dumb", "TERMINAL_WIDTH": "80"}
    done = subprocess.run(
        [sys.executable, "-c", "from weighbridge.cli import main; main()", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=plain,
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def settings_page() -> str:
    """The settings table."""
    lines = [
        MADE,
        "# Settings\n",
        "Who wins, from the strongest: a flag, the environment, `weighbridge.toml`, the default. The file is looked",
        "for in the current folder and those above it; `--config FILE` or `WEIGHBRIDGE_CONFIG` name another one. An",
        "unknown key is an error that says which one was probably meant.\n",
    ]
    section = ""
    for row in settings.table():
        head, _, name = row.key.partition(".")
        if head != section:
            section = head
            about = getattr(settings, head.capitalize()).__doc__ or ""
            lines += [
                "",
                f"## `[{head}]`\n",
                about + "\n",
                "| key | default | meaning | environment |",
                "|---|---|---|---|",
            ]
        limits = f" ({row.limits})" if row.limits else ""
        lines.append(f"| `{name}` | `{settings.as_toml(row.default)}` | {row.description}{limits} | `{row.env}` |")
    lines += [
        "",
        "## Routes, engines",
        "",
        "`[routes.NAME]` is described in [Serving](serve.md); `[models.*]`, `[hosts.*]` and `[offers.*]` in",
        "[Engines](engines.md); `[profiles.*]` and `[schemas.*]` in [Quirks are data](profiles.md).",
        "",
    ]
    return "\n".join(lines)


def errors_page() -> str:
    """Every error with its code, HTTP status and exit code."""
    lines = [
        MADE,
        "# Errors\n",
        "Every error says what happened, where, and the fix. A code never changes its meaning; the HTTP status is what",
        "the gateway answers, the exit code what a command ends with. 130 means interrupted, 1 a fault of ours.",
        "10, 11 and 12 are answers: with `--fail-on` a verdict is unsafe or undecided, and what `verify` looked at does not",
        "agree.\n",
        "| code | HTTP | exit | meaning |",
        "|---|---|---|---|",
    ]
    for kind in _tree(errors.WeighbridgeError):
        about = (kind.__doc__ or "").splitlines()[0]
        lines.append(f"| `{kind.code}` | {kind.http_status} | {kind.exit_code} | {about} |")
    return "\n".join([*lines, ""])


def schema_page() -> str:
    """The JSON Schema of scorecard documents."""
    from weighbridge.weigh.document import schema

    return json.dumps(schema.published(), indent=2) + "\n"


def profiles_page() -> str:
    """The page on profiles, its tables of fields made anew."""
    text = (DOCS / "profiles.md").read_text(encoding="utf-8")
    for kind in (Profile, Quirk, SchemaRules):
        start, end = f"<!-- made: {kind.__name__} -->\n", "<!-- /made -->"
        before, _, rest = text.partition(start)
        text = f"{before}{start}{_fields(kind)}{end}{rest.partition(end)[2]}"
    return text


def _fields(kind: type[msgspec.Struct]) -> str:
    """A table of a struct's fields, with what the code says of each beside it."""
    source = inspect.getsource(kind)
    lines = ["| field | is | meaning |", "|---|---|---|"]
    for field in msgspec.structs.fields(kind):
        if field.name == "name":
            continue
        found = re.search(rf"^    {field.name}: .*?#: (.*(?:\n    #: .*)*)", source, re.MULTILINE)
        if found is None:
            raise SystemExit(f"{kind.__name__}.{field.name} does not say what it means: write it behind '#:'.")
        meaning = " ".join(line.strip().removeprefix("#: ") for line in found[1].splitlines())
        lines.append(f"| `{field.name}` | {_kind(field.type)} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join([*lines, ""])


def _kind(annotation: Any) -> str:
    """A field's type in the words of TOML."""
    known = {str: "text", int: "number", bool: "true or false", Any: "any value", Quirk: "table", SchemaRules: "table"}
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in known:
        return known[annotation]
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner if value)
    if origin is dict:
        return "table"
    if origin is tuple:
        return f"list of {_kind(inner[0])}s"
    named = [_kind(each) for each in inner if each is not type(None)]
    return named[0] if annotation != SchemaRules | None else "name or table"


def _tree(kind: type[errors.WeighbridgeError]) -> Iterator[type[errors.WeighbridgeError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _tree(below)


if __name__ == "__main__":
    sys.exit(main())
