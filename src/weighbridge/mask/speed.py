"""How fast values are found: invented texts of three sorts, and what a call on them takes.

The texts come from a seed, so every machine measures the same; program code is the standard library's.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from msgspec import Struct

SORTS = ("prose", "personal", "code")
"""Sentences; a form full of personal data; the standard library's source."""

_TEXT = (
    "the of and to in that was for with on as by at from which were but not have this they one would all there been "
    "more when their said about time before over after first could other these some made such water people through "
    "where should because between under never morning evening garden letter answer question window road river house "
    "summer winter slowly carefully again always often usually nearly rather quietly clearly early late old new small "
    "large green bright careful certain common different difficult early general important local possible public real "
    "recent several simple special strong sudden useful whole young account action area basis board branch budget care "
    "case chance change claim committee course decision detail effect effort figure form group hand interest kind list "
    "market matter measure meeting member method minute moment month notice number office order paper part party period "
    "place plan point policy position practice price problem process programme project purpose rate reason record report "
    "result return review rule sample scheme section series service side sign stage standard state step stock story "
    "study subject supply support system table task term test trade travel value view visit week work year"
)
_WORDS = tuple(_TEXT.split())
_GIVEN = ("Marta", "Jonas", "Priya", "Daniel", "Helen", "Tomas", "Amina", "Peter", "Lucia", "George")
_FAMILY = ("Keller", "Novak", "Sharma", "Brooks", "Osei", "Lindgren", "Moreau", "Rossi", "Barnes", "Fischer")
_TOWNS = ("Leeds", "Hamburg", "Lyon", "Turin", "Boston", "Porto", "Krakow", "Utrecht", "Malmo", "Austin")
_PROMPT = 2_000
_PROMPTS = 100


def prose(size: int, rng: random.Random) -> str:
    """Sentences, with a name or a place in every third."""
    parts: list[str] = []
    length = 0
    while length < size:
        words = rng.choices(_WORDS, k=rng.randint(7, 18))
        chance = rng.random()
        if chance < 0.2:  # noqa: PLR2004 - every fifth
            words[rng.randrange(1, len(words))] = f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}"
        elif chance < 0.33:  # noqa: PLR2004 - and an eighth
            words[rng.randrange(1, len(words))] = f"in {rng.choice(_TOWNS)}"
        sentence = " ".join(words)
        parts.append(sentence[0].upper() + sentence[1:] + rng.choice((". ", ". ", ".\n\n")))
        length += len(parts[-1])
    return "".join(parts)[:size]


def personal(size: int, rng: random.Random) -> str:
    """Lines of a form, each with values of ranges that nobody has."""
    parts: list[str] = []
    length = 0
    while length < size:
        given, family = rng.choice(_GIVEN), rng.choice(_FAMILY)
        parts.append(
            f"Name: {given} {family}, born {rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1940, 2005)}\n"
            f"Phone: (212) 555-01{rng.randint(0, 99):02}, mail {given}.{family}{rng.randint(1, 99)}@example.com\n"
            f"Address: {rng.randint(1, 400)} {rng.choice(_FAMILY)} Street, {rng.choice(_TOWNS)}; "
            f"from 198.51.100.{rng.randint(1, 254)}\n"
            f"Card 4111 1111 1111 1111, SSN {rng.randint(900, 999)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}\n\n"
        )
        length += len(parts[-1])
    return "".join(parts)[:size]


def code(size: int) -> str:
    """The start of each of the standard library's modules, in order, until there is enough."""
    parts: list[str] = []
    length = 0
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        parts.append(path.read_text(encoding="utf-8", errors="replace")[: max(4_000, size // 40)])
        length += len(parts[-1])
        if length >= size:
            break
    return "\n".join(parts)[:size]


def text_of(sort: str, size: int, seed: int = 1) -> str:
    """A text of one of `SORTS`, of so many characters."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    if sort == "code":
        return code(size)
    return prose(size, rng) if sort == "prose" else personal(size, rng)


def prompts(number: int = _PROMPTS, size: int = _PROMPT) -> list[str]:
    """Different prompts: prose, with two lines of a form in them."""
    made: list[str] = []
    for seed in range(number):
        form = text_of("personal", 150, seed)
        made.append(f"{text_of('prose', size - len(form) - 1, seed)}\n{form}")
    return made


class Rate(Struct, frozen=True):
    """KB a second by the clock, and per second of one core's time: they differ where others use the machine."""

    kb_per_s: float
    kb_per_cpu_s: float


class Wait(Struct, frozen=True):
    """Milliseconds that a call takes, by the clock, and by one core's time."""

    p50: float
    p95: float
    cpu_p50: float
    cpu_p95: float


def rate(find: Callable[[str], object], text: str, *, seconds: float = 1.0) -> Rate:
    """The best of several calls on a text, which is looked through for about so long.

    Args:
        find: Looks through a text.
        text: Of any length.
        seconds: Roughly; at least two calls are made.
    """
    kb = len(text.encode("utf-8", "surrogatepass")) / 1000
    find(text[:1000])
    wall: list[float] = []
    cpu: list[float] = []
    until = time.perf_counter() + seconds
    while len(wall) < 2 or time.perf_counter() < until:  # noqa: PLR2004 - the first one may still load something
        started, worked = time.perf_counter(), time.process_time()
        find(text)
        cpu.append(time.process_time() - worked)
        wall.append(time.perf_counter() - started)
    return Rate(kb / max(min(wall), 1e-9), kb / max(min(cpu), 1e-9))


def wait(find: Callable[[str], object], texts: Sequence[str]) -> Wait:
    """What each call takes, after one that is not counted.

    Args:
        find: Looks through a text.
        texts: Different ones, at least two.
    """
    find(texts[0])
    wall: list[float] = []
    cpu: list[float] = []
    for text in texts:
        started, worked = time.perf_counter(), time.process_time()
        find(text)
        cpu.append((time.process_time() - worked) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    by_wall, by_cpu = (quantiles(values, n=20, method="inclusive") for values in (wall, cpu))
    return Wait(by_wall[9], by_wall[18], by_cpu[9], by_cpu[18])
