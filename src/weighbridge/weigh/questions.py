"""The questions of a run: each sample to each contestant, named by what may change the answer, with what is stored of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from weighbridge.canon import Engine, Level, Request
from weighbridge.exchange import Call
from weighbridge.weigh import asking, masking
from weighbridge.weigh.asking import Answer, Contestant
from weighbridge.weigh.purse import worst_cost
from weighbridge.weigh.terms import Options, Store
from weighbridge.weigh.types import Sample

CHUNK = 64  #: samples that are looked up in the store at once

_DECODER = msgspec.json.Decoder(Answer)


class Question(NamedTuple):
    """One sample to one contestant. `name` is the contestant's, `known` the stored answer, if there is one."""

    contestant: Contestant
    name: str
    sample: Sample
    request: Request
    key: str
    known: Answer | None = None

    @property
    def call(self) -> Call:
        """What the road is asked for."""
        return Call(request=self.request, source="weigh", mask=masking.masking_of(self.contestant.level))


class Questions:
    """Makes the questions of a run, and looks their answers up.

    Args:
        store: Where answers are kept.
        options: How the run is made.
    """

    def __init__(self, store: Store, options: Options) -> None:
        self._store = store
        self._options = options

    def of(self, samples: Sequence[Sample], group: Sequence[Contestant]) -> Iterator[Question]:
        """All questions, sample by sample.

        They are looked up a few at a time, so that naming the later ones costs no time before the first call.

        Raises:
            StoreError: The store cannot be read.
        """
        known: dict[str, bytes] = {}
        named = [(c, c.name, asking.identity(c.engine, self._options.folder), self._masking(c.level)) for c in group]
        for start in range(0, len(samples), CHUNK):
            chunk = [
                Question(contestant, name, sample, request, asking.key(identity, request, contestant.repeat, mask))
                for sample in samples[start : start + CHUNK]
                for contestant, name, identity, mask in named
                for request in (self._request(sample, contestant.engine, contestant.repeat),)
            ]
            if not self._options.fresh:
                known = self._store.get_many(question.key for question in chunk)
            for question in chunk:
                answer = _read(known.get(question.key))
                yield question if answer is None else question._replace(known=answer)

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


def _read(value: bytes | None) -> Answer | None:
    """A stored answer; None for one that this version cannot read, which is then asked for again."""
    if value is None:
        return None
    try:
        return _DECODER.decode(value)
    except msgspec.DecodeError:
        return None
