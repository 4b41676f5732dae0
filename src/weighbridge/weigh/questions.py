"""The questions of a run: each sample to each contestant, named by what may change the answer, with what is stored of it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from weighbridge.canon import Engine, Level, Request
from weighbridge.exchange import Call
from weighbridge.weigh import asking, masking
from weighbridge.weigh.asking import Answer, Contestant, Told
from weighbridge.weigh.purse import worst_cost
from weighbridge.weigh.terms import Options, Store
from weighbridge.weigh.types import Sample

CHUNK = 64  #: samples that are looked up in the store at once
LARGEST = 512  #: of the later ones

_Named = tuple[Contestant, str, bytes, str]  # who is asked, by what name, what names it for ever, how it is masked
_WHOLE = msgspec.json.Decoder(Answer)
_TOLD: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)


class Question(NamedTuple):
    """One sample to one contestant. `name` is the contestant's, `known` what is stored of its answer, if there is one."""

    contestant: Contestant
    name: str
    sample: Sample
    request: Request
    key: str
    known: Told | None = None

    @property
    def call(self) -> Call:
        """What the road is asked for."""
        return Call(request=self.request, source="weigh", mask=masking.masking_of(self.contestant.level))


class Questions:
    """Makes the questions of a run, and looks their answers up.

    Args:
        store: Where answers are kept.
        options: How the run is made.
        words: Are the words of stored answers wanted at once? Otherwise `whole` gives them.

    Attributes:
        met: The names of contestants of whom an answer was found.
    """

    def __init__(self, store: Store, options: Options, *, words: bool = True) -> None:
        self._store = store
        self._options = options
        self._decoder = _WHOLE if words else _TOLD
        self._seen = 0
        self.met: set[str] = set()

    def of(
        self, samples: Sequence[Sample], group: Sequence[Contestant], *, in_order: bool = False
    ) -> Iterator[Question]:
        """All questions, sample by sample.

        They are looked up a few at a time, and then more, so that naming the later ones costs no time before the first call.
        Where somebody else writes to the store, what is left of these is looked up again, and in another order, so that two
        runs do not walk side by side.

        Args:
            samples: What is asked.
            group: Who is asked.
            in_order: Keep the order of the samples, whoever else writes.

        Raises:
            StoreError: The store cannot be read.
        """
        named = [(c, c.name, asking.identity(c.engine, self._options.folder), self._masking(c.level)) for c in group]
        postponed: list[Sample] | None = None if in_order else []
        yield from self._walk(samples, named, postponed, in_order=in_order)
        if postponed:
            yield from self._walk(postponed[::-1], named, None, in_order=in_order)

    def _walk(
        self, samples: Sequence[Sample], named: Sequence[_Named], postponed: list[Sample] | None, *, in_order: bool
    ) -> Iterator[Question]:
        """All questions. Of pieces that are answered in part, the rest may be `postponed`: another run may be at them."""
        start, size = 0, CHUNK
        while start < len(samples):
            rows = deque([self._row(sample, named) for sample in samples[start : start + size]])
            known = self._known(rows)
            if postponed is not None and known:
                postponed += [row[0].sample for row in rows if _open(row, known)]
                rows = deque([row for row in rows if not _open(row, known)])
            elif postponed:
                rows.reverse()  # towards the run that may be under way
            while rows:
                if _open(rows[0], known) and self._others_wrote():
                    found = self._known(rows)
                    rows = rows if in_order else _apart(rows, found.keys() - known.keys())
                    known = found
                for question in rows.popleft():
                    yield question._replace(known=_read(known.get(question.key), self._decoder))
            start, size = start + size, min(2 * size, LARGEST)

    def latest(self, question: Question) -> Question:
        """A question without an answer, looked up once more if somebody else has written since it was.

        Raises:
            StoreError: The store cannot be read.
        """
        if question.known is not None or not self._others_wrote():
            return question
        found = self._store.get_many([question.key])
        return question._replace(known=_read(found.get(question.key), self._decoder))

    def _row(self, sample: Sample, named: Sequence[_Named]) -> list[Question]:
        """One sample's questions."""
        row = []
        for contestant, name, identity, mask in named:
            request = self._request(sample, contestant.engine, contestant.repeat)
            key = asking.key(identity, request, contestant.repeat, mask)
            row.append(Question(contestant, name, sample, request, key))
        return row

    def _known(self, rows: Iterable[list[Question]]) -> dict[str, bytes]:
        """What is stored of these, and of whom anything is."""
        if self._options.fresh:
            return {}
        self._seen = self._store.others()
        found = self._store.get_many(question.key for row in rows for question in row)
        if found:
            self.met.update(question.name for row in rows for question in row if question.key in found)
        return found

    def _others_wrote(self) -> bool:
        return not self._options.fresh and self._store.others() != self._seen

    def whole(self, question: Question) -> Answer:
        """The stored answer of a question that is known, with its words.

        Raises:
            StoreError: The store cannot be read.
        """
        if isinstance(question.known, Answer):
            return question.known
        return _WHOLE.decode(self._store.get_many([question.key])[question.key])

    def check_prices(self, samples: Sequence[Sample], engines: Sequence[Engine]) -> None:
        """Raise InputError if there is a budget and an engine whose cost cannot be told."""
        for engine in engines if self._options.budget is not None else ():
            for sample in samples:
                worst_cost(engine, self._request(sample, engine), self._options.day)

    def worst(self, question: Question) -> int:
        """Micro-units that a question may cost at worst; 0 where no budget is set."""
        if self._options.budget is None:
            return 0
        return worst_cost(question.contestant.engine, question.request, self._options.day)

    def _request(self, sample: Sample, engine: Engine, again: int = 0) -> Request:
        options = self._options
        # The second answer that a noise floor is made of is asked for with the very same words.
        seed = options.seed + (again if options.repeats > 1 else 0)
        return asking.request_for(
            sample, engine, max_tokens=options.max_tokens, seed=seed, temperature=options.temperature
        )

    def _masking(self, level: Level | None) -> str:
        """What names how a contestant's requests are masked; "" where nobody masks."""
        if level == "none":
            return level
        return f"{level} {self._options.masking}" if level else self._options.masking


def _open(row: Iterable[Question], known: Container[str]) -> bool:
    """Is any of a row's questions without an answer?"""
    return any(question.key not in known for question in row)


def _apart(rows: deque[list[Question]], new: Container[str]) -> deque[list[Question]]:
    """Rows in an order in which another run, that has just answered `new`, is not met again.

    One that comes from the far end is walked towards. With one that is here or just ahead, chance decides on the order.
    """
    half = len(rows) // 2
    if any(question.key in new for row in list(rows)[half:] for question in row):
        return rows
    shuffled = list(rows)
    random.shuffle(shuffled)  # no seed: two runs with the same one must not take the same way
    return deque(shuffled)


def _read(value: bytes | None, decoder: msgspec.json.Decoder[Any]) -> Told | None:
    """A stored answer; None for one that this version cannot read, which is then asked for again."""
    if value is None:
        return None
    try:
        found: Told = decoder.decode(value)
    except msgspec.DecodeError:
        return None
    return found
