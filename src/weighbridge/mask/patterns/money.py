"""Payment cards, IBANs, bank accounts beside their keywords, and addresses of crypto currencies."""

from __future__ import annotations

import re

from weighbridge.mask.patterns import checksums as sums
from weighbridge.mask.patterns.base import Detector

_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ DZ ES MD PK RO SA SE SK TN VG",
    25: "AO CV PT ST",
    26: "IR IS TR BF",
    27: "BI CF CG CM DJ FR GA GQ GR IT MC MR SM",
    28: "AL AZ BJ BY CI CY DO GT HN HU LB MG ML MZ NE NI PL SN SV TD TG",
    29: "BR EG PS QA UA",
    30: "JO KM KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
"""Countries by the characters of their IBANs, from the registry of ISO 13616."""
_LENGTH_OF = {country: length for length, countries in _LENGTHS.items() for country in countries.split()}
_DIGITS = 10  #: of an IBAN at least: words are made of letters

_CARD_CUES = (
    *(
        "card",
        "cc",
        "ccn",
        "cc#",
        "billed",
        "cards",
        "credit",
        "debit",
        "visa",
        "mastercard",
        "amex",
        "american express",
        "maestro",
        "discover",
        "cvv",
    ),
    *(
        "kreditkarte",
        "karte",
        "kartennummer",
        "carte",
        "carte bancaire",
        "tarjeta",
        "carta di credito",
        "carta",
        "cartão",
    ),
    *(
        "creditcard",
        "karta",
        "karty",
        "kort",
        "kortnummer",
        "pan",
        "unionpay",
        "jcb",
        "diners",
        "rupay",
        "expiring",
        "atm",
    ),
    *(
        "银行卡",
        "卡号",
        "信用卡",
        "借记卡",
        "储蓄卡",
        "工行卡",
        "建行卡",
        "农行卡",
        "招行卡",
        "银联",
        "卡",
        "カード",
        "카드",
        "карта",
    ),
)
_ACCOUNT_CUES = (
    *("account", "account number", "acct", "a/c", "acc no", "bank account", "checking", "savings", "deposit to"),
    *(
        "konto",
        "kontonummer",
        "konto-nr",
        "kto",
        "kto.",
        "compte",
        "numéro de compte",
        "cuenta",
        "conto",
        "conto corrente",
    ),
    *("conta", "rekening", "rekeningnummer", "numer konta", "rachunek", "rachunku", "kontonr", "bankgiro", "plusgiro"),
    *("账号", "账户", "帐号", "帐户", "银行账号", "口座", "口座番号", "계좌", "계좌번호", "счет", "счёт"),
)
_CARD_PREFIX = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|[689])|6(?:011|4[4-9]|5)|62|35(?:2[89]|[3-8])|81|"
    r"5[06-9]|6[0378]|220[0-4]|1800|2131"
)
_KNOWN_LENGTHS = {13, 14, 15, 16, 18, 19}


