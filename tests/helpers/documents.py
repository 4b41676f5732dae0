"""A weighing with real figures, from a seed, and documents of it that were tampered with."""

from __future__ import annotations

import random
from typing import Any

from msgspec.structs import replace
from weighings import make_samples, reply

from weighbridge import __version__
from weighbridge.canon import Engine, Fact, Host, Model, Offer, Price, Profile, Usage
from weighbridge.weigh import graders, scorecard, suites
from weighbridge.weigh.types import Result, Sample, Suite, Weighing

DAY = "2026-11-01"
BASE, CANDIDATE = "alder@north", "birch@south"


def engine(name: str = BASE, *, price: int = 2_000_000, host: dict[str, Any] | None = None) -> Engine:
    model, _, where = name.partition("@")
    return Engine(
        model=Model(
            name=model, lab="Lab", lab_country="NL", open_weights=True, licence="MIT", context=32_000,
            sources={"licence": Fact(source="the model's page", observed="2026-10-01")},
        ),
        host=Host(name=where, jurisdiction="EU", url="https://user:word@host.example/v1", key_env="SECRET_KEY", **(host or {})),
        offer=Offer(
            model=model,
            host=where,
            prices=(
                Price(input=price, output=4 * price, valid_from="2026-01-01", source="the price page", observed="2026-10-30"),
            ),
        ),
        profile=Profile(),
    )  # fmt: skip


def answers(name: str, samples: tuple[Sample, ...], *, skill: float, seed: int, of: Engine) -> tuple[Result, ...]:
    rng = random.Random(f"{name} {seed}")
    made = []
    for index, sample in enumerate(samples):
        if index % 29 == 28:
            made.append(Result(sample=sample.id, engine=name, error="deadline: no answer", cost=10, total=20.0))
            continue
        said = reply(str(sample.target) if rng.random() < skill else "I can\u2019t say <b>that</b>.")
        usage = Usage(input=rng.randint(20, 60), output=rng.randint(2, 50), cached=rng.randint(0, 9))
        first = rng.lognormvariate(-3, 0.4)
        made.append(
            Result(
                sample=sample.id,
                engine=name,
                grade=graders.grade(sample, said),
                reply=said,
                usage=usage,
                cost=of.cost(usage, DAY),
                first_token=first,
                total=first + rng.random(),
                at=1_790_000_000.25 + index,
                trace=f"t{index}",
                reused=rng.random() < 0.2,
            )
        )
    return tuple(made)


def weigh(
    count: int = 40, *, seed: int = 1, clustered: bool = False, skills: tuple[float, float] = (0.8, 0.6), price: int = 2_000_000,
    version: str = __version__, started: float = 1_790_000_000.0,
) -> Weighing:  # fmt: skip
    samples = tuple(s for s in make_samples(count * 2) if s.grader not in ("schema", "refusal"))[:count]
    if clustered:
        samples = tuple(replace(s, cluster=f"c{index // 3}") for index, s in enumerate(samples))
    engines = [engine(BASE, price=price), engine(CANDIDATE, price=price // 2)]
    results = {
        e.name: answers(e.name, samples, skill=skill, seed=seed, of=e) for e, skill in zip(engines, skills, strict=True)
    }
    return scorecard.weighing(
        Suite("starter", samples, suites.digest(samples)),
        engines,
        results,
        base=BASE,
        margin=0.05,
        alpha=0.05,
        seed=7,
        day=DAY,
        started=started,
        noise=answers(BASE, samples, skill=skills[0], seed=seed + 1, of=engines[0]),
        version=version,
    )
