"""Quirks applied to requests, in whatever dialect; thinking asked for in an engine's own words; rules for messages."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    Message,
    Profile,
    Quirk,
    ReasoningPart,
    Request,
    SchemaRules,
    TextPart,
    Thinking,
    ToolResultPart,
)
from weighbridge.dialects import profiles
from weighbridge.dialects.extras import Extras, Losses
from weighbridge.dialects.profiles.messages import kinds


def losses() -> Losses:
    return Extras("x").losses()


def told(found: Losses) -> dict[str, str]:
    return {loss.field: loss.severity for loss in found.all()}


def apply(out: dict[str, Any], profile: Profile) -> tuple[dict[str, Any], dict[str, str], bool]:
    """What comes out, what is lost, and whether anything changed; what lay further in is not touched."""
    before = copy.deepcopy(out)
    inner = {key: value for key, value in out.items() if key not in ("messages", "input")}
    found, written = losses(), dict(out)
    changed = profiles.apply(written, profile, found)
    assert inner == {key: before[key] for key in inner}
    assert changed == (written != before)
    return written, told(found), changed


# --- fields ---------------------------------------------------------------------------------------


def test_a_name_reaches_through_objects_and_lists():
    out = {
        "generationConfig": {"topK": 5, "thinkingConfig": {"thinkingBudget": 1}},
        "tools": [{"functionDeclarations": [{"name": "f", "strict": True}]}, {"googleSearch": {}}, "odd"],
    }
    drop = ("generationConfig.thinkingConfig.thinkingBudget", "tools.functionDeclarations.strict", "tools.googleSearch")
    written, lost, _ = apply(out, Profile(drop=drop))
    assert written == {
        "generationConfig": {"topK": 5},
        "tools": [{"functionDeclarations": [{"name": "f"}]}, "odd"],
    }
    assert set(lost) == set(drop)
    fixed = {"tools.functionDeclarations.kind": "x", "messages.name": "y"}
    written, lost, _ = apply(out, Profile(fixed=fixed))
    assert written["tools"][0] == {"functionDeclarations": [{"name": "f", "strict": True, "kind": "x"}]}
    assert "messages" not in written
    assert lost == {}


def test_the_last_item_of_a_list_takes_the_list_with_it():
    written, _, _ = apply({"tools": [{"googleSearch": {}}]}, Profile(drop=("tools.googleSearch",)))
    assert written == {}


def test_a_null_says_nothing():
    profile = Profile(drop=("temperature",), defaults={"seed": 1}, fixed={"n": 1})
    written, lost, _ = apply({"temperature": None, "seed": None, "n": None}, profile)
    assert written == {"seed": 1, "n": 1}
    assert lost == {}


def test_a_rename_reaches_further_in():
    written, lost, _ = apply({"options": {"a": 1}}, Profile(rename={"options.a": "settings.b"}))
    assert written == {"settings": {"b": 1}}
    assert lost == {}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"a": 1}, True),
        ({"a": 2}, False),
        ({"a": True}, False),
        ({"a": "*"}, True),
        ({"a": "-"}, False),
        ({"b": "-"}, True),
        ({"b": "*"}, False),
        ({"null": "-"}, True),
        ({"a": [3, 1]}, True),
        ({"b": ["-", 5]}, True),
        ({"a": 1, "b": "*"}, False),
        ({"items.kind": "x"}, True),
        ({"items.kind": "z"}, False),
        ({}, True),
    ],
)
def test_a_quirk_holds_where_all_its_conditions_do(when, holds):
    out = {"a": 1, "null": None, "c": 1, "items": [{"kind": "y"}, {"kind": "x"}]}
    written, lost, _ = apply(out, Profile(quirks=(Quirk(when=when, drop=("c",), severity="high"),)))
    assert ("c" not in written) is holds
    assert lost == ({"c": "high"} if holds else {})


def test_a_quirk_sets_fields():
    quirk = Quirk(when={"a": "*"}, set={"b": 2, "c.d": 3})
    assert apply({"a": 1}, Profile(quirks=(quirk,)))[:2] == ({"a": 1, "b": 2, "c": {"d": 3}}, {})
    assert apply({"a": 1, "b": 5}, Profile(quirks=(quirk,)))[1] == {"b": "medium"}
    said = Quirk(when={"a": "*"}, set={"b": 2}, why="because")
    assert apply({"a": 1}, Profile(quirks=(said,)))[1] == {"b": "medium"}
    assert apply({"a": 1, "b": 2}, Profile(quirks=(said,))) == ({"a": 1, "b": 2}, {}, False)
    renamed = Profile(rename={"b": "e"}, quirks=(quirk,))
    assert apply({"a": 1, "b": 4}, renamed)[:2] == ({"a": 1, "e": 2, "c": {"d": 3}}, {"e": "medium"})


def test_quirks_come_one_after_the_other():
    first = Quirk(when={"a": 1}, set={"b": 1})
    second = Quirk(when={"b": 1}, drop=("a",), why="b is there")
    assert apply({"a": 1}, Profile(quirks=(first, second)))[0] == {"b": 1}
    assert apply({"a": 1}, Profile(quirks=(second, first)))[0] == {"a": 1, "b": 1}


def test_roles_in_responses():
    items = [{"role": "developer", "content": "x"}, {"type": "function_call"}]
    out = {"input": items}
    found = losses()
    assert profiles.apply(out, Profile(roles={"developer": "system"}), found)
    assert out["input"][0]["role"] == "system"
    assert found.all() == ()


def test_what_changes_nothing_is_neutral():
    assert profiles.is_neutral(Profile())
    assert profiles.is_neutral(Profile("x", max_output=5, issuer="{model}", tools="native", replay="always"))
    changing: dict[str, Any]
    for changing in (
        {"rename": {"a": "b"}},
        {"quirks": (Quirk(),)},
        {"choices": {"required": "auto"}},
        {"schema": SchemaRules()},
        {"efforts": {"none": {}}},
        {"shown": {"a": 1}},
    ):
        assert not profiles.is_neutral(Profile(**changing))
        assert not profiles.touches_messages(Profile(**changing))
    for changing in (
        {"roles": {"a": "b"}},
        {"system": "one"},
        {"replay": "never"},
        {"rejects": ("image",)},
        {"call_ids": "a"},
        {"tool_media": False},
        {"cache_markers": False},
        {"drop": ("messages.name",)},
    ):
        assert profiles.touches_messages(Profile(**changing))
        assert not profiles.is_neutral(Profile(**changing))


def test_names_of_top_level_fields():
    quirk = Quirk(when={"a.b": 1}, drop=("c.d",), set={"e": 1})
    profile = Profile(rename={"f": "g"}, quirks=(quirk,))
    assert [name for name in "abcdefg" if profiles.names(profile, name)] == ["a", "c", "e", "f"]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
names_of_fields = st.sampled_from(["a", "b", "a.b", "b.c", "a.b.c", "messages.a", "tools.a.b"])
requests = st.dictionaries(st.sampled_from(["a", "b", "messages", "tools", "c"]), json_like, max_size=4)
quirk_lists = st.lists(
    st.builds(
        Quirk,
        when=st.dictionaries(names_of_fields, st.sampled_from(["*", "-", 1, ["-", True]]), max_size=2),
        drop=st.lists(names_of_fields, max_size=2).map(tuple),
        set=st.dictionaries(names_of_fields, json_like, max_size=2),
    ),
    max_size=2,
)


@given(requests, st.lists(names_of_fields).map(tuple), st.dictionaries(names_of_fields, json_like), quirk_lists)
def test_any_quirks_on_any_request_change_it_once(out, drop, values, quirks):
    profile = Profile(drop=drop, fixed=values, quirks=tuple(quirks), roles={"a": "b"})
    before = copy.deepcopy(out)
    written = dict(out)
    profiles.apply(written, profile, losses())
    assert out == before
    plain = Profile(drop=drop)
    once = dict(out)
    profiles.apply(once, plain, losses())
    again = dict(once)
    assert not profiles.apply(again, plain, losses())
    assert again == once


# --- tool choice ----------------------------------------------------------------------------------


def test_pitfall_07_a_tool_choice_becomes_the_nearest_that_is_known():
    found = losses()
    profile = Profile(choices={"required": "auto"})
    assert [profiles.choice(mode, profile, found) for mode in ("auto", "none", "named")] == ["auto", "none", "named"]
    assert found.all() == ()
    assert profiles.choice("required", profile, found) == "auto"
    assert told(found) == {"tool_choice": "medium"}


# --- thinking -------------------------------------------------------------------------------------

LEVELS = Profile(efforts={name: {"effort": name} for name in ("low", "high", "max")})
SWITCH = Profile(efforts={"none": {"think": False}, "on": {"think": True}})
BUDGET = Profile(
    efforts={"none": {"t.type": "off"}, "on": {"t.type": "on"}}, budget="t.tokens", least_budget=1024, most_budget=32000
)
DYNAMIC = Profile(efforts={"on": {"budget": -1}}, budget="budget", least_budget=128)
QUIET = Profile(efforts={"none": {}})


def think(profile: Profile, thinking: Thinking, **out: Any) -> tuple[dict[str, Any], dict[str, str]]:
    found, written = losses(), dict(out)
    ruled = profiles.apply_thinking(written, thinking, profile, found)
    assert ruled == bool(profile.efforts or profile.budget)
    return {k: v for k, v in written.items() if k not in out or out[k] != v}, told(found)


@pytest.mark.parametrize(
    ("profile", "thinking", "written", "lost"),
    [
        (Profile(), Thinking(effort="high"), {}, {}),
        (LEVELS, Thinking(), {}, {}),
        (LEVELS, Thinking(effort="high"), {"effort": "high"}, {}),
        (LEVELS, Thinking(effort="medium"), {"effort": "high"}, {"thinking": "low"}),
        (LEVELS, Thinking(effort="minimal"), {"effort": "low"}, {"thinking": "low"}),
        (LEVELS, Thinking(effort="none"), {"effort": "low"}, {"thinking": "medium"}),
        (LEVELS, Thinking(enabled=False), {"effort": "low"}, {"thinking": "medium"}),
        (LEVELS, Thinking(enabled=True), {"effort": "high"}, {}),
        (LEVELS, Thinking(budget=16384), {"effort": "high"}, {}),
        (LEVELS, Thinking(budget=15000), {"effort": "high"}, {"thinking": "low"}),
        (LEVELS, Thinking(budget=-1), {"effort": "high"}, {}),
        (SWITCH, Thinking(effort="none"), {"think": False}, {}),
        (SWITCH, Thinking(budget=0), {"think": False}, {}),
        (SWITCH, Thinking(enabled=True), {"think": True}, {}),
        (SWITCH, Thinking(effort="low"), {"think": True}, {"thinking": "low"}),
        (SWITCH, Thinking(budget=500), {"think": True}, {"thinking": "low"}),
        (BUDGET, Thinking(effort="none"), {"t": {"type": "off"}}, {}),
        (BUDGET, Thinking(budget=5000), {"t": {"type": "on", "tokens": 5000}}, {}),
        (BUDGET, Thinking(effort="medium"), {"t": {"type": "on", "tokens": 8192}}, {}),
        (BUDGET, Thinking(enabled=True), {"t": {"type": "on", "tokens": 8192}}, {}),
        (BUDGET, Thinking(budget=10), {"t": {"type": "on", "tokens": 1024}}, {"thinking": "low"}),
        (BUDGET, Thinking(effort="max"), {"t": {"type": "on", "tokens": 32000}}, {"thinking": "low"}),
        (DYNAMIC, Thinking(enabled=True), {"budget": -1}, {}),
        (DYNAMIC, Thinking(budget=-1), {"budget": -1}, {}),
        (DYNAMIC, Thinking(effort="low"), {"budget": 2048}, {}),
        (DYNAMIC, Thinking(effort="none"), {"budget": 128}, {"thinking": "medium"}),
        (QUIET, Thinking(effort="none"), {}, {}),
        (QUIET, Thinking(effort="low"), {}, {"thinking": "medium"}),
        (QUIET, Thinking(enabled=True), {}, {"thinking": "medium"}),
        (Profile(budget="b"), Thinking(effort="none"), {"b": 0}, {}),
        (Profile(budget="b"), Thinking(effort="low"), {"b": 2048}, {}),
        (Profile(efforts={"on": {}}), Thinking(effort="none"), {}, {"thinking": "medium"}),
    ],
)
def test_thinking_in_an_engines_own_words(profile, thinking, written, lost):
    assert think(profile, thinking) == (written, lost)


def test_a_budget_leaves_room_for_the_answer():
    assert think(BUDGET, Thinking(budget=5000), max_tokens=4000) == (
        {"t": {"type": "on", "tokens": 3999}},
        {"thinking": "low"},
    )
    assert think(BUDGET, Thinking(effort="medium"), max_tokens=4001)[0] == {"t": {"type": "on", "tokens": 3200}}
    assert think(BUDGET, Thinking(effort="medium"), max_tokens=800) == ({"t": {"type": "off"}}, {"thinking": "medium"})
    gemini = {"generationConfig": {"maxOutputTokens": 3001}}
    assert think(BUDGET, Thinking(budget=9000), **gemini)[0] == {"t": {"type": "on", "tokens": 3000}}


def test_what_the_client_set_itself_stays():
    assert think(SWITCH, Thinking(effort="none"), think=True) == ({}, {"thinking": "low"})
    assert think(SWITCH, Thinking(effort="none"), think=False) == ({}, {})
    assert think(SWITCH, Thinking(effort="none"), think=None)[0] == {"think": False}


def test_thinking_is_told_where_it_is_asked_for():
    shown = Profile(shown={"t.display": "all"})
    assert think(shown, Thinking(show=True, effort="low")) == ({"t": {"display": "all"}}, {})
    assert think(shown, Thinking(show=False)) == ({}, {})


def test_an_engine_with_both_takes_each_as_it_was_told():
    both = Profile(efforts={"low": {"e": "low"}, "high": {"e": "high"}}, budget="b")
    assert think(both, Thinking(effort="high"))[0] == {"e": "high"}
    assert think(both, Thinking(budget=700))[0] == {"b": 700}


# --- messages -------------------------------------------------------------------------------------


def test_pitfall_28_media_that_are_refused_are_told():
    pdf = FilePart(url="https://x/a.pdf", media_type="application/pdf")
    image = ImagePart(data="AA==", media_type="image/png")
    sound = FilePart(data="AA==", media_type="audio/wav")
    assert kinds(pdf) == {"file", "file_url", "pdf"}
    assert kinds(sound) == {"audio"}
    assert kinds(ImagePart(url="https://x")) == {"image", "image_url"}
    assert kinds(FilePart(file_id="f")) == {"file"}
    request = Request(
        "m",
        (
            Message("user", (TextPart("a"), pdf, image)),
            Message("user", (pdf,)),
            Message("tool", (ToolResultPart("c", (TextPart("b"), image)),)),
        ),
    )
    found = losses()
    assert profiles.refuse_media(request, Profile(), found) is request
    assert profiles.refuse_media(request, Profile(rejects=("video", "image_url")), found) is request
    assert found.all() == ()
    kept = profiles.refuse_media(request, Profile(rejects=("file_url",)), found)
    assert [m.parts for m in kept.messages] == [(TextPart("a"), image), request.messages[2].parts]
    assert told(found) == {"messages[0].parts[1]": "high", "messages[1].parts[0]": "high"}
    found = losses()
    kept = profiles.refuse_media(request, Profile(rejects=("image",)), found)
    assert kept.messages[2].parts == (ToolResultPart("c", (TextPart("b"),)),)
    assert told(found) == {"messages[0].parts[2]": "high", "messages[2].parts[0].parts[1]": "high"}


def test_pitfall_05_system_texts_stand_where_the_engine_takes_them():
    talk = (
        Message("system", (TextPart("a"),)),
        Message("developer", (TextPart("b"),)),
        Message("user", (TextPart("c"),)),
        Message("system", (TextPart("d"),)),
    )
    found = losses()
    assert profiles.place_system(talk, "", found) is talk
    assert profiles.place_system(talk[1:3], "one", found) == talk[1:3]
    assert profiles.place_system((), "one", found) == ()
    assert found.all() == ()
    first = profiles.place_system(talk, "first", found)
    assert [m.role for m in first] == ["system", "developer", "user", "user"]
    assert told(found) == {"messages[3].role": "medium"}
    one = profiles.place_system(talk, "one", losses())
    assert [(m.role, m.text) for m in one] == [("system", "a\n\nb"), ("user", "c"), ("user", "d")]
    marked = (Message("system", (TextPart("a", cache="5m"),)), talk[1])
    (joined,) = profiles.place_system(marked, "one", losses())
    assert joined.parts == (TextPart("a", cache="5m"), TextPart("\n\nb"))


def test_earlier_thinking_that_must_not_be_seen():
    sealed = ReasoningPart("s", (Blob("me", "x"),))
    talk = (Message("user", (TextPart("a"),)), Message("assistant", (ReasoningPart("r"), sealed, TextPart("b"))))
    for rule in ("", "always", "tools"):
        assert profiles.replay(talk, rule) is talk
    assert profiles.replay(talk, "never")[1].parts == (sealed, TextPart("b"))
    assert profiles.replay(talk, "never", "me")[1].parts == (sealed, TextPart("b"))
    assert profiles.replay(talk, "never", "you")[1].parts == (TextPart("b"),)
    assert profiles.replay(talk[:1], "never") == talk[:1]
