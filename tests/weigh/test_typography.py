"""What graders of words pass over: kinds of quotes and dashes, marks around an answer; and where a word begins and ends."""

from __future__ import annotations

# ruff: noqa: RUF001
import pytest

from weighbridge.canon import Choice, Reply, TextPart
from weighbridge.weigh import graders
from weighbridge.weigh.graders.sentences import sentences
from weighbridge.weigh.types import Sample


def score(grader, target, text, **more):
    sample = Sample("s", (), target=target, grader=grader, **more)
    assert graders.GRADERS[grader].check(target) == ""
    return graders.grade(sample, Reply(choices=(Choice(parts=(TextPart(text),)),))).score


@pytest.mark.parametrize(
    ("target", "text", "right"),
    [
        ("O'Neil", "O’Neil", 1),
        ("non-breaking", "non\u2011breaking", 1),
        ("1939-1945", "1939–1945", 1),
        ("-5", "−5", 1),
        ("Paris", "Paris!", 1),
        ("Paris", "**Paris!**", 1),
        ("Paris!", "paris", 1),
        ("hola", "¡Hola!", 1),
        ("東京", "東京！", 1),
        ("co-op", "co\u00adop", 0),
        ("coop", "co\u00adop", 1),
        ("Paris", "„Paris“", 1),
        ("Paris", "«Paris».", 1),
        ("5", "5!", 0),
        ("n", "n!", 0),
        ("Paris", "Paris?", 0),
        ("!", "!", 1),
        ("!", "?", 0),
        ("co-op", "coop", 0),
    ],
)
def test_exact(target, text, right) -> None:
    assert score("exact", target, text) == right


@pytest.mark.parametrize(
    ("target", "text", "right"),
    [
        ("7", "17 apples", 0),
        ("7", "7 apples", 1),
        ("7", "7kg of apples", 1),
        ("7", "It is 7.", 1),
        ("7", "7.5 kg", 0),
        ("7", "1.7 kg", 0),
        ("1", "1,700 km", 0),
        ("234", "1,234 km", 0),
        ("1,234", "1,234,567", 0),
        ("1,234", "1,234 km", 1),
        ("7", "3,7,9", 1),
        ("7", "version v7", 0),
        ("no", "I know", 0),
        ("no", "No, thanks", 1),
        ("no", "_no_", 1),
        ("no", "north", 0),
        ("O'Neil", "by O’Neil himself", 1),
        ("O'Neil", "by MO’Neil", 0),
        ("Straße", "die STRASSE", 1),
        ("нет", "интернет", 0),
        ("нет", "Нет!", 1),
        ("東京", "東京都です", 1),
        ("7", "我有7个苹果", 1),
        ("서울", "서울은 큽니다", 1),
        ("باريس", "وباريس", 1),
        ("กรุงเทพ", "ที่กรุงเทพครับ", 1),
        ("हाथ", "मेरा हाथ", 1),
        ("हाथ", "साहाथ", 0),
        ("हाथ", "हाथ।", 1),
        ("splen", "splenic injury", 1),
        ("splen", "asplenic", 0),
        ("rib", "the ribs", 1),
        ({"all": "rib", "whole": True}, "the ribs", 0),
        ({"all": "rib", "whole": True}, "the rib", 1),
        ("apple", "17 apples", 1),
        ("Oslo", "Oslossa", 1),
        ("vitamin C", "vitamin Cs", 0),
        ("not", "notwithstanding", 1),
        ({"any": "not", "whole": True}, "notwithstanding", 0),
        ("?", "what?", 1),
        ("$5", "for $5 only", 1),
        ("$5", "for $50", 0),
        ({"none": ["ski"], "whole": True}, "her skin is dry", 1),
        ({"none": ["ski"], "whole": True}, "a ski fall", 0),
        ({"any": ["7", "seven"]}, "17", 0),
    ],
)
def test_contains(target, text, right) -> None:
    assert score("contains", target, text) == right


