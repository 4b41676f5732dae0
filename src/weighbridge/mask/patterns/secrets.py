"""Tokens and keys of vendors by their documented prefixes and lengths, private keys, JSON web tokens.

Lengths are lower bounds wherever a prefix alone is telling: vendors lengthen their tokens without notice.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from weighbridge.mask.patterns.base import Detector

_URLSAFE = r"[A-Za-z0-9_\-]"
_LETTERS = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"
_LIKELY, _SURE, _DOUBTFUL = 0.9, 0.97, 0.1
_VARIED = 5  #: different characters that a real token has behind its prefix
_DIGITS = 2  #: in a token whose prefix also begins words
_BODY = 12  #: characters of a token that are looked at
_WORDS = re.compile(r"[\s\\]+")
_LONG_WORD = 16


def _token(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A token is varied; `sk-xxxxxxxx` and the like stand for one."""
    return _SURE if len(set(text[max(start, end - _BODY) : end])) >= _VARIED else _DOUBTFUL


def _mixed(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    """As `_token`, for prefixes that also begin words: digits must stand in it."""
    value = text[start:end]
    digits = sum(map(str.isdigit, value))
    random = digits >= _DIGITS and len(set(value)) > _VARIED + 3 and not value.islower()
    return _LIKELY if random else _DOUBTFUL


def _beside(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    """A run of letters and digits is a key only beside its vendor's name."""
    value = text[start:end]
    letters = sum(map(str.isalpha, value))
    random = len(set(value)) > 8 and 4 <= letters < len(value) - 2  # noqa: PLR2004
    return 0.75 if near and random else 0.0


def _jwt(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    head = text[start:end].partition(".")[0]
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, msgspec.DecodeError):
        return 0.5 if end - start > 60 else _DOUBTFUL  # noqa: PLR2004
    return 0.99 if isinstance(decoded, dict) and ("alg" in decoded or "typ" in decoded) else 0.5


def _private_key(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    """Something that looks encoded stands within; a mere mention of the header is no key."""
    words = _WORDS.split(text[start:end])
    return 0.99 if any(len(word) >= _LONG_WORD and "--" not in word for word in words) else _DOUBTFUL


def _vendor(name: str, *patterns: str, kind: str = "api_key", sure: bool = True) -> Detector:
    return Detector(name, kind, "|".join(patterns), weigh=_token if sure else _mixed, tier="secret")


_CLOUDS = (
    _vendor("aws_access_key", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA|AIPA)[A-Z0-9]{16}"),
    _vendor("aws_bedrock_key", r"ABSK[A-Za-z0-9+/]{60,400}={0,2}", r"bedrock-api-key-[A-Za-z0-9+/=_\-]{20,2000}"),
    _vendor("google_api_key", rf"AIza{_URLSAFE}{{30,60}}"),
    _vendor(
        "google_oauth", rf"ya29\.{_URLSAFE}{{20,400}}", rf"GOCSPX-{_URLSAFE}{{20,60}}", rf"1//0{_URLSAFE}{{30,200}}"
    ),
    _vendor("azure_client_secret", rf"[A-Za-z0-9_\-]{{3}}8Q~{_URLSAFE}{{31,40}}"),
    _vendor("azure_signature", r"(?:sig|Sig)=[A-Za-z0-9%+/]{30,120}(?:%3[Dd]|=)"),
    _vendor("azure_key", r"[A-Za-z0-9+/]{40,90}(?:ACDb|AIoT|ASt|AzSe|AAAAAC)[A-Za-z0-9+/]{4,50}={0,2}"),
    _vendor("digitalocean_token", r"do[oprt]_v1_[0-9a-f]{40,80}"),
    _vendor("alibaba_key", r"LTAI[A-Za-z0-9]{12,30}", sure=False),
    _vendor("tencent_key", r"AKID[A-Za-z0-9]{28,40}"),
    _vendor("cloudflare_token", rf"v1\.0-[0-9a-f]{{24}}-{_URLSAFE}{{100,200}}", r"cfut_[A-Za-z0-9_\-]{30,80}"),
    _vendor("heroku_token", rf"HRKU-{_URLSAFE}{{30,100}}"),
    _vendor("fly_token", r"(?:fo1_|fm[12][ar]?_)[A-Za-z0-9+/=_\-]{30,800}"),
    _vendor("render_token", r"rnd_[A-Za-z0-9]{24,60}"),
    _vendor("scaleway_key", r"SCW[A-Z0-9]{17}", sure=False),
    _vendor("vercel_token", r"(?:vercel_blob_rw_|vcp_|vck_|vca_|vci_)[A-Za-z0-9_]{20,100}"),
    _vendor("netlify_token", rf"nf[a-z]_{_URLSAFE}{{30,80}}"),
    _vendor("supabase_key", rf"(?:sbp_|sb_secret_|sb_publishable_){_URLSAFE}{{20,80}}"),
    _vendor("databricks_token", r"dapi[0-9a-f]{32}(?:-[0-9])?", r"dose[0-9a-f]{32}"),
    _vendor("planetscale_token", rf"pscale_(?:tkn|pw|oauth)_{_URLSAFE}{{20,80}}"),
    _vendor("neon_token", r"npg_[A-Za-z0-9]{12,40}", r"napi_[A-Za-z0-9]{40,100}"),
    _vendor("vault_token", rf"hv[sbr]\.{_URLSAFE}{{20,300}}", r"s\.[A-Za-z0-9]{24}", sure=False),
    _vendor("terraform_token", rf"[A-Za-z0-9]{{14}}\.atlasv1\.{_URLSAFE}{{40,100}}"),
    _vendor("pulumi_token", r"pul-[0-9a-f]{40}"),
    _vendor("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,40}\.)?[A-Za-z0-9]{32,60}"),
    _vendor("infisical_token", r"st\.[0-9a-f]{24}\.[0-9a-f]{20,64}(?:\.[0-9a-f]{20,64})?"),
    _vendor("onepassword_token", r"ops_eyJ[A-Za-z0-9+/=_\-]{80,1200}", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{5,11}-?){4,6}"),
)
_MODELS = (
    _vendor(
        "openai_key",
        rf"sk-(?:proj|svcacct|admin|None|service)-{_URLSAFE}{{20,300}}",
        r"sk-[A-Za-z0-9]{20,120}",
        rf"sess-{_LETTERS}{{40}}",
    ),
    _vendor("anthropic_key", rf"sk-ant-{_URLSAFE}{{20,300}}"),
    _vendor("openrouter_key", r"sk-or-(?:v[0-9]-)?[A-Za-z0-9]{30,128}"),
    _vendor("litellm_key", rf"sk-(?:lf|litellm)-{_URLSAFE}{{16,120}}"),
    _vendor("groq_key", r"gsk_[A-Za-z0-9]{30,100}"),
    _vendor("xai_key", r"xai-[A-Za-z0-9]{40,120}"),
    _vendor("huggingface_token", r"(?:hf_|api_org_)[A-Za-z]{20,60}", r"hf_[A-Za-z0-9]{30,60}"),
    _vendor("replicate_token", r"r8_[A-Za-z0-9]{30,60}"),
    _vendor("perplexity_key", r"pplx-[A-Za-z0-9]{30,80}"),
    _vendor("fireworks_key", r"fw_[A-Za-z0-9]{20,60}", sure=False),
    _vendor("together_key", r"tgp_v1_[A-Za-z0-9_\-]{30,80}"),
    _vendor("cerebras_key", r"csk-[a-z0-9]{30,80}"),
    _vendor("nvidia_key", rf"nvapi-{_URLSAFE}{{40,100}}"),
    _vendor("voyage_key", rf"(?:pa|al)-{_URLSAFE}{{40,80}}", sure=False),
    _vendor("jina_key", rf"jina_{_URLSAFE}{{40,100}}"),
    _vendor("tavily_key", rf"tvly-(?:dev-|prod-)?{_URLSAFE}{{20,80}}"),
    _vendor("elevenlabs_key", r"sk_[0-9a-f]{48}"),
    _vendor("langsmith_key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{8,16}", r"ls__[0-9a-f]{32}"),
    _vendor("langfuse_key", r"(?:sk|pk)-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    _vendor("pinecone_key", rf"pcsk_{_URLSAFE}{{40,100}}"),
    _vendor("wandb_key", rf"wandb_v1_{_URLSAFE}{{40,120}}"),
    _vendor("zhipu_key", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
    _vendor("baidu_key", rf"bce-v3/ALTAK-{_LETTERS}{{10,40}}/[0-9a-f]{{30,60}}"),
)
_CODE = (
    _vendor("github_token", r"gh[pousr]_[A-Za-z0-9_]{30,300}", r"github_pat_[A-Za-z0-9_]{30,120}", r"v1\.[0-9a-f]{40}"),
    _vendor(
        "gitlab_token",
        rf"(?:glpat|gldt|glrt|glrtr|glptt|glcbt|glft|glimt|glagent|gloas|glsoat|glffct)-{_URLSAFE}{{18,120}}(?:\.[A-Za-z0-9.]{{2,30}})?",
    ),
    _vendor("bitbucket_token", rf"ATBB{_URLSAFE}{{24,60}}", r"ATCTT3x[A-Za-z0-9_\-=]{60,400}"),
    _vendor("atlassian_token", r"ATATT3x[A-Za-z0-9_\-=]{60,400}"),
    _vendor("npm_token", r"npm_[A-Za-z0-9]{30,80}"),
    _vendor("pypi_token", rf"(?:pypi|testpypi)-AgE{_URLSAFE}{{50,400}}", r"pypi-[A-Za-z0-9_\-]{60,400}"),
    _vendor("rubygems_token", r"rubygems_[0-9a-f]{48}"),
    _vendor("crates_token", r"cio[A-Za-z0-9]{32}", sure=False),
    _vendor("nuget_key", r"oy2[a-z0-9]{43}"),
    _vendor("docker_token", rf"dckr_(?:pat|oat)_{_URLSAFE}{{20,80}}"),
    _vendor("sonar_token", r"sq[apu]_[0-9a-f]{40}"),
    _vendor("circleci_token", r"CCIPAT_[A-Za-z0-9]{20,40}_[0-9a-f]{40}", r"CCIPRJ_[A-Za-z0-9]{20,40}_[0-9a-f]{40}"),
    _vendor("buildkite_token", r"bk[a-z]{1,2}_[A-Za-z0-9]{32,60}", sure=False),
    _vendor("postman_key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _vendor("sentry_token", r"sntr[yus]{1,2}_[A-Za-z0-9+/=_\-]{40,400}"),
    _vendor("figma_token", rf"fig[doru]_{_URLSAFE}{{36,100}}"),
    _vendor("linear_key", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,80}"),
    _vendor("notion_token", r"secret_[A-Za-z0-9]{40,60}", r"ntn_[A-Za-z0-9]{40,60}"),
    _vendor("airtable_token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{60,70}", r"key[A-Za-z0-9]{14}", sure=False),
    _vendor("launchdarkly_key", r"(?:sdk|mob|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    _vendor("tailscale_key", rf"tskey-(?:auth|api|client|webhook|scim)-{_URLSAFE}{{20,100}}"),
    _vendor("ngrok_token", r"2[A-Za-z0-9]{26}_[A-Za-z0-9]{20,24}"),
)
_PAYMENTS = (
    _vendor("stripe_key", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,250}", r"whsec_[A-Za-z0-9+/=]{24,80}"),
    _vendor("square_token", rf"EAAA{_URLSAFE}{{50,80}}", rf"sq0[a-z]{{3}}-{_URLSAFE}{{22,60}}"),
    _vendor(
        "paypal_token",
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
        rf"A21AA{_URLSAFE}{{60,150}}",
    ),
    _vendor("shopify_token", r"shp(?:at|ca|pa|ss|ua|ka)_[0-9a-fA-F]{32,64}"),
    _vendor("razorpay_key", r"rzp_(?:live|test)_[A-Za-z0-9]{14,30}"),
    _vendor(
        "adyen_key",
        r"AQE[A-Za-z0-9+/]{20,150}={0,2}-[A-Za-z0-9+/]{20,80}={0,2}-[A-Za-z0-9+/=<>{}()\[\]^%&*,.;:?!@#$~|\-]{6,40}",
    ),
    _vendor("flutterwave_key", r"FLW(?:SECK|PUBK)(?:_TEST)?-[0-9a-z]{12,40}(?:-X)?"),
    _vendor(
        "plaid_token",
        r"(?:access|public|link)-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
)
_CHAT = (
    _vendor(
        "slack_token",
        r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,400}",
        r"xapp-[0-9]-[A-Za-z0-9\-]{20,200}",
        r"xoxd-[A-Za-z0-9%/+=\-]{20,400}",
    ),
    _vendor("slack_webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_\-]{20,120}"),
    _vendor("discord_token", rf"[MNO][A-Za-z0-9_\-]{{23,27}}\.[A-Za-z0-9_\-]{{6}}\.{_URLSAFE}{{27,45}}"),
    _vendor("discord_webhook", rf"(?:discord|discordapp)\.com/api/webhooks/[0-9]{{16,22}}/{_URLSAFE}{{50,100}}"),
    _vendor("teams_webhook", r"[a-z0-9]{2,40}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/\-]{40,300}"),
    _vendor("telegram_token", r"[0-9]{7,11}:A[A-Za-z0-9_\-]{33,36}"),
    _vendor("twilio_key", r"(?:SK|AC)[0-9a-f]{32}"),
    _vendor("sendgrid_key", rf"SG\.{_URLSAFE}{{16,32}}\.{_URLSAFE}{{30,60}}"),
    _vendor("mailgun_key", r"key-[0-9a-f]{32}", r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}"),
    _vendor("mailchimp_key", r"[0-9a-f]{32}-us[0-9]{1,2}"),
    _vendor("brevo_key", r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}", r"xsmtpsib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    _vendor("resend_key", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,30}"),
    _vendor("facebook_token", r"EAA[A-Z][A-Za-z0-9]{60,400}"),
    _vendor("intercom_hubspot_key", r"pat-(?:na|eu)[0-9]-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
)
_WATCHING = (
    _vendor(
        "grafana_token",
        r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}",
        r"glc_[A-Za-z0-9+/=_\-]{32,400}",
        r"eyJrIjoi[A-Za-z0-9+/=_\-]{40,400}",
    ),
    _vendor(
        "newrelic_key",
        r"NRAK-[A-Z0-9]{20,40}",
        r"NRA[AL]-[A-Za-z0-9]{20,60}",
        r"NRII-[A-Za-z0-9_\-]{30,40}",
        r"[0-9a-f]{36}(?:NRAL|FFFF)",
    ),
    _vendor(
        "sentry_dsn", r"https://[0-9a-f]{32}(?::[0-9a-f]{32})?@[A-Za-z0-9.\-]{3,80}/[0-9]{1,20}", kind="url_credentials"
    ),
    _vendor("dynatrace_token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _vendor("honeycomb_key", r"hc[a-z](?:ik|lk|mk)_[a-z0-9]{58}"),
    _vendor("posthog_key", r"ph[cx]_[A-Za-z0-9]{40,60}"),
    _vendor("segment_token", r"sgp_[A-Za-z0-9]{60,70}"),
    _vendor("okta_token", rf"SSWS[ ]{{1,2}}00{_URLSAFE}{{38,42}}"),
)
_NAMED = (
    *(
        "aws",
        "amazon",
        "azure",
        "gcp",
        "mistral",
        "cohere",
        "deepseek",
        "moonshot",
        "dashscope",
        "together",
        "fireworks",
        "deepinfra",
    ),
    *(
        "datadog",
        "dd_api",
        "cloudflare",
        "cf_api",
        "heroku",
        "okta",
        "auth0",
        "snowflake",
        "paypal",
        "twilio",
        "fastly",
        "bitbucket",
    ),
    *(
        "algolia",
        "pagerduty",
        "newrelic",
        "jenkins",
        "artifactory",
        "jfrog",
        "linode",
        "vultr",
        "hetzner",
        "ovh",
        "scaleway",
        "netlify",
    ),
    *(
        "mapbox",
        "rapidapi",
        "asana",
        "trello",
        "zendesk",
        "dropbox",
        "box.com",
        "coinbase",
        "binance",
        "kraken",
        "alchemy",
        "infura",
    ),
    *(
        "wechat",
        "weixin",
        "aliyun",
        "tencent",
        "volcengine",
        "qianfan",
        "assemblyai",
        "deepgram",
        "weaviate",
        "qdrant",
        "confluent",
    ),
    *(
        "elastic",
        "mongodb atlas",
        "rollbar",
        "bugsnag",
        "logdna",
        "sumologic",
        "splunk",
        "discord",
        "vercel",
        "ai21",
        "stability",
    ),
)
_OTHERS = (
    Detector(
        "key_beside_vendor",
        "api_key",
        r"[A-Za-z0-9_\-]{24,90}|[A-Za-z0-9+/]{40,90}={0,2}",
        weigh=_beside,
        keywords=_NAMED,
        before=60,
        after=0,
        tier="secret",
    ),
    Detector(
        "jwt",
        "jwt",
        rf"eyJ{_URLSAFE}{{5,3000}}\.{_URLSAFE}{{4,8000}}\.{_URLSAFE}{{0,2000}}(?:\.{_URLSAFE}{{4,2000}}){{0,2}}",
        weigh=_jwt,
        tier="secret",
    ),
    Detector(
        "private_key",
        "private_key",
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[A-Za-z0-9+/=:,. \r\n\t\\]|-[A-Za-z0-9]){8,16000}-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:(?:[ \r\n\t]|\\[nr]){0,6}[A-Za-z0-9+/=]{16,80}){1,200})",
        weigh=_private_key,
        edges="own",
        tier="secret",
    ),
    Detector(
        "putty_key",
        "private_key",
        r"Private-Lines: [0-9]{1,4}(?:[\r\n]{1,2}[A-Za-z0-9+/=]{4,80}){1,120}",
        weigh=_private_key,
        tier="secret",
    ),
    _vendor("age_key", r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Za-z]{50,120}", kind="private_key"),
    _vendor("wireguard_key", r"PrivateKey[ ]?=[ ]?[A-Za-z0-9+/]{43}=", kind="private_key"),
)

DETECTORS: tuple[Detector, ...] = (*_CLOUDS, *_MODELS, *_CODE, *_PAYMENTS, *_CHAT, *_WATCHING, *_OTHERS)
