"""Reaching into a request by a dotted name, through objects and into each item of a list.

What lies further in is copied before it is changed: a request that was read shares its inner objects with the canon.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: What `first` says where nothing stands.
NOTHING = object()
#: Fields that hold a list on the wire: where they are not there, nothing can be set inside of them.
_LISTS = frozenset({"messages", "tools", "contents", "input", "safetySettings"})


def values(value: Any, path: list[str]) -> Iterator[Any]:
    """Everything that stands at a path; several where it leads through a list."""
    if type(value) is list and path:
        for item in value:
            yield from values(item, path)
    elif not path:
        yield value
    elif type(value) is dict and path[0] in value:
        yield from values(value[path[0]], path[1:])


def first(value: Any, path: list[str]) -> Any:
    """The first thing at a path, or NOTHING."""
    return next(values(value, path), NOTHING)


def put(out: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a field; objects on the way are made where they are missing, lists are not."""
    name = path[0]
    if len(path) == 1:
        out[name] = value
        return
    inner = out.get(name)
    if type(inner) is list:
        copies = [dict(item) if type(item) is dict else item for item in inner]
        for item in copies:
            if type(item) is dict:
                put(item, path[1:], value)
        out[name] = copies
    elif name not in _LISTS:
        out[name] = dict(inner) if type(inner) is dict else {}
        put(out[name], path[1:], value)


def remove(out: dict[str, Any], path: list[str]) -> bool:
    """Remove a field, through lists from each item. An object that is emptied by it goes too, also out of a list."""
    name = path[0]
    if name not in out:
        return False
    if len(path) == 1:
        del out[name]
        return True
    inner = out[name]
    if type(inner) is dict:
        copy = dict(inner)
        found = remove(copy, path[1:])
        if found and copy:
            out[name] = copy
        elif found:
            del out[name]
        return found
    if type(inner) is not list:
        return False
    copies = [dict(item) if type(item) is dict else item for item in inner]
    hits = [remove(item, path[1:]) for item in copies if type(item) is dict]
    if any(hits):
        out[name] = [item for item in copies if item != {}]
        if not out[name]:
            del out[name]
    return any(hits)
