"""`weighbridge mask apply`, `restore` and `forget`: a text without its values, the values again, and nothing of them any more."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weighbridge.cli import common, mask_room
from weighbridge.errors import InputError, TooLargeError

if TYPE_CHECKING:
    from weighbridge.cli.mask_forms import Form
    from weighbridge.cli.mask_work import Applied

_MB = 1_000_000

As = Annotated[
    Literal["", "text", "jsonl", "request"],
    typer.Option(
        "--as",
        help="What it is: text, jsonl, or request (or an answer); seen by itself if left out.",
        metavar="FORM",
        show_default=False,
    ),
]
DialectOption = Annotated[
    str,
    typer.Option("--dialect", help="Of a request or an answer, if it is not seen.", metavar="NAME", show_default=False),
]
KeyOption = Annotated[
    str,
    typer.Option("--key", help="A gateway's conversation: name of the key that was shown, - for none.", metavar="KEY"),
]


def apply(
    ctx: typer.Context,
    conversation: mask_room.Conversation,
    file: mask_room.Given = "-",
    level: mask_room.LevelOption = "",
    mode: mask_room.Modes = None,
    names: mask_room.NamesOption = "",
    no_names: mask_room.NoNames = False,
    as_: As = "",
    dialect: DialectOption = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell what was masked as JSON, on standard error all the same.")
    ] = False,
) -> None:
    """Put surrogates in the place of personal data and secrets.

    Reads plain text, JSON lines, or a request of any dialect, and writes the same
    with surrogates. The values are kept, encrypted, in the conversation's vault in
    the state store, so that `mask restore` brings them back out of what was made of
    the text. Standard error tells how many values of each kind were masked.

    Example: weighbridge mask apply --conversation case-7 note.txt > masked.txt
    """
    from weighbridge.cli.mask_work import Work
    from weighbridge.mask.detect import Finder
    from weighbridge.mask.kinds import masked_kinds, own_kinds
    from weighbridge.mask.scan import Scanner

    mask_room.conversation_of(conversation)
    config = common.load_config(ctx)
    settings = mask_room.settings_of(config, names, no_names=no_names)
    modes = mask_room.modes_of(settings, mode)
    wanted = mask_room.level_of(settings, level)
    kinds = masked_kinds(wanted, modes, own_kinds(settings))
    text = _read(file, settings.max_mb)
    form = _form(text, as_, dialect)
    scanner = Scanner(terms=settings.terms, patterns=settings.patterns, allow=settings.allow)
    finder = Finder(
        scanner,
        mask_room.names_of(config, settings, kinds, asked=names not in {"", "off"}),
        min_score=settings.min_score,
    )
    work = Work(mask_room.Keys(config), settings, conversation)
    done = work.apply(text, form, finder, wanted, modes)
    sys.stdout.buffer.write(done.text.encode())
    sys.stdout.flush()
    _tell(done, as_json=as_json)
    if done.failed:
        raise typer.Exit(1)


def restore(
    ctx: typer.Context,
    conversation: mask_room.Conversation,
    file: mask_room.Given = "-",
    urls: Annotated[
        Literal["", "restore", "keep"],
        typer.Option(
            "--urls",
            help="Surrogates in addresses: restore or keep; in answers they are kept if nothing is said.",
            metavar="HOW",
            show_default=False,
        ),
    ] = "",
    key: KeyOption = "",
    as_: As = "",
    dialect: DialectOption = "",
) -> None:
    """Bring the values of a conversation back, out of what was made of a masked text.

    Reads what `mask apply` reads, and answers too, whole or as event streams. In
    answers, addresses keep their surrogates: whoever wrote the answer could learn
    values from the addresses that are opened. --urls restore trusts it.

    Traces of a gateway with mask.vault = "store" are restored with --key.

    Example: weighbridge mask restore --conversation case-7 answer.txt
    """
    from weighbridge.cli.mask_work import Work

    mask_room.conversation_of(conversation)
    config = common.load_config(ctx)
    text = _read(file, config.settings.mask.max_mb)
    keys = mask_room.Keys(config, tenant=mask_room.tenant_of(config, key))
    work = Work(keys, config.settings.mask, conversation)
    made, failed = work.restore(text, _form(text, as_, dialect), urls)
    sys.stdout.buffer.write(made.encode())
    sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def forget(
    ctx: typer.Context,
    conversation: mask_room.Conversation,
    key: KeyOption = "",
    why: mask_room.Why = "",
    as_json: common.Json = False,
) -> None:
    """Delete a conversation's vault: nothing brings its values back any more.

    Example: weighbridge mask forget --conversation case-7 --why "case closed"
    """
    from weighbridge.canon import Act

    mask_room.conversation_of(conversation)
    config = common.load_config(ctx)
    tenant = mask_room.tenant_of(config, key)
    count = mask_room.Keys(config, tenant=tenant).vault.forget(tenant, conversation)
    if not count:
        raise mask_room.no_vault(conversation)
    act = Act(time.time(), common.who(), "mask.forget", f"conversation:{conversation}", why)
    with common.state_store(config) as state:
        state.alter("mask_forgotten", "last", lambda _: None, act)
    if as_json:
        common.print_json({"conversation": conversation, "forgotten": True})
    else:
        common.console().print(common.printable(f"The vault of {conversation} is deleted."), markup=False)


def _read(file: str, most_mb: float) -> str:
    stream, name = mask_room.opened(file)
    most = int(most_mb * _MB)
    with stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise TooLargeError(
            f"It is over {most_mb:g} MB.",
            where=name,
            fix="Raise mask.max_mb; for whole tables, `weighbridge mask file` has no such limit.",
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError("It is no text in UTF-8.", where=name, fix="Save it as UTF-8.") from error


def _form(text: str, given: str, dialect: str) -> Form:
    from weighbridge import dialects
    from weighbridge.cli.mask_forms import Form, form_of

    seen = form_of(text)
    if dialect:
        dialects.get(dialect)
    if not given and not dialect:
        return seen
    if given in {"text", "jsonl"}:
        return Form("jsonl" if given == "jsonl" else "text")
    if seen.dialect or dialect:
        return Form(seen.kind if seen.dialect else "request", dialect or seen.dialect)
    raise InputError(
        "It has the shape of no dialect's request or answer.",
        where="--as",
        fix=f"Name its dialect: --dialect {' or '.join(dialects.NAMES)}.",
    )


def _tell(done: Applied, *, as_json: bool) -> None:
    if as_json:
        told = {"masked": done.counts, "not_looked_through": done.reported, "level": done.level}
        sys.stderr.write(json.dumps(told) + "\n")
        return
    out = common.console(stderr=True)
    out.print(f"masked: {mask_room.counted(done.counts)}", markup=False, soft_wrap=True)
    if done.reported:
        out.print(f"not looked through: {mask_room.counted(done.reported)}", markup=False, soft_wrap=True)
