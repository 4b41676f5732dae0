"""National numbers of people and firms, each with its check digits and the words that stand beside it.

Shapes are written from the issuers' definitions. A number that disagrees with itself is still found beside its keyword.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from weighbridge.mask.patterns import checksums as sums
from weighbridge.mask.patterns.base import Detector

_S = r"[ \-]?"
_SSN_CUES = ("ssn", "social security", "soc sec", "sozialversicherung", "seguro social", "社会安全", "社會安全")
_NHS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
_BSN = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_PESEL = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
_TFN = (1, 4, 3, 7, 5, 8, 6, 9, 10)
_MEDICARE = (1, 3, 7, 9, 1, 3, 7, 9)
_OLDEST = 1870


def is_day(year: int, month: int, day: int) -> bool:
    """Whether a person alive today can have been born on that day, as far as the calendar says."""
    try:
        return _OLDEST < dt.date(year, month, day).year < 2100  # noqa: PLR2004
    except ValueError:
        return False


def _short_day(year: int, month: int, day: int) -> bool:
    """A day whose century is not told."""
    return is_day(1900 + year, month, day) or is_day(2000 + year, month, day)


def _ssn(value: str) -> bool:
    digits = "".join(map(str, sums.digits_of(value)))
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def _itin(value: str) -> bool:
    digits = sums.digits_of(value)
    group = 10 * digits[3] + digits[4]
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or group >= 94  # noqa: PLR2004


def _nino(value: str) -> bool:
    prefix = value[:2].upper()
    return (
        prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}
        and not set(prefix) & set("DFIQUV")
        and prefix[1] != "O"
    )


def _nhs(value: str) -> bool:
    return sums.mod11(value, _NHS)


def _de_tax_id(value: str) -> bool:
    digits = sums.digits_of(value)
    counts = sorted(digits[:10].count(digit) for digit in range(10))
    return digits[0] != 0 and counts[-1] in {2, 3} and counts[-2] == 1 and sums.mod11_10(value)


def _bsn(value: str) -> bool:
    return sums.mod11(value, _BSN)


def _pesel(value: str) -> bool:
    digits = sums.digits_of(value)
    month = 10 * digits[2] + digits[3]
    century = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}.get(month // 20, 0)
    day = is_day(century + 10 * digits[0] + digits[1], month % 20, 10 * digits[4] + digits[5])
    return day and sums.mod10(value, _PESEL)


def _personnummer(value: str) -> bool:
    digits = sums.digits_of(value)[-10:]
    day = 10 * digits[4] + digits[5]
    day -= 60 if day > 60 else 0  # noqa: PLR2004 - coordination numbers count days from 60
    return _short_day(10 * digits[0] + digits[1], 10 * digits[2] + digits[3], day) and sums.luhn(
        "".join(map(str, digits))
    )


def _aadhaar(value: str) -> bool:
    return value[0] not in "01" and sums.verhoeff(value)


def _cn_id(value: str) -> bool:
    letters = sums.alnum_of(value)
    born = letters[6:14]
    return letters[0] in "12345678" and is_day(int(born[:4]), int(born[4:6]), int(born[6:])) and sums.mod11_2(letters)


def _cn_old_id(value: str) -> bool:
    return value[0] in "12345678" and _short_day(int(value[6:8]), int(value[8:10]), int(value[10:12]))


def _uscc(value: str) -> bool:
    """Digits alone agree too often by chance: without a letter only firms' numbers of the trade register count."""
    return (not value.isdigit() or value[:2] in {"91", "92", "93"}) and sums.uscc(value)


def _rrn(value: str) -> bool:
    return _short_day(int(value[:2]), int(value[2:4]), int(value[4:6]))


def _tfn(value: str) -> bool:
    return sums.mod11(value, _TFN)


def _medicare(value: str) -> bool:
    digits = sums.digits_of(value)
    return digits[0] in range(2, 7) and sums.weighted(digits, _MEDICARE) % 10 == digits[8]


def _sin(value: str) -> bool:
    return value[0] not in "08" and sums.luhn(value)


def _row(
    name: str,
    pattern: str,
    check: Callable[[str], bool] | None,
    keywords: tuple[str, ...],
    scores: tuple[float, float, float],
    *,
    kind: str = "",
) -> Detector:
    """One entry. `scores`: of the mere shape, of one whose check digits agree, of one beside a keyword."""
    return Detector(name, kind or name, pattern, check=check, keywords=keywords, scores=scores)


