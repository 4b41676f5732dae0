"""Papers and vehicles: found beside the word that names them, in many languages, and not without it."""

# ruff: noqa: RUF001 - punctuation as it is written in China and Japan

from __future__ import annotations

import pytest
from tests.mask.finding import found


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("passport", "passport number C01234567", "C01234567"),
        ("passport", "Passport No: 501234567", "501234567"),
        ("passport", "passport c01234567", "c01234567"),
        ("passport", "Reisepass C01X00T47", "C01X00T47"),
        ("passport", "passeport n° 12AB34567", "12AB34567"),
        ("passport", "numéro de passeport : 12AB34567", "12AB34567"),
        ("passport", "pasaporte AAA123456", "AAA123456"),
        ("passport", "passaporto YA1234567", "YA1234567"),
        ("passport", "paszport EM9000001", "EM9000001"),
        ("passport", "护照号G12345678", "G12345678"),
        ("passport", "护照号码E12345678已过期", "E12345678"),
        ("passport", "パスポート番号はTK1234567です", "TK1234567"),
        ("passport", "여권번호 M12345678", "M12345678"),
        ("driving_licence", "driver's license D1234567", "D1234567"),
        ("driving_licence", "Driver License Number: 99 999 999", "99 999 999"),
        ("driving_licence", "driving licence MORGA657054SM9IJ", "MORGA657054SM9IJ"),
        ("driving_licence", "Führerscheinnummer B072RRE2I55", "B072RRE2I55"),
        ("driving_licence", "permis de conduire 123456789012", "123456789012"),
        ("driving_licence", "驾驶证号110105198004120010", "110105198004120010"),
        ("medical_record", "MRN: 00412345", "00412345"),
        ("medical_record", "MRN 4471-229", "4471-229"),
        ("medical_record", "patient ID A-447122", "A-447122"),
        ("medical_record", "Krankenversichertennummer A123456780", "A123456780"),
        ("medical_record", "health insurance number 1EG4-TE5-MK73", "1EG4-TE5-MK73"),
        ("medical_record", "住院号：20240012345", "20240012345"),
        ("medical_record", "カルテ番号 12345678", "12345678"),
        ("medical_record", "NPI 1234567893", "1234567893"),
        ("plate", "license plate 7ABC123", "7ABC123"),
        ("plate", "Kennzeichen B-MW 1234", "B-MW 1234"),
        ("plate", "number plate AB12 CDE", "AB12 CDE"),
        ("plate", "plaque d'immatriculation AB-123-CD", "AB-123-CD"),
        ("plate", "matrícula 1234 BCD", "1234 BCD"),
        ("plate", "他的车是京A88888，停在楼下", "京A88888"),
        ("plate", "沪B·67890", "沪B·67890"),
        ("plate", "京AD12345", "京AD12345"),
        ("plate", "品川 300 あ 12-34", "品川 300 あ 12-34"),
        ("vin", "VIN 1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
        ("vin", "车架号LSVAA4187E2123456", "LSVAA4187E2123456"),
        ("id_number", "employee ID: E-10442", "E-10442"),
        ("id_number", "student number 20231234", "20231234"),
        ("id_number", "军官证号是军字第11223344号", "11223344"),
        ("case_number", "originated in an application (no. 12345/06) against", "12345/06"),
        ("case_number", "case no. 3 K 123/19", "3 K 123/19"),
        ("case_number", "application nos. 12345/06 and 23456/07", "12345/06 and 23456/07"),
    ],
)
def test_found_beside_the_word_that_names_it(kind, text, value):
    assert any(value in each for each in found(text, kind))


@pytest.mark.parametrize(
    "text",
    [
        "C01234567",
        "编号G12345678的订单",
        "版本V20250101已发布",
        "INTRODUCTORY",
        "the license of this software is MIT",
        "License: Apache-2.0",
        "plate of 12 biscuits",
        "the patient was 7 minutes late",
        "a member of the club since 1990",
        "the passport was lost on Monday",
        "deadline 2024-03-07",
        "1M8GDM9AXKP042788",
        "Commit hash A12345678 merged",
        "the policy of the last 10 years",
        "中A12345",
        "chart 3 of 4",
    ],
)
def test_not_found_without_it(text):
    papers = ("passport", "driving_licence", "medical_record", "plate", "vin", "id_number", "case_number")
    assert not {(kind, value) for kind in papers for value in found(text, kind)}


def test_words_of_the_sentence_are_not_taken_with_the_number():
    assert found("passport 501234567 of hers", "passport") == {"501234567"}


@pytest.mark.parametrize(
    "value", ["HR 402-5518", "OH/1187", "BEU-19-4405", "6620-SCH-14", "SWH 8810032", "EI/70-3381", "MH-IBD-0441"]
)
def test_codes_beside_a_patient_are_theirs(value):
    assert value in found(f"Ms Gudrun Iyer, DOB 11.02.1957, {value}, seen in clinic", "medical_record")
    assert not found(f"Order {value} was shipped", "medical_record")


@pytest.mark.parametrize(
    "text", ["DOB 11/06/1983", "born 1972-10-31", "NHS trust, BP 140/90, HR 88", "DOB 11.02.1957, 20 mg"]
)
def test_what_stands_beside_a_patient_and_is_no_code(text):
    assert not found(text, "medical_record")
