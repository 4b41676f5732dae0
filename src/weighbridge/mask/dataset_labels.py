"""What the labels of marked data mean in our words, and which of our kinds tell the same of a value."""

from __future__ import annotations

_LABELS: dict[str, str] = {
    **dict.fromkeys(("person", "per", "per.nam", "name", "court_person"), "person"),
    **dict.fromkeys(("street_address", "address"), "address"),
    **dict.fromkeys(("gpe", "loc", "location", "place", "gpe.nam", "loc.nam", "court_loc", "city", "country"), "place"),
    **dict.fromkeys(
        ("organization", "organisation", "org", "org.nam", "corporation", "court_org", "company"), "organisation"
    ),
    **dict.fromkeys(("nrp", "norp", "group", "court_dem"), "group"),
    **dict.fromkeys(("date_time", "date", "court_datetime"), "date"),
    **dict.fromkeys(("credit_card", "card"), "card"),
    **dict.fromkeys(("phone_number", "phone"), "phone"),
    **dict.fromkeys(("email_address", "email"), "email"),
    **dict.fromkeys(("iban_code", "iban"), "iban"),
    **dict.fromkeys(("ip_address", "ip"), "ip"),
    **dict.fromkeys(("domain_name", "url"), "url"),
    **dict.fromkeys(("zip_code", "postcode"), "postcode"),
    **dict.fromkeys(("us_driver_license", "driving_licence"), "driving_licence"),
    **dict.fromkeys(("us_ssn", "ssn"), "us_ssn"),
    "court_code": "case_number",
    "court_quantity": "quantity",
    "court_misc": "misc",
    "title": "",
}
"""By label in lower case."""

_CASES: dict[str, str] = {
    "person": "person",
    "phone": "phone",
    "email": "email",
    "address": "address",
    "location": "place",
    "organization": "organisation",
    "school": "organisation",
    "workplace": "organisation",
    "date_of_birth": "date_of_birth",
    "age": "age",
    "id_number": "cn_id",
    "credit_code": "cn_uscc",
    "bank_card": "card",
    "credit_card": "card",
    "ssn": "us_ssn",
    "social_security": "id_number",
    "military_id": "id_number",
    "license_plate": "plate",
    "passport": "passport",
    "us_passport": "passport",
    "iban": "iban",
    "ip_address": "ip",
    "mac_address": "mac",
    "imei": "imei",
    "postcode": "postcode",
    "cpf": "br_cpf",
    "cnpj": "br_cnpj",
    "my_number": "jp_my_number",
    "rrn": "kr_rrn",
    "aadhaar": "in_aadhaar",
    "pan": "in_pan",
    "nino": "uk_nino",
    "tax_id": "de_tax_id",
    "qq": "username",
    "wechat": "username",
    "url_token": "url_credentials",
    "openai_api_key": "api_key",
    "anthropic_api_key": "api_key",
    "github_token": "api_key",
    "aws_access_key": "api_key",
    "ssh_private_key": "private_key",
    "jwt": "jwt",
    "unit": "unit",
}
"""The labels of test cases that name a value; others name what a sentence is about, which is nothing to mask."""

_FAMILIES: dict[str, str] = {
    **dict.fromkeys(("place", "address", "postcode"), "location"),
    **dict.fromkeys(("date", "date_of_birth", "age"), "time"),
    **dict.fromkeys(("api_key", "private_key", "jwt", "connection_string", "password"), "secret"),
    **dict.fromkeys(("id_number", "case_number", "medical_record", "bank_account"), "number"),
    **dict.fromkeys(("username", "user_id"), "account"),
    **dict.fromkeys(("url", "url_credentials"), "url"),
}

STRUCTURED = frozenset({"email", "iban", "ip", "us_ssn", "card", "phone", "url", "driving_licence"})
"""The kinds that have a shape, of which the synthetic sentences tell."""


def kind_of(label: str) -> str:
    """The kind that a label means; a label that nobody knows is a kind of its own."""
    return _LABELS.get(label.lower(), label.lower())


def case_kind(label: str) -> str | None:
    """The kind that a test case's label means; None for what is nothing to mask."""
    return _CASES.get(label)


def family_of(kind: str) -> str:
    """Kinds of one family tell the same of a value: a street's name is a place, too."""
    return _FAMILIES.get(kind, kind)
