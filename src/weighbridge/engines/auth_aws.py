"""AWS Signature Version 4, made by botocore: its credentials come from the environment, its usual files, or the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from weighbridge.canon import Host
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.transport import HttpRequest, as_sent
from weighbridge.errors import MissingExtraError, NoKeyError, SettingsError

SERVICE = "bedrock"
"""The service that is signed for where the host's `auth_name` tells none."""


class Signer:
    """Signs requests, each over its exact address, headers and body. Hashing and files are kept off the event loop.

    Args:
        environ: Where keys and the region are looked for first.
        clock: Time: a signature holds for some minutes.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock = SYSTEM) -> None:
        self._environ = environ
        self._clock = clock
        self._loading = asyncio.Lock()
        self._credentials: Any = None

    async def headers(self, host: Host, request: HttpRequest, where: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """The headers that sign a request, and the secrets among them and behind them.

        Args:
            host: Tells the region and the service.
            request: Complete: what is added later is not signed.
            where: The engine, for errors.

        Raises:
            MissingExtraError: botocore is not installed.
            NoKeyError: There are no credentials, or they cannot be had.
            SettingsError: No region is known.
        """
        region = host.region or self._environ.get("AWS_REGION") or self._environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise SettingsError(
                "The host tells no region.", where=f"hosts.{host.name}.region", fix='Write region = "us-east-1".'
            )
        async with self._loading:
            if self._credentials is None:
                self._credentials = await asyncio.to_thread(_load, self._environ, where)
        at = datetime.fromtimestamp(self._clock.now(), UTC)
        return await asyncio.to_thread(_sign, self._credentials, request, region, host.auth_name or SERVICE, at, where)


def _load(environ: Mapping[str, str], where: str) -> Any:
    """The account's credentials: of the environment, else wherever botocore finds some."""
    try:
        from botocore.credentials import EnvProvider
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError as error:
        raise MissingExtraError(
            "Signing for AWS needs botocore.", where=where, fix="Run: pip install 'weighbridge[aws]'."
        ) from error
    try:
        found = EnvProvider(environ).load() or Session().get_credentials()
    except BotoCoreError as error:
        raise _no_key(where) from error
    if found is None:
        raise _no_key(where)
    return found


def _sign(
    credentials: Any, request: HttpRequest, region: str, service: str, at: datetime, where: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError

    try:
        frozen = credentials.get_frozen_credentials()  # fetches new ones where these have run out
    except (BotoCoreError, RuntimeError) as error:
        raise _no_key(where, "The AWS credentials have run out.") from error
    added = {"x-amz-date": at.strftime("%Y%m%dT%H%M%SZ")}
    if frozen.token:
        added["x-amz-security-token"] = frozen.token
    # Step by step, not with its `add_auth`, which dates by the machine's clock and logs what it signs.
    signer = SigV4Auth(frozen, service, region)
    asked = AWSRequest(request.method, as_sent(request.url), {**request.headers, **added}, request.body)
    asked.context["timestamp"] = added["x-amz-date"]
    signature = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    names = signer.signed_headers(signer.headers_to_sign(asked))
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(asked)}, SignedHeaders={names}, Signature={signature}"
    )
    secrets = (frozen.secret_key, frozen.token or "", frozen.access_key, signature)
    return added, secrets


def _no_key(where: str, what: str = "No AWS credentials.") -> NoKeyError:
    return NoKeyError(
        what,
        where=where,
        fix="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with a profile that has some.",
    )
