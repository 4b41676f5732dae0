"""One exception tree. Every error says what happened, where, and how to put it right.

    WeighbridgeError                 code                 http  exit
    |-- InputError                   bad_input             400     2
    |   |-- SettingsError            bad_settings          500     2
    |   |-- TooLargeError            too_large             413     2
    |   |-- MediaError               unsupported_content   400     2
    |   `-- LossError                would_lose            400     2
    |-- NotFoundError                not_found             404     3
    |   |-- UnknownEngineError       unknown_engine        404     3
    |   |-- UnknownRouteError        unknown_route         404     3
    |   `-- UnknownTraceError        unknown_trace         404     3
    |-- AccessError                  access_denied         401     4
    |   `-- ForbiddenError           forbidden             403     4
    |       `-- PolicyError          policy_refused        403     4
    |-- EngineError                  engine_failed         502     5
    |   |-- NoKeyError               no_key                503     4
    |   |-- WrongKeyError            wrong_key             502     4
    |   |-- NoCreditError            no_credit             502     5
    |   |-- UnknownModelError        unknown_model         502     5
    |   |-- RefusedRequestError      refused_request       400     5
    |   |-- RateLimitedError         rate_limited          429     5
    |   |-- OverloadedError          overloaded            503     5
    |   |-- UnreachableError         unreachable           502     5
    |   |-- DeadlineError            deadline              504     5
    |   |-- BrokenAnswerError        broken_answer         502     5
    |   `-- LocalEngineError         local_engine          503     5
    |-- StoreError                   store_failed          507     6
    |   |-- StoreFullError           store_full            507     6
    |   `-- DamagedError             damaged               500     6
    |-- LimitError                   limit_reached         429     7
    |   `-- BudgetError              budget_spent          402     7
    |-- MaskError                    mask_failed           503     4
    |-- PortError                    port_taken            500     8
    `-- MissingExtraError            missing_extra         501     9

Exit codes 0 and 1 are success and a fault of our own; 130 is an interruption. 10, 11 and 12 are answers, not errors: with
--fail-on a verdict is unsafe or undecided, and a report that `verify` looked at is not what its raw grades make.
A code never changes its meaning: programs may switch on it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class WeighbridgeError(Exception):
    """What every error of this project is.

    Args:
        what: One sentence: what happened, with the value that caused it.
        where: The place: a file and line, a field, an engine. Empty if it has none.
        fix: One sentence: what to do about it. Empty only if nothing can be done.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        """The whole message on one line: `where: what Fix.`."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} {self.fix}" if self.fix else text


class InputError(WeighbridgeError):
    """Something that a person or a client gave cannot be used."""

    code = "bad_input"
    http_status = 400
    exit_code = 2


class SettingsError(InputError):
    """A setting, or the file that holds it, cannot be used."""

    code = "bad_settings"
    http_status = 500


class TooLargeError(InputError):
    """An input is over its limit in bytes, depth or count."""

    code = "too_large"
    http_status = 413


class MediaError(InputError):
    """A message holds a kind of content that cannot be carried."""

    code = "unsupported_content"


class LossError(InputError):
    """A translation would lose what was asked for, and the route is strict about that."""

    code = "would_lose"


class NotFoundError(WeighbridgeError):
    """A thing that was named does not exist."""

    code = "not_found"
    http_status = 404
    exit_code = 3


class UnknownEngineError(NotFoundError):
    """No engine has this name."""

    code = "unknown_engine"


class UnknownRouteError(NotFoundError):
    """No route has this name."""

    code = "unknown_route"


class UnknownTraceError(NotFoundError):
    """No trace has this id."""

    code = "unknown_trace"


class AccessError(WeighbridgeError):
    """The caller showed no key, or a wrong one."""

    code = "access_denied"
    http_status = 401
    exit_code = 4


class ForbiddenError(AccessError):
    """The caller may not do this, whoever it is."""

    code = "forbidden"
    http_status = 403


class PolicyError(ForbiddenError):
    """No engine satisfies the policy that holds for this request or plan."""

    code = "policy_refused"


class EngineError(WeighbridgeError):
    """An engine did not answer as asked.

    Args:
        what: As for every error.
        where: The engine's name, as a rule.
        fix: As for every error.
        status: The HTTP status that the engine gave, if it gave one.
        retry_after: Seconds that the engine asked to wait, if it did.
        body: The start of the engine's own error text, for the trace.
        told: The dialect that the engine told it in, and its whole text as it came, without keys.
    """

    code = "engine_failed"
    http_status = 502
    exit_code = 5
    #: May the same request be sent again, here or to a fallback, with hope of another outcome?
    transient: ClassVar[bool] = True

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        body: str = "",
        told: tuple[str, bytes] = ("", b""),
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status = status
        self.retry_after = retry_after
        self.body = body
        self.told = told


class NoKeyError(EngineError):
    """The engine's host needs a key and none is set."""

    code = "no_key"
    http_status = 503
    exit_code = 4


