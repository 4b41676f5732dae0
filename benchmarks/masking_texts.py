"""Invented values for `benchmarks/masking.py`: valid by their checksums, of the shapes of vendors, and nobody's own."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from weighbridge.mask.dataset_rows import Document, Gold
from weighbridge.mask.datasets import Dataset

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "-_"
_EACH = 20
_LUHN_NINE = 9
_ISO_7064 = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

TOKENS: dict[str, tuple[str, str, int, str]] = {
    "GitHub, personal": ("ghp_", ALNUM, 36, ""),
    "GitHub, app": ("ghs_", ALNUM, 36, ""),
    "GitHub, fine-grained": ("github_pat_11", ALNUM + "_", 80, ""),
    "GitLab": ("glpat-", URL_SAFE, 20, ""),
    "AWS": ("AKIA", string.ascii_uppercase + "234567", 16, ""),
    "Google": ("AIza", URL_SAFE, 35, ""),
    "Google OAuth": ("GOCSPX-", URL_SAFE, 28, ""),
    "OpenAI, project": ("sk-proj-", URL_SAFE, 120, ""),
    "Anthropic": ("sk-ant-api03-", URL_SAFE, 93, "AA"),
    "OpenRouter": ("sk-or-v1-", HEX, 64, ""),
    "Groq": ("gsk_", ALNUM, 52, ""),
    "xAI": ("xai-", ALNUM, 80, ""),
    "Replicate": ("r8_", ALNUM, 37, ""),
    "Perplexity": ("pplx-", ALNUM, 48, ""),
    "Hugging Face": ("hf_", string.ascii_letters, 34, ""),
    "Stripe, live": ("sk_live_", ALNUM, 24, ""),
    "Stripe, webhook": ("whsec_", ALNUM, 32, ""),
    "Slack, bot": ("xoxb-123456789012-1234567890123-", ALNUM, 24, ""),
    "SendGrid": ("SG.aB3dE5fG7hJ9kL1mN3pQ5r.", URL_SAFE, 43, ""),
    "Mailgun": ("key-", HEX, 32, ""),
    "Twilio": ("SK", HEX, 32, ""),
    "npm": ("npm_", ALNUM, 36, ""),
    "PyPI": ("pypi-AgEIcHlwaS5vcmc", URL_SAFE, 150, ""),
    "DigitalOcean": ("dop_v1_", HEX, 64, ""),
    "Shopify": ("shpat_", HEX, 32, ""),
    "Linear": ("lin_api_", ALNUM, 40, ""),
    "Notion": ("ntn_", ALNUM, 46, ""),
    "Telegram": ("123456789:AA", URL_SAFE, 33, ""),
    "Databricks": ("dapi", HEX, 32, ""),
    "Vault": ("hvs.", URL_SAFE, 90, ""),
}
"""Vendors' tokens: how each begins, of what and how long it goes on, how it ends."""


def _drawn(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def card(rng: random.Random) -> str:
    """A payment card's number with its check digit (Luhn)."""
    digits = [4, *(rng.randrange(10) for _ in range(14))]
    doubled = [d * 2 if at % 2 == 0 else d for at, d in enumerate(digits)]
    total = sum(d - _LUHN_NINE if d > _LUHN_NINE else d for d in doubled)
    return "".join(map(str, digits)) + str(-total % 10)


def iban(rng: random.Random) -> str:
    """A German IBAN with its check digits (ISO 7064, 97-10)."""
    account = _drawn(rng, string.digits, 18)
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def resident(rng: random.Random) -> str:
    """A Chinese resident's number with its check character (ISO 7064, 11-2)."""
    born = f"{rng.randint(1950, 2005)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    body = f"1101{rng.randint(1, 9):02}{born}{rng.randint(1, 999):03}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _ISO_7064, strict=True)) % 11]


def ssn(rng: random.Random) -> str:
    """A US social security number of a range that is in use."""
    return f"{rng.randint(101, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def ip(rng: random.Random) -> str:
    """An address of documentation."""
    return f"203.0.113.{rng.randint(1, 254)}"


def email(rng: random.Random) -> str:
    """An address that nobody has."""
    return f"{_drawn(rng, string.ascii_lowercase, 7)}.{rng.randint(1, 99)}@example.com"


CHECKED: dict[str, Callable[[random.Random], str]] = {
    "card": card, "iban": iban, "cn_id": resident, "us_ssn": ssn, "ip": ip, "email": email,
}  # fmt: skip


def _marked(before: str, value: str, after: str, kind: str) -> Document:
    return Document(before + value + after, (Gold(len(before), len(before) + len(value), kind),))


def between_chinese(seed: int = 1) -> Dataset:
    """Values with Chinese characters right before and behind them."""
    rng = random.Random(seed)
    frames = (("请核对", "后回复"), ("他的资料是", "谢谢"), ("客户提供了", "并要求处理"), ("记录", "已保存"))
    documents = [
        _marked(*_around(frames[n % len(frames)], make(rng)), kind)
        for kind, make in CHECKED.items()
        for n in range(_EACH)
    ]
    return Dataset("between Chinese characters", tuple(documents), complete=False)


def _around(frame: tuple[str, str], value: str) -> tuple[str, str, str]:
    return frame[0], value, frame[1]


def vendor_tokens(seed: int = 1) -> Dataset:
    """Tokens in a sentence, in a shell, in a file of settings and alone."""
    rng = random.Random(seed)
    frames = (("We use ", " in production."), ("export SOMETHING=", "\n"), ('{"value": "', '"}'), ("", ""))
    documents = [
        _marked(*_around(frame, start + _drawn(rng, alphabet, length) + end), vendor)
        for vendor, (start, alphabet, length, end) in TOKENS.items()
        for frame in frames
    ]
    return Dataset("vendor tokens", tuple(documents), complete=False)


def generic_secrets(seed: int = 1) -> Dataset:
    """Passwords and keys of no vendor, beside the word that says what they are."""
    rng = random.Random(seed)
    frames = (
        ('password = "', '"\n'), ("DB_PASSWORD=", "\n"), ("api_key: ", "\n"), ('"client_secret": "', '",'),
        ("The password is ", " and it works."), ("auth_token='", "';"), ("postgres://app:", "@db.internal:5432/main"),
        ("Authorization: Bearer ", "\r\n"),
    )  # fmt: skip
    documents = [
        _marked(*_around(frame, _drawn(rng, alphabet, rng.randint(12, 40))), "secret")
        for frame in frames
        for alphabet in (ALNUM, HEX, LOWER, URL_SAFE, UPPER)
        for _ in range(3)
    ]
    return Dataset("generic secrets", tuple(documents), complete=False)
