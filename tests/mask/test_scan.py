"""The scanner: both engines find the same, in any text, and no text makes them slow."""

# ruff: noqa: RUF001 - wide characters are what is tested

import base64
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge.canon import Span
from weighbridge.errors import SettingsError
from weighbridge.mask.patterns import DETECTORS
from weighbridge.mask.patterns.engines import Entry, OneByOne, OnePass, _merged, entry_of
from weighbridge.mask.scan import Scanner

SAMPLES = (
    "Call +1 (415) 555-0132 or 030 90182090",
    "card 4111 1111 1111 1111 exp 12/27",
    "IBAN DE89 3704 0044 0532 0130 00",
    "anna.lee@mail.test",
    "身份证110101199003074610的人",
    "电话13800138000，地址是上海市浦东新区世纪大道100号",
    "SSN 078-05-1120",
    "born 12 March 1984 in Graz",
    "12 Long Street, Springfield, IL 62704",
    "10.1.2.3 and fe80::1ff:fe23:4567:890a and 00:1A:2B:3C:4D:5E",
    "password: hunter22",
    "Passwort lautet Sommer2024!",
    '"api_key": "aB3dE5fG7hJ9kL1mN3pQ"',
    "ghp_" + "aB3dE5fG7h" * 4,
    "sk-ant-" + "aB3dE5fG7h" * 4,
    "postgres://bob:s3cr3tPw@db:5432/app",
    "-----BEGIN PRIVATE KEY-----\n" + "aB3dE5fG7hJ9kL1m\n" * 4 + "-----END PRIVATE KEY-----",
    "Patient MRN 12345678, DOB 1984-03-12",
    "passport no. C01X00T47",
    "CPF 529.982.247-25",
    "주민등록번호 900101-1234568",
    "マイナンバー 1234 5678 9018",
    "VIN 1HGCM82633A004352",
    "plate KA-AB 1234, number plate AB12 CDE",
)
NOISE = (
    " ",
    "\n",
    "é",
    "的",
    ",",
    ".",
    "1",
    "-",
    "a",
    "Straße",
    "\u200b",
    "５",
    "__",
    "0123456789",
    "@",
    "/",
    "in ",
    "St ",
)


@pytest.fixture(scope="module")
def engines() -> tuple[Scanner, Scanner]:
    pytest.importorskip("hyperscan")
    return Scanner(engine="hyperscan"), Scanner(engine="re")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SAMPLES + NOISE), min_size=1, max_size=12), st.data())
def test_both_engines_find_the_same(engines: tuple[Scanner, Scanner], parts: list[str], data: st.DataObject):
    text = "".join(parts)
    cut = data.draw(st.integers(0, len(text)))
    text = text[:cut] + data.draw(st.text(max_size=3)) + text[cut:]
    one, other = (scanner.scan(text) for scanner in engines)
    assert one == other
    assert one == sorted(one)
    assert all(0 <= span.start < span.end <= len(text) and 0 < span.score <= 1 for span in one)


def found(text: str, scanner: Scanner, least: float = 0.3) -> dict[str, str]:
    return {span.kind: text[span.start : span.end] for span in scanner.scan(text) if span.score >= least}


@pytest.fixture(scope="module", params=["auto", "re"])
def scanner(request: pytest.FixtureRequest) -> Scanner:
    return Scanner(engine=request.param)


def test_neighbours_of_other_scripts_hide_nothing(scanner: Scanner):
    assert found("卡号4111111111111111的", scanner)["card"] == "4111111111111111"
    assert found("邮箱anna@mail.test谢谢", scanner)["email"] == "anna@mail.test"
    assert found("地址10.20.30.41上", scanner)["ip"] == "10.20.30.41"


def test_wide_and_widthless_characters_hide_nothing(scanner: Scanner):
    assert (
        found("card ４１１１ １１１１ １１１１ １１１１ ok", scanner)["card"] == "４１１１ １１１１ １１１１ １１１１"
    )
    assert found("4111\u200b1111\u200b1111\u200b1111", scanner)["card"] == "4111\u200b1111\u200b1111\u200b1111"


