"""Email, phones, addresses of the net, devices and account names, and what only looks like them."""

# ruff: noqa: RUF001 - punctuation as it is written in China and Japan

from __future__ import annotations

import pytest
from tests.mask.finding import completed, found

from weighbridge.mask.patterns.checksums import luhn

EMAILS = [
    "ann@example.com",
    "a.b+tag@mail.example.co.uk",
    "O'Neil@example.org",
    "x_1%y@sub-domain.example.net",
    "Q@EXAMPLE.COM",
]


@pytest.mark.parametrize("email", EMAILS)
@pytest.mark.parametrize(
    "text", ["{}", "<{}>", "邮箱{}，谢谢", "メールは{}です", "mailto:{}?subject=x", "**{}**", "({})."]
)
def test_email(email, text):
    assert email in found(text.format(email), "email")


def test_email_whose_name_is_beyond_ascii_and_one_that_is_spelled_out():
    assert "张三@example.com" in found("写给 张三@example.com", "email")
    assert "ann [at] example [dot] com" in found("mail ann [at] example [dot] com", "email")


@pytest.mark.parametrize("text", ["user@host", "@decorator.py", "a..b@example.com", "git@", "5 @ 3.50", "x@y.py"])
def test_no_email(text):
    assert not found(text, "email")


@pytest.mark.parametrize(
    "phone",
    [
        "+49 30 5550123",
        "+1-212-555-0147",
        "+44 20 7946 0958",
        "+81-90-1234-5678",
        "+86 138 1234 5678",
        "+55 (11) 99876-5432",
        "(212) 555-0147",
        "212-555-0147",
        "212.555.0147",
        "13812345678",
        "138 1234 5678",
        "010-1234-5678",
        "03-1234-5678",
        "0755-12345678",
        "01012345678",
        "09012345678",
    ],
)
@pytest.mark.parametrize("text", ["{}", "see {} now", "号码{}，谢谢"])
def test_phone_numbers_that_need_no_word_beside_them(phone, text):
    assert any(phone in value for value in found(text.format(phone), "phone"))


@pytest.mark.parametrize(
    "text",
    [
        "Phone: 358 0594",
        "They're not answering at 374 780 163",
        "please call 60-56-85-91",
        "Tel. 0171/1234567",
        "Telefon 089/12345678",
        "reach me on 079 2718 1155",
        "WhatsApp 98765432",
        "04 94 92 82 32 (office)",
        "电话 87654321",
        "Tél : 01 99 00 12 34",
        "móvil 600 123 456",
        "携帯 09012345678",
        "전화번호 02-123-4567",
        "my number is 5551234567",
    ],
)
def test_any_grouping_is_a_phone_number_beside_a_word_that_announces_one(text):
    values = found(text, "phone")
    digits = "".join(filter(str.isdigit, text))
    assert digits in {"".join(filter(str.isdigit, value)) for value in values}


@pytest.mark.parametrize(
    "text",
    [
        "order 4711 0815 12",
        "ISBN 978-3-16-148410-0",
        "ISBN 0-306-40615-2",
        "2024-03-07 12:30",
        "12.03.2024",
        "1990-1995",
        "price 1.234.567,89",
        "1 234 567 EUR",
        "version 10.0.19041",
        "52.520008, 13.404954",
        "1700000000",
        "0123456789abcdef",
        "1 2 3 4 5 6 7 8",
        "RFC 2119, 8174",
        "3.141592653589793",
        "#123456",
        "10.1000/182-9876543",
        "0x7fffffff",
        "sha1 356a192b7913b04c54574d18c28d46e6395428ab",
    ],
)
def test_no_phone_number(text):
    assert not found(text, "phone")


@pytest.mark.parametrize(
    "value", ["198.51.100.23", "203.0.113.7", "192.168.12.200", "2001:db8::8a2e:370:7334", "fe80::1ff:fe23:4567:890a"]
)
@pytest.mark.parametrize("text", ["{}", "from {} today", "服务器{}上线", "[{}]", "ip={},"])
def test_addresses_of_the_net(value, text):
    assert value in found(text.format(value), "ip")


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4",
        "v10.20.30.40",
        "python-3.11.4.1",
        "256.1.2.3",
        "1.2.3.4.5",
        "127.0.0.1",
        "0.0.0.0",
        "12:30:45",
        "a[::2]",
        "std::vector",
    ],
)
def test_no_address_of_the_net(text):
    assert not found(text, "ip")


def test_short_addresses_of_the_net_are_found_beside_a_keyword():
    assert found("IP: 1.2.3.4", "ip") == {"1.2.3.4"}
    assert found("地址 ::1 是本机", "ip") == {"::1"}


@pytest.mark.parametrize("value", ["02:00:5e:10:00:ff", "02-00-5E-10-00-FF", "0200.5e10.00ff"])
def test_mac(value):
    assert value in found(f"设备{value}在线", "mac")


def test_mac_of_letters_alone_beside_its_keyword_and_no_fingerprint():
    assert found("MAC AA:BB:CC:DD:EE:FF", "mac") == {"AA:BB:CC:DD:EE:FF"}
    assert not found("MD5 16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "mac")


def test_imei_beside_its_keyword():
    imei = completed("35345678901234", luhn)
    assert imei in found(f"IMEI: {imei}", "imei", least=0.95)
    assert found("设备IMEI号 353456789012340", "imei")
    assert not found(f"batch {imei}", "imei")


@pytest.mark.parametrize(
    "value",
    [
        "https://www.anns-garden.invalid-site.de/about?x=1",
        "http://petra-quilts.fr",
        "www.hansels-blog.at",
        "https://github.com/annexample",
        "t.me/annexample",
    ],
)
def test_pages(value):
    assert any(value.rstrip("/") in url for url in found(f"see {value} there", "url"))


@pytest.mark.parametrize(
    "value",
    [
        "https://docs.python.org/3/library/re.html",
        "https://www.w3.org/TR/xml",
        "http://localhost:8080/x",
        "https://example.com/",
    ],
)
def test_pages_of_the_public(value):
    assert not found(value, "url")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("username: ann_k77", "ann_k77"),
        ("my user name is annk.77", "annk.77"),
        ("Benutzername: petra-m", "petra-m"),
        ("Twitter @annk77", "annk77"),
        ("微信号wxid_abc123", "wxid_abc123"),
        ("我的QQ是12345678", "12345678"),
        ("用户名：zhang_2024", "zhang_2024"),
    ],
)
def test_account_names_beside_their_keyword(text, value):
    assert value in found(text, "username")


@pytest.mark.parametrize(
    "text",
    ["username = getpass.getuser()", "handle requests", "login failed", "username: None", "the user name is required"],
)
def test_no_account_names(text):
    assert not found(text, "username")
