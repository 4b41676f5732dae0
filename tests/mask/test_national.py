"""National numbers: found alone where their check digits agree, beside their keyword always, and between any neighbours."""

# ruff: noqa: RUF001 - punctuation as it is written in China and Japan

from __future__ import annotations

import pytest
from tests.mask.finding import completed, found

from weighbridge.mask.patterns import checksums as sums
from weighbridge.mask.patterns import national

CN_ID = completed("11010519800412001", sums.mod11_2, "0123456789X")
AADHAAR = completed("23456789012", sums.verhoeff)
CPF = next(f"123456789{a:02}" for a in range(100) if sums.cpf(f"123456789{a:02}"))
CNPJ = next(f"123456780001{a:02}" for a in range(100) if sums.cnpj(f"123456780001{a:02}"))
NIR = f"1850578006084{97 - 1850578006084 % 97:02}"
MY_NUMBER = completed("98765432101", sums.my_number)
DE_TAX = completed("8609574271", sums.mod11_10)
PESEL = completed("4405140145", national._pesel)
BSN = completed("12345678", national._bsn)
NHS = completed("943476591", national._nhs)
PNR = completed("811228987", sums.luhn)
SIN = completed("13024252", sums.luhn)
TFN = completed("87654321", national._tfn)
USCC = completed("91350211M000100Y4", sums.uscc, "0123456789ABCDEFGHJKLMNPQRTUWXY")

ALONE = [
    ("us_ssn", "219-09-9999"),
    ("us_ssn", "219 09 9999"),
    ("uk_nino", "AB123456C"),
    ("uk_nino", "CE 12 34 56 A"),
    ("fr_nir", NIR),
    ("fr_nir", f"{NIR[0]} {NIR[1:3]} {NIR[3:5]} {NIR[5:7]} {NIR[7:10]} {NIR[10:13]} {NIR[13:]}"),
    ("es_dni", "12345678Z"),
    ("es_dni", "X1234567L"),
    ("it_cf", "RSSMRA85T10A562S"),
    ("pl_pesel", PESEL),
    ("se_pnr", f"{PNR[:6]}-{PNR[6:]}"),
    ("se_pnr", f"19{PNR[:6]}-{PNR[6:]}"),
    ("in_aadhaar", f"{AADHAAR[:4]} {AADHAAR[4:8]} {AADHAAR[8:]}"),
    ("in_pan", "ABCPD1234E"),
    ("cn_id", CN_ID),
    ("cn_uscc", USCC),
    ("kr_rrn", "850101-1234567"),
    ("br_cpf", f"{CPF[:3]}.{CPF[3:6]}.{CPF[6:9]}-{CPF[9:]}"),
    ("br_cnpj", f"{CNPJ[:2]}.{CNPJ[2:5]}.{CNPJ[5:8]}/{CNPJ[8:12]}-{CNPJ[12:]}"),
    ("de_tax_id", f"{DE_TAX[:2]} {DE_TAX[2:5]} {DE_TAX[5:8]} {DE_TAX[8:]}"),
    ("sg_nric", "S1234567D"),
    ("sg_nric", "G1234567X"),
]

