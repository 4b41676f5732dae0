"""What the commands of `weighbridge mask` share: their options, what finds values, the keys, the vault, what is told."""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal, cast

import typer
from msgspec.structs import replace

from weighbridge.canon import MODES, Level, Mode
from weighbridge.cli import common
from weighbridge.errors import InputError, MissingExtraError, NotFoundError, SettingsError, did_you_mean, unreadable
from weighbridge.settings import Config, Mask

if TYPE_CHECKING:
    from weighbridge.mask.names import Names
    from weighbridge.mask.sheet import Sheet
    from weighbridge.mask.vault import Vault

NO_KEY = "-"  #: a gateway that asks for no key
TENANT = "weighbridge mask"  #: whose conversations the commands mask: no key of the gateway's is called so
DEFAULT_LEVEL: Level = "personal"
_DAY = 86_400.0
_BACK = frozenset({"surrogate", "token"})  #: modes of values that come back

Given = Annotated[
    str, typer.Argument(help="The file; - or nothing: standard input.", metavar="[FILE]", show_default=False)
]
Conversation = Annotated[
    str,
    typer.Option("--conversation", help="An id of your own; within it a value keeps its surrogate.", metavar="ID"),
]
LevelOption = Annotated[
    Literal["", "secrets", "personal", "strict"],
    typer.Option(
        "--level", help=r"How much is masked \[default: mask.level, or personal].", show_default=False, metavar="LEVEL"
    ),
]
Modes = Annotated[
    list[str] | None,
    typer.Option("--mode", help="KIND=surrogate, token, redact, hash or keep; repeatable.", metavar="KIND=MODE"),
]
NamesOption = Annotated[
    Literal["", "off", "fast", "thorough"],
    typer.Option(
        "--names",
        help=r"How names are found: off, fast or thorough \[default: mask.names].",
        show_default=False,
        metavar="HOW",
    ),
]
NoNames = Annotated[bool, typer.Option("--no-names", help="The same as --names off.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]


def opened(given: str) -> tuple[BinaryIO, str]:
    """What to read, and what errors call it.

    Raises:
        InputError: The file cannot be read.
    """
    if given in {"", "-"}:
        return sys.stdin.buffer, "standard input"
    try:
        return Path(given).open("rb"), given
    except OSError as error:
        raise unreadable(error, given) from error


def settings_of(config: Config, names: str, *, no_names: bool) -> Mask:
    """The section `[mask]`, with what the options say over it.

    Raises:
        InputError: The options contradict each other.
    """
    if no_names and names not in {"", "off"}:
        raise InputError(f"--no-names and --names {names} contradict each other.", fix="Leave one of them out.")
    wanted = "off" if no_names else names or config.settings.mask.names
    return replace(config.settings.mask, names=cast("Literal['off', 'fast', 'thorough']", wanted))


def names_of(config: Config, settings: Mask, kinds: Collection[str] | None, *, asked: bool) -> Names | None:
    """What finds names, if any are wanted. Where it is missing and nobody asked for it, a line on standard error says so.

    Args:
        config: Says where the models are.
        settings: Which models, and how.
        kinds: What is looked for; None for everything.
        asked: Did the command's options ask for names?

    Raises:
        SettingsError: It was asked for, and there is no model.
        MissingExtraError: It was asked for, and is not installed.
    """
    from weighbridge.mask.detect import MODELS, NAMED
    from weighbridge.mask.names import load_names

    if kinds is not None and NAMED.isdisjoint(kinds):
        return None
    try:
        return load_names(settings.names, settings.models, config.store_path / MODELS, settings.languages)
    except (SettingsError, MissingExtraError) as error:
        if asked or settings.models:
            raise
        told = f"Names are not looked for, patterns alone are: {error.what} {error.fix}"
    common.console(stderr=True).print(common.printable(told), markup=False, soft_wrap=True)
    return load_names("off", (), config.store_path / MODELS)


def level_of(settings: Mask, given: str) -> Level:
    """The level that was given, else the configuration's; one that masks nothing is meant for routes."""
    if given:
        return cast("Level", given)
    return settings.level if settings.level != "none" else DEFAULT_LEVEL


def modes_of(settings: Mask, pairs: list[str] | None) -> dict[str, Mode]:
    """The modes by kind.

    Raises:
        InputError: There is no such kind, or no such mode.
    """
    from weighbridge.mask.kinds import KINDS, own_kinds

    made: dict[str, Mode] = {}
    for pair in pairs or ():
        kind, _, mode = pair.partition("=")
        _known(kind, KINDS.keys() | own_kinds(settings), "kind", "--mode")
        _known(mode, MODES, "mode", "--mode")
        made[kind] = cast("Mode", mode)
    return made


def kinds_of(settings: Mask, text: str) -> frozenset[str] | None:
    """The kinds of a list with commas; None for an empty one.

    Raises:
        InputError: There is no such kind.
    """
    from weighbridge.mask.kinds import KINDS, own_kinds

    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    for name in sorted(names):
        _known(name, KINDS.keys() | own_kinds(settings), "kind", "--kinds")
    return names or None


def _known(name: str, known: object, what: str, where: str) -> None:
    have = set(cast("frozenset[str]", known))
    if name not in have:
        raise InputError(f"There is no {what} '{name[:50]}'.", where=where, fix=did_you_mean(name[:50], have))


def conversation_of(name: str) -> str:
    """The id of a conversation, as it was given.

    Raises:
        InputError: It cannot be one.
    """
    if not name or len(name) > 200 or name.startswith("~") or not name.isprintable():  # noqa: PLR2004 - as long as the gateway takes
        raise InputError(
            f"{name[:50]!a} cannot be a conversation's id.",
            where="--conversation",
            fix="Give up to 200 characters, the first one no ~.",
        )
    return name


class Keys:
    """The keys of the commands, made of the master keys.

    Args:
        config: Says where the store is.
        environ: May hold the master keys.
        tenant: Whose conversations.
    """

    def __init__(self, config: Config, environ: Mapping[str, str] = os.environ, tenant: str = TENANT) -> None:
        from weighbridge.access.masters import Masters

        self.tenant = tenant
        self._config = config
        self._masters = Masters(environ, config.store_path)

    @functools.cached_property
    def secret(self) -> bytes:
        """From which the keys of conversations come; other ones than the gateway's.

        Raises:
            StoreError: The master key can be neither read nor made.
        """
        return hmac.new(self._masters.first(), b"weighbridge mask commands", hashlib.sha256).digest()

    @functools.cached_property
    def vault(self) -> Vault:
        """Where values are kept, encrypted: in the state store."""
        from weighbridge.access.masking import vault_of

        return vault_of(self._config, self._masters)

    def sheet(self, conversation: str, modes: Mapping[str, Mode] | None = None, avoid: tuple[str, ...] = ()) -> Sheet:
        """A conversation's sheet, with what its vault holds, but for kinds that are not to come back any more."""
        from weighbridge.mask.secret import conversation_key
        from weighbridge.mask.sheet import Sheet

        modes = modes or {}
        made = Sheet(conversation_key(self.secret, self.tenant, conversation), modes=modes, avoid=avoid)
        kept = self.vault.get(self.tenant, conversation)
        made.learn(entry for entry in kept if modes.get(entry.kind, "token") in _BACK)
        return made

    def keep(self, conversation: str, sheet: Sheet) -> None:
        """Put into the vault what may come back."""
        self.vault.put(self.tenant, conversation, [entry for entry in sheet.entries if entry.mode in _BACK])


def tenant_of(config: Config, key: str) -> str:
    """Whose a conversation is: of these commands, or of whoever showed the gateway a key of this name.

    Raises:
        NotFoundError: There is no such key.
    """
    if not key:
        return TENANT
    from weighbridge.access import keys
    from weighbridge.gateway.admit import caller_of

    if key == NO_KEY:
        return caller_of(None)
    with common.state_store(config) as state:
        return caller_of(keys.find(state, key))


def counted(counts: Mapping[str, int]) -> str:
    """How many values of each kind, in words: the most first."""
    if not counts:
        return "nothing"
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {kind}" for kind, count in rows)


def no_vault(conversation: str) -> NotFoundError:
    """Says that nothing is kept for a conversation."""
    return NotFoundError(
        f"The conversation '{conversation}' has no vault: nothing can be brought back.",
        where="--conversation",
        fix="Give the id that the text was masked with. A vault ends with `mask forget`, or mask.vault_days after its last use.",
    )
