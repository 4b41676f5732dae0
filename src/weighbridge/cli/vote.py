"""`weighbridge vote`: people say which of two answers is better, before they know whose it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from weighbridge.cli import common, vote_source, vote_view
from weighbridge.errors import InputError, StoreError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.canon import Ballot
    from weighbridge.store.database import Database
    from weighbridge.weigh.judges.voting import Pair

_PICKS = {"t": "tie", "s": "skip"}
_KEYS = "[a] the first  [b] the second  [t]ie  [s]kip  [u]ndo  [q]uit"
_LAST = "That was the last pair.  [u]ndo  [q]uit"


def vote(
    ctx: typer.Context,
    source: Annotated[
        Path, typer.Argument(help="A finished weighing, or a JSONL file with answers.", metavar="WEIGHING|BASE")
    ],
    other: Annotated[
        Path | None, typer.Argument(help="With BASE: the other engine's answers.", metavar="CANDIDATE")
    ] = None,
    candidate: Annotated[
        str, typer.Option(help="Of a weighing of several engines: vote on this one alone.", metavar="ENGINE")
    ] = "",
    voter: Annotated[str | None, typer.Option(help="Who votes.", metavar="NAME", show_default="your user name")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Vote on no more than so many pairs.")] = None,
    seed: Annotated[int | None, common.option("weigh.seed")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Don't vote: tell how the votes stand.")] = False,
    export: Annotated[
        Path | None, typer.Option(help="Don't vote: write the votes to this file, JSON Lines.", metavar="FILE")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Say which of two answers is better, before you know whose it is.

    Sides are drawn for each voter. Votes are kept with who and when: stop at any
    time and go on later. Keys may be piped in: echo abtq | weighbridge vote ...

    A weighing has to hold its answers: weigh run ... --report w.json --with-answers

    Example: weighbridge vote w.json --voter ann
    """
    from weighbridge.store import votes

    config = common.load_config(ctx, weigh__seed=seed)
    contest = vote_source.load(source, other, candidate)
    name = common.who() if voter is None else voter
    votes.check_voter(name)
    with common.state_store(config) as state:
        database = state.database
        if not (summary or export):
            _Booth(database, contest.pairs, name, config.settings.weigh.seed, limit).open(common.console())
            return
        kept = votes.cast_on(database, [pair.key for pair in contest.pairs])
    if export:
        _export(export, kept)
    if summary:
        vote_view.show(common.console(), contest, kept, seed=config.settings.weigh.seed, as_json=as_json)


class _Turn(Struct):
    """One pair as one voter sees it."""

    pair: Pair
    base_first: bool


class _Booth:
    """Where one person votes."""

    def __init__(self, database: Database, pairs: list[Pair], voter: str, seed: int, limit: int | None) -> None:
        from weighbridge.store import votes
        from weighbridge.weigh.judges import voting

        self._database, self._voter = database, voter
        ordered = voting.ordered(pairs, seed)[:limit]
        before = votes.cast_on(database, [pair.key for pair in ordered])
        turns = {pair.key: _Turn(pair, voting.base_first(pair, voter, seed)) for pair in ordered}
        self._left = [turns[pair.key] for pair in voting.left(ordered, before, voter)]
        self._done = [turns[b.pair] for b in before if b.voter == voter]
        self._total = len(ordered)

    def open(self, out: Console) -> None:
        """Show pair after pair until there is none left, or nobody wants to go on."""
        keys = _keys()
        while self._turn(keys, out):
            pass
        done, left = len(self._done), len(self._left)
        out.print(
            f"\n{done} of {self._total} pairs voted on by {common.printable(self._voter)}; {left} left.", markup=False
        )
        out.print("How the votes stand: the same command with --summary.", markup=False)

    def _turn(self, keys: Iterator[str], out: Console) -> bool:
        """The next pair, or after the last one a chance to go back; False to stop."""
        if not self._left:
            out.print(f"\n{_LAST}", markup=False)
            return self._take(keys, out, None)
        turn = self._left[0]
        vote_view.show_turn(out, turn.pair, base_first=turn.base_first, at=len(self._done) + 1, of=self._total)
        out.print(_KEYS, markup=False)
        return self._take(keys, out, turn)

    def _take(self, keys: Iterator[str], out: Console, turn: _Turn | None) -> bool:
        """One key that means something; False to stop."""
        for key in keys:
            if key == "q":
                return False
            if turn and key in ("a", "b"):
                self._cast(turn, "base" if (key == "a") == turn.base_first else "candidate")
                return True
            if turn and key in _PICKS:
                self._cast(turn, _PICKS[key])
                return True
            if key == "u":
                if self._undo():
                    return True
                out.print("There is nothing to undo.")
                continue
            out.print(f"'{common.printable(key)}' is no choice. {_KEYS if turn else _LAST}", markup=False)
        return False

    def _cast(self, turn: _Turn, choice: str) -> None:
        from weighbridge.store import votes

        first = turn.pair.base if turn.base_first else turn.pair.candidate
        votes.cast(self._database, turn.pair.ballot(choice, voter=self._voter, at=time.time(), first=first))
        self._done.append(self._left.pop(0))

    def _undo(self) -> bool:
        from weighbridge.store import votes

        if not self._done:
            return False
        turn = self._done.pop()
        votes.withdraw(self._database, turn.pair.key, self._voter)
        self._left.insert(0, turn)
        return True


def _keys() -> Iterator[str]:
    """Keys as they are struck, or as they are piped in; blanks mean nothing."""
    read: Callable[[], str] = _struck if sys.stdin.isatty() else lambda: sys.stdin.buffer.read(1).decode("latin-1")
    while key := read():
        if key in ("\x03", "\x04"):
            return
        if key.strip():
            yield key.casefold()


def _struck() -> str:
    try:
        return typer.getchar()
    except (KeyboardInterrupt, EOFError):
        return ""


def _export(path: Path, kept: list[Ballot]) -> None:
    import msgspec

    from weighbridge.weigh.judges import voting

    rows: list[dict[str, Any]] = list(voting.rows(kept))
    if not rows:
        raise InputError("Nobody voted on any of these pairs.", where=str(path), fix="Vote first, without --export.")
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    try:
        path.write_bytes(lines)
    except OSError as error:
        raise StoreError(
            f"The votes cannot be written: {error.strerror}.", where=str(path), fix="Name another file."
        ) from error
