"""Keys that recipients' tokens are signed with. Each kind of key is used with one algorithm, whatever is said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from tocsin_server.domain.errors import ConfigurationError

SHORTEST_SECRET: Final = 32
"""Bytes of an HS256 secret at least, as RFC 7518, 3.2 demands."""

MOST_KEYS: Final = 100
"""In a set."""

LONGEST_KID: Final = 256
"""Characters."""


class Key(NamedTuple):
    """A key, and the algorithm that it is used with."""

    key: Any
    algorithm: str


def signing_algorithm(private_key_pem: bytes) -> str:
    """Return the algorithm that tokens are signed with by a private key in PEM.

    Raises:
        ValueError: It is no private key, or one of a kind that is not used.
    """
    key = load_pem_private_key(private_key_pem, password=None)
    algorithm = _algorithm(key.public_key())
    if algorithm is None:
        raise ValueError(f"the key must be {_KINDS}")
    return algorithm


def secret_key(secret: bytes, name: str) -> Key:
    """Return the key of a shared secret; raises `ConfigurationError`, which calls it by ``name``."""
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(f"{name}: must be at least {SHORTEST_SECRET} bytes")
    return Key(secret, "HS256")


def read_public_key(pem: str) -> Key:
    """Read the public key of ``TOCSIN_JWT_PUBLIC_KEY``; raises `ConfigurationError`."""
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        raise ConfigurationError("TOCSIN_JWT_PUBLIC_KEY: is not a public key in PEM form") from None
    algorithm = _algorithm(key)
    if algorithm is None:
        raise ConfigurationError(f"TOCSIN_JWT_PUBLIC_KEY: must be {_KINDS}")
    return Key(key, algorithm)


def read_key_set(text: str) -> Mapping[str, Key]:
    """Read a JWK Set (RFC 7517), and return its keys by their ``kid``.

    Raises:
        ConfigurationError: Says which key is wrong, by its place; never what is in it.
    """
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _wrong('is not a JWK Set: JSON such as {"keys": [{"kid": "2026", "kty": "OKP", …}]}') from None
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_KEYS:
        raise _wrong(f"must have 1 to {MOST_KEYS} keys")
    keys: dict[str, Key] = {}
    for place, described in enumerate(listed):
        kid, key = _read_jwk(described, f"keys[{place}]")
        if kid in keys:
            raise _wrong(f"keys[{place}] has the kid of another one")
        keys[kid] = key
    return keys


def _read_jwk(described: object, place: str) -> tuple[str, Key]:
    if not isinstance(described, dict):
        raise _wrong(f"{place} is not an object")
    kid = described.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
        raise _wrong(f"{place} needs a kid of 1 to {LONGEST_KID} characters, by which tokens name it")
    if described.get("use", "sig") != "sig":
        raise _wrong(f"{place} is not for signatures (use is not sig)")
    try:
        read = jwt.PyJWK(described).key
    except (jwt.PyJWTError, ValueError, TypeError):  # whose words may have the key in them
        raise _wrong(f"{place} is not a key in JWK form, {_KINDS}, or oct") from None
    if isinstance(read, bytes):
        key = secret_key(read, f"TOCSIN_JWT_KEYS: {place}")
    elif (algorithm := _algorithm(read)) is None:
        raise _wrong(f"{place} must be the public part of {_KINDS}, or oct")
    else:
        key = Key(read, algorithm)
    if described.get("alg", key.algorithm) != key.algorithm:
        raise _wrong(f"{place} has an alg that is not {key.algorithm}, with which its kind is used")
    return kid, key


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError(f"TOCSIN_JWT_KEYS: {problem}")


_KINDS = "an RSA, P-256, Ed25519 or Ed448 key"


def _algorithm(public_key: object) -> str | None:
    if isinstance(public_key, rsa.RSAPublicKey):
        return "RS256"
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(public_key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return "EdDSA"
    return None
