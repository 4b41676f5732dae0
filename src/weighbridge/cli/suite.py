"""`weighbridge suite`: suites made of recorded traffic, and what is in a suite."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from weighbridge.cli import common, mask_room, suite_show
from weighbridge.cli.route import ground
from weighbridge.errors import InputError, NotFoundError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weighbridge.canon import Level, Request
    from weighbridge.settings import Config
    from weighbridge.weigh.traced import Counts, Mask
    from weighbridge.weigh.types import Sample, Suite

app = typer.Typer(help="Make suites of recorded traffic, and see what is in one.", no_args_is_help=True)

app.command("show")(suite_show.show)

_LEVELS = ("none", "secrets", "personal", "strict")


@app.command("from-traces")
def from_traces(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="Whose recorded traffic.", metavar="ROUTE")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The suite's file, ending with .jsonl.", metavar="FILE")],
    since: Annotated[
        str, typer.Option("--since", help="From then on: 2h (ago), 7d, 2026-11-02.", metavar="TIME")
    ] = "7d",
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="The most samples, drawn at random.")] = 500,
    dedupe: Annotated[bool, typer.Option("--dedupe/--no-dedupe", help="Take nearly equal requests once.")] = True,
    cluster_by: Annotated[
        Literal["conversation", "key", "team", "none"], typer.Option("--cluster-by", help="What belongs together.")
    ] = "conversation",
    grader: Annotated[
        str, typer.Option("--grader", help="How free text is compared: similarity, exact, contains, choice, number.")
    ] = "similarity",
    mask: Annotated[
        str,
        typer.Option("--mask", help="none, secrets, personal or strict; the route's own level if that is stricter."),
    ] = "personal",
    names: mask_room.NamesOption = "",
    seed: Annotated[int, typer.Option(help="Of the draw: the same one draws the same exchanges.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: common.Json = False,
) -> None:
    """Make a masked suite of what ROUTE was asked, with its recorded answers as targets.

    A recorded tool call must be made again, a JSON schema kept to, free text come
    near. What failed, cannot be graded or cannot be masked is left out and counted.

    Example: weighbridge suite from-traces assistant --since 7d -o assistant.jsonl
    """
    from weighbridge.cli.times import ago
    from weighbridge.store import reader
    from weighbridge.weigh import recorded, traced

    if grader not in recorded.BY_TEXT:
        raise InputError(
            f"'{grader[:50]}' cannot compare two texts.", where="--grader", fix=did_you_mean(grader, recorded.BY_TEXT)
        )
    _check_out(out, force=force)
    config = common.load_config(ctx)
    masking = _mask(config, route, mask, names)
    found = reader.scan(
        config.traces_path, route=route, source="gateway", since=ago(since, time.time(), "--since") or 0.0
    )
    samples, counts = traced.make(
        found, mask=masking, size=sample, seed=seed, dedupe=dedupe, cluster_by=cluster_by, grader=grader
    )
    if not samples:
        raise _nothing(route, counts)
    suite = _write(out, samples)
    if as_json:
        common.print_json({"file": str(out), "digest": suite.digest, "seed": seed, **_plain(counts)})
    else:
        _tell(out, suite, counts)


def _check_out(out: Path, *, force: bool) -> None:
    if out.suffix.lower() != ".jsonl":
        raise InputError("A suite's file ends with .jsonl.", where=str(out), fix=f"Call it {out.stem}.jsonl.")
    if out.exists() and not force:
        raise InputError("It exists already.", where=str(out), fix="Give another name, or --force.")
    if not out.absolute().parent.is_dir():
        raise InputError("Its folder does not exist.", where=str(out.parent), fix="Make it first.")


def _mask(config: Config, route: str, asked: str, names: str) -> Mask | None:
    """What masks, at the stricter of the level asked for and the route's own."""
    from msgspec.structs import replace

    from weighbridge.access.masking import masker_of
    from weighbridge.canon import Masking
    from weighbridge.canon.masks import strictest

    if asked not in _LEVELS:
        raise InputError(f"'{asked[:50]}' is no level.", where="--mask", fix=did_you_mean(asked, _LEVELS))
    entry = ground(config, "")[0].routes.get(route)
    own = entry.mask.level if entry is not None and entry.mask is not None else "none"
    level = strictest(cast("Level", asked), own)
    if level == "none":
        return None
    settings = replace(config.settings, mask=mask_room.settings_of(config, names, no_names=False))
    masker = masker_of(replace(config, settings=settings), common.environ(config))

    def masked(request: Request, conversation: str) -> Request:
        # An id with ~ leaves nothing in the vault: nobody is to bring a suite's values back.
        return masker.mask(request, Masking(level), tenant="suite", conversation=f"~{conversation}").request

    return masked


def _write(out: Path, samples: Iterable[Sample]) -> Suite:
    """Write beside the file and rename, read it back as any suite, and only then keep it."""
    from weighbridge.store.files import create, store_error
    from weighbridge.weigh import suites, traced

    beside = out.with_name(f".{out.stem}.{os.getpid()}.jsonl")
    try:
        with create(beside) as file:
            file.writelines(row + b"\n" for row in traced.rows(samples))
        made = suites.load(str(beside))
        beside.replace(out)
    except OSError as error:
        raise store_error(error, out) from error
    finally:
        beside.unlink(missing_ok=True)
    return made


def _nothing(route: str, counts: Counts) -> NotFoundError | InputError:
    if not counts.read:
        return NotFoundError(
            f"The route '{route}' has no exchange on record in that time.",
            fix="Look further back with --since; exchanges are recorded while `weighbridge serve` runs.",
        )
    return InputError(
        f"None of the {counts.read:,} exchanges makes a sample: {_left_out(counts)}.",
        where=route,
        fix="Record texts (store.bodies = true), or choose another --grader.",
    )


def _left_out(counts: Counts) -> str:
    told = {
        "failed or broke off": counts.failed,
        "have no texts": counts.bare,
        "do not say what is right": counts.ungraded,
        "are nearly equal to others": counts.alike,
        f"cannot be masked ({', '.join(counts.kinds)})": counts.unmasked,
    }
    return ", ".join(f"{count:,} {why}" for why, count in told.items() if count) or "nothing"


def _plain(counts: Counts) -> dict[str, Any]:
    import msgspec

    made: dict[str, Any] = msgspec.to_builtins(counts)
    return made


def _tell(out: Path, suite: Suite, counts: Counts) -> None:
    from weighbridge.weigh.numbers import plural

    console = common.console()
    console.print(
        f"{plural(counts.kept, 'sample')} in {plural(counts.clusters, 'cluster')} of {counts.read:,} exchanges: {out}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    console.print(f"Left out: {_left_out(counts)}.", markup=False)
    graders = ", ".join(f"{count:,} {name}" for name, count in counts.graders.items())
    console.print(f"Graders: {graders}. Languages: {', '.join(counts.languages)}.", markup=False)
    console.print(f"Digest {suite.digest[:16]}. Weigh on it: weighbridge weigh {out} --engines A,B", markup=False)
