"""What a key may ask for: routes, engines and dialects. Names outside its scope are refused alike, whether they exist or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weighbridge.canon import DATA_CLASSES, DataClass, Key, Plan, allows
from weighbridge.errors import ForbiddenError, InputError, NoKeyError, NotFoundError, did_you_mean
from weighbridge.gateway.lists import Listed
from weighbridge.routes import Resolve

_MAX_NAME = 512  #: characters; longer names are nobody's


def check_dialect(key: Key | None, dialect: str) -> None:
    """May the key speak this dialect?

    Raises:
        ForbiddenError: It may not.
    """
    if key is not None and not allows(key.dialects, dialect):
        raise ForbiddenError(
            f"This key may not speak {dialect}.",
            where="authorization",
            fix=f"Use one of: {', '.join(key.dialects)}; or ask for a key with a wider scope.",
        )


def check_name(key: Key | None, name: str, plan: Plan, resolve: Resolve) -> None:
    """May the key ask for this name? For which engines a route may choose for it, see policy.

    A key that is kept to some routes names no engines, unless its scope says which.

    Raises:
        ForbiddenError: It may not.
    """
    if key is None or not (key.routes or key.engines):
        return
    if len(name) <= _MAX_NAME and (
        allows(key.routes, name) if name in plan.routes else _allows_engine(key, name, resolve)
    ):
        return
    open_to_it = [route for route in plan.routes if allows(key.routes, route)]
    raise ForbiddenError(
        f"This key may not ask for '{name[:100]}'.",
        where="model",
        fix=did_you_mean(name[:100], open_to_it) if open_to_it else "Ask for a key with a wider scope.",
    )


def within(key: Key | None, rows: Sequence[Listed], plan: Plan) -> Sequence[Listed]:
    """Of what may be asked for, what the key may ask for."""
    if key is None or not (key.routes or key.engines):
        return rows
    return [row for row in rows if (allows(key.routes, row.name) if row.name in plan.routes else _names(key, row.name))]


def data_class(told: Iterable[bytes]) -> DataClass:
    """What a request says that it holds; told several times, the most harmful counts.

    Raises:
        InputError: It is not one that is known.
    """
    found = -1
    for value in told:
        for one in value.decode("latin-1").split(","):
            name = one.strip().lower()
            if name not in DATA_CLASSES:
                raise InputError(
                    f"'{name[:50]}' is no data class.",
                    where="x-weighbridge-data-class",
                    fix=did_you_mean(name[:50], DATA_CLASSES),
                )
            found = max(found, DATA_CLASSES.index(name))
    return DATA_CLASSES[found] if found >= 0 else ""


def _allows_engine(key: Key, name: str, resolve: Resolve) -> bool:
    if not key.engines:
        return False
    try:
        return _names(key, resolve(name).name)  # a model alone stands for one of its engines
    except (NotFoundError, NoKeyError):
        return False


def _names(key: Key, engine: str) -> bool:
    return bool(key.engines) and allows(key.engines, engine)
