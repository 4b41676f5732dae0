"""Graders of structured answers: `json_schema` and `tool_call`."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from weighbridge.canon import Reply
from weighbridge.errors import InputError
from weighbridge.weigh.graders import patterns
from weighbridge.weigh.graders.base import shorten
from weighbridge.weigh.graders.typography import plain
from weighbridge.weigh.types import Grade, Sample

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_SCHEMA = 65_536
#: Deeper answers are refused before the validator, which recurses, sees them.
MAX_DEPTH = 64
_FENCE = re.compile(r"```[ \t]*[\w-]{0,20}[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)
_ENCODER = msgspec.json.Encoder(order="sorted")


def json_schema(sample: Sample, text: str) -> Grade:
    """1 if the answer is JSON of the sample's schema and, where there is a target, says the same as it.

    The answer must be bare JSON, or one code fence with nothing around it: JSON inside prose is not valid, as a
    program could not read it. Objects are compared by the target's own fields, texts without regard to case and
    spacing. Fields that the target does not name are not looked at.
    """
    try:
        value = read_json(text)
    except InputError as error:
        return Grade(0.0, valid=False, why=error.what)
    if sample.schema is not None and (wrong := _first_error(sample.schema, value)):
        return Grade(0.0, valid=False, why=wrong)
    if sample.target is not None and (differs := difference(sample.target, value)):
        return Grade(0.0, valid=True, why=differs)
    return Grade(1.0, valid=True, why="as asked for")


def read_json(text: str) -> Any:
    """The JSON value that an answer is, bare or in one fence.

    Raises:
        InputError: It is none, or one nested too deep.
    """
    body = text.strip().removeprefix("\ufeff")
    if not body:
        raise InputError("the answer is empty")
    if fenced := _FENCE.fullmatch(body):
        body = fenced[1]
    try:
        value = msgspec.json.decode(body.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"not JSON ({shorten(str(error))}): '{shorten(text, 40)}'") from error
    except RecursionError as error:
        raise InputError("JSON nested too deep") from error
    if _deeper(value, MAX_DEPTH):
        raise InputError(f"JSON nested deeper than {MAX_DEPTH} levels")
    if "{" in body:
        json.loads(body, object_pairs_hook=_once)
    return value


def _once(fields: list[tuple[str, Any]]) -> None:
    """Raise InputError if a field stands twice in an object: readers differ in which of both they take."""
    if len({name for name, _ in fields}) < len(fields):
        twice = next(name for name, often in Counter(name for name, _ in fields).items() if often > 1)
        raise InputError(f"not JSON that all read alike: the field '{shorten(twice, 40)}' stands twice")


def difference(wanted: Any, got: Any, path: str = "") -> str:
    """Where `got` first says something else than `wanted`, as one line; "" if it does not."""
    place = path or "the answer"
    if isinstance(wanted, dict):
        if not isinstance(got, dict):
            return f"{place} is not an object"
        found = (_field(k, v, got, f"{path}.{k}" if path else str(k)) for k, v in wanted.items())
        return next((text for text in found if text), "")
    if isinstance(wanted, list | tuple):
        if not isinstance(got, list) or len(got) != len(wanted):
            return f"{place} is not a list of {len(wanted)}"
        found = (difference(w, g, f"{path}[{i}]") for i, (w, g) in enumerate(zip(wanted, got, strict=True)))
        return next((text for text in found if text), "")
    same = plain(wanted) == plain(got) if isinstance(wanted, str) and isinstance(got, str) else _equal(wanted, got)
    return "" if same else f"{place} is {shorten(repr(got), 30)}, not {shorten(repr(wanted), 30)}"


def _field(name: str, wanted: Any, got: dict[str, Any], path: str) -> str:
    return difference(wanted, got[name], path) if name in got else f"{path} is missing"


def check_json(target: Any) -> str:
    """Any JSON value will do."""
    return "is nested too deep" if _deeper(target, MAX_DEPTH) else ""


def check_schema(schema: Any) -> str:
    """What is wrong with a JSON schema, as the end of "the schema ..."; "" if it can be used.

    References to other documents, `patternProperties` and patterns that RE2 does not accept are refused: they would
    fetch from the network or let an answer run for years.
    """
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict):
        return "must be an object"
    if _deeper(schema, MAX_DEPTH):
        return f"is nested deeper than {MAX_DEPTH} levels"
    if (size := len(_ENCODER.encode(schema))) > MAX_SCHEMA:
        return f"is {size:,} bytes long; at most {MAX_SCHEMA:,} are allowed"
    try:
        validator_for(schema, default=_draft()).check_schema(schema)
    except SchemaError as error:
        path = ".".join(str(p) for p in error.absolute_path)
        return f"is not a valid JSON schema: {shorten(error.message, 120)}{f' (at {path})' if path else ''}"
    return next(_unusable(schema), "")


def tool_call(sample: Sample, reply: Reply) -> Grade:
    """1 if the engine asks for the target's tool with its arguments: `{"name": ..., "arguments": {...}}`.

    Arguments that the target does not name are not looked at. Valid if the arguments are a JSON object.
    """
    calls = reply.choices[0].tool_calls if reply.choices else ()
    if not calls:
        return Grade(0.0, valid=False, why=f"no tool call: '{shorten(reply.text)}'")
    wrong, valid = "", False
    for call in calls:
        try:
            arguments = read_json(call.arguments or "{}")
        except InputError as error:
            wrong = f"{shorten(call.name)}: {error.what}"
            continue
        valid = isinstance(arguments, dict)
        wrong = _call_difference(sample.target, call.name, arguments)
        if not wrong:
            return Grade(1.0, valid=True, why=f"called {shorten(call.name)}")
    return Grade(0.0, valid=valid, why=wrong)


def check_tool_call(target: Any) -> str:
    """The name of a tool and, if they matter, its arguments."""
    good = isinstance(target, dict) and isinstance(target.get("name"), str) and target["name"]
    if not good or set(target) - {"name", "arguments"} or not isinstance(target.get("arguments", {}), dict):
        return 'must be an object with the tool\'s "name" and, optionally, an object of "arguments"'
    return check_json(target)


def _call_difference(target: Any, name: str, arguments: Any) -> str:
    if not isinstance(target, dict) or name != target.get("name"):
        return f"called {shorten(name)}"
    return difference(target.get("arguments", {}), arguments, "arguments")


def _equal(wanted: Any, got: Any) -> bool:
    # JSON tells true from 1, Python does not.
    return isinstance(wanted, bool) == isinstance(got, bool) and bool(wanted == got)


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        nested = [v for v in level if isinstance(v, dict | list)]
        level = [x for v in nested for x in (v.values() if isinstance(v, dict) else v)]
        if not level:
            return False
    return True


def _unusable(schema: Any) -> Iterator[str]:
    """The parts of a valid schema that are not safe to run."""
    if isinstance(schema, list):
        for item in schema:
            yield from _unusable(item)
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
            yield f"refers to another document, '{shorten(value)}'; only references within it ('#/...') are followed"
        elif key == "patternProperties" and isinstance(value, dict):
            yield "uses patternProperties, which is not supported; name the properties"
        elif key == "pattern" and isinstance(value, str):
            try:
                patterns.check(value)
            except InputError as error:
                yield f"has the unusable pattern '{shorten(value)}': {error.what}"
        elif key not in ("const", "enum", "default", "examples"):
            yield from _unusable(value)


def _first_error(schema: dict[str, Any], value: Any) -> str:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(_validator(_ENCODER.encode(schema)).iter_errors(value))
    except (RecursionError, Unresolvable) as failure:
        return f"the schema cannot be applied ({type(failure).__name__})"
    if error is None:
        return ""
    path = ".".join(str(p) for p in error.absolute_path)
    return f"{path or 'the answer'}: {shorten(error.message, 80)}"


@functools.lru_cache(maxsize=1024)
def _validator(schema: bytes) -> Validator:
    from jsonschema.validators import validator_for
    from referencing import Registry

    loaded = msgspec.json.decode(schema)
    # An empty registry: without it jsonschema would fetch references from the network.
    made: Validator = _safe(validator_for(loaded, default=_draft()))(loaded, registry=Registry())
    return made


def _draft() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator


@functools.cache
def _safe(base: Any) -> Any:
    """A validator class whose `pattern` runs in linear time."""
    from jsonschema import ValidationError
    from jsonschema.validators import extend

    def pattern(_validator: Any, wanted: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not patterns.found(wanted, instance):
            yield ValidationError(f"{shorten(instance)!r} does not match {wanted!r}")

    return extend(base, {"pattern": pattern})  # type: ignore[no-untyped-call]