@pytest.mark.parametrize(
    ("target", "text", "least"),
    [
        ({"like": "日本語", "by": "f1"}, "日本語です", 0.75),
        ({"like": "用 Python 写", "by": "f1"}, "用Python写", 1),
        ({"like": "O'Neil", "by": "edit"}, "O’Neil", 1),
        ({"like": "non-breaking"}, "non\u2011breaking", 1),
        ({"like": "Paris", "by": "f1"}, "Paris!", 1),
        ({"like": "日本語", "by": "f1"}, "中国", 0),
    ],
)
def test_similarity(target, text, least) -> None:
    assert score("similarity", target, text) == pytest.approx(least)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith has 3.5 kg. He left.", 2),
        ("Is it e.g. U.S. made?", 1),
        ("I met J. R. R. Tolkien. He wrote.", 2),
        ("We live in the U.S. It is big.", 2),
        ("The U.S. Army came. It won.", 2),
        ("It ends at 5 p.m. Then we go.", 2),
        ("Apples, pears, etc. They are fruit.", 2),
        ("St. Paul met Mrs. Jones on Jan. 5 in Washington D.C. for tea.", 1),
        ("Prof. Dr. Meier kommt z. B. um 5. Er geht.", 2),
        ("No. I do not.", 2),
        ("Item No. 5 is sold.", 1),
        ("It was I. He knew.", 2),
        ("1. Open it.\n2. Close it.", 2),
        ("The answer is 42. 43 is wrong.", 2),
        ("In 1990. Then.", 2),
        ("Visit example.com today.", 1),
        ("Visit example.com. Smith did.", 2),
        ("It weighs 3.5. Smith knew.", 2),
        ("The Ph.D. Smith got took years.", 1),
        ("He left.She stayed.", 2),
        ("Wait... what? Yes.", 2),
        ('"Why?" he asked. She left.', 2),
        ("(Really.) Yes.", 2),
        ("**Bold.** Next.", 2),
        ("hello! how are you?", 2),
        ("i like it. it is good.", 2),
        ("你好。再见！", 2),
        ("你好.再见", 2),
        ("यह है। वह है।", 2),
        ("One. Two! ...", 2),
        ("a?b=1", 1),
        ("", 0),
        ("?!", 0),
    ],
)
def test_sentences(text, count) -> None:
    assert sentences(text) == count


def test_words_that_are_asked_for_may_be_set_with_other_quotes() -> None:
    assert score("instructions", {"keywords": "don't", "starts": 'He said "no"'}, "He said “no”, and don’t ask.") == 1


@pytest.mark.parametrize(
    ("target", "text", "right"),
    [
        ({"a": 1}, '{"a":2,"a":1}', 0),
        ({"a": 1}, '{"a":1,"b":{"c":1,"\\u0063":1}}', 0),
        ({"a": 1}, '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', 1),
        ({"a": None}, "{}", 0),
        ({"a": None}, '{"a":null}', 1),
        ({"a": "O'Neil"}, '{"a":"O’Neil"}', 1),
    ],
)
def test_json(target, text, right) -> None:
    assert score("json_schema", target, text) == right


def test_json_with_a_field_twice_is_told() -> None:
    sample = Sample("s", (), target={"a": None}, grader="json_schema")
    twice, missing = (
        graders.grade(sample, Reply(choices=(Choice(parts=(TextPart(text),)),))) for text in ('{"a":2,"a":1}', "{}")
    )
    assert (twice.valid, twice.why) == (False, "not JSON that all read alike: the field 'a' stands twice")
    assert (missing.valid, missing.why) == (True, "a is missing")


@pytest.mark.parametrize("target", [{"all": "x", "whole": 1}, {"whole": True}, {"all": "x", "parts": True}])
def test_targets_of_contains_that_cannot_be_used(target) -> None:
    assert graders.GRADERS["contains"].check(target)
