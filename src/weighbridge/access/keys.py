"""Keys that open the gateway or the admin API: made, found, rotated, revoked. Their secrets are shown once and kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.access.key_fields import check_end, check_metadata, check_names, check_rules, check_scope
from weighbridge.canon import Act, AdminRole, Key, Policy
from weighbridge.errors import DamagedError, InputError, NotFoundError, did_you_mean
from weighbridge.routes.policy_fields import check_policy

if TYPE_CHECKING:
    from weighbridge.store.state import State

KIND = "key"
PREFIX = "wb"
MAX_OVERLAP = 90 * 86_400.0  #: seconds that an old secret may live on
MAX_SECRETS = 4  #: that open one key at once
_ID_BYTES, _SECRET_BYTES = 5, 32

Random = Callable[[int], bytes]
Standing = Literal["active", "expired", "revoked"]


class Made(Struct, frozen=True):
    """A key and its secret, which nobody can be shown again."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        """Without the secret: what is printed or logged by mistake must not give it away."""
        return f"Made(key={self.key.id}, secret=...)"


class Shown(Struct, frozen=True, omit_defaults=True):
    """What may be shown of a key: all but the hashes. Times are seconds since 1970."""

    id: str
    name: str
    standing: Standing
    created: float
    secrets: int  #: how many open it: two while it is rotated
    team: str = ""
    role: AdminRole = ""
    routes: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ()
    expires: float | None = None
    revoked: float | None = None
    policy: Policy | None = None
    share_cache: bool = False
    metadata: dict[str, str] = {}


def create(
    state: State,
    *,
    name: str,
    who: str,
    at: float,
    why: str = "",
    team: str = "",
    role: AdminRole = "",
    routes: Sequence[str] = (),
    engines: Sequence[str] = (),
    dialects: Sequence[str] = (),
    expires: float | None = None,
    policy: Policy | None = None,
    share_cache: bool = False,
    metadata: Mapping[str, str] | None = None,
    acting: AdminRole = "",
    random: Random = secrets.token_bytes,
) -> Made:
    """Make a key.

    Args:
        state: The store.
        name: How people call it; no other key in use has it.
        who: Who makes it.
        at: Now, in seconds since 1970.
        why: Their reason.
        team: Whom it belongs to.
        role: What it may do in the admin API; "" makes a key for applications.
        routes: That it may ask for, `*` stands for anything; none given: all.
        engines: That it may name, or that may answer it; as above.
        dialects: That it may speak; as above.
        expires: When it ends, in seconds since 1970; None: never.
        policy: What must be true of engines that answer it, besides the route's policy.
        share_cache: May it share cached answers with its team?
        metadata: Whatever its owner wants to find again.
        acting: The role in which `who` acts.
        random: Gives that many random bytes.

    Raises:
        InputError: A field cannot be used, or the name is taken.
        StoreError: The store cannot be read or written.
    """
    check_names(name, team, role, expires, at)
    for field, patterns in (("routes", routes), ("engines", engines), ("dialects", dialects)):
        check_scope(field, patterns, role)
    check_metadata(metadata or {})
    if policy is not None:
        check_policy(policy, "policy", InputError)
    check_rules(policy)
    others = listed(state)
    if any(other.revoked is None and other.name == name for other in others):
        raise InputError(
            f"A key in use has the name '{name}'.",
            where="name",
            fix="Choose another name, or rotate or revoke that key.",
        )
    taken = {other.id for other in others} | {other.name for other in others}
    while (made := _text(random(_ID_BYTES))) in taken:
        pass
    secret = _secret(made, random)
    key = Key(
        id=made,
        name=name,
        created=at,
        hashes=((hashed(secret.encode()).hex(), None),),
        team=team,
        role=role,
        routes=tuple(routes),
        engines=tuple(engines),
        dialects=tuple(dialects),
        expires=expires,
        policy=policy,
        share_cache=share_cache,
        metadata=dict(metadata or {}),
    )
    detail = {"name": name, "team": team, "role": role, "routes": ",".join(routes), "engines": ",".join(engines)}
    act = Act(at, who, "key.create", f"key:{made}", why, acting, {k: v for k, v in detail.items() if v})
    state.alter(KIND, made, lambda _: msgspec.json.encode(key), act)
    return Made(key, secret)


def listed(state: State) -> list[Key]:
    """Every key that was ever made, by name; those in use first.

    Raises:
        StoreError: The store cannot be read.
        DamagedError: A key in it cannot be read.
    """
    keys = [_read(record.data, record.name) for record in state.records(KIND) if record.data is not None]
    return sorted(keys, key=lambda key: (key.revoked is not None, key.name, key.created))


def find(state: State, name_or_id: str) -> Key:
    """A key by its id, or by its name: one in use, or else the last one of that name.

    Raises:
        NotFoundError: There is none.
        InputError: Several in use have the name.
        StoreError: The store cannot be read.
    """
    keys = listed(state)
    for key in keys:
        if key.id == name_or_id:
            return key
    named = [key for key in keys if key.name == name_or_id]
    used = [key for key in named if key.revoked is None]
    if len(used) > 1:
        raise InputError(
            f"Several keys are called '{name_or_id}'.", fix=f"Use an id: {', '.join(key.id for key in used)}."
        )
    if not named:
        near = did_you_mean(name_or_id[:100], [key.name for key in keys])
        raise NotFoundError(f"No key is called '{name_or_id[:100]}'.", where="key", fix=near)
    return used[0] if used else max(named, key=lambda key: key.created)


def rotate(
    state: State,
    name_or_id: str,
    *,
    overlap: float,
    who: str,
    at: float,
    why: str = "",
    expires: float | None = None,
    acting: AdminRole = "",
    random: Random = secrets.token_bytes,
) -> Made:
    """Give a key a new secret. The old one opens it for `overlap` seconds more.

    Args:
        state: The store.
        name_or_id: Of the key.
        overlap: Seconds; 0 ends the old secret at once.
        who: Who does it.
        at: Now, in seconds since 1970.
        why: Their reason.
        expires: When the key is to end from now on; None leaves that as it is.
        acting: The role in which `who` acts.
        random: Gives that many random bytes.

    Raises:
        NotFoundError: There is no such key.
        InputError: It was revoked or has ended, or too many secrets open it.
        StoreError: The store cannot be read or written.
    """
    if not 0 <= overlap <= MAX_OVERLAP:
        raise InputError(
            f"An overlap of {overlap:g} seconds is not possible.",
            where="overlap",
            fix=f"Use 0 to {MAX_OVERLAP / 86_400:g} days.",
        )
    check_end(expires, at)
    found = find(state, name_or_id)
    secret = _secret(found.id, random)
    fresh = (hashed(secret.encode()).hex(), None)

    def change(data: bytes | None) -> bytes:
        key = _rotatable(data, found, at, expires)
        ends = at + overlap
        old = [(proof, ends if until is None else min(until, ends)) for proof, until in key.hashes]
        left = tuple((proof, until) for proof, until in old if until > at)
        if len(left) >= MAX_SECRETS:
            raise InputError(
                f"{len(left)} secrets open this key already.",
                where=found.name,
                fix="Wait until one ends, or rotate it without an overlap.",
            )
        return msgspec.json.encode(replace(key, hashes=(fresh, *left), expires=expires or key.expires))

    detail = {"name": found.name, "overlap": f"{overlap:g} s"}
    record = state.alter(KIND, found.id, change, Act(at, who, "key.rotate", f"key:{found.id}", why, acting, detail))
    return Made(_read(record.data, found.id), secret)


def revoke(state: State, name_or_id: str, *, who: str, at: float, why: str = "", acting: AdminRole = "") -> Key:
    """End a key now and for good. A key that was revoked before stays as it is.

    Raises:
        NotFoundError: There is no such key.
        StoreError: The store cannot be read or written.
    """
    found = find(state, name_or_id)
    if found.revoked is not None:
        return found

    def change(data: bytes | None) -> bytes:
        key = _read(data, found.id)
        return msgspec.json.encode(key if key.revoked is not None else replace(key, revoked=at))

    act = Act(at, who, "key.revoke", f"key:{found.id}", why, acting, {"name": found.name})
    return _read(state.alter(KIND, found.id, change, act).data, found.id)


def shown(key: Key, now: float) -> Shown:
    """What may be shown of a key."""
    standing: Standing = "active"
    if key.revoked is not None:
        standing = "revoked"
    elif key.expires is not None and key.expires <= now:
        standing = "expired"
    fields = {name: getattr(key, name) for name in Shown.__struct_fields__ if name not in {"standing", "secrets"}}
    live = sum(until is None or until > now for _, until in key.hashes)
    return Shown(standing=standing, secrets=live if standing == "active" else 0, **fields)


def hashed(secret: bytes) -> bytes:
    """What is kept of a secret. It is as random as the hash is long: slow hashes protect what people think up."""
    return hashlib.sha256(secret).digest()


def _read(data: bytes | None, name: str) -> Key:
    try:
        return msgspec.json.decode(data or b"", type=Key)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"The key {name} cannot be read: {error}.", where="state", fix="Restore a copy of the state."
        ) from error


def _rotatable(data: bytes | None, found: Key, at: float, expires: float | None) -> Key:
    key = _read(data, found.id)
    if key.revoked is not None:
        raise InputError("This key was revoked.", where=found.name, fix="Make a new one: weighbridge keys create.")
    if expires is None and key.expires is not None and key.expires <= at:
        raise InputError("This key has expired.", where=found.name, fix="Give it a new end with --expires.")
    return key


def _secret(identity: str, random: Random) -> str:
    return f"{PREFIX}-{identity}-{_text(random(_SECRET_BYTES))}"


def _text(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()
