"""What a failed call says about the next one."""

from __future__ import annotations

from weighbridge.errors import EngineError, MissingExtraError, SettingsError, WeighbridgeError

#: With these no further sample can fare better.
HOPELESS = ("no_key", "wrong_key", "no_credit", "unknown_model", "local_engine", "missing_extra", "bad_settings")
#: The engine is there but busy: the sample is tried again, with fewer at once.
BUSY = ("rate_limited", "overloaded")
#: After these the engine may have worked, and charge for it.
MAY_COST = ("broken_answer", "deadline", "interrupted")
#: The sample itself is at fault, so these say nothing about the next one, once an engine has answered at all.
_OWN_FAULT = ("refused_request", "bad_input", "too_large", "unsupported_content")
GIVE_UP = 10  #: failures in a row after which an engine is taken to be down; of its first calls, failures of any kind


class Streaks:
    """Failures by engine: those in a row, and those of one that has not answered at all yet."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._before: dict[str, int] = {}  #: calls that failed before the first answer
        self._last: dict[str, tuple[str, str]] = {}
        self._met: set[str] = set()  #: engines that have answered, in this run or in an earlier one

    def met(self, engine: str) -> None:
        """It has answered once, be it in an earlier run: what fails from now on may be the samples' own fault."""
        self._met.add(engine)

    def answered(self, engine: str) -> None:
        """The engine is there."""
        self._met.add(engine)
        self._rows[engine] = 0

    def failed(self, engine: str, code: str, said: str) -> WeighbridgeError | None:
        """Count a failure. Returns the error to end the run with, if it is time for that.

        A sample that is at fault itself says nothing about the next one, unless no sample has fared better.
        """
        self._last[engine] = code, said
        self._before[engine] = self._before.get(engine, 0) + 1
        if engine not in self._met and self._before[engine] >= GIVE_UP:
            return self.silent(engine)
        if code in _OWN_FAULT:
            return None
        self._rows[engine] = self._rows.get(engine, 0) + 1
        if code not in HOPELESS and self._rows[engine] < GIVE_UP:
            return None
        return _error(engine, code, said, "Put it right")

    def silent(self, engine: str) -> WeighbridgeError | None:
        """The error of an engine that was asked and has never answered; None of any other."""
        if engine in self._met or engine not in self._last:
            return None
        count = self._before[engine]
        lead = "Its one call failed" if count == 1 else f"Its first {count} calls all failed"
        return _error(engine, *self._last[engine], f"{lead}. Put it right")


def _error(engine: str, code: str, said: str, fix: str) -> WeighbridgeError:
    """The error of a code, in the host's own words."""
    kinds: list[type[WeighbridgeError]] = [*EngineError.__subclasses__(), MissingExtraError, SettingsError]
    kind = next((k for k in kinds if k.code == code), EngineError)
    return kind(
        said.removeprefix(f"{engine}: "),
        where=engine,
        fix=f"{fix} and run the same command again: what was answered is kept.",
    )
