"""Where a dialect keeps what the canon does not know, and what is told when another dialect cannot keep it."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Loss, Severity


class Extras:
    """The two keys of `extra` that belong to one dialect.

    Args:
        name: The dialect's name. Unknown fields stand under it, details of form under it and a `$`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.form = f"{name}$"

    def keep(self, rest: dict[str, Any], form: dict[str, Any] | None = None) -> dict[str, Any]:
        """An `extra` for unknown fields and details of form; empty where there are none."""
        extra: dict[str, Any] = {self.name: rest} if rest else {}
        if form:
            extra[self.form] = form
        return extra

    def fields(self, extra: dict[str, Any]) -> dict[str, Any]:
        """A copy of this dialect's unknown fields."""
        return dict(extra.get(self.name) or {})

    def form_of(self, extra: dict[str, Any]) -> dict[str, Any]:
        """This dialect's details of form; not to be changed."""
        form: dict[str, Any] = extra.get(self.form) or {}
        return form

    def losses(self) -> Losses:
        """A new list of losses for something that this dialect writes."""
        return Losses(self)


class Losses:
    """Gathers what cannot be written, once per field.

    Args:
        extras: Of the dialect that is being written.
    """

    def __init__(self, extras: Extras) -> None:
        self._extras = extras
        self._found: dict[str, Loss] = {}

    def add(self, loss: Loss) -> None:
        """Note a loss; the first one for a field stays."""
        self._found.setdefault(loss.field, loss)

    def note(self, field: str, reason: str, severity: Severity = "medium") -> None:
        """Note a loss by its parts."""
        self.add(Loss(field, reason, severity))

    def foreign(self, extra: dict[str, Any], place: str, severity: Severity = "low") -> None:
        """Note every field that only another dialect knows. A null says nothing, and is not missed.

        A dialect lists in its form under `grave` those without which the answer is not what was asked for.
        """
        own = self._extras
        for name, fields in extra.items():
            if name in (own.name, own.form) or name.endswith("$") or type(fields) is not dict:
                continue
            form = extra.get(f"{name}$")
            grave = form.get("grave", ()) if type(form) is dict else ()
            for field, value in fields.items():
                if value is not None:
                    path = f"{place}.{field}" if place else field
                    why = f"{own.name} has no place for this field of {name}"
                    self.add(Loss(path, why, "high" if field in grave else severity))

    def all(self) -> tuple[Loss, ...]:
        """Everything noted, in order."""
        return tuple(self._found.values())