_CN_CUES = (
    *(
        "身份证",
        "身份證",
        "证件号",
        "證件號",
        "公民身份",
        "居民身份",
        "社保",
        "社会保障",
        "id card",
        "id number",
        "identity",
        "resident id",
    ),
    "shenfenzheng",
)
_CPF_CUES = ("cpf", "cadastro de pessoa", "contribuinte")

DETECTORS: tuple[Detector, ...] = (
    _row("us_ssn", r"[0-9]{3}[ \-][0-9]{2}[ \-][0-9]{4}", _ssn, _SSN_CUES, (0.35, 0.8, 0.7)),
    _row("us_ssn_bare", r"[0-9]{9}", _ssn, _SSN_CUES, (0.05, 0.1, 0.7), kind="us_ssn"),
    _row(
        "us_itin",
        r"9[0-9]{2}[ \-]?[0-9]{2}[ \-]?[0-9]{4}",
        _itin,
        ("itin", "taxpayer", "tax id", "tin"),
        (0.1, 0.2, 0.7),
    ),
    _row(
        "uk_nino",
        r"[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]",
        _nino,
        ("nino", "national insurance", "ni number", "ni no", "n.i."),
        (0.2, 0.7, 0.6),
    ),
    _row(
        "uk_nhs",
        r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}",
        _nhs,
        ("nhs", "national health", "health service"),
        (0.05, 0.2, 0.6),
    ),
    _row(
        "de_tax_id",
        r"[0-9]{2}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        _de_tax_id,
        (
            "steuer-id",
            "steuerid",
            "steueridentifikation",
            "steuer-ident",
            "idnr",
            "identifikationsnummer",
            "tin",
            "steuernummer",
            "tax id",
            "tax number",
        ),
        (0.05, 0.4, 0.6),
    ),
    _row(
        "de_tax_number",
        r"[0-9]{2,3}/[0-9]{3,4}/[0-9]{4,5}",
        None,
        ("steuernummer", "steuer-nr", "st.-nr", "stnr", "steuernr", "tax number", "finanzamt"),
        (0.15, 0.15, 0.7),
        kind="de_tax_id",
    ),
    _row(
        "de_id_card",
        r"[CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz][0-9CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]{8}[0-9]?",
        sums.icao,
        (
            "personalausweis",
            "ausweisnummer",
            "ausweis-nr",
            "ausweisnr",
            "ausweis",
            "identity card",
            "id card",
            "perso-nr",
        ),
        (0.0, 0.05, 0.6),
    ),
    _row(
        "fr_nir",
        rf"[12378]{_S}[0-9]{{2}}{_S}[0-9]{{2}}{_S}(?:[0-9]{{2}}|2[ABab]){_S}[0-9]{{3}}{_S}[0-9]{{3}}{_S}[0-9]{{2}}",
        sums.nir,
        ("nir", "sécurité sociale", "securite sociale", "insee", "sécu", "carte vitale", "immatriculation"),
        (0.15, 0.85, 0.6),
    ),
    _row(
        "es_dni",
        r"[0-9]{8}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]",
        sums.dni,
        ("dni", "nif", "documento nacional", "identidad"),
        (0.1, 0.6, 0.6),
    ),
    _row(
        "es_nie",
        r"[XYZxyz][ \-]?[0-9]{7}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]",
        sums.dni,
        ("nie", "nif", "extranjero", "extranjería"),
        (0.1, 0.75, 0.6),
        kind="es_dni",
    ),
    _row(
        "it_cf",
        r"[A-Za-z]{6}[ ]?[0-9LMNP-Vlmnp-v]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9LMNP-Vlmnp-v]{2}[ ]?[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]",
        sums.codice_fiscale,
        ("codice fiscale", "cod. fisc", "c.f.", "cf:", "cf ", "codicefiscale", "tax code", "fiscale"),
        (0.2, 0.95, 0.7),
    ),
    _row(
        "nl_bsn",
        r"[0-9]{4}[ .]?[0-9]{2}[ .]?[0-9]{3}",
        _bsn,
        ("bsn", "burgerservicenummer", "sofinummer", "sofi-nummer", "burger service"),
        (0.0, 0.1, 0.6),
    ),
    _row("pl_pesel", r"[0-9]{11}", _pesel, ("pesel",), (0.0, 0.4, 0.6)),
    _row(
        "se_pnr",
        r"(?:19|20)?[0-9]{2}[01][0-9][0-9]{2}[\-+ ]?[0-9]{4}",
        _personnummer,
        (
            "personnummer",
            "personnr",
            "pers.nr",
            "person-nr",
            "samordningsnummer",
            "personal number",
            "personal identity",
        ),
        (0.05, 0.45, 0.6),
    ),
    _row(
        "in_aadhaar",
        r"[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{4}",
        _aadhaar,
        ("aadhaar", "aadhar", "adhaar", "uidai", "uid", "आधार"),
        (0.05, 0.4, 0.6),
    ),
    _row(
        "in_pan",
        r"[A-Za-z]{3}[ABCFGHJLPTabcfghjlpt][A-Za-z][0-9]{4}[A-Za-z]",
        str.isupper,
        ("pan", "permanent account", "income tax", "पैन"),
        (0.2, 0.6, 0.7),
    ),
    _row(
        "cn_id",
        r"[0-9]{6}[ \-]?[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{3}[0-9Xx]",
        _cn_id,
        _CN_CUES,
        (0.1, 0.95, 0.7),
    ),
    _row("cn_id_old", r"[0-9]{15}", _cn_old_id, _CN_CUES, (0.0, 0.1, 0.6), kind="cn_id"),
    _row(
        "cn_uscc",
        r"[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{10}",
        _uscc,
        (
            "信用代码",
            "信用代號",
            "统一代码",
            "税号",
            "纳税人识别号",
            "机构代码",
            "组织代码",
            "机关代码",
            "uscc",
            "credit code",
            "代码",
        ),
        (0.05, 0.9, 0.6),
    ),
    _row(
        "jp_my_number",
        r"[0-9]{4}[ \-]?[0-9]{4}[ \-]?[0-9]{4}",
        sums.my_number,
        ("マイナンバー", "個人番号", "my number", "mynumber", "individual number", "番号"),
        (0.05, 0.3, 0.6),
    ),
    _row(
        "kr_rrn",
        r"[0-9]{2}[01][0-9][0-3][0-9][ ]?[\-][ ]?[0-9]{7}",
        _rrn,
        ("주민등록번호", "주민번호", "주민", "외국인등록번호", "rrn", "resident registration"),
        (0.1, 0.7, 0.6),
    ),
    _row("kr_rrn_bare", r"[0-9]{13}", _rrn, ("주민등록번호", "주민번호", "rrn"), (0.0, 0.1, 0.6), kind="kr_rrn"),
    _row("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}[\-./ ][0-9]{2}", sums.cpf, _CPF_CUES, (0.4, 0.95, 0.7)),
    _row(
        "br_cpf_bare",
        r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}[ \-]?[0-9]{2}",
        sums.cpf,
        _CPF_CUES,
        (0.0, 0.25, 0.6),
        kind="br_cpf",
    ),
    _row(
        "br_cnpj",
        r"[0-9A-Za-z]{2}\.[0-9A-Za-z]{3}\.[0-9A-Za-z]{3}/[0-9A-Za-z]{4}[\- ]?[0-9]{2}",
        sums.cnpj,
        ("cnpj",),
        (0.4, 0.95, 0.7),
    ),
    _row("br_cnpj_bare", r"[0-9A-Z]{12}[0-9]{2}", sums.cnpj, ("cnpj",), (0.0, 0.15, 0.6), kind="br_cnpj"),
    _row(
        "au_tfn",
        r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{2,3}",
        _tfn,
        ("tfn", "tax file"),
        (0.0, 0.15, 0.6),
    ),
    _row(
        "au_medicare",
        r"[2-6][0-9]{3}[ \-]?[0-9]{5}[ \-]?[0-9](?:[ \-/]?[0-9])?",
        _medicare,
        ("medicare",),
        (0.05, 0.25, 0.6),
    ),
    _row(
        "ca_sin",
        r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{3}",
        _sin,
        ("sin", "social insurance", "assurance sociale", "nas", "n.a.s"),
        (0.0, 0.25, 0.6),
    ),
    _row(
        "sg_nric",
        r"[STFGMstfgm][0-9]{7}[A-Za-z]",
        sums.nric,
        ("nric", "fin", "identity card", "singapore"),
        (0.15, 0.75, 0.6),
    ),
)
