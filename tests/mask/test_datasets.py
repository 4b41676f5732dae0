"""Marked data: each form is read into the same documents, and each document belongs to one half for good."""

from __future__ import annotations

import json

import pytest

from weighbridge.errors import InputError
from weighbridge.mask.datasets import half_of, read


def marked(document):
    return [(document.text[one.start : one.end], one.kind) for one in document.spans]


def one(path, text):
    path.write_text(text, encoding="utf-8")
    [dataset] = read(path)
    return dataset


def test_lines_with_spans(tmp_path):
    row = {
        "text": "\U0001d4b3 wrote to Dora Quill",
        "lang": "en-GB",
        "spans": [{"start": 11, "end": 21, "kind": "PERSON", "entity": "e1", "identifier": "DIRECT"}],
    }
    dataset = one(tmp_path / "notes.jsonl", json.dumps(row) + "\n\n" + json.dumps({"text": "nothing", "spans": []}))
    assert dataset.name == "notes"
    assert dataset.complete
    first, second = dataset.documents
    assert marked(first) == [("Dora Quill", "person")]
    assert (first.language, first.spans[0].entity, first.spans[0].identifier) == ("en", "e1", "direct")
    assert second.spans == ()


@pytest.mark.parametrize(
    "row",
    [
        {"text": "short", "spans": [{"start": 0, "end": 6, "kind": "person"}]},
        {"text": "short", "spans": [{"start": 3, "end": 3, "kind": "person"}]},
        {"text": "short", "spans": [{"start": "0", "end": 2, "kind": "person"}]},
        {"text": "short", "spans": [{"start": True, "end": 2, "kind": "person"}]},
        {"text": 5, "spans": []},
        {"text": "no spans"},
        {"text": "no list", "spans": {}},
    ],
)
def test_a_row_at_fault_is_named_by_its_line_and_not_repeated(tmp_path, row):
    path = tmp_path / "notes.jsonl"
    path.write_text(json.dumps({"text": "", "spans": []}) + "\n" + json.dumps(row))
    with pytest.raises(InputError) as error:
        read(path)
    assert error.value.where == "notes.jsonl:2"
    assert "short" not in str(error.value)


def test_sentences_of_templates(tmp_path):
    rows = [
        {
            "full_text": "Mr Quill pays with 4111111111111111",
            "spans": [
                {"entity_type": "TITLE", "start_position": 0, "end_position": 2},
                {"entity_type": "PERSON", "start_position": 3, "end_position": 8},
                {"entity_type": "CREDIT_CARD", "start_position": 19, "end_position": 35},
            ],
        }
    ]
    dataset = one(tmp_path / "made.json", json.dumps(rows, indent=1))
    assert marked(dataset.documents[0]) == [("Mr", ""), ("Quill", "person"), ("4111111111111111", "card")]


def test_court_documents_leave_out_what_their_readers_left_unmasked(tmp_path):
    def entity(start, end, kind, identifier):
        return {
            "entity_type": kind,
            "start_offset": start,
            "end_offset": end,
            "entity_id": "d_e1",
            "identifier_type": identifier,
        }

    text = "Ms Dora Quill v. the State, no. 77/91"
    entities = [entity(3, 13, "PERSON", "DIRECT"), entity(21, 26, "ORG", "NO_MASK"), entity(32, 37, "CODE", "QUASI")]
    dataset = one(tmp_path / "court.jsonl", json.dumps({"metadata": {"a": 1}, "text": text, "entities": entities}))
    [document] = dataset.documents
    assert marked(document) == [("Dora Quill", "person"), ("77/91", "case_number")]
    assert [span.identifier for span in document.spans] == ["direct", "quasi"]


