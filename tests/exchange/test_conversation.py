"""Which exchanges belong together, where nobody says so."""

from __future__ import annotations

from weighbridge.canon import ImagePart, Message, Request, TextPart
from weighbridge.exchange.conversation import derive

SECRET = b"not for anyone"


def said(role, text: str) -> Message:
    return Message(role, (TextPart(text),))


FIRST = Request("m", (said("system", "Be kind."), said("user", "Hello Zoë 👋")))
LATER = Request("other", (*FIRST.messages, said("assistant", "Hi."), said("user", "So?")), stream=True)


def test_every_turn_of_a_conversation_has_the_same_id() -> None:
    found = derive(FIRST, "ann", SECRET)
    assert found == derive(LATER, "ann", SECRET)
    assert found.startswith("~")
    assert len(found) == 33
    assert found.isascii()


def test_what_differs_at_the_beginning_is_another_conversation() -> None:
    others = [
        derive(FIRST, "bob", SECRET),
        derive(FIRST, "ann", b"another secret"),
        derive(Request("m", FIRST.messages, user="u1_session_2"), "ann", SECRET),
        derive(Request("m", (said("system", "Be rude."), FIRST.messages[1])), "ann", SECRET),
        derive(Request("m", (FIRST.messages[0], said("user", "Hello"))), "ann", SECRET),
        derive(Request("m", (said("user", "Be kind."), said("user", "Hello Zoë 👋"))), "ann", SECRET),
        derive(Request("m"), "ann", SECRET),
    ]
    assert len({derive(FIRST, "ann", SECRET), *others}) == 8


def test_all_that_the_user_says_before_an_answer_counts() -> None:
    """Coding agents begin each conversation of a folder with the same message about it."""
    one = Request("m", (said("user", "<environment>"), said("user", "Fix the bug.")))
    two = Request("m", (said("user", "<environment>"), said("user", "Write a test.")))
    assert derive(one, "ann", SECRET) != derive(two, "ann", SECRET)


def test_the_dialect_s_own_id_goes_first_and_is_bounded() -> None:
    assert derive(Request("m", FIRST.messages, cache_key="thread-1"), "ann", SECRET) == "thread-1"
    assert derive(Request("m", FIRST.messages, continues="resp_1"), "ann", SECRET) == "resp_1"
    assert derive(Request("m", cache_key="x" * 5000), "ann", SECRET) == "x" * 200


def test_empty_huge_and_strange_texts() -> None:
    assert derive(Request(""), "", b"").startswith("~")
    assert derive(Request("m", (said("user", "x" * 10**6),)), "a" * 1000, b"s" * 5000).startswith("~")
    assert derive(Request("m", (said("user", "\ud800"),)), "\ud800", SECRET).startswith("~")
    assert derive(Request("m", (Message("user", (ImagePart("u"),)),)), "ann", SECRET).startswith("~")
