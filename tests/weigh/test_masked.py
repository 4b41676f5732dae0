"""Weighing at levels of masking: what leaked is found however it is written, and the built-in medical suite is sound."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import Choice, Message, Reply, Span, TextPart, Usage
from weighbridge.errors import InputError
from weighbridge.mask.kinds import KINDS
from weighbridge.weigh import graders, mask_words, masking, suites
from weighbridge.weigh.graders.base import normal
from weighbridge.weigh.identifiers import exposure, read_identifiers, said, sent
from weighbridge.weigh.types import Exposure, Grade, Identifier, Result, Sample, Suite
from weighbridge.weigh.watch import Watch

TEXT = "Mrs Anna Weber-Ross, born 03.04.1961, rang from 07700 900123. Anna has asthma; the ward has a bed."


def sample(text=TEXT, *identifiers, name="s"):
    return Sample(name, (Message("user", (TextPart(text),)),), target="x", identifiers=identifiers)


def found(value, one):
    """Does a suite take this as an identifier of the sample?"""
    try:
        return bool(read_identifiers([value], one.messages, "s.jsonl:1"))
    except InputError:
        return False


def seen(text, *values, original=TEXT):
    return exposure(original, [Identifier(v, "k") for v in values], text, level="strict", masked={})


# --- what leaked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Anna Weber-Ross", "call Anna Weber-Ross now"),
        ("Anna Weber-Ross", "call ANNA WEBER-ROSS's son"),
        ("Anna Weber-Ross", "annaweberross@example.com"),
        ("07700 900123", "tel 07700900123"),
        ("07700 900123", "tel 0-7-7-0-0 900/123"),
        ("07700 900123", "\uff10\uff17\uff17\uff10\uff10 900123"),
        ("03.04.1961", "on 03.04.1961."),
        ("Anna", "ask Anna, please"),
    ],
)
def test_a_value_is_found_as_it_is_in_other_case_and_without_separators(value, text):
    assert seen(text, value).leaked == {"k": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Anna", "the banana in Annapolis"),
        ("Anna Weber-Ross", "call Maria Stone now"),
        ("07700 900123", "07700 900 124"),
        ("03.04.1961", "03.05.1961"),
    ],
)
def test_what_only_looks_like_a_value_has_not_leaked(value, text):
    found = seen(text, value)
    assert found.leaked == {}
    assert found.identifiers == {"k": 1}


def test_a_part_that_is_said_nowhere_else_tells_something():
    found = seen("Mrs <PERSON> Ross rang; the ward has a bed", "Anna Weber-Ross", "the ward")
    assert found.leaked == {"k": 1}
    assert found.partly == {"k": 2}
    bed = seen("a bed", "Bed 14", original="He lies in Bed 14; a bed was free.")
    assert bed.partly == {}


def test_chinese_values_need_no_boundaries():
    text = "患者王小明因咳嗽就诊。"
    assert seen(text, "王小明", original=text).leaked == {"k": 1}
    hidden = seen("患者李大伟因咳嗽就诊。", "王小明", original=text)
    assert hidden.leaked == {}
    assert (hidden.words, hidden.hidden) == (7, 0)


def test_words_that_belong_to_no_identifier_and_were_hidden_are_counted():
    found = seen("Mrs [A], born [B], rang from [C]. [A] has [D]; the ward has a bed.", "Anna Weber-Ross", "Anna")
    assert found.hidden == 6  # the date and the number, three and two words, and asthma
    assert found.words == 16


MIXED = "aB1_ -.\u6f22\ud55c\u0416\u00e9"  # letters that make words, those that are words, and what is none


@given(
    st.text(MIXED, min_size=1, max_size=3).filter(lambda value: any(map(str.isalnum, value))),
    st.text(MIXED, max_size=12),
)
def test_a_value_counts_where_it_is_no_part_of_a_longer_word(value, text):
    told = Sample("s", (Message("user", (TextPart(text),)),), target="x")
    word = re.compile(r"(?!_)[a-zA-Z0-9\u0416\u0436\u00e9]")
    plain, wanted = normal(text), normal(value)

    def stands(at):
        before, after = plain[at - 1 : at] if at else "", plain[at + len(wanted) : at + len(wanted) + 1]
        return not (word.match(wanted[0]) and word.match(before)) and not (word.match(wanted[-1]) and word.match(after))

    there = any(plain.startswith(wanted, at) and stands(at) for at in range(len(plain)))
    assert found(value, told) is there


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_measured(value, text):
    found = seen(text + value, value, original=value)
    assert found.leaked.get("k", 0) <= 1
    assert found.hidden <= found.words


@given(st.text("abcXYZ 0123456789-", min_size=1, max_size=20).filter(lambda v: any(c.isalnum() for c in v)))
def test_what_was_sent_as_it_is_has_always_leaked(value):
    assert seen(f"({value})", value, original=value).leaked == {"k": 1}


# --- what was sent ------------------------------------------------------------------------------------


def test_bodies_are_read_as_they_mean_and_not_as_they_are_escaped():
    inner = json.dumps({"who": "Zo\u00eb Q.", "year": 1961})
    body = json.dumps({"messages": [{"content": "J\u00f6rg\n\u738b"}, {"arguments": inner}]}).encode()
    assert b"\\u738b" in body
    text = sent([body, body, b"not json"])
    assert {"J\u00f6rg\n\u738b", "Zo\u00eb Q.", "1961", "not json"} <= set(text.split("\n")) | {"J\u00f6rg\n\u738b"}
    assert text.count("Zo\u00eb") == 1
    assert "\u738b" in text


def test_bodies_nested_without_end_are_read_as_well():
    deep = "[" * 80 + '"Anna"' + "]" * 80
    assert "Anna" in sent([deep.encode()])
    assert "Anna" in sent([("[" * 100_000 + "Anna").encode()])


def test_a_watch_tells_calls_apart():
    watch = Watch()
    watch(b"nobody looks")
    with watch.over() as first:
        watch(b"one")
        with watch.over() as second:
            watch(b"two")
        watch(b"three")
    assert (first, second) == ([b"one", b"three"], [b"two"])


# --- levels and figures -------------------------------------------------------------------------------


def test_levels_are_read_in_order():
    assert masking.read_levels(" strict, none ") == ("strict", "none")
    assert masking.read_levels("") == ()
    with pytest.raises(InputError, match="Did you mean 'strict'"):
        masking.read_levels("none,strickt")
    with pytest.raises(InputError, match="named twice"):
        masking.read_levels("none,none")


def test_an_engine_keeps_its_name_where_nothing_is_masked():
    assert masking.name_of("a@b", None) == masking.name_of("a@b", "none") == "a@b"
    assert masking.name_of("a@b", "strict") == "a@b +mask strict"
    assert masking.masking_of(None) is None
    made = masking.masking_of("strict")
    assert made is not None
    assert (made.level, made.traces) == ("strict", "original")


def result(name, *, leaked=0, of=2, cost=None, first=None, total=None, tokens=None, score=1.0):
    return Result(
        sample=name,
        engine="a@b",
        grade=Grade(score),
        cost=cost,
        first_token=first,
        total=total,
        usage=Usage(input=tokens) if tokens is not None else None,
        exposure=Exposure("strict", {"person": of}, {"person": leaked}, {"person": leaked}, {"person": 3}, 50, 5),
    )


def test_figures_count_identifiers_samples_and_words():
    made = [sample(name="s0"), sample(name="s1"), sample(name="s2")]
    found = masking.figures(made, [result("s0", leaked=1), result("s1"), result("s2", of=4)])
    assert found is not None
    assert found.leak is not None
    assert found.leak.value == pytest.approx(1 / 8)
    assert found.leak.n == 8
    assert found.leak.low < 1 / 8 < found.leak.high
    assert found.samples is not None
    assert found.samples.value == pytest.approx(1 / 3)
    assert found.by_kind["person"].value == pytest.approx(1 / 8)
    assert (found.per_sample, found.kinds) == (3.0, {"person": 9})
    assert (found.over_masked, found.over_masked_words) == (0.1, 15)


def test_without_identifiers_a_leak_is_unknown_and_without_a_look_everything_is():
    bare = replace(result("s0"), exposure=Exposure("strict", masked={"date": 2}, words=10, hidden=1))
    found = masking.figures([sample(name="s0")], [bare])
    assert found is not None
    assert [found.leak, found.partly, found.samples, found.over_masked] == [None] * 4
    assert found.per_sample == 2
    assert masking.figures([sample(name="s0")], [replace(bare, exposure=None)]) is None


def test_a_toll_is_taken_pair_by_pair_from_what_both_answered():
    base = [result(f"s{i}", cost=100, first=0.1, total=1.0, tokens=50) for i in range(3)]
    slow = [result(f"s{i}", cost=150, first=0.1 + i, total=2.0, tokens=60) for i in range(3)]
    found = masking.toll(base, [*slow[:2], replace(slow[2], grade=None)])
    assert found is not None
    assert (found.n, found.total, found.tokens_in) == (2, 1.0, 10.0)
    assert found.first_token == pytest.approx(0.5)
    assert found.cost_per_1000 == pytest.approx(0.05)
    assert masking.toll(base, []) is None
    bare = masking.toll([result("s0")], [result("s0")])
    assert bare is not None
    assert bare.cost_per_1000 is bare.first_token is bare.tokens_in is None


def test_detectors_name_identifiers_where_the_suite_names_none():
    class Finder:
        def find(self, texts):
            return [[Span(m.start(), m.end(), "person") for m in re.finditer("Anna", text)] for text in texts]

    suite = Suite("s", (sample(), sample("nobody here", name="t")), "digest")
    assert not masking.has_identifiers(suite.samples)
    found = masking.with_found(suite, Finder())
    assert [one.identifiers for one in found.samples] == [(Identifier("Anna", "person"),), ()]
    assert masking.has_identifiers(found.samples)
    assert found.digest == suite.digest


# --- the field of a suite -----------------------------------------------------------------------------

ROW = {"id": "a", "input": TEXT, "target": "x", "grader": "exact"}


def load(tmp_path, identifiers):
    path = tmp_path / "suite.jsonl"
    path.write_text(json.dumps({**ROW, "identifiers": identifiers}) + "\n")
    return suites.load(str(path)).samples[0].identifiers


def test_identifiers_are_a_list_or_lists_by_kind(tmp_path):
    assert load(tmp_path, ["Anna", "Anna"]) == (Identifier("Anna"),)
    assert load(tmp_path, {"person": ["Anna"], "phone": ["07700 900123"]}) == (
        Identifier("Anna", "person"),
        Identifier("07700 900123", "phone"),
    )
    assert load(tmp_path, None) == ()


@pytest.mark.parametrize(
    "value",
    [
        "Anna",
        5,
        [],
        [5],
        [""],
        ["..."],
        {"person": "Anna"},
        {"person": ["Sekret"]},
        {"person": ["An"]},
        {"k" * 61: ["Anna"]},
        ["Anna" * 200],
        {"a\nb": ["Anna"]},
    ],
)
def test_a_field_that_cannot_be_used_is_told_without_its_values(tmp_path, value):
    with pytest.raises(InputError) as caught:
        load(tmp_path, value)
    assert "identifiers" in caught.value.what
    assert "Sekret" not in str(caught.value)


# --- sentences ----------------------------------------------------------------------------------------


def test_no_sentence_is_made_of_nothing():
    from weighings import build

    weighing = build()
    assert mask_words.headline(weighing) == ""
    assert mask_words.methods(weighing) == []
    assert mask_words.toll(weighing, weighing.base) == ""
    assert mask_words.what_was_seen(weighing.scorecards[0]) == ""


# --- the medical suite --------------------------------------------------------------------------------

MEDICAL = suites.load("medical").samples
NOTES = {s.id: said(s.messages).rpartition("\n\n") for s in MEDICAL}


def grade(sample, answer):
    return graders.grade(sample, Reply(choices=(Choice((TextPart(answer),)),)))


def test_it_asks_four_kinds_of_questions_about_many_notes():
    assert Counter(s.category for s in MEDICAL) == dict.fromkeys(("triage", "extraction", "coding", "summary"), 24)
    letters = Counter(s.target for s in MEDICAL if s.grader == "choice")
    assert len(letters) == 4
    assert max(letters.values()) == min(letters.values())


def test_no_note_comes_twice_nor_is_one_another_with_other_names():
    shapes: dict[str, set[str]] = {}
    for name, (note, _, question) in NOTES.items():
        assert question
        words = re.findall(r"[a-z\u00df-\u00ff]{4,}|[\u4e00-\u9fff]", note.casefold())
        shapes[name] = set(words)
        wide = len(re.findall("[\u4e00-\u9fff]", note))
        assert 80 <= (wide or len(note.split())) <= 300, name
    names = list(shapes)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            both = shapes[one] & shapes[other]
            assert len(both) < 0.5 * min(len(shapes[one]), len(shapes[other])), (one, other)


def test_every_identifier_stands_in_its_note_and_is_of_a_known_kind():
    kinds: Counter[str] = Counter()
    for one in MEDICAL:
        note = NOTES[one.id][0]
        found = Counter(i.kind for i in one.identifiers)
        kinds.update(found)
        assert found["person"] >= 3, one.id
        assert len(found) >= 3, one.id
        assert all(i.value in note for i in one.identifiers), one.id
    assert kinds.total() > 1000
    assert kinds.keys() - KINDS.keys() <= {"device"}
    assert min(kinds[k] for k in ("person", "date", "date_of_birth", "medical_record", "phone", "address")) > 50


def test_a_person_belongs_to_one_note():
    full = Counter(i.value for s in MEDICAL for i in s.identifiers if i.kind == "person" and " " in i.value)
    assert full.most_common(1)[0][1] == 1
    assert len(full) > 250


def test_numbers_of_people_are_none_that_anybody_has():
    for one in MEDICAL:
        for i in one.identifiers:
            digits = re.sub(r"\D", "", i.value)
            match i.kind:
                case "uk_nhs":
                    assert digits.startswith("999"), one.id
                case "us_ssn":
                    assert digits.startswith("9"), one.id
                case "au_medicare" | "es_dni":
                    assert digits.startswith("0"), one.id
                case "email":
                    assert re.search(r"@example\.(com|org|net)$", i.value), one.id


RIGHT = {
    "extraction-06": "BRCA2 was tested, and the change was not inherited.",
    "extraction-13": "Healing fractures of the left 6th and 7th ribs.",
    "extraction-20": "Acetylcysteine, for 24 g of paracetamol.",
    "extraction-24": "It starts on Friday 13 November with Hearthside.",
    "summary-01": "A left pneumothorax was drained. He must never dive. Clinic on 20 March.",
    "summary-02": "Retention of 640 ml was the cause; codeine allergy; do not restart zopiclone.",
    "summary-03": "Finding: left paracentral L5/S1 extrusion; Root: left S1; Cauda equina: not compressed",
    "summary-04": "Primary aldosteronism, left; adrenalectomy 03/24/2026; spironolactone 50 mg until then.",
    "summary-05": "2 l/min Sauerstoff, Ziel 88-92 %, Penicillin-Allergie, Kontrolle am 15.08.",
    "summary-06": "Emilie has childhood absence epilepsy; ethosuximide 250 mg twice a day; 8 December.",
    "summary-07": "Grade IV splenic laceration, last BP 98/60, tranexamic acid at 04:05, embolisation planned.",
    "summary-08": "Dementia with Lewy bodies, rivastigmine 4.6 mg/24 h; avoid antipsychotics.",
    "summary-09": "Treated today: no; Reason: neutrophils 0.7; Next date: 01/06/2026",
    "summary-10": "患者自行停用替格瑞洛。今日起恢复每日两次。11月9日复诊。",
    "summary-11": "Ståhlberg: infrarenal aneurysm 6.1 cm on 21 September; told not to drive.",
    "summary-12": "Anterior communicating artery aneurysm; systolic 120-150; nimodipine next at 05:00.",
    "summary-13": "EPDS 18; sertraline discussed; GP 3.12.2026 at 10:10.",
    "summary-14": "Vancomycin stopped for kidney injury; daptomycin instead; atorvastatin held; stop 09/24/2026.",
    "summary-15": "Longest pause: 6.8 s; Rhythm: complete heart block; Treatment: dual-chamber pacemaker",
    "summary-16": "Remove the penicillin label; latex stays; he took 500 mg of amoxicillin.",
    "summary-17": "Acute severe ulcerative colitis, CRP 46, hydrocortisone 100 mg qds.",
    "summary-18": "Methotrexate taken daily; ulcers and a nosebleed; folinic acid arranged.",
    "summary-19": "Tuberculosis del lóbulo superior derecho, cinco comprimidos, revisión el 26 de marzo.",
    "summary-20": "Ventricular fibrillation; suspected cardiomyopathy; stopped at 18:49; relatives need screening.",
    "summary-21": "2 cm ulcer of the right foot; flucloxacillin; empagliflozin not started; back 30/01/2026.",
    "summary-22": "Diagnosis: multiple myeloma; Plasma cells in the aspirate: 64 %; del(17p): absent",
    "summary-23": "Five teaspoons of puree three times daily, head turned left; fluoroscopy 08/09/2026.",
    "summary-24": "Counter 118 of 120, so unused; peak flow 190 of 270; cross-country on 6 February.",
}


def right(sample):
    if sample.id in RIGHT:
        return RIGHT[sample.id]
    target = sample.target[0] if isinstance(sample.target, list) else sample.target
    return json.dumps(target, ensure_ascii=False) if isinstance(target, dict) else str(target)


def test_it_can_be_solved_in_full():
    for one in MEDICAL:
        got = grade(one, right(one))
        assert got.score == 1, (one.id, got)
        assert got.valid is not False


def test_what_is_to_be_found_stands_in_the_note():
    for one in (s for s in MEDICAL if s.grader == "json_schema"):
        note = NOTES[one.id][0]
        for value in one.target.values():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and text != "right upper":
                    assert text.casefold() in note.casefold(), (one.id, text)


def test_some_answers_need_a_value_that_masking_hides():
    answers = {s.id: right(s) for s in MEDICAL if s.grader != "choice"}
    hidden = [s.id for s in MEDICAL if s.id in answers and any(i.value in answers[s.id] for i in s.identifiers)]
    assert len(hidden) >= 20


@pytest.mark.parametrize("parrot", [lambda s: "", lambda s: NOTES[s.id][0], lambda s: "B", lambda s: "I cannot help."])
def test_silence_echo_and_one_letter_score_low(parrot):
    scores = [grade(s, parrot(s)).score for s in MEDICAL]
    assert sum(scores) / len(scores) < 0.15
