"""Numbers on people's papers and vehicles: found only beside a word that names the paper, apart from plates and VINs of a sure shape."""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import re

from weighbridge.mask.patterns import checksums as sums
from weighbridge.mask.patterns.base import Detector, Weigh
from weighbridge.mask.patterns.words import literals

_IS = (
    r"(?:[ \t_\-]?(?:number|numbers|no|nr|num|nummer|numéro|numero|número|numer|id|code|card|certificate|#))?\.?"
    r"(?:[ \t](?:is|was|ist|lautet|est|es|è|são|é|jest|är|er|of|with))?(?:[ \t:=#\"'(\-]|：|n[°º]|№){1,4}"
)
_IS_HAN = r"(?:号码|号|番号|번호|編號|编号|代码)?(?:是|为|は|는|은|第)?[ \t]?(?:[:=#\-]|：)?[ \t\"'(]{0,3}"
_CYRILLIC = 0x52F
_SHORTEST_PLATE = 4
_RECORD = 4  #: digits of a patient's number, at least
_CODE = r"(?:[0-9]{1,9}|[A-Z]{1,4})"  #: a part of a patient's number
_DATE = re.compile(r"[0-9]{1,4}[\-/][0-9]{1,2}[\-/][0-9]{1,4}")
_ID = r"[A-Za-z0-9](?:[ \-/.]?[A-Za-z0-9]){4,17}"


def _beside(words: str, value: str) -> str:
    """A value behind one of the words; only behind those beyond ASCII may it stand without a space."""
    han = "|".join(word for word in words.split("|") if not word.isascii() and ord(word[0]) > _CYRILLIC)
    rest = "|".join(word for word in words.split("|") if word.isascii() or ord(word[0]) <= _CYRILLIC)
    either = rf"(?:{rest}){_IS}|(?:{han}){_IS_HAN}" if han else rf"(?:{rest}){_IS}"
    return rf"(?:{either})(?P<value>{value})"


