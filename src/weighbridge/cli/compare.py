"""`weighbridge compare`: the verdict on two files of scores that were made elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common, compare_apart, documents
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.weigh.scored import Pairs
    from weighbridge.weigh.types import Comparison

_NAMED = 3  # ids that the text names; the JSON names more
_LISTED = 100


_Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="FIELD=VALUE", help="Take only rows in which FIELD is VALUE. Repeat for more."),
]


def compare(
    ctx: typer.Context,
    base: Annotated[str, typer.Argument(help="Scores of the engine in use; - reads standard input.", metavar="BASE")],
    candidate: Annotated[
        str, typer.Argument(help="Scores of the other engine on the same samples; or -.", metavar="CANDIDATE")
    ],
    id_field: Annotated[
        str,
        typer.Option(
            "--id", metavar="FIELD", help="Field that names the sample; a.b goes into objects.", show_default=False
        ),
    ] = "",
    score_field: Annotated[
        str,
        typer.Option(
            "--score", metavar="FIELD", help="Field with the score: 0 to 1, true or false.", show_default=False
        ),
    ] = "",
    cluster_field: Annotated[
        str,
        typer.Option(
            "--cluster", metavar="FIELD", help="Field that joins samples which are not independent.", show_default=False
        ),
    ] = "",
    where: _Where = None,
    base_where: Annotated[
        list[str] | None, typer.Option("--base-where", metavar="FIELD=VALUE", help="The same, of BASE alone.")
    ] = None,
    candidate_where: Annotated[
        list[str] | None, typer.Option("--candidate-where", metavar="FIELD=VALUE", help="The same, of CANDIDATE alone.")
    ] = None,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="The files hold different samples: compare their means.")
    ] = False,
    margin: Annotated[float | None, common.option("weigh.margin")] = None,
    alpha: Annotated[float | None, common.option("weigh.alpha")] = None,
    fail_on: documents.FailOn = "",
    as_json: common.Json = False,
) -> None:
    """Compare two files of scores, sample by sample, and give a verdict.

    Files of lm-evaluation-harness (samples_*.jsonl), Inspect (.json, .eval) and
    promptfoo (-o) are known. Any other has one JSON object per line, and needs
    --id and --score. Rows with the same id are a pair.
    The verdict is about moving from BASE to CANDIDATE: safe, unsafe, or
    undecided with how many more samples are needed. Engines that answered
    different samples are compared by their means (--unpaired): that takes
    several times as many samples.
    """
    from msgspec.structs import replace

    from weighbridge import jsonl
    from weighbridge.cli import compare_view
    from weighbridge.weigh import scored, verdict

    documents.check_fail_on(fail_on)
    if base == candidate == jsonl.STDIN:
        raise InputError("Both files are standard input.", fix="Give one of the two as a file.")
    limits = common.load_config(ctx, weigh__margin=margin, weigh__alpha=alpha).settings.weigh
    for_both = _conditions("--where", where)
    fields = scored.Fields(
        id=id_field, score=score_field, cluster=cluster_field, where=for_both + _conditions("--base-where", base_where)
    )
    ours = scored.read(base, fields, sys.stdin.buffer)
    fields = replace(fields, where=for_both + _conditions("--candidate-where", candidate_where))
    theirs = scored.read(candidate, fields, sys.stdin.buffer, cluster_required=unpaired)
    clustered = ours.clustered or theirs.clustered
    if unpaired:
        told = compare_apart.tell(common.console(), ours, theirs, limits, clustered=clustered, as_json=as_json)
        documents.fail_on(fail_on, [told.verdict])
        return
    pairs = scored.pair(ours, theirs, clustered=clustered)
    found = verdict.compare(
        pairs.base, pairs.candidate, clusters=pairs.clusters, margin=limits.margin, alpha=limits.alpha
    )
    if as_json:
        common.print_json(_document(found, pairs) | compare_view.unscored(ours, theirs))
    else:
        _tell(common.console(), found, pairs, (ours.name, theirs.name))
        compare_view.tell_unscored(common.console(), ours, theirs)
    documents.fail_on(fail_on, [found.verdict])


def _conditions(option: str, given: list[str] | None) -> tuple[tuple[str, str], ...]:
    parts = [one.partition("=") for one in given or ()]
    for (field, sign, _), one in zip(parts, given or (), strict=True):
        if not field or not sign:
            raise InputError(f"'{one}' is no condition.", where=option, fix=f"Write {option} FIELD=VALUE.")
    return tuple((field, value) for field, _, value in parts)


def _document(found: Comparison, pairs: Pairs) -> dict[str, Any]:
    first = (
        "n",
        "base_mean",
        "candidate_mean",
        "difference",
        "se",
        "ci_low",
        "ci_high",
        "z",
        "verdict",
        "more_needed",
        "margin",
        "alpha",
        "method",
        "clusters",
        "discordant",
        "se_clustered",
    )
    return {name: getattr(found, name) for name in first} | {
        "base_only": len(pairs.base_only),
        "candidate_only": len(pairs.candidate_only),
        "base_only_ids": pairs.base_only[:_LISTED],
        "candidate_only_ids": pairs.candidate_only[:_LISTED],
    }


def _tell(out: Console, found: Comparison, pairs: Pairs, names: tuple[str, str]) -> None:
    from weighbridge.cli import compare_view
    from weighbridge.weigh import numbers

    def say(text: str) -> None:
        compare_view.say(out, text)

    def row(name: str, value: str, note: str) -> None:
        say(f"  {name:<11}{value:<18}{note}")

    say(f"{numbers.plural(found.n, 'pair')}, candidate against base. {_agreement(found)}")
    say("")
    row("base", numbers.percent(found.base_mean), compare_view.file(names[0]))
    row("candidate", numbers.percent(found.candidate_mean), compare_view.file(names[1]))
    row("difference", f"{numbers.points(found.difference, signed=True)} points", _error(found))
    compare_view.tell_range(out, found, _more(found))
    for ids, name in ((pairs.base_only, "base"), (pairs.candidate_only, "candidate")):
        if ids:
            say(_left_out(ids, name))


def _agreement(found: Comparison) -> str:
    if found.discordant is None:
        return "Scores are not all 0 or 1."
    return f"They disagree on {found.discordant:,}."


def _error(found: Comparison) -> str:
    from weighbridge.weigh.numbers import MINUS

    text = f"standard error {found.se * 100:.2f}"
    if found.z is not None:
        text += f", z {found.z:.2f}".replace("-", MINUS)
    if found.se_clustered is not None:
        text += f"; clustered {found.se_clustered * 100:.2f}"
    return text


def _more(found: Comparison) -> str:
    if found.more_needed is None:
        return ""
    if found.more_needed == 0:
        return " An equal candidate would have been cleared by this many: this one is most likely somewhat worse."
    from weighbridge.weigh.numbers import plural

    most = "at most " if found.discordant == 0 else ""  # how often they disagree is only bounded then
    return (
        f" If the two are in truth equal, {most}{plural(found.more_needed, 'more pair')} of this kind would "
        "settle it in four cases of five."
    )


def _left_out(ids: tuple[str, ...], name: str) -> str:
    from weighbridge.weigh.numbers import one_line, plural

    shown = ", ".join(one_line(key, 20) for key in ids[:_NAMED])
    rest = ", ..." if len(ids) > _NAMED else ""
    return f"Left out: {plural(len(ids), 'sample')} only in {name} ({shown}{rest})."
