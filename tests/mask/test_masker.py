"""A request goes out masked, and its answer comes back whole: whole or as events, in every channel."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import (
    Blob,
    Choice,
    Citation,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    ImagePart,
    Masking,
    Message,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    Reply,
    Request,
    ResponseFormat,
    Span,
    TextDelta,
    TextPart,
    Tool,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.fold import Fold
from weighbridge.errors import InputError, MaskError, MediaError, TooLargeError
from weighbridge.mask.detect import Finder
from weighbridge.mask.masker import Masked, Masker
from weighbridge.mask.scan import Scanner
from weighbridge.mask.vault import MemoryVault
from weighbridge.settings import Mask

NAME, MAIL = "Ottilie Brandstetter", "ottilie@quill-post.net"
SETTINGS = Mask(names="off", terms={"person": (NAME,)}, max_mb=0.01)
SCANNER = Scanner(terms=SETTINGS.terms, engine="re")


def masker(vault: MemoryVault | None = None, *, finder: Finder | None = None) -> Masker:
    return Masker(finder or Finder(SCANNER, cache_bytes=100_000), SETTINGS, b"s" * 32, vault)


MASKER = masker()


def masked(request: Request, *, level: str = "personal", conversation: str = "talk", **more: Any) -> Masked:
    masking = msgspec.convert({"level": level, **more}, Masking)
    return MASKER.mask(request, masking, tenant="ann", conversation=conversation)


def asking(*parts: Any, **more: Any) -> Request:
    said = parts or (TextPart(f"{NAME} writes from {MAIL}."),)
    return Request("m", (Message("user", said),), tools=(Tool("send"),), **more)


def told(made: Masked) -> tuple[str, str]:
    """The surrogates of the name and of the address."""
    name, mail = made.request.messages[0].text.removesuffix(".").split(" writes from ")
    return name, mail


def test_a_request_goes_out_without_its_values_and_the_same_again() -> None:
    made = masked(asking(metadata={"mail": MAIL}, user="user-4711"))
    seen = msgspec.json.encode(made.request).decode()
    assert not any(value in seen for value in (NAME, "Ottilie", MAIL, "4711"))
    assert made.counts == {"person": 1, "email": 2, "user_id": 1}
    assert masked(asking(metadata={"mail": MAIL}, user="user-4711")).request == made.request
    assert masked(asking(), conversation="other").request != masked(asking()).request
    assert made.text(f"No such user: {made.request.user}") == "No such user: user-4711"


def test_nothing_to_mask_is_the_same_request() -> None:
    plain = asking(TextPart("Good morning."))
    made = masked(plain)
    assert made.request is plain
    assert not made.back.active
    assert made.events() is None
    reply = Reply((Choice((TextPart("Hi"),)),))
    assert made.reply(reply) is reply


def test_levels_and_kinds() -> None:
    text = f"{NAME}, {MAIL}, token ghp_{'a1B2c3D4e5' * 4}zz"[:-4]
    assert masked(asking(TextPart(text)), level="secrets").counts == {"api_key": 1}
    assert masked(asking(TextPart(text)), kinds={"email": "keep"}).counts == {"api_key": 1, "person": 1}
    redacted = masked(asking(TextPart(text)), kinds={"email": "redact"})
    assert "[EMAIL]" in redacted.request.messages[0].text
    assert redacted.text("[EMAIL]") == "[EMAIL]"


def test_a_whole_answer_in_every_channel() -> None:
    made = masked(asking())
    name, mail = told(made)
    citation = Citation("https://x.test/", f"About {name}", f"{name}!", 0, len(name))
    reply = Reply(
        (
            Choice(
                (
                    ReasoningPart(f"It is {name}.", (Blob("x", "y"),)),
                    TextPart(f"{name} it is", citations=(citation,)),
                    ToolCallPart("1", "send", json.dumps({"to": mail, "who": [name]})),
                    ToolCallPart("2", "their_own", json.dumps({"to": mail})),
                    ToolResultPart("2", (TextPart(f"sent to {mail}"),)),
                    OpaquePart("x", {name: [mail, 1]}),
                    ImagePart(url="https://x.test/i.png"),
                ),
                refusal=f"Not {name}",
                extra={"x": {"said": mail}},
            ),
        )
    )
    reasoning, text, call, theirs, result, opaque, image = made.reply(reply).choices[0].parts
    assert reasoning == ReasoningPart(f"It is {NAME}.", (Blob("x", "y"),))
    assert isinstance(text, TextPart)
    assert text.text == f"{NAME} it is"
    assert text.citations[0] == Citation("https://x.test/", f"About {NAME}", f"{NAME}!", 0, len(NAME))
    assert isinstance(call, ToolCallPart)
    assert json.loads(call.arguments) == {"to": MAIL, "who": [NAME]}
    assert isinstance(theirs, ToolCallPart)
    assert json.loads(theirs.arguments) == {"to": mail}  # it runs elsewhere: nothing leaves by it
    assert isinstance(result, ToolResultPart)
    assert result.parts == (TextPart(f"sent to {MAIL}"),)
    assert opaque == OpaquePart("x", {NAME: [MAIL, 1]})
    assert image == reply.choices[0].parts[-1]
    assert made.reply(reply).choices[0].refusal == f"Not {NAME}"
    assert made.reply(reply).choices[0].extra == {"x": {"said": MAIL}}


@pytest.mark.parametrize("way", ["keep", "refuse"])
def test_tools_are_a_way_out(way: str) -> None:
    made = masked(asking(), tools=way)
    _, mail = told(made)
    call = ToolCallPart("1", "send", json.dumps({"to": mail}))
    plain = ToolCallPart("1", "send", '{"to": "nobody"}')
    assert made.reply(Reply((Choice((plain,)),))).choices[0].parts == (plain,)
    events = made.events()
    assert events is not None
    begin: list[Event] = [ToolCallDelta(0, "1", "send", '{"to": "')]
    assert events(begin) == begin
    if way == "keep":
        assert made.reply(Reply((Choice((call,)),))).choices[0].parts == (call,)
        assert events([ToolCallDelta(0, arguments=mail + '"}')]) == [ToolCallDelta(0, arguments=mail + '"}')]
        return
    with pytest.raises(MaskError, match="refuses"):
        made.reply(Reply((Choice((call,)),)))
    with pytest.raises(MaskError, match="refuses"):
        events([ToolCallDelta(0, arguments=mail + '"}')])
    assert made.recorded(Reply((Choice((call,)),))).choices[0].tool_calls[0].arguments == json.dumps({"to": MAIL})


def test_addresses_are_a_way_out_unless_the_caller_named_their_host() -> None:
    said = asking(TextPart(f"{NAME} writes from {MAIL}."), TextPart("See https://wiki.test/people."))
    made = masked(said)
    name = made.request.messages[0].parts[0].text.split(" writes")[0].split(" ")[0]  # type: ignore[union-attr]
    text = f"https://wiki.test/{name} and https://evil.test/?q={name} and {name}"
    reply = made.reply(Reply((Choice((TextPart(text),)),)))
    assert reply.text == f"https://wiki.test/Ottilie and https://evil.test/?q={name} and Ottilie"


def test_answers_that_are_json_are_escaped() -> None:
    value = 'Quill "Jo" Brandstetter'
    own = Mask(names="off", terms={"person": (value,)})
    finder = Finder(Scanner(terms=own.terms, engine="re"))
    made = Masker(finder, own, b"s" * 32).mask(
        asking(TextPart(value), response_format=ResponseFormat("json_object")),
        Masking("personal"),
        tenant="",
        conversation="",
    )
    seen = made.request.messages[0].text
    reply = made.reply(Reply((Choice((TextPart(json.dumps({"who": seen})),)),)))
    assert json.loads(reply.text) == {"who": value}


CHANNELS = ("text", "new", "reasoning", "refusal", "call0", "call1", "other", "sealed", "part", "cite", "end")


def written(draw: st.DrawFn, name: str, mail: str) -> list[Event]:
    """The events of two choices, cut anywhere."""
    made: list[Event] = []
    calls: set[tuple[int, int]] = set()
    sealed: set[int] = set()
    for _ in range(draw(st.integers(1, 10))):
        choice, channel = draw(st.integers(0, 1)), draw(st.sampled_from(CHANNELS))
        said = draw(
            st.lists(st.sampled_from([name, mail, name.split(maxsplit=1)[0], " ", "x", ". ", "'s"]), max_size=4).map(
                "".join
            )
        )
        pieces = cut(draw, said)
        if channel in ("text", "new"):
            made += [TextDelta(piece, choice, new=channel == "new" and i == 0) for i, piece in enumerate(pieces)]
        elif channel in ("reasoning", "sealed"):
            begins = choice in sealed  # what is sealed is over: more of it is a thought of its own
            made += [ReasoningDelta(piece, choice=choice, new=begins and i == 0) for i, piece in enumerate(pieces)]
            sealed.discard(choice)
            if channel == "sealed":
                made.append(ReasoningDelta(blob=Blob("x", "s"), choice=choice, new=begins and not pieces))
                sealed.add(choice)
        elif channel == "refusal":
            made += [RefusalDelta(piece, choice) for piece in pieces]
        elif channel.startswith("call"):
            index = int(channel[-1])
            if (choice, index) in calls:
                continue
            calls.add((choice, index))
            made.append(ToolCallDelta(index, f"id{index}", "send", choice=choice))
            made += [ToolCallDelta(index, arguments=p, choice=choice) for p in cut(draw, json.dumps({"a": said}))]
        elif channel == "part":
            made.append(PartEvent(OpaquePart("x", {"said": said}), choice))
    return [*made, Finish("stop", 0), Finish("stop", 1)]


def cut(draw: st.DrawFn, text: str) -> list[str]:
    places = sorted({0, len(text), *draw(st.lists(st.integers(0, max(0, len(text))), max_size=6))})
    return [text[a:b] for a, b in itertools.pairwise(places)]


@given(st.data())
def test_events_say_what_the_whole_answer_says(data: st.DataObject) -> None:
    made = masked(asking())
    stream = made.events()
    assert stream is not None
    events = data.draw(st.composite(written)(*told(made)))
    plain, restored = Fold(), Fold()
    for event in events:
        plain.add(event)
        for out in stream([event]):
            restored.add(out)
    assert stream([]) == []
    assert restored.reply() == made.reply(plain.reply())


def test_what_is_held_back_comes_before_a_failure() -> None:
    made = masked(asking())
    name, _ = told(made)
    stream = made.events()
    assert stream is not None
    assert stream([TextDelta(name[:5])]) == []
    assert stream([Failure("x", f"lost {name}")]) == [TextDelta(name[:5]), Failure("x", f"lost {NAME}")]
    assert stream([CitationEvent(Citation(quote=name))]) == [CitationEvent(Citation(quote=NAME))]


def test_what_cannot_be_looked_through() -> None:
    image = asking(TextPart(NAME), ImagePart(data="aGk=", media_type="image/png"), FilePart(file_id="f"))
    assert masked(image).reported == {"image": 1, "file": 1}
    with pytest.raises(MediaError, match="image"):
        masked(image, level="strict")
    with pytest.raises(TooLargeError, match="10,000 characters"):
        masked(asking(TextPart("x" * 10_001)))


class Broken:
    """A detector that fails, and says what it saw."""

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        del language
        raise ValueError(texts)


class Slow:
    """A detector that takes its time."""

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        del language
        time.sleep(0.02)
        return [[] for _ in texts]


def test_a_detector_that_fails_lets_nothing_pass_and_tells_nothing() -> None:
    with pytest.raises(MaskError, match="ValueError") as caught:
        masker(finder=Finder(SCANNER, Broken())).mask(asking(), Masking("personal"), tenant="", conversation="")
    assert "Ottilie" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_time_that_is_over_lets_nothing_pass() -> None:
    texts = [f"{n} {'word ' * 5000}" for n in range(4)]
    finder = Finder(SCANNER, Slow())
    with pytest.raises(MaskError, match="too long"):
        finder.find(texts, until=time.monotonic())
    assert finder.find(["a"], until=time.monotonic() + 100) == [[]]


def test_texts_are_looked_through_once() -> None:
    class Counting:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
            del language
            self.seen += texts
            return [[] for _ in texts]

    names = Counting()
    finder = Finder(SCANNER, names, cache_bytes=1000)
    finder.find(["one", "two", "one"])
    finder.find(["two", "three"])
    assert names.seen == ["one", "two", "three"]
    assert finder.remembers(["one", "three"])
    finder.find(["four"], kinds={"email"})  # no names are asked for
    assert names.seen == ["one", "two", "three"]
    finder.find([str(n) for n in range(20)])  # what was not asked for longest is forgotten
    assert not finder.remembers(["one"])


def test_values_of_a_named_conversation_come_back_in_later_turns() -> None:
    vault = MemoryVault(seconds=100.0)
    one = masker(vault)
    first = one.mask(asking(), Masking("personal"), tenant="ann", conversation="case 7")
    later = one.mask(asking(TextPart("Go on.")), Masking("personal"), tenant="ann", conversation="case 7")
    assert later.text(told(first)[0]) == NAME
    strange = one.mask(asking(TextPart("Go on.")), Masking("personal"), tenant="bob", conversation="case 7")
    assert strange.text(told(first)[0]) == told(first)[0]
    derived = one.mask(asking(), Masking("personal"), tenant="ann", conversation="~abc")
    with pytest.raises(InputError):
        vault.get("ann", "~abc")
    assert derived.text(told(derived)[0]) == NAME


def test_a_clients_own_id_for_its_cache_is_not_told() -> None:
    made = masked(asking(cache_key="ottilie-1"), conversation="ottilie-1")
    assert "ottilie" not in made.conversation
    assert masked(asking(), conversation="case 7").conversation == "case 7"
    assert MAIL not in masked(asking(), conversation=f"of {MAIL}").conversation
