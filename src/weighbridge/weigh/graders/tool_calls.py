"""The grader `tool_calls`: all the calls that should be made, and no other, compared as values and not as text.

The rules are those of abstract-syntax matching in the Berkeley Function-Calling Leaderboard (Patil et al. 2025): several
calls in any order, several accepted values for an argument, arguments that may be left out, numbers by value (whole where
the tool's schema says so), texts without regard to case, spaces and punctuation; dots of a tool's name as underscores, where a host forbids them; and where no tool fits, no call
is right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from weighbridge.canon import Reply, ToolCallPart
from weighbridge.errors import InputError
from weighbridge.weigh.graders.base import MAX_TARGETS, shorten
from weighbridge.weigh.graders.structure import MAX_DEPTH, check_json, read_json
from weighbridge.weigh.graders.typography import plain
from weighbridge.weigh.types import Grade, Sample

ANY = "any_of"
"""`{"any_of": [...]}` in place of a value accepts each of them."""

_CALL = {"name", "arguments", "optional", "others"}
_MOST_CALLS = 50  #: of an answer, and of a target; matching them takes the product of both
_MARKS = re.compile(r"[ ,./\-_*^'\"]")


def tool_calls(sample: Sample, reply: Reply) -> Grade:
    """1 if the calls are the target's, each once: in any order, or in the given one with `"ordered": true`.

    Valid if every call's arguments are a JSON object.
    """
    made = reply.choices[0].tool_calls if reply.choices else ()
    wanted, ordered = _wanted(sample.target)
    if not wanted:
        names = shorten(", ".join(call.name for call in made))
        return Grade(
            float(not made), why=f"called {names}, where no tool fits" if made else "called nothing, as it should"
        )
    if not 0 < len(made) <= _MOST_CALLS:
        why = f"{len(made):,} calls: not graded" if made else f"no tool call: '{shorten(reply.text)}'"
        return Grade(0.0, valid=False, why=why)
    read = [_read(call) for call in made]
    if wrong := next((told for _, told in read if told), ""):
        return Grade(0.0, valid=False, why=wrong)
    if len(made) != len(wanted):
        return Grade(0.0, valid=True, why=f"made {len(made)} calls, not {len(wanted)}")
    name_of = _names(sample, wanted)
    calls = [(name_of(call.name), arguments) for call, (arguments, _) in zip(made, read, strict=True)]
    wanted = [{**one, "name": name_of(one["name"])} for one in wanted]
    schemas = {name_of(tool.name): tool.schema or {} for tool in sample.tools}
    if fraction := next((told for name, given in calls if (told := _fraction(schemas.get(name, {}), name, given))), ""):
        return Grade(0.0, valid=True, why=fraction)
    wrong = _in_order(wanted, calls) if ordered else _in_any_order(wanted, calls)
    return Grade(float(not wrong), valid=True, why=wrong or f"called {shorten(', '.join(name for name, _ in calls))}")


def check_tool_calls(target: Any) -> str:
    """A list of calls, or one with its order: `{"calls": [...], "ordered": true}`; an empty list where none is right."""
    if isinstance(target, dict) and ("calls" in target or not set(target) & _CALL):
        if set(target) - {"calls", "ordered"} or not isinstance(target.get("ordered", False), bool):
            return 'must be a list of calls, or {"calls": [...], "ordered": true}'
        target = target.get("calls")
    calls = [target] if isinstance(target, dict) else target
    if not isinstance(calls, list):
        return "must be a call, a list of calls, or an empty list where no tool fits"
    if len(calls) > _MOST_CALLS:
        return f"lists {len(calls):,} calls; at most {_MOST_CALLS} are allowed"
    wrong = next((f"in call {place} {told}" for place, call in enumerate(calls, 1) if (told := _check_call(call))), "")
    return wrong or check_json(calls)


def _check_call(call: Any) -> str:
    if not isinstance(call, dict) or not isinstance(call.get("name"), str) or not call["name"]:
        return 'must be an object with the tool\'s "name"'
    if unknown := sorted(set(call) - _CALL):
        return f"has the unknown field '{shorten(str(unknown[0]))}'; known are {', '.join(sorted(_CALL))}"
    if not isinstance(call.get("arguments", {}), dict):
        return 'must have an object of "arguments"'
    if not isinstance(call.get("others", False), bool):
        return 'must have true or false as "others"'
    return _check_optional(call) or _check_values(call.get("arguments", {}))


def _check_optional(call: dict[str, Any]) -> str:
    optional = call.get("optional", [])
    if not isinstance(optional, list) or not all(isinstance(name, str) for name in optional):
        return 'must have a list of names as "optional"'
    missing = next((name for name in optional if name not in call.get("arguments", {})), "")
    return f"names '{shorten(missing)}' as optional, which is none of its arguments" if missing else ""


def _check_values(value: Any) -> str:
    if isinstance(value, dict):
        if ANY in value:
            accepted = value[ANY]
            if len(value) > 1 or not isinstance(accepted, list) or not 0 < len(accepted) <= MAX_TARGETS:
                return f'must have a list of up to {MAX_TARGETS:,} values alone under "{ANY}"'
        return next((wrong for inner in value.values() if (wrong := _check_values(inner))), "")
    return next((wrong for inner in value if (wrong := _check_values(inner))), "") if isinstance(value, list) else ""


def _wanted(target: Any) -> tuple[Sequence[dict[str, Any]], bool]:
    if isinstance(target, dict) and "calls" in target:
        return target["calls"], bool(target.get("ordered"))
    return ([target] if isinstance(target, dict) else target), False


def _names(sample: Sample, wanted: Sequence[dict[str, Any]]) -> Callable[[str], str]:
    """How names of tools are compared: dots as underscores, for hosts that forbid dots: `math_factorial`.

    Where two of the tools, or of those that are wanted, would then be called the same, their names stay as they are.
    """
    groups = {tool.name for tool in sample.tools}, {one["name"] for one in wanted}
    shared = {name for group in groups for name, often in Counter(map(_dotless, group)).items() if often > 1}
    return lambda name: name if _dotless(name) in shared else _dotless(name)


def _dotless(name: str) -> str:
    return name.replace(".", "_")


def _read(call: ToolCallPart) -> tuple[dict[str, Any], str]:
    """The arguments, or what is wrong with them."""
    try:
        arguments = read_json(call.arguments or "{}")
    except InputError as error:
        return {}, f"{shorten(call.name)}: {error.what}"
    return (arguments, "") if isinstance(arguments, dict) else ({}, f"{shorten(call.name)}: arguments are no object")


def _fraction(schema: dict[str, Any], name: str, arguments: dict[str, Any]) -> str:
    """The first number that the tool wants whole and that is written as a fraction, such as 5.0; "" if there is none."""
    found = next(_fractions(schema, arguments, "", MAX_DEPTH), None)
    return f"{shorten(name)}: {shorten(found[0])} is {found[1]}, and is to be whole" if found else ""


def _fractions(schema: Any, value: Any, path: str, depth: int) -> Iterator[tuple[str, float]]:
    """Where a value holds fractions in place of whole numbers, down through the properties and items of its schema."""
    if not isinstance(schema, dict) or depth < 0:
        return
    if isinstance(value, float):
        if _whole_alone(schema):
            yield path, value
    elif isinstance(value, dict):
        fields, others = schema.get("properties"), schema.get("additionalProperties")
        for key, inner in value.items():
            field = fields[key] if isinstance(fields, dict) and key in fields else others
            yield from _fractions(field, inner, f"{path}.{key}" if path else key, depth - 1)
    elif isinstance(value, list):
        first, rest = schema.get("prefixItems"), schema.get("items")
        listed = first if isinstance(first, list) else rest if isinstance(rest, list) else []
        for place, inner in enumerate(value):
            item = listed[place] if place < len(listed) else rest
            yield from _fractions(item, inner, f"{path}[{place}]", depth - 1)


def _whole_alone(schema: dict[str, Any]) -> bool:
    """Whether a schema takes whole numbers and no fractions: one that takes both has nothing against 5.0."""
    told = schema.get("type")
    kinds = set(told) if isinstance(told, list) and all(isinstance(one, str) for one in told) else {told}
    return "integer" in kinds and "number" not in kinds


def _in_order(wanted: Sequence[dict[str, Any]], made: Sequence[tuple[str, Any]]) -> str:
    told = (_differs(one, call) for one, call in zip(wanted, made, strict=True))
    return next((wrong for wrong in told if wrong), "")


def _in_any_order(wanted: Sequence[dict[str, Any]], made: Sequence[tuple[str, Any]]) -> str:
    """Each wanted call finds one of its own: a perfect matching by augmenting paths (Kuhn 1955)."""
    fits = [[place for place, call in enumerate(made) if not _differs(one, call)] for one in wanted]
    taken: dict[int, int] = {}

    def place_for(index: int, seen: set[int]) -> bool:
        for place in fits[index]:
            if place not in seen:
                seen.add(place)
                if place not in taken or place_for(taken[place], seen):
                    taken[place] = index
                    return True
        return False

    for index, one in enumerate(wanted):
        if not place_for(index, set()):
            near = next((call for call in made if call[0] == one["name"]), made[0])
            return _differs(one, near) or f"another call of {shorten(one['name'])} is missing"
    return ""


def _differs(wanted: dict[str, Any], made: tuple[str, Any]) -> str:
    name, arguments = made
    if name != wanted["name"]:
        return f"called {shorten(name)}, not {shorten(wanted['name'])}"
    expected, optional = wanted.get("arguments", {}), wanted.get("optional", [])
    for argument, value in expected.items():
        if argument not in arguments:
            if argument not in optional:
                return f"{shorten(name)}: lacks {shorten(argument)}"
        elif not same(value, arguments[argument]):
            return f"{shorten(name)}: {shorten(argument)} is {shorten(repr(arguments[argument]), 40)}"
    if not wanted.get("others", "arguments" not in wanted):
        extra = next((argument for argument in arguments if argument not in expected), None)
        if extra is not None:
            return f"{shorten(name)}: gave {shorten(extra)}, which is not asked for"
    return ""


def same(wanted: Any, got: Any) -> bool:
    """Whether a value is one that is accepted."""
    if isinstance(wanted, dict):
        if ANY in wanted:
            return any(same(one, got) for one in wanted[ANY])
        return isinstance(got, dict) and set(got) == set(wanted) and all(same(v, got[k]) for k, v in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(got, list)
            and len(got) == len(wanted)
            and all(same(one, other) for one, other in zip(wanted, got, strict=True))
        )
    if isinstance(wanted, str) and isinstance(got, str):
        return _plain(wanted) == _plain(got)
    return _same_number(wanted, got)


def _same_number(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or got is None:
        return wanted is got
    return bool(wanted == got)


def _plain(text: str) -> str:
    return _MARKS.sub("", plain(text)) or plain(text)
