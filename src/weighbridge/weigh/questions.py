"""The questions of a run: each sample to each contestant, named by what may change the answer, with what is stored of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """

    def __init__(self, store: Store, options: Options, *, words: bool = True) -> None:
        self._store = store
        self._options = options
        self._decoder = _WHOLE if words else _TOLD

    def of(self, samples: Sequence[Sample], group: Sequence[Contestant]) -> Iterator[Question]:
        """All questions, sample by sample.

        They are looked up a few at a time, and then more, so that naming the later ones costs no time before the first call.

        Raises:
            StoreError: The store cannot be read.
        """
        known: dict[str, bytes] = {}
        named = [(c, c.name, asking.identity(c.engine, self._options.folder), self._masking(c.level)) for c in group]
        start, size = 0, CHUNK
        while start < len(samples):
            chunk = [
                (contestant, name, sample, request, asking.key(identity, request, contestant.repeat, mask))
                for sample in samples[start : start + size]
                for contestant, name, identity, mask in named
                for request in (self._request(sample, contestant.engine, contestant.repeat),)
            ]
            if not self._options.fresh:
                known = self._store.get_many(key for *_, key in chunk)
            for contestant, name, sample, request, key in chunk:
                yield Question(contestant, name, sample, request, key, _read(known.get(key), self._decoder))
            start, size = start + size, min(2 * size, LARGEST)

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


def _read(value: bytes | None, decoder: msgspec.json.Decoder[Any]) -> Told | None:
    """A stored answer; None for one that this version cannot read, which is then asked for again."""
    if value is None:
        return None
    try:
        found: Told = decoder.decode(value)
    except msgspec.DecodeError:
        return None
    return found
