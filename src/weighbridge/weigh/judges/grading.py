"""Grades by rubric: every judge of a bench reads the answer, and the grade is their mean."""

from __future__ import annotations

import asyncio

from weighbridge.canon import Engine, Reply
from weighbridge.weigh.graders.base import MAX_TEXT
from weighbridge.weigh.graders.rubric import Rubric, rubric_of
from weighbridge.weigh.judges.bench import Bench
from weighbridge.weigh.judges.hostile import LABEL, speaks_to_judge
from weighbridge.weigh.judges.prompts import RUBRIC, answer_text, conversation
from weighbridge.weigh.judges.reading import Heard, read_score
from weighbridge.weigh.numbers import one_line
from weighbridge.weigh.types import Grade, Judgement, Sample

_SHOWN = 200  # characters of a reason in a grade's one line


async def grade(bench: Bench, sample: Sample, reply: Reply) -> Grade:
    """What a bench says of one answer to a sample of the grader `rubric`.

    The score is the mean over those judges that could be read; where there are none, the grade is missing. Judges
    never see who answered.

    Raises:
        InputError: There is a budget, and a judge's price is unknown or in another currency.
        EngineError: A judge cannot be called at all, or failed ten times in a row.
        StoreError: A judge's answer cannot be stored.
    """
    rubric = rubric_of(sample.target)
    text = answer_text(reply)
    if len(text) > MAX_TEXT:
        return Grade(0.0, why=f"longer than {MAX_TEXT:,} characters: not judged")
    judged = await asyncio.gather(*(_hear(bench, judge, rubric, sample, text) for judge in bench.judges))
    return of_judgements(tuple(judged), label=LABEL if speaks_to_judge(text) else "")


def of_judgements(judged: tuple[Judgement, ...], *, label: str = "") -> Grade:
    """The grade that judgements of one answer make."""
    heard = [(j.score, j.why) for j in judged if j.score is not None]
    if not heard:
        why = "; ".join(dict.fromkeys(one_line(j.why, _SHOWN) for j in judged)) or "nobody judged"
        return Grade(0.0, why=f"not judged: {why}", label=label, missing=True, judged=judged)
    scores = [score for score, _ in heard]
    why = one_line(heard[0][1], _SHOWN)
    if len(scores) > 1 and min(scores) != max(scores):
        why = f"judges differ, from {min(scores):.2f} to {max(scores):.2f}: {why}"
    return Grade(sum(scores) / len(scores), why=why, label=label, judged=judged)


async def _hear(bench: Bench, judge: Engine, rubric: Rubric, sample: Sample, text: str) -> Judgement:
    parts = {"request": conversation(sample.messages), "rubric": rubric.text}
    if rubric.reference:
        parts["reference"] = rubric.reference
    parts["answer"] = text

    def read(said: str) -> Heard | None:
        heard = read_score(said, rubric.low, rubric.high)
        return Heard(rubric.fraction(heard.value), heard.why) if heard is not None else None

    messages = RUBRIC.messages(parts, low=rubric.low, high=rubric.high)
    return await bench.hear(judge, RUBRIC, messages, read)
