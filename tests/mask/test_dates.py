"""Dates of birth beside what announces them, other dates with less certainty, ages in their wording."""

# ruff: noqa: RUF001 - punctuation as it is written in China and Japan

from __future__ import annotations

import pytest
from tests.mask.finding import found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DOB: 03/07/1990", "03/07/1990"),
        ("date of birth 3/7/1990", "3/7/1990"),
        ("Date of birth is March 7, 1990.", "March 7, 1990"),
        ("born 1990-03-07", "1990-03-07"),
        ("she was born on 7th March 1990 in York", "7th March 1990"),
        ("Please tell me your date of birth. It's 7/23/1961", "7/23/1961"),
        ("birthday: Mar 7, 1990", "Mar 7, 1990"),
        ("born in Leeds on 7 March 1990", "7 March 1990"),
        ("geboren am 07.03.1990", "07.03.1990"),
        ("Geburtsdatum: 7. März 1990", "7. März 1990"),
        ("geb. 07.03.90", "07.03.90"),
        ("née le 7 mars 1990", "7 mars 1990"),
        ("date de naissance : 07/03/1990", "07/03/1990"),
        ("nacido el 7 de marzo de 1990", "7 de marzo de 1990"),
        ("fecha de nacimiento 07-03-1990", "07-03-1990"),
        ("nato il 7 marzo 1990", "7 marzo 1990"),
        ("data de nascimento: 07/03/1990", "07/03/1990"),
        ("geboortedatum 7 maart 1990", "7 maart 1990"),
        ("urodzona 7 marca 1990", "7 marca 1990"),
        ("생년월일 1990년 3월 7일", "1990년 3월 7일"),
        ("出生日期1990年03月07日", "1990年03月07日"),
        ("他生于1990年3月7日", "1990年3月7日"),
        ("出生日期：1990-03-07", "1990-03-07"),
        ("生日是三月七日", "三月七日"),
        ("生日是90年3月", "90年3月"),
        ("生年月日は昭和55年3月7日", "昭和55年3月7日"),
        ("1990年3月7日生まれ", "1990年3月7日"),
    ],
)
def test_dates_of_birth(text, value):
    assert value in found(text, "date_of_birth", least=0.6)


@pytest.mark.parametrize(
    "text",
    [
        "meeting on 03/07/2024",
        "deadline 2024-03-07",
        "2024年3月7日开会",
        "born to run 10 miles",
        "reborn 12.5",
        "the birth rate is 1.2",
    ],
)
def test_other_dates_are_no_dates_of_birth(text):
    assert not found(text, "date_of_birth")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on 11 November 1999 the Court", "11 November 1999"),
        ("since November 11, 1999", "November 11, 1999"),
        ("12/1/1981 and later", "12/1/1981"),
        ("at 2015-12-22 04:34:22", "2015-12-22 04:34:22"),
        ("am 3. Oktober 1990 in Kraft", "3. Oktober 1990"),
        ("会议在2024年3月7日", "2024年3月7日"),
        ("in 1977, he", "1977"),
        ("Seen on 14 March: better", "14 March"),
        ("since Sept 7 it", "Sept 7"),
        ("depuis le 11 mai, baisse", "11 mai"),
        ("不得停药;11月9日门诊", "11月9日"),
    ],
)
def test_dates_are_found_with_a_modest_score(text, value):
    assert value in found(text, "date")
    assert not found(text, "date", least=0.7)


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "99/99/9999",
        "v2024.03.07-rc1",
        "12-34-56-78",
        "ratio 3/4/5000",
        "10.0.19041",
        "0x1999",
        "40 March",
        "5 may fail",
        "1/2 March",
    ],
)
def test_no_dates(text):
    assert not found(text, "date")


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("a 34 year old man", "34"),
        ("a 5-year-old child", "5"),
        ("he is 35 years old", "35"),
        ("aged 72", "72"),
        ("He just turned 69 years old", "69"),
        ("I'll turn 52.", "52"),
        ("when he was 78", "78"),
        ("82 y/o female", "82"),
        ("他今年35岁", "35"),
        ("年龄：28", "28"),
        ("45 Jahre alt", "45"),
        ("45-jährige Patientin", "45"),
        ("tiene 33 años", "33"),
        ("35歳の男性", "35"),
        ("35세", "35"),
    ],
)
def test_ages(text, age):
    assert any(age in value for value in found(text, "age"))


@pytest.mark.parametrize(
    "text", ["他999岁", "共35人参加", "return 13", "page 12", "35 years of experience", "turn the page 3 times"]
)
def test_no_ages(text):
    assert not found(text, "age")