BESIDE = [
    ("us_ssn", "SSN: {}", "219099999"),
    ("us_ssn", "her social security number is {}", "666-45-6789"),
    ("us_itin", "ITIN {}", "912-70-1234"),
    ("uk_nino", "NI number {}", "QQ123456C"),
    ("uk_nhs", "NHS no. {}", f"{NHS[:3]} {NHS[3:6]} {NHS[6:]}"),
    ("uk_nhs", "NHS number: {}", "9434765910"),
    ("de_tax_id", "Steuer-ID {}", "12 345 678 901"),
    ("de_tax_id", "Steuernummer: {}", "93/815/08152"),
    ("de_id_card", "Personalausweis {}", "L01X00T471"),
    ("fr_nir", "numéro de sécurité sociale {}", "185057800608400"),
    ("es_dni", "DNI {}", "12345678A"),
    ("nl_bsn", "BSN {}", BSN),
    ("nl_bsn", "burgerservicenummer: {}", "123456789"),
    ("pl_pesel", "PESEL {}", "44051401458"),
    ("se_pnr", "personnummer {}", PNR),
    ("in_aadhaar", "Aadhaar: {}", "2345 6789 0123"),
    ("in_pan", "PAN {}", "abcpd1234e"),
    ("cn_id", "身份证号{}", "110105198004120010"),
    ("cn_id", "身份证{}", "110105800412001"),
    ("cn_id", "身份证 {}", f"{CN_ID[:6]} {CN_ID[6:14]} {CN_ID[14:]}"),
    ("cn_uscc", "统一社会信用代码：{}", USCC[:-1] + ("0" if USCC[-1] != "0" else "1")),
    ("jp_my_number", "マイナンバーは{}です", MY_NUMBER),
    ("jp_my_number", "個人番号 {}", "1234 5678 9012"),
    ("kr_rrn", "주민등록번호 {}", "8501011234567"),
    ("br_cpf", "CPF {}", CPF),
    ("br_cpf", "CPF: {}", "123.456.789-00"),
    ("br_cnpj", "CNPJ {}", CNPJ),
    ("au_tfn", "tax file number {}", f"{TFN[:3]} {TFN[3:6]} {TFN[6:]}"),
    ("au_medicare", "Medicare card {}", "2123 45670 1"),
    ("ca_sin", "SIN: {}", f"{SIN[:3]}-{SIN[3:6]}-{SIN[6:]}"),
    ("ca_sin", "assurance sociale {}", "130 242 521"),
    ("sg_nric", "NRIC {}", "S1234567A"),
]


@pytest.mark.parametrize(("kind", "value"), ALONE)
@pytest.mark.parametrize("text", ["{}", "It is {}.", "({})", '{{"n": "{}"}}', "我的号码是{}，谢谢", "彼は{}です"])
def test_found_without_a_word_beside_it_and_between_any_neighbours(kind, value, text):
    assert value in found(text.format(value), kind)


@pytest.mark.parametrize(("kind", "text", "value"), BESIDE)
def test_found_beside_its_keyword_even_if_its_check_digits_disagree(kind, text, value):
    assert value in found(text.format(value), kind)


@pytest.mark.parametrize("digit", "0123456789")
def test_the_keyword_and_the_check_digits_together_make_it_all_but_sure(digit):
    value = CN_ID[:-1] + digit
    sure = value in found(f"身份证号码{value}", "cn_id", least=0.95)
    assert sure == sums.mod11_2(value)
    assert value in found(f"身份证号码{value}", "cn_id")


@pytest.mark.parametrize(
    "text",
    [
        "order 4711081512",
        "order number 12345678901",
        "tracking 1Z999AA10123456784",
        "version 12.34.56",
        "invoice 2024-000123",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 3f2504e04f8911d39a0c0305e82c3301",
        "timestamp 1700000000",
        "1700000000123",
        "3.14159265358979",
        "ISBN 978-3-16-148410-0",
        "part PN-4471-22-9",
        "订单号123456789012345678",
        "total 1,234,567.89 EUR",
        "the 123456789 items",
        "SINCE 130 BC",
    ],
)
def test_numbers_of_other_things_are_left_alone(text):
    kinds = {row.kind for row in national.DETECTORS}
    assert not {(kind, value) for kind in kinds for value in found(text, kind)}


@pytest.mark.parametrize("value", ["000-45-6789", "666-12-3456", "219-00-9999", "219-09-0000"])
def test_numbers_that_were_never_issued_are_not_sure(value):
    assert not found(value, "us_ssn", least=0.5)


def test_a_number_that_is_part_of_a_longer_one_is_none():
    assert not found(f"9{CN_ID}9", "cn_id")
    assert not found("4111-2345-6789-0123-4", "in_aadhaar", least=0.31)


def test_days_of_birth_are_days():
    assert national.is_day(1980, 2, 29)
    assert not national.is_day(1981, 2, 29)
    assert not national.is_day(1850, 1, 1)
