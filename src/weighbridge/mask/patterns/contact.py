"""How people and their devices are reached: email, addresses of the net and of devices, pages, account names."""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import ipaddress
import re

from weighbridge.mask.patterns import phones
from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.checksums import digits_of, luhn
from weighbridge.mask.patterns.words import literals

_AROUND = 32
_VERSION = re.compile(
    r"(?:\b(?:version|ver|release|build|firmware|driver|update|upgraded?|patch|chapter|section|sec|clause|figure|table|"
    r"v|rev|python|chrome|firefox|safari|edge|windows|kernel)|版本|[/=]{2}|[~^]|[a-z]-|\bv)[ \t.:=>\"'/]{0,4}$|[§]\s?$",
    re.IGNORECASE,
)
_PUBLIC_HOSTS = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local|python\.org|w3\.org|ietf\.org|rfc-editor\.org|iana\.org|"
    r"wikipedia\.org|wikimedia\.org|unicode\.org|gnu\.org|apache\.org|mozilla\.org|whatwg\.org|iso\.org|ecma-international\.org|"
    r"readthedocs\.(?:io|org)|pypi\.org|npmjs\.com|docs\.rs|crates\.io|stackoverflow\.com|opensource\.org|creativecommons\.org|"
    r"microsoft\.com|apple\.com|google\.com|googleapis\.com|openai\.com|anthropic\.com|ibm\.com|oracle\.com|intel\.com|"
    r"json-schema\.org|xmlsoap\.org|schema\.org|docbook\.org|openssl\.org|kernel\.org|debian\.org|sqlite\.org|tcl\.tk|"
    r"xml\.org|faqs\.org|acm\.org|ieee\.org|nist\.gov|doi\.org|arxiv\.org|gnupg\.org|freedesktop\.org|sourceforge\.net)$"
)
_PERSONAL = re.compile(
    r"(?:linkedin\.com/in|facebook\.com|fb\.com|instagram\.com|twitter\.com|x\.com|tiktok\.com/@|t\.me|wa\.me|github\.com|gitlab\.com|"
    r"youtube\.com/@|reddit\.com/u(?:ser)?|medium\.com/@|weibo\.com|zhihu\.com/people|snapchat\.com/add|pinterest\.com|vk\.com)/[A-Za-z0-9_.@\-]{2,}"
)
_KEYED = re.compile(
    r"[?&#](?:[a-z_\-]*(?:token|key|secret|signature|sig|password|session|code|auth|email|user|uid|id))=[^&]{6,}",
    re.IGNORECASE,
)
_NO_FILE = re.compile(
    r"\.(?:py|js|ts|md|txt|json|html?|css|java|rs|go|cpp|sh|ya?ml|toml|cfg|ini|png|jpe?g|gif|svg|so|dll|exe)$",
    re.IGNORECASE,
)
_CODE_WORD = re.compile(
    r"(?:none|null|true|false|self|str|string|int|bool|user|username|name|password|admin|root|the|and|not|for|is|was|or|"
    r"required|optional|example|unknown|test|field|value|input|get\w*|login|id|in|of|with|has|that|this|are|as|to|on|be|by|from|will|can|must)$",
    re.IGNORECASE,
)


