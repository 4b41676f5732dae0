"""Folding events to a reply, and unfolding a reply to events."""

from __future__ import annotations

import pytest
from event_sequences import event_sequences
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Citation,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    ImagePart,
    Logprob,
    LogprobsEvent,
    Message,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold, unfold

SEAL = Blob("a", "s", "signature")


def parts(*events: Event):
    return Fold.of(events).reply().choices[0].parts


def test_parts_of_one_kind_stay_apart_only_where_that_is_told():
    assert parts(TextDelta("a"), TextDelta("b")) == (TextPart("ab"),)
    assert parts(TextDelta("a"), TextDelta("b", new=True), TextDelta("c")) == (TextPart("a"), TextPart("bc"))
    assert parts(ReasoningDelta("a"), ReasoningDelta("b", new=True)) == (ReasoningPart("a"), ReasoningPart("b"))


def test_seals_belong_to_the_part_that_grows():
    assert parts(ReasoningDelta("a"), ReasoningDelta("", SEAL)) == (ReasoningPart("a", (SEAL,)),)
    assert parts(TextDelta("a", blob=SEAL)) == (TextPart("a", blobs=(SEAL,)),)
    assert parts(TextDelta("", blob=SEAL)) == (TextPart("", blobs=(SEAL,)),)
    call = ToolCallPart("c", "f", "{}", blobs=(SEAL,))
    assert parts(ToolCallDelta(0, "c", "f", "{"), ToolCallDelta(0, arguments="}", blob=SEAL)) == (call,)


@pytest.mark.parametrize("event", [TextDelta(""), ReasoningDelta("", new=True), ReasoningDelta("", id="r")])
def test_what_says_nothing_begins_nothing(event):
    fold = Fold.of([event])
    assert not fold.first_text
    assert fold.reply().choices == ()


def test_citations_go_to_the_latest_text():
    cited = Citation("u")
    assert parts(TextDelta("a"), ToolCallDelta(0, "c", "f", "{}"), CitationEvent(cited))[0] == TextPart(
        "a", citations=(cited,)
    )
    assert parts(CitationEvent(cited)) == (TextPart("", citations=(cited,)),)


def test_whole_parts_logprobs_and_refusals():
    picture = ImagePart(url="u")
    tokens = (Logprob("a", -1.0),)
    fold = Fold.of(
        [PartEvent(picture), LogprobsEvent(tokens), LogprobsEvent(tokens), RefusalDelta("N"), RefusalDelta("o")]
    )
    assert fold.first_text
    assert fold.reply().choices == (Choice((picture,), None, "No", logprobs=tokens * 2),)
    assert not Fold.of([RefusalDelta("")]).first_text


def test_the_last_tokens_and_the_failure_are_kept():
    fold = Fold.of([Begin("i", "m", 3), UsageEvent(Usage(1)), UsageEvent(Usage(2)), Failure("overloaded", "Full.")])
    assert fold.usage == Usage(2)
    assert fold.failure == Failure("overloaded", "Full.")
    assert fold.reply() == Reply((), Usage(2), "i", "m", 3)


def test_every_kind_of_part_unfolds():
    said = (
        ReasoningPart("Hm", (SEAL, SEAL)),
        ReasoningPart("", (SEAL,)),
        TextPart("Two words", citations=(Citation("u"),), blobs=(SEAL,)),
        TextPart("", blobs=(SEAL,)),
        ToolCallPart("c", "f", "{}", blobs=(SEAL, SEAL)),
        ImagePart(url="u"),
        FilePart("f"),
        OpaquePart("d", {"x": 1}),
    )
    reply = Reply(
        (Choice(said, "length", "No", logprobs=(Logprob("a", -1.0),)), Choice((), "stop")), Usage(1), "i", "m", 2
    )
    for words in (False, True):
        assert Fold.of(unfold(reply, words=words)).reply() == reply
    assert sum(isinstance(e, TextDelta) and bool(e.text) for e in unfold(reply, words=True)) == 2


def test_a_part_that_no_stream_carries_is_left_out():
    reply = Reply((Choice((ToolResultPart("c"), TextPart("a")), "stop"),))
    assert [type(e) for e in unfold(reply)] == [Begin, TextDelta, Finish]
    assert Message("user", (ToolResultPart("c"),)).text == ""


@settings(max_examples=60)
@given(event_sequences(), st.booleans())
def test_unfolding_and_folding_gives_the_same_reply(events, words):
    reply = Fold.of(events).reply()
    again = Fold.of(unfold(reply, words=words)).reply()
    assert again.usage == reply.usage
    for one, other in zip(reply.choices, again.choices, strict=False):
        assert one == other
