"""The kinds of values: from which level on each is masked, and what takes its place where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from weighbridge.canon import LEVELS, Level, Mode, Route
from weighbridge.errors import SettingsError, did_you_mean
from weighbridge.settings import Mask


class Kind(Struct, frozen=True):
    """One kind. `title` is for people; `label` stands in tokens and redactions."""

    name: str
    title: str
    level: Level = "personal"
    mode: Mode = "surrogate"

    @property
    def label(self) -> str:
        """The name in capitals."""
        return self.name.upper()


def _national(*rows: tuple[str, str]) -> tuple[Kind, ...]:
    return tuple(Kind(name, title, mode="token") for name, title in rows)


def _secret(*rows: tuple[str, str]) -> tuple[Kind, ...]:
    return tuple(Kind(name, title, level="secrets", mode="token") for name, title in rows)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        *_secret(
            ("api_key", "key or token of a vendor"),
            ("private_key", "private key"),
            ("jwt", "JSON web token"),
            ("connection_string", "connection string with a password"),
            ("url_credentials", "URL with credentials"),
            ("password", "password beside its keyword"),
        ),
        Kind("person", "name of a person"),
        Kind("email", "email address"),
        Kind("phone", "phone number"),
        Kind("card", "payment card"),
        Kind("iban", "IBAN"),
        Kind("bank_account", "bank account", mode="token"),
        Kind("ip", "IP address"),
        Kind("mac", "MAC address"),
        Kind("imei", "IMEI of a device", mode="token"),
        Kind("url", "URL of a person's own page", level="strict", mode="token"),
        Kind("username", "account name beside its keyword", mode="token"),
        Kind("user_id", "id of the caller's user", mode="token"),
        Kind("address", "postal address", mode="token"),
        Kind("postcode", "postal code", level="strict", mode="token"),
        Kind("place", "name of a place", level="strict"),
        Kind("organisation", "name of an organisation", level="strict"),
        Kind("group", "nationality, religion or political group", level="strict", mode="token"),
        Kind("date", "date", level="strict", mode="token"),
        Kind("age", "age of a person", level="strict", mode="token"),
        Kind("date_of_birth", "date of birth", mode="token"),
        Kind("medical_record", "medical record or insurance number", mode="token"),
        Kind("passport", "passport number", mode="token"),
        Kind("driving_licence", "driving licence number", mode="token"),
        Kind("plate", "number plate", mode="token"),
        Kind("id_number", "identity, staff or customer number beside its keyword", mode="token"),
        Kind("case_number", "number of a case or application", mode="token"),
        Kind("vin", "vehicle identification number", mode="token"),
        Kind("crypto", "address of a crypto currency", mode="token"),
        *_national(
            ("us_ssn", "US social security number"),
            ("us_itin", "US taxpayer number"),
            ("uk_nino", "UK national insurance number"),
            ("uk_nhs", "UK NHS number"),
            ("de_tax_id", "German tax number"),
            ("de_id_card", "German identity card"),
            ("fr_nir", "French social security number"),
            ("es_dni", "Spanish DNI or NIE"),
            ("it_cf", "Italian codice fiscale"),
            ("nl_bsn", "Dutch BSN"),
            ("pl_pesel", "Polish PESEL"),
            ("se_pnr", "Swedish personal number"),
            ("in_aadhaar", "Indian Aadhaar"),
            ("in_pan", "Indian PAN"),
            ("cn_id", "Chinese resident identity number"),
            ("cn_uscc", "Chinese social credit code"),
            ("jp_my_number", "Japanese My Number"),
            ("kr_rrn", "Korean resident number"),
            ("br_cpf", "Brazilian CPF"),
            ("br_cnpj", "Brazilian CNPJ"),
            ("au_tfn", "Australian tax file number"),
            ("au_medicare", "Australian Medicare number"),
            ("ca_sin", "Canadian social insurance number"),
            ("sg_nric", "Singapore NRIC or FIN"),
        ),
    )
}
"""Every kind that detectors find, by name. What the configuration adds is of a kind of its own, masked at every level."""


def masked_kinds(level: Level, modes: Mapping[str, Mode], own: Iterable[str] = ()) -> frozenset[str]:
    """The kinds that are masked at a level.

    Args:
        level: The level.
        modes: By kind, over what the level says: `keep` leaves a kind alone, anything else masks it.
        own: Kinds of the configuration's own words and patterns.
    """
    kinds = {kind.name for kind in KINDS.values() if LEVELS.index(kind.level) <= LEVELS.index(level)} | {*own}
    for name, mode in modes.items():
        (kinds.discard if mode == "keep" else kinds.add)(name)
    return frozenset(kinds)


def own_kinds(settings: Mask) -> frozenset[str]:
    """The kinds that only the configuration knows."""
    return frozenset((*settings.terms, *settings.patterns)) - KINDS.keys()


def check_kinds(routes: Mapping[str, Route], known: Iterable[str], *, where: str = "") -> None:
    """Refuse routes that say how to mask what nobody finds: a slip of the pen would let it pass.

    Args:
        routes: To be checked.
        known: The kinds of the configuration's own words and patterns.
        where: The file's name, for errors.

    Raises:
        SettingsError: A route names a kind that there is not.
    """
    kinds = {*KINDS, *known}
    for name, route in routes.items():
        for kind in route.mask.kinds if route.mask is not None else ():
            if kind not in kinds:
                place = f"{where}: [routes.{name}.mask]" if where else f"[routes.{name}.mask]"
                raise SettingsError(f"There is no kind '{kind}'.", where=place, fix=did_you_mean(kind, kinds))


def kind_of(name: str) -> Kind:
    """A kind by name; one that only the configuration knows is masked from `secrets` on, by a token."""
    return KINDS.get(name) or Kind(name, name, level="secrets", mode="token")
