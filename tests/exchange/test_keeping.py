"""What answers hold beside their text: kept, found again however clients tell of it, and given to its issuer alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import (
    Blob,
    Choice,
    Engine,
    Host,
    ImagePart,
    Message,
    Model,
    Offer,
    OpaquePart,
    Part,
    Profile,
    ReasoningPart,
    Reply,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.exchange.keeping import Keeper, matters, recall, remember
from weighbridge.exchange.keepsake import Keepsake, Turn, asked_of, decode, encode, keepsake_of, said_of
from weighbridge.exchange.restore import Label, put_back
from weighbridge.store.keepsakes import Keepsakes as Stored

DIALECT = "anthropic-messages"
CHAT = "openai-chat"


class Memory:
    """Keepsakes in a dict."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.settled = 0
        self.asked = 0

    def put(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        self.values.update(items)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        self.asked += 1
        return {key: self.values[key] for key in keys if key in self.values}

    async def settle(self) -> None:
        self.settled += 1


def engine(name: str, dialect: str = DIALECT, **profile) -> Engine:
    model, _, host = name.partition("@")
    return Engine(Model(model), Host(host, dialect=dialect), Offer(model, host), Profile(**profile))


CLAUDE = engine("claude@anthropic")
GLM = engine("glm@zai", CHAT)


def seal(data: str, issuer: str = DIALECT, kind: str = "signature") -> Blob:
    return Blob(issuer, data, kind)


def user(text: str) -> Message:
    return Message("user", (TextPart(text),))


def said(*parts: Part) -> Message:
    return Message("assistant", parts)


def call(name: str = "ls", arguments: str = '{"path": "."}', id: str = "toolu_01ABCDEFGH", *seals: str) -> ToolCallPart:  # noqa: A002 - the wire's word
    return ToolCallPart(id, name, arguments, blobs=tuple(map(seal, seals)))


def result(id: str = "toolu_01ABCDEFGH", text: str = "a b c") -> Message:  # noqa: A002 - the wire's word
    return Message("tool", (ToolResultPart(id, (TextPart(text),)),))


THOUGHT = ReasoningPart("I should look.", (seal("c2lnbmF0dXJl"),))


def answered(memory: Memory, *parts: Part, asked: str = "hi", by: Engine = CLAUDE, caller: str = "ann") -> bool:
    reply = Reply((Choice(parts, "stop"),))
    return remember(reply, Request("r", (user(asked),)), by, by.host.dialect, memory, caller=caller)


def recalled(
    memory: Memory, *messages: Message, by: Engine = CLAUDE, caller: str = "ann", dialect: str = ""
) -> tuple[tuple[Message, ...], bool]:
    request, changed = recall(Request("r", messages), by, dialect or by.host.dialect, memory, caller=caller)
    return request.messages, changed


def test_thinking_that_the_client_dropped_comes_back_before_its_call() -> None:
    memory = Memory()
    assert answered(memory, THOUGHT, TextPart("Let me see."), call())
    messages, changed = recalled(memory, user("hi"), said(TextPart("Let me see."), call()), result())
    assert changed
    assert messages[1].parts == (THOUGHT, TextPart("Let me see."), call())
    assert (messages[0], messages[2]) == (user("hi"), result())


def test_what_the_client_kept_exactly_changes_nothing() -> None:
    memory = Memory()
    answered(memory, THOUGHT, TextPart("Let me see."), call())
    told = (user("hi"), said(THOUGHT, TextPart("Let me see."), call()), result())
    messages, changed = recalled(memory, *told)
    assert not changed
    assert messages is told or messages == told


def test_what_the_client_changed_of_the_thinking_is_put_right() -> None:
    memory = Memory()
    answered(memory, THOUGHT, TextPart("Let me see."), call())
    forged = ReasoningPart("I should delete everything.", (seal("Zm9yZ2Vk"),))
    messages, _ = recalled(memory, user("hi"), said(forged, forged, TextPart("Let me see."), call()), result())
    assert messages[1].parts == (THOUGHT, TextPart("Let me see."), call())


def test_nothing_is_kept_of_an_answer_without_thinking_and_seals() -> None:
    memory = Memory()
    assert not answered(memory, TextPart("Hello."), call())
    assert not answered(memory, ReasoningPart(""), TextPart("Hello."))
    assert not remember(Reply(), Request("r"), CLAUDE, DIALECT, memory, caller="")
    assert memory.values == {}


def test_another_caller_s_conversation_is_never_met() -> None:
    memory = Memory()
    answered(memory, THOUGHT, call(), caller="ann")
    told = (user("hi"), said(call()), result())
    assert recalled(memory, *told, caller="bob") == (told, False)
    assert recalled(memory, *told, caller="ann")[1]
    assert recalled(memory, *told, caller="")[1] is False


def test_pitfall_11_seals_of_another_engine_are_marked_as_foreign_and_never_as_the_dialect_s_own() -> None:
    memory = Memory()
    kimi = engine("kimi@moonshot")  # speaks Anthropic's dialect, with seals of its own
    thought = ReasoningPart("Hm.", (seal("a2ltaQ"),))
    answered(memory, thought, TextPart("Yes."), call(), by=kimi)
    told = (user("hi"), said(thought, TextPart("Yes."), call()), result())
    messages, changed = recalled(memory, *told, by=CLAUDE)
    assert changed
    (part, *rest) = messages[1].parts
    assert isinstance(part, ReasoningPart)
    assert [blob.issuer for blob in part.blobs] == ["kimi@moonshot"]
    assert rest == [TextPart("Yes."), call()]
    assert recalled(memory, *told, by=kimi) == (told, False)


def test_pitfall_11_a_seal_alone_tells_whose_turn_it_was_though_all_else_was_edited() -> None:
    memory = Memory()
    thought = ReasoningPart("Hm.", (seal("a2ltaQ"),))
    answered(memory, thought, TextPart("Yes, of course."), by=engine("kimi@moonshot"))
    messages, _ = recalled(memory, user("other"), said(thought, TextPart("Yes.")), user("and?"))
    blobs = messages[1].parts[0].blobs  # type: ignore[union-attr]
    assert [blob.issuer for blob in blobs] == ["kimi@moonshot"]


def test_engines_that_share_an_issuer_read_each_other_s_seals() -> None:
    memory = Memory()
    one = engine("opus@anthropic", issuer="{lab}-sealed")
    two = engine("opus@bedrock", issuer="{lab}-sealed")
    answered(memory, THOUGHT, call(), by=one)
    messages, _ = recalled(memory, user("hi"), said(call()), result(), by=two)
    assert messages[1].parts == (THOUGHT, call())


def test_pitfall_12_empty_signed_and_redacted_thinking_is_kept_too() -> None:
    memory = Memory()
    empty = ReasoningPart("", (seal("c2lnbmVk"),))
    redacted = ReasoningPart("", (seal("cmVkYWN0ZWQ", kind="redacted"),))
    answered(memory, empty, redacted, TextPart("Done."), call())
    messages, _ = recalled(memory, user("hi"), said(TextPart("Done."), call()), result())
    assert messages[1].parts == (empty, redacted, TextPart("Done."), call())


def test_pitfall_13_the_turn_begins_with_its_thinking_though_its_text_was_edited() -> None:
    memory = Memory()
    answered(memory, THOUGHT, TextPart("Let me see."), call())
    messages, _ = recalled(memory, user("hi"), said(TextPart("Edited."), call()), result())
    assert messages[1].parts == (THOUGHT, TextPart("Edited."), call())


def test_interleaved_thinking_goes_back_where_it_was() -> None:
    memory = Memory()
    more = ReasoningPart("And now that.", (seal("dHdv"),))
    two = call(id="toolu_02ABCDEFGH", arguments='{"path": "/"}')
    turn = (THOUGHT, TextPart("First "), call(), more, TextPart("second."), two)
    answered(memory, *turn)
    # A client of another dialect joins the texts and puts the calls last.
    messages, _ = recalled(memory, user("hi"), said(TextPart("First second."), call(), two))
    assert messages[1].parts == turn
    # One that lost a call still gets each piece before what it stood before.
    messages, _ = recalled(memory, user("hi"), said(TextPart("First "), TextPart("second."), two))
    assert messages[1].parts == (THOUGHT, TextPart("First "), more, TextPart("second."), two)


def test_a_cache_marker_and_other_fields_of_the_client_s_own_stay() -> None:
    memory = Memory()
    answered(memory, THOUGHT, TextPart("a"), ReasoningPart("b", (seal("Yg"),)), TextPart("c"))
    mine = TextPart("ac", {"openai-chat": {"x": 1}}, cache="5m")
    messages, _ = recalled(memory, user("hi"), said(mine), user("go on"))
    assert messages[1].parts[-1] == TextPart("c", {"openai-chat": {"x": 1}}, cache="5m")
    assert messages[1].parts[1] == TextPart("a")


def test_pitfall_14_seals_stay_in_their_own_part_and_on_the_first_of_parallel_calls() -> None:
    memory = Memory()
    gemini = engine("gemini@google", "gemini-generate")
    first = call("a", "{}", "call_a0000000001", "c2lnLWE")
    first = replace(first, blobs=(seal("c2lnLWE", "gemini-generate"),))
    second = call("b", "{}", "call_b0000000001")
    ending = TextPart("", blobs=(seal("c2lnLWVuZA", "gemini-generate"),))
    answered(memory, TextPart("Both."), first, second, ending, by=gemini)
    plain = replace(first, blobs=())
    messages, _ = recalled(memory, user("hi"), said(TextPart("Both."), plain, second), by=gemini)
    assert messages[1].parts == (TextPart("Both."), first, second, ending)
    # The order of the calls changed: the seal goes with its call.
    messages, _ = recalled(memory, user("hi"), said(TextPart("Both."), second, plain), by=gemini)
    assert first in messages[1].parts
    assert second in messages[1].parts


def test_pitfall_15_thinking_that_must_be_replayed_comes_back_also_without_a_seal() -> None:
    memory = Memory()
    deepseek = engine("v4@deepseek", CHAT, replay="tools")
    thought = ReasoningPart("First the files.")
    answered(memory, thought, call(), by=deepseek)
    messages, changed = recalled(memory, user("hi"), said(call()), result(), by=deepseek)
    assert changed
    assert messages[1].parts == (thought, call())


def test_pitfall_16_an_engine_that_demands_thinking_gets_that_of_another_as_text_alone() -> None:
    memory = Memory()
    kimi = engine("kimi@moonshot", CHAT, replay="always")
    answered(memory, THOUGHT, call())
    messages, _ = recalled(memory, user("hi"), said(call()), result(), by=kimi)
    part = messages[1].parts[0]
    assert isinstance(part, ReasoningPart)
    assert (part.text, [blob.issuer for blob in part.blobs]) == (THOUGHT.text, ["claude@anthropic"])


def test_pitfall_21_a_sealed_item_keeps_its_id_and_the_dialect_s_own_details() -> None:
    memory = Memory()
    gpt = engine("gpt@openai", "openai-responses")
    blob = Blob("openai-responses", "Z0FBQUFB", "encrypted", "rs_123")
    thought = ReasoningPart("", (blob,), {"openai-responses$": {"summary": []}})
    final = TextPart("Done.", {"openai-responses": {"phase": "commentary"}, "other": {"x": 1}})
    answered(memory, thought, final, call(), by=gpt)
    messages, _ = recalled(memory, user("hi"), said(TextPart("Done."), call()), by=gpt)
    assert messages[1].parts == (thought, TextPart("Done.", {"openai-responses": {"phase": "commentary"}}), call())
    # The same engine, asked in another dialect: the seal is relabelled, details of the first are left out.
    messages, _ = recalled(memory, user("hi"), said(TextPart("Done."), call()), by=gpt, dialect=CHAT)
    assert messages[1].parts[0] == ReasoningPart("", (replace(blob, issuer=CHAT),))


@pytest.mark.parametrize(
    "told",
    [
        call("ls", '{"path":"."}'),
        call("ls", ' { "path" : "\\u002e" } '),
        call("ls", '{"path": "."}', "another-id"),
    ],
)
def test_a_call_is_known_however_its_arguments_are_spelled_and_without_its_id(told) -> None:
    memory = Memory()
    answered(memory, THOUGHT, call())
    messages, _ = recalled(memory, user("hi"), said(told), result(told.id))
    assert messages[1].parts == (THOUGHT, told)


def test_numbers_as_other_languages_write_them_and_no_arguments_at_all() -> None:
    memory = Memory()
    answered(memory, THOUGHT, call("f", '{"x": 1.0, "y": 2}'))
    assert recalled(memory, user("hi"), said(call("f", '{"y":2,"x":1}')))[1]
    answered(memory, THOUGHT, call("g", "", "id-g"))
    assert recalled(memory, user("hi"), said(call("g", "{}", "id-g")))[1]
    answered(memory, THOUGHT, call("h", "not json", "id-h"))
    assert recalled(memory, user("hi"), said(call("h", "not json", "id-h")))[1]


def test_ids_that_begin_anew_in_every_conversation_are_not_confused() -> None:
    memory = Memory()
    kimi = engine("kimi@moonshot", CHAT)
    counted = "functions.ls:0"
    one, two = ReasoningPart("For the first."), ReasoningPart("For the second.")
    answered(memory, one, call("ls", '{"path": "a"}', counted), asked="first", by=kimi)
    answered(memory, two, call("ls", '{"path": "a"}', counted), asked="second", by=kimi)
    for asked, thought in (("first", one), ("second", two)):
        messages, _ = recalled(memory, user(asked), said(call("ls", '{"path": "a"}', counted)), by=kimi)
        assert messages[1].parts[0] == thought
    # Another call under the same id is another turn.
    assert not recalled(memory, user("third"), said(call("ls", '{"path": "b"}', counted)), by=kimi)[1]


def test_an_id_as_another_dialect_has_to_write_it_is_known() -> None:
    from weighbridge.dialects.ids import CallIds

    memory = Memory()
    odd = "functions.ls:0"
    answered(memory, THOUGHT, call(id=odd), call("ls", '{"path": "x"}', "functions.ls:1"))
    seen = CallIds("[a-zA-Z0-9_-]+").out(odd)
    # Another question and one call lost: nothing but the id is left to tell.
    messages, changed = recalled(memory, user("edited"), said(call(id=seen)), result(seen))
    assert changed
    assert messages[1].parts == (THOUGHT, call(id=seen))


def test_a_plain_turn_is_known_by_its_text_and_its_question() -> None:
    memory = Memory()
    answered(memory, THOUGHT, TextPart("\n\nHello Zoë 👋\n"), asked="hi")
    messages, _ = recalled(memory, user("hi"), said(TextPart("Hello Zoë 👋")), user("and?"))
    assert messages[1].parts == (THOUGHT, TextPart("Hello Zoë 👋"))
    assert not recalled(memory, user("another question"), said(TextPart("Hello Zoë 👋")))[1]


def test_equal_calls_of_one_conversation_keep_their_own_thinking() -> None:
    memory = Memory()
    one, two = ReasoningPart("Once."), ReasoningPart("Again.")
    asked = [user("go")]
    for number, thought in enumerate((one, two)):
        reply = Reply((Choice((thought, call(id=f"call_{number}")), "tool_calls"),))
        remember(reply, Request("r", tuple(asked)), GLM, CHAT, memory, caller="ann")
        asked += [said(call(id=f"call_{number}")), result(f"call_{number}")]
    messages, _ = recalled(memory, *asked, by=GLM)
    assert [m.parts[0] for m in messages if m.role == "assistant"] == [one, two]


def test_one_answer_that_a_client_tells_in_several_messages() -> None:
    memory = Memory()
    answered(memory, THOUGHT, TextPart("Let me see."), call())
    told = (user("hi"), said(ReasoningPart("x")), said(TextPart("Let me see.")), said(call()), result())
    messages, _ = recalled(memory, *told)
    assert messages == (user("hi"), said(THOUGHT, TextPart("Let me see.")), said(call()), result()) or messages == (
        user("hi"),
        said(THOUGHT),
        said(TextPart("Let me see.")),
        said(call()),
        result(),
    )
    kept = (user("hi"), said(THOUGHT), said(TextPart("Let me see.")), said(call()), result())
    assert recalled(memory, *kept) == (kept, False)


def test_two_answers_in_a_row_are_each_put_right() -> None:
    memory = Memory()
    more = ReasoningPart("Going on.", (seal("bW9yZQ"),))
    answered(memory, THOUGHT, TextPart("Searching."))
    remember(
        Reply((Choice((more, TextPart("Found it.")), "stop"),)),
        Request("r", (user("hi"), said(THOUGHT, TextPart("Searching.")))),
        CLAUDE,
        DIALECT,
        memory,
        caller="ann",
    )
    messages, _ = recalled(memory, user("hi"), said(TextPart("Searching.")), said(TextPart("Found it.")), user("so?"))
    assert messages[1:3] == (said(THOUGHT, TextPart("Searching.")), said(more, TextPart("Found it.")))


def test_pictures_get_their_seals_and_opaque_parts_stay() -> None:
    memory = Memory()
    gemini = engine("gemini@google", "gemini-generate")
    picture = ImagePart(data="aGk=", media_type="image/png")
    sealed = replace(picture, blobs=(seal("cGlj", "gemini-generate"),))
    strange = OpaquePart("gemini-generate", {"executableCode": {}})
    answered(memory, TextPart("Look:"), strange, sealed, by=gemini)
    messages, _ = recalled(memory, user("hi"), said(TextPart("Look:"), strange, picture), by=gemini)
    assert messages[1].parts == (TextPart("Look:"), strange, sealed)


def test_pictures_of_a_turn_that_the_client_changed_get_their_seals_too() -> None:
    memory = Memory()
    gemini = engine("gemini@google", "gemini-generate")
    picture = ImagePart(data="aGk=", media_type="image/png")
    sealed = replace(picture, blobs=(seal("cGlj", "gemini-generate"),))
    answered(memory, ReasoningPart("Paint."), TextPart("Look:"), sealed, call("f", "{}", "id-f"), by=gemini)
    messages, _ = recalled(memory, user("hi"), said(call("f", "{}", "id-f"), picture, TextPart("See:")), by=gemini)
    assert messages[1].parts == (ReasoningPart("Paint."), call("f", "{}", "id-f"), sealed, TextPart("See:"))


def test_every_choice_of_an_answer_is_kept() -> None:
    memory = Memory()
    other = ReasoningPart("Or that.")
    reply = Reply(
        (Choice((THOUGHT, TextPart("A")), "stop"), Choice((), "stop"), Choice((other, TextPart("B")), "stop"))
    )
    assert remember(reply, Request("r", (user("hi"),)), CLAUDE, DIALECT, memory, caller="ann")
    assert recalled(memory, user("hi"), said(TextPart("B")))[0][1].parts == (other, TextPart("B"))
    assert recalled(memory, user("hi"), said(TextPart("A")))[0][1].parts == (THOUGHT, TextPart("A"))


def test_an_empty_text_beside_calls_is_no_reason_to_lose_anything() -> None:
    memory = Memory()
    answered(memory, THOUGHT, call())
    messages, _ = recalled(memory, user("hi"), said(TextPart(""), call()), result())
    assert messages[1].parts == (THOUGHT, TextPart(""), call())


def test_what_cannot_be_read_is_as_if_it_were_not_there() -> None:
    memory = Memory()
    answered(memory, THOUGHT, call())
    memory.values = dict.fromkeys(memory.values, b"\xff{broken")
    told = (user("hi"), said(call()), result())
    assert recalled(memory, *told) == (told, False)
    assert decode(b"{}") is None
    assert decode(b"[" * 100_000) is None


def test_what_no_json_can_hold_is_not_kept_and_fails_nothing() -> None:
    memory = Memory()
    assert not answered(memory, ReasoningPart("half a pair: \ud800"), TextPart("x"))
    assert memory.values == {}
    assert answered(memory, THOUGHT, TextPart("\ud800"))
    assert recalled(memory, user("hi"), said(TextPart("\ud800")))[1]


def test_nothing_to_look_up_asks_nobody() -> None:
    memory = Memory()
    assert recalled(memory) == ((), False)
    assert recalled(memory, user("hi"), result()) == ((user("hi"), result()), False)
    assert memory.asked == 0


def test_one_request_asks_once_and_only_so_much() -> None:
    memory = Memory()
    answered(memory, THOUGHT, call())
    turns = [m for i in range(9000) for m in (said(call(id=f"id{i}")), result(f"id{i}"))]
    began = time.perf_counter()
    messages, changed = recalled(memory, user("hi"), *turns, said(call()), result())
    assert changed
    assert messages[-2].parts == (THOUGHT, call())
    assert memory.asked == 2
    assert time.perf_counter() - began < 60


def test_a_turn_of_very_many_calls_takes_time_in_proportion() -> None:
    memory = Memory()
    calls = [call("f", f'{{"n": {i}}}', f"id{i}") for i in range(5000)]
    answered(memory, THOUGHT, *calls)
    began = time.perf_counter()
    messages, _ = recalled(memory, user("hi"), said(*calls[:250], *reversed(calls[250:])))
    assert messages[1].parts[0] == THOUGHT
    assert len(messages[1].parts) == 5001
    assert time.perf_counter() - began < 60


def test_whether_keepsakes_matter_on_the_fast_lane() -> None:
    plain = Request("r", (user("hi"), said(TextPart("Hello.")), user("so?")))
    assert not matters(Request("r", (user("hi"),)), Profile(replay="always"))
    assert not matters(plain, Profile())
    assert matters(plain, Profile(replay="tools"))
    for part in (call(), THOUGHT, TextPart("", blobs=(seal("YQ"),))):
        assert matters(Request("r", (user("hi"), said(part))), Profile())


async def test_a_keeper_keeps_each_choice_once_when_it_has_ended() -> None:
    memory = Memory()
    keeper = Keeper(Request("r", (user("hi"),)), CLAUDE, DIALECT, memory, caller="ann")
    growing = Reply(
        (
            Choice(
                (THOUGHT, TextPart("A")),
            ),
        )
    )
    await keeper.keep(growing)
    assert (memory.values, memory.settled) == ({}, 0)
    ended = Reply((Choice((THOUGHT, TextPart("A")), "stop"),))
    await keeper.keep(ended)
    count = len(memory.values)
    assert count
    assert memory.settled == 1
    await keeper.keep(ended)
    assert (len(memory.values), memory.settled) == (count, 1)
    await keeper.keep(Reply((*ended.choices, Choice((TextPart("plain"),), "stop"))))
    assert memory.settled == 1


async def test_where_nothing_is_kept_nothing_happens() -> None:
    await Keeper(Request("r"), CLAUDE, DIALECT, None, caller="").keep(Reply((Choice((THOUGHT,), "stop"),)))


async def test_two_workers_share_one_file(tmp_path: Path) -> None:
    one = Stored(tmp_path / "k.db", seconds=1e6, max_bytes=10**7, now=time.time)
    two = Stored(tmp_path / "k.db", seconds=1e6, max_bytes=10**7, now=time.time)
    try:
        reply = Reply((Choice((THOUGHT, call()), "tool_calls"),))
        keeper = Keeper(Request("r", (user("hi"),)), CLAUDE, DIALECT, one, caller="ann")
        await keeper.keep(reply)  # and only now is the client told of the end
        request, changed = recall(
            Request("r", (user("hi"), said(call()), result())), CLAUDE, DIALECT, two, caller="ann"
        )
        assert changed
        assert request.messages[1].parts == (THOUGHT, call())
    finally:
        await asyncio.to_thread(one.close)
        await asyncio.to_thread(two.close)


def test_what_was_asked_is_the_last_thing_that_the_user_said() -> None:
    digests = list(asked_of([user("a"), said(call()), result(), said(), user("b"), user("c"), said(), said()]))
    assert digests[0] == b""
    assert digests[1] == digests[2] == digests[3] == digests[4] == digests[5]
    assert digests[6] == digests[7] == said_of([TextPart("bc")])
    assert digests[1] == said_of([TextPart("a")])


PARTS = st.one_of(
    st.builds(TextPart, st.text("ab \n", max_size=4)),
    st.builds(
        lambda t, d: ReasoningPart(t, (seal(d),) if d else ()), st.text("xy", max_size=3), st.text("S", max_size=1)
    ),
    st.builds(
        lambda n, d: call("f", f'{{"n": {n}}}', f"id{n}", *d), st.integers(0, 3), st.lists(st.just("Q"), max_size=1)
    ),
)


def restored(parts: Sequence[Part], keepsake: Keepsake, label: Label | None = None) -> tuple[Message, ...]:
    return put_back([said(*parts)], [Turn.of(parts, b"")], keepsake, label or Label(DIALECT, own=True))


@given(st.lists(PARTS, max_size=7))
def test_whatever_was_said_comes_back_exactly_when_all_that_is_hidden_was_dropped(parts) -> None:
    keepsake = keepsake_of(parts, "me", DIALECT)
    if keepsake is None:
        return
    encoded = encode(keepsake)
    assert encoded is not None
    assert decode(encoded) == keepsake
    ids = [part.id for part in parts if isinstance(part, ToolCallPart)]
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    shown = tuple(
        replace(part, blobs=())
        for part in parts
        if not isinstance(part, ReasoningPart) and not (isinstance(part, TextPart) and not part.text)
    )
    made = restored(shown, keepsake)
    if len(set(ids)) == len(ids) and len({text.strip() for text in texts}) == len(texts):
        wanted = [p for p in parts if not (isinstance(p, TextPart) and not p.text)]
        assert list(made[0].parts) == wanted
    hidden = [p for p in parts if isinstance(p, ReasoningPart)]
    assert [p for p in made[0].parts if isinstance(p, ReasoningPart)] == hidden
    assert restored(made[0].parts, keepsake) == made  # twice changes nothing


@given(st.lists(PARTS, max_size=5), st.lists(PARTS, max_size=5))
def test_whatever_the_client_made_of_it_its_words_stay_and_nothing_crashes(parts, told) -> None:
    keepsake = keepsake_of(parts, "me", DIALECT)
    if keepsake is None:
        return
    made = restored(told, keepsake, Label("me", own=False))
    words = "".join(p.text for p in told if isinstance(p, TextPart))
    assert made[0].text == words if made else not any(not isinstance(p, ReasoningPart) for p in told)
    calls = sorted(msgspec.json.encode(replace(p, blobs=())) for p in told if isinstance(p, ToolCallPart))
    found = [p for m in made for p in m.parts if isinstance(p, ToolCallPart)]
    assert sorted(msgspec.json.encode(replace(p, blobs=())) for p in found) == calls
