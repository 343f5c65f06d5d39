"""Sets of keys: a token is held against the key that it names, by the algorithm of that key's kind and no other."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from helpers.drafts import NOON
from tocsin_server.domain.errors import ConfigurationError, Unauthenticated
from tocsin_server.domain.model import MICROS_PER_SECOND
from tocsin_server.rpc.recipient_tokens import RecipientTokens, TokenRules
from tocsin_server.rpc.signing_keys import MOST_KEYS, read_key_set

ID = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
SECRET, OTHER = "a secret of at least thirty-two bytes", "another secret of at least thirty-two bytes"
CLAIMS = {"sub": f"user:{ID}", "exp": NOON // MICROS_PER_SECOND + 60}
RSA, P256, ED = (
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
    ed25519.Ed25519PrivateKey.generate(),
)


def jwk(kid: str, key: Any, **changes: Any) -> dict[str, Any]:
    """Return the public part of a key, or a secret, as a JWK."""
    if isinstance(key, str):
        described: dict[str, Any] = {"kty": "oct", "k": base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")}
    else:
        forms: Any = {RSA: RSAAlgorithm, P256: ECAlgorithm, ED: OKPAlgorithm}
        described = json.loads(forms[key].to_jwk(key.public_key()))
    return described | {"kid": kid} | changes


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


def signed(key: Any, algorithm: str, kid: str | None) -> str:
    return jwt.encode(CLAIMS, key, algorithm, headers={"kid": kid} if kid else None)


def is_taken(token: str, **rules: Any) -> bool:
    try:
        return RecipientTokens(TokenRules(**rules), lambda: NOON).read(token).recipient.id == ID
    except Unauthenticated:
        return False


ALL = key_set(jwk("rsa", RSA), jwk("p256", P256, use="sig", alg="ES256"), jwk("ed", ED), jwk("shared", SECRET))
SIGNED = {"rsa": (RSA, "RS256"), "p256": (P256, "ES256"), "ed": (ED, "EdDSA"), "shared": (SECRET, "HS256")}


@pytest.mark.parametrize("kid", SIGNED)
def test_a_token_is_held_against_the_key_that_it_names(kid: str) -> None:
    assert is_taken(signed(*SIGNED[kid], kid), keys=ALL)
    for other in set(SIGNED) - {kid}:
        assert not is_taken(signed(*SIGNED[kid], other), keys=ALL)
    for unknown in (None, "2019", ""):
        assert not is_taken(signed(*SIGNED[kid], unknown), keys=ALL)


def test_a_token_that_names_none_of_them_is_held_against_the_single_key() -> None:
    for kid in (None, "2019"):
        assert is_taken(signed(OTHER, "HS256", kid), keys=ALL, secret=OTHER)
        assert not is_taken(signed(SECRET, "HS256", kid), keys=ALL, secret=OTHER)
    assert not is_taken(signed(OTHER, "HS256", "shared"), keys=ALL, secret=OTHER)


def test_a_key_is_replaced_by_having_both_for_a_time() -> None:
    old, new = jwk("2025", SECRET), jwk("2026", OTHER)
    tokens = signed(SECRET, "HS256", "2025"), signed(OTHER, "HS256", "2026")
    taken = [[is_taken(token, keys=key_set(*keys)) for token in tokens] for keys in ((old,), (old, new), (new,))]
    assert taken == [[True, False], [True, True], [False, True]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no JSON", "is not a JWK Set"),
        ("[]", "is not a JWK Set"),
        ('{"keys": {}}', "1 to 100 keys"),
        (key_set(), "1 to 100 keys"),
        (key_set(*[jwk(str(number), SECRET) for number in range(MOST_KEYS + 1)]), "1 to 100 keys"),
        ('{"keys": [1]}', "keys[0] is not an object"),
        (key_set(jwk("a", SECRET), jwk("", SECRET)), "keys[1] needs a kid"),
        (key_set(jwk("a", SECRET), jwk("a", OTHER)), "keys[1] has the kid of another one"),
        (key_set(jwk("a", "short")), "keys[0]: must be at least 32 bytes"),
        (key_set(jwk("a", SECRET, use="enc")), "keys[0] is not for signatures"),
        (key_set(jwk("a", SECRET, kty="what")), "keys[0] is not a key in JWK form"),
        (key_set(jwk("a", SECRET, alg="HS512")), "keys[0] has an alg that is not HS256"),
        (key_set(jwk("a", RSA, alg="PS256")), "keys[0] has an alg that is not RS256"),
        (key_set(json.loads(ECAlgorithm.to_jwk(P256)) | {"kid": "a"}), "keys[0] must be the public part"),
    ],
)
def test_what_is_wrong_is_named_without_what_is_in_it(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_key_set(text)
    assert str(refused.value).startswith("TOCSIN_JWT_KEYS: ")
    assert said in str(refused.value)
    assert jwk("a", SECRET)["k"] not in str(refused.value)
