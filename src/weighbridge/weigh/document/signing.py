"""Detached words of who stands by a document: an Ed25519 signature of its digest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from weighbridge.errors import InputError
from weighbridge.weigh.document import writing
from weighbridge.weigh.document.matching import Leaf
from weighbridge.weigh.document.reading import Opened

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = b"weighbridge-scorecard-v1\n"  #: so that a signature of a document is never one of anything else
_KEY = 32  #: bytes
_FIX = "`weighbridge sign --new-key FILE` makes a pair of keys."


def message(tree: dict[str, Any]) -> bytes:
    """The bytes that are signed: the prefix, then the 32 bytes of the document's digest, worked out anew."""
    return PREFIX + bytes.fromhex(writing.digests(tree)["document"])


def sign(tree: dict[str, Any], key: Ed25519PrivateKey, by: str = "") -> dict[str, Any]:
    """The document with its signature; `by` is a name for people, which the signature does not cover.

    An earlier signature is replaced.

    Raises:
        InputError: The document's digests are not those of what it holds: it is not what was written.
    """
    if tree.get("digests") != writing.digests(tree):
        raise InputError(
            "The document was changed after it was written: its digests do not fit.",
            where="digests",
            fix="See what `weighbridge verify` says of it; sign the file as it was written.",
        )
    bare = {name: value for name, value in tree.items() if name != "signature"}
    signature = {
        "algorithm": "ed25519",
        "key": key.public_key().public_bytes_raw().hex(),
        "value": key.sign(message(tree)).hex(),
    }
    return bare | {"signature": signature | ({"by": by} if by else {})}


def checked(opened: Opened, key: bytes | None = None) -> Iterator[Leaf]:
    """The claims of a signature: that the key is the one that is asked for, and that it signed this document."""
    told = opened.typed.signature
    if told is None:
        if key is not None:
            yield Leaf("signature", "none", f"a signature by {key.hex()}")
        return
    if key is not None:
        yield Leaf("signature.key", told.key, key.hex())
    yield Leaf("signature.value", told.value, told.value if _valid(opened) else "a signature of this document")


def _valid(opened: Opened) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    told = opened.typed.signature
    assert told is not None
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told.key))
        public.verify(bytes.fromhex(told.value), message(opened.tree))
    except (ValueError, InvalidSignature):
        return False
    return True


def public_bytes(text: str, where: str) -> bytes:
    """A public key, from its 64 hexadecimal digits or from PEM.

    Raises:
        InputError: It is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        if "-----BEGIN" in text:
            key = load_pem_public_key(text.encode())
            if isinstance(key, Ed25519PublicKey):
                return key.public_bytes_raw()
        elif len(found := bytes.fromhex(text.strip())) == _KEY:
            return found
    except (ValueError, TypeError):
        pass
    raise InputError("This is no Ed25519 public key.", where=where, fix=f"Give 64 hexadecimal digits or PEM. {_FIX}")


def private_key(pem: bytes, where: str) -> Ed25519PrivateKey:
    """A private key of PEM (PKCS 8), without a password.

    Raises:
        InputError: It is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError("This is no private key without a password.", where=where, fix=_FIX) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("The key is not of the kind Ed25519.", where=where, fix=_FIX)
    return key


def new_key() -> tuple[bytes, bytes]:
    """A new private key and its public one, as PEM."""
    from cryptography.hazmat.primitives import serialization as to
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, to.NoEncryption())
    return private, key.public_key().public_bytes(to.Encoding.PEM, to.PublicFormat.SubjectPublicKeyInfo)
