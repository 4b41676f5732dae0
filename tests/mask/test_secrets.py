"""Tokens of vendors, keys and passwords: each shape is found whole, whatever stands beside it."""

# ruff: noqa: RUF001 - wide characters are what is tested

import base64
import json
import random

import pytest

from weighbridge.mask.kinds import KINDS
from weighbridge.mask.patterns import DETECTORS
from weighbridge.mask.scan import Scanner

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
HEX = "0123456789abcdef"
LIKELY = 0.3


def made(length: int, letters: str = LETTERS, seed: int = 7) -> str:
    """A random run, made here so that no file holds anything that looks like a key."""
    chosen = random.Random(f"{seed}{length}{letters}")
    return "".join(chosen.choice(letters) for _ in range(length))


UUID = f"{made(8, HEX)}-{made(4, HEX)}-{made(4, HEX)}-{made(4, HEX)}-{made(12, HEX)}"

TOKENS = {
    "aws_access_key": "AKIA" + made(16, UPPER),
    "aws_temporary": "ASIA" + made(16, UPPER),
    "google_api_key": "AIza" + made(35),
    "google_oauth": "ya29." + made(60),
    "google_client": "GOCSPX-" + made(28),
    "digitalocean": "dop_v1_" + made(64, HEX),
    "databricks": "dapi" + made(32, HEX),
    "vault": "hvs." + made(90),
    "terraform": made(14) + ".atlasv1." + made(60),
    "supabase": "sbp_" + made(40, HEX),
    "netlify": "nfp_" + made(36),
    "openai": "sk-" + made(48),
    "openai_project": "sk-proj-" + made(120),
    "openai_service": "sk-svcacct-" + made(100),
    "anthropic": "sk-ant-api03-" + made(93) + "AA",
    "openrouter": "sk-or-v1-" + made(64, HEX),
    "deepseek": "sk-" + made(32, HEX),
    "groq": "gsk_" + made(52),
    "xai": "xai-" + made(80),
    "huggingface": "hf_" + made(34, LETTERS[:52]),
    "replicate": "r8_" + made(37),
    "perplexity": "pplx-" + made(48),
    "nvidia": "nvapi-" + made(64),
    "github_classic": "ghp_" + made(36),
    "github_oauth": "gho_" + made(36),
    "github_user": "ghu_" + made(36),
    "github_server": "ghs_" + made(36),
    "github_refresh": "ghr_" + made(76),
    "github_fine": "github_pat_" + made(22) + "_" + made(59),
    "gitlab": "glpat-" + made(20),
    "bitbucket": "ATBB" + made(32),
    "atlassian": "ATATT3x" + made(180) + "=" + made(8, HEX.upper()),
    "npm": "npm_" + made(36),
    "pypi": "pypi-AgEIcHlwaS5vcmc" + made(150),
    "docker": "dckr_pat_" + made(27),
    "stripe": "sk_live_" + made(24),
    "stripe_hook": "whsec_" + made(32),
    "square": "sq0atp-" + made(22),
    "shopify": "shpat_" + made(32, HEX),
    "slack_bot": f"xoxb-{made(12, '123456789')}-{made(12, '123456789')}-{made(24)}",
    "slack_app": f"xapp-1-A{made(10, UPPER)}-{made(13, '123456789')}-{made(64, HEX)}",
    "slack_hook": f"hooks.slack.com/services/T{made(8, UPPER)}/B{made(8, UPPER)}/{made(24)}",
    "discord": "M" + made(25) + "." + made(6) + "." + made(38),
    "telegram": made(10, "123456789") + ":AA" + made(33),
    "twilio": "SK" + made(32, HEX),
    "sendgrid": "SG." + made(22) + "." + made(43),
    "mailgun": "key-" + made(32, HEX),
    "mailchimp": made(32, HEX) + "-us14",
    "grafana": "glsa_" + made(32) + "_" + made(8, HEX),
    "newrelic": "NRAK-" + made(27, UPPER),
    "sentry": "sntrys_" + made(80),
    "linear": "lin_api_" + made(40),
    "notion": "ntn_" + made(46),
    "airtable": "pat" + made(14) + "." + made(64, HEX),
    "figma": "figd_" + made(40),
    "postman": f"PMAK-{made(24, HEX)}-{made(34, HEX)}",
    "age": "AGE-SECRET-KEY-1" + made(58, UPPER),
    "sentry_dsn": f"https://{made(32, HEX)}@o4501.ingest.sentry.io/4505",
    "jwt": ".".join(
        (
            base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("="),
            base64.urlsafe_b64encode(b'{"sub":"1234567890"}').decode().rstrip("="),
            made(43),
        )
    ),
}