def test_cases_name_values_in_several_ways(tmp_path):
    rows = [
        {
            "id": "a",
            "input": "mail a@example.com",
            "entities": [{"text": "a@example.com", "type": "email", "start": 5}],
        },
        {"id": "b", "input": "A1和B2与A1", "pii_values": ["A1", "B2"], "pii_types": ["phone", "id_number"]},
        {"id": "c", "input": "call 5550100", "should_match": True, "type": "phone", "expected_text": "5550100"},
        {"id": "d", "input": "I was ill", "should_match": True, "type": "self_reference", "expected_text": "I"},
        {"id": "e", "input": "nothing", "should_match": False, "type": "phone"},
    ]
    dataset = one(tmp_path / "cases.json", json.dumps(rows, indent=1))
    assert not dataset.complete
    assert [marked(document) for document in dataset.documents] == [
        [("a@example.com", "email")],
        [("A1", "phone"), ("B2", "cn_id"), ("A1", "phone")],
        [("5550100", "phone")],
    ]


def test_words_and_chinese_characters_a_line(tmp_path):
    words = (
        "Dora\tB-person\nQuill\tI-person\nsaw\tO\nLeeds\tB-location\nLyon\tB-location\n\t\nold\tO\nOpus\tB-product\n"
    )
    first, second = one(tmp_path / "a.conll", words).documents
    assert first.text == "Dora Quill saw Leeds Lyon"
    assert marked(first) == [("Dora Quill", "person"), ("Leeds", "place"), ("Lyon", "place")]
    assert marked(second) == []
    signs = "王0\tB-PER.NAM\n明1\tI-PER.NAM\n在0\tO\n家0\tB-LOC.NOM\n\n"
    [document] = one(tmp_path / "b.train", signs).documents
    assert (document.text, document.language) == ("王明在家", "zh")
    assert marked(document) == [("王明", "person")]


def test_questions_with_the_values_found_in_them(tmp_path):
    text = (
        "user_query,pii_units\n"
        '"Dear Ann, the annual report of ANN is from <PRESIDIO_ANONYMIZED_PERSON>",ann||presidio_anonymized_person\n'
        '"nothing",""\n'
    )
    [document] = one(tmp_path / "queries.csv", text).documents
    assert marked(document) == [("Ann", "unit"), ("ANN", "unit")]


def test_a_folder_is_read_whole_and_what_is_no_data_is_passed_over(tmp_path):
    (tmp_path / "sub").mkdir()
    for name, word in (("a", "Lyon"), ("b", "Leeds")):
        (tmp_path / "sub" / f"{name}.conll").write_text(f"{word}\tB-location\n")
    (tmp_path / "top.jsonl").write_text('{"text": "x", "spans": []}')
    (tmp_path / "LICENSE").write_text("Permission is granted")
    (tmp_path / "readme.txt").write_text("Words about it.")
    assert {one.name: len(one.documents) for one in read(tmp_path)} == {"sub": 2, "top": 1}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"Hello"),
        ("a.json", b"[1"),
        ("a.json", b'[{"input": 1}]'),
        ("empty.jsonl", b""),
        ("a.csv", b"a,b\n1,2"),
    ],
)
def test_what_is_no_marked_data_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError):
        read(tmp_path / name)
    if name == "a.txt":
        with pytest.raises(InputError):
            read(tmp_path)


def test_halves_stay_as_they_are():
    texts = [f"text {n}" for n in range(8)]
    assert [half_of(text) for text in texts] == ["odd", "odd", "even", "even", "even", "odd", "even", "odd"]
    assert half_of("\ud800") in {"even", "odd"}


@pytest.mark.shared
def test_published_data_are_read(shared):
    found = {one.name: one for one in read(shared / "data" / "mask")}
    assert len(found["synth_dataset_v2"].documents) == 1500
    assert len(found["tab_train_dev"].documents) == 113
    assert {span.identifier for doc in found["tab_train_dev"].documents for span in doc.spans} == {"direct", "quasi"}
    assert {"wnut17", "zh", "pupa", "argus_fixtures"} <= found.keys()
