"""What came of a run's questions so far, and the outcome that they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from weighbridge.canon import Trace
from weighbridge.errors import BudgetError
from weighbridge.weigh import masking
from weighbridge.weigh.asking import Answer, Contestant, Told
from weighbridge.weigh.course import Course
from weighbridge.weigh.questions import Question
from weighbridge.weigh.terms import Options, Outcome, Progress
from weighbridge.weigh.types import Grade, Result, Sample


class Tally:
    """One run's results.

    Args:
        options: How the run is made.
        progress: Is kept up to date.
        course: Of a run that may stop early; it is told of every result.

    Attributes:
        unasked: Questions that the budget left open.
    """

    def __init__(self, options: Options, progress: Progress, course: Course | None) -> None:
        self._options = options
        self._progress = progress
        self._course = course
        self._results: defaultdict[tuple[str, int], dict[str, Result]] = defaultdict(
            dict
        )  # by contestant and pass, then by sample
        self.unasked = 0

    @property
    def decided(self) -> bool:
        """Is every verdict known, in a run that may stop early?"""
        return self._course is not None and self._course.decided

    def has(self, question: Question) -> bool:
        """Is there a result of it?"""
        return question.sample.id in self._results[question.name, question.contestant.repeat]

    def answered(self, question: Question, answer: Told, grade: Grade, *, reused: bool, copied: bool = False) -> None:
        """Take in an answer with its grade. One that was `copied` is reused, from another sample of this run."""
        engine = question.contestant.engine
        result = Result(
            sample=question.sample.id,
            engine=question.name,
            grade=grade,
            reply=answer.reply if self._options.texts and isinstance(answer, Answer) else None,
            usage=answer.usage,
            cost=engine.cost(answer.usage, self._options.day) if answer.usage else None,
            first_token=answer.first_token,
            total=answer.total,
            at=answer.at,
            trace=answer.trace,
            reused=reused,
            key=b"" if self._options.texts else bytes.fromhex(question.key),
            exposure=masking.exposed(question.sample, question.contestant.level, answer.sent, answer.masked),
        )
        self._keep(question, result, copied=copied)

    def failed(self, question: Question, trace: Trace, cost: int | None, error: str) -> None:
        """Take in a call that gave no answer."""
        result = Result(
            sample=question.sample.id,
            engine=question.name,
            cost=cost,
            total=trace.total,
            at=trace.at,
            error=error,
            trace=trace.id,
        )
        self._keep(question, result)

    def _keep(self, question: Question, result: Result, *, copied: bool = False) -> None:
        again = question.contestant.repeat
        self._results[question.name, again][result.sample] = result
        progress = self._progress
        progress.done += 1
        if copied:
            progress.copied += 1
        elif result.reused:
            progress.reused += 1
        elif result.error:
            progress.failed += 1
        if self._course is not None and again < self._options.repeats:
            self._course.told(question.name, result)

    def outcome(self, samples: Sequence[Sample], contestants: Sequence[Contestant], budget: str) -> Outcome:
        """Put the results in order; after an early stop, those of samples that all were asked.

        Args:
            samples: All of them, in order.
            contestants: All of them, in order.
            budget: The budget and what is spent of it, for people.

        Raises:
            BudgetError: Not one sample was asked of every engine.
        """
        looked = None if self._course is None else self._course.looked
        passes = {(c.name, c.repeat): self._results[c.name, c.repeat] for c in contestants}
        whole = [
            s for s in samples if (looked is None or s.id in looked) and all(s.id in found for found in passes.values())
        ]
        if not whole:
            raise BudgetError(
                "The budget does not allow one sample to be asked of every engine.",
                where="--budget",
                fix="Raise it, or ask fewer or cheaper engines. Answers that were paid for are kept.",
            )
        ordered = {name: tuple([found[s.id] for s in whole]) for name, found in passes.items()}
        stopped = (
            f"{budget} does not cover the next answer at worst; {self.unasked} questions were not asked, "
            f"{len(samples) - len(whole)} of {len(samples)} samples are left out"
        )
        return Outcome(
            samples=tuple(whole),
            results={name: found for (name, again), found in ordered.items() if again == 0},
            noise=next(
                (found for (name, again), found in ordered.items() if again and name == self._options.noise), ()
            ),
            stopped=stopped if self.unasked else "",
            unasked=self.unasked,
            repeats=self._repeats(ordered),
        )

    def _repeats(self, ordered: dict[tuple[str, int], tuple[Result, ...]]) -> dict[str, tuple[tuple[Result, ...], ...]]:
        """The further passes of every contestant."""
        if self._options.repeats == 1:
            return {}
        names = dict.fromkeys(name for name, _ in ordered)
        return {n: tuple(ordered[n, again] for again in range(1, self._options.repeats)) for n in names}