class WrongKeyError(EngineError):
    """The engine's host does not accept the key."""

    code = "wrong_key"
    exit_code = 4


class NoCreditError(EngineError):
    """The account at the engine's host has no credit left."""

    code = "no_credit"


class UnknownModelError(EngineError):
    """The host does not offer this model, or no longer does."""

    code = "unknown_model"


class RefusedRequestError(EngineError):
    """The engine understood the request and will never accept it: no retry, no fallback."""

    code = "refused_request"
    http_status = 400
    transient = False


class RateLimitedError(EngineError):
    """The engine's host asks to slow down."""

    code = "rate_limited"
    http_status = 429


class OverloadedError(EngineError):
    """The engine's host is out of capacity, or failed on its side."""

    code = "overloaded"
    http_status = 503


class UnreachableError(EngineError):
    """No connection to the engine's host could be made, or it broke before an answer."""

    code = "unreachable"


class DeadlineError(EngineError):
    """The engine did not answer in time."""

    code = "deadline"
    http_status = 504


class BrokenAnswerError(EngineError):
    """The engine's answer stopped in the middle, or cannot be read."""

    code = "broken_answer"


class LocalEngineError(EngineError):
    """A local engine cannot start: weights missing or damaged, or still loading."""

    code = "local_engine"
    http_status = 503


class StoreError(WeighbridgeError):
    """The store cannot be read or written."""

    code = "store_failed"
    http_status = 507
    exit_code = 6


class StoreFullError(StoreError):
    """No space is left where the store lies."""

    code = "store_full"


class DamagedError(StoreError):
    """A file of the store fails its checksum."""

    code = "damaged"
    http_status = 500


class LimitError(WeighbridgeError):
    """A limit of ours is reached: of a key, a team, a route, an engine.

    Args:
        what: As for every error.
        where: The subject and its limit, such as `key:k-1 requests`.
        fix: As for every error.
        retry_after: Seconds until there is room again, if that is known.
        told: What the client's dialect tells of limits in headers.
    """

    code = "limit_reached"
    http_status = 429
    exit_code = 7

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        retry_after: float | None = None,
        told: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_after = retry_after
        self.told = told


class BudgetError(LimitError):
    """A budget is spent."""

    code = "budget_spent"
    http_status = 402


class MaskError(WeighbridgeError):
    """Masking failed, took too long, or would have let something out: nothing was passed on."""

    code = "mask_failed"
    http_status = 503
    exit_code = 4


class PortError(WeighbridgeError):
    """The address to listen on cannot be had."""

    code = "port_taken"
    exit_code = 8


class MissingExtraError(WeighbridgeError):
    """A part that this needs is not installed."""

    code = "missing_extra"
    http_status = 501
    exit_code = 9


def error_of(code: str) -> type[WeighbridgeError] | None:
    """The class of errors that has a code; None where none has it."""
    waiting = list(WeighbridgeError.__subclasses__())
    while waiting:
        found = waiting.pop()
        if found.code == code and found.__module__ == __name__:
            return found
        waiting += found.__subclasses__()
    return None


def unreadable(error: OSError, path: object) -> InputError:
    """A file that somebody named and that cannot be read: why, and what helps."""
    fix = _UNREADABLE.get(type(error), "Check its name and permissions.")
    return InputError(f"The file cannot be read: {error.strerror or error}.", where=str(path), fix=fix)


_UNREADABLE: dict[type[OSError], str] = {
    FileNotFoundError: "Check its name.",
    IsADirectoryError: "It is a folder: name a file in it.",
    PermissionError: "Check its permissions.",
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest known names, or lists the first few when none is near."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
    if not names:
        return "None is known."
    shown = ", ".join(names[:6])
    return f"Known: {shown}, ..." if len(names) > 6 else f"Known: {shown}."  # noqa: PLR2004
