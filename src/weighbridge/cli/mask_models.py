"""`weighbridge mask models`: the models that find names, added, listed and removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, mask_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighbridge.mask.names.models import Model, Models
    from weighbridge.settings import Config

app = typer.Typer(help="The models that find names: add, list and remove them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The model's name, as `list` tells it.", metavar="NAME")]


@app.command()
def add(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="A folder, a wheel, or a package's name: NAME or NAME==1.2.", metavar="PATH-OR-PACKAGE"),
    ],
    why: mask_room.Why = "",
    as_json: common.Json = False,
) -> None:
    """Add a spaCy model that finds names. Needs the extra: pip install 'weighbridge[names]'.

    A folder or a wheel is copied into the store, an installed package's model is
    used where it lies, any other package is fetched by pip. Nothing of it is run:
    only data is taken, and it is loaded only while its hash is the one of now.

    Example: weighbridge mask models add ./en_core_web_md
    """
    config = common.load_config(ctx)
    model = _audited(config, "mask.model.add", why, lambda models: models.add(source))
    if as_json:
        common.print_json(model)
        return
    out = common.console()
    out.print(common.printable(f"{model.name} finds names from now on, in gateways after they restart."), markup=False)
    out.print(common.printable(f"licence {model.licence or 'unknown'}"), markup=False)
    out.print(f"sha256  {model.sha256}", markup=False)


@app.command("list")
def list_(ctx: typer.Context, as_json: common.Json = False) -> None:
    """List the models that were added.

    Example: weighbridge mask models list
    """
    found = _models(common.load_config(ctx)).list()
    if as_json:
        common.print_json(found)
        return
    if not found:
        common.console().print("No model was added: weighbridge mask models add PATH-OR-PACKAGE")
        return
    _table(found)


@app.command()
def remove(ctx: typer.Context, name: Name, why: mask_room.Why = "", as_json: common.Json = False) -> None:
    """Remove a model. A copy is deleted; an installed package stays.

    Example: weighbridge mask models remove en_core_web_md
    """
    config = common.load_config(ctx)
    model = _audited(config, "mask.model.remove", why, lambda models: models.remove(name))
    if as_json:
        common.print_json({"name": model.name, "removed": True})
    else:
        common.console().print(common.printable(f"{model.name} is removed."), markup=False)


def _models(config: Config) -> Models:
    from weighbridge.mask.detect import MODELS
    from weighbridge.mask.names.models import Models

    return Models(config.store_path / MODELS)


def _audited(config: Config, action: str, why: str, change: Callable[[Models], Model]) -> Model:
    """Do it, and write down who did."""
    import msgspec

    from weighbridge.canon import Act
    from weighbridge.store.files import private_folder

    private_folder(config.store_path)
    model = change(_models(config))
    detail = {"version": model.version, "sha256": model.sha256, "licence": model.licence, "source": model.source}
    subject = f"model:{model.name}"
    act = Act(time.time(), common.who(), action, subject, why, detail=detail)
    kept = msgspec.json.encode(detail) if action.endswith("add") else None
    with common.state_store(config) as state:
        state.alter("mask_model", model.name, lambda _: kept, act)
    return model


def _table(models: tuple[Model, ...]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("name", "language", "licence", "sha256"):
        table.add_column(head, overflow="fold")
    for model in models:
        row = (model.name, model.language, model.licence or "unknown", model.sha256[:16])
        table.add_row(*(escape(common.printable(cell)) for cell in row))
    common.console().print(table)
