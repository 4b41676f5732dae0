"""Whom `weigh run` asks: the engines of a list with commas, the base among them, and one engine at levels of masking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge import __version__
from weighbridge.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.canon import Engine, Level
    from weighbridge.cli.engine_room import EngineRoom
    from weighbridge.settings import Config

MAX_ENGINES = 32


def pick(engines: str, base: str | None, room: EngineRoom) -> tuple[list[Engine], Engine]:
    """The engines of a list with commas, and the base among them; each is known to be callable.

    Raises:
        InputError: None or too many are named, one comes twice, a name is a route's, or the base is not among them.
        WeighbridgeError: One is unknown, lacks its key, or cannot run here.
    """
    names = [name.strip() for name in engines.split(",") if name.strip()]
    if not names or len(names) > MAX_ENGINES:
        raise InputError(f"--engines names {len(names)} engines.", fix=f"Name 1 to {MAX_ENGINES}, with commas.")
    found = room.engines(names, "--engines", twice="Name it once; --noise weighs the base against itself.")
    if base is None:
        return list(found.values()), next(iter(found.values()))
    wanted = base if base in found else next((e.name for e in found.values() if e.model.name == base), "")
    if not wanted:
        raise InputError(
            f"The base '{base}' is not among the engines.", where="--base", fix=did_you_mean(base, [*found])
        )
    return list(found.values()), found[wanted]


def check_masked(engines: str, base: str | None) -> None:
    """With --mask one engine is weighed, and its first level is the base.

    Raises:
        InputError: Several engines are named, or a base.
    """
    names = [name for name in engines.split(",") if name.strip()]
    if len(names) > 1:
        raise InputError(
            f"--mask weighs one engine against itself, and --engines names {len(names)}.",
            where="--mask",
            fix="Name one engine; weigh several without --mask, or one after the other.",
        )
    if base is not None:
        raise InputError(
            "--mask weighs one engine against itself, so --base has nothing to name.",
            where="--base",
            fix="Leave it out: the first level of --mask is the base.",
        )


def masking(config: Config, levels: tuple[Level, ...]) -> str:
    """What decides on what is masked, in one name; "" where nothing is, so that such answers keep the name they had."""
    import hashlib

    import msgspec

    from weighbridge.mask.detect import MODELS
    from weighbridge.mask.names.models import Models

    settings = config.settings.mask
    if not levels and settings.level == "none" and not settings.force:
        return ""
    known = [model.sha256 for model in Models(config.store_path / MODELS).list()]
    told = msgspec.json.encode([__version__, known, settings], order="sorted")
    return hashlib.sha256(told).hexdigest()
