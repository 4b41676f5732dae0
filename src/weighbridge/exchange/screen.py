"""Which engines may answer a request: those that its route's policy admits, and its key's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from weighbridge.canon import Engine, Plan
from weighbridge.exchange.call import Call
from weighbridge.routes import Choice
from weighbridge.routes.policy import Asked, Policies, Verdict, asked_of, judged, refusal

_KNOWN = 1_000  #: judgements that are remembered
_DAY = 86_400


class PolicyScreen:
    """Judges engines, once per choice and what is asked, and not per request.

    Args:
        now: Seconds since 1970: prices change with the day.
        refused: Told of each engine that a request was kept from, and the verdict on it. `first`: since something
            changed, it is the first time.
    """

    def __init__(self, now: Callable[[], float], refused: Callable[[str, Verdict, bool], None]) -> None:
        self._now = now
        self._refused = refused
        self._day = (-1, "")
        self._judged: dict[object, tuple[Choice, tuple[Verdict, ...]]] = {}

    def admitted(self, call: Call, plan: Plan, choice: Choice, *, talks: bool = True) -> tuple[Engine, ...]:
        """Those of the choice's engines that every policy admits, in their order.

        Args:
            call: What is asked.
            plan: In force.
            choice: Who would answer.
            talks: Is it a conversation? What is none (embeddings, counts) gives no output tokens.

        Raises:
            PolicyError: None of them, with the reason for each.
        """
        policies = policies_of(call, plan, choice)
        if not policies and not call.data_class and not (call.key and call.key.engines):
            return choice.engines
        asked = asked_of_call(call, policies, talks=talks)
        verdicts, first = self._verdicts(choice, asked, policies)
        engines = tuple(one.engine for one in verdicts if one.admitted)
        if len(engines) != len(verdicts):
            name = choice.route or call.route or call.request.model
            for one in verdicts:
                if not one.admitted:
                    self._refused(name, one, first)
            if not engines:
                raise refusal(verdicts, name)
        return engines

    def _verdicts(self, choice: Choice, asked: Asked, policies: Policies) -> tuple[tuple[Verdict, ...], bool]:
        day = int(self._now() // _DAY)
        if day != self._day[0]:
            self._day = (day, datetime.fromtimestamp(day * _DAY, UTC).date().isoformat())
            self._judged.clear()
        # A choice lives as long as its plan and the facts of its engines; one that is held here keeps its id.
        key = (id(choice), asked, tuple(policies))
        known = self._judged.get(key)
        if known is not None:
            return known[1], False
        if len(self._judged) >= _KNOWN:
            self._judged.clear()
        verdicts = judged(choice.engines, asked, policies, day=self._day[1])
        self._judged[key] = (choice, verdicts)
        return verdicts, True


def policies_of(call: Call, plan: Plan, choice: Choice) -> Policies:
    """The policies that hold for a request: its route's and its key's."""
    entry = choice.entry or plan.routes.get(choice.route)
    found = []
    if entry is not None and entry.policy is not None:
        found.append((f"route {entry.name}", entry.policy))
    if call.key is not None and call.key.policy is not None:
        found.append((f"key {call.key.name}", call.key.policy))
    return found


def asked_of_call(call: Call, policies: Policies, *, talks: bool = True) -> Asked:
    """What a call tells that these policies ask for; the rest is left out, so that equal judgements are equal."""
    key = call.key
    asked = asked_of(
        call.request,
        dialect=call.dialect,
        data_class=call.data_class,
        scope=key.engines if key is not None else (),
        key=key.name if key is not None and key.engines else "",
    )
    limits = [policy.max_output for _, policy in policies if policy.max_output is not None]
    if not limits:
        asked = replace(asked, max_output=None)
    elif not talks:
        asked = replace(asked, max_output=0)
    elif asked.max_output is not None and asked.max_output <= min(limits):
        asked = replace(asked, max_output=min(limits))  # within: how far within matters to nobody
    if not any(policy.max_input_price is not None or policy.max_output_price is not None for _, policy in policies):
        asked = replace(asked, service="")
    return asked