def test_the_end_of_a_long_text_is_looked_at(scanner: Scanner):
    text = "word " * 1500 + "anna@mail.test"
    assert found(text, scanner)["email"] == "anna@mail.test"


def test_nothing_is_found_in_encoded_data(scanner: Scanner):
    data = base64.b64encode(random.Random(3).randbytes(3000)).decode()
    assert scanner.scan(f"data:image/png;base64,{data}") == []


def test_words_of_the_configuration(engines: tuple[Scanner, Scanner]):
    terms = {"project": ["Blue Falcon", "Ren", "IT", "蓝鹰"]}
    text = "blue\nfalcon, BLUE FALCON; Renée, ren. it is IT 在蓝鹰计划"
    results = [Scanner(terms=terms, engine=engine).scan(text) for engine in ("auto", "re")]
    assert results[0] == results[1]
    spans = [span for span in results[0] if span.kind == "project"]
    assert [text[span.start : span.end] for span in spans] == ["blue\nfalcon", "BLUE FALCON", "ren", "IT", "蓝鹰"]
    assert {(span.tier, span.score) for span in spans} == {("term", 1.0)}


@pytest.mark.parametrize("engine", ["auto", "re"])
def test_expressions_of_the_configuration(engine: str):
    scanner = Scanner(patterns={"ticket": [r"\bTCK-\d{4}\b", r"(?<=case )[A-Z]+(?=!)"]}, engine=engine)  # type: ignore[arg-type]
    text = "TCK-1234 TCK-12345 case ABC! case DEF"
    assert [text[span.start : span.end] for span in scanner.scan(text) if span.kind == "ticket"] == ["TCK-1234", "ABC"]


@pytest.mark.parametrize(
    ("expression", "says"),
    [("(a+)+b", "forever"), ("(", "regular expression"), ("a*", "empty text"), (r"(\w+\s?)*x", "forever")],
)
def test_expressions_that_cannot_be_used_are_named(expression: str, says: str):
    with pytest.raises(SettingsError) as raised:
        Scanner(patterns={"ticket": [expression]}, engine="re")
    assert says in str(raised.value)
    assert expression in str(raised.value)


def test_every_pattern_of_the_table_is_bounded():
    for detector in DETECTORS:
        entry = entry_of(detector)
        assert entry.shape.bounded, detector.name
        assert not re.search(r"(?<!\\)(?:\(\?[=!<](?!P)|\\[bB])", detector.pattern), detector.name


def work(engine: OnePass, text: str) -> int:
    """Places that are tried, and characters of windows that are searched."""
    starts, windows = engine._near_signs(text)
    merged = (_merged(places, len(text)) for places in windows.values())
    return sum(map(len, starts.values())) + sum(end - start for places in merged for start, end in places)


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "a@",
        "1.",
        '"',
        "password=",
        "-----BEGIN PRIVATE KEY-----\n",
        "1 ",
        "http://a:",
        "的1",
        "12/",
        "A",
        "é",
        "St 1 ",
    ],
)
def test_work_grows_with_the_length_of_hostile_texts(engines: tuple[Scanner, Scanner], unit: str):
    engine = engines[0]._engines[0]
    assert isinstance(engine, OnePass)
    length = 6000
    once, twice = (work(engine, (unit * size)[:size]) for size in (length, 2 * length))
    assert twice <= 2.3 * once + 50_000


def test_several_threads_may_scan_at_once(engines: tuple[Scanner, Scanner]):
    from concurrent.futures import ThreadPoolExecutor

    text = " ".join(SAMPLES)
    expected = engines[0].scan(text)
    with ThreadPoolExecutor(4) as pool:
        assert all(result == expected for result in pool.map(engines[0].scan, [text] * 16))


def test_offsets_are_code_points(scanner: Scanner):
    text = "😀 的 anna@mail.test"
    assert Span(4, 18, "email", "pattern", 0.98) in scanner.scan(text)


def test_one_by_one_skips_what_has_no_anchor():
    entry: Entry = next(map(entry_of, (d for d in DETECTORS if d.name == "email")))
    assert [match.group() for _, match in OneByOne((entry,)).matches("Mail A@B.test!", "mail a@b.test!")] == [
        "A@B.test"
    ]
