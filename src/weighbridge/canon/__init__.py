"""The frozen types that every room shares: requests, replies, events, engine facts, plans, traces.

The union of what the dialects can say that is worth keeping. A field that only one dialect knows
stays in `extra`, under that dialect's name, so that reading and writing the same dialect loses nothing.
Times are seconds: wall-clock ones since 1970 (UTC), the others since the exchange began.
Money is integer micro-units of a currency (1,000,000 = 1 dollar) per million tokens where it is a price.
"""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon.ballots import Ballot
from weighbridge.canon.engines import Engine, Fact, Host, Model, Offer, Price, Service, Tier
from weighbridge.canon.masks import LEVELS, MODES, Level, Masking, MaskTier, Mode, Span, WayOut, strictest
from weighbridge.canon.parts import (
    Blob,
    Citation,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.canon.profiles import Profile, Quirk, SchemaRules
from weighbridge.canon.replies import (
    Begin,
    Choice,
    CitationEvent,
    Event,
    Failure,
    Finish,
    FinishReason,
    Logprob,
    LogprobsEvent,
    Loss,
    PartEvent,
    ReasoningDelta,
    RefusalDelta,
    Reply,
    Severity,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from weighbridge.canon.requests import (
    EFFORTS,
    Effort,
    Request,
    ResponseFormat,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from weighbridge.canon.routes import Plan, Publication, Route, Trial, Vote
from weighbridge.canon.rules import (
    DATA_CLASSES,
    ROLES,
    Act,
    DataClass,
    FactChange,
    Key,
    Policy,
    Record,
    Rule,
    allows,
)
from weighbridge.canon.rules import Role as AdminRole
from weighbridge.canon.traces import Attempt, Trace, charges


def encode(value: Any) -> bytes:
    """A canon value as JSON."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder()
__all__ = [
    "DATA_CLASSES",
    "EFFORTS",
    "LEVELS",
    "MODES",
    "ROLES",
    "Act",
    "AdminRole",
    "Attempt",
    "Ballot",
    "Begin",
    "Blob",
    "Choice",
    "Citation",
    "CitationEvent",
    "DataClass",
    "Effort",
    "Engine",
    "Event",
    "Fact",
    "FactChange",
    "Failure",
    "FilePart",
    "Finish",
    "FinishReason",
    "Host",
    "ImagePart",
    "Key",
    "Level",
    "Logprob",
    "LogprobsEvent",
    "Loss",
    "MaskTier",
    "Masking",
    "Message",
    "Mode",
    "Model",
    "Offer",
    "OpaquePart",
    "Part",
    "PartEvent",
    "Plan",
    "Policy",
    "Price",
    "Profile",
    "Publication",
    "Quirk",
    "ReasoningDelta",
    "ReasoningPart",
    "Record",
    "RefusalDelta",
    "Reply",
    "Request",
    "ResponseFormat",
    "Role",
    "Route",
    "Rule",
    "Sampling",
    "SchemaRules",
    "Service",
    "Severity",
    "Span",
    "TextDelta",
    "TextPart",
    "Thinking",
    "Tier",
    "Tool",
    "ToolCallDelta",
    "ToolCallPart",
    "ToolChoice",
    "ToolResultPart",
    "Trace",
    "Trial",
    "Usage",
    "UsageEvent",
    "Vote",
    "WayOut",
    "allows",
    "charges",
    "encode",
    "strictest",
]
