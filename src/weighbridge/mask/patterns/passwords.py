"""Passwords and keys beside the word that names them, in prose, code, settings and URLs; connection strings.

What only looks like one is told apart by its neighbours and by how random it is: names of variables, calls, placeholders.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from weighbridge.mask.patterns.base import Detector, Weigh

_WORDS = (
    "password|passwords|passwd|passphrase|passcode|pass_word|pwd|pass|psw|login pin|pin code|pin|passwort|kennwort|mot de passe|contraseña|"
    "contrasena|clave|senha|wachtwoord|hasło|haslo|lösenord|adgangskode|passord|salasana|heslo|jelszó|parola|şifre|пароль|κωδικός|"
    "密码|密碼|口令|登录密码|支付密码|パスワード|暗証番号|비밀번호|암호|مرور|पासवर्ड"
)
_KEYS = (
    r"api[ _\-]?keys?|apikey|api[ _\-]?token|api[ _\-]?secret|access[ _\-]?key(?:[ _\-]?id)?|secret[ _\-]?access[ _\-]?key|access[ _\-]?token|"
    r"auth[ _\-]?token|auth[ _\-]?key|refresh[ _\-]?token|bearer[ _\-]?token|id[ _\-]?token|client[ _\-]?secret|consumer[ _\-]?(?:key|secret)|"
    r"app[ _\-]?secret|app[ _\-]?key|secret[ _\-]?key|secret[ _\-]?token|shared[ _\-]?secret|webhook[ _\-]?secret|signing[ _\-]?(?:key|secret)|"
    r"encryption[ _\-]?key|master[ _\-]?key|private[ _\-]?key(?:[ _\-]?id)?|service[ _\-]?key|account[ _\-]?key|accountkey|sharedaccesskey|"
    r"storage[ _\-]?key|deploy[ _\-]?key|license[ _\-]?key|session[ _\-]?(?:id|key|token)|sessionid|csrf[ _\-]?token|xsrf[ _\-]?token|"
    r"personal[ _\-]?access[ _\-]?token|credentials?|secrets?|tokens?|_key|密钥|密鑰|秘钥|令牌|私钥|访问令牌|凭证|凭据|口令牌|トークン|秘密鍵|"
    r"アクセスキー|토큰|비밀키|schlüssel|clé api|jeton|clave api|токен|ключ"
)
_CAMEL_WORDS = "Password|Passwd|Passphrase|Pwd|Passcode"
_CAMEL_KEYS = "ApiKey|APIKey|AccessKey|SecretKey|AuthToken|AccessToken|RefreshToken|ClientSecret|Secret|Token|Credential|PrivateKey|SessionId"
_BEHIND = r"(?:[0-9]{0,2}|_[A-Za-z0-9_]{1,24})(?: ?[([][^()\n]{1,40}[)]| (?:for|of|to|on|für|pour|de|del|per)(?: [A-Za-z0-9'._@\-]{1,24}){1,4})?"
_SAYS = (
    r"(?:\\?[\"'`\])}]){0,3}[ \t]{0,4}"
    r"(?:(?:=>|:=|={1,3}|:|->|,)[ \t]{0,4}| (?:is|was|ist|lautet|est|es|è|é|jest|är|er|to|set to|changed to|reset to)[ :]{1,3}|(?:是|为|為|は|を|는|은|이|叫):?[ ]?)"
)
_BARE = r"(?P<value>[A-Za-z0-9!#$%^&*+/_~@?\\.\-][A-Za-z0-9!#$%&()*+,\-./:;=?@\[\]\\^_{|}~<>]{3,300})"
_DOUBLE = r"[bBrRuUfF]{0,2}\\?\"(?P<value>[^\"\n]{3,300})\""
_SINGLE = r"[bBrRuUfF]{0,2}\\?['`](?P<value>[^'`\n]{3,300})['`]"
_LEAST_BITS, _STRONG = 2.2, 3.0
_SHORTEST_KEY, _SHORTEST_SURE = 10, 16
_LEFT_OUT = re.compile(
    r"^(?:<.*|\$\{?.*|\{+.*|%.*|\[.*|#.*|\*+|\.+|x{3,}|X{3,}|-+|_+|\?+)$|"
    r"^(?:null|none|nil|undefined|true|false|yes|no|str|string|bytes|int|bool|boolean|text|varchar.*|char.*|object|any|optional.*|required.*|empty|"
    r"todo|tbd|n/a|unknown|redacted|masked|hidden|removed|disabled|enabled|default|value|self\..*|this\..*|os\.environ.*|process\.env.*|env\..*|"
    r"settings\..*|config\..*|args\..*|request\..*|getenv.*|input.*|prompt.*|getpass.*)$|"
    r"(?:your|my|the|some|insert|enter|replace|change|placeholder|example|sample|dummy|redacted)[-_ ]?(?:own|api|secret|key|pass|token|here|me|password|value)|"
    r"(?:x|\*|\.|•){4,}|…",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z_$][A-Za-z_$]*(?:(?:\.|->|::)[A-Za-z_$][A-Za-z0-9_$]*)*")
_CALL = re.compile(r"[A-Za-z_][\w.]*[(\[]|[A-Za-z_]+=$|[(\[{]|.*(?:\)|\(|\]\[|=>|==|&&|\|\|)")
_PROSE = re.compile(r"[A-Za-z]+[.,;:!?)\]]*")
_TRAILING = re.compile(r"(?:[.,;:!?)\]}>|]|\\[nrt]?|\\)+$")


def _bits(value: str) -> float:
    """Shannon entropy of the value's characters, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _varied(value: str) -> int:
    """How many sorts of characters: capitals, small letters, digits, others."""
    return sum(
        any(map(sort, value)) for sort in (str.isupper, str.islower, str.isdigit, lambda letter: not letter.isalnum())
    )