def _card(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001 - the hook's shape
    digits = "".join(map(str, sums.digits_of(text[start:end])))
    if len(set(digits)) < 2 or re.search(r"[0-9][.,\-]$|[0-9] $", text[max(0, start - 2) : start]):  # noqa: PLR2004
        return 0.3 if near else 0.05
    agrees, issued = sums.luhn(digits), _CARD_PREFIX.match(digits) is not None
    if near:
        return 1.0 if agrees and issued else 0.7 if issued or agrees else 0.5
    if agrees and issued and len(digits) in _KNOWN_LENGTHS:
        return 0.9
    return 0.4 if issued and re.fullmatch(r"[0-9]{4}([ \-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}", text[start:end]) else 0.1


def _iban_end(text: str, start: int, end: int) -> int:
    """Where an IBAN that begins at `start` ends by the length of its country; `end` if it is cut short or goes on."""
    left = _LENGTH_OF.get(text[start : start + 2].upper(), 0)
    for place in range(start, min(len(text), start + 2 * left)):
        left -= text[place].isascii() and text[place].isalnum()
        if left == 0:
            whole = place + 1 == len(text) or not (text[place + 1].isascii() and text[place + 1].isalnum())
            return place + 1 if whole else end
    return end


def _iban(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    if start and text[start - 1].isascii() and text[start - 1].isalnum():
        return 0.0
    country, stop = text[start : start + 2].upper(), _iban_end(text, start, end)
    if country not in _LENGTH_OF:
        return 0.4 if near and len(sums.digits_of(text[start:end])) >= _DIGITS else 0.05
    if sums.iban(text[start:stop]) and len(sums.alnum_of(text[start:stop])) == _LENGTH_OF[country]:
        return 1.0
    mostly_digits = len(sums.digits_of(text[start:stop])) >= _DIGITS
    if near:
        return 0.6 if mostly_digits else 0.1
    return 0.35 if mostly_digits and text[start:stop].isupper() and " " not in text[start:stop] else 0.1


def _iban_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    return start, _iban_end(text, start, end)


def _account(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    return 0.6 if near and not re.search(r"[0-9][.,]$|[$€£¥]\s?$", text[max(0, start - 2) : start]) else 0.05


def _routing(value: str) -> bool:
    return sums.mod10(value, (3, 7, 1, 3, 7, 1, 3, 7, 1))


def _ethereum(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    value = text[start:end]
    if value[2:] not in (value[2:].lower(), value[2:].upper()) and sums.eip55(value):
        return 1.0
    return 0.8 if near else 0.6


_CRYPTO_CUES = (
    "btc",
    "bitcoin",
    "wallet",
    "eth",
    "ethereum",
    "crypto",
    "ltc",
    "litecoin",
    "doge",
    "tron",
    "trx",
    "usdt",
    "address",
    "钱包",
    "比特币",
)

DETECTORS: tuple[Detector, ...] = (
    Detector(
        "card",
        "card",
        r"[1-9][0-9]{11,18}|[2-6][0-9]{3}(?:[ \-.][0-9]{4}){2}[ \-.][0-9]{1,4}(?:[ \-.]?[0-9]{1,3})?|3[0-9]{3}[ \-.][0-9]{6}[ \-.][0-9]{4,5}",
        weigh=_card,
        keywords=_CARD_CUES,
    ),
    Detector(
        "iban",
        "iban",
        r"[A-Za-z]{2}[0-9]{2}[ \-]?[A-Za-z0-9]{1,4}(?:[ \-]?[A-Za-z0-9]{1,4}){2,8}",
        weigh=_iban,
        grow=_iban_bounds,
        edges="own",
        keywords=("iban", "account", "bank", "konto", "compte", "cuenta", "conto", "rekening", "账号", "口座"),
    ),
    Detector(
        "bank_account",
        "bank_account",
        r"[0-9]{2,10}(?:[ \-][0-9]{1,10}){1,5}|[0-9]{6,17}",
        weigh=_account,
        keywords=_ACCOUNT_CUES,
        before=32,
        after=0,
    ),
    Detector(
        "bank_routing",
        "bank_account",
        r"[0-9]{9}",
        check=_routing,
        scores=(0.0, 0.1, 0.6),
        keywords=("routing", "aba", "rtn", "transit"),
    ),
    Detector(
        "bank_sort_code",
        "bank_account",
        r"[0-9]{3}[ \-]?[0-9]{3} ?[0-9]{2}|[0-9]{3}-[0-9]{3}|[0-9]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{2}",
        scores=(0.0, 0.0, 0.6),
        keywords=("sort code", "sortcode", "bsb", "blz", "bankleitzahl"),
        before=24,
        after=0,
    ),
    Detector(
        "bank_bic",
        "bank_account",
        r"(?:bic|BIC|swift|SWIFT|Swift|Bic)(?:[ /\-]?(?:bic|BIC|code|Code|swift|SWIFT))?[ \t:=#(]{1,4}(?P<value>[A-Za-z]{4}[A-Za-z]{2}[A-Za-z0-9]{2}(?:[A-Za-z0-9]{3})?)",
        anchors=("bic", "swift"),
        scores=(0.6, 0.6, 0.6),
    ),
    Detector(
        "crypto_base58",
        "crypto",
        r"[13LMDT][1-9A-HJ-NP-Za-km-z]{25,34}",
        check=sums.base58check,
        scores=(0.05, 1.0, 0.6),
        keywords=_CRYPTO_CUES,
    ),
    Detector(
        "crypto_bech32",
        "crypto",
        r"(?:bc1|tb1|ltc1|BC1|TB1|LTC1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,87}",
        anchors=("bc1", "tb1", "ltc1"),
        check=sums.bech32,
        scores=(0.35, 1.0, 0.7),
        keywords=_CRYPTO_CUES,
    ),
    Detector(
        "crypto_ethereum", "crypto", r"0x[0-9A-Fa-f]{40}", anchors=("0x",), weigh=_ethereum, keywords=_CRYPTO_CUES
    ),
)