BESIDE = {
    "aws_secret": ("aws_secret_access_key = {}", made(40, LETTERS + "+/")),
    "azure_account": ("DefaultEndpointsProtocol=https;AccountName=abc;AccountKey={};", made(86) + "=="),
    "azure_sas": ("https://x.blob.core.windows.net/c?sv=2024&sig={}&se=2026", made(43) + "%3D"),
    "mistral": ("MISTRAL_API_KEY={}", made(32)),
    "datadog": ("the datadog key {}", made(32, HEX)),
    "cloudflare": ("Cloudflare token: {}", made(40)),
    "heroku": ("heroku api_key: {}", UUID),
    "okta": ("OKTA_TOKEN=00{}", made(40)),
    "paypal": ("PAYPAL_SECRET: {}", made(60)),
    "snowflake": ("snowflake password: {}", "Wq7!rTz9#mK"),
    "env": ("DB_PASSWORD=" + "{}", "s3cr3t-Pa55w0rd!"),
    "yaml": ("  password: {}", "kX9vbQ2w"),
    "json": ('{{"user": "bob", "password": "{}"}}', "Tr0ub4dor&3"),
    "json_escaped": ('{{\\"password\\": \\"{}\\"}}', "Tr0ub4dor3x"),
    "python": ("api_key = '{}'", made(32)),
    "camel": ('"clientSecret": "{}"', made(32)),
    "camel_password": ("dbPassword={}", "h7Kq2zzP"),
    "sentence": ("The password for the router is {}.", "bl4ckC4t77"),
    "says": ("my password is {}, do not tell", "hunter22"),
    "chinese": ("登录密码是{}，请保密", "Abc12345"),
    "chinese_colon": ("密码：{}", "Qwe!2345"),
    "chinese_key": ("密钥：{}", made(32)),
    "german": ("Das Passwort lautet {}", "Sommer2024!"),
    "option": ("mysql --password={} -u root", "p4ssW0rd9"),
    "option_apart": ("login --token {}", made(30)),
    "curl": ("curl -u admin:{} https://x", "p4ssW0rd9"),
    "netrc": ("machine api.x login me password {}", "z8Kd93kd"),
    "bearer": ("Authorization: Bearer {}", made(40)),
    "basic": ("Authorization: Basic {}", base64.b64encode(b"admin:pa55word12").decode()),
    "cookie": ("Cookie: {}", "sid=" + made(26)),
    "url_token": ("https://x.io/verify?token={}", "abc123def456"),
    "fullwidth": ("password: {}", "Ｈ7kq２zzP"),
}

URLS = (
    "postgres://bob:s3cr3tPw@db.internal:5432/app",
    "mongodb+srv://bob:p%40ss9word@cluster0.x.mongodb.net/app?retryWrites=true",
    "redis://:f00b4rb4z@cache:6379/0",
    "https://bob:s3cr3tPw@git.corp.io/x.git",
    "amqp://svc:Zx81qqq@mq:5672/v",
)


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


def covered(scanner: Scanner, text: str, value: str) -> bool:
    """Is every letter of the value within secrets that are likely enough?"""
    at = text.index(value)
    seen: set[int] = set()
    for span in scanner.scan(text):
        if span.score >= LIKELY and KINDS[span.kind].level == "secrets":
            seen.update(range(span.start, span.end))
    return all(place in seen for place in range(at, at + len(value)) if text[place].isalnum())


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(
    "around", ["{}", "use {} now", "密钥{}在这里", '{{"k": "{}"}}', "a\\n{}\\n", "K={}&x=1", "({}),"]
)
def test_tokens_of_vendors(scanner: Scanner, name: str, around: str) -> None:
    assert covered(scanner, around.format(TOKENS[name]), TOKENS[name])


@pytest.mark.parametrize("name", BESIDE)
def test_values_beside_what_names_them(scanner: Scanner, name: str) -> None:
    around, value = BESIDE[name]
    assert covered(scanner, around.format(value), value)


@pytest.mark.parametrize("url", URLS)
def test_urls_with_credentials(scanner: Scanner, url: str) -> None:
    assert covered(scanner, f"see {url} for it", url.split("://")[1].split("@", maxsplit=1)[0])


@pytest.mark.parametrize("label", ["RSA ", "", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n"])
def test_private_keys(scanner: Scanner, label: str, newline: str) -> None:
    body = newline.join(made(64, seed=line) for line in range(12))
    whole = newline.join((f"-----BEGIN {label}PRIVATE KEY-----", body, f"-----END {label}PRIVATE KEY-----"))
    assert covered(scanner, f"key: {whole} end", whole)
    cut = whole[: len(whole) // 2]
    assert covered(scanner, cut, cut[60:])


def test_a_pgp_block_is_a_private_key(scanner: Scanner) -> None:
    body = "\n".join(made(64, seed=line) for line in range(20))
    block = f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n{body}\n=aB3d\n-----END PGP PRIVATE KEY BLOCK-----"
    assert covered(scanner, block, block)


def test_the_mention_of_a_header_is_no_key(scanner: Scanner) -> None:
    spans = scanner.scan("A file that begins with -----BEGIN PRIVATE KEY----- is a key, and ends as it began.")
    assert not [span for span in spans if span.score >= LIKELY]


def test_values_in_json_are_found_in_its_decoded_leaves(scanner: Scanner) -> None:
    leaf = json.loads(json.dumps({"note": f"token:\n{TOKENS['github_classic']}\n"}))["note"]
    assert covered(scanner, leaf, TOKENS["github_classic"])


def test_every_entry_has_a_name_and_a_kind_of_its_own() -> None:
    names = [detector.name for detector in DETECTORS]
    assert len(names) == len(set(names))
    assert {detector.kind for detector in DETECTORS} <= KINDS.keys()