def _numbered(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A number of a paper has several digits; without them it was a word of the sentence."""
    value = text[start:end]
    count = len(sums.digits_of(value))
    return 0.65 if count >= 3 and count * 3 >= len(value) else 0.1  # noqa: PLR2004


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without words of the sentence that follow the number behind a space: small letters without a digit."""
    while " " in text[start:end]:
        last = text[start:end].rpartition(" ")[2]
        if last.isupper() or any(letter.isdigit() for letter in last):
            break
        end = start + text[start:end].rindex(" ")
    return start, end


def _plated(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A plate has digits and, if it has letters, mostly capitals."""
    value = text[start:end]
    enough = len(sums.digits_of(value)) > 1 and len(value) >= _SHORTEST_PLATE
    return 0.65 if enough and not any(word.islower() for word in value.split()) else 0.1


def _paper(name: str, kind: str, words: str, value: str = _ID, weigh: Weigh = _numbered) -> Detector:
    """One paper by the words that name it."""
    return Detector(
        name,
        kind,
        _beside(words, value),
        anchors=literals(words),
        weigh=weigh,
        grow=_trimmed,
        folded=True,
    )


def _coded(value: str) -> bool:
    """Written as hospitals number their patients, and neither a date nor a blood pressure."""
    digits = max(map(len, re.findall(r"[0-9]+", value)))  # at once
    told = value[0].isalpha() or any(letter in "-/" for letter in value)
    return told and digits >= _RECORD and not _DATE.fullmatch(value)


def _record(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A code is a patient's where a patient is spoken of; elsewhere it is anybody's."""
    return 0.5 if near else 0.0


DETECTORS: tuple[Detector, ...] = (
    Detector(
        "medical_code",
        "medical_record",
        rf"[A-Z]{{1,5}}(?:[ \-/][A-Z]{{2,3}})?[ \-/]?[0-9]{{2,10}}(?:[ \-/]{_CODE}){{0,4}}|[0-9]{{2,8}}[\-/]{_CODE}(?:[ \-/]{_CODE}){{0,3}}",
        check=_coded,
        weigh=_record,
        keywords=(
            "dob",
            "d.o.b",
            "born",
            "geb",
            "geb.",
            "nhs",
            "mrn",
            "hosp",
            "hospital no",
            "patient",
            "patient id",
            "specimen",
            "née",
            "né",
            "geboren",
            "rio",
            "medicare",
            "biopsy",
            "discharged",
        ),
    ),
    _paper(
        "passport",
        "passport",
        "passport|pass-nr|passnummer|reisepass|reisepassnummer|passeport|pasaporte|passaporto|passaporte|paspoort|"
        "paspoortnummer|paszport|paszportu|passnr|pasnummer|паспорт|паспорта|护照|護照|パスポート|旅券|여권",
        r"[A-Za-z]{0,2}[0-9](?:[ ]?[A-Za-z0-9]){5,9}|[A-Za-z0-9]{6,10}",
    ),
    _paper(
        "driving_licence",
        "driving_licence",
        "driver'?s? ?licen[cs]e|driving ?licen[cs]e|driver-licence|dl|license|licence|führerschein|führerscheinnummer|"
        "permis de conduire|permiso de conducir|licencia de conducir|carnet de conducir|patente di guida|patente|rijbewijs|"
        "prawo jazdy|prawa jazdy|körkort|carteira de motorista|cnh|驾驶证|驾照|駕照|運転免許証|運転免許|免許|운전면허",
    ),
    _paper(
        "medical_record",
        "medical_record",
        "mrn|medical record|patient(?: id| number| no|-id|en-id|ennummer|ennr)|chart|hospital(?: id| number| no)|nhs|health card|ohip|"
        "hosp|rio|emis|chi|unit no|form no|health insurance|insurance(?: id| number| no| policy| member)|member(?: id| number| no)|policy(?: id| number| no)|subscriber|mbi|hicn|"
        "krankenversicherung|versichertennummer|versichertennr|versicherten-nr|vers\\.-nr|kv-nr|fallnr|vorgang|krankenversichertennummer|kvnr|versicherungsnummer|fallnummer|fall-nr|"
        "numéro de dossier|dossier médical|dossier patient|nhc|historia clínica|número de historia|tessera sanitaria|"
        "cartella clinica|bsn-zorg|polisnummer|patiëntnummer|numer ubezpieczenia|prontuário|"
        "病历号|住院号|门诊号|病案号|医保卡|医保号|就诊卡|社保卡号|社保号|カルテ|患者|診察券|保険証|환자번호|등록번호|의무기록",
    ),
    _paper(
        "medical_provider",
        "medical_record",
        "npi|dea|accession|donation|component|incident|specimen(?: id| no| number)|lab(?: id| no| number| order)|encounter|visit(?: id| no| number)|case(?: no| number| id)",
    ),
    _paper(
        "identity_number",
        "id_number",
        "id number|id no|id-no|id card|identity card|identity number|identification number|national id|employee id|employee number|staff id|staff no|"
        "student id|student number|badge number|customer id|customer number|client id|client number|member id|citizen id|personal id|"
        "ausweis|ausweisnummer|personalnummer|kundennummer|kunden-nr|matrikelnummer|mitgliedsnummer|"
        "carte d'identité|numéro client|cédula|cedula|curp|rut|nss|legitymacja|dowód osobisty|dowodu|henkilötunnus|cpr|fødselsnummer|"
        "军官证|士兵证|义务兵证|士官证|军字|武字|军人证|证件号|工号|学号|会员号|客户号|社員番号|学籍番号|会員番号|사번|학번",
    ),
    Detector(
        "case_number",
        "case_number",
        r"(?:applications?|case|cause|docket|file|matter|appeal|claim|petition|writ|ref|reference|complaint|aktenzeichen|az|affaire|requête|expediente|"
        r"numero di ruolo|zaaknummer|sygnatura)(?: (?:number|numbers|file|no|nos|nr))?\.?(?:[ \t:(#]|n[°º]|№){1,3}"
        r"(?P<value>(?:[A-Za-z0-9]{1,6}[ \-/.]{1,2}){0,3}[A-Za-z0-9]{0,4}[0-9]{1,7}(?:[/\-][A-Za-z0-9]{1,7}){1,4})",
        anchors=literals(
            "appl|case|cause|docket|file|matter|appeal|claim|petition|writ|ref|complaint|aktenzeichen|az|affaire|requête|expediente|numero di ruolo|zaaknummer|sygnatura"
        ),
        scores=(0.6, 0.6, 0.6),
        folded=True,
    ),
    Detector(
        "case_application",
        "case_number",
        r"nos?\. ?(?P<value>[0-9]{3,6}/[0-9]{2}(?:(?:,| and|, and) [0-9]{3,6}/[0-9]{2}){0,6})",
        anchors=("no. ", "nos. ", "no.", "nos."),
        scores=(0.6, 0.6, 0.6),
        folded=True,
    ),
    _paper(
        "plate_beside",
        "plate",
        "licen[cs]e ?plate|number ?plate|plate|registration(?: plate| mark)|vehicle registration|vrm|kennzeichen|nummernschild|"
        "plaque d'immatriculation|immatriculation|matrícula|matricula|targa|kenteken|tablica rejestracyjna|rejestracja|placa|"
        "车牌|車牌|牌照|ナンバープレート|차량번호",
        r"[A-Za-z0-9]{1,4}[ \-·.]?[A-Za-z0-9]{1,4}(?:[ \-·.]?[A-Za-z0-9]{1,5}){0,2}",
        weigh=_plated,
    ),
    Detector(
        "plate_china",
        "plate",
        r"(?:京|津|沪|渝|冀|豫|云|辽|黑|湘|皖|鲁|新|苏|浙|赣|鄂|桂|甘|晋|蒙|陕|吉|闽|贵|粤|青|藏|川|宁|琼|使|领)[A-Za-z](?:·|•| )?[A-Za-z0-9]{5,6}(?:学|警|港|澳|挂)?",
        anchors=tuple("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领"),
        scores=(0.8, 0.8, 0.95),
        keywords=("车牌", "车辆", "牌照"),
    ),
    Detector(
        "plate_japan",
        "plate",
        r"[^\x00-\x7f]{1,12}[ ]?[0-9]{2,3}[ ]?(?:あ|い|う|え|か|き|く|け|こ|さ|す|せ|そ|た|ち|つ|て|と|な|に|ぬ|ね|の|は|ひ|ふ|ほ|ま|み|む|め|も|や|ゆ|よ|ら|り|る|れ|ろ|わ)[ ]?[0-9]{2}\-[0-9]{2}",
        anchors=tuple("あいうえかきくけこさすせそたちつてとなにぬねのはひふほまみむめもやゆよらりるれろわ"),
        scores=(0.6, 0.6, 0.8),
        keywords=("ナンバー", "車"),
    ),
    Detector(
        "vin",
        "vin",
        r"[A-HJ-NPR-Za-hj-npr-z0-9]{17}",
        check=sums.vin,
        scores=(0.0, 0.2, 0.65),
        keywords=(
            "vin",
            "vehicle identification",
            "chassis",
            "fahrgestellnummer",
            "fin",
            "fgst",
            "车架号",
            "車台番号",
            "차대번호",
        ),
    ),
)