def _password(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    value = _TRAILING.sub("", text[start:end])
    if len(value) < 4 or _LEFT_OUT.search(value) or _CALL.match(value):  # noqa: PLR2004
        return 0.05
    if value.isdigit():
        return 0.6
    mixed = _varied(value) > 1
    if any(map(str.isdigit, value)) or (mixed and not _PROSE.fullmatch(value) and not _NAME.fullmatch(value)):
        return 0.85 if mixed else 0.5
    return 0.15


def _quoted_password(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    value = text[start:end].rstrip("\\")
    score = _password(text, start, end, near)
    plain = value.isascii() and value.isalpha() and len(value) >= 6 and not _LEFT_OUT.search(value)  # noqa: PLR2004
    if " " in value:
        return min(score, 0.2)
    return 0.4 if plain and score < 0.4 else score  # noqa: PLR2004


def _key(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    value = _TRAILING.sub("", text[start:end])
    if len(value) < _SHORTEST_KEY or _LEFT_OUT.search(value) or " " in value or _CALL.match(value.rstrip("=")):
        return 0.05
    digits = sum(map(str.isdigit, value))
    if not digits or _NAME.fullmatch(value) or _bits(value) < _LEAST_BITS:
        return 0.15
    if len(value) >= _SHORTEST_SURE and _bits(value) >= _STRONG and digits > 1:
        return 0.85
    return 0.5


def _bearer(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    value = text[start:end]
    return 0.9 if any(map(str.isdigit, value)) and _bits(value) >= _LEAST_BITS and not _LEFT_OUT.search(value) else 0.15


def _with_password(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    value = text[start:end]
    secret = value.split("://", 1)[1].rpartition("@")[0].partition(":")[2]
    return 0.1 if _LEFT_OUT.search(secret) or secret.lower() in {"password", "pass", "pwd", "port"} else 0.95


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the punctuation of the sentence or of the code behind it."""
    return start, start + len(_TRAILING.sub("", text[start:end])) or end


def _forms(
    name: str, kind: str, words: str, weigh: Weigh, quoted: Weigh, *, camel: bool = False
) -> tuple[Detector, ...]:
    """A word and its value: in either sort of quotes, or without any."""
    shapes = (("double", _DOUBLE, quoted), ("single", _SINGLE, quoted), ("bare", _BARE, weigh))
    return tuple(
        Detector(
            f"{name}_{form}",
            kind,
            rf"(?:{words}){_BEHIND}{_SAYS}{value}",
            weigh=judge,
            grow=_trimmed if form == "bare" else None,
            edges="own" if camel or form != "bare" else "word",
            folded=not camel,
            tier="secret",
        )
        for form, value, judge in shapes
    )


_WEB = "[A-Za-z0-9%._~+/=\\-]"
DETECTORS: tuple[Detector, ...] = (
    *_forms("password", "password", _WORDS, _password, _quoted_password),
    *_forms("password_camel", "password", _CAMEL_WORDS, _password, _quoted_password, camel=True),
    *_forms("key", "api_key", _KEYS, _key, _key),
    *_forms("key_camel", "api_key", _CAMEL_KEYS, _key, _key, camel=True),
    Detector(
        "password_option",
        "password",
        r"--(?:password|passwd|pass|pwd|passphrase)[ =][\"']?(?P<value>[^ \t\r\n\"']{4,200})",
        weigh=_password,
        edges="own",
        tier="secret",
    ),
    Detector(
        "key_option",
        "api_key",
        r"--(?:[a-z]{1,20}-)?(?:token|api-key|apikey|secret|access-key|secret-key|auth-token|key)[ =][\"']?(?P<value>[^ \t\r\n\"']{8,300})",
        weigh=_key,
        edges="own",
        tier="secret",
    ),
    Detector(
        "password_of_user",
        "password",
        r"(?:-u|--user|--proxy-user)[ =]?[\"']?[A-Za-z0-9._@%+\\\-]{1,64}:(?P<value>[^ \t\r\n\"']{4,200})",
        weigh=_password,
        edges="own",
        tier="secret",
    ),
    Detector(
        "password_netrc",
        "password",
        r"(?:login|user|account) [^ \t\r\n]{1,80}[ \t\r\n]{1,8}(?:password|passwd|pw) (?P<value>[^ \t\r\n]{4,200})",
        weigh=_password,
        tier="secret",
    ),
    Detector(
        "authorization",
        "api_key",
        r"(?:bearer|basic|token|apikey|ssws|digest) (?P<value>[A-Za-z0-9+/=._~\-]{12,4000})",
        weigh=_bearer,
        folded=True,
        tier="secret",
    ),
    Detector(
        "cookie",
        "api_key",
        r"(?:set-)?cookie\"?: ?\"?(?P<value>[A-Za-z0-9_.\-]{1,60}=[^\r\n\"]{6,4000})",
        weigh=_bearer,
        edges="own",
        folded=True,
        tier="secret",
    ),
    Detector(
        "url_password",
        "url_credentials",
        r"(?:https?|ftps?|sftp|ssh|git|svn|wss?|smb|ldaps?|smtps?|imaps?|socks5?)://[^ \t\r\n/:@\"'<>]{0,80}:[^ \t\r\n/@\"'<>]{1,200}@[A-Za-z0-9.\-]{1,200}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/\-]{0,200})?",
        weigh=_with_password,
        edges="own",
        folded=True,
        tier="secret",
    ),
    Detector(
        "connection_string",
        "connection_string",
        r"(?:postgres|postgresql|mysql|mariadb|mongodb|redis|rediss|amqp|amqps|mssql|sqlserver|oracle|cockroachdb|clickhouse|kafka|nats|cassandra|neo4j|bolt|couchdb|influxdb|jdbc:[a-z]{2,20}|snowflake|elasticsearch|memcached|hive|presto|trino|vertica|redshift|db2|firebird|mqtt|mqtts)"
        r"(?:\+[a-z0-9_]{2,20})?://[^ \t\r\n/:@\"'<>]{0,80}:[^ \t\r\n\"'<>]{1,200}@[A-Za-z0-9.\-\[\]:,_]{1,300}(?:/[A-Za-z0-9._~%/?&=+\-]{0,300})?",
        weigh=_with_password,
        edges="own",
        folded=True,
        tier="secret",
    ),
    Detector(
        "url_token",
        "url_credentials",
        rf"[?&;#](?:access_token|auth_token|id_token|refresh_token|token|api_key|apikey|api-key|key|sig|signature|secret|client_secret|password|passwd|pwd|auth|code|session|sessionid|sid|jwt|x-amz-signature|x-amz-security-token|x-goog-signature)=(?P<value>{_WEB}{{8,3000}})",
        weigh=_bearer,
        edges="own",
        folded=True,
        tier="secret",
    ),
)
