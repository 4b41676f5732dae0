"""Postal addresses of many countries, found whole, and postcodes beside a place or a word for them."""

# ruff: noqa: RUF001 - punctuation as it is written in China and Japan

from __future__ import annotations

import pytest
from tests.mask.finding import found

from weighbridge.mask.patterns.words import literals


def covered(text: str) -> set[int]:
    """The places that addresses and postcodes cover."""
    values = found(text, "address") | found(text, "postcode")
    return {i for value in values for i in range(text.index(value), text.index(value) + len(value))}


@pytest.mark.parametrize(
    "address",
    [
        "12 Example Street",
        "4711 Old Mill Road, Apt. 12",
        "221b Sample Lane",
        "99 Fourth Avenue Suite 112",
        "Musterstraße 12",
        "Musterstr. 12a",
        "Am Alten Musterweg 7",
        "12 rue de l'Exemple",
        "45 avenue des Exemples",
        "Calle Ejemplo 12",
        "Avenida del Ejemplo 120",
        "Via Esempio 4",
        "Piazza dell'Esempio, 3",
        "Voorbeeldstraat 88",
        "ul. Przykładowa 14",
        "Esimerkkikatu 25",
        "Exempelgatan 7",
        "Eksempelvej 144",
        "Rua do Exemplo 1634",
        "P.O. Box 255",
        "PO Box 4711",
        "PSC 1437, Box 3833",
        "Unit 4526 Box 0671",
        "Postfach 1234",
    ],
)
@pytest.mark.parametrize("text", ["He lives at {} now.", "{}", "Send it to {}.", "Address: {}"])
def test_streets_and_boxes(address, text):
    whole = text.format(address)
    start = whole.index(address)
    letters = {i for i in range(start, start + len(address)) if whole[i].isalnum()}
    assert letters <= covered(whole)


@pytest.mark.parametrize(
    "address",
    [
        "12 Example Street\nApt. 3\nSpringfield, IL 62704",
        "4711 Koskikatu 25 Apt. 864\nArtilleros\n, CO\n Uruguay 64677",
        "USNS Example\nFPO AP 12428",
        "28030 Edeby 55\n> Suite 297\n> TYSTBERGA\n> Sweden 99178",
        "Musterweg 7\nSuite 4\nBerlin, Germany",
        "12 Example Street\n Suite 240\n West Brook\n New Zealand",
        "6889 ul. Przykładowa 5\nSUWAŁKI\n, VIC\n Australia 38837",
    ],
)
def test_an_address_is_followed_over_its_lines(address):
    assert any(address in value for value in found(f"Ship to:\n{address}\n\nThank you", "address"))


def test_what_follows_an_address_is_left_alone():
    values = found("He lives at 12 Example Street, and his dog barks at 7 people. Thanks\nBob", "address")
    assert all("dog" not in value and "Bob" not in value for value in values)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("他住在杭州市西湖区文三路200号", "杭州市西湖区文三路200号"),
        ("北京市朝阳区建国路100号", "北京市朝阳区建国路100号"),
        ("上海市浦东新区陆家嘴环路1000号3栋", "上海市浦东新区陆家嘴环路1000号3栋"),
        ("收件：广东省深圳市南山区科技路1号8楼801室，谢谢", "广东省深圳市南山区科技路1号8楼801室"),
        ("地址在海淀中关村大街", "海淀中关村大街"),
        ("東京都千代田区例町1-2-3に住む", "東京都千代田区例町1-2-3"),
        ("大阪府大阪市北区例田二丁目4番5号", "大阪府大阪市北区例田二丁目4番5号"),
        ("서울특별시 강남구 예시대로 152", "서울특별시 강남구 예시대로 152"),
    ],
)
def test_addresses_of_east_asia(text, address):
    assert any(address in value for value in found(text, "address"))


@pytest.mark.parametrize(
    "text",
    [
        "今天天气不错",
        "我在北京",
        "The street was empty",
        "version 12 of the road map",
        "line 12: return value",
        "a 12 hour drive",
    ],
)
def test_no_addresses(text):
    assert not found(text, "address")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ZIP: 8592", "8592"),
        ("postcode SW1A 1AA", "SW1A 1AA"),
        ("London EC1A 1BB", "EC1A 1BB"),
        ("Ottawa, ON K1A 0B1", "K1A 0B1"),
        ("Springfield, IL 62704", "62704"),
        ("10115 Berlin", "10115"),
        ("00-950 Warszawa", "00-950"),
        ("1234 AB Amsterdam", "1234 AB"),
        ("PLZ 80331", "80331"),
        ("邮编：100080", "100080"),
        ("〒100-0001", "100-0001"),
    ],
)
def test_postcodes(text, code):
    assert any(code in value for value in found(text, "postcode"))


@pytest.mark.parametrize(
    "text",
    [
        "Error code EC1A was logged",
        "requires_zip64 = None",
        "In 2010 Berlin",
        "section 1234 Of",
        "force_zip64",
        "utf8 1aa",
    ],
)
def test_no_postcodes(text):
    assert not found(text, "postcode")


def test_the_longest_sure_letters_of_each_word_are_looked_for():
    assert literals("driver'?s? ?licen[cs]e|stra(?:ss|ß)e|vej|vejen") == ("driver", "stra", "vej")