def _email(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001 - the hook's shape
    local, _, host = text[start:end].partition("@")
    if ".." in local or local[0] == "." or local[-1] == "." or ".." in host or _NO_FILE.search(host):
        return 0.3 if near else 0.15
    return 0.98


def _url(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    value = text[start:end]
    host = re.split(r"[/?#:]", value.split("://", 1)[-1].rpartition("@")[2] or value, maxsplit=1)[0].lower().rstrip(".")
    if _PERSONAL.search(value) or near or _KEYED.search(value):
        return 0.7
    if _PUBLIC_HOSTS.search(host) or "." not in host:
        return 0.2
    return 0.45


def _ipv4(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    octets = [int(part) for part in text[start:end].partition("/")[0].split(".")]
    before, after = text[max(0, start - _AROUND) : start], text[end : end + 2]
    if any(octet > 255 for octet in octets) or re.match(r"\.[0-9]", after) or re.search(r"[0-9]\.$", before):  # noqa: PLR2004
        return 0.05
    if _VERSION.search(before):
        return 0.2
    if near:
        return 0.95
    if octets[0] in {0, 127, 255} or all(octet < 10 for octet in octets) or octets[2:] == [0, 0]:  # noqa: PLR2004
        return 0.25
    return 0.9 if octets[0] < 240 else 0.35  # noqa: PLR2004


def _ipv6(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    value = text[start:end].partition("%")[0].partition("/")[0]
    if re.search(r"[:.A-Za-z0-9_]$", text[max(0, start - 1) : start]) or re.match(
        r"[:A-Za-z0-9_]", text[end : end + 1]
    ):
        return 0.05
    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return 0.05
    if near:
        return 0.9
    written = [group for group in value.split(":") if group]
    return 0.2 if address.is_loopback or address.is_unspecified or len(max(written, key=len)) < 3 else 0.9  # noqa: PLR2004


def _mac(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    if re.search(r"[0-9A-Fa-f][:\-.]$", text[max(0, start - 2) : start]) or re.match(
        r"[:\-.][0-9A-Fa-f]", text[end : end + 2]
    ):
        return 0.1  # a fingerprint, longer than an address
    if near:
        return 0.95
    return 0.9 if re.search("[A-Fa-f]", text[start:end]) else 0.35


def _imei(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    agrees = len(digits_of(text[start:end])) >= 15 and luhn("".join(map(str, digits_of(text[start:end])[:15])))  # noqa: PLR2004
    if near:
        return 0.98 if agrees else 0.6
    return 0.2 if agrees else 0.0


def _username(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    value = text[start:end]
    return 0.1 if _CODE_WORD.match(value) or text[end : end + 1] in {"(", "[", "="} else 0.5


_HANDLE = r"[A-Za-z][A-Za-z0-9_.\-]{2,38}[A-Za-z0-9_]"
_MAC_CUES = ("mac", "hwaddr", "ether", "bssid", "hardware address", "物理地址", "mac地址")
_HEX4 = r"[0-9A-Fa-f]{0,4}"
_IP_CUES = (
    "ip",
    "ips",
    "ipv4",
    "ipv6",
    "address",
    "host",
    "client",
    "source",
    "from",
    "dns",
    "访问",
    "来源",
    "访问来源",
    "server",
    "ping",
    "地址",
    "服务器",
    "ip地址",
    "アドレス",
    "주소",
)

DETECTORS: tuple[Detector, ...] = (
    Detector(
        "email",
        "email",
        r"[A-Za-z0-9_.%+'\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,6}[A-Za-z]{2,24}",
        anchors=("@",),
        weigh=_email,
        keywords=("email", "mail", "e-mail", "邮箱"),
    ),
    Detector(
        "email_beyond_ascii",
        "email",
        r"[^\x00-\x7f]{1,30}@(?:[A-Za-z0-9\-]{1,63}\.){1,6}[A-Za-z]{2,24}",
        anchors=("@",),
        scores=(0.6, 0.6, 0.7),
    ),
    Detector(
        "email_spelled",
        "email",
        r"[A-Za-z0-9_.%+\-]{1,64} ?[\[(] ?(?:at|AT|At) ?[\])] ?[A-Za-z0-9\-]{1,63}(?: ?(?:\.|[\[(] ?(?:dot|DOT|Dot) ?[\])]) ?[A-Za-z0-9\-]{2,63}){1,4}",
        anchors=("at]", "at)", "at ]", "at )"),
        scores=(0.7, 0.7, 0.9),
        keywords=("email", "mail", "e-mail"),
    ),
    Detector(
        "url",
        "url",
        r"[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9\-._~%:/?#@!$&*+,;=]{3,2000}[A-Za-z0-9/_=\-]",
        anchors=("://",),
        weigh=_url,
        keywords=(
            "my website",
            "my site",
            "my page",
            "my blog",
            "homepage",
            "portfolio",
            "profile",
            "website",
            "个人主页",
        ),
    ),
    Detector(
        "url_without_scheme",
        "url",
        r"(?:[Ww]{3}\.[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4}|(?:linkedin|facebook|instagram|github|gitlab|twitter|tiktok|weibo)\.com|t\.me|wa\.me)"
        r"(?:/[A-Za-z0-9\-._~%/?#@!$&*+,;=]{0,500}[A-Za-z0-9/_=\-])?",
        anchors=("www.", ".com/", "t.me/", "wa.me/"),
        weigh=_url,
        keywords=("my website", "my site", "my page", "my blog", "homepage", "portfolio", "profile", "website", "site"),
    ),
    Detector(
        "ipv4", "ip", r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:/[0-9]{1,2})?", weigh=_ipv4, keywords=_IP_CUES
    ),
    Detector(
        "ipv6",
        "ip",
        rf"{_HEX4}:{_HEX4}:(?:{_HEX4}:){{0,5}}(?:[0-9A-Fa-f]{{1,4}}|[0-9]{{1,3}}\.[0-9]{{1,3}}\.[0-9]{{1,3}}\.[0-9]{{1,3}})(?:/[0-9]{{1,3}})?",
        anchors=(":",),
        weigh=_ipv6,
        keywords=_IP_CUES,
    ),
    Detector(
        "mac",
        "mac",
        r"(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
        weigh=_mac,
        keywords=_MAC_CUES,
    ),
    Detector(
        "imei",
        "imei",
        r"[0-9]{2}[ \-]?[0-9]{6}[ \-]?[0-9]{6}[ \-]?[0-9]{1,2}",
        weigh=_imei,
        keywords=("imei", "meid", "device id", "设备号", "串号"),
    ),
    Detector(
        "username",
        "username",
        r"(?:(?:user ?name|user-name|user_name|login(?: name)?|screen ?name|nick(?:name)?|handle|benutzername|nom d'utilisateur|"
        r"nombre de usuario|identifiant|nome utente|gebruikersnaam|skype|discord|telegram|instagram|snapchat|twitter)"
        r"(?:[ \t]?(?:[:=]|：)[ \t]?@?[\"'`]?|(?: name)? (?:is|ist|est|es|è)[ \t]{1,2}@?[\"'`]?|[ \t]{1,2}@)|"
        r"(?:账号|帐号|用户名|昵称|ユーザー名|아이디)(?:是|为|は)?[ \t]?(?:[:=]|：)?[ \t]?@?[\"'`]?)"
        rf"(?P<value>{_HANDLE})",
        anchors=literals(
            "user ?name|user-name|user_name|login|screen|nick|handle|benutzername|utilisateur|usuario|identifiant|nome utente|gebruikersnaam|skype|discord|telegram|instagram|snapchat|twitter|账号|帐号|用户名|昵称|ユーザー名|아이디"
        ),
        weigh=_username,
        folded=True,
    ),
    Detector(
        "username_chat",
        "username",
        r"(?:微信号?|wechat(?: id)?|weixin|wxid|wx|qq号?|line id|kakaotalk)(?:是|为| is)?[ \t]?(?:[:=]|：)?[ \t]?"
        r"(?P<value>[A-Za-z][A-Za-z0-9_\-]{5,30}|[1-9][0-9]{4,10})",
        anchors=literals("微信|wechat|weixin|wxid|wx|qq|line id|kakaotalk"),
        weigh=_username,
        folded=True,
    ),
    *phones.DETECTORS,
)
