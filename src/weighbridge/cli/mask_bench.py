"""`weighbridge mask bench`: how fast values are found here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weighbridge.cli import common
from weighbridge.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from weighbridge.canon import Span
    from weighbridge.mask.speed import Rate, Wait
    from weighbridge.settings import Config

_SIZE = 64_000  #: characters of the texts that rates are taken on; patterns alone get more
_MORE = 8
_Tier = Literal["off", "fast", "thorough"]
_TIERS: tuple[tuple[str, _Tier], ...] = (("patterns", "off"), ("fast", "fast"), ("thorough", "thorough"))


def bench(
    ctx: typer.Context,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0, max=60, help="How long to look through each text, roughly.")
    ] = 1.0,
    as_json: common.Json = False,
) -> None:
    """Tell how fast values are found here: by patterns alone, and with names.

    Texts are invented: sentences, a form full of personal data, and the standard
    library's source; then a hundred prompts of 2 KB, each a call of its own. By the
    clock, and by the time of one core: they differ where others use the machine.

    Example: weighbridge mask bench
    """
    config = common.load_config(ctx)
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    with common.console(stderr=True).status("Loading ...") as status:
        for title, tier in _TIERS:
            try:
                find = finder(config, tier)
            except (SettingsError, MissingExtraError) as error:
                missing[title] = f"{error.what} {error.fix}"
                continue
            status.update(f"Measuring: {title} ...")
            rows.append({"tier": title, **measure(find, seconds, many=tier == "off")})
    if as_json:
        common.print_json({"tiers": rows, "missing": missing})
    else:
        _table(rows, missing)


def finder(config: Config, tier: _Tier) -> Callable[[str], list[Span]]:
    """What looks through a text as the gateway does, remembering nothing.

    Raises:
        SettingsError: There is no model of names.
        MissingExtraError: What it needs is not installed.
    """
    from msgspec.structs import replace

    from weighbridge.mask.detect import finder_of

    made = finder_of(replace(config.settings.mask, names=tier, cache_mb=0.0), config.store_path)
    return lambda text: made.find([text])[0]


def measure(find: Callable[[str], list[Span]], seconds: float, *, many: bool) -> dict[str, Any]:
    """Rates by sort of text, and what a prompt takes."""
    from weighbridge.mask import speed

    size = _SIZE * _MORE if many else _SIZE
    rates = {sort: speed.rate(find, speed.text_of(sort, size), seconds=seconds) for sort in speed.SORTS}
    return {"rates": rates, "prompt": speed.wait(find, speed.prompts())}


def _table(rows: list[dict[str, Any]], missing: dict[str, str]) -> None:
    from rich.table import Table

    out = common.console()
    table = Table(box=None, pad_edge=False)
    for name in ("tier", "by", "prose", "personal", "code", "2 KB p50", "p95"):
        table.add_column(name, justify="left" if name in {"tier", "by"} else "right")
    for row in rows:
        for line in _lines(row["tier"], row["rates"], row["prompt"]):
            table.add_row(*line)
    out.print(table)
    out.print("KB/s; milliseconds", style="dim", markup=False)
    for title, why in missing.items():
        out.print(common.printable(f"{title}: {why}"), markup=False)


def _lines(tier: str, rates: dict[str, Rate], prompt: Wait) -> Iterator[list[str]]:
    yield [tier, "clock", *(f"{one.kb_per_s:,.0f}" for one in rates.values()), f"{prompt.p50:.2f}", f"{prompt.p95:.2f}"]
    of_core = (f"{one.kb_per_cpu_s:,.0f}" for one in rates.values())
    yield ["", "core", *of_core, f"{prompt.cpu_p50:.2f}", f"{prompt.cpu_p95:.2f}"]
